"""Indexing: ints, slices, None and Ellipsis move elements; integer tensors pick them by label.

Slices of sizes that are not known yet are clipped as NumPy clips them; an int index into such an
axis is a guard.  A pick that runs along with another axis, as in ``x[arange(n), y]``, becomes one
`pick` on the next axis, without a copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eqsat_tensor.errors import DtypeError, LabelError, ShapeError, UnsupportedError, message
from eqsat_tensor.lang import BOOL, INTS, OPS, Expr
from eqsat_tensor.namespace.operands import axis_of, common_shape, expr_of, public, show
from eqsat_tensor.ops import movement
from eqsat_tensor.sizes import Dim, size_of
from eqsat_tensor.tensor import FUNCTIONS, Tensor, as_expr
from eqsat_tensor.types import Shape, Size, floor_divide, lower_bound, maximum, minimum, product


@dataclass(frozen=True)
class Cut:
    """One axis of a basic index: elements ``start + i * step``, ``length`` of them."""

    start: Size
    step: int
    length: Size


def getitem(x: Tensor, key: Any) -> Tensor:
    """``x[key]``: a tuple of ints, slices, None, Ellipsis and integer tensors or arrays."""
    expr = x.expr
    items = _full_key(x, key if isinstance(key, tuple) else (key,))
    cuts: list[Cut] = []
    new: list[int] = []  # axes of size 1 that None adds, in the result of the basic part
    dropped: list[int] = []
    labels: list[tuple[int, Expr]] = []  # axis in the basic result, integer tensor
    advanced: list[int] = []  # positions in the key of ints and integer tensors
    axis = place = 0
    before = -1  # result axes in front of the first label
    for position, item in enumerate(items):
        if item is None:
            new.append(place)
            place += 1
            continue
        size = expr.shape[axis]
        if isinstance(item, slice):
            cuts.append(_slice_cut(item, size))
            place += 1
        elif isinstance(item, Expr):
            cuts.append(Cut(0, 1, size))
            labels.append((place, item))
            place += 1
        else:
            cuts.append(_int_cut(x, axis, item, size))
            dropped.append(axis)
        if not isinstance(item, slice):
            advanced.append(position)
            if before < 0:
                before = place - isinstance(item, Expr)
        axis += 1
    cut = movement.slice_(
        expr, [c.start for c in cuts], [c.step for c in cuts], [c.length for c in cuts]
    )
    cut = movement.expand_dims(movement.squeeze(cut, dropped), new)
    if not labels:
        return Tensor(cut)
    together = advanced == list(range(advanced[0], advanced[-1] + 1))
    return Tensor(_picked(cut, labels, before if together else 0))


FUNCTIONS["__getitem__"] = getitem


def _full_key(x: Tensor, key: tuple[Any, ...]) -> list[Any]:
    """The key with one entry an axis (and a None for each new one)."""
    items = [_index_item(item) for item in key]
    used = sum(item is not None and item is not Ellipsis for item in items)
    rank = len(x.expr.shape)
    if used > rank or sum(item is Ellipsis for item in items) > 1:
        raise LabelError(message("x[...]", f"at most {rank} indices", f"{used}, x: {show(x)}"))
    rest = [slice(None)] * (rank - used)
    if any(item is Ellipsis for item in items):
        at = next(i for i, item in enumerate(items) if item is Ellipsis)
        return [*items[:at], *rest, *items[at + 1 :]]
    return [*items, *rest]


def _index_item(item: Any) -> Any:
    if item is None or item is Ellipsis or isinstance(item, slice | Dim):
        return item
    if isinstance(item, bool | np.bool_) or getattr(item, "dtype", None) == BOOL:
        raise UnsupportedError(
            message(
                "x[mask]",
                "an index of integers, slices, None or ...",
                "a mask, whose count is not known while tracing",
                "Use where(mask, x, 0).",
            )
        )
    if isinstance(item, Tensor | np.ndarray | list):
        label = as_expr(np.asarray(item)) if isinstance(item, list) else as_expr(item)
        if label.dtype not in INTS:
            raise DtypeError(message("x[i]", "integer labels", f"i: {label.type}"))
        return label
    if hasattr(item, "__index__"):
        return int(item.__index__())
    raise LabelError(message("x[...]", "ints, slices, None, ... or integer arrays", f"{item!r}"))


def _int_cut(x: Tensor, axis: int, index: Any, size: Size) -> Cut:
    number = size_of(index)
    assert number is not None, index
    outside = isinstance(number, int) and isinstance(size, int) and not -size <= number < size
    if outside:
        got = f"{number} for axis {axis}, x: {show(x)}"
        raise LabelError(message("x[i]", f"an index from {-size} to {size - 1}", got))
    low = lower_bound(number)
    start = number if low is not None and low >= 0 else size + number
    return Cut(start, 1, 1)


def _slice_cut(item: slice, size: Size) -> Cut:
    """NumPy's clipping, on sizes that may be unknown.

    A start beyond the end is left as it is: the length is 0 then, and nothing is read.
    """
    step = 1 if item.step is None else int(item.step)
    if step == 0:
        raise ValueError("slice step cannot be zero")
    if step > 0:
        start = 0 if item.start is None else _bound(item.start, size, 0, None)
        stop = size if item.stop is None else _bound(item.stop, size, 0, size)
        length = maximum(_ceil_divide(stop - start, step), 0)
    else:
        end = size - 1
        start = end if item.start is None else _bound(item.start, size, -1, end)
        stop = -1 if item.stop is None else _bound(item.stop, size, -1, end)
        length = maximum(_ceil_divide(start - stop, -step), 0)
    return Cut(0 if length == 0 else start, step, length)


def _bound(value: Any, size: Size, least: int, most: Size | None) -> Size:
    """A slice bound counted from the front, neither below `least` nor above `most`."""
    number = size_of(value)
    if number is None:
        raise UnsupportedError(
            message("x[a:b]", "ints or sizes as bounds", show(value), "Use where, or pick labels.")
        )
    low = lower_bound(number)
    if low is not None and low >= 0:
        return number if most is None else minimum(number, most)
    return maximum(size + number, least)


def _ceil_divide(size: Size, step: int) -> Size:
    return size if step == 1 else floor_divide(size + (step - 1), step)


# --------------------------------------------------------------------------------------- labels
def _picked(x: Expr, labels: Sequence[tuple[int, Expr]], front: int) -> Expr:
    """`x` picked by labels on several axes; their common shape stands at axis `front`."""
    common = common_shape("x[i]", [Tensor(i) for _, i in labels], [i.shape for _, i in labels])
    rank = len(common)
    along: dict[int, int] = {}  # axis of the common shape -> axis of x that runs along with it
    picks: list[tuple[int, Expr]] = []
    for axis, label in labels:
        lane = _lane(label, common, x.shape[axis])
        if lane is None or lane in along:
            picks.append((axis, label))
        else:
            along[lane] = axis
    if not picks and len(along) < rank:  # nothing picks: one axis must, to make the other lanes
        picks, along = list(labels), {}
    used = {*along.values(), *(a for a, _ in picks)}
    rest = [j for j in range(len(x.shape)) if j not in used]
    if len(picks) == 1:
        lanes = [*rest[:front], *(along.get(j) for j in range(rank)), *rest[front:]]
        kept = [a for a in lanes if a is not None]
        if kept == sorted(kept):
            return _picked_in_place(x, *picks[0], common, lanes, front)
    order = [*(a for a, _ in picks), *(along[j] for j in sorted(along)), *rest]
    result = movement.transpose(x, order)
    count = len(picks)
    spread = [count + j for j in range(rank) if j not in along]
    heads, tail = [x.shape[a] for a, _ in picks], [x.shape[j] for j in rest]
    result = movement.broadcast(result, spread, (*heads, *common, *tail))
    for number, (_, label) in enumerate(picks):
        left = tuple(heads[number + 1 :])
        index = _spread_label(movement.broadcast_to(label, common), left, tuple(tail))
        result = OPS["pick"](result, index, axis=0)
    tails = list(range(rank, rank + len(rest)))
    return movement.transpose(result, [*tails[:front], *range(rank), *tails[front:]])


def _picked_in_place(
    x: Expr, axis: int, label: Expr, common: Shape, lanes: list[int | None], front: int
) -> Expr:
    """One pick, where no axis changes its order: ``lanes`` says which axis of `x` each axis of
    the result is, None for those that only the label has.
    """
    place = next((j for j, a in enumerate(lanes) if a is not None and a > axis), len(lanes))
    if None not in lanes:
        place = axis
    wide: list[Size] = [common[j - front] if a is None else x.shape[a] for j, a in enumerate(lanes)]
    new = [j + (j >= place) for j, a in enumerate(lanes) if a is None]
    data = movement.broadcast(x, new, (*wide[:place], x.shape[axis], *wide[place:]))
    rank = len(common)
    others = [*range(front), *range(front + rank, len(lanes))]
    index = movement.broadcast(movement.broadcast_to(label, common), others, wide)
    return OPS["pick"](data, index, axis=place)


def _spread_label(index: Expr, left: Shape, tail: Shape) -> Expr:
    rank = len(index.shape)
    shape = (*left, *index.shape, *tail)
    new = [*range(len(left)), *range(len(left) + rank, len(shape))]
    return movement.broadcast(index, new, shape)


def _lane(label: Expr, common: Shape, size: Size) -> int | None:
    """The axis of the common shape of which the label is the index, where the axis is as long."""
    offset = len(common) - len(label.shape)
    axes = list(range(len(label.shape)))
    while label.op.name == "broadcast":  # size-1 axes round the index
        new = label["axes"]
        axes = [a for j, a in enumerate(axes) if j not in new]
        label = label.arguments[0]
    if label.op.name != "iota":
        return None
    lane: int = offset + axes[label["axis"]]
    fits = label.shape[label["axis"]] == common[lane] == size
    return lane if fits and product(label.shape) == size else None


@public(numpy=np.take_along_axis)
def take_along_axis(x: Any, indices: Any, /, axis: int = -1) -> Tensor:
    """result[.., k, ..] = x[.., indices[.., k, ..], ..] along `axis`; other axes broadcast."""
    expr, index = expr_of("take_along_axis", x), as_expr(indices)
    rank = len(expr.shape)
    place = axis_of("take_along_axis", axis, rank, x)
    if index.dtype not in INTS:
        raise DtypeError(message("take_along_axis", "integer labels", f"indices: {index.type}"))
    if len(index.shape) != rank:
        got = f"x: {expr.type}, indices: {index.type}"
        raise ShapeError(message("take_along_axis", "as many axes in both", got))
    others = [tuple(1 if j == place else s for j, s in enumerate(e.shape)) for e in (expr, index)]
    common = list(common_shape("take_along_axis", (x, indices), others))
    wide = [expr.shape[place] if j == place else s for j, s in enumerate(common)]
    result = [index.shape[place] if j == place else s for j, s in enumerate(common)]
    data = movement.broadcast_to(expr, wide)
    data = movement.broadcast(data, (place + 1,), (*wide[: place + 1], *result[place:]))
    return Tensor(OPS["pick"](data, movement.broadcast_to(index, result), axis=place))


@public(numpy=np.take)
def take(x: Any, indices: Any, /, axis: int | None = None) -> Tensor:
    """Elements by label along `axis` (of the flat array for None)."""
    expr = expr_of("take", x)
    if axis is None:
        expr, axis = movement.reshape(expr, (product(expr.shape),)), 0
    place = axis_of("take", axis, len(expr.shape), x)
    item = indices if isinstance(indices, Tensor | int) else np.asarray(indices)
    return getitem(Tensor(expr), (*(slice(None),) * place, item))
