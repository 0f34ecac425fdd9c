"""Systems of equations and decompositions against NumPy's: stacks, dtypes, refusals, gradients."""

import numpy as np
import pytest
import scipy.linalg

import eqsat_tensor as et
from tests.modes import MODES

RNG = np.random.default_rng(3)


def definite(*shape, dtype="float64"):
    a = RNG.normal(size=shape)
    return (a @ np.swapaxes(a, -1, -2) + shape[-1] * np.eye(shape[-1])).astype(dtype)


def same(got, want, rtol=1e-12):
    got, want = np.asarray(got), np.asarray(want)
    assert got.dtype == want.dtype
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=rtol if want.dtype == "f8" else 1e-4, atol=1e-12)


CASES = {
    "cholesky": lambda np, a, b: np.linalg.cholesky(a),
    "solve": lambda np, a, b: np.linalg.solve(a, b),
    "inv": lambda np, a, b: np.linalg.inv(a),
    "det": lambda np, a, b: np.linalg.det(a),
    "slogdet": lambda np, a, b: np.linalg.slogdet(a),
    "eigvalsh": lambda np, a, b: np.linalg.eigvalsh(a),
    "matrix_power": lambda np, a, b: np.linalg.matrix_power(a, -2),
}
SHAPES = [((3, 3), (3, 2)), ((2, 4, 4), (2, 4, 1)), ((1, 1), (1, 3)), ((2, 3, 3), (3, 2))]


@MODES
@pytest.mark.parametrize("name", CASES)
def test_they_give_what_numpy_gives(name, mode):
    f = et.jit(lambda a, b: CASES[name](et, a, b), mode=mode)
    for left, right in SHAPES:
        for dtype in ("float64", "float32"):
            a, b = definite(*left, dtype=dtype), RNG.normal(size=right).astype(dtype)
            got, want = f(a, b), CASES[name](np, a, b)
            if not isinstance(want, tuple):
                got, want = (got,), (want,)
            for g, w in zip(got, want, strict=True):
                same(g, w)


def test_other_forms_of_operands():
    a, v = definite(3, 3), RNG.normal(size=3)
    same(et.jit(et.linalg.solve)(a, v), np.linalg.solve(a, v))
    same(et.jit(lambda a: et.linalg.cholesky(a, upper=True))(a), np.linalg.cholesky(a).T)
    whole = np.array([[4, 1], [1, 3]])
    same(et.jit(et.linalg.inv)(whole), np.linalg.inv(whole))
    got = et.jit(et.linalg.eigh)(a)
    same(got.eigenvectors @ np.diag(got.eigenvalues) @ got.eigenvectors.T, a)
    for lower in (False, True):
        for trans in (0, 1):
            t = (np.tril if lower else np.triu)(a)
            f = et.jit(lambda a, v, lower=lower, trans=trans: et.linalg.solve_triangular(
                a, v, trans=trans, lower=lower))  # fmt: skip
            same(f(a, v), scipy.linalg.solve_triangular(t, v, trans=trans, lower=lower))
    same(np.linalg.inv(a), et.linalg.inv(a))  # arrays go to NumPy's
    same(et.jit(lambda x: np.linalg.solve(x, x))(a), np.eye(3))  # NumPy's own lead here


def test_a_gaussian_process_and_its_gradient():
    def loss(theta, x, y):
        d2 = (x[:, None] - x[None, :]) ** 2
        k = et.exp(theta[0]) * et.exp(-0.5 * d2) + et.exp(theta[1]) * et.eye(len(x))
        factor = et.linalg.cholesky(k)
        return 0.5 * et.sum(y * et.linalg.solve(k, y)) + et.sum(et.log(et.diagonal(factor)))

    x, y, theta = np.linspace(0, 3, 9), RNG.normal(size=9), np.array([0.1, -0.5])
    value, found = et.value_and_grad(loss)(theta, x, y)
    d2 = (x[:, None] - x) ** 2
    k = np.exp(0.1) * np.exp(-0.5 * d2) + np.exp(-0.5) * np.eye(9)
    want = 0.5 * y @ np.linalg.solve(k, y) + 0.5 * np.linalg.slogdet(k)[1]
    assert value == pytest.approx(want, rel=1e-12)
    f = et.jit(loss)
    for i in range(2):
        step = np.eye(2)[i] * 1e-6
        quotient = (f(theta + step, x, y) - f(theta - step, x, y)) / 2e-6
        assert found[i] == pytest.approx(quotient, rel=1e-6)


def test_refusals_name_what_came():
    a, b = et.tensor("a", ("n", 3)), et.tensor("b", (4, 2))
    with pytest.raises(et.ShapeError, match=r"linalg.inv: needs square matrices.*f64\[4, 2\]"):
        et.linalg.inv(b)
    with pytest.raises(et.ShapeError, match="as many rows"):
        et.linalg.solve(et.tensor("c", (3, 3)), b)
    with pytest.raises(et.DtypeError, match="float32, float64 or integers"):
        et.linalg.det(et.tensor("h", (2, 2), "float16"))
    f = et.function([a], et.linalg.inv(a))
    with pytest.raises(et.ShapeError):
        f(np.ones((2, 3)))
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        f(np.ones((3, 3)))


def test_eigenvalues_where_only_the_way_by_vectors_comes_to_an_end():
    a = np.diag([0.2, 1e150, 3.0]) + np.full((3, 3), 1.0)
    a[0, 1] = a[1, 0] = 1.7976931348623157e308
    values = et.jit(lambda a: np.linalg.eigh(a)[0])(a)
    np.testing.assert_array_equal(values, np.linalg.eigh(a)[0])
