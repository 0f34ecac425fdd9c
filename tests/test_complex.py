"""complex64 and complex128: in the reference, compiled, in derivatives, against NumPy."""

from __future__ import annotations

import itertools
import pickle
from typing import Any

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.complexes import split
from eqsat_tensor.errors import DtypeError, GradientError, ShapeError, UnsupportedError
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import COMPLEX_RULES, COMPLEXES, INEXACT, OPS, takes_complex, topological
from eqsat_tensor.namespace import PUBLIC
from eqsat_tensor.tensor import as_expr, input_leaf
from eqsat_tensor.types import ALL_DTYPES

UNARY = [
    "absolute",
    "angle",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctanh",
    "conjugate",
    "cos",
    "cosh",
    "exp",
    "exp2",
    "expm1",
    "imag",
    "iscomplex",
    "isfinite",
    "isinf",
    "isnan",
    "isreal",
    "log",
    "log10",
    "log1p",
    "log2",
    "logical_not",
    "negative",
    "positive",
    "real",
    "reciprocal",
    "rint",
    "sign",
    "sin",
    "sinh",
    "sqrt",
    "square",
    "tan",
    "tanh",
]
BINARY = [
    "add",
    "divide",
    "equal",
    "float_power",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "logical_and",
    "maximum",
    "minimum",
    "multiply",
    "not_equal",
    "power",
    "subtract",
]
SPECIAL = (0.0, -0.0, 1.0, -1.5, np.inf, -np.inf, np.nan, 1e300, 0.5)


def drawn(dtype: Any, *shape: int, seed: int = 0, scale: float = 1.0) -> np.ndarray:
    """Normal numbers; complex ones in both parts."""
    random = np.random.default_rng([seed, *shape])
    found = random.normal(size=shape) * scale
    if np.dtype(dtype).kind == "c":
        found = found + 1j * random.normal(size=shape) * scale
    return np.asarray(found).astype(dtype)


def close(got: Any, want: Any, ulps: float = 16.0, label: str = "") -> None:
    """The same dtype and shape, and numbers near one another, relative to |want|."""
    got, want = np.asarray(got), np.asarray(want)
    assert (got.dtype, got.shape) == (want.dtype, want.shape), (label, got.dtype, want.dtype)
    if want.dtype.kind not in "fc":
        np.testing.assert_array_equal(got, want, err_msg=label)
        return
    limits = np.finfo(want.dtype)
    size = np.abs(want)
    size = np.maximum(size, size.max(axis=-1, keepdims=True)) if want.ndim and want.size else size
    bad = ~(np.abs(got - want) <= ulps * limits.eps * size + limits.tiny)
    assert not bad.any(), (label, got[bad][:3], want[bad][:3])


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


@pytest.mark.parametrize("mode", ["run", "reference"])
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


# --------------------------------------------------------------------------------------- promotion
@pytest.mark.parametrize("name", ["add", "divide", "power", "equal", "maximum", "floor_divide"])
def test_dtypes_promote_as_in_numpy(name):
    ufunc = getattr(np, name)
    samples = [np.ones(2, d) for d in ALL_DTYPES]
    pairs = [p for p in itertools.product(samples, samples) if "c" in {v.dtype.kind for v in p}]
    pairs += [p for s in samples for n in (1j, 2.0, 3, True) for p in ((s, n), (n, s))]
    for pair in pairs:
        if not any(np.asarray(v).dtype.kind == "c" for v in pair):
            continue
        tensors = [et.tensor("x", (2,), v.dtype) if np.ndim(v) else v for v in pair]
        try:
            want = ufunc(*pair).dtype
        except TypeError:
            with pytest.raises(DtypeError):
                PUBLIC[name](*tensors)
            continue
        assert PUBLIC[name](*tensors).dtype == want, pair


def test_python_complex_numbers_are_weak():
    x = et.tensor("x", (2,), "float32")
    assert (x * 1j).dtype == (1j * x).dtype == np.complex64
    number = et.Tensor(as_expr(2j), weak=complex)
    assert (number * number).weak is complex
    assert abs(number).weak is float
    assert (x * (number + 1)).dtype == np.complex64
    assert et.where(x > 0, x, 1j).dtype == np.complex64
    assert np.conj(x * 1j).dtype == np.complex64
    assert np.angle(x * 1j).dtype == np.float32
    assert et.iscomplexobj(x * 1j)
    assert not et.iscomplexobj(x)
    assert et.real_if_close(x * 1j).dtype == np.complex64


