"""What stands between the brackets of ``x[...]``, read as NumPy reads it.

    x[0, 1:, None, labels]   ->   Key(cuts of every axis, axes to drop and add, labels by axis)

Slices of sizes that are not known yet are clipped as NumPy clips them; an int index into such an
axis is a guard.  Labels and masks that are known now are checked now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eqsat_tensor.errors import DtypeError, LabelError, ShapeError, UnsupportedError, message
from eqsat_tensor.extents import Size, floor_divide, lower_bound, maximum, minimum, same_size
from eqsat_tensor.lang import BOOL, INT64, INTS, Expr
from eqsat_tensor.namespace.operands import any_traced, show
from eqsat_tensor.ops import movement
from eqsat_tensor.ops.compare import cast_to
from eqsat_tensor.ops.update import update_slice
from eqsat_tensor.sizes import Dim, size_of, size_or_dim
from eqsat_tensor.tensor import Tensor, as_expr
from eqsat_tensor.types import Shape


@dataclass(frozen=True)
class Cut:
    """One axis of a basic index: elements ``start + i * step``, ``length`` of them."""

    start: Size
    step: int
    length: Size


@dataclass(frozen=True)
class Label:
    """Integer labels of an axis of the basic part; ``known``: certain to lie in it."""

    axis: int
    index: Expr
    known: bool


@dataclass(frozen=True)
class Key:
    """An index, split into a basic part (`cut`) and labels or a mask on axes of what that leaves.

    cuts     one an axis of x.  dropped: axes of x that ints index.  new: axes of the basic part
             that None adds.
    labels   in the order of the key.  front: axes of the result before those of the labels.
    mask     of axes of the basic part from ``mask_axis`` on; its count is not known now.
    number   ints alone: what NumPy gives is a number, no view.
    """

    cuts: tuple[Cut, ...]
    dropped: tuple[int, ...]
    new: tuple[int, ...]
    labels: tuple[Label, ...]
    front: int
    mask: Expr | None
    mask_axis: int
    number: bool

    @property
    def is_view(self) -> bool:
        """Does NumPy give a view?"""
        return not self.number and self.mask is None and not any(b.index.shape for b in self.labels)

    def cut(self, x: Expr) -> Expr:
        """The basic part of the index, read."""
        starts, steps, lengths = self._region()
        return movement.expand_dims(
            movement.squeeze(movement.slice_(x, starts, steps, lengths), self.dropped), self.new
        )

    def paste(self, x: Expr, part: Expr) -> Expr:
        """`x` with the basic part of the index replaced; steps backwards are turned round."""
        part = movement.expand_dims(movement.squeeze(part, self.new), self.dropped)
        return replaced_slice(x, part, *self._region())

    def shape(self) -> Shape:
        """The shape of the basic part."""
        kept = [c.length for j, c in enumerate(self.cuts) if j not in self.dropped]
        for place in self.new:
            kept.insert(place, 1)
        return tuple(kept)

    def _region(self) -> tuple[list[Size], list[int], list[Size]]:
        return (
            [c.start for c in self.cuts],
            [c.step for c in self.cuts],
            [c.length for c in self.cuts],
        )


def replaced_slice(
    x: Expr, part: Expr, starts: Sequence[Size], steps: Sequence[int], lengths: Sequence[Size]
) -> Expr:
    """`x` with a slice of any steps replaced."""
    first, turned, forward = list(starts), [0] * len(starts), [1] * len(starts)
    turn: list[Size] = list(turned)
    for axis, (start, step, length) in enumerate(zip(starts, steps, lengths, strict=True)):
        if step < 0 and length != 1:
            turn[axis], forward[axis] = length - 1, -1
            first[axis] = start + (length - 1) * step
    part = movement.slice_(part, turn, forward, part.shape)
    return update_slice(x, movement.refine(part, lengths), first, [abs(s) for s in steps])


# --------------------------------------------------------------------------------------- parsing
def parsed(x: Tensor, key: Any) -> Key:
    """The key of ``x[key]``.  Raises LabelError, DtypeError, UnsupportedError as NumPy would."""
    shape = x.expr.shape
    given = key if isinstance(key, tuple) else (key,)
    items = _full_key(x, given)
    cuts: list[Cut] = []
    new: list[int] = []
    dropped: list[int] = []
    labels: list[Label] = []
    advanced: list[int] = []  # positions in the key of ints and labels
    mask: Expr | None = None
    axis = place = mask_axis = 0
    before = -1  # result axes in front of the first label
    for position, item in enumerate(items):
        if item is None:
            new.append(place)
            place += 1
            continue
        if isinstance(item, Expr) and item.dtype == BOOL:
            if mask is not None:
                raise _unknown_mask("one mask whose count is not known at most", "several")
            mask, mask_axis = _fitting_mask(x, item, axis), place
            count = len(item.shape)
            cuts += [Cut(0, 1, s) for s in shape[axis : axis + count]]
            axis, place = axis + count, place + count
            continue
        size = shape[axis]
        if isinstance(item, slice):
            cuts.append(_slice_cut(item, size))
            place += 1
        elif isinstance(item, Expr | np.ndarray):
            cuts.append(Cut(0, 1, size))
            labels.append(_label(x, axis, place, item, size))
            place += 1
        else:
            cuts.append(_int_cut(x, axis, item, size))
            dropped.append(axis)
        if not isinstance(item, slice):
            advanced.append(position)
            if before < 0:
                before = place - isinstance(item, Expr | np.ndarray)
        axis += 1
    if mask is not None and labels:
        raise _unknown_mask(
            "a mask whose count is not known beside slices and ints alone", "labels"
        )
    together = advanced == list(range(advanced[0], advanced[-1] + 1)) if advanced else True
    scalars = all(
        isinstance(i, Expr) and not i.shape for i in items if not isinstance(i, int | Dim)
    )
    number = scalars and not any(i is Ellipsis for i in given)
    return Key(
        tuple(cuts), tuple(dropped), tuple(new), tuple(labels), before if together else 0,
        mask, mask_axis, number,
    )  # fmt: skip


def _full_key(x: Tensor, key: tuple[Any, ...]) -> list[Any]:
    """The key with one entry an axis (and a None for each new one); masks may take several."""
    items = [part for item in key for part in _index_items(item)]
    used = sum(_axes_used(item) for item in items)
    rank = len(x.expr.shape)
    if used > rank or sum(item is Ellipsis for item in items) > 1:
        raise LabelError(message("x[...]", f"at most {rank} indices", f"{used}, x: {show(x)}"))
    rest = [slice(None)] * (rank - used)
    if any(item is Ellipsis for item in items):
        at = next(i for i, item in enumerate(items) if item is Ellipsis)
        return [*items[:at], *rest, *items[at + 1 :]]
    return [*items, *rest]


def _axes_used(item: Any) -> int:
    if item is None or item is Ellipsis:
        return 0
    return len(item.shape) if isinstance(item, Expr) and item.dtype == BOOL else 1


def _index_items(item: Any) -> list[Any]:
    """An entry of the key: itself, an int, labels (known: an array of int64), or a mask."""
    if item is None or item is Ellipsis or isinstance(item, slice | Dim):
        return [item]
    if isinstance(item, bool | np.bool_):
        raise UnsupportedError(
            message(
                "x[flag]", "an index of integers, slices, None or ...", f"{item}", "Use x[None]."
            )
        )
    if isinstance(item, Tensor) or (isinstance(item, list | tuple) and any_traced(item)):
        label = as_expr(item)
        if label.dtype != BOOL and label.dtype not in INTS:
            raise DtypeError(message("x[i]", "integer labels", f"i: {label.type}"))
        return [label if label.dtype == BOOL else cast_to(label, INT64)]
    if hasattr(item, "__index__") and not (isinstance(item, np.ndarray) and item.ndim):
        return [int(item.__index__())]
    if isinstance(item, np.ndarray | list | tuple | range):
        array = np.asarray(item)
        if array.size == 0 and not isinstance(item, np.ndarray):
            array = array.astype(np.int64)
        if array.dtype == BOOL:
            return _known_mask(array)
        if array.dtype.kind not in "iu":
            got = f"i: {array.dtype}[{', '.join(map(str, array.shape))}]"
            raise DtypeError(message("x[i]", "integer labels", got))
        return [array.astype(np.int64)]
    raise LabelError(message("x[...]", "ints, slices, None, ... or integer arrays", f"{item!r}"))


def _known_mask(array: np.ndarray) -> list[Any]:
    if array.ndim == 0:
        return _index_items(bool(array))
    return [
        KnownMask(labels, size) for labels, size in zip(array.nonzero(), array.shape, strict=True)
    ]


class KnownMask(np.ndarray):
    """Labels that came from a mask along an axis of ``size`` elements."""

    size_of_axis: int

    def __new__(cls, labels: np.ndarray, size: int) -> KnownMask:
        made = labels.view(cls)
        made.size_of_axis = size
        return made


def _label(x: Tensor, axis: int, place: int, item: Any, size: Size) -> Label:
    if isinstance(item, Expr):
        return Label(place, item, False)
    if isinstance(item, KnownMask):
        if int(size_or_dim(size)) != item.size_of_axis:
            needs = f"a mask of {size} flags for axis {axis}"
            raise LabelError(message("x[mask]", needs, f"{item.size_of_axis}, x: {show(x)}"))
        return Label(place, as_expr(np.asarray(item)), True)
    if not isinstance(size, int):
        return Label(place, as_expr(item), not item.size)
    if item.size and not (-size <= item.min() and item.max() < size):
        got = f"labels from {item.min()} to {item.max()} for axis {axis}, x: {show(x)}"
        raise LabelError(message("x[i]", f"labels from {-size} to {size - 1}", got))
    return Label(place, as_expr(np.where(item < 0, item + size, item)), True)


def _fitting_mask(x: Tensor, mask: Expr, axis: int) -> Expr:
    wanted = x.expr.shape[axis : axis + len(mask.shape)]
    if not mask.shape or any(
        same_size(a, b) is False for a, b in zip(mask.shape, wanted, strict=True)
    ):
        raise ShapeError(
            message("x[mask]", "a mask of the shape of x", f"mask: {mask.type}, x: {show(x)}")
        )
    return movement.refine(mask, wanted)


def _unknown_mask(needs: str, got: str) -> UnsupportedError:
    return UnsupportedError(message("x[mask]", needs, got, "Use where(mask, v, x)."))


# ------------------------------------------------------------------------------- ints and slices
def _int_cut(x: Tensor, axis: int, index: Any, size: Size) -> Cut:
    number = size_of(index)
    assert number is not None, index
    outside = isinstance(number, int) and isinstance(size, int) and not -size <= number < size
    if outside:
        got = f"{number} for axis {axis}, x: {show(x)}"
        raise LabelError(message("x[i]", f"an index from {-size} to {size - 1}", got))
    return Cut(_from_the_front(number, number, size + number), 1, 1)


def _from_the_front(number: Size, ahead: Size, behind: Size) -> Size:
    """`ahead` where a number counts from the front, `behind` where it is negative.

    Of either sign, as `n - 3` is, it is the one that turns out so: 0 times the other.
    """
    low, high = lower_bound(number), lower_bound(-number)
    if low is not None and low >= 0:
        return ahead
    if high is not None and high > 0:
        return behind
    front = minimum(maximum(number + 1, 0), 1)
    return front * ahead + (1 - front) * behind


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
            message(
                "x[a:b]",
                "ints or sizes as bounds",
                show(value),
                "Use dynamic_slice(x, starts, sizes), whose starts may be computed.",
            )
        )
    ahead = number if most is None else minimum(number, most)
    return _from_the_front(number, ahead, maximum(size + number, least))


def _ceil_divide(size: Size, step: int) -> Size:
    return size if step == 1 else floor_divide(size + (step - 1), step)
