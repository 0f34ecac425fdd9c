"""The gamma function and its relatives.

Derivatives in the argument: DLMF 5.5, 5.12, 8.8, 8.17, 25.11.  The incomplete functions have no closed
derivative in their parameters: there it is `forms.slope_in`, differences of the function itself in
float64, with an error of about 1e-11 of the function's own scale.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from eqsat_tensor.lang import Expr, OpDef
from eqsat_tensor.ops.arithmetic import (
    absolute,
    add,
    divide,
    multiply,
    negative,
    reciprocal,
    remainder,
    sqrt,
    subtract,
)
from eqsat_tensor.ops.compare import (
    cast_to,
    equal,
    greater,
    isfinite,
    less,
    less_equal,
    logical_and,
    where,
)
from eqsat_tensor.ops.entropy import xlog1py, xlogy
from eqsat_tensor.ops.forms import complement, external, in_float64, scaled, shifted, slope_in
from eqsat_tensor.ops.leaf import full_like
from eqsat_tensor.ops.transcendental import exp, log

NO_ORDER = "There is no formula for it in known functions."

gamma: OpDef = external(
    "gamma", vjp=lambda ct, out, x: (multiply(ct, multiply(out, digamma(x))),),
    doc="The gamma function.",
)  # fmt: skip
gammaln: OpDef = external(
    "gammaln", vjp=lambda ct, out, x: (multiply(ct, digamma(x)),),
    doc="The logarithm of the absolute value of gamma.",
)  # fmt: skip
rgamma: OpDef = external(
    "rgamma", vjp=lambda ct, out, x: (multiply(ct, _rgamma_slope(x, out)),),
    doc="1 / gamma(x), which is 0 at the poles of gamma.",
)  # fmt: skip
gammasgn: OpDef = external(
    "gammasgn", vjp=lambda ct, out, x: (None,), doc="The sign of gamma(x); 0 at its poles.",
)  # fmt: skip
digamma: OpDef = external(
    "digamma", vjp=lambda ct, out, x: (multiply(ct, polygamma(1, x)),),
    doc="The derivative of gammaln; SciPy's psi.",
)  # fmt: skip
zeta: OpDef = external(
    "zeta", refused={0: NO_ORDER},
    vjp=lambda ct, out, x, q: (None, negative(multiply(ct, multiply(x, zeta(shifted(x, 1), q))))),
    doc="Hurwitz' zeta function, the sum of (k + q)^-x over k = 0, 1, ...",
)  # fmt: skip
riemann_zeta: OpDef = external(
    "riemann_zeta", refused={0: NO_ORDER}, vjp=lambda ct, out, x: (None,),
    doc="Riemann's zeta function of a real number.",
)  # fmt: skip


def polygamma(order: int, x: Expr) -> Expr:
    """The derivative of digamma of that order, by Hurwitz' zeta function."""
    if order == 0:
        return digamma(x)
    size = float(math.factorial(order)) if order <= 170 else math.inf
    return scaled(zeta(full_like(x, order + 1), x), size if order % 2 else -size)


def _rgamma_slope(x: Expr, out: Expr) -> Expr:
    """-digamma(x) / gamma(x), and (-1)^n n! at -n, where that is infinity times 0."""
    zero = full_like(x, 0)
    pole = logical_and(less_equal(x, zero), equal(out, zero))
    sign = complement(scaled(remainder(x, full_like(x, 2)), 2))
    return where(pole, multiply(sign, gamma(complement(x))), negative(multiply(out, digamma(x))))


# ------------------------------------------------------------------------ beta and coefficients
def _beta_slopes(a: Expr, b: Expr) -> tuple[Expr, Expr]:
    both = digamma(add(a, b))
    return subtract(digamma(a), both), subtract(digamma(b), both)


def _times_beta_slopes(ct: Expr, out: Expr, a: Expr, b: Expr) -> tuple[Expr, ...]:
    scale = multiply(ct, out)
    return tuple(multiply(scale, slope) for slope in _beta_slopes(a, b))


def _binom_vjp(ct: Expr, out: Expr, n: Expr, k: Expr) -> tuple[Expr, Expr]:
    scale, rest = multiply(ct, out), digamma(shifted(subtract(n, k), 1))
    return (
        multiply(scale, subtract(digamma(shifted(n, 1)), rest)),
        multiply(scale, subtract(rest, digamma(shifted(k, 1)))),
    )


def _poch_vjp(ct: Expr, out: Expr, z: Expr, m: Expr) -> tuple[Expr, Expr]:
    scale, end = multiply(ct, out), digamma(add(z, m))
    return multiply(scale, subtract(end, digamma(z))), multiply(scale, end)


beta: OpDef = external(
    "beta", commutative=True, vjp=_times_beta_slopes, doc="gamma(a) gamma(b) / gamma(a + b).",
)  # fmt: skip
betaln: OpDef = external(
    "betaln", commutative=True,
    vjp=lambda ct, out, a, b: tuple(multiply(ct, slope) for slope in _beta_slopes(a, b)),
    doc="The logarithm of the absolute value of beta.",
)  # fmt: skip
binom: OpDef = external(
    "binom", vjp=_binom_vjp,
    doc="The binomial coefficient of real n and k; its derivatives are NaN for whole k > n >= 0.",
)  # fmt: skip
poch: OpDef = external(
    "poch", vjp=_poch_vjp, doc="gamma(z + m) / gamma(z), the rising factorial.",
)  # fmt: skip


