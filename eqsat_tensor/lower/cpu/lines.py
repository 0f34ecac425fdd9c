"""Arrays that begin on a cache line: kernels store whole vectors, and one across two lines takes longer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

LINE = 64  # bytes
PAST_CACHES = ", !nontemporal !0"  # of a store; !0 is at the end of each module
METADATA = "!0 = !{i32 1}\n"
LARGE = 3 << 20  # bytes of a result that leaves the caches anyway
ROW = 1 << 11  # bytes of a row from which a start on a line pays

Array = np.ndarray[Any, Any]


def empty_on_line(shape: tuple[int, ...], dtype: np.dtype) -> Array:
    """An array of numbers that begins on a cache line, for what is made once and written often."""
    size = math.prod(shape) * dtype.itemsize
    room = np.empty(size + LINE, np.uint8)
    first = -room.ctypes.data % LINE
    return room[first : first + size].view(dtype).reshape(shape)


def copy_on_line(value: Array) -> Array:
    """A copy in C order that begins on a cache line; what are no numbers lie anywhere."""
    if value.dtype.kind not in "biufc":
        return np.array(value, order="C")
    made = empty_on_line(value.shape, value.dtype)
    made[...] = value
    return made


def word_of(bytes_: int, row: int) -> int:
    """What a kernel is told of a result that it may store past the caches (`streams`).

    The bits that an address on a line has not, or 0.
    """
    return LINE - 1 if bytes_ >= LARGE and row >= ROW else 0
