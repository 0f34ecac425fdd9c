"""Results of a call: arrays of their own, or written into the caller's by ``out=``."""

import numpy as np
import pytest

import eqsat_tensor as et
from tests.affine import affine
from tests.modes import MODES

N = np.random.default_rng(0)


@MODES
def test_results_are_arrays_of_their_own(mode):
    f = et.jit(lambda x: (x, x, x.T, x[::-1], x.reshape(-1)), mode=mode)
    a = np.arange(6.0).reshape(2, 3)
    results = f(a)
    for i, r in enumerate(results):
        assert r.flags.c_contiguous
        assert r.flags.writeable
        assert not any(np.shares_memory(r, o) for o in (a, *results[:i]))


@MODES
def test_results_go_into_given_arrays(mode):
    f = affine(mode)
    x, y, big, total = N.normal(size=(2, 3)), np.ones(3), np.zeros((2, 3)), np.zeros(())
    out = (big, total)
    assert f(x, y, out=out) is out
    np.testing.assert_allclose(big, 2 * x + y)
    np.testing.assert_allclose(total, x.sum())
    g = et.jit(lambda x: {"twice": 2 * x}, mode=mode)
    g(x, out={"twice": big})
    np.testing.assert_array_equal(big, 2 * x)


@MODES
def test_out_may_overlap_arguments_and_states(mode):
    f = et.jit(lambda x: x[::-1] + 10 * x, mode=mode)
    base = np.arange(6.0)
    expected = base[::-1] + 10 * base
    f(base, out=base)
    np.testing.assert_array_equal(base, expected)
    base = np.arange(6.0)
    expected = base[:5][::-1] + 10 * base[:5]
    f(base[:5], out=base[1:])
    np.testing.assert_array_equal(base[1:], expected)
    x = et.tensor("x", (3,))
    two = et.function([x], (x + 1, x[::-1]), mode=mode)
    same = np.zeros(3)
    two(np.arange(3.0), out=(same, same))  # the later result stays, as if assigned in turn
    np.testing.assert_array_equal(same, [2, 1, 0])
    w = et.shared(np.arange(3.0), "w")
    reverse = et.function([x], w[::-1] + x, mode=mode)
    inside = w.get_value(borrow=True)
    reverse(np.zeros(3), out=inside)
    np.testing.assert_array_equal(inside, [2, 1, 0])


def test_out_must_be_exactly_what_the_results_are():
    f = affine()
    x, y, big, total = np.ones((2, 3)), np.ones(3), np.zeros((2, 3)), np.zeros(())
    locked = np.zeros((2, 3))
    locked.flags.writeable = False
    for out, kind, words in [
        (big, et.ArgumentError, r"out as the results come: \(array, array\); got array"),
        ([big, total], et.ArgumentError, r"got \[array, array\]"),
        ((big, 1.0), et.ArgumentError, r"out\[1\]: f64\[\] as an array; got out\[1\]=a float"),
        (
            (big.astype("f4"), total),
            et.DtypeError,
            r"got out\[0\]=float32\[2, 3\]. Results are not",
        ),
        ((np.zeros((3, 2)), total), et.ShapeError, r"got out\[0\]=float64\[3, 2\]"),
        ((np.zeros((3, 2)).T, total), et.ArgumentError, "C-contiguous and aligned"),
        ((locked, total), ValueError, "read-only"),
    ]:
        with pytest.raises(kind, match=words):
            f(x, y, out=out)
    with pytest.raises(et.ArgumentError, match="The function has no results"):
        et.function([], None)(out=big)


def test_out_is_a_parameter_where_a_function_has_one():
    f = et.jit(lambda x, out: x + out)
    np.testing.assert_array_equal(f(np.ones(2), out=np.ones(2)), [2, 2])
    out = et.tensor("out", ("n",))
    g = et.function([out], out + 1)
    np.testing.assert_array_equal(g(out=np.ones(2)), [2, 2])


def test_a_failed_check_leaves_out_as_it_was():
    x, labels = et.tensor("x", ("n", 3)), et.tensor("labels", ("n",), "int64")
    f = et.function([x, labels], x[et.arange(x.shape[0]), labels])
    out = np.full(2, 7.0)
    with pytest.raises(et.LabelError):
        f(np.ones((2, 3)), np.array([0, 5]), out=out)
    np.testing.assert_array_equal(out, [7, 7])


def test_a_failed_check_raises_where_results_come_in_a_nest():
    x, labels = et.tensor("x", ("n", 3)), et.tensor("labels", ("n",), "int64")
    f = et.function([x, labels], {"picked": x[et.arange(x.shape[0]), labels]})
    a = np.ones((2, 3))
    f(a, np.array([0, 1]))
    for _ in range(3):
        with pytest.raises(et.LabelError):
            f(a, np.array([0, 3]))
