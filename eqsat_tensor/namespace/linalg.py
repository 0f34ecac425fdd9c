"""`eqsat_tensor.linalg`: functions of numpy.linalg, in a registry that other modules may add to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from eqsat_tensor.errors import DtypeError, ShapeError, UnsupportedError, message
from eqsat_tensor.extents import same_size
from eqsat_tensor.lang import BOOL
from eqsat_tensor.namespace.names import OBJECTS
from eqsat_tensor.namespace.operands import (
    NUMPY,
    PUBLIC,
    Function,
    dispatched,
    expr_of,
    show,
    show_all,
)
from eqsat_tensor.namespace.pieces import nominal
from eqsat_tensor.namespace.triangles import on_diagonal
from eqsat_tensor.ops import compare, movement
from eqsat_tensor.tensor import Tensor

LINALG: dict[str, Callable[..., Any]] = {}
LINALG_MISSING: dict[str, str] = {}  # NumPy's names that are not there, and why


def linear_algebra(function: Function) -> Function:
    """Enter a function of tensors in `linalg` under its name; arrays go to numpy.linalg's."""
    name = function.__name__.rstrip("_")
    theirs = getattr(np.linalg, name)
    call = dispatched(function, theirs)
    LINALG[name] = NUMPY[theirs] = call
    return call


class Linalg:
    """The functions of `LINALG` as attributes."""

    def __getattr__(self, name: str) -> Any:
        if name in LINALG:
            return LINALG[name]
        if name == "norm" and name in PUBLIC:
            return PUBLIC[name]
        if name == "LinAlgError":
            return np.linalg.LinAlgError
        text = f"eqsat_tensor.linalg has no attribute {name!r}"
        raise AttributeError(f"{text}: {LINALG_MISSING[name]}" if name in LINALG_MISSING else text)

    def __dir__(self) -> list[str]:
        return sorted({*LINALG, "LinAlgError", *({"norm"} & set(PUBLIC))})

    def __repr__(self) -> str:
        return "<eqsat_tensor.linalg>"


OBJECTS["linalg"] = Linalg()


# -------------------------------------------------------------- those of the main namespace, stricter
@linear_algebra
def matmul(a: Any, b: Any, /) -> Any:
    """The matrix product, as `matmul` of the main namespace."""
    return PUBLIC["matmul"](a, b)


@linear_algebra
def matrix_transpose(x: Any, /) -> Any:
    """The last two axes exchanged."""
    return PUBLIC["matrix_transpose"](x)


@linear_algebra
def tensordot(a: Any, b: Any, /, axes: Any = 2) -> Any:
    """The sum of products over pairs of axes, as `tensordot` of the main namespace."""
    return PUBLIC["tensordot"](a, b, axes=axes)


@linear_algebra
def vecdot(a: Any, b: Any, /, axis: int = -1) -> Any:
    """The sum of products along one axis."""
    return PUBLIC["vecdot"](a, b, axis=axis)


@linear_algebra
def outer(a: Any, b: Any, /) -> Any:
    """All products of an element of two vectors."""
    if any(len(expr_of("outer", v).shape) != 1 for v in (a, b)):
        raise ShapeError(message("linalg.outer", "two vectors", show_all((a, b))))
    return PUBLIC["outer"](a, b)


@linear_algebra
def cross(a: Any, b: Any, /, axis: int = -1) -> Any:
    """The cross product of vectors of three elements along an axis."""
    for value in (a, b):
        expr = expr_of("cross", value)
        if not expr.shape or same_size(expr.shape[axis], 3) is False:
            raise ShapeError(message("linalg.cross", "three elements", show_all((a, b))))
    return PUBLIC["cross"](a, b, axis=axis)


@linear_algebra
def diagonal(x: Any, /, offset: Any = 0) -> Any:
    """Elements [..., i, i + offset] of the last two axes."""
    return PUBLIC["diagonal"](x, offset, -2, -1)


