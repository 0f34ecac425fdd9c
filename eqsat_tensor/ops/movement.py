"""Ops that move elements and compute none, and constructors that keep graphs canonical.

The constructors (`broadcast`, `squeeze`, `transpose`, `reshape`, ...) drop what does nothing and
merge a movement with the same kind of movement below it; they do no algebra.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eqsat_tensor.extents import Guard, Size, lower_bound, parts_of_common, product, same_size
from eqsat_tensor.kinds import Attribute, Kind
from eqsat_tensor.lang import BOOL, Expr, apply, define
from eqsat_tensor.ops import reduce
from eqsat_tensor.ops.leaf import full_like
from eqsat_tensor.ops.regions import apart, runs, within
from eqsat_tensor.types import Shape, TensorType

Ints = tuple[int, ...]


def without(shape: Sequence[Size], axes: Sequence[int]) -> Shape:
    """The sizes of the other axes."""
    return tuple(s for j, s in enumerate(shape) if j not in axes)


# ---------------------------------------------------------------------- broadcast and squeeze
def _broadcast(x: Any, axes: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    return np.broadcast_to(np.expand_dims(x, axes), shape)


def _broadcast_type(x: TensorType, axes: tuple[int, ...], shape: Shape) -> TensorType:
    assert tuple(axes) == tuple(sorted(set(axes))), axes
    assert without(shape, axes) == x.shape, (x, axes, shape)
    return x.with_shape(shape)


_broadcast_op = define(
    "broadcast",
    Kind.MOVEMENT,
    arity=1,
    numpy=_broadcast,
    infer=_broadcast_type,
    attributes={"axes": Attribute.AXES, "shape": Attribute.SHAPE},
    vjp=lambda ct, out, x, axes, shape: (reduce.sum_over(ct, axes),),
    linear=True,
    ulps=0.0,
    doc="x repeated along new axes: those of the result in `axes`; the dual of a reduction.",
)
_squeeze_op = define(
    "squeeze",
    Kind.MOVEMENT,
    arity=1,
    numpy=lambda x, axes: np.squeeze(x, axes),
    infer=lambda x, axes: x.with_shape(without(x.shape, axes)),
    attributes={"axes": Attribute.AXES},
    vjp=lambda ct, out, x, axes: (broadcast(ct, axes, x.shape),),
    linear=True,
    ulps=0.0,
    doc="x without axes of size 1.",
)


def broadcast(x: Expr, axes: Sequence[int], shape: Sequence[Size]) -> Expr:
    """`x` repeated along new axes `axes` (ascending) of `shape`."""
    axes, shape = tuple(axes), tuple(shape)
    if not axes:
        return x
    if x.op.name == "full":
        return apply(x.op, value=x["value"], shape=shape)
    if x.op is _broadcast_op:  # its new axes, counted in the new shape
        kept = [j for j in range(len(shape)) if j not in axes]
        axes = tuple(sorted((*axes, *(kept[a] for a in x["axes"]))))
        x = x.arguments[0]
    return _broadcast_op(x, axes=axes, shape=shape)


def squeeze(x: Expr, axes: Sequence[int]) -> Expr:
    """`x` without `axes` (ascending), all of size 1."""
    axes = tuple(axes)
    if not axes:
        return x
    assert all(x.shape[a] == 1 for a in axes), (x.type, axes)
    shape = without(x.shape, axes)
    if x.op.name == "full":
        return apply(x.op, value=x["value"], shape=shape)
    if x.op is _broadcast_op:
        new = x["axes"]
        gone = [a for a in axes if a not in new]
        left = [j for j in range(len(x.shape)) if j not in axes]
        rest = [left.index(a) for a in new if a not in axes]
        kept = [j for j in range(len(x.shape)) if j not in new]
        below = squeeze(x.arguments[0], [kept.index(a) for a in gone])
        return broadcast(below, rest, shape)
    return _squeeze_op(x, axes=axes)


def expand_dims(x: Expr, axes: Sequence[int]) -> Expr:
    """`x` with new axes of size 1 at `axes` (ascending, of the result)."""
    shape = list(x.shape)
    for a in axes:
        shape.insert(a, 1)
    return broadcast(x, axes, shape)


def stretched_axes(old: Shape, shape: Sequence[Size]) -> tuple[list[int], list[int]]:
    """Axes of `old` to squeeze, and axes of `shape` that are new, in NumPy's broadcast."""
    lead = len(shape) - len(old)
    gone = [j for j, s in enumerate(old) if s == 1 and shape[lead + j] != 1]
    return gone, [*range(lead), *(lead + j for j in gone)]


