"""Functions over axes against NumPy: every option, every dtype, odd shapes; and their gradients."""

import warnings

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.autodiff import grad
from eqsat_tensor.errors import DtypeError, ShapeError, UnsupportedError
from eqsat_tensor.inputs import tensor
from eqsat_tensor.lang import FLOATS
from eqsat_tensor.tensor import Tensor
from tests.oracle import assert_same
from tests.reductions import (
    EMPTY,
    SHAPES,
    SWEPT,
    differentiated_twice,
    held,
    sample,
    slope,
    values,
)


def axes_of(shape):
    yield from (None, 0, -1)
    if len(shape) > 1:
        yield (0, -1)
        yield (-2,)


def sweep(name, dtypes=SWEPT, shapes=(*SHAPES, *EMPTY), **options):
    for dtype in dtypes:
        for shape in shapes:
            x = sample(shape, dtype)
            for axis in axes_of(shape):
                for keepdims in (False, True):
                    held(
                        lambda n, t, a=axis, k=keepdims: getattr(n, name)(
                            t, axis=a, keepdims=k, **options
                        ),
                        x, label=f"{name} {dtype} {shape} {axis}",
                    )  # fmt: skip


PLAIN = ("sum", "prod", "mean", "var", "std", "any", "all", "count_nonzero")


@pytest.mark.parametrize("name", PLAIN)
def test_reductions_over_every_axis(name):
    sweep(name)


@pytest.mark.parametrize("name", ["max", "min", "ptp"])
def test_extremes_over_every_axis(name):
    dtypes = [d for d in SWEPT if name != "ptp" or d.kind != "b"]
    sweep(name, dtypes, SHAPES)


@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_positions(name):
    for dtype in SWEPT:
        for shape in SHAPES:
            x = sample(shape, dtype, nan=True)
            for axis in (None, 0, -1):
                for keepdims in (False, True):
                    held(
                        lambda n, t, a=axis, k=keepdims: getattr(n, name)(t, a, keepdims=k),
                        x, label=f"{name} {dtype} {shape} {axis}",
                    )  # fmt: skip


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "mean", "var", "std", "any", "all"])
def test_where_and_initial(name):
    starts = [{}, {"initial": 3}] if name in ("sum", "prod") else [{}]
    starts = [{"initial": 1}] if name in ("max", "min") else starts
    for dtype in SWEPT:
        for shape in (*SHAPES, *EMPTY):
            x, mask = sample(shape, dtype), sample(shape, bool, 1)
            for axis in axes_of(shape):
                for options in starts:
                    for where in (mask, mask[-1:], True):
                        held(
                            lambda n, t, a=axis, o=options, w=where: getattr(n, name)(
                                t, axis=a, where=w, **o
                            ),
                            x, label=f"{name} {dtype} {shape} {axis} {options}",
                        )  # fmt: skip


def test_a_mask_may_be_a_tensor_and_a_size_unknown():
    x, mask = tensor("x", ("n", 3)), tensor("m", ("n", 3), "bool")
    made = [
        np.sum(x, axis=0, where=mask), np.mean(x, where=mask), np.max(x, where=mask, initial=-9.0),
        np.max(x, axis=0, initial=0.5), np.min(x, axis=(0, 1), initial=0.5),
    ]  # fmt: skip
    for n in (0, 1, 4):
        a, m = sample((n, 3), "f8"), sample((n, 3), bool, 2)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            want = [
                np.sum(a, axis=0, where=m), np.mean(a, where=m),
                np.max(a, where=m, initial=-9.0), np.max(a, axis=0, initial=0.5),
                np.min(a, axis=(0, 1), initial=0.5),
            ]  # fmt: skip
        for g, w in zip(values(made, {x: a, mask: m}), want, strict=True):
            assert_same(g, w, "real")


