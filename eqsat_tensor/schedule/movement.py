"""Ops that move elements, as values: views of their operands, pads and picks.

transpose(x, axes=(1, 0))      ->  View of x, axis 0 read by axis 1
concatenate(a, b, axis=0)      ->  select(iota < n, pad(a), pad(b))
gather(x, labels)              ->  Pick along a new first axis
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from eqsat_tensor.extents import Size
from eqsat_tensor.lang import BOOL, INT64, Expr
from eqsat_tensor.schedule.loop_values import (
    Call,
    Constant,
    Iota,
    Pad,
    Pick,
    SizeValue,
    Value,
    View,
)
from eqsat_tensor.schedule.table import Table, same
from eqsat_tensor.types import Shape, TensorType


def _broadcast(table: Table, node: Expr, value: Value) -> Value:
    new = set(node["axes"])
    return table.view(
        node.shape, value, [(j, 0, 1) for j in range(len(node.shape)) if j not in new]
    )


def _squeeze(table: Table, node: Expr, value: Value) -> Value:
    return table.view(node.shape, value, _dropped(value.shape, set(node["axes"])))


def _dropped(shape: Shape, axes: set[int]) -> list[tuple[int | None, Size, int]]:
    kept = iter(range(len(shape)))
    return [(None if j in axes else next(kept), 0, 1) for j in range(len(shape))]


def _transpose(table: Table, node: Expr, value: Value) -> Value:
    place = {axis: j for j, axis in enumerate(node["axes"])}
    return table.view(node.shape, value, [(place[k], 0, 1) for k in range(len(place))])


def _slice(table: Table, node: Expr, value: Value) -> Value:
    terms = zip(node["start"], node["step"], strict=True)
    return table.view(node.shape, value, [(j, s, t) for j, (s, t) in enumerate(terms)])


def _diagonal(table: Table, node: Expr, value: Value) -> Value:
    rank = len(node.shape)
    return table.view(node.shape, value, [*same(node.shape), (rank - 1, 0, 1)])


def _refine(table: Table, node: Expr, value: Value) -> Value:
    return table.view(node.shape, value, same(node.shape))


def _assume(table: Table, node: Expr, value: Value) -> Value:
    return value


def _reshape(table: Table, node: Expr, value: Value) -> Value:
    long_from = [j for j, s in enumerate(value.shape) if s != 1]
    long_to = [j for j, s in enumerate(node.shape) if s != 1]
    if [value.shape[j] for j in long_from] == [node.shape[j] for j in long_to]:
        place = dict(zip(long_from, long_to, strict=True))
        return table.view(node.shape, value, [(place.get(j), 0, 1) for j in range(value.type.rank)])
    if isinstance(value, View) and isinstance(value.source, Constant | SizeValue):
        return table.full(value.source, node.shape)
    return table.make(Call, node.type, "reshape", (table.stored(value),))


def _pad(table: Table, node: Expr, value: Value) -> Value:
    return padded(table, value, node.shape, node["low"], node["step"])


def padded(table: Table, value: Value, shape: Shape, low: Shape, step: tuple[int, ...]) -> Value:
    """``value`` with element i of axis j at low[j] + i * step[j] of ``shape``, zeros between."""
    low = tuple(low)
    for axis, stride in enumerate(step):
        if stride != 1:
            value = _dilated(table, value, axis, shape[axis], low[axis], stride)
            low = (*low[:axis], 0, *low[axis + 1 :])
    if value.shape == shape and all(s == 0 for s in low):
        return value
    return table.make(Pad, value.type.with_shape(shape), value, low)


def _dilated(table: Table, value: Value, axis: int, size: Size, low: Size, step: int) -> Value:
    """``value`` with element i at low + i * step of an axis of ``size``, zeros between."""
    shape = (*value.shape[:axis], size, *value.shape[axis + 1 :])
    whole = (*shape[:axis], size, *value.shape[axis:])
    index = TensorType(INT64, shape)
    at = table.make(Iota, index, axis)
    at = table.map("subtract", index, at, table.size_of(low))
    step_value = table.constant(step, np.dtype(INT64))
    label = table.map("floor_divide", index, at, step_value)
    flags = index.with_dtype(BOOL)
    zero = table.constant(0, np.dtype(INT64))
    hit = table.map("equal", flags, table.map("remainder", index, at, step_value), zero)
    hit = table.map("logical_and", flags, hit, table.map("greater_equal", flags, label, zero))
    end = table.map("less", flags, label, table.size_of(value.shape[axis]))
    hit = table.map("logical_and", flags, hit, end)
    first = table.map("maximum", index, label, zero)  # negative labels would wrap
    spread = table.view(
        whole, value, [(j if j < axis else j + 1, 0, 1) for j in range(value.type.rank)]
    )
    picked = table.make(Pick, value.type.with_shape(shape), spread, axis + 1, first)
    nothing = table.constant(0, value.dtype)
    return table.map("select", picked.type, hit, picked, nothing)


def _concatenate(table: Table, node: Expr, first: Value, second: Value) -> Value:
    axis = node["axis"]
    split = first.shape[axis]
    zeros: list[Size] = [0] * len(node.shape)
    low = tuple(split if j == axis else z for j, z in enumerate(zeros))
    left = table.make(Pad, node.type, first, tuple(zeros))
    right = table.make(Pad, node.type, second, low)
    index = table.make(Iota, TensorType(INT64, node.shape), axis)
    here = table.map("less", TensorType(BOOL, node.shape), index, table.size_of(split))
    return table.map("select", node.type, here, left, right)


def _gather(table: Table, node: Expr, value: Value, index: Value) -> Value:
    """A pick along a new first axis: both are only looked at through views."""
    lead, rest = len(index.shape), len(value.shape) - 1
    whole = (value.shape[0], *node.shape)
    rows = [(0, 0, 1), *((1 + lead + j, 0, 1) for j in range(rest))]
    label = table.view(node.shape, index, [(j, 0, 1) for j in range(lead)])
    return table.make(Pick, node.type, table.view(whole, value, rows), 0, label)


def _pick(table: Table, node: Expr, value: Value, index: Value) -> Value:
    return table.make(Pick, node.type, value, node["axis"], index)


LOWER: dict[str, Callable[..., Value]] = {
    "broadcast": _broadcast,
    "squeeze": _squeeze,
    "transpose": _transpose,
    "slice": _slice,
    "diagonal": _diagonal,
    "refine": _refine,
    "stretch": _refine,  # sizes that are equal, by a guard
    "unstretch": _refine,
    "assume": _assume,
    "reshape": _reshape,
    "pad": _pad,
    "concatenate": _concatenate,
    "gather": _gather,
    "pick": _pick,
}
