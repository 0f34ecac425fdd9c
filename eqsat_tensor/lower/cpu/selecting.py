"""Partitions of long rows as machine code: the elements at some places as sorting puts them there.

    sample      s elements of the row, sorted: two of them, some ranks below and above those that are
                asked for, very likely have the wanted places between them
    one pass    what is below both goes to the front, what is above both to the back, the rest aside
    the rest    some hundredths of the row: sorted, and put between

Where the places are not between the two after all, the row is sorted.  1,000,000 float64: sorted
10 ms, by NumPy's partition 2.8, so 2.0.
"""

from __future__ import annotations

import math

import numpy as np

from eqsat_tensor.lower.cpu.builder import VectorBuilder
from eqsat_tensor.lower.cpu.ordering import counted, key, write_order
from eqsat_tensor.lower.cpu.rowwise import Body, RowKernel, Rows, when

LEAST = 512  # elements of a row that is not merely sorted
DEVIATIONS = 4  # of the rank of a sampled element, to either side
NUMBERS = ("n", "count", "step", "low", "high", "first", "last")  # those of `sample_of` after n


def sample_of(n: int, first: int, last: int) -> dict[str, int]:
    """The sample of a row, and which two of it bound the places from first to last; -1: none does."""
    count = round(n ** (2 / 3))
    margin = math.ceil(DEVIATIONS * math.sqrt(count) / 2)
    low, high = first * count // n - margin, last * count // n + margin
    high = high if high < count else -1
    values = (n, count, n // count, max(low, -1), high, first, last)
    return dict(zip(NUMBERS, values, strict=True))


def partition_text(dtype: str, lanes: int) -> str:
    """The kernel that puts the elements of rows in such an order."""
    kernel = RowKernel(("x", "out", "sample", "aside", "sort", *NUMBERS))

    def row(r: Rows) -> None:
        x, out, aside = r.row("x", dtype), r.row("out", dtype), r.pointer("aside")
        inside, before, count = _spread(r, dtype, lanes, {"x": (out, aside)})

        def between() -> None:
            r.call("sort", aside, count)
            r.copy(r.function.offset(r.builder(dtype, 0).scalar, out, before), aside, dtype, count)

        def beside() -> None:
            r.copy(out, x, dtype)
            r.call("sort", out, r.n)

        when(r.function, inside, between)
        when(r.function, r.function.emit(f"xor i1 {inside}, true"), beside)

    return kernel.text(row)


def argpartition_text(dtype: str, lanes: int) -> str:
    """The kernel of the indices that put rows in such an order."""
    words = ("x", "out", "sample", "aside", "places", "order", "sort", "sort_keys", *NUMBERS)
    kernel = RowKernel(words)

    def row(r: Rows) -> None:
        f, x, out = r.function, r.row("x", dtype), r.row("out", "int64")
        aside, places, order = (r.pointer(name) for name in ("aside", "places", "order"))
        kept = {"x": ("", aside), "index": (out, places)}
        inside, before, count = _spread(r, dtype, lanes, kept)

        def between() -> None:
            write_order(r.knowing(n=count), dtype, aside, order, "sort_keys")

            def put(i: str, _: list[str]) -> list[str]:
                at = f.emit(f"load i64, ptr {f.offset('i64', order, i)}")
                index = f.emit(f"load i64, ptr {f.offset('i64', places, at)}")
                f.effect(f"store i64 {index}, ptr {f.offset('i64', out, f.add(before, i))}")
                return []

            f.loop("0", count, 1, [], put)

        when(f, inside, between)
        beside = f.emit(f"xor i1 {inside}, true")
        when(f, beside, lambda: write_order(r, dtype, x, out, "sort_keys"))

    return kernel.text(row)


def _spread(
    r: Rows, dtype: str, lanes: int, kept: dict[str, tuple[str, str]]
) -> tuple[str, str, str]:
    """One row spread out: are the places inside of what was put aside, how many are before it, in it?

    kept: of elements ("x") and of indices, where front and back stand ("" if nowhere), and what is
    put aside.
    """
    f, x = r.function, r.row("x", dtype)
    low, high = _bounds(r, dtype, x)

    def spread(lanes: int) -> Body:
        def body(i: str, ends: list[str]) -> list[str]:
            front, back, count = ends
            b, indices = r.builder(dtype, lanes), r.builder("int64", lanes)
            words = b.of(f"uint{8 * b.dtype.itemsize}")
            value = r.load(b, x, i)
            bits = key(b, value)
            less = words.compare("less", bits, words.splat(low))
            more = words.compare("greater", bits, words.splat(high))
            rest = b.both("xor", b.both("or", less, more), b.yes)
            back = f.subtract(back, _set(r, more, lanes))
            for name, (to, aside) in kept.items():
                builder = b if name == "x" else indices
                item = value if name == "x" else counted(indices, i)
                if to:
                    _pack(r, builder, item, less, to, front)
                    _pack(r, builder, item, more, to, back)
                _pack(r, builder, item, rest, aside, count)
            front = f.add(front, _set(r, less, lanes))
            return [front, back, f.add(count, _set(r, rest, lanes))]

        return body

    front, _, count = r.each(lanes, [("i64", "0"), ("i64", r.n), ("i64", "0")], spread)
    first, last = r.pointer("first"), r.pointer("last")
    begun = f.emit(f"icmp sle i64 {front}, {first}")
    ended = f.emit(f"icmp slt i64 {last}, {f.add(front, count)}")
    return f.emit(f"and i1 {begun}, {ended}"), front, count


def _bounds(r: Rows, dtype: str, x: str) -> tuple[str, str]:
    """The keys of two sampled elements: nothing is below or above one that there is not."""
    f, b, sample = r.function, r.builder(dtype, 0), r.pointer("sample")

    def take(i: str, _: list[str]) -> list[str]:
        r.store(b, r.load(b, x, f.multiply(i, r.pointer("step"))), sample, i)
        return []

    f.loop("0", r.pointer("count"), 1, [], take)
    r.call("sort", sample, r.pointer("count"))
    found = []
    for name, otherwise in (("low", "0"), ("high", "-1")):
        there = f.emit(f"icmp sge i64 {r.pointer(name)}, 0")
        at = f.offset(b.scalar, sample, f.emit(f"select i1 {there}, i64 {r.pointer(name)}, i64 0"))

        def look(i: str, _: list[str], at: str = at) -> list[str]:
            return [key(b, r.load(b, at, i))]

        # In a loop, out of which nothing is moved to where the sample is not sorted yet.
        (bits,) = f.loop("0", "1", 1, [(_word(b), "0")], look)
        found.append(f.emit(f"select i1 {there}, {_word(b)} {bits}, {_word(b)} {otherwise}"))
    return found[0], found[1]


def _word(b: VectorBuilder) -> str:
    return b.of(f"uint{8 * b.dtype.itemsize}").scalar


def _set(r: Rows, mask: str, lanes: int) -> str:
    """How many lanes of a mask are set, i64."""
    f = r.function
    if not lanes:
        return f.emit(f"zext i1 {mask} to i64")
    r.declare(f"llvm.ctpop.i{lanes}", f"i{lanes}", f"i{lanes}")
    bits = f.emit(f"bitcast <{lanes} x i1> {mask} to i{lanes}")
    return f.emit(
        f"zext i{lanes} {f.emit(f'call i{lanes} @llvm.ctpop.i{lanes}(i{lanes} {bits})')} to i64"
    )


def _pack(r: Rows, b: VectorBuilder, value: str, mask: str, base: str, at: str) -> None:
    """Store the lanes that are set one after another, from an index on."""
    f, to = r.function, r.function.offset(b.scalar, base, at)
    if not b.lanes:
        f.either(mask, f"store {b.scalar} {value}, ptr {to}")
        return
    store = f"llvm.masked.store.{b.suffix}.p0"
    r.declare(store, "void", b.type, "ptr", "i32", b.mask)
    packed = _packed(r, b, value, mask)
    places = b.of("int64")
    there = f.emit(
        f"icmp slt {places.type} {counted(places, '0')}, {places.splat(_set(r, mask, b.lanes))}"
    )
    f.effect(
        f"call void @{store}({b.type} {packed}, ptr {to}, i32 {b.dtype.itemsize}, {b.mask} {there})"
    )


def _packed(r: Rows, b: VectorBuilder, value: str, mask: str) -> str:
    """The lanes that are set, in front.  Elements of less than 32 bits go as such of 32."""
    if b.dtype.itemsize < 4:
        own, wide = b.of(f"uint{8 * b.dtype.itemsize}"), b.of("uint32")
        bits = b.emit(f"bitcast {b.type} {value} to {own.type}") if b.dtype.kind == "f" else value
        bits = own.cast(_packed(r, wide, wide.cast(bits, own), mask), wide)
        return b.emit(f"bitcast {own.type} {bits} to {b.type}") if b.dtype.kind == "f" else bits
    symbol = f"llvm.experimental.vector.compress.{b.suffix}"
    r.declare(symbol, b.type, b.type, b.mask, b.type)
    given = f"{b.type} {value}, {b.mask} {mask}, {b.type} poison"
    return b.emit(f"call {b.type} @{symbol}({given})")


def room_of(dtype: str, numbers: dict[str, int]) -> tuple[int, int]:
    """Bytes of the sample, and of what is put aside."""
    size = np.dtype(dtype).itemsize
    return size * numbers["count"], size * numbers["n"]
