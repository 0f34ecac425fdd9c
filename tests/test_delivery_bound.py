"""`bind`: a call without arguments, on what its arrays hold, into results of its own or given ones."""

import sys

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.runtime.native import is_native
from tests.affine import affine
from tests.modes import MODES

N = np.random.default_rng(0)


@MODES
def test_a_bound_function_reads_what_its_arrays_hold(mode):
    x, y = N.normal(size=(4, 3)), N.normal(size=3)
    b = affine(mode).bind(x, y)
    for _ in range(3):
        big, total = b()
        np.testing.assert_allclose(big, 2 * x + y, rtol=1e-15)
        np.testing.assert_allclose(total, x.sum(), rtol=1e-14)
        x += 1
    again = b()
    assert again[0] is big  # the same arrays each time
    assert again[1] is total
    assert total.shape == ()
    assert b.results[0] is big


def test_a_bound_function_takes_nothing_and_says_so():
    x = np.ones((2, 3))
    b = affine().bind(x, np.ones(3))
    with pytest.raises(et.ArgumentError, match="no arguments of a bound function; got 1"):
        b(x)
    with pytest.raises(et.ArgumentError, match="Its arrays were given to bind"):
        b(x=x)


@pytest.mark.skipif(not is_native(), reason="calls are made in Python here")
def test_no_python_runs_in_a_bound_call():
    b = affine().bind(np.ones((2, 3)), np.ones(3))
    b()
    events = []
    sys.setprofile(lambda frame, event, arg: events.append((event, frame.f_code.co_name)))
    b()
    sys.setprofile(None)
    assert [n for e, n in events if e == "call"] == []


def test_binding_checks_at_once():
    f = affine()
    x, y = np.ones((2, 3)), np.ones(3)
    for args, kind, words in [
        ((x.T, y), et.ArgumentError, "C-contiguous and aligned to bind; got x=.*in strides"),
        ((np.ones((3, 2)), y), et.ShapeError, r"needs x: f64\[n, 3\]; got x=float64\[3, 2\]"),
        ((x.astype("f4"), y), et.DtypeError, "got x=float32.*cast first"),
        ((x.tolist(), y), et.ArgumentError, "x: .* as an array to bind; got x=a list"),
        ((x,), et.ArgumentError, "no y"),
    ]:
        with pytest.raises(kind, match=words):
            f.bind(*args)
    overlap = np.ones((2, 3))
    with pytest.raises(et.ArgumentError, match="out apart from the arguments"):
        f.bind(overlap, y, out=(overlap, np.ones(())))


def test_results_of_a_bound_function_may_be_given():
    x, y, big, total = N.normal(size=(2, 3)), np.ones(3), np.zeros((2, 3)), np.zeros(())
    out = (big, total)
    b = affine().bind(x=x, y=y, out=out)
    assert b() is out
    np.testing.assert_allclose(big, 2 * x + 1)
    np.testing.assert_allclose(total, x.sum())


@MODES
def test_a_bound_step_updates_state(mode):
    w = et.shared(np.zeros(3), "w", shape=("k",))
    x = et.tensor("x", ("k",))
    step = et.function([x], {"sum": (w * x).sum()}, updates={w: w + x}, mode=mode)
    a = np.ones(3)
    b = step.bind(a)
    assert [float(b()["sum"]) for _ in range(3)] == [0, 3, 6]
    w.set_value(np.zeros(3))
    assert b()["sum"] == 0
    w.set_value(np.zeros(4))
    with pytest.raises(et.ShapeError, match="one value of k"):
        b()


def test_a_bound_function_whose_results_would_change_shape_says_bind_again():
    w = et.shared(np.zeros(3), "w", shape=("k",))
    f = et.function([], w + 1)
    b = f.bind()
    assert b().shape == (3,)
    w.set_value(np.zeros(4))
    with pytest.raises(et.ShapeError, match="bind again"):
        b()
    w.set_value(np.ones(3))
    np.testing.assert_array_equal(b(), [2, 2, 2])


def test_a_bound_function_of_empty_arrays_and_numbers():
    f = et.jit(lambda x, s: (x * s, x.sum()))
    x = np.ones((0, 3))
    big, total = f.bind(x, 2.0)()
    assert big.shape == (0, 3)
    assert total == 0
    y = np.ones(4, "float32")
    b = f.bind(y, 2.5)
    y[1] = 3
    np.testing.assert_array_equal(b()[0], np.float32([2.5, 7.5, 2.5, 2.5]))
    assert b()[0].dtype == np.float32


def test_a_check_that_fails_in_a_bound_call_raises():
    x, labels = et.tensor("x", ("n", 3)), et.tensor("labels", ("n",), "int64")
    f = et.function([x, labels], x[et.arange(x.shape[0]), labels])
    a, at = np.arange(6.0).reshape(2, 3), np.array([0, 1])
    b = f.bind(a, at)
    np.testing.assert_array_equal(b(), [0, 4])
    at[0] = 9
    with pytest.raises(et.LabelError, match="label"):
        b()
    at[0] = 2
    np.testing.assert_array_equal(b(), [2, 4])


def test_a_bound_function_keeps_its_arrays_alive():
    f = et.function([x := et.tensor("x", ("n",))], x + 1)
    b = f.bind(np.full(1000, 3.0))
    junk = [np.zeros(1000) for _ in range(50)]
    np.testing.assert_array_equal(b(), np.full(1000, 4.0))
    assert len(junk) == 50
