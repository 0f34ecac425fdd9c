"""Sums, products and extremes of the elements up to each, with NumPy's names and signatures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from eqsat_tensor.errors import DtypeError, message
from eqsat_tensor.extents import product
from eqsat_tensor.lang import BOOL, INEXACT, Expr, OpDef
from eqsat_tensor.namespace.complexes import products_along
from eqsat_tensor.namespace.operands import axis_of, expr_of, public, show
from eqsat_tensor.namespace.reducing import floats, no_out, rounded, widened
from eqsat_tensor.ops import compare, cumulative, movement, select
from eqsat_tensor.ops.leaf import constant, full_like
from eqsat_tensor.tensor import Tensor


def _placed(name: str, expr: Expr, axis: Any, a: Any) -> tuple[Expr, int]:
    """The operand and its axis; flat where no axis is given."""
    if axis is None:
        return movement.reshape(expr, (product(expr.shape),)), 0
    return expr, axis_of(name, axis, len(expr.shape), a)


def _summed(name: str, op: OpDef, expr: Expr, axis: Any, dtype: Any, a: Any) -> Expr:
    expr = widened(expr, dtype)
    if expr.dtype == BOOL:
        raise DtypeError(message(name, "a dtype of numbers", "dtype=bool", "Use cummax or cummin."))
    expr, place = _placed(name, expr, axis, a)
    if op is cumulative.cumprod and expr.dtype.kind == "c":
        return products_along(expr, place)
    return op(expr, axis=place, reverse=0)


def _cumulative(name: str, op: OpDef, neutral: int, doc: str) -> None:
    def function(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Tensor:
        no_out(name, out)
        return Tensor(_summed(name, op, expr_of(name, a), axis, dtype, a))

    def without_nan(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Tensor:
        no_out(f"nan{name}", out)
        expr = expr_of(f"nan{name}", a)
        if expr.dtype in INEXACT:
            expr = compare.where(compare.isnan(expr), full_like(expr, neutral), expr)
        return Tensor(_summed(f"nan{name}", op, expr, axis, dtype, a))

    function.__name__, function.__doc__ = name, doc
    without_nan.__name__ = f"nan{name}"
    without_nan.__doc__ = f"`{name}` with {neutral} in the place of each NaN."
    public(numpy=getattr(np, name))(function)
    public(numpy=getattr(np, f"nan{name}"))(without_nan)


_cumulative(
    "cumsum", cumulative.cumsum, 0,
    "Sums of the elements up to each, along an axis (of the flat array for None).\n\n"
    "Bools and whole numbers give int64, or uint64.",
)  # fmt: skip
_cumulative(
    "cumprod", cumulative.cumprod, 1,
    "Products of the elements up to each, along an axis (of the flat array for None).\n\n"
    "Bools and whole numbers give int64, or uint64.",
)  # fmt: skip


def _standard_axis(name: str, axis: Any, rank: int, x: Any) -> int:
    """The axis of the array standard's functions, which may be left out of what has but one."""
    if axis is None and rank != 1:
        raise ValueError(message(name, "axis= of what has not one axis", f"x: {show(x)}"))
    return axis_of(name, 0 if axis is None else axis, rank, x)


def standard_on_arrays(name: str, neutral: int) -> Callable[..., Any]:
    """`cumulative_sum` (neutral 0) or `cumulative_prod` (1) of arrays alone, for NumPy before 2.1."""

    def function(
        x: Any, /, *, axis: Any = None, dtype: Any = None, out: Any = None, include_initial: bool = False
    ) -> Any:  # fmt: skip
        no_out(name, out)
        array = np.asarray(x)
        place = _standard_axis(name, axis, array.ndim, x)
        result = (np.cumprod if neutral else np.cumsum)(array, place, dtype=dtype)
        if not include_initial:
            return result
        shape = [1 if j == place else s for j, s in enumerate(result.shape)]
        return np.concatenate([np.full(shape, neutral, result.dtype), result], place)

    return function


def _standard(name: str, op: OpDef, neutral: int, doc: str) -> None:
    def function(
        x: Any,
        /,
        *,
        axis: int | None = None,
        dtype: Any = None,
        out: Any = None,
        include_initial: bool = False,
    ) -> Tensor:
        no_out(name, out)
        expr = expr_of(name, x)
        place = _standard_axis(name, axis, len(expr.shape), x)
        result = _summed(name, op, expr, place, dtype, x)
        if not include_initial:
            return Tensor(result)
        one = tuple(1 if j == place else s for j, s in enumerate(result.shape))
        first = constant(neutral, result.dtype, one)
        return Tensor(select.concatenate(first, result, axis=place))

    function.__name__, function.__doc__ = name, doc
    on_arrays = getattr(np, name, None) or standard_on_arrays(name, neutral)
    public(numpy=on_arrays)(function)


_standard(
    "cumulative_sum", cumulative.cumsum, 0,
    "Sums of the elements up to each; `include_initial` puts the sum of none, 0, in front.",
)  # fmt: skip
_standard(
    "cumulative_prod", cumulative.cumprod, 1,
    "Products of the elements up to each; `include_initial` puts the product of none, 1, in front.",
)  # fmt: skip


# ------------------------------------------------------------------------------- what NumPy has not
def _running(name: str, op: OpDef, numpy: np.ufunc, as_floats: bool, doc: str) -> None:
    def on_arrays(a: Any, axis: int | None = None) -> Any:
        array = np.asarray(a)
        array = array.reshape(-1) if axis is None else array
        with np.errstate(all="ignore"):
            return numpy.accumulate(array, 0 if axis is None else axis)

    def function(a: Any, axis: int | None = None) -> Tensor:
        expr = floats(name, a) if as_floats else expr_of(name, a)
        expr, place = _placed(name, expr, axis, a)
        result = op(expr, axis=place, reverse=0)
        return Tensor(rounded(result, a) if as_floats else result)

    function.__name__, function.__doc__ = name, doc
    public(numpy=on_arrays)(function)


_running(
    "cummax", cumulative.cummax, np.maximum, False,
    "The largest element up to each, as `np.maximum.accumulate`; the flat array for axis None.",
)  # fmt: skip
_running(
    "cummin", cumulative.cummin, np.minimum, False,
    "The smallest element up to each, as `np.minimum.accumulate`; the flat array for axis None.",
)  # fmt: skip
_running(
    "logcumsumexp", cumulative.logcumsumexp, np.logaddexp, True,
    "log(cumsum(exp(a))) without overflow, as `np.logaddexp.accumulate`; flat for axis None.",
)  # fmt: skip
