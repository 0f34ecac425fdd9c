"""Decompositions and solutions of linear systems, by LAPACK as NumPy and SciPy call it.

All act on the matrices in the last two axes.  A matrix that LAPACK refuses raises LinAlgError.
Gradients: Giles 2008, "Collected matrix derivative results for forward and reverse mode
algorithmic differentiation"; for symmetric matrices the cotangent is symmetric.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from eqsat_tensor.kinds import Attribute, Kind
from eqsat_tensor.lang import FLOAT32, FLOAT64, OPS, Expr, OpDef, define
from eqsat_tensor.ops.arithmetic import add, divide, multiply, negative, subtract
from eqsat_tensor.ops.compare import equal, where
from eqsat_tensor.ops.contract import matmul
from eqsat_tensor.ops.leaf import full_like, iota
from eqsat_tensor.ops.movement import broadcast, swap_last, zeros_like
from eqsat_tensor.types import Shape, TensorType

LAPACK = (FLOAT32, FLOAT64)


# ---------------------------------------------------------------------------------------- helpers
def _square(x: TensorType, **_: Any) -> TensorType:
    assert x.rank >= 2, x
    assert x.shape[-1] == x.shape[-2], x
    return x


def index_along(x: Expr, axis: int) -> Expr:
    """The index along an axis, at each element of `x`."""
    return iota(axis=len(x.shape) + axis, dtype=np.dtype("int64"), shape=x.shape)


def triangle(x: Expr, lower: bool) -> Expr:
    """The lower or upper triangle of `x`, zeros elsewhere."""
    row, column = index_along(x, -2), index_along(x, -1)
    kept = OPS["less_equal"](column, row) if lower else OPS["less_equal"](row, column)
    return where(kept, x, zeros_like(x))


def _half_below(x: Expr) -> Expr:
    """The lower triangle with half of the diagonal."""
    diagonal = equal(index_along(x, -2), index_along(x, -1))
    return where(diagonal, multiply(full_like(x, 0.5), x), triangle(x, True))


def symmetric(x: Expr) -> Expr:
    """The symmetric half of square matrices."""
    return multiply(full_like(x, 0.5), add(x, swap_last(x)))


def columns(x: Expr, like: Expr) -> Expr:
    """A vector [..., n] repeated along a new axis -2: one row for all."""
    return broadcast(x, (len(like.shape) - 2,), like.shape)


def each_matrix(function: Any, *arrays: Any) -> np.ndarray[Any, Any]:
    """A function of single matrices on stacks of them, with equal leading axes."""
    lead = arrays[0].shape[:-2]
    if not lead:
        return np.asarray(function(*arrays))
    flat = [a.reshape(-1, *a.shape[-2:]) for a in arrays]
    made = [function(*parts) for parts in zip(*flat, strict=True)]
    if not made:
        return np.zeros(arrays[-1].shape, arrays[-1].dtype)
    return np.asarray(made).reshape(*lead, *made[0].shape)


def cubes(part: float) -> Callable[..., float]:
    """That many times n^3 operations a matrix: what LAPACK's factorisations take."""
    return lambda a: part * math.prod(a) * a[-1]


# --------------------------------------------------------------------------------------- Cholesky
def _cholesky(x: Any) -> Any:
    return np.linalg.cholesky(x).astype(x.dtype, copy=False)


def _cholesky_vjp(ct: Expr, out: Expr, x: Expr) -> tuple[Expr]:
    """S = L^-T phi(L^T ct) L^-1, its symmetric half (phi: lower triangle, half the diagonal)."""
    inner = _half_below(matmul(swap_last(out), triangle(ct, True)))
    left = solve_triangular(out, inner, lower=True, transposed=True)
    both = solve_triangular(out, swap_last(left), lower=True, transposed=True)
    return (symmetric(swap_last(both)),)


