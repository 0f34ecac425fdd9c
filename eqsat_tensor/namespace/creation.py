"""New arrays: zeros, ones, full, eye, arange; traced where a size or a value is."""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.errors import DtypeError, UnsupportedError, message
from eqsat_tensor.lang import FLOAT64, INT64, Expr
from eqsat_tensor.namespace.operands import (
    converted,
    dtype_of,
    expr_of,
    kind_of,
    public,
    show,
    sizes_of,
)
from eqsat_tensor.ops import arithmetic, compare, movement
from eqsat_tensor.ops.leaf import constant, iota, size_value
from eqsat_tensor.sizes import size_of
from eqsat_tensor.tensor import PYTHON_NUMBERS, Tensor, is_traced
from eqsat_tensor.types import Shape, Size, lower_bound, maximum


def _filled(name: str, value: int, numpy: Any) -> None:
    def function(shape: Any, /, dtype: Any = float) -> Tensor:
        return Tensor(constant(value, dtype_of(dtype), sizes_of(name, shape)))

    def like(x: Any, /, dtype: Any = None) -> Tensor:
        expr = expr_of(f"{name}_like", x)
        return Tensor(constant(value, dtype_of(dtype or expr.dtype), expr.shape))

    function.__name__, function.__doc__ = name, f"An array of {name} of a shape."
    like.__name__, like.__doc__ = f"{name}_like", f"An array of {name} with the shape of `x`."
    public(numpy=numpy)(function)
    public(numpy=getattr(np, f"{name}_like"))(like)


_filled("zeros", 0, np.zeros)
_filled("ones", 1, np.ones)


def _fill(shape: Shape, value: Any, dtype: Any) -> Tensor:
    if dtype is None:
        kind = kind_of(value)
        dtype = kind if isinstance(kind, np.dtype) else PYTHON_NUMBERS[kind]
    return Tensor(movement.broadcast_to(converted(value, dtype_of(dtype)), shape))


@public(numpy=np.full)
def full(shape: Any, fill_value: Any, /, dtype: Any = None) -> Tensor:
    """An array of one value, of the value's dtype where none is given."""
    return _fill(sizes_of("full", shape), fill_value, dtype)


@public(numpy=np.full_like)
def full_like(x: Any, fill_value: Any, /, dtype: Any = None) -> Tensor:
    """An array of one value, with the shape and dtype of `x`."""
    expr = expr_of("full_like", x)
    return _fill(expr.shape, fill_value, dtype or expr.dtype)


@public("identity", numpy=np.eye)
def eye(n: Any, m: Any = None, /, k: int = 0, dtype: Any = float) -> Tensor:
    """The matrix with ones on the diagonal `k`, zeros elsewhere."""
    shape = sizes_of("eye", (n, n if m is None else m))
    row = _shifted(iota(axis=0, dtype=INT64, shape=shape), k)
    on = compare.equal(row, iota(axis=1, dtype=INT64, shape=shape))
    return Tensor(compare.cast_to(on, dtype_of(dtype)))


def _shifted(index: Expr, k: int) -> Expr:
    return arithmetic.add(index, constant(k, INT64, index.shape)) if k else index


def _triangle(name: str, keep_below: bool, doc: str) -> None:
    def function(x: Any, /, k: int = 0) -> Tensor:
        expr = expr_of(name, x)
        rank = len(expr.shape)
        if rank < 2:
            raise DtypeError(message(name, "at least two axes", f"x: {show(x)}"))
        row = _shifted(iota(axis=rank - 2, dtype=INT64, shape=expr.shape), k)
        column = iota(axis=rank - 1, dtype=INT64, shape=expr.shape)
        test = compare.greater_equal if keep_below else compare.less_equal
        return Tensor(compare.where(test(row, column), expr, movement.zeros_like(expr)))

    function.__name__, function.__doc__ = name, doc
    public(numpy=getattr(np, name))(function)


_triangle("tril", True, "The lower triangle, up to diagonal `k`; zeros above.")
_triangle("triu", False, "The upper triangle, from diagonal `k` on; zeros below.")


@public(numpy=np.arange)
def arange(start: Any, stop: Any = None, step: Any = 1, /, dtype: Any = None) -> Tensor:
    """start, start + step, ... below `stop`; sizes and ints, or floats that are known now."""
    if stop is None:
        start, stop = 0, start
    if any(isinstance(v, Tensor) for v in (start, stop, step)):
        raise UnsupportedError(
            message("arange", "ints and sizes", f"{show(start)}, {show(stop)}, {show(step)}")
        )
    first, last = size_of(start), size_of(stop)
    if first is None or last is None or not isinstance(step, int) or step == 0:
        got = f"{start}, {stop}, {step}"
        raise UnsupportedError(message("arange", "ints beside a size, the step not 0", got))
    kind = dtype_of(dtype or INT64)
    length: Size
    if step > 0:
        length = _steps(last - first, step)
    else:
        length = _steps(first - last, -step)
    index = iota(axis=0, dtype=kind, shape=(length,))
    if step != 1:
        index = arithmetic.multiply(index, constant(step, kind, index.shape))
    if first != 0:
        offset = movement.broadcast_to(size_value(first, kind), index.shape)
        index = arithmetic.add(index, offset)
    return Tensor(index)


def _steps(distance: Size, step: int) -> Size:
    """ceil(distance / step), at least 0."""
    length = (distance + (step - 1)) // step
    low = lower_bound(length)
    return length if low is not None and low >= 0 else maximum(length, 0)


@public(numpy=np.linspace)
def linspace(start: Any, stop: Any, num: int = 50, /, endpoint: bool = True) -> Tensor:
    """`num` numbers from `start` to `stop` (without it, where `endpoint` is false), float64."""
    count = int(num)
    index = iota(axis=0, dtype=FLOAT64, shape=(count,))
    parts = max(count - 1 if endpoint else count, 1)
    first, last = (movement.broadcast_to(converted(v, FLOAT64), (count,)) for v in (start, stop))
    step = arithmetic.divide(arithmetic.subtract(last, first), constant(parts, FLOAT64, (count,)))
    return Tensor(arithmetic.add(first, arithmetic.multiply(index, step)))


@public(numpy=np.asarray)
def asarray(x: Any, /, dtype: Any = None) -> Any:
    """`x` as it is, or in another dtype."""
    expr = expr_of("asarray", x)
    if is_traced(x) and dtype is None:
        return x if isinstance(x, Tensor) else Tensor(expr)
    return Tensor(compare.cast_to(expr, dtype_of(dtype)) if dtype is not None else expr)
