"""The data between schedule and lower: loop values, accesses, nests, plans.

A *value* is an array-valued expression in the few forms that loops can compute.  An *access* says
at which index of a value a loop nest reads it: one term an axis of the value, an affine function
of at most one loop axis.  So chains of slices, transposes and broadcasts compose to one access.
A *guard* is an interval of a loop axis outside which a value is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eqsat_tensor.extents import Size, product, symbol
from eqsat_tensor.types import Literal, Shape, TensorType


# ---------------------------------------------------------------------------------------- values
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


def operands_of(value: Value) -> tuple[Value, ...]:
    """The values that ``value`` is made of."""
    if isinstance(value, Map | Call):
        return value.operands
    if isinstance(value, View | Pad | Reduce):
        return (value.source,)
    if isinstance(value, Scan):
        return (value.source,) if value.factor is None else (value.source, value.factor)
    if isinstance(value, Pair):
        return (value.first, value.second)
    if isinstance(value, Pick):
        return (value.source, value.index)
    return ()


def walk(
    roots: Iterable[Value], below: Callable[[Value], Sequence[Value]] = operands_of
) -> list[Value]:
    """Every value that the roots need, operands first, each once; any depth.

    below: the operands of a value that are to be looked at; all by default.
    """
    order: list[Value] = []
    seen: set[Value] = set()
    stack = [(r, False) for r in reversed(list(roots))]
    while stack:
        value, done = stack.pop()
        if done:
            order.append(value)
        elif value not in seen:
            seen.add(value)
            stack.append((value, True))
            stack.extend((o, False) for o in reversed(below(value)) if o not in seen)
    return order


# -------------------------------------------------------------------------------------- accesses
@dataclass(frozen=True)
class Gathered:
    """An index that is not affine: the label that ``pick`` reads at ``access``."""

    pick: Pick
    access: Access


Axis = int | Gathered | None
Term = tuple[Axis, Size, int]  # index = start + step * (loop index of the axis; 0 for None)
Access = tuple[Term, ...]
Guard = tuple[int | None, Size, Size]  # loop axis (None: index 0), from, below


def identity(rank: int) -> Access:
    """Loop axis j reads axis j."""
    return tuple((j, 0, 1) for j in range(rank))


def through(value: View | Pad | Pick, access: Access) -> Access:
    """The access of the source, given that of ``value``."""
    if isinstance(value, Pad):
        return tuple(
            (a, start - low, s) for (a, start, s), low in zip(access, value.low, strict=True)
        )
    if isinstance(value, Pick):
        rest = iter(access)
        label: Term = (Gathered(value, access), 0, 1)
        return tuple(
            label if k == value.axis else next(rest) for k in range(len(value.source.shape))
        )
    terms: list[Term] = []
    for axis, start, step in value.axes:
        if axis is None:
            terms.append((None, start, 1))
        else:
            a, begin, stride = access[axis]
            terms.append((a, start + begin * step, stride * step))
    return tuple(terms)


def guards_of_pad(pad: Pad, access: Access) -> frozenset[Guard]:
    """Where along the loop axes the source of a padded value is."""
    found: set[Guard] = set()
    for (axis, start, step), low, inner, outer in zip(
        access, pad.low, pad.source.shape, pad.shape, strict=True
    ):
        if low == 0 and inner == outer:
            continue
        assert not isinstance(axis, Gathered), "a padded source of pick is stored"
        begin = low - start
        if axis is None:
            found.add((None, begin, begin + inner))
        elif step > 0:
            found.add((axis, -((-begin) // step), -((-begin - inner) // step)))
        else:  # begin <= step * i < begin + inner
            found.add((axis, -((begin + inner - 1) // -step), (-begin) // -step + 1))
    return frozenset(found)


def strides_of(value: Value) -> tuple[Size, ...]:
    """Elements between neighbours along each axis of a stored value."""
    if isinstance(value, Input) and value.order:
        place = {axis: k for k, axis in enumerate(value.order)}
        inner = [[a for a in value.order if place[a] > place[j]] for j in range(len(value.shape))]
        return tuple(product([value.shape[a] for a in axes]) for axes in inner)
    if isinstance(value, Input) and not value.contiguous:
        steps = [stride_symbol(value.name, j) for j in range(len(value.shape))]
        return (*steps[:-1], 1) if value.unit else tuple(steps)
    return tuple(product(value.shape[j + 1 :]) for j in range(len(value.shape)))


def stride_symbol(name: str, axis: int) -> Size:
    """The symbol that stands for a stride, in elements, of an input that is not contiguous."""
    return symbol(f"{name}:{axis}")


def axes_of(access: Access) -> set[int]:
    """The loop axes that an access depends on."""
    found: set[int] = set()
    for axis, _, _ in access:
        if isinstance(axis, int):
            found.add(axis)
        elif isinstance(axis, Gathered):
            found |= axes_of(axis.access)
    return found


def linear(value: Value, access: Access) -> tuple[Size, dict[int, Size]]:
    """Offset and coefficients of the loop axes, in elements of a stored value (labels left out)."""
    offset: Size = 0
    coefficients: dict[int, Size] = {}
    for (axis, start, step), stride in zip(access, strides_of(value), strict=True):
        offset = offset + start * stride
        if isinstance(axis, int):
            coefficients[axis] = coefficients.get(axis, 0) + step * stride
    return offset, coefficients


# ----------------------------------------------------------------------------------------- nests
@dataclass(frozen=True)
class Root:
    """A value that a nest computes: where in the nest's box its own box lies.

    ``access`` is that of the value itself, or of the source of a `Reduce` or `Scan`; ``guards`` hold where the
    box is smaller than the nest's.  ``phase`` counts the passes over a row.
    """

    value: Value
    access: Access
    guards: frozenset[Guard] = frozenset()
    phase: int = 0

    @property
    def computed(self) -> Value:
        """What each point of the box computes."""
        return self.value.source if isinstance(self.value, Reduce | Scan) else self.value

    @property
    def sources(self) -> tuple[Value, ...]:
        """All that is computed at each point: of a `Scan`, its source and its factor."""
        several = isinstance(self.value, Scan | Pair)
        return operands_of(self.value) if several else (self.computed,)

    @property
    def inside(self) -> Access:
        """The access of the sources."""
        return self.access[:-1] if isinstance(self.value, Pair) else self.access

    @property
    def result(self) -> Access:
        """The access of the value itself; of a `Reduce`, on the axes that are left."""
        if not isinstance(self.value, Reduce):
            return self.access
        axes = self.value.axes
        return tuple(t for j, t in enumerate(self.access) if j not in axes)


@dataclass(frozen=True)
class Nest:
    """One loop nest.

    kind    "map": stores only; "row": axes after ``outer`` are reduced, once an outer index, in
            phases; "full": all reduced; "col": ``outer`` axes, then ``reduced`` ones, then kept
            ones that are vectorised; "scan": ``outer`` axes, the scanned one, then others that
            are vectorised; "call": one opaque call.
    domain  sizes of the loop axes.
    kept    values that a phase stores in the row of a root and later phases read back.
    """

    kind: str
    domain: Shape
    outer: int
    reduced: int
    roots: tuple[Root, ...]
    kept: tuple[tuple[Value, Value], ...] = ()


@dataclass(frozen=True)
class Plan:
    """Nests in order, what is stored where, and which nests take turns on blocks.

    buffers  value -> "out<k>", "tmp<k>" or the name of an input (`Call` reshape shares its source's).
    tiles    groups of nest numbers; within a group of several, nests take turns on blocks of axis 0.
    last     name of a temporary -> the last nest that reads it.
    """

    outputs: tuple[Value, ...]
    nests: tuple[Nest, ...]
    buffers: Mapping[Value, str]
    tiles: tuple[tuple[int, ...], ...]
    last: Mapping[str, int]
    inputs: tuple[Input, ...] = field(default=())

    def check(self) -> None:
        """Assert what lower relies on: every read is of an input, of an earlier nest, or local."""
        assert [i for g in self.tiles for i in g] == list(range(len(self.nests))), self.tiles
        for name in {f"out{k}" for k in range(len(self.outputs))}:
            assert name in self.buffers.values(), name
        for nest in self.nests:
            assert nest.outer + nest.reduced <= len(nest.domain), nest
            for root in nest.roots:
                assert nest.kind == "call" or len(root.access) == len(root.computed.shape), root
                assert all(
                    not isinstance(a, int) or a < len(nest.domain) for a, _, _ in root.access
                ), root

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> list[str]:
        lines = []
        group_of = {i: g for g, members in enumerate(self.tiles) for i in members}
        for i, nest in enumerate(self.nests):
            box = ", ".join(map(str, nest.domain))
            lines.append(f"nest {i} {nest.kind} [{box}] tile {group_of[i]}")
            for root in nest.roots:
                name = self.buffers.get(root.value, "row scalar")
                lines.append(f"  phase {root.phase}: {name} = {formula(root.value, self.buffers)}")
            lines.extend(f"  keep {formula(v, self.buffers)}" for v, _ in nest.kept)
        return lines


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
