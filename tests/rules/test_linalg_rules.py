"""Linear algebra from naive spellings: what is computed, against NumPy's answer to the same spelling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import eqsat_tensor as et
from tests.rules.programs import optimise

RNG = np.random.default_rng(5)
N = 12
A, B = RNG.normal(size=(2, N, N)) + 4 * np.eye(N)
V, W = RNG.normal(size=(2, N))
Q = np.linalg.qr(A)[0]
STACK, COLUMNS = RNG.normal(size=(3, N, N)) + 4 * np.eye(N), RNG.normal(size=(3, N, 2))
S = A @ A.T + np.eye(N)
BIG = np.eye(300) * 3 + RNG.normal(size=(300, 300)) / 20
BIG_S, BIG_V = BIG @ BIG.T, RNG.normal(size=300)
P, K = RNG.normal(size=(3, 3)), RNG.normal(size=(4, 4))
TALL = RNG.normal(size=(N, 2))


def fact(np: Any, x: Any, **facts: bool) -> Any:
    """A matrix of which something is known, where that can be said."""
    return et.assume(x, **facts) if np is et else x


def near(np: Any, x: Any) -> Any:
    """Squared distances of points, spelled around their products."""
    squares = np.sum(x * x, axis=1, keepdims=True)
    return squares - 2.0 * (x @ x.T) + squares.T


# name -> (program of a module like numpy and arrays; arrays; what is left of LAPACK and of products)
Case = tuple[Callable[..., Any], tuple[Any, ...], str]
CASES: dict[str, Case] = {
    # systems for inverses (S25)
    "inverse times vector": (lambda np, a, v: np.linalg.inv(a) @ v, (A, V), "solve"),
    "inverse times matrix": (lambda np, a, b: np.linalg.inv(a) @ b, (A, B), "solve"),
    "vector times inverse": (lambda np, a, v: v @ np.linalg.inv(a), (A, V), "solve"),
    "inverses of a stack": (lambda np, a, b: np.linalg.inv(a) @ b, (STACK, COLUMNS), "solve"),
    "quadratic form": (lambda np, a, v: v @ np.linalg.inv(a) @ v, (A, V), "matmul solve"),
    "solve of inverse": (lambda np, a, v: np.linalg.solve(np.linalg.inv(a), v), (A, V), "matmul"),
    "inverse of inverse": (lambda np, a: np.linalg.inv(np.linalg.inv(a)), (A,), ""),
    "inverse of multiple": (
        lambda np, a, v: np.linalg.inv(3 * a) @ v, (A, V), "solve"),
    "transposed inverse": (lambda np, a, v: np.linalg.inv(a).T @ v, (A, V), "solve"),
    "inverse of what is inverted": (
        lambda np, a, b: np.linalg.inv(a @ np.linalg.inv(b)) @ a, (A, B), ""),
    "undone": (lambda np, a, v: a @ np.linalg.solve(a, v), (A, V), ""),
    "solved for itself": (lambda np, a, v: np.linalg.solve(a, a) @ v, (A, V), ""),
    # determinants
    "log of determinant": (lambda np, s: np.log(np.linalg.det(s)), (S,), "slogdet slogdet"),
    "log of absolute determinant": (
        lambda np, a: np.log(np.abs(np.linalg.det(a))), (A,), "slogdet"),
    "sign of determinant": (lambda np, a: np.sign(np.linalg.det(a)), (A,), "slogdet"),
    "determinant of transpose": (lambda np, a: np.linalg.det(a.T) / np.linalg.det(a), (A,), "det"),
    "determinant of inverse": (lambda np, a: np.linalg.det(np.linalg.inv(a)), (A,), "det"),
    "determinant of triangle": (lambda np, a: np.linalg.det(np.tril(a)), (A,), ""),
    "log determinant of triangle": (lambda np, a: np.linalg.slogdet(np.triu(a))[1], (A,), ""),
    "determinant of diagonal": (lambda np, v: np.linalg.det(np.diag(v)), (V,), ""),
    "determinant lemma": (
        lambda np, i, u: np.linalg.det(fact(np, i, identity=True) + u @ u.T),
        (np.eye(N), TALL), "det matmul"),
    "determinants of a stack": (
        lambda np, a: np.log(np.abs(np.linalg.det(a))), (STACK,), "slogdet"),
    # definite matrices
    "definite system": (
        lambda np, s, v: np.linalg.solve(fact(np, s, positive_definite=True), v), (BIG_S, BIG_V),
        "cholesky solve_triangular solve_triangular"),
    "product of what is inverted": (
        lambda np, a, b: np.linalg.inv(a) + np.linalg.inv(b) + np.linalg.inv(a @ b), (BIG, BIG.T + 1),
        "inv inv matmul"),
    "definite by its form": (
        lambda np, a, i, v: np.linalg.solve(a @ a.T + fact(np, i, identity=True), v),
        (BIG, np.eye(300), BIG_V),
        "cholesky matmul solve_triangular solve_triangular"),
    "one factorisation": (
        lambda np, s, v: np.linalg.solve(fact(np, s, positive_definite=True), v)
        + np.linalg.slogdet(fact(np, s, positive_definite=True))[1], (BIG_S, BIG_V),
        "cholesky solve_triangular solve_triangular"),
    "factored already": (
        lambda np, a, v: np.diag(np.linalg.cholesky(a @ a.T)) + np.linalg.solve(a @ a.T, v)
        + np.linalg.det(a @ a.T / 9), (BIG, BIG_V),
        "cholesky det matmul solve_triangular solve_triangular"),
    "factored kernel": (
        lambda np, x, v: (lambda k: np.diag(np.linalg.cholesky(k)) + np.linalg.solve(k, v))(
            np.exp(-near(np, x)) + 2.5 * np.eye(300, dtype=x.dtype)), (BIG[:, :3], BIG_V),
        "cholesky matmul solve_triangular solve_triangular"),
    "factored kernel of differences": (
        lambda np, x, v: (lambda k: np.diag(np.linalg.cholesky(k)) + np.linalg.solve(k, v))(
            np.exp(-((x[:, None] - x[None]) ** 2).sum(-1)) + 2.5 * np.eye(300, dtype=x.dtype)), (BIG[:, :3], BIG_V),
        "cholesky solve_triangular solve_triangular"),
    "factored kernel of times": (
        lambda np, t, v: (lambda k: np.diag(np.linalg.cholesky(k)) + np.linalg.solve(k, v))(
            np.minimum(t[:, None], t) + np.abs(t[:, None] - t) + 500.0 * np.eye(300, dtype=t.dtype)),
        (np.abs(BIG_V), BIG_V), "cholesky solve_triangular solve_triangular"),
    "factor squared": (
        lambda np, a: (lambda l: l @ l.T)(np.linalg.cholesky(a @ a.T)), (A,), "matmul"),
    # triangles, orthogonal, diagonal
    "triangular system": (lambda np, a, v: np.linalg.solve(np.tril(a), v), (A, V), "solve_triangular"),
    "factor's system": (
        lambda np, s, v: np.linalg.solve(np.linalg.cholesky(s).T, v), (S, V),
        "cholesky solve_triangular"),
    "orthogonal system": (
        lambda np, q, v: np.linalg.solve(fact(np, q, orthogonal=True), v), (Q, V), "matmul"),
    "orthogonal inverse": (
        lambda np, q: np.linalg.inv(fact(np, q, orthogonal=True)), (Q,), ""),
    "orthogonal product": (
        lambda np, q: (lambda q: q @ q.T)(fact(np, q, orthogonal=True)), (Q,), ""),
    "diagonal times matrix": (lambda np, v, a: np.diag(v) @ a, (V, A), ""),
    "matrix times diagonal": (lambda np, v, a: a @ np.diag(v), (V, A), ""),
    "diagonals multiplied": (lambda np, v, w: np.diag(v) @ np.diag(w), (V, W), ""),
    "diagonal of diagonal": (lambda np, v: np.diagonal(np.diag(v)), (V,), ""),
    "diagonal system": (lambda np, v, w: np.linalg.solve(np.diag(v), w), (V, W), ""),
    "diagonal inverse": (lambda np, v, a: np.linalg.inv(np.diag(v)) @ a, (V, A), ""),
    "eigenvalues of diagonal": (lambda np, v: np.linalg.eigvalsh(np.diag(v)), (V,), "sort"),
    "scaled both sides": (lambda np, v, a: np.diag(v) @ a @ np.diag(v), (V, A), ""),
    "symmetric transpose": (
        lambda np, s, v: fact(np, s, symmetric=True).T @ v + fact(np, s, symmetric=True) @ v,
        (S, V), "matmul"),
    # traces, norms, Kronecker products
    "trace of transpose and sum": (lambda np, a, b: np.trace(a.T + 3 * b), (A, B), ""),
    "trace of eigenvalues": (lambda np, s: np.sum(np.linalg.eigvalsh(s)), (S,), ""),
    "norm squared": (lambda np, v: np.linalg.norm(v) ** 2, (V,), ""),
    "kronecker trace": (lambda np, p, k: np.trace(np.kron(p, k)), (P, K), ""),
    "kronecker inverse": (
        lambda np, p, k: np.linalg.inv(np.kron(p, k)), (BIG[:30, :30], BIG[:12, :12]), "inv inv"),
    "kronecker times vector": (
        lambda np, p, k, x: np.kron(p, k) @ x, (BIG[:30, :30], BIG[:10, :10], BIG_V),
        "matmul matmul"),
}  # fmt: skip
LAPACK = ("solve", "inv", "det", "slogdet", "cholesky", "solve_triangular", "eigh", "sort")


@pytest.mark.parametrize("name", CASES)
def test_what_is_left_to_compute(name: str) -> None:
    program, arrays, want = CASES[name]
    made = optimise(lambda *a: program(et, *a), arrays)
    products = ("matmul", "gemm")
    found = ["matmul" if op in products else op for op in made.ops() if op in (*LAPACK, *products)]
    assert sorted(found) == sorted(want.split()), made.extracted


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", CASES)
def test_it_is_what_numpy_says(name: str, dtype: str) -> None:
    program, arrays, _ = CASES[name]
    got = et.jit(lambda *a: program(et, *a))(*(a.astype(dtype) for a in arrays))
    want = program(np, *arrays)
    assert got.dtype == dtype
    room = 1e-9 if dtype == "float64" else 2e-3
    scale = np.abs(want).max()
    np.testing.assert_allclose(got, want, rtol=room, atol=room * scale + 1e-300)


def test_a_determinant_that_is_out_of_range_has_its_logarithm() -> None:
    f = et.jit(lambda a: et.log(et.linalg.det(a)))
    for size in (1e-40, 1e40):
        want = 10 * np.log(size)
        assert f(np.eye(10) * size) == pytest.approx(want, rel=1e-13)
        assert f(np.eye(10, dtype="f4") * np.float32(size**0.5)) == pytest.approx(
            want / 2, rel=1e-5
        )
    assert np.isnan(f(np.diag([1.0, -1.0])))
    assert f(np.zeros((2, 2))) == -np.inf


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("size", [1.0, 1e-18, 1e18])
def test_the_gradient_of_a_log_determinant_is_the_inverse_turned(size: float, dtype: str) -> None:
    a = (S * size).astype(dtype)
    want = np.linalg.inv(S).T / size
    room = 1e-10 if dtype == "float64" else 1e-3
    for scale, program in (
        (1, lambda a: et.log(et.linalg.det(a))),
        (-0.5, lambda a: -0.5 * et.log(et.linalg.det(a))),
        (1, lambda a: et.log(et.abs(et.linalg.det(a)))),
        (1, lambda a: et.linalg.slogdet(a)[1]),
    ):
        got = et.grad(program)(a)
        np.testing.assert_allclose(got, scale * want, rtol=room, atol=room * np.abs(want).max())


@pytest.mark.parametrize("facts", [{}, {"positive_definite": True}, {"symmetric": True}])
def test_the_gradient_of_a_solution(facts: dict[str, bool]) -> None:
    """d/dA w'x = -inv(A)' w x', d/db w'x = inv(A)' w."""

    def loss(a: Any, b: Any) -> Any:
        return W @ et.linalg.solve(et.assume(a, **facts) if facts else a, b)

    turned = np.linalg.solve(S.T, W)
    for number, want in enumerate((-np.outer(turned, np.linalg.solve(S, V)), turned)):
        got = et.grad(loss, argnums=number)(S, V)
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9 * np.abs(want).max())


