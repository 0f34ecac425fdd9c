"""Joining arrays and taking them apart: concatenate, stack, block, split, insert, delete."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from eqsat_tensor.errors import LabelError, ShapeError, UnsupportedError, message
from eqsat_tensor.extents import Size, floor_divide, minimum, remainder, same_size
from eqsat_tensor.lang import Expr
from eqsat_tensor.namespace.operands import (
    any_traced,
    axis_of,
    expr_of,
    gathered,
    public,
    show,
)
from eqsat_tensor.namespace.pieces import (
    at_least,
    chosen,
    cut,
    flat,
    front_held,
    joined,
    joined_where_any,
    resized,
    turned,
)
from eqsat_tensor.ops import compare, movement
from eqsat_tensor.sizes import Dim, size_or_dim, tracing
from eqsat_tensor.tensor import FUNCTIONS, Tensor, array_now, as_expr


def _shown(operands: Sequence[Any]) -> str:
    return ", ".join(show(v) for v in operands)


# ---------------------------------------------------------------------------------------- joining
@public("concat", numpy=np.concatenate)
def concatenate(
    arrays: Any, /, axis: int | None = 0, *, dtype: Any = None, casting: Any = "same_kind"
) -> Tensor:
    """The arrays one after another along `axis` (flat for None); the other sizes are equal."""
    operands = list(arrays)
    exprs = gathered("concatenate", operands, dtype, casting)
    if axis is None:
        return Tensor(joined("concatenate", [flat(e) for e in exprs], 0))
    rank = len(exprs[0].shape)
    if not rank or any(len(e.shape) != rank for e in exprs):
        needs = "arrays with the same number of axes, at least one"
        raise ShapeError(message("concatenate", needs, _shown(operands)))
    return Tensor(joined("concatenate", exprs, axis_of("concatenate", axis, rank)))


@public(numpy=np.stack)
def stack(
    arrays: Any, /, axis: int = 0, *, dtype: Any = None, casting: Any = "same_kind"
) -> Tensor:
    """The arrays, all of one shape, along a new axis."""
    operands = list(arrays)
    exprs = gathered("stack", operands, dtype, casting)
    rank = len(exprs[0].shape)
    place = axis_of("stack", axis, rank + 1)
    if any(len(e.shape) != rank for e in exprs):
        raise ShapeError(message("stack", "arrays of one shape", _shown(operands)))
    return Tensor(joined("stack", [movement.expand_dims(e, (place,)) for e in exprs], place))


@public("row_stack", numpy=np.vstack)
def vstack(arrays: Any, /, *, dtype: Any = None, casting: Any = "same_kind") -> Tensor:
    """The arrays as rows, one below another."""
    exprs = [at_least(e, 2) for e in gathered("vstack", list(arrays), dtype, casting)]
    return _joined_alike("vstack", exprs, 0)


@public(numpy=np.hstack)
def hstack(arrays: Any, /, *, dtype: Any = None, casting: Any = "same_kind") -> Tensor:
    """The arrays side by side: along axis 1, or 0 where they have one axis."""
    exprs = [at_least(e, 1) for e in gathered("hstack", list(arrays), dtype, casting)]
    return _joined_alike("hstack", exprs, 0 if len(exprs[0].shape) == 1 else 1)


@public(numpy=np.dstack)
def dstack(arrays: Any, /) -> Tensor:
    """The arrays one behind another, along a third axis: [n] counts as [1, n, 1]."""
    exprs = [as_expr(FUNCTIONS["atleast_3d"](Tensor(e))) for e in gathered("dstack", list(arrays))]
    return _joined_alike("dstack", exprs, 2)


@public(numpy=np.column_stack)
def column_stack(arrays: Any, /) -> Tensor:
    """The arrays side by side, those with one axis as columns."""
    exprs = [at_least(e, 1) for e in gathered("column_stack", list(arrays))]
    columns = [movement.expand_dims(e, (1,)) if len(e.shape) == 1 else e for e in exprs]
    return _joined_alike("column_stack", columns, 1)


def _joined_alike(name: str, exprs: Sequence[Expr], axis: int) -> Tensor:
    if any(len(e.shape) != len(exprs[0].shape) for e in exprs):
        shown = ", ".join(str(e.type) for e in exprs)
        raise ShapeError(message(name, "arrays with the same number of axes", shown))
    return Tensor(joined(name, exprs, axis))


@public(numpy=np.block)
def block(arrays: Any, /) -> Tensor:
    """An array from a nest of lists of blocks: the innermost are joined along the last axis."""
    depth = _depth(arrays, ())
    leaves = list(_leaves(arrays))
    exprs = iter(gathered("block", leaves))
    rank = max([depth, *(len(as_expr(v).shape) for v in leaves)])

    def build(nest: Any, level: int) -> Expr:
        if not isinstance(nest, list):
            return at_least(next(exprs), rank)
        return joined("block", [build(n, level + 1) for n in nest], rank - depth + level)

    return Tensor(build(arrays, 0))


def _depth(nest: Any, at: tuple[int, ...]) -> int:
    if isinstance(nest, tuple):
        raise ShapeError(message("block", "a nest of lists", f"a tuple at {list(at)}"))
    if not isinstance(nest, list):
        return 0
    depths = {_depth(n, (*at, i)) for i, n in enumerate(nest)}
    if len(depths) != 1:
        what = "an empty list" if not depths else f"depths {sorted(depths)}"
        raise ShapeError(message("block", "blocks nested equally deep", f"{what} at {list(at)}"))
    return 1 + depths.pop()


def _leaves(nest: Any) -> list[Any]:
    return [v for n in nest for v in _leaves(n)] if isinstance(nest, list) else [nest]


@public(numpy=np.append)
def append(x: Any, /, values: Any, axis: int | None = None) -> Tensor:
    """`values` after `x` along `axis`; both flat for None."""
    result: Tensor = concatenate((Tensor(expr_of("append", x)), values), axis=axis)
    return result


# --------------------------------------------------------------------------------------- splitting
@public(numpy=np.array_split)
def array_split(x: Any, /, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """Parts along `axis`: so many, as equal as they can be, or those between given indices."""
    return _split("array_split", x, indices_or_sections, axis)


@public(numpy=np.split)
def split(x: Any, /, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """Parts along `axis`: so many equal ones, or those between given indices."""
    return _split("split", x, indices_or_sections, axis, equal=True)


def _split(name: str, x: Any, sections: Any, axis: int, equal: bool = False) -> list[Tensor]:
    expr = expr_of(name, x)
    if not len(expr.shape):
        raise ShapeError(message(name, "at least one axis", f"x: {show(x)}"))
    place = axis_of(name, axis, len(expr.shape), x)
    sections = array_now(sections)
    if isinstance(sections, np.ndarray):
        sections = sections.tolist()
    if isinstance(sections, list | tuple):
        bounds = [None, *sections, None]
        front = (slice(None),) * place
        keys = [(*front, slice(a, b)) for a, b in itertools.pairwise(bounds)]
        return [FUNCTIONS["__getitem__"](Tensor(expr), key) for key in keys]
    if isinstance(sections, Tensor):
        hint = "Give ints, or make the argument static."
        raise UnsupportedError(message(name, "sections known while tracing", show(sections), hint))
    count = int(sections)
    if count <= 0:
        raise ShapeError(message(name, "a positive number of sections", f"{count}"))
    size = expr.shape[place]
    share, extra = floor_divide(size, count), remainder(size, count)
    if equal:
        if same_size(size, count * share) is False:
            hint = "array_split makes parts that are not equal."
            got = f"{count} sections, x: {show(x)}"
            raise ShapeError(message(name, "sections that divide the axis", got, hint))
        expr, extra = movement.refine(expr, resized(expr, place, count * share)), 0
    starts: list[Size] = [i * share + minimum(extra, i) for i in range(count + 1)]
    return [
        Tensor(cut(expr, place, start, stop - start)) for start, stop in itertools.pairwise(starts)
    ]


def _split_along(name: str, axis: int, least: int) -> None:
    def function(x: Any, /, indices_or_sections: Any) -> list[Tensor]:
        rank = len(expr_of(name, x).shape)
        if rank < least:
            raise ShapeError(message(name, f"at least {least} axes", f"x: {show(x)}"))
        return _split(name, x, indices_or_sections, min(axis, rank - 1), equal=True)

    function.__name__ = name
    function.__doc__ = f"`split` along axis {axis}."
    public(numpy=getattr(np, name))(function)


_split_along("vsplit", 0, 2)
_split_along("hsplit", 1, 1)
_split_along("dsplit", 2, 3)


def _unstacked(x: Any, axis: int = 0) -> tuple[Any, ...]:
    return tuple(np.moveaxis(x, axis, 0))


@public(numpy=getattr(np, "unstack", _unstacked))  # NumPy has it since 2.1
def unstack(x: Any, /, axis: int = 0) -> tuple[Tensor, ...]:
    """The parts of size 1 along `axis`, without that axis; its size has to be known or is pinned."""
    expr = expr_of("unstack", x)
    if not expr.shape:
        raise ShapeError(message("unstack", "at least one axis", f"x: {show(x)}"))
    place = axis_of("unstack", axis, len(expr.shape), x)
    count = int(Tensor(expr).shape[place])
    return tuple(Tensor(movement.squeeze(cut(expr, place, i, 1), (place,))) for i in range(count))


# ---------------------------------------------------------------------------------- insert, delete
def _positions(name: str, obj: Any) -> np.ndarray:
    obj = int(obj) if isinstance(obj, Dim) and tracing() else array_now(obj)
    if any_traced((obj,)):
        hint = "The result would have a size that depends on values: use where."
        raise UnsupportedError(message(name, "positions known while tracing", show(obj), hint))
    positions = np.asarray(obj)
    return positions.astype(np.int64) if positions.size == 0 else positions


def _operand(name: str, x: Any, axis: Any) -> tuple[Expr, int]:
    expr = expr_of(name, x)
    if axis is None:
        return flat(expr), 0
    return expr, axis_of(name, axis, len(expr.shape), x)


def _pinned(expr: Expr, place: int, positions: Any) -> Expr:
    """With a number for the size of the axis where positions speak of all of it, in a trace."""
    size = expr.shape[place]
    if isinstance(size, int) or not tracing():
        return expr
    if not isinstance(positions, slice) and positions.dtype.kind in "iu":
        low, high = positions.min(initial=0), positions.max(initial=-1)
        if not low < 0 <= high:
            return expr  # counted from one end: they serve any size
    return movement.refine(expr, resized(expr, place, int(size_or_dim(size))))


def _held(name: str, expr: Expr, place: int, positions: Any, least: int) -> tuple[int, bool]:
    """How much of an axis of unknown size positions speak of, and whether from its end."""
    if isinstance(positions, slice) or positions.dtype.kind not in "iu":
        raise _not_integers(name, expr, place, positions)
    low, high = int(positions.min(initial=0)), int(positions.max(initial=-1))
    if low < 0 <= high:
        got = f"{positions.tolist()} on an axis of size {expr.shape[place]}"
        raise UnsupportedError(message(name, "positions counted from one end", got))
    return (-low, True) if low < 0 else (high + least, False)


def _not_integers(name: str, x: Expr, axis: int, positions: Any) -> UnsupportedError:
    got = f"{positions!r} on an axis of size {x.shape[axis]}"
    hint = "Pin the size by int(x.shape[axis]), or concatenate slices."
    return UnsupportedError(message(name, "integers where the size is not known", got, hint))


def _end_held(x: Expr, axis: int, length: int) -> tuple[Expr, Expr]:
    """All but the last `length` elements, and these, under a guard that there are as many."""
    back = turned(front_held(turned(x, axis), axis, length), axis)
    rest = cut(x, axis, 0, x.shape[axis] - length)
    return rest, back


@public(numpy=np.delete)
def delete(x: Any, /, obj: Any, axis: int | None = None) -> Tensor:
    """`x` without the elements at positions along `axis`: an int, ints, a mask or a slice."""
    expr, place = _operand("delete", x, axis)
    positions = obj if isinstance(obj, slice) else _positions("delete", obj)
    expr = _pinned(expr, place, positions)
    size = expr.shape[place]
    try:
        if isinstance(size, int):
            return Tensor(chosen(expr, place, np.delete(np.arange(size), positions)))
        held, from_end = _held("delete", expr, place, positions, 1)
        kept = np.delete(np.arange(held), positions)
    except (IndexError, ValueError) as error:
        raise LabelError(message("delete", "positions on the axis", f"{error}")) from None
    if from_end:
        rest, end = _end_held(expr, place, held)
        return Tensor(joined_where_any([rest, chosen(end, place, kept)], place))
    front = front_held(expr, place, held)
    rest = cut(expr, place, held, size - held)
    return Tensor(joined_where_any([chosen(front, place, kept), rest], place))


@public(numpy=np.insert)
def insert(x: Any, /, obj: Any, values: Any, axis: int | None = None) -> Tensor:
    """`x` with `values`, in its dtype, before positions along `axis` (of the flat array for None).

    Before one position all of `values` are inserted; before several, one slice of them each.
    """
    expr, place = _operand("insert", x, axis)
    given = obj if isinstance(obj, slice) else _positions("insert", obj)
    expr = _pinned(expr, place, given)
    if isinstance(given, slice):
        length = expr.shape[place]
        if not isinstance(length, int):
            raise _not_integers("insert", expr, place, obj)
        positions = np.arange(*given.indices(length))
    else:
        positions = given
    if positions.dtype == bool:
        positions = np.flatnonzero(positions)
    new = at_least(compare.cast_to(as_expr(values), expr.dtype), len(expr.shape))
    if positions.ndim == 0:
        order = [*range(1, len(new.shape))]
        new = movement.transpose(new, [*order[:place], 0, *order[place:]])
    count = new.shape[place] if positions.size == 1 else positions.size
    new = movement.broadcast_to(new, resized(expr, place, count))
    size = expr.shape[place]
    if isinstance(size, int):
        return Tensor(_inserted(expr, place, positions, new))
    held, from_end = _held("insert", expr, place, positions, 0)
    if from_end:
        rest, end = _end_held(expr, place, held)
        return Tensor(joined_where_any([rest, _inserted(end, place, positions, new)], place))
    front = front_held(expr, place, held)
    rest = cut(expr, place, held, size - held)
    return Tensor(joined_where_any([_inserted(front, place, positions, new), rest], place))


def _inserted(expr: Expr, place: int, positions: np.ndarray, new: Expr) -> Expr:
    size = expr.shape[place]
    assert isinstance(size, int), expr
    outside = [int(p) for p in positions.ravel() if not -size <= p <= size]
    if outside:
        got = f"{outside[0]} for axis {place} of size {size}"
        raise LabelError(message("insert", f"positions from {-size} to {size}", got))
    if positions.size == 1:
        at = int(positions.ravel()[0])
        at += size if at < 0 else 0
        return joined_where_any(
            [cut(expr, place, 0, at), new, cut(expr, place, at, size - at)], place
        )
    # NumPy itself arranges numbers: those of `x`, and negative ones for what is new.
    arranged = np.insert(np.arange(size), positions, -1 - np.arange(positions.size))
    parts = []
    for run in np.split(arranged, np.flatnonzero(np.diff(arranged < 0)) + 1):
        if len(run):
            source, index = (new, -1 - run) if run[0] < 0 else (expr, run)
            parts.append(chosen(source, place, index))
    return joined_where_any(parts or [expr], place)
