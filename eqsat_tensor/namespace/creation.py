"""New arrays: zeros, ones, full, eye, array; traced where a size or a value is."""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.namespace.operands import (
    converted,
    dtype_of,
    expr_of,
    kind_of,
    public,
    sizes_of,
)
from eqsat_tensor.namespace.pieces import at_least
from eqsat_tensor.namespace.triangles import on_diagonal
from eqsat_tensor.ops import compare, movement
from eqsat_tensor.ops.leaf import constant
from eqsat_tensor.tensor import PYTHON_NUMBERS, Tensor
from eqsat_tensor.types import Shape


def _filled(name: str, value: int, doc: str) -> None:
    def function(shape: Any, dtype: Any = float, order: Any = "C") -> Tensor:
        return Tensor(constant(value, dtype_of(dtype), sizes_of(name, shape)))

    def like(x: Any, /, dtype: Any = None, *, shape: Any = None) -> Tensor:
        expr = expr_of(f"{name}_like", x)
        sizes = expr.shape if shape is None else sizes_of(f"{name}_like", shape)
        return Tensor(constant(value, expr.dtype if dtype is None else dtype_of(dtype), sizes))

    function.__name__, function.__doc__ = name, f"An array of a shape, {doc}."
    like.__name__, like.__doc__ = f"{name}_like", f"An array with the shape of `x`, {doc}."
    public(numpy=getattr(np, name))(function)
    public(numpy=getattr(np, f"{name}_like"))(like)


_filled("zeros", 0, "of zeros")
_filled("ones", 1, "of ones")
_filled("empty", 0, "whose values nobody should read (they are zeros)")


def _fill(shape: Shape, value: Any, dtype: Any) -> Tensor:
    if dtype is None:
        kind = kind_of(value)
        dtype = kind if isinstance(kind, np.dtype) else PYTHON_NUMBERS[kind]
    return Tensor(movement.broadcast_to(converted(value, dtype_of(dtype)), shape))


@public(numpy=np.full)
def full(shape: Any, fill_value: Any, dtype: Any = None, order: Any = "C") -> Tensor:
    """An array of one value, of the value's dtype where none is given."""
    return _fill(sizes_of("full", shape), fill_value, dtype)


@public(numpy=np.full_like)
def full_like(x: Any, /, fill_value: Any, dtype: Any = None, *, shape: Any = None) -> Tensor:
    """An array of one value, with the shape and dtype of `x`."""
    expr = expr_of("full_like", x)
    sizes = expr.shape if shape is None else sizes_of("full_like", shape)
    return _fill(sizes, fill_value, expr.dtype if dtype is None else dtype)


@public(numpy=np.eye)
def eye(N: Any, M: Any = None, k: Any = 0, dtype: Any = float) -> Tensor:
    """The matrix with ones on the diagonal `k`, zeros elsewhere."""
    shape = sizes_of("eye", (N, N if M is None else M))
    return Tensor(compare.cast_to(on_diagonal("eye", shape, k), dtype_of(dtype)))


@public(numpy=np.identity)
def identity(n: Any, dtype: Any = float) -> Tensor:
    """The square matrix with ones on the diagonal, zeros elsewhere."""
    result: Tensor = eye(n, dtype=dtype)
    return result


# ----------------------------------------------------------------------------------- from values
@public("asanyarray", numpy=np.asarray)
def asarray(x: Any, /, dtype: Any = None, *, copy: bool | None = None) -> Tensor:
    """`x`, or a nest of numbers and tensors, as an array; in `dtype` if given.

    A tensor of that dtype is given back itself, unless `copy` is true.
    """
    if isinstance(x, Tensor) and not copy and (dtype is None or x.dtype == dtype_of(dtype)):
        return x
    expr = expr_of("asarray", x)
    return Tensor(expr if dtype is None else compare.cast_to(expr, dtype_of(dtype)))


def _with_an_axis(name: str) -> None:
    def function(x: Any, /, dtype: Any = None) -> Tensor:
        result = asarray(x, dtype)
        return result if result.expr.shape else Tensor(at_least(result.expr, 1))

    function.__name__ = name
    function.__doc__ = (
        "`asarray`, with at least one axis; how tensors lie is the compiler's choice."
    )
    public(numpy=getattr(np, name))(function)


_with_an_axis("ascontiguousarray")
_with_an_axis("asfortranarray")


@public(numpy=np.array)
def array(x: Any, /, dtype: Any = None, *, ndmin: int = 0) -> Tensor:
    """A new tensor of a tensor, of an array or of a nest of numbers and tensors.

    ndmin: axes of size 1 are added in front, until there are as many.
    """
    expr = expr_of("array", x)
    wide = at_least(expr, ndmin)
    return Tensor(wide if dtype is None else compare.cast_to(wide, dtype_of(dtype)))
