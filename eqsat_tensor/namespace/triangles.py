"""Diagonals and triangles of matrices: taken out, put in, kept, summed."""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.errors import ShapeError, message
from eqsat_tensor.extents import Size, lower_bound, maximum, minimum, same_size
from eqsat_tensor.lang import INT64, Expr
from eqsat_tensor.namespace.operands import (
    PUBLIC,
    axis_of,
    dtype_of,
    expr_of,
    public,
    show,
    show_all,
    sizes_of,
)
from eqsat_tensor.namespace.pieces import cut, flat
from eqsat_tensor.ops import arithmetic, compare, movement, select
from eqsat_tensor.ops.leaf import iota, size_value
from eqsat_tensor.sizes import size_of
from eqsat_tensor.tensor import Tensor, as_expr
from eqsat_tensor.types import Shape


def _offset(name: str, k: Any) -> Size:
    size = size_of(k)
    if size is None:
        hint = "Compare arange(n)[:, None] with arange(m) for a traced one."
        raise ShapeError(message(name, "a diagonal that is an int or a size", show(k), hint))
    return size


def _indices(name: str, shape: Shape, k: Any) -> tuple[Expr, Expr]:
    """row + k and column of the last two axes of a shape, as int64."""
    rank, offset = len(shape), _offset(name, k)
    row = iota(axis=rank - 2, dtype=INT64, shape=shape)
    if offset != 0:
        row = arithmetic.add(row, movement.broadcast_to(size_value(offset, INT64), shape))
    return row, iota(axis=rank - 1, dtype=INT64, shape=shape)


def on_diagonal(name: str, shape: Shape, k: Any) -> Expr:
    """Bools that are true on the diagonal `k` of the last two axes."""
    row, column = _indices(name, shape, k)
    result: Expr = compare.equal(row, column)
    return result


@public(numpy=np.tri)
def tri(N: Any, M: Any = None, k: Any = 0, dtype: Any = float) -> Tensor:
    """Ones up to the diagonal `k`, zeros above."""
    shape = sizes_of("tri", (N, N if M is None else M))
    return Tensor(
        compare.cast_to(compare.greater_equal(*_indices("tri", shape, k)), dtype_of(dtype))
    )


def _triangle(name: str, keep_below: bool, doc: str) -> None:
    def function(x: Any, /, k: Any = 0) -> Tensor:
        expr = expr_of(name, x)
        if not expr.shape:
            raise ShapeError(message(name, "at least one axis", f"x: {show(x)}"))
        if len(expr.shape) == 1:  # NumPy repeats a vector as the rows of a square
            expr = movement.broadcast_to(expr, (*expr.shape, *expr.shape))
        row, column = _indices(name, expr.shape, k)
        test = compare.greater_equal if keep_below else compare.less_equal
        return Tensor(compare.where(test(row, column), expr, movement.zeros_like(expr)))

    function.__name__, function.__doc__ = name, doc
    public(numpy=getattr(np, name))(function)


_triangle("tril", True, "The lower triangle, up to diagonal `k`; zeros above.")
_triangle("triu", False, "The upper triangle, from diagonal `k` on; zeros below.")


