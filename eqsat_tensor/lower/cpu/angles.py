"""sin, cos, tan, arctan and power: reductions in several parts, logarithms in two words."""

from __future__ import annotations

import numpy as np

from eqsat_tensor.lower.cpu import coefficients as table
from eqsat_tensor.lower.cpu import registers
from eqsat_tensor.lower.cpu.builder import _PURE, OutlinedFunction, Rule, VectorBuilder
from eqsat_tensor.lower.cpu.elementary import (
    decompose,
    decompose_any,
    expm1_reduced,
    itself_if_small,
    reduce_by_ln2,
    scale,
)

QUOTIENTS = {"float64": 2.0**51, "float32": 2.0**22}  # below, they are whole but for less than 1
TRIG_LIMIT = 1.0e6  # beyond, n * (33 bits of pi/2) is no longer exact: libm


# ------------------------------------------------------------------------------ trigonometry
def arctan(b: VectorBuilder, x: str) -> str:
    """Cephes: atan(a) = atan(t) + 0, pi/4, pi/2 for t = a, (a-1)/(a+1), -1/a, |t| < 0.4143."""
    one = b.constant(1)
    a = b.intrinsic("fabs", x)
    middle = b.test("ogt", a, b.constant(0.41421356237309503))
    large = b.test("ogt", a, b.constant(2.414213562373095))
    above = b.select(large, b.constant(-1), b.select(middle, b.fsub(a, one), a))
    below = b.select(large, a, b.select(middle, b.fadd(a, one), one))
    t = b.fdiv(above, below)
    z = b.fmul(t, t)
    tail = b.fmul(b.fmul(t, z), b.polynomial(z, "arctan"))
    high, low = b.format.half_pi

    def offset(part: float) -> str:
        quarter = b.select(middle, b.constant(part / 2), b.constant(0))
        return b.select(large, b.constant(part), quarter)

    value = b.fadd(offset(high), b.fadd(t, b.fadd(tail, offset(low))))
    return b.intrinsic("copysign", value, x)


def two_sum(b: VectorBuilder, x: str, y: str) -> tuple[str, str]:
    """x + y as the rounded sum and its exact error (Knuth)."""
    total = b.fadd(x, y)
    part = b.fsub(total, x)
    return total, b.fadd(b.fsub(x, b.fsub(total, part)), b.fsub(y, part))


def quarters(b: VectorBuilder, x: str) -> tuple[str, str]:
    """The multiple of pi/2 nearest to float64 x: as float, and as bits whose low end is it."""
    magic = b.constant(b.format.magic)
    shifted = b.fmuladd(x, b.constant(0.6366197723675814), magic)
    return b.fsub(shifted, magic), b.to_bits(shifted)


def sin_cos(b: VectorBuilder, x: str) -> tuple[str, str, str]:
    """sin(r), cos(r), bits of n for float64 x = n pi/2 + r, |x| <= TRIG_LIMIT.

    r is kept as r + s.  The products by 33-bit parts of pi/2 are exact, so that 2^-115 of x is what
    is lost: no double of this range is so near to a multiple of pi/2 that it would matter.
    """
    n, bits = quarters(b, x)
    first, second, third, fourth = (b.constant(-part) for part in table.HALF_PI)
    r, s = two_sum(b, b.fmuladd(n, first, x), b.fmul(n, second))
    r, s = two_sum(b, r, b.fmuladd(n, third, s))
    s = b.fmuladd(n, fourth, s)
    z = b.fmul(r, r)
    cubic = b.fmul(b.fmul(r, z), b.polynomial(z, "sin"))
    sin = b.fadd(r, b.fmuladd(s, b.fmuladd(z, b.constant(-0.5), b.constant(1)), cubic))
    half = b.fmul(z, b.constant(0.5))
    w = b.fsub(b.constant(1), half)
    lost = b.fsub(b.fsub(b.constant(1), w), half)
    quartic = b.fmul(b.fmul(z, z), b.polynomial(z, "cos"))
    cos = b.fadd(w, b.fadd(lost, b.fmuladd(b.fneg(r), s, quartic)))
    return sin, cos, bits


