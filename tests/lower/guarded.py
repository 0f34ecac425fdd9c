"""Arrays flush against pages that nobody may touch: a stray load or store ends the process."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Sequence
from typing import Any

import numpy as np

from eqsat_tensor.lower.cpu.bound import Bound

PAGE = mmap.PAGESIZE
_libc = ctypes.CDLL(None, use_errno=True)
_libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def guarded(array: np.ndarray, at_end: bool) -> tuple[np.ndarray, Any]:
    """A C-contiguous copy that ends (or begins) at a protected page, and what keeps it alive."""
    length = -(-max(array.nbytes, 1) // PAGE) * PAGE
    memory = mmap.mmap(-1, length + 2 * PAGE)
    base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for page in (base, base + PAGE + length):
        assert _libc.mprotect(page, PAGE, 0) == 0
    offset = PAGE + (length - array.nbytes if at_end else 0)
    copy = np.frombuffer(memory, np.uint8, array.nbytes, offset).view(array.dtype)
    copy = copy.reshape(array.shape)
    copy[...] = array
    return copy, memory


def run_guarded(bound: Bound, given: Sequence[np.ndarray], at_end: bool = True) -> list[np.ndarray]:
    """The results of a program of which every input and output lies at a protected page."""
    inputs = [guarded(array, at_end) for array in given]
    results = [guarded(np.zeros(shape, dtype), at_end) for dtype, shape in bound.outputs]
    bound.run([array.ctypes.data for array, _ in (*inputs, *results)])
    return [array for array, _ in results]
