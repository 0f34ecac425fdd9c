"""Means, variances and their kin over axes, with NumPy's options; covariance of rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.errors import ShapeError, UnsupportedError, message
from eqsat_tensor.lang import FLOAT64, FLOATS, INEXACT, Expr
from eqsat_tensor.namespace.operands import (
    axes_of,
    axis_of,
    common_dtype,
    converted,
    expr_of,
    public,
    show,
)
from eqsat_tensor.namespace.reducing import (
    NOTHING,
    Axes,
    Axis,
    absent,
    count_along,
    finish,
    floats,
    mask_of,
    masked,
    no_out,
    rounded,
)
from eqsat_tensor.ops import arithmetic, compare, complexes, contract, movement, reduce, select
from eqsat_tensor.ops.leaf import full_like
from eqsat_tensor.tensor import Tensor, as_expr


# ------------------------------------------------------------------------------------------ means
def mean_of(x: Expr, axes: Axes, mask: Expr | None = None, less: Any = 0) -> Expr:
    """sum / max(count - less, 0) over the elements that count."""
    total = reduce.sum_over(masked(x, mask, 0), axes)
    count = count_along(x, axes, mask, x.dtype)
    if not (isinstance(less, int | float) and less == 0):
        fewer = movement.broadcast_to(compare.cast_to(as_expr(less), x.dtype), count.shape)
        count = arithmetic.subtract(count, fewer)
        count = arithmetic.maximum(count, full_like(count, 0))
    return arithmetic.divide(total, count)


@public(numpy=np.mean, takes=("where",))
def mean(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = NOTHING,
    *,
    where: Any = NOTHING,
) -> Tensor:
    """The mean over `axis` (all for None), of those where `where` is true; NaN of no elements.

    Whole numbers and bools give float64.
    """
    no_out("mean", out)
    expr = floats("mean", a, dtype, INEXACT)
    axes = axes_of("mean", axis, len(expr.shape), a)
    result = mean_of(expr, axes, mask_of("mean", expr, where))
    return finish(rounded(result, a, dtype), axes, keepdims)


def spread_of(
    name: str, expr: Expr, axes: Axes, mask: Expr | None, ddof: Any, correction: Any, mean: Any
) -> Expr:
    """The variance: squared distances from the mean over count - ddof."""
    if not absent(correction):
        if not (isinstance(ddof, int | float) and ddof == 0):
            raise ValueError(message(name, "ddof= or correction=, not both"))
        ddof = correction
    if absent(mean):
        centre = movement.broadcast(mean_of(expr, axes, mask), axes, expr.shape)
    else:
        centre = movement.broadcast_to(compare.cast_to(as_expr(mean), expr.dtype), expr.shape)
    distance = arithmetic.subtract(expr, centre)
    return mean_of(square_of(distance), axes, mask, ddof)


def square_of(x: Expr) -> Expr:
    """|x|^2, real."""
    if x.dtype.kind != "c":
        return arithmetic.square(x)
    parts = (arithmetic.square(part(x)) for part in (complexes.real, complexes.imag))
    return arithmetic.add(*parts)


def root_of(variance: Expr) -> Expr:
    """The square root; where the variance is 0 its derivative is 0, not infinite."""
    nothing = compare.equal(variance, full_like(variance, 0))
    result: Expr = compare.where(nothing, variance, arithmetic.sqrt(variance))
    return result


def _spread(
    name: str, a: Any, axis: Axis, dtype: Any, ddof: Any, where: Any, mean: Any, correction: Any
) -> tuple[Expr, Axes]:
    """The variance of an operand as it was given, before it is rounded to its dtype."""
    expr = floats(name, a, dtype, INEXACT)
    axes = axes_of(name, axis, len(expr.shape), a)
    mask = mask_of(name, expr, where)
    return spread_of(name, expr, axes, mask, ddof, correction, mean), axes


@public(numpy=np.var, takes=("where",))
def var(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = NOTHING,
    *,
    where: Any = NOTHING,
    mean: Any = NOTHING,
    correction: Any = NOTHING,
) -> Tensor:
    """The mean of squared distances from the mean, divided by count - `ddof`.

    where: elements that count.  mean: the mean, with axes of size 1, where it is known already.
    correction: the same as `ddof`.
    """
    no_out("var", out)
    variance, axes = _spread("var", a, axis, dtype, ddof, where, mean, correction)
    return finish(rounded(variance, a, dtype), axes, keepdims)


@public(numpy=np.std, takes=("where",))
def std(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = NOTHING,
    *,
    where: Any = NOTHING,
    mean: Any = NOTHING,
    correction: Any = NOTHING,
) -> Tensor:
    """The square root of the variance; its derivative is 0 where all elements are the same."""
    no_out("std", out)
    variance, axes = _spread("std", a, axis, dtype, ddof, where, mean, correction)
    return finish(rounded(root_of(variance), a, dtype), axes, keepdims)


@public(numpy=np.average)
def average(
    a: Any, axis: Axis = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False
) -> Any:
    """The mean, or the sum of `weights` times elements over the sum of the weights.

    weights: of the shape of `a`, or of its sizes along `axis`.  returned: also the sum of weights.
    """
    expr = expr_of("average", a)
    axes = axes_of("average", axis, len(expr.shape), a)
    if weights is None:
        wide = floats("average", a, None, INEXACT)
        result = rounded(mean_of(wide, axes), a)
        total = compare.cast_to(count_along(wide, axes, None, wide.dtype), result.dtype)
    else:
        dtype = common_dtype("average", (a, weights))
        if expr.dtype.kind not in "fc":
            dtype = np.result_type(dtype, FLOAT64)
        factor = _weights(expr, converted(weights, dtype), axis, axes, weights)
        products = arithmetic.multiply(compare.cast_to(expr, dtype), factor)
        total = reduce.sum_over(factor, axes)
        result = arithmetic.divide(reduce.sum_over(products, axes), total)
    found = finish(result, axes, keepdims)
    return (found, finish(total, axes, keepdims)) if returned else found


def _weights(x: Expr, weights: Expr, axis: Axis, axes: Axes, given: Any) -> Expr:
    """Weights in the shape of `x`."""
    if len(weights.shape) == len(x.shape) and axis is None:
        return movement.broadcast_to(weights, x.shape)
    if weights.shape == x.shape:
        return weights
    if axis is None or len(weights.shape) != len(axes):
        needs = "weights= of the shape of the operand, or of its sizes along axis="
        raise ShapeError(message("average", needs, f"weights: {show(given)}, a: {x.type}"))
    named = axis if isinstance(axis, tuple | list) else (axis,)
    order = [axis_of("average", j, len(x.shape)) for j in named]
    weights = movement.transpose(weights, sorted(range(len(order)), key=order.__getitem__))
    rest = [j for j in range(len(x.shape)) if j not in axes]
    return movement.broadcast(movement.refine(weights, [x.shape[j] for j in axes]), rest, x.shape)


# ------------------------------------------------------------------------------------- covariance
@public(numpy=np.cov)
def cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: Any = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Tensor:
    """The covariance matrix of the rows of `m` (the columns where `rowvar` is false).

    y: more rows.  bias: divide by the count instead of one less; ddof: by count - ddof.
    """
    if fweights is not None or aweights is not None:
        hint = "Use average with weights= on products of distances."
        raise UnsupportedError(message("cov", "no fweights= or aweights=", "", hint))
    rows = _rows("cov", m, y, rowvar, dtype)
    less = ddof if ddof is not None else 0 if bias else 1
    return Tensor(_squeezed(_covariance(rows, less)))


def _rows(name: str, m: Any, y: Any, rowvar: bool, dtype: Any) -> Expr:
    """Rows of variables, columns of observations."""
    parts = [m] if y is None else [m, y]
    wanted = np.dtype(dtype) if dtype is not None else common_dtype(name, parts)
    wanted = wanted if dtype is not None else np.result_type(wanted, FLOAT64)
    found: list[Expr] = []
    for part in parts:
        expr = converted(part, wanted if wanted in FLOATS else FLOAT64)
        if len(expr.shape) > 2:
            raise ShapeError(message(name, "at most two axes", f"m: {show(part)}"))
        if len(expr.shape) < 2:
            expr = movement.expand_dims(expr, range(2 - len(expr.shape)))
        elif (not rowvar and expr.shape[0] != 1) or (not rowvar and part is m):
            expr = movement.transpose(expr, (1, 0))
        found.append(expr)
    if len(found) == 1:
        return found[0]
    second = movement.refine(found[1], (found[1].shape[0], found[0].shape[1]))
    return select.concatenate(found[0], second, axis=0)


def _covariance(rows: Expr, less: Any) -> Expr:
    centre = movement.broadcast(mean_of(rows, (1,)), (1,), rows.shape)
    distance = arithmetic.subtract(rows, centre)
    products = contract.matmul(distance, movement.swap_last(distance))
    number = arithmetic.subtract(
        count_along(rows, (1,), None, rows.dtype),
        movement.broadcast_to(compare.cast_to(as_expr(less), rows.dtype), rows.shape[:1]),
    )
    number = arithmetic.maximum(number, full_like(number, 0))
    return arithmetic.divide(products, movement.broadcast(number, (1,), products.shape))


def _squeezed(x: Expr) -> Expr:
    return movement.squeeze(x, [j for j, s in enumerate(x.shape) if s == 1])


@public(numpy=np.corrcoef)
def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Tensor:
    """The covariance matrix of rows, divided by both standard deviations; clipped to [-1, 1]."""
    matrix = _covariance(_rows("corrcoef", x, y, rowvar, dtype), 1)
    deviation = arithmetic.sqrt(select.diagonal(matrix))
    result = arithmetic.divide(matrix, movement.broadcast(deviation, (1,), matrix.shape))
    result = arithmetic.divide(result, movement.broadcast(deviation, (0,), matrix.shape))
    result = arithmetic.maximum(result, full_like(result, -1))
    return Tensor(_squeezed(arithmetic.minimum(result, full_like(result, 1))))
