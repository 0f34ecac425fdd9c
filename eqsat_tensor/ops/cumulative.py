"""Cumulative ops along one axis, and the linear recurrence that they are differentiated by.

Each has the type of its operand; ``reverse`` is 1 where the axis is walked from its end.  Nothing
here divides: derivatives of every order are right where factors are 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.extents import Size, maximum
from eqsat_tensor.kinds import Attribute, Kind
from eqsat_tensor.lang import BOOLS, FLOATS, INT64, NUMBERS, Expr, OpDef, define
from eqsat_tensor.ops.arithmetic import add, multiply, subtract
from eqsat_tensor.ops.compare import (
    cast_to,
    equal,
    greater,
    isfinite,
    isnan,
    less,
    logical_and,
    logical_not,
    logical_or,
    where,
)
from eqsat_tensor.ops.leaf import full_like, iota, size_value
from eqsat_tensor.ops.movement import broadcast, broadcast_to, pad, slice_, zeros_like
from eqsat_tensor.ops.reduce import AXES, prod
from eqsat_tensor.ops.transcendental import exp, log
from eqsat_tensor.types import TensorType

ALONG = {"axis": Attribute.INT, "reverse": Attribute.INT}


# --------------------------------------------------------------------------- the NumPy meanings
def _accumulated(ufunc: np.ufunc) -> Any:
    """``ufunc.accumulate`` in the operand's own dtype."""

    def call(x: Any, axis: int, reverse: int) -> Any:
        turned = np.flip(x, axis) if reverse else x
        result = ufunc.accumulate(turned, axis, dtype=x.dtype)
        return np.flip(result, axis) if reverse else result

    return call


def _recurrence(a: Any, b: Any, axis: int, reverse: int) -> Any:
    result = np.array(b)
    factors, rows = (np.moveaxis(np.flip(v, axis) if reverse else v, axis, 0) for v in (a, result))
    for k in range(1, len(rows)):
        rows[k] += factors[k] * rows[k - 1]
    return result


def _type(*types: TensorType, axis: int, reverse: int) -> TensorType:
    assert all(t == types[0] for t in types), types
    assert 0 <= axis < types[0].rank, (types, axis)
    assert reverse in (0, 1), reverse
    return types[0]


# ------------------------------------------------------------------------------------- neighbours
def before(x: Expr, axis: int, reverse: int, first: Any = 0) -> Expr:
    """At each place what `x` is at the place before, and `first` where there is none."""
    size = x.shape[axis]
    if size == 0:
        return x
    ones, zeros = [1] * len(x.shape), [0] * len(x.shape)
    shorter = [maximum(s - 1, 0) if j == axis else s for j, s in enumerate(x.shape)]
    end = [int(j == axis) for j in range(len(zeros))]
    start, low = (end, zeros) if reverse else (zeros, end)
    shifted = pad(slice_(x, start, ones, shorter), low, ones, x.shape)
    if first == 0:
        return shifted
    filled: Expr = where(is_first(x, axis, reverse), full_like(x, first), shifted)
    return filled


def is_first(x: Expr, axis: int, reverse: int) -> Expr:
    """Is this the place that the walk begins at?"""
    index = iota(axis=axis, dtype=INT64, shape=x.shape)
    start: Size = x.shape[axis] - 1 if reverse else 0
    found: Expr = equal(index, broadcast_to(size_value(start, INT64), x.shape))
    return found


# -------------------------------------------------------------------------------------- gradients
def _sum_vjp(ct: Expr, out: Expr, x: Expr, axis: int, reverse: int) -> tuple[Expr]:
    return (cumsum(ct, axis=axis, reverse=1 - reverse),)


def _product_vjp(ct: Expr, out: Expr, x: Expr, axis: int, reverse: int) -> tuple[Expr]:
    """The product before each factor, times what it lets through of the cotangents after it."""
    later = before(x, axis, 1 - reverse)
    passed = recurrence(later, ct, axis=axis, reverse=1 - reverse)
    return (multiply(before(out, axis, reverse, 1), passed),)


def _extreme_vjp(better: OpDef) -> Any:
    """To the element that holds: the first of those that tie, or the first NaN."""

    def vjp(ct: Expr, out: Expr, x: Expr, axis: int, reverse: int) -> tuple[Expr]:
        held = before(out, axis, reverse)
        takes = logical_or(better(x, held), is_first(x, axis, reverse))
        takes = logical_or(takes, logical_and(isnan(x), logical_not(isnan(held))))
        stays = cast_to(logical_not(before(takes, axis, 1 - reverse)), x.dtype)
        total = recurrence(stays, ct, axis=axis, reverse=1 - reverse)
        return (where(takes, total, zeros_like(x)),)

    return vjp


