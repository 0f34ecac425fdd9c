"""Sizes of axes, the extents of arrays: pure data and pure functions, and no word of dtypes or shapes.

A *size* is an int or a `SizeTerm`, a polynomial over named symbols (and opaque ``//``, ``%``,
``min``, ``max`` of sizes) in a canonical form, so that equal polynomials are equal objects:
``n + m - n == m``.  Here are symbols and terms, their arithmetic, bounds and texts, what they are once
symbols are known, and the guards that two sizes must meet at run time.  (What users hold in ``x.shape``
is a `sizes.Dim`, which wraps a term.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

from eqsat_tensor.errors import told, with_sizes
from eqsat_tensor.remembering import Remembering


@dataclass(frozen=True)
class Symbol:
    """A size known at run time only, at least ``lower``."""

    name: str
    lower: int = 0

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class SizeFunction:
    """An opaque function of two sizes: ``//``, ``%``, ``min``, ``max`` or ``common``."""

    name: str
    left: Size
    right: Size

    def __str__(self) -> str:
        if self.name in ("min", "max", "common"):
            return f"{self.name}({self.left}, {self.right})"
        left, right = (f"({s})" if len(_terms(s)) > 1 else f"{s}" for s in (self.left, self.right))
        return f"({left} {self.name} {right})"


Atom: TypeAlias = Symbol | SizeFunction
Monomial: TypeAlias = tuple[Atom, ...]


@dataclass(frozen=True)
class SizeTerm(Remembering):
    """A polynomial with integer coefficients: sorted (monomial, coefficient), never constant."""

    terms: tuple[tuple[Monomial, int], ...]

    __hash__ = Remembering.__hash__

    def __add__(self, other: Size) -> Size:
        return _combine(self, other, 1)

    __radd__ = __add__

    def __sub__(self, other: Size) -> Size:
        return _combine(self, other, -1)

    def __rsub__(self, other: Size) -> Size:
        return _combine(other, self, -1)

    def __neg__(self) -> Size:
        return _combine(0, self, -1)

    def __mul__(self, other: Size) -> Size:
        if isinstance(other, int):
            return SizeTerm(tuple([(m, c * other) for m, c in self.terms])) if other else 0
        total: dict[Monomial, int] = {}
        for ma, ca in _terms(self):
            for mb, cb in _terms(other):
                key = tuple(sorted((*ma, *mb), key=str))
                total[key] = total.get(key, 0) + ca * cb
        return _size(total)

    __rmul__ = __mul__

    def __floordiv__(self, other: Size) -> Size:
        return floor_divide(self, other)

    def __rfloordiv__(self, other: Size) -> Size:
        return floor_divide(other, self)

    def text(self) -> str:
        text = ""
        for monomial, c in self.terms:
            part = "*".join(map(str, monomial))
            part = str(abs(c)) if not part else part if abs(c) == 1 else f"{abs(c)}*{part}"
            text += (" - " if c < 0 else " + ") + part if text else ("-" if c < 0 else "") + part
        return text

    __repr__ = __str__ = Remembering.__str__


Size: TypeAlias = int | SizeTerm


def _terms(size: Size) -> tuple[tuple[Monomial, int], ...]:
    return size.terms if isinstance(size, SizeTerm) else (((), size),)


def _size(total: Mapping[Monomial, int]) -> Size:
    terms = sorted(((m, c) for m, c in total.items() if c), key=lambda t: (not t[0], str(t[0])))
    if not terms:
        return 0
    if len(terms) == 1 and not terms[0][0]:
        return terms[0][1]
    return SizeTerm(tuple(terms))


def _combine(left: Size, right: Size, sign: int) -> Size:
    if isinstance(right, int) and right == 0:
        return left
    total = dict(_terms(left))
    for m, c in _terms(right):
        total[m] = total.get(m, 0) + sign * c
    return _size(total)


def symbol(name: str, lower: int = 0) -> SizeTerm:
    """The size called ``name``, at least ``lower``."""
    return SizeTerm((((Symbol(name, lower),), 1),))


def _function(name: str, left: Size, right: Size) -> SizeTerm:
    return SizeTerm((((SizeFunction(name, left, right),), 1),))


