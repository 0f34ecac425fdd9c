"""exp, log, tanh, erf and their kin: argument reduction and polynomials, after fdlibm and Cephes."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np

from eqsat_tensor.lower.cpu import coefficients as table
from eqsat_tensor.lower.cpu import jit, registers
from eqsat_tensor.lower.cpu.builder import VectorBuilder
from eqsat_tensor.scalar import SHIFT_LIMITS

HALF_ROOT = 0.7071067811865476
LOG_ENDS = {
    "nan": registers.NUMBER, "signaling": registers.NUMBER, "inf": registers.NUMBER,
    "zero": registers.MINUS_INF, "-inf": registers.NAN, "negative": registers.NAN,
}  # fmt: skip


# --------------------------------------------------------------- exponentials: Cody and Waite
def reduce_by_ln2(b: VectorBuilder, x: str, low: str = "") -> tuple[str, str, str]:
    """x + low = n ln2 + r, |r| <= ln2 / 2: (n as float, magic + n, r); |n| fits 11 (8) bits.

    low is so small that n does not depend on it.
    """
    magic = b.constant(b.format.magic)
    shifted = b.fmuladd(x, b.constant(1.4426950408889634), magic)
    n = b.fsub(shifted, magic)
    ln2_high, ln2_low = b.format.ln2
    r = b.fmuladd(n, b.constant(-ln2_high), x)  # exact: n * high has no more bits than a float
    r = b.fmuladd(n, b.constant(-ln2_low), r)
    return n, shifted, b.fadd(r, low) if low else r


def expm1_reduced(b: VectorBuilder, r: str, precision: str = "") -> str:
    """exp(r) - 1 for a reduced argument."""
    return b.fmuladd(b.polynomial(r, "exp", precision), b.fmul(r, r), r)


def power_of_two(b: VectorBuilder, shifted: str, less: int = 0) -> str:
    """2^(n - less) from magic + n, n - less + bias within the exponent's field."""
    ints = b.integers
    biased = ints.binary("add", b.to_bits(shifted), ints.constant(b.format.bias - less))
    return b.from_bits(ints.binary("shl", biased, ints.constant(b.format.fraction)))


def scale(b: VectorBuilder, value: str, n: str) -> str:
    """value * 2^n for |value| < 2, rounded once, into overflow and into subnormals too.

    By the instruction for that where whole registers have one (AVX-512), else in two steps, of which
    the first is exact: the same bits.  What is surely 0 is made by an exact product: one that
    underflows takes some 70 ns a register (exp(-1000) was 18 times slower than exp(-1)).
    """
    gone = b.test("olt", n, b.constant(-(b.format.bias + b.format.fraction) - 0.5))
    if registers.are_whole(b):
        return registers.scalef(b, value, b.select(gone, b.constant(-np.inf), n))
    magic = b.constant(b.format.magic)
    half = b.fmuladd(n, b.constant(0.5), magic)
    rest = b.fadd(b.fsub(n, b.fsub(half, magic)), magic)
    last = b.select(gone, b.constant(0), power_of_two(b, rest))
    return b.fmul(b.fmul(value, power_of_two(b, half)), last)


def exp(b: VectorBuilder, x: str) -> str:
    """exp(x)."""
    return exp_below(b, b.at_most(x, b.format.exp_range[1]))


def exp_below(b: VectorBuilder, x: str) -> str:
    """exp(x) for x that is known to be no larger than where exp overflows."""
    n, _, r = reduce_by_ln2(b, b.at_least(x, b.format.exp_range[0]))
    return scale(b, b.fadd(expm1_reduced(b, r), b.constant(1)), n)


