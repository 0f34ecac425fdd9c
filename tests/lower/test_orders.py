"""Sorts of compiled programs have the bits of stable ones."""

from __future__ import annotations

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.lower.cpu import orders

DTYPES = ["float64", "float32", "float16", "int64", "int32", "int8", "uint16", "bool"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(0,), (1,), (1000,), (30, 40), (3, 1, 5)])
def test_it_is_the_stable_sort(dtype: str, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(3)
    x = (rng.integers(-50, 50, shape) / 2).astype(dtype)
    for axis in range(-1, len(shape)):
        (got,) = orders.sort(x, axis)
        assert got.dtype == x.dtype
        assert got.tobytes() == np.sort(x, axis, kind="stable").tobytes()
    assert et.jit(et.sort)(x).tobytes() == np.sort(x, kind="stable").tobytes()


def test_zeros_of_two_signs_and_nan_keep_their_places() -> None:
    x = np.array([0.0, -0.0, np.nan, 1.0, -0.0, 0.0, -np.inf, np.nan, -1.0] * 50)
    got = et.jit(et.sort)(x)
    assert got.tobytes() == np.sort(x, kind="stable").tobytes()
    assert np.signbit(got[got == 0]).sum() == 100


def test_complex_numbers_are_sorted_stably() -> None:
    z = np.array([1 + 0j, 1 - 0j, complex(-0.0, 1), 1j, complex(np.nan, 0), -1 + 2j] * 20)
    assert orders.sort(z, 0)[0].tobytes() == np.sort(z, kind="stable").tobytes()