def floor_divide(left: Size, right: Size) -> Size:
    """``left // right``; exact division of polynomials is done, the rest stays opaque."""
    if isinstance(left, int) and isinstance(right, int):
        return left // right
    if right == 1:
        return left
    if isinstance(right, int) and all(c % right == 0 for _, c in _terms(left)):
        return _size({m: c // right for m, c in _terms(left)})
    if isinstance(right, SizeTerm) and len(right.terms) == 1 and right.terms[0][1] == 1:
        (divisor, _) = right.terms[0]
        quotient: dict[Monomial, int] = {}
        for m, c in _terms(left):
            rest = list(m)
            for atom in divisor:
                if atom not in rest:
                    return _function("//", left, right)
                rest.remove(atom)
            quotient[tuple(rest)] = c
        return _size(quotient)
    return _function("//", left, right)


def lower_bound(size: Size) -> int | None:
    """A number that the size is never below, or None where none is known."""
    total = 0
    for monomial, c in _terms(size):
        if not monomial:
            total += c
            continue
        if c < 0:
            return None
        product = c
        for atom in monomial:
            low = _atom_lower(atom)
            if low is None or low < 0:
                return None
            product *= low
        total += product
    return total


def _atom_lower(atom: Atom) -> int | None:
    if isinstance(atom, Symbol):
        return atom.lower
    left, right = lower_bound(atom.left), lower_bound(atom.right)
    if atom.name == "max":
        known = [b for b in (left, right) if b is not None]
        return max(known) if known else None
    if atom.name in ("min", "common"):
        return None if left is None or right is None else min(left, right)
    return 0 if left is not None and left >= 0 else None


def maximum(left: Size, right: Size) -> Size:
    """The larger of two sizes; of either order one term."""
    if isinstance(left, int) and isinstance(right, int):
        return max(left, right)
    difference = _combine(left, right, -1)
    low = lower_bound(difference)
    if low is not None and low >= 0:
        return left
    low = lower_bound(_combine(right, left, -1))
    if low is not None and low >= 0:
        return right
    return _function("max", *sorted((left, right), key=str))


def minimum(left: Size, right: Size) -> Size:
    """The smaller of two sizes; of either order one term."""
    if isinstance(left, int) and isinstance(right, int):
        return min(left, right)
    if maximum(left, right) == left:
        return right
    if maximum(left, right) == right:
        return left
    return _function("min", *sorted((left, right), key=str))


def remainder(left: Size, right: Size) -> Size:
    """``left % right``."""
    if isinstance(left, int) and isinstance(right, int):
        return left % right
    exact = floor_divide(left, right)
    if exact * right == left:
        return 0
    return _function("%", left, right)


def common(left: Size, right: Size) -> Size:
    """The size to which two sizes broadcast, each of which may turn out 1: the other one then."""
    parts = {p: None for p in (*parts_of_common(left), *parts_of_common(right)) if p != 1}
    numbers = [p for p in parts if isinstance(p, int)]
    if numbers:  # not 1: the others are it, or 1
        return numbers[0]
    first, *rest = sorted(parts, key=str) or [1]
    for size in rest:
        first = _function("common", first, size)
    return first


def parts_of_common(size: Size) -> tuple[Size, ...]:
    """The sizes that broadcast to one; the size itself where it is no `common`."""
    if isinstance(size, SizeTerm) and len(size.terms) == 1:
        monomial, coefficient = size.terms[0]
        atom = monomial[0] if len(monomial) == 1 and coefficient == 1 else None
        if isinstance(atom, SizeFunction) and atom.name == "common":
            return (*parts_of_common(atom.left), *parts_of_common(atom.right))
    return (size,)


_APPLY = {
    "//": floor_divide, "%": remainder, "min": minimum, "max": maximum, "common": common
}  # fmt: skip


def substitute(size: Size, values: Mapping[str, Size]) -> Size:
    """The size with symbols replaced by name; what becomes known is computed."""
    if isinstance(size, int):
        return size
    total: Size = 0
    for monomial, c in size.terms:
        product: Size = c
        for atom in monomial:
            if isinstance(atom, Symbol):
                factor = values.get(atom.name, SizeTerm((((atom,), 1),)))
            else:
                factor = _APPLY[atom.name](
                    substitute(atom.left, values), substitute(atom.right, values)
                )
            product = product * factor
        total = total + product
    return total


def evaluate(size: Size, values: Mapping[str, int]) -> int:
    """The number that a size is, given its symbols."""
    result = substitute(size, values)
    assert isinstance(result, int), (size, values)
    return result


def symbols_of(size: Size) -> frozenset[str]:
    """Names of the symbols in a size."""
    names: set[str] = set()
    for monomial, _ in _terms(size):
        for atom in monomial:
            if isinstance(atom, Symbol):
                names.add(atom.name)
            else:
                names |= symbols_of(atom.left) | symbols_of(atom.right)
    return frozenset(names)


def product(sizes: Iterable[Size]) -> Size:
    """The product of sizes; 1 for none."""
    total: Size = 1
    for s in sizes:
        total = total * s
    return total


def same_size(left: Size, right: Size) -> bool | None:
    """True or False where it is certain whether two sizes are equal, None where a guard must say."""
    return True if left == right else _differ(left, right)


@lru_cache(maxsize=4096)
def _differ(left: Size, right: Size) -> bool | None:
    """The same of sizes that are not one."""
    difference = _combine(left, right, -1)
    if isinstance(difference, int):
        return False
    for d in (difference, _combine(right, left, -1)):
        low = lower_bound(d)
        if low is not None and low > 0:
            return False
    return None


@dataclass(frozen=True)
class Guard:
    """``left relation right`` must hold at run time; ``text`` is the error that says so.

    got, place: the operands that it is about, and the user's line; for the error alone.
    """

    relation: str  # "==" or ">="
    left: Size
    right: Size
    text: str
    got: str = field(default="", compare=False)
    place: str = field(default="", compare=False)

    def holds(self, values: Mapping[str, int]) -> bool:
        left, right = evaluate(self.left, values), evaluate(self.right, values)
        return left == right if self.relation == "==" else left >= right

    def broken(self, values: Mapping[str, int]) -> str:
        """The error where the condition does not hold for these sizes."""
        return with_sizes(told(self.text, self.got, self.place), values)
