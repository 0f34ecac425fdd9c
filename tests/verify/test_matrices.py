"""Linear algebra under verification: what is true, what LAPACK may err by, what is drawn."""

from __future__ import annotations

import numpy as np
import pytest

from eqsat_tensor.lang import FLOAT32, FLOAT64, OPS, Expr, apply
from eqsat_tensor.types import TensorType
from eqsat_tensor.verify.bounds import distance, show, ulp
from eqsat_tensor.verify.build import build
from eqsat_tensor.verify.draw import NONFINITE, PROFILES, draw_inputs
from eqsat_tensor.verify.matrix_draw import structured
from eqsat_tensor.verify.matrix_proposals import PROPOSERS
from eqsat_tensor.verify.precise import true_values
from eqsat_tensor.verify.running import evaluate_running
from eqsat_tensor.verify.typed_draw import ANY_DTYPE, Draw

TAME = [p for p in PROFILES if p not in NONFINITE]
ATTRIBUTES = {
    "solve_triangular": ("lower", "transposed"), "slogdet": ("result",), "eigh": (0, "t"),
    "sort": ("axis",),
}  # fmt: skip
SEEDS = 60


def drawn(name: str, seed: int) -> tuple[Expr, dict[Expr, np.ndarray]]:
    """One op on matrices of its own, a stack of two now and then, and values of a tame temper."""
    op, random = OPS[name], np.random.default_rng(seed)
    n, dtype = int(random.choice((1, 2, 3, 5))), (FLOAT64, FLOAT32)[seed % 2]
    one = {"det": (), "slogdet": (), "eigh": (n,)}
    shape = one.get(name, (n, n) if name in ("cholesky", "inv") else (n, 2))
    draw = Draw(random, {}, {}, ANY_DTYPE)
    pattern = (op.constructor, *ATTRIBUTES.get(name, ()), *("a", "b")[: op.arity])
    expr = build(draw, pattern, TensorType(dtype, (2, *shape) if seed % 5 == 0 else shape))
    profile = TAME[(seed // 2) % len(TAME)]
    return expr, draw_inputs(list(draw.leaves.values()), profile, random)


@pytest.mark.parametrize("name", PROPOSERS)
def test_the_bound_holds_of_what_lapack_computes(name: str) -> None:
    bounded = 0
    for seed in range(SEEDS):
        expr, inputs = drawn(name, seed)
        [(value, error)], [truth] = evaluate_running([expr], inputs), true_values([expr], inputs)
        for index in np.ndindex(value.shape):
            if truth[index] is None or not np.isfinite(error[index]):
                continue
            bounded += 1
            apart = distance(value[index], truth[index], value.dtype)
            allowed = 1.01 * error[index] + ulp(truth[index], value.dtype)
            assert apart <= allowed, (seed, index, value[index], show(truth[index]), error[index])
    assert bounded > SEEDS / 2


def of(name: str, *arrays: np.ndarray, **attributes: int) -> tuple[Expr, dict[Expr, np.ndarray]]:
    leaves = [
        apply(OPS["input"], name=f"m{i}", key=i, dtype=a.dtype, shape=a.shape)
        for i, a in enumerate(arrays)
    ]
    return OPS[name](*leaves, **attributes), dict(zip(leaves, arrays, strict=True))


SINGULAR = np.array([[1.0, 2.0], [2.0, 4.0]])


def test_what_is_true_of_a_singular_matrix() -> None:
    [truth] = true_values(*_list(of("det", SINGULAR)))
    assert truth[()] == 0
    for result, want in enumerate((0.0, -np.inf)):
        [truth] = true_values(*_list(of("slogdet", SINGULAR, result=result)))
        assert float(truth[()]) == want
    for name in ("inv", "cholesky"):
        [truth] = true_values(*_list(of(name, SINGULAR)))
        assert all(x != x for x in truth.flat), name


def _list(pair: tuple[Expr, dict[Expr, np.ndarray]]) -> tuple[list[Expr], dict[Expr, np.ndarray]]:
    return [pair[0]], pair[1]


def test_a_determinant_that_cancels_is_exact() -> None:
    """0.1 * 0.3 - 0.2 * 0.15 in doubles is not 0 but 2**-56 times a third, to be had exactly."""
    a = np.array([[0.1, 0.2], [0.15, 0.3]])
    [truth] = true_values(*_list(of("det", a)))
    num = [int(x * 2**60) for x in a.ravel()]
    assert float(truth[()]) == (num[0] * num[3] - num[1] * num[2]) / 2.0**120


@pytest.mark.parametrize("name", ["inv", "cholesky"])
def test_what_lapack_refuses_is_nan_without_a_bound(name: str) -> None:
    stack = np.stack([np.eye(2), np.zeros((2, 2))])
    [(value, error)] = evaluate_running(*_list(of(name, stack)))
    assert np.isnan(value).all()
    assert np.isinf(error).all()


def test_a_matrix_that_is_singular_but_for_rounding_has_no_bound() -> None:
    a = np.array([[1.0, 1.0], [1.0, 1 + 2.0**-52]])
    for name in ("inv", "det"):
        [(_, error)] = evaluate_running(*_list(of(name, a)))
        assert np.isinf(error).all() == (name == "inv")
    [(_, error)] = evaluate_running(*_list(of("inv", np.array([[1.0, 1.0], [1.0, 1 + 1e-6]]))))
    assert 1e-12 < error.max() < 1


def test_definite_draws_are_definite_and_some_have_other_numbers_above() -> None:
    random, symmetric = np.random.default_rng(0), 0
    for _ in range(40):
        values = random.normal(size=(3, 3))
        a = structured("definite", values, "ordinary", random)
        assert np.linalg.eigvalsh(a).min() > 0
        symmetric += bool((a == a.T).all())
    assert 10 < symmetric < 40


def test_general_draws_are_singular_now_and_then() -> None:
    random = np.random.default_rng(1)
    found = [
        np.linalg.matrix_rank(structured("general", random.normal(size=(3, 3)), "near", random))
        for _ in range(60)
    ]
    assert 10 < sum(rank < 3 for rank in found) < 50
