"""What functions over axes share: NumPy's `where=`, `initial=`, `keepdims=`, `out=`, and dtypes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from eqsat_tensor.errors import DtypeError, ShapeError, UnsupportedError, message
from eqsat_tensor.extents import Size, lower_bound, product, same_size
from eqsat_tensor.lang import BOOL, FLOAT32, FLOAT64, FLOATS, INT64, Expr, OpDef
from eqsat_tensor.namespace.operands import converted, dtype_of, expr_of, show
from eqsat_tensor.ops import compare, movement, select
from eqsat_tensor.ops.leaf import size_value
from eqsat_tensor.tensor import PYTHON_NUMBERS, Tensor, as_expr

Axis = Any  # None, an int or a tuple of ints
Axes = tuple[int, ...]
NOTHING: Any = np._NoValue  # an option of NumPy's that was not given
HALF = np.dtype(np.float16)


def absent(value: Any) -> bool:
    """Is an option left out?"""
    return value is None or value is NOTHING


def no_out(name: str, out: Any) -> None:
    """UnsupportedError where a result is to be written into an array."""
    if not absent(out):
        raise UnsupportedError(message(name, "no out=", "", "Use the result, a new array."))


def finish(result: Expr, axes: Axes, keepdims: Any) -> Tensor:
    """The result as a tensor, with the reduced axes as axes of size 1 where that is wanted."""
    keep = not absent(keepdims) and keepdims
    return Tensor(movement.expand_dims(result, axes) if keep else result)


# ----------------------------------------------------------------------------------------- dtypes
def widened(x: Expr, dtype: Any = None) -> Expr:
    """What sums and products are taken of: `dtype`, or whole numbers in the widest of their kind."""
    if dtype is not None:
        return compare.cast_to(x, dtype_of(dtype))
    if x.dtype.kind in "bi":
        return compare.cast_to(x, INT64)
    return compare.cast_to(x, np.dtype(np.uint64)) if x.dtype.kind == "u" else x


def floats(name: str, x: Any, dtype: Any = None, known: Sequence[np.dtype] = FLOATS) -> Expr:
    """An operand as floats: whole numbers and bools in float64, halves in float32.

    known: the dtypes that are taken as they are, `INEXACT` where complex numbers are.
    """
    expr = expr_of(name, x)
    if dtype is not None:
        wanted = dtype_of(dtype)
        if wanted not in known:
            hint = "Cast the result by astype."
            raise DtypeError(message(name, "a float dtype=", f"dtype={wanted}", hint))
        expr = compare.cast_to(expr, wanted)
    if expr.dtype == HALF:
        return compare.cast_to(expr, FLOAT32)
    return expr if expr.dtype in known else compare.cast_to(expr, FLOAT64)


def rounded(result: Expr, x: Any, dtype: Any = None) -> Expr:
    """What was made of `floats`, in the dtype that is returned: halves are halves again."""
    wanted = as_expr(x).dtype if dtype is None else dtype_of(dtype)
    return compare.cast_to(result, HALF) if wanted == HALF else result


# ------------------------------------------------------------------------------- where and initial
def mask_of(name: str, x: Expr, where: Any) -> Expr | None:
    """The elements that count, in the shape of `x`; None: all of them."""
    if where is True or absent(where):
        return None
    mask = as_expr(where)
    if mask.dtype != BOOL:
        raise DtypeError(message(name, "where= of bools", f"where: {show(where)}"))
    lead = len(x.shape) - len(mask.shape)
    fits = lead >= 0 and all(
        m == 1 or same_size(m, s) is not False
        for m, s in zip(mask.shape, x.shape[lead:], strict=True)
    )
    if not fits:
        got = f"where: {mask.type}, x: {x.type}"
        raise ShapeError(message(name, "where= that broadcasts to the operand", got))
    return movement.broadcast_to(mask, x.shape)


def masked(x: Expr, mask: Expr | None, neutral: Any) -> Expr:
    """`x`, and `neutral` in the elements that do not count."""
    if mask is None:
        return x
    result: Expr = compare.where(mask, x, _full(x, neutral))
    return result


def _full(x: Expr, value: Any) -> Expr:
    return movement.broadcast_to(converted(value, x.dtype), x.shape)


def started(
    name: str, op: OpDef, pair: Callable[[Expr, Expr], Expr], x: Expr, axes: Axes, initial: Any
) -> Expr:
    """``op`` over axes, begun with `initial`; it need not have a value for no elements."""
    if type(initial) in PYTHON_NUMBERS:
        initial = np.array(initial, x.dtype)  # OverflowError where it does not fit
    first = compare.cast_to(as_expr(initial), x.dtype)
    if first.shape != ():
        raise ShapeError(message(name, "a number as initial=", f"initial: {show(initial)}"))
    lows = [lower_bound(x.shape[a]) for a in axes]
    if op.guards is None or all(low is not None and low > 0 for low in lows):
        whole = op(x, axes=axes) if axes else x
        return pair(whole, movement.broadcast_to(first, whole.shape))
    for axis in reversed(axes):  # an axis that may be empty is made longer by one
        one = [1 if j == axis else s for j, s in enumerate(x.shape)]
        longer = select.concatenate(movement.broadcast_to(first, one), x, axis=axis)
        x = op(longer, axes=(axis,))
    return x


def refuse_empty(name: str, x: Expr, axes: Axes) -> None:
    """ShapeError where a value of no elements is asked for that has none."""
    if any(x.shape[a] == 0 for a in axes):
        needs = "at least one element along the reduced axes"
        raise ShapeError(message(name, needs, f"x: {x.type}", "There is no such value of none."))


def count_along(x: Expr, axes: Axes, mask: Expr | None, dtype: np.dtype) -> Expr:
    """How many elements count, in the shape that is left: a size, or a sum of the mask."""
    left = movement.without(x.shape, axes)
    if mask is None:
        total: Size = product(x.shape[a] for a in axes)
        return movement.broadcast_to(size_value(total, dtype), left)
    from eqsat_tensor.ops.reduce import sum_over

    return compare.cast_to(sum_over(compare.cast_to(mask, INT64), axes), dtype)


def merged(x: Expr, axes: Sequence[int]) -> Expr:
    """`x` with the given axes as one last axis."""
    kept = [j for j in range(len(x.shape)) if j not in axes]
    moved = movement.transpose(x, [*kept, *axes])
    shape = (*(x.shape[j] for j in kept), product(x.shape[a] for a in axes))
    return movement.reshape(moved, shape)
