"""Joining two values, and taking elements: concatenate, diagonal, pick by integer labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.extents import minimum
from eqsat_tensor.kinds import Attribute, Kind
from eqsat_tensor.lang import INT64, INTS, UINT64, Expr, define
from eqsat_tensor.ops import arithmetic, compare, reduce
from eqsat_tensor.ops.leaf import iota, size_value
from eqsat_tensor.ops.movement import (
    broadcast,
    broadcast_to,
    pad,
    slice_,
    without,
    zeros_like,
)
from eqsat_tensor.types import TensorType


# --------------------------------------------------------------------------------- concatenate
def _concatenate_type(a: TensorType, b: TensorType, axis: int) -> TensorType:
    assert a.dtype == b.dtype, (a, b)
    assert without(a.shape, (axis,)) == without(b.shape, (axis,)), (a, b)
    total = a.shape[axis] + b.shape[axis]
    return a.with_shape((*a.shape[:axis], total, *a.shape[axis + 1 :]))


def _concatenate_vjp(ct: Expr, out: Expr, a: Expr, b: Expr, axis: int) -> tuple[Expr, Expr]:
    ones, zeros = [1] * len(out.shape), [0] * len(out.shape)
    split = [a.shape[axis] if j == axis else 0 for j in range(len(zeros))]
    return slice_(ct, zeros, ones, a.shape), slice_(ct, split, ones, b.shape)


concatenate = define(
    "concatenate",
    Kind.MOVEMENT,
    arity=2,
    numpy=lambda a, b, axis: np.concatenate((a, b), axis),
    infer=_concatenate_type,
    attributes={"axis": Attribute.INT},
    vjp=_concatenate_vjp,
    linear=True,
    ulps=0.0,
    doc="a, then b, along one axis; the other sizes are equal.",
)


# ------------------------------------------------------------------------------- diagonal, pick
def _diagonal_vjp(ct: Expr, out: Expr, x: Expr) -> tuple[Expr]:
    rank = len(x.shape)
    full_size = minimum(x.shape[-2], x.shape[-1])
    square = (*x.shape[:-2], full_size, full_size)
    spread = broadcast(ct, (rank - 1,), square)
    on = compare.equal(*(iota(axis=a, dtype=INT64, shape=square) for a in (-2 + rank, -1 + rank)))
    return (pad(compare.where(on, spread, zeros_like(spread)), [0] * rank, [1] * rank, x.shape),)


diagonal = define(
    "diagonal",
    Kind.MOVEMENT,
    arity=1,
    numpy=lambda x: np.diagonal(x, 0, -2, -1),
    infer=lambda x: x.with_shape((*x.shape[:-2], minimum(x.shape[-2], x.shape[-1]))),
    vjp=_diagonal_vjp,
    linear=True,
    ulps=0.0,
    doc="Elements [..., i, i] of the last two axes.",
)


def _pick_type(x: TensorType, index: TensorType, axis: int) -> TensorType:
    assert index.dtype in INTS, index
    assert 0 <= axis < x.rank, (x, axis)
    assert without(x.shape, (axis,)) == index.shape, (x, index, axis)
    return x.with_shape(index.shape)


def _pick(x: Any, index: Any, axis: int) -> Any:
    return np.take_along_axis(x, np.expand_dims(index, axis), axis).squeeze(axis)


def _signed(index: Expr) -> Expr:
    return compare.cast_to(index, INT64)


def _pick_vjp(ct: Expr, out: Expr, x: Expr, index: Expr, axis: int) -> tuple[Expr, None]:
    index = _signed(index)
    size = size_value(x.shape[axis], INT64)
    wrapped = compare.where(
        compare.less(index, zeros_like(index)),
        arithmetic.add(index, broadcast_to(size, index.shape)),
        index,
    )
    label = broadcast(wrapped, (axis,), x.shape)
    hit = compare.equal(iota(axis=axis, dtype=INT64, shape=x.shape), label)
    return compare.where(hit, broadcast(ct, (axis,), x.shape), zeros_like(x)), None


def _pick_jvp(
    tangents: tuple[Expr | None, ...], out: Expr, x: Expr, index: Expr, axis: int
) -> Expr | None:
    return None if tangents[0] is None else out.rebuilt((tangents[0], index))


def _pick_checks(node: Expr) -> list[tuple[Expr, str]]:
    x, index = node.arguments
    extent = x.shape[node["axis"]]
    wide = index if index.dtype == UINT64 else _signed(index)
    high = broadcast_to(size_value(extent, wide.dtype), index.shape)
    inside = compare.less(wide, high)
    if index.dtype.kind == "i":
        above = compare.greater_equal(wide, arithmetic.negative(high))
        inside = compare.logical_and(inside, above)
    everywhere = reduce.all_over(inside, range(len(index.shape)))
    text = f"pick: needs labels from {-extent} to {extent - 1}; got one outside."
    return [(everywhere, text)]


pick = define(
    "pick",
    Kind.MOVEMENT,
    arity=2,
    numpy=_pick,
    infer=_pick_type,
    attributes={"axis": Attribute.INT},
    vjp=_pick_vjp,
    jvp=_pick_jvp,
    checks=_pick_checks,
    ulps=0.0,
    doc="One element along an axis, by an integer label each; negative labels count from the end.",
)
