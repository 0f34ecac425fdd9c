"""Cotangents that know in which elements they count.

A cotangent comes with a *mask*: the elements that a `where` (or `maximum`, `max`, ...) let through.
What stands in the other elements is arbitrary, NaN included, until elements are mixed or the
cotangent is delivered: there 0 is selected.  So no NaN comes from a branch that was not taken, at
the cost of one selection, and the cotangents of both branches of one `where` join in one selection:

    grad of where(x < 7, x, sqrt(x - 7))   =   where(x < 7, 1, 0.5 / sqrt(x - 7))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from eqsat_tensor.lang import Expr
from eqsat_tensor.ops.arithmetic import add
from eqsat_tensor.ops.compare import logical_and, logical_not, logical_or, where
from eqsat_tensor.ops.leaf import is_constant
from eqsat_tensor.ops.movement import zeros_like


@dataclass(frozen=True, eq=False)
class Mask:
    """The elements for which ``condition`` is ``taken``, among those of ``parent`` (None: all)."""

    parent: Mask | None
    condition: Expr
    taken: bool
    live: Expr  # all of it in one expression
    depth: int = 1

    def select(self, value: Expr) -> Expr:
        """``value`` in the live elements, 0 in the others."""
        zero = zeros_like(value)
        if self.parent is None and not self.taken:
            return where(self.condition, zero, value)
        return where(self.live, value, zero)


@dataclass(frozen=True, eq=False)
class Cotangent:
    """A value that counts in the elements of ``mask``; ``clean``: it is 0 in the others."""

    value: Expr
    mask: Mask | None = None
    clean: bool = True

    def settled(self) -> Expr:
        """The value with 0 in the elements that are not live."""
        return self.value if self.mask is None or self.clean else self.mask.select(self.value)


class Masks:
    """The masks of one derivative, each once."""

    def __init__(self) -> None:
        self.known: dict[tuple[int, Expr, bool], Mask] = {}

    def branch(self, parent: Mask | None, condition: Expr, taken: bool) -> Mask:
        """The part of ``parent`` in which ``condition`` is ``taken``."""
        key = (id(parent), condition, taken)
        found = self.known.get(key)
        if found is None:
            live = condition if taken else logical_not(condition)
            if parent is not None:
                live = logical_and(parent.live, live)
            found = self.known[key] = Mask(
                parent, condition, taken, live, 1 if parent is None else parent.depth + 1
            )
        return found

    def part(self, value: Expr, mask: Mask | None, clean: bool) -> Cotangent:
        """A cotangent; where(c, v, 0) is v under the mask c."""
        if value.op is where:
            condition, a, b = value.arguments
            if is_constant(b, 0):
                return Cotangent(a, self.branch(mask, condition, True), False)
            if is_constant(a, 0):
                return Cotangent(b, self.branch(mask, condition, False), False)
        return Cotangent(value, mask, clean or mask is None)

    def total(self, parts: Sequence[Cotangent]) -> Cotangent:
        """The sum of cotangents; the two sides of a `where` join first, the innermost first."""
        groups: dict[Mask | None, Cotangent] = {}
        levels: dict[int, list[Mask]] = {}

        def enter(part: Cotangent) -> None:
            if part.mask in groups:
                part = self.sum(groups[part.mask], part)
            elif part.mask is not None:
                levels.setdefault(part.mask.depth, []).append(part.mask)
            groups[part.mask] = part

        for part in parts:
            enter(part)
        for depth in range(max(levels, default=0), 0, -1):
            for mask in levels.get(depth, ()):
                other = self.known.get((id(mask.parent), mask.condition, not mask.taken))
                if other in groups and mask in groups:
                    enter(self.sum(groups.pop(mask), groups.pop(other)))
        return reduce(self.sum, groups.values())

    def sum(self, a: Cotangent, b: Cotangent) -> Cotangent:
        """The sum of two cotangents of one value; live where either is."""
        p, q = a.mask, b.mask
        if p is q:
            return Cotangent(add(a.value, b.value), p, a.clean and b.clean)
        if p is not None and q is not None:
            if p.parent is q.parent and p.condition is q.condition:  # the two sides of a where
                yes, no = (a, b) if p.taken else (b, a)
                joined = where(p.condition, yes.value, no.value)
                return Cotangent(joined, p.parent, p.parent is None or (a.clean and b.clean))
            if q.parent is p:
                return Cotangent(add(a.value, b.settled()), p, a.clean)
            if p.parent is q:
                return Cotangent(add(a.settled(), b.value), q, b.clean)
            either = self.branch(None, logical_or(p.live, q.live), True)
            return Cotangent(add(a.settled(), b.settled()), either)
        return Cotangent(add(a.settled(), b.settled()))