def test_dtypes_that_are_asked_for():
    for dtype in SWEPT:
        x = abs(sample((3, 4), dtype)) if dtype.kind == "f" else sample((3, 4), dtype)
        for wanted in SWEPT:
            held(lambda n, t, w=wanted: n.sum(t, axis=0, dtype=w), x)
            held(lambda n, t, w=wanted: n.prod(t, 1, w), x)
            held(lambda n, t, w=wanted: n.sum(t, dtype=w, initial=True), x)
            if wanted in FLOATS:
                held(lambda n, t, w=wanted: (n.mean(t, dtype=w), n.var(t, dtype=w)), x)
            if wanted.kind != "b":
                held(lambda n, t, w=wanted: n.cumsum(t, axis=1, dtype=w), x)


def test_corrections_of_a_variance():
    x = sample((3, 4), "f8")
    for k in (0, 1, 2.5, 4, 9):
        held(lambda n, t, k=k: (n.var(t, ddof=k), n.std(t, axis=0, correction=k)), x)
    held(lambda n, t: n.var(t, axis=1, mean=n.mean(t, axis=1, keepdims=True)), x)
    held(lambda n, t: n.std(t, axis=1, mean=n.mean(t, axis=1, keepdims=True), ddof=1), x)
    with pytest.raises(ValueError, match="not both"):
        np.var(tensor("x", (3,)), ddof=1, correction=1)


def test_averages():
    x, w = sample((2, 3), "f8"), np.abs(sample((2, 3), "f8", 1))
    for dtype in ("f8", "f4", "i4", "?"):
        y = x.astype(dtype)
        held(lambda n, t: n.average(t, returned=True), y)
        held(lambda n, t: n.average(t, axis=1, keepdims=True), y)
        held(lambda n, t, u: n.average(t, weights=u, returned=True), y, w)
        held(lambda n, t, u: n.average(t, axis=1, weights=u), y, w[0])
        held(lambda n, t, u: n.average(t, axis=(1, 0), weights=u), y, w.T.copy())
        held(lambda n, t: n.average(t, axis=0, weights=[1, 3], keepdims=True), y)
    with pytest.raises(ShapeError, match="weights= of the shape"):
        np.average(tensor("x", (2, 3)), weights=np.ones(3))


def test_covariances_and_correlations():
    x, y = sample((3, 8), "f8"), sample((2, 8), "f8", 1)
    held(lambda n, t: (n.cov(t), n.corrcoef(t), n.cov(t, bias=True), n.cov(t, ddof=0)), x)
    held(lambda n, t, u: (n.cov(t, u), n.corrcoef(t, u)), x, y)
    held(lambda n, t: (n.cov(t, rowvar=False), n.cov(t[0]), n.corrcoef(t[0], t[1])), x)
    held(lambda n, t: (n.cov(t), n.corrcoef(t)), x.astype("f4"))
    held(lambda n, t: n.cov(t), x.astype("i4"))
    with pytest.raises(UnsupportedError, match="aweights"):
        np.cov(tensor("x", (2, 3)), aweights=np.ones(3))


# ------------------------------------------------------------------------------------- cumulative
@pytest.mark.parametrize("name", ["cumsum", "cumprod", "nancumsum", "nancumprod"])
def test_cumulative_functions(name):
    for dtype in SWEPT:
        for shape in (*SHAPES, *EMPTY, ()):
            x = sample(shape, dtype, nan=bool(shape))
            for axis in (None, *range(-len(shape), len(shape))):
                held(lambda n, t, a=axis: getattr(n, name)(t, axis=a), x, label=f"{dtype} {shape}")


def test_cumulative_functions_of_the_standard():
    for dtype in SWEPT:
        x = sample((2, 3), dtype)
        for name in ("cumulative_sum", "cumulative_prod"):
            for first in (False, True):
                held(lambda n, t, m=name, f=first: getattr(n, m)(t, axis=1, include_initial=f), x)
                held(lambda n, t, m=name, f=first: getattr(n, m)(t[0], include_initial=f), x)
    with pytest.raises(ValueError, match="axis="):
        np.cumulative_sum(tensor("x", (2, 3)))


