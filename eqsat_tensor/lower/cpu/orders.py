"""Sorting in compiled programs: NumPy's fastest sort where no one can tell it from the stable one.

Equal elements look alike but for zeros of two signs, and real and imaginary parts in turn.  100,000
float64, processor time: stable 11.3 ms, so 0.9.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def sort(x: Array, axis: int) -> tuple[Array]:
    """The elements in order along an axis, zeros of either sign as they come, NaN last."""
    return (np.sort(x, axis, kind="stable" if _told_apart(x) else None),)


def _told_apart(x: Array) -> bool:
    """Are there elements that are equal but not the same?"""
    if x.dtype.kind != "f":
        return x.dtype.kind == "c"
    zeros = x == 0
    return bool(zeros.any()) and bool(np.signbit(x[zeros]).any())
