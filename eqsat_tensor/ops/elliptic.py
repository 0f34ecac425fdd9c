"""Complete elliptic integrals of the parameter m = k^2.  Derivatives: DLMF 19.4; series: 19.5."""

from __future__ import annotations

import math

from eqsat_tensor.lang import Expr, OpDef
from eqsat_tensor.ops.arithmetic import absolute, divide, multiply, negative, subtract
from eqsat_tensor.ops.compare import less, where
from eqsat_tensor.ops.forms import complement, external, horner, scaled
from eqsat_tensor.ops.leaf import full_like

SMALL = 0.1  # below, the formulas are differences of two that nearly agree, and 16 terms will do
_SQUARES = [math.comb(2 * n, n) ** 2 / 16.0**n for n in range(18)]  # ((2n - 1)!! / (2n)!!)^2


def _near_zero(m: Expr, first: bool, plain: Expr) -> Expr:
    """The derivative of ellipk (first) or ellipe by its series for small m, ``plain`` elsewhere."""
    terms = [n * _SQUARES[n] / (1 if first else 1 - 2 * n) for n in range(17, 0, -1)]
    series = scaled(horner(m, terms), math.pi / 2)
    return where(less(absolute(m), full_like(m, SMALL)), series, plain)


def _ellipk_slope(m: Expr, rest: Expr, value: Expr) -> Expr:
    """``rest`` is 1 - m."""
    over = scaled(multiply(m, rest), 2)
    return _near_zero(m, True, divide(subtract(ellipe(m), multiply(rest, value)), over))


def _ellipe_slope(m: Expr, value: Expr) -> Expr:
    return _near_zero(m, False, divide(subtract(value, ellipk(m)), scaled(m, 2)))


ellipk: OpDef = external(
    "ellipk", vjp=lambda ct, out, m: (multiply(ct, _ellipk_slope(m, complement(m), out)),),
    doc="The complete elliptic integral of the first kind, K(m).",
)  # fmt: skip
ellipkm1: OpDef = external(
    "ellipkm1", vjp=lambda ct, out, p: (negative(multiply(ct, _ellipk_slope(complement(p), p, out))),),
    doc="ellipk(1 - p), accurate for small p.",
)  # fmt: skip
ellipe: OpDef = external(
    "ellipe", vjp=lambda ct, out, m: (multiply(ct, _ellipe_slope(m, out)),),
    doc="The complete elliptic integral of the second kind, E(m).",
)  # fmt: skip
