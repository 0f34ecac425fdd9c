"""Elements by label: take and its kin, arrays of indices, slices whose start is computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eqsat_tensor.errors import DtypeError, ShapeError, message
from eqsat_tensor.extents import Size, product
from eqsat_tensor.lang import BOOL, INT64, INTS, OPS, Expr
from eqsat_tensor.namespace.indexing import getitem
from eqsat_tensor.namespace.labels import counted
from eqsat_tensor.namespace.operands import (
    axis_of,
    common_dtype,
    common_shape,
    converted,
    expr_of,
    public,
    show,
    sizes_of,
)
from eqsat_tensor.ops import arithmetic, movement, select
from eqsat_tensor.ops.compare import cast_to, where
from eqsat_tensor.ops.gather import gather
from eqsat_tensor.ops.leaf import constant, full_like, iota, size_value
from eqsat_tensor.sizes import size_of, size_or_dim
from eqsat_tensor.tensor import FUNCTIONS, Tensor, as_expr, is_traced
from eqsat_tensor.types import Shape

SMALL_AXIS = 8  # up to this many elements one comparison a label and an element is the faster way


def labels_of(operation: str, indices: Any) -> Expr:
    """Integer labels as int64; DtypeError for anything else."""
    index = as_expr(indices)
    if index.dtype not in INTS:
        raise DtypeError(message(operation, "integer labels", f"indices: {index.type}"))
    return cast_to(index, INT64)


@public(numpy=np.take)
def take(x: Any, indices: Any, /, axis: int | None = None, *, mode: str = "raise") -> Tensor:
    """Elements by label along `axis` (of the flat array for None).

    mode: "raise" for labels outside the axis, "wrap" to count round it, "clip" to its ends.
    """
    expr = expr_of("take", x)
    if axis is None:
        expr, axis = movement.reshape(expr, (product(expr.shape),)), 0
    place = axis_of("take", axis, len(expr.shape), x)
    item: Any = indices if isinstance(indices, Tensor | int) else np.asarray(indices)
    extent = size_or_dim(expr.shape[place])
    if mode == "wrap":
        item = FUNCTIONS["remainder"](item, extent)
    elif mode == "clip":
        item = FUNCTIONS["clip"](item, 0, extent - 1)
    elif mode != "raise":
        raise ValueError(f"clipmode must be one of 'clip', 'raise', or 'wrap' (got {mode!r})")
    made: Tensor = getitem(Tensor(expr), (*(slice(None),) * place, item))
    return Tensor(made.expr)


@public(numpy=np.take_along_axis)
def take_along_axis(x: Any, indices: Any, /, axis: int | None = -1) -> Tensor:
    """result[.., k, ..] = x[.., indices[.., k, ..], ..] along `axis`; other axes broadcast."""
    expr, index = expr_of("take_along_axis", x), labels_of("take_along_axis", indices)
    if axis is None:
        expr, axis = movement.reshape(expr, (product(expr.shape),)), 0
    expr, index, place = aligned("take_along_axis", expr, index, axis, x)
    extent, count = expr.shape[place], index.shape[place]
    # One label a row is how the cross-entropy reads its logits: the gradient of `pick` compares
    # each element with it, which is as much as to write the gradient, and fuses.  With k labels
    # that would be k times as much; then the rows are numbered and the gradient is scattered.
    if count == 1 or (isinstance(extent, int) and extent <= SMALL_AXIS):
        shape = (*expr.shape[: place + 1], *index.shape[place:])
        data = movement.broadcast(expr, (place + 1,), shape)
        return Tensor(OPS["pick"](data, index, axis=place))
    flat, numbers, _ = numbered(expr, index, place)
    last = [*(j for j in range(len(index.shape)) if j != place), place]
    found = gather(flat, numbers, False)
    return Tensor(movement.transpose(found, [last.index(j) for j in range(len(last))]))


def aligned(operation: str, expr: Expr, index: Expr, axis: int, x: Any) -> tuple[Expr, Expr, int]:
    """Both broadcast together on all axes but one, and that axis."""
    rank = len(expr.shape)
    place = axis_of(operation, axis, rank, x)
    if len(index.shape) != rank:
        got = f"x: {expr.type}, indices: {index.type}"
        raise ShapeError(message(operation, "as many axes in both", got))
    others = [tuple(1 if j == place else s for j, s in enumerate(e.shape)) for e in (expr, index)]
    common = common_shape(operation, (Tensor(expr), Tensor(index)), others)
    wide, long = (
        [e.shape[place] if j == place else s for j, s in enumerate(common)] for e in (expr, index)
    )
    return movement.broadcast_to(expr, wide), movement.broadcast_to(index, long), place


def numbered(expr: Expr, index: Expr, place: int) -> tuple[Expr, Expr, Shape]:
    """`expr` flat, its axis `place` last; where in it each label is, and the shape before."""
    last = [*(j for j in range(len(expr.shape)) if j != place), place]
    rows, labels = movement.transpose(expr, last), movement.transpose(index, last)
    extent = expr.shape[place]
    lead = rows.shape[:-1]
    row = movement.reshape(iota(axis=0, dtype=INT64, shape=(product(lead),)), lead)
    row = movement.broadcast(row, (len(lead),), labels.shape)
    stride = movement.broadcast_to(size_value(extent, INT64), labels.shape)
    numbers = arithmetic.add(arithmetic.multiply(row, stride), counted(labels, extent))
    return movement.reshape(rows, (product(rows.shape),)), numbers, rows.shape


@public(numpy=np.choose)
def choose(x: Any, choices: Any, /, *, mode: str = "raise") -> Tensor:
    """choices[x[i]][i]: which of several arrays each element comes from."""
    index = labels_of("choose", x)
    arrays = list(choices)
    dtype = common_dtype("choose", arrays)
    exprs = [converted(a, dtype) for a in arrays]
    shape = common_shape("choose", (x, *arrays), [index.shape, *(e.shape for e in exprs)])
    parts = [movement.expand_dims(movement.broadcast_to(e, shape), (0,)) for e in exprs]
    data = parts[0]
    for part in parts[1:]:
        data = select.concatenate(data, part, axis=0)
    label: Any = Tensor(movement.broadcast_to(index, shape))
    if mode == "wrap":
        label = label % len(parts)
    elif mode == "clip":
        label = FUNCTIONS["clip"](label, 0, len(parts) - 1)
    return Tensor(OPS["pick"](data, label.expr, axis=0))


def unraveled(place: Expr, shape: Sequence[Size]) -> list[Expr]:
    """The index along each axis of places in a flat array."""
    found = []
    for axis in range(len(shape)):
        stride = movement.broadcast_to(size_value(product(shape[axis + 1 :]), INT64), place.shape)
        extent = movement.broadcast_to(size_value(shape[axis], INT64), place.shape)
        index = arithmetic.floor_divide(place, stride)
        found.append(arithmetic.remainder(index, extent) if axis else index)
    return found


# ------------------------------------------------------------------------- arrays of indices
@public(numpy=np.unravel_index)
def unravel_index(indices: Any, shape: Any, /, order: str = "C") -> tuple[Tensor, ...]:
    """The index along each axis of places in a flat array of a shape (not checked)."""
    turn = _turn("unravel_index", order)
    sizes = sizes_of("unravel_index", shape)[::turn]
    found = unraveled(labels_of("unravel_index", indices), sizes)
    return tuple(Tensor(e) for e in found[::turn])


@public(numpy=np.ravel_multi_index)
def ravel_multi_index(
    multi_index: Any, dims: Any, /, mode: str | Sequence[str] = "raise", order: str = "C"
) -> Tensor:
    """The places in a flat array of shape `dims` of indices along each axis.

    mode: "wrap" or "clip" for indices outside, of all axes or of each; "raise" does not check what
    is computed.
    """
    turn = _turn("ravel_multi_index", order)
    sizes = sizes_of("ravel_multi_index", dims)
    modes = [mode] * len(sizes) if isinstance(mode, str) else list(mode)
    total: Any = 0
    axes = list(zip(multi_index, sizes, modes, strict=True))
    for index, size, outside in axes[::turn]:
        extent = size_or_dim(size)
        label: Any = Tensor(labels_of("ravel_multi_index", index))
        if outside == "wrap":
            label = label % extent
        elif outside == "clip":
            label = FUNCTIONS["clip"](label, 0, extent - 1)
        elif outside != "raise":
            needs = "mode raise, wrap or clip"
            raise ValueError(message("ravel_multi_index", needs, repr(outside)))
        total = total * extent + label
    result: Tensor = total
    return result


def _turn(operation: str, order: str) -> int:
    """The step through the axes, the slowest first: forward in C order, backward in Fortran's."""
    if order not in ("C", "F"):
        raise ValueError(message(operation, "order C or F", repr(order)))
    return 1 if order == "C" else -1


