"""Sorting as machine code: rows of numbers in order, or the indices that put them so.

The sort itself is NumPy's, for this machine; it is not stable.  Of values that only shows in zeros of
two signs, which are put back as they came.  The stable order of indices is made by a sort of
integers: each holds the bits of a number, read so that integers are ordered as the numbers are,
above its index.

    key of a float       its bits, turned over where it is negative; one of both zeros, one of all NaN
    packed[i]            (key(x[i]) - least) << bits of an index | i

Of 64-bit numbers whose keys span too many bits only the highest go in; those that are alike in
these stand together then, and are packed and sorted once more by the others.  100,000 float64: 1.6 ms
by NumPy's argsort, which is not stable, 10 by its stable one, 0.6 so.
"""

from __future__ import annotations

import numpy as np

from eqsat_tensor.lower.cpu.builder import VectorBuilder
from eqsat_tensor.lower.cpu.rowwise import Body, RowKernel, Rows, when

LANES = 8
FIRST = 65  # elements that are looked at before it is asked whether a row is in order as it is


def key(b: VectorBuilder, x: str) -> str:
    """Bits as unsigned integers, in the order of the numbers: -0 as 0, every NaN the largest."""
    width = 8 * b.dtype.itemsize
    if b.dtype.kind == "u":
        return x
    words = b.of(f"uint{width}")
    sign = words.constant(-(1 << (width - 1)))
    if b.dtype.kind == "i":
        return words.binary("xor", x, sign)
    bits = words.emit(f"bitcast {b.type} {b.fadd(x, b.constant(0.0))} to {words.type}")
    turned = words.binary("ashr", bits, words.constant(width - 1))
    bits = words.binary("xor", bits, words.binary("or", turned, sign))
    return words.select(b.test("uno", x, x), words.constant(-1), bits)


def sort_text(dtype: str) -> str:
    """The kernel that sorts rows: copied, sorted, zeros put back."""
    kernel = RowKernel(("x", "out", "n", "sort"))

    def row(r: Rows) -> None:
        x, out = r.row("x", dtype), r.row("out", dtype)
        r.copy(out, x, dtype)
        r.call("sort", out, r.n)
        if np.dtype(dtype).kind == "f":
            _zeros_as_they_came(r, dtype, x, out)

    return kernel.text(row)


def _zeros_as_they_came(r: Rows, dtype: str, x: str, out: str) -> None:
    """Where a row holds -0.0: its zeros, in turn, after all that is below them."""
    f, width = r.function, 8 * np.dtype(dtype).itemsize

    def look(lanes: int) -> Body:
        def body(i: str, seen: list[str]) -> list[str]:
            b = r.builder(dtype, lanes)
            words = b.of(f"uint{width}")
            value = r.load(b, x, i)
            bits = words.emit(f"bitcast {b.type} {value} to {words.type}")
            minus = words.compare("equal", bits, words.constant(-(1 << (width - 1))))
            found = b.any_lane(minus)
            return [f.emit(f"or i1 {seen[0]}, {found}")]

        return body

    (any_,) = r.each(LANES, [("i1", "false")], look)

    def put_back() -> None:
        def below(i: str, count: list[str]) -> list[str]:
            b = r.builder(dtype, 0)
            less = b.compare("less", r.load(b, x, i), b.constant(0))
            return [f.add(count[0], f.emit(f"zext i1 {less} to i64"))]

        (first,) = f.loop("0", r.n, 1, [("i64", "0")], below)

        def zero(i: str, at: list[str]) -> list[str]:
            b = r.builder(dtype, 0)
            value = r.load(b, x, i)
            here = b.compare("equal", value, b.constant(0))
            place = f.offset(b.scalar, out, at[0])
            f.either(here, f"store {b.scalar} {value}, ptr {place}")
            return [f.add(at[0], f.emit(f"zext i1 {here} to i64"))]

        f.loop("0", r.n, 1, [("i64", first)], zero)

    when(f, any_, put_back)


def argsort_text(dtype: str) -> str:
    """The kernel that gives the stable order of rows."""
    kernel = RowKernel(("x", "out", "n", "sort"))

    def row(r: Rows) -> None:
        write_order(r, dtype, r.row("x", dtype), r.row("out", "int64"))

    return kernel.text(row)


