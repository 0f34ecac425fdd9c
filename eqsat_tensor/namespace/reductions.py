"""Sums, products, extremes, truth values and positions over axes, with all of NumPy's options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from eqsat_tensor.errors import DtypeError, message
from eqsat_tensor.extents import product
from eqsat_tensor.lang import BOOL, INT64, Expr, OpDef
from eqsat_tensor.namespace.complexes import product_along
from eqsat_tensor.namespace.operands import axes_of, axis_of, converted, expr_of, public, show
from eqsat_tensor.namespace.reducing import (
    NOTHING,
    Axis,
    absent,
    finish,
    mask_of,
    masked,
    no_out,
    refuse_empty,
    started,
    widened,
)
from eqsat_tensor.ops import arithmetic, compare, movement, reduce
from eqsat_tensor.ops.leaf import full_like
from eqsat_tensor.tensor import Tensor

Pair = Callable[[Expr, Expr], Expr]


# ------------------------------------------------------------------------------ sums and products
def _accumulated(name: str, op: OpDef, pair: Pair, neutral: int, truth: str, doc: str) -> None:
    def function(
        a: Any,
        axis: Axis = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = NOTHING,
        initial: Any = NOTHING,
        where: Any = NOTHING,
    ) -> Tensor:
        no_out(name, out)
        expr = widened(expr_of(name, a), dtype)
        if expr.dtype == BOOL:
            return _truth_of(truth, expr, axis, keepdims, initial, where, a)
        axes = axes_of(name, axis, len(expr.shape), a)
        expr = masked(expr, mask_of(name, expr, where), neutral)
        if op is reduce.prod and expr.dtype.kind == "c":
            return finish(_complex_product(expr, axes, initial), axes, keepdims)
        if absent(initial):
            return finish(op(expr, axes=axes) if axes else expr, axes, keepdims)
        return finish(started(name, op, pair, expr, axes, initial), axes, keepdims)

    function.__name__, function.__doc__ = name, doc
    public(numpy=getattr(np, name), takes=("where",))(function)


def _complex_product(expr: Expr, axes: tuple[int, ...], initial: Any) -> Expr:
    for axis in reversed(axes):
        expr = product_along(expr, axis)
    if absent(initial):
        return expr
    first = converted(initial, expr.dtype)
    return arithmetic.multiply(expr, movement.broadcast_to(first, expr.shape))


def _truth_of(
    name: str, expr: Expr, axis: Axis, keepdims: Any, initial: Any, where: Any, a: Any
) -> Tensor:
    """A sum of bools as bools is "any", a product "all"."""
    op, _ = TRUTHS[name]
    axes = axes_of(name, axis, len(expr.shape), a)
    expr = masked(expr, mask_of(name, expr, where), name == "all")
    result = op(expr, axes=axes) if axes else expr
    if not absent(initial):
        pair = compare.logical_and if name == "all" else compare.logical_or
        result = pair(result, full_like(result, bool(initial)))
    return finish(result, axes, keepdims)


_accumulated(
    "sum", reduce.sum_, arithmetic.add, 0, "any",
    "The sum over `axis` (all for None).  Bools and whole numbers give int64, or uint64.\n\n"
    "where: elements that count.  initial: a number to begin with.",
)  # fmt: skip
_accumulated(
    "prod", reduce.prod, arithmetic.multiply, 1, "all",
    "The product over `axis` (all for None).  Bools and whole numbers give int64, or uint64.\n\n"
    "where: elements that count.  initial: a number to begin with.",
)  # fmt: skip


# --------------------------------------------------------------------------------------- extremes
def extreme(
    name: str, op: OpDef, pair: Pair, least: Any, a: Any, axis: Axis, keepdims: Any, initial: Any,
    where: Any,
) -> Tensor:  # fmt: skip
    """A maximum or minimum; ``least(dtype)`` gives way to every element."""
    expr = expr_of(name, a)
    if expr.dtype.kind == "c":
        hint = "Take real(z), imag(z) or abs(z) first, or an end of sort(z)."
        raise DtypeError(message(name, "real operands", str(expr.type), hint))
    axes = axes_of(name, axis, len(expr.shape), a)
    mask = mask_of(name, expr, where)
    if absent(initial):
        if mask is not None:
            needs = "initial= beside where=: there may be no element that counts"
            raise ValueError(message(name, needs))
        refuse_empty(name, expr, axes)
        return finish(op(expr, axes=axes) if axes else expr, axes, keepdims)
    expr = masked(expr, mask, least(expr.dtype))
    return finish(started(name, op, pair, expr, axes, initial), axes, keepdims)


def _extreme(name: str, op: OpDef, pair: Pair, least: Any, doc: str) -> None:
    def function(
        a: Any,
        axis: Axis = None,
        out: Any = None,
        keepdims: Any = NOTHING,
        initial: Any = NOTHING,
        where: Any = NOTHING,
    ) -> Tensor:
        no_out(name, out)
        return extreme(name, op, pair, least, a, axis, keepdims, initial, where)

    function.__name__, function.__doc__ = name, doc
    public(f"a{name}", numpy=getattr(np, name), takes=("where",))(function)


_extreme(
    "max", reduce.max_, arithmetic.maximum, reduce.lowest,
    "The largest element over `axis`; NaN if there is one.\n\n"
    "where: elements that count, beside `initial`, a number to begin with.",
)  # fmt: skip
_extreme(
    "min", reduce.min_, arithmetic.minimum, reduce.highest,
    "The smallest element over `axis`; NaN if there is one.\n\n"
    "where: elements that count, beside `initial`, a number to begin with.",
)  # fmt: skip


@public(numpy=np.ptp)
def ptp(a: Any, axis: Axis = None, out: Any = None, keepdims: Any = NOTHING) -> Tensor:
    """The largest element less the smallest one, over `axis` (all for None)."""
    no_out("ptp", out)
    expr = expr_of("ptp", a)
    if expr.dtype == BOOL:
        raise DtypeError(message("ptp", "numbers", f"a: {show(a)}", "Cast by astype."))
    axes = axes_of("ptp", axis, len(expr.shape), a)
    refuse_empty("ptp", expr, axes)
    if not axes:
        return Tensor(arithmetic.subtract(expr, expr))  # of infinities NaN
    spread = arithmetic.subtract(reduce.max_(expr, axes=axes), reduce.min_(expr, axes=axes))
    return finish(spread, axes, keepdims)


# ------------------------------------------------------------------------------------------ truth
TRUTHS = {"any": (reduce.any_, False), "all": (reduce.all_, True)}


def _truth(name: str, doc: str) -> None:
    op, neutral = TRUTHS[name]

    def function(
        a: Any, axis: Axis = None, out: Any = None, keepdims: Any = NOTHING, *, where: Any = NOTHING
    ) -> Tensor:
        no_out(name, out)
        expr = compare.cast_to(expr_of(name, a), BOOL)
        axes = axes_of(name, axis, len(expr.shape), a)
        expr = masked(expr, mask_of(name, expr, where), neutral)
        return finish(op(expr, axes=axes) if axes else expr, axes, keepdims)

    function.__name__, function.__doc__ = name, doc
    public(numpy=getattr(np, name), takes=("where",))(function)


_truth("any", "Whether an element over `axis` is true (not 0), of those where `where` is true.")
_truth("all", "Whether all elements over `axis` are true (not 0), of those where `where` is true.")


@public(numpy=np.count_nonzero)
def count_nonzero(a: Any, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """How many elements over `axis` (all for None) are not 0, int64."""
    expr = compare.cast_to(compare.cast_to(expr_of("count_nonzero", a), BOOL), INT64)
    axes = axes_of("count_nonzero", axis, len(expr.shape), a)
    return finish(reduce.sum_over(expr, axes), axes, keepdims)


# -------------------------------------------------------------------------------------- positions
def position(name: str, op: OpDef, a: Any, expr: Expr, axis: Any, keepdims: Any) -> Tensor:
    """The index of an extreme of `expr` along an axis, of the flat array for None."""
    rank = len(expr.shape)
    if axis is None or (not rank and axis in (0, -1)):
        flat = movement.reshape(expr, (product(expr.shape),))
        refuse_empty(name, flat, (0,))
        return finish(op(flat, axes=(0,)), tuple(range(rank)), keepdims)
    axes = (axis_of(name, axis, rank, a),)
    refuse_empty(name, expr, axes)
    return finish(op(expr, axes=axes), axes, keepdims)


def _position(name: str, op: OpDef, doc: str) -> None:
    def function(
        a: Any, axis: int | None = None, out: Any = None, *, keepdims: Any = NOTHING
    ) -> Tensor:
        no_out(name, out)
        return position(name, op, a, expr_of(name, a), axis, keepdims)

    function.__name__, function.__doc__ = name, doc
    public(numpy=getattr(np, name))(function)


_position("argmax", reduce.argmax, "Index of the first largest element, or first NaN.")
_position("argmin", reduce.argmin, "Index of the first smallest element, or first NaN.")
