"""Convolutions are held to their true values: in mode="verify", in accuracy reports, and by E."""

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.lang import OPS, apply
from eqsat_tensor.ops.captured import input_leaf
from eqsat_tensor.verify.cone import cone
from eqsat_tensor.verify.convolutions import terms_of
from eqsat_tensor.verify.running import evaluate_running

RANDOM = np.random.default_rng(2)


def test_terms_that_meet_are_those_within_both():
    left, right = terms_of(4, 2, 1, 5)
    np.testing.assert_array_equal(left, [[1, 0], [2, 1], [3, 2], [-1, 3], [-1, -1]])
    np.testing.assert_array_equal(right, [[0, 1], [0, 1], [0, 1], [-1, 1], [-1, -1]])


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
def test_calls_are_held_to_the_true_value(mode, dtype):
    f = et.jit(lambda a, v: np.convolve(a, v, mode) * 2, mode="verify")
    for n, m in ((30, 7), (5, 5), (1, 4)):
        a, v = ((RANDOM.standard_normal(k) * 9).astype(dtype) for k in (n, m))
        np.testing.assert_allclose(f(a, v), 2 * np.convolve(a, v, mode), rtol=1e-5, atol=1e-5)
    assert "all within the bound" in str(f.verification())


def test_reports_tell_what_a_convolution_loses():
    a, v = np.array([1e16, 1.0, -1e16]), np.ones(3)
    f = et.jit(lambda a, v: np.convolve(a, v, "valid"))
    f(a, v)
    report = f.accuracy(sample=(a, v))
    assert report.before > 50
    assert report.written[0].text == "convolution(a, v)"


def test_single_elements_are_programs_of_their_terms():
    x, y = (input_leaf(name, np.dtype("float64"), (2, n)) for name, n in (("x", 9), ("y", 4)))
    node = apply(OPS["convolution"], x, y, start=(1,), shape=(2, 10))
    values = {x: RANDOM.standard_normal((2, 9)), y: RANDOM.standard_normal((2, 4))}
    want = node.op.numpy(*values.values(), **node.named)
    places = np.argwhere(np.ones((2, 10), bool))
    found = cone(node, values, places)
    assert found is not None
    program, leaves = found
    np.testing.assert_allclose(
        et.reference.evaluate([program], leaves)[0], want.ravel(), rtol=1e-14
    )


def test_errors_of_operands_move_on():
    """Products rounded before a convolution: what they lost is within the bound, and 100 times less is not."""
    a, b, v = (
        input_leaf(name, np.dtype("float32"), (n,)) for name, n in (("a", 60), ("b", 60), ("v", 8))
    )
    node = apply(OPS["convolution"], OPS["multiply"](a, b), v, start=(0,), shape=(67,))
    values = {x: RANDOM.standard_normal(x.shape).astype("float32") for x in (a, b, v)}
    ((got, error),) = evaluate_running([node], values)
    wide = [values[x].astype("float64") for x in (a, b, v)]
    lost = np.abs(got - np.convolve(wide[0] * wide[1], wide[2]))
    assert (lost <= error).all()
    assert (lost > error / 100).any()
