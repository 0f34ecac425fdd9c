"""Cases of special functions: tails of erfc, the normal distribution, Bessel and gamma functions."""

from __future__ import annotations

from typing import Any

import mpmath as mp
import numpy as np

import eqsat_tensor as et
from eqsat_tensor import special
from tests.rules.cases import case, exact, grad, inf

ROOT_HALF = float(np.sqrt(0.5))


def mplogerfc(x: Any) -> Any:
    return mp.log(mp.erfc(x))


def mpkernel(x: Any) -> Any:
    return mp.exp(-x * x) / mp.erfc(x)


TAILS = (27.0, 30.0, 100.0, -30.0, 0.25, 1.0, 1e-20, -5.0)
SPECIAL = (
    case("T30", lambda x: et.log(et.erfc(x)), (27.0, -732.86888650789741), (30.0, -903.97411711064388),
         (100.0, -10005.177585122664), (-30.0, 0.69314718055994531), *(exact(mplogerfc, p) for p in TAILS),
         (inf, -inf), present="erfcx"),
    case("T30-minus-erf", lambda x: et.log(1 - et.erf(x)), *(exact(mplogerfc, p) for p in TAILS), present="erfcx"),
    case("T30-log1p", lambda x: et.log1p(-et.erf(x)), *(exact(mplogerfc, p) for p in TAILS), present="erfcx"),
    case("T30-scaled", lambda x: et.log(0.5 * et.erfc(-x)), *(exact(lambda x: mp.log(mp.erfc(-x) / 2), p)
         for p in (-30.0, -100.0, 0.5)), present="erfcx"),
    case("T31-kernel", lambda x: et.exp(-(x**2)) / et.erfc(x), (27.0, 47.889032322545844),
         (30.0, 53.203123692263862), (100.0, 177.25424647380068), *(exact(mpkernel, p) for p in (-1.0, 0.5, -8.0))),
    case("T31-kernel-scaled", lambda x, y: y * et.exp(-(x * x)) / et.erfc(x),
         exact(lambda x, y: y * mpkernel(x), 100.0, 2.0)),
    case("T31", grad(lambda x: et.log(et.erfc(x))), *(exact(lambda x: -2 / mp.sqrt(mp.pi) * mpkernel(x), p)
         for p in TAILS)),
    case("T31-inner-scale", grad(lambda x: et.log(et.erfc(3 * x))),
         *(exact(lambda x: -6 / mp.sqrt(mp.pi) * mpkernel(3 * x), p) for p in (10.0, 40.0, -1.0)), rtol=1e-12),
    case("T31-leading-factor", grad(lambda x: 5 * et.log(et.erfc(x))),
         *(exact(lambda x: -10 / mp.sqrt(mp.pi) * mpkernel(x), p) for p in (10.0, 40.0, -1.0)), rtol=1e-12),
    case("T31-normal", grad(lambda x: et.log(0.5 * et.erfc(-x * ROOT_HALF))),
         *(exact(lambda x: mp.npdf(x) / mp.ncdf(x), p) for p in (-50.0, -5.0, 1.0)), rtol=1e-12),
    case("T34-kv", lambda v, x: et.log(special.kv(v, x)), (4.5, 1000.0, -1003.2180912984705),
         exact(lambda v, x: mp.log(mp.besselk(v, x)), 2.0, 3.0), present="kve", rtol=1e-12),
    case("T34-iv", lambda v, x: et.log(special.iv(v, x)), (4.5, 1000.0, 995.61717883901345),
         exact(lambda v, x: mp.log(mp.besseli(v, x)), 2.0, 5.0), present="ive", rtol=1e-12),
    case("T34-k0", lambda x: et.log(special.k0(x)), exact(lambda x: mp.log(mp.besselk(0, x)), 1000.0), present="k0e"),
    case("T34-i0", lambda x: et.log(special.i0(x)), exact(lambda x: mp.log(mp.besseli(0, x)), 1000.0),
         (inf, inf), present="i0e"),
    case("T34-gradient-i0", grad(lambda x: et.log(special.i0(x))),
         exact(lambda x: mp.besseli(1, x) / mp.besseli(0, x), 1000.0), present="i0e i1e"),
    case("T34-gradient-k0", grad(lambda x: et.log(special.k0(x))),
         exact(lambda x: -mp.besselk(1, x) / mp.besselk(0, x), 1000.0), present="k0e k1e"),
    case("T34-scaled-back", lambda v, x: et.log(special.kve(v, x) * et.exp(-x)), (4.5, 1000.0, -1003.2180912984705),
         rtol=1e-12),
    case("T40", lambda nu, x: special.xlogy(nu / 2 - 1, x), (3.0, 0.0, -inf), (3.0, 1.0, 0.0),
         (3.0, 2.0, float(mp.log(2) / 2)), (2.0, 0.0, 0.0)),
    case("log-gamma", lambda x: et.log(special.gamma(et.abs(x) + 1)), exact(lambda x: mp.loggamma(abs(x) + 1), 300.0),
         present="gammaln"),
    case("log-ndtr", lambda x: et.log(special.ndtr(x)), exact(lambda x: mp.log(mp.ncdf(x)), -40.0), present="log_ndtr"),
)  # fmt: skip
