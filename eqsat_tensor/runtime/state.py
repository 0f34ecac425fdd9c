"""State that outlives a call: two buffers and four words that native code reads.

A call reads the front buffer and writes new values to the back; after its last step that can fail
the two change places.  The words of a cell: address of the front, address of the back, version,
busy.  The version changes with the shape, so that code bound to other sizes does not fit any more.
Whoever runs, reads or sets holds ``busy``; code with the GIL takes it, in native code too, so no
thread waits for it inside native code.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import numpy as np

from eqsat_tensor.errors import DtypeError, ShapeError, message
from eqsat_tensor.lower.cpu.lines import copy_on_line, empty_on_line

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

FRONT, BACK, VERSION, BUSY = range(4)
_WAIT = 20e-6  # seconds between two looks at a busy cell

# Until native code is loaded, Python alone takes cells, and this lock makes it one at a time.
_lock = threading.Lock()
_try_lock: Callable[[int], int] | None = None
_cells: weakref.WeakSet[StateCell] = weakref.WeakSet()


def use_native_lock(try_lock: Callable[[int], int]) -> None:
    """From now on cells are taken by `try_lock(address of busy)`, as native code takes them."""
    global _try_lock
    with _lock:
        _try_lock = try_lock


class StateCell:
    """One piece of state: an array of fixed dtype and rank, read and updated by compiled calls."""

    target = "cpu"  # where the value lives

    def __init__(self, value: ArrayLike, name: str = "") -> None:
        front = copy_on_line(np.asarray(value))
        self.name = name
        self.dtype = front.dtype
        self.words: NDArray[np.int64] = np.zeros(4, np.int64)
        self._buffers: list[NDArray[np.generic]] = [front]
        self.words[FRONT] = front.ctypes.data
        _cells.add(self)

    @property
    def address(self) -> int:
        """Address of the four words."""
        return self.words.ctypes.data

    @property
    def version(self) -> int:
        """A number that changes whenever buffers are replaced."""
        return int(self.words[VERSION])

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value."""
        return self._buffers[0].shape

    def reserve_back(self) -> None:
        """Make the back buffer if there is none: before the first call that updates this state."""
        with self.locked():
            if len(self._buffers) == 1:
                self._buffers.append(empty_on_line(self.shape, self.dtype))
                self.words[BACK] = self._buffers[1].ctypes.data

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def get_value(self, borrow: bool = False) -> NDArray[np.generic]:
        """The value: a copy, or with `borrow` the front buffer itself, which later updates change.

        Do not pass a borrowed array to a call that updates this state.
        """
        with self.locked():
            front = self.front
            return front if borrow else front.copy()

    def numpy(self) -> NDArray[np.generic]:
        """A copy of the value as a NumPy array, wherever it lives."""
        return self.get_value()

    def set_value(self, value: ArrayLike, borrow: bool = False) -> None:
        """Replace the value by a copy of `value`; waits for a call that uses this state.

        value: dtype and rank of this state; sizes may differ, calls then adapt.
        borrow: the state may keep `value` itself, which later updates then change: so it does with
        an array that is writeable and lies as calls read it.
        Raises DtypeError if the dtype differs, ShapeError if the rank differs.
        """
        given = np.asarray(value)
        if given.dtype != self.dtype:
            needs = f"dtype {self.dtype} for state {self.name}".rstrip()
            raise DtypeError(message("set_value", needs, f"value: {given.dtype}", "Cast it."))
        if given.ndim != len(self.shape):
            needs = f"rank {len(self.shape)} for state {self.name}".rstrip()
            raise ShapeError(message("set_value", needs, f"value of shape {given.shape}"))
        flags = given.flags
        fit = flags.c_contiguous and flags.aligned and flags.writeable and given.dtype.isnative
        with self.locked():
            self.replace(given, keep=borrow and fit)

    def replace(self, value: NDArray[np.generic], keep: bool = False) -> None:
        """`set_value` of an array of this dtype and rank, by who holds this cell."""
        same = value.shape == self.shape
        if same and not keep:
            np.copyto(self.front, value)
            return
        new = np.asarray(value) if keep else copy_on_line(np.asarray(value, self.dtype))
        had_back = len(self._buffers) == 2
        self._buffers = [new]
        self.words[FRONT] = new.ctypes.data
        self.words[BACK] = 0
        if not same:
            self.words[VERSION] += 1
        elif had_back:  # calls of this version count on it
            self._buffers.append(empty_on_line(new.shape, self.dtype))
            self.words[BACK] = self._buffers[1].ctypes.data

    @property
    def buffers(self) -> tuple[NDArray[np.generic], ...]:
        """The memory of this state."""
        return tuple(self._buffers)

    @property
    def front(self) -> NDArray[np.generic]:
        """The buffer that holds the value, for who holds this cell."""
        address = self.words[FRONT]
        return next(b for b in self._buffers if b.ctypes.data == address)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold this cell: no call that uses it starts, and none is running."""
        busy = self.address + 8 * BUSY
        while not self._take(busy):
            time.sleep(_WAIT)
        try:
            yield
        finally:
            self.words[BUSY] = 0

    def _take(self, busy: int) -> bool:
        with _lock:
            if _try_lock is not None:
                return bool(_try_lock(busy))
            free = not self.words[BUSY]
            self.words[BUSY] = 1
            return free

    def __repr__(self) -> str:
        return f"StateCell({self.name or 'unnamed'}: {self.dtype}{list(self.shape)})"


@contextmanager
def held(cells: Sequence[StateCell]) -> Iterator[None]:
    """Hold several cells, each once, taken in one order everywhere, so that nobody waits in a ring."""
    with ExitStack() as stack:
        for cell in sorted({c.address: c for c in cells}.values(), key=lambda c: c.address):
            stack.enter_context(cell.locked())
        yield


def _free_all() -> None:
    """In a forked child: whoever held a cell lives in the parent only."""
    global _lock
    _lock = threading.Lock()
    for cell in _cells:
        cell.words[BUSY] = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_all)
