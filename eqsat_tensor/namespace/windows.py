"""Windows of a length that is known: as weights, and sliding along axes; phases without jumps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from eqsat_tensor.errors import ShapeError, TraceError, message
from eqsat_tensor.extents import maximum, same_size
from eqsat_tensor.lang import INT64, Expr
from eqsat_tensor.namespace.operands import NUMPY, PUBLIC, axis_of, expr_of, public, show
from eqsat_tensor.namespace.pieces import cut, joined_where_any, resized
from eqsat_tensor.ops import arithmetic, movement
from eqsat_tensor.ops.gather import gather
from eqsat_tensor.ops.leaf import iota
from eqsat_tensor.tensor import Tensor


def _window(name: str) -> None:
    def function(M: Any, *shape: Any) -> Any:
        hint = "Give the length as a number."
        raise TraceError(message(name, "a length that is known now", f"M: {show(M)}", hint))

    function.__name__ = name
    function.__doc__ = f"NumPy's `{name}`, of a length that is known while tracing."
    public(numpy=getattr(np, name))(function)


for _name in ("bartlett", "blackman", "hamming", "hanning", "kaiser"):
    _window(_name)


@public(numpy=np.unwrap)
def unwrap(p: Any, /, discont: Any = None, axis: int = -1, *, period: float = 2 * np.pi) -> Tensor:
    """`p` with jumps along `axis` of more than half a `period` replaced by their complements.

    discont: the least jump that counts, half a period at least.
    """
    rank = len(expr_of("unwrap", p).shape)
    place = axis_of("unwrap", axis, rank, p)
    half = period / 2
    jump = PUBLIC["diff"](p, axis=place)
    folded = PUBLIC["remainder"](jump + half, period) - half
    at_edge = PUBLIC["logical_and"](folded == -half, jump > 0)
    folded = PUBLIC["where"](at_edge, half, folded)
    small = PUBLIC["absolute"](jump) < (half if discont is None else discont)
    correction = PUBLIC["cumsum"](PUBLIC["where"](small, 0.0, folded - jump), axis=place)
    first = (*(slice(None),) * place, slice(0, 1))
    rest = (*(slice(None),) * place, slice(1, None))
    parts = (p[first], p[rest] + correction)
    result: Tensor = PUBLIC["concatenate"](parts, axis=place)
    return result


# ------------------------------------------------------------------------------- sliding windows
FEW = 16  # windows of up to so many elements are slices side by side; larger ones are looked up
_theirs = np.lib.stride_tricks.sliding_window_view


@public(numpy=_theirs)
def sliding_window_view(x: Any, /, window_shape: Any, axis: Any = None) -> Tensor:
    """All windows of a shape along axes (all of them for None): their elements are the last axes.

    A new array: what is written to it does not reach `x`.
    """
    expr = expr_of("sliding_window_view", x)
    lengths = window_shape if isinstance(window_shape, tuple | list) else (window_shape,)
    given = range(len(expr.shape)) if axis is None else axis
    places = given if isinstance(given, tuple | list | range) else (given,)
    if len(lengths) != len(places):
        got = f"window_shape={window_shape!r}, x: {show(x)}"
        raise ShapeError(message("sliding_window_view", "a length for each axis", got))
    rank = len(expr.shape)
    few = 0 < math.prod(map(int, lengths)) <= FEW
    for length, place in zip(map(int, lengths), places, strict=True):
        expr = _windows(expr, length, axis_of("sliding_window_view", place, rank, x), few)
    return Tensor(expr)


NUMPY[_theirs] = PUBLIC["sliding_window_view"]


def _windows(x: Expr, length: int, place: int, few: bool) -> Expr:
    """The windows along one axis, under a guard that it is as long as they are."""
    size = x.shape[place]
    if length < 0 or same_size(maximum(size, length), size) is False:
        got = f"{length} on an axis of size {size}"
        raise ShapeError(message("sliding_window_view", "windows that fit in their axis", got))
    x = movement.refine(x, resized(x, place, maximum(size, length)))
    count = x.shape[place] - length + 1
    if few:
        parts = [
            movement.expand_dims(cut(x, place, k, count), (len(x.shape),)) for k in range(length)
        ]
        return joined_where_any(parts, len(x.shape))
    shape = (count, length)
    labels = arithmetic.add(*(iota(axis=j, dtype=INT64, shape=shape) for j in (0, 1)))
    others = [j for j in range(len(x.shape)) if j != place]
    rows = movement.transpose(x, [place, *others])
    found = gather(rows, labels, checked=False)  # its derivative adds up along the windows alone
    order = [*range(2, place + 2), 0, *range(place + 2, len(x.shape) + 1), 1]
    return movement.transpose(found, order)