def ordered_by_text(dtype: str, by: str) -> str:
    """The kernel of elements in the order of the keys beside them."""
    kernel = RowKernel(("x", "keys", "out", "room", "n", "sort"))

    def row(r: Rows) -> None:
        f, x, out = r.function, r.row("x", dtype), r.row("out", dtype)
        order = r.pointer("room")
        write_order(r, by, r.row("keys", by), order)
        kind = r.builder(dtype, 0).scalar

        def take(i: str, _: list[str]) -> list[str]:
            at = f.emit(f"load i64, ptr {f.offset('i64', order, i)}")
            value = f.emit(f"load {kind}, ptr {f.offset(kind, x, at)}")
            f.effect(f"store {kind} {value}, ptr {f.offset(kind, out, i)}")
            return []

        f.loop("0", r.n, 1, [], take)

    return kernel.text(row)


def write_order(r: Rows, dtype: str, x: str, order: str, sort: str = "sort") -> None:
    """The stable order of one row; nothing is sorted where it is in order already.

    sort: the word with the sort of uint64.
    """
    f, last = r.function, f"{FIRST - 1}"

    def ascending(lanes: int) -> Body:
        def body(i: str, known: list[str]) -> list[str]:
            b = r.builder(dtype, lanes)
            here, there = (key(b, r.load(b, x, p)) for p in (i, f.add(i, "1")))
            falls = b.of(f"uint{8 * b.dtype.itemsize}").compare("greater", here, there)
            return [f.emit(f"or i1 {known[0]}, {b.any_lane(falls)}")]

        return body

    r.declare("llvm.smax.i64", "i64", "i64", "i64")
    r.declare("llvm.smin.i64", "i64", "i64", "i64")
    pairs = f.emit(f"call i64 @llvm.smax.i64(i64 {f.add(r.n, '-1')}, i64 0)")
    few = f.emit(f"call i64 @llvm.smin.i64(i64 {pairs}, i64 {last})")
    (falls,) = r.each(LANES, [("i1", "false")], ascending, few)
    rest = f.emit(f"select i1 {falls}, i64 0, i64 {pairs}")  # the whole, if those are in order
    (falls_later,) = r.each(LANES, [("i1", falls)], ascending, rest)

    def count(lanes: int) -> Body:
        def body(i: str, _: list[str]) -> list[str]:
            b = r.builder("uint64", lanes)
            r.store(b, counted(b, i), order, i)
            return []

        return body

    there = f.emit(f"select i1 {falls_later}, i64 0, i64 {r.n}")
    r.each(LANES, [], count, there)
    when(f, falls_later, lambda: _write_sorted(r, dtype, x, order, sort))


def counted(words: VectorBuilder, i: str) -> str:
    """i, i + 1, ..."""
    index = words.splat(i)
    steps = ", ".join(f"i64 {q}" for q in range(words.lanes))
    return words.binary("add", index, f"<{steps}>") if words.lanes else index


def _write_sorted(r: Rows, dtype: str, x: str, order: str, sort: str) -> None:
    """Packed into ``order``, sorted, and unpacked there."""
    f = r.function
    whole = np.dtype(dtype).itemsize == 8
    one_less = f.emit(f"call i64 @llvm.smax.i64(i64 {f.add(r.n, '-1')}, i64 0)")
    index_bits = _length(r, one_less)
    least, shift = ("0", "0") if not whole else _span(r, dtype, x, index_bits)
    low = f.emit(f"sub i64 {f.emit(f'shl i64 1, {index_bits}')}, 1")

    def wide_key(b: VectorBuilder, value: str) -> tuple[VectorBuilder, str]:
        words = b.of("uint64")
        found = key(b, value)
        if not whole:
            narrow = b.of(f"uint{8 * b.dtype.itemsize}")
            return words, words.cast(found, narrow)
        return words, words.binary("sub", found, words.splat(least))

    def pack(lanes: int) -> Body:
        def body(i: str, _: list[str]) -> list[str]:
            b = r.builder(dtype, lanes)
            words, found = wide_key(b, r.load(b, x, i))
            found = words.binary("lshr", found, words.splat(shift)) if whole else found
            found = words.binary("shl", found, words.splat(index_bits))
            r.store(words, words.binary("or", found, counted(words, i)), order, i)
            return []

        return body

    r.each(LANES, [], pack)
    r.call(sort, order, r.n)
    if whole:
        _finer(r, dtype, x, order, (least, shift, index_bits, low), one_less, sort)

    def unpack(lanes: int) -> Body:
        def body(i: str, _: list[str]) -> list[str]:
            words = r.builder("uint64", lanes)
            r.store(words, words.binary("and", r.load(words, order, i), words.splat(low)), order, i)
            return []

        return body

    r.each(LANES, [], unpack)


