"""Loop values: array-valued expressions in the few forms that loops can compute."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np

from eqsat_tensor.extents import Size
from eqsat_tensor.postorder import postorder
from eqsat_tensor.types import Literal, Shape, TensorType


@dataclass(frozen=True, eq=False)
class Value:
    """One array value; compared by identity (`schedule.table` makes equal ones the same)."""

    type: TensorType

    @property
    def shape(self) -> Shape:
        return self.type.shape

    @property
    def dtype(self) -> np.dtype:
        return self.type.dtype


@dataclass(frozen=True, eq=False)
class Input(Value):
    """An array given at the call: C-contiguous, dense in another order, or in any strides.

    order: of one that is not C-contiguous, its axes from the outermost in memory; without it its
    strides are given when sizes are, that of the last axis being 1 where ``unit``.
    """

    name: str
    contiguous: bool = True
    order: tuple[int, ...] = ()
    unit: bool = False


@dataclass(frozen=True, eq=False)
class Constant(Value):
    """A 0-d constant; as an operand of `Map` it need not have the result's shape."""

    value: Literal


@dataclass(frozen=True, eq=False)
class SizeValue(Value):
    """A 0-d value that is a size; as an operand of `Map` it need not have the result's shape."""

    size: Size


@dataclass(frozen=True, eq=False)
class Map(Value):
    """A scalar primitive at each element ("keep": the identity that no rounding is fused across)."""

    primitive: str
    operands: tuple[Value, ...]


@dataclass(frozen=True, eq=False)
class Stored(Map):
    """A "keep" that is computed once and stored, whatever it costs."""


@dataclass(frozen=True, eq=False)
class View(Value):
    """``result[i] = source[.. start + i[axis] * step ..]``: one (axis, start, step) a source axis."""

    source: Value
    axes: tuple[tuple[int | None, Size, int], ...]


@dataclass(frozen=True, eq=False)
class Pad(Value):
    """``result[i] = source[i - low]``, and zero where that is outside."""

    source: Value
    low: tuple[Size, ...]


@dataclass(frozen=True, eq=False)
class Iota(Value):
    """The index along an axis."""

    axis: int


@dataclass(frozen=True, eq=False)
class Reduce(Value):
    """``combine`` ("sum", "prod", "max", "min", "any", "all") over ``axes`` of the source."""

    combine: str
    source: Value
    axes: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Scan(Value):
    """``combine`` ("sum", "prod", "max", "min") of all elements up to each, along ``axis``.

    ``reverse``: from the last element to the first.  "recurrence" takes a factor to multiply the
    place before by, and adds the source; the first place is the source's.
    """

    combine: str
    source: Value
    axis: int
    reverse: bool
    factor: Value | None = None


@dataclass(frozen=True, eq=False)
class Pair(Value):
    """Two values of one type next to one another, along a last axis of size 2; always stored."""

    first: Value
    second: Value


@dataclass(frozen=True, eq=False)
class Pick(Value):
    """``result[i] = source[.. index[i] ..]`` along ``axis``; labels wrap once, then are clamped."""

    source: Value
    axis: int
    index: Value


@dataclass(frozen=True, eq=False)
class Call(Value):
    """An opaque function of stored arrays.

    reshape: the same memory in another shape.
    scatter: operands (base, index, updates), option "mode"; update: operands (base, part), options
    "start" and "step".  Both change the memory of the base, which nothing else reads.

    gemm: operands (a, b) or (a, b, alpha, beta, c): alpha op(a) @ op(b) + beta c, leading axes
    being a batch.  Options: "transpose_a", "transpose_b"; "row": c is one row for all.
    """

    function: str
    operands: tuple[Value, ...]
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def in_place(self) -> bool:
        """Is the result the memory of the first operand, changed?"""
        return self.function in ("scatter", "update")


@dataclass(frozen=True, eq=False)
class Host(Call):
    """A call of a library op's meaning on stored arrays, by its name; one of its results.

    attributes: by name, those that hold sizes as tuples of sizes; ``result`` is not among them.
    """

    op: str = ""
    attributes: tuple[tuple[str, Any], ...] = ()
    result: int | None = None

    def same_call(self, other: Value) -> bool:
        """Do both come out of one call?"""
        return isinstance(other, Host) and (self.op, self.operands, self.attributes) == (
            other.op,
            other.operands,
            other.attributes,
        )


# What values of a class, and of those derived from it, are made of; others of nothing.
_OPERANDS: tuple[tuple[type[Value], Callable[[Any], tuple[Value, ...]]], ...] = (
    (Map, attrgetter("operands")),
    (Call, attrgetter("operands")),
    (View, lambda value: (value.source,)),
    (Pad, lambda value: (value.source,)),
    (Reduce, lambda value: (value.source,)),
    (Scan, lambda v: (v.source,) if v.factor is None else (v.source, v.factor)),
    (Pair, attrgetter("first", "second")),
    (Pick, attrgetter("source", "index")),
)


_READERS: dict[type, Callable[[Any], tuple[Value, ...]]] = {}  # by class, as they are met


def operands_of(value: Value) -> tuple[Value, ...]:
    """The values that ``value`` is made of."""
    read = _READERS.get(type(value))
    if read is None:
        of_bases = (read for base, read in _OPERANDS if isinstance(value, base))
        read = _READERS[type(value)] = next(of_bases, lambda value: ())
    return read(value)


def walk(
    roots: Iterable[Value], below: Callable[[Value], Sequence[Value]] = operands_of
) -> list[Value]:
    """Every value that the roots need, operands first, each once; any depth.

    below: the operands of a value that are to be looked at; all by default.
    """
    return postorder(roots, below)


def formula(value: Value, buffers: Mapping[Value, str], depth: int = 6) -> str:
    """A value as text, down to stored values; deep operands are left out."""

    def show(v: Value) -> str:
        if v in buffers or isinstance(v, Input):
            return buffers.get(v, getattr(v, "name", ""))
        return formula(v, buffers, depth - 1) if depth else "..."

    match value:
        case Constant():
            return str(value.value)
        case SizeValue():
            return str(value.size)
        case Map():
            return f"{value.primitive}({', '.join(map(show, value.operands))})"
        case View() | Pad():
            return f"{type(value).__name__.lower()}({show(value.source)})"
        case Reduce():
            return f"{value.combine}{list(value.axes)}({show(value.source)})"
        case Scan():
            operands = ", ".join(map(show, operands_of(value)))
            return f"scan {value.combine}[{'-' * value.reverse}{value.axis}]({operands})"
        case Pair():
            return f"pair({show(value.first)}, {show(value.second)})"
        case Iota():
            return f"iota({value.axis})"
        case Pick():
            return f"pick[{value.axis}]({show(value.source)}, {show(value.index)})"
        case Host():
            return f"{value.op}({', '.join(map(show, value.operands))})"
        case Call():
            return f"{value.function}({', '.join(map(show, value.operands))})"
    return getattr(value, "name", "?")
