"""Rows by label: `gather` reads them, `scatter` writes them, one after another.

A label below 0 counts from the end, once.  With ``checked`` a label outside the axis is a
LabelError at run time; without, `gather` takes the nearest row for it and `scatter` drops it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from eqsat_tensor.errors import DtypeError, message
from eqsat_tensor.extents import Size, product
from eqsat_tensor.kinds import Attribute, Kind
from eqsat_tensor.lang import INT64, INTS, Expr, define
from eqsat_tensor.ops import arithmetic, compare, reduce
from eqsat_tensor.ops.leaf import constant, full_like, iota, size_value
from eqsat_tensor.ops.movement import broadcast, broadcast_to, reshape, zeros_like
from eqsat_tensor.types import Shape, TensorType

UFUNCS = {
    "add": np.add, "multiply": np.multiply, "minimum": np.minimum, "maximum": np.maximum,
}  # fmt: skip


# ---------------------------------------------------------------------------------------- labels
def _wrapped(index: Any, size: int) -> Any:
    wide = np.asarray(index).astype(np.int64)
    return np.where(wide < 0, wide + size, wide)


def inside(index: Expr, extent: Any) -> Expr:
    """Is each label one of an axis of ``extent`` elements?"""
    high = broadcast_to(size_value(extent, index.dtype), index.shape)
    low = arithmetic.negative(high) if index.dtype.kind == "i" else zeros_like(index)
    both: Expr = compare.logical_and(compare.less(index, high), compare.greater_equal(index, low))
    return both


def _checks(node: Expr) -> list[tuple[Expr, str]]:
    if not node["checked"]:
        return []
    x, index = node.arguments[:2]
    extent = x.shape[0]
    everywhere = reduce.all_over(inside(index, extent), range(len(index.shape)))
    text = f"x[i]: needs labels from {-extent} to {extent - 1}; got one outside."
    return [(everywhere, text)]


def _flat_labels(node: Expr, index: Expr, size: Size, drop: bool) -> Expr:
    """Labels of a batch [size, ...] as ones of all its rows; those to drop lie behind the last."""
    extent = node.arguments[0].shape[0]
    wide = compare.cast_to(index, INT64)
    here = gather(iota(axis=0, dtype=INT64, shape=(extent,)), wide, bool(node["checked"]))
    first = arithmetic.multiply(
        iota(axis=0, dtype=INT64, shape=wide.shape),
        broadcast_to(size_value(extent, INT64), wide.shape),
    )
    label = arithmetic.add(first, here)
    if not drop or node["checked"]:
        return label
    beyond = broadcast_to(size_value(size * extent, INT64), wide.shape)
    return compare.where(inside(wide, extent), label, beyond)


def _flat_rows(x: Expr) -> Expr:
    return reshape(x, (x.shape[0] * x.shape[1], *x.shape[2:]))


# ---------------------------------------------------------------------------------------- gather
def _gather(x: Any, index: Any, checked: int, shape: tuple[int, ...]) -> Any:
    if not len(x):
        return np.zeros(shape, x.dtype)
    return x[np.clip(_wrapped(index, len(x)), 0, len(x) - 1)]


def _gather_type(x: TensorType, index: TensorType, checked: int, shape: Shape) -> TensorType:
    assert index.dtype in INTS, index
    assert tuple(shape) == (*index.shape, *x.shape[1:]), (x, index, shape)
    return x.with_shape(shape)


def _gather_vjp(
    ct: Expr, out: Expr, x: Expr, index: Expr, checked: int, shape: Shape
) -> tuple[Expr, None]:
    zeros = constant(0, ct.dtype, x.shape)
    return scatter(zeros, index, ct, "add", bool(checked)), None


def _gather_jvp(
    tangents: Sequence[Expr | None], out: Expr, x: Expr, index: Expr, checked: int, shape: Shape
) -> Expr | None:
    return None if tangents[0] is None else gather(tangents[0], index, bool(checked))


def _gather_batch(node: Expr, operands: Sequence[Expr], size: Size) -> Expr:
    x, index = operands
    if x.op.name == "broadcast" and x["axes"] == (0,):  # one array for all
        return gather(x.arguments[0], index, bool(node["checked"]))
    return gather(_flat_rows(x), _flat_labels(node, index, size, False), False)


_gather_op = define(
    "gather",
    Kind.MOVEMENT,
    arity=2,
    numpy=_gather,
    infer=_gather_type,
    attributes={"checked": Attribute.INT, "shape": Attribute.SHAPE},
    vjp=_gather_vjp,
    jvp=_gather_jvp,
    batch=_gather_batch,
    checks=_checks,
    ulps=0.0,
    doc="Rows x[index] along the first axis: the axes of the index, then the other axes of x.",
)


def gather(x: Expr, index: Expr, checked: bool = True) -> Expr:
    """``x[index]`` along the first axis of `x`; what was just written to one row is read itself."""
    if x.op.name == "scatter" and (x["mode"], x["checked"]) == ("set", 1):
        label, rows = x.arguments[1:]
        if label is index and not label.shape:
            return rows
    shape = (*index.shape, *x.shape[1:])
    return _gather_op(x, index, checked=int(checked), shape=shape)


# --------------------------------------------------------------------------------------- scatter
def _scatter(
    x: Any, index: Any, updates: Any, mode: str, checked: int, shape: tuple[int, ...]
) -> Any:
    result = np.array(x)
    labels = _wrapped(index, len(x)).ravel()
    rows = np.reshape(updates, (labels.size, *x.shape[1:]))
    kept = (labels >= 0) & (labels < len(x))
    if mode == "set":
        result[labels[kept]] = rows[kept]
    elif rows.size:
        UFUNCS[mode].at(result, labels[kept], rows[kept])
    return result


def _scatter_type(
    x: TensorType, index: TensorType, updates: TensorType, mode: str, checked: int, shape: Shape
) -> TensorType:
    assert mode in MODES, mode
    assert index.dtype in INTS, index
    assert x.dtype == updates.dtype, (x, updates)
    assert updates.shape == (*index.shape, *x.shape[1:]), (x, index, updates)
    assert x.shape == tuple(shape), (x, shape)
    return x


Parts = tuple[Expr, Expr]


def _set_vjp(ct: Expr, out: Expr, x: Expr, index: Expr, updates: Expr) -> Parts:
    """Of several updates of one row the last alone has a derivative."""
    hidden = scatter(ct, index, constant(0, ct.dtype, updates.shape), "set", False)
    order = reshape(iota(axis=0, dtype=INT64, shape=(product(index.shape),)), index.shape)
    last = scatter(constant(-1, INT64, x.shape[:1]), index, order, "set", False)
    wins = compare.equal(gather(last, index, False), order)
    return hidden, _rows_where(wins, gather(ct, index, False))


def _add_vjp(ct: Expr, out: Expr, x: Expr, index: Expr, updates: Expr) -> Parts:
    return ct, _rows_where(inside(index, x.shape[0]), gather(ct, index, False))


def _multiply_vjp(ct: Expr, out: Expr, x: Expr, index: Expr, updates: Expr) -> Parts:
    """A factor's derivative is the product of the others, also where factors are 0."""
    zeros, ones = zeros_like(updates), full_like(updates, 1)
    zero = compare.equal(updates, zeros)
    nonzero = compare.where(zero, ones, updates)
    product_ = scatter(x, index, nonzero, "multiply", False)
    count = scatter(zeros_like(x), index, compare.where(zero, ones, zeros), "add", False)
    others = gather(arithmetic.multiply(ct, product_), index, False)
    zeros_of_others = arithmetic.subtract(
        gather(count, index, False), compare.where(zero, ones, zeros)
    )
    share = compare.where(
        compare.equal(zeros_of_others, zeros), arithmetic.divide(others, nonzero), zeros
    )
    alive = inside(index, x.shape[0])
    return scatter(ct, index, updates, "multiply", False), _rows_where(alive, share)