def broadcast_to(x: Expr, shape: Sequence[Size]) -> Expr:
    """NumPy's broadcast: sizes 1 stretch, axes are added in front.

    A size that may differ from the one asked for is equal to it, or 1: `stretch` says so.
    """
    if x.shape == shape:
        return x
    gone, new = stretched_axes(x.shape, shape)
    below = squeeze(x, gone)
    kept = [s for j, s in enumerate(shape) if j not in new]
    return broadcast(stretch(below, kept), new, shape)


def zeros_like(x: Expr) -> Expr:
    """Zeros with the dtype and shape of `x`."""
    return full_like(x, 0)


# --------------------------------------------------------------------- transpose, reshape, refine
def _transpose_vjp(ct: Expr, out: Expr, x: Expr, axes: tuple[int, ...]) -> tuple[Expr]:
    return (transpose(ct, [axes.index(j) for j in range(len(axes))]),)


_transpose_op = define(
    "transpose",
    Kind.MOVEMENT,
    arity=1,
    numpy=np.transpose,
    infer=lambda x, axes: x.with_shape(x.shape[a] for a in axes),
    attributes={"axes": Attribute.AXES},
    vjp=_transpose_vjp,
    linear=True,
    ulps=0.0,
    doc="Axes in another order: axis j of the result is axis axes[j] of x.",
)


def transpose(x: Expr, axes: Sequence[int]) -> Expr:
    """`x` with axis j of the result being axis ``axes[j]`` of `x`."""
    axes = tuple(axes)
    if axes == tuple(range(len(axes))):
        return x
    if x.op is _transpose_op:
        below: tuple[int, ...] = x["axes"]
        return transpose(x.arguments[0], [below[a] for a in axes])
    return _transpose_op(x, axes=axes)


def swap_last(x: Expr) -> Expr:
    """`x` with its last two axes exchanged."""
    order = list(range(len(x.shape)))
    order[-2:] = order[:-3:-1]
    return transpose(x, order)


def _reshape_guards(node: Expr) -> list[Guard]:
    before, after = product(node.arguments[0].shape), product(node.shape)
    if before == after:
        return []
    return [Guard("==", before, after, f"reshape: cannot reshape {before} elements to {after}.")]


_reshape_op = define(
    "reshape",
    Kind.MOVEMENT,
    arity=1,
    numpy=lambda x, shape: np.reshape(x, shape),
    infer=lambda x, shape: x.with_shape(shape),
    attributes={"shape": Attribute.SHAPE},
    vjp=lambda ct, out, x, shape: (reshape(ct, x.shape),),
    guards=_reshape_guards,
    linear=True,
    ulps=0.0,
    doc="The same elements, in C order, in another shape.",
)


def reshape(x: Expr, shape: Sequence[Size]) -> Expr:
    """The elements of `x` in C order in another shape."""
    shape = tuple(shape)
    if shape == x.shape:
        return x
    if x.op is _reshape_op and not _reshape_guards(x):
        return reshape(x.arguments[0], shape)
    return _reshape_op(x, shape=shape)


def _other(old: Size, new: Size) -> str:
    """What a size is compared with, in a message."""
    others = [p for p in parts_of_common(new) if p not in parts_of_common(old)] or [new]
    return " and ".join(map(str, others))


def _refine_guards(node: Expr) -> list[Guard]:
    return [
        Guard("==", old, new, f"sizes must be equal: {old} and {_other(old, new)}.")
        for old, new in zip(node.arguments[0].shape, node.shape, strict=True)
        if old != new
    ]


