"""In-place NumPy code as whole functions: `np` replaced by `et`, the same results."""

import numpy as np
import pytest

import eqsat_tensor as et
from tests.indexing.idioms import IDIOMS
from tests.oracle import assert_same

X = np.array([0.5, -1.5, 2.0, 0.25, -0.75, 1.25, 3.0])
I = np.array([2, 7, 2, 0, -1, 5, 2])


def results(value):
    return value if isinstance(value, tuple) else (value,)


@pytest.mark.parametrize("function", IDIOMS, ids=lambda f: f.__name__)
def test_an_idiom_gives_what_numpy_gives(function):
    for x, i in ((X, I), (np.r_[X, 0.1], np.r_[I, 3])):
        want = results(function(np, x.copy(), i.copy()))
        got = results(et.jit(lambda x, i: function(et, x, i), mode="reference")(x, i))
        for left, right in zip(got, want, strict=True):
            assert_same(left, right, label=function.__name__)


def test_compiled_the_idioms_give_it_too():
    both = et.jit(lambda x, i: [results(f(et, x.copy(), i)) for f in IDIOMS])
    for function, got in zip(IDIOMS, both(X, I), strict=True):
        for left, right in zip(got, results(function(np, X.copy(), I)), strict=True):
            np.testing.assert_allclose(
                left, right, rtol=1e-12, atol=1e-12, err_msg=function.__name__
            )


def test_loops_that_fill_an_array_are_linear():
    """300 numbers one after another: no step looks at more than its own element."""

    def recurrence(x, y):
        for k in range(1, 300):
            x[k] = 0.5 * x[k - 1] + y[k]
        return x

    x, y = np.random.default_rng(0).random((2, 300))
    want = x.copy()
    for k in range(1, 300):
        want[k] = 0.5 * want[k - 1] + y[k]
    np.testing.assert_allclose(et.jit(recurrence)(x, y), want, rtol=1e-12)


def test_states_and_donated_arguments_take_long_chains_of_writes():
    """Each step reads what the chain overwrites: in place only where that cannot be seen."""

    def recurrence(w, x):
        for k in range(1, 12):
            w[k] = 0.5 * w[k - 1] + w[11 - k] * x[k]
        return w

    start, x = np.random.default_rng(0).standard_normal(12), np.linspace(-1, 1, 12)
    w, t = et.shared(start, "w"), et.tensor("t", (12,))
    step = et.function([t], w.sum(), updates={w: recurrence(w * 1.0, t)})
    want = start.copy()
    for _ in range(3):
        np.testing.assert_allclose(step(x), want.sum())
        np.testing.assert_allclose(w.get_value(), recurrence(want, x))
    donated, kept = start.copy(), start.copy()
    total = et.jit(lambda w, x: recurrence(w, x).sum(), donate=("w",))(donated, x)
    np.testing.assert_allclose(donated, recurrence(start.copy(), x))
    np.testing.assert_allclose(total, donated.sum())
    et.jit(lambda w, x: recurrence(w, x).sum())(kept, x)
    assert np.array_equal(kept, start)
