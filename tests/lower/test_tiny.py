"""Products of small matrices, one by one and in batches, as they lie and transposed."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import eqsat_tensor as et


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_small_products_are_numpys(dtype: str) -> None:
    rng = np.random.default_rng(0)
    f = et.jit(lambda x, y: x @ y)
    tolerance = 20 * np.finfo(dtype).eps
    for m, k, n in itertools.product((1, 3, 8, 9), repeat=3):
        for lead in ((), (5,)):
            x = rng.standard_normal((*lead, m, k)).astype(dtype)
            y = rng.standard_normal((*lead, k, n)).astype(dtype)
            np.testing.assert_allclose(f(x, y), x @ y, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_transposed_scaled_and_added_ones_too(dtype: str) -> None:
    rng = np.random.default_rng(1)
    programs = [
        lambda x, y: x.T @ y,
        lambda x, y: x @ y.T,
        lambda x, y: 2.5 * (x @ y) + x,
        lambda x, y: (x @ y) @ x.T,
    ]
    tolerance = 200 * np.finfo(dtype).eps
    for n in (2, 3, 5, 8):
        x, y = rng.standard_normal((2, n, n)).astype(dtype)
        for program in programs:
            np.testing.assert_allclose(et.jit(program)(x, y), program(x, y), tolerance, tolerance)


def test_a_sum_of_nothing_is_zero_and_odd_values_go_through() -> None:
    f = et.jit(lambda x, y: x @ y)
    np.testing.assert_array_equal(f(np.ones((3, 0)), np.ones((0, 4))), np.zeros((3, 4)))
    x = np.array([[np.inf, 1.0], [np.nan, 0.0], [-0.0, 0.0]])
    y = np.array([[1.0, 0.0, -1.0], [2.0, 0.0, 3.0]])
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(f(x, y), x @ y)
