"""Error rules of SciPy's functions, and which of them random programs draw.

A rule promises something where SciPy is known to be accurate (`PROMISES`) and the operands' errors
are small beside the operands; elsewhere the error is infinite.  To what `error_rules` has, it adds an
absolute error for functions that pass through 0, where no relative one holds.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from eqsat_tensor.scalar import PRIMITIVES
from eqsat_tensor.verify.error_rules import UNIT, Array, Rule, no_nan, reach, wide

INFINITE = float("inf")
WIDEST = 2.0**-8  # of an operand: what its error may be
# word -> (ends of the interval of each operand, absolute error in units of rounding)
PROMISES: dict[str, tuple[tuple[tuple[float, float], ...], float]] = {
    "erfcx": (((-20, INFINITE),), 0),
    "erfi": (((-20, 20),), 0),
    "dawsn": (((-1e6, 1e6),), 0),
    "erfinv": (((-0.999, 0.999),), 0),
    "log_ndtr": (((-1e150, INFINITE),), 0),
    "gamma": (((1e-307, 170),), 0),
    "gammaln": (((1e-307, 1e300),), 16),
    "rgamma": (((1e-6, 150),), 0),
    "digamma": (((1e-6, 1e6),), 16),
    "exp1": (((1e-6, 500),), 0),
    "i0e": (((-1e4, 1e4),), 0),
    "i1e": (((-1e4, 1e4),), 0),
    "k0e": (((1e-300, 1e4),), 0),
    "k1e": (((1e-300, 1e4),), 0),
    "ellipk": (((-1e4, 0.999),), 0),
    "ellipe": (((-1e4, 0.999),), 0),
}
# The same for functions that random programs do not draw: rules about them are held to it.
OF_RULES: dict[str, tuple[tuple[tuple[float, float], ...], float]] = {
    "i0": (((-1e4, 1e4),), 0),
    "i1": (((-1e4, 1e4),), 0),
    "k0": (((1e-300, 1e4),), 0),
    "k1": (((1e-300, 1e4),), 0),
    "iv": (((0, 40), (-1e4, 1e4)), 0),
    "ive": (((0, 40), (-1e4, 1e4)), 0),
    "kv": (((-40, 40), (1e-300, 1e4)), 0),
    "kve": (((-40, 40), (1e-300, 1e4)), 0),
}
TAIL = "log_ndtr"  # by erfc, which loses x*x ulps by rounding x*x under an exponential
# Not in random programs: mpmath takes up to seconds a value, or SciPy's accuracy varies so much over
# the arguments (near zeros, poles, large orders) that no bound of a few ulps holds.
SLOW = """
    zeta riemann_zeta owens_t gammainc gammaincc betainc betaincc jv yv iv kv ive kve gammaincinv
    gammainccinv betaincinv betainccinv
"""
VARYING = """
    erfcinv ndtri ndtri_exp expi spence gammasgn beta betaln binom poch j0 j1 y0 y1 i0 i1 k0 k1
    ellipkm1
"""
NOT_DRAWN = frozenset((SLOW + VARYING).split())


def _rule(name: str) -> Rule:
    word = PRIMITIVES[name]
    nothing = (((INFINITE, -INFINITE),) * word.arity, 0.0)
    ends, absolute = (PROMISES | OF_RULES).get(name, nothing)

    def rule(*pairs: Array) -> Array:
        values, errors = [wide(x) for x in pairs[::2]], pairs[1::2]
        certain, inside = np.asarray(True), np.asarray(True)
        for x, e, (low, high) in zip(values, errors, ends, strict=True):
            certain = certain & (e == 0)
            inside = inside & (x - e >= low) & (x + e <= high) & (e <= WIDEST * np.abs(x))
        here = np.asarray(word.numpy(*values))
        moved = np.zeros(here.shape)
        if not certain.all():
            steps = [reach(x, e) for x, e in zip(values, errors, strict=True)]
            for signs in product((-1, 1), repeat=word.arity):
                corner = [x + s * h for x, s, h in zip(values, signs, steps, strict=True)]
                moved = np.maximum(moved, 2 * np.abs(np.asarray(word.numpy(*corner)) - here))
        own = np.asarray(absolute)
        if name == TAIL:
            own = np.where(values[0] > 0, 2 * np.abs(here) * values[0] ** 2, 0.0)
        own = own * UNIT[pairs[0].dtype.name]
        bound = np.where(certain, 0.0, no_nan(moved)) + own
        return np.where(inside, bound, INFINITE)

    return rule


RULES: dict[str, Rule] = {name: _rule(name) for name, w in PRIMITIVES.items() if w.external}