@public(numpy=np.ix_)
def ix_(*labels: Any) -> tuple[Tensor, ...]:
    """Labels along one axis each, in shapes that broadcast to the grid of them all."""
    made = []
    for axis, item in enumerate(labels):
        index = as_expr(np.flatnonzero(item) if _known_flags(item) else item)
        if len(index.shape) != 1:
            raise ShapeError(message("ix_", "labels along one axis", show(item)))
        index = labels_of("ix_", index)
        others = [j for j in range(len(labels)) if j != axis]
        made.append(Tensor(movement.expand_dims(index, others)))
    return tuple(made)


def _known_flags(item: Any) -> bool:
    return not is_traced(item) and np.asarray(item).dtype == BOOL


@public(numpy=np.diag_indices)
def diag_indices(n: Any, /, ndim: int = 2) -> tuple[Tensor, ...]:
    """The indices of the main diagonal of an array of `ndim` axes of `n`."""
    return (FUNCTIONS["arange"](n),) * ndim


@public(numpy=np.diag_indices_from)
def diag_indices_from(x: Any, /) -> tuple[Any, ...]:
    """The indices of the main diagonal of `x`, all of whose axes are equally long."""
    expr = expr_of("diag_indices_from", x)
    n = size_or_dim(expr.shape[0])
    result: tuple[Any, ...] = FUNCTIONS["diag_indices"](n, ndim=len(expr.shape))
    return result


