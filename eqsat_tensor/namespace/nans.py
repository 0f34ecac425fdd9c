"""Reductions of the elements that are not NaN, with NumPy's names and signatures."""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.lang import INEXACT, Expr, OpDef
from eqsat_tensor.namespace.operands import axes_of, expr_of, public
from eqsat_tensor.namespace.reducing import (
    NOTHING,
    Axes,
    Axis,
    absent,
    count_along,
    finish,
    floats,
    mask_of,
    masked,
    no_out,
    rounded,
)
from eqsat_tensor.namespace.reductions import extreme, position
from eqsat_tensor.namespace.statistics import mean_of, root_of, spread_of
from eqsat_tensor.ops import arithmetic, compare, movement, reduce
from eqsat_tensor.ops.leaf import full_like
from eqsat_tensor.tensor import FUNCTIONS, Tensor, as_expr


def present(expr: Expr, mask: Expr | None = None) -> Expr | None:
    """The elements that count and are no NaN; None: all."""
    if expr.dtype not in INEXACT:
        return mask
    there: Expr = compare.logical_not(compare.isnan(expr))
    return there if mask is None else compare.logical_and(there, mask)


def _filled(expr: Expr, value: Any) -> Expr:
    return masked(expr, present(expr), value)


def _accumulated(name: str, neutral: int) -> None:
    def function(
        a: Any,
        axis: Axis = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = NOTHING,
        initial: Any = NOTHING,
        where: Any = NOTHING,
    ) -> Any:
        filled = Tensor(_filled(expr_of(f"nan{name}", a), neutral))
        return FUNCTIONS[name](filled, axis, dtype, out, keepdims, initial, where)

    function.__name__ = f"nan{name}"
    function.__doc__ = f"`{name}` with {neutral} in the place of each NaN."
    public(numpy=getattr(np, f"nan{name}"), takes=("where",))(function)


_accumulated("sum", 0)
_accumulated("prod", 1)


# --------------------------------------------------------------------------------------- extremes
def _extreme(name: str, op: OpDef, pair: Any, least: Any) -> None:
    full_name = f"nan{name}"

    def function(
        a: Any,
        axis: Axis = None,
        out: Any = None,
        keepdims: Any = NOTHING,
        initial: Any = NOTHING,
        where: Any = NOTHING,
    ) -> Tensor:
        no_out(full_name, out)
        expr = expr_of(full_name, a)
        filled = Tensor(_filled(expr, least(expr.dtype)))
        result = extreme(full_name, op, pair, least, filled, axis, keepdims, initial, where)
        there = present(expr)
        if there is None or not absent(initial):
            return result
        axes = axes_of(full_name, axis, len(expr.shape), a)
        some = finish(reduce.any_(there, axes=axes) if axes else there, axes, keepdims).expr
        return Tensor(compare.where(some, result.expr, full_like(result.expr, np.nan)))

    function.__name__ = full_name
    function.__doc__ = f"`{name}` of the elements that are no NaN; NaN where there are none."
    public(numpy=getattr(np, full_name), takes=("where",))(function)


_extreme("max", reduce.max_, arithmetic.maximum, reduce.lowest)
_extreme("min", reduce.min_, arithmetic.minimum, reduce.highest)


def _position(name: str, op: OpDef, least: Any) -> None:
    full_name = f"nan{name}"

    def function(
        a: Any, axis: int | None = None, out: Any = None, *, keepdims: Any = NOTHING
    ) -> Tensor:
        no_out(full_name, out)
        expr = expr_of(full_name, a)
        result = position(full_name, op, a, _filled(expr, least(expr.dtype)), axis, keepdims)
        there = present(expr)
        if there is None:
            return result
        axes = axes_of(full_name, axis, len(expr.shape), a)
        some = finish(reduce.any_(there, axes=axes) if axes else there, axes, keepdims).expr
        return Tensor(compare.where(some, result.expr, full_like(result.expr, -1)))

    function.__name__ = full_name
    function.__doc__ = (
        f"`{name}` of the elements that are no NaN.\n\n"
        "-1 where there are none, as jax.numpy: NumPy raises an error there."
    )
    public(numpy=getattr(np, full_name))(function)


_position("argmax", reduce.argmax, reduce.lowest)
_position("argmin", reduce.argmin, reduce.highest)


# ---------------------------------------------------------------------------------------- moments
@public(numpy=np.nanmean, takes=("where",))
def nanmean(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = NOTHING,
    *,
    where: Any = NOTHING,
) -> Tensor:
    """The mean of the elements that are no NaN; NaN where there are none."""
    no_out("nanmean", out)
    expr = floats("nanmean", a, dtype)
    axes = axes_of("nanmean", axis, len(expr.shape), a)
    mask = present(floats("nanmean", a), mask_of("nanmean", expr, where))
    return finish(rounded(mean_of(expr, axes, mask), a, dtype), axes, keepdims)


def _spread(
    name: str, a: Any, axis: Axis, dtype: Any, ddof: Any, where: Any, mean: Any, correction: Any
) -> tuple[Expr, Axes]:
    """The variance of what is no NaN; NaN where no degrees of freedom are left."""
    expr = floats(name, a, dtype)
    axes = axes_of(name, axis, len(expr.shape), a)
    mask = present(floats(name, a), mask_of(name, expr, where))
    variance = spread_of(name, expr, axes, mask, ddof, correction, mean)
    less = ddof if absent(correction) else correction
    count = count_along(expr, axes, mask, expr.dtype)
    least = movement.broadcast_to(compare.cast_to(as_expr(less), expr.dtype), count.shape)
    enough = compare.greater(count, least)
    return compare.where(enough, variance, full_like(variance, np.nan)), axes


@public(numpy=np.nanvar, takes=("where",))
def nanvar(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = NOTHING,
    *,
    where: Any = NOTHING,
    mean: Any = NOTHING,
    correction: Any = NOTHING,
) -> Tensor:
    """`var` of the elements that are no NaN."""
    no_out("nanvar", out)
    result, axes = _spread("nanvar", a, axis, dtype, ddof, where, mean, correction)
    return finish(rounded(result, a, dtype), axes, keepdims)


@public(numpy=np.nanstd, takes=("where",))
def nanstd(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = NOTHING,
    *,
    where: Any = NOTHING,
    mean: Any = NOTHING,
    correction: Any = NOTHING,
) -> Tensor:
    """`std` of the elements that are no NaN; its derivative is 0 where all are the same."""
    no_out("nanstd", out)
    result, axes = _spread("nanstd", a, axis, dtype, ddof, where, mean, correction)
    return finish(rounded(root_of(result), a, dtype), axes, keepdims)
