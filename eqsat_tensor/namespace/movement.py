"""Functions that move elements: shapes, axes, joining, with NumPy's names and signatures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eqsat_tensor.errors import ShapeError, message
from eqsat_tensor.lang import Expr
from eqsat_tensor.namespace.operands import (
    axes_of,
    axis_of,
    common_dtype,
    converted,
    expr_of,
    public,
    show,
    sizes_of,
)
from eqsat_tensor.ops import movement, select
from eqsat_tensor.tensor import Tensor
from eqsat_tensor.types import (
    Shape,
    Size,
    broadcast_shapes,
    floor_divide,
    product,
    remainder,
    same_size,
)


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
def swapaxes(x: Any, axis1: int, axis2: int, /) -> Tensor:
    """Two axes exchanged."""
    expr = expr_of("swapaxes", x)
    order = list(range(len(expr.shape)))
    a, b = (axis_of("swapaxes", i, len(order), x) for i in (axis1, axis2))
    order[a], order[b] = order[b], order[a]
    return Tensor(movement.transpose(expr, order))


@public(numpy=np.moveaxis)
def moveaxis(x: Any, source: Any, destination: Any, /) -> Tensor:
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
def reshape(x: Any, shape: Any, /) -> Tensor:
    """The elements of `x` in C order in another shape; one size may be -1."""
    expr = expr_of("reshape", x)
    sizes = list(sizes_of("reshape", shape))
    total = product(expr.shape)
    if sizes.count(-1) > 1:
        raise ShapeError(message("reshape", "at most one size -1", f"shape={tuple(sizes)}"))
    if -1 in sizes:
        rest = product(s for s in sizes if s != -1)
        fits = rest != 0 and (
            not isinstance(total, int) or not isinstance(rest, int) or total % rest == 0
        )
        if not fits or (remainder(total, rest) != 0 and isinstance(remainder(total, rest), int)):
            raise _wrong_size(x, sizes)
        sizes[sizes.index(-1)] = floor_divide(total, rest)
    elif same_size(total, product(sizes)) is False:
        raise _wrong_size(x, sizes)
    return Tensor(movement.reshape(expr, sizes))


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


@public("flatten", numpy=np.ravel)
def ravel(x: Any, /) -> Tensor:
    """The elements in C order along one axis."""
    expr = expr_of("ravel", x)
    return Tensor(movement.reshape(expr, (product(expr.shape),)))


@public(numpy=np.broadcast_to)
def broadcast_to(x: Any, shape: Any, /) -> Tensor:
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
        return Tensor(movement.squeeze(expr, [j for j, s in enumerate(expr.shape) if s == 1]))
    axes = axes_of("squeeze", axis, len(expr.shape), x)
    if any(same_size(expr.shape[a], 1) is False for a in axes):
        raise ShapeError(message("squeeze", "axes of size 1", f"axis={axis}, x: {show(x)}"))
    sizes = [1 if j in axes else s for j, s in enumerate(expr.shape)]
    return Tensor(movement.squeeze(movement.refine(expr, sizes), axes))


@public(numpy=np.flip)
def flip(x: Any, /, axis: Any = None) -> Tensor:
    """The elements in reverse order along `axis` (all for None)."""
    expr = expr_of("flip", x)
    axes = axes_of("flip", axis, len(expr.shape), x)
    turned = [j in axes for j in range(len(expr.shape))]
    start = [s - 1 if t else 0 for s, t in zip(expr.shape, turned, strict=True)]
    return Tensor(movement.slice_(expr, start, [-1 if t else 1 for t in turned], expr.shape))


# ---------------------------------------------------------------------------------------- joining
def _operands(name: str, arrays: Any) -> tuple[list[Any], list[Expr]]:
    operands = list(arrays)
    if not operands:
        raise ShapeError(message(name, "at least one array", "none"))
    dtype = common_dtype(name, operands)
    return operands, [converted(a, dtype) for a in operands]


def _shown(operands: Sequence[Any]) -> str:
    return ", ".join(show(v) for v in operands)


@public("concat", numpy=np.concatenate)
def concatenate(arrays: Any, /, axis: int | None = 0) -> Tensor:
    """The arrays one after another along `axis` (flat for None); the other sizes are equal."""
    operands, exprs = _operands("concatenate", arrays)
    if axis is None:
        exprs = [movement.reshape(e, (product(e.shape),)) for e in exprs]
        axis = 0
    rank = len(exprs[0].shape)
    if not rank or any(len(e.shape) != rank for e in exprs):
        needs = "arrays with the same number of axes, at least one"
        raise ShapeError(message("concatenate", needs, _shown(operands)))
    place = axis_of("concatenate", axis, rank)
    return Tensor(_joined("concatenate", operands, exprs, place))


def _joined(name: str, operands: Sequence[Any], exprs: Sequence[Expr], axis: int) -> Expr:
    result = exprs[0]
    for e in exprs[1:]:
        wanted = [
            n if j == axis else s
            for j, (s, n) in enumerate(zip(result.shape, e.shape, strict=True))
        ]
        if any(same_size(a, b) is False for a, b in zip(e.shape, wanted, strict=True)):
            needs = f"equal sizes on all axes but {axis}"
            raise ShapeError(message(name, needs, _shown(operands)))
        result = select.concatenate(result, movement.refine(e, wanted), axis=axis)
    return result


@public(numpy=np.stack)
def stack(arrays: Any, /, axis: int = 0) -> Tensor:
    """The arrays, all of one shape, along a new axis."""
    operands, exprs = _operands("stack", arrays)
    rank = len(exprs[0].shape)
    place = axis_of("stack", axis, rank + 1)
    if any(len(e.shape) != rank for e in exprs):
        raise ShapeError(message("stack", "arrays of one shape", _shown(operands)))
    wide = [movement.expand_dims(e, (place,)) for e in exprs]
    return Tensor(_joined("stack", operands, wide, place))


@public(numpy=np.vstack)
def vstack(arrays: Any, /) -> Tensor:
    """The arrays as rows, one below another."""
    _, exprs = _operands("vstack", arrays)
    rows = [Tensor(movement.expand_dims(e, range(2 - len(e.shape)))) for e in exprs]
    result: Tensor = concatenate(rows)
    return result


@public(numpy=np.hstack)
def hstack(arrays: Any, /) -> Tensor:
    """The arrays side by side: along axis 1, or 0 where they have one axis."""
    _, exprs = _operands("hstack", arrays)
    parts = [Tensor(movement.expand_dims(e, range(1 - len(e.shape)))) for e in exprs]
    result: Tensor = concatenate(parts, axis=0 if parts[0].ndim == 1 else 1)
    return result
