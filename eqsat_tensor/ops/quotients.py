"""Logarithms of quotients and their differences, right also where the quotient is near 1.

There the quotient is rounded, and its logarithm is not much larger than what is lost.  So x - y is given
besides: the difference of two floats that are at most a factor of 2 apart is not rounded (Sterbenz, 1974),
and for x = y + s it is s.  With d = (x - y)/y

    log(x/y) = log(1 + d) = log u + c/u,    u = 1 + d as rounded,    c = d - (u - 1)

for |d| < 1/2.  One quotient, by y of x - y or x, and one logarithm serve both; 2 - u stands for 1/u, for c
is at most an ulp of u, and 1/u - (2 - u) = (1 - u)^2/u is small beside log(u)/u.  So one logarithm does
for log x - log y, too, unless the quotient leaves the normal numbers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import FLOATS, Expr, define
from eqsat_tensor.ops.arithmetic import absolute, add, divide, multiply, negative, subtract
from eqsat_tensor.ops.compare import greater, greater_equal, less, logical_and, where
from eqsat_tensor.ops.leaf import full_like
from eqsat_tensor.ops.transcendental import log, log1p


def _near_one(apart: Any, y: Any) -> Any:
    """log(1 + apart / y) where apart is below half of y, else 0; and where that is."""
    near = np.abs(apart) < np.abs(y) * np.asarray(0.5, y.dtype)
    return np.log1p(np.where(near, apart, 0) / np.where(near, y, 1)), near


def _log_quotient(apart: Any, x: Any, y: Any) -> Any:
    value, near = _near_one(apart, y)
    return np.where(near, value, np.log(x / y)).astype(y.dtype)


def _log_difference(apart: Any, x: Any, y: Any) -> Any:
    value, near = _near_one(apart, y)
    return np.where(near & (y > 0), value, np.log(x) - np.log(y)).astype(y.dtype)


def _is_near(apart: Expr, y: Expr) -> Expr:
    return less(absolute(apart), multiply(absolute(y), full_like(y, 0.5)))


def _parts(apart: Expr, x: Expr, y: Expr) -> tuple[Expr, Expr]:
    """What the logarithm is taken of, and what is to be added to it."""
    one = full_like(x, 1)
    near = _is_near(apart, y)
    quotient = divide(where(near, apart, x), y)
    rounded = add(quotient, one)
    lost = multiply(subtract(quotient, subtract(rounded, one)), subtract(full_like(x, 2), rounded))
    return where(near, rounded, quotient), where(near, lost, full_like(x, 0))


def _expand_quotient(apart: Expr, x: Expr, y: Expr) -> Expr:
    inside, lost = _parts(apart, x, y)
    return add(log(inside), lost)


def _expand_difference(apart: Expr, x: Expr, y: Expr) -> Expr:
    inside, lost = _parts(apart, x, y)
    tiny, infinity = (full_like(x, v) for v in (float(np.finfo(x.dtype).tiny), math.inf))
    normal = logical_and(greater_equal(inside, tiny), less(inside, infinity))
    fine = logical_and(normal, greater(y, full_like(x, 0)))
    one = full_like(x, 1)
    apart_logs = subtract(log(where(fine, one, x)), log(where(fine, one, y)))
    return where(fine, add(log(where(fine, inside, one)), lost), apart_logs)


def _is_near_above(apart: Expr, y: Expr) -> Expr:
    return logical_and(_is_near(apart, y), greater(y, full_like(y, 0)))


def _real_quotient(apart: Expr, x: Expr, y: Expr) -> Expr:
    return where(_is_near(apart, y), log1p(divide(apart, y)), log(divide(x, y)))


def _real_difference(apart: Expr, x: Expr, y: Expr) -> Expr:
    return where(_is_near_above(apart, y), log1p(divide(apart, y)), subtract(log(x), log(y)))


def _vjp(near: Expr, ct: Expr, apart: Expr, x: Expr, y: Expr) -> tuple[Expr, Expr, Expr]:
    """Near 1 that of log((y + apart) / y), x being read nowhere; else that of log(x / y)."""
    above, below = divide(ct, where(near, add(y, apart), x)), negative(divide(ct, y))
    zero = full_like(x, 0)
    return where(near, above, zero), where(near, zero, above), add(where(near, above, zero), below)


log_quotient = define(
    "log_quotient", Kind.COMPOSITE, arity=3, numpy=_log_quotient, infer=lambda apart, x, y: x,
    dtypes=FLOATS, vjp=lambda ct, out, a, x, y: _vjp(_is_near(a, y), ct, a, x, y),
    expand=_expand_quotient, real=_real_quotient, ulps=4.0,
    doc="log(b / c), also where b and c nearly agree; a is b - c.",
)  # fmt: skip
log_difference = define(
    "log_difference", Kind.COMPOSITE, arity=3, numpy=_log_difference, infer=lambda apart, x, y: x,
    dtypes=FLOATS, vjp=lambda ct, out, a, x, y: _vjp(_is_near_above(a, y), ct, a, x, y),
    expand=_expand_difference, real=_real_difference, ulps=4.0,
    doc="log(b) - log(c), also where b and c nearly agree; a is b - c.",
)  # fmt: skip