def _refine(x: Any, shape: Shape) -> Any:
    assert np.shape(x) == tuple(shape), (np.shape(x), shape)
    return x


_refine_op = define(
    "refine",
    Kind.MOVEMENT,
    arity=1,
    numpy=_refine,
    infer=lambda x, shape: x.with_shape(shape),
    attributes={"shape": Attribute.SHAPE},
    vjp=lambda ct, out, x, shape: (refine(ct, x.shape),),
    guards=_refine_guards,
    linear=True,
    ulps=0.0,
    doc="x, its sizes asserted to be those of `shape`, by a guard.",
)


def refine(x: Expr, shape: Sequence[Size]) -> Expr:
    """`x` under the guard that its sizes are those of `shape`."""
    shape = tuple(shape)
    assert len(shape) == len(x.shape), (x.type, shape)
    assert all(same_size(a, b) is not False for a, b in zip(x.shape, shape, strict=True)), (
        x.type,
        shape,
    )
    return x if shape == x.shape else _refine_op(x, shape=shape)


def _stretched(x: Any, shape: Ints) -> Any:
    return np.broadcast_to(x, shape)


def _gathered_up(x: Any, shape: Shape) -> Any:
    axes = tuple(j for j, (a, b) in enumerate(zip(np.shape(x), shape, strict=True)) if a != b)
    add = np.any if x.dtype == BOOL else np.sum
    return np.asarray(add(x, axes, keepdims=True), x.dtype) if axes else x


_stretch_op = define(
    "stretch",
    Kind.MOVEMENT,
    arity=1,
    numpy=_stretched,
    infer=lambda x, shape: x.with_shape(shape),
    attributes={"shape": Attribute.SHAPE},
    vjp=lambda ct, out, x, shape: (unstretch(ct, x.shape),),
    guards=_refine_guards,
    resized=lambda x, shape: stretch(x, shape),
    linear=True,
    ulps=0.0,
    doc="x, each size being that of `shape`, by a guard; one that turns out 1 is a broadcast.",
)
_unstretch_op = define(
    "unstretch",
    Kind.MOVEMENT,
    arity=1,
    numpy=_gathered_up,
    infer=lambda x, shape: x.with_shape(shape),
    attributes={"shape": Attribute.SHAPE},
    vjp=lambda ct, out, x, shape: (stretch(ct, x.shape),),
    guards=_refine_guards,
    resized=lambda x, shape: unstretch(x, shape),
    linear=True,
    ulps=0.0,
    doc="The transpose of `stretch`: x, summed up along axes that turn out 1 in `shape`.",
)


def stretch(x: Expr, shape: Sequence[Size]) -> Expr:
    """`x` broadcast to sizes that are its own, under a guard, where these are not 1."""
    shape = tuple(shape)
    if any(old == 1 != new for old, new in zip(x.shape, shape, strict=True)):
        return broadcast_to(x, shape)
    return x if shape == x.shape else _stretch_op(x, shape=shape)


def unstretch(x: Expr, shape: Sequence[Size]) -> Expr:
    """The sum of `x` along axes of size 1 in `shape`, whose other sizes are its own, under a guard."""
    shape = tuple(shape)
    axes = [j for j, (old, new) in enumerate(zip(x.shape, shape, strict=True)) if new == 1 != old]
    if axes:
        total = reduce.any_(x, axes=tuple(axes)) if x.dtype == BOOL else reduce.sum_over(x, axes)
        return unstretch(expand_dims(total, axes), shape)
    return x if shape == x.shape else _unstretch_op(x, shape=shape)


# ------------------------------------------------------------------------------------ slice, pad
def _slice(x: Any, start: Ints, step: Ints, shape: Ints) -> Any:
    index = [a + s * np.arange(n) for a, s, n in zip(start, step, shape, strict=True)]
    return x[np.ix_(*index)] if index else x


