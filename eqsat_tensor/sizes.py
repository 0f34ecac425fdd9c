"""`Dim`: a size of a traced array that is not known yet, as the user sees it in ``x.shape``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from eqsat_tensor.errors import TraceError, message
from eqsat_tensor.extents import (
    Size,
    SizeTerm,
    Symbol,
    floor_divide,
    lower_bound,
    maximum,
    remainder,
    same_size,
)

if TYPE_CHECKING:
    from collections.abc import Callable


class Numbers(Protocol):
    """What sizes are while a function is traced, and what the trace comes to depend on."""

    @property
    def sizes(self) -> Mapping[str, int]:
        """The numbers that size symbols stand for now, by name; to look at them binds to nothing."""

    def pin(self, size: SizeTerm) -> int:
        """The number that a size has now; the trace then serves only that."""

    def equal(self, left: Size, right: Size) -> bool:
        """Are they equal now?  The trace then serves sizes of which the same is true."""

    def at_least(self, left: Size, right: Size) -> bool:
        """Is the left one now as large as the right one?  As with `equal`."""


_numbers: ContextVar[Numbers | None] = ContextVar("numbers", default=None)


@contextmanager
def numbered(numbers: Numbers) -> Iterator[None]:
    """While tracing: sizes are these numbers, where Python must know."""
    token = _numbers.set(numbers)
    try:
        yield
    finally:
        _numbers.reset(token)


def tracing() -> bool:
    """Is a function being traced now?"""
    return _numbers.get() is not None


def sizes_now() -> Mapping[str, int] | None:
    """The numbers that size symbols stand for now, by name; None where nothing is traced."""
    numbers = _numbers.get()
    return None if numbers is None else numbers.sizes


def _needs_number(size: Size) -> TraceError:
    return TraceError(
        message(
            "size",
            "a size that is known now",
            f"{size}",
            "Give tensor() the number in its shape, or call the code under jit, which "
            "then compiles for each such size.",
        )
    )


def _equal(left: Size, right: Size) -> bool:
    known = same_size(left, right)
    if known is not None:
        return known
    numbers = _numbers.get()
    if numbers is None:
        raise _needs_number(left - right)
    return numbers.equal(left, right)


def _at_least(left: Size, right: Size) -> bool:
    for difference, answer in ((left - right, True), (right - left - 1, False)):
        low = lower_bound(difference)
        if low is not None and low >= 0:
            return answer
    numbers = _numbers.get()
    if numbers is None:
        raise _needs_number(left - right)
    return numbers.at_least(left, right)


class Dim:
    """A size known at run time.  + - * // % with ints and sizes give sizes; with floats and
    tensors, and for NumPy's functions, it is a number.  `int()`, `range()` and what makes a NumPy
    array of it pin it to its value now.  A comparison whose answer is not certain binds the trace to
    sizes of which the same is true.
    """

    __slots__ = ("size",)

    # Arithmetic with anything but sizes: set by `tensor`, which this module does not import.
    combine: Callable[[str, Any, Any], Any]
    __array_ufunc__: Callable[..., Any]
    __array_function__: Callable[..., Any]

    def __init__(self, size: SizeTerm) -> None:
        self.size = size

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
        numbers = _numbers.get()
        if numbers is None:
            raise _needs_number(self.size)
        return numbers.pin(self.size)

    __index__ = __int__

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(int(self), dtype)

    def __bool__(self) -> bool:
        return not _equal(self.size, 0)

    def __float__(self) -> float:
        return float(int(self))

    def __hash__(self) -> int:
        return hash(self.size)

    def __eq__(self, other: Any) -> Any:
        size = size_of(other)
        return NotImplemented if size is None else _equal(self.size, size)

    def __ne__(self, other: Any) -> Any:
        size = size_of(other)
        return NotImplemented if size is None else not _equal(self.size, size)

    def __lt__(self, other: Any) -> Any:
        size = size_of(other)
        return NotImplemented if size is None else not _at_least(self.size, size)

    def __le__(self, other: Any) -> Any:
        size = size_of(other)
        return NotImplemented if size is None else _at_least(size, self.size)

    def __gt__(self, other: Any) -> Any:
        size = size_of(other)
        return NotImplemented if size is None else not _at_least(size, self.size)

    def __ge__(self, other: Any) -> Any:
        size = size_of(other)
        return NotImplemented if size is None else _at_least(self.size, size)

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
