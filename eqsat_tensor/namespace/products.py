"""Products of matrices and vectors, with NumPy's names and signatures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eqsat_tensor.errors import DtypeError, ShapeError, message
from eqsat_tensor.extents import Size, product, same_size
from eqsat_tensor.lang import BOOL, Expr
from eqsat_tensor.namespace.einsum import times, total
from eqsat_tensor.namespace.operands import (
    PUBLIC,
    axis_of,
    common_shape,
    gathered,
    needed,
    public,
    show_all,
)
from eqsat_tensor.namespace.pieces import at_least, flat
from eqsat_tensor.ops import arithmetic, contract, movement
from eqsat_tensor.tensor import Tensor


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
    left, right = gathered(name, (a, b))
    return left, right


def _conjugate(name: str, x: Expr) -> Expr:
    if x.dtype.kind != "c":
        return x
    result: Expr = needed(name, "conjugate")(Tensor(x)).expr
    return result


def _inner_error(a: Any, b: Any, left: Expr, right: Expr, inner: tuple[Size, Size]) -> ShapeError:
    hint = "Transpose or reshape one of them."
    if len(right.shape) > 1 and right.shape[-1] == inner[0]:
        hint = "Did you mean matmul(a, b.mT)?"
    elif len(left.shape) > 1 and left.shape[-2] == inner[1]:
        hint = "Did you mean matmul(a.mT, b)?"
    got = f"{show_all((a, b))} ({inner[0]} != {inner[1]})"
    return ShapeError(message("matmul", "equal inner sizes", got, hint))


def _matvec(a: Any, b: Any) -> Any:
    return np.matmul(a, np.asarray(b)[..., None])[..., 0]


def _vecmat(a: Any, b: Any) -> Any:
    return np.matmul(np.conj(a)[..., None, :], b)[..., 0, :]


@public(numpy=getattr(np, "matvec", _matvec))  # NumPy has both since 2.2
def matvec(a: Any, b: Any, /) -> Tensor:
    """Matrices times vectors: [..., m, k] and [..., k] give [..., m]."""
    left, right = _pair("matvec", a, b)
    _needs_axes("matvec", (a, b), (left, right), (2, 1))
    made = matmul(Tensor(left), Tensor(movement.expand_dims(right, (len(right.shape),)))).expr
    return Tensor(movement.squeeze(made, (len(made.shape) - 1,)))


@public(numpy=getattr(np, "vecmat", _vecmat))
def vecmat(a: Any, b: Any, /) -> Tensor:
    """Vectors, conjugated, times matrices: [..., k] and [..., k, n] give [..., n]."""
    left, right = _pair("vecmat", a, b)
    _needs_axes("vecmat", (a, b), (left, right), (1, 2))
    row = movement.expand_dims(_conjugate("vecmat", left), (len(left.shape) - 1,))
    made = matmul(Tensor(row), Tensor(right)).expr
    return Tensor(movement.squeeze(made, (len(made.shape) - 2,)))


def _needs_axes(
    name: str, operands: Sequence[Any], exprs: Sequence[Expr], ranks: Sequence[int]
) -> None:
    if any(len(e.shape) < r for e, r in zip(exprs, ranks, strict=True)):
        needs = "at least " + " and ".join(map(str, ranks)) + " axes"
        raise ShapeError(message(name, needs, show_all(operands)))


@public(numpy=np.dot)
def dot(a: Any, b: Any, /) -> Any:
    """NumPy's dot: product with a number, inner product, or matrix product.

    Of more axes than two it is the sum over the last axis of `a` and the second-last of `b`.
    """
    left, right = _pair("dot", a, b)
    if not left.shape or not right.shape:
        return PUBLIC["multiply"](Tensor(left), Tensor(right))
    if len(right.shape) <= 2:
        return matmul(a, b)
    return _contracted("dot", (a, b), (left, right), ((-1,), (-2,)))


@public(numpy=np.vdot)
def vdot(a: Any, b: Any, /) -> Any:
    """The sum of products of all elements, both flat; the first conjugated."""
    left, right = (flat(e) for e in _pair("vdot", a, b))
    if same_size(left.shape[0], right.shape[0]) is False:
        raise ShapeError(message("vdot", "as many elements in both", show_all((a, b))))
    return matmul(Tensor(_conjugate("vdot", left)), Tensor(right))


@public(numpy=np.tensordot)
def tensordot(a: Any, b: Any, /, axes: Any = 2) -> Tensor:
    """The sum of products over pairs of axes: the last `axes` of `a` with the first of `b`, or
    the pairs in two sequences.
    """
    left, right = _pair("tensordot", a, b)
    if isinstance(axes, int | np.integer):
        rank = len(left.shape)
        if not 0 <= axes <= min(rank, len(right.shape)):
            got = f"{show_all((a, b))}, axes={axes}"
            raise ShapeError(message("tensordot", "as many axes in both", got))
        axes = list(range(rank - axes, rank)), list(range(axes))
    return _contracted("tensordot", (a, b), (left, right), axes)


def _contracted(
    name: str, operands: Sequence[Any], exprs: Sequence[Expr], axes: Sequence[Any]
) -> Tensor:
    """The sum of products over pairs of axes; the free axes of the first, then of the second."""
    left, right = exprs
    over = [
        [axis_of(name, i, len(e.shape)) for i in (g if isinstance(g, tuple | list) else (g,))]
        for g, e in zip(axes, exprs, strict=True)
    ]
    sizes = [[e.shape[i] for i in o] for e, o in zip(exprs, over, strict=True)]
    fits = len(sizes[0]) == len(sizes[1]) and not any(
        same_size(p, q) is False for p, q in zip(*sizes, strict=True)
    )
    if not fits:
        got = f"{show_all(operands)}, axes={tuple(map(tuple, over))}"
        raise ShapeError(message(name, "equal sizes in pairs", got))
    free = [
        [i for i in range(len(e.shape)) if i not in o] for e, o in zip(exprs, over, strict=True)
    ]
    outside = [tuple(e.shape[i] for i in f) for e, f in zip(exprs, free, strict=True)]
    inside = product(sizes[0])
    right = movement.transpose(right, [*over[1], *free[1]])
    right = movement.refine(right, (*sizes[0], *outside[1]))
    result = contract.matmul(
        movement.reshape(
            movement.transpose(left, [*free[0], *over[0]]), (product(outside[0]), inside)
        ),
        movement.reshape(right, (inside, product(outside[1]))),
    )
    return Tensor(movement.reshape(result, (*outside[0], *outside[1])))


@public(numpy=np.vecdot)
def vecdot(a: Any, b: Any, /, axis: int = -1) -> Any:
    """The sum of products along one axis, the first operand conjugated; other axes broadcast."""
    exprs = []
    for value, e in zip((a, b), _pair("vecdot", a, b), strict=True):
        place = axis_of("vecdot", axis, len(e.shape), value)
        rest = [j for j in range(len(e.shape)) if j != place]
        exprs.append(movement.transpose(e, [*rest, place]))
    left, right = exprs
    if same_size(left.shape[-1], right.shape[-1]) is False:
        raise ShapeError(message("vecdot", "equal sizes along the axis", show_all((a, b))))
    batch = common_shape("vecdot", (a, b), [e.shape[:-1] for e in exprs])
    shape = (*batch, left.shape[-1])
    right = movement.refine(right, (*right.shape[:-1], left.shape[-1]))
    left = _conjugate("vecdot", left)
    both = times(movement.broadcast_to(left, shape), movement.broadcast_to(right, shape))
    return Tensor(total(both, (len(batch),)))


@public(numpy=np.inner)
def inner(a: Any, b: Any, /) -> Any:
    """The sum of products over the last axis of both."""
    left, right = _pair("inner", a, b)
    if not left.shape or not right.shape:
        return PUBLIC["multiply"](Tensor(left), Tensor(right))
    return _contracted("inner", (a, b), (left, right), ((-1,), (-1,)))


@public(numpy=np.outer)
def outer(a: Any, b: Any, /) -> Tensor:
    """All products of an element of `a` and one of `b`, both flat: [m, n]."""
    left, right = (flat(e) for e in _pair("outer", a, b))
    shape = (left.shape[0], right.shape[0])
    return Tensor(
        times(movement.broadcast(left, (1,), shape), movement.broadcast(right, (0,), shape))
    )


@public(numpy=np.kron)
def kron(a: Any, b: Any, /) -> Tensor:
    """Kronecker's product: `b` times each element of `a`, side by side."""
    exprs = _pair("kron", a, b)
    rank = max(len(e.shape) for e in exprs)
    left, right = (at_least(e, rank) for e in exprs)
    wide: list[Size] = [s for pair in zip(left.shape, right.shape, strict=True) for s in pair]
    spread = times(
        movement.broadcast(left, range(1, 2 * rank, 2), wide),
        movement.broadcast(right, range(0, 2 * rank, 2), wide),
    )
    return Tensor(
        movement.reshape(spread, [m * n for m, n in zip(left.shape, right.shape, strict=True)])
    )


