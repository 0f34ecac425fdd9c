"""Promotion, errors, and whole programs of complex numbers."""

from __future__ import annotations

import itertools
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eqsat_tensor as et
from eqsat_tensor.complexes import split
from eqsat_tensor.errors import DtypeError, ShapeError, UnsupportedError
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import COMPLEXES, INEXACT, OPS, topological
from eqsat_tensor.namespace import PUBLIC
from eqsat_tensor.ops.captured import input_leaf
from eqsat_tensor.tensor import as_expr
from eqsat_tensor.types import ALL_DTYPES
from tests.complexes.samples import close, drawn
from tests.test_in_place import terms


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


@settings(max_examples=12)
@given(seed=st.integers(0, 2**32 - 1), size=st.sampled_from([1, 5, 40]))
def test_updates_of_three_complex_states_are_those_of_numpy(seed, size):
    scale = 0.2 / size
    *values, x = (drawn("complex128", size, size, seed=seed + k, scale=scale) for k in range(4))
    states = [et.shared(v, f"s{i}") for i, v in enumerate(values)]
    argument = et.tensor("x", (size, size), "complex128")
    *news, result = terms(et, [*states, argument], seed)
    updates = dict(zip(states, news, strict=True))
    function = et.function([argument], result, updates=updates, on_unused_input="ignore")
    for _ in range(2):
        *values, want = terms(np, [*values, x], seed)
        np.testing.assert_allclose(function(x), want, rtol=1e-9, atol=1e-12)
        for state, value in zip(states, values, strict=True):
            np.testing.assert_allclose(state.get_value(), value, rtol=1e-9, atol=1e-12)


def test_a_state_is_updated_in_place_where_each_element_reads_itself():
    before = drawn("complex128", 100_003)
    state = et.shared(before, "state")
    function = et.function([], outputs=None, updates={state: state.imag + 2j * state.real})
    function()
    close(state.get_value(), before.imag + 2j * before.real)
    (code,) = function.variant.codes.values()
    assert code.overwritten == ((0, "a0"),)


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
