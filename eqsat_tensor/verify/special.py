"""The special functions over the reals, by mpmath: their meaning for `truth`, and for tests.

Each is a function of an mpmath context and of finite operands; None, or an exception of mpmath's,
is a value that is not settled.  Inverses of incomplete functions have no entry in mpmath: they
are not drawn in random programs (`NOT_DRAWN`) and are tested by what they invert.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from eqsat_tensor.scalar import PRIMITIVES
from eqsat_tensor.verify.elements import Element, nan, out_of_reach, special

Formula = Callable[..., Any]


def _log_ndtr(c: Any, x: Any) -> Any:
    tail = c.erfc(abs(x) / c.sqrt(2)) / 2
    return c.log1p(-tail) if x > 0 else c.log(tail)


def _erfinv(c: Any, x: Any) -> Any:
    return c.erfinv(x) if abs(x) < 1 else None


def _erfcinv(c: Any, x: Any) -> Any:
    if not 0 < x < 2:
        return None
    with c.workprec(c.prec + max(0, int(-c.log(x, 2)))):  # 1 - x is to keep what x says
        return c.erfinv(1 - x)


def _ndtri(c: Any, x: Any) -> Any:
    inner = _erfcinv(c, 2 * x)
    return None if inner is None else -c.sqrt(2) * inner


def _owens_t(c: Any, h: Any, a: Any) -> Any:
    def density(t: Any) -> Any:
        return c.exp(-h * h * (1 + t * t) / 2) / (1 + t * t)

    return c.quad(density, [0, a]) / (2 * c.pi)


FORMULAS: dict[str, Formula] = {
    "erfcx": lambda c, x: c.exp(x * x) * c.erfc(x),
    "erfi": lambda c, x: c.erfi(x),
    "dawsn": lambda c, x: c.sqrt(c.pi) / 2 * c.exp(-x * x) * c.erfi(x),
    "erfinv": _erfinv,
    "erfcinv": _erfcinv,
    "log_ndtr": _log_ndtr,
    "ndtri": _ndtri,
    "ndtri_exp": lambda c, x: _ndtri(c, c.exp(x)),
    "owens_t": _owens_t,
    "exp1": lambda c, x: c.e1(x),
    "expi": lambda c, x: c.ei(x),
    "spence": lambda c, x: c.polylog(2, 1 - x),
    "gamma": lambda c, x: c.gamma(x),
    "gammaln": lambda c, x: c.log(abs(c.gamma(x))) if x < 0 else c.loggamma(x),
    "rgamma": lambda c, x: c.rgamma(x),
    "gammasgn": lambda c, x: c.sign(c.rgamma(x)),
    "digamma": lambda c, x: c.digamma(x),
    "zeta": lambda c, x, q: c.zeta(x, q),
    "riemann_zeta": lambda c, x: c.zeta(x),
    "gammainc": lambda c, a, x: c.gammainc(a, 0, x, regularized=True),
    "gammaincc": lambda c, a, x: c.gammainc(a, x, c.inf, regularized=True),
    "beta": lambda c, a, b: c.beta(a, b),
    "betaln": lambda c, a, b: c.log(abs(c.beta(a, b))),
    "betainc": lambda c, a, b, x: c.betainc(a, b, 0, x, regularized=True),
    "betaincc": lambda c, a, b, x: c.betainc(a, b, x, 1, regularized=True),
    "binom": lambda c, n, k: c.binomial(n, k),
    "poch": lambda c, z, m: c.rf(z, m),
    "j0": lambda c, x: c.besselj(0, x),
    "j1": lambda c, x: c.besselj(1, x),
    "y0": lambda c, x: c.bessely(0, x),
    "y1": lambda c, x: c.bessely(1, x),
    "i0": lambda c, x: c.besseli(0, x),
    "i1": lambda c, x: c.besseli(1, x),
    "i0e": lambda c, x: c.exp(-abs(x)) * c.besseli(0, x),
    "i1e": lambda c, x: c.exp(-abs(x)) * c.besseli(1, x),
    "k0": lambda c, x: c.besselk(0, x),
    "k1": lambda c, x: c.besselk(1, x),
    "k0e": lambda c, x: c.exp(x) * c.besselk(0, x),
    "k1e": lambda c, x: c.exp(x) * c.besselk(1, x),
    "jv": lambda c, v, x: c.besselj(v, x),
    "yv": lambda c, v, x: c.bessely(v, x),
    "iv": lambda c, v, x: c.besseli(v, x),
    "kv": lambda c, v, x: c.besselk(v, x),
    "ive": lambda c, v, x: c.exp(-abs(x)) * c.besseli(v, x),
    "kve": lambda c, v, x: c.exp(x) * c.besselk(v, x),
    "ellipk": lambda c, m: c.ellipk(m),
    "ellipkm1": lambda c, p: c.ellipk(1 - p),
    "ellipe": lambda c, m: c.ellipe(m),
}
MOST_BITS = 800  # beyond, mpmath's gamma takes seconds: a cancellation of so many bits is not seen
FAR = 1e4  # beyond, series take too long: nothing is said of such operands


def meanings(context: Any) -> dict[str, Callable[..., Element]]:
    """The external words as functions of elements."""
    return {name: _meaning(context, name) for name, word in PRIMITIVES.items() if word.external}


def _meaning(c: Any, name: str) -> Callable[..., Element]:
    formula = FORMULAS.get(name)

    def call(*operands: Element) -> Element:
        if any(nan(x) for x in operands):
            return c.nan
        if any(special(x) for x in operands):
            return _limit(c, name, operands)
        if formula is None or any(out_of_reach(x) or abs(x) > FAR for x in operands):
            return None
        try:
            with c.workprec(min(c.prec, MOST_BITS)):
                value = formula(c, *operands)
        except (ValueError, ArithmeticError, c.NoConvergence):
            return None  # a pole, or a series that does not end
        return None if value is None or isinstance(value, c.mpc) else c.mpf(value)

    return call


def _limit(c: Any, name: str, operands: tuple[Element, ...]) -> Element:
    """At an infinity: what SciPy says, if that is NaN, an infinity or 0."""
    with np.errstate(all="ignore"):
        value = float(PRIMITIVES[name].numpy(*(np.float64(float(x)) for x in operands)))
    return c.mpf(value) if value == 0 or not np.isfinite(value) else None
