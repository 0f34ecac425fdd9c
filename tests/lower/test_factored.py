"""Factors, systems and determinants done as machine code are NumPy's, of every form; what is refused raises as there."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.linalg

import eqsat_tensor as et
from eqsat_tensor.lower.cpu import factored, library
from tests.threads import in_threads

pytestmark = pytest.mark.skipif(
    not library.thread_functions(), reason="this BLAS keeps its threads"
)
DTYPES = ["float32", "float64"]
SIZES = [1, 2, 5, 47, 48, 49, 100, 150]


def matrices(n: int, k: int, dtype: str, lead: tuple[int, ...] = ()) -> tuple:
    """A symmetric positive definite matrix, any other, and right sides."""
    rng = np.random.default_rng(n * 7 + k)
    a, b = rng.standard_normal((*lead, n, n)), rng.standard_normal((*lead, n, k))
    definite = a @ np.swapaxes(a, -1, -2) + n * np.eye(n)
    return definite.astype(dtype), (a + 3 * np.eye(n)).astype(dtype), b.astype(dtype)


@pytest.fixture(autouse=True)
def by_way_of_python(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The calls that Python made after all."""
    made: list[str] = []
    from eqsat_tensor.lower.cpu import host

    call = host._call

    def recorded(name, *rest):
        made.append(name)
        call(name, *rest)

    monkeypatch.setattr(host, "_call", recorded)
    return made


@pytest.mark.parametrize("dtype", DTYPES)
def test_cholesky_is_numpys(dtype, by_way_of_python):
    f = et.jit(et.linalg.cholesky)
    for n in SIZES:
        a, _, _ = matrices(n, 1, dtype)
        a[np.triu_indices(n, 1)] = np.nan  # not read
        tolerance = 50 * np.finfo(dtype).eps
        np.testing.assert_allclose(f(a), np.linalg.cholesky(a), rtol=tolerance, atol=tolerance)
    assert not by_way_of_python


@pytest.mark.parametrize("dtype", DTYPES)
def test_solve_is_numpys(dtype, by_way_of_python):
    f = et.jit(et.linalg.solve)
    for n, k in itertools.product(SIZES, (1, 3, 60)):
        _, a, b = matrices(n, k, dtype)
        x = f(a, b)
        assert x.dtype == b.dtype
        residue = np.abs(a.astype(float) @ x - b).max()
        assert residue <= 200 * n * np.finfo(dtype).eps * max(1.0, np.abs(x).max())
    assert not by_way_of_python


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("lower", "turned"), list(itertools.product([False, True], repeat=2)))
def test_triangular_systems_are_scipys(dtype, lower, turned, by_way_of_python):
    f = et.jit(lambda a, b: et.linalg.solve_triangular(a, b, trans=int(turned), lower=lower))
    for n, k in itertools.product(SIZES, (1, 3, 60)):
        a, _, b = matrices(n, k, dtype)
        a[np.triu_indices(n, 1) if lower else np.tril_indices(n, -1)] = np.nan
        want = scipy.linalg.solve_triangular(
            a, b, trans=int(turned), lower=lower, check_finite=False
        )
        tolerance = 50 * np.finfo(dtype).eps
        np.testing.assert_allclose(f(a, b), want, rtol=tolerance, atol=tolerance)
    assert not by_way_of_python


@pytest.mark.parametrize("dtype", DTYPES)
def test_inverses_and_determinants_are_numpys(dtype, by_way_of_python):
    inverse, determinant = et.jit(et.linalg.inv), et.jit(et.linalg.det)
    logarithm = et.jit(lambda x: et.linalg.slogdet(x)[1])
    eps = np.finfo(dtype).eps
    for n in SIZES:
        definite, other, _ = matrices(n, 1, dtype)
        for a in (definite, other, other[::-1].copy()):
            condition = np.linalg.cond(a.astype(float))
            residue = inverse(a).astype(float) @ a - np.eye(n)
            assert np.abs(residue).max() <= 20 * n * eps * condition, n
            sign, size = np.linalg.slogdet(a.astype(float))
            bound = 20 * n * eps * condition
            np.testing.assert_allclose(logarithm(a), size, rtol=bound, atol=bound)
            with np.errstate(over="ignore"):
                wanted = (sign * np.exp(size)).astype(dtype)
            np.testing.assert_allclose(determinant(a), wanted, rtol=bound)
            assert inverse(a).dtype == determinant(a).dtype == logarithm(a).dtype == dtype
    assert not by_way_of_python


