"""Exponentials, logarithms, powers, roots, trigonometric and hyperbolic functions of z = x + iy.

The errors are relative to |f(z)|, not to each part.  Special values are C99's (Annex G) but where a
part of z is infinite and NumPy gives the other part of the result a sign or an infinity: there it
may be NaN.  |z| near the largest float may overflow on the way.
"""

from __future__ import annotations

import math

import numpy as np

from eqsat_tensor.complexes.arithmetic import (
    choose,
    inverted,
    is_zero,
    length,
    one,
    over,
    squared,
    times,
    zero,
)
from eqsat_tensor.complexes.parts import Parts, rule
from eqsat_tensor.lang import FLOAT32, Expr
from eqsat_tensor.ops.arithmetic import (
    absolute,
    add,
    divide,
    maximum,
    minimum,
    multiply,
    negative,
    sqrt,
    square,
    subtract,
)
from eqsat_tensor.ops.compare import (
    equal,
    greater,
    greater_equal,
    isnan,
    less,
    logical_and,
    logical_not,
    where,
)
from eqsat_tensor.ops.hyperbolic import arctan2, cosh, sinh
from eqsat_tensor.ops.leaf import constant_of, full_like
from eqsat_tensor.ops.parts import copysign
from eqsat_tensor.ops.roots import hypot
from eqsat_tensor.ops.transcendental import cos, exp, expm1, log, log1p, sin, tan

WHOLE_POWER = 100  # NumPy multiplies for whole exponents below


def _by(x: Expr, factor: float) -> Expr:
    return multiply(x, full_like(x, factor))


def _product(a: Expr, b: Expr) -> Expr:
    """a b, but 0 where one is 0 and the other infinite or NaN."""
    both = multiply(a, b)
    lost = isnan(both)
    for own, other in ((b, a), (a, b)):
        signed = where(isnan(other), own, multiply(own, copysign(one(other), other)))
        both = where(logical_and(lost, equal(own, zero(own))), signed, both)
    return both


# ------------------------------------------------------------------------- exponentials, logarithms
@rule("exp")
def exponential(z: Parts) -> Parts:
    """e^x (cos y + i sin y); where e^x alone overflows, a part of it is multiplied at the end."""
    x, y = z
    limit = 80.0 if x.dtype == FLOAT32 else 700.0
    beyond = greater(x, full_like(x, limit))
    size = exp(where(beyond, subtract(x, full_like(x, limit)), x))
    factor = where(beyond, full_like(x, math.exp(limit)), one(x))
    re = multiply(_product(size, cos(y)), factor)
    im = multiply(_product(size, sin(y)), factor)
    return Parts(re, where(equal(y, zero(y)), y, im))


@rule("expm1")
def _expm1(z: Parts) -> Parts:
    """expm1(x) cos y - 2 sin(y/2)^2: accurate near 0."""
    x, y = z
    half = square(sin(_by(y, 0.5)))
    re = subtract(_product(expm1(x), cos(y)), _by(half, 2.0))
    return Parts(re, where(equal(y, zero(y)), y, _product(exp(x), sin(y))))


def _log_length(z: Parts, y: Expr, less_one: Expr) -> Expr:
    """log |z|, near |z| = 1 by the sum of squares less 1: ``less_one`` (2 + less_one) + y^2."""
    size = length(z)
    beyond = add(multiply(less_one, add(less_one, full_like(y, 2))), square(y))
    near = logical_and(greater(size, full_like(y, 0.5)), less(size, full_like(y, 2.0)))
    return where(near, _by(log1p(where(near, beyond, one(y))), 0.5), log(size))


@rule("log")
def logarithm(z: Parts) -> Parts:
    """log |z| + i arg z."""
    re, im = absolute(z.re), absolute(z.im)
    top, low = maximum(re, im), minimum(re, im)
    return Parts(_log_length(z, low, subtract(top, one(top))), arctan2(z.im, z.re))


@rule("log1p")
def _log1p(z: Parts) -> Parts:
    above = Parts(add(z.re, one(z.re)), z.im)
    forward = greater_equal(above.re, zero(z.re))
    less_one = where(forward, z.re, subtract(negative(above.re), one(z.re)))
    return Parts(_log_length(above, z.im, less_one), arctan2(z.im, above.re))


@rule("log2")
def _log2(z: Parts) -> Parts:
    return Parts(*(_by(p, 1 / math.log(2)) for p in logarithm(z)))


@rule("log10")
def _log10(z: Parts) -> Parts:
    return Parts(*(_by(p, 1 / math.log(10)) for p in logarithm(z)))