def test_methods_of_ufuncs():
    for dtype in SWEPT:
        x = sample((3, 4), dtype)
        for ufunc in (np.add, np.multiply, np.maximum, np.minimum, np.logical_or, np.logical_and):
            held(lambda n, t, u=ufunc: u.reduce(t), x)
            held(lambda n, t, u=ufunc: u.reduce(t, axis=None, keepdims=True), x)
            held(lambda n, t, u=ufunc: u.reduce(t, (0, 1)), x)
        for ufunc in (np.add, np.multiply, np.maximum, np.minimum):
            held(lambda n, t, u=ufunc: u.accumulate(t), x, label=f"{ufunc} {dtype}")
            held(lambda n, t, u=ufunc: u.accumulate(t, axis=1), x)
        for ufunc in (np.add, np.multiply, np.maximum, np.less):
            held(lambda n, t, u=ufunc: u.outer(t, t[0]), x)
            held(lambda n, t, u=ufunc: u.outer(np.arange(2.0), t), x)
        if dtype in FLOATS:
            held(lambda n, t: (np.logaddexp.reduce(t, axis=1), np.logaddexp.accumulate(t)), x)
            held(lambda n, t: np.add.reduce(t, 1, dtype="f4", initial=3, where=t > 0), x)
            held(lambda n, t: np.maximum.reduce(t, axis=1, dtype="f4", initial=3), x)
    with pytest.raises(UnsupportedError, match="cumsum"):
        np.add.reduceat(tensor("x", (4,)), [0, 2])


def test_weighted_log_sums_of_exponentials():
    from scipy.special import logsumexp

    x, b = sample((3, 4), "f8"), sample((3, 4), "f8", 1)
    b[0, 1], x[0, 1], x[1] = 0, np.inf, -np.inf
    t, u = tensor("x", (3, 4)), tensor("b", (3, 4))
    for axis in (None, 0, 1, (0, 1)):
        made = et.logsumexp(t, axis=axis, b=u, keepdims=True)
        with np.errstate(all="ignore"):
            want = logsumexp(x, axis=axis, b=b, keepdims=True)
        assert_same(values([made], {t: x, u: b})[0], np.asarray(want), "real")
        assert_same(et.logsumexp(x, axis=axis, b=b, keepdims=True), np.asarray(want), "real")