def _extreme_vjp(ct: Expr, out: Expr, x: Expr, index: Expr, updates: Expr) -> Parts:
    """All that equal the result share its cotangent evenly."""
    rows = gather(out, index, False)
    mine, theirs = compare.equal(x, out), compare.equal(updates, rows)
    one, ones = full_like(x, 1), full_like(updates, 1)
    hits = compare.where(theirs, ones, zeros_like(ones))
    count = scatter(compare.where(mine, one, zeros_like(one)), index, hits, "add", False)
    share = arithmetic.divide(ct, arithmetic.maximum(count, one))  # NaN equals nothing
    alive = inside(index, x.shape[0])
    part = compare.where(theirs, gather(share, index, False), zeros_like(ones))
    return compare.where(mine, share, zeros_like(one)), _rows_where(alive, part)


MODES: dict[str, Callable[..., Parts]] = {
    "set": _set_vjp,
    "add": _add_vjp,
    "multiply": _multiply_vjp,
    "minimum": _extreme_vjp,
    "maximum": _extreme_vjp,
}


def _rows_where(kept: Expr, rows: Expr) -> Expr:
    """Rows, 0 where they are not kept."""
    rank = len(kept.shape)
    wide = broadcast(kept, range(rank, len(rows.shape)), rows.shape)
    return compare.where(wide, rows, zeros_like(rows))


def _scatter_vjp(
    ct: Expr,
    out: Expr,
    x: Expr,
    index: Expr,
    updates: Expr,
    mode: str,
    checked: int,
    shape: Shape,
) -> tuple[Expr, None, Expr]:
    base, rows = MODES[mode](ct, out, x, index, updates)
    return base, None, rows


def _scatter_batch(node: Expr, operands: Sequence[Expr], size: Size) -> Expr:
    x, index, updates = operands
    labels = _flat_labels(node, index, size, True)
    return reshape(scatter(_flat_rows(x), labels, updates, node["mode"], False), x.shape)


_scatter_op = define(
    "scatter",
    Kind.SCATTER,
    arity=3,
    numpy=_scatter,
    infer=_scatter_type,
    attributes={"mode": Attribute.TEXT, "checked": Attribute.INT, "shape": Attribute.SHAPE},
    vjp=_scatter_vjp,
    batch=_scatter_batch,
    checks=_checks,
    doc=(
        "x, its row index[k] replaced by updates[k] (or added to, multiplied, made the smaller or"
        " the larger of both), for one k after another: of several that set a row the last stays,"
        " the others add up."
    ),
)


def scatter(x: Expr, index: Expr, updates: Expr, mode: str, checked: bool = True) -> Expr:
    """`x` with rows `updates` taken in at labels `index` of its first axis; modes as in `MODES`.

    Rows that are set again leave nothing of what they were set to.
    DtypeError for complex rows in a mode that is not the same for both parts.
    """
    if x.dtype.kind == "c" and mode not in ("set", "add"):
        raise DtypeError(message(f"{mode}.at", "real operands", str(x.type)))
    if x.op.name == "scatter" and (x["mode"], mode, x["checked"]) == ("set", "set", int(checked)):
        below, label, _ = x.arguments
        x = below if label is index else x
    return _scatter_op(x, index, updates, mode=mode, checked=int(checked), shape=x.shape)
