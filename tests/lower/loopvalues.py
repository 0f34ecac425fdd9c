"""Loop values with a few operators, and what they mean, by NumPy: the oracle of these tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eqsat_tensor.extents import Size, evaluate, symbol
from eqsat_tensor.scalar import PRIMITIVES
from eqsat_tensor.schedule.loop_values import (
    Call,
    Constant,
    Input,
    Iota,
    Map,
    Pad,
    Pick,
    Reduce,
    SizeValue,
    Value,
    View,
    walk,
)
from eqsat_tensor.types import TensorType, literal

F64, F32, I64, I32, BOOL = map(np.dtype, ("f8", "f4", "i8", "i4", "?"))
N, M, K = symbol("n"), symbol("m"), symbol("k")


class T:
    """A value with NumPy's operators; shapes broadcast only by `to`."""

    def __init__(self, value: Value) -> None:
        self.v = value

    @property
    def shape(self) -> tuple[Size, ...]:
        return self.v.shape

    def __getitem__(self, index: Any) -> T:
        index = index if isinstance(index, tuple) else (index,)
        index += (slice(None),) * (len(self.shape) - len(index))
        shape, axes = [], []
        for s, d in zip(index, self.shape, strict=True):
            step = s.step or 1
            low, high = s.start or 0, s.stop
            if step < 0:
                assert s.start is None
                assert s.stop is None
                shape.append((d - 1) // -step + 1 if step != -1 else d)
                axes.append((len(axes), d - 1, step))
                continue
            high = d if high is None else d + high if isinstance(high, int) and high < 0 else high
            shape.append(-((low - high) // step))
            axes.append((len(axes), low, step))
        return T(View(TensorType(self.v.dtype, tuple(shape)), self.v, tuple(axes)))

    @property
    def mT(self) -> T:
        r = len(self.shape)
        order = [*range(r - 2), r - 1, r - 2]
        return self.transpose(*order)

    def transpose(self, *order: int) -> T:
        place = {axis: j for j, axis in enumerate(order)}
        axes = tuple((place[k], 0, 1) for k in range(len(order)))
        shape = tuple(self.shape[k] for k in order)
        return T(View(TensorType(self.v.dtype, shape), self.v, axes))

    def to(self, *shape: Size, axes: Sequence[int] = ()) -> T:
        """Broadcast: `axes` of the result are this value's, by default the last ones."""
        if self.shape == shape or isinstance(self.v, Constant | SizeValue):
            return self
        places = list(axes) or list(range(len(shape) - len(self.shape), len(shape)))
        terms = tuple(
            (p, 0, 1) if s == shape[p] else (None, 0, 1)
            for p, s in zip(places, self.shape, strict=True)
        )
        return T(View(TensorType(self.v.dtype, tuple(shape)), self.v, terms))

    def pad(self, *ends: tuple[Size, Size]) -> T:
        shape = tuple(d + a + b for d, (a, b) in zip(self.shape, ends, strict=True))
        low = tuple(a for a, _ in ends)
        return T(Pad(TensorType(self.v.dtype, shape), self.v, low))

    def reduce(self, word: str, *axes: int) -> T:
        axes = axes or tuple(range(len(self.shape)))
        shape = tuple(d for j, d in enumerate(self.shape) if j not in axes)
        return T(Reduce(TensorType(self.v.dtype, shape), word, self.v, axes))

    def sum(self, *axes: int) -> T:
        return self.reduce("sum", *axes)

    def max(self, *axes: int) -> T:
        return self.reduce("max", *axes)

    def cast(self, dtype: Any) -> T:
        return T(Map(self.v.type.with_dtype(np.dtype(dtype)), "cast", (self.v,)))

    def pick(self, axis: int, index: T) -> T:
        return T(Pick(TensorType(self.v.dtype, index.shape), self.v, axis, index.v))

    def reshape(self, *shape: Size) -> T:
        return T(Call(TensorType(self.v.dtype, shape), "reshape", (self.v,)))

    def iota(self, axis: int) -> T:
        return T(Iota(TensorType(I64, self.shape), axis))

    def __add__(self, o: Any) -> T:
        return fn("add", self, o)

    def __radd__(self, o: Any) -> T:
        return fn("add", o, self)

    def __sub__(self, o: Any) -> T:
        return fn("subtract", self, o)

    def __rsub__(self, o: Any) -> T:
        return fn("subtract", o, self)

    def __mul__(self, o: Any) -> T:
        return fn("multiply", self, o)

    def __rmul__(self, o: Any) -> T:
        return fn("multiply", o, self)

    def __truediv__(self, o: Any) -> T:
        return fn("divide", self, o)

    def __rtruediv__(self, o: Any) -> T:
        return fn("divide", o, self)

    def __neg__(self) -> T:
        return fn("negative", self)


def array(name: str, *shape: Size, dtype: Any = F64, contiguous: bool = True) -> T:
    return T(Input(TensorType(np.dtype(dtype), shape), name, contiguous))


def constant(value: Any, dtype: Any = F64) -> T:
    return T(Constant(TensorType(np.dtype(dtype), ()), literal(value, np.dtype(dtype))))


def size_of(size: Size, dtype: Any = I64) -> T:
    return T(SizeValue(TensorType(np.dtype(dtype), ()), size))


def fn(name: str, *operands: Any) -> T:
    """A primitive; numbers become constants."""
    first = next(o for o in reversed(operands) if isinstance(o, T))
    values = [o if isinstance(o, T) else constant(o, first.v.dtype) for o in operands]
    shape = next((o.shape for o in values if not isinstance(o.v, Constant | SizeValue)), ())
    dtype = values[-1].v.dtype
    if name in PRIMITIVES and PRIMITIVES[name].result == "bool":
        dtype = BOOL
    return T(Map(TensorType(dtype, shape), name, tuple(o.v for o in values)))


def meaning(
    outputs: Sequence[Value], arrays: dict[str, np.ndarray], sizes: dict[str, int]
) -> list[np.ndarray]:
    """The values, by NumPy.  float32 sums are done in float64."""
    done: dict[Value, np.ndarray] = {}
    for value in walk(outputs):
        done[value] = _meaning(value, done, arrays, sizes)
    return [done[o] for o in outputs]


def _meaning(value: Value, done: dict[Value, Any], arrays: Any, sizes: dict[str, int]) -> Any:
    shape = tuple(evaluate(s, sizes) for s in value.shape)
    if isinstance(value, Input):
        return arrays[value.name]
    if isinstance(value, Constant):
        return np.array(value.value.value, value.dtype)
    if isinstance(value, SizeValue):
        return np.array(evaluate(value.size, sizes), value.dtype)
    if isinstance(value, Iota):
        line = np.arange(shape[value.axis]).astype(value.dtype)
        return np.broadcast_to(np.expand_dims(line, _others(value.axis, len(shape))), shape)
    if isinstance(value, Map):
        operands = [np.broadcast_to(done[o], shape) for o in value.operands]
        with np.errstate(all="ignore"):
            if value.primitive == "keep":
                return operands[0]
            if value.primitive == "cast":
                return operands[0].astype(value.dtype)
            return PRIMITIVES[value.primitive].numpy(*operands)
    if isinstance(value, View):
        index = [
            np.zeros(shape, int) + evaluate(start, sizes)
            if axis is None
            else np.broadcast_to(
                np.expand_dims(
                    np.arange(shape[axis]) * step + evaluate(start, sizes),
                    _others(axis, len(shape)),
                ),
                shape,
            )
            for axis, start, step in value.axes
        ]
        source = done[value.source]
        return source[tuple(index)] if index else np.broadcast_to(source, shape)
    if isinstance(value, Pad):
        result = np.zeros(shape, value.dtype)
        source = done[value.source]
        result[
            tuple(
                slice(evaluate(low, sizes), evaluate(low, sizes) + d)
                for low, d in zip(value.low, source.shape, strict=True)
            )
        ] = source
        return result
    if isinstance(value, Reduce):
        return _reduced(value, done[value.source])
    if isinstance(value, Pick):
        index = np.expand_dims(done[value.index], value.axis)
        return np.take_along_axis(done[value.source], index, value.axis).squeeze(value.axis)
    assert isinstance(value, Call), value
    operands = [done[o] for o in value.operands]
    if value.function == "reshape":
        return operands[0].reshape(shape)
    options = dict(value.options)
    a, b, *rest = operands
    a = np.swapaxes(a, -1, -2) if options["transpose_a"] else a
    b = np.swapaxes(b, -1, -2) if options["transpose_b"] else b
    with np.errstate(all="ignore"):
        return rest[0] * (a @ b) + rest[1] * rest[2] if rest else a @ b


def _others(axis: int, rank: int) -> tuple[int, ...]:
    return tuple(j for j in range(rank) if j != axis)


def _reduced(value: Reduce, source: np.ndarray) -> Any:
    wide = source.astype("f8") if source.dtype == F32 else source
    identity = {"max": -np.inf, "min": np.inf}.get(value.combine)
    if source.dtype.kind == "i" and identity is not None:
        limits = np.iinfo(source.dtype)
        identity = limits.min if value.combine == "max" else limits.max
    with np.errstate(all="ignore"):
        if identity is not None and source.dtype.kind != "b":
            return getattr(np, value.combine)(wide, value.axes, initial=identity).astype(
                value.dtype
            )
        word = {"max": "any", "min": "all"}.get(value.combine, value.combine)
        if word in ("any", "all"):
            return getattr(np, word)(source, value.axes)
        return getattr(np, word)(wide, value.axes, dtype=wide.dtype).astype(value.dtype)
