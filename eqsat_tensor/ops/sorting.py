"""Sorting, searching and counting by label: library calls, and what their gradients are made of.

All sorts are stable, so the gradient of equal elements goes to them in their order.  NaN is last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from eqsat_tensor.extents import Size, product
from eqsat_tensor.kinds import Attribute, Kind
from eqsat_tensor.lang import FLOATS, INT64, INTS, NUMBERS, OPS, Expr, OpDef, define
from eqsat_tensor.ops.compare import greater, where
from eqsat_tensor.ops.leaf import full_like
from eqsat_tensor.ops.movement import broadcast, reshape, slice_, squeeze, zeros_like
from eqsat_tensor.types import DTYPES, Shape, TensorType

AXIS = {"axis": Attribute.INT}


def _same(*types: TensorType, axis: int) -> TensorType:
    assert 0 <= axis < types[0].rank, (types, axis)
    assert all(t.shape == types[0].shape for t in types), types
    return types[0]


# -------------------------------------------------------------------------------------- sorting
argsort = define(
    "argsort", Kind.LIBRARY, arity=1,
    numpy=lambda x, axis: np.argsort(x, axis, kind="stable").astype(INT64, copy=False),
    infer=lambda x, axis: _same(x, axis=axis).with_dtype(INT64), attributes=AXIS, ulps=0,
    doc="The indices that sort along an axis, equal elements in their order, NaN last.",
)  # fmt: skip


def _moved(tangents: Sequence[Expr | None], move: Callable[[Expr], Expr]) -> Expr | None:
    """The tangent of what moves its first operand by the others."""
    return None if tangents[0] is None else move(tangents[0])


def _ordered_by(x: Any, keys: Any, axis: int) -> Any:
    return np.take_along_axis(x, np.argsort(keys, axis, kind="stable"), axis)


ordered_by: OpDef = define(
    "ordered_by", Kind.LIBRARY, arity=2, numpy=_ordered_by, infer=_same, attributes=AXIS, ulps=0,
    vjp=lambda ct, out, x, keys, axis: (
        ordered_by(ct, argsort(keys, axis=axis), axis=axis), zeros_like(keys)),
    jvp=lambda tangents, out, x, keys, axis: _moved(
        tangents, lambda t: ordered_by(t, keys, axis=axis)),
    doc="The elements of one array in the order in which the keys beside them are sorted.",
)  # fmt: skip
sort = define(
    "sort", Kind.LIBRARY, arity=1, numpy=lambda x, axis: np.sort(x, axis, kind="stable"),
    infer=_same, attributes=AXIS, ulps=0,
    vjp=lambda ct, out, x, axis: (ordered_by(ct, argsort(x, axis=axis), axis=axis),),
    jvp=lambda tangents, out, x, axis: _moved(tangents, lambda t: ordered_by(t, x, axis=axis)),
    doc="The elements along an axis in ascending order, NaN last.",
)  # fmt: skip


# ------------------------------------------------------------------------------------ partitions
def _parted(*types: TensorType, axis: int, kth: tuple[Size, ...]) -> TensorType:
    assert kth, kth
    return _same(*types, axis=axis)


PLACES = {**AXIS, "kth": Attribute.SIZES}
argpartition = define(
    "argpartition", Kind.LIBRARY, arity=1,
    numpy=lambda x, axis, kth: np.argsort(x, axis, kind="stable").astype(INT64, copy=False),
    infer=lambda x, axis, kth: _parted(x, axis=axis, kth=kth).with_dtype(INT64),
    attributes=PLACES, ulps=0,
    doc="The indices of `partition`.",
)  # fmt: skip
partition: OpDef = define(
    "partition", Kind.LIBRARY, arity=1, numpy=lambda x, axis, kth: np.sort(x, axis, kind="stable"),
    infer=_parted, attributes=PLACES, ulps=0,
    vjp=lambda ct, out, x, axis, kth: (
        ordered_by(ordered_by(ct, out, axis=axis), argsort(x, axis=axis), axis=axis),),
    jvp=lambda tangents, out, x, axis, kth: _moved(tangents, lambda t: ordered_by(
        ordered_by(t, x, axis=axis), argsort(out, axis=axis), axis=axis)),
    doc="The elements along an axis in some order: those at places `kth` (from the first to the last of them) as sorted, smaller ones before.",
)  # fmt: skip


# ------------------------------------------------------------------------------------- searching
def _by_rows(function: Any, shape: tuple[int, ...], dtype: Any, rows: Any, *others: Any) -> Any:
    """``function(row, *others)`` for each row of an array; the others have its leading axes."""
    lead = rows.shape[:-1]
    if not lead:
        return function(rows, *others)
    result = np.empty(shape, dtype)
    for index in np.ndindex(lead):
        result[index] = function(rows[index], *(o[index] for o in others))
    return result


def _searchsorted(a: Any, v: Any, right: int) -> Any:
    side: Any = "right" if right else "left"
    found = _by_rows(lambda row, x: np.searchsorted(row, x, side), v.shape, INT64, a, v)
    return np.asarray(found, INT64)


def _under(rows: TensorType, others: TensorType) -> bool:
    """Have the others the leading axes of the rows?"""
    return rows.rank >= 1 and others.shape[: rows.rank - 1] == rows.shape[:-1]


def _searchsorted_type(a: TensorType, v: TensorType, right: int) -> TensorType:
    assert _under(a, v), (a, v)
    assert a.dtype == v.dtype, (a, v)
    return v.with_dtype(INT64)


searchsorted = define(
    "searchsorted", Kind.LIBRARY, arity=2, numpy=_searchsorted, infer=_searchsorted_type,
    attributes={"right": Attribute.INT}, ulps=0,
    doc="How many elements of a sorted row are below each value, or (right) not above it; leading axes are a batch.",
)  # fmt: skip


# ---------------------------------------------------------------------------- by label, and counts
def _lookup_type(table: TensorType, labels: TensorType, shape: Shape) -> TensorType:
    assert _under(table, labels), (table, labels)
    assert labels.dtype in INTS, labels
    assert labels.shape == shape, (labels, shape)
    return table.with_shape(shape)


def _lookup(table: Any, labels: Any, shape: tuple[int, ...]) -> Any:
    def one(row: Any, places: Any) -> Any:
        inside = (places >= 0) & (places < len(row))
        padded = np.append(row, np.zeros(1, row.dtype))
        return padded[np.where(inside, places, len(row))]

    return _by_rows(one, shape, table.dtype, table, labels)


def _lookup_vjp(ct: Expr, out: Expr, table: Expr, labels: Expr, shape: Shape) -> tuple[Expr, None]:
    lead = len(table.shape) - 1
    flat = (*shape[:lead], product(shape[lead:]))
    parts, places = reshape(ct, flat), reshape(labels, flat)
    return label_sum(parts, places, strict=0, shape=table.shape), None


_lookup_op = define(
    "lookup", Kind.LIBRARY, arity=2, numpy=_lookup, infer=_lookup_type, vjp=_lookup_vjp,
    attributes={"shape": Attribute.SHAPE}, ulps=0,
    jvp=lambda tangents, out, table, labels, shape: _moved(tangents, lambda t: lookup(t, labels)),
    doc="Elements of a row by label, 0 for labels outside of it; leading axes are a batch.",
)  # fmt: skip


def lookup(table: Expr, labels: Expr) -> Expr:
    """Elements of a table, [..., k], by labels, [..., and any axes]; 0 for labels outside of it.

    As `pick`, but its derivative sums by label, in time linear in both sizes.
    """
    return _lookup_op(table, labels, shape=labels.shape)


def _label_sum(x: Any, labels: Any, strict: int, shape: tuple[int, ...]) -> Any:
    size = shape[-1]

    def one(row: Any, places: Any) -> Any:
        inside = (places >= 0) & (places < size)
        if strict and not inside.all():
            raise ValueError(f"bincount: needs labels from 0 to {size - 1}; got one outside.")
        places, parts = places[inside], row[inside]
        if x.dtype in FLOATS:
            return np.bincount(places, parts, size).astype(x.dtype, copy=False)
        total = np.zeros(size, x.dtype)
        np.add.at(total, places, parts)
        return total

    return _by_rows(one, shape, x.dtype, x, labels)


def _label_sum_type(x: TensorType, labels: TensorType, strict: int, shape: Shape) -> TensorType:
    assert x.rank >= 1, x
    assert x.shape == labels.shape, (x, labels)
    assert labels.dtype in INTS, labels
    assert shape[:-1] == x.shape[:-1], (x, shape)
    return x.with_shape(shape)


label_sum: OpDef = define(
    "label_sum", Kind.LIBRARY, arity=2, numpy=_label_sum, infer=_label_sum_type, dtypes=NUMBERS,
    attributes={"strict": Attribute.INT, "shape": Attribute.SHAPE},
    jvp=lambda tangents, out, x, labels, strict, shape: _moved(
        tangents, lambda t: label_sum(t, labels, strict=strict, shape=shape)),
    vjp=lambda ct, out, x, labels, strict, shape: (lookup(ct, labels), None),
    doc="The sum of the elements of each label along the last axis; those of labels outside are left out, or an error.",
)  # fmt: skip


# --------------------------------------------------------------------------------------- unique
def _unique(x: Any, fill: Any, options: tuple[int, ...]) -> tuple[Any, ...]:
    """`size` unique elements, the first index, the place in them of each element, the counts.

    options: size, is there a filling, are NaNs equal.  Leading axes are a batch.
    """
    size, filled, equal_nan = options
    lead = x.shape[:-1]
    found = [np.zeros((*lead, size), d) for d in (x.dtype, INT64, INT64)]
    places = np.zeros(x.shape, INT64)
    for row in np.ndindex(lead):
        values, index, inverse, counts = np.unique(
            x[row], return_index=True, return_inverse=True, return_counts=True,
            equal_nan=bool(equal_nan),
        )  # fmt: skip
        there = min(size, len(values))
        found[0][row] = fill[row] if filled or not len(values) else values[0]
        for target, source in zip(found, (values, index, counts), strict=True):
            target[row][:there] = source[:there]
        places[row] = np.reshape(inverse, -1)
    return found[0], found[1], places, found[2]


def _unique_type(
    x: TensorType, fill: TensorType, options: tuple[int, ...], result: int, shape: Shape,
    dtype: np.dtype,
) -> TensorType:  # fmt: skip
    assert x.rank >= 1, x
    assert fill == x.with_shape(x.shape[:-1]), (x, fill)
    wanted = x.shape if result == 2 else (*x.shape[:-1], options[0])
    assert shape == wanted, (x, options, result, shape)
    assert dtype == (INT64 if result else x.dtype), (dtype, result)
    return TensorType(dtype, shape)


def unique(x: Expr, fill: Expr, result: int, options: tuple[int, ...]) -> Expr:
    """One of the results of `unique_op`."""
    shape = x.shape if result == 2 else (*x.shape[:-1], options[0])
    dtype = INT64 if result else x.dtype
    return unique_op(x, fill, options=options, result=result, shape=shape, dtype=dtype)


def _unique_vjp(
    ct: Expr, out: Expr, x: Expr, fill: Expr, options: tuple[int, ...], result: int, shape: Shape,
    dtype: np.dtype,
) -> tuple[Expr | None, Expr | None]:  # fmt: skip
    """To the first element of each value; what fills the rest goes to `fill`, or to the first."""
    if result:
        return None, None
    last = len(x.shape) - 1
    counts = unique(x, fill, 3, options)
    there = greater(counts, full_like(counts, 0))
    places = unique(x, fill, 1, options)
    spare = OPS["sum"](where(there, zeros_like(ct), ct), axes=(last,))
    if options[1]:
        ct, rest = where(there, ct, zeros_like(ct)), spare
    else:  # filled with the first value
        head = slice_(places, [0] * (last + 1), [1] * (last + 1), (*places.shape[:-1], 1))
        first = broadcast(squeeze(head, (last,)), (last,), places.shape)
        places, rest = where(there, places, first), zeros_like(spare)
    return label_sum(ct, places, strict=0, shape=x.shape), rest


unique_op = define(
    "unique", Kind.LIBRARY, arity=2,
    numpy=lambda x, fill, options, result, shape, dtype: _unique(x, fill, options)[result],
    results=_unique, infer=_unique_type, dtypes=DTYPES, vjp=_unique_vjp, ulps=0,
    attributes={
        "options": Attribute.AXES, "result": Attribute.INT, "shape": Attribute.SHAPE,
        "dtype": Attribute.DTYPE,
    },
    doc="Sorted unique elements of a row, filled up to a size: 0 they, 1 the first index of each, 2 the place of every element among them, 3 how many there are of each.",
)  # fmt: skip