def by_half_turns(b: VectorBuilder, primitive: str, x: str) -> str:
    """sin or cos of a float32, x, in the digits of float32: float64.

    sin(n pi + r) = (-1)^n sin(r); cos((n + 1/2) pi + r) = (-1)^(n + 1) sin(r): one polynomial, where
    quarters of a turn take two and choices between them.
    """
    magic, ints = b.constant(b.format.magic), b.integers
    half = b.constant(-0.5 if primitive == "cos" else -0.0)
    turns = b.fmuladd(x, b.constant(0.3183098861837907), half)
    shifted = b.fadd(turns, magic)
    n, bits = b.fsub(shifted, magic), b.to_bits(shifted)
    if primitive == "cos":
        n, bits = b.fadd(n, b.constant(0.5)), ints.binary("add", bits, ints.constant(1))
    high, low = (b.constant(-part) for part in table.PI_SHORT)
    r = b.fmuladd(n, low, b.fmuladd(n, high, x))
    z = b.fmul(r, r)
    ratio = b.fmuladd(z, b.polynomial(z, "sin of half a turn", "single"), b.constant(1))
    sin = b.fmul(r, ratio)  # of -0: -0
    sign = ints.binary("shl", bits, ints.constant(63))
    return b.from_bits(ints.binary("xor", b.to_bits(sin), sign))


def tan_single(b: VectorBuilder, x: str) -> str:
    """tan of a float32, x, in the digits of float32: float64.

    Of r = x - n pi/2 the fraction r (945 - 105 z + z^2) / (945 - 420 z + 15 z^2), z = r^2, of Lambert's,
    to a part in 2^26; for odd n -1 over it.
    """
    n, bits = quarters(b, x)
    high, low = (b.constant(-part) for part in table.HALF_PI_SHORT)
    r = b.fmuladd(n, low, b.fmuladd(n, high, x))
    z = b.fmul(r, r)
    over = b.fmul(r, b.fmuladd(z, b.fadd(z, b.constant(-105)), b.constant(945)))
    under = b.fmuladd(z, b.fmuladd(z, b.constant(15), b.constant(-420)), b.constant(945))
    odd = bit(b, bits, 1)
    top, bottom = b.select(odd, b.fneg(under), over), b.select(odd, over, under)
    return registers.quotient(b, top, bottom)


def bit(b: VectorBuilder, bits: str, value: int) -> str:
    """Mask of a bit of the quadrant."""
    ints = b.integers
    masked = ints.binary("and", bits, ints.constant(value))
    return ints.compare("not_equal", masked, ints.constant(0))


def turn(b: VectorBuilder, primitive: str, sin: str, cos: str, bits: str) -> str:
    """sin, cos or tan of n pi/2 + r, from those of r and the bits of n."""
    odd = bit(b, bits, 1)
    if primitive == "tan":
        over, under = b.select(odd, cos, sin), b.select(odd, b.fneg(sin), cos)
        return b.fdiv(over, under)
    if primitive == "sin":
        value = b.select(odd, cos, sin)
        return b.select(bit(b, bits, 2), b.fneg(value), value)
    value = b.select(odd, sin, cos)
    ints = b.integers
    turned = ints.binary("add", bits, ints.constant(1))
    return b.select(bit(b, turned, 2), b.fneg(value), value)


def trigonometric(primitive: str) -> Rule:
    """sin, cos, tan: own code for ordinary arguments, libm for those beyond `TRIG_LIMIT`."""

    def body(function: OutlinedFunction) -> None:
        b = function.builder
        if b.name == "float64":
            value = turn(b, primitive, *sin_cos(b, "%a"))
        else:
            wide = b.of("float64")
            x = wide.cast("%a", b)
            found = tan_single(wide, x) if primitive == "tan" else by_half_turns(wide, primitive, x)
            value = b.cast(found, wide)
        if primitive == "tan" or (primitive == "sin" and b.name == "float64"):
            value = itself_if_small(b, "%a", value)
        beyond = b.test("ogt", b.intrinsic("fabs", "%a"), b.constant(TRIG_LIMIT))
        function.line(f"br i1 {b.any_lane(beyond)}, label %far, label %near")
        function.label("near")
        function.line(f"ret {b.type} {value}")
        function.label("far")  # lane by lane: no result depends on its neighbours
        far = b.select(beyond, by_lanes(b, primitive, "%a"), value)
        function.line(f"ret {b.type} {far}")

    return lambda b, x: b.outlined(primitive, [x], body)


