"""x log y and what is made of it.

Derivatives are those of the formula where it has them: that of entr at 0 is infinite.  Where a term
is 0 because of its factor 0, whatever the logarithm says, so is its derivative in the other operand;
xlogy at (0, 0), and xlog1py at (0, -1), has derivative 0 in both.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from eqsat_tensor.lang import Expr, OpDef
from eqsat_tensor.ops.arithmetic import add, divide, multiply, negative, subtract
from eqsat_tensor.ops.compare import (
    equal,
    greater,
    greater_equal,
    isnan,
    less,
    logical_and,
    logical_not,
    logical_or,
    where,
)
from eqsat_tensor.ops.forms import composite, shifted
from eqsat_tensor.ops.leaf import full_like
from eqsat_tensor.ops.transcendental import log, log1p


def _zero(x: Expr) -> Expr:
    return full_like(x, 0)


def _is_zero(x: Expr) -> Expr:
    zero: Expr = equal(x, _zero(x))
    return zero


def _positive(x: Expr) -> Expr:
    positive: Expr = greater(x, _zero(x))
    return positive


def _times_log(logarithm: Callable[[Expr], Expr]) -> Callable[[Expr, Expr], Expr]:
    def expand(x: Expr, y: Expr) -> Expr:
        nothing = logical_and(_is_zero(x), logical_not(isnan(y)))
        return where(nothing, _zero(x), multiply(x, logarithm(y)))

    return expand


def _xlogy_vjp(ct: Expr, out: Expr, x: Expr, y: Expr) -> tuple[Expr, Expr]:
    nothing = logical_and(_is_zero(x), _is_zero(y))
    along_x = where(nothing, _zero(x), multiply(ct, log(y)))
    return along_x, where(_is_zero(x), _zero(x), multiply(ct, divide(x, y)))


def _xlog1py_vjp(ct: Expr, out: Expr, x: Expr, y: Expr) -> tuple[Expr, Expr]:
    nothing = logical_and(_is_zero(x), equal(y, full_like(y, -1)))
    along_x = where(nothing, _zero(x), multiply(ct, log1p(y)))
    return along_x, where(_is_zero(x), _zero(x), multiply(ct, divide(x, shifted(y, 1))))


xlogy: OpDef = composite(
    "xlogy", 2, expand=_times_log(log), vjp=_xlogy_vjp,
    doc="x log(y), and 0 where x is 0; its derivative at (0, 0) is 0.",
)  # fmt: skip
xlog1py: OpDef = composite(
    "xlog1py", 2, expand=_times_log(log1p), vjp=_xlog1py_vjp,
    doc="x log(1 + y), and 0 where x is 0; its derivative at (0, -1) is 0.",
)  # fmt: skip


# ------------------------------------------------------------------------------------ entropies
def _expand_entr(x: Expr) -> Expr:
    outside = where(_is_zero(x), _zero(x), full_like(x, -math.inf))
    inside = logical_or(_positive(x), isnan(x))
    return where(inside, negative(multiply(x, log(x))), outside)


entr: OpDef = composite(
    "entr", 1, expand=_expand_entr,
    vjp=lambda ct, out, x: (negative(multiply(ct, shifted(log(x), 1))),),
    doc="-x log(x), 0 at 0 and minus infinity below.",
)  # fmt: skip


def _log_ratio(x: Expr, y: Expr) -> Expr:
    """log(x / y): near 1 by the difference, and where x / y is no normal number by two logarithms."""
    ratio = divide(x, y)
    near = log1p(divide(subtract(x, y), y))
    tiny = full_like(x, float(np.finfo(x.dtype).tiny))
    normal = logical_and(greater(ratio, tiny), less(ratio, full_like(x, math.inf)))
    far = where(normal, log(ratio), subtract(log(x), log(y)))
    middle = logical_and(greater(ratio, full_like(x, 0.5)), less(ratio, full_like(x, 2)))
    return where(middle, near, far)


def _relative(x: Expr, y: Expr, term: Expr, without: Expr) -> Expr:
    """``term`` for positive x and y, ``without`` where x is 0, infinity elsewhere."""
    inside = logical_and(_positive(x), _positive(y))
    unknown = logical_or(isnan(x), isnan(y))
    empty = logical_and(_is_zero(x), greater_equal(y, _zero(y)))
    outside = where(empty, without, full_like(x, math.inf))
    return where(logical_or(inside, unknown), term, outside)


def _expand_rel_entr(x: Expr, y: Expr) -> Expr:
    return _relative(x, y, multiply(x, _log_ratio(x, y)), _zero(x))


def _expand_kl_div(x: Expr, y: Expr) -> Expr:
    whole = add(subtract(multiply(x, log(divide(x, y))), x), y)
    return _relative(x, y, whole, y)


def _rel_entr_vjp(ct: Expr, out: Expr, x: Expr, y: Expr) -> tuple[Expr, Expr]:
    nothing = logical_and(_is_zero(x), _is_zero(y))
    along_x = where(nothing, _zero(x), multiply(ct, shifted(_log_ratio(x, y), 1)))
    return along_x, where(_is_zero(x), _zero(x), negative(multiply(ct, divide(x, y))))


def _kl_div_vjp(ct: Expr, out: Expr, x: Expr, y: Expr) -> tuple[Expr, Expr]:
    nothing = logical_and(_is_zero(x), _is_zero(y))
    along_x = where(nothing, _zero(x), multiply(ct, _log_ratio(x, y)))
    return along_x, where(_is_zero(x), ct, multiply(ct, divide(subtract(y, x), y)))


rel_entr: OpDef = composite(
    "rel_entr", 2, expand=_expand_rel_entr, vjp=_rel_entr_vjp,
    doc="x log(x / y), 0 where x is 0 and y is not negative; infinity elsewhere outside x, y > 0.",
)  # fmt: skip
kl_div: OpDef = composite(
    "kl_div", 2, expand=_expand_kl_div, vjp=_kl_div_vjp,
    doc="x log(x / y) - x + y, y where x is 0 and y is not negative; infinity elsewhere outside.",
)  # fmt: skip
