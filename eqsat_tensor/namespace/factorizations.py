"""`eqsat_tensor.linalg`: singular values, QR, pseudo-inverses, least squares and what is made of them.

Leading axes are a batch, as in NumPy; dtypes as in `decompositions`.
"""

from __future__ import annotations

import operator
from collections import namedtuple
from typing import Any

import numpy as np

from eqsat_tensor.errors import ShapeError, UnsupportedError, message
from eqsat_tensor.extents import lower_bound, maximum, same_size
from eqsat_tensor.lang import INT32, INT64, Expr
from eqsat_tensor.namespace.decompositions import lapack_operands
from eqsat_tensor.namespace.linalg import LINALG, linear_algebra
from eqsat_tensor.namespace.operands import PUBLIC, expr_of, public, show, show_all
from eqsat_tensor.namespace.polynomials import vector_of
from eqsat_tensor.ops import arithmetic, compare, factorizations, movement, reduce
from eqsat_tensor.ops.leaf import constant, size_value
from eqsat_tensor.tensor import Tensor, as_expr

SVDResult = namedtuple("SVDResult", "U S Vh")
QRResult = namedtuple("QRResult", "Q R")


def _matrices(name: str, *operands: Any) -> list[Expr]:
    """Operands in the dtype that LAPACK computes in; the first is of matrices."""
    exprs = lapack_operands(name, *operands)
    if len(exprs[0].shape) < 2:
        raise ShapeError(message(f"linalg.{name}", "matrices", show_all(operands)))
    return exprs


def _ordinary(name: str, hermitian: Any) -> None:
    if hermitian:
        hint = "Leave it out, or use eigh."
        raise UnsupportedError(message(f"linalg.{name}", "no hermitian=", "", hint))


def _cutoff(name: str, x: Expr, rcond: Any) -> Expr:
    """A number a matrix, in its dtype: what is given, or the units of its size."""
    if rcond is None:
        size = size_value(maximum(x.shape[-2], x.shape[-1]), x.dtype)
        unit = constant(float(np.finfo(x.dtype).eps), x.dtype)
        rcond = Tensor(arithmetic.multiply(size, unit))
    lead = x.shape[:-2]
    given = compare.cast_to(expr_of(name, rcond), x.dtype)
    if len(given.shape) > len(lead):
        needs = "one number, or one a matrix"
        raise ShapeError(message(f"linalg.{name}", needs, f"x: {x.type}, rcond: {given.type}"))
    return movement.broadcast_to(given, lead)


