"""State that lives on a CUDA device between calls: a CuPy array in the place of a host's buffers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from eqsat_tensor.errors import DtypeError, ShapeError, message
from eqsat_tensor.lower.cuda import device
from eqsat_tensor.runtime.state import StateCell


class DeviceCell(StateCell):
    """A state of fixed dtype and rank on the device that was in use when it was made."""

    target = "cuda"

    def __init__(self, value: Any, name: str = "") -> None:
        self.cupy = device.ready()
        self.name = name
        self._array = self.cupy.array(value, order="C")
        self.dtype = self._array.dtype
        self._version = 0
        self._lock = threading.RLock()

    @property
    def address(self) -> int:
        """What orders cells that are held together."""
        return id(self)

    @property
    def version(self) -> int:
        """A number that changes with the shape."""
        return self._version

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value."""
        found: tuple[int, ...] = self._array.shape
        return found

    @property
    def front(self) -> Any:
        """The array, for who holds this cell."""
        return self._array

    def get_value(self, borrow: bool = False) -> Any:
        """The value, a CuPy array: a copy, or with `borrow` the state's own."""
        with self.locked():
            return self._array if borrow else self._array.copy()

    def numpy(self) -> Any:
        """A copy of the value as a NumPy array."""
        with self.locked():
            return self.cupy.asnumpy(self._array)

    def set_value(self, value: Any, borrow: bool = False) -> None:
        """Replace the value by a copy of an array of NumPy or CuPy; `borrow`: by CuPy's itself.

        Raises DtypeError if the dtype differs, ShapeError if the rank differs.
        """
        given = self.cupy.asarray(value)
        if given.dtype != self.dtype:
            needs = f"dtype {self.dtype} for state {self.name}".rstrip()
            raise DtypeError(message("set_value", needs, f"value: {given.dtype}", "Cast it."))
        if given.ndim != len(self.shape):
            needs = f"rank {len(self.shape)} for state {self.name}".rstrip()
            raise ShapeError(message("set_value", needs, f"value of shape {given.shape}"))
        own = self.cupy.ascontiguousarray(given)
        with self.locked():
            self.replace(own if borrow or own is not value else own.copy())

    def replace(self, value: Any, keep: bool = False) -> None:
        """Take an array of this dtype and rank for the value, by who holds this cell."""
        if value.shape != self.shape:
            self._version += 1
        self._array = value

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold this cell: no call that uses it starts, and none is running."""
        with self._lock:
            yield

    def __repr__(self) -> str:
        return f"DeviceCell({self.name or 'unnamed'}: {self.dtype}{list(self.shape)})"
