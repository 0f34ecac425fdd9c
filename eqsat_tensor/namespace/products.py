"""Products of matrices and vectors, with NumPy's names and signatures."""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.errors import ShapeError, message
from eqsat_tensor.lang import BOOL, Expr
from eqsat_tensor.namespace.operands import (
    PUBLIC,
    axis_of,
    common_dtype,
    common_shape,
    converted,
    expr_of,
    public,
    show_all,
)
from eqsat_tensor.ops import arithmetic, compare, contract, movement, select
from eqsat_tensor.ops.leaf import iota
from eqsat_tensor.tensor import FUNCTIONS, Tensor
from eqsat_tensor.types import Shape, Size, product, same_size


@public(numpy=np.matmul)
def matmul(a: Any, b: Any, /) -> Tensor:
    """The matrix product over the last axis of `a` and the second-last of `b`.

    a: [..., m, k] or [k];  b: [..., k, n] or [k];  batch axes broadcast.
    Raises ShapeError where the k sizes differ or an operand has no axis.
    """
    left, right = _pair("matmul", a, b)
    if not left.shape or not right.shape:
        hint = "Use * to multiply by a number."
        raise ShapeError(message("matmul", "at least one axis", show_all((a, b)), hint))
    inner = left.shape[-1], right.shape[-2 if len(right.shape) > 1 else 0]
    if same_size(*inner) is False:
        raise _inner_error(a, b, left, right, inner)
    row, column = len(left.shape) == 1, len(right.shape) == 1
    if row:
        left = movement.expand_dims(left, (0,))
    if column:
        right = movement.expand_dims(right, (1,))
    right = movement.refine(right, (*right.shape[:-2], left.shape[-1], right.shape[-1]))
    batch = common_shape("matmul", (a, b), (left.shape[:-2], right.shape[:-2]))
    result = contract.matmul(
        movement.broadcast_to(left, (*batch, *left.shape[-2:])),
        movement.broadcast_to(right, (*batch, *right.shape[-2:])),
    )
    rank = len(batch)
    return Tensor(movement.squeeze(result, (rank,) * row + (rank + 1,) * column))


def _pair(name: str, a: Any, b: Any) -> tuple[Expr, Expr]:
    for value in (a, b):
        expr_of(name, value)
    dtype = common_dtype(name, (a, b))
    return converted(a, dtype), converted(b, dtype)


def _inner_error(a: Any, b: Any, left: Expr, right: Expr, inner: tuple[Size, Size]) -> ShapeError:
    hint = "Transpose or reshape one of them."
    if len(right.shape) > 1 and right.shape[-1] == inner[0]:
        hint = "Did you mean matmul(a, b.mT)?"
    elif len(left.shape) > 1 and left.shape[-2] == inner[1]:
        hint = "Did you mean matmul(a.mT, b)?"
    got = f"{show_all((a, b))} ({inner[0]} != {inner[1]})"
    return ShapeError(message("matmul", "equal inner sizes", got, hint))


@public(numpy=np.dot)
def dot(a: Any, b: Any, /) -> Any:
    """NumPy's dot: product with a number, inner product, or matrix product.

    Of more axes than two it is the sum over the last axis of `a` and the second-last of `b`.
    """
    left, right = _pair("dot", a, b)
    if not left.shape or not right.shape:
        return PUBLIC["multiply"](a, b)
    if len(right.shape) <= 2:
        return matmul(a, b)
    return tensordot(a, b, ((-1,), (-2,)))


