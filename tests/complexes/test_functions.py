"""Functions of complex numbers, in the reference and compiled, against NumPy."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.errors import DtypeError
from eqsat_tensor.lang import COMPLEX_RULES, COMPLEXES, OPS, takes_complex
from eqsat_tensor.namespace import PUBLIC
from eqsat_tensor.ops.captured import input_leaf
from eqsat_tensor.tensor import as_expr
from tests.complexes.samples import close, drawn
from tests.modes import MODES

# fmt: off
UNARY = [
    "absolute", "angle", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh",
    "conjugate", "cos", "cosh", "exp", "exp2", "expm1", "imag", "iscomplex", "isfinite", "isinf",
    "isnan", "isreal", "log", "log10", "log1p", "log2", "logical_not", "negative", "positive",
    "real", "reciprocal", "rint", "sign", "sin", "sinh", "sqrt", "square", "tan", "tanh",
]
BINARY = [
    "add", "divide", "equal", "float_power", "greater", "greater_equal", "less", "less_equal",
    "logical_and", "maximum", "minimum", "multiply", "not_equal", "power", "subtract",
]
# fmt: on
SPECIAL = (0.0, -0.0, 1.0, -1.5, np.inf, -np.inf, np.nan, 1e300, 0.5)


# ------------------------------------------------------------------------------------- one op each
@pytest.mark.parametrize("dtype", COMPLEXES, ids=str)
def test_elementwise_functions_are_those_of_numpy(dtype):
    z, w = (et.tensor(n, ("n",), dtype) for n in "zw")
    outputs = [PUBLIC[n](z) for n in UNARY] + [PUBLIC[n](z, w) for n in BINARY]
    a, b = drawn(dtype, 203, scale=2.0), drawn(dtype, 203, seed=1)
    a[:7], b[:5] = [0, 1, -1, 1j, -1j, 2, -2], [1, 1j, 0.5, 2, 2j]
    with np.errstate(all="ignore"):
        want = [getattr(np, n)(a) for n in UNARY] + [getattr(np, n)(a, b) for n in BINARY]
    for mode in ("run", "reference"):
        results = et.function([z, w], outputs, mode=mode)(a, b)
        for name, got, expected in zip([*UNARY, *BINARY], results, want, strict=True):
            fine = np.isfinite(expected)  # poles: the rest is tested below
            np.testing.assert_array_equal(np.isfinite(got), fine, err_msg=name)
            far = 200 if "power" in name else 16
            close(got[fine], expected[fine], far, f"{name} {mode}")


def test_near_0_the_logarithm_of_1_plus_z_keeps_its_digits():
    z = et.tensor("z", ("n",), "complex128")
    array = np.array([1e-9 + 2e-9j, -3e-12 + 1e-7j, 1e-20j, 1e-5 - 1e-5j])
    got = et.function([z], et.log1p(z))(array)
    close(got, array - array**2 / 2 + array**3 / 3, 4)
    wanted = np.expm1(array)
    close(et.function([z], et.expm1(z))(array), wanted, 4)


EXACT = "absolute angle conjugate imag isfinite isinf isnan negative positive real reciprocal sign"
KIN = "arcsin arcsinh arctan arctanh arccos arccosh log log2 log10 log1p sqrt"


@pytest.mark.parametrize("name", [*EXACT.split(), *KIN.split()])
def test_infinities_and_nan_come_out_where_numpy_has_them(name):
    """Of the others a part that NumPy makes infinite by C99 may be NaN."""
    values = np.array([complex(x, y) for x in SPECIAL for y in SPECIAL])
    if name.startswith("arccos"):
        values = values[~np.isnan(values)]
    z = et.tensor("z", ("n",), "complex128")
    got = et.function([z], PUBLIC[name](z))(values)
    with np.errstate(all="ignore"):
        want = getattr(np, name)(values)
    for part in (np.real, np.imag):
        np.testing.assert_array_equal(np.isnan(part(got)), np.isnan(part(want)))
        np.testing.assert_array_equal(np.isposinf(part(got)), np.isposinf(part(want)))
        np.testing.assert_array_equal(np.isneginf(part(got)), np.isneginf(part(want)))
    fine = np.isfinite(want)
    close(got[fine], want[fine])


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "divide", *BINARY[2:3], "less",
                                  "less_equal", "greater", "greater_equal", "not_equal",
                                  "maximum", "minimum"])  # fmt: skip
def test_infinities_and_nan_of_two_operands_come_out_where_numpy_has_them(name):
    finite = [v for v in SPECIAL if v != 1e300]  # of overflow NumPy's vectors make NaN or infinity
    values = [complex(x, y) for x in finite for y in finite]
    pairs = np.array(list(itertools.product(values, values)))
    z, w = (et.tensor(n, ("n",), "complex128") for n in "zw")
    got = et.function([z, w], PUBLIC[name](z, w), math="strict")(pairs[:, 0], pairs[:, 1])
    with np.errstate(all="ignore"):
        want = getattr(np, name)(pairs[:, 0], pairs[:, 1])
    for part in (np.real, np.imag):
        np.testing.assert_array_equal(np.isnan(part(got)), np.isnan(part(want)))
        fine = ~np.isnan(part(want)) & np.isfinite(want)
        close(part(got)[fine], part(want)[fine])


def test_powers_of_0_and_of_whole_numbers():
    z, w = (et.tensor(n, ("n",), "complex128") for n in "zw")
    a = np.array([0, 0, 0, 0, 2 + 1j, 0], complex)
    b = np.array([0, 2, -1, 1j, 0, 0.5], complex)
    with np.errstate(all="ignore"):
        close(et.function([z, w], z**w)(a, b)[[0, 1, 4, 5]], (a**b)[[0, 1, 4, 5]])
    assert np.isnan(et.function([z, w], z**w)(a, b)[2:4]).all()
    x = drawn("complex128", 9)
    powers = (0, 1, 2, 3, 7, -1, -2, 0.5, 2 + 1j)
    for got, p in zip(et.function([z], [z**p for p in powers])(x), powers, strict=True):
        close(got, x**p, 32, str(p))


def test_every_rule_is_of_an_op_that_says_so():
    for name in COMPLEX_RULES:
        assert takes_complex(OPS[name]), name
    refused = [op for op in OPS.values() if op.arity == 1 and not takes_complex(op)]
    assert refused
    z = input_leaf("z", COMPLEXES[1], (3,))
    for op in refused:
        attributes = {"axes": (0,)} if "axes" in op.attributes else {}
        if set(op.attributes) == set(attributes):
            with pytest.raises(DtypeError, match=f"{op.name}: needs real operands; got c128"):
                op(z, **attributes)


# ------------------------------------------------------------------------------------ whole arrays
def shaped(e: Any, x: Any, y: Any) -> dict[str, Any]:
    """Functions of a matrix [5, 3] and a vector [3]."""
    return {
        "transpose": x.T,
        "reshape": e.reshape(x, (3, 5)),
        "slice": x[::-2, 1:],
        "index": x[2],
        "broadcast": e.broadcast_to(y, (4, 3)),
        "concatenate": e.concatenate([x, e.reshape(y, (1, 3))]),
        "stack": e.stack([y, y[::-1]], axis=1),
        "where": e.where(e.abs(x) > 1, x, 2j),
        "diagonal": e.diagonal(x),
        "sum": e.sum(x, axis=0),
        "total": e.sum(x),
        "mean": e.mean(x, axis=1),
        "variance": e.var(x, axis=0, ddof=1),
        "deviation": e.std(x),
        "product": e.prod(x, axis=0),
        "whole product": e.prod(x),
        "cumsum": e.cumsum(x, axis=1),
        "cumprod": e.cumprod(y),
        "any": e.any(x, axis=0),
        "count": e.count_nonzero(x),
        "matmul": x @ x.T,
        "vector": x @ y,
        "hermitian": e.conj(x.T) @ x,
        "vdot": e.vdot(y, y),
        "vecdot": e.vecdot(x, y),
        "outer": e.outer(y, y),
        "inner": e.inner(y, y),
        "einsum": e.einsum("ij,ik,k->j", x, e.conj(x), y),
        "kron": e.kron(y, y[:2]),
        "trace": e.trace(x[:3] @ x[:3]),
        "take": e.take(x, np.array([2, 0, 1]), axis=1),
        "roll": e.roll(x, 1, axis=0),
        "pad": e.pad(y, 2),
        "tril": e.tril(x),
        "sort": e.sort(y),
        "eye": e.eye(3, dtype=x.dtype) * y,
        "zeros": e.zeros_like(x) + e.ones(3, x.dtype),
        "full": e.full((2, 2), 1 + 2j),
        "linspace": e.linspace(y[0], 1j, 4),
        "norm": e.linalg.norm(x),
        "close": e.isclose(x, x * (1 + 1e-9)),
        "clean": e.nan_to_num(x / e.where(e.abs(y) > 1, 0, 1)),
        "real": x.real,
        "imaginary": x.imag,
        "conjugate": x.conj(),
        "degrees": e.angle(x, deg=True),
        "round": e.round(x, 1),
        "half": x.astype("complex64"),
        "bools": x.astype(bool),
    }


@MODES
@pytest.mark.parametrize("dtype", COMPLEXES, ids=str)
def test_functions_of_arrays_are_those_of_numpy(dtype, mode):
    x, y = et.tensor("x", (5, 3), dtype), et.tensor("y", (3,), dtype)
    a, b = drawn(dtype, 5, 3), drawn(dtype, 3, seed=2)
    outputs = shaped(et, x, y)
    results = et.function([x, y], list(outputs.values()), mode=mode)(a, b)
    with np.errstate(all="ignore"):
        want = shaped(np, a, b)
    for name, got in zip(outputs, results, strict=True):
        close(got, want[name], 64, name)


def normalized(e: Any, x: Any, y: Any) -> list[Any]:
    """Complex results of nests over rows, columns and both, some read again; x: [n, m], y: [m]."""
    rows = e.sum(e.abs(x) ** 2, axis=1, keepdims=True)
    scaled = x / e.sqrt(rows)
    phase = e.exp(1j * e.angle(x))
    return [
        scaled,
        e.sum(scaled, axis=0),
        e.sum(scaled * e.conj(x), axis=1) * 1j,
        phase * rows + y,
        x - e.mean(x, axis=0),
        e.sum(phase, axis=0) * 2j,
        e.sum(x) * e.conj(e.sum(phase)),
        (x * y).T,
        e.cumsum(x, axis=1) * (1 - 1j),
        (x + 1j * y)[:, ::-1],
        e.real(phase) + e.imag(scaled),
        e.max(e.abs(phase * y), axis=1) * (1 + 1j),
        x[:, 1:] * 1j - x[:, :-1],
        x[1:] * 2j,
    ]


@pytest.mark.parametrize("dtype", COMPLEXES, ids=str)
def test_complex_results_are_stored_by_nests_of_every_kind(dtype):
    x, y = et.tensor("x", ("n", "m"), dtype), et.tensor("y", ("m",), dtype)
    function = et.function([x, y], normalized(et, x, y))
    for n, m in ((67, 41), (3, 300), (1, 1), (5, 2)):
        a, b = drawn(dtype, n, m), drawn(dtype, m, seed=2)
        with np.errstate(all="ignore"):
            want = normalized(np, a, b)
        for k, (got, expected) in enumerate(zip(function(a, b), want, strict=True)):
            close(got, np.asarray(expected, np.asarray(got).dtype), 1000, f"{k} of {n}, {m}")


@pytest.mark.parametrize("n", [0, 1, 5])
def test_sizes_known_at_run_time_may_be_0(n):
    x = et.tensor("x", ("n", "m"), "complex128")
    outputs = [x * 2j, et.sum(x, axis=0), et.sum(x), x @ et.conj(x.T), x.T, et.mean(et.abs(x) + 1)]
    a = drawn("complex128", n, 3)
    if not n:
        outputs.pop()
    got = et.function([x], outputs)(a)
    want = [a * 2j, a.sum(axis=0), a.sum(), a @ a.conj().T, a.T]
    want += [np.mean(np.abs(a) + 1)] if n else []
    for g, w in zip(got, want, strict=True):
        close(g, w)


def test_strided_arguments_are_read_as_they_lie():
    x = et.tensor("x", ("n", "m"), "complex128")
    function = et.function([x], [x + 1j, et.sum(x, axis=1)])
    base = drawn("complex128", 8, 6)
    swapped = base.astype(base.dtype.newbyteorder())
    for array in (base.T, base[::2, ::-1], base[1:, 2:], swapped, np.asfortranarray(base)):
        for got, want in zip(function(array), [array + 1j, array.sum(axis=1)], strict=True):
            close(got, np.asarray(want, "complex128"))


def test_0d_results_are_numpy_scalars_and_python_numbers_are_arguments():
    z = et.tensor("z", (), "complex64")
    function = et.function([z], [z * z, et.abs(z)])
    first, second = function(np.complex64(1 + 2j))
    assert type(first) is np.complex64
    assert type(second) is np.float32
    assert function(1 + 2j)[0] == function(np.asarray(1 + 2j, "complex64"))[0] == -3 + 4j
    assert function(2)[0] == 4
    x = et.tensor("x", (), "float64")
    with pytest.raises(DtypeError, match="x: f64"):
        et.function([x], x)(1j)


def test_jit_takes_complex_arrays_and_numbers():
    scaled = et.jit(lambda z, factor: z * factor + factor.conjugate())
    a = drawn("complex64", 6)
    for factor in (2j, 1.5, 3):
        close(scaled(a, factor), a * factor + factor.conjugate())
    close(scaled(a.real.copy(), 2j), a.real * 2j - 2j)
    both = et.jit(lambda z: (z.real, z.imag, z.T))
    for got, want in zip(both(a.reshape(2, 3)), (a.real, a.imag, a.reshape(2, 3).T), strict=True):
        close(got, want.reshape(got.shape))


def test_captured_arrays_may_be_complex():
    x = et.tensor("x", (3,))
    constant, ones = drawn("complex128", 3), np.full(3, 2 - 1j)
    assert as_expr(ones).op.name == "full"
    assert as_expr(constant) is as_expr(constant.copy())
    x0 = drawn("float64", 3, seed=4)
    close(et.function([x], x * constant + ones)(x0), x0 * constant + ones)


@pytest.mark.parametrize("shape", [(4,), (3, 4), (0, 4), (5, 0), (1, 1), (2, 3, 5)], ids=str)
def test_products_along_axes_are_taken_of_sizes_that_calls_bring(shape):
    z = drawn("complex128", int(np.prod(shape))).reshape(shape)
    for axis in (None, *range(len(shape))):
        products = et.jit(lambda z, axis=axis: (et.cumprod(z, axis=axis), et.prod(z, axis=axis)))
        for got, want in zip(products(z), (z.cumprod(axis), z.prod(axis)), strict=True):
            assert np.shape(got) == want.shape
            close(got, want)
