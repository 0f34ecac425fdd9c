"""``ufunc.reduce`` of bits, divisors and the like; sliding windows; what a trace knows of sizes."""

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.errors import EqsatError, ShapeError, UnsupportedError
from tests.namespace.agree import agree

WHOLE = [np.dtype(c) for c in ("?", "i1", "u1", "i2", "u4", "i8", "u8")]
BITS = ("bitwise_and", "bitwise_or", "bitwise_xor", "logical_xor")


def _values(dtype, shape=(4, 3)):
    drawn = np.random.default_rng(3).integers(-(2**62), 2**62, shape)
    return (drawn >> 3).astype(dtype) if dtype.kind != "b" else drawn % 2 == 0


@pytest.mark.parametrize("name", BITS)
def test_bits_are_folded_each_for_itself(name):
    for dtype in WHOLE:
        x = _values(dtype)
        for options in ({}, {"axis": 1}, {"axis": None}, {"axis": (0, 1)}, {"keepdims": True}):
            agree(lambda e, x, o=options: getattr(e, name).reduce(x, **o), x, label=f"{dtype}")
        agree(lambda e, x: getattr(e, name).reduce(x), x[:0], label="no elements")


@pytest.mark.parametrize("name", ["gcd", "lcm", "hypot", "logaddexp2", "fmax", "fmin"])
def test_pairs_are_folded(name):
    for size in (1, 2, 5, 8):
        whole = name in ("gcd", "lcm")
        x = np.arange(1, 3 * size + 1).reshape(size, 3) * (2 if whole else 0.5)
        if not whole:
            x[0, 0] = np.nan if name[0] == "f" else 0
        for axis in (0, 1):
            agree(
                lambda e, x, a=axis: getattr(e, name).reduce(x, axis=a), x,
                symbolic=False, guarantee="stable",
            )  # fmt: skip
            made = et.jit(lambda x, a=axis: getattr(np, name).reduce(x, axis=a))(x)
            np.testing.assert_allclose(made, getattr(np, name).reduce(x, axis=axis))


def test_folds_of_no_elements_and_of_unknown_sizes():
    agree(lambda e, x: e.gcd.reduce(x), np.zeros((0, 2), int), symbolic=False)
    agree(lambda e, x: e.hypot.reduce(x, keepdims=True), np.zeros((0, 2)), symbolic=False)
    with pytest.raises(UnsupportedError, match="a size that is known"):
        np.gcd.reduce(et.tensor("x", ("n",), "int64"))
    for option in ({"initial": 1}, {"dtype": np.int8}, {"where": np.array([True, False])}):
        with pytest.raises(UnsupportedError, match=r"bitwise_or\.reduce"):
            np.bitwise_or.reduce(et.tensor("x", (2,), "int64"), **option)


@pytest.mark.parametrize(
    ("shape", "window", "axis"),
    [((7,), 3, None), ((40,), 20, None), ((9, 8), (5, 6), None), ((7,), 0, None), ((7, 2), (1, 2), None), ((5, 6), (2, 3), None), ((5, 6), 4, 1), ((5, 6), 4, -2), ((4,), 4, 0),
     ((5, 6), (2, 2), (1, 1)), ((3, 4, 5), (2, 3), (0, 2)), ((3, 40, 4), 18, 1), ((40, 3), 20, 0)],
)  # fmt: skip
def test_windows_slide(shape, window, axis):
    x = np.arange(np.prod(shape)).reshape(shape).astype(float)
    view = np.lib.stride_tricks.sliding_window_view
    want = view(x, window, axis)
    for mode in ("run", "reference"):
        made = et.jit(lambda x: view(x, window, axis), mode=mode)(x)
        np.testing.assert_array_equal(made, want)
    slope = et.grad(lambda x: et.sum(et.sliding_window_view(x, window, axis) * want))(x)
    total = np.zeros_like(x)
    np.add.at(total.reshape(-1), view(np.arange(x.size).reshape(shape), window, axis), want)
    np.testing.assert_allclose(slope, total)


def test_windows_must_fit():
    for size, window, axis in ((3, 4, None), (3, (2, 2), None), (3, -1, None), (3, 2, 1)):
        with pytest.raises(ValueError, match="sliding_window_view"):
            et.jit(lambda x, w=window, a=axis: et.sliding_window_view(x, w, a))(np.zeros(size))
    f = et.function([x := et.tensor("x", ("n",))], et.sliding_window_view(x, 3).sum(1))
    np.testing.assert_array_equal(f(np.arange(5.0)), [3, 6, 9])
    with pytest.raises(ShapeError):
        f(np.zeros(2))


def test_sizes_are_pinned_where_a_trace_must_know_them():
    def cut(x, y):
        return (
            np.delete(x, np.s_[::2]), np.delete(x, [0, -1]), np.delete(x, x.shape[0] - 1),
            np.insert(x, slice(1, 3), [7.0, 8.0]), np.delete(x, np.array([True, False] * 3)),
            np.correlate(x, y, "same"), np.correlate(y, x, "same"),
        )  # fmt: skip

    x, y = np.arange(6.0), np.arange(4.0)
    for got, want in zip(et.jit(cut)(x, y), cut(x, y), strict=True):
        np.testing.assert_allclose(got, want)


def test_arrays_that_a_trace_knows_are_positions():
    def split(e, x):
        return (
            *np.split(x, e.array([2, 3])), np.repeat(x, e.array([1, 0, 2, 1, 1, 1])),
            np.insert(x, e.array([1, 2]), 9.0), np.delete(x, e.arange(2)),
        )  # fmt: skip

    x = np.arange(6.0)
    for got, want in zip(et.jit(lambda x: split(et, x))(x), split(np, x), strict=True):
        np.testing.assert_array_equal(got, want)
    with pytest.raises(EqsatError, match="known while tracing"):
        et.jit(lambda x, i: np.delete(x, i))(x, np.array([1]))
