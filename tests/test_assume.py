"""`assume`: facts that rules use, errors where they cannot be, and facts of captured arrays."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.errors import ArgumentError, ContradictionError, DtypeError, ShapeError
from eqsat_tensor.ops.array_facts import facts_of_array
from eqsat_tensor.ops.assume import BOUNDS, FACTS, facts_in, written
from eqsat_tensor.reference import evaluate
from eqsat_tensor.tensor import as_expr
from eqsat_tensor.verify.assumptions import assumption_holds
from tests.rules.programs import optimise

X = np.array([0.5, 2.0, 3.0])
M = np.array([[2.0, 1.0], [1.0, 3.0]])
HERE = Path(__file__).name


def ops_of(program: Callable[..., Any], *arrays: Any) -> list[str]:
    made = optimise(program, arrays)
    return [n for n in made.ops() if n not in ("input", "keep", "full", "broadcast")]


# ------------------------------------------------------------------ what it is good for
def test_the_root_of_a_square_is_the_value_where_it_is_not_negative() -> None:
    assert ops_of(lambda x: et.sqrt(x**2), X) == ["absolute"]
    assert ops_of(lambda x: et.sqrt(et.assume(x, nonnegative=True) ** 2), X) == []
    assert ops_of(lambda x: et.sqrt(et.assume(x, nonpositive=True) ** 2), -X) == ["negative"]


def test_a_factor_that_is_not_zero_cancels() -> None:
    assert "divide" in ops_of(lambda x, y: x * y / x, X, X)
    assert ops_of(lambda x, y: et.assume(x, nonzero=True) * y / x, X, X) == []


def test_the_fact_is_of_the_value_wherever_it_is_used() -> None:
    def program(x: Any) -> Any:
        et.assume(x, positive=True)  # nobody reads this: it says nothing
        return et.abs(x)

    assert ops_of(program, X) == ["absolute"]
    assert (
        ops_of(lambda x: et.abs(x) + 0 * et.exp(et.assume(x, positive=True)), X).count("absolute")
        == 0
    )


def test_a_symmetric_matrix_is_its_transpose() -> None:
    assert ops_of(lambda a: a.T, M) == ["transpose"]
    assert ops_of(lambda a: et.assume(a, symmetric=True).T, M) == []
    assert ops_of(lambda a: et.assume(a, positive_definite=True).T, M) == []


def test_bounds_drop_clips_and_decide_comparisons() -> None:
    assert ops_of(lambda x: et.clip(et.assume(x, at_least=0, at_most=4), -1.0, 5.0), X) == []
    assert ops_of(lambda x: et.clip(et.assume(x, at_least=0), -1.0, 5.0), X) == ["minimum"]
    assert ops_of(lambda x: et.where(et.assume(x, at_least=0.25) < 0.0, 1 / x, x), X) == []
    assert ops_of(lambda x: et.maximum(2.0 + et.sin(x), 0.0), X) == ["sin", "add"]


@pytest.mark.parametrize("optimize", ["speed", "none"])
def test_values_gradients_and_batches_pass(optimize: Any) -> None:
    def f(x: Any) -> Any:
        return et.sum(et.log(et.assume(x, positive=True, finite=True)) * x)

    def jit(g: Any) -> Any:
        return et.jit(g, optimize=optimize)

    np.testing.assert_allclose(jit(f)(X), np.sum(np.log(X) * X))
    np.testing.assert_allclose(jit(et.grad(f))(X), np.log(X) + 1)
    _, tangent = jit(lambda x: et.jvp(f, (x,), (x,)))(X)
    np.testing.assert_allclose(tangent, np.sum((np.log(X) + 1) * X))
    stacked = np.stack([M, 2 * M])
    g = jit(et.vmap(lambda a: et.assume(a, symmetric=True).T @ a))
    np.testing.assert_allclose(g(stacked), stacked @ stacked)
    np.testing.assert_array_equal(jit(lambda x: et.assume(x, positive=True))(X), X)


def test_a_tangent_has_not_the_facts_of_its_value() -> None:
    def f(x: Any) -> Any:
        return et.jvp(lambda y: et.assume(y, positive=True), (x,), (-x,))[1]

    np.testing.assert_array_equal(et.jit(lambda x: et.abs(f(x)))(X), X)


def test_what_is_no_tensor_is_given_back() -> None:
    assert et.assume(X, positive=True) is X


def test_the_reference_takes_it_for_the_value() -> None:
    x = et.tensor("x", shape=(3,), dtype="float64")
    out = as_expr(et.assume(x, positive=True, at_most=9))
    np.testing.assert_array_equal(evaluate([out], {as_expr(x): X})[0], X)


def test_programs_that_differ_in_a_fact_are_two_to_the_cache() -> None:
    plain, known = (
        et.jit(lambda x: et.sqrt(x**2)),
        et.jit(lambda x: et.sqrt(et.assume(x, nonnegative=True) ** 2)),
    )
    np.testing.assert_array_equal(plain(-X), X)
    np.testing.assert_array_equal(known(X), X)
    np.testing.assert_array_equal(et.jit(lambda x: et.sqrt(x**2))(-X), X)


# ------------------------------------------------------------------ errors at building
def test_an_unknown_fact_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        ArgumentError, match=r"symmetric, unique, upper_triangular; got sym=True"
    ) as e:
        et.jit(lambda x: et.assume(x, sym=True))(M)
    assert HERE in str(e.value)


@pytest.mark.parametrize("value", [1, "yes", None])
def test_a_fact_is_true_or_false(value: Any) -> None:
    with pytest.raises(ArgumentError, match="positive True or False"):
        et.assume(X, positive=value)


@pytest.mark.parametrize("value", [np.nan, "x", None, X])
def test_a_bound_is_a_number(value: Any) -> None:
    with pytest.raises(ArgumentError, match="at_least a number"):
        et.assume(X, at_least=value)


def test_a_matrix_fact_needs_square_matrices_of_floats() -> None:
    with pytest.raises(ShapeError, match=r"square matrices .* to be symmetric; got x: f64\[2, 3\]"):
        et.jit(lambda x: et.assume(x, symmetric=True))(np.ones((2, 3)))
    with pytest.raises(ShapeError, match="square matrices"):
        et.jit(lambda x: et.assume(x, diagonal=True))(X)
    with pytest.raises(DtypeError, match="floats to be diagonal"):
        et.jit(lambda x: et.assume(x, diagonal=True))(np.eye(2, dtype="int64"))
    with pytest.raises(DtypeError, match="real numbers"):
        et.jit(lambda x: et.assume(x, positive=True))(X + 1j)


def test_a_bound_that_no_float_is_says_no_more_than_it() -> None:
    text = written({"at-least": 0.5, "positive": None, "at-most": -0.0})
    assert text == "at-least=0.5 at-most=0.0 positive"
    assert dict(facts_in(text)) == {"at-least": 0.5, "positive": None, "at-most": 0.0}
    i = np.array([2**53 + 1])
    kept = et.jit(lambda i: et.assume(i, at_least=2**53 + 1) <= 2**53)
    assert not kept(i)[0]


# ------------------------------------------------------------------ contradictions
def test_opposite_facts_in_one_call_are_refused_at_once() -> None:
    with pytest.raises(ContradictionError, match="positive and nonpositive"):
        et.assume(X, positive=True, nonpositive=True)
    with pytest.raises(ContradictionError, match="at_least=2 and at_most=1"):
        et.assume(X, at_least=2, at_most=1)


def refusal(program: Callable[..., Any], *arrays: Any) -> str:
    with pytest.raises(ContradictionError) as e:
        et.jit(program)(*arrays)
    return str(e.value)


def test_two_assumptions_that_contradict_are_named_with_their_lines() -> None:
    def program(x: Any) -> Any:
        first = et.assume(x, positive=True)
        return first + et.assume(x, negative=True)

    said = refusal(program, X)
    line = program.__code__.co_firstlineno
    assert f"positive, assumed at {HERE}:{line + 1}" in said
    assert f"negative, assumed at {HERE}:{line + 2}" in said
    said = refusal(lambda x: et.assume(x, at_least=2) - et.assume(x, at_most=1), X)
    assert "at-least 2, assumed" in said
    assert "at-most 1, assumed" in said


@pytest.mark.parametrize(
    ("program", "rule"),
    [
        (lambda x: et.assume(et.exp(x), negative=True), "exp-positive"),
        (lambda x: et.assume(et.tanh(x), at_least=2), "tanh-bounds"),
        (lambda x: x + et.assume(et.zeros(3) - 1.0, positive=True), "constant"),
        (lambda x: x + et.assume(et.zeros(3) + 0.5, integer_valued=True), "constant-bounds"),
        (lambda x: et.assume(-(x**2), positive=True), "square-nonnegative"),
    ],
)
def test_an_assumption_against_a_rule_names_both(program: Callable[..., Any], rule: str) -> None:
    said = refusal(program, X)
    assert "assumed at" in said
    assert re.search(rf"rule {rule}\S* \(\w+\.egg:\d+\)", said), said


def test_an_assumption_against_the_values_of_an_array_is_an_error() -> None:
    said = refusal(lambda x: x * et.assume(et.array(-X), positive=True), X)
    assert "negative, as the array's values are" in said


def test_a_contradiction_that_rewriting_finds_is_an_error() -> None:
    assert "negative, assumed" in refusal(
        lambda x: et.sum(et.assume(et.log(et.exp(et.exp(x))), negative=True)), X
    )


def test_of_no_elements_everything_is_true() -> None:
    f = et.jit(lambda x: et.assume(et.exp(x), negative=True))
    assert f(np.ones((0, 3))).shape == (0, 3)


def test_what_is_no_number_is_no_fault_of_an_assumption() -> None:
    f = et.jit(
        lambda x: (
            et.sqrt(et.zeros(3) - 1.0) * et.log(et.zeros(3) - 2.0) * et.assume(x, positive=True)
        )
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.isnan(f(X)).all()


# ------------------------------------------------------------------ captured arrays
@pytest.mark.parametrize(
    ("array", "facts"),
    [
        (np.array([2, 0, 1]), {"nonnegative", "unique"}),
        (np.array([-1, -2]), {"negative", "unique"}),
        (np.array([-1, 2]), {"nonzero"}),  # one place, of an axis of 3
        (np.array([1, 1, 2]), {"positive"}),
        (np.eye(3), {"nonnegative", "finite", "identity-matrix"}),
        (np.eye(3)[[1, 2, 0]], {"nonnegative", "finite", "permutation"}),
        (np.array([[2.0, 1.0], [1.0, 2.0]]), {"positive", "finite", "positive-definite"}),
        (np.array([[1.0, 2.0], [2.0, 1.0]]), {"positive", "finite", "symmetric"}),
        (np.diag([1.0, 0.0]), {"nonnegative", "finite", "diagonal", "positive-semidefinite"}),
        (np.diag([1.0, -1.0]), {"finite", "diagonal"}),
        (np.array([[1.0, 0.0], [-5.0, 1.0]]), {"finite", "lower-triangular"}),
        (np.array([1.0, np.nan]), set()),
        (np.zeros((0, 0)), set()),
    ],
)
def test_facts_of_arrays(array: np.ndarray, facts: set[str]) -> None:
    found = facts_of_array(array)
    assert set(found) == facts
    assert all(assumption_holds(name, None, array) for name in found)


def test_a_captured_matrix_is_known_to_rules_and_to_the_cache() -> None:
    symmetric, other = np.array([[0.0, 2.0], [2.0, 1.0]]), np.array([[0.0, 2.0], [3.0, 1.0]])
    for matrix in (symmetric, other, symmetric):
        f = et.jit(lambda x, m=matrix: et.array(m).T @ x)
        np.testing.assert_array_equal(f(M), matrix.T @ M)
    assert "transpose" not in f.explain().after
    g = et.jit(lambda x: et.array(other).T @ x)
    np.testing.assert_array_equal(g(M), other.T @ M)


# ------------------------------------------------------------------ checks of arrays
@pytest.mark.parametrize("name", [*FACTS, *BOUNDS])
def test_each_fact_can_be_checked_of_an_array(name: str) -> None:
    bound = 2.0 if name in BOUNDS else None
    wrong = {
        "positive": [0.0], "nonnegative": [-1.0], "nonzero": [0.0], "nonpositive": [1.0],
        "negative": [0.0], "integer-valued": [0.5], "unique": [1, 1], "finite": [np.inf],
        "not-nan": [np.nan], "at-least": [1.5], "at-most": [2.5],
    }  # fmt: skip
    right = {
        "positive": [1.0], "nonnegative": [0.0], "nonzero": [-1.0], "nonpositive": [0.0],
        "negative": [-1.0], "integer-valued": [2.0], "unique": [1, 0], "finite": [1.0],
        "not-nan": [np.inf], "at-least": [2.0], "at-most": [2.0],
    }  # fmt: skip
    good, bad = right.get(name, np.eye(3)), wrong.get(name, np.arange(9.0).reshape(3, 3))
    assert assumption_holds(name, bound, np.array(good))
    assert not assumption_holds(name, bound, np.array(bad))
    assert assumption_holds(name, bound, np.zeros((0, 2)))


def test_matrices_are_checked_up_to_rounding() -> None:
    a = np.random.default_rng(0).normal(size=(20, 20))
    q, _ = np.linalg.qr(a)
    assert assumption_holds("orthogonal", None, q)
    assert not assumption_holds("orthogonal", None, 1.001 * q)
    assert assumption_holds("positive-semidefinite", None, a[:, :3] @ a[:, :3].T)
    assert not assumption_holds("positive-definite", None, -a @ a.T)
    assert not assumption_holds("symmetric", None, np.ones((2, 3)))
