"""widen=True: float32 computed in float64, results as they were."""

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.errors import ArgumentError, UnsupportedError
from tests.modes import MODES

X = np.random.default_rng(0).standard_normal((5, 7)).astype("float32") + 100
PROGRAMS = {
    "scores": lambda x: (x - et.mean(x)) / et.std(x),
    "constants": lambda x: x * 0.1 + np.float32(0.3),
    "product": lambda x: x @ x.T,
    "cumulative": lambda x: et.cumsum(et.sin(x), axis=1),
    "labels": lambda x: et.where(x > 100, x, -x)[:, ::2] + et.arange(4, dtype="float32"),
    "slope": et.grad(lambda x: et.sum(et.log1p(et.exp(x)) ** 2)),
    "several": lambda x: (et.max(x, axis=0), et.argmax(x, axis=0), x > 100),
    "sorted": lambda x: et.sort(x, axis=0),
}


def numbers(result):
    return result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("name", PROGRAMS)
@MODES
def test_results_are_those_of_float64_rounded_once(name, mode):
    f = PROGRAMS[name]
    plain, wide = et.jit(f)(X), et.jit(f, widen=True, mode=mode)(X)
    constants = {"constants": lambda x: x * float(np.float32(0.1)) + float(np.float32(0.3))}
    want = et.jit(constants.get(name, f))(X.astype("float64"))
    for p, w, d in zip(*map(numbers, (plain, wide, want)), strict=True):
        assert w.dtype == p.dtype
        rounded = np.asarray(d).astype(w.dtype)
        if w.dtype.kind == "f":
            np.testing.assert_allclose(w, rounded, rtol=1.2e-7)
        else:
            np.testing.assert_array_equal(w, rounded)


def test_what_the_user_rounds_stays_rounded():
    x = np.array([1 + 2.0**-40])
    f = et.jit(lambda x: x.astype("float32").astype("float64") - 1, widen=True)
    np.testing.assert_array_equal(f(x), [0.0])


def test_halves_and_whole_numbers():
    x = np.arange(5, dtype="float16") / 3
    f = et.jit(lambda x, i: (et.sum(x * x), i * 2), widen=True)
    total, twice = f(x, np.arange(3))
    assert total.dtype == np.float16
    assert total == np.sum(x.astype(float) ** 2).astype(np.float16)
    np.testing.assert_array_equal(twice, [0, 2, 4])


def test_a_function_with_state():
    state = et.shared(np.float32(0), name="s")
    x = et.tensor("x", (3,), "float32")
    step = et.function([x], state + et.sum(x), updates={state: state + et.sum(x)}, widen=True)
    assert step(np.full(3, 0.1, "float32")).dtype == np.float32
    assert state.get_value().dtype == np.float32


def test_what_cannot_be_widened_is_said():
    with pytest.raises(UnsupportedError, match="complex"):
        et.jit(lambda z: z * 2, widen=True)(np.ones(3, "complex64"))
    with pytest.raises(ArgumentError, match="widen"):
        et.jit(lambda x: x, widen=1)
