"""Factorizations of matrices that need not be square, and least squares, by LAPACK as NumPy calls it.

All act on the m x n matrices in the last two axes; k is the smaller of m and n.
Gradients: Townsend 2016, "Differentiating the singular value decomposition"; Walter and Lehmann
2010, "Algorithmic differentiation of linear algebra functions with application in optimum experimental
design" (QR); Golub and Pereyra 1973, "The differentiation of pseudo-inverses and nonlinear least
squares problems whose variables separate": of a rank that does not change.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from eqsat_tensor.errors import UnsupportedError, message
from eqsat_tensor.extents import Size, minimum, same_size
from eqsat_tensor.kinds import Attribute, Kind
from eqsat_tensor.lang import Expr, define
from eqsat_tensor.ops.arithmetic import add, divide, multiply, negative, square, subtract
from eqsat_tensor.ops.compare import equal, where
from eqsat_tensor.ops.contract import matmul
from eqsat_tensor.ops.leaf import full_like
from eqsat_tensor.ops.linalg import (
    LAPACK,
    columns,
    index_along,
    solve_triangular,
    triangle,
)
from eqsat_tensor.ops.movement import broadcast, refine, swap_last, zeros_like
from eqsat_tensor.types import Shape, TensorType

RESULTS = {"result": Attribute.INT, "full": Attribute.INT, "shape": Attribute.SHAPE}


# ---------------------------------------------------------------------------------------- helpers
def smaller(x: Expr | TensorType) -> Size:
    """The smaller of the numbers of rows and columns."""
    return minimum(x.shape[-2], x.shape[-1])


def _cost(part: float) -> Callable[..., float]:
    """That many times m n k operations a matrix."""
    return lambda a, *_: part * math.prod(a) * min(a[-2:])


def _rows(x: Expr, like: Expr) -> Expr:
    """A vector [..., n] repeated along a new last axis: one column for all."""
    return broadcast(x, (len(like.shape) - 1,), like.shape)


def _outside(basis: Expr, x: Expr) -> Expr:
    """What of the columns of `x` lies outside the span of orthonormal columns."""
    return subtract(x, matmul(basis, matmul(swap_last(basis), x)))


def _given(shape: Shape, wanted: Shape) -> bool:
    """Is this the shape of a result, as far as sizes tell?"""
    pairs = zip(shape, wanted, strict=True)
    return len(shape) == len(wanted) and all(same_size(a, b) is not False for a, b in pairs)


def _refuse_more(operation: str, x: Expr, full: int, hint: str) -> None:
    """The columns that complete a basis are any: they have no derivative."""
    if full and same_size(x.shape[-2], x.shape[-1]) is not True:
        needs = "square matrices, for its derivative"
        raise UnsupportedError(message(operation, needs, f"x: {x.type}", hint))


# ----------------------------------------------------------------------------- singular values
def _svd_shape(x: Expr | TensorType, result: int, full: int) -> Shape:
    rows, cols = x.shape[-2:]
    inner = (rows, cols) if full else (smaller(x), smaller(x))
    tail = ((rows, inner[0]), (smaller(x),), (inner[1], cols))[result]
    return (*x.shape[:-2], *tail)


def _svd_type(x: TensorType, result: int, full: int, shape: Shape) -> TensorType:
    assert x.rank >= 2, x
    assert _given(shape, _svd_shape(x, result, full)), (x, result, shape)
    return x.with_shape(shape)


def _svd(x: Any, full: int) -> tuple[Any, ...]:
    return tuple(np.linalg.svd(x, full_matrices=bool(full)))


def svd(x: Expr, result: int, full: int = 0) -> Expr:
    """U (result 0), the singular values (1) or V.T (2) of U diag(s) V.T = x."""
    return _svd_op(x, result=result, full=full, shape=_svd_shape(x, result, full))


def _slope_of_values(ct: Expr, x: Expr) -> Expr:
    """U diag(ct) V.T."""
    left = svd(x, 0)
    return matmul(multiply(left, columns(ct, left)), svd(x, 2))


def _svd_vjp(ct: Expr, out: Expr, x: Expr, result: int, full: int, shape: Shape) -> tuple[Expr]:
    """With F = 1 / (s_j^2 - s_i^2), 0 at i = j, and J = F * (U.T ct), K = F * (V.T ct.T):

    of U: U (J + J.T) S V.T + (1 - U U.T) ct S^-1 V.T;
    of V.T: U S (K + K.T) V.T + U S^-1 ct (1 - V V.T).
    """
    if result == 1:
        return (_slope_of_values(ct, x),)
    _refuse_more("svd", x, full, "Use full_matrices=False.")
    left, values, right = svd(x, 0), svd(x, 1), svd(x, 2)
    wanted = (*left.shape[:-1], left.shape[-1]) if result == 0 else right.shape
    ct = refine(ct, wanted)
    turned = ct if result == 0 else swap_last(ct)
    basis = left if result == 0 else swap_last(right)
    inner = matmul(swap_last(basis), turned)
    squares = square(values)
    gap = subtract(columns(squares, inner), _rows(squares, inner))
    same = equal(index_along(inner, -2), index_along(inner, -1))
    factor = divide(full_like(gap, 1), where(same, full_like(gap, 1), gap))
    inner = multiply(where(same, zeros_like(gap), factor), inner)
    both = add(inner, swap_last(inner))
    outside = _outside(basis, turned)
    over = divide(outside, columns(values, outside))
    if result == 0:
        scaled = multiply(both, columns(values, both))
        return (matmul(add(matmul(left, scaled), over), right),)
    scaled = multiply(_rows(values, both), both)
    return (matmul(left, add(matmul(scaled, right), swap_last(over))),)


_svd_op = define(
    "svd", Kind.LIBRARY, arity=1, numpy=lambda x, result, full, shape: _svd(x, full)[result],
    results=_svd, infer=_svd_type, attributes=RESULTS, dtypes=LAPACK, vjp=_svd_vjp,
    flops=_cost(20), ulps=16,
    doc="0 U, 1 the singular values, descending, 2 V.T of U diag(s) V.T = x; k columns of U and rows of V.T, or all where full.  Derivatives of U and V.T need distinct singular values that are not 0.",
)  # fmt: skip


def _values_type(x: TensorType, shape: Shape) -> TensorType:
    assert x.rank >= 2, x
    assert _given(shape, (*x.shape[:-2], smaller(x))), (x, shape)
    return x.with_shape(shape)


_svdvals_op = define(
    "svdvals", Kind.LIBRARY, arity=1, infer=_values_type, dtypes=LAPACK,
    numpy=lambda x, shape: np.linalg.svd(x, compute_uv=False),
    attributes={"shape": Attribute.SHAPE},
    vjp=lambda ct, out, x, shape: (_slope_of_values(ct, x),), flops=_cost(3), ulps=16,
    doc="The singular values alone, descending.",
)  # fmt: skip


def svdvals(x: Expr) -> Expr:
    """The singular values, descending."""
    result: Expr = _svdvals_op(x, shape=(*x.shape[:-2], smaller(x)))
    return result


# ------------------------------------------------------------------------------------------- QR
def _qr_shape(x: Expr | TensorType, result: int, full: int) -> Shape:
    rows, cols = x.shape[-2:]
    inner = rows if full else smaller(x)
    return (*x.shape[:-2], *((inner, cols) if result else (rows, inner)))


def _qr_type(x: TensorType, result: int, full: int, shape: Shape) -> TensorType:
    assert x.rank >= 2, x
    assert _given(shape, _qr_shape(x, result, full)), (x, result, shape)
    return x.with_shape(shape)


def _qr(x: Any, full: int) -> tuple[Any, ...]:
    return tuple(np.linalg.qr(x, "complete" if full else "reduced"))


def qr(x: Expr, result: int, full: int = 0) -> Expr:
    """Q (result 0) or R (1) of Q R = x."""
    return _qr_op(x, result=result, full=full, shape=_qr_shape(x, result, full))


def _qr_vjp(ct: Expr, out: Expr, x: Expr, result: int, full: int, shape: Shape) -> tuple[Expr]:
    """(of Q: ct +) Q sym(M) R^-T with M = -ct.T Q of Q, R ct.T of R; sym: by the lower triangle."""
    _refuse_more("qr", x, full, 'Use mode="reduced".')
    cols = x.shape[-1]
    if same_size(smaller(x), cols) is False:
        needs = "at least as many rows as columns, for its derivative"
        raise UnsupportedError(message("qr", needs, f"x: {x.type}", "Use the columns in front."))
    left = refine(qr(x, 0), x.shape)  # where sizes are not known, this guards that rows are enough
    right = refine(qr(x, 1), (*x.shape[:-2], cols, cols))
    ct = refine(ct, right.shape if result else left.shape)
    if result == 0:
        moved = negative(matmul(swap_last(ct), left))
    else:
        moved = matmul(right, swap_last(triangle(ct, False)))
    lower = triangle(moved, True)
    diagonal = equal(index_along(moved, -2), index_along(moved, -1))
    inner = matmul(left, where(diagonal, moved, add(lower, swap_last(lower))))
    if result == 0:
        inner = add(ct, inner)
    solved = solve_triangular(right, swap_last(inner), lower=False, transposed=False)
    return (swap_last(solved),)


_qr_op = define(
    "qr", Kind.LIBRARY, arity=1, numpy=lambda x, result, full, shape: _qr(x, full)[result],
    results=_qr, infer=_qr_type, attributes=RESULTS, dtypes=LAPACK, vjp=_qr_vjp,
    flops=_cost(4), ulps=16,
    doc="0 Q with orthonormal columns (k, or m where full), 1 the upper triangle R, of Q R = x.  Its derivative needs m >= n and full rank.",
)  # fmt: skip


# -------------------------------------------------------------------------------- least squares
def _pinv_shape(x: Expr | TensorType) -> Shape:
    return (*x.shape[:-2], x.shape[-1], x.shape[-2])


def _pinv_type(x: TensorType, rcond: TensorType, shape: Shape) -> TensorType:
    assert rcond.shape == x.shape[:-2], (x, rcond)
    assert rcond.dtype == x.dtype, (x, rcond)
    assert _given(shape, _pinv_shape(x)), (x, shape)
    return x.with_shape(shape)


def pinv(x: Expr, rcond: Expr) -> Expr:
    """The pseudo-inverse."""
    result: Expr = _pinv_op(x, rcond, shape=_pinv_shape(x))
    return result


def _pinv_vjp(ct: Expr, out: Expr, x: Expr, rcond: Expr, shape: Shape) -> tuple[Expr, None]:
    """-P.T ct P.T + (1 - x P) ct.T P P.T + P.T P ct.T (1 - P x), for P the pseudo-inverse."""
    turned, back = swap_last(out), swap_last(ct)
    first = negative(matmul(matmul(turned, ct), turned))
    left = matmul(matmul(back, out), turned)
    left = subtract(left, matmul(x, matmul(out, left)))
    right = matmul(turned, matmul(out, back))
    right = subtract(right, matmul(matmul(right, out), x))
    return add(first, add(left, right)), None


_pinv_op = define(
    "pinv", Kind.LIBRARY, arity=2, numpy=lambda x, rcond, shape: np.linalg.pinv(x, rcond),
    infer=_pinv_type, attributes={"shape": Attribute.SHAPE}, dtypes=LAPACK, vjp=_pinv_vjp,
    flops=_cost(24), ulps=16,
    doc="The Moore-Penrose pseudo-inverse; singular values up to rcond times the largest count as 0, one rcond a matrix.",
)  # fmt: skip


def _lstsq_shape(a: Expr | TensorType, b: Expr | TensorType, result: int) -> Shape:
    return (*a.shape[:-2], *((smaller(a),) if result else (a.shape[-1], b.shape[-1])))


def _lstsq_type(
    a: TensorType, b: TensorType, rcond: TensorType, result: int, shape: Shape
) -> TensorType:
    assert a.dtype == b.dtype == rcond.dtype, (a, b, rcond)
    assert a.shape[:-1] == b.shape[:-1], (a, b)
    assert rcond.shape == a.shape[:-2], (a, rcond)
    assert _given(shape, _lstsq_shape(a, b, result)), (a, b, result, shape)
    return a.with_shape(shape)


def _lstsq(a: Any, b: Any, rcond: Any) -> tuple[Any, Any]:
    lead, (rows, cols), count = a.shape[:-2], a.shape[-2:], b.shape[-1]
    solution = np.zeros((*lead, cols, count), a.dtype)
    values = np.zeros((*lead, min(rows, cols)), a.dtype)
    for place in np.ndindex(lead):
        solution[place], _, _, values[place] = np.linalg.lstsq(
            a[place], b[place], float(rcond[place])
        )
    return solution, values


def lstsq(a: Expr, b: Expr, rcond: Expr, result: int) -> Expr:
    """The solution (result 0) or the singular values of `a` (1)."""
    return _lstsq_op(a, b, rcond, result=result, shape=_lstsq_shape(a, b, result))


def _lstsq_vjp(
    ct: Expr, out: Expr, a: Expr, b: Expr, rcond: Expr, result: int, shape: Shape
) -> tuple[Expr, Expr | None, None]:
    """Of x = P b: P.T ct to b, and what `pinv` has for ct b.T to a."""
    if result == 1:
        return _slope_of_values(ct, a), None, None
    inverse = pinv(a, rcond)
    to_b = matmul(swap_last(inverse), ct)
    first = negative(matmul(to_b, swap_last(out)))
    residual = subtract(b, matmul(a, out))
    left = matmul(residual, swap_last(matmul(inverse, to_b)))
    outside = subtract(ct, matmul(swap_last(a), to_b))
    right = matmul(matmul(swap_last(inverse), out), swap_last(outside))
    return add(first, add(left, right)), to_b, None


_lstsq_op = define(
    "lstsq", Kind.LIBRARY, arity=3, results=_lstsq, infer=_lstsq_type, dtypes=LAPACK,
    numpy=lambda a, b, rcond, result, shape: _lstsq(a, b, rcond)[result],
    attributes={"result": Attribute.INT, "shape": Attribute.SHAPE}, vjp=_lstsq_vjp,
    flops=_cost(20), ulps=16,
    doc="0 the x [n, j] of least norm that makes the norm of a @ x - b least, 1 the singular values of a; those up to rcond times the largest count as 0.",
)  # fmt: skip
