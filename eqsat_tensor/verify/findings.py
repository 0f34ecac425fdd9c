"""What verification saw of a rule, and where one is broken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from eqsat_tensor.verify.error_rules import Array


@dataclass
class Measure:
    """What verification saw of a rule: counts, and the largest error of a right side in ulps."""

    draws: int = 0
    elements: int = 0
    truths: int = 0
    range_losses: int = 0
    rescued: int = 0  # elements where E(left) is infinite or large, right within its own bound
    max_ulp: float = 0.0
    range_gained: int = 0  # elements, at finite inputs, where right alone is finite
    range_lost: int = 0  # where left alone is


@dataclass(frozen=True)
class Finding:
    """Where a guarantee is broken."""

    reason: str
    index: tuple[int, ...]
    left: Any
    right: Any
    truth: str
    allowed: float


def different_bits(x: Array, y: Array) -> Array:
    """True where two arrays of one dtype differ in any bit; all NaNs are one."""
    if x.dtype.kind != "f":
        return np.asarray(x != y)
    words = np.dtype(f"i{x.dtype.itemsize}")
    differ = np.ascontiguousarray(x).view(words) != np.ascontiguousarray(y).view(words)
    return np.asarray(differ.reshape(x.shape) & ~(np.isnan(x) & np.isnan(y)))


def first(wrong: Array, x: Array, y: Array, reason: str) -> Finding | None:
    """A finding of the first element marked, or None."""
    places = np.argwhere(wrong)
    if not len(places):
        return None
    index = tuple(int(i) for i in places[0])
    return Finding(reason, index, x[index], y[index], "", 0.0)
