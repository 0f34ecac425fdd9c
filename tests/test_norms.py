"""The root of a sum of squares, at all magnitudes, and its gradient."""

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.lang import FLOAT64, OPS
from eqsat_tensor.ops.leaf import input_
from eqsat_tensor.reference import evaluate

SHAPE = (5, 7, 4)
AXES = [(0,), (1,), (2,), (0, 2), (1, 2), (0, 1, 2)]
SCALES = {
    "float64": (1.0, 2.0**600, 2.0**-600, 2.0**1000, 2.0**-1040),
    "float32": (1.0, 2.0**70, 2.0**-70, 2.0**120, 2.0**-130),
}


def spelled(axes):
    return lambda x: et.sqrt(et.sum(x * x, axis=axes))


def true_norm(x, axes):
    with np.errstate(over="ignore"):
        return np.sqrt(np.sum(x.astype(np.longdouble) ** 2, axis=axes)).astype(x.dtype)


@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("dtype", SCALES)
def test_a_norm_is_right_at_all_magnitudes(dtype, axes):
    x = np.random.default_rng(1).standard_normal(SHAPE)
    f = et.jit(spelled(axes))
    for scale in SCALES[dtype]:
        y = (x * scale).astype(dtype)
        np.testing.assert_allclose(f(y), true_norm(y, axes), rtol=8 * np.finfo(dtype).eps)


@pytest.mark.parametrize("axes", AXES)
def test_rows_of_all_magnitudes_beside_each_other(axes):
    random = np.random.default_rng(2)
    x = random.standard_normal(SHAPE)
    kept = [1 if j in axes else n for j, n in enumerate(SHAPE)]
    x *= 2.0 ** random.integers(-1030, 1010, kept)
    np.testing.assert_allclose(et.jit(spelled(axes))(x), true_norm(x, axes), rtol=1e-15)


@pytest.mark.parametrize("axes", AXES)
def test_zeros_infinities_and_nans(axes):
    f = et.jit(spelled(axes))
    shape = tuple(n for j, n in enumerate(SHAPE) if j not in axes)
    np.testing.assert_array_equal(f(np.zeros(SHAPE)), np.zeros(shape))
    x = np.ones(SHAPE)
    x[1, 2, 3] = -np.inf
    y = np.ones(SHAPE)
    y[1, 2, 3] = np.nan
    for z in (x, y, np.where(np.isinf(x), x, 1e300), np.where(np.isnan(y), y, 1e-300)):
        np.testing.assert_array_equal(np.isfinite(f(z)), np.isfinite(true_norm(z, axes)))
        np.testing.assert_array_equal(np.isnan(f(z)), np.isnan(true_norm(z, axes)))


@pytest.mark.parametrize(
    "shape", [(0,), (0, 3), (3, 0), (1, 1), (1, 9), (9, 1), (130, 3), (3, 130)]
)
def test_odd_shapes(shape):
    x = np.random.default_rng(3).standard_normal(shape) * 1e200
    for axis in range(len(shape)):
        np.testing.assert_allclose(et.jit(spelled(axis))(x), true_norm(x, axis), rtol=1e-14)
    np.testing.assert_allclose(et.jit(spelled(None))(x), true_norm(x, None), rtol=1e-14)


@pytest.mark.parametrize("scale", [1.0, 1e200, 1e-200, 1e308 / 8])
def test_unit_vectors_and_gradients(scale):
    x = np.random.default_rng(4).standard_normal((6, 5))
    unit = x / np.sqrt(np.sum(x * x, axis=1, keepdims=True))
    f = et.jit(lambda x: x / et.sqrt(et.sum(x * x, axis=1, keepdims=True)))
    np.testing.assert_allclose(f(x * scale), unit, rtol=1e-14)
    slope = et.jit(et.grad(lambda x: et.sum(et.linalg.norm(x, axis=1))))
    np.testing.assert_allclose(slope(x * scale), unit, rtol=1e-14)


def test_the_op_by_the_reference_evaluator():
    x = input_(name="x", key=0, dtype=FLOAT64, shape=(3, 4))
    value = np.array([[3e200, 4e200, 0, 0], [3e-200, 4e-200, 0, 0], [5e-324, 0, 0, 0]])
    got = evaluate([OPS["norm"](x, axes=(1,))], {x: value})[0]
    np.testing.assert_allclose(got, [5e200, 5e-200, 5e-324], rtol=1e-15)
    wide = np.full((3, 4), np.finfo(float).max)
    assert np.isinf(evaluate([OPS["norm"](x, axes=(1,))], {x: wide})[0]).all()


@pytest.mark.parametrize("axis", [0, 1, None])
def test_long_sums_in_threads_have_the_bits_of_one(axis):
    x = np.random.default_rng(5).standard_normal((600, 700)) * 1e200
    f = et.jit(spelled(axis))
    for _ in range(3):
        np.testing.assert_array_equal(f(x), f(x.copy()))
    np.testing.assert_allclose(f(x), true_norm(x, axis), rtol=1e-13)