# --------------------------------------------------------------------------- incomplete functions
def _spread(a: Expr) -> Expr:
    """The reciprocal of the length over which a gamma distribution of shape ``a`` changes in it."""
    return divide(shifted(sqrt(a), 1), a)


def _gamma_density(a: Expr, x: Expr) -> Expr:
    density = exp(subtract(subtract(xlogy(shifted(a, -1), x), x), gammaln(a)))
    return where(equal(x, full_like(x, math.inf)), full_like(x, 0), density)


def _gammainc_in_a(function: Callable[..., Expr], a: Expr, x: Expr) -> Expr:
    """The derivative in ``a`` of gammainc or gammaincc; 0 at both ends of x."""
    shape, at = in_float64([a, x])
    length = add(_spread(shape), absolute(log(divide(at, shifted(shape, 1)))))
    step = divide(full_like(shape, 0.02), length)
    inside = logical_and(greater(at, full_like(at, 0)), isfinite(at))
    slope = where(inside, slope_in(function, [shape, at], 0, step), full_like(shape, 0))
    return cast_to(slope, a.dtype)


def _gammainc_vjp(ct: Expr, out: Expr, a: Expr, x: Expr) -> tuple[Expr, Expr]:
    return multiply(ct, _gammainc_in_a(gammainc, a, x)), multiply(ct, _gamma_density(a, x))


def _gammaincc_vjp(ct: Expr, out: Expr, a: Expr, x: Expr) -> tuple[Expr, Expr]:
    density = negative(_gamma_density(a, x))
    return multiply(ct, _gammainc_in_a(gammaincc, a, x)), multiply(ct, density)


def _gammaincinv_vjp(sign: float) -> Callable[..., tuple[Expr, Expr]]:
    def vjp(ct: Expr, out: Expr, a: Expr, p: Expr) -> tuple[Expr, Expr]:
        along_p = divide(ct, _gamma_density(a, out))
        return negative(multiply(along_p, _gammainc_in_a(gammainc, a, out))), scaled(along_p, sign)

    return vjp


gammainc: OpDef = external(
    "gammainc", vjp=_gammainc_vjp,
    doc="The regularized lower incomplete gamma function P(a, x).",
)  # fmt: skip
gammaincc: OpDef = external(
    "gammaincc", vjp=_gammaincc_vjp,
    doc="The regularized upper incomplete gamma function Q(a, x).",
)  # fmt: skip
gammaincinv: OpDef = external(
    "gammaincinv", vjp=_gammaincinv_vjp(1), doc="The x at which gammainc(a, x) is p.",
)  # fmt: skip
gammainccinv: OpDef = external(
    "gammainccinv", vjp=_gammaincinv_vjp(-1), doc="The x at which gammaincc(a, x) is p.",
)  # fmt: skip


def _beta_density(a: Expr, b: Expr, x: Expr) -> Expr:
    powers = add(xlogy(shifted(a, -1), x), xlog1py(shifted(b, -1), negative(x)))
    return exp(subtract(powers, betaln(a, b)))


def _betainc_in(number: int, function: Callable[..., Expr], a: Expr, b: Expr, x: Expr) -> Expr:
    """The derivative of betainc or betaincc in a (0) or b (1); 0 at both ends of x."""
    operands = in_float64([a, b, x])
    first, second, at = operands
    shape = operands[number]
    part, mean = (at, divide(first, add(first, second))) if number == 0 else (
        complement(at), divide(second, add(first, second)))  # fmt: skip
    length = add(_spread(shape), absolute(log(divide(part, mean))))
    step = divide(full_like(shape, 0.02), length)
    zero = full_like(at, 0)
    inside = logical_and(greater(at, zero), less(at, full_like(at, 1)))
    slope = where(inside, slope_in(function, operands, number, step), zero)
    return cast_to(slope, a.dtype)


def _betainc_vjp(ct: Expr, out: Expr, a: Expr, b: Expr, x: Expr) -> Sequence[Expr]:
    slopes = [_betainc_in(k, betainc, a, b, x) for k in (0, 1)]
    return [multiply(ct, slope) for slope in (*slopes, _beta_density(a, b, x))]


def _betaincc_vjp(ct: Expr, out: Expr, a: Expr, b: Expr, x: Expr) -> Sequence[Expr]:
    slopes = [_betainc_in(k, betaincc, a, b, x) for k in (0, 1)]
    return [multiply(ct, slope) for slope in (*slopes, negative(_beta_density(a, b, x)))]


def _betaincinv_vjp(sign: float) -> Callable[..., Sequence[Expr]]:
    def vjp(ct: Expr, out: Expr, a: Expr, b: Expr, p: Expr) -> Sequence[Expr]:
        along_p = multiply(ct, reciprocal(_beta_density(a, b, out)))
        slopes = [_betainc_in(k, betainc, a, b, out) for k in (0, 1)]
        return [*(negative(multiply(along_p, s)) for s in slopes), scaled(along_p, sign)]

    return vjp


betainc: OpDef = external(
    "betainc", vjp=_betainc_vjp,
    doc="The regularized incomplete beta function, the part of beta(a, b) up to x.",
)  # fmt: skip
betaincc: OpDef = external(
    "betaincc", vjp=_betaincc_vjp, doc="1 - betainc(a, b, x), accurate near 1.",
)  # fmt: skip
betaincinv: OpDef = external(
    "betaincinv", vjp=_betaincinv_vjp(1), doc="The x at which betainc(a, b, x) is p.",
)  # fmt: skip
betainccinv: OpDef = external(
    "betainccinv", vjp=_betaincinv_vjp(-1), doc="The x at which betaincc(a, b, x) is p.",
)  # fmt: skip
