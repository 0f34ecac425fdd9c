"""Masks whose count is not known while tracing: ``x[mask] = v`` and ``x[mask] += v`` are selections.

``x[mask]`` itself has no size yet: a `Selection` stands for it, which can be computed with element
by element, summed up, and written to the same places.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from eqsat_tensor.errors import ShapeError, UnsupportedError, message
from eqsat_tensor.lang import Expr
from eqsat_tensor.namespace.keys import Key
from eqsat_tensor.namespace.operands import axis_of, show
from eqsat_tensor.ops import movement
from eqsat_tensor.ops.compare import cast_to, where
from eqsat_tensor.tensor import BINARY, COMPARISONS, FUNCTIONS, Tensor, as_expr
from eqsat_tensor.types import Shape

HINT = "Use where(mask, x, 0), sum(x, where=mask), or nonzero(mask, size=...)."


class Selection:
    """The elements of ``data`` where ``mask`` is true, how many is not known.

    Selections by one mask, and what broadcasts against the axes behind it, go together.
    """

    __array_priority__ = 2000.0

    def __init__(self, data: Tensor, mask: Expr, axis: int) -> None:
        self.data, self.mask, self.axis = data, mask, axis

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the elements."""
        return self.data.dtype

    def _operand(self, other: Any) -> Any:
        if isinstance(other, Selection):
            if other.mask is not self.mask or other.axis != self.axis:
                raise _unknown("elements that one mask selects", "two masks")
            return other.data
        rank = len(as_expr(other).shape)
        if rank > len(self.data.expr.shape) - self.axis - len(self.mask.shape):
            raise _unknown("numbers, or elements of the same mask", show(other))
        return other

    def _apply(self, name: str, *operands: Any) -> Selection:
        data = FUNCTIONS[name](*(self._operand(o) for o in operands))
        return Selection(data, self.mask, self.axis)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or options:
            raise _unknown("a function of elements", f"numpy.{ufunc.__name__}.{method}")
        data = FUNCTIONS["__array_ufunc__"](ufunc, method, *(self._operand(o) for o in inputs))
        return Selection(data, self.mask, self.axis)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        name = function.__name__
        if name in REDUCTIONS and args and args[0] is self:
            return getattr(self, name)(*args[1:], **kwargs)
        raise _unknown("an array whose size is known", f"{name}(x[mask])")

    def _reduced(self, name: str, axis: Any, out: Any, options: dict[str, Any]) -> Any:
        """A reduction of the elements, which are one axis, and of the axes behind it."""
        rank = len(self.data.expr.shape)
        first, masked = self.axis, len(self.mask.shape)
        if axis is not None:
            after = axis_of(name, axis, rank - masked + 1)
            if after != first:
                raise _unknown("an axis whose size is known", f"x[mask].{name}(axis={axis})")
            axis = tuple(range(first, first + masked))
        refused = [key for key in options if key not in ("dtype", "ddof")]
        refused += ["out"] * (out is not None)
        if refused:
            raise _unknown(f"no {refused[0]}=", f"x[mask].{name}")
        others = [j for j in range(rank) if not first <= j < first + masked]
        kept = Tensor(movement.broadcast(self.mask, others, self.data.expr.shape))
        return FUNCTIONS[name](self.data, axis=axis, where=kept, **options)

    @property
    def size(self) -> Tensor:
        """How many elements there are: a number known at run time."""
        shape = self.data.shape
        count: Any = FUNCTIONS["sum"](Tensor(self.mask))
        for j, size in enumerate(shape):
            if not self.axis <= j < self.axis + len(self.mask.shape):
                count = count * size
        return count  # type: ignore[no-any-return]

    def astype(self, dtype: Any) -> Selection:
        """The elements in another dtype."""
        return Selection(self.data.astype(dtype), self.mask, self.axis)

    def copy(self) -> Selection:
        """The elements themselves: a selection is no view."""
        return self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise _unknown("an array whose size is known", f"x[mask].{name}")

    def unsized(self) -> UnsupportedError:
        """The error of whoever wants the elements as an array."""
        return _unknown("an array whose size is known", "x[mask]")

    def __len__(self) -> int:
        raise _unknown("an array whose size is known", "len(x[mask])")

    def __repr__(self) -> str:
        return f"Selection({self.data.expr.type})"


def _unknown(needs: str, got: str) -> UnsupportedError:
    return UnsupportedError(message("x[mask]", needs, f"{got}, mask not known now", HINT))


def _method(name: str, swapped: bool = False) -> Callable[[Selection, Any], Selection]:
    def method(self: Selection, other: Any) -> Selection:
        return self._apply(name, other, self) if swapped else self._apply(name, self, other)

    return method


def _unary(name: str) -> Callable[[Selection], Selection]:
    return lambda self: self._apply(name, self)


def _reduction(name: str) -> Callable[..., Any]:
    def method(self: Selection, axis: Any = None, out: Any = None, **options: Any) -> Any:
        given = {k: v for k, v in options.items() if v is not None}
        return self._reduced(name, axis, out, given)

    method.__name__ = name
    method.__doc__ = f"`{name}` of the elements: of the whole, where the mask is true."
    return method


REDUCTIONS = ("sum", "prod", "mean", "std", "var", "any", "all")  # of no elements they have a value
for _name in REDUCTIONS:
    setattr(Selection, _name, _reduction(_name))
for _name, _function in {**BINARY, **COMPARISONS}.items():
    if _function != "matmul":
        setattr(Selection, f"__{_name}__", _method(_function))
        setattr(Selection, f"__r{_name}__", _method(_function, swapped=True))
for _name, _function in {"neg": "negative", "abs": "absolute", "invert": "bitwise_not"}.items():
    setattr(Selection, f"__{_name}__", _unary(_function))


def masked_read(cut: Expr, key: Key) -> Selection:
    """``x[mask]``, the basic part of the key being read."""
    assert key.mask is not None
    return Selection(Tensor(cut), key.mask, key.mask_axis)


def masked_write(x: Tensor, key: Key, value: Any, mode: str) -> Expr:
    """`x` after ``x[mask] = v`` (or ``+=`` ...): v is one element, or a selection by the same mask."""
    cut = key.cut(x.expr)
    if key.mask is None:
        raise _unknown("a mask on both sides", "x[...] = y[mask]")
    if isinstance(value, Selection):
        if value.mask is not key.mask or value.data.expr.shape != cut.shape:
            raise _unknown("the same mask on both sides", "another")
        new = value.data.expr
    else:
        new = _alike(as_expr(value), cut.shape, key)
    new = cast_to(new, x.dtype)
    if mode != "set":
        new = FUNCTIONS[mode](Tensor(cut), Tensor(new)).expr
    rank, first = len(key.mask.shape), key.mask_axis
    others = [j for j in range(len(cut.shape)) if not first <= j < first + rank]
    kept = movement.broadcast(key.mask, others, cut.shape)
    return key.paste(x.expr, where(kept, new, cut))


def _alike(value: Expr, shape: Shape, key: Key) -> Expr:
    """A value that is the same for every selected place, in the shape of all places."""
    assert key.mask is not None
    tail = len(shape) - key.mask_axis - len(key.mask.shape)
    extra = len(value.shape) - tail
    if extra > 0:
        if any(s != 1 for s in value.shape[:extra]):
            needs = "a value that is the same for every element that the mask selects"
            hint = "Write x[mask] = y[mask], or where(mask, y, x)."
            raise ShapeError(message("x[mask] = v", needs, str(value.type), hint))
        value = movement.squeeze(value, range(extra))
    return movement.broadcast_to(value, shape)
