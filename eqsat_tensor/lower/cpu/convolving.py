"""Convolution as machine code: a block of results in registers, to which products are added in turn.

    out[k] = sum over j of x[start + k - j] weights[j]

A block is VECTORS vectors of neighbouring results.  The weights j, j + lanes, j + 2 lanes, ... meet
vectors of x that lie whole vectors apart, so TURNS of them share what they read: for 32 products of
vectors 11 are read in place of 32.  Where some lanes of a block lie beyond an end of x these are
masked.  Sums are taken over RUN weights at a time, which keeps errors small, and a block is always
done whole and by one thread.  1,000,000 float64 by 64 weights, one thread: NumPy 10.9 ms, 2.3 so.
"""

from __future__ import annotations

import numpy as np

from eqsat_tensor.lower.cpu.rowwise import RowKernel, Rows

VECTORS = 8  # of a block of results
TURNS = 4  # weights that share what they read
RUN = 512  # weights whose products are summed by themselves


def block_length(dtype: str, vector_bytes: int) -> int:
    """Results of a block."""
    return VECTORS * _lanes(dtype, vector_bytes)


def _lanes(dtype: str, vector_bytes: int) -> int:
    return vector_bytes // max(np.dtype(dtype).itemsize, 4)


def convolution_text(dtype: str, vector_bytes: int, one: bool) -> str:
    """Rows of ``n`` by rows of ``m`` weights, of either at least one; of one row, units are results."""
    kernel = RowKernel(("x", "weights", "out", "n", "m", "length", "start"))
    lanes = _lanes(dtype, vector_bytes)

    def row(r: Rows) -> None:
        _Row(r, dtype, lanes).blocks()

    return kernel.text(row, one)


