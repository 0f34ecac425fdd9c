"""Expressions that a pattern matches, with all sizes known.

A pattern is an S-expression (nested tuples).  It is built from the root down: the root's
type is drawn, every op proposes attributes and operand types that give it, and a variable becomes
an input leaf of the type that its place needs.  A variable met again must fit; where it does not,
the draw is given up (`Misfit`) and another seed tried.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from eqsat_tensor.kinds import Attribute
from eqsat_tensor.lang import OPS, Expr, OpDef, apply, topological
from eqsat_tensor.ops.assume import MATRIX_FACTS, assume
from eqsat_tensor.rules.syntax import Text
from eqsat_tensor.types import TensorType, literal
from eqsat_tensor.verify.conditions import Misfit, Pattern
from eqsat_tensor.verify.draw import Leaf
from eqsat_tensor.verify.matrix_proposals import READ_FOR, mark_matrices
from eqsat_tensor.verify.operand_types import propose
from eqsat_tensor.verify.proposals import CARRIERS, FINITE
from eqsat_tensor.verify.typed_draw import Draw, attribute_patterns, operators

LIMITS = (-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0)  # bounds that leaves are drawn within
DERIVED = 0.6  # how often facts come from what is written, not from an `assume`
PROPOSALS = 40  # tries an op has to meet operand types that are given already
LABELLED = ("pick", "gather", "scatter")  # ops whose second operand is labels of the first's axis


def build(draw: Draw, pattern: Pattern, wanted: TensorType) -> Expr:
    """An expression of type ``wanted`` that ``pattern`` matches."""
    if not isinstance(pattern, tuple):
        return _atom(draw, pattern, wanted)
    op = operators().get(pattern[0])
    if op is None:
        raise Misfit(f"{pattern[0]} is no op")
    if op.name == "input":
        return draw.leaf(wanted)
    names, operands = attribute_patterns(op, pattern[1:])
    for _ in range(PROPOSALS):
        given = {name: draw.attribute(names[name], op, name) for name in names}
        given = {name: value for name, value in given.items() if value is not None}
        attributes, types = propose(draw, op, wanted, given, operands)
        known = [draw.known_type(p) for p in operands]
        if all(k is None or k == t for k, t in zip(known, types, strict=True)):
            break
    else:
        raise Misfit(f"{op.name} fits no operand given")
    _bind_attributes(draw, op, names, attributes, wanted)
    order = sorted(range(len(operands)), key=lambda i: known[i] is None)
    built: dict[int, Expr] = {}
    for i in order:
        built[i] = build(draw, operands[i], types[i])
    if op.name in LABELLED:
        size = built[0].shape[attributes.get("axis", 0)]
        assert isinstance(size, int), size
        _label(draw, built[1], size, bool(attributes.get("checked", 1)))
    if op.name in READ_FOR:
        mark_matrices(op, built[0], draw.leaves)
    result = apply(op, *(built[i] for i in range(len(operands))), **attributes)
    if result.type != wanted:
        raise Misfit(f"{result.type} is not {wanted}")
    return result


def _bind_attributes(
    draw: Draw,
    op: OpDef,
    names: Mapping[str, Pattern],
    values: Mapping[str, Any],
    wanted: TensorType,
) -> None:
    for name, pattern in names.items():
        if isinstance(pattern, tuple) and pattern[0] in ("F", "I", "B"):
            if isinstance(pattern[1], str):
                draw.bound.setdefault(pattern[1], values[name].value)
            continue
        if not isinstance(pattern, str) or isinstance(pattern, Text):
            continue
        kind = op.attributes[name]
        value = wanted if kind in (Attribute.SHAPE, Attribute.DTYPE) else values[name]
        if draw.bound.setdefault(pattern, value) != value:
            raise Misfit(f"{pattern} is two things")


def _atom(draw: Draw, name: str | int | float, wanted: TensorType) -> Expr:
    if isinstance(name, int | float):
        if isinstance(name, float) != (wanted.dtype.kind == "f"):
            raise Misfit("a number of another kind")
        if name < 0 and wanted.dtype.kind == "u":
            raise Misfit("a number below 0")
        return apply(OPS["full"], value=literal(name, wanted.dtype), shape=wanted.shape)
    if name in draw.bound:
        found = draw.bound[name]
        if not isinstance(found, Expr) or found.type != wanted:
            raise Misfit(f"{name} has another type")
        return found
    draw.need(wanted.dtype.kind in draw.kinds.get(name, wanted.dtype.kind))
    draw.need(wanted.dtype == draw.named.get(name, wanted.dtype))
    if name in draw.equations:
        expr = build(draw, draw.equations[name], wanted)
    else:
        draw.naming = name
        expr = _with_facts(
            draw, wanted, draw.facts.get(name, frozenset()), draw.bounds.get(name, {})
        )
        draw.naming = ""
    draw.bound[name] = expr
    return expr


def _with_facts(
    draw: Draw, wanted: TensorType, facts: frozenset[str], bounds: Mapping[str, str]
) -> Expr:
    """A value of which the engine knows ``facts``: by the fact rules, or for it is assumed.

    ``bounds``: at-least, at-most -> the variable that is to stand for the number.
    """
    if not facts and not bounds:
        return draw.leaf(wanted)
    draw.need(wanted.dtype.kind != "b" or facts <= FINITE)
    makers = [make for provides, make in CARRIERS if facts <= provides]
    if wanted.dtype.kind != "f" or bounds:
        makers = []
    if makers and draw.random.random() < DERIVED:
        made = makers[int(draw.random.integers(len(makers)))](draw, wanted)
    elif wanted.dtype.kind != "f" and facts <= FINITE and not bounds:
        return draw.leaf(wanted)
    else:
        made = _assumed(draw, wanted, facts, bounds)
    draw.carried.append(made)
    return made


def _assumed(
    draw: Draw, wanted: TensorType, facts: frozenset[str], bounds: Mapping[str, str]
) -> Expr:
    """A leaf under `assume`, to be drawn with the facts."""
    known: dict[str, float | None] = dict.fromkeys(facts)
    limits = [float(x) for x in draw.random.choice(LIMITS, 2, replace=False)]
    limits = sorted(limits) if len(bounds) == 2 else limits
    for (name, variable), limit in zip(sorted(bounds.items()), limits, strict=False):
        draw.need(limit > 0 or name == "at-least" or not facts & {"positive", "nonnegative"})
        draw.need(limit < 0 or name == "at-most" or not facts & {"negative", "nonpositive"})
        draw.need(wanted.dtype.kind == "f" or (limit == int(limit)))
        draw.need(wanted.dtype.kind != "u" or limit >= 0)
        known[name] = draw.bound.setdefault(variable, limit)
    matrix = facts & set(MATRIX_FACTS)
    draw.need(not matrix or (wanted.rank >= 2 and wanted.shape[-1] == wanted.shape[-2]))
    draw.need(not matrix or (wanted.dtype.kind == "f" and not bounds and facts == matrix))
    draw.need("unique" not in facts or (len(facts - FINITE) == 1 and wanted.dtype.kind in "iu"))
    draw.need(not facts & {"negative", "nonpositive"} or wanted.dtype.kind != "u")
    leaf = draw.leaf(wanted)
    text = tuple(sorted(known.items()))
    draw.leaves[leaf] = Leaf(leaf, facts=text)
    return assume(leaf, known)


def _label(draw: Draw, expr: Expr, size: int, checked: bool = True) -> None:
    """Say that the leaves below ``expr`` are labels; of two axes those of the shorter one."""
    if size == 0:
        raise Misfit("an empty axis has no labels")
    for leaf in topological([expr]):
        known = draw.leaves.get(leaf)
        if known is not None:
            beyond = not checked and (known.labels is None or known.beyond)
            labels = min(size, known.labels or size)
            unique = ("unique", None) in known.facts
            draw.need(not unique or _elements(leaf) <= labels)
            draw.leaves[leaf] = replace(known, labels=labels, beyond=beyond)


def _elements(expr: Expr) -> int:
    """How many elements a value of known sizes has."""
    return int(np.prod([s for s in expr.shape if isinstance(s, int)], dtype=int))
