"""Samples: points at which candidates are measured; floats by number, and errors in bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

_INTEGERS: dict[int, np.dtype[Any]] = {
    2: np.dtype(np.int16),
    4: np.dtype(np.int32),
    8: np.dtype(np.int64),
}


@dataclass(frozen=True, eq=False)
class Sample:
    """Points, and which of them are ordinary.

    columns   an array for each input.
    truths    the true value of each root at each point, rounded to the dtype.
    ordinary  bools.
    """

    columns: tuple[np.ndarray, ...]
    truths: tuple[np.ndarray, ...]
    ordinary: np.ndarray

    def __len__(self) -> int:
        return len(self.ordinary)

    def joined(self, other: Sample) -> Sample:
        """The points of both."""
        return Sample(
            tuple(np.concatenate(p) for p in zip(self.columns, other.columns, strict=True)),
            tuple(np.concatenate(p) for p in zip(self.truths, other.truths, strict=True)),
            np.concatenate([self.ordinary, other.ordinary]),
        )

    def of(self, places: np.ndarray) -> Sample:
        """Some of the points."""
        return Sample(
            tuple(c[places] for c in self.columns),
            tuple(t[places] for t in self.truths),
            self.ordinary[places],
        )


def ordinals(x: np.ndarray) -> np.ndarray:
    """The number of each float in their order: neighbours differ by 1, and 0.0 and -0.0 are 0."""
    dtype = _INTEGERS[x.dtype.itemsize]
    i: np.ndarray = np.ascontiguousarray(x).view(dtype)
    return np.where(i < 0, np.iinfo(dtype).min - i, i)


def floats(i: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The floats of these numbers: the inverse of `ordinals`."""
    integers = _INTEGERS[dtype.itemsize]
    i = i.astype(integers)
    found: np.ndarray = np.where(i < 0, np.iinfo(integers).min - i, i).view(dtype)
    return found


def error_bits(got: np.ndarray, want: np.ndarray, strict: bool = False) -> np.ndarray:
    """log2(1 + floats between), one a point; 64 (of float32: 32) for a NaN or a wrong infinity.

    A point whose truth is NaN counts 0.  An infinity where the truth overflows is right, unless
    ``strict``: then no infinity is.
    """
    a, b = ordinals(got), ordinals(want)
    apart = (np.maximum(a, b) - np.minimum(a, b)).view(f"u{a.dtype.itemsize}")
    bits: np.ndarray = np.log2(apart.astype(np.float64) + 1.0)
    wrong = np.isnan(got)
    wrong |= np.isinf(got) & (np.isfinite(want) | strict)
    bits[wrong] = 8.0 * a.dtype.itemsize
    bits[np.isnan(want)] = 0.0
    return bits


def apart_bits(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """log2(1 + floats between); all bits of the dtype where ``a`` is not finite."""
    i, j = ordinals(a), ordinals(b)
    distance = (np.maximum(i, j) - np.minimum(i, j)).view(f"u{i.dtype.itemsize}")
    bits: np.ndarray = np.log2(distance.astype(np.float64) + 1.0)
    bits[~np.isfinite(a)] = 8.0 * i.dtype.itemsize
    return bits
