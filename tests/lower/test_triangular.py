"""Triangular systems by trsm agree with SciPy's, of every form, and read one triangle only."""

import itertools

import numpy as np
import pytest
import scipy.linalg

import eqsat_tensor as et
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import OPS
from eqsat_tensor.lower.cpu.host import FASTER
from eqsat_tensor.lower.cpu.triangular import solve_triangular

FORMS = list(itertools.product([False, True], repeat=2))


def system(n: int, k: int, dtype: str, lower: bool, lead: tuple[int, ...] = ()) -> tuple:
    """A well-conditioned triangle, the other one NaN; and right sides."""
    random = np.random.default_rng(n * 31 + k)
    a = random.standard_normal((*lead, n, n)) + 2 * n * np.eye(n)
    other = np.triu(np.ones((n, n), bool), 1)
    a[..., other if lower else other.T] = np.nan
    return a.astype(dtype), random.standard_normal((*lead, n, k)).astype(dtype)


def test_what_is_faster_here_is_a_library_op():
    assert set(FASTER) <= {name for name, op in OPS.items() if op.kind is Kind.LIBRARY}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("lower", "transposed"), FORMS)
def test_it_is_scipys(dtype, lower, transposed):
    eps = np.finfo(dtype).eps
    for n, k in itertools.product((1, 2, 3, 17, 70), (1, 3, 19)):
        a, b = system(n, k, dtype, lower)
        before = a.copy(), b.copy()
        (x,) = solve_triangular(a, b, lower, transposed)
        want = scipy.linalg.solve_triangular(
            a, b, trans=int(transposed), lower=lower, check_finite=False
        )
        assert x.dtype == b.dtype
        np.testing.assert_allclose(x, want, rtol=20 * eps, atol=eps)
        np.testing.assert_array_equal(a, before[0])
        np.testing.assert_array_equal(b, before[1])


@pytest.mark.parametrize(("lower", "transposed"), FORMS)
def test_stacks_strides_and_empty_arrays(lower, transposed):
    a, b = system(5, 4, "float64", lower, (2, 3))
    (x,) = solve_triangular(a, b, lower, transposed)
    for index in np.ndindex(2, 3):
        np.testing.assert_array_equal(
            x[index], solve_triangular(a[index], b[index], lower, transposed)[0]
        )
    turned = np.asfortranarray(a[0, 0]), np.repeat(b[0, 0], 2, axis=1)[:, ::2]
    np.testing.assert_array_equal(solve_triangular(*turned, lower, transposed)[0], x[0, 0])
    for n, k, lead in ((0, 3, ()), (3, 0, ()), (0, 0, ()), (3, 2, (0,))):
        (empty,) = solve_triangular(*system(n, k, "float64", lower, lead), lower, transposed)
        assert empty.shape == (*lead, n, k)


def test_a_zero_on_the_diagonal_raises():
    a, b = np.array([[2.0, 0.0], [1.0, 0.0]]), np.ones((2, 1))
    compiled = et.jit(lambda a, b: et.linalg.solve_triangular(a, b, lower=True))
    with pytest.raises(np.linalg.LinAlgError, match="diagonal 1"):
        compiled(a, b)
    np.testing.assert_array_equal(compiled(np.eye(2), b), b)