def test_gradients_of_a_gaussian_from_inverse_and_determinant() -> None:
    """-log N(v; 0, S) spelled with inv and det: no determinant is left, and S is solved with."""

    def loss(s: Any, v: Any) -> Any:
        return 0.5 * v @ et.linalg.inv(s) @ v + 0.5 * et.log(et.linalg.det(s))

    ops = optimise(loss, (S, V)).ops()
    assert "inv" not in ops
    assert "det" not in ops
    got = et.grad(loss)(S * 1e30, V)
    x = np.linalg.solve(S * 1e30, V)
    want = 0.5 * np.linalg.inv(S * 1e30) - 0.5 * np.outer(x, x)
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9 * np.abs(want).max())


def test_what_lapack_refuses_is_refused_still() -> None:
    singular = np.ones((3, 3))
    with pytest.raises(np.linalg.LinAlgError):
        et.jit(lambda a, v: et.linalg.inv(a) @ v)(singular, np.ones(3))
    with pytest.raises(np.linalg.LinAlgError):
        et.jit(lambda a: et.linalg.cholesky(a @ a.T))(np.zeros((3, 3)))


def test_an_unsymmetric_matrix_is_not_taken_for_symmetric() -> None:
    """cholesky reads the lower half alone: what it says of A is no reason to solve with its factor."""
    a = S + np.triu(np.ones((N, N)), 1)

    def program(a: Any, v: Any) -> Any:
        return et.linalg.cholesky(a)[0, 0] * et.linalg.solve(a, v)

    want = np.linalg.cholesky(a)[0, 0] * np.linalg.solve(a, V)
    np.testing.assert_allclose(et.jit(program)(a, V), want, rtol=1e-10)
