"""How an argument lies in memory, as code is made for it: C order, another order, or in strides.

    ("order", 1, 0)    dense, with axis 1 outermost in memory: a transpose
    ("unit",)          neighbours along the last axis are neighbours: a slice of rows
    ("steps",)         any strides, given at binding: x[::2], a column, an array reversed

Code is one for all strides of a layout; a binding is for the strides that it was made for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

Layout: TypeAlias = tuple[Any, ...]
Strides: TypeAlias = tuple[int, ...]  # in bytes


def strides_of_call(
    kinds: Sequence[str], values: Sequence[Any], arrays: Sequence[np.ndarray]
) -> tuple[Strides | None, ...]:
    """The strides of each argument that kernels can read as it lies, and that is not in C order.

    values: as the call gave them; arrays: what was made of them, C-contiguous.  Empty where no
    argument is such.
    """
    if not values:
        return ()
    found = tuple(
        value.strides if kind == "array" and _readable(value, array) else None
        for kind, value, array in zip(kinds, values, arrays, strict=True)
    )
    return found if any(s is not None for s in found) else ()


def _readable(value: Any, array: np.ndarray) -> bool:
    if type(value) is not np.ndarray or value.flags.c_contiguous or not value.flags.aligned:
        return False
    plain = value.dtype.num == array.dtype.num and value.dtype.isnative
    return plain and all(s % value.dtype.itemsize == 0 for s in value.strides)


def layout_of(shape: Sequence[int], strides: Strides, itemsize: int, pairs: bool) -> Layout:
    """The layout of an array in such strides.  pairs: its elements are complex numbers."""
    order = sorted(range(len(shape)), key=lambda j: (-strides[j], shape[j] != 1, j))
    expected = itemsize
    dense = True
    for j in reversed(order):
        dense = dense and (shape[j] == 1 or strides[j] == expected)
        expected *= shape[j]
    if dense and 1 not in shape:
        return ("order", *order, len(shape)) if pairs else ("order", *order)
    return ("unit",) if pairs or strides[-1] == itemsize else ("steps",)


def in_elements(strides: Strides, itemsize: int, pairs: bool) -> list[int]:
    """Strides as `Program.bind` takes them; of complex numbers in their parts."""
    return [2 * s // itemsize for s in strides] + [1] if pairs else [s // itemsize for s in strides]