cholesky = define(
    "cholesky", Kind.LIBRARY, arity=1, numpy=_cholesky, infer=_square, dtypes=LAPACK,
    vjp=_cholesky_vjp, flops=cubes(1 / 3), ulps=16,
    doc="The lower triangle L with L @ L.T = x, of which the lower triangle alone is read.",
)  # fmt: skip


# ---------------------------------------------------------------------------------------- solving
def _solve_type(a: TensorType, b: TensorType, **_: Any) -> TensorType:
    _square(a)
    assert a.dtype == b.dtype, (a, b)
    assert a.rank == b.rank, (a, b)
    assert a.shape[:-1] == b.shape[:-1], (a, b)
    return b


def _solve(a: Any, b: Any) -> Any:
    if not b.size:
        return np.zeros(b.shape, b.dtype)
    return np.linalg.solve(a, b).astype(b.dtype, copy=False)


def _solve_vjp(ct: Expr, out: Expr, a: Expr, b: Expr) -> tuple[Expr, Expr]:
    back = solve(swap_last(a), ct)
    return negative(matmul(back, swap_last(out))), back


solve = define(
    "solve", Kind.LIBRARY, arity=2, numpy=_solve, infer=_solve_type, dtypes=LAPACK,
    vjp=_solve_vjp, flops=lambda a, b: cubes(2 / 3)(a) + 2 * math.prod(b) * a[-1], ulps=16,
    doc="x with a @ x = b, for matrices a [..., n, n] and b [..., n, k].",
)  # fmt: skip


def _solve_triangular(a: Any, b: Any, lower: int, transposed: int) -> Any:
    from scipy.linalg import solve_triangular as scipy_solve

    if not b.size:
        return np.zeros(b.shape, b.dtype)

    def one(m: Any, v: Any) -> Any:
        return scipy_solve(m, v, trans=int(transposed), lower=bool(lower), check_finite=False)

    return each_matrix(one, a, b).astype(b.dtype, copy=False)


def _solve_triangular_vjp(
    ct: Expr, out: Expr, a: Expr, b: Expr, lower: int, transposed: int
) -> tuple[Expr, Expr]:
    back = solve_triangular(a, ct, lower=lower, transposed=1 - transposed)
    outer = matmul(out, swap_last(back)) if transposed else matmul(back, swap_last(out))
    return negative(triangle(outer, bool(lower))), back


_solve_triangular_op: OpDef = define(
    "solve_triangular", Kind.LIBRARY, arity=2, numpy=_solve_triangular, infer=_solve_type,
    attributes={"lower": Attribute.INT, "transposed": Attribute.INT}, dtypes=LAPACK,
    vjp=_solve_triangular_vjp, flops=lambda a, b: math.prod(b) * a[-1], ulps=16,
    doc="x with a @ x = b (a.T @ x = b where transposed), of a the lower or upper triangle read.",
)  # fmt: skip


def solve_triangular(a: Expr, b: Expr, lower: int, transposed: int) -> Expr:
    """x with a @ x = b, `a` triangular; with a.T where transposed."""
    return _solve_triangular_op(a, b, lower=int(lower), transposed=int(transposed))


# --------------------------------------------------------------------------- inverse, determinant
def _inv(x: Any) -> Any:
    return np.linalg.inv(x).astype(x.dtype, copy=False)


def _inv_vjp(ct: Expr, out: Expr, x: Expr) -> tuple[Expr]:
    turned = swap_last(out)
    return (negative(matmul(matmul(turned, ct), turned)),)


inv = define(
    "inv", Kind.LIBRARY, arity=1, numpy=_inv, infer=_square, dtypes=LAPACK, vjp=_inv_vjp,
    flops=cubes(2), ulps=16,
    doc="The inverse matrix.",
)  # fmt: skip


def _matrix_value(x: TensorType, **_: Any) -> TensorType:
    return _square(x).with_shape(x.shape[:-2])


