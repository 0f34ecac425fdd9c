"""Sorting, searching and sets against NumPy; gradients through permutations; compiled samples."""

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.autodiff import grad
from eqsat_tensor.errors import ShapeError, UnsupportedError
from eqsat_tensor.inputs import tensor
from tests.oracle import assert_same
from tests.reductions import (
    EMPTY,
    SHAPES,
    SWEPT,
    differentiated_twice,
    held,
    quiet,
    sample,
    slope,
    values,
)


def test_sorting_along_every_axis():
    for dtype in SWEPT:
        for shape in (*SHAPES, *EMPTY):
            x = sample(shape, dtype, nan=True)
            for axis in (None, *range(-len(shape), len(shape))):
                label = f"{dtype} {shape} {axis}"
                held(lambda n, t, a=axis: n.sort(t, a), x, label=label, guarantee="exact")
                held(lambda n, t, a=axis: n.argsort(t, a, stable=True), x, label=label)
                held(lambda n, t, a=axis: n.sort(t, axis=a, kind="stable"), x, label=label)


def test_partitions_are_partitions():
    x = sample((3, 9), "f8")
    t = tensor("x", x.shape)
    for k in (0, 4, -1, [2, 5]):
        made = values([np.partition(t, k), np.argpartition(t, k, axis=0 if k == 0 else -1)], {t: x})
        want = np.sort(x, axis=-1)
        np.testing.assert_array_equal(made[0][:, k], want[:, k])
        assert made[1].dtype == np.int64
    with pytest.raises(ValueError, match="kth="):
        np.partition(t, 9)
    with pytest.raises(ValueError, match="kind= of"):
        np.sort(t, kind="bogo")


def test_searching():
    for dtype in SWEPT:
        a, v = np.sort(sample(9, dtype)), sample((2, 4), dtype, 1)
        for side in ("left", "right"):
            held(lambda n, s, t, o=side: n.searchsorted(s, t, o), a, v, label=str(dtype))
        held(lambda n, s, t: n.searchsorted(s, t, sorter=n.argsort(s)), sample(9, dtype, 5), v)
    held(lambda n, s: n.searchsorted(s, 0.5), np.sort(sample(9, "i4")))
    with pytest.raises(ValueError, match="side="):
        np.searchsorted(tensor("a", (3,)), 1.0, side="middle")
    with pytest.raises(ShapeError, match="one axis"):
        np.searchsorted(tensor("a", (3, 2)), 1.0)


