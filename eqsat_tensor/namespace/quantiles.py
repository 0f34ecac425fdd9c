"""Median, quantiles and percentiles, of all elements or of those that are not NaN: by sorting."""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.errors import DtypeError, UnsupportedError, message
from eqsat_tensor.extents import product
from eqsat_tensor.lang import FLOAT64, FLOATS, INT64, Expr
from eqsat_tensor.namespace.operands import axes_of, converted, expr_of, kind_of, public, show
from eqsat_tensor.namespace.reducing import (
    HALF,
    NOTHING,
    Axes,
    Axis,
    finish,
    floats,
    merged,
    no_out,
    refuse_empty,
)
from eqsat_tensor.ops import arithmetic, compare, movement, reduce, sorting
from eqsat_tensor.ops.leaf import constant, full_like, size_value
from eqsat_tensor.tensor import FUNCTIONS, Tensor, as_expr, is_traced

# Hyndman and Fan's alpha and beta of the methods that interpolate between two elements.
CONTINUOUS = {
    "linear": (1.0, 1.0), "hazen": (0.5, 0.5), "weibull": (0.0, 0.0),
    "median_unbiased": (1 / 3, 1 / 3), "normal_unbiased": (3 / 8, 3 / 8),
    "interpolated_inverted_cdf": (0.0, 1.0),
}  # fmt: skip
STEPS = ("lower", "higher", "nearest", "midpoint")