def shifted_exp(b: VectorBuilder, x: str, y: str) -> str:
    """exp(x - s), s the multiple of ln2 next to y, or y where that is large (`SHIFT_LIMITS`).

    What is made of y alone leaves a loop in which y does not change.
    """
    near = b.test("olt", b.intrinsic("fabs", y), b.constant(SHIFT_LIMITS[b.name]))
    zero, magic = b.constant(0), b.constant(b.format.magic)
    kept = b.select(near, y, zero)
    n = b.fsub(b.fmuladd(kept, b.constant(1.4426950408889634), magic), magic)
    ends = b.format.exp_range  # of exp(x - y), by sqrt(2) wider
    low, high = b.fadd(kept, b.constant(ends[0] - 1)), b.fadd(kept, b.constant(ends[1] + 1))
    x = b.fsub(x, b.select(near, zero, y))
    x = b.select(b.test("olt", x, low), low, x)
    x = b.select(b.test("ogt", x, high), high, x)
    m, _, r = reduce_by_ln2(b, x)
    return scale(b, b.fadd(expm1_reduced(b, r), b.constant(1)), b.fsub(m, n))


def expm1(b: VectorBuilder, x: str) -> str:
    """exp(x) - 1."""
    clamped = b.at_most(b.at_least(x, b.format.expm1_low), b.format.exp_range[1])
    _, shifted, r = reduce_by_ln2(b, clamped)
    # Half the result first: 2^1024 is no number, but may be a factor of one.
    half = power_of_two(b, shifted, 1)
    value = b.fmuladd(half, expm1_reduced(b, r), b.fsub(half, b.constant(0.5)))
    value = b.fmul(value, b.constant(2))
    return itself_if_small(b, x, value)


def itself_if_small(b: VectorBuilder, x: str, value: str) -> str:
    """x where f(x) = x to all digits: keeps -0 and the bits of subnormals."""
    small = b.test("olt", b.intrinsic("fabs", x), b.constant(b.format.negligible))
    return b.select(small, x, value)


def tanh(b: VectorBuilder, x: str) -> str:
    """The hyperbolic tangent."""
    a = b.at_most(b.intrinsic("fabs", x), b.format.tanh_high)
    _, shifted, r = reduce_by_ln2(b, b.fadd(a, a))
    scale = power_of_two(b, shifted)
    grown = b.fmuladd(scale, expm1_reduced(b, r), b.fsub(scale, b.constant(1)))
    return b.intrinsic("copysign", b.fdiv(grown, b.fadd(grown, b.constant(2))), x)


def sigmoid(b: VectorBuilder, x: str) -> str:
    """1 / (1 + exp(-x))."""
    # exp(-|x|) cannot overflow, and is itself the result for very negative x; squares of tiny x,
    # which are no normal numbers, would take 50 times as long
    e = exp_below(b, b.at_most(minus_absolute(b, x), -b.format.negligible))
    one = b.constant(1)
    return b.fdiv(b.select(b.test("ult", x, b.constant(0)), e, one), b.fadd(one, e))


# ------------------------------------------------------------------------ logarithms: as fdlibm
def log_core(b: VectorBuilder, f: str, k: str, precision: str = "") -> str:
    """log(1 + f) + k ln2 for sqrt(1/2) <= 1 + f < sqrt(2), k a small integer as float."""
    high, low = (b.constant(part) for part in b.format.ln2)
    return b.fmuladd(k, high, _log_reduced(b, f, b.fmul(k, low), precision))


def _log_reduced(b: VectorBuilder, f: str, low: str, precision: str = "") -> str:
    """log(1 + f) + low for sqrt(1/2) <= 1 + f < sqrt(2), low much below an ulp of 1."""
    divided = registers.quotient if precision else VectorBuilder.fdiv
    s = divided(b, f, b.fadd(b.constant(2), f))
    z = b.fmul(s, s)
    tail = b.fmul(z, b.polynomial(z, "log", precision))
    half_square = b.fmul(b.fmul(b.constant(0.5), f), f)
    small = b.fmuladd(s, b.fadd(half_square, tail), low)
    return b.fsub(f, b.fsub(half_square, small))


