"""Places in sorted rows, and elements by label, as machine code.

    searchsorted    eight values at a time, halving the same length for all: no branch to foresee
    lookup          eight labels at a time; 0 where a label is outside
    label_sum       one label after another, as the sums are added up in turn

Of one row, the first two are shared out by values.
"""

from __future__ import annotations

import numpy as np

from eqsat_tensor.lower.cpu.builder import VectorBuilder
from eqsat_tensor.lower.cpu.rowwise import Body, RowKernel, Rows, when

LANES = 8


def searchsorted_text(dtype: str, right: bool, one: bool) -> str:
    """How many of ``n`` elements of a row are before each of ``m`` values."""
    kernel = RowKernel(("rows", "values", "out", "n", "m"))

    def row(r: Rows) -> None:
        rows = r.row("rows", dtype)
        values, out = r.row("values", dtype, "m"), r.row("out", "int64", "m")

        def search(lanes: int) -> Body:
            def body(i: str, _: list[str]) -> list[str]:
                b, places = r.builder(dtype, lanes), r.builder("int64", lanes)
                value = r.load(b, values, i)
                r.store(places, _place(r, (b, places), rows, value, right), out, i)
                return []

            return body

        r.each(LANES, [], search, "m")

    return kernel.text(row, one)


def _place(
    r: Rows, builders: tuple[VectorBuilder, VectorBuilder], rows: str, value: str, right: bool
) -> str:
    """Of a length, half is passed over or not, and half is left: in as many rounds for all."""
    f = r.function
    b, places = builders
    r.declare("llvm.ctlz.i64", "i64", "i64", "i1")
    rounds = f.emit(f"sub i64 64, {f.emit(f'call i64 @llvm.ctlz.i64(i64 {r.n}, i1 false)')}")

    def halve(_: str, carried: list[str]) -> list[str]:
        at, length = carried
        left = f.emit(f"lshr i64 {length}, 1")
        half = f.subtract(length, left)
        last = places.binary("add", at, places.splat(f.add(half, "-1")))
        behind = _behind(b, r.gather(b, rows, last), value, right)
        moved = places.binary("add", at, places.splat(half))
        return [places.select(behind, moved, at), left]

    start = [(places.type, places.constant(0)), ("i64", r.n)]
    return f.loop("0", rounds, 1, start, halve)[0]


def _behind(b: VectorBuilder, element: str, value: str, right: bool) -> str:
    """Mask of the values that stand behind an element; NaN is the largest."""
    if b.dtype.kind != "f":
        return b.compare("greater_equal" if right else "greater", value, element)
    if not right:  # element < value, or value alone is NaN
        nan, number = b.test("uno", value, value), b.test("ord", element, element)
        return b.both("or", b.test("olt", element, value), b.both("and", nan, number))
    return b.both("or", b.test("ole", element, value), b.test("uno", value, value))


def lookup_text(dtype: str, labels: str, one: bool) -> str:
    """Elements of rows of ``n`` by ``m`` labels each."""
    kernel = RowKernel(("rows", "labels", "out", "n", "m"))

    def row(r: Rows) -> None:
        rows, out = r.row("rows", dtype), r.row("out", dtype, "m")
        places = r.row("labels", labels, "m")

        def look(lanes: int) -> Body:
            def body(i: str, _: list[str]) -> list[str]:
                b = r.builder(dtype, lanes)
                inside, at = _inside(r, labels, lanes, places, i, r.n)
                r.store(b, r.gather(b, rows, at, inside), out, i)
                return []

            return body

        r.each(LANES, [], look, "m")

    return kernel.text(row, one)


def _inside(r: Rows, dtype: str, lanes: int, labels: str, i: str, size: str) -> tuple[str, str]:
    """Mask of the labels from 0 to size - 1, and the labels as int64."""
    own, wide = r.builder(dtype, lanes), r.builder("int64", lanes)
    at = wide.cast(r.load(own, labels, i), own)
    bound = wide.splat(size)
    return r.function.emit(f"icmp ult {wide.type} {at}, {bound}"), at


def label_sum_text(dtype: str, labels: str) -> str:
    """Sums of ``n`` elements by their labels, of rows of ``m``; those outside are counted.

    float32 and float16 are added up in float64, in the ``room`` of one row.  Where ``strict`` is set
    and a label is outside, the call is done ``again`` by way of Python, which raises.
    """
    kernel = RowKernel(("x", "labels", "out", "room", "n", "m", "strict", "again", "argument"))
    total = "float64" if np.dtype(dtype).kind == "f" else dtype

    def row(r: Rows) -> None:
        f, wide, b = r.function, r.builder(total, 0), r.builder(dtype, 0)
        x, places = r.row("x", dtype), r.row("labels", labels)
        out = r.row("out", dtype, "m")
        sums = out if total == dtype else r.pointer("room")
        r.clear(sums, wide.dtype.itemsize, r.pointer("m"))

        def add(i: str, outside: list[str]) -> list[str]:
            inside, at = _inside(r, labels, 0, places, i, r.pointer("m"))
            place = f.offset(wide.scalar, sums, at)
            spare = f.emit(f"select i1 {inside}, ptr {place}, ptr %spare")
            value = wide.cast(r.load(b, x, i), b)
            before = f.emit(f"load {wide.scalar}, ptr {spare}")
            word = "fadd" if wide.dtype.kind == "f" else "add"
            f.effect(f"store {wide.scalar} {wide.binary(word, before, value)}, ptr {spare}")
            return [f.emit(f"or i1 {outside[0]}, {f.emit(f'xor i1 {inside}, true')}")]

        (outside,) = f.loop("0", r.n, 1, [("i1", "false")], add)
        if total != dtype:

            def narrow(lanes: int) -> Body:
                return _narrowed(r, lanes, (total, dtype), sums, out)

            r.each(LANES, [], narrow, "m")
        strict = f.emit(f"icmp ne i64 {r.pointer('strict')}, 0")

        def refuse() -> None:
            again, argument = r.pointer("again"), r.pointer("argument")
            f.effect(f"call void {again}(ptr {argument}, i64 0, i64 1)")

        when(f, f.emit(f"and i1 {strict}, {outside}"), refuse)

    return kernel.text(row, spare=True)


def _narrowed(r: Rows, lanes: int, dtypes: tuple[str, str], source: str, to: str) -> Body:
    def body(i: str, _: list[str]) -> list[str]:
        wide, narrow = (r.builder(dtype, lanes) for dtype in dtypes)
        r.store(narrow, narrow.cast(r.load(wide, source, i), wide), to, i)
        return []

    return body