@linear_algebra
def trace(x: Any, /, offset: Any = 0, dtype: Any = None) -> Any:
    """The sum of the diagonals of the last two axes."""
    return PUBLIC["trace"](x, offset, -2, -1, dtype)


# ---------------------------------------------------------------------------------- several matrices
@linear_algebra
def multi_dot(arrays: Sequence[Any], /) -> Any:
    """The product of two or more matrices, the first and last of which may be vectors.

    Ordered so that multiplications are fewest; sizes that are not known count as `NOMINAL`.
    """
    factors = list(arrays)
    if len(factors) < 2:
        raise ShapeError(message("linalg.multi_dot", "at least two arrays", f"{len(factors)}"))
    shapes = [expr_of("multi_dot", f).shape for f in factors]
    inside = [len(s) for s in shapes[1:-1]]
    if any(r != 2 for r in inside) or any(len(s) not in (1, 2) for s in (shapes[0], shapes[-1])):
        needs = "matrices, with a vector at most at each end"
        raise ShapeError(message("linalg.multi_dot", needs, ", ".join(map(show, factors))))
    sizes = [
        nominal(s) for s in ((1, *shapes[0])[-2], *(s[0] for s in shapes[1:]), (*shapes[-1], 1)[1])
    ]
    if len(shapes[0]) == 1:
        sizes[0] = 1
    return _ordered_product(factors, _best_splits(sizes), 0, len(factors) - 1)


def _best_splits(sizes: Sequence[int]) -> dict[tuple[int, int], int]:
    """Where to split each run of matrices [i, j], of sizes ``sizes[i]`` by ``sizes[i + 1]``."""
    count = len(sizes) - 1
    cost = {(i, i): 0 for i in range(count)}
    split: dict[tuple[int, int], int] = {}
    for width in range(1, count):
        for i in range(count - width):
            j = i + width
            outer_size = sizes[i] * sizes[j + 1]
            options = {
                k: cost[i, k] + cost[k + 1, j] + outer_size * sizes[k + 1] for k in range(i, j)
            }
            split[i, j] = min(options, key=lambda k: options[k])
            cost[i, j] = options[split[i, j]]
    return split


def _ordered_product(
    factors: Sequence[Any], split: dict[tuple[int, int], int], i: int, j: int
) -> Any:
    if i == j:
        return factors[i]
    k = split[i, j]
    left, right = _ordered_product(factors, split, i, k), _ordered_product(factors, split, k + 1, j)
    return PUBLIC["dot"](left, right)


@linear_algebra
def matrix_power(x: Any, /, n: Any) -> Any:
    """A square matrix to a power that is an int, by squaring; of the inverse for a negative one."""
    expr = expr_of("matrix_power", x)
    if len(expr.shape) < 2 or same_size(expr.shape[-1], expr.shape[-2]) is False:
        raise ShapeError(message("linalg.matrix_power", "square matrices", f"x: {show(x)}"))
    if not isinstance(n, int | np.integer) or isinstance(n, bool):
        raise DtypeError(message("linalg.matrix_power", "an int as exponent", f"n={n!r}"))
    base = Tensor(movement.refine(expr, (*expr.shape[:-1], expr.shape[-2])))
    if n == 0:
        one = on_diagonal("matrix_power", base.expr.shape, 0)
        return Tensor(one if expr.dtype == BOOL else compare.cast_to(one, expr.dtype))
    if n < 0:
        if "inv" not in LINALG:
            hint = "Compute that part outside traced code."
            raise UnsupportedError(message("linalg.matrix_power", "n >= 0", f"n={n}", hint))
        base, n = LINALG["inv"](base), -n
    result: Any = None
    while n:
        n, odd = divmod(n, 2)
        if odd:
            result = base if result is None else PUBLIC["matmul"](result, base)
        if n:
            base = PUBLIC["matmul"](base, base)
    return result
