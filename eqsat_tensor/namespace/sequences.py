"""Numbers in order, and grids of them: arange, linspace, logspace, meshgrid, mgrid, vander."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from eqsat_tensor.errors import ArgumentError, ShapeError, UnsupportedError, message
from eqsat_tensor.extents import Size, floor_divide, maximum
from eqsat_tensor.lang import FLOAT64, FLOATS, INT64, INTS, Expr
from eqsat_tensor.namespace.operands import (
    PUBLIC,
    any_traced,
    axis_of,
    broadcast_together,
    common_dtype,
    dtype_of,
    expr_of,
    public,
    show,
    sizes_of,
)
from eqsat_tensor.namespace.pieces import surely_at_least
from eqsat_tensor.ops import arithmetic, compare, movement
from eqsat_tensor.ops.leaf import constant, iota, size_value
from eqsat_tensor.sizes import size_of, size_or_dim
from eqsat_tensor.tensor import Tensor, as_expr, number_now

MOST_PARTS = 1 << 20  # steps are fractions of at most so many parts of 1: then floats are exact


@public(numpy=np.arange)
def arange(start: Any = None, stop: Any = None, step: Any = 1, dtype: Any = None) -> Tensor:
    """start, start + step, ... below `stop`: sizes and ints, or floats beside them.

    A float beside a size has to be a fraction of a power of two, such as 0.25: the number of
    elements is then known exactly.
    """
    if stop is None:
        start, stop = None, start
    given = tuple(map(number_now, (0 if start is None else start, stop, step)))
    if not any_traced(given):
        return Tensor(as_expr(np.arange(*given, dtype=dtype)))
    if any(isinstance(v, Tensor) for v in given):
        hint = "Write start + step * arange(n)."
        got = ", ".join(map(show, given))
        raise UnsupportedError(message("arange", "a length known from ints and sizes", got, hint))
    whole = all(size_of(v) is not None for v in given)
    kind = dtype_of(dtype if dtype is not None else INT64 if whole else FLOAT64)
    if kind in INTS and not whole:
        raise UnsupportedError(message("arange", "ints for a dtype of integers", f"{given}"))
    (first, low), (last, high), (by, stride) = map(_exact, given)
    if not isinstance(stride, int) or stride == 0:
        raise UnsupportedError(
            message("arange", "a step known while tracing, not 0", f"{given[2]}")
        )
    parts = int(np.lcm.reduce([first, last, by]))  # all three are counted in these
    low, high, stride = low * (parts // first), high * (parts // last), stride * (parts // by)
    distance = high - low if stride > 0 else low - high
    length = maximum(floor_divide(distance + (abs(stride) - 1), abs(stride)), 0)
    index = iota(axis=0, dtype=kind, shape=(length,))
    if stride != parts:
        index = arithmetic.multiply(index, constant(given[2], kind, index.shape))
    if low != 0:
        offset = compare.cast_to(as_expr(given[0]), kind)
        index = arithmetic.add(index, movement.broadcast_to(offset, index.shape))
    return Tensor(index)


def _exact(value: Any) -> tuple[int, Size]:
    """(parts, number) with value = number / parts."""
    size = size_of(value)
    if size is not None:
        return 1, size
    number, parts = float(value).as_integer_ratio() if np.isfinite(value) else (0, MOST_PARTS + 1)
    if parts > MOST_PARTS:
        hint = "Use linspace, or pin the size by int(n)."
        needs = "beside a size floats that are whole parts of a power of 1/2"
        raise UnsupportedError(message("arange", needs, f"{value}", hint))
    return parts, number


# ---------------------------------------------------------------------------------------- linspace
@public(numpy=np.linspace)
def linspace(
    start: Any,
    stop: Any,
    num: Any = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """`num` numbers from `start` to `stop` (without it, where `endpoint` is false) along `axis`.

    start, stop: numbers or arrays, which broadcast.  With `retstep` also the distance of two.
    """
    first, last = _ends("linspace", start, stop)
    count = _count("linspace", num)
    kind = first.dtype
    span = arithmetic.subtract(last, first)
    parts = count - 1 if endpoint else count
    step = arithmetic.divide(span, _spread(maximum(parts, 1), kind, span))
    shape = (count, *span.shape)
    index = iota(axis=0, dtype=kind, shape=shape)
    first, last, wide = (movement.broadcast(e, (0,), shape) for e in (first, last, step))
    values = arithmetic.add(arithmetic.multiply(index, wide), first)
    if endpoint and count != 1:
        place = _spread(maximum(count - 1, 1), kind, index)  # of one number the first is the start
        values = compare.where(compare.equal(index, place), last, values)
    kept = kind if dtype is None else dtype_of(dtype)
    if kept.kind in "iu":
        values = arithmetic.floor(values)
    result = Tensor(_first_axis_to("linspace", compare.cast_to(values, kept), axis))
    if not retstep:
        return result
    if isinstance(parts, int) and parts <= 0:
        return result, Tensor(constant(np.nan, FLOAT64))
    if not surely_at_least(parts, 1):
        none = compare.less_equal(_spread(parts, INT64, step), _spread(0, INT64, step))
        step = compare.where(none, constant(np.nan, kind, step.shape), step)
    return result, Tensor(step)


def _ends(name: str, start: Any, stop: Any) -> tuple[Expr, Expr]:
    """Both ends as floats of one dtype and shape; Python numbers are weak."""
    kind = common_dtype(name, (start, stop, 1.0))
    exprs = [compare.cast_to(expr_of(name, v), kind) for v in (start, stop)]
    first, last = broadcast_together(name, (start, stop), exprs)
    return first, last


def _count(name: str, num: Any) -> Size:
    count = size_of(num)
    if count is None or (isinstance(count, int) and count < 0):
        raise ShapeError(message(name, "a number of samples, not negative", f"num={num!r}"))
    return count


def _spread(size: Size, dtype: np.dtype, like: Expr) -> Expr:
    return movement.broadcast_to(size_value(size, dtype), like.shape)


def _first_axis_to(name: str, x: Expr, axis: int) -> Expr:
    rank = len(x.shape)
    place = axis_of(name, axis, rank)
    order = list(range(1, rank))
    return movement.transpose(x, [*order[:place], 0, *order[place:]])


@public(numpy=np.logspace)
def logspace(
    start: Any,
    stop: Any,
    num: Any = 50,
    endpoint: bool = True,
    base: Any = 10.0,
    dtype: Any = None,
    axis: int = 0,
) -> Tensor:
    """`base` to the power of `linspace`; an array of bases broadcasts with the ends."""
    if len(as_expr(base).shape):
        rank = max(len(as_expr(v).shape) for v in (start, stop, base))
        start, stop, base = (
            PUBLIC["array"](Tensor(as_expr(v)), ndmin=rank) for v in (start, stop, base)
        )
        base = PUBLIC["expand_dims"](base, axis=axis)
    powers = PUBLIC["power"](base, _tensor(linspace(start, stop, num, endpoint, axis=axis)))
    return _tensor(powers if dtype is None else PUBLIC["astype"](powers, dtype))


def _tensor(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else Tensor(as_expr(value))


@public(numpy=np.geomspace)
def geomspace(
    start: Any,
    stop: Any,
    num: Any = 50,
    endpoint: bool = True,
    dtype: Any = None,
    axis: int = 0,
) -> Tensor:
    """`num` numbers in geometric progression; both ends have one sign and are not 0."""
    ends = [expr_of("geomspace", v) for v in (start, stop)]
    kept = dtype_of(
        np.result_type(*(e.dtype for e in ends), np.float64 if dtype is None else dtype)
    )
    if kept not in FLOATS:
        kept = FLOAT64
    first, last = (Tensor(compare.cast_to(e, kept)) for e in ends)
    sign = PUBLIC["sign"](first)
    first, last = first / sign, last / sign
    count = _count("geomspace", num)
    values = logspace(PUBLIC["log10"](first), PUBLIC["log10"](last), num, endpoint)
    shape = values.expr.shape
    index = iota(axis=0, dtype=INT64, shape=shape)
    for end, place in ((last, maximum(count - 1, 1)), (first, 0))[0 if endpoint else 1 :]:
        there = compare.equal(index, _spread(place, INT64, index))
        new = movement.broadcast_to(end.expr, shape)
        values = Tensor(compare.where(there, new, values.expr))
    result = _first_axis_to("geomspace", (values * sign).expr, axis)
    return Tensor(compare.cast_to(result, kept if dtype is None else dtype_of(dtype)))


# -------------------------------------------------------------------------------------------- grids
@public(numpy=np.meshgrid)
def meshgrid(*arrays: Any, sparse: bool = False, indexing: str = "xy") -> tuple[Tensor, ...]:
    """Vectors as coordinates of a grid, each along an axis of its own.

    indexing: "xy" exchanges the first two axes, "ij" does not.  sparse: axes of size 1 are left
    as they are instead of being filled.
    """
    if indexing not in ("xy", "ij"):
        raise ArgumentError(message("meshgrid", "indexing 'xy' or 'ij'", f"indexing={indexing!r}"))
    rank = len(arrays)
    made = []
    for place, value in enumerate(arrays):
        flat = _tensor(PUBLIC["ravel"](_tensor(value))).expr
        axis = {0: 1, 1: 0}.get(place, place) if indexing == "xy" and rank > 1 else place
        made.append(Tensor(movement.expand_dims(flat, [j for j in range(rank) if j != axis])))
    if sparse or not made:
        return tuple(made)
    result: tuple[Tensor, ...] = PUBLIC["broadcast_arrays"](*made)
    return result


@public(numpy=np.indices)
def indices(dimensions: Any, dtype: Any = int, sparse: bool = False) -> Any:
    """The index along each axis of a grid, stacked; a tuple of vectors along its axes if sparse."""
    sizes, kind = sizes_of("indices", dimensions), dtype_of(dtype)
    if sparse:
        rank = len(sizes)
        lone = [iota(axis=0, dtype=kind, shape=(s,)) for s in sizes]
        return tuple(
            Tensor(movement.expand_dims(e, [j for j in range(rank) if j != i]))
            for i, e in enumerate(lone)
        )
    if not sizes:
        return Tensor(constant(0, kind, (0,)))
    return PUBLIC["stack"](
        [Tensor(iota(axis=a, dtype=kind, shape=sizes)) for a in range(len(sizes))]
    )


@public(numpy=np.fromfunction)
def fromfunction(
    function: Callable[..., Any], shape: Any, *, dtype: Any = float, **options: Any
) -> Any:
    """`function` called on the index along each axis of a grid."""
    grid = indices(shape, dtype=dtype)
    return function(*(grid[i] for i in range(len(sizes_of("fromfunction", shape)))), **options)


class Grid:
    """`mgrid` and `ogrid`: slices with sizes as bounds make arrays of coordinates."""

    def __init__(self, name: str, numpy: Any, sparse: bool) -> None:
        self._name, self._numpy, self._sparse = name, numpy, sparse

    def __getitem__(self, key: Any) -> Any:
        if not _traced_key(key):
            return self._numpy[key]
        if isinstance(key, slice):
            return _of_slice(self._name, key)
        lines = [_of_slice(self._name, k) for k in key]
        dtype = np.result_type(*(v.dtype for v in lines))
        grids = meshgrid(*(v.astype(dtype) for v in lines), sparse=self._sparse, indexing="ij")
        return grids if self._sparse else PUBLIC["stack"](grids)

    def __repr__(self) -> str:
        return f"<eqsat_tensor.{self._name}>"


def _traced_key(key: Any) -> bool:
    items = key if isinstance(key, tuple) else (key,)
    return any(
        any_traced((k.start, k.stop, k.step) if isinstance(k, slice) else (k,)) for k in items
    )


def _of_slice(name: str, key: slice) -> Tensor:
    start, step = 0 if key.start is None else key.start, 1 if key.step is None else key.step
    if key.stop is None:
        raise ArgumentError(message(name, "slices with a stop", f"{key}"))
    if isinstance(step, complex):
        return _tensor(linspace(start, key.stop, int(abs(step))))
    return _tensor(arange(start, key.stop, step))


class Joined:
    """`r_` and `c_`: arrays, numbers and slices in brackets, joined along the first axis, or as
    columns along the last.
    """

    def __init__(self, name: str, numpy: Any, columns: bool) -> None:
        self._name, self._numpy, self._columns = name, numpy, columns

    def __getitem__(self, key: Any) -> Any:
        if not _traced_key(key):
            return self._numpy[key]
        items = key if isinstance(key, tuple) else (key,)
        if any(isinstance(k, str) for k in items):
            hint = "Use concatenate, or stack, with an axis."
            raise UnsupportedError(message(self._name, "no directive in a string", f"{key}", hint))
        parts = [_of_slice(self._name, k) if isinstance(k, slice) else k for k in items]
        dtype = common_dtype(self._name, parts)
        arrays = [Tensor(compare.cast_to(as_expr(p), dtype)) for p in parts]
        wide = [PUBLIC["atleast_1d"](a) for a in arrays]
        if self._columns:
            wide = [a[:, None] if a.ndim == 1 else a for a in wide]
        return PUBLIC["concatenate"](wide, axis=-1 if self._columns else 0)

    def __repr__(self) -> str:
        return f"<eqsat_tensor.{self._name}>"


GRIDS = {
    "mgrid": Grid("mgrid", np.mgrid, sparse=False),
    "ogrid": Grid("ogrid", np.ogrid, sparse=True),
    "r_": Joined("r_", np.r_, columns=False),
    "c_": Joined("c_", np.c_, columns=True),
}


@public(numpy=np.vander)
def vander(x: Any, /, N: Any = None, increasing: bool = False) -> Tensor:
    """The powers of a vector as columns, the highest first: `N` of them, as many as elements."""
    expr = expr_of("vander", x)
    if len(expr.shape) != 1:
        raise ShapeError(message("vander", "one axis", f"x: {show(x)}"))
    count = int(size_or_dim(expr.shape[0]) if N is None else N)
    kind = np.result_type(expr.dtype, np.int64)
    base = compare.cast_to(expr, dtype_of(kind))
    columns = [constant(1, base.dtype, base.shape)][:count]
    for _ in range(1, count):
        columns.append(arithmetic.multiply(columns[-1], base) if len(columns) > 1 else base)
    if not columns:
        return Tensor(constant(0, base.dtype, (*base.shape, 0)))
    result: Tensor = PUBLIC["stack"](
        [Tensor(c) for c in (columns if increasing else columns[::-1])], axis=1
    )
    return result
