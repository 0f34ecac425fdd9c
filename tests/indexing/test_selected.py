"""What a mask selects, summed up: as in NumPy, though how many elements there are is not known."""

import warnings

import numpy as np
import pytest

import eqsat_tensor as et

FORMS = {
    "sum": lambda np, x: x[x > 0].sum(),
    "numpys sum": lambda np, x: np.sum(x[x > 0]),
    "of an expression": lambda np, x: np.sum(np.exp(x[x > 0]) * 2 + x[x > 0]),
    "mean": lambda np, x: np.mean(x[x < 0.5]),
    "deviation": lambda np, x: x[x > -1].std(ddof=1) + np.var(x[x > -1]),
    "product": lambda np, x: np.prod(x[np.abs(x) < 1]),
    "count": lambda np, x: x[x > 0].sum() / x[x > 0].size,
    "truth": lambda np, x: np.any(x[x > 0] > 1) & np.all(x[x > 0] < 9),
    "dtype": lambda np, x: x[x > 0].sum(dtype=np.float32),
}


@pytest.mark.parametrize("name", FORMS)
def test_reductions_of_selected_elements(name):
    form = FORMS[name]
    f = et.jit(lambda x: form(et, x))
    for shape in ((7,), (3, 5), (1,)):
        x = np.abs(np.random.default_rng(3).normal(size=shape)) - 0.01
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of NumPy, where there are too few
            got, want = f(x), form(np, x)
        assert np.asarray(got).dtype == np.asarray(want).dtype
        np.testing.assert_allclose(got, want, rtol=1e-6 if name == "dtype" else 1e-13)


def test_of_no_element_they_are_numpys():
    with pytest.warns(RuntimeWarning):
        want = [np.zeros(0).sum(), np.zeros(0).prod(), np.zeros(0).mean()]
    found = et.jit(lambda x: [(y := x[x > 9]).sum(), y.prod(), y.mean()])(np.ones(3))
    np.testing.assert_array_equal(found, want)


def test_rows_that_a_mask_selects():
    x = np.arange(12.0).reshape(4, 3)
    rows = np.array([True, False, True, True])
    f = et.jit(lambda x, m: (x[m].mean(axis=0), x[m].sum(0), x[m].size, x[:, m[:3]].sum(axis=1)))
    want = x[rows].mean(axis=0), x[rows].sum(0), x[rows].size, x[:, rows[:3]].sum(axis=1)
    for a, b in zip(f(x, rows), want, strict=True):
        np.testing.assert_allclose(a, b)


def test_gradients_reach_the_selected_alone():
    found = et.grad(lambda x: et.sum(et.log(x[x > 0])))(np.array([2.0, -1.0, 4.0]))
    np.testing.assert_allclose(found, [0.5, 0, 0.25])


@pytest.mark.parametrize(
    "body",
    [
        lambda x: x[x > 0].max(),
        lambda x: len(x[x > 0]),
        lambda x: x[x > 0].sum(keepdims=True),
        lambda x: x[:, x[0] > 0].sum(axis=0),
    ],
)
def test_what_needs_their_number_says_so(body):
    with pytest.raises(et.UnsupportedError, match=r"x\[mask\].*test_selected"):
        et.jit(body)(np.ones((3, 3)))