# ---------------------------------------------------------------------------------- derivatives
MASK = np.random.default_rng(3).random((3, 4)) < 0.6
SMOOTH = {
    "sum": lambda x: et.sum(x**2, axis=0, where=MASK, initial=2.0),
    "prod": lambda x: et.prod(x, axis=1, where=MASK, initial=2.0),
    "max": lambda x: et.max(x, axis=0, where=MASK, initial=-0.2),
    "mean": lambda x: et.mean(x**2, axis=1, where=MASK),
    "var": lambda x: et.var(x, axis=(0, 1), ddof=1, where=MASK) * 2,
    "std": lambda x: et.std(x, axis=1),
    "average": lambda x: et.average(x, axis=1, weights=x**2),
    "cov": lambda x: et.cov(x) ** 2,
    "corrcoef": lambda x: et.corrcoef(x) ** 2,
    "cumulative_sum": lambda x: et.cumulative_sum(x**2, axis=1, include_initial=True) ** 2,
    "cumprod": lambda x: et.cumprod(x),
    "nancumprod": lambda x: et.nancumprod(x, axis=0),
    "cummax": lambda x: et.cummax(x, axis=1) ** 2,
    "logcumsumexp": lambda x: et.logcumsumexp(x, axis=0) ** 2,
    "logsumexp": lambda x: et.logsumexp(x, axis=0, b=x**2),
    "outer": lambda x: np.multiply.outer(x, x[0]),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_derivatives_are_difference_quotients(name):
    differentiated_twice(SMOOTH[name], sample((3, 4), "f8", 5), 2e-4)


def test_a_deviation_of_equal_elements_has_no_slope():
    assert not slope(et.std, np.full(3, 2.5)).any()
    assert not slope(et.std, np.array([2.5])).any()
    assert not slope(lambda x: et.var(x, axis=0), np.array([[2.5, 1.0]])).any()


# ------------------------------------------------------------------------------------ compiled code
def test_compiled_samples():
    x, mask = tensor("x", ("n", "m")), tensor("k", ("n", "m"), "bool")
    i = tensor("i", ("n", "m"), "int32")

    def made(n, x, mask, i):
        return [
            n.sum(x, axis=0, where=mask, initial=1.5), n.mean(x, axis=1, where=mask, keepdims=True),
            n.max(x, axis=0, where=mask, initial=-1), n.std(x, axis=1, ddof=1), n.cumsum(x, axis=0),
            n.cumsum(x), n.cumprod(x, axis=1), n.cumsum(i, axis=1), np.maximum.accumulate(i),
            n.cumulative_sum(i, axis=0, include_initial=True), n.count_nonzero(i, axis=0),
            n.average(x, axis=1, weights=x * x), n.cov(x), n.ptp(x, axis=1),
            np.logaddexp.accumulate(x, axis=1), n.cumsum(n.exp(x), axis=1) * 2,
            n.nancumsum(n.where(mask, x, np.nan), axis=1),
        ]  # fmt: skip

    outputs = made(np, x, mask, i)
    outputs.append(grad(et.sum(et.cumprod(x, axis=1) * et.cummax(x, axis=0)), x))
    function = et.function([x, mask, i], outputs)
    slow = et.function([x, mask, i], outputs, mode="reference")
    for n, m in ((1, 1), (2, 7), (5, 3), (30, 65)):
        a, k = sample((n, m), "f8", n) / 2, sample((n, m), bool, 1)
        whole = sample((n, m), "i4", 2)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            want = made(np, a, k, whole)
        got = function(a, k, whole)
        for g, w in zip(got, [*want, slow(a, k, whole)[-1]], strict=True):
            np.testing.assert_allclose(g, w, rtol=1e-9, atol=1e-9)


# ------------------------------------------------------------------------------------------ errors
def test_what_is_not_there_is_refused():
    x = tensor("x", (2, 3))
    with pytest.raises(ValueError, match=r"initial= beside where="):
        np.max(x, where=np.ones((2, 3), bool))
    with pytest.raises(DtypeError, match="where= of bools"):
        np.sum(x, where=np.ones(3))
    with pytest.raises(ShapeError, match="where= that broadcasts"):
        np.sum(x, where=np.ones(2, bool))
    with pytest.raises(UnsupportedError, match="no out="):
        np.sum(x, out=np.zeros(()))
    with pytest.raises(DtypeError, match="a float dtype="):
        np.mean(x, dtype="int32")
    with pytest.raises(ShapeError, match="at least one element"):
        np.max(tensor("x", (0,)))
    with pytest.raises(DtypeError, match="ptp"):
        np.ptp(tensor("b", (2,), "bool"))
    assert isinstance(np.sum(a=x), Tensor)


@pytest.mark.parametrize("count", [5, 20, 1003])
def test_what_is_joined_to_nothing_is_summed_as_it_stands(count):
    x = np.random.default_rng(count).normal(size=count).astype("float32")
    nothing = np.zeros(0, "float32")

    def total(a, b):
        return et.sum(et.concatenate([b, a])) + et.sum(et.concatenate([a, b]))

    strict, written = (
        et.jit(total, **o)(x, nothing) for o in ({"math": "strict"}, {"optimize": "none"})
    )
    assert strict.tobytes() == written.tobytes() == (2 * et.jit(et.sum)(x)).tobytes()
