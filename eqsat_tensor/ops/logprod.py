"""The logarithm of a product, right where the product overflows or underflows.

Rows whose product is infinite or below the normal numbers are summed in logarithms: where there is none,
which is the rule, compiled code skips that pass.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import FLOAT16, FLOAT32, FLOATS, Expr, define
from eqsat_tensor.ops.arithmetic import absolute, divide
from eqsat_tensor.ops.compare import (
    cast_to,
    greater,
    greater_equal,
    less,
    logical_and,
    logical_not,
    where,
)
from eqsat_tensor.ops.leaf import full_like
from eqsat_tensor.ops.movement import broadcast
from eqsat_tensor.ops.parts import signbit
from eqsat_tensor.ops.reduce import AXES, prod, reduced_type, sum_
from eqsat_tensor.ops.transcendental import log

Axes = tuple[int, ...]


def _logprod(x: Any, axes: Axes) -> Any:
    wide = x.astype(FLOAT32) if x.dtype == FLOAT16 else x
    product = np.prod(wide, axes)
    fine = (np.abs(product) >= np.finfo(wide.dtype).tiny) & (np.abs(product) < np.inf)
    terms = np.sum(np.log(np.abs(wide)), axes)
    negative = np.signbit(product) & (terms > -np.inf)
    rest = np.where(negative, np.asarray(np.nan, wide.dtype), terms)
    return np.where(fine, np.log(product), rest).astype(x.dtype)


def _expand(x: Expr, axes: Axes) -> Expr:
    """log|x| is summed over where(lost, log|x|, 0); -inf of a product that holds a zero has no sign."""
    if x.dtype == FLOAT16:
        return cast_to(_expand(cast_to(x, FLOAT32), axes), FLOAT16)
    product = prod(x, axes=axes)
    size, infinity = absolute(product), full_like(product, np.inf)
    tiny = full_like(product, float(np.finfo(x.dtype).tiny))
    fine = logical_and(greater_equal(size, tiny), less(size, infinity))
    lost = broadcast(logical_not(fine), axes, x.shape)
    terms = sum_(where(lost, log(absolute(x)), full_like(x, 0)), axes=axes)
    negative = logical_and(signbit(product), greater(terms, full_like(terms, -np.inf)))
    rest = where(negative, full_like(terms, np.nan), terms)
    return where(fine, log(product), rest)


def _real(x: Expr, axes: Axes) -> Expr:
    return log(prod(x, axes=axes))


def _vjp(ct: Expr, out: Expr, x: Expr, axes: Axes) -> tuple[Expr]:
    return (divide(broadcast(ct, axes, x.shape), x),)


logprod = define(
    "logprod", Kind.COMPOSITE, arity=1, numpy=_logprod, attributes=AXES, dtypes=FLOATS, vjp=_vjp,
    infer=reduced_type,
    expand=_expand, real=_real, ulps=4.0,
    doc="log(prod(x)), also where the product overflows or underflows.",
)  # fmt: skip
