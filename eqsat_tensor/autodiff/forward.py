"""`Expr` -> `Expr`: forward-mode derivatives, in one pass from the inputs to the outputs.

    pushforward([x * y], [x], [t])   ->   [t * y]

An op's rule is its record's `jvp`; where that is None it follows from what is known otherwise: a linear
op is applied to the tangents; an elementwise op's `vjp` is diagonal, so it serves as it stands; a
reduction's gradient is weighed by the tangent and summed; for the rest the `vjp` is transposed.

A tangent that is None is zero.  No mask is needed: `where` selects among tangents as it does among
values, so what a branch not taken gives is dropped where its value is.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

from eqsat_tensor.autodiff.reverse import (
    elementwise,
    pullback,
    refuse_captured,
    refuse_unknown,
    vjp_of,
)
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import INEXACT, Expr, replaced
from eqsat_tensor.ops import arithmetic, marker, movement
from eqsat_tensor.ops.captured import input_leaf
from eqsat_tensor.ops.leaf import full_like
from eqsat_tensor.ops.reduce import sum_over

Tangents = Sequence[Expr | None]


def pushforward(
    outputs: Sequence[Expr], wrt: Sequence[Expr], tangents: Sequence[Expr]
) -> list[Expr]:
    """The tangents of ``outputs``, given those of ``wrt``; zeros where an output does not depend."""
    seeds: dict[Expr, Expr] = {}
    for w, t in zip(wrt, tangents, strict=True):
        assert w.type == t.type, (w, t)
        seeds[w] = arithmetic.add(seeds[w], t) if w in seeds else t
    held: dict[Expr, Expr] = {}
    calls: dict[tuple[Any, ...], Tangents] = {}
    for node in marker.derivative_order(outputs):
        found = _forward(node, held, calls)
        if node in seeds:
            found = seeds[node] if found is None else arithmetic.add(found, seeds[node])
        if found is not None:
            held[node] = found
    return [held[o] if o in held else movement.zeros_like(o) for o in outputs]


def _forward(
    node: Expr, held: dict[Expr, Expr], calls: dict[tuple[Any, ...], Tangents]
) -> Expr | None:
    if node.dtype not in INEXACT or not any(a in held for a in marker.sources(node)):
        return None
    if node.op is marker.custom:
        refuse_captured(node, held)
        call = marker.call_of(node)
        if call not in calls:
            operands = marker.operands_of(node)
            calls[call] = _push_by_rule(node, operands, [held.get(x) for x in operands])
        number: int = node["output"]
        return calls[call][number]
    refuse_unknown(node, held)
    refuse_unknown(node, held)
    return push(node, [held.get(a) for a in node.arguments])


def push(node: Expr, tangents: Tangents) -> Expr | None:
    """The tangent of a node, given its operands' (None: zero); not all are None."""
    op, operands = node.op, node.arguments
    if op.jvp is not None:
        return op.jvp(tuple(tangents), node, *operands, **node.named)
    if op.linear:
        return _push_linear(node, tangents)
    if elementwise(node):
        terms = [vjp_of(node, t)[number] for number, t in enumerate(tangents) if t is not None]
        return total(terms)
    reduces = op.kind in (Kind.REDUCTION, Kind.COMPOSITE) and "axes" in op.attributes
    if reduces and node.shape != operands[0].shape:
        (slope,) = vjp_of(node, full_like(node, 1))
        tangent = tangents[0]
        assert tangent is not None
        return (
            None if slope is None else sum_over(arithmetic.multiply(tangent, slope), node["axes"])
        )
    return _transposed(node, tangents)


def total(terms: Tangents) -> Expr | None:
    """The sum of those that are not None; None where all are."""
    kept = [t for t in terms if t is not None]
    return reduce(arithmetic.add, kept) if kept else None


def _push_linear(node: Expr, tangents: Tangents) -> Expr | None:
    if node.op is arithmetic.add:
        return total(tangents)
    if node.op is arithmetic.subtract and None in tangents:
        a, b = tangents
        return a if b is None else arithmetic.negative(b)
    filled = [
        t if t is not None else movement.zeros_like(x) if x.dtype in INEXACT else x
        for x, t in zip(node.arguments, tangents, strict=True)
    ]
    return node.rebuilt(filled)


def _transposed(node: Expr, tangents: Tangents) -> Expr:
    """By the transpose of the op's vjp: the cotangents are linear in that of the node."""
    seed = input_leaf("u", node.dtype, node.shape)
    backs = vjp_of(node, seed)
    pairs = [
        (b, t) for b, t in zip(backs, tangents, strict=True) if b is not None and t is not None
    ]
    (found,) = pullback([b for b, _ in pairs], [t for _, t in pairs], [seed])
    return replaced([found], {seed: movement.zeros_like(seed)})[0]


def _push_by_rule(node: Expr, operands: Sequence[Expr], tangents: Tangents) -> Tangents:
    rule: marker.Rule = node["rule"]
    if rule.push is not None:
        return rule.push(operands, tangents)
    assert rule.output_types is not None, rule
    seeds = [input_leaf("u", t.dtype, t.shape) for t in rule.output_types(operands)]
    backs = rule.pull(operands, dict(enumerate(seeds)))
    pairs = [
        (b, t) for b, t in zip(backs, tangents, strict=True) if b is not None and t is not None
    ]
    found = pullback([b for b, _ in pairs], [t for _, t in pairs], seeds)
    return replaced(found, {seed: movement.zeros_like(seed) for seed in seeds})
