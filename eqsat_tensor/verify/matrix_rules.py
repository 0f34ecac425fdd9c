"""E of the ops of linear algebra and of sorting: normwise bounds, for `running`.

    inv([[1, 1], [1, 1 + 1e-12]])   n units of the norm, times |inverse|: 1e-4 of the result
    inv([[1, 1], [1, 1 + 1e-16]])   infinite: the matrix at hand may as well be singular

LAPACK's result is that of a matrix nearby, [E] off by some n units of the norm; what that does to the
result is told by the inverse or the singular values of the matrix, in float64.  An infinite error
says that the result promises nothing, which is so where the matrix is singular but for rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from eqsat_tensor.lang import Expr
from eqsat_tensor.verify.error_rules import UNIT, Array, no_nan, wide

Rule: TypeAlias = Callable[..., Array]
BACKWARD = 1.0  # how many times n units of the norm elimination may move an element
TELLING = 2.0**-10  # a relative distance to singular matrices from which results have digits


def nearby(a: Array, error: Array) -> Array:
    """How far the elements of the matrices may be off: their own errors and elimination's."""
    n = a.shape[-1]
    norm = np.abs(wide(a)).sum(-1).max(-1, initial=0.0)[..., None, None]
    smallest = float(np.finfo(a.dtype).smallest_subnormal)
    return wide(error + BACKWARD * n * (UNIT[a.dtype.name] * norm + smallest))


def inverse(a: Array) -> Array:
    """The inverses of a stack; NaN for one that has none."""
    result = np.full(a.shape, np.nan)
    for place in np.ndindex(a.shape[:-2]):
        if np.isfinite(a[place]).all():
            try:
                result[place] = np.linalg.inv(wide(a[place]))
            except np.linalg.LinAlgError:
                continue
    return result


def singular_values(a: Array) -> Array:
    """The singular values of a stack; NaN where there are none."""
    result = np.full((*a.shape[:-2], a.shape[-1]), np.nan)
    for place in np.ndindex(a.shape[:-2]):
        if np.isfinite(a[place]).all():
            try:
                result[place] = np.linalg.svd(wide(a[place]), compute_uv=False)
            except np.linalg.LinAlgError:
                continue
    return result


def half(a: Array) -> Array:
    """The symmetric matrices whose lower halves are those of `a`."""
    return np.tril(a) + np.swapaxes(np.tril(a, -1), -1, -2)


def frobenius(a: Array) -> Array:
    """The square root of the sum of squares, of each matrix."""
    return np.asarray(np.sqrt(np.square(a).sum((-1, -2))))


# ----------------------------------------------------------------------------------- solutions
def moved_solution(a: Array, perturbed: Array, x: Array, residual: Array) -> Array:
    """|x - y| at most, a y = b and (a + p) x = b + r with |p| <= perturbed, |r| <= residual."""
    size = np.abs(inverse(a))
    relative = size @ perturbed
    first = size @ (perturbed @ np.abs(x) + residual)
    norm = relative.sum(-1).max(-1, initial=0.0)[..., None, None]
    rest = 2 * norm * first.max(-2, keepdims=True, initial=0.0)
    return np.where(norm < 0.5, no_nan(first + rest), np.inf)


def _solve(a: Array, ea: Array, b: Array, eb: Array) -> Array:
    smallest = float(np.finfo(a.dtype).smallest_subnormal)
    residual = eb + a.shape[-1] * smallest
    return moved_solution(wide(a), nearby(a, ea), inverse(a) @ wide(b), residual)


def _solve_triangular(
    a: Array, ea: Array, b: Array, eb: Array, lower: int, transposed: int
) -> Array:
    part = np.tril if lower else np.triu
    a, ea = part(a), part(ea)
    if transposed:
        a, ea = np.swapaxes(a, -1, -2), np.swapaxes(ea, -1, -2)
    n = a.shape[-1]
    smallest = float(np.finfo(a.dtype).smallest_subnormal)
    perturbed = ea + n * (UNIT[a.dtype.name] * np.abs(wide(a)))
    return moved_solution(wide(a), perturbed, inverse(a) @ wide(b), eb + n * smallest)


