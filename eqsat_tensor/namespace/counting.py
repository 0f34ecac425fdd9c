"""Counting by label and by interval: bincount, digitize, histogram."""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.errors import DtypeError, ShapeError, UnsupportedError, message
from eqsat_tensor.extents import Size, maximum, product
from eqsat_tensor.lang import BOOL, FLOAT64, FLOATS, INT64, INTS, Expr
from eqsat_tensor.namespace.operands import common_dtype, converted, expr_of, public, show
from eqsat_tensor.ops import arithmetic, compare, movement, reduce, sorting
from eqsat_tensor.ops.leaf import constant, full_like, iota, size_value
from eqsat_tensor.sizes import size_of
from eqsat_tensor.tensor import FUNCTIONS, Tensor, as_expr, is_traced


def _flat(expr: Expr) -> Expr:
    return movement.reshape(expr, (product(expr.shape),))


# --------------------------------------------------------------------------------------- bincount
def _bincount_of_arrays(
    x: Any, /, weights: Any = None, minlength: int = 0, *, length: int | None = None
) -> Any:
    found = np.bincount(x, weights, max(minlength, length or 0))
    if length is not None and len(found) > length:
        raise ValueError(f"bincount: needs labels from 0 to {length - 1}; got one outside.")
    return found


@public(numpy=_bincount_of_arrays)
def bincount(x: Any, /, weights: Any = None, minlength: Any = 0, *, length: Any = None) -> Tensor:
    """How many there are of each label from 0 to `length` - 1, or the sum of their weights.

    length: the number of labels, which has to be given, by this name or by minlength=; a label
    outside is a ValueError at the call.
    """
    labels = expr_of("bincount", x)
    if labels.dtype not in INTS or len(labels.shape) != 1:
        raise DtypeError(message("bincount", "one axis of integer labels", f"x: {show(x)}"))
    if length is None and size_of(minlength) not in (None, 0):
        length = minlength
    if length is None:
        hint = "Write bincount(x, minlength=n): the labels are below n."
        raise UnsupportedError(message("bincount", "length=, known while tracing", "none", hint))
    size = size_of(length)
    if size is None:
        raise ShapeError(message("bincount", "a size as length=", f"length={length!r}"))
    least = size_of(minlength)
    size = size if least is None else maximum(size, least)
    if weights is None:
        parts = constant(1, INT64, labels.shape)
    else:
        parts = movement.refine(converted(weights, FLOAT64), labels.shape)
    return Tensor(sorting.label_sum(parts, labels, strict=1, shape=(size,)))


# --------------------------------------------------------------------------------------- digitize
@public(numpy=np.digitize)
def digitize(x: Any, bins: Any, right: bool = False) -> Tensor:
    """The number of the interval between `bins` that each element is in.

    bins: one axis, ascending or descending.  right: an interval holds its right end, not its left.
    """
    dtype = common_dtype("digitize", (x, bins))
    expr, edges = converted(x, dtype), converted(bins, dtype)
    if len(edges.shape) != 1:
        raise ShapeError(message("digitize", "one axis of bins", f"bins: {show(bins)}"))
    if not is_traced(bins):
        known = np.asarray(bins)
        if len(known) and not ((np.diff(known) >= 0).all() or (np.diff(known) <= 0).all()):
            raise ValueError(message("digitize", "bins that ascend or descend", show(bins)))
    (size,) = edges.shape
    if size in (0, 1):
        return Tensor(sorting.searchsorted(edges, expr, right=int(not right)))
    ends = [movement.slice_(edges, [k], [1], [1]) for k in (0, size - 1)]
    falls = compare.less(ends[1], ends[0])
    backwards = movement.slice_(edges, [size - 1], [-1], [size])
    everywhere = movement.broadcast_to(falls, edges.shape)
    ascending = compare.where(everywhere, backwards, edges)
    found = sorting.searchsorted(ascending, expr, right=int(not right))
    rest = arithmetic.subtract(movement.broadcast_to(size_value(size, INT64), found.shape), found)
    one = movement.squeeze(falls, (0,))
    return Tensor(compare.where(movement.broadcast_to(one, found.shape), rest, found))