def decompose(b: VectorBuilder, x: str) -> tuple[str, str, Callable[[str], str]]:
    """Normal x > 0 as m 2^k, sqrt(1/2) <= m < sqrt(2): (m, k as float, what multiplies by 2^-k)."""
    if registers.are_whole(b):
        return _decompose_registers(b, x)
    ints, form = b.integers, b.format
    bits = b.to_bits(x)
    above = ints.binary("sub", bits, ints.constant(form.sqrt_half))
    k_bits = ints.binary("and", above, ints.constant(-(1 << form.fraction)))
    m = b.from_bits(ints.binary("sub", bits, k_bits))
    # k as a float without a conversion (AVX-512 only): into the low bits of 2^fraction.  The
    # offset keeps it positive, so that a logical shift will do.
    offset = form.bias + 73
    moved = ints.binary("add", above, ints.constant(offset << form.fraction))
    low = ints.binary("lshr", moved, ints.constant(form.fraction))
    base = struct.unpack("<q", struct.pack("<d", 2.0**52))[0] if form.fraction == 52 else 0x4B000000
    joined = b.from_bits(ints.binary("or", low, ints.constant(base)))
    return (
        m,
        b.fsub(joined, b.constant(2.0**form.fraction + offset)),
        lambda value: b.fmul(value, power_of_minus(b, k_bits)),
    )


def _decompose_registers(b: VectorBuilder, x: str) -> tuple[str, str, Callable[[str], str]]:
    """As `decompose`, by the instructions for it, which know subnormal numbers, too."""
    m, k, one = registers.significand(b, x), registers.exponent(b, x), b.constant(1)
    ints, form = b.integers, b.format
    root = b.from_bits(ints.constant(form.sqrt_half + (1 << form.fraction)))
    above = b.test("oge", m, root)
    m = b.select(above, b.fmul(m, b.constant(0.5)), m)
    k = b.select(above, b.fadd(k, one), k)
    return m, k, lambda value: registers.scalef(b, value, b.fneg(k))


def decompose_any(b: VectorBuilder, x: str) -> tuple[str, str, Callable[[str], str]]:
    """As `decompose`, for subnormal x too (their third result may be that of x * 2^shift)."""
    if registers.are_whole(b):
        return _decompose_registers(b, x)
    shift = b.format.fraction + 2
    subnormal = b.test("olt", x, b.constant(b.format.tiny))
    m, k, back = decompose(b, b.select(subnormal, b.fmul(x, b.constant(2.0**shift)), x))
    return m, b.fadd(k, b.select(subnormal, b.constant(-shift), b.constant(0))), back


def power_of_minus(b: VectorBuilder, k_bits: str) -> str:
    """2^-k."""
    ints = b.integers
    one = ints.constant(b.format.bias << b.format.fraction)
    return b.from_bits(ints.binary("sub", one, k_bits))


def log(b: VectorBuilder, x: str) -> str:
    """The natural logarithm."""
    m, k, _ = decompose_any(b, x)
    return log_at_ends(b, log_core(b, b.fsub(m, b.constant(1)), k), x)


def log_at_ends(b: VectorBuilder, value: str, x: str) -> str:
    """The value, but for a logarithm of x = 0: -inf, of x < 0: NaN, of inf and NaN: themselves."""
    if registers.are_whole(b):
        return registers.fixed(b, value, x, LOG_ENDS)
    zero, inf, nan = b.constant(0), b.constant(np.inf), b.constant(np.nan)
    value = b.select(b.test("olt", x, inf), value, x)
    value = b.select(b.test("olt", x, zero), nan, value)
    return b.select(b.test("oeq", x, zero), b.constant(-np.inf), value)


def log1p(b: VectorBuilder, x: str) -> str:
    """log(1 + x); x itself, -0 too, where 1 + x is 1."""
    v, f, k = _one_plus(b, x)
    if registers.are_whole(b) and b.name == "float64":
        value = log_at_ends(b, log_core(b, f, k), v)
        return b.intrinsic("copysign", value, x)
    itself = b.test("oeq", v, b.constant(HALF_ROOT))
    # squares that underflow take as long as 20 others: in float64 they are too seldom to be asked for
    f = f if b.name == "float64" else b.select(itself, b.constant(0), f)
    # v is 0 for x = -1 alone, and negative for no x above it
    return b.select(itself, x, log_at_ends(b, log_core(b, f, k), v))