def _length(r: Rows, number: str) -> str:
    """How many bits an i64 has."""
    r.declare("llvm.ctlz.i64", "i64", "i64", "i1")
    zeros = r.function.emit(f"call i64 @llvm.ctlz.i64(i64 {number}, i1 false)")
    return r.function.emit(f"sub i64 64, {zeros}")


def _span(r: Rows, dtype: str, x: str, index_bits: str) -> tuple[str, str]:
    """The least key of a row, and how many low bits of the others above it find no room."""
    f = r.function

    def look(lanes: int) -> Body:
        def body(i: str, ends: list[str]) -> list[str]:
            b = r.builder(dtype, lanes)
            words, found = b.of("uint64"), key(b, r.load(b, x, i))
            after = []
            for word, end in zip(("umin", "umax"), ends, strict=True):
                if lanes:
                    symbol = f"llvm.vector.reduce.{word}.v{lanes}i64"
                    r.declare(symbol, "i64", words.type)
                    part = f.emit(f"call i64 @{symbol}({words.type} {found})")
                else:
                    part = found
                after.append(r.builder("uint64", 0).intrinsic(word, part, end))
            return after

        return body

    least, most = r.each(LANES, [("i64", "-1"), ("i64", "0")], look)
    bits = f.add(_length(r, f.emit(f"sub i64 {most}, {least}")), index_bits)
    return least, f.emit(f"call i64 @llvm.smax.i64(i64 {f.add(bits, '-64')}, i64 0)")


def _finer(
    r: Rows,
    dtype: str,
    x: str,
    order: str,
    packing: tuple[str, str, str, str],
    last: str,
    sort: str,
) -> None:
    """Runs that are alike in the high bits of their keys: packed with the low ones, sorted again."""
    f = r.function
    least, shift, index_bits, low = packing
    mask = f.emit(f"sub i64 {f.emit(f'shl i64 1, {shift}')}, 1")

    def next_to(i: str, lanes: int) -> str:
        """Mask of the places that are alike in the high bits of their key to the next."""
        words = r.builder("uint64", lanes)
        here, there = (r.load(words, order, p) for p in (i, f.add(i, "1")))
        apart = words.binary("lshr", words.binary("xor", here, there), words.splat(index_bits))
        return words.compare("equal", apart, words.constant(0))

    def look(lanes: int) -> Body:
        def body(i: str, seen: list[str]) -> list[str]:
            found = r.builder("uint64", lanes).any_lane(next_to(i, lanes))
            return [f.emit(f"or i1 {seen[0]}, {found}")]

        return body

    def runs() -> None:
        def place(i: str, begun: list[str]) -> list[str]:
            (begin,) = begun
            end = f.emit(f"icmp eq i64 {i}, {last}")
            safe = f.emit(f"select i1 {end}, i64 {begin}, i64 {i}")  # nothing is read past the end
            alike = next_to(safe, 0)
            ends = f.emit(f"or i1 {end}, {f.emit(f'xor i1 {alike}, true')}")
            several = f.emit(f"and i1 {ends}, {f.emit(f'icmp slt i64 {begin}, {i}')}")

            def again() -> None:
                def pack(t: str, _: list[str]) -> list[str]:
                    b = r.builder(dtype, 0)
                    at = f.offset("i64", order, t)
                    index = f.emit(f"and i64 {f.emit(f'load i64, ptr {at}')}, {low}")
                    found = key(b, r.load(b, x, index))
                    rest = f.emit(f"and i64 {f.emit(f'sub i64 {found}, {least}')}, {mask}")
                    rest = f.emit(f"shl i64 {rest}, {index_bits}")
                    f.effect(f"store i64 {f.emit(f'or i64 {rest}, {index}')}, ptr {at}")
                    return []

                f.loop(begin, f.add(i, "1"), 1, [], pack)
                length = f.subtract(f.add(i, "1"), begin)
                r.call(sort, f.offset("i64", order, begin), length)

            when(f, several, again)
            return [f.emit(f"select i1 {ends}, i64 {f.add(i, '1')}, i64 {begin}")]

        f.loop("0", r.n, 1, [("i64", "0")], place)

    def seek() -> None:
        (any_,) = r.each(LANES, [("i1", "false")], look, last)
        when(f, any_, runs)

    when(f, f.emit(f"icmp ne i64 {shift}, 0"), seek)
