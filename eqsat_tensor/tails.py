"""Tails of functions that magnify what their arguments lost, in float32: computed in float64 there.

    f32: c * erfc(x / s)   ->   where(z > 2, f32(f64(c) * erfc(f64(x) / f64(s))), c * erfc(z)),   z = x / s

The relative error of erfc z is 2 z^2 times that of z.  So where z is rounded on the way a tail loses seven
of 24 bits, however well erfc itself is computed; and what such tails are for, prices and probabilities, is
often their difference.  All elementwise arithmetic around them is done again.  Before the threshold three
bits are lost, and no float64 is computed: compiled code does a dear side of a `where` for
vectors in which an element takes it.  For float64 there is nothing wider.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import FLOAT32, FLOAT64, OPS, Expr, OpDef, apply, rewrite, topological
from eqsat_tensor.ops.barrier import keep
from eqsat_tensor.ops.compare import cast_to, greater, logical_or, where
from eqsat_tensor.ops.leaf import full_like
from eqsat_tensor.ops.transcendental import erfc
from eqsat_tensor.types import literal

LONGEST = 64  # ops that are done again
STEEP: Mapping[OpDef, float] = {erfc: 2.0}  # function -> where its tail begins


def with_wide_tails(roots: Sequence[Expr]) -> list[Expr]:
    """The program with what depends on tails of float32 in float64, where their arguments were rounded."""
    nodes = topological(roots)
    steep = {n for n in nodes if n.op in STEEP and n.dtype == FLOAT32 and _is_rounded(n)}
    if not steep:
        return list(roots)
    ends = set(roots)  # what is read outside of elementwise arithmetic
    for node in nodes:
        if not _is_elementwise(node):
            ends.update(node.arguments)
    beyond: dict[Expr, dict[Expr, None]] = {}  # where the tails are that a value depends on
    plain: dict[Expr, Expr] = {}
    copies = 0

    def change(node: Expr, operands: tuple[Expr, ...]) -> Expr:
        nonlocal copies
        inner = _is_elementwise(node)
        if inner:
            pairs = zip(node.arguments, operands, strict=True)
            operands = tuple([plain.get(a, new) for a, new in pairs])
        new = node if operands == node.arguments else node.rebuilt(operands)
        if not inner:
            return new
        plain[node] = new
        places = {p: None for a in node.arguments for p in beyond.get(a, ())}
        if node.op.name == "broadcast":
            places = {apply(node.op, p, **node.named): None for p in places}
        if node in steep:
            places[greater(operands[0], full_like(operands[0], STEEP[node.op]))] = None
        if places:
            beyond[node] = places
        if node not in ends or not places:
            return new
        wide = _wide(new, copies)
        if wide is None:
            return new
        copies += 1
        return where(reduce(logical_or, places), cast_to(wide, FLOAT32), new)

    return rewrite(roots, change)


def _is_rounded(tail: Expr) -> bool:
    """Do several roundings lie between the leaves and what a tail is taken of?  One is no more than that of a leaf."""
    return sum(n.op.ulps != 0 and bool(n.arguments) for n in _chain(tail.arguments[0])) > 1


def _chain(root: Expr) -> Sequence[Expr]:
    """The elementwise float32 ops that a value is computed by."""
    return [n for n in topological([root], _beneath) if _is_elementwise(n)]


def _beneath(node: Expr) -> tuple[Expr, ...]:
    return node.arguments if _is_elementwise(node) else ()


def _is_elementwise(node: Expr) -> bool:
    if node.dtype != FLOAT32 or node.op.name in ("input", "cast"):
        return False
    if node.op.name in ("full", "broadcast"):
        return True
    if node.op.kind not in (Kind.ELEMENTWISE, Kind.COMPOSITE) or node.op.attributes:
        return False
    return FLOAT64 in node.op.dtypes and all(a.dtype in (FLOAT32, bool) for a in node.arguments)


def _wide(root: Expr, copy: int) -> Expr | None:
    """A value in float64; None where that is too long.

    copy: its number.  What two of them share would be computed outside of their branches, at every
    element: as many `keep`s tell the one's leaves from the other's.
    """
    chain = _chain(root)
    if len(chain) > LONGEST:
        return None
    made: dict[Expr, Expr] = {}

    def wide(node: Expr) -> Expr:
        if node.dtype != FLOAT32:
            return node
        if node not in made:
            leaf = node
            for _ in range(copy):
                leaf = keep(leaf)
            made[node] = cast_to(leaf, FLOAT64)
        return made[node]

    for node in chain:
        if node.op.name == "full":
            value = literal(node["value"].value, FLOAT64)
            made[node] = apply(OPS["full"], value=value, shape=node.shape)
        else:
            made[node] = apply(node.op, *[wide(a) for a in node.arguments], **node.named)
    return wide(root)