def test_a_conversion_that_loses_the_imaginary_part_warns_as_in_numpy():
    z = et.tensor("z", (3,), "complex128")
    a = drawn("complex128", 3)
    with pytest.warns(np.exceptions.ComplexWarning, match="discards the imaginary part"):
        real = z.astype("float32")
    close(et.function([z], real)(a), a.real.astype("float32"))


def test_what_is_not_there_for_complex_numbers_says_so():
    z = et.tensor("z", (3,), "complex128")
    n = et.tensor("n", ("n",), "complex128")
    cases = [
        (lambda: et.max(z), "max: needs real operands; got c128"),
        (lambda: et.min(z, initial=0), "min: needs real operands; got c128"),
        (lambda: et.nanmax(z), "needs real operands; got complex128"),
        (lambda: et.unique(z, size=2), "unique: needs real operands"),
        (lambda: et.argmin(z), "argmin: needs real operands; got c128"),
        (lambda: et.floor(z), "floor: needs dtypes that it is defined for"),
        (lambda: et.sigmoid(z), "sigmoid: needs real operands; got x: c128"),
        (lambda: et.softmax(z), "needs real values; got c128"),
        (lambda: et.median(z), "needs real values; got c128"),
        (lambda: et.special.erf(z), "erf: needs real numbers"),
        (lambda: et.isposinf(z), "isposinf: needs real operands"),
        (lambda: z % 2, "remainder: needs dtypes"),
    ]
    for call, text in cases:
        with pytest.raises((DtypeError, TypeError), match=text):
            call()
    with pytest.raises(UnsupportedError, match="a size of complex numbers that is known"):
        et.prod(n)
    x = et.copy(et.tensor("x", (3,)))
    with pytest.raises(DtypeError, match="in-place add"):
        x += z