def _slice_vjp(
    ct: Expr, out: Expr, x: Expr, start: Shape, step: tuple[int, ...], shape: Shape
) -> tuple[Expr]:
    """Zeros around: axes that were read backwards are first turned round, so that steps are >= 1."""
    back = [j for j, s in enumerate(step) if s < 0]
    last = [n - 1 for n in shape]
    turned = slice_(
        ct,
        [last[j] if j in back else 0 for j in range(len(step))],
        [-1 if j in back else 1 for j in range(len(step))],
        shape,
    )
    low = [a + last[j] * step[j] if j in back else a for j, a in enumerate(start)]
    return (pad(turned, low, [abs(s) for s in step], x.shape),)


def outside_guards(shape: Shape, lengths: Shape, start: Sequence[Size]) -> list[Guard]:
    """An element at an unknown size has to be there (longer slices are clipped)."""
    found = []
    for axis, (size, length, begin) in enumerate(zip(shape, lengths, start, strict=True)):
        if length != 1:
            continue
        text = f"x[i]: index {begin} is out of bounds for axis {axis} of size {size}."
        for value, least in ((begin, 0), (size - begin, 1)):
            low = lower_bound(value)
            if low is None or low < least:
                found.append(Guard(">=", value, least, text))
    return found


def _slice_guards(node: Expr) -> list[Guard]:
    return outside_guards(node.arguments[0].shape, node.shape, node["start"])


_slice_op = define(
    "slice",
    Kind.MOVEMENT,
    arity=1,
    numpy=_slice,
    infer=lambda x, start, step, shape: x.with_shape(shape),
    attributes={"start": Attribute.SIZES, "step": Attribute.AXES, "shape": Attribute.SHAPE},
    vjp=_slice_vjp,
    guards=_slice_guards,
    linear=True,
    ulps=0.0,
    doc="Element i of axis j is x's element start[j] + i * step[j]; steps may be negative.",
)


def slice_(x: Expr, start: Sequence[Size], step: Sequence[int], shape: Sequence[Size]) -> Expr:
    """Every ``step[j]``-th element of each axis from ``start[j]`` on, ``shape[j]`` of them.

    A slice of `update_slice` that certainly lies inside or outside of what was written skips it:
    so loops such as ``x[i] = x[i - 1] + 1`` make chains of numbers, not of arrays.
    """
    start, step, shape = tuple(start), tuple(step), tuple(shape)
    while x.op.name == "update_slice":  # read what was written, or what lies beside it
        whole, part = x.arguments
        read, written = runs(start, step, shape), runs(x["start"], x["step"], part.shape)
        inside = within(read, written)
        if inside is not None:
            start = tuple(a for a, _, _ in inside)
            step = tuple(s or 1 for _, s, _ in inside)
            x = part
        elif apart(read, written):
            x = whole
        else:
            break
    if shape == x.shape and all(a == 0 for a in start) and all(s == 1 for s in step):
        return x
    if x.op.name == "full":
        return apply(x.op, value=x["value"], shape=shape)
    return _slice_op(x, start=start, step=step, shape=shape)


def _pad(x: Any, low: Ints, step: Ints, shape: Ints) -> Any:
    result = np.zeros(shape, np.asarray(x).dtype)
    index = [a + s * np.arange(n) for a, s, n in zip(low, step, np.shape(x), strict=True)]
    if np.size(x):
        result[np.ix_(*index) if index else ()] = x
    return result


_pad_op = define(
    "pad",
    Kind.MOVEMENT,
    arity=1,
    numpy=_pad,
    infer=lambda x, low, step, shape: x.with_shape(shape),
    attributes={"low": Attribute.SIZES, "step": Attribute.AXES, "shape": Attribute.SHAPE},
    vjp=lambda ct, out, x, low, step, shape: (slice_(ct, low, step, x.shape),),
    linear=True,
    ulps=0.0,
    doc="Zeros, but element i of axis j of x at low[j] + i * step[j]: the transpose of slice.",
)


def pad(x: Expr, low: Sequence[Size], step: Sequence[int], shape: Sequence[Size]) -> Expr:
    """`x` among zeros: its element i on axis j lands at ``low[j] + i * step[j]``."""
    low, step, shape = tuple(low), tuple(step), tuple(shape)
    if shape == x.shape and all(a == 0 for a in low) and all(s == 1 for s in step):
        return x
    return _pad_op(x, low=low, step=step, shape=shape)
