"""Where the code of a nest's kernel stands: places in its loops, builders, masks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eqsat_tensor.extents import Size
from eqsat_tensor.lower.cpu.kernel import Kernel, Setting
from eqsat_tensor.lower.cpu.vecmath import VectorBuilder
from eqsat_tensor.schedule.accesses import Access, Guard
from eqsat_tensor.schedule.loop_values import Call, Value, operands_of, walk
from eqsat_tensor.schedule.loops import Nest

MEMORY = {
    np.dtype(name): kind
    for name, kind in (
        ("float64", "double"),
        ("float32", "float"),
        ("float16", "half"),
        *((f"{sign}int{bits}", f"i{bits}") for sign in ("", "u") for bits in (8, 16, 32, 64)),
        ("bool", "i8"),
    )
}
SHORT = {kind: kind for kind in MEMORY.values()} | {"double": "f64", "float": "f32", "half": "f16"}
Guards = frozenset[Guard]
Within = dict[int, tuple[frozenset[Size], frozenset[Size]]]  # axis: at least these, below those
NOWHERE: tuple[frozenset[Size], frozenset[Size]] = (frozenset(), frozenset())


@dataclass
class Here:
    """A place in a loop body: ``lanes`` elements from index ``j`` of the inner axis on.

    lanes 0: one element, no inner axis.  end: lanes from there on are masked off (None: none are).
    index: the loop index of each axis.  streams: by root, an i1: may its vectors bypass the caches?
    ahead: do loads ask for the next row?  within: so many branches.
    """

    lanes: int
    j: str
    end: str | None
    index: list[str]
    inner: int
    phase: int = 0
    known: dict[Any, Known] = field(default_factory=dict)
    streams: Mapping[Value, str] = field(default_factory=dict)
    ahead: bool = False
    within: int = 0


@dataclass(frozen=True)
class Known:
    """An evaluated value: "literal", "scalar" or "vector", and its text."""

    kind: str
    text: str
    value: Any = None


class Frame(Kernel):
    """What the code of one nest stands in: its kernel, builders and masks."""

    def __init__(self, nest: Nest, setting: Setting) -> None:
        super().__init__(setting)
        self.nest = nest
        self.past_caches: dict[str, None] = {}  # words that ask for stores past the caches
        self.own = {root.value: root for root in nest.roots}
        self.rows: dict[Value, str] = {}  # reductions of the row, once done
        self.side_by_side = False  # are they of a row a lane?
        self.kept_in: dict[Value, int] = {}  # kept value -> the phase that keeps it
        self.within: Within = {}  # the part of the box that is being written
        self.body = inlined(nest, self.buffers)
        self.called: Collection[tuple[str, np.dtype]] = ()  # functions that are not written out
        widest = max((v.dtype.itemsize for v in self.body), default=4)
        self.lanes = setting.vector_bytes // max(widest, 4)
        self.asked_in: dict[tuple[Value, Access], int] = {}  # what is asked for ahead -> the phase
        self._builders: dict[tuple[np.dtype, int, bool], VectorBuilder] = {}

    def builder(self, dtype: np.dtype, lanes: int, contract: bool = True) -> VectorBuilder:
        """The vocabulary on `lanes` elements of a dtype; contracting where that is asked for at all."""
        key = (dtype, lanes, contract and self.setting.contract)
        if key not in self._builders:
            self._builders[key] = VectorBuilder(self.function.emit, *key, self.declared)
        return self._builders[key]

    def call(self, kind: str, symbol: str, *operands: tuple[str, str]) -> str:
        """The text of a call of an intrinsic, declared."""
        types = ", ".join(t for t, _ in operands)
        self.declared[symbol] = f"declare {kind} @{symbol}({types})"
        return f"call {kind} @{symbol}({', '.join(f'{t} {x}' for t, x in operands)})"

    def clamp(self, word: str, a: str, b: str) -> str:
        """smin or smax of two indices."""
        return self.function.emit(self.call("i64", f"llvm.{word}.i64", ("i64", a), ("i64", b)))

    # ------------------------------------------------------------------------------------- masks
    def bounds(self, axis: int | None, low: Size, high: Size) -> tuple[str | None, str | None]:
        """The ends of a guard that are not the ends of the loop anyway."""
        whole = 1 if axis is None else self.nest.domain[axis]
        from_ = None if self.at_least(axis, low) else self.size(low)
        below = None if high == whole or self.less(axis, high) else self.size(high)
        return from_, below

    def at_least(self, axis: int | None, bound: Size) -> bool:
        """Is the index of an axis surely not below this, where code is being written?"""
        lows, _ = self.within.get(-1 if axis is None else axis, NOWHERE)
        return any(_not_above(bound, low) for low in (0, *lows))

    def less(self, axis: int | None, bound: Size) -> bool:
        """Is the index of an axis surely below this, where code is being written?"""
        _, highs = self.within.get(-1 if axis is None else axis, NOWHERE)
        return any(_not_above(high, bound) for high in highs)

    def row_mask(self, guards: Guards, here: Here) -> str | None:
        """i1: do the indices outside the inner loop lie within the guards?  None: always."""
        f = self.function
        mask: str | None = None
        for axis, low, high in _ordered(guards):
            if axis == here.inner and here.lanes:
                continue
            index = "0" if axis is None else here.index[axis]
            for word, bound in zip(("sge", "slt"), self.bounds(axis, low, high), strict=True):
                if bound is not None:
                    test = f.emit(f"icmp {word} i64 {index}, {bound}")
                    mask = test if mask is None else f.emit(f"and i1 {mask}, {test}")
        return mask

    def lane_mask(self, guards: Guards, here: Here) -> str | None:
        """Mask of the lanes within the inner loop and its guards; None: all."""
        if here.end is None:
            return None
        mask = self._lanes_against("slt", here.end, here)
        for axis, low, high in _ordered(guards):
            if axis != here.inner:
                continue
            for word, bound in zip(("sge", "slt"), self.bounds(axis, low, high), strict=True):
                if bound is not None:
                    test = self._lanes_against(word, bound, here)
                    mask = self.function.emit(f"and <{here.lanes} x i1> {mask}, {test}")
        return mask

    def _lanes_against(self, word: str, bound: str, here: Here) -> str:
        f, lanes = self.function, here.lanes
        kind = f"<{lanes} x i32>"
        distance = self.clamp("smin", f.subtract(bound, here.j), "4096")
        distance = f.emit(f"trunc i64 {self.clamp('smax', distance, '-4096')} to i32")
        wide = self.spread(distance, "i32", lanes)
        return f.emit(f"icmp {word} {kind} {counting('i32', lanes)}, {wide}")

    def spread(self, scalar: str, kind: str, lanes: int) -> str:
        """A scalar in every lane."""
        f = self.function
        one = f.emit(f"insertelement <{lanes} x {kind}> poison, {kind} {scalar}, i64 0")
        return f.emit(
            f"shufflevector <{lanes} x {kind}> {one}, <{lanes} x {kind}> poison,"
            f" <{lanes} x i32> zeroinitializer"
        )

    def mask(self, guards: Guards, here: Here) -> str | None:
        """Lanes (or, of one element, i1) that the guards and the loop let live; None: all."""
        row = self.row_mask(guards, here)
        if not here.lanes:
            return row
        lanes = self.lane_mask(guards, here)
        if row is None:
            return lanes
        wide = self.spread(row, "i1", here.lanes)
        return (
            wide
            if lanes is None
            else self.function.emit(f"and <{here.lanes} x i1> {lanes}, {wide}")
        )


def counting(kind: str, lanes: int, step: int = 1) -> str:
    """The constant vector 0, step, 2 step, ..."""
    return "<" + ", ".join(f"{kind} {q * step}" for q in range(lanes)) + ">"


def _not_above(a: Size, b: Size) -> bool:
    """Is a surely b at most?"""
    return a == b or (isinstance(a, int) and isinstance(b, int) and a <= b)


def _ordered(guards: Guards) -> list[Guard]:
    return sorted(guards, key=str) if len(guards) > 1 else list(guards)


def inlined(nest: Nest, buffers: Mapping[Value, str]) -> list[Value]:
    """The values that a nest computes or loads, operands first."""
    own = {root.value for root in nest.roots}

    def below(value: Value) -> tuple[Value, ...]:
        stored = value in buffers and value not in own
        return () if stored or isinstance(value, Call) else operands_of(value)

    return walk((root.value for root in nest.roots), below)