class _Row:
    """The code for one row."""

    def __init__(self, r: Rows, dtype: str, lanes: int) -> None:
        self.r, self.f, self.lanes = r, r.function, lanes
        self.b = r.builder(dtype, lanes)
        self.sums = r.builder("float32" if dtype == "float16" else dtype, lanes)
        self.x, self.weights = r.row("x", dtype), r.row("weights", dtype, "m")
        self.out = r.row("out", dtype, "length")
        mask, kind = self.b.mask, self.b.type
        self.load, self.store = (f"llvm.masked.{w}.{self.b.suffix}.p0" for w in ("load", "store"))
        r.declare(self.load, kind, "ptr", "i32", mask, kind)
        r.declare(self.store, "void", kind, "ptr", "i32", mask)
        r.declare("llvm.smax.i64", "i64", "i64", "i64")
        r.declare("llvm.smin.i64", "i64", "i64", "i64")

    def blocks(self) -> None:
        """All blocks."""
        low, high = ("%begin", "%end") if self.r.one else ("0", self.r.pointer("length"))
        self.f.loop(low, high, VECTORS * self.lanes, [], lambda k, _: self.block(k, high))

    def block(self, k: str, end: str) -> list[str]:
        """The results from k on, those before an end."""
        f, size = self.f, str(VECTORS * self.lanes)
        n, m = self.r.pointer("n"), self.r.pointer("m")
        at = f.add(self.r.pointer("start"), k)  # the place in x of the first lane by weight 0
        past = f.add(at, size)
        first = self.between("0", f.add(f.subtract(at, n), "1"), m)
        last = self.between(first, past, m)
        low = self.between(first, f.subtract(past, n), last)
        high = self.between(low, f.add(at, "1"), last)
        zeros = [(self.sums.type, self.sums.constant(0))] * VECTORS
        total = f.loop(first, low, 1, zeros, lambda j, t: self.step(at, j, t, True))
        total = f.loop(low, high, RUN, self.typed(total), lambda j, t: self.run(at, j, high, t))
        total = f.loop(high, last, 1, self.typed(total), lambda j, t: self.step(at, j, t, True))
        room = self.b.of("int64").splat(f.subtract(end, k))
        for u, value in enumerate(total):
            there = self.compared("slt", self.places("0", u), room)
            to = f.offset(self.b.scalar, self.out, f.add(k, str(u * self.lanes)))
            given = f"{self.b.type} {self.b.cast(value, self.sums)}, ptr {to}"
            itemsize = self.b.dtype.itemsize
            f.effect(f"call void @{self.store}({given}, i32 {itemsize}, {self.b.mask} {there})")
        return []

    def run(self, at: str, begin: str, high: str, total: list[str]) -> list[str]:
        """The products by up to RUN weights, of which every lane has all."""
        f, turn = self.f, TURNS * self.lanes
        count = self.smaller(f.subtract(high, begin), str(RUN))
        whole = f.add(begin, f.emit(f"and i64 {count}, {-turn}"))
        zeros = [(self.sums.type, self.sums.constant(0))] * VECTORS

        def turns(j: str, part: list[str]) -> list[str]:
            again = self.typed(part)
            return f.loop(j, f.add(j, str(self.lanes)), 1, again, lambda i, t: self.turn(at, i, t))

        part = f.loop(begin, whole, turn, zeros, turns)
        rest = f.add(begin, count)
        part = f.loop(whole, rest, 1, self.typed(part), lambda j, t: self.step(at, j, t, False))
        return [self.plus(a, b) for a, b in zip(total, part, strict=True)]

    def turn(self, at: str, j: str, part: list[str]) -> list[str]:
        """The products by the weights j, j + lanes, ..."""
        f, part = self.f, list(part)
        here = f.subtract(at, j)
        read = {
            d: self.taken(self.r.load(self.b, self.x, f.add(here, str(d * self.lanes))))
            for d in range(1 - TURNS, VECTORS)
        }
        for t in range(TURNS):
            weight = self.weight(f.add(j, str(t * self.lanes)))
            for u in range(VECTORS):
                part[u] = self.product(read[u - t], weight, part[u])
        return part

    def step(self, at: str, j: str, part: list[str], masked: bool) -> list[str]:
        """The products by one weight.  masked: of those lanes that have one."""
        weight, here = self.weight(j), self.f.subtract(at, j)
        made = []
        for u, before in enumerate(part):
            place = self.f.add(here, str(u * self.lanes))
            if not masked:
                value = self.taken(self.r.load(self.b, self.x, place))
                made.append(self.product(value, weight, before))
                continue
            size = self.b.of("int64").splat(self.r.pointer("n"))
            there = self.compared("ult", self.places(here, u), size)
            pointer = self.f.offset(self.b.scalar, self.x, place)
            given = f"ptr {pointer}, i32 {self.b.dtype.itemsize}, {self.b.mask} {there}"
            zero = f"{self.b.type} {self.b.constant(0)}"
            value = self.b.emit(f"call {self.b.type} @{self.load}({given}, {zero})")
            after = self.product(self.taken(value), weight, before)
            made.append(self.sums.select(there, after, before))
        return made

    # ------------------------------------------------------------------------------ instructions
    def typed(self, values: list[str]) -> list[tuple[str, str]]:
        return [(self.sums.type, value) for value in values]

    def taken(self, value: str) -> str:
        """Elements as they are summed."""
        return self.sums.cast(value, self.b)

    def weight(self, j: str) -> str:
        """One weight in every lane."""
        of_one, sum_of_one = (self.r.builder(b.name, 0) for b in (self.b, self.sums))
        value = sum_of_one.cast(self.r.load(of_one, self.weights, j), of_one)
        return self.sums.splat(value)

    def product(self, a: str, b: str, c: str) -> str:
        """a * b + c."""
        if self.sums.dtype.kind == "f":
            return self.sums.fmuladd(a, b, c)
        return self.sums.binary("add", self.sums.binary("mul", a, b), c)

    def plus(self, a: str, b: str) -> str:
        return self.sums.binary("fadd" if self.sums.dtype.kind == "f" else "add", a, b)

    def places(self, first: str, u: int) -> str:
        """first + u lanes, and the places after it."""
        steps = ", ".join(f"i64 {u * self.lanes + q}" for q in range(self.lanes))
        return self.b.of("int64").binary("add", self.b.of("int64").splat(first), f"<{steps}>")

    def compared(self, predicate: str, a: str, b: str) -> str:
        return self.f.emit(f"icmp {predicate} {self.b.of('int64').type} {a}, {b}")

    def smaller(self, a: str, b: str) -> str:
        return self.f.emit(f"call i64 @llvm.smin.i64(i64 {a}, i64 {b})")

    def between(self, low: str, value: str, high: str) -> str:
        """The value, low at least, and high at most."""
        raised = self.f.emit(f"call i64 @llvm.smax.i64(i64 {low}, i64 {value})")
        return self.smaller(raised, high)
