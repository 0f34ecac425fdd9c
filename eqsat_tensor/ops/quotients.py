"""The logarithm of a quotient, right also where the quotient is near 1.

There the quotient is rounded, and its logarithm is not much larger than what is lost.  The difference of
two floats that are at most a factor of 2 apart is not rounded (Sterbenz, 1974), so that with d = (x - y)/y

    log(x/y) = log(1 + d) = log u + c/u,    u = 1 + d as rounded,    c = d - (u - 1)

for |d| < 1/2.  One quotient, by y of x - y or x, and one logarithm serve both; 2 - u stands for 1/u, for c
is at most an ulp of u, and 1/u - (2 - u) = (1 - u)^2/u is small beside log(u)/u.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import FLOATS, Expr, define
from eqsat_tensor.ops.arithmetic import absolute, add, divide, multiply, negative, subtract
from eqsat_tensor.ops.compare import less, where
from eqsat_tensor.ops.leaf import full_like
from eqsat_tensor.ops.transcendental import log


def _log_quotient(x: Any, y: Any) -> Any:
    beyond = (x - y) / y
    near = np.abs(beyond) < 0.5
    return np.where(near, np.log1p(np.where(near, beyond, 0)), np.log(x / y)).astype(x.dtype)


def _expand(x: Expr, y: Expr) -> Expr:
    apart, one = subtract(x, y), full_like(x, 1)
    near = less(absolute(apart), multiply(absolute(y), full_like(x, 0.5)))
    quotient = divide(where(near, apart, x), y)
    rounded = add(quotient, one)
    lost = multiply(subtract(quotient, subtract(rounded, one)), subtract(full_like(x, 2), rounded))
    return add(log(where(near, rounded, quotient)), where(near, lost, full_like(x, 0)))


def _vjp(ct: Expr, out: Expr, x: Expr, y: Expr) -> tuple[Expr, Expr]:
    return divide(ct, x), negative(divide(ct, y))


log_quotient = define(
    "log_quotient", Kind.COMPOSITE, arity=2, numpy=_log_quotient, infer=lambda x, y: x,
    dtypes=FLOATS, ufunc=np.log, vjp=_vjp, expand=_expand, real=lambda x, y: log(divide(x, y)), ulps=4.0,
    doc="log(x / y), also where x and y nearly agree.",
)  # fmt: skip
