"""Sizes of two names, one of which turns out 1 at a call: NumPy's broadcast, in gradients too."""

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.extents import common, symbol
from tests.modes import MODES

SIZES = [(3, 3), (1, 3), (3, 1), (1, 1), (0, 1), (1, 0), (0, 0)]


def plain(np, a, b):
    return a + b, (a + b) * a, (a * b).sum(), np.exp(a - b).sum() + (a * b).sum()


def compiled(mode):
    a, b = et.tensor("a", ("n",)), et.tensor("b", ("m",))
    results = plain(et, a, b)
    return et.function([a, b], [*results, *et.grad(results[-1], [a, b])], mode=mode)


@MODES
def test_a_size_that_turns_out_one_is_broadcast(mode):
    f = compiled(mode)
    for n, m in (*SIZES, *SIZES):
        a, b = np.arange(1.0, n + 1), np.linspace(-1, 1, m)
        got, want = f(a, b), plain(np, a, b)
        for g, w in zip(got, want, strict=False):
            np.testing.assert_allclose(g, w, rtol=1e-14)
        assert got[4].shape == a.shape
        assert got[5].shape == b.shape
        wide = np.broadcast_to(np.exp(a - b), (a + b).shape)
        along_a = (wide + b).sum(keepdims=True) if n == 1 else wide + b
        along_b = (a - wide).sum(keepdims=True) if m == 1 else a - wide
        np.testing.assert_allclose(got[4], along_a, rtol=1e-13)
        np.testing.assert_allclose(got[5], along_b, rtol=1e-13)


@MODES
@pytest.mark.parametrize("sizes", [(2, 3), (0, 2), (3, 0)])
def test_sizes_that_do_not_broadcast_are_an_error(mode, sizes):
    f = compiled(mode)
    with pytest.raises(et.ShapeError, match="sizes must be equal: n and m"):
        f(np.ones(sizes[0]), np.ones(sizes[1]))
    f(np.ones(1), np.ones(4))


def test_a_size_that_is_asserted_is_not_broadcast():
    a = et.tensor("a", ("n", "m"))
    f = et.function([a], et.linalg.det(a))
    with pytest.raises(et.ShapeError, match="sizes must be equal"):
        f(np.ones((1, 3)))


def test_three_names_and_two_axes():
    a, b, c = et.tensor("a", ("n",)), et.tensor("b", ("m",)), et.tensor("c", ("k", "l"))
    f = et.function([a, b, c], et.exp(c + a) * b)
    for n, m, k, l in ((1, 3, 2, 1), (3, 3, 1, 3), (1, 1, 2, 4), (4, 1, 1, 1), (2, 2, 5, 2)):
        x, y, z = np.arange(n) / 3, np.arange(1.0, m + 1), np.ones((k, l))
        np.testing.assert_allclose(f(x, y, z), np.exp(z + x) * y, rtol=1e-14)


def test_a_mean_counts_what_is_there():
    a, b = et.tensor("a", ("n",)), et.tensor("b", ("m",))
    f = et.function([a, b], [et.mean(a + b), et.mean(a), (a + b).shape[0] * 1.0])
    np.testing.assert_allclose(f(np.ones(1), np.arange(4.0)), [2.5, 1.0, 4.0])
    np.testing.assert_allclose(f(np.arange(4.0), np.ones(1)), [2.5, 1.5, 4.0])


def test_state_is_updated_by_a_batch_of_one():
    x, y = et.tensor("x", ("n", 3)), et.tensor("y", ("m",))
    w = et.shared(np.zeros(3), name="w")
    loss = et.mean((x @ w - y) ** 2)
    step = et.function([x, y], loss, updates={w: w - 0.1 * et.grad(loss, w)})
    step(np.ones((4, 3)), np.ones(4))
    step(np.ones((1, 3)), np.ones(5))
    want = np.zeros(3)
    for n, m in ((4, 4), (1, 5)):
        rows, labels = np.ones((n, 3)), np.ones(m)
        difference = rows @ want - labels
        want = want - 0.1 * 2 * np.mean(difference) * np.ones(3)
    np.testing.assert_allclose(w.get_value(), want, rtol=1e-14)


def test_the_common_size_of_sizes():
    n, m, k = (symbol(name) for name in "nmk")
    assert common(n, n) == n
    assert common(1, n) == n
    assert common(3, n) == 3
    assert common(n, m) == common(m, n)
    assert common(common(n, m), n) == common(n, m)
    assert common(common(n, m), k) == common(n, common(k, m))
