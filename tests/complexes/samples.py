"""Complex arrays for tests, and the comparison of results."""

from __future__ import annotations

from typing import Any

import numpy as np


def drawn(dtype: Any, *shape: int, seed: int = 0, scale: float = 1.0) -> np.ndarray:
    """Normal numbers; complex ones in both parts."""
    random = np.random.default_rng([seed, *shape])
    found = random.normal(size=shape) * scale
    if np.dtype(dtype).kind == "c":
        found = found + 1j * random.normal(size=shape) * scale
    return np.asarray(found).astype(dtype)


def close(got: Any, want: Any, ulps: float = 16.0, label: str = "") -> None:
    """The same dtype and shape, and numbers near one another, relative to |want|."""
    got, want = np.asarray(got), np.asarray(want)
    assert (got.dtype, got.shape) == (want.dtype, want.shape), (label, got.dtype, want.dtype)
    if want.dtype.kind not in "fc":
        np.testing.assert_array_equal(got, want, err_msg=label)
        return
    limits = np.finfo(want.dtype)
    size = np.abs(want)
    size = np.maximum(size, size.max(axis=-1, keepdims=True)) if want.ndim and want.size else size
    bad = ~(np.abs(got - want) <= ulps * limits.eps * size + limits.tiny)
    assert not bad.any(), (label, got[bad][:3], want[bad][:3])
