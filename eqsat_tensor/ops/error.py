"""The error functions' relatives: normal distribution, Dawson, exponential integrals, dilogarithm.

Derivatives: DLMF 7.10, 7.2, 6.2, 25.12; Owen's T function: Owen 1956, Ann. Math. Statist. 27.
"""

from __future__ import annotations

import math

from eqsat_tensor.lang import Expr, OpDef
from eqsat_tensor.ops.arithmetic import (
    absolute,
    add,
    divide,
    multiply,
    negative,
    sqrt,
    square,
    subtract,
)
from eqsat_tensor.ops.compare import equal, greater, less, where
from eqsat_tensor.ops.forms import complement, composite, external, horner, scaled, shifted
from eqsat_tensor.ops.leaf import full_like
from eqsat_tensor.ops.transcendental import erf, erfc, exp, expm1, log, log1p, sin

TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)
FAR = 10.0  # beyond, thirteen terms of the asymptotic series are exact to double precision


def _far_slope(x: Expr, sign: float) -> Expr:
    """w (1 + 3 sign w + 15 w^2 + 105 sign w^3 + ...), w = 1 / 2x^2, for |x| > `FAR`.

    2x f(x) - c, the derivative of erfcx and dawsn, is there a difference of two that nearly agree.
    """
    w = divide(full_like(x, 0.5), square(x))
    coefficients = [sign**n * math.prod(range(1, 2 * n + 2, 2)) for n in range(12, -1, -1)]
    return multiply(w, horner(w, coefficients))


def _erfcx_slope(x: Expr, out: Expr) -> Expr:
    near = shifted(multiply(scaled(x, 2), out), -TWO_OVER_ROOT_PI)
    far = scaled(_far_slope(x, -1), -TWO_OVER_ROOT_PI)
    return where(greater(x, full_like(x, FAR)), far, near)


def _dawsn_slope(x: Expr, out: Expr) -> Expr:
    near = complement(multiply(scaled(x, 2), out))
    return where(greater(absolute(x), full_like(x, FAR)), negative(_far_slope(x, 1)), near)


erfcx: OpDef = external(
    "erfcx", vjp=lambda ct, out, x: (multiply(ct, _erfcx_slope(x, out)),),
    doc="exp(x^2) erfc(x), which does not underflow.",
)  # fmt: skip
erfi: OpDef = external(
    "erfi", vjp=lambda ct, out, x: (multiply(ct, scaled(exp(square(x)), TWO_OVER_ROOT_PI)),),
    doc="The imaginary error function, -i erf(ix).",
)  # fmt: skip
dawsn: OpDef = external(
    "dawsn", vjp=lambda ct, out, x: (multiply(ct, _dawsn_slope(x, out)),),
    doc="Dawson's integral, exp(-x^2) times the integral of exp(t^2) from 0 to x.",
)  # fmt: skip
erfinv: OpDef = external(
    "erfinv", vjp=lambda ct, out, x: (divide(multiply(ct, exp(square(out))), full_like(x, TWO_OVER_ROOT_PI)),),
    doc="The inverse of erf, on (-1, 1).",
)  # fmt: skip
erfcinv: OpDef = external(
    "erfcinv", vjp=lambda ct, out, x: (divide(multiply(ct, exp(square(out))), full_like(x, -TWO_OVER_ROOT_PI)),),
    doc="The inverse of erfc, on (0, 2).",
)  # fmt: skip


# --------------------------------------------------------------------- the normal distribution
def normal_density(x: Expr) -> Expr:
    """exp(-x^2 / 2) / sqrt(2 pi)."""
    return scaled(exp(scaled(square(x), -0.5)), 1 / math.sqrt(2 * math.pi))


ndtr: OpDef = composite(
    "ndtr", 1, expand=lambda x: scaled(erfc(scaled(x, -math.sqrt(0.5))), 0.5),
    real=lambda x: scaled(erfc(negative(divide(x, sqrt(full_like(x, 2))))), 0.5),
    vjp=lambda ct, out, x: (multiply(ct, normal_density(x)),),
    doc="The distribution function of the standard normal distribution.",
)  # fmt: skip
log_ndtr: OpDef = external(
    "log_ndtr",
    vjp=lambda ct, out, x: (
        divide(scaled(ct, math.sqrt(2 / math.pi)), erfcx(scaled(x, -math.sqrt(0.5)))),),
    doc="The logarithm of ndtr, accurate in the tail.",
)  # fmt: skip
ndtri: OpDef = external(
    "ndtri",
    vjp=lambda ct, out, x: (
        scaled(multiply(ct, exp(scaled(square(out), 0.5))), math.sqrt(2 * math.pi)),),
    doc="The inverse of ndtr, on (0, 1).",
)  # fmt: skip

