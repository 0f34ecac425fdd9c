"""arcsin, arccos, arctan2: inverse trigonometric functions by a square root or a quotient."""

from __future__ import annotations

import numpy as np

from eqsat_tensor.lower.cpu import coefficients as table
from eqsat_tensor.lower.cpu.builder import VectorBuilder

# By dtype, in two parts each.
PI = {"float64": table.PI_DOUBLES, "float32": table.PI_SINGLES}
THREE_QUARTERS_PI = {
    "float64": table.THREE_QUARTERS_PI_DOUBLES,
    "float32": table.THREE_QUARTERS_PI_SINGLES,
}


def _arcsin_parts(b: VectorBuilder, x: str) -> tuple[str, str, str]:
    """Mask of |x| < 1/2 (or NaN), s, and a tail: asin(s) = s + tail.

    s is |x|, or sqrt((1 - |x|) / 2), from which asin|x| = pi/2 - 2 asin(s).
    """
    a = b.intrinsic("fabs", x)
    near = b.test("ult", a, b.constant(0.5))
    half = b.constant(0.5)
    z = b.select(near, b.fmul(x, x), b.fmul(b.fsub(b.constant(1), a), half))
    s = b.select(near, a, b.intrinsic("sqrt", z))
    return near, s, b.fmul(b.fmul(s, z), b.polynomial(z, "arcsin"))


def arcsin(b: VectorBuilder, x: str) -> str:
    """The inverse sine; NaN beyond -1 and 1."""
    near, s, tail = _arcsin_parts(b, x)
    high, low = (b.constant(part / 2) for part in PI[b.name])
    # pi/2 - 2 s - 2 tail, what the first difference loses being kept (2 s < pi/2)
    twice = b.fadd(s, s)
    first = b.fsub(high, twice)
    lost = b.fsub(b.fsub(high, first), twice)
    far = b.fadd(first, b.fadd(lost, b.fsub(low, b.fadd(tail, tail))))
    return b.intrinsic("copysign", b.select(near, b.fadd(s, tail), far), x)


def arccos(b: VectorBuilder, x: str) -> str:
    """The inverse cosine, from 0 to pi; NaN beyond -1 and 1."""
    near, s, tail = _arcsin_parts(b, x)
    zero = b.constant(0)
    high, low = PI[b.name]
    below = b.test("olt", x, zero)

    def turned(part: float) -> str:
        """pi/2 near 0; pi for x <= -1/2, 0 for x >= 1/2."""
        return b.select(near, b.constant(part / 2), b.select(below, b.constant(part), zero))

    # near: pi/2 - x - ...; x >= 1/2: 2 asin(s); x <= -1/2: pi - 2 asin(s)
    minus = b.both("xor", near, below)
    factor = b.select(near, b.constant(1), b.constant(2))
    signed = b.select(minus, b.fneg(factor), factor)
    s, tail = b.fmul(s, signed), b.fmul(tail, signed)
    base = turned(high)
    total = b.fadd(base, s)
    lost = b.fadd(b.fsub(base, total), s)
    return b.fadd(total, b.fadd(lost, b.fadd(turned(low), tail)))


def arctan2(b: VectorBuilder, y: str, x: str) -> str:
    """The angle of the point (x, y): Cephes' arctan, its quotient taken of y and x themselves."""
    zero, one, inf = b.constant(0), b.constant(1), b.constant(np.inf)
    p, q = b.intrinsic("fabs", y), b.intrinsic("fabs", x)
    both = b.both("and", b.test("oeq", p, inf), b.test("oeq", q, inf))
    p, q = b.select(both, one, p), b.select(both, one, q)
    # sums must not overflow
    top = b.constant(2.0 ** (b.format.bias - 2))
    large = b.both("or", b.test("ogt", p, top), b.test("ogt", q, top))
    less = b.select(large, b.constant(0.25), one)
    p, q = b.fmul(p, less), b.fmul(q, less)
    middle = b.test("ogt", p, b.fmul(q, b.constant(0.41421356237309503)))
    steep = b.test("ogt", p, b.fmul(q, b.constant(2.414213562373095)))
    above = b.select(steep, b.fneg(q), b.select(middle, b.fsub(p, q), p))
    below = b.select(steep, p, b.select(middle, b.fadd(p, q), q))
    t = b.fdiv(above, b.select(b.test("oeq", below, zero), one, below))
    z = b.fmul(t, t)
    tail = b.fmul(b.fmul(t, z), b.polynomial(z, "arctan"))
    left = b.test("olt", b.intrinsic("copysign", one, x), zero)
    pi, most = PI[b.name], THREE_QUARTERS_PI[b.name]

    def offset(part: int) -> str:
        """0, pi/4 or pi/2; of the second quadrant (x < 0), that less pi."""

        def either(first: float, second: float) -> str:
            return b.select(left, b.constant(second), b.constant(first))

        half, quarter = either(pi[part] / 2, -pi[part] / 2), either(pi[part] / 4, -most[part])
        return b.select(steep, half, b.select(middle, quarter, either(0, -pi[part])))

    value = b.fadd(offset(0), b.fadd(t, b.fadd(tail, offset(1))))
    value = b.intrinsic("copysign", value, y)
    return b.select(b.test("uno", x, y), b.constant(np.nan), value)