def _recurrence_vjp(
    ct: Expr, out: Expr, a: Expr, b: Expr, axis: int, reverse: int
) -> tuple[Expr, Expr]:
    back = recurrence(before(a, axis, 1 - reverse), ct, axis=axis, reverse=1 - reverse)
    return multiply(back, before(out, axis, reverse)), back


# -------------------------------------------------------------------------------------------- ops
def _cumulative(name: str, ufunc: np.ufunc, doc: str, **fields: Any) -> OpDef:
    return define(
        name, Kind.CUMULATIVE, arity=1, numpy=_accumulated(ufunc), infer=_type, attributes=ALONG,
        doc=doc, **fields,
    )  # fmt: skip


cumsum: OpDef = _cumulative(
    "cumsum", np.add, "Sums of the elements up to each.", dtypes=NUMBERS, linear=True, vjp=_sum_vjp
)
cumprod: OpDef = _cumulative(
    "cumprod", np.multiply, "Products of the elements up to each.", dtypes=NUMBERS, vjp=_product_vjp
)
cummax: OpDef = _cumulative(
    "cummax", np.maximum, "The largest element up to each; NaN from the first NaN on.",
    dtypes=BOOLS + NUMBERS, vjp=_extreme_vjp(greater), ulps=0.0,
)  # fmt: skip
cummin: OpDef = _cumulative(
    "cummin", np.minimum, "The smallest element up to each; NaN from the first NaN on.",
    dtypes=BOOLS + NUMBERS, vjp=_extreme_vjp(less), ulps=0.0,
)  # fmt: skip
recurrence: OpDef = define(
    "recurrence", Kind.CUMULATIVE, arity=2, numpy=_recurrence, infer=_type, attributes=ALONG,
    dtypes=NUMBERS, vjp=_recurrence_vjp,
    doc="s[i] = a[i] s[i - 1] + b[i] from s[0] = b[0]; the first element of a is not used.",
)  # fmt: skip


# -------------------------------------------------------------------------- products of the others
def _others(x: Any, axes: tuple[int, ...]) -> Any:
    *outer, last = axes
    result = np.ones_like(x)
    places = np.moveaxis(result, last, 0)
    before_it, after_it = (
        np.moveaxis(_accumulated(np.multiply)(x, last, k), last, 0) for k in (0, 1)
    )
    places[1:] = before_it[:-1]
    places[:-1] *= after_it[1:]
    if outer:
        inner = prod.numpy(x, (last,))
        result *= np.expand_dims(_others(inner, tuple(outer)), last)
    return result


def _expand_others(x: Expr, axes: tuple[int, ...]) -> Expr:
    """Those before it times those after it, along the last of the axes; times the other rows' products."""
    *outer, last = axes
    along = multiply(
        before(cumprod(x, axis=last, reverse=0), last, 0, 1),
        before(cumprod(x, axis=last, reverse=1), last, 1, 1),
    )
    if not outer:
        return along
    rows = _expand_others(prod(x, axes=(last,)), tuple(outer))
    return multiply(broadcast(rows, (last,), x.shape), along)


prod_of_others: OpDef = define(
    "prod_of_others", Kind.COMPOSITE, arity=1, numpy=_others, infer=lambda x, axes: x,
    attributes=AXES, dtypes=NUMBERS, expand=_expand_others,
    doc="At each element the product of all others along the axes: the derivative of a product.",
)  # fmt: skip


# ---------------------------------------------------------------------------------- logcumsumexp
def _finite(x: Expr) -> Expr:
    return where(isfinite(x), x, zeros_like(x))


def _expand_logcumsumexp(x: Expr, axis: int, reverse: int) -> Expr:
    """Sums of exp(x - top) with the largest element so far as top, rescaled where it grows."""
    top = _finite(cummax(x, axis=axis, reverse=reverse))
    scale = exp(subtract(before(top, axis, reverse), top))
    terms = exp(subtract(x, top))
    return add(log(recurrence(scale, terms, axis=axis, reverse=reverse)), top)


def _logcumsumexp_vjp(ct: Expr, out: Expr, x: Expr, axis: int, reverse: int) -> tuple[Expr]:
    """exp(x[i] - out[j]) to element i from each j not before it, by powers of at most 1."""
    level = _finite(out)
    after = before(level, axis, 1 - reverse)
    scale = where(isfinite(out), exp(subtract(level, after)), zeros_like(out))
    back = recurrence(scale, ct, axis=axis, reverse=1 - reverse)
    return (multiply(exp(subtract(x, level)), back),)


logcumsumexp: OpDef = define(
    "logcumsumexp", Kind.COMPOSITE, arity=1, numpy=_accumulated(np.logaddexp), infer=_type, attributes=ALONG,
    dtypes=FLOATS, vjp=_logcumsumexp_vjp, expand=_expand_logcumsumexp, ulps=4.0,
    doc="log(cumsum(exp(x))) without overflow.",
)  # fmt: skip
