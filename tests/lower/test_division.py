"""Divisors that are known when code is made, and the whole range of narrow integers."""

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.lower.cpu.division import known_divisor

NARROW = ("int8", "uint8")


def test_a_literal_is_told_from_a_value() -> None:
    assert known_divisor("splat (i8 -7)") == -7
    assert known_divisor("12") == 12
    assert known_divisor("%t12") is None


@pytest.mark.parametrize("dtype", NARROW)
def test_every_pair_of_bytes(dtype: str) -> None:
    info = np.iinfo(dtype)
    every = np.arange(info.min, info.max + 1).astype(dtype)
    x, y = np.repeat(every, 256), np.tile(every, 256)
    with np.errstate(all="ignore"):
        for function in (np.floor_divide, np.remainder, np.fmod, np.gcd):
            np.testing.assert_array_equal(et.jit(function)(x, y), function(x, y), str(function))


@pytest.mark.parametrize("dtype", ["int16", "uint16", "int32", "uint32", "int64"])
def test_quotients_next_to_whole_numbers(dtype: str) -> None:
    rng = np.random.default_rng(3)
    info = np.iinfo(dtype)
    y = rng.integers(1, info.max, 3000, dtype, endpoint=True) >> rng.integers(0, 14, 3000).astype(
        dtype
    )
    y = np.maximum(y, 1)
    x = info.max // y * y
    near = np.concatenate([x - 1, x, x[x < info.max] + 1, [info.min, info.max]]).astype(dtype)
    by = np.concatenate([y, y, y[x < info.max], [1, info.max]]).astype(dtype)
    for function in (np.floor_divide, np.remainder, np.fmod):
        np.testing.assert_array_equal(et.jit(function)(near, by), function(near, by))
        if info.min:
            np.testing.assert_array_equal(et.jit(function)(-near, by), function(-near, by))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "uint32", "int64"])
@pytest.mark.parametrize("divisor", [7, 1, 0, -1, -5, 100])
def test_known_divisors(dtype: str, divisor: int) -> None:
    info = np.iinfo(dtype)
    if divisor < info.min:
        pytest.skip("outside of the dtype")
    x = np.array([info.min, info.min + 1, *range(100), info.max - 1, info.max], dtype)
    d = np.dtype(dtype).type(divisor)
    with np.errstate(all="ignore"):
        for function in (np.floor_divide, np.remainder, np.fmod):
            np.testing.assert_array_equal(et.jit(lambda x, f=function: f(x, d))(x), function(x, d))


@pytest.mark.parametrize("source", ["float16", "float32", "float64"])
@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
)
def test_floats_to_integers_in_vectors(source: str, dtype: str) -> None:
    info = np.iinfo(dtype)
    ends = [
        float(v) + d for v in (info.min, info.max, 0) for d in (-1.5, -1, -0.5, 0, 0.5, 0.99, 1)
    ]
    with np.errstate(over="ignore"):
        x = np.array([*ends, np.inf, -np.inf, np.nan, -0.0, 1e300] * 5).astype(source)
    wide = x.astype("float64")
    whole = [0 if np.isnan(v) else min(max(v, float(info.min)), float(info.max)) for v in wide]
    expected = np.array([min(int(v), info.max) for v in whole], dtype)
    np.testing.assert_array_equal(et.jit(lambda x: x.astype(dtype))(x), expected)


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_long_quotients_of_every_size(dtype: str) -> None:
    rng = np.random.default_rng(5)
    info = np.iinfo(dtype)
    shift = (rng.integers(0, 64, 40_000).astype(dtype) for _ in range(2))
    x, y = (rng.integers(info.min, info.max, 40_000, dtype, endpoint=True) >> s for s in shift)
    y[y == 0] = 1
    ends = np.array([info.min, info.min + 1, info.max, info.max - 1, 0, 1, 2, 3, 7], dtype)
    whole = x // y * y  # and what lies next to it
    over = np.concatenate([x, whole, whole - 1, whole + 1, np.repeat(ends, 9)]).astype(dtype)
    by = np.concatenate([y, y, y, y, np.tile(ends, 9)])
    with np.errstate(all="ignore"):
        for function in (np.floor_divide, np.remainder, np.fmod, np.gcd, np.lcm):
            np.testing.assert_array_equal(et.jit(function)(over, by), function(over, by))


@pytest.mark.parametrize("divisor", [1, -1, 2, 3, 7, -7, 10**9, 2**62 + 1, -(2**63), 2**63 - 1])
def test_long_quotients_by_a_number(divisor: int) -> None:
    rng = np.random.default_rng(6)
    x = rng.integers(-(2**63), 2**63 - 1, 5000) >> rng.integers(0, 64, 5000)
    x = np.concatenate([x, x // divisor * divisor, [-(2**63), 2**63 - 1, 0, -1]])
    for function in (lambda x: x // divisor, lambda x: x % divisor):
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(et.jit(function)(x), function(x))
