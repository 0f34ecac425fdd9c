"""``ufunc.reduce`` of ufuncs whose reduction is no function of NumPy's own: of bits, of divisors, ...

and, or, xor of whole numbers   each bit for itself: all, any, or an odd count of them
other associative ufuncs        by halves, log2(size) steps; the size must be known
"""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.errors import UnsupportedError, message
from eqsat_tensor.lang import BOOL
from eqsat_tensor.namespace.operands import PUBLIC, UFUNCS, axes_of, expr_of, show
from eqsat_tensor.namespace.pieces import cut
from eqsat_tensor.ops import movement
from eqsat_tensor.sizes import size_or_dim, tracing
from eqsat_tensor.tensor import Tensor

BITWISE = {"bitwise_and": "all", "bitwise_or": "any", "bitwise_xor": ""}
# What changes nothing: the value where there are no elements.
BY_HALVES = {"gcd": 0, "lcm": 1, "hypot": 0.0, "logaddexp2": -np.inf}
FOLDS = (*BITWISE, "logical_xor", *BY_HALVES)


def fold(ufunc: np.ufunc, x: Any, axis: Any = 0, keepdims: bool = False) -> Tensor:
    """The reduction of `x` along axes, the first where none is named, all for None."""
    name = f"{ufunc.__name__}.reduce"
    expr = expr_of(name, x)
    axes = axes_of(name, axis, len(expr.shape), x)
    if ufunc.__name__ in BITWISE and expr.dtype != BOOL:
        result = _of_bits(ufunc.__name__, Tensor(expr), axes)
    elif ufunc.__name__ in BY_HALVES:
        result = Tensor(expr)
        for place in reversed(axes):
            result = _by_halves(name, ufunc, result, place)
    else:
        result = _of_flags(ufunc.__name__, Tensor(expr), axes)
    return Tensor(movement.expand_dims(result.expr, axes)) if keepdims else result


def _of_flags(name: str, x: Tensor, axes: tuple[int, ...]) -> Tensor:
    kind = BITWISE.get(name)
    result: Any = PUBLIC[kind or "count_nonzero"](x, axis=axes)
    made: Tensor = result if kind else result % 2 == 1
    return made


def _of_bits(name: str, x: Tensor, axes: tuple[int, ...]) -> Tensor:
    places: Any = np.arange(8 * x.dtype.itemsize, dtype=x.dtype)
    spread: Any = x[..., None]
    bits = ((spread >> places) & x.dtype.type(1)) != 0
    held: Any = _of_flags(name, bits, axes).astype(x.dtype)
    result: Tensor = PUBLIC["sum"](held << places, axis=-1, dtype=x.dtype)
    return result


def _by_halves(name: str, ufunc: np.ufunc, x: Tensor, place: int) -> Tensor:
    """Neighbours in pairs, until one is left."""
    size = size_or_dim(x.expr.shape[place])
    if not isinstance(size, int) and not tracing():
        hint = "Give the size as a number."
        raise UnsupportedError(message(name, "a size that is known", f"x: {show(x)}", hint))
    left = int(size)
    if not left:
        shape = tuple(s for j, s in enumerate(x.shape) if j != place)
        made: Tensor = PUBLIC["full_like"](x, BY_HALVES[ufunc.__name__], shape=shape)
        return made
    while left > 1:
        half = left // 2
        pairs = [Tensor(cut(x.expr, place, k, half, 2)) for k in (0, 1)]
        joined = UFUNCS[ufunc](*pairs)
        if left % 2:
            last = Tensor(cut(x.expr, place, left - 1, 1)).astype(joined.dtype)
            joined = PUBLIC["concatenate"]((joined, last), axis=place)
        x, left = joined, half + left % 2
    return Tensor(movement.squeeze(x.expr, (place,)))
