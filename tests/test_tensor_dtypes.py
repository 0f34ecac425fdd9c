"""Dtypes of tensors: NumPy's promotion, weak numbers, comparisons and bounds beyond a dtype."""

import itertools

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.errors import DtypeError, UnsupportedError
from eqsat_tensor.inputs import tensor
from eqsat_tensor.lang import topological
from eqsat_tensor.namespace import PUBLIC
from eqsat_tensor.ops.captured import input_leaf
from eqsat_tensor.reference import evaluate
from eqsat_tensor.tensor import Tensor, as_expr
from eqsat_tensor.types import DTYPES
from tests.oracle import assert_same
from tests.traced import check, sample

BINARY = [
    "add",
    "subtract",
    "multiply",
    "divide",
    "power",
    "maximum",
    "minimum",
    "floor_divide",
    "remainder",
    "equal",
    "less",
    "logical_and",
    "logaddexp",
]
SCALARS = (True, 2, 2.5, np.float32(1.5), np.int64(3), np.float64(2))


@pytest.mark.parametrize("name", BINARY)
def test_dtypes_promote_as_in_numpy(name):
    ufunc = getattr(np, name)
    pairs = [(sample(a), sample(b)) for a, b in itertools.product(DTYPES, DTYPES)]
    pairs += [p for d in DTYPES for s in SCALARS for p in ((sample(d), s), (s, sample(d)))]
    for a, b in pairs:
        tensors = [tensor("x", v.shape, v.dtype) if np.ndim(v) else v for v in (a, b)]
        try:
            want = ufunc(a, b).dtype
        except TypeError:
            want = None
        if name == "power" and want is not None and want.kind in "iu":
            continue  # tested below
        if want is None or want not in DTYPES:
            with pytest.raises((DtypeError, UnsupportedError)):
                PUBLIC[name](*tensors)
            continue
        assert PUBLIC[name](*tensors).dtype == want, (a.dtype, b)


@pytest.mark.parametrize(
    "name", ["negative", "absolute", "sign", "sqrt", "exp", "floor", "isnan", "square", "sin"]
)
def test_unary_functions_promote_as_in_numpy(name):
    for dtype in DTYPES:
        try:
            want = getattr(np, name)(sample(dtype))
        except TypeError:
            want = None
        if want is None or want.dtype not in DTYPES:
            with pytest.raises(DtypeError):
                PUBLIC[name](tensor("x", (3,), dtype))
        else:
            check(PUBLIC[name], sample(dtype), guarantee="real")


def test_python_numbers_are_weak_and_stay_so_through_operators():
    x = tensor("x", (2,), "float32")
    number = Tensor(as_expr(2.0), weak=float)
    assert (x * 2.0).dtype == np.float32
    assert (x * (number * 3 + 1)).dtype == np.float32
    assert (x * et.exp(number)).dtype == np.float64  # as np.exp(2.0), which is an np.float64
    assert (x + x.shape[0]).dtype == np.float32


WHOLE = [d for d in DTYPES if d.kind in "iu"]
EDGES = (
    0,
    1,
    -1,
    127,
    128,
    255,
    256,
    2**15,
    2**31,
    2**63 - 1,
    2**63,
    2**64 - 1,
    2**64,
    -(2**63),
    -(2**70),
)


def extremes(dtype):
    info = np.iinfo(dtype)
    return np.array([info.min, info.max, 0, 1, info.max // 2, info.max - 1], dtype)


@pytest.mark.parametrize(
    "name", ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal"]
)
def test_whole_numbers_of_all_dtypes_are_compared_exactly(name):
    function, ufunc = PUBLIC[name], getattr(np, name)
    for a, b in itertools.product(WHOLE, WHOLE):
        x, y = (v.ravel() for v in np.meshgrid(extremes(a), extremes(b)))
        check(function, x, y, numpy=ufunc)
    for dtype, number in itertools.product(WHOLE, EDGES):
        check(
            lambda x, n=number: function(x, n),
            extremes(dtype),
            numpy=lambda x, n=number: ufunc(x, n),
        )
        check(
            lambda x, n=number: function(n, x),
            extremes(dtype),
            numpy=lambda x, n=number: ufunc(n, x),
        )


def test_an_int_known_at_run_time_is_compared_exactly():
    number = Tensor(input_leaf("n", np.dtype("int64"), ()), weak=int)
    for dtype in WHOLE:
        result = number < tensor("x", (6,), dtype)
        for value in (-1, 0, 127, 300, 2**63 - 1):
            inputs = {
                leaf: np.array(value) if leaf.shape == () else extremes(dtype)
                for leaf in topological([result.expr])
                if leaf.op.name == "input"
            }
            assert_same(evaluate([result.expr], inputs)[0], np.less(value, extremes(dtype)))


def test_clip_takes_bounds_that_no_element_reaches():
    for dtype in WHOLE:
        check(lambda x: et.clip(x, -(2**70), 2**70), extremes(dtype), numpy=lambda x: x)
        check(lambda x: et.clip(x, 1, 100), extremes(dtype), numpy=lambda x: np.clip(x, 1, 100))


@pytest.mark.parametrize("dtype", [str(d) for d in DTYPES])
def test_moments_have_the_dtypes_of_numpy(dtype):
    x = sample(dtype, (3, 4))
    for name in ("mean", "var", "std", "cumsum", "sum", "prod", "max", "argmin", "any"):
        check(
            lambda t, n=name: PUBLIC[n](t, axis=1),
            x,
            guarantee="real",
            numpy=lambda t, n=name: getattr(np, n)(t, axis=1),
        )
    many = np.full(70_000, 3, dtype)
    check(lambda t: t.mean(), many, guarantee="real", numpy=np.mean)


def test_powers_of_integers_take_python_exponents():
    for exponent in range(7):
        check(lambda x, e=exponent: x**e, sample("int32"))
    with pytest.raises(ValueError, match="negative integer powers"):
        tensor("x", (2,), "int64") ** -1
    base, exponents = sample("int32"), np.arange(sample("int32").size, dtype=np.int32)
    check(lambda x, y: x**y, base, exponents.reshape(base.shape))
    x, y = tensor("x", (2,), "int64"), tensor("y", (2,), "int64")
    values = {x.expr: np.array([2, 3]), y.expr: np.array([1, -1])}
    with pytest.raises(ValueError, match="exponents that are not negative"):
        evaluate([(x**y).expr], values)


def test_sums_of_bools_and_small_integers_are_int64():
    for dtype in DTYPES:
        check(lambda x: x.sum(axis=0), sample(dtype))
        check(lambda x: x.prod(), sample(dtype))
        check(lambda x: x.mean(), sample(dtype))
