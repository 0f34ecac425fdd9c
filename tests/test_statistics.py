"""Functions that leave NaN out, quantiles, norms, differences and counts, against NumPy."""

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.autodiff import grad
from eqsat_tensor.errors import DtypeError, ShapeError, UnsupportedError
from eqsat_tensor.inputs import tensor
from eqsat_tensor.lang import FLOATS
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

NUMBERS = [d for d in SWEPT if d.kind != "b"]


def axes_of(shape):
    yield from (None, 0, -1)
    if len(shape) > 1:
        yield (0, -1)


# -------------------------------------------------------------------------------------------- NaN
@pytest.mark.parametrize(
    "name", ["nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmax", "nanmin", "nanmedian"]
)
def test_reductions_without_nan(name):
    extreme = name in ("nanmax", "nanmin")
    for dtype in NUMBERS if name == "nanmedian" else SWEPT:
        for shape in SHAPES if extreme else (*SHAPES, *EMPTY):
            x = sample(shape, dtype, seed=2, nan=True)
            if dtype.kind == "f" and x.ndim > 1 and x.size:
                x[..., 0] = np.nan  # a column of nothing else
            for axis in axes_of(shape):
                for keepdims in (False, True):
                    held(
                        lambda n, t, a=axis, k=keepdims: getattr(n, name)(t, axis=a, keepdims=k),
                        x, label=f"{name} {dtype} {shape} {axis}",
                    )  # fmt: skip


@pytest.mark.parametrize("name", ["nansum", "nanprod", "nanmean", "nanvar", "nanmax", "nanmin"])
def test_masks_beside_nan(name):
    options = {"initial": 1} if name in ("nanmax", "nanmin") else {}
    for dtype in SWEPT:
        x, mask = sample((3, 5), dtype, nan=True), sample((3, 5), bool, 4)
        for axis in (None, 0, 1):
            held(
                lambda n, t, a=axis, m=mask: getattr(n, name)(t, axis=a, where=m, **options),
                x, label=f"{name} {dtype} {axis}",
            )  # fmt: skip


def test_degrees_of_freedom_without_nan():
    x = sample((3, 5), "f8", nan=True)
    for less in (0, 1, 2.5, 7):
        held(lambda n, t, k=less: (n.nanvar(t, axis=1, ddof=k), n.nanstd(t, axis=0, ddof=k)), x)


@pytest.mark.parametrize("name", ["nanargmax", "nanargmin"])
def test_positions_without_nan(name):
    for dtype in SWEPT:
        x = sample((4, 5), dtype, nan=True)
        if dtype.kind == "f":
            x[:, 0], x[0] = 1, -np.inf
        for axis in (None, 0, 1):
            held(lambda n, t, a=axis: getattr(n, name)(t, axis=a, keepdims=True), x)
    t = tensor("t", (2, 2))
    got = values([getattr(np, name)(t, axis=1)], {t: np.array([[np.nan, np.nan], [np.nan, 1]])})
    np.testing.assert_array_equal(got[0], [-1, 1])


# -------------------------------------------------------------------------------------- quantiles
METHODS = [
    "linear", "lower", "higher", "nearest", "midpoint", "hazen", "weibull", "median_unbiased",
    "normal_unbiased", "interpolated_inverted_cdf",
]  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_quantiles_by_every_method(method):
    for dtype in NUMBERS:
        for shape in ((7,), (1,), (2, 3, 4)):
            x = sample(shape, dtype, 3)
            for q in (1, 0.37, np.array([[0.0, 0.25, 0.5, 0.8]])):
                for axis in (None, 0, (0, -1))[: 1 + len(shape)]:
                    held(
                        lambda n, t, a=axis, q=q: n.quantile(t, q, axis=a, method=method),
                        x, label=f"{dtype} {shape} {q} {axis}",
                    )  # fmt: skip
            held(lambda n, t: n.percentile(t, [0, 33, 100], method=method, keepdims=True), x)


def test_quantiles_beside_nan_and_infinities():
    x = sample((4, 6), "f8", 1)
    x[0, 2], x[1], x[2, :3], x[3, 0] = np.nan, np.inf, -np.inf, np.inf
    for method in ("linear", "lower", "nearest", "weibull"):
        held(lambda n, t, m=method: n.quantile(t, [0.2, 0.5, 1], axis=1, method=m), x[:1])
        held(lambda n, t, m=method: n.nanquantile(t, [0.2, 0.6], axis=1, method=m), x[:1])
        y = sample((5, 6), "f8", 2, nan=True)
        held(lambda n, t, m=method: n.nanquantile(t, [0.2, 0.6], axis=0, method=m), y)
        held(lambda n, t, m=method: n.nanpercentile(t, 40, axis=(0, 1), method=m), y)
    held(lambda n, t: (n.median(t, axis=0), n.median(t, axis=1), n.nanmedian(t)), x)


