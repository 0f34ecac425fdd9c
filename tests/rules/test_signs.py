"""Two spellings that differ in signs and in the order of operands are one value in the e-graph."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import eqsat_tensor as et
from tests.rules.moved import counts, same
from tests.rules.programs import optimise

Spelling = Callable[..., Any]
A, B, C, D = np.random.default_rng(0).normal(size=(4, 3, 2)) + 0.25
# in floats and in whole numbers, signed or not
EVERYWHERE: dict[str, tuple[Spelling, Spelling]] = {
    "a + (-b) = a - b": (lambda a, b: a + (-b), operator.sub),
    "(-a) + b = b - a": (lambda a, b: (-a) + b, lambda a, b: b - a),
    "(-a) + (-b) = -(a + b)": (lambda a, b: (-a) + (-b), lambda a, b: -(a + b)),
    "a - (-b) = a + b": (lambda a, b: a - (-b), operator.add),
    "(-a) - b = -(a + b)": (lambda a, b: (-a) - b, lambda a, b: -(a + b)),
    "(-a) - (-b) = b - a": (lambda a, b: (-a) - (-b), lambda a, b: b - a),
    "-(a - b) = b - a": (lambda a, b: -(a - b), lambda a, b: b - a),
    "(-a) b = -(a b)": (lambda a, b: (-a) * b, lambda a, b: -(a * b)),
    "a (-b) = -(a b)": (lambda a, b: a * (-b), lambda a, b: -(a * b)),
    "(-a)(-b) = a b": (lambda a, b: (-a) * (-b), operator.mul),
    "c - a (-b) = c + a b": (lambda a, b, c: c - a * (-b), lambda a, b, c: c + a * b),
    "(-a) b + c = c - a b": (lambda a, b, c: (-a) * b + c, lambda a, b, c: c - a * b),
    "(-a) b - c = -(a b + c)": (lambda a, b, c: (-a) * b - c, lambda a, b, c: -(a * b + c)),
    "(b - a)(-c) = (a - b) c": (lambda a, b, c: (b - a) * (-c), lambda a, b, c: (a - b) * c),
    "(-a)^2 = a^2": (lambda a: et.square(-a), et.square),
    "(a - b)^2 = (b - a)^2": (lambda a, b: et.square(a - b), lambda a, b: et.square(b - a)),
}
SIGNED = {"|-a| = |a|": (lambda a: abs(-a), abs), "|a - b| = |b - a|": (lambda a, b: abs(a - b), lambda a, b: abs(b - a))}  # fmt: skip
FLOATS: dict[str, tuple[Spelling, Spelling]] = {
    "(-a)/b = -(a/b)": (lambda a, b: (-a) / b, lambda a, b: -(a / b)),
    "a/(-b) = -(a/b)": (lambda a, b: a / (-b), lambda a, b: -(a / b)),
    "(-a)/(-b) = a/b": (lambda a, b: (-a) / (-b), operator.truediv),
    "a (-2.5) = -(a 2.5)": (lambda a: a * -2.5, lambda a: -(a * 2.5)),
    "(-a)(-2.5) = a 2.5": (lambda a: (-a) * -2.5, lambda a: a * 2.5),
    "a/(-2.5) = -(a/2.5)": (lambda a: a / -2.5, lambda a: -(a / 2.5)),
    "(-a)/(-2.5) = a/2.5": (lambda a: (-a) / -2.5, lambda a: a / 2.5),
    "(-2.5)/a = -(2.5/a)": (lambda a: -2.5 / a, lambda a: -(2.5 / a)),
    "(-2.5)/(-a) = 2.5/a": (lambda a: -2.5 / (-a), lambda a: 2.5 / a),
    "a/(-1) = -a": (lambda a: a / -1.0, operator.neg),
    "a - (-2.5) = a + 2.5": (lambda a: a - -2.5, lambda a: a + 2.5),
    "(-2.5) - a = -(a + 2.5)": (lambda a: -2.5 - a, lambda a: -(a + 2.5)),
    "(-a) - 2.5 = -(a + 2.5)": (lambda a: (-a) - 2.5, lambda a: -(a + 2.5)),
    "(b - a)/(-c) = (a - b)/c": (lambda a, b, c: (b - a) / (-c), lambda a, b, c: (a - b) / c),
    "(b - a)/(-2.5) = (a - b)/2.5": (lambda a, b: (b - a) / -2.5, lambda a, b: (a - b) / 2.5),
    "max(-a, -b) = -min(a, b)": (
        lambda a, b: et.maximum(-a, -b),
        lambda a, b: -et.minimum(a, b),
    ),
    "max(a, -a) = |a|": (lambda a: et.maximum(a, -a), abs),
    "min(a, -a) = -|a|": (lambda a: et.minimum(a, -a), lambda a: -abs(a)),
    "-max(-a, b) = min(a, -b)": (lambda a, b: -et.maximum(-a, b), lambda a, b: et.minimum(a, -b)),
    "-min(-a, 2.5) = max(a, -2.5)": (
        lambda a: -et.minimum(-a, 2.5),
        lambda a: et.maximum(a, -2.5),
    ),
    "max(a - b, b - a) = |a - b|": (
        lambda a, b: et.maximum(a - b, b - a),
        lambda a, b: abs(a - b),
    ),
    "min(a - b, b - a) = -|a - b|": (
        lambda a, b: et.minimum(a - b, b - a),
        lambda a, b: -abs(a - b),
    ),
    "max(-2.5 a, -2.5 b) = -2.5 min(a, b)": (
        lambda a, b: et.maximum(a * -2.5, b * -2.5),
        lambda a, b: et.minimum(a, b) * -2.5,
    ),
}
CASES = [
    *((name, dtype) for name in EVERYWHERE for dtype in ("float64", "int64", "uint8")),
    *((name, dtype) for name in SIGNED for dtype in ("float32", "int8", "int64")),
    *((name, "float64") for name in FLOATS),
]


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_both_spellings_are_one_value(name: str, dtype: str) -> None:
    one, other = (EVERYWHERE | SIGNED | FLOATS)[name]
    arrays = [np.asarray(x * 4, dtype) for x in (abs(A), abs(B), abs(C), abs(D))]
    arrays = arrays[: one.__code__.co_argcount]
    made = optimise(lambda *x: (one(*x), other(*x)), arrays)
    assert len(set(made.graph.roots)) == 1
    values = made.value(*arrays)
    for value in values if isinstance(values, tuple | list) else [values]:
        np.testing.assert_allclose(value, one(*map(np.asarray, arrays)), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["int64", "uint8"])
def test_what_is_false_of_whole_numbers_is_not_said(dtype: str) -> None:
    x = np.array([np.iinfo(dtype).min, 3, 1], dtype)
    y = np.array([-7 % 251, 200, 1]).astype(dtype)

    def least(a: Any, b: Any) -> Any:
        return -et.maximum(-a, b), et.minimum(a, -b), abs(-a), abs(a)

    for value, plain in zip(et.jit(least)(x, y), et.jit(least, optimize="none")(x, y), strict=True):
        np.testing.assert_array_equal(value, plain)


def test_a_product_in_either_order_is_computed_once() -> None:
    assert counts(same(lambda x, y: (x * (-y), x * y), A, B)) == {"multiply": 1, "negative": 1}
    assert counts(same(lambda x, y: ((y - x) * (-x), (x - y) * x), A, B))["multiply"] == 1
