"""Functions that change shapes and axes, with NumPy's names and signatures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eqsat_tensor.errors import ShapeError, UnsupportedError, message
from eqsat_tensor.extents import Size, floor_divide, lower_bound, product, remainder, same_size
from eqsat_tensor.namespace.operands import (
    axes_of,
    axis_of,
    expr_of,
    public,
    show,
    sizes_of,
)
from eqsat_tensor.namespace.pieces import at_least, turned
from eqsat_tensor.ops import movement
from eqsat_tensor.sizes import may_be_zero, size_or_dim, tracing
from eqsat_tensor.tensor import Tensor, as_tensor
from eqsat_tensor.types import Shape, broadcast_shapes


@public("permute_dims", numpy=np.transpose)
def transpose(x: Any, /, axes: Sequence[int] | None = None) -> Tensor:
    """Axis j of the result is axis ``axes[j]`` of `x`; all axes reversed for None."""
    expr = expr_of("transpose", x)
    rank = len(expr.shape)
    if axes is None:
        return Tensor(movement.transpose(expr, range(rank)[::-1]))
    order = [axis_of("transpose", a, rank, x) for a in axes]
    if sorted(order) != list(range(rank)):
        raise ShapeError(
            message("transpose", "each axis once", f"axes={tuple(axes)}, x: {show(x)}")
        )
    return Tensor(movement.transpose(expr, order))


@public(numpy=np.matrix_transpose)
def matrix_transpose(x: Any, /) -> Tensor:
    """The last two axes exchanged."""
    expr = expr_of("matrix_transpose", x)
    if len(expr.shape) < 2:
        raise ShapeError(message("matrix_transpose", "at least two axes", f"x: {show(x)}"))
    return Tensor(movement.swap_last(expr))


@public(numpy=np.swapaxes)
def swapaxes(x: Any, /, axis1: int, axis2: int) -> Tensor:
    """Two axes exchanged."""
    expr = expr_of("swapaxes", x)
    order = list(range(len(expr.shape)))
    a, b = (axis_of("swapaxes", i, len(order), x) for i in (axis1, axis2))
    order[a], order[b] = order[b], order[a]
    return Tensor(movement.transpose(expr, order))


@public(numpy=np.moveaxis)
def moveaxis(x: Any, /, source: Any, destination: Any) -> Tensor:
    """Axes `source` moved to the places `destination`; the others keep their order."""
    expr = expr_of("moveaxis", x)
    rank = len(expr.shape)
    sources, targets = (
        [axis_of("moveaxis", a, rank, x) for a in (v if isinstance(v, tuple | list) else (v,))]
        for v in (source, destination)
    )
    if len(sources) != len(targets):
        raise ShapeError(
            message("moveaxis", "as many sources as destinations", f"{source} and {destination}")
        )
    order = [j for j in range(rank) if j not in sources]
    for target, axis in sorted(zip(targets, sources, strict=True)):
        order.insert(target, axis)
    return Tensor(movement.transpose(expr, order))


@public(numpy=np.reshape)
def reshape(x: Any, /, shape: Any, order: Any = "C") -> Tensor:
    """The elements of `x` in another shape, in C order or in that of Fortran; one size may be -1."""
    expr = expr_of("reshape", x)
    sizes = list(sizes_of("reshape", shape))
    if _first_fastest("reshape", order):
        wide: Tensor = reshape(as_tensor(x).T, tuple(map(size_or_dim, sizes[::-1])))
        return wide.T
    total = product(expr.shape)
    if sizes.count(-1) > 1:
        raise ShapeError(message("reshape", "at most one size -1", f"shape={tuple(sizes)}"))
    if -1 in sizes:
        rest = product(s for s in sizes if s != -1)
        if tracing() and rest != 0 and may_be_zero(rest):
            rest = int(size_or_dim(rest))
        fits = rest != 0 and (
            not isinstance(total, int) or not isinstance(rest, int) or total % rest == 0
        )
        if not fits or (remainder(total, rest) != 0 and isinstance(remainder(total, rest), int)):
            raise _wrong_size(x, sizes)
        sizes[sizes.index(-1)] = floor_divide(total, rest)
    elif same_size(total, product(sizes)) is False:
        raise _wrong_size(x, sizes)
    return Tensor(movement.reshape(expr, sizes))


def _first_fastest(name: str, order: Any) -> bool:
    """Is this the order in which the first index goes round first, as in Fortran?"""
    if order not in ("C", "F", None):
        hint = "How tensors lie in memory is the compiler's choice."
        raise UnsupportedError(message(name, "order='C' or 'F'", f"order={order!r}", hint))
    return bool(order == "F")


def _wrong_size(x: Any, sizes: Sequence[Size]) -> ShapeError:
    wanted = "[" + ", ".join(map(str, sizes)) + "]"
    total = product(expr_of("reshape", x).shape)
    return ShapeError(
        message(
            "reshape",
            f"a shape of {total} elements",
            f"x: {show(x)}, shape {wanted}",
            "The number of elements must stay.",
        )
    )


@public(numpy=lambda x, order="C": np.array(x).ravel(order))
def flatten(x: Any, /, order: Any = "C") -> Tensor:
    """A copy of the elements along one axis, in C order or in that of Fortran."""
    if _first_fastest("flatten", order):
        x = as_tensor(x).T
    expr = expr_of("flatten", x)
    return Tensor(movement.reshape(expr, (product(expr.shape),)))


@public(numpy=np.ravel)
def ravel(x: Any, /, order: Any = "C") -> Tensor:
    """The elements along one axis, in C order or in that of Fortran."""
    if _first_fastest("ravel", order):
        long: Tensor = ravel(as_tensor(x).T)
        return long
    expr = expr_of("ravel", x)
    return Tensor(movement.reshape(expr, (product(expr.shape),)))


@public(numpy=np.broadcast_to)
def broadcast_to(x: Any, /, shape: Any) -> Tensor:
    """`x` stretched to `shape`: sizes 1 repeat, axes are added in front."""
    expr = expr_of("broadcast_to", x)
    sizes = sizes_of("broadcast_to", shape)
    if not _broadcasts(expr.shape, sizes):
        wanted = "[" + ", ".join(map(str, sizes)) + "]"
        raise ShapeError(
            message("broadcast_to", "sizes that are 1 or stay", f"x: {show(x)}, shape {wanted}")
        )
    return Tensor(movement.broadcast_to(expr, sizes))


def _broadcasts(old: Shape, new: Shape) -> bool:
    if len(old) > len(new):
        return False
    pairs = zip(reversed(old), reversed(new), strict=False)
    return all(a == 1 or same_size(a, b) is not False for a, b in pairs)


@public(numpy=np.broadcast_arrays)
def broadcast_arrays(*arrays: Any) -> tuple[Tensor, ...]:
    """All operands in their common shape."""
    exprs = [expr_of("broadcast_arrays", a) for a in arrays]
    shape = broadcast_shapes("broadcast_arrays", [e.shape for e in exprs])
    return tuple(Tensor(movement.broadcast_to(e, shape)) for e in exprs)


@public(numpy=np.expand_dims)
def expand_dims(x: Any, /, axis: Any) -> Tensor:
    """`x` with new axes of size 1 at `axis`, counted in the result."""
    expr = expr_of("expand_dims", x)
    added = len(axis) if isinstance(axis, tuple | list) else 1
    axes = axes_of("expand_dims", axis, len(expr.shape) + added, x)
    return Tensor(movement.expand_dims(expr, axes))


@public(numpy=np.squeeze)
def squeeze(x: Any, /, axis: Any = None) -> Tensor:
    """`x` without axes of size 1: all of them, or those in `axis`."""
    expr = expr_of("squeeze", x)
    if axis is None:
        axis = [j for j, s in enumerate(expr.shape) if _is_one(s)]
    axes = axes_of("squeeze", axis, len(expr.shape), x)
    if any(same_size(expr.shape[a], 1) is False for a in axes):
        raise ShapeError(message("squeeze", "axes of size 1", f"axis={axis}, x: {show(x)}"))
    sizes = [1 if j in axes else s for j, s in enumerate(expr.shape)]
    return Tensor(movement.squeeze(movement.refine(expr, sizes), axes))


def _is_one(size: Size) -> bool:
    """Is a size 1?  One that may be, such as n - 1, is pinned while tracing, else it is not."""
    low = lower_bound(size)
    if tracing() and (low is None or low < 2):
        return int(size_or_dim(size)) == 1
    return size == 1


@public(numpy=np.rollaxis)
def rollaxis(x: Any, /, axis: int, start: int = 0) -> Tensor:
    """Axis `axis` moved in front of axis `start`; `moveaxis` says it more clearly."""
    rank = len(expr_of("rollaxis", x).shape)
    place = axis_of("rollaxis", axis, rank, x)
    if not -rank <= start <= rank:
        got = f"start={start}, x: {show(x)}"
        raise ShapeError(message("rollaxis", f"a start from {-rank} to {rank}", got))
    target = start + rank if start < 0 else start
    result: Tensor = moveaxis(x, place, target - (place < target))
    return result


def _at_least(name: str, rank: int, doc: str) -> None:
    def one(x: Any) -> Tensor:
        expr = expr_of(name, x)
        if rank == 3 and 1 <= len(expr.shape) <= 2:
            return Tensor(movement.expand_dims(at_least(expr, 2), (2,)))
        return Tensor(at_least(expr, rank))

    def function(*arrays: Any) -> Any:
        return one(arrays[0]) if len(arrays) == 1 else tuple(one(a) for a in arrays)

    function.__name__, function.__doc__ = name, doc
    public(numpy=getattr(np, name))(function)


_at_least("atleast_1d", 1, "Each operand with at least one axis.")
_at_least("atleast_2d", 2, "Each operand with at least two axes: [n] becomes [1, n].")
_at_least("atleast_3d", 3, "Each operand with at least three axes: [n] becomes [1, n, 1].")


@public(numpy=np.broadcast_shapes)
def broadcast_shapes_(*shapes: Any) -> tuple[Any, ...]:
    """The shape to which arrays of these shapes broadcast."""
    sizes = [sizes_of("broadcast_shapes", s) for s in shapes]
    return tuple(size_or_dim(s) for s in broadcast_shapes("broadcast_shapes", sizes))


# --------------------------------------------------------------------------------------- reversal
@public(numpy=np.flip)
def flip(x: Any, /, axis: Any = None) -> Tensor:
    """The elements in reverse order along `axis` (all for None)."""
    expr = expr_of("flip", x)
    for a in axes_of("flip", axis, len(expr.shape), x):
        expr = turned(expr, a)
    return Tensor(expr)


def _flipped(name: str, axis: int, doc: str) -> None:
    def function(x: Any, /) -> Tensor:
        expr = expr_of(name, x)
        if len(expr.shape) <= axis:
            raise ShapeError(message(name, f"at least {axis + 1} axes", f"x: {show(x)}"))
        return Tensor(turned(expr, axis))

    function.__name__, function.__doc__ = name, doc
    public(numpy=getattr(np, name))(function)


_flipped("flipud", 0, "The elements in reverse order along axis 0.")
_flipped("fliplr", 1, "The elements in reverse order along axis 1.")


@public(numpy=np.rot90)
def rot90(x: Any, /, k: int = 1, axes: Sequence[int] = (0, 1)) -> Tensor:
    """Turned `k` times by 90 degrees, from the first towards the second of two axes."""
    expr = expr_of("rot90", x)
    rank = len(expr.shape)
    if len(axes) != 2:
        raise ShapeError(message("rot90", "two axes", f"axes={tuple(axes)}"))
    a, b = (axis_of("rot90", axis, rank, x) for axis in axes)
    if a == b:
        raise ShapeError(message("rot90", "two different axes", f"axes={tuple(axes)}"))
    k %= 4
    if k in (2, 3):
        expr = turned(expr, a)
    if k in (1, 2):
        expr = turned(expr, b)
    if k in (1, 3):
        order = list(range(rank))
        order[a], order[b] = b, a
        expr = movement.transpose(expr, order)
    return Tensor(expr)


@public(numpy=np.apply_over_axes)
def apply_over_axes(func: Any, a: Any, axes: Any) -> Tensor:
    """``func(x, axis)`` over one axis after another; axes that it drops are put back as size 1."""
    result = Tensor(expr_of("apply_over_axes", a))
    rank = result.ndim
    for axis in axes if isinstance(axes, tuple | list | np.ndarray) else (axes,):
        place = axis_of("apply_over_axes", axis, rank, a)
        found = func(result, place)
        result = found if found.ndim == rank else expand_dims(found, place)
        if result.ndim != rank:
            got = f"{show(found)} of {rank} axes"
            raise ShapeError(message("apply_over_axes", "a function that drops an axis", got))
    return result
