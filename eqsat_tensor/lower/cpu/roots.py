"""exp2, log2, log10, cbrt, hypot: powers of two, and logarithms to other bases after FreeBSD's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from eqsat_tensor.lower.cpu import coefficients as table
from eqsat_tensor.lower.cpu import jit, registers
from eqsat_tensor.lower.cpu.builder import VectorBuilder
from eqsat_tensor.lower.cpu.elementary import (
    decompose,
    decompose_any,
    expm1_reduced,
    log_at_ends,
    power_of_two,
    scale,
)

# By dtype: beyond, exp2 is 0 or inf; 1 / log(base) and log(2) / log(base), in two parts each.
EXP2_RANGE = {"float64": (-1080.0, 1026.0), "float32": (-156.0, 130.0)}
LOG2 = {
    "float64": (table.LOG2_E_DOUBLES, (1.0, 0.0)),
    "float32": (table.LOG2_E_SINGLES, (1.0, 0.0)),
}
LOG10 = {
    "float64": (table.LOG10_E_DOUBLES, table.LOG10_2_DOUBLES),
    "float32": (table.LOG10_E_SINGLES, table.LOG10_2_SINGLES),
}
# By dtype: squares of numbers below the first or above the second leave the normal range (or
# lose what a sum needs); the factor that takes them back.
SQUARES = {
    "float64": (2.0**-450, 2.0**500, 2.0**600),
    "float32": (2.0**-50, 2.0**60, 2.0**80),
}

ROOT_ENDS = ("nan", "signaling", "zero", "-inf", "inf")  # that are their own roots


def exp2(b: VectorBuilder, x: str) -> str:
    """2^x as 2^n exp(r ln2), |r| <= 1/2; whole x give powers of two exactly."""
    low, high = EXP2_RANGE[b.name]
    x = b.at_most(b.at_least(x, low), high)
    magic = b.constant(b.format.magic)
    n = b.fsub(b.fadd(x, magic), magic)
    r = b.fmul(b.fsub(x, n), b.constant(0.6931471805599453))
    return scale(b, b.fadd(expm1_reduced(b, r), b.constant(1)), n)


def _log_to(b: VectorBuilder, x: str, inverse: tuple[float, ...], of_two: tuple[float, ...]) -> str:
    """(k ln2 + log(m)) / ln(base), log(m) as a short part, whose product is exact, and a rest."""
    m, k, _ = decompose_any(b, x)
    f = b.fsub(m, b.constant(1))
    s = b.fdiv(f, b.fadd(b.constant(2), f))
    z = b.fmul(s, s)
    half_square = b.fmul(b.fmul(b.constant(0.5), f), f)
    rest = b.fmul(s, b.fadd(half_square, b.fmul(z, b.polynomial(z, "log"))))
    ints = b.integers
    mask = ints.constant(-(1 << b.format.cut))
    high = b.from_bits(ints.binary("and", b.to_bits(b.fsub(f, half_square)), mask))
    low = b.fadd(b.fsub(b.fsub(f, high), half_square), rest)
    # the sum of four products, the large ones first
    inverse_high, inverse_low = (b.constant(part) for part in inverse)
    two_high, two_low = (b.constant(part) for part in of_two)
    large, whole = b.fmul(high, inverse_high), b.fmul(k, two_high)
    total = b.fadd(whole, large)
    lost = b.fadd(b.fsub(whole, total), large)
    small = b.fmuladd(b.fadd(low, high), inverse_low, b.fmul(k, two_low))
    value = b.fadd(total, b.fadd(lost, b.fmuladd(low, inverse_high, small)))
    return log_at_ends(b, value, x)


def log2(b: VectorBuilder, x: str) -> str:
    """The logarithm to base 2; whole for powers of two."""
    return _log_to(b, x, *LOG2[b.name])


def log10(b: VectorBuilder, x: str) -> str:
    """The logarithm to base 10."""
    return _log_to(b, x, *LOG10[b.name])


def cbrt(b: VectorBuilder, x: str) -> str:
    """The cube root: of m 2^(3q + rest) an estimate by m^(-1/3), then one step of third order.

    What the estimate's cube lacks is told without rounding: of float64 by parts of few bits; of
    float32 by fused products, or in float64 where the machine has none.
    """
    if b.name == "float32" and jit.vector_bytes() < registers.FUSED:
        wide = b.of("float64")
        return b.cast(_cbrt_single(wide, wide.cast(x, b)), wide)
    a = b.intrinsic("fabs", x)
    m, k, _ = decompose_any(b, a)
    shifted, by_rest = _thirds(b, k)
    y = b.fmul(m, by_rest(0.5, 1, 2))
    inverse = _inverse_root(b, m)
    t = b.fmul(b.fmul(inverse, inverse), b.fmul(m, by_rest(0.5 ** (1 / 3), 1, 2 ** (1 / 3))))
    if b.name == "float64":
        return _signed_root(b, x, a, _last_digits_double(b, t, y), shifted)
    third = by_rest(*(r ** (-2 / 3) / 3 for r in (0.5, 1.0, 2.0)))
    third = b.fmul(b.fmul(inverse, inverse), third)
    return _signed_root(b, x, a, _last_digits_single(b, t, y, third), shifted)


def _last_digits_double(b: VectorBuilder, t: str, y: str) -> str:
    """t (1 + (y - t^3) / (2 t^3 + y)), t first rounded to 23 bits, so that its square is exact."""
    ints = b.integers
    rounded = ints.binary("add", b.to_bits(t), ints.constant(1 << 29))
    t = b.from_bits(ints.binary("and", rounded, ints.constant(-(1 << 30))))
    square = b.fmul(t, t)
    high = b.from_bits(ints.binary("and", b.to_bits(square), ints.constant(-(1 << 27))))
    low = b.fsub(square, high)
    minus = b.fneg(t)
    lack = b.fmuladd(low, minus, b.fmuladd(high, minus, y))
    cube = b.fmul(square, t)
    return b.fmuladd(t, registers.quotient(b, lack, b.fadd(b.fadd(cube, cube), y)), t)


def _last_digits_single(b: VectorBuilder, t: str, y: str, third: str) -> str:
    """t + (y - t^3) / 3 t^2, by what is nearly 1 / 3 t^2; t has all digits but two."""
    square = b.fmul(t, t)
    cube = b.fmul(square, t)
    lost = b.fmul(b.intrinsic("fma", t, t, b.fneg(square)), t)
    lost = b.fadd(lost, b.intrinsic("fma", square, t, b.fneg(cube)))
    lack = b.fsub(b.fsub(y, cube), lost)
    return b.fmuladd(lack, third, t)


def _cbrt_single(b: VectorBuilder, x: str) -> str:
    """To the digits of float32, x being one, in float64."""
    a = b.intrinsic("fabs", x)
    m, k, _ = decompose(b, a)
    shifted, by_rest = _thirds(b, k)
    y = _inverse_root(b, m)
    scaled = b.fmul(m, by_rest(0.5 ** (1 / 3), 1, 2 ** (1 / 3)))
    return _signed_root(b, x, a, b.fmul(b.fmul(y, y), scaled), shifted)


def _inverse_root(b: VectorBuilder, m: str) -> str:
    """m^(-1/3) to a part in 2^27: y nearly it, h = 1 - m y^3, y (1 + h/3 + 2h^2/9)."""
    y = b.polynomial(m, "inverse cbrt", "single")
    h = b.fmuladd(b.fneg(b.fmul(m, y)), b.fmul(y, y), b.constant(1))
    step = b.fmul(h, b.fmuladd(h, b.constant(2 / 9), b.constant(1 / 3)))
    return b.fmuladd(y, step, y)


def _thirds(b: VectorBuilder, k: str) -> tuple[str, Callable[[float, float, float], str]]:
    """k = 3q + rest: magic + q, and a choice by the rest, -1, 0 or 1."""
    magic = b.constant(b.format.magic)
    shifted = b.fmuladd(k, b.constant(1 / 3), magic)
    q = b.fsub(shifted, magic)
    rest = b.fmuladd(q, b.constant(-3), k)
    zero = b.constant(0)
    below, above = b.test("olt", rest, zero), b.test("ogt", rest, zero)

    def by_rest(low: float, middle: float, high: float) -> str:
        upper = b.select(above, b.constant(high), b.constant(middle))
        return b.select(below, b.constant(low), upper)

    return shifted, by_rest


def _signed_root(b: VectorBuilder, x: str, a: str, t: str, shifted: str) -> str:
    """t 2^q with the sign of x; of zeros, infinities and NaN themselves.  a: |x|."""
    value = b.intrinsic("copysign", b.fmul(t, power_of_two(b, shifted)), x)
    if registers.are_whole(b):
        return registers.fixed(b, value, x, dict.fromkeys(ROOT_ENDS, registers.NUMBER))
    number = b.test("olt", a, b.constant(np.inf))
    ordinary = b.both("and", number, b.test("ogt", a, b.constant(0)))
    return b.select(ordinary, value, x)


def hypot(b: VectorBuilder, x: str, y: str) -> str:
    """sqrt(x^2 + y^2), scaled where squares would leave the range; the same for y and x."""
    inf, one = b.constant(np.inf), b.constant(1)
    p, q = b.intrinsic("fabs", x), b.intrinsic("fabs", y)
    low, high, factor = SQUARES[b.name]
    more = b.test("ogt", p, q)
    top, least = b.select(more, p, q), b.select(more, q, p)
    if registers.are_whole(b):
        endless = b.test("oeq", registers.larger_magnitude(b, x, y), inf)
    else:
        endless = b.both("or", b.test("oeq", p, inf), b.test("oeq", q, inf))
    up, down = b.test("olt", top, b.constant(low)), b.test("ogt", top, b.constant(high))
    there = b.select(up, b.constant(factor), b.select(down, b.constant(1 / factor), one))
    ints = b.integers
    twice = ints.constant(2 * b.format.bias << b.format.fraction)
    back = b.from_bits(ints.binary("sub", twice, b.to_bits(there)))  # of a power of two, 1 / there
    larger, other = b.fmul(top, there), b.fmul(least, there)
    length = b.intrinsic("sqrt", b.fmuladd(larger, larger, b.fmul(other, other)))
    return b.select(endless, inf, b.fmul(length, back))
