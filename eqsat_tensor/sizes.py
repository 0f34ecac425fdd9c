"""`Dim`: a size of a traced array that is not known yet, as the user sees it in ``x.shape``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from eqsat_tensor.errors import TraceError, message
from eqsat_tensor.extents import (
    Size,
    SizeTerm,
    Symbol,
    evaluate,
    floor_divide,
    lower_bound,
    maximum,
    remainder,
)

_pin: ContextVar[Callable[[Dim], int] | None] = ContextVar("pin", default=None)


@contextmanager
def pinning(pin: Callable[[Dim], int]) -> Iterator[None]:
    """While tracing: `pin(dim)` gives the number that a size has now, and notes the dependence."""
    token = _pin.set(pin)
    try:
        yield
    finally:
        _pin.reset(token)


def tracing() -> bool:
    """Is a function being traced now?"""
    return _pin.get() is not None


def sizes_now() -> Mapping[str, int] | None:
    """The numbers that size symbols stand for now, by name; to look at them pins nothing."""
    return getattr(_pin.get(), "sizes", None)


class Dim:
    """A size known at run time.  + - * // % with ints and sizes give sizes; with floats and
    tensors, and for NumPy's functions, it is a number.  `int()`, `range()`, comparisons and what
    makes a NumPy array of it pin it to its value now.
    """

    __slots__ = ("size",)

    # Arithmetic with anything but sizes: set by `tensor`, which this module does not import.
    combine: Callable[[str, Any, Any], Any]
    __array_ufunc__: Callable[..., Any]
    __array_function__: Callable[..., Any]

    def __init__(self, size: SizeTerm) -> None:
        self.size = size

    def value(self, sizes: Mapping[str, int]) -> int:
        """The number that this size is, given its symbols."""
        return evaluate(self.size, sizes)

    def _arithmetic(self, name: str, left: Any, right: Any) -> Any:
        a, b = size_of(left), size_of(right)
        if a is None or b is None:
            return Dim.combine(name, left, right)
        if name == "add":
            return size_or_dim(a + b)
        if name == "subtract":
            return size_or_dim(a - b)
        if name == "multiply":
            return size_or_dim(a * b)
        if name in ("floor_divide", "remainder"):
            # Python's error is raised here, and never of sizes that are only guessed
            if may_be_zero(b):
                b = int(size_or_dim(b))
            return size_or_dim((floor_divide if name == "floor_divide" else remainder)(a, b))
        return Dim.combine(name, left, right)

    def __add__(self, other: Any) -> Any:
        return self._arithmetic("add", self, other)

    def __radd__(self, other: Any) -> Any:
        return self._arithmetic("add", other, self)

    def __sub__(self, other: Any) -> Any:
        return self._arithmetic("subtract", self, other)

    def __rsub__(self, other: Any) -> Any:
        return self._arithmetic("subtract", other, self)

    def __mul__(self, other: Any) -> Any:
        return self._arithmetic("multiply", self, other)

    def __rmul__(self, other: Any) -> Any:
        return self._arithmetic("multiply", other, self)

    def __floordiv__(self, other: Any) -> Any:
        return self._arithmetic("floor_divide", self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return self._arithmetic("floor_divide", other, self)

    def __mod__(self, other: Any) -> Any:
        return self._arithmetic("remainder", self, other)

    def __rmod__(self, other: Any) -> Any:
        return self._arithmetic("remainder", other, self)

    def __truediv__(self, other: Any) -> Any:
        return Dim.combine("divide", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return Dim.combine("divide", other, self)

    def __pow__(self, other: Any) -> Any:
        return Dim.combine("power", self, other)

    def __rpow__(self, other: Any) -> Any:
        return Dim.combine("power", other, self)

    def __neg__(self) -> Any:
        return size_or_dim(-self.size)

    def __pos__(self) -> Dim:
        return self

    def __abs__(self) -> Any:
        return size_or_dim(maximum(self.size, -self.size))

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    def __int__(self) -> int:
        pin = _pin.get()
        if pin is None:
            raise TraceError(
                message(
                    "size",
                    "a size that is known now",
                    f"{self.size}",
                    "Give tensor() the number in its shape, or call the code under jit, which "
                    "then compiles for each such size.",
                )
            )
        return pin(self)

    __index__ = __int__

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(int(self), dtype)

    def __bool__(self) -> bool:
        return int(self) != 0

    def __float__(self) -> float:
        return float(int(self))

    def __hash__(self) -> int:
        return hash(self.size)

    def _compared(self, other: Any, same: bool, compare: Callable[[int, int], bool]) -> Any:
        size = size_of(other)
        if size is None:
            return NotImplemented
        if size == self.size:
            return same
        return compare(int(self), int(size_or_dim(size)))

    def __eq__(self, other: Any) -> Any:
        return self._compared(other, True, lambda a, b: a == b)

    def __ne__(self, other: Any) -> Any:
        return self._compared(other, False, lambda a, b: a != b)

    def __lt__(self, other: Any) -> Any:
        return self._compared(other, False, lambda a, b: a < b)

    def __le__(self, other: Any) -> Any:
        return self._compared(other, True, lambda a, b: a <= b)

    def __gt__(self, other: Any) -> Any:
        return self._compared(other, False, lambda a, b: a > b)

    def __ge__(self, other: Any) -> Any:
        return self._compared(other, True, lambda a, b: a >= b)

    def __repr__(self) -> str:
        return f"Dim({self.size})"


def may_be_zero(size: Size) -> bool:
    """Is it not certain that the size differs from 0, where it is made of others?"""
    if isinstance(size, int):
        return size == 0
    alone = (
        len(size.terms) == 1
        and size.terms[0][0]
        and all(isinstance(atom, Symbol) for atom in size.terms[0][0])
    )
    bounds = lower_bound(size), lower_bound(-size)
    return not alone and all(low is None or low < 1 for low in bounds)


def size_or_dim(size: Size) -> int | Dim:
    """What users see of a size: an int where it is known, else a `Dim`."""
    return size if isinstance(size, int) else Dim(size)


def size_of(value: Any) -> Size | None:
    """The size that a user gave, an int or a `Dim`; None for anything else."""
    if isinstance(value, Dim):
        return value.size
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        return None
    if hasattr(value, "expr"):  # a traced number is no size
        return None
    return int(value.__index__())
