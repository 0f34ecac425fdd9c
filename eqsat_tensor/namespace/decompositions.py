"""`eqsat_tensor.linalg`: systems of equations, determinants, factors, eigenvalues, by LAPACK.

Leading axes are a batch, as in NumPy.  Integers are computed as float64; float32 stays, float16 and
complex numbers but for solve, inv and det are refused.  What LAPACK refuses raises numpy.linalg.LinAlgError.
"""

from __future__ import annotations

from collections import namedtuple
from typing import Any

from eqsat_tensor.errors import DtypeError, ShapeError, UnsupportedError, message
from eqsat_tensor.extents import same_size
from eqsat_tensor.lang import COMPLEXES, FLOAT64, Expr
from eqsat_tensor.namespace.linalg import LINALG, LINALG_MISSING, linear_algebra
from eqsat_tensor.namespace.operands import (
    PUBLIC,
    common_dtype,
    common_shape,
    dispatched,
    expr_of,
    show_all,
)
from eqsat_tensor.ops import compare, linalg, movement
from eqsat_tensor.tensor import Tensor

LINALG_MISSING |= dict.fromkeys(
    ("eig", "eigvals"),
    "Whether NumPy's result is real or complex depends on values: compute it by wrap.",
)

OF_COMPLEX = ("solve", "inv", "det")  # holomorphic, as their derivatives need it
SlogdetResult = namedtuple("SlogdetResult", "sign logabsdet")
EighResult = namedtuple("EighResult", "eigenvalues eigenvectors")


def lapack_operands(name: str, *operands: Any) -> list[Expr]:
    """Operands in the dtype that LAPACK computes in."""
    dtype = common_dtype(name, operands)
    dtype = FLOAT64 if dtype.kind in "biu" else dtype
    if dtype not in linalg.LAPACK and not (dtype in COMPLEXES and name in OF_COMPLEX):
        hint = "Cast by astype."
        raise DtypeError(message(name, "float32, float64 or integers", show_all(operands), hint))
    return [compare.cast_to(expr_of(name, x), dtype) for x in operands]


def _matrices(name: str, x: Expr) -> Expr:
    """Square matrices; a size that may differ is asserted to be the other."""
    if len(x.shape) < 2 or same_size(x.shape[-1], x.shape[-2]) is False:
        raise ShapeError(message(f"linalg.{name}", "square matrices", f"x: {x.type}"))
    return movement.refine(x, (*x.shape[:-1], x.shape[-2]))


def _matrix(name: str, x: Any) -> Expr:
    (expr,) = lapack_operands(name, x)
    return _matrices(name, expr)


@linear_algebra
def cholesky(x: Any, /, *, upper: bool = False) -> Tensor:
    """The lower triangle L with L @ L.T = x of symmetric positive definite x [..., n, n].

    The lower triangle of x is read (the upper one where `upper`, and L.T is given).
    """
    expr = _matrix("cholesky", x)
    if not upper:
        return Tensor(linalg.cholesky(expr))
    return Tensor(movement.swap_last(linalg.cholesky(movement.swap_last(expr))))


def _systems(name: str, a: Any, b: Any) -> tuple[Expr, Expr, bool]:
    """Matrices [..., n, n] and right sides [..., n, k] with equal leading axes; was b a vector?"""
    left, right = lapack_operands(name, a, b)
    left = _matrices(name, left)
    vector = len(right.shape) == 1
    if not right.shape:
        raise ShapeError(message(f"linalg.{name}", "b with at least one axis", show_all((a, b))))
    if vector:
        right = movement.expand_dims(right, (1,))
    if same_size(left.shape[-1], right.shape[-2]) is False:
        needs = "as many rows in both"
        raise ShapeError(message(f"linalg.{name}", needs, show_all((a, b))))
    lead = common_shape(name, (a, b), [left.shape[:-2], right.shape[:-2]])
    left = movement.broadcast_to(left, (*lead, *left.shape[-2:]))
    right = movement.broadcast_to(right, (*lead, left.shape[-1], right.shape[-1]))
    return left, right, vector


def _unpacked(x: Expr, vector: bool) -> Tensor:
    return Tensor(movement.squeeze(x, (len(x.shape) - 1,)) if vector else x)


@linear_algebra
def solve(a: Any, b: Any, /) -> Tensor:
    """x with a @ x = b: a [..., n, n], b [n] or [..., n, k].  A singular matrix: LinAlgError."""
    left, right, vector = _systems("solve", a, b)
    return _unpacked(linalg.solve(left, right), vector)


def _solve_arrays(a: Any, b: Any, **options: Any) -> Any:
    from scipy.linalg import solve_triangular as theirs

    return theirs(a, b, **options)


def solve_triangular(a: Any, b: Any, /, trans: Any = 0, lower: bool = False) -> Tensor:
    """x with a @ x = b, `a` triangular (the other triangle is not read); trans=1: a.T @ x = b.

    As scipy.linalg.solve_triangular; an exact zero on the diagonal raises LinAlgError.
    """
    if trans not in (0, 1, "N", "T"):
        raise UnsupportedError(message("solve_triangular", "trans=0 or 1", f"trans={trans!r}"))
    left, right, vector = _systems("solve_triangular", a, b)
    solved = linalg.solve_triangular(left, right, int(lower), int(trans in (1, "T")))
    return _unpacked(solved, vector)


LINALG["solve_triangular"] = dispatched(solve_triangular, _solve_arrays)


@linear_algebra
def inv(x: Any, /) -> Tensor:
    """The inverse of each matrix.  A singular one: LinAlgError."""
    return Tensor(linalg.inv(_matrix("inv", x)))


@linear_algebra
def det(x: Any, /) -> Tensor:
    """The determinant of each matrix."""
    return Tensor(linalg.det(_matrix("det", x)))


@linear_algebra
def slogdet(x: Any, /) -> SlogdetResult:
    """Sign and logarithm of the absolute value of each determinant."""
    expr = _matrix("slogdet", x)
    return SlogdetResult(*(Tensor(linalg.slogdet(expr, result=k)) for k in (0, 1)))


def _lower(x: Expr, uplo: str) -> Expr:
    if uplo not in ("L", "U", "l", "u"):
        raise ValueError("UPLO argument must be 'L' or 'U'")
    return movement.swap_last(x) if uplo in "Uu" else x


@linear_algebra
def eigh(x: Any, /, UPLO: str = "L") -> EighResult:
    """Eigenvalues, ascending, and eigenvectors, in columns, of symmetric matrices.

    One triangle is read, as `UPLO` says.  Derivatives of eigenvectors need distinct eigenvalues.
    """
    expr = _lower(_matrix("eigh", x), UPLO)
    return EighResult(*(Tensor(linalg.eigh(expr, result=k)) for k in (0, 1)))


@linear_algebra
def eigvalsh(x: Any, /, UPLO: str = "L") -> Tensor:
    """The eigenvalues of symmetric matrices, ascending."""
    return Tensor(linalg.eigh(_lower(_matrix("eigvalsh", x), UPLO), result=0))


@linear_algebra
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """The norm of all elements as one vector, or of the vectors along `axis`."""
    if axis is None:
        rank = len(expr_of("vector_norm", x).shape)
        found = PUBLIC["norm"](PUBLIC["ravel"](x), ord)
        return PUBLIC["reshape"](found, (1,) * rank) if keepdims else found
    return PUBLIC["norm"](x, ord, axis=axis, keepdims=keepdims)


@linear_algebra
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """The norm of the matrices in the last two axes."""
    return PUBLIC["norm"](x, ord, axis=(-2, -1), keepdims=keepdims)