# ------------------------------------------------------------------------------------------- cross
@public(numpy=np.cross)
def cross(
    a: Any, b: Any, /, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Tensor:
    """The cross product of vectors of 3 elements (or of 2, whose third is 0) along axes.

    Of two vectors of 2 elements it is the third element alone.
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    left, right = (
        _components(value, e, place)
        for value, e, place in zip((a, b), _pair("cross", a, b), (axisa, axisb), strict=True)
    )
    if left[0].dtype == BOOL:
        raise DtypeError(message("cross", "numbers", show_all((a, b))))
    shape = common_shape("cross", (a, b), (left[0].shape, right[0].shape))
    (a0, a1, a2), (b0, b1, b2) = (
        [None if c is None else movement.broadcast_to(c, shape) for c in (*v, None)[:3]]
        for v in (left, right)
    )
    third = _less(_times(a0, b1), _times(a1, b0))
    assert third is not None
    if a2 is None and b2 is None:
        return Tensor(third)
    parts = [_less(_times(a1, b2), _times(a2, b1)), _less(_times(a2, b0), _times(a0, b2)), third]
    place = axis_of("cross", axisc, len(shape) + 1)
    result: Tensor = PUBLIC["stack"]([Tensor(p) for p in parts if p is not None], axis=place)
    return result


def _components(value: Any, x: Expr, axis: int) -> list[Expr]:
    place = axis_of("cross", axis, len(x.shape), value)
    size = x.shape[place]
    if size not in (2, 3) and same_size(size, 3) is False:
        raise ShapeError(message("cross", "2 or 3 elements along the axis", show_all((value,))))
    if size != 2:  # of an unknown size a guard says that it is 3
        x = movement.refine(x, [3 if j == place else s for j, s in enumerate(x.shape)])
    parts: list[Tensor] = PUBLIC["unstack"](Tensor(x), axis=place)
    return [p.expr for p in parts]


def _times(a: Expr | None, b: Expr | None) -> Expr | None:
    """The product; None for 0."""
    return None if a is None or b is None else arithmetic.multiply(a, b)


def _less(a: Expr | None, b: Expr | None) -> Expr | None:
    if b is None:
        return a
    return arithmetic.negative(b) if a is None else arithmetic.subtract(a, b)