# --------------------------------------------------------------------------------- factorizations
@linear_algebra
def svd(
    x: Any, /, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Any:
    """(U, S, Vh) with U @ diag(S) @ Vh = x, S descending; S alone where not `compute_uv`.

    x [..., m, n]: U [..., m, m] and Vh [..., n, n], or where not `full_matrices` the min(m, n) columns
    and rows that belong to S.  Of these U and Vh have derivatives, where singular values are distinct.
    """
    _ordinary("svd", hermitian)
    (expr,) = _matrices("svd", x)
    if not compute_uv:
        return Tensor(factorizations.svdvals(expr))
    return SVDResult(*(Tensor(factorizations.svd(expr, k, int(full_matrices))) for k in range(3)))


@linear_algebra
def svdvals(x: Any, /) -> Tensor:
    """The singular values of each matrix, descending."""
    return Tensor(factorizations.svdvals(*_matrices("svdvals", x)))


@linear_algebra
def qr(x: Any, /, mode: str = "reduced") -> Any:
    """(Q, R) with Q @ R = x, Q's columns orthonormal and R an upper triangle.

    x [..., m, n], k = min(m, n): "reduced" Q [..., m, k], R [..., k, n]; "complete" Q [..., m, m],
    R [..., m, n]; "r" R [..., k, n] alone.  Derivatives need m >= n and full rank.
    """
    if mode not in ("reduced", "complete", "r"):
        needs = 'mode="reduced", "complete" or "r"'
        raise UnsupportedError(message("linalg.qr", needs, f"mode={mode!r}"))
    (expr,) = _matrices("qr", x)
    if mode == "r":
        return Tensor(factorizations.qr(expr, 1))
    return QRResult(*(Tensor(factorizations.qr(expr, k, int(mode == "complete"))) for k in (0, 1)))


# ---------------------------------------------------------------------------------- least squares
@linear_algebra
def pinv(
    x: Any, /, rcond: Any = None, hermitian: bool = False, *, rtol: Any = np._NoValue
) -> Tensor:
    """The pseudo-inverse [..., n, m] of each matrix [..., m, n].

    Singular values up to `rcond` (1e-15; `rtol=None`: eps * max(m, n)) times the largest count as 0.
    """
    _ordinary("pinv", hermitian)
    if rcond is not None and rtol is not np._NoValue:
        raise ValueError("`rtol` and `rcond` can't be both set.")
    if rcond is None:
        rcond = 1e-15 if rtol is np._NoValue else rtol
    (expr,) = _matrices("pinv", x)
    return Tensor(factorizations.pinv(expr, _cutoff("pinv", expr, rcond)))


@linear_algebra
def lstsq(a: Any, b: Any, rcond: Any = None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(x, residuals, rank, s): x [n, j] of least norm that makes the norm of a @ x - b least.

    a [m, n], b [m] or [m, j]; s: the singular values of `a`.  residuals: the sums of squares of
    b - a @ x, a column each; without elements where m <= n is known.  (NumPy leaves them out, too,
    where the rank turns out to be less than n: here their size does not depend on values.)
    """
    left, right = _matrices("lstsq", a, b)
    if len(left.shape) != 2 or len(right.shape) not in (1, 2):
        needs = "a matrix, and one or more right sides"
        raise ShapeError(message("linalg.lstsq", needs, show_all((a, b))))
    if same_size(left.shape[0], right.shape[0]) is False:
        raise ShapeError(message("linalg.lstsq", "as many rows in both", show_all((a, b))))
    vector = len(right.shape) == 1
    if vector:
        right = movement.expand_dims(right, (1,))
    right = movement.refine(right, (left.shape[0], right.shape[1]))
    if rcond is not None and not isinstance(rcond, Tensor) and rcond < 0:
        rcond = float(np.finfo(left.dtype).eps)  # as LAPACK has it
    cutoff = _cutoff("lstsq", left, rcond)
    x, values = (factorizations.lstsq(left, right, cutoff, k) for k in (0, 1))
    wide = lower_bound(left.shape[1] - left.shape[0])
    if wide is not None and wide >= 0:
        squares = constant(0, left.dtype, (0,))
    else:
        rest = arithmetic.subtract(right, PUBLIC["matmul"](Tensor(left), Tensor(x)).expr)
        squares = reduce.sum_over(arithmetic.square(rest), (0,))
    rank = _rank(values, cutoff)
    solution = movement.squeeze(x, (1,)) if vector else x
    whole = Tensor(compare.cast_to(rank, INT32))
    return Tensor(solution), Tensor(squares), whole, Tensor(values)


def _above(values: Expr, floor: Expr) -> Expr:
    """How many of the values [..., k] are above the floor [...]."""
    rank = len(values.shape)
    spread = movement.broadcast(floor, (rank - 1,), values.shape)
    return reduce.sum_over(compare.cast_to(compare.greater(values, spread), INT64), (rank - 1,))


def _rank(values: Expr, cutoff: Expr) -> Expr:
    """The number of singular values above so many times the largest."""
    return _above(values, arithmetic.multiply(_largest(values), cutoff))


def _largest(values: Expr) -> Expr:
    """The largest singular value, 0 where there is none."""
    return as_expr(PUBLIC["max"](Tensor(values), axis=-1, initial=0))


@linear_algebra
def matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Tensor:
    """The number of singular values above `tol`; of a vector 1, or 0 where all elements are 0.

    tol: by default `rtol` times the largest, and `rtol` is eps * max(m, n).
    """
    _ordinary("matrix_rank", hermitian)
    if tol is not None and rtol is not None:
        raise ValueError("`tol` and `rtol` can't be both set.")
    if len(expr_of("matrix_rank", A).shape) < 2:
        result: Tensor = PUBLIC["astype"](PUBLIC["any"](PUBLIC["not_equal"](A, 0)), INT64)
        return result
    (expr,) = _matrices("matrix_rank", A)
    values = factorizations.svdvals(expr)
    if tol is None:
        return Tensor(_rank(values, _cutoff("matrix_rank", expr, rtol)))
    return Tensor(_above(values, _cutoff("matrix_rank", expr, tol)))


@linear_algebra
def cond(x: Any, p: Any = None) -> Tensor:
    """The condition number: the quotient of the largest and the smallest singular value.

    p: 2 (or None) and -2 by singular values; other orders of `norm` by the inverse, which has to exist.
    """
    if p not in (None, 2, -2):
        norm = PUBLIC["norm"]
        inverse = LINALG["inv"](x)
        found = norm(x, p, axis=(-2, -1)) * norm(inverse, p, axis=(-2, -1))
    else:
        values = Tensor(factorizations.svdvals(*_matrices("cond", x)))
        ends: Any = (values[..., 0], values[..., -1])
        found = ends[1] / ends[0] if p == -2 else ends[0] / ends[1]
    unknown = PUBLIC["isnan"](found) & ~PUBLIC["any"](PUBLIC["isnan"](x), axis=(-2, -1))
    result: Tensor = PUBLIC["where"](unknown, np.inf, found)
    return PUBLIC["astype"](result, found.dtype)  # type: ignore[no-any-return]


# --------------------------------------------------------------------------------- made of others
@linear_algebra
def tensorinv(a: Any, ind: Any = 2) -> Tensor:
    """The inverse of `a` as a map of its last axes to its first `ind` ones."""
    x = Tensor(expr_of("tensorinv", a))
    if not isinstance(ind, int) or ind <= 0:
        raise ValueError("Invalid ind argument.")
    rows = _product(x.shape[ind:])
    flat = LINALG["inv"](x.reshape(rows, -1) if ind < x.ndim else x.reshape(-1, rows))
    result: Tensor = flat.reshape(*x.shape[ind:], *x.shape[:ind])
    return result


@linear_algebra
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Tensor:
    """x with tensordot(a, x, x.ndim) = b; `axes` of `a` are first moved behind the others."""
    left, right = Tensor(expr_of("tensorsolve", a)), Tensor(expr_of("tensorsolve", b))
    if axes is not None:
        behind = [operator.index(k) % left.ndim for k in axes]
        order = [k for k in range(left.ndim) if k not in behind] + behind
        left = left.transpose(*order)
    shape = left.shape[right.ndim - left.ndim :] if right.ndim < left.ndim else ()
    size = _product(shape)
    solved = LINALG["solve"](left.reshape(-1, size), right.reshape(-1))
    result: Tensor = solved.reshape(*shape)
    return result


def _product(sizes: Any) -> Any:
    total: Any = 1
    for size in sizes:
        total = total * size
    return total


@public(numpy=np.polyfit)
def polyfit(
    x: Any, y: Any, deg: Any, rcond: Any = None, full: bool = False, w: Any = None, cov: Any = False
) -> Any:
    """Coefficients, the highest power first, of the polynomial that is nearest to points (x, y).

    x [m], y [m] or [m, j], deg an int; w [m]: weights of y's residuals.  full: also residuals, rank,
    singular values and rcond, as `lstsq`.
    """
    if cov:
        hint = "Compute inv(V.T @ V) of V = vander(x, deg + 1)."
        raise UnsupportedError(message("polyfit", "no cov=", "", hint))
    degree = operator.index(deg)
    if degree < 0:
        raise ValueError("expected deg >= 0")
    points: Any = Tensor(vector_of("polyfit", "x", x)) + 0.0  # type: ignore[operator]
    values: Any = Tensor(expr_of("polyfit", y)) + 0.0  # type: ignore[operator]
    left = PUBLIC["vander"](points, degree + 1)
    if values.ndim not in (1, 2):
        raise ShapeError(message("polyfit", "y of one or two axes", f"y: {show(y)}"))
    if w is not None:
        weights: Any = Tensor(vector_of("polyfit", "w", w))
        left = left * weights[:, None]
        values = values * (weights[:, None] if values.ndim == 2 else weights)
    scale = PUBLIC["sqrt"]((left * left).sum(axis=0))
    if rcond is None:
        unit = float(np.finfo(points.dtype).eps)
        rcond = points.shape[0] * unit
    solved, rest, rank, singular = lstsq(left / scale, values, rcond)
    found = solved / (scale[:, None] if solved.ndim == 2 else scale)
    return (found, rest, rank, singular, rcond) if full else found