def _one_plus(b: VectorBuilder, x: str) -> tuple[str, str, str]:
    """1 + x as (1 + f) 2^k, sqrt(1/2) <= 1 + f < sqrt(2): (v = (1 + x) sqrt(1/2), f, k as float).

    The exponent of v is k - 1.  f = x 2^-k + (2^-k - 1) has the digits of x that 1 + x has lost: it is x for
    k = 0, and is rounded once.
    """
    one, root = b.constant(1), b.constant(HALF_ROOT)
    fused = jit.vector_bytes() >= registers.FUSED  # else x = -1 + 2^-53 would not be told from -1
    v = b.fmuladd(x, root, root) if fused else b.fmul(b.fadd(one, x), root)
    if registers.are_whole(b):
        minus_k = b.fsub(b.constant(-1), registers.exponent(b, v))
        inverse = registers.scalef(b, one, minus_k)
        return v, b.fmuladd(x, inverse, b.fsub(inverse, one)), b.fneg(minus_k)
    ints, form = b.integers, b.format
    field = ints.binary("lshr", b.to_bits(v), ints.constant(form.fraction))
    base = b.to_bits(b.constant(2.0**form.fraction))
    joined = b.from_bits(ints.binary("or", field, base))
    k = b.fsub(joined, b.constant(2.0**form.fraction + form.bias - 1))
    # 8 2^-k, for 2^-k may be no normal number
    biased = ints.binary("sub", ints.constant(2 * form.bias + 2), field)
    inverse = b.from_bits(ints.binary("shl", biased, ints.constant(form.fraction)))
    eighth = b.constant(0.125)
    f = b.fmuladd(b.fmul(x, eighth), inverse, b.fmuladd(inverse, eighth, b.constant(-1)))
    return v, f, k


def softplus(b: VectorBuilder, x: str) -> str:
    """log(1 + exp(x)) as max(x, 0) + log(1 + e), e = exp(-|x|)."""
    zero, one, half = b.constant(0), b.constant(1), b.constant(0.5)
    e = exp_below(b, minus_absolute(b, x))
    u = b.fadd(one, e)
    # 1 + e = (1 + f) 2^k, k being 0 or 1
    above = b.test("ogt", u, b.constant(1.4142135623730951))
    f = b.select(above, b.fmuladd(e, half, b.constant(-0.5)), e)
    high, low = (b.select(above, b.constant(part), zero) for part in b.format.ln2)
    if b.name == "float64":
        value = b.fadd(high, _log_reduced(b, f, low))
    else:  # in float64 squares that underflow are too seldom to be asked for
        itself = b.test("oeq", u, one)
        value = b.fadd(high, _log_reduced(b, b.select(itself, zero, f), low))
        value = b.select(itself, e, value)
    return b.fadd(b.at_least(x, 0), value)


def minus_absolute(b: VectorBuilder, x: str) -> str:
    """-|x|, by one instruction."""
    return b.intrinsic("copysign", x, b.constant(-1))


