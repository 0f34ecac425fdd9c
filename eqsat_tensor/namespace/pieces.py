"""Parts of expressions along one axis: cuts, joins, a static selection, a part held by a guard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eqsat_tensor.errors import ShapeError, message
from eqsat_tensor.extents import (
    Size,
    evaluate,
    lower_bound,
    minimum,
    product,
    same_size,
    symbols_of,
)
from eqsat_tensor.lang import INT64, OPS, Expr
from eqsat_tensor.ops import arithmetic, movement, select
from eqsat_tensor.ops.captured import capture
from eqsat_tensor.ops.leaf import iota, size_value

NOMINAL = 64  # what an unknown size counts as where an order of products is chosen
MOST_RUNS = 8  # a selection of more runs than this is one gather


def flat(x: Expr) -> Expr:
    """The elements along one axis."""
    return movement.reshape(x, (product(x.shape),))


def at_least(x: Expr, rank: int) -> Expr:
    """`x` with axes of size 1 in front, until it has `rank`."""
    return movement.expand_dims(x, range(rank - len(x.shape)))


def resized(x: Expr, axis: int, size: Size) -> tuple[Size, ...]:
    """The shape of `x`, with another size on one axis."""
    return (*x.shape[:axis], size, *x.shape[axis + 1 :])


def cut(x: Expr, axis: int, start: Size, length: Size, step: int = 1) -> Expr:
    """Elements ``start + i * step`` along `axis`, `length` of them; all of them are there."""
    starts: list[Size] = [0] * len(x.shape)
    steps = [1] * len(x.shape)
    starts[axis], steps[axis] = start, step
    return movement.slice_(x, starts, steps, resized(x, axis, length))


def turned(x: Expr, axis: int) -> Expr:
    """The elements in reverse order along `axis`."""
    return cut(x, axis, x.shape[axis] - 1, x.shape[axis], -1)


def joined(operation: str, exprs: Sequence[Expr], axis: int) -> Expr:
    """The expressions, of one dtype and rank, one after another along `axis`.

    Joined in halves, so that an element of many parts is found by few comparisons.
    """
    parts = [exprs[0]]
    for e in exprs[1:]:
        wanted = resized(parts[-1], axis, e.shape[axis])
        if any(same_size(a, b) is False for a, b in zip(e.shape, wanted, strict=True)):
            shown = ", ".join(str(x.type) for x in exprs)
            raise ShapeError(message(operation, f"equal sizes on all axes but {axis}", shown))
        parts.append(movement.refine(e, wanted))
    return _halves(parts, axis)


def _halves(parts: Sequence[Expr], axis: int) -> Expr:
    if len(parts) == 1:
        return parts[0]
    middle = (len(parts) + 1) // 2
    left, right = _halves(parts[:middle], axis), _halves(parts[middle:], axis)
    result: Expr = select.concatenate(left, right, axis=axis)
    return result


def joined_where_any(exprs: Sequence[Expr], axis: int) -> Expr:
    """Joined, without those that are empty along `axis` for certain."""
    some = [e for e in exprs if e.shape[axis] != 0]
    return joined("concatenate", some or exprs[:1], axis)


def front_held(x: Expr, axis: int, length: int) -> Expr:
    """The first `length` elements along `axis`, under a guard that there are as many."""
    size = x.shape[axis]
    there = minimum(size, length)
    return movement.refine(cut(x, axis, 0, there), resized(x, axis, length))


def chosen(x: Expr, axis: int, index: Any) -> Expr:
    """Elements `index` along `axis`, known now and not negative: a few slices, or a gather."""
    runs = runs_of(np.asarray(index, np.int64))
    if len(runs) > MOST_RUNS:
        return picked(x, axis, capture(np.asarray(index, np.int64)))
    parts = []
    for start, step, length in runs:
        if step == 0:
            one = movement.squeeze(cut(x, axis, start, 1), (axis,))
            parts.append(movement.broadcast(one, (axis,), resized(x, axis, length)))
        else:
            parts.append(cut(x, axis, start, length, step))
    return joined("take", parts, axis)


def runs_of(index: np.ndarray) -> list[tuple[int, int, int]]:
    """Integers as arithmetic progressions (start, step, length), taken greedily.

    >>> runs_of(np.array([2, 1, 0, 1, 2, 3, 3]))
    [(2, -1, 3), (1, 1, 3), (3, 1, 1)]
    """
    runs = []
    at = 0
    while at < len(index):
        end, step = at + 1, 1
        if end < len(index):
            step = int(index[end] - index[at])
            while end < len(index) and index[end] - index[end - 1] == step:
                end += 1
        if end == at + 2 < len(index):  # two alone: the second may begin a longer run
            step, end = 1, at + 1
        runs.append((int(index[at]), step, end - at))
        at = end
    return runs or [(0, 1, 0)]


def picked(x: Expr, axis: int, labels: Expr) -> Expr:
    """Elements along `axis` by a vector of integers, all of them within the axis."""
    shape = resized(x, axis, labels.shape[0])
    spread = movement.broadcast(x, (axis + 1,), (*x.shape[: axis + 1], *shape[axis:]))
    others = [j for j in range(len(shape)) if j != axis]
    return OPS["pick"](spread, movement.broadcast(labels, others, shape), axis=axis)


def index_vector(length: Size, start: Size = 0) -> Expr:
    """``start, start + 1, ...`` as int64."""
    index = iota(axis=0, dtype=INT64, shape=(length,))
    if start == 0:
        return index
    return arithmetic.add(index, movement.broadcast_to(size_value(start, INT64), (length,)))


def vector(size: Size, like: Expr) -> Expr:
    """A size in every element of an int64 vector as long as `like`."""
    return movement.broadcast_to(size_value(size, INT64), like.shape)


def surely_at_least(size: Size, least: int) -> bool:
    """Is it certain that a size is not below `least`?"""
    low = lower_bound(size)
    return low is not None and low >= least


def nominal(size: Size) -> int:
    """A number for a size: itself, or what it is where every symbol is `NOMINAL`."""
    return max(evaluate(size, dict.fromkeys(symbols_of(size), NOMINAL)), 1)
