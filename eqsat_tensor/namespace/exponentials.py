"""The exponential family over axes: logsumexp, softmax, log_softmax."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from eqsat_tensor.lang import FLOATS, Expr, OpDef
from eqsat_tensor.namespace.operands import axes_of, broadcast_together, public
from eqsat_tensor.namespace.reducing import (
    HALF,
    Axes,
    Axis,
    finish,
    floats,
    mask_of,
    masked,
    refuse_empty,
    rounded,
)
from eqsat_tensor.ops import arithmetic, compare, movement, reduce, softmax
from eqsat_tensor.ops.leaf import full_like
from eqsat_tensor.ops.transcendental import exp, log
from eqsat_tensor.tensor import Tensor


def _on_arrays(op: OpDef) -> Callable[..., Any]:
    def call(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
        given = np.asarray(x)
        array = given if given.dtype in FLOATS else given.astype(np.float64)
        array = array.astype(np.float32) if given.dtype == HALF else array
        axes = axes_of(op.name, axis, array.ndim)
        with np.errstate(all="ignore"):
            result = op.numpy(array, axes=axes)
        result = result.astype(HALF) if given.dtype == HALF else result
        return (np.expand_dims(result, axes) if keepdims else result)[()]

    return call


def _logsumexp_of_arrays(
    x: Any, axis: Axis = None, b: Any = None, keepdims: bool = False, where: Any = True
) -> Any:
    if b is None and where is True:
        return _on_arrays(softmax.logsumexp)(x, axis, keepdims)
    import scipy.special

    counted = np.where(where, 1.0 if b is None else b, 0)
    with np.errstate(all="ignore"):
        return scipy.special.logsumexp(x, axis, counted, keepdims)


def _weighted(x: Expr, factors: Expr, axes: Axes) -> Expr:
    """log(sum(factors * exp(x))); what has the factor 0 does not count at all."""
    counts = compare.not_equal(factors, full_like(factors, 0))
    x = compare.where(counts, x, full_like(x, -np.inf))
    top = reduce.max_(x, axes=axes) if axes else x
    top = compare.where(compare.isfinite(top), top, full_like(top, 0))
    shifted = arithmetic.subtract(x, movement.broadcast(top, axes, x.shape) if axes else top)
    total = reduce.sum_over(arithmetic.multiply(factors, exp(shifted)), axes)
    return arithmetic.add(log(total), top)


@public(numpy=_logsumexp_of_arrays, takes=("where",))
def logsumexp(
    x: Any, /, axis: Axis = None, b: Any = None, keepdims: bool = False, where: Any = True
) -> Tensor:
    """log(sum(b * exp(x))) over `axis` (all for None), without overflow.

    b: factors, 1 by default, broadcast with `x`; NaN where the sum is negative.  where: elements
    that count; of none the result is -inf.
    """
    expr = floats("logsumexp", x)
    if b is None:
        axes = axes_of("logsumexp", axis, len(expr.shape), x)
        mask = mask_of("logsumexp", expr, where)
        if mask is None:
            refuse_empty("logsumexp", expr, axes)
        expr = masked(expr, mask, -np.inf)
        result = softmax.logsumexp(expr, axes=axes) if axes else expr
        return finish(rounded(result, x), axes, keepdims)
    factors = compare.cast_to(floats("logsumexp", b), expr.dtype)
    expr, factors = broadcast_together("logsumexp", (x, b), [expr, factors])
    axes = axes_of("logsumexp", axis, len(expr.shape), x)
    mask = mask_of("logsumexp", expr, where)
    return finish(rounded(_weighted(expr, masked(factors, mask, 0), axes), x), axes, keepdims)


@public(numpy=_on_arrays(softmax.softmax))
def softmax_(x: Any, /, axis: Axis = None) -> Tensor:
    """exp(x) / sum(exp(x)) over `axis` (all for None, as SciPy), without overflow."""
    expr = floats("softmax", x)
    axes = axes_of("softmax", axis, len(expr.shape), x)
    return Tensor(rounded(softmax.softmax(expr, axes=axes) if axes else full_like(expr, 1), x))


@public(numpy=_on_arrays(softmax.log_softmax))
def log_softmax(x: Any, /, axis: Axis = None) -> Tensor:
    """log(softmax(x)) over `axis` (all for None, as SciPy), accurate where softmax underflows."""
    expr = floats("log_softmax", x)
    axes = axes_of("log_softmax", axis, len(expr.shape), x)
    result = softmax.log_softmax(expr, axes=axes) if axes else movement.zeros_like(expr)
    return Tensor(rounded(result, x))