def test_medians():
    for dtype in SWEPT:
        if dtype.kind == "b":
            continue
        for shape in (*SHAPES, *EMPTY, ()):
            x = sample(shape, dtype, 4)
            for axis in (None,) if not shape else axes_of(shape):
                held(lambda n, t, a=axis: n.median(t, axis=a), x, label=f"{dtype} {shape} {axis}")
    x = tensor("x", ("n",))
    for n in (1, 2, 5, 8):
        a = sample(n, "f8", n)
        got = values([np.median(x), np.quantile(x, 0.3), np.nanmedian(x)], {x: a})
        np.testing.assert_allclose(got, [np.median(a), np.quantile(a, 0.3), np.median(a)])


def test_quantiles_that_are_not_there():
    x = tensor("x", (4,))
    with pytest.raises(UnsupportedError, match="inverted_cdf"):
        np.quantile(x, 0.5, method="inverted_cdf")
    with pytest.raises(UnsupportedError, match="no weights="):
        np.quantile(x, 0.5, weights=np.ones(4))
    with pytest.raises(ValueError, match="q from 0 to 100"):
        np.percentile(x, 101)
    with pytest.raises(DtypeError, match="numbers"):
        np.quantile(tensor("b", (3,), "bool"), 0.5)


# ------------------------------------------------------------------------------------------ norms
def test_norms_of_vectors_and_matrices():
    for dtype in (*FLOATS, np.dtype("int32")):
        x = sample((2, 3, 4), dtype)
        held(lambda n, t: n.linalg.norm(t), x)
        held(lambda n, t: n.linalg.norm(t, keepdims=True), x)
        for ord in (None, 1, 2, 3.5, 0, np.inf, -np.inf, -2):
            for axis in (0, 1, -1):
                held(lambda n, t, o=ord, a=axis: n.linalg.norm(t, o, a, True), x, label=f"{ord}")
            held(lambda n, t, o=ord: n.linalg.norm(t[0, 0], o), x)
            if ord is not None:
                held(lambda n, t, o=ord: n.linalg.vector_norm(t, axis=(0, 2), ord=o), x)
        singular = (2, -2, "nuc") if dtype.itemsize > 2 else ()
        for ord in (None, "fro", 1, -1, np.inf, -np.inf, *singular):
            for axis in ((0, 1), (2, 0), (-1, -2)):
                held(lambda n, t, o=ord, a=axis: n.linalg.norm(t, o, a), x, label=f"{ord} {axis}")
            held(lambda n, t, o=ord: n.linalg.norm(t[0], o, keepdims=True), x)
        held(lambda n, t: (n.linalg.matrix_norm(t), n.linalg.matrix_norm(t, ord=1)), x)
    with pytest.raises(DtypeError, match="norm: needs float32 or float64 for ord=2"):
        np.linalg.norm(tensor("x", (2, 3), "complex64"), 2)
    with pytest.raises(ShapeError, match="one or two axes"):
        np.linalg.norm(tensor("x", (2, 3, 4)), 1)


def test_the_slope_of_a_norm_at_zero_is_zero():
    for function in (et.norm, lambda x: et.norm(x, 3), lambda x: et.norm(x[None], 2, 0)):
        assert not slope(function, np.zeros(3)).any()
    np.testing.assert_allclose(slope(et.norm, np.array([3.0, 4.0])), [0.6, 0.8])


# ----------------------------------------------------------------------- differences, integrals
def test_differences():
    for dtype in SWEPT:
        for shape in ((7,), (1,), (3, 5), (2, 3, 4), (0, 2)):
            x = sample(shape, dtype)
            for n in (0, 1, 2, 9):
                for axis in range(-len(shape), len(shape)):
                    held(lambda m, t, n=n, a=axis: m.diff(t, n, a), x, label=f"{dtype} {shape}")
            held(lambda m, t: m.diff(t, prepend=t[..., :1], append=0), x)
            held(lambda m, t: m.diff(t, axis=0, prepend=1), x)
    for dtype in NUMBERS:
        x = sample((2, 3), dtype)
        ends = np.array([2, 3], dtype)
        held(lambda m, t, e=ends: (m.ediff1d(t), m.ediff1d(t, e[0], to_begin=e)), x)