@rule("exp2")
def _exp2(z: Parts) -> Parts:
    return exponential(Parts(*(_by(p, math.log(2)) for p in z)))


# ---------------------------------------------------------------------------------- powers, roots
@rule("sqrt")
def root(z: Parts) -> Parts:
    """t = sqrt((|x| + |z|) / 2) is the larger part, y / 2t the other; halves do not overflow."""
    x, y = z
    halves = [_by(absolute(p), 0.5) for p in z]
    t = sqrt(add(halves[0], hypot(*halves)))
    double = _by(t, 2.0)
    other = divide(y, where(equal(t, zero(t)), one(t), double))
    infinite = equal(absolute(y), full_like(y, np.inf))
    right = logical_not(less(x, zero(x)))
    re = where(right, t, absolute(other))
    im = where(right, other, copysign(t, y))
    return Parts(where(infinite, full_like(x, np.inf), re), where(infinite, y, im))


@rule("power")
def _power(a: Parts, b: Parts) -> Parts:
    """exp(b log a); products for whole exponents that are constants; 0^b is 0 where b > 0, 0^0 is 1."""
    exponent = _whole_constant(b)
    if exponent is not None and abs(exponent) < WHOLE_POWER:
        return _whole_power(a, exponent)
    nothing = is_zero(a)
    base = choose(nothing, Parts(one(a.re), zero(a.im)), a)
    found = exponential(times(b, logarithm(base)))
    nan = full_like(a.re, np.nan)
    real = equal(b.im, zero(b.im))
    rising = logical_and(real, greater(b.re, zero(b.re)))
    at_zero = where(rising, zero(nan), nan)
    found = choose(nothing, Parts(at_zero, at_zero), found)
    return choose(is_zero(b), Parts(one(a.re), zero(a.im)), found)


def _whole_constant(z: Parts) -> int | None:
    """The whole number that a constant is."""
    number = constant_of(z.re)
    whole = number is not None and constant_of(z.im) == 0 and float(number).is_integer()
    return int(number) if whole else None


def _whole_power(z: Parts, exponent: int) -> Parts:
    """By squaring: z^5 = z (z^2)^2."""
    result: Parts | None = None
    factor, left = z, abs(exponent)
    while left:
        if left % 2:
            result = factor if result is None else times(result, factor)
        left //= 2
        if left:
            factor = squared(factor)
    if result is None:
        return Parts(one(z.re), zero(z.im))
    return over(Parts(one(z.re), zero(z.im)), result) if exponent < 0 else result


# ------------------------------------------------------------------- trigonometric and hyperbolic
@rule("sinh")
def _sinh(z: Parts) -> Parts:
    return Parts(_product(sinh(z.re), cos(z.im)), _product(cosh(z.re), sin(z.im)))


@rule("cosh")
def _cosh(z: Parts) -> Parts:
    return Parts(_product(cosh(z.re), cos(z.im)), _product(sinh(z.re), sin(z.im)))


@rule("sin")
def _sin(z: Parts) -> Parts:
    return Parts(_product(sin(z.re), cosh(z.im)), _product(cos(z.re), sinh(z.im)))


@rule("cos")
def _cos(z: Parts) -> Parts:
    return Parts(_product(cos(z.re), cosh(z.im)), negative(_product(sin(z.re), sinh(z.im))))


@rule("tanh")
def hyperbolic_tangent(z: Parts) -> Parts:
    """Kahan's: with t = tan y, s = sinh x: (s cosh x (1 + t^2) + i t) / (1 + s^2 (1 + t^2)).

    Beyond |x| = 20 it is +-1 + 4i sin y cos y e^(-2|x|).
    Source: W. Kahan 1987, "Branch cuts for complex elementary functions".
    """
    x, y = z
    far = greater(absolute(x), full_like(x, 20.0))
    near = where(far, zero(x), x)
    t, s = tan(y), sinh(near)
    slope = add(one(t), square(t))
    below = add(one(s), multiply(slope, square(s)))
    re = divide(multiply(multiply(slope, cosh(near)), s), below)
    tail = _product(_by(multiply(sin(y), cos(y)), 4.0), exp(_by(absolute(x), -2.0)))
    re = where(far, copysign(one(x), x), re)
    im = where(far, tail, divide(t, below))
    return Parts(re, where(equal(y, zero(y)), y, im))


@rule("tan")
def _tan(z: Parts) -> Parts:
    """-i tanh(iz)."""
    turned = hyperbolic_tangent(Parts(negative(z.im), z.re))
    return Parts(turned.im, negative(turned.re))


__all__ = ["exponential", "hyperbolic_tangent", "inverted", "length", "logarithm", "root"]