def by_lanes(b: VectorBuilder, name: str, x: str) -> str:
    """libm's function, lane by lane."""
    symbol = name if b.name == "float64" else f"{name}f"
    line = f"declare {b.scalar} @{symbol}({b.scalar}) {_PURE}"
    b.declared[symbol] = line
    if not b.lanes:
        return b.emit(f"call {b.scalar} @{symbol}({b.scalar} {x})")
    value = "poison"
    for lane in range(b.lanes):
        one = b.emit(f"extractelement {b.type} {x}, i64 {lane}")
        one = b.emit(f"call {b.scalar} @{symbol}({b.scalar} {one})")
        value = b.emit(f"insertelement {b.type} {value}, {b.scalar} {one}, i64 {lane}")
    return value


# ---------------------------------------------------------------------------------- remainders
def fmod(b: VectorBuilder, x: str, y: str) -> str:
    """fmod of C; for quotients beyond `QUOTIENTS`, and where it is NaN or y infinite, in float64 or by libm.

    The rounded quotient reaches no whole number below the true one, so what it is cut to is right or 1
    too large; x less that many y is a multiple of the last digit of y, and no larger: exact.
    """

    def body(function: OutlinedFunction) -> None:
        b = function.builder
        zero = b.constant(0)
        over, under = b.intrinsic("fabs", "%a"), b.intrinsic("fabs", "%b")
        ratio = b.fdiv(over, under)
        rest = exact_product(b, b.fneg(b.intrinsic("trunc", ratio)), under, over)
        rest = b.select(b.test("olt", rest, zero), b.fadd(rest, under), rest)
        value = b.intrinsic("copysign", rest, "%a")
        finite = b.test("olt", under, b.constant(np.inf))
        plain = b.both("and", b.test("olt", ratio, b.constant(QUOTIENTS[b.name])), finite)
        far = b.both("xor", plain, b.yes)
        function.line(f"br i1 {b.any_lane(far)}, label %far, label %near")
        function.label("near")
        function.line(f"ret {b.type} {value}")
        function.label("far")
        if b.name == "float64":
            exact = b.binary("frem", "%a", "%b")
        else:
            wide = b.of("float64")
            exact = b.cast(fmod(wide, wide.cast("%a", b), wide.cast("%b", b)), wide)
        function.line(f"ret {b.type} {b.select(far, exact, value)}")

    return b.outlined("fmod", [x, y], body)


# -------------------------------------------------------------------------------------- power
def exact_product(b: VectorBuilder, x: str, y: str, z: str) -> str:
    """x * y + z rounded once on every machine (by libm where it has no such instruction)."""
    return b.intrinsic("fma", x, y, z)


def log_two_doubles(b: VectorBuilder, a: str) -> tuple[str, str]:
    """log(a) for a > 0 as two float64, to about 2^-68."""
    m, k, _ = decompose_any(b, a)
    # s = f / (2 + f) as sh + sl
    f = b.fsub(m, b.constant(1))
    two = b.constant(2)
    dh = b.fadd(f, two)
    dl = b.fsub(f, b.fsub(dh, two))
    inverse = b.fdiv(b.constant(1), dh)
    sh = b.fmul(f, inverse)
    rest = exact_product(b, b.fneg(sh), dl, exact_product(b, b.fneg(sh), dh, f))
    sl = b.fmul(rest, inverse)
    # the square z of s
    zh = b.fmul(sh, sh)
    zl = exact_product(b, b.fadd(sh, sh), sl, exact_product(b, sh, sh, b.fneg(zh)))
    # the factor w = 2 + 2/3 z + z^2 tail(z)
    ch, cl = (b.constant(part) for part in table.TWO_THIRDS)
    ph = b.fmul(zh, ch)
    pl = exact_product(b, zl, ch, exact_product(b, zh, cl, exact_product(b, zh, ch, b.fneg(ph))))
    tail = b.polynomial(zh, "log in two doubles")
    pl = b.fadd(pl, b.fmul(b.fmul(zh, zh), tail))
    wh = b.fadd(two, ph)
    wl = b.fadd(b.fsub(ph, b.fsub(wh, two)), pl)
    # the product s * w, the logarithm of m
    lh = b.fmul(sh, wh)
    ll = exact_product(b, sl, wh, exact_product(b, sh, wl, exact_product(b, sh, wh, b.fneg(lh))))
    # + k ln2: k * high is exact, and not below lh unless it is 0
    high, low = b.format.ln2
    kh = b.fmul(k, b.constant(high))
    th = b.fadd(kh, lh)
    return th, b.fadd(b.fadd(b.fsub(kh, th), lh), exact_product(b, k, b.constant(low), ll))


