"""Derivatives by complex numbers: by differences, and as JAX has them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.errors import DtypeError, GradientError
from tests.complexes.samples import close, drawn


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
    "parts put together": lambda e, z: e.sum(
        e.where(e.imag(z) > 0, e.abs(e.nan_to_num(z) * (2 - 1j) + 1), e.imag(z))),
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


def test_derivatives_of_derivatives():
    """By differences of the gradient; `where` leaves its mask on the parts put together."""

    def loss(e: Any, z: Any) -> Any:
        return e.sum(e.where(e.real(z) > 0.3, e.abs(z) ** 3, e.imag(z * z * z)))

    point, weights = drawn("complex128", 4, seed=7), drawn("complex128", 4, seed=8)
    z = et.tensor("z", (4,), "complex128")
    first = et.grad(loss(et, z), z)
    second = et.grad(et.sum(et.real(first * weights)), z)
    compiled = et.function([z], [first, second])
    want = jax_gradient(lambda v: np.sum(compiled(v)[0] * weights).real, point)
    np.testing.assert_allclose(compiled(point)[1], want, rtol=1e-7, atol=1e-7)
    along = et.hvp(lambda v: loss(et, v), (point,), (weights,))[0]
    np.testing.assert_allclose(along, want, rtol=1e-7, atol=1e-7)


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