def test_sorting_by_several_keys():
    a, b, c = (sample((3, 8), "i4", s) // 2 for s in range(3))
    for axis in (0, 1):
        held(lambda n, p, q, r, x=axis: n.lexsort((p, q, r), x), a, b, c)
    held(lambda n, p, q: n.lexsort((p, q)), sample(9, "f8"), sample(9, "?", 1))


def test_the_largest_elements():
    x = sample((3, 7), "f8")
    t = tensor("x", x.shape)
    for axis in (0, -1):
        made = et.top_k(t, 2, axis=axis)
        found, index = values(made, {t: x})
        want = np.flip(np.sort(x, axis), axis).take(range(2), axis)
        np.testing.assert_array_equal(found, want)
        np.testing.assert_array_equal(np.take_along_axis(x, index, axis), want)
        for g, w in zip((found, index), et.top_k(x, 2, axis), strict=True):
            np.testing.assert_array_equal(g, w)
    with pytest.raises(ShapeError, match="k from 0 to 7"):
        et.top_k(t, 8)


# ------------------------------------------------------------------------------------------- sets
def test_unique_elements_of_a_given_size():
    for dtype in SWEPT:
        x = sample((3, 5), dtype, nan=True)
        t = tensor("x", x.shape, dtype)
        want, index, inverse, counts = np.unique(x, True, True, True)
        n = len(want)
        for size in (n, n + 3):
            made = et.unique(t, True, True, True, size=size)
            got = values(made, {t: x})
            rest = size - n
            assert_same(got[0], np.append(want, np.full(rest, want[0], dtype)))
            assert_same(got[1], np.append(index, np.zeros(rest, np.int64)))
            assert_same(got[2], inverse)
            assert_same(got[3], np.append(counts, np.zeros(rest, np.int64)))
            for g, w in zip(got, et.unique(x, True, True, True, size=size), strict=True):
                assert_same(g, w)
        filled = values([et.unique(t, size=n + 2, fill_value=1)], {t: x})[0]
        assert_same(filled, np.append(want, np.ones(2, dtype)))
        if n > 2:
            assert_same(values([et.unique(t, size=2)], {t: x})[0], want[:2])
    with pytest.raises(
        UnsupportedError, match=r"unique: needs a size= .* Write unique\(..., size=n\)"
    ):
        np.unique(t)
    np.testing.assert_array_equal(et.unique(np.array([3, 1, 3])), [1, 3])


SETS = ["union1d", "intersect1d", "setdiff1d"]


@pytest.mark.parametrize("name", SETS)
def test_sets_of_a_given_size(name):
    for dtype in SWEPT:
        for n, m in ((7, 5), (1, 9), (12, 3)):
            x, y = sample(n, dtype, 1), sample(m, dtype, 2)
            y[:1] = x[0]
            s, t = tensor("x", (n,), dtype), tensor("y", (m,), dtype)
            function = getattr(et, name)
            for size in (1, 4, 30):
                got = values([function(s, t, size=size, fill_value=1)], {s: x, t: y})[0]
                want = function(x, y, size=size, fill_value=1)
                assert_same(got, want, label=f"{name} {dtype} {n} {m} {size}")
    with pytest.raises(UnsupportedError, match="size="):
        getattr(np, name)(s, t)


def test_membership():
    for dtype in SWEPT:
        x, y = sample((3, 4), dtype, 1, nan=True), sample(6, dtype, 2, nan=True)
        y[:2] = x[0, :2]
        held(lambda n, s, t: (n.isin(s, t), n.isin(s, t, invert=True)), x, y, label=str(dtype))
        held(lambda n, s: n.isin(s, [1, 2]), x)


# ------------------------------------------------------------------------------------ derivatives
SMOOTH = {
    "sort": lambda x: et.sort(x, axis=0) ** 2 * np.arange(3.0)[:, None],
    "flat": lambda x: et.sort(x, axis=None) ** 3 * np.arange(12.0),
    "twice": lambda x: et.sort(et.sort(x) * np.array([1.0, -1, 2, -3])) ** 2 * np.arange(4.0),
    "partition": lambda x: et.partition(x, 1)[:, 1] ** 2,
    "top": lambda x: et.top_k(x, 2)[0] ** 2,
    "unique": lambda x: et.unique(x, size=9) ** 2 * np.arange(9.0),
    "unique, padded": lambda x: et.unique(x, size=14) ** 2 * np.arange(14.0),
    "unique, filled": lambda x: et.unique(x, size=14, fill_value=et.sum(x)) ** 2,
}


@pytest.mark.parametrize("name", SMOOTH)
def test_derivatives_are_difference_quotients(name):
    differentiated_twice(SMOOTH[name], sample((3, 4), "f8", 5), 3e-4)


def test_equal_elements_get_their_gradient_in_order():
    got = slope(lambda x: et.sort(x) * np.array([1.0, 2, 3, 4]), np.array([2.0, 1, 2, 1]))
    np.testing.assert_array_equal(got, [3, 1, 4, 2])


# ------------------------------------------------------------------------------------ compiled code
def test_compiled_samples():
    x, v = tensor("x", ("n", "m")), tensor("v", ("m",), "int64")

    def made(n, x, v):
        return [
            n.sort(x, axis=0), n.sort(x * x + 1, axis=None), n.argsort(x, axis=1, stable=True),
            n.searchsorted(n.sort(x[0]), x, side="right"), n.lexsort((v, v // 2)),
            n.isin(v, [1, 2, 5]), n.partition(x, 0, axis=1)[:, 0],
        ]  # fmt: skip

    outputs = made(np, x, v)
    outputs += [et.unique(v, True, size=4)[0], et.bincount(v, length=5), *et.top_k(x, 1, axis=0)]
    outputs += [grad(et.sum(et.sort(x, axis=1) ** 3 * et.sort(x, axis=1)[:, 0][:, None]), x)]
    function = et.function([x, v], outputs)
    slow = et.function([x, v], outputs, mode="reference")
    for n, m in ((1, 1), (3, 8), (20, 33)):
        a, whole = sample((n, m), "f8", n), abs(sample(m, "i8", m))
        want = quiet(made, np, a, whole)
        found = slow(a, whole)
        for g, w in zip(function(a, whole), [*want, *found[len(want) :]], strict=True):
            np.testing.assert_allclose(g, w, rtol=1e-12, atol=1e-12)
    with pytest.raises(ValueError, match="labels from 0 to 4"):
        function(a, whole + 9)


def test_methods_of_arrays():
    x = sample((3, 4), "f8")
    held(lambda n, t: (t.argsort(axis=0), t.cumprod(axis=1), t.cumsum(0, "f4")), x)
    held(lambda n, t: n.sort(t[0]).searchsorted(t), x)
    held(lambda n, t: (t.sum(0, where=x > 0), t.max(axis=1, initial=1), t.std(ddof=1)), x)


# -------------------------------------------------------------- batches, derivatives along a tangent
ROWS = {
    "sort": lambda x: et.sort(x) ** 2,
    "median": lambda x: et.median(x) * x,
    "unique": lambda x: et.unique(x, size=7),
    "interp": lambda x: et.interp(x, np.arange(3.0), x[:3]),
    "interp of rows": lambda x: et.interp(np.array([0.1, 0.7]), et.sort(x[:3]), x[1:]),
    "histogram": lambda x: et.histogram(x, 3, (-2, 2), weights=x**2)[0],
    "bincount": lambda x: et.bincount(np.array([0, 2, 1, 2]), x, length=3),
    "cumprod": lambda x: grad(lambda y: et.sum(et.cumprod(y) * et.cummax(x)))(x),
    "logcumsumexp": lambda x: et.logcumsumexp(x),
    "isin": lambda x: et.where(et.isin(x, x[:2]), x, 0.0),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_batch_is_a_loop_and_a_tangent_a_difference(name):
    function, at = ROWS[name], sample((5, 4), "f8", 9)
    x, t = tensor("x", (5, 4)), tensor("t", (5, 4))
    whole = et.vmap(function)(x)
    rows = [function(x[k]) for k in range(5)]
    _, along = et.jvp(et.vmap(function), (x,), (t,))
    direction = sample((5, 4), "f8", 11)
    got, tangent, *want = values([whole, along, *rows], {x: at, t: direction})
    np.testing.assert_allclose(got, np.stack(want), rtol=1e-13, atol=1e-13)
    ends = [values([whole], {x: at + s * 1e-6 * direction})[0] for s in (1, -1)]
    np.testing.assert_allclose(tangent, (ends[0] - ends[1]) / 2e-6, rtol=1e-5, atol=1e-6)
