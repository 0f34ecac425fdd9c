"""Naive spellings come out stable, in value and in structure, and so do their gradients.

Each case is held at points where the naive program is wrong, against mpmath; once by the cost model
as it is, and once with every stable op a hundred times dearer: time never buys instability back.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.lang import topological
from tests.rules.cases import Case, case, grad, nan, softmax
from tests.rules.cases.differences import DIFFERENCES, SERIES, SPREADS, STEPS
from tests.rules.cases.families import FAMILIES
from tests.rules.cases.gradients import GRADIENTS
from tests.rules.cases.labelled import LABELLED, pick
from tests.rules.cases.near import NEAR
from tests.rules.cases.shares import SHARES
from tests.rules.cases.singles import SINGLES
from tests.rules.cases.special import SPECIAL
from tests.rules.cases.vectors import VECTORS
from tests.rules.programs import FUSED, Made, optimise, package_rules

rng = np.random.default_rng(0)
A, B, C = (rng.standard_normal((64, 64)) for _ in range(3))
V = rng.standard_normal(64)
ALGEBRA = (
    case("matrix-chain", lambda a, b, c, v: a @ b @ c @ v, (A, B, C, V, A @ (B @ (C @ V))), rtol=1e-11),
    case("sum-of-product", lambda a, b: et.sum(a @ b), (A, B, (A @ B).sum()), absent="matmul", rtol=1e-11),
    case("scaled-gemm", lambda a, b, c: 0.5 * (a @ b) + 1.5 * c, (A, B, C, 0.5 * (A @ B) + 1.5 * C),
         present="gemm", absent="matmul add", rtol=1e-11),
    case("common-factor", lambda a, b, c: a @ b + a @ c, (A, B, C, A @ (B + C)), rtol=1e-11),
    case("trace", lambda a, b: et.trace(a @ b), (A, B, np.trace(A @ B)), absent="matmul", rtol=1e-11),
)  # fmt: skip
STABLE = (
    *SINGLES,
    *SPECIAL,
    *DIFFERENCES,
    *STEPS,
    *NEAR,
    *SERIES,
    *SPREADS,
    *FAMILIES,
    *SHARES,
    *VECTORS,
    *LABELLED,
    *GRADIENTS,
)
ALL = (*STABLE, *ALGEBRA)


def hold(made: Made, it: Case, structure: bool) -> None:
    for arguments, value in it.points:
        got = made.value(*arguments)
        text = f"{it.name} at {arguments}:\n{made.extracted}"
        top = float(np.max(np.abs(value), initial=0.0)) if np.ndim(value) == 2 else 0.0
        atol = it.rtol * top + 1e-300  # a product's small elements cancel
        np.testing.assert_allclose(got, value, rtol=it.rtol, atol=atol, err_msg=text)
    if structure:
        ops = made.ops()
        assert all(op in ops for op in it.present.split()), (it.present, made.extracted)
        assert not any(op in ops for op in it.absent.split()), (it.absent, made.extracted)


@pytest.mark.parametrize("it", ALL, ids=str)
def test_the_value_is_right_and_the_form_is_as_it_should_be(it: Case) -> None:
    hold(optimise(it.program, it.points[0][0]), it, True)


@pytest.mark.parametrize("it", STABLE, ids=str)
def test_a_stable_form_a_hundred_times_dearer_is_still_taken(it: Case) -> None:
    hold(optimise(it.program, it.points[0][0], dear=FUSED), it, False)


@pytest.mark.parametrize("it", [*VECTORS, *LABELLED, *GRADIENTS], ids=str)
def test_it_is_the_same_for_sizes_that_are_known_at_run_time_only(it: Case) -> None:
    hold(optimise(it.program, it.points[0][0], lower=2), it, False)


def matmul_work(made: Made) -> int:
    """Multiplications in the matrix products of the extracted program."""
    total = 0
    for node in topological(made.extracted):
        if node.op.name in ("matmul", "gemm"):
            a = node.arguments[0 if node.op.name == "matmul" else 1]
            total += int(np.prod([int(s) for s in node.shape])) * int(a.shape[-1])  # type: ignore[arg-type]
    return total


def test_a_chain_with_a_vector_is_done_from_the_right() -> None:
    assert matmul_work(optimise(lambda a, b, c, v: a @ b @ c @ v, (A, B, C, V))) == 3 * 64 * 64


def test_a_common_factor_is_multiplied_once() -> None:
    assert matmul_work(optimise(lambda a, b, c: a @ b + a @ c, (A, B, C))) == 64**3


def test_a_chain_of_twenty_matrices_takes_the_cheapest_order() -> None:
    sizes = [
        10 * n for n in (10, 3, 40, 5, 30, 2, 20, 7, 25, 4, 35, 6, 15, 8, 45, 9, 12, 50, 11, 33, 10)
    ]
    arrays = [np.ones((m, n)) for m, n in pairwise(sizes)]

    def product(*factors: Any) -> Any:
        result = factors[0]
        for f in factors[1:]:
            result = result @ f
        return result

    n = len(arrays)
    best = {(i, i): 0 for i in range(n)}
    for length in range(2, n + 1):
        for i in range(n - length + 1):
            j = i + length - 1
            best[i, j] = min(
                best[i, k] + best[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1]
                for k in range(i, j)
            )
    assert matmul_work(optimise(product, arrays)) == best[0, n - 1]


KEPT = {
    "two plus exp": (lambda x: et.exp(x) / (2 + et.exp(x)), "sigmoid"),
    "one minus exp below": (lambda x: et.exp(x) / (1 - et.exp(x)), "sigmoid"),
    "other exponent": (lambda x: et.exp(x + 1) / (1 + et.exp(x)), "softplus"),
    "1.1 over": (lambda x: 1.1 / (1.5 + et.exp(-x)), "sigmoid"),
    "two plus erf": (lambda x: 2 + et.erf(x), "erfc"),
    "two minus erf": (lambda x: 2 - et.erf(x), "erfc"),
    "exp minus two": (lambda x: et.exp(x) - 2, "expm1"),
    "exp minus x": (lambda x: et.exp(x) - x, "expm1"),
}


@pytest.mark.parametrize("name", KEPT)
def test_what_is_not_the_pattern_is_left_alone(name: str) -> None:
    program, op = KEPT[name]
    made = optimise(program, (1.5,))
    assert op not in made.ops()
    np.testing.assert_allclose(made.value(0.7), made_naively(program, 0.7), rtol=1e-14)


def made_naively(program: Callable[..., Any], x: float) -> Any:
    """The value of a program of one argument as it is written."""
    made = optimise(program, (x,))
    return Made(made.leaves, made.written, made.written, made.graph).value(x)


def test_integers_keep_their_division() -> None:
    made = optimise(lambda i: 5 * (i // (i + 1)), (np.array([3, 4]),))
    np.testing.assert_array_equal(made.value(np.array([3, 4])), [0, 0])


def test_a_sum_with_nan_ends() -> None:
    assert np.isnan(optimise(lambda x: x + nan, (1.0,)).value(1.0))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_descent_on_cross_entropy_reaches_zero_from_any_step(dtype: Any) -> None:
    """T29: with steps of 1e5 the naive gradient is NaN at once."""
    labels, step = np.arange(5), dtype(100000.3)

    def loss(x: Any, y: Any) -> Any:
        return et.sum(-et.log(pick(softmax(x), y)))

    cost, slope = (optimise(f, (np.zeros((5, 5), dtype), labels)) for f in (loss, grad(loss)))
    x = np.zeros((5, 5), dtype)
    for _ in range(100):
        x = x + step * slope.value(x, labels)
    assert x.dtype == dtype
    np.testing.assert_allclose(slope.value(x, labels)[0], [-1.0, *[0.25] * 4], rtol=1e-5)
    assert cost.value(x, labels) > 61750000
    x = np.zeros((5, 5), dtype)
    for _ in range(3):
        x = x - step * slope.value(x, labels)
    np.testing.assert_array_equal(slope.value(x, labels), np.zeros((5, 5)))
    assert cost.value(x, labels) == 0


def test_a_factor_is_not_cancelled_at_zero_but_where_asked() -> None:
    """T39: as it is written, it is NaN at x = 0."""

    def program(a: Any, b: Any, x: Any, y: Any) -> Any:
        return (a / x + b / y) * x * y

    at = (3.0, 5.0, 0.0, 2.0)
    assert np.isnan(optimise(program, at).value(*at))
    assert optimise(program, at, package_rules("fast")).value(*at) == 6.0
    assert np.isnan(et.jit(program)(*at))
    assert et.jit(program, math="fast")(*at) == 6.0