def log1mexp(b: VectorBuilder, x: str) -> str:
    """log(1 - exp(x)) as log(-expm1(x)) for x > -ln2, else log1p(-exp(x)): one log for both."""
    zero, one = b.constant(0), b.constant(1)
    n, shifted, r = reduce_by_ln2(b, b.at_least(x, b.format.exp_range[0]))
    grown = expm1_reduced(b, r)
    e = scale(b, b.fadd(grown, one), n)
    power = power_of_two(b, shifted)
    expm1 = b.fmuladd(power, grown, b.fsub(power, one))  # used where n is 0 or -1
    near = b.test("ogt", x, b.constant(-0.6931471805599453))
    small = b.test("olt", e, b.constant(b.format.negligible))  # log(1 - e) is -e, as in log1p_core
    part = e if b.name == "float64" else b.select(small, zero, e)
    rest = b.fsub(one, part)
    u = b.select(near, b.fneg(expm1), rest)
    lost = b.select(near, zero, b.fsub(b.fsub(one, rest), part))
    m, k, back = decompose_any(b, u)
    f = b.fadd(b.fsub(m, one), back(lost))
    value = b.fneg(b.intrinsic("fabs", log_core(b, f, k)))  # -0 at -inf
    value = value if b.name == "float64" else b.select(small, b.fneg(e), value)
    value = b.select(b.test("olt", x, zero), value, b.constant(np.nan))
    return b.select(b.test("oeq", x, zero), b.constant(-np.inf), value)


# ----------------------------------------------------------------------------- error function
def middle_map(b: VectorBuilder, a: str, centre: float) -> str:
    """(a - c) / (a + c)."""
    c = b.constant(centre)
    return b.fdiv(b.fsub(a, c), b.fadd(a, c))


def erf(b: VectorBuilder, x: str) -> str:
    """The error function."""
    a = b.intrinsic("fabs", x)
    square = b.at_most(b.fmul(x, x), 1)
    near = b.fmuladd(x, b.polynomial(square, "erf near"), x)
    far_a = b.at_least(b.at_most(a, b.format.erf_high), 1)
    t = middle_map(b, far_a, table.ERF_CENTRE)
    _, shifted, r = reduce_by_ln2(b, b.fneg(b.fmul(far_a, far_a)))
    e = b.fmul(b.fadd(expm1_reduced(b, r), b.constant(1)), power_of_two(b, shifted))
    far = b.fsub(b.constant(1), b.fmul(e, b.polynomial(t, "erf far")))
    return b.select(b.test("ult", a, b.constant(1)), near, b.intrinsic("copysign", far, x))


def erfc(b: VectorBuilder, x: str) -> str:
    """exp(-a^2) (1 + P(t)) / (a + c) for a = |x| >= 1/2, t = (a - c) / (a + c), by one division."""
    fused = jit.vector_bytes() >= registers.FUSED
    absolute, one, half = b.intrinsic("fabs", x), b.constant(1), b.constant(0.5)
    a, centre = b.at_most(absolute, b.format.erfc_high), b.constant(table.ERFC_CENTRE[b.name])
    below = b.fadd(a, centre)
    inverse = b.fdiv(one, below)
    # what both lost, 1 / (a + c) being inverse (1 + missed), is made good beside exp(r) - 1
    lost = b.fsub(b.fsub(below, centre), a)
    rest = b.intrinsic("fma", b.fneg(below), inverse, one) if fused else b.constant(0)
    missed = b.fmuladd(lost, inverse, rest)
    value = b.polynomial(b.fmul(b.fsub(a, centre), inverse), "erfc far")
    factor = b.fmuladd(value, inverse, inverse)
    if fused:
        power = b.fmul(a, a)
        low = b.intrinsic("fma", b.fneg(a), a, power)
    else:  # a^2 = cut^2 + (a - cut)(a + cut), the first exact
        ints = b.integers
        mask = ints.constant(-(1 << b.format.cut))
        cut = b.from_bits(ints.binary("and", b.to_bits(a), mask))
        power, low = b.fmul(cut, cut), b.fmul(b.fsub(cut, a), b.fadd(cut, a))
    n, _, r = reduce_by_ln2(b, b.fneg(power), low)
    far = scale(b, b.fmuladd(factor, b.fadd(expm1_reduced(b, r), missed), factor), n)
    far = b.select(b.test("olt", x, b.constant(0)), b.fsub(b.constant(2), far), far)
    near = b.fmuladd(b.fneg(x), b.polynomial(b.fmul(x, x), "erfc near"), b.fsub(half, x))
    return b.select(b.test("ult", absolute, half), b.fadd(near, half), far)
