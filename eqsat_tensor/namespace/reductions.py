"""Reductions and the functions made of them, with NumPy's `axis` and `keepdims`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from eqsat_tensor.errors import DtypeError, ShapeError, message
from eqsat_tensor.lang import BOOL, FLOAT16, FLOAT32, FLOAT64, FLOATS, INT64, UINT64, Expr, OpDef
from eqsat_tensor.namespace.operands import axes_of, axis_of, dtype_of, expr_of, public
from eqsat_tensor.ops import arithmetic, compare, movement, reduce, softmax
from eqsat_tensor.ops.leaf import full_like, iota, size_value
from eqsat_tensor.tensor import Tensor, as_expr
from eqsat_tensor.types import product

Axis = Any  # None, an int or a tuple of ints


def _finish(x: Expr, axes: tuple[int, ...], result: Expr, keepdims: bool) -> Tensor:
    return Tensor(movement.expand_dims(result, axes) if keepdims else result)


def _float(name: str, x: Any, dtype: Any = None) -> Expr:
    """An operand as floats: integers and bools become float64, halves are computed in float32."""
    expr = expr_of(name, x)
    if dtype is not None:
        expr = compare.cast_to(expr, dtype_of(dtype))
    if expr.dtype == FLOAT16:
        return compare.cast_to(expr, FLOAT32)
    plain = dtype is not None or expr.dtype in FLOATS
    return expr if plain else compare.cast_to(expr, FLOAT64)


def _rounded(result: Expr, x: Any, dtype: Any = None) -> Expr:
    """What was made of a `_float`, in the dtype that is returned."""
    wanted = as_expr(x).dtype if dtype is None else dtype_of(dtype)
    return compare.cast_to(result, FLOAT16) if wanted == FLOAT16 else result


def _widened(x: Expr) -> Expr:
    """What sums are taken of: bools and integers in the widest type of their kind."""
    if x.dtype.kind in "bi":
        return compare.cast_to(x, INT64)
    return compare.cast_to(x, UINT64) if x.dtype.kind == "u" else x


def _refuse_empty(name: str, x: Expr, axes: tuple[int, ...]) -> None:
    if any(x.shape[a] == 0 for a in axes):
        needs = "at least one element along the reduced axes"
        raise ShapeError(message(name, needs, f"x: {x.type}", "There is no such value of none."))


def _accumulated(name: str, op: OpDef, numpy: Any, doc: str) -> None:
    def function(x: Any, /, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
        expr = expr_of(name, x)
        if dtype is not None:
            expr = compare.cast_to(expr, dtype_of(dtype))
        else:
            expr = _widened(expr)
        axes = axes_of(name, axis, len(expr.shape), x)
        if expr.dtype == BOOL:
            raise DtypeError(message(name, "a dtype of numbers", "dtype=bool", "Use any or all."))
        return _finish(expr, axes, op(expr, axes=axes) if axes else expr, keepdims)

    function.__name__, function.__doc__ = name, doc
    public(numpy=numpy)(function)


_accumulated(
    "sum",
    reduce.sum_,
    np.sum,
    "The sum over `axis` (all for None).  Bools and integers give int64, or uint64.",
)
_accumulated(
    "prod",
    reduce.prod,
    np.prod,
    "The product over `axis` (all for None).  Bools and integers give int64, or uint64.",
)


def _extreme(name: str, op: OpDef, numpy: Any, doc: str) -> None:
    def function(x: Any, /, axis: Axis = None, keepdims: bool = False) -> Tensor:
        expr = expr_of(name, x)
        axes = axes_of(name, axis, len(expr.shape), x)
        _refuse_empty(name, expr, axes)
        return _finish(expr, axes, op(expr, axes=axes) if axes else expr, keepdims)

    function.__name__, function.__doc__ = name, doc
    public(f"a{name}", numpy=numpy)(function)


_extreme("max", reduce.max_, np.max, "The largest element over `axis`; NaN if there is one.")
_extreme("min", reduce.min_, np.min, "The smallest element over `axis`; NaN if there is one.")


def _truth(name: str, op: OpDef, numpy: Any, doc: str) -> None:
    def function(x: Any, /, axis: Axis = None, keepdims: bool = False) -> Tensor:
        expr = compare.cast_to(expr_of(name, x), BOOL)
        axes = axes_of(name, axis, len(expr.shape), x)
        return _finish(expr, axes, op(expr, axes=axes) if axes else expr, keepdims)

    function.__name__, function.__doc__ = name, doc
    public(numpy=numpy)(function)


_truth("any", reduce.any_, np.any, "Whether an element over `axis` is true (not 0).")
_truth("all", reduce.all_, np.all, "Whether all elements over `axis` are true (not 0).")


def _position(name: str, op: OpDef, numpy: Any, doc: str) -> None:
    def function(x: Any, /, axis: int | None = None, keepdims: bool = False) -> Tensor:
        expr = expr_of(name, x)
        rank = len(expr.shape)
        if axis is None:
            flat = movement.reshape(expr, (product(expr.shape),))
            _refuse_empty(name, flat, (0,))
            return _finish(expr, tuple(range(rank)), op(flat, axes=(0,)), keepdims)
        axes = (axis_of(name, axis, rank, x),)
        _refuse_empty(name, expr, axes)
        return _finish(expr, axes, op(expr, axes=axes), keepdims)

    function.__name__, function.__doc__ = name, doc
    public(numpy=numpy)(function)


_position("argmax", reduce.argmax, np.argmax, "Index of the first largest element, or first NaN.")
_position("argmin", reduce.argmin, np.argmin, "Index of the first smallest element, or first NaN.")


# ----------------------------------------------------------------------------------- moments
def _mean(x: Expr, axes: tuple[int, ...], less: Any = 0) -> Expr:
    """sum / (count - less)."""
    total = reduce.sum_over(x, axes)
    count = size_value(product(x.shape[a] for a in axes), x.dtype)
    if less:
        count = arithmetic.subtract(count, movement.refine(as_expr_of(less, x.dtype), ()))
    return arithmetic.divide(total, movement.broadcast_to(count, total.shape))


def as_expr_of(value: Any, dtype: np.dtype) -> Expr:
    """A number as a 0-d expression of `dtype`."""
    return compare.cast_to(as_expr(value), dtype)


@public(numpy=np.mean)
def mean(x: Any, /, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The mean over `axis` (all for None); integers and bools give float64."""
    expr = _float("mean", x, dtype)
    axes = axes_of("mean", axis, len(expr.shape), x)
    return _finish(expr, axes, _rounded(_mean(expr, axes), x, dtype), keepdims)