# -------------------------------------------------------------------------------------- histogram
def _edges(name: str, a: Expr, bins: Any, range_: Any) -> Expr:
    """The edges of the intervals: given, or equally far apart."""
    if isinstance(bins, str):
        hint = "Give the number of bins, or their edges."
        raise UnsupportedError(message(name, "no rule for bins", repr(bins), hint))
    if not isinstance(bins, int | np.integer):
        edges = as_expr(bins)
        if len(edges.shape) != 1:
            raise ValueError(message(name, "one axis of edges", f"bins: {show(bins)}"))
        if not is_traced(bins) and (np.diff(np.asarray(bins)) < 0).any():
            raise ValueError(message(name, "edges that ascend", f"bins: {show(bins)}"))
        return edges
    count = int(bins)
    if count < 1:
        raise ValueError(message(name, "at least one bin", f"bins={bins}"))
    dtype = a.dtype if a.dtype in FLOATS else FLOAT64
    if range_ is not None:
        low, high = range_
        known = not is_traced(low) and not is_traced(high)
        if known and not (np.isfinite(low) and np.isfinite(high) and low <= high):
            raise ValueError(message(name, "a finite range= that ascends", f"range={range_}"))
        first, last = converted(low, dtype), converted(high, dtype)
    elif a.shape == (0,):
        first, last = constant(0, dtype), constant(1, dtype)
    else:
        wide = compare.cast_to(a, dtype)
        first, last = reduce.min_(wide, axes=(0,)), reduce.max_(wide, axes=(0,))
    half = constant(0.5, dtype)
    flat = compare.equal(first, last)
    first, last = (
        compare.where(flat, arithmetic.subtract(first, half), first),
        compare.where(flat, arithmetic.add(last, half), last),
    )
    shape = (count + 1,)
    index = iota(axis=0, dtype=dtype, shape=shape)
    step = arithmetic.divide(arithmetic.subtract(last, first), constant(count, dtype))
    start, wide_step, end = (movement.broadcast_to(v, shape) for v in (first, step, last))
    spaced = arithmetic.add(arithmetic.multiply(index, wide_step), start)
    at_end = compare.equal(index, constant(count, dtype, shape))
    result: Expr = compare.where(at_end, end, spaced)
    return result


@public(numpy=np.histogram_bin_edges)
def histogram_bin_edges(a: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Tensor:
    """The edges of the intervals of `histogram`: `bins` + 1 of them, or those given."""
    expr = _flat(_numbers("histogram_bin_edges", a))
    return Tensor(_edges("histogram_bin_edges", expr, bins, range))


def _numbers(name: str, a: Any) -> Expr:
    expr = expr_of(name, a)
    if expr.dtype == BOOL:
        raise DtypeError(message(name, "numbers", f"a: {show(a)}", "Cast by astype."))
    return expr


@public(numpy=np.histogram)
def histogram(
    a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> tuple[Tensor, Tensor]:
    """How many elements are in each interval, and the edges of the intervals.

    bins: how many equal intervals of `range` (by default from the least element to the greatest),
    or the edges.  Intervals hold their left end, the last one both.  density: counts over the
    total and the width.  weights: what each element counts.
    """
    expr = _flat(_numbers("histogram", a))
    edges = _edges("histogram", expr, bins, range)
    dtype = np.result_type(expr.dtype, edges.dtype)
    values, sorted_edges = compare.cast_to(expr, dtype), compare.cast_to(edges, dtype)
    count: Size = edges.shape[0] - 1
    found = sorting.searchsorted(sorted_edges, values, right=1)
    last = movement.slice_(sorted_edges, [count], [1], [1])
    at_end = compare.equal(values, movement.broadcast_to(last, values.shape))
    number = movement.broadcast_to(size_value(count, INT64), found.shape)
    label = compare.where(at_end, number, found)
    label = arithmetic.subtract(label, full_like(label, 1))
    if weights is None:
        parts = constant(1, INT64, label.shape)
    else:
        given = as_expr(weights)
        parts = movement.refine(_flat(given), label.shape)
        if parts.dtype == BOOL:
            parts = compare.cast_to(parts, INT64)
    total = sorting.label_sum(parts, label, strict=0, shape=(count,))
    if not density:
        return Tensor(total), Tensor(edges)
    width = FUNCTIONS["diff"](Tensor(compare.cast_to(edges, FLOAT64)))
    share = Tensor(total) / width / FUNCTIONS["sum"](Tensor(total))
    return share, Tensor(edges)
