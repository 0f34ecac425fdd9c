"""Choosing among values, and holding them against one another: clip, select, isclose, interp."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from eqsat_tensor.errors import ShapeError, UnsupportedError, message
from eqsat_tensor.extents import same_size
from eqsat_tensor.lang import BOOL, INTS, Expr
from eqsat_tensor.namespace.operands import (
    PUBLIC,
    broadcast_together,
    common_dtype,
    converted,
    expr_of,
    public,
    show,
)
from eqsat_tensor.ops import compare
from eqsat_tensor.ops.leaf import constant, full_like
from eqsat_tensor.ops.movement import broadcast_to
from eqsat_tensor.sizes import size_or_dim, tracing
from eqsat_tensor.tensor import Tensor, as_expr, weak_type
from eqsat_tensor.types import broadcast_shapes

MISSING = np._NoValue


@public(numpy=np.clip)
def clip(
    x: Any, a_min: Any = MISSING, a_max: Any = MISSING, /, *, min: Any = MISSING,
    max: Any = MISSING, **bounds: Any,
) -> Tensor:  # fmt: skip
    """`x`, but not below the first bound and not above the second; None is no bound.

    The bounds are `a_min` and `a_max`, or `min` and `max`. Where they cross, the upper one counts.
    """
    low, high = bounds.pop("a_min", a_min), bounds.pop("a_max", a_max)
    if bounds:
        raise TypeError(f"clip() got an unexpected keyword argument {next(iter(bounds))!r}")
    if (min is not MISSING or max is not MISSING) and (low is not MISSING or high is not MISSING):
        raise ValueError("Passing `min` or `max` beside `a_min` and `a_max` is forbidden.")
    result = x
    for bound, function in (
        (low, "maximum"),
        (min, "maximum"),
        (high, "minimum"),
        (max, "minimum"),
    ):
        if bound is not MISSING and bound is not None and not _no_bound(x, bound, function):
            result = PUBLIC[function](result, bound)
    return result if isinstance(result, Tensor) else Tensor(as_expr(result))


def _no_bound(x: Any, bound: Any, function: str) -> bool:
    """A Python int that no element of an integer dtype is beyond, as NumPy lets it be."""
    dtype = as_expr(x).dtype
    if type(bound) is not int or dtype not in INTS:
        return False
    limits = np.iinfo(dtype)
    return bound < limits.min if function == "maximum" else bound > limits.max


def _conditions(operation: str, given: Any) -> list[Expr]:
    conditions = [as_expr(c) for c in given]
    for c in conditions:
        if c.dtype != BOOL:
            raise TypeError(message(operation, "conditions of bools", str(c.type)))
    return conditions


@public(numpy=np.select)
def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Tensor:
    """The choice whose condition holds, of several the first; else `default`."""
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    if not len(condlist):
        raise ValueError("select with an empty condition list is not possible")
    conditions, values = _conditions("select", condlist), [*choicelist, default]
    dtype = common_dtype("select", values)
    exprs = [*conditions, *(converted(v, dtype) for v in values)]
    exprs = broadcast_together("select", [*condlist, *values], exprs)
    count = len(conditions)
    result = exprs[-1]
    for condition, choice in reversed(list(zip(exprs[:count], exprs[count:-1], strict=True))):
        result = compare.where(condition, choice, result)
    return Tensor(result)


@public(numpy=np.piecewise)
def piecewise(x: Any, condlist: Any, funclist: Sequence[Any], *args: Any, **kwargs: Any) -> Tensor:
    """Functions (or numbers) of `x` where conditions hold, of several the last; else 0.

    One function more than conditions: it serves where none holds. The functions get all of `x`,
    not the elements they serve alone, so they have to work element by element. The dtype is x's.
    """
    expr = expr_of("piecewise", x)
    single = isinstance(condlist, Tensor | np.ndarray) and condlist.ndim == len(expr.shape)
    conditions = _conditions("piecewise", [condlist] if single else condlist)
    conditions = [broadcast_to(c, expr.shape) for c in conditions]
    count = len(conditions)
    if len(funclist) == count + 1:
        none = constant(True, BOOL, expr.shape)
        for c in conditions:
            none = compare.logical_and(none, compare.logical_not(c))
        conditions.append(none)
    elif len(funclist) != count:
        raise ValueError(
            f"with {count} condition(s), {count} or {count + 1} functions are expected"
        )
    result = full_like(expr, 0)
    for condition, function in zip(conditions, funclist, strict=True):
        value = function(Tensor(expr), *args, **kwargs) if callable(function) else function
        branch = broadcast_to(converted(value, expr.dtype), expr.shape)
        result = compare.where(condition, branch, result)
    return Tensor(result)


# ------------------------------------------------------------------------------------ comparisons
@public(numpy=np.isclose)
def isclose(
    a: Any, b: Any, /, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False
) -> Tensor:
    """True where |a - b| <= atol + rtol |b|, or both are equal; of NaNs, if `equal_nan`."""
    if weak_type(b) is None:
        b = Tensor(converted(b, common_dtype("isclose", (b, 1.0))))
    elif type(b) in (bool, int):
        b = float(b)
    call: Callable[..., Any] = PUBLIC.__getitem__
    width = call("add")(atol, call("multiply")(rtol, call("absolute")(b)))
    near = call("less_equal")(call("absolute")(call("subtract")(a, b)), width)
    result = call("logical_or")(call("logical_and")(near, call("isfinite")(b)), call("equal")(a, b))
    if equal_nan:
        result = call("logical_or")(result, call("logical_and")(call("isnan")(a), call("isnan")(b)))
    return result if isinstance(result, Tensor) else Tensor(as_expr(result))


@public(numpy=np.allclose)
def allclose(
    a: Any, b: Any, /, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False
) -> Tensor:
    """Are all elements `isclose`? A 0-d bool tensor."""
    result: Tensor = PUBLIC["all"](PUBLIC["isclose"](a, b, rtol, atol, equal_nan))
    return result


@public(numpy=np.array_equal)
def array_equal(a: Any, b: Any, /, equal_nan: bool = False) -> Tensor:
    """Have both the same shape and elements? A 0-d bool tensor.

    Sizes that may differ are pinned; without a trace that knows them they are an UnsupportedError.
    """
    left, right = expr_of("array_equal", a), expr_of("array_equal", b)
    if len(left.shape) != len(right.shape):
        return Tensor(constant(False, BOOL))
    for p, q in zip(left.shape, right.shape, strict=True):
        same = same_size(p, q)
        if same is None and tracing():
            same = int(size_or_dim(p)) == int(size_or_dim(q))
        if same is False:
            return Tensor(constant(False, BOOL))
        if same is None:
            got = f"a: {show(a)}, b: {show(b)}"
            hint = "Use the same name for both sizes."
            raise UnsupportedError(
                message("array_equal", "sizes known to be equal or not", got, hint)
            )
    return _all_equal(a, b, equal_nan)


@public(numpy=np.array_equiv)
def array_equiv(a: Any, b: Any, /) -> Tensor:
    """Do both broadcast together, with equal elements? A 0-d bool tensor."""
    left, right = expr_of("array_equiv", a), expr_of("array_equiv", b)
    for p, q in zip(reversed(left.shape), reversed(right.shape), strict=False):
        if tracing() and same_size(p, q) is None and int(size_or_dim(p)) != int(size_or_dim(q)):
            return Tensor(constant(False, BOOL))  # sizes that a trace does not know are not 1
    try:
        broadcast_shapes("array_equiv", [left.shape, right.shape])
    except ShapeError:
        return Tensor(constant(False, BOOL))
    return _all_equal(a, b, False)


def _all_equal(a: Any, b: Any, equal_nan: bool) -> Tensor:
    same = PUBLIC["equal"](a, b)
    if equal_nan:
        both = PUBLIC["logical_and"](PUBLIC["isnan"](a), PUBLIC["isnan"](b))
        same = PUBLIC["logical_or"](same, both)
    result: Tensor = PUBLIC["all"](same)
    return result