def _inv(a: Array, ea: Array) -> Array:
    found = inverse(a)
    return moved_solution(wide(a), nearby(a, ea), found, np.zeros(found.shape))


# ------------------------------------------------------------------------------- determinants
def _det(a: Array, ea: Array) -> Array:
    """prod(s + e) - prod(s) for the singular values s (Ipsen and Rehman 2008).

    NumPy multiplies LAPACK's pivots by adding their logarithms.
    """
    n, unit = a.shape[-1], UNIT[a.dtype.name]
    s, e = singular_values(a), frobenius(nearby(a, ea))[..., None]
    size = s.prod(-1)
    moved = (s + e).prod(-1) - size
    by_logs = np.abs(np.log(np.maximum(s, np.finfo(np.float64).tiny))).sum(-1)
    own = unit * (n + 1) * (2 + by_logs)
    smallest = float(np.finfo(a.dtype).tiny)
    return no_nan(moved + own * size + np.where(size < smallest, smallest, 0))


def _slogdet(a: Array, ea: Array, result: int) -> Array:
    n, unit = a.shape[-1], UNIT[a.dtype.name]
    s, e = singular_values(a), frobenius(nearby(a, ea))[..., None]
    safe = (2 * e < s).all(-1)
    if result == 0:
        return np.where(safe, 0.0, np.inf)
    logs = np.abs(np.log(np.where(s > 0, s, 1.0))).sum(-1)
    moved = -np.log1p(-np.where(2 * e < s, e / s, 0.0)).sum(-1)
    return np.where(safe, no_nan(moved + unit * n * (1 + 2 * logs)), np.inf)


# ------------------------------------------------------------------------- symmetric matrices
def _cholesky(a: Array, ea: Array) -> Array:
    """|L| times the lower half of |inverse(L)| [E] |inverse(L)'|: its derivative."""
    factor = np.full(a.shape, np.nan)
    for place in np.ndindex(a.shape[:-2]):
        try:
            factor[place] = np.linalg.cholesky(wide(a[place]))
        except np.linalg.LinAlgError:
            continue
    size, turned = np.abs(factor), np.abs(inverse(factor))
    n = a.shape[-1]
    smallest = float(np.finfo(a.dtype).smallest_subnormal)
    own = (n + 1) * (UNIT[a.dtype.name] * (size @ np.swapaxes(size, -1, -2)) + smallest)
    inner = turned @ (half(ea) + own) @ np.swapaxes(turned, -1, -2)
    safe = frobenius(inner)[..., None, None] < 0.25
    # never 0: where LAPACK refuses one matrix, nothing is certain of the zeros above either
    moved = 2 * np.tril(size @ np.tril(inner)) + smallest
    return np.where(safe, no_nan(moved), np.inf)


def _eigh(a: Array, ea: Array, result: int, shape: Any) -> Array:
    """Eigenvalues move by the norm of what moves the matrix; an eigenvector may have either sign."""
    if result == 1:
        return np.full(a.shape, np.inf)
    room = frobenius(nearby(half(a), half(ea)))[..., None]
    return no_nan(np.broadcast_to(room, a.shape[:-1]))


def _sort(x: Array, e: Array, axis: int) -> Array:
    """No sorted element moves further than the element that moves furthest."""
    return np.broadcast_to(e.max(axis=axis, keepdims=True, initial=0.0), x.shape)


RULES: dict[str, Rule] = {
    "solve": _solve,
    "solve_triangular": _solve_triangular,
    "inv": _inv,
    "det": _det,
    "slogdet": _slogdet,
    "cholesky": _cholesky,
    "eigh": _eigh,
    "sort": _sort,
}


def is_telling(node: Expr, a: Array) -> bool:
    """False where the matrices of an op are so near to singular ones that results have no digits.

    To stable rules such draws are ones at the ends of the range: no spelling has a bound there.
    """
    if node.op.name == "solve_triangular":
        a = np.tril(a) if node["lower"] else np.triu(a)
    elif node.op.name in ("cholesky", "eigh"):
        a = half(a)
    s = singular_values(a)
    room = BACKWARD * a.shape[-1] ** 2 * UNIT[a.dtype.name] * s.max(-1, initial=0.0)
    return bool((room < TELLING * s.min(-1, initial=np.inf)).all())
