"""The only comparator of the tests: are these arrays the same, under this guarantee?"""

from __future__ import annotations

from typing import Any

import numpy as np

# Largest error in units of the dtype's epsilon, relative to the largest magnitude in the array's
# last axis (sums cancel, so element-relative bounds would be too sharp there).
TOLERANCE = {"real": 64.0, "stable": 64.0, "approx": 4096.0, "gradient": 4096.0}


def assert_same(got: Any, want: Any, guarantee: str = "exact", label: str = "") -> None:
    """`got` is `want`: the same dtype, shape, and values under a guarantee.

    exact   the same bits, but any NaN is any other; 0.0 is not -0.0.
    real, stable, approx, gradient   within `TOLERANCE`; NaN and infinities in the same places.
    """
    left, right = np.asarray(got), np.asarray(want)
    where = f"{label}: " if label else ""
    assert left.dtype == right.dtype, f"{where}got dtype {left.dtype}, want {right.dtype}"
    assert left.shape == right.shape, f"{where}got shape {left.shape}, want {right.shape}"
    bad = _differs(left, right, guarantee)
    if bad.any():
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        raise AssertionError(
            f"{where}{left.dtype}{list(left.shape)} differ under {guarantee!r} in {int(bad.sum())} "
            f"of {bad.size} places, first at {index}: got {left[index]!r}, want {right[index]!r}"
        )


def _differs(left: np.ndarray, right: np.ndarray, guarantee: str) -> np.ndarray:
    if left.dtype.kind == "c":
        return _differs(left.real, right.real, guarantee) | _differs(
            left.imag, right.imag, guarantee
        )
    if left.dtype.kind != "f":
        return np.asarray(left != right)
    both_nan = np.isnan(left) & np.isnan(right)
    if guarantee == "exact":
        return ~both_nan & ((left != right) | (np.signbit(left) != np.signbit(right)))
    with np.errstate(all="ignore"):
        a, b = left.astype(np.float64), right.astype(np.float64)
        size = np.where(np.isfinite(b), np.abs(b), 0.0)
        if b.ndim and b.size:
            size = np.maximum(size, size.max(axis=-1, keepdims=True))
        eps = float(np.finfo(left.dtype).eps)
        tiny = float(np.finfo(left.dtype).tiny)
        near = np.abs(a - b) <= TOLERANCE[guarantee] * eps * size + tiny
    return ~(both_nan | (a == b) | near)
