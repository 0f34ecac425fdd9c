"""Quotients and remainders of integers, without traps.

Vectors have no instruction for them, but for floats: where the dividend has fewer bits than the
significand, the rounded quotient never reaches a whole number that the true one does not
(x / y is at least 1 / |y| below it, 2^-bits of itself), so that cutting it gives the integer.
100,000 pairs of int32: 270 us by LLVM's sdiv, lane by lane, and 95 so; of int8 260 and 18.
A divisor that is known at compile time is left to LLVM, which multiplies; of 8 bits, as of 16.
Of 64 bits neither does: see `_long_quotient`.
"""

from __future__ import annotations

import re

import numpy as np

from eqsat_tensor.lower.cpu import jit
from eqsat_tensor.lower.cpu.builder import Rule, VectorBuilder
from eqsat_tensor.lower.cpu.registers import REGISTER


def known_divisor(y: str) -> int | None:
    """The number that an operand is, if it is a literal."""
    found = re.search(r"-?\d+(?=\)?$)", y)
    return int(found[0]) if found and "%" not in y else None


def quotient(b: VectorBuilder, x: str, y: str) -> str:
    """x / y cut to an integer, y not 0, and not -1 where x is the smallest."""
    bits, signed = 8 * b.dtype.itemsize, b.dtype.kind == "i"
    known = known_divisor(y) is not None
    if b.lanes and bits == 64 and jit.vector_bytes() == REGISTER:
        return _long_quotient(b, x, y)
    if not b.lanes or bits == 64 or (known and bits > 8):
        return b.binary("sdiv" if signed else "udiv", x, y)
    if known:
        wide = b.of("int16" if signed else "uint16")
        part = wide.binary(
            "sdiv" if signed else "udiv", wide.cast(x, b), wide.constant(known_divisor(y) or 1)
        )
        return b.emit(f"trunc {wide.type} {part} to {b.type}")
    floats = b.of("float32" if bits < 32 else "float64")
    ratio = floats.fdiv(floats.cast(x, b), floats.cast(y, b))
    if bits == 32:
        return b.emit(f"fpto{'si' if signed else 'ui'} {floats.type} {ratio} to {b.type}")
    whole = b.of("int32")
    cut = whole.emit(f"fptosi {floats.type} {ratio} to {whole.type}")
    return b.emit(f"trunc {whole.type} {cut} to {b.type}")


def _long_quotient(b: VectorBuilder, x: str, y: str) -> str:
    """As `quotient`, of 64 bits, where the machine converts vectors of such to floats and back.

    By the inverse of y less 2^-50 of itself, which makes good for four roundings: products by it never
    reach beyond the quotient, nor beyond what 64 bits hold.  The first misses it by 2^14 at most, as
    a second, of what is left, finds; that is then too small by 1, or right.  What is left never grows,
    so nothing overflows.  100,000 int64 // 7, us: LLVM's, lane by lane, 106, so 69; // an array 372 and 129.
    """
    floats, signed = b.of("float64"), b.dtype.kind == "i"
    inverse = floats.fdiv(floats.constant(1 - 2.0**-50), floats.cast(y, b))

    def below(left: str) -> str:
        ratio = floats.fmul(floats.cast(left, b), inverse)
        return b.emit(f"fpto{'si' if signed else 'ui'} {floats.type} {ratio} to {b.type}")

    first = below(x)
    left = rest_of(b, x, y, first)
    second = below(left)
    rest = rest_of(b, left, y, second)
    part, one = b.binary("add", first, second), b.constant(1)
    if not signed:
        missed = b.emit(f"icmp uge {b.type} {rest}, {y}")
        return b.select(missed, b.binary("add", part, one), part)
    sizes = [b.intrinsic("abs", value, flag="i1 false") for value in (rest, y)]
    missed = b.emit(f"icmp uge {b.type} {sizes[0]}, {sizes[1]}")
    opposed = b.compare("less", b.binary("xor", x, y), b.constant(0))
    step = b.select(opposed, b.constant(-1), one)
    return b.select(missed, b.binary("add", part, step), part)


def rest_of(b: VectorBuilder, x: str, y: str, part: str) -> str:
    """x - part * y."""
    return b.binary("sub", x, b.binary("mul", part, y))


def divisor_or_one(b: VectorBuilder, x: str, y: str) -> tuple[str, str]:
    """y, and 1 where x / y has no value or does not fit; where y is 0, if it may be."""
    if known_divisor(y) not in (None, 0, -1):
        return y, ""
    by_zero = unsafe = b.compare("equal", y, b.constant(0))
    if b.dtype.kind == "i":
        lowest = b.compare("equal", x, b.constant(np.iinfo(b.dtype).min))
        overflow = b.both("and", lowest, b.compare("equal", y, b.constant(-1)))
        unsafe = b.both("or", by_zero, overflow)
    return b.select(unsafe, b.constant(1), y), by_zero


def rounded_down(b: VectorBuilder, x: str, y: str) -> tuple[str, str]:
    """Quotient and remainder as of NumPy's // and %; both 0 where y is 0."""
    zero = b.constant(0)
    safe, by_zero = divisor_or_one(b, x, y)
    part = quotient(b, x, safe)
    rest = rest_of(b, x, safe, part)
    if b.dtype.kind == "i":
        opposed = b.compare("less", b.binary("xor", rest, safe), zero)
        down = b.both("and", b.compare("not_equal", rest, zero), opposed)
        part = b.select(down, b.binary("sub", part, b.constant(1)), part)
        rest = b.select(down, b.binary("add", rest, safe), rest)
    if not by_zero:
        return part, rest
    return b.select(by_zero, zero, part), b.select(by_zero, zero, rest)


def rounded_down_part(which: int) -> Rule:
    """The rule of the quotient (0) or the remainder (1)."""
    return lambda b, x, y: rounded_down(b, x, y)[which]


def fmod(b: VectorBuilder, x: str, y: str) -> str:
    """The rest of a division rounded to 0, with the sign of x; 0 where y is 0."""
    safe, by_zero = divisor_or_one(b, x, y)
    rest = rest_of(b, x, safe, quotient(b, x, safe))
    return b.select(by_zero, b.constant(0), rest) if by_zero else rest
