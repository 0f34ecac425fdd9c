"""Compiled functions of every dtype, called through the entry, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.lang import BOOL, DTYPES, FLOATS, INTS, NUMBERS
from tests.oracle import assert_same

WRAPPING = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "floor_divide": np.floor_divide,
    "remainder": np.remainder,
}
REDUCTIONS = ("sum", "prod", "mean", "max", "min", "any", "all", "argmax", "argmin")


def drawn(dtype: np.dtype, *shape: int, seed: int = 0) -> np.ndarray:
    """Integers of the whole range, ends included; floats about 1."""
    random = np.random.default_rng(seed)
    if dtype == BOOL:
        return random.integers(0, 2, shape).astype(dtype)
    if dtype in INTS:
        info = np.iinfo(dtype)
        found = random.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)
        found.reshape(-1)[:5] = np.array([info.min, info.max, 0, 1, info.max // 2], dtype)
        return np.asarray(random.permutation(found.reshape(-1)).reshape(shape))
    return np.asarray(random.uniform(0.5, 1.5, shape) * random.choice([-1, 1], shape), dtype)


def compare(names: list[str], got: Any, want: list[Any], exact: bool) -> None:
    for name, a, b in zip(names, got, want, strict=True):
        assert type(a) is type(b), (name, type(a), type(b))
        assert_same(a, b, "exact" if exact else "real", name)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_reductions_of_rows_columns_and_blocks_are_those_of_numpy(dtype):
    tall, flat = et.tensor("x", ("n", "m"), dtype), et.tensor("y", ("k",), dtype)
    cases = [(name, tall, axis) for name in REDUCTIONS for axis in (0, 1)]
    cases += [(name, flat, None) for name in REDUCTIONS]
    cases += [("max", tall, None), ("min", tall, None), ("sum", tall, None)]
    function = et.function([tall, flat], [getattr(et, n)(t, axis=axis) for n, t, axis in cases])
    arrays = [drawn(dtype, 67, 41), drawn(dtype, 20_011)]
    for x, y in (arrays, [a[:1] for a in arrays]):
        with np.errstate(all="ignore"):
            want = [getattr(np, n)(x if t is tall else y, axis=axis) for n, t, axis in cases]
        names = [f"{n} {axis}" for n, _, axis in cases]
        for name, a, b in zip(names, function(x, y), want, strict=True):
            assert type(a) is type(b), name
            if dtype in FLOATS and np.size(b) and name.startswith("prod"):
                continue  # of thousands of factors: overflow and underflow hang on the order
            total = name.startswith(("sum", "mean")) and dtype in FLOATS
            if total:  # terms cancel: measured against their magnitude
                terms = float(np.sum(np.abs(y if name.endswith("None") else x), dtype=np.float64))
                room = 4 * float(np.finfo(dtype).eps) * (terms / (1 if "sum" in name else y.size))
                assert np.allclose(a, b, rtol=4e-3, atol=room), name
            else:
                assert_same(a, b, "real", name)


@pytest.mark.parametrize("dtype", NUMBERS, ids=str)
def test_sums_in_their_own_dtype_wrap(dtype):
    x = et.tensor("x", ("n",), dtype)
    function = et.function([x], [et.sum(x, dtype=dtype), et.prod(x[:5], dtype=dtype), et.cumsum(x)])
    for size in (5, 40):
        array = drawn(dtype, size)
        with np.errstate(all="ignore"):
            want = [array.sum(dtype=dtype), array[:5].prod(dtype=dtype), array.cumsum()]
        compare(["sum", "prod", "cumsum"], function(array), want, dtype in INTS)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_arguments_and_results_of_every_dtype_pass_the_entry(dtype):
    x, y, s = (et.tensor(n, shape, dtype) for n, shape in (("x", ("n", 3)), ("y", (3,)), ("s", ())))
    outputs = {
        "maximum": et.maximum(x, y),
        "less": x < s,
        "where": et.where(x == y, x, s),
        "picked": x[::-1, et.tensor("i", ("k",), "uint8")],
        "scalar": et.max(y),
        "itself": s,
        "product": et.matmul(x, y),
        "square": x @ x.T,
    }
    labels = et.tensor("i", ("k",), "uint8")
    outputs["picked"] = x[::-1][:, labels]
    if dtype in NUMBERS:
        outputs |= {name: getattr(et, name)(x, y) for name in WRAPPING}
    function = et.function([x, y, s, labels], list(outputs.values()))
    a, b, c, i = drawn(dtype, 7, 3), drawn(dtype, 3, 3)[0], drawn(dtype, 5)[0], [2, 0, 0, 1]
    i = np.array(i, np.uint8)
    want = {
        "maximum": np.maximum(a, b),
        "less": a < c,
        "where": np.where(a == b, a, c),
        "picked": a[::-1][:, i],
        "scalar": b.max(),
        "itself": c,
        "product": a @ b,
        "square": a @ a.T,
    }
    with np.errstate(all="ignore"):
        want |= {n: f(a, b) for n, f in WRAPPING.items() if dtype in NUMBERS}
    for given in ((a, b, np.asarray(c), i), (np.asfortranarray(a), b, np.asarray(c), i)):
        compare(list(outputs), function(*given), [want[n] for n in outputs], dtype not in FLOATS)


def test_casts_between_all_dtypes_in_compiled_code():
    for old in DTYPES:
        x = et.tensor("x", ("n",), old)
        function = et.function([x], [x.astype(new) for new in DTYPES])
        array = drawn(old, 37)
        with np.errstate(all="ignore"):
            want = [array.astype(new) for new in DTYPES]
            if old in FLOATS:
                want = [
                    np.maximum(array, 0).astype(w.dtype) if w.dtype.kind == "u" else w for w in want
                ]
        compare([f"{old} to {new}" for new in DTYPES], function(array), want, True)


@pytest.mark.parametrize("dtype", [d for d in DTYPES if d in INTS], ids=str)
def test_an_argument_that_the_dtype_does_not_hold_overflows(dtype):
    x = et.tensor("x", (), dtype)
    function = et.function([x], x + 1)
    assert type(function(5)) is dtype.type
    limits = np.iinfo(dtype)
    for number in (int(limits.max) + 1, int(limits.min) - 1):
        with pytest.raises((OverflowError, et.errors.DtypeError)):
            function(number)


def test_constants_that_no_int64_holds_go_through_the_e_graph():
    x = et.tensor("x", ("n",), "uint64")
    large = np.uint64(2**63 + 12345)
    program = [x + large, x * large, x // (2**64 - 1), et.where(x < large, large, x + 0)]
    function = et.function([x], program)
    array = np.array([0, 1, 2**63, 2**64 - 1, 2**63 + 12345], np.uint64)
    want = [array + large, array * large, array // np.uint64(2**64 - 1), np.maximum(array, large)]
    compare(["add", "multiply", "divide", "where"], function(array), want, True)


def test_halves_are_rounded_after_each_operation_and_sums_once():
    x, y = (et.tensor(n, ("n",), "float16") for n in "xy")
    function = et.function([x, y], [x * y + x, et.sum(x * y), et.exp(x) - 1.5], math="strict")
    a, b = drawn(np.dtype("float16"), 4099, seed=1), drawn(np.dtype("float16"), 4099, seed=2)
    first, total, last = function(a, b)
    assert_same(first, a * b + a)
    exact = np.sum(a * b, dtype=np.float64)
    assert abs(float(total) - exact) <= float(np.spacing(np.abs(np.float16(exact))))
    assert_same(last, np.exp(a) - np.float16(1.5), "real")


def test_gradients_of_halves_are_halves():
    x = et.tensor("x", (5,), "float16")
    function = et.function([x], et.grad(et.sum(et.square(x)), x))
    array = drawn(np.dtype("float16"), 5)
    assert_same(function(array), 2 * array)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "uint64"])
def test_labels_of_every_integer_dtype_are_checked(dtype):
    x, i = et.tensor("x", ("n",)), et.tensor("i", ("k",), dtype)
    function = et.function([x, i], x[i])
    array = np.arange(300.0)
    assert_same(function(array, np.array([0, 127, 3], dtype)), array[[0, 127, 3]])
    with pytest.raises(et.errors.LabelError):
        function(array[:100], np.array([0, 127, 3], dtype))
    if dtype == "int8":
        assert_same(function(array, np.array([-1, -128], dtype)), array[[-1, -128]])


def test_jit_takes_arrays_of_every_dtype():
    double = et.jit(lambda x: (x + x, x.max()))
    for dtype in NUMBERS:
        array = drawn(dtype, 9)
        with np.errstate(all="ignore"):
            want = [array + array, array.max()]
        compare(["sum", "max"], double(array), want, True)