# ---------------------------------------------------------------------------------- sorted rows
def _rows(expr: Expr, axes: Axes, middle: bool = False) -> tuple[Expr, Expr | None]:
    """Rows sorted along a last axis, and how many elements of each are no NaN (None: all).

    middle: sorted there is enough.
    """
    wide, last = merged(expr, axes), len(expr.shape) - len(axes)
    if middle:
        size = wide.shape[last]
        rows = sorting.partition(wide, axis=last, kth=((size - 1) // 2, size // 2))
    else:
        rows = sorting.sort(wide, axis=last)
    if expr.dtype not in FLOATS:
        return rows, None
    there = compare.cast_to(compare.logical_not(compare.isnan(wide)), INT64)
    return rows, reduce.sum_over(there, (len(wide.shape) - 1,))


def _taken(rows: Expr, index: Expr) -> Expr:
    """Elements of each row by label, [..., q]; labels beyond the ends mean the ends."""
    last = len(rows.shape) - 1
    top = movement.broadcast_to(size_value(rows.shape[last] - 1, INT64), index.shape)
    label = arithmetic.maximum(arithmetic.minimum(index, top), full_like(index, 0))
    taken: Expr = FUNCTIONS["take_along_axis"](Tensor(rows), Tensor(label), axis=last).expr
    return taken


def _floor(x: Expr) -> Expr:
    return arithmetic.floor(x)


def _positions(q: Expr, count: Expr, method: str) -> tuple[Expr, Expr]:
    """Position of each quantile in its row: the element below, and how far beyond it."""
    one = full_like(q, 1)
    if method in CONTINUOUS:
        alpha, beta = CONTINUOUS[method]
        if method == "linear":
            place = arithmetic.multiply(q, arithmetic.subtract(count, one))
        else:
            slope = arithmetic.multiply(q, full_like(q, 1 - alpha - beta))
            place = arithmetic.multiply(count, q)
            place = arithmetic.add(place, arithmetic.add(full_like(q, alpha), slope))
            place = arithmetic.subtract(place, one)
        place = arithmetic.maximum(place, full_like(q, 0))
        place = arithmetic.minimum(place, arithmetic.subtract(count, one))
        low = _floor(place)
        return low, arithmetic.subtract(place, low)
    place = arithmetic.multiply(q, arithmetic.subtract(count, one))
    low, high = _floor(place), arithmetic.ceil(place)
    zero = full_like(q, 0)
    if method == "lower":
        return low, zero
    if method == "higher":
        return high, zero
    if method == "midpoint":
        between = compare.not_equal(low, high)
        return low, compare.where(between, full_like(q, 0.5), zero)
    beyond = arithmetic.subtract(place, low)  # "nearest": halves go to the even place
    half = full_like(q, 0.5)
    odd = compare.not_equal(arithmetic.multiply(half, low), _floor(arithmetic.multiply(half, low)))
    tie = compare.logical_and(odd, compare.equal(beyond, half))
    up = compare.logical_or(compare.greater(beyond, half), tie)
    return compare.where(up, high, low), zero


def _between(a: Expr, b: Expr, share: Expr) -> Expr:
    """a + (b - a) share, from the nearer end, as NumPy: exact at both.

    The difference is taken in the dtype of the elements, the rest in that of the share.
    """
    dtype = share.dtype
    gap = compare.cast_to(arithmetic.subtract(b, a), dtype)
    a, b = compare.cast_to(a, dtype), compare.cast_to(b, dtype)
    from_a = arithmetic.add(a, arithmetic.multiply(gap, share))
    rest = arithmetic.subtract(full_like(share, 1), share)
    from_b = arithmetic.subtract(b, arithmetic.multiply(gap, rest))
    near = compare.greater_equal(share, full_like(share, 0.5))
    same = compare.equal(share, full_like(share, 0))  # b may be infinite: 0 * inf
    result: Expr = compare.where(same, a, compare.where(near, from_b, from_a))
    return result


def _quantiles(
    expr: Expr, axes: Axes, q: Expr, method: str, skip_nan: bool, dtype: np.dtype
) -> Expr:
    """[..., q]: quantiles of the rows along `axes`, NaN where a row holds one or is empty."""
    rows, present = _rows(expr, axes)
    kept = rows.shape[:-1]
    shape = (*kept, *q.shape)
    wide = movement.broadcast(q, range(len(kept)), shape)
    length = movement.broadcast_to(size_value(rows.shape[-1], FLOAT64), shape)
    spread = length
    if present is not None:
        spread = movement.broadcast(compare.cast_to(present, FLOAT64), (len(kept),), shape)
    count = spread if skip_nan else length
    low, share = _positions(wide, count, method)
    label = compare.cast_to(low, INT64)
    below = _taken(rows, label)
    if method in STEPS[:3]:
        result = below
    else:
        above = _taken(rows, arithmetic.add(label, full_like(label, 1)))
        result = _between(below, above, compare.cast_to(share, dtype))
    result = compare.cast_to(result, dtype)
    if present is None:
        return result
    good = compare.greater_equal(spread, full_like(spread, 1) if skip_nan else length)
    whole: Expr = compare.where(good, result, full_like(result, np.nan))
    return whole


# ------------------------------------------------------------------------------------- functions
def _quantile(
    name: str, a: Any, q: Any, axis: Axis, method: str, keepdims: Any, weights: Any,
    skip_nan: bool, scale: float,
) -> Tensor:  # fmt: skip
    if weights is not None:
        raise UnsupportedError(message(name, "no weights=", "", "Sort, and search a cumsum."))
    if method not in CONTINUOUS and method not in STEPS:
        known = ", ".join((*CONTINUOUS, *STEPS))
        raise UnsupportedError(message(name, f"one of {known} as method=", repr(method)))
    expr = expr_of(name, a)
    if expr.dtype.kind == "b":
        raise DtypeError(message(name, "numbers", f"a: {show(a)}", "Cast by astype."))
    axes = axes_of(name, axis, len(expr.shape), a)
    refuse_empty(name, merged(expr, axes), (len(expr.shape) - len(axes),))
    dtype = _dtype_of_result(expr.dtype, q, method, scale)
    wanted = _checked(name, q, scale)
    flat = movement.reshape(wanted, (product(wanted.shape),))
    found = _quantiles(expr, axes, flat, method, skip_nan, dtype)
    rank = len(found.shape) - 1
    front = movement.transpose(found, [rank, *range(rank)])
    shaped = movement.reshape(front, (*wanted.shape, *found.shape[:-1]))
    return finish(shaped, tuple(len(wanted.shape) + j for j in axes), keepdims)


def _dtype_of_result(dtype: np.dtype, q: Any, method: str, scale: float) -> np.dtype:
    whole = kind_of(q) is int or getattr(kind_of(q), "kind", "f") in "biu"
    if method in STEPS[:3] or (method == "linear" and whole and scale == 1):
        return dtype
    if dtype not in FLOATS:
        return FLOAT64
    kind = kind_of(q)
    return np.result_type(dtype, kind) if isinstance(kind, np.dtype) else dtype


def _checked(name: str, q: Any, scale: float) -> Expr:
    """The quantiles as fractions, float64; ValueError where one that is known is none."""
    if not is_traced(q):
        with np.errstate(all="ignore"):
            known = np.asarray(q, FLOAT64)
        if not ((known >= 0) & (known <= scale)).all():
            raise ValueError(message(name, f"q from 0 to {scale:g}", f"q={q!r:.60}"))
    expr = converted(q, FLOAT64)
    return expr if scale == 1 else arithmetic.divide(expr, full_like(expr, scale))


def _enter(name: str, skip_nan: bool, scale: float, doc: str) -> None:
    def function(
        a: Any,
        q: Any,
        axis: Axis = None,
        out: Any = None,
        overwrite_input: bool = False,
        method: str = "linear",
        keepdims: Any = NOTHING,
        *,
        weights: Any = None,
    ) -> Tensor:
        no_out(name, out)
        return _quantile(name, a, q, axis, method, keepdims, weights, skip_nan, scale)

    function.__name__, function.__doc__ = name, doc
    public(numpy=getattr(np, name))(function)


_METHODS = (
    "\n\nmethod: linear, lower, higher, nearest, midpoint, hazen, weibull, median_unbiased, "
    "normal_unbiased or interpolated_inverted_cdf."
)
_enter("quantile", False, 1.0, "The elements below which a share `q` of all lies." + _METHODS)
_enter("percentile", False, 100.0, "`quantile` of q / 100." + _METHODS)
_enter("nanquantile", True, 1.0, "`quantile` of the elements that are no NaN." + _METHODS)
_enter("nanpercentile", True, 100.0, "`nanquantile` of q / 100." + _METHODS)


def _median(name: str, skip_nan: bool, doc: str) -> None:
    def function(
        a: Any,
        axis: Axis = None,
        out: Any = None,
        overwrite_input: bool = False,
        keepdims: Any = NOTHING,
    ) -> Tensor:
        no_out(name, out)
        expr = floats(name, a)
        axes = axes_of(name, axis, len(expr.shape), a)
        result = _median_of(expr, axes, skip_nan)
        if as_expr(a).dtype == HALF:
            result = compare.cast_to(result, HALF)
        return finish(result, axes, keepdims)

    function.__name__, function.__doc__ = name, doc
    public(numpy=getattr(np, name))(function)


def _median_of(expr: Expr, axes: Axes, skip_nan: bool) -> Expr:
    """The mean of the two elements in the middle, which may be the same."""
    left = movement.without(expr.shape, axes)
    if any(expr.shape[a] == 0 for a in axes):
        return constant(np.nan, expr.dtype, left)
    rows, present = _rows(expr, axes, middle=not skip_nan)
    assert present is not None, expr
    length = movement.broadcast_to(size_value(rows.shape[-1], INT64), present.shape)
    count = present if skip_nan else length
    one, two = full_like(count, 1), full_like(count, 2)
    middle = [arithmetic.floor_divide(c, two) for c in (arithmetic.subtract(count, one), count)]
    last = len(left)
    picked = [
        movement.squeeze(_taken(rows, movement.expand_dims(m, (last,))), (last,)) for m in middle
    ]
    half = full_like(picked[0], 0.5)
    mean = arithmetic.multiply(arithmetic.add(*picked), half)
    same = compare.equal(picked[0], picked[1])  # their sum may be infinite
    mean = compare.where(same, picked[0], mean)
    good = compare.greater_equal(present, one if skip_nan else length)
    whole: Expr = compare.where(good, mean, full_like(mean, np.nan))
    return whole


_median("median", False, "The element in the middle of the sorted ones, or the mean of both.")
_median("nanmedian", True, "`median` of the elements that are no NaN; NaN where there are none.")
