"""Cumulative ops: values at the edges, and derivatives of several orders at zeros and at ties."""

import numpy as np
import pytest

from eqsat_tensor.autodiff import pullback
from eqsat_tensor.lang import FLOAT64
from eqsat_tensor.ops.captured import input_leaf
from eqsat_tensor.ops.cumulative import cummax, cumprod, cumsum, logcumsumexp, recurrence
from eqsat_tensor.ops.leaf import constant
from eqsat_tensor.ops.reduce import prod, sum_over
from eqsat_tensor.reference import evaluate


def along(function, at, order):
    """The ``order``-th derivatives of sum(weights * function(x)), every one of them, at a point."""
    at = np.asarray(at, np.float64)
    x = input_leaf("x", FLOAT64, at.shape)
    known = {x: at}
    value = function(x)
    random = np.random.default_rng(0)
    for _ in range(order):
        weight = input_leaf("w", FLOAT64, value.shape)
        known[weight] = random.uniform(0.5, 1.5, tuple(map(int, value.shape)))
        (value,) = pullback([value], [weight], [x])
    return evaluate([value], known)[0]


def quotient(function, at, order):
    """The same, the last derivative by difference quotients."""
    at = np.asarray(at, np.float64)
    x = input_leaf("x", FLOAT64, at.shape)
    value, known = function(x), {}
    random = np.random.default_rng(0)
    for _ in range(order - 1):
        weight = input_leaf("w", FLOAT64, value.shape)
        known[weight] = random.uniform(0.5, 1.5, tuple(map(int, value.shape)))
        (value,) = pullback([value], [weight], [x])
    weight = random.uniform(0.5, 1.5, tuple(map(int, value.shape)))
    result = np.zeros(at.shape)
    for index in np.ndindex(at.shape):
        ends = []
        for sign in (1, -1):
            moved = at.copy()
            moved[index] += sign * 1e-5
            ends.append(np.sum(evaluate([value], {**known, x: moved})[0] * weight))
        result[index] = (ends[0] - ends[1]) / 2e-5
    return result


ZEROS = {
    "no zero": [1.5, -2.0, 0.5, 3.0],
    "one zero": [1.5, 0.0, 0.5, 3.0],
    "two zeros": [0.0, 2.0, 0.0, 3.0],
    "all zeros": [0.0, 0.0, 0.0],
}
FUNCTIONS = {
    "prod": lambda x: prod(x, axes=(0,)),
    "cumprod": lambda x: cumprod(x, axis=0, reverse=0),
    "cumprod back": lambda x: cumprod(x, axis=0, reverse=1),
    "recurrence": lambda x: recurrence(x, x, axis=0, reverse=1),
    "logcumsumexp": lambda x: logcumsumexp(x, axis=0, reverse=0),
}


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("point", ZEROS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives_of_every_order_are_right_at_zeros(name, point, order):
    got = along(FUNCTIONS[name], ZEROS[point], order)
    want = quotient(FUNCTIONS[name], ZEROS[point], order)
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("axes", [(0, 1), (0, 2), (0, 1, 2)])
def test_a_product_over_several_axes_is_differentiated_twice(axes):
    at = np.random.default_rng(1).uniform(-2, 2, (2, 3, 2))
    at[0, 1, 1] = at[1, 2, 0] = 0
    got = along(lambda x: prod(x, axes=axes), at, 2)
    want = quotient(lambda x: prod(x, axes=axes), at, 2)
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6)


def test_the_gradient_of_a_running_maximum_goes_to_the_element_that_holds():
    at = np.array([1.0, 3, 3, 2, 5, np.nan, 7, np.nan])
    x = input_leaf("x", FLOAT64, at.shape)
    for reverse, want in ((0, [1, 3, 0, 0, 1, 3, 0, 0]), (1, [0, 0, 0, 0, 0, 0, 0, 8])):
        node = cummax(x, axis=0, reverse=reverse)
        weight = input_leaf("w", FLOAT64, at.shape)
        (got,) = evaluate(pullback([node], [weight], [x]), {x: at, weight: np.ones(8)})
        np.testing.assert_array_equal(got, want)


def test_log_cumulative_sums_keep_infinities():
    cases = [
        [-np.inf, -np.inf, 0.0, -np.inf, 800, -800],
        [np.inf, 1, -np.inf],
        [-1000, 1000, np.inf, 3],
        [0, np.nan, 1],
        [1000, 1000.5, -1000],
    ]
    for case in cases:
        at = np.array(case, np.float64)
        x = input_leaf("x", FLOAT64, at.shape)
        node = logcumsumexp(x, axis=0, reverse=0)
        with np.errstate(all="ignore"):
            want = np.logaddexp.accumulate(at)
        body = node.op.expand(x, axis=0, reverse=0)
        np.testing.assert_allclose(evaluate([body], {x: at})[0], want, rtol=1e-14)
        (slope,) = pullback([sum_over(node, (0,))], [constant(1, FLOAT64)], [x])
        if np.isfinite(want[-1]):
            assert np.isfinite(evaluate([slope], {x: at})[0]).all()


def test_a_cumulative_sum_has_the_bits_of_numpy():
    at = np.random.default_rng(2).normal(size=1000).astype(np.float32)
    x = input_leaf("x", at.dtype, at.shape)
    (got,) = evaluate([cumsum(x, axis=0, reverse=0)], {x: at})
    np.testing.assert_array_equal(got, np.cumsum(at))