def test_gradients_of_samples():
    points = np.array([0.0, 1, 1.5, 4, 4.25])
    for dtype in (*FLOATS, np.dtype("int32")):
        x = sample((4, 5), dtype, 1)
        for order in (1, 2):
            held(lambda m, t, e=order: m.gradient(t, edge_order=e), x)
            held(lambda m, t, e=order: m.gradient(t, 0.5, axis=1, edge_order=e), x)
            held(lambda m, t, e=order: m.gradient(t, 2, points, edge_order=e), x)
            held(lambda m, t, e=order: m.gradient(t[0], points, edge_order=e), x)
            held(lambda m, t, e=order: m.gradient(t, axis=(1, 0), edge_order=e), x)
    with pytest.raises(ValueError, match="at least 3 elements"):
        np.gradient(tensor("x", (2,)), edge_order=2)


def test_trapezoids():
    for dtype in SWEPT:
        if dtype.kind != "b":
            x = sample((3, 5), dtype)
            held(lambda m, t: (m.trapezoid(t), m.trapezoid(t, dx=2, axis=0)), x)
            held(lambda m, t: m.trapezoid(t, x=np.array([0, 1, 4, 5, 9.0])), x)
            held(lambda m, t: m.trapezoid(t, t, axis=0), x)
            held(lambda m, t: m.trapezoid(t, x=np.arange(3.0), axis=0), x)


@pytest.mark.parametrize("name", ["convolve", "correlate"])
def test_convolutions(name):
    for dtype in NUMBERS:
        for n, m in ((7, 3), (3, 7), (4, 4), (6, 2), (1, 5), (40, 20), (20, 40), (33, 17)):
            a, v = sample(n, dtype, 1), sample(m, dtype, 2)
            for mode in ("full", "same", "valid"):
                held(
                    lambda k, s, t, o=mode: getattr(k, name)(s, t, mode=o), a, v,
                    label=f"{name} {dtype} {n} {m} {mode}",
                )  # fmt: skip
            held(lambda k, s, v=v, m=mode: getattr(k, name)(s, v.tolist(), m), a)


@pytest.mark.parametrize("name", ["convolve", "correlate"])
def test_convolutions_of_complex_numbers(name):
    for n, m in ((7, 3), (3, 7), (4, 4), (20, 40)):
        a = sample(n, "f8", 1) + 1j * sample(n, "f8", 2)
        v = sample(m, "f8", 3) - 1j * sample(m, "f8", 4)
        for mode in ("full", "same", "valid"):
            for left, right in ((a, v), (a.real, v), (a, v.real), (a.astype("c8"), v.real)):
                held(lambda k, s, t, o=mode: getattr(k, name)(s, t, mode=o), left, right)


