"""Kernels that do the rows of arrays one after another, as text: what `ordering` and `labels` write.

Their units are rows; the words of their argument block have names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from eqsat_tensor.lower.cpu.builder import VectorBuilder
from eqsat_tensor.lower.cpu.function import Function, Typed

Body = Callable[[str, list[str]], list[str]]

# Words that are numbers; the others are addresses.
INTEGERS = ("n", "m", "length", "start", "strict", "count", "step", "low", "high", "first", "last")


class RowKernel:
    """``void kernel(ptr argument, i64 begin, i64 end)`` over rows."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)

    def text(self, row: Callable[[Rows], None], one: bool = False, spare: bool = False) -> str:
        """The module; ``row`` writes what is done to one.

        one: there is one row only, and units are the elements that `Rows.each` is to go over.
        spare: eight bytes of memory are there as ``%spare``.
        """
        function = Function()
        declared: dict[str, str] = {}

        def each(unit: str, _: list[str]) -> list[str]:
            row(Rows(function, self.words, declared, unit, one))
            return []

        if spare:
            function.lend("%spare", "alloca i64")
        if one:
            each("0", [])
        else:
            function.loop("%begin", "%end", 1, [], each)
        head = "define void @kernel(ptr %argument, i64 %begin, i64 %end) {"
        return "\n".join([*declared.values(), head, function.text(), "}"])


class Rows:
    """What the code of one row stands in."""

    def __init__(
        self,
        function: Function,
        words: Sequence[str],
        declared: dict[str, str],
        unit: str,
        one: bool,
    ) -> None:
        self.function, self.words, self.unit, self.one = function, words, unit, one
        self.declared = declared
        self.known: dict[str, str] = {}

    def knowing(self, **words: str) -> Rows:
        """The same row with other values for words."""
        rows = Rows(self.function, self.words, self.declared, self.unit, self.one)
        rows.known = words
        return rows

    def pointer(self, name: str) -> str:
        """The value of a word."""
        if name in self.known:
            return self.known[name]
        f = self.function
        at = f.offset("i64", "%argument", str(self.words.index(name)))
        return f.emit(f"load {'i64' if name in INTEGERS else 'ptr'}, ptr {at}")

    @property
    def n(self) -> str:
        """Elements of a row."""
        return self.pointer("n")

    def row(self, name: str, dtype: str, length: str = "n") -> str:
        """Where this row of an array begins."""
        offset = self.function.multiply(self.unit, self.pointer(length))
        return self.function.offset(self.builder(dtype, 0).scalar, self.pointer(name), offset)

    def declare(self, symbol: str, result: str, *operands: str) -> None:
        """An intrinsic."""
        self.declared[symbol] = f"declare {result} @{symbol}({', '.join(operands)})"

    def builder(self, dtype: str, lanes: int) -> VectorBuilder:
        """Instructions on vectors of so many lanes; 0: on one number."""
        return VectorBuilder(self.function.emit, np.dtype(dtype), lanes, False, self.declared)

    def load(self, b: VectorBuilder, base: str, index: str) -> str:
        """Neighbours from an index on."""
        at = self.function.offset(b.scalar, base, index)
        return b.emit(f"load {b.type}, ptr {at}, align {b.dtype.itemsize}")

    def store(self, b: VectorBuilder, value: str, base: str, index: str) -> None:
        """Neighbours from an index on."""
        at = self.function.offset(b.scalar, base, index)
        self.function.effect(f"store {b.type} {value}, ptr {at}, align {b.dtype.itemsize}")

    def copy(self, to: str, source: str, dtype: str, length: str = "") -> None:
        """A row, or so many elements."""
        self.declare("llvm.memcpy.p0.p0.i64", "void", "ptr", "ptr", "i64", "i1")
        count = self.function.multiply(length or self.n, str(np.dtype(dtype).itemsize))
        self.function.effect(
            f"call void @llvm.memcpy.p0.p0.i64(ptr {to}, ptr {source}, i64 {count}, i1 false)"
        )

    def call(self, name: str, start: str, length: str) -> None:
        """One of NumPy's sorts (`numpy_sorts`), of memory in place."""
        self.function.effect(f"call i32 {self.pointer(name)}(ptr {start}, i64 {length}, ptr null)")

    def clear(self, start: str, itemsize: int, count: str) -> None:
        """Zeros."""
        self.declare("llvm.memset.p0.i64", "void", "ptr", "i8", "i64", "i1")
        size = self.function.multiply(count, str(itemsize))
        self.function.effect(
            f"call void @llvm.memset.p0.i64(ptr {start}, i8 0, i64 {size}, i1 false)"
        )

    def gather(self, b: VectorBuilder, base: str, places: str, mask: str = "") -> str:
        """Elements that lie apart; 0 where a mask is not set."""
        f, zero = self.function, b.constant(0)
        if not b.lanes:
            safe = f.emit(f"select i1 {mask}, i64 {places}, i64 0") if mask else places
            at = f.offset(b.scalar, base, safe)
            if not mask:
                return b.emit(f"load {b.scalar}, ptr {at}")
            at = f.emit(f"select i1 {mask}, ptr {at}, ptr %argument")  # there may be no element
            return b.select(mask, b.emit(f"load {b.scalar}, ptr {at}"), zero)
        lanes, suffix = b.lanes, b.suffix.removeprefix(f"v{b.lanes}")
        pointers = f"<{lanes} x ptr>"
        at = f.emit(f"getelementptr {b.scalar}, ptr {base}, <{lanes} x i64> {places}")
        symbol = f"llvm.masked.gather.v{lanes}{suffix}.v{lanes}p0"
        self.declare(symbol, b.type, pointers, "i32", b.mask, b.type)
        given = f"{pointers} {at}, i32 {b.dtype.itemsize}, {b.mask} {mask or 'splat (i1 true)'}"
        return b.emit(f"call {b.type} @{symbol}({given}, {b.type} {zero})")

    def each(
        self,
        lanes: int,
        carried: Sequence[Typed],
        body: Callable[[int], Body],
        end: str = "n",
    ) -> list[str]:
        """Every element of a row: vectors first, then one by one; ``body(lanes)`` of either.

        end: the word that says how many, or a number.
        """
        f = self.function
        low, end = "0", self.pointer(end) if end in self.words else end
        if self.one:
            low, end = "%begin", "%end"
        whole = f.add(low, f.emit(f"and i64 {f.subtract(end, low)}, {-lanes}"))
        values = f.loop(low, whole, lanes, carried, body(lanes))
        typed = [(kind, value) for (kind, _), value in zip(carried, values, strict=True)]
        return f.loop(whole, end, 1, typed, body(0))


def when(f: Function, condition: str, body: Callable[[], None]) -> None:
    """What is done once, or not at all."""

    def once(_: str, __: list[str]) -> list[str]:
        body()
        return []

    f.loop("0", f.emit(f"zext i1 {condition} to i64"), 1, [], once)