def _spread_matrix(x: Expr, like: Expr) -> Expr:
    rank = len(like.shape)
    return broadcast(x, (rank - 2, rank - 1), like.shape)


def _det_vjp(ct: Expr, out: Expr, x: Expr) -> tuple[Expr]:
    scaled = _spread_matrix(multiply(ct, out), x)
    return (multiply(scaled, swap_last(inv(x))),)


det = define(
    "det", Kind.LIBRARY, arity=1, numpy=lambda x: np.asarray(np.linalg.det(x), x.dtype),
    infer=_matrix_value, dtypes=LAPACK, vjp=_det_vjp, flops=cubes(2 / 3), ulps=16,
    doc="The determinant; its gradient needs a matrix that has an inverse.",
)  # fmt: skip


def _slogdet(x: Any) -> tuple[Any, Any]:
    sign, log = np.linalg.slogdet(x)
    return np.asarray(sign, x.dtype), np.asarray(log, x.dtype)


def _slogdet_vjp(ct: Expr, out: Expr, x: Expr, result: int) -> tuple[Expr | None]:
    if result == 0:
        return (None,)
    return (multiply(_spread_matrix(ct, x), swap_last(inv(x))),)


slogdet = define(
    "slogdet", Kind.LIBRARY, arity=1, numpy=lambda x, result: _slogdet(x)[result],
    results=_slogdet, infer=_matrix_value, attributes={"result": Attribute.INT}, dtypes=LAPACK,
    vjp=_slogdet_vjp, flops=cubes(2 / 3), ulps=16,
    doc="Result 0: the sign of the determinant; result 1: the logarithm of its absolute value.",
)  # fmt: skip


# ------------------------------------------------------------------------------------ eigenvalues
def _eigh(x: Any) -> tuple[Any, Any]:
    values, vectors = np.linalg.eigh(x)
    return values.astype(x.dtype, copy=False), vectors.astype(x.dtype, copy=False)


def _eigh_type(x: TensorType, result: int, shape: Shape) -> TensorType:
    assert shape == (_square(x).shape if result else x.shape[:-1]), (x, result, shape)
    return x.with_shape(shape)


def eigh(x: Expr, result: int) -> Expr:
    """Eigenvalues (result 0) or eigenvectors (1) of a symmetric matrix."""
    return _eigh_op(x, result=result, shape=x.shape if result else x.shape[:-1])


def _eigh_vjp(ct: Expr, out: Expr, x: Expr, result: int, shape: Shape) -> tuple[Expr]:
    """Of values: V diag(ct) V.T; of vectors: V (F * (V.T ct)) V.T, F = 1 / (w_j - w_i), 0 at i = j."""
    vectors = eigh(x, result=1)
    if result == 0:
        inner = multiply(vectors, columns(ct, x))
        return (symmetric(matmul(inner, swap_last(vectors))),)
    values = eigh(x, result=0)
    rank = len(x.shape)
    gap = subtract(columns(values, x), broadcast(values, (rank - 1,), x.shape))
    zero = equal(index_along(x, -2), index_along(x, -1))
    safe = where(zero, full_like(x, 1), gap)
    factor = where(zero, zeros_like(x), divide(full_like(x, 1), safe))
    inner = multiply(factor, matmul(swap_last(vectors), ct))
    return (symmetric(matmul(matmul(vectors, inner), swap_last(vectors))),)


_eigh_op = define(
    "eigh", Kind.LIBRARY, arity=1, numpy=lambda x, result, shape: _eigh(x)[result],
    results=_eigh, infer=_eigh_type,
    attributes={"result": Attribute.INT, "shape": Attribute.SHAPE}, dtypes=LAPACK, vjp=_eigh_vjp,
    flops=cubes(9), ulps=16,
    doc="Of a symmetric matrix (its lower triangle is read): 0 the eigenvalues, ascending; 1 the eigenvectors, in columns.",
)  # fmt: skip