def _triangle(name: str, doc: str) -> None:
    def function(n: Any, /, k: int = 0, m: Any = None) -> Any:
        return getattr(np, name)(int(n), k, None if m is None else int(m))

    def of(x: Any, /, k: int = 0) -> Any:
        rows, columns = (size_or_dim(s) for s in expr_of(f"{name}_from", x).shape)
        return getattr(np, name)(int(rows), k, int(columns))

    function.__name__, function.__doc__ = name, f"{doc}  A size that is not known is pinned."
    of.__name__, of.__doc__ = f"{name}_from", f"`{name}` for the shape of `x`."
    public(numpy=getattr(np, name))(function)
    public(numpy=getattr(np, f"{name}_from"))(of)


_triangle("tril_indices", "The indices of the lower triangle of an n by m matrix.")
_triangle("triu_indices", "The indices of the upper triangle of an n by m matrix.")


@public(numpy=np.indices)
def indices(dimensions: Any, /, dtype: Any = int, sparse: bool = False) -> Any:
    """The index along each axis of a grid: stacked, or each in a shape that broadcasts."""
    shape = sizes_of("indices", dimensions)
    kind = np.dtype(dtype)
    if sparse:
        lines = [
            movement.expand_dims(
                iota(axis=0, dtype=kind, shape=(n,)), [j for j in range(len(shape)) if j != axis]
            )
            for axis, n in enumerate(shape)
        ]
        return tuple(Tensor(e) for e in lines)
    return FUNCTIONS["stack"](
        [Tensor(iota(axis=axis, dtype=kind, shape=shape)) for axis in range(len(shape))]
    )


# ----------------------------------------------------------------- slices whose start is computed
def _numpy_slice(x: Any, starts: Any, sizes: Any) -> Any:
    x = np.asarray(x)
    first = np.clip(starts, 0, np.subtract(x.shape, sizes))
    return x[tuple(slice(a, a + n) for a, n in zip(first, sizes, strict=True))].copy()


