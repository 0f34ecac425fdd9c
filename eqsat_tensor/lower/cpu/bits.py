"""Words on the bits of floats: neighbours, exponents, signs; extrema of numbers."""

from __future__ import annotations

import numpy as np

from eqsat_tensor.lower.cpu.builder import Rule, VectorBuilder
from eqsat_tensor.lower.cpu.elementary import scale


def signbit(b: VectorBuilder, x: str) -> str:
    """Mask of a set sign, that of -0 and NaN too."""
    ints = b.integers
    return ints.compare("less", b.to_bits(x), ints.constant(0))


def nextafter(b: VectorBuilder, x: str, y: str) -> str:
    """The neighbour of x in the direction of y; y where they are equal."""
    ints, zero = b.integers, b.constant(0)
    away = b.both("xor", b.test("olt", y, x), b.test("ogt", x, zero))
    step = ints.select(away, ints.constant(1), ints.constant(-1))
    moved = b.from_bits(ints.binary("add", b.to_bits(x), step))
    smallest = b.from_bits(ints.constant(1))
    value = b.select(b.test("oeq", x, zero), b.intrinsic("copysign", smallest, y), moved)
    value = b.select(b.test("oeq", x, y), y, value)
    return b.select(b.test("uno", x, y), b.constant(np.nan), value)


def spacing(b: VectorBuilder, x: str) -> str:
    """The distance to the neighbour away from 0, with the sign of x; of a zero, positive."""
    ints, a = b.integers, b.intrinsic("fabs", x)
    after = b.from_bits(ints.binary("add", b.to_bits(a), ints.constant(1)))
    width = b.intrinsic("copysign", b.fsub(after, a), x)
    width = b.select(b.test("oeq", a, b.constant(0)), after, width)
    return b.select(b.test("ult", a, b.constant(np.inf)), width, b.constant(np.nan))


def _parts(b: VectorBuilder, x: str) -> tuple[str, str, str]:
    """x as m 2^k, 1/2 <= |m| < 1; third: a mask of 0, inf and NaN, for which both are wrong."""
    ints, form = b.integers, b.format
    a = b.intrinsic("fabs", x)
    shift = form.fraction + 2
    subnormal = b.test("olt", a, b.constant(form.tiny))
    bits = b.to_bits(b.select(subnormal, b.fmul(x, b.constant(2.0**shift)), x))
    field = (1 << (2 * form.bias).bit_length()) - 1
    raised = ints.binary("lshr", bits, ints.constant(form.fraction))
    raised = ints.binary("and", raised, ints.constant(field))
    # as a float without a conversion (AVX-512 only): into the low bits of 2^fraction
    base = b.constant(2.0**form.fraction)
    joined = b.from_bits(ints.binary("or", raised, b.to_bits(base)))
    offset = b.select(subnormal, b.constant(form.bias - 1 + shift), b.constant(form.bias - 1))
    k = b.fsub(b.fsub(joined, base), offset)
    kept = ints.binary("and", bits, ints.constant(~(field << form.fraction)))
    half = ints.constant((form.bias - 1) << form.fraction)
    m = b.from_bits(ints.binary("or", kept, half))
    odd = b.both("or", b.test("oeq", a, b.constant(0)), b.test("uge", a, b.constant(np.inf)))
    return m, k, odd


def mantissa(b: VectorBuilder, x: str) -> str:
    """The m of x = m 2^k, 1/2 <= |m| < 1; 0, inf and NaN are their own."""
    m, _, odd = _parts(b, x)
    return b.select(odd, x, m)


def exponent(b: VectorBuilder, x: str) -> str:
    """The k of x = m 2^k as a float; 0 for 0, inf and NaN."""
    _, k, odd = _parts(b, x)
    return b.select(odd, b.constant(0), k)


def ldexp(b: VectorBuilder, x: str, n: str) -> str:
    """x 2^n, n a whole number, rounded once."""
    m, k, odd = _parts(b, x)
    limit = 3.0 * b.format.bias
    n = b.at_most(b.at_least(b.intrinsic("trunc", n), -limit), limit)
    total = b.at_most(b.at_least(b.fadd(k, n), -1.5 * b.format.bias), 1.5 * b.format.bias)
    value = b.select(odd, x, scale(b, m, total))
    return b.select(b.test("uno", n, n), b.constant(np.nan), value)


def number_extremum(predicate: str) -> Rule:
    """fmax, fmin: of a number and a NaN, the number."""

    def rule(b: VectorBuilder, x: str, y: str) -> str:
        first = b.both("or", b.test(predicate, x, y), b.test("uno", y, y))
        return b.select(first, x, y)

    return rule


# ------------------------------------------------------------------------------------------ halves
def _half_neighbor(b: VectorBuilder, x: str, away: str) -> str:
    """The float16 next to x, away from 0 under a mask, else nearer to it; x is not 0."""
    ints = b.of("int16")
    bits = b.emit(f"bitcast {b.type} {x} to {ints.type}")
    moved = ints.binary("add", bits, ints.select(away, ints.constant(1), ints.constant(-1)))
    return b.emit(f"bitcast {ints.type} {moved} to {b.type}")


def _half_nextafter(b: VectorBuilder, x: str, y: str) -> str:
    """`nextafter` of float16, compared in float32."""
    single = b.single
    wide_x, wide_y = single.cast(x, b), single.cast(y, b)
    zero = single.constant(0)
    below, positive = single.test("olt", wide_y, wide_x), single.test("ogt", wide_x, zero)
    moved = _half_neighbor(b, x, b.both("xor", below, positive))
    smallest = single.intrinsic("copysign", single.constant(2.0**-24), wide_y)
    value = b.select(single.test("oeq", wide_x, zero), b.cast(smallest, single), moved)
    value = b.select(single.test("oeq", wide_x, wide_y), x, value)
    return b.select(single.test("uno", wide_x, wide_y), b.constant(np.nan), value)


def _half_spacing(b: VectorBuilder, x: str) -> str:
    """The distance to the next float16 upwards, as NumPy has it for this dtype alone."""
    single = b.single
    wide = single.cast(x, b)
    zero = single.constant(0)
    after = single.cast(_half_neighbor(b, x, single.test("ogt", wide, zero)), b)
    width = single.intrinsic("fabs", single.fsub(after, wide))
    width = single.select(single.test("oeq", wide, zero), single.constant(2.0**-24), width)
    finite = single.test("olt", single.intrinsic("fabs", wide), single.constant(np.inf))
    return b.cast(single.select(finite, width, single.constant(np.nan)), single)


OF_HALVES: dict[str, Rule] = {"nextafter": _half_nextafter, "spacing": _half_spacing}