def test_determinants_reach_as_far_as_their_logarithms(by_way_of_python):
    determinant = et.jit(et.linalg.det)
    for diagonal, wanted in (
        ((1e300, -1e300, 1e-300, 1e-300), -1.0),
        ((1e-300, 1e-300, 1e300, 1e300), 1.0),
        ((1e-200, -1e-200), -0.0),
        ((-1e200, 1e200), -np.inf),
    ):
        made = determinant(np.diag(diagonal))
        np.testing.assert_allclose(made, wanted, rtol=1e-12)
    assert not by_way_of_python
    assert determinant(np.ones((3, 3))) == 0
    assert et.jit(lambda x: et.linalg.slogdet(x)[1])(np.ones((3, 3))) == -np.inf


def test_values_alone_are_made_without_vectors(monkeypatch):
    definite, other, _ = matrices(40, 1, "float64")
    values, singular = np.linalg.eigvalsh(definite), np.linalg.svd(other, compute_uv=False)
    for name in ("eigh", "qr"):
        monkeypatch.setattr(np.linalg, name, None)
    np.testing.assert_allclose(et.jit(et.linalg.eigvalsh)(definite), values)
    np.testing.assert_allclose(et.jit(lambda x: et.linalg.eigh(x)[0])(definite), values)
    np.testing.assert_allclose(et.jit(lambda x: et.linalg.svd(x)[1])(other), singular)


def test_stacks_are_done_one_by_one(by_way_of_python):
    definite, a, b = matrices(20, 3, "float64", (2, 3))
    for f, given in (
        (et.linalg.cholesky, (definite,)),
        (et.linalg.solve, (a, b)),
        (et.linalg.inv, (a,)),
        (et.linalg.det, (a,)),
        (lambda m, v: et.linalg.solve_triangular(m, v, lower=True), (definite, b)),
    ):
        got, one = et.jit(f)(*given), et.jit(f)
        for index in np.ndindex(2, 3):
            alone = one(*(g[index] for g in given))
            np.testing.assert_array_equal(got[index], alone)
    assert not by_way_of_python


def test_what_is_refused_raises_as_in_numpy_and_the_next_call_is_well(by_way_of_python):
    good, other, b = matrices(10, 2, "float64")
    bad, singular = good.copy(), np.ones((10, 10))
    bad[3, 3] = -1
    factor, solve = et.jit(et.linalg.cholesky), et.jit(et.linalg.solve)
    triangular = et.jit(lambda a, b: et.linalg.solve_triangular(a, b, lower=True))
    for _ in range(2):
        with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
            factor(bad)
        np.testing.assert_allclose(factor(good), np.linalg.cholesky(good))
        with pytest.raises(np.linalg.LinAlgError, match=r"[Ss]ingular"):
            solve(singular, b)
        np.testing.assert_allclose(solve(other, b), np.linalg.solve(other, b))
        with pytest.raises(np.linalg.LinAlgError, match="singular"):
            triangular(np.zeros((10, 10)), b)
    assert set(by_way_of_python) == {"cholesky", "solve", "solve_triangular"}


def test_nan_comes_out_as_in_numpy():
    good, _, b = matrices(6, 2, "float64")
    good[2, 2] = np.nan
    np.testing.assert_array_equal(et.jit(et.linalg.solve)(good, b), np.linalg.solve(good, b))
    np.testing.assert_array_equal(et.jit(et.linalg.cholesky)(good), np.linalg.cholesky(good))


def test_empty_and_large_ones_keep_to_python(monkeypatch, by_way_of_python):
    assert et.jit(et.linalg.cholesky)(np.zeros((0, 0))).shape == (0, 0)
    assert et.jit(et.linalg.solve)(np.eye(3), np.zeros((3, 0))).shape == (3, 0)
    monkeypatch.setattr(factored, "LARGEST", 8)
    a, _, _ = matrices(9, 1, "float64")
    np.testing.assert_array_equal(et.jit(et.linalg.cholesky)(a), np.linalg.cholesky(a))
    assert by_way_of_python == ["cholesky", "solve", "cholesky"]


def test_threads_at_once_get_their_own_results():
    f = et.jit(lambda a, b: et.linalg.solve(a, b))
    problems = [matrices(30 + k, 2, "float64")[1:] for k in range(4)]
    wrong: list[int] = []

    def run(k: int) -> None:
        a, b = problems[k]
        for _ in range(50):
            if not np.allclose(f(a, b), np.linalg.solve(a, b)):
                wrong.append(k)

    in_threads(run, range(4))
    assert not wrong
