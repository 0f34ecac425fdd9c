"""`pad`: NumPy's modes, axis by axis, of slices where the widths are known to fit.

Where an axis may be shorter than what is mirrored, the elements are gathered by computed labels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from eqsat_tensor.errors import ArgumentError, ShapeError, UnsupportedError, message
from eqsat_tensor.extents import Size, maximum, minimum
from eqsat_tensor.lang import INTS, Expr
from eqsat_tensor.namespace.operands import PUBLIC, axis_of, expr_of, needed, public, show
from eqsat_tensor.namespace.pieces import (
    chosen,
    cut,
    index_vector,
    joined_where_any,
    picked,
    resized,
    surely_at_least,
    turned,
    vector,
)
from eqsat_tensor.ops import arithmetic, compare, movement
from eqsat_tensor.ops.leaf import constant_of
from eqsat_tensor.sizes import size_of, size_or_dim
from eqsat_tensor.tensor import Tensor, as_expr

Widths = tuple[Size, Size]


@public(numpy=np.pad)
def pad(x: Any, /, pad_width: Any, mode: Any = "constant", **options: Any) -> Tensor:
    """`x` with ``pad_width`` elements before and after on each axis.

    pad_width: a size, a pair, a pair an axis, or a dict from axis to these.  Modes and options as
    NumPy's: constant (constant_values), edge, linear_ramp (end_values), maximum, mean, median,
    minimum (stat_length), reflect and symmetric (reflect_type), wrap, empty (zeros).
    """
    expr = expr_of("pad", x)
    rank = len(expr.shape)
    if callable(mode):
        raise UnsupportedError(message("pad", "the name of a mode", "a function"))
    if mode not in ALLOWED:
        raise ArgumentError(message("pad", f"a mode of {', '.join(ALLOWED)}", f"mode={mode!r}"))
    surplus = [name for name in options if name not in ALLOWED[mode]]
    if surplus:
        needs = f"for mode {mode!r} the options {', '.join(ALLOWED[mode]) or 'none'}"
        raise ArgumentError(message("pad", needs, surplus[0]))
    widths = [_widths(w) for w in _pairs("pad_width", _by_axis(pad_width, rank, x), rank)]
    option = next(iter(ALLOWED[mode]), None)
    value = options.get(option, DEFAULTS.get(option)) if option else None
    if mode in ("reflect", "symmetric"):
        settings = [value] * rank
    elif mode in ("wrap", "edge", "empty"):
        settings = [None] * rank
    else:
        settings = _pairs(str(option), value, rank)
    for axis, (width, setting) in enumerate(zip(widths, settings, strict=True)):
        if width != (0, 0):
            if mode not in ("constant", "empty") and expr.shape[axis] == 0:
                needs = "an axis that is not empty, or mode='constant'"
                raise ShapeError(message("pad", needs, f"axis {axis}, x: {show(x)}"))
            expr = MODES[mode](expr, axis, width, setting)
    return Tensor(expr)


def _by_axis(widths: Any, rank: int, x: Any) -> Any:
    if not isinstance(widths, dict):
        return widths
    pairs: list[Any] = [(0, 0)] * rank
    for axis, width in widths.items():
        one = isinstance(width, tuple | list)
        pairs[axis_of("pad", axis, rank, x)] = width if one else (width, width)
    return pairs


def _pairs(name: str, value: Any, rank: int) -> list[Any]:
    """A pair an axis, from a value for all, a pair for all, or a sequence of either."""
    nest = value.tolist() if isinstance(value, np.ndarray) else value
    if not isinstance(nest, list | tuple):
        return [(nest, nest)] * rank
    rows = [list(r) if isinstance(r, list | tuple) else r for r in nest]
    flat = not any(isinstance(r, list) for r in rows)
    if flat and len(rows) in (1, 2):
        return [(rows[0], rows[-1])] * rank
    rows = [[r] if not isinstance(r, list) else r for r in rows]
    if len(rows) in (1, rank) and all(len(r) in (1, 2) for r in rows):
        return [(r[0], r[-1]) for r in rows * (rank if len(rows) == 1 else 1)]
    got = f"{name}={value!r} for {rank} axes"
    raise ShapeError(message("pad", "one value, a pair, or a pair an axis", got))


def _widths(pair: Any) -> Widths:
    sizes = [size_of(w) for w in pair]
    if any(s is None or (isinstance(s, int) and s < 0) for s in sizes):
        raise ShapeError(message("pad", "widths that are ints, not negative", f"{pair}"))
    before, after = sizes
    assert before is not None
    assert after is not None
    return before, after


# ---------------------------------------------------------------------------------------- constant
def _constant(x: Expr, axis: int, width: Widths, values: Any) -> Expr:
    rank = len(x.shape)
    ends = [_end_value(x, v) for v in values or (0, 0)]
    if all(constant_of(e) == 0 and not np.signbit(float(constant_of(e) or 0)) for e in ends):
        low = [width[0] if j == axis else 0 for j in range(rank)]
        total = width[0] + x.shape[axis] + width[1]
        return movement.pad(x, low, [1] * rank, resized(x, axis, total))
    sides = [
        movement.broadcast_to(e, resized(x, axis, w)) for e, w in zip(ends, width, strict=True)
    ]
    return joined_where_any([sides[0], x, sides[1]], axis)


def _end_value(x: Expr, value: Any) -> Expr:
    end = compare.cast_to(as_expr(value), x.dtype)
    if end.shape:
        raise ShapeError(message("pad", "numbers as values", f"{end.type}"))
    return end


def _edges(x: Expr, axis: int) -> tuple[Expr, Expr]:
    return cut(x, axis, 0, 1), cut(x, axis, x.shape[axis] - 1, 1)


def _stretched(edge: Expr, axis: int, width: Size) -> Expr:
    """An edge of size 1 repeated along its axis."""
    return movement.broadcast_to(edge, resized(edge, axis, width))


def _edge(x: Expr, axis: int, width: Widths, _: Any) -> Expr:
    first, last = _edges(x, axis)
    sides = _stretched(first, axis, width[0]), _stretched(last, axis, width[1])
    return joined_where_any([sides[0], x, sides[1]], axis)


def _linear_ramp(x: Expr, axis: int, width: Widths, values: Any) -> Expr:
    sides = []
    for edge, value, length in zip(_edges(x, axis), values or (0, 0), width, strict=True):
        stop, count = Tensor(movement.squeeze(edge, (axis,))), size_or_dim(length)
        ramp = PUBLIC["linspace"](value, stop, count, endpoint=False, dtype=x.dtype, axis=axis)
        sides.append(as_expr(ramp))
    return joined_where_any([sides[0], x, turned(sides[1], axis)], axis)


# -------------------------------------------------------------------------------------- statistics
def _statistic(name: str) -> Callable[..., Expr]:
    def build(x: Expr, axis: int, width: Widths, lengths: Any) -> Expr:
        size = x.shape[axis]
        sides = []
        for front, wanted in zip((True, False), lengths or (None, None), strict=True):
            length = size if wanted is None else minimum(_stat_length(wanted), size)
            part = cut(x, axis, 0 if front else size - length, length)
            if not surely_at_least(length, 1):  # of nothing there is no mean
                part = movement.refine(part, resized(part, axis, maximum(length, 1)))
            found = needed("pad", name)(Tensor(part), axis=axis, keepdims=True)
            if x.dtype in INTS and found.dtype != x.dtype:
                found = needed("pad", "rint")(found)
            sides.append(compare.cast_to(as_expr(found), x.dtype))
        first, last = (_stretched(s, axis, w) for s, w in zip(sides, width, strict=True))
        return joined_where_any([first, x, last], axis)

    return build


def _stat_length(value: Any) -> Size:
    length = size_of(value)
    if length is None or (isinstance(length, int) and length < 1):
        raise ShapeError(message("pad", "a positive stat_length", f"{value!r}"))
    return length


# ----------------------------------------------------------------------------- reflect, symmetric
def _mirror(x: Expr, axis: int, width: Widths, reflect_type: Any, skip: int) -> Expr:
    """`skip` elements of an edge are not repeated: 1 in reflect, 0 in symmetric."""
    if reflect_type not in ("even", "odd"):
        got = f"reflect_type={reflect_type!r}"
        raise ArgumentError(message("pad", "reflect_type 'even' or 'odd'", got))
    size = x.shape[axis]
    if size == 1:
        return _edge(x, axis, width, None)
    fits = all(surely_at_least(size - w, skip) for w in width)
    if fits:
        return _mirrored_once(x, axis, width, reflect_type == "odd", skip)
    if reflect_type == "odd":
        return _mirrored_often(x, axis, width, skip)
    before, after = width
    if isinstance(size, int) and isinstance(before, int) and isinstance(after, int):
        label = np.arange(-before, size + after) % (2 * (size - skip))
        return chosen(x, axis, np.minimum(label, 2 * size - 1 - skip - label))
    return _by_label(x, axis, width, lambda index: _mirror_label(index, size, skip))


def _mirrored_once(x: Expr, axis: int, width: Widths, odd: bool, skip: int) -> Expr:
    size, (before, after) = x.shape[axis], width
    first = turned(cut(x, axis, skip, before), axis)
    last = turned(cut(x, axis, size - skip - after, after), axis)
    if odd:
        edges = _edges(x, axis)
        first, last = (
            arithmetic.subtract(movement.broadcast_to(arithmetic.add(e, e), side.shape), side)
            for e, side in zip(edges, (first, last), strict=True)
        )
    return joined_where_any([first, x, last], axis)


def _mirrored_often(x: Expr, axis: int, width: Widths, skip: int) -> Expr:
    """The odd kind beyond one mirror: each round mirrors at the edges that there are by then."""
    before, after = width
    while before != 0 or after != 0:
        size = x.shape[axis]
        if not all(isinstance(v, int) for v in (before, after, size)):
            got = f"widths {width} on an axis of size {size}"
            hint = "Pin the size by int(x.shape[axis])."
            raise UnsupportedError(
                message("pad", "sizes that are known, or widths that fit", got, hint)
            )
        now = minimum(before, size - skip), minimum(after, size - skip)
        x = _mirrored_once(x, axis, now, True, skip)
        before, after = before - now[0], after - now[1]
    return x


def _by_label(x: Expr, axis: int, width: Widths, label: Callable[[Expr], Expr]) -> Expr:
    total = width[0] + x.shape[axis] + width[1]
    return picked(x, axis, label(index_vector(total, -width[0])))


def _mirror_label(index: Expr, size: Size, skip: int) -> Expr:
    """The index mirrored to and fro: period 2 (n - 1) for reflect, 2 n for symmetric."""
    period = vector(maximum(2 * (size - skip), 1), index)
    there = arithmetic.remainder(index, period)
    back = arithmetic.subtract(vector(2 * size - 1 - skip, index), there)
    return arithmetic.minimum(there, back)


def _wrap(x: Expr, axis: int, width: Widths, _: Any) -> Expr:
    size, (before, after) = x.shape[axis], width
    if all(surely_at_least(size - w, 0) for w in width):
        return joined_where_any(
            [cut(x, axis, size - before, before), x, cut(x, axis, 0, after)], axis
        )
    return _by_label(x, axis, width, lambda i: arithmetic.remainder(i, vector(size, i)))


MODES: dict[str, Callable[[Expr, int, Widths, Any], Expr]] = {
    "constant": _constant,
    "empty": _constant,
    "edge": _edge,
    "linear_ramp": _linear_ramp,
    "maximum": _statistic("max"),
    "mean": _statistic("mean"),
    "median": _statistic("median"),
    "minimum": _statistic("min"),
    "reflect": lambda x, axis, width, kind: _mirror(x, axis, width, kind, 1),
    "symmetric": lambda x, axis, width, kind: _mirror(x, axis, width, kind, 0),
    "wrap": _wrap,
}
ALLOWED: dict[str, tuple[str, ...]] = {
    "constant": ("constant_values",), "empty": (), "edge": (), "linear_ramp": ("end_values",),
    "maximum": ("stat_length",), "mean": ("stat_length",), "median": ("stat_length",),
    "minimum": ("stat_length",), "reflect": ("reflect_type",), "symmetric": ("reflect_type",),
    "wrap": (),
}  # fmt: skip
DEFAULTS = {"constant_values": 0, "end_values": 0, "stat_length": None, "reflect_type": "even"}