@public(numpy=np.var)
def var(
    x: Any, /, axis: Axis = None, dtype: Any = None, ddof: float = 0, keepdims: bool = False
) -> Tensor:
    """The mean of squared distances from the mean, divided by count - `ddof`."""
    expr = _float("var", x, dtype)
    axes = axes_of("var", axis, len(expr.shape), x)
    centre = movement.broadcast(_mean(expr, axes), axes, expr.shape)
    square = arithmetic.square(arithmetic.subtract(expr, centre))
    return _finish(expr, axes, _rounded(_mean(square, axes, ddof), x, dtype), keepdims)


@public(numpy=np.std)
def std(
    x: Any, /, axis: Axis = None, dtype: Any = None, ddof: float = 0, keepdims: bool = False
) -> Tensor:
    """The square root of the variance."""
    variance = var(x, axis=axis, dtype=dtype, ddof=ddof, keepdims=keepdims)
    return Tensor(arithmetic.sqrt(variance.expr))


@public(numpy=np.cumsum)
def cumsum(x: Any, /, axis: int | None = None) -> Tensor:
    """Sums of the first 1, 2, ... elements along an axis (of the flat array for None).

    Computed as a product with a triangle of ones: fine for short axes.
    """
    expr = expr_of("cumsum", x)
    expr = _widened(expr)
    if axis is None:
        expr, place = movement.reshape(expr, (product(expr.shape),)), 0
    else:
        place = axis_of("cumsum", axis, len(expr.shape), x)
    wide = (*expr.shape[: place + 1], expr.shape[place], *expr.shape[place + 1 :])
    row = iota(axis=place, dtype=INT64, shape=wide)
    column = iota(axis=place + 1, dtype=INT64, shape=wide)
    terms = movement.broadcast(expr, (place,), wide)
    kept = compare.where(compare.less_equal(column, row), terms, movement.zeros_like(terms))
    return Tensor(reduce.sum_over(kept, (place + 1,)))


# ---------------------------------------------------------------------------- softmax and kin
def _on_arrays(op: OpDef) -> Callable[..., Any]:
    def call(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
        given = np.asarray(x)
        array = given if given.dtype in FLOATS else given.astype(np.float64)
        array = array.astype(np.float32) if given.dtype == FLOAT16 else array
        axes = axes_of(op.name, axis, array.ndim)
        with np.errstate(all="ignore"):
            result = op.numpy(array, axes=axes)
            result = result.astype(FLOAT16) if given.dtype == FLOAT16 else result
        return (np.expand_dims(result, axes) if keepdims else result)[()]

    return call


@public(numpy=_on_arrays(softmax.logsumexp))
def logsumexp(x: Any, /, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """log(sum(exp(x))) over `axis` (all for None), without overflow."""
    expr = _float("logsumexp", x)
    axes = axes_of("logsumexp", axis, len(expr.shape), x)
    _refuse_empty("logsumexp", expr, axes)
    result = softmax.logsumexp(expr, axes=axes) if axes else expr
    return _finish(expr, axes, _rounded(result, x), keepdims)


@public(numpy=_on_arrays(softmax.softmax))
def softmax_(x: Any, /, axis: Axis = None) -> Tensor:
    """exp(x) / sum(exp(x)) over `axis` (all for None, as SciPy), without overflow."""
    expr = _float("softmax", x)
    axes = axes_of("softmax", axis, len(expr.shape), x)
    return Tensor(_rounded(softmax.softmax(expr, axes=axes) if axes else _ones(expr), x))


@public(numpy=_on_arrays(softmax.log_softmax))
def log_softmax(x: Any, /, axis: Axis = None) -> Tensor:
    """log(softmax(x)) over `axis` (all for None, as SciPy), accurate where softmax underflows."""
    expr = _float("log_softmax", x)
    axes = axes_of("log_softmax", axis, len(expr.shape), x)
    result = softmax.log_softmax(expr, axes=axes) if axes else movement.zeros_like(expr)
    return Tensor(_rounded(result, x))


def _ones(x: Expr) -> Expr:
    return full_like(x, 1)
