"""Scalar terms: what a region of elementwise ops is while candidates for it are made and measured.

A term is an op of the language by name on terms, or a leaf: ``input`` with its number, ``full`` with
a rational (or a NaN or an infinity), ``pi``.  Equal terms are one object.

    add(x, full(1.0))   <->   term("add", input 0, full 1)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TypeAlias
from weakref import WeakValueDictionary

import numpy as np

from eqsat_tensor.lang import OPS, Expr, apply, topological
from eqsat_tensor.ops.leaf import constant
from eqsat_tensor.types import TensorType

Value: TypeAlias = "int | Fraction | float"
LEAVES = ("input", "full", "pi")
SUMS = ("add", "subtract")
SMALL = 99  # a denominator up to this is what a person meant by a float that no binary fraction is


class Term:
    """A scalar term; `term`, `leaf` and `number` make them.

    value  of an input its number, of a constant the number itself: a Fraction, or a float that is none.
    size   nodes, each use counted.
    """

    __slots__ = ("__weakref__", "arguments", "op", "size", "value")

    op: str
    arguments: tuple[Term, ...]
    value: Value
    size: int

    def __repr__(self) -> str:
        return show(self)


_TABLE: WeakValueDictionary[tuple[object, ...], Term] = WeakValueDictionary()


def _interned(op: str, arguments: tuple[Term, ...], value: Value) -> Term:
    key = (op, value.__class__, str(value)) if op == "full" else (op, value, *map(id, arguments))
    found = _TABLE.get(key)
    if found is None:
        found = Term()
        found.op, found.arguments, found.value = op, arguments, value
        found.size = 1 + sum([a.size for a in arguments])
        _TABLE[key] = found
    return found


def term(op: str, *arguments: Term) -> Term:
    """``op`` on terms."""
    return _interned(op, arguments, 0)


def leaf(index: int) -> Term:
    """Input number ``index``."""
    return _interned("input", (), index)


def number(value: Fraction | float | int) -> Term:
    """A constant: exactly this rational number; or a NaN or an infinity."""
    if isinstance(value, float) and not math.isfinite(value):
        return _interned("full", (), value)
    return _interned("full", (), Fraction(value))


def constant_term(value: float | bool, dtype: np.dtype) -> Term:
    """The constant that a person meant by a float of ``dtype``.

    0.333...3 is read as 1/3 and the float next to pi as pi: x ** (1/3) is meant as the cube root,
    from which the power of the float itself may be 100 units in the last place away.
    """
    if not math.isfinite(value):
        return number(float(value))
    if value == dtype.type(math.pi):
        return _interned("pi", (), 0)
    exact = Fraction(value)
    if exact.denominator <= 1 << 20:
        return number(exact)
    near = exact.limit_denominator(SMALL)
    return number(near if dtype.type(float(near)) == value else exact)


def rounded(t: Term, dtype: np.dtype) -> float:
    """The float of ``dtype`` next to a constant."""
    if t.op == "pi":
        return float(dtype.type(math.pi))
    with np.errstate(all="ignore"):
        try:
            return float(dtype.type(float(t.value)))
        except OverflowError:
            return math.copysign(math.inf, t.value)


def from_exprs(roots: Sequence[Expr], inputs: Sequence[Expr]) -> list[Term]:
    """The terms of elementwise expressions over ``inputs``; constants in fill `full` leaves."""
    made: dict[Expr, Term] = {e: leaf(i) for i, e in enumerate(inputs)}
    for node in topological(roots, lambda e: () if e in made else e.arguments):
        if node in made:
            continue
        if node.op.name == "full":
            made[node] = constant_term(node["value"].value, node.dtype)
        else:
            made[node] = term(node.op.name, *[made[a] for a in node.arguments])
    return [made[r] for r in roots]


def to_exprs(
    roots: Sequence[Term], inputs: Sequence[Expr], type: TensorType, kept: bool = False
) -> list[Expr]:
    """Expressions of ``type`` (of floats) over ``inputs`` that compute the terms.

    kept  what is added is rounded before, as `Values` rounds it: no product is fused with a sum.
    """
    made: dict[Term, Expr] = {}
    for t in below(roots):
        if t.op == "input":
            made[t] = inputs[int(t.value)]
        elif t.op in LEAVES:
            made[t] = constant(rounded(t, type.dtype), type.dtype, type.shape)
        else:
            operands = [made[a] for a in t.arguments]
            if kept and t.op in SUMS:
                pairs = zip(operands, t.arguments, strict=True)
                operands = [apply(OPS["keep"], x) if a.arguments else x for x, a in pairs]
            made[t] = apply(OPS[t.op], *operands)
    return [made[t] for t in roots]


def below(roots: Sequence[Term], known: Callable[[Term], bool] = lambda t: False) -> list[Term]:
    """Every term that the roots hold, operands first, each once; of what is ``known`` nothing below it."""
    order: dict[Term, None] = {}
    stack = list(reversed(roots))
    while stack:
        t = stack[-1]
        open_ = t not in order and not known(t)
        waiting = [a for a in t.arguments if a not in order] if open_ else []
        if waiting:
            stack.extend(reversed(waiting))
        else:
            order[t] = None
            stack.pop()
    return list(order)


def inner(roots: Sequence[Term]) -> Iterator[Term]:
    """The terms below that are no leaves."""
    return (t for t in below(roots) if t.op not in LEAVES)


def substituted(t: Term, table: Mapping[Term, Term]) -> Term:
    """``t`` with some terms replaced."""
    made: dict[Term, Term] = {}
    for u in below([t]):
        if u in table:
            made[u] = table[u]
        elif u.arguments:
            made[u] = term(u.op, *[made[a] for a in u.arguments])
        else:
            made[u] = u
    return made[t]


_INFIX = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**",
          "less": "<", "less_equal": "<=", "greater": ">", "greater_equal": ">="}  # fmt: skip


def show(t: Term, names: Sequence[str] = ()) -> str:
    """A term as text in the manner of NumPy."""
    if t.op == "input":
        i = int(t.value)
        return names[i] if i < len(names) else f"x{i}"
    if t.op == "pi":
        return "pi"
    if t.op == "full":
        short = not isinstance(t.value, Fraction) or t.value.denominator > 10**6
        return repr(float(t.value)) if short else str(t.value)
    parts = [show(a, names) for a in t.arguments]
    if t.op in _INFIX:
        return f"({parts[0]} {_INFIX[t.op]} {parts[1]})"
    return f"-{parts[0]}" if t.op == "negative" else f"{t.op}({', '.join(parts)})"


class Values:
    """Values of terms at points, computed in their dtype by NumPy, remembered.

    columns  an array for each input, all of one dtype.
    """

    def __init__(self, columns: Sequence[np.ndarray]) -> None:
        self.columns = [np.ascontiguousarray(c) for c in columns]
        self.count = len(self.columns[0])
        self.dtype = self.columns[0].dtype
        self.known: dict[Term, np.ndarray] = {}

    def __call__(self, t: Term) -> np.ndarray:
        found = self.known.get(t)
        if found is None:
            with np.errstate(all="ignore"):
                found = self._found(t)
        return found

    def _found(self, t: Term) -> np.ndarray:
        found = self.known.get(t)
        if found is None:
            found = self.known[t] = self._value(t)
        return found

    def _value(self, t: Term) -> np.ndarray:
        if t.op == "input":
            return self.columns[int(t.value)]
        if t.op in LEAVES:
            return np.full(self.count, rounded(t, self.dtype), self.dtype)
        result: np.ndarray = OPS[t.op].numpy(*[self._found(a) for a in t.arguments])
        return result