@pytest.mark.parametrize("name", ["convolve", "correlate"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_convolutions_of_what_is_no_number_reach_as_far_as_it_does(name):
    for n, m in ((7, 3), (3, 7), (20, 40), (40, 20)):
        a, v = sample(n, "f8", 1), sample(m, "f8", 2)
        for value in (np.nan, np.inf):
            for place in (0, 1, -1):
                bad = v.copy()
                bad[place] = value
                for mode in ("full", "same", "valid"):
                    for left, right in ((a, bad), (bad, a)):
                        held(lambda k, s, t, o=mode: getattr(k, name)(s, t, mode=o), left, right)


def test_numbers_are_not_weak_in_convolutions():
    for dtype in ("u1", "i2", "f4", "f8"):
        x = sample(5, dtype)
        for number in (2, 2.5, [1, 2], (0.5,)):
            held(lambda k, t, v=number: k.convolve(t, v), x)
    with pytest.raises(ValueError, match="correlate"):
        et.jit(lambda x: np.correlate(x, 2))(np.ones(3))


def test_convolutions_of_unknown_sizes():
    a, v = tensor("a", ("n",)), tensor("v", ("m",))
    modes = ("full", "same", "valid")
    made = [np.convolve(a, v, m) for m in modes] + [np.correlate(a, v, m) for m in modes[::2]]
    made.append(np.convolve(a, np.array([1.0, 2, 4]), "same"))
    for n, m in ((5, 3), (3, 5), (20, 30)):
        x, y = sample(n, "f8"), sample(m, "f8", 1)
        want = [np.convolve(x, y, k) for k in modes] + [np.correlate(x, y, k) for k in modes[::2]]
        want.append(np.convolve(x, [1.0, 2, 4], "same"))
        for g, w in zip(values(made, {a: x, v: y}), want, strict=True):
            np.testing.assert_allclose(g, w, rtol=1e-13, atol=1e-13)
    with pytest.raises(UnsupportedError, match="which is longer"):
        np.correlate(a, v, "same")


def test_interpolation():
    xp, fp = np.array([-1.0, 0, 0.5, 3]), np.array([2.0, -1, 4, 4.5])
    x = np.array([[-5, -1, -0.3, 0], [0.5, 2.9, 3, 8], [np.nan, np.inf, -np.inf, 0.1]])
    held(lambda m, t, u, v: m.interp(t, u, v), x, xp, fp)
    held(lambda m, t, u, v: m.interp(t, u, v, left=-7, right=9.5), x, xp, fp)
    held(lambda m, t: m.interp(t, xp[:1], fp[:1]), x)
    held(lambda m, t: m.interp(t[0, 1], xp, fp), x)
    for far in ([-np.inf, 0, 0.5, 3], [2, np.inf, np.inf, 1], [2, np.nan, np.inf, -np.inf]):
        held(lambda m, t, v=far: m.interp(t, xp, v), x)
    held(lambda m, t: m.interp(t, [-np.inf, 0, 0.5, np.inf], fp), x)
    y = np.linspace(-720, 720, 37)
    held(lambda m, t: m.interp(t, [300, 190, -190, 365], [5.0, 10, 3, 4], period=360), y)
    held(lambda m, t: m.interp(t, xp, fp), sample(5, "i4"))


# ----------------------------------------------------------------------------------------- counts
def test_counts_by_label():
    x, w = np.array([0, 3, 1, 3, 0]), np.array([0.5, 1, 2, 4, 8])
    t = tensor("x", (5,), "int64")
    made = [np.bincount, et.bincount]
    for function in made[1:]:
        got = values([function(t, length=4), function(t, w, length=6)], {t: x})
        np.testing.assert_array_equal(got[0], np.bincount(x))
        np.testing.assert_array_equal(got[1], np.bincount(x, w, 6))
        assert got[0].dtype == np.int64
    np.testing.assert_array_equal(et.bincount(x, length=6), np.bincount(x, minlength=6))
    for given in ((t, None, 6), (t, w, 6)):
        (got,) = values([np.bincount(*given)], {t: x})
        np.testing.assert_array_equal(got, np.bincount(x, *given[1:]))
    counted = et.jit(lambda x, c: np.bincount(x, minlength=c.shape[0]))
    np.testing.assert_array_equal(counted(x, np.zeros(5)), np.bincount(x, minlength=5))
    with pytest.raises(ValueError, match="labels from 0 to 2"):
        counted(x, np.zeros(3))
    with pytest.raises(UnsupportedError, match="minlength=n"):
        np.bincount(t)
    for bad in ([0, 4, 1, 1, 1], [0, -1, 1, 1, 1]):
        with pytest.raises(ValueError, match="labels from 0 to 3"):
            values([et.bincount(t, length=4)], {t: np.array(bad)})


def test_intervals():
    x = sample((3, 4), "f8")
    for right in (False, True):
        for bins in ([-1.0, 0, 0.5, 2], [2.0, 0.5, -1], [0.25]):
            held(lambda m, t, b=bins, r=right: m.digitize(t, b, r), x)
            held(lambda m, t, u, r=right: m.digitize(t, u, right=r), x, np.array(bins))
    held(lambda m, t: m.digitize(t, [0, 1, 3]), sample(7, "i4"))
    with pytest.raises(ValueError, match="ascend or descend"):
        np.digitize(tensor("x", (3,)), [0, 2, 1])


def test_histograms():
    for dtype in NUMBERS:
        x = sample((5, 8), dtype, 3)
        held(lambda m, t: m.histogram(t), x, label=str(dtype))
        held(lambda m, t: m.histogram(t, 4, (-1, 1.5)), x)
        held(lambda m, t: m.histogram(t, [-1, 0, 1, 4]), x)
        held(lambda m, t: m.histogram(t, 5, density=True), x)
        held(lambda m, t: m.histogram(t, [-1, 0, 1, 4], weights=np.ones((5, 8))), x)
        held(lambda m, t: m.histogram_bin_edges(t, 7), x)
    held(lambda m, t: m.histogram(t, 3), np.full(4, 2.0))
    held(lambda m, t: m.histogram(t, 3), np.zeros(0))
    with pytest.raises(UnsupportedError, match="no rule for bins"):
        np.histogram(tensor("x", (3,)), "auto")


# ------------------------------------------------------------------------------------ derivatives
POINTS = np.array([0.0, 1, 1.5, 4])
SMOOTH = {
    "nanmean": lambda x: et.nanmean(et.where(x > 1, np.nan, x**2), axis=0),
    "nanstd": lambda x: et.nanstd(et.where(x > 1, np.nan, x), axis=1, ddof=0.5),
    "nanmax": lambda x: et.nanmax(et.where(x > 1, np.nan, x), axis=0) ** 2,
    "nanprod": lambda x: et.nanprod(et.where(x > 1, np.nan, x), axis=1),
    "median": lambda x: et.median(x, axis=1) ** 2,
    "quantile": lambda x: et.quantile(x, [0.2, 0.55], axis=0) ** 2,
    "nanquantile": lambda x: et.nanquantile(et.where(x > 1, np.nan, x), 0.4, axis=0) ** 2,
    "norm": lambda x: et.norm(x, axis=1),
    "norm of p": lambda x: et.norm(x, 3, axis=0),
    "norm of matrices": lambda x: et.norm(x, 1) * et.norm(x, np.inf),
    "diff": lambda x: et.diff(x, 2, prepend=0.0) ** 2,
    "gradient": lambda x: et.gradient(x, POINTS, axis=1, edge_order=2) ** 2,
    "trapezoid": lambda x: et.trapezoid(x**2, x, axis=0),
    "convolve": lambda x: et.convolve(x[0], x[1], "same") ** 2,
    "correlate": lambda x: et.correlate(x[0], x.ravel()) ** 2,
    "long convolve": lambda x: et.convolve(et.concatenate([x.ravel()] * 2), x.ravel()) ** 2,
    "interp": lambda x: et.interp(x[0], POINTS - 1.7, x[1] ** 2) ** 2,
    "interp of points": lambda x: et.interp(x[0], et.sort(x[2]), x[1]),
    "bincount": lambda x: et.bincount(np.array([0, 2, 1, 2]), x[0] ** 2, length=3) ** 2,
    "histogram": lambda x: et.histogram(x, 3, (-3, 3), weights=x**2)[0] ** 2,
}


@pytest.mark.parametrize("name", SMOOTH)
def test_derivatives_are_difference_quotients(name):
    differentiated_twice(SMOOTH[name], sample((3, 4), "f8", 5), 3e-4)


# ------------------------------------------------------------------------------------ compiled code
def test_compiled_samples():
    x, y = tensor("x", ("n", "m")), tensor("y", ("m",))

    def made(n, x, y):
        hole = n.where(x > 1, np.nan, x)
        return [
            n.nansum(hole, axis=0), n.nanmean(hole, axis=1), n.nanstd(hole, axis=0),
            n.nanmax(hole, axis=1), n.nanmedian(hole, axis=1), n.median(x, axis=0),
            n.quantile(x, [0.25, 0.5], axis=1), n.nanquantile(hole, 0.3, axis=0),
            np.linalg.norm(x, axis=1), np.linalg.norm(x, 1), n.diff(x, axis=1),
            n.gradient(y), n.trapezoid(x, y), n.convolve(y, np.arange(5.0)),
            n.convolve(y, y), n.interp(x, np.arange(4.0), np.array([1.0, 3, 2, 0])),
            n.digitize(x, [-1.0, 0, 1]), *n.histogram(x, 5), n.cov(x),
        ]  # fmt: skip

    outputs = made(et, x, y)
    outputs.append(grad(et.sum(et.median(x, axis=1) ** 2) + et.norm(x), x))
    function = et.function([x, y], outputs)
    slow = et.function([x, y], outputs, mode="reference")
    for n, m in ((2, 3), (5, 8), (30, 41)):
        a, b = sample((n, m), "f8", n), sample(m, "f8", m)
        want = quiet(made, np, a, b)
        for g, w in zip(function(a, b), [*want, slow(a, b)[-1]], strict=True):
            np.testing.assert_allclose(g, w, rtol=1e-10, atol=1e-10)
