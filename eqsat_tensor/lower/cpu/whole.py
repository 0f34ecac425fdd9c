"""Words on integers: shifts, bits, remainders, divisors, as NumPy has them for every operand."""

from __future__ import annotations

from eqsat_tensor.lower.cpu.builder import OutlinedFunction, VectorBuilder
from eqsat_tensor.lower.cpu.division import quotient, rest_of


def _within(b: VectorBuilder, count: str) -> str:
    """Mask of shift counts from 0 to the width less 1."""
    return b.emit(f"icmp ult {b.type} {count}, {b.constant(8 * b.dtype.itemsize)}")


def left_shift(b: VectorBuilder, x: str, y: str) -> str:
    """x 2^y, modulo the width; 0 where y is negative or not below the width."""
    inside, zero = _within(b, y), b.constant(0)
    return b.select(inside, b.binary("shl", x, b.select(inside, y, zero)), zero)


def right_shift(b: VectorBuilder, x: str, y: str) -> str:
    """floor(x / 2^y); 0 or -1 where y is negative or not below the width."""
    inside, zero = _within(b, y), b.constant(0)
    if b.dtype.kind == "u":
        return b.select(inside, b.binary("lshr", x, b.select(inside, y, zero)), zero)
    last = b.constant(8 * b.dtype.itemsize - 1)
    return b.binary("ashr", x, b.select(inside, y, last))


def magnitude(b: VectorBuilder, x: str) -> str:
    """|x| as an unsigned number."""
    return x if b.dtype.kind == "u" else b.intrinsic("abs", x, flag="i1 false")


def bitwise_count(b: VectorBuilder, x: str) -> str:
    """The bits that are set in |x|."""
    return b.intrinsic("ctpop", magnitude(b, x))


def gcd(b: VectorBuilder, x: str, y: str) -> str:
    """The greatest common divisor, by Euclid, until every lane is done; of two zeros, 0."""

    def body(function: OutlinedFunction) -> None:
        f, kind = function.builder, function.builder.type
        zero, one = f.constant(0), f.constant(1)
        left, right = magnitude(f, "%a"), magnitude(f, "%b")
        function.line("br label %loop")
        function.label("loop")
        function.line(f"%p = phi {kind} [ {left}, %0 ], [ %r, %loop ]")
        function.line(f"%q = phi {kind} [ {right}, %0 ], [ %s, %loop ]")
        done = f.compare("equal", "%q", zero)
        safe = f.select(done, one, "%q")
        plain = f if f.dtype.kind == "u" else f.of(f"u{f.name}")
        rest = rest_of(f, "%p", safe, quotient(plain, "%p", safe))
        function.line(f"%r = select {f.mask} {done}, {kind} %p, {kind} %q")
        function.line(f"%s = select {f.mask} {done}, {kind} %q, {kind} {rest}")
        more = f.any_lane(f.compare("not_equal", "%s", zero))
        function.line(f"br i1 {more}, label %loop, label %done")
        function.label("done")
        function.line(f"ret {kind} %r")

    return b.outlined("gcd", [x, y], body)


def lcm(b: VectorBuilder, x: str, y: str) -> str:
    """The least common multiple, modulo the width; 0 where an operand is 0."""
    divisor, zero = gcd(b, x, y), b.constant(0)
    none = b.compare("equal", divisor, zero)
    part = b.binary("udiv", magnitude(b, x), b.select(none, b.constant(1), divisor))
    return b.binary("mul", part, magnitude(b, y))