@public(numpy=np.tensordot)
def tensordot(a: Any, b: Any, /, axes: Any = 2) -> Tensor:
    """The sum of products over pairs of axes: the last `axes` of `a` with the first of `b`, or
    the pairs in two sequences.
    """
    left, right = _pair("tensordot", a, b)
    ranks = len(left.shape), len(right.shape)
    if isinstance(axes, int):
        over: list[list[int]] = [list(range(ranks[0] - axes, ranks[0])), list(range(axes))]
    else:
        over = [
            [axis_of("tensordot", i, rank) for i in (g if isinstance(g, tuple | list) else (g,))]
            for g, rank in zip(axes, ranks, strict=True)
        ]
    sizes = [[e.shape[i] for i in o] for e, o in zip((left, right), over, strict=True)]
    fits = len(sizes[0]) == len(sizes[1]) and not any(
        same_size(p, q) is False for p, q in zip(*sizes, strict=True)
    )
    if not fits or min(map(min, (over[0] or [0], over[1] or [0]))) < 0:
        raise ShapeError(
            message("tensordot", "equal sizes in pairs", f"{show_all((a, b))}, axes={axes}")
        )
    free = [[i for i in range(r) if i not in o] for r, o in zip(ranks, over, strict=True)]
    outer: list[Shape] = [
        tuple(e.shape[i] for i in f) for e, f in zip((left, right), free, strict=True)
    ]
    inner = product(sizes[0])
    right = movement.transpose(right, [*over[1], *free[1]])
    right = movement.refine(right, (*sizes[0], *outer[1]))
    result = contract.matmul(
        movement.reshape(
            movement.transpose(left, [*free[0], *over[0]]), (product(outer[0]), inner)
        ),
        movement.reshape(right, (inner, product(outer[1]))),
    )
    return Tensor(movement.reshape(result, (*outer[0], *outer[1])))


@public(numpy=np.vecdot)
def vecdot(a: Any, b: Any, /, axis: int = -1) -> Any:
    """The sum of products along one axis; the others broadcast."""
    both = PUBLIC["multiply"](a, b)
    return PUBLIC["sum"](both, axis=axis, dtype=both.dtype)


@public(numpy=np.inner)
def inner(a: Any, b: Any, /) -> Any:
    """The sum of products over the last axis of both."""
    left, right = _pair("inner", a, b)
    if not left.shape or not right.shape:
        return PUBLIC["multiply"](a, b)
    return tensordot(a, b, ((-1,), (-1,)))


@public(numpy=np.outer)
def outer(a: Any, b: Any, /) -> Tensor:
    """All products of an element of `a` and one of `b`, both flat: [m, n]."""
    left, right = _pair("outer", a, b)
    m, n = product(left.shape), product(right.shape)
    column = movement.broadcast(movement.reshape(left, (m,)), (1,), (m, n))
    row = movement.broadcast(movement.reshape(right, (n,)), (0,), (m, n))
    op = compare.logical_and if left.dtype == BOOL else arithmetic.multiply
    return Tensor(op(column, row))


@public(numpy=np.diagonal)
def diagonal(x: Any, /, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Elements [i, i + offset] of two axes, along a new last axis."""
    expr = expr_of("diagonal", x)
    rank = len(expr.shape)
    if rank < 2:
        raise ShapeError(message("diagonal", "at least two axes", show_all((x,))))
    a, b = (axis_of("diagonal", i, rank, x) for i in (axis1, axis2))
    if a == b:
        raise ShapeError(message("diagonal", "two axes", f"axis1={axis1}, axis2={axis2}"))
    expr = movement.transpose(expr, [*(j for j in range(rank) if j not in (a, b)), a, b])
    if offset:
        key = (..., slice(-offset, None), slice(None)) if offset < 0 else (..., slice(offset, None))
        expr = FUNCTIONS["__getitem__"](Tensor(expr), key).expr
    return Tensor(select.diagonal(expr))


@public(numpy=np.trace)
def trace(x: Any, /, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sum of a diagonal."""
    return PUBLIC["sum"](diagonal(x, offset, axis1, axis2), axis=-1)


@public(numpy=np.diag)
def diag(x: Any, /, k: int = 0) -> Tensor:
    """The diagonal of a matrix, or the matrix with a vector on its diagonal."""
    expr = expr_of("diag", x)
    if len(expr.shape) == 2:
        result: Tensor = diagonal(x, k)
        return result
    if len(expr.shape) != 1:
        raise ShapeError(message("diag", "one or two axes", show_all((x,))))
    n = expr.shape[0]
    row, column = (iota(axis=i, dtype=np.dtype("int64"), shape=(n, n)) for i in (0, 1))
    spread = movement.broadcast(expr, (1,), (n, n))
    square = compare.where(compare.equal(row, column), spread, movement.zeros_like(spread))
    low = [max(-k, 0), max(k, 0)]
    return Tensor(movement.pad(square, low, [1, 1], [n + abs(k), n + abs(k)]))