def power_magnitude(b: VectorBuilder, a: str, y: str) -> str:
    """a^y for finite a > 0 and finite y, float64."""
    th, tl = log_two_doubles(b, a)
    eh = b.fmul(th, y)
    el = exact_product(b, tl, y, exact_product(b, th, y, b.fneg(eh)))
    clamped = b.at_most(b.at_least(eh, -800), 800)
    n, _, r = reduce_by_ln2(b, clamped)
    r = b.fadd(r, b.select(b.test("oeq", clamped, eh), el, b.constant(0)))
    return scale(b, b.fadd(expm1_reduced(b, r), b.constant(1)), n)


def power_single(b: VectorBuilder, a: str, y: str) -> str:
    """a^y for finite a > 0 and finite y, float64 of which float32 is wanted."""
    m, k, _ = decompose(b, a)
    f = b.fsub(m, b.constant(1))
    s = registers.quotient(b, f, b.fadd(b.constant(2), f))
    log2 = b.fmuladd(s, b.polynomial(b.fmul(s, s), "log2 ratio", "single"), k)
    exponent = b.at_most(b.at_least(b.fmul(log2, y), -200), 200)
    magic = b.constant(b.format.magic)
    shifted = b.fadd(exponent, magic)
    r = b.fsub(exponent, b.fsub(shifted, magic))
    value = b.fmuladd(r, b.polynomial(r, "exp2 ratio", "single"), b.constant(1))
    ints = b.integers
    n = ints.binary("shl", b.to_bits(shifted), ints.constant(b.format.fraction))
    return b.from_bits(ints.binary("add", b.to_bits(value), n))


def power(b: VectorBuilder, x: str, y: str) -> str:
    """pow of C.  float32 goes through float64, whose plain logarithm is exact enough for it."""

    def body(function: OutlinedFunction) -> None:
        inner = function.builder
        value = _power_of_size(inner, "%a", "%b")
        zero, inf = inner.constant(0), inner.constant(np.inf)
        inside = inner.both("and", inner.test("ogt", "%a", zero), inner.test("olt", "%a", inf))
        inside = inner.both("and", inside, inner.test("olt", inner.intrinsic("fabs", "%b"), inf))
        outside = inner.both("xor", inside, inner.yes)
        function.line(f"br i1 {inner.any_lane(outside)}, label %ends, label %plain")
        function.label("plain")
        function.line(f"ret {inner.type} {value}")
        function.label("ends")
        function.line(f"ret {inner.type} {_power_at_ends(inner, value, '%a', '%b')}")

    return b.outlined("power", [x, y], body)


def _power_of_size(b: VectorBuilder, x: str, y: str) -> str:
    """|x|^y for finite x other than 0, and finite y."""
    a = b.intrinsic("fabs", x)
    if b.name == "float64":
        return power_magnitude(b, a, y)
    wide = b.of("float64")
    return b.cast(power_single(wide, wide.cast(a, b), wide.cast(y, b)), wide)


def _power_at_ends(b: VectorBuilder, value: str, x: str, y: str) -> str:
    """x^y, given `_power_of_size`."""
    a = b.intrinsic("fabs", x)
    zero, one, inf, nan = (b.constant(v) for v in (0, 1, np.inf, np.nan))
    rising = b.test("ogt", y, zero)
    is_zero, is_inf = b.test("oeq", a, zero), b.test("oeq", a, inf)
    value = b.select(is_zero, b.select(rising, zero, inf), value)
    value = b.select(is_inf, b.select(rising, inf, zero), value)
    # y = inf: by a > 1 or a < 1
    to_zero = b.both("xor", b.test("ogt", a, one), rising)
    endless = b.select(b.test("oeq", a, one), one, b.select(to_zero, zero, inf))
    value = b.select(b.test("oeq", b.intrinsic("fabs", y), inf), endless, value)
    # x < 0 or -0: odd integers y keep the sign, other non-integers make NaN
    integral = b.test("oeq", b.intrinsic("floor", y), y)
    halved = b.fmul(y, b.constant(0.5))
    even = b.test("oeq", b.intrinsic("floor", halved), halved)
    signed = b.select(even, value, b.fneg(value))
    broken = b.select(b.both("or", is_zero, is_inf), value, nan)
    sign_set = b.test("olt", b.intrinsic("copysign", one, x), zero)
    value = b.select(sign_set, b.select(integral, signed, broken), value)
    value = b.select(b.test("uno", x, y), nan, value)
    certain = b.both("or", b.test("oeq", y, zero), b.test("oeq", x, one))
    return b.select(certain, one, value)