def _numpy_update(x: Any, v: Any, starts: Any) -> Any:
    result, v = np.array(x), np.asarray(v)
    first = np.clip(starts, 0, np.subtract(result.shape, v.shape))
    result[tuple(slice(a, a + n) for a, n in zip(first, v.shape, strict=True))] = v
    return result


def _starts(operation: str, x: Expr, starts: Any, lengths: Shape) -> list[Expr | int]:
    """The first index on each axis, moved so that the slice fits; known where it is a number."""
    given = list(starts) if not isinstance(starts, Tensor) or starts.ndim else [starts]
    if len(given) != len(x.shape) or len(lengths) != len(x.shape):
        needs = "a start and a size for each axis"
        raise ShapeError(message(operation, needs, f"{len(given)} and {len(lengths)}, x: {x.type}"))
    found: list[Expr | int] = []
    for start, size, length in zip(given, x.shape, lengths, strict=True):
        number = size_of(start)
        room = size - length
        if isinstance(number, int) and isinstance(room, int):
            found.append(max(0, min(number, room)))
            continue
        top = size_value(room, INT64)
        label = labels_of(operation, start)
        least = arithmetic.minimum(label, top)
        found.append(arithmetic.maximum(least, full_like(least, 0)))
    return found


@public(numpy=_numpy_slice)
def dynamic_slice(x: Any, starts: Any, sizes: Any, /) -> Tensor:
    """A slice of `sizes` elements that begins at `starts`, which may be computed.

    One start and one size an axis.  A slice that would not fit is moved to where it does.
    """
    expr, lengths = expr_of("dynamic_slice", x), sizes_of("dynamic_slice", sizes)
    for axis, start in enumerate(_starts("dynamic_slice", expr, starts, lengths)):
        rank, length = len(expr.shape), lengths[axis]
        if isinstance(start, int):
            zeros: list[Size] = [0] * rank
            zeros[axis] = start
            shape = [length if j == axis else s for j, s in enumerate(expr.shape)]
            expr = movement.slice_(expr, zeros, [1] * rank, shape)
            continue
        line = iota(axis=0, dtype=INT64, shape=(length,))
        label = arithmetic.add(line, movement.broadcast_to(start, line.shape))
        order = [axis, *(j for j in range(rank) if j != axis)]
        rows = gather(movement.transpose(expr, order), label, False)
        expr = movement.transpose(rows, [order.index(j) for j in range(rank)])
    return Tensor(expr)


@public(numpy=_numpy_update)
def dynamic_update_slice(x: Any, v: Any, starts: Any, /) -> Tensor:
    """`x` with the slice that begins at `starts`, which may be computed, replaced by `v`.

    `v` has as many axes as `x`, and is cast to its dtype.  A slice that would not fit is moved.
    """
    expr = expr_of("dynamic_update_slice", x)
    part = cast_to(as_expr(v), expr.dtype)
    hit = constant(True, BOOL, expr.shape)
    lengths = part.shape
    for axis, start in enumerate(_starts("dynamic_update_slice", expr, starts, lengths)):
        rank, size = len(expr.shape), expr.shape[axis]
        first = constant(start, INT64) if isinstance(start, int) else start
        line = iota(axis=0, dtype=INT64, shape=(size,))
        offset = arithmetic.subtract(line, movement.broadcast_to(first, line.shape))
        end = movement.broadcast_to(size_value(lengths[axis], INT64), line.shape)
        kept = OPS["logical_and"](
            OPS["greater_equal"](offset, full_like(offset, 0)), OPS["less"](offset, end)
        )
        others = [j for j in range(rank) if j != axis]
        hit = OPS["logical_and"](hit, movement.broadcast(kept, others, expr.shape))
        inside = where(kept, offset, full_like(offset, 0))
        order = [axis, *others]
        rows = gather(movement.transpose(part, order), inside, False)
        part = movement.transpose(rows, [order.index(j) for j in range(rank)])
    return Tensor(where(hit, part, expr))
