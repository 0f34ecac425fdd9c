"""True values, points and errors in bits."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eqsat_tensor.accuracy import inputs, points
from eqsat_tensor.accuracy.meanings import is_told, known_ops, meanings
from eqsat_tensor.accuracy.reals import Agreement, Balls, reals
from eqsat_tensor.accuracy.terms import Values, constant_term, leaf, number, show, term
from eqsat_tensor.accuracy.truth import Truth
from eqsat_tensor.lang import OPS

X, ONE = leaf(0), number(1)
SMALL = np.array([1e-300, -3e-17, 0.1, 700.0, -1e300])
FORMS = {
    "exp(x) - 1": (term("subtract", term("exp", X), ONE), np.expm1(SMALL)),
    "log(1 + x)": (term("log", term("add", ONE, X)), np.log1p(np.where(SMALL > -1, SMALL, np.nan))),
    "x + 1 - x": (term("subtract", term("add", X, ONE), X), np.ones(5)),
    "x - sin x": (
        term("divide", term("subtract", X, term("sin", X)), term("multiply", X, X)),
        np.array([1e-300 / 6, -3e-17 / 6, 0.0166583353175, np.nan, -1e-300]),
    ),
}


def systems() -> list[Balls | Agreement]:
    found: list[Balls | Agreement] = [Agreement()]
    if isinstance(reals(), Balls):
        found.append(Balls())
    return found


@pytest.mark.parametrize("numbers", systems(), ids=lambda n: type(n).__name__)
@pytest.mark.parametrize("name", FORMS)
def test_what_cancels_has_its_true_value(name: str, numbers: Balls | Agreement) -> None:
    t, want = FORMS[name]
    got = Truth([SMALL], numbers)(t)
    known = ~np.isnan(want)
    np.testing.assert_allclose(got[known], want[known], rtol=1e-10)


@pytest.mark.parametrize("numbers", systems(), ids=lambda n: type(n).__name__)
def test_what_is_no_real_number_is_nan(numbers: Balls | Agreement) -> None:
    x = np.array([-1.0, 0.0])
    assert np.isnan(Truth([x], numbers)(term("log", X))).all()
    assert np.isnan(Truth([x], numbers)(term("divide", ONE, X))[1])
    assert np.isnan(Truth([x], numbers)(term("sqrt", X))[0])


def test_a_select_needs_only_the_side_that_is_taken() -> None:
    t = term("where", term("greater_equal", X, number(0)), term("sqrt", X), number(math.nan))
    got = Truth([np.array([4.0, -4.0])])(t)
    assert got[0] == 2.0
    assert np.isnan(got[1])


def test_constants_are_read_as_meant() -> None:
    f64, f32 = np.dtype("float64"), np.dtype("float32")
    assert constant_term(1 / 3, f64).value == Fraction(1, 3)
    assert constant_term(float(np.float32(1 / 3)), f32).value == Fraction(1, 3)
    assert constant_term(0.1, f64).value == Fraction(1, 10)
    assert constant_term(math.pi, f64).op == "pi"
    assert constant_term(0.1234567, f64).value == Fraction(0.1234567)
    assert show(term("multiply", constant_term(0.5, f64), X)) == "(1/2 * x0)"


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_ordinals_are_in_the_order_of_floats_and_come_back(a: float, b: float) -> None:
    x = np.array([a, b])
    i = points.ordinals(x)
    assert (i[0] < i[1]) == (a < b)
    assert (points.floats(i, x.dtype) == x).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_errors_count_floats_between(dtype: str) -> None:
    want = np.array([1.0, 1.0, 1.0, np.inf, np.nan, 0.0], dtype)
    got = np.array([1.0, 1.0 + 3 * np.finfo(dtype).eps, np.nan, np.inf, 2.0, -0.0], dtype)
    worst = 8 * np.dtype(dtype).itemsize
    assert points.error_bits(got, want).tolist() == [0, 2, worst, 0, 0, 0]
    assert points.error_bits(got, want, strict=True)[3] == worst


@given(st.sampled_from(["float32", "float64"]), st.integers(0, 99))
def test_points_lie_in_their_range(dtype: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    for low, high in [(0.0, math.inf), (-math.inf, -3.0), (0.1, 0.2), (1e30, 2e30), (5.0, 5.0)]:
        for draw in (inputs.uniform, inputs.ordinary):
            x = draw((low, high), 50, np.dtype(dtype), random)
            assert x.dtype == dtype
            assert (np.isfinite(x)).all()
            assert (x >= np.dtype(dtype).type(low)).all()
            assert (x <= np.dtype(dtype).type(high)).all()


def test_values_are_those_of_numpy() -> None:
    x = np.linspace(0.1, 2, 7)
    t = term(
        "where", term("less", X, ONE), term("exp", X), term("hypot", X, number(Fraction(1, 3)))
    )
    assert (Values([x])(t) == np.where(x < 1, np.exp(x), np.hypot(x, 1 / 3))).all()


@pytest.mark.parametrize("name", meanings())
def test_what_an_op_means_is_its_value(name: str) -> None:
    op = OPS[name]
    random = np.random.default_rng(3)
    columns = [
        np.linspace(2.1, 2.9, 5) if i < 2 else random.uniform(0.2, 0.4, 5) for i in range(op.arity)
    ]
    if name == "logit":
        columns = [np.linspace(0.1, 0.9, 5)]
    got = Truth(columns)(term(name, *map(leaf, range(op.arity))))
    np.testing.assert_allclose(got, op.numpy(*columns), rtol=1e-13)


def test_an_op_of_a_long_constant_is_not_taken_at_its_word() -> None:
    assert not is_told(number(0.7071067811865476))  # which is not the root of 1/2
    assert is_told(term("sqrt", number(Fraction(1, 2))))
    assert {"ndtr", "cos_of_sum", "root_of_difference", "log_quotient"} <= known_ops()
