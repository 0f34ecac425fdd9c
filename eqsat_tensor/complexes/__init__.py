"""`Expr` -> `Expr`: every complex value becomes a pair of real ones, before rules and loops see it.

    %0 = multiply(x, y) : c128[n]   ->   complex(re x re y - im x im y, re x im y + im x re y)

What is left of complex dtypes: input leaves and results of library ops, read by `real` and `imag`;
`complex`, for results and operands of library ops.  In memory a complex array is an array of its
parts' dtype with one more axis, of size 2, so these three are views and one store.

An op's rule is in `lang.COMPLEX_RULES`; without one a linear op, and one that moves elements, acts
on both parts alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eqsat_tensor.complexes import arithmetic, elementary, inverse, wholes
from eqsat_tensor.complexes.parts import Parts, Split, whole
from eqsat_tensor.errors import successor
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import COMPLEX_RULES, Expr, apply, topological
from eqsat_tensor.ops.complexes import imag, real

__all__ = ["arithmetic", "elementary", "inverse", "split", "wholes"]


def split(outputs: Sequence[Expr]) -> list[Expr]:
    """The same outputs by arithmetic of real numbers alone."""
    return [whole(value) for value in split_all(outputs)]


def split_all(outputs: Sequence[Expr]) -> list[Split]:
    """The outputs, the complex ones as their parts."""
    order = topological(outputs)
    if all(node.type.dtype.kind != "c" for node in order):
        return list(outputs)
    new: dict[Expr, Split] = {}
    outer = successor.place
    try:
        for node in order:
            successor.place = outer or node.place
            new[node] = _split(node, [new[a] for a in node.arguments])
    finally:
        successor.place = outer
    return [new[o] for o in outputs]


def _split(node: Expr, operands: Sequence[Split]) -> Split:
    op, named = node.op, node.named
    given = any(a.dtype.kind == "c" for a in node.arguments)
    if not given and node.dtype.kind != "c":
        return node if tuple(operands) == node.arguments else _rebuilt(node, operands)
    known = COMPLEX_RULES.get(op.name)
    if op.name == "input" or op.kind is Kind.LIBRARY:
        made = _rebuilt(node, [whole(o) for o in operands])
        return Parts(real(made), imag(made)) if made.dtype.kind == "c" else made
    if known is not None:
        result: Split = known(*operands, **named)
        return result
    re, im = ([o[k] if isinstance(o, Parts) else o for o in operands] for k in (0, 1))
    return Parts(apply(op, *re, **named), apply(op, *im, **named))


def _rebuilt(node: Expr, operands: Sequence[Any]) -> Expr:
    return apply(node.op, *operands, **node.named)
