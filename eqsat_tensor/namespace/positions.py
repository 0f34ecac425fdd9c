"""Where something is true: positions in arrays of a size that is given."""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.errors import UnsupportedError, message
from eqsat_tensor.extents import product
from eqsat_tensor.lang import BOOL, INT64, Expr
from eqsat_tensor.namespace.indexing import getitem
from eqsat_tensor.namespace.lookup import unraveled
from eqsat_tensor.namespace.operands import (
    NUMPY,
    axis_of,
    converted,
    expr_of,
    public,
    show,
    sizes_of,
)
from eqsat_tensor.ops import arithmetic, movement
from eqsat_tensor.ops.compare import cast_to, not_equal, where
from eqsat_tensor.ops.gather import gather, scatter
from eqsat_tensor.ops.leaf import constant, full_like, iota, size_value
from eqsat_tensor.tensor import FUNCTIONS, Tensor, as_expr, is_traced


def flat_positions(operation: str, x: Any, size: Any) -> Expr:
    """The first `size` places, in the flat array, of what is not zero; -1 where there are no more."""
    if size is None:
        hint = "Give size=: so many positions, with fill_value= where there are fewer."
        raise UnsupportedError(message(operation, "a size known while tracing", show(x), hint))
    (count,) = sizes_of(operation, size)
    expr = expr_of(operation, x)
    total = product(expr.shape)
    flat = movement.reshape(cast_to(expr, BOOL), (total,))
    seen: Tensor = FUNCTIONS["cumsum"](Tensor(cast_to(flat, INT64)))
    order = arithmetic.subtract(seen.expr, full_like(seen.expr, 1))
    beyond = movement.broadcast_to(size_value(count, INT64), (total,))
    target = where(flat, order, beyond)
    place = iota(axis=0, dtype=INT64, shape=(total,))
    return scatter(constant(-1, INT64, (count,)), target, place, "set", False)


@public(numpy=lambda x, size=None, fill_value=0: np.nonzero(x))
def nonzero(x: Any, /, size: Any = None, fill_value: Any = 0) -> tuple[Tensor, ...]:
    """Where `x` is not zero: an array of indices for each axis, each of `size` elements.

    Where fewer are found the rest is `fill_value`; of more the first are given.
    """
    expr = expr_of("nonzero", x)
    place = flat_positions("nonzero", x, size)
    there = not_equal(place, full_like(place, -1))
    found = unraveled(where(there, place, full_like(place, 0)), expr.shape)
    fills = fill_value if isinstance(fill_value, tuple) else (fill_value,) * len(found)
    return tuple(
        Tensor(where(there, index, movement.broadcast_to(converted(fill, INT64), index.shape)))
        for index, fill in zip(found, fills, strict=True)
    )


@public(numpy=lambda x, size=None, fill_value=0: np.flatnonzero(x))
def flatnonzero(x: Any, /, size: Any = None, fill_value: Any = 0) -> Tensor:
    """Where the flat `x` is not zero, as in `nonzero`."""
    return nonzero(Tensor(_flat(x)), size=size, fill_value=fill_value)[0]


@public(numpy=lambda x, size=None, fill_value=0: np.argwhere(x))
def argwhere(x: Any, /, size: Any = None, fill_value: Any = 0) -> Tensor:
    """Where `x` is not zero: a row of indices for each place, as in `nonzero`."""
    result: Tensor = FUNCTIONS["stack"](nonzero(x, size=size, fill_value=fill_value), axis=1)
    return result


def _flat(x: Any) -> Expr:
    expr = as_expr(x)
    return movement.reshape(expr, (product(expr.shape),))


@public(
    numpy=lambda condition, x, axis=None, size=None, fill_value=0: np.compress(condition, x, axis)
)
def compress(
    condition: Any, x: Any, /, axis: int | None = None, size: Any = None, fill_value: Any = 0
) -> Tensor:
    """The slices of `x` along `axis` (elements of the flat array for None) where a condition holds.

    A condition that is computed needs `size`: so many slices, `fill_value` where there are fewer.
    """
    expr = _flat(x) if axis is None else expr_of("compress", x)
    place = axis_of("compress", axis or 0, len(expr.shape), x)
    if not is_traced(condition) and size is None:
        kept = np.flatnonzero(condition)
        made: Tensor = getitem(Tensor(expr), (*(slice(None),) * place, kept))
        return made
    index = flat_positions("compress", condition, size)
    there = not_equal(index, full_like(index, -1))
    order = [place, *(j for j in range(len(expr.shape)) if j != place)]
    rows = gather(movement.transpose(expr, order), where(there, index, full_like(index, 0)))
    fill = movement.broadcast_to(converted(fill_value, expr.dtype), rows.shape)
    wide = movement.broadcast(there, range(1, len(rows.shape)), rows.shape)
    result = where(wide, rows, fill)
    return Tensor(movement.transpose(result, [order.index(j) for j in range(len(order))]))


def extract(condition: Any, x: Any, /, size: Any = None, fill_value: Any = 0) -> Tensor:
    """The elements of `x` where a condition of its shape holds, as in `compress` of both flat.

    Called as ``numpy.extract``: in this package the name is that of a room of the compiler.
    """
    flag = np.ravel(condition) if not is_traced(condition) else Tensor(_flat(condition))
    result: Tensor = FUNCTIONS["compress"](flag, Tensor(_flat(x)), size=size, fill_value=fill_value)
    return result


NUMPY[np.extract] = extract
