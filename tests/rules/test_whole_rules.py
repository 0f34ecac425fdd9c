"""Truth values, whole numbers, casts, selections: in structure and in value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import eqsat_tensor as et
from tests.rules.moved import V, counts, same

I, J = np.array([7, -3, 0, 5]), np.array([2, 9, -4, 1])
A, B = np.array([True, True, False, False]), np.array([True, False, True, False])


def plain(program: Any, x: Any) -> Any:
    """The value of the program as it is written."""
    return et.jit(program, optimize="none")(x)


def test_whole_numbers_stay_whole() -> None:
    made = same(lambda i: 5 * (i + et.zeros_like(i)), I)
    assert counts(made) == {"multiply": 1}
    assert made.extracted[0].dtype == np.int64
    made = same(lambda d, i: d * (i // (i + 1)), np.array([1, 2, 3, 4]), np.array([1, 5, 2, 9]))
    assert not made.value(np.array([1, 2, 3, 4]), np.array([1, 5, 2, 9])).any()
    assert made.extracted[0].dtype == np.int64


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint64"])
def test_negatives_wrap(dtype: str) -> None:
    values = np.array([0, 1, 127, 100], dtype)
    made = same(lambda x: -(2 * x), values)
    np.testing.assert_array_equal(made.value(values), -(values * np.array(2, dtype)))


def test_doubles_are_not_narrowed() -> None:
    single = np.ones((3, 4), "float32")
    made = same(lambda a, x, y: a * (x @ y.mT), np.array(2.0), single, single)
    assert "gemm" not in counts(made)
    assert made.extracted[0].dtype == np.float64


def test_bits() -> None:
    assert counts(same(lambda i, j: (i & j) | (i & ~j) ^ (i & ~j), I, J))["bitwise_xor"] == 0
    assert not counts(same(lambda i, j: (i ^ j) ^ j, I, J))
    assert not counts(same(lambda i, j: i & (i | j), I, J))
    assert counts(same(lambda i: (i & 12) & 10, I)) == {"bitwise_and": 1}
    assert counts(same(lambda i: (i << 1) << 2, I)) == {"left_shift": 1}


def test_quotients() -> None:
    assert counts(same(lambda i: (i // 2) // 3, I)) == {"floor_divide": 1}
    assert not counts(same(lambda i: (i // 4) * 4 + i % 4, I))
    assert counts(same(lambda i: i - (i // 4) * 4, I)) == {"remainder": 1}
    assert counts(same(lambda i: (i % 12) % 4, I)) == {"remainder": 1}
    made = same(lambda x: x // 1.0, V)
    assert counts(made) == {"floor": 1}
    np.testing.assert_array_equal(made.value([2.7, -1.5, 0, 0, 0])[:2], [2, -2])


def test_truth_values() -> None:
    assert not counts(same(lambda a, b: a & (a | b), A, B))
    assert not counts(same(lambda a, b: (a & b) | (~a & b), A, B))
    assert counts(same(lambda a, b: (~a) ^ (~b), A, B)) == {"logical_xor": 1}
    assert counts(same(lambda x, y: (x < y) | (x == y), V, V[::-1])) == {"less_equal": 1}
    assert counts(same(lambda x, y: (x <= y) & (y <= x), V, V[::-1])) == {"equal": 1}


def test_nan_is_not_taken_for_a_number() -> None:
    hard = np.array([np.nan, 1.0, -np.inf, 0.0, -0.0])
    for program in (
        lambda x: x == x,
        lambda x: x <= x,
        lambda x: ~(x < 1.0),
        lambda x: et.where(x > 0, x, 0.0),
    ):
        np.testing.assert_array_equal(same(program, hard).value(hard), plain(program, hard))


def test_selections() -> None:
    assert counts(same(lambda a, x, y: et.where(a, et.exp(x), et.exp(y)), A, V[:4], V[1:])) == {
        "where": 1, "exp": 1,
    }  # fmt: skip
    made = same(lambda a, b, x, y: et.where(a, et.where(b, x, y), y), A, B, V[:4], V[1:])
    assert counts(made) == {"where": 1, "logical_and": 1}
    assert counts(same(lambda x: et.where(x < 0, -x, x), V)) == {"absolute": 1}
    made = same(lambda a: et.exp(et.where(a, 1.0, 2.0)) * 3.0, A)
    assert counts(made) == {"where": 1}


def test_clips() -> None:
    made = same(lambda x: et.clip(et.clip(x, 0.0, 1.0), 0.0, 1.0), V)
    assert counts(made) == {"maximum": 1, "minimum": 1}
    made = same(lambda x: et.maximum(et.maximum(x, 0.25), 0.5), V)
    assert counts(made) == {"maximum": 1}
    made = same(lambda x, y: et.maximum(et.exp(x), et.exp(y)), V, V[::-1])
    assert counts(made) == {"maximum": 1, "exp": 1}


def test_casts() -> None:
    single = V.astype("float32")
    assert not counts(same(lambda x: et.astype(et.astype(x, "float64"), "float32"), single))
    made = same(lambda x: et.astype(et.astype(x, "float32"), "float64"), V / 3)
    assert counts(made) == {"cast": 2}
    small = np.array([200, 3], "uint8")
    assert counts(same(lambda x: et.astype(et.astype(x, "int64"), "int8"), small)) == {"cast": 1}
    made = same(
        lambda x, y: et.astype(x, "float64") < et.astype(y, "float64"), single, single[::-1]
    )
    assert counts(made) == {"less": 1}
    assert not counts(same(lambda a: et.astype(a, "float64") != 0.0, A))
    made = same(lambda a: 1.0 - et.astype(a, "float64"), A)
    assert counts(made) == {"logical_not": 1, "cast": 1}