ndtri_exp: OpDef = external(
    "ndtri_exp",
    vjp=lambda ct, out, x: (
        scaled(multiply(ct, exp(add(x, scaled(square(out), 0.5)))), math.sqrt(2 * math.pi)),),
    doc="ndtri(exp(x)), the inverse of log_ndtr, for negative x.",
)  # fmt: skip


def _owens_t_vjp(ct: Expr, out: Expr, h: Expr, a: Expr) -> tuple[Expr, Expr]:
    along_h = multiply(normal_density(h), erf(scaled(multiply(a, h), math.sqrt(0.5))))
    slant = shifted(square(a), 1)
    along_a = divide(exp(scaled(multiply(square(h), slant), -0.5)), scaled(slant, 2 * math.pi))
    return multiply(ct, scaled(along_h, -0.5)), multiply(ct, along_a)


owens_t: OpDef = external(
    "owens_t", vjp=_owens_t_vjp,
    doc="Owen's T function, the probability of X > h and 0 < Y < a X for standard normal X, Y.",
)  # fmt: skip

# ------------------------------------------------------------------ integrals of exp, log, logit
exp1: OpDef = external(
    "exp1", vjp=lambda ct, out, x: (negative(multiply(ct, divide(exp(negative(x)), x))),),
    doc="The exponential integral E1, of exp(-t) / t from x to infinity.",
)  # fmt: skip
expi: OpDef = external(
    "expi", vjp=lambda ct, out, x: (multiply(ct, divide(exp(x), x)),),
    doc="The exponential integral Ei, of exp(t) / t from minus infinity to x.",
)  # fmt: skip


def _spence_slope(x: Expr) -> Expr:
    at_one = equal(x, full_like(x, 1))
    return where(at_one, full_like(x, -1), divide(log(x), complement(x)))


spence: OpDef = external(
    "spence", vjp=lambda ct, out, x: (multiply(ct, _spence_slope(x)),),
    doc="The dilogarithm as SciPy has it: the integral of log(t) / (1 - t) from 1 to x.",
)  # fmt: skip
cosm1: OpDef = composite(
    "cosm1", 1, expand=lambda x: scaled(square(sin(scaled(x, 0.5))), -2),
    vjp=lambda ct, out, x: (negative(multiply(ct, sin(x))),),
    doc="cos(x) - 1, accurate near 0.",
)  # fmt: skip


def _expand_exprel(x: Expr) -> Expr:
    known = where(equal(x, full_like(x, 0)), full_like(x, 1), divide(expm1(x), x))
    return where(equal(x, full_like(x, math.inf)), x, known)


def exprel_slope(x: Expr, value: Expr) -> Expr:
    """The derivative of exprel, whose value is given: (exp(x) - exprel(x)) / x, near 0 by a series."""
    series = horner(x, [k / math.factorial(k + 1) for k in range(18, 0, -1)])
    plain = divide(subtract(exp(x), value), x)
    finite = where(less(absolute(x), full_like(x, 1)), series, plain)
    return where(equal(x, full_like(x, math.inf)), x, finite)


exprel: OpDef = composite(
    "exprel", 1, expand=_expand_exprel,
    vjp=lambda ct, out, x: (multiply(ct, exprel_slope(x, out)),),
    doc="(exp(x) - 1) / x, and 1 at 0.",
)  # fmt: skip


def _expand_logit(x: Expr) -> Expr:
    odds = log(divide(x, complement(x)))
    twice = scaled(shifted(x, -0.5), 2)
    middle = subtract(log1p(twice), log1p(negative(twice)))
    return where(less(absolute(twice), full_like(x, 0.4)), middle, odds)


logit: OpDef = composite(
    "logit", 1, expand=_expand_logit,
    vjp=lambda ct, out, x: (divide(ct, multiply(x, complement(x))),),
    doc="log(x / (1 - x)), the inverse of expit; accurate near 1/2.",
)  # fmt: skip