# ----------------------------------------------------------------------------------------- derivatives
def jax_gradient(function: Any, z: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """dL/dx - i dL/dy by central differences."""
    result = np.zeros(z.shape, complex)
    for index in np.ndindex(z.shape):
        for direction in (1, 1j):
            ends = []
            for sign in (1, -1):
                moved = z.copy()
                moved[index] += sign * step * direction
                ends.append(float(function(moved)))
            result[index] += (ends[0] - ends[1]) / (2 * step) / direction
    return result


LOSSES = {
    **{n: lambda e, z, n=n: e.sum(e.real(getattr(e, n)(z) * (1 - 2j)))
       for n in ("exp", "expm1", "log", "log1p", "log2", "log10", "exp2", "sqrt", "square",
                 "reciprocal", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arccos",
                 "arctan", "arcsinh", "arccosh", "arctanh", "conjugate", "sign", "negative")},
    "absolute": lambda e, z: e.sum(e.abs(z) * np.arange(1.0, 5.0)),
    "angle": lambda e, z: e.sum(e.angle(z)),
    "norm": lambda e, z: e.sum(e.real(z * e.conj(z))),
    "imag": lambda e, z: e.sum(e.imag(z) * e.real(z)),
    "power": lambda e, z: e.sum(e.imag(z ** (1.5 + 0.5j) + (2 - 1j) ** z + z**3)),
    "divide": lambda e, z: e.sum(e.abs((z + 1j) / (z * z - 3))),
    "where": lambda e, z: e.sum(e.real(e.where(e.real(z) > 0, z * z, 1j * z))),
    "matmul": lambda e, z: e.abs(e.sum((e.reshape(z, (2, 2)) @ e.reshape(z, (2, 2))) * 1j)),
    "sort": lambda e, z: e.sum(e.abs(e.sort(z) * np.arange(1.0, 5.0) + 1j)),
    "moves": lambda e, z: e.sum(e.imag(z[::-1] * e.concatenate([z[1:], z[:1]]))),
    "prod": lambda e, z: e.abs(e.prod(z)),
    "cumprod": lambda e, z: e.sum(e.real(e.cumprod(z))),
    "cumsum": lambda e, z: e.sum(e.abs(e.cumsum(z))),
    "mean and variance": lambda e, z: e.var(z) + e.abs(e.mean(z)),
    "through real": lambda e, z: e.sum(e.real((e.real(z) * 2j + e.abs(z)) ** 2)),
}  # fmt: skip


def test_gradients_are_dx_minus_i_dy():
    point = drawn("complex128", 4, seed=3) * 0.7 + 0.3
    z = et.tensor("z", (4,), "complex128")
    gradients = et.function([z], [et.grad(loss(et, z), z) for loss in LOSSES.values()])(point)
    for name, got in zip(LOSSES, gradients, strict=True):
        want = jax_gradient(lambda v, n=name: LOSSES[n](np, v), point)
        assert got.dtype == np.complex128
        np.testing.assert_allclose(got, want, rtol=2e-8, atol=2e-8, err_msg=name)


def test_gradients_are_those_of_jax():
    """Values that JAX gives: of |z|, of a holomorphic function's real part, of |z|^2."""
    z = np.complex128(3 + 4j)
    assert et.grad(lambda v: abs(v))(z) == 0.6 - 0.8j
    close(et.grad(lambda v: et.real(v**3))(z), np.complex128(3 * z**2))
    close(et.grad(lambda v: et.real(v * et.conj(v)))(z), np.complex128(2 * np.conj(z)))
    assert et.grad(lambda v: abs(v))(np.complex128(0)) == 0
    real, imaginary = et.grad(lambda x, y: et.abs(x + 1j * y), argnums=(0, 1))(3.0, 4.0)
    assert type(real) is np.float64
    np.testing.assert_allclose([real, imaginary], [0.6, 0.8])


@pytest.mark.parametrize(
    "name", ["exp", "absolute", "sign", "conjugate", "matmul", "prod", "power"]
)
def test_forward_mode_agrees_with_reverse_mode(name):
    point, along = drawn("complex128", 4, seed=5), drawn("complex128", 4, seed=6)
    loss = LOSSES[name]
    z, t = (et.tensor(n, (4,), "complex128") for n in "zt")
    value = loss(et, z)
    outputs = [et.jvp(value, z, t), et.grad(value, z)]
    slope, gradient = et.function([z, t], outputs, on_unused_input="ignore")(point, along)
    np.testing.assert_allclose(slope, np.sum(gradient * along).real, rtol=1e-10)


def test_check_grad_moves_both_parts():
    a, x = drawn("complex128", 3), drawn("float64", 3)
    assert et.check_grad(lambda z, y: et.exp(z) * et.conj(z) + y * et.abs(z), (a, x)) < 1e-6
    with pytest.raises(GradientError):
        et.check_grad(et.custom_vjp(lambda z: z * z), (a,))


def test_a_complex_result_has_no_gradient():
    z = et.tensor("z", (), "complex128")
    with pytest.raises(GradientError, match=r"a 0-d float; got c128\[\]. Differentiate real"):
        et.grad(z * z, z)
    with pytest.raises(DtypeError, match="jacobian: needs float arguments"):
        et.jacobian(lambda v: et.abs(v))(drawn("complex128", 2))
    stopped = et.grad(et.real(et.stop_gradient(z) * z), z)
    assert et.function([z], stopped)(2 + 1j) == 2 + 1j


def test_vmap_of_complex_functions():
    a = drawn("complex128", 4, 3)
    got = et.vmap(lambda z: et.abs(et.sum(z * et.conj(z[::-1]))) * et.imag(z))(a)
    rows = [np.abs(np.sum(z * np.conj(z[::-1]))) * z.imag for z in a]
    close(got, np.array(rows))


# ---------------------------------------------------------------------------------------- programs
def test_a_quadratic_has_complex_roots():
    a, b, c = (et.tensor(n, ("n",)) for n in "abc")
    root = et.sqrt((b * b - 4 * a * c).astype("complex128"))
    function = et.function([a, b, c], [(-b + root) / (2 * a), (-b - root) / (2 * a)])
    values = [drawn("float64", 50, seed=k) for k in (1, 2, 3)]
    for roots in function(*values):
        p, q, r = values
        np.testing.assert_allclose(p * roots**2 + q * roots + r, 0, atol=1e-12)


def test_mandelbrots_set_by_updates_of_complex_state():
    c = et.tensor("c", ("n", "m"), "complex128")
    z = et.shared(np.zeros((30, 40), complex), "z", ("n", "m"))
    count = et.shared(np.zeros((30, 40), int), "count", ("n", "m"))
    inside = et.abs(z) <= 2
    step = et.function(
        [c], updates={z: et.where(inside, z * z + c, z), count: count + inside}, outputs=None
    )
    x, y = np.linspace(-2, 1, 40), np.linspace(-1, 1, 30)
    points = x[None, :] + 1j * y[:, None]
    want, steps = np.zeros(points.shape, complex), np.zeros(points.shape, int)
    for _ in range(30):
        step(points)
        there = np.abs(want) <= 2
        want = np.where(there, want * want + points, want)
        steps += there
    assert (count.get_value() != steps).mean() < 0.01  # points on the edge
    bounded = (count.get_value() == steps) & (np.abs(want) < 2)
    assert np.median(np.abs(z.get_value() - want)[bounded]) < 1e-9


def test_a_state_that_is_read_at_other_elements_is_not_overwritten_too_early():
    w = et.shared(drawn("complex128", 7), "w")
    before = w.get_value()
    et.function([], outputs=None, updates={w: w[::-1] * 1j + w.conj()})()
    close(w.get_value(), before[::-1] * 1j + before.conj())
    swapped = et.shared(before, "swapped")
    et.function([], outputs=None, updates={swapped: swapped.imag + 1j * swapped.real})()
    close(swapped.get_value(), before.imag + 1j * before.real)


def test_results_may_be_one_another_and_the_arguments():
    z = et.tensor("z", ("n",), "complex128")
    a = drawn("complex128", 9)
    for got, want in zip(et.function([z], [z * 2, z * 2, z, z, et.keep(z)])(a), [a * 2, a * 2, a, a, a],
                         strict=True):  # fmt: skip
        np.testing.assert_array_equal(got, want)


def test_functions_of_complex_arrays_are_pickled():
    z = et.tensor("z", ("n",), "complex128")
    a, constant = drawn("complex128", 9), drawn("complex128", 9, seed=1)
    close(pickle.loads(pickle.dumps(et.function([z], z * constant)))(a), a * constant)


def test_a_signal_is_demodulated_and_its_slow_part_found():
    x = et.tensor("x", ("n",))
    time = et.arange(x.shape[0]) / 100.0
    shifted = x * et.exp(-2j * np.pi * 10 * time)
    transform = et.exp(-2j * np.pi * et.outer(et.arange(4), et.arange(x.shape[0])) / x.shape[0])
    function = et.function([x], [et.abs(transform @ shifted), et.mean(shifted)])
    t = np.arange(200) / 100
    signal = np.cos(2 * np.pi * 10 * t) * (1 + 0.5 * np.cos(2 * np.pi * 0.5 * t))
    spectrum, mean = function(signal)
    want = np.abs(np.fft.fft(signal * np.exp(-2j * np.pi * 10 * t)))[:4]
    np.testing.assert_allclose(spectrum, want, atol=1e-9)
    np.testing.assert_allclose(mean, np.mean(signal * np.exp(-2j * np.pi * 10 * t)), atol=1e-12)


def test_calls_conditions_and_callbacks_take_and_give_complex_arrays():
    z = et.tensor("z", ("n",), "complex128")
    rotate = et.subgraph(lambda v, phase: (v * et.exp(1j * phase), et.abs(v)))
    roll = et.wrap(lambda v: np.roll(v, 1) * 1j, lambda v: (v.dtype, v.shape))
    turned, length = rotate(z, 0.5)
    twice, _ = rotate(turned + 1j, 1.5)
    branch = et.cond(et.sum(length) > 1, lambda v: v * 2j, lambda v: et.conj(v), z)
    outputs = [twice, length, branch, roll(z), roll(z) + z, z]
    a = drawn("complex128", 6)
    function = et.function([z], outputs)
    for array in (a, a * 1e-3):
        want = [(array * np.exp(0.5j) + 1j) * np.exp(1.5j), np.abs(array)]
        want.append(array * 2j if np.abs(array).sum() > 1 else array.conj())
        rolled = np.roll(array, 1) * 1j
        for got, expected in zip(
            function(array), [*want, rolled, rolled + array, array], strict=True
        ):
            close(got, expected)
    gradient = et.function([z], et.grad(et.sum(et.abs(rotate(z * z, 0.5)[0])), z))
    close(gradient(a), 2 * np.conj(a) * 0 + 2 * np.conj(a * a) / np.abs(a * a) * a, 64)


def test_elements_are_written_and_read_by_label():
    z = et.tensor("z", ("n", 3), "complex128")
    labels = et.tensor("labels", ("k",), "int64")

    def program(e: Any, z: Any, labels: Any) -> tuple[Any, ...]:
        made = e.zeros(z.shape, dtype=complex)
        made[0] = 1j
        made[1:, ::2] = z[1:, ::2] * 2
        made[:, 1] += z[labels[0]][1]
        return made, z[labels], z[labels, 1]

    outputs = [*program(et, z, labels)]
    a, places = drawn("complex128", 6, 3), np.array([2, 5, 2, 0])
    want = program(np, a, places)
    for got, expected in zip(et.function([z, labels], outputs)(a, places), want, strict=True):
        close(got, expected)
    gradient = et.grad(et.sum(et.abs(z[labels])), z)
    counts = np.bincount(places, minlength=6)[:, None]
    close(et.function([z, labels], gradient)(a, places), counts * np.conj(a) / np.abs(a))


def test_linear_systems_of_complex_numbers():
    m, v = et.tensor("m", (3, 3), "complex128"), et.tensor("v", (3,), "complex128")
    a, b = drawn("complex128", 3, 3), drawn("complex128", 3)
    outputs = [et.linalg.solve(m, v), et.linalg.inv(m), et.linalg.det(m)]
    want = [np.linalg.solve(a, b), np.linalg.inv(a), np.linalg.det(a)]
    for got, expected in zip(et.function([m, v], outputs)(a, b), want, strict=True):
        close(got, expected, 256)


def test_no_complex_arithmetic_is_left_after_the_split():
    z, w = (input_leaf(n, COMPLEXES[1], (3, 3)) for n in "zw")
    x, y = et.Tensor(z), et.Tensor(w)
    values = [et.exp(x) @ y, et.keep(x * y), et.sum(x / y), et.abs(x), x, et.where(x == y, x, 1)]
    for node in topological(split([as_expr(v) for v in values])):
        if node.dtype in COMPLEXES:
            assert node.op.name in ("input", "complex"), node.op
        assert node.op.name not in ("conjugate",)
        if any(a.dtype in COMPLEXES for a in node.arguments):
            assert node.op.name in ("real", "imag"), node.op
    assert split([z]) == [z]
    assert all(d in INEXACT for d in COMPLEXES)
    assert OPS["real"].kind is Kind.MOVEMENT


@pytest.mark.parametrize(
    "options", [{"optimize": "none"}, {"math": "strict"}, {"math": "fast"}], ids=str
)
def test_programs_of_complex_numbers_under_every_option(options):
    z, w = (et.tensor(n, ("n", 3), "complex128") for n in "zw")
    outputs = [z * w + z, et.exp(1j * et.abs(z)), et.sum(z * et.conj(z), axis=0), z @ w.T]
    a, b = drawn("complex128", 5, 3), drawn("complex128", 5, 3, seed=1)
    want = [a * b + a, np.exp(1j * np.abs(a)), np.sum(a * np.conj(a), axis=0), a @ b.T]
    for got, expected in zip(et.function([z, w], outputs, **options)(a, b), want, strict=True):
        close(got, expected, 64)


def test_shapes_of_complex_operands_must_fit():
    z = et.tensor("z", (3,), "complex128")
    with pytest.raises(ShapeError, match=r"a: c128\[3\], b: c64\[4\]"):
        z + et.tensor("w", (4,), "complex64")
