"""Elements again and again, or elsewhere: tile, repeat, resize, roll."""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.errors import DtypeError, ShapeError, UnsupportedError, message
from eqsat_tensor.extents import (
    Size,
    floor_divide,
    lower_bound,
    maximum,
    minimum,
    product,
    remainder,
)
from eqsat_tensor.lang import INT64, INTS, Expr
from eqsat_tensor.namespace.operands import any_traced, axis_of, expr_of, public, show, sizes_of
from eqsat_tensor.namespace.pieces import (
    at_least,
    chosen,
    cut,
    flat,
    index_vector,
    joined_where_any,
    picked,
    resized,
    surely_at_least,
    vector,
)
from eqsat_tensor.ops import arithmetic, compare, movement
from eqsat_tensor.ops.leaf import constant
from eqsat_tensor.sizes import size_of
from eqsat_tensor.tensor import Tensor, array_now
from eqsat_tensor.types import Shape


@public(numpy=np.tile)
def tile(x: Any, /, reps: Any) -> Tensor:
    """`x` laid side by side, ``reps[j]`` times along axis j, counted from the last."""
    expr, given = expr_of("tile", x), sizes_of("tile", reps)
    rank = max(len(expr.shape), len(given))
    expr = at_least(expr, rank)
    times: Shape = (1,) * (rank - len(given)) + given
    repeated = [j for j, t in enumerate(times) if t != 1]
    wide: list[Size] = []
    new: list[int] = []
    for j, size in enumerate(expr.shape):
        if j in repeated:
            new.append(len(wide))
            wide.append(times[j])
        wide.append(size)
    shape = [t * s for t, s in zip(times, expr.shape, strict=True)]
    return Tensor(movement.reshape(movement.broadcast(expr, new, wide), shape))


@public(numpy=np.repeat)
def repeat(x: Any, /, repeats: Any, axis: int | None = None) -> Tensor:
    """Each element `repeats` times along `axis` (of the flat array for None): a size, or ints."""
    expr = expr_of("repeat", x)
    if axis is None:
        expr, place = flat(expr), 0
    else:
        place = axis_of("repeat", axis, len(expr.shape), x)
    repeats = array_now(repeats)
    times = None if isinstance(repeats, np.ndarray) else size_of(repeats)
    if times is not None:
        return Tensor(_each_repeated(expr, place, times))
    if any_traced((repeats,)):
        hint = "The size of the result would depend on values."
        raise UnsupportedError(
            message("repeat", "repeats known while tracing", show(repeats), hint)
        )
    counts = np.atleast_1d(np.asarray(repeats))
    if counts.dtype.kind not in "iub" or counts.ndim != 1 or counts.min(initial=0) < 0:
        raise ShapeError(message("repeat", "ints that are not negative", f"repeats={repeats!r}"))
    if len(counts) == 1:
        return Tensor(_each_repeated(expr, place, int(counts[0])))
    size = expr.shape[place]
    if isinstance(size, int) and size != len(counts):
        got = f"{len(counts)} on axis {place}, x: {show(x)}"
        raise ShapeError(message("repeat", f"one or {size} repeats", got))
    expr = movement.refine(expr, resized(expr, place, len(counts)))
    return Tensor(chosen(expr, place, np.repeat(np.arange(len(counts)), counts)))


def _each_repeated(x: Expr, axis: int, times: Size) -> Expr:
    wide = (*x.shape[: axis + 1], times, *x.shape[axis + 1 :])
    spread = movement.broadcast(x, (axis + 1,), wide)
    return movement.reshape(spread, resized(x, axis, x.shape[axis] * times))


@public(numpy=np.resize)
def resize(x: Any, /, new_shape: Any) -> Tensor:
    """The elements in C order in another shape: repeated where they are too few, zeros for none."""
    expr, shape = flat(expr_of("resize", x)), sizes_of("resize", new_shape)
    if any(isinstance(s, int) and s < 0 for s in shape):
        raise ShapeError(message("resize", "sizes that are not negative", f"{tuple(shape)}"))
    have, want = expr.shape[0], product(shape)
    if have == 0 or want == 0:
        return Tensor(constant(0, expr.dtype, shape))
    times = floor_divide(want + maximum(have, 1) - 1, maximum(have, 1))
    if times != 1:
        expr = movement.reshape(movement.broadcast(expr, (0,), (times, have)), (times * have,))
    if surely_at_least(have, 1):
        return Tensor(movement.reshape(cut(expr, 0, 0, want), shape))
    there = minimum(times * have, want)  # 0 where there is nothing to repeat
    return Tensor(
        movement.reshape(movement.pad(cut(expr, 0, 0, there), (0,), (1,), (want,)), shape)
    )


# ------------------------------------------------------------------------------------------- roll
@public(numpy=np.roll)
def roll(x: Any, /, shift: Any, axis: Any = None) -> Tensor:
    """Elements moved on by `shift` along `axis`, those beyond the end coming in at the front.

    shift: an int, a size or a 0-d integer tensor; one for all axes or one for each.  Without an
    axis the flat array is rolled.
    """
    expr = expr_of("roll", x)
    if axis is None:
        rolled = flat(expr)
        for one in _as_sequence(shift):
            rolled = _rolled(rolled, 0, one)
        return Tensor(movement.reshape(rolled, expr.shape))
    shifts, axes = _as_sequence(shift), _as_sequence(axis)
    count = max(len(shifts), len(axes))
    if len(shifts) not in (1, count) or len(axes) not in (1, count):
        got = f"{len(shifts)} shifts and {len(axes)} axes"
        raise ShapeError(message("roll", "one shift, or one an axis", got))
    shifts, axes = shifts * (count // len(shifts)), axes * (count // len(axes))
    for one, where in zip(shifts, axes, strict=True):
        expr = _rolled(expr, axis_of("roll", where, len(expr.shape), x), one)
    return Tensor(expr)


def _as_sequence(value: Any) -> list[Any]:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return list(value) if isinstance(value, tuple | list) else [value]


def _rolled(x: Expr, axis: int, shift: Any) -> Expr:
    size, number = x.shape[axis], size_of(shift)
    if size == 0:
        return x
    if number is None:
        return _rolled_by_value(x, axis, shift)
    back = _rest(-number, size)  # the result begins with element `back`
    if back is None:
        forth = _rest(number, size)
        back = size - (remainder(number, maximum(size, 1)) if forth is None else forth)
    if back == 0:
        return x
    return joined_where_any([cut(x, axis, back, size - back), cut(x, axis, 0, back)], axis)


def _rest(number: Size, size: Size) -> Size | None:
    """``number % size`` of a number that is certainly not negative; None for others.

    An axis of unknown size may be empty: a remainder by 0 is never formed.
    """
    low = lower_bound(number)
    if low is None or low < 0:
        return None
    return number if surely_at_least(size - number, 1) else remainder(number, maximum(size, 1))


def _rolled_by_value(x: Expr, axis: int, shift: Any) -> Expr:
    amount = expr_of("roll", shift)
    if amount.dtype not in INTS or amount.shape:
        raise DtypeError(message("roll", "a shift that is an integer", show(shift)))
    size = x.shape[axis]
    index = index_vector(size)
    moved = movement.broadcast_to(compare.cast_to(amount, INT64), index.shape)
    label = arithmetic.remainder(arithmetic.subtract(index, moved), vector(size, index))
    return picked(x, axis, label)
