"""Norms of vectors and matrices; the derivative at 0 is 0."""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.errors import DtypeError, ShapeError, message
from eqsat_tensor.lang import FLOATS, INEXACT, Expr
from eqsat_tensor.namespace.operands import NUMPY, axis_of, public, show
from eqsat_tensor.namespace.reducing import Axes, finish, floats, merged, refuse_empty, rounded
from eqsat_tensor.namespace.statistics import root_of, square_of
from eqsat_tensor.ops import arithmetic, compare, movement, norms, reduce
from eqsat_tensor.ops.factorizations import svdvals
from eqsat_tensor.ops.leaf import full_like
from eqsat_tensor.ops.linalg import LAPACK
from eqsat_tensor.tensor import Tensor

SVD = (2, -2, "nuc")


def _euclidean(x: Expr, axes: Axes) -> Expr:
    if axes and x.dtype in FLOATS:
        return norms.norm(x, axes=tuple(axes))
    return root_of(reduce.sum_over(square_of(x), axes))


def _of_vectors(x: Expr, ord: Any, axis: int) -> Expr:
    """The norm along one axis."""
    if ord is None or ord == 2:
        return _euclidean(x, (axis,))
    size = arithmetic.absolute(x)
    if ord in (np.inf, -np.inf):
        refuse_empty("norm", x, (axis,))
        return (reduce.max_ if ord > 0 else reduce.min_)(size, axes=(axis,))
    if ord == 0:
        other = compare.not_equal(x, full_like(x, 0))
        return reduce.sum_over(compare.cast_to(other, size.dtype), (axis,))
    if ord == 1:
        return reduce.sum_over(size, (axis,))
    if isinstance(ord, str) or not isinstance(ord, int | float):
        raise ValueError(message("norm", "a number as ord= of vectors", f"ord={ord!r}"))
    total = reduce.sum_over(arithmetic.power(size, full_like(size, ord)), (axis,))
    nothing = compare.equal(total, full_like(total, 0))
    root = arithmetic.power(total, full_like(total, 1 / ord))
    if ord < 0:
        return root
    result: Expr = compare.where(nothing, total, root)
    return result


def _of_matrices(x: Expr, ord: Any, axes: tuple[int, int]) -> Expr:
    """The norm over two axes, rows and columns."""
    row, column = axes
    if ord in (None, "fro", "f"):
        return _euclidean(x, tuple(sorted(axes)))
    if ord in SVD:
        return _of_singular_values(x, ord, axes)
    if ord not in (1, -1, np.inf, -np.inf):
        raise ValueError(message("norm", "a norm of matrices as ord=", f"ord={ord!r}"))
    inner, outer = (row, column) if abs(ord) == 1 else (column, row)
    refuse_empty("norm", x, (outer,))
    sums = reduce.sum_over(arithmetic.absolute(x), (inner,))
    extreme = reduce.max_ if ord > 0 else reduce.min_
    return extreme(sums, axes=(outer - (outer > inner),))


def _of_singular_values(x: Expr, ord: Any, axes: tuple[int, int]) -> Expr:
    """The largest singular value (2), the smallest (-2), or the sum of all ("nuc")."""
    if x.dtype not in LAPACK:
        raise DtypeError(message("norm", f"float32 or float64 for ord={ord!r}", f"x: {x.type}"))
    lead = [j for j in range(len(x.shape)) if j not in axes]
    values = svdvals(movement.transpose(x, (*lead, *axes)))
    if ord == "nuc":
        return reduce.sum_over(values, (len(lead),))
    refuse_empty("norm", values, (len(lead),))
    extreme = reduce.max_ if ord > 0 else reduce.min_
    return extreme(values, axes=(len(lead),))


@public(numpy=np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The norm of vectors (one axis) or of matrices (two), as `numpy.linalg.norm`.

    ord: of vectors a number, inf or -inf; of matrices "fro", 1, -1, inf, -inf, 2, -2 or
    "nuc", of which the last three are of singular values.  None: the root of
    the sum of squares, over all axes where `axis` is None.
    """
    expr = floats("norm", x, None, INEXACT)
    rank = len(expr.shape)
    if axis is None and (
        ord is None or (rank == 2 and ord in ("fro", "f")) or (rank == 1 and ord == 2)
    ):
        axes: Axes = tuple(range(rank))
        return finish(rounded(_euclidean(expr, axes), x), axes, keepdims)
    given = range(rank) if axis is None else axis if isinstance(axis, tuple | list) else (axis,)
    found = [axis_of("norm", j, rank, x) for j in given]
    if len(found) == 1:
        result = _of_vectors(expr, ord, found[0])
    elif len(found) == 2 and found[0] != found[1]:
        result = _of_matrices(expr, ord, (found[0], found[1]))
    else:
        raise ShapeError(message("norm", "one or two axes", f"axis={axis}, x: {show(x)}"))
    return finish(rounded(result, x), tuple(sorted(found)), keepdims)


@public(numpy=np.linalg.vector_norm)
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Tensor:
    """The norm of vectors along `axis`; of all elements as one vector for None."""
    expr = floats("vector_norm", x, None, INEXACT)
    rank = len(expr.shape)
    given = range(rank) if axis is None else axis if isinstance(axis, tuple | list) else (axis,)
    axes = tuple(sorted(axis_of("vector_norm", j, rank, x) for j in given))
    flat = merged(expr, axes)
    return finish(rounded(_of_vectors(flat, ord, rank - len(axes)), x), axes, keepdims)


@public(numpy=np.linalg.matrix_norm)
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Tensor:
    """The norm of the matrices in the last two axes."""
    result: Tensor = norm(x, ord, (-2, -1), keepdims)
    return result


NUMPY[np.linalg.norm] = norm
NUMPY[np.linalg.vector_norm] = vector_norm
NUMPY[np.linalg.matrix_norm] = matrix_norm