# --------------------------------------------------------------------------------------- diagonals
@public(numpy=np.diagonal)
def diagonal(x: Any, /, offset: Any = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Elements [i, i + offset] of two axes, along a new last axis."""
    expr = expr_of("diagonal", x)
    rank = len(expr.shape)
    if rank < 2:
        raise ShapeError(message("diagonal", "at least two axes", show_all((x,))))
    a, b = (axis_of("diagonal", i, rank, x) for i in (axis1, axis2))
    if a == b:
        raise ShapeError(message("diagonal", "two axes", f"axis1={axis1}, axis2={axis2}"))
    expr = movement.transpose(expr, [*(j for j in range(rank) if j not in (a, b)), a, b])
    k = _offset("diagonal", offset)
    expr = _from(expr, rank - 1, k)
    return Tensor(select.diagonal(_from(expr, rank - 2, -k)))


def _from(x: Expr, axis: int, start: Size) -> Expr:
    """The elements from `start` on along an axis; all where it is not positive."""
    low = lower_bound(-start)
    if low is not None and low >= 0:
        return x
    first = minimum(maximum(start, 0), x.shape[axis])
    return cut(x, axis, first, x.shape[axis] - first)


@public(numpy=np.trace)
def trace(x: Any, /, offset: Any = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Any:
    """The sum of a diagonal, in the dtype of a sum."""
    return PUBLIC["sum"](diagonal(x, offset, axis1, axis2), axis=-1, dtype=dtype)


@public(numpy=np.diag)
def diag(x: Any, /, k: Any = 0) -> Tensor:
    """The diagonal of a matrix, or the matrix with a vector on its diagonal."""
    expr = expr_of("diag", x)
    if len(expr.shape) == 2:
        result: Tensor = diagonal(Tensor(expr), k)
        return result
    if len(expr.shape) != 1:
        raise ShapeError(message("diag", "one or two axes", show_all((x,))))
    return Tensor(_with_diagonal(expr, _offset("diag", k)))


@public(numpy=np.diagflat)
def diagflat(x: Any, /, k: Any = 0) -> Tensor:
    """The matrix with the elements, in C order, on its diagonal `k`."""
    return Tensor(_with_diagonal(flat(expr_of("diagflat", x)), _offset("diagflat", k)))


def _with_diagonal(x: Expr, k: Size) -> Expr:
    n = x.shape[0]
    row, column = (iota(axis=i, dtype=INT64, shape=(n, n)) for i in (0, 1))
    spread = movement.broadcast(x, (1,), (n, n))
    square = compare.where(compare.equal(row, column), spread, movement.zeros_like(spread))
    below, right = maximum(-k, 0), maximum(k, 0)
    total = n + below + right
    return movement.pad(square, [below, right], [1, 1], [total, total])


# ------------------------------------------------------------------------------------ written over
def _with_diagonal_of_array(x: Any, values: Any, wrap: bool = False) -> Any:
    copy = np.array(x)
    np.fill_diagonal(copy, values, wrap)
    return copy


@public(numpy=_with_diagonal_of_array)
def with_diagonal(x: Any, /, values: Any, wrap: bool = False) -> Tensor:
    """`x` with `values`, repeated or cut to fit, on the diagonal [i, i, ...] of all its axes.

    A new array; `fill_diagonal` writes it into `x`.  wrap: as in `fill_diagonal`, the diagonal of
    a matrix with more rows than columns begins again after a row that is left out.
    """
    expr = expr_of("with_diagonal", x)
    rank = len(expr.shape)
    if rank < 2:
        raise ShapeError(message("with_diagonal", "at least two axes", show_all((x,))))
    if rank > 2:
        if any(same_size(s, expr.shape[0]) is False for s in expr.shape):
            raise ShapeError(message("with_diagonal", "axes of one size", show_all((x,))))
        expr = movement.refine(expr, (expr.shape[0],) * rank)
    shape = expr.shape
    row = iota(axis=0, dtype=INT64, shape=shape)
    place = row  # which value an element takes
    if wrap and rank == 2:
        period = movement.broadcast_to(size_value(shape[1] + 1, INT64), shape)
        row = arithmetic.remainder(row, period)
        turns = arithmetic.floor_divide(place, period)
        place = arithmetic.subtract(place, turns)
    columns = [iota(axis=a, dtype=INT64, shape=shape) for a in range(1, rank)]
    on = compare.equal(row, columns[0])
    for other in columns[1:]:
        on = compare.logical_and(on, compare.equal(row, other))
    given = compare.cast_to(flat(as_expr(values)), expr.dtype)
    count = given.shape[0]
    if count == 0:
        raise ShapeError(message("with_diagonal", "at least one value", f"{given.type}"))
    if count == 1:
        new = movement.broadcast_to(movement.squeeze(given, (0,)), shape)
    else:
        label = arithmetic.remainder(place, movement.broadcast_to(size_value(count, INT64), shape))
        new = as_expr(PUBLIC["take"](Tensor(given), Tensor(label)))
    return Tensor(compare.where(on, new, expr))


@public(numpy=np.fill_diagonal)
def fill_diagonal(x: Any, /, val: Any, wrap: bool = False) -> None:
    """Write `val` on the main diagonal of `x`; `with_diagonal` gives a new array instead."""
    x[...] = with_diagonal(x, val, wrap)
