"""Gradients of reads and writes by label, slice and mask, against difference quotients."""

import numpy as np
import pytest

import eqsat_tensor as et

X = np.random.default_rng(3).uniform(0.5, 2, (4, 3))
V = np.random.default_rng(4).uniform(0.5, 2, (5, 3))
I = np.array([1, 3, 1, 0, -1])  # with labels that repeat


def assigned(x, v):
    x[I] = v
    return x


def stencil(x, v):
    y = x[:, 0] * 1.0
    for _ in range(3):
        y[1:-1] = y[1:-1] * 0.5 + y[2:] * y[:-2]
    return y


def recurrence(x, v):
    for k in range(1, 4):
        x[k] = x[k - 1] * 0.5 + v[k] * x[k]
    return x


def filled(x, v):
    buffer = et.zeros(7)
    buffer[0] = x[0, 0]
    buffer[1:6] = v[:, 0] ** 2
    buffer[6:] = x[1, 1] * v[0, 0]
    return buffer


def masked(x, v):
    x[x > 1] = x[x > 1] ** 2
    x[:, v[0] > 1] *= 3.0
    return x


def through_views(x, v):
    x.T[1] *= v[0, 0]
    x.reshape(-1)[::2] += v[:2].reshape(-1)
    return x


FUNCTIONS = {
    "gather": lambda x, v: x[I] * v,
    "gather_two": lambda x, v: x[I, [0, 2, 0, 1, 1]] * v[:, 0],
    "along": lambda x, v: et.take_along_axis(x, np.array([[0, 1, 0], [1, 2, 2]] * 2) % 3, axis=1),
    "set": lambda x, v: x.at[I].set(v),
    "add": lambda x, v: x.at[I].add(v),
    "multiply": lambda x, v: x.at[I].multiply(v),
    "min": lambda x, v: x.at[I].min(v),
    "max": lambda x, v: x.at[I].max(v),
    "divide": lambda x, v: x.at[I].divide(v),
    "power": lambda x, v: x.at[1:3].power(v[0]),
    "slice": lambda x, v: x.at[::2, 1:].set(v[:2, 1:] ** 2),
    "back": lambda x, v: x.at[::-2, ::-1].multiply(v[:2]),
    "dynamic": lambda x, v: et.dynamic_update_slice(x, v[:2, :2], (et.argmax(x[:, 0]), 1)),
    "dynamic_read": lambda x, v: et.dynamic_slice(x, (et.argmax(x[:, 0]), 0), (2, 3)) * v[:2],
    "assigned": assigned,
    "stencil": stencil,
    "recurrence": recurrence,
    "filled": filled,
    "masked": masked,
    "through_views": through_views,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_gradient_is_the_difference_quotient(name):
    function = FUNCTIONS[name]
    weights = np.random.default_rng(5).uniform(-1, 1, 60)

    def loss(x, v):
        value = et.ravel(function(x.copy(), v.copy()))
        return et.sum(value * weights[: value.shape[0]] * value)

    options = {"mode": "reference", "optimize": "none"}
    value = et.jit(loss, **options)
    found = et.jit(et.grad(loss, argnums=(0, 1)), **options)(X, V)
    for k, got in enumerate(found):
        for index in np.ndindex(got.shape):
            ends = []
            for sign in (1, -1):
                moved = [X.copy(), V.copy()]
                moved[k][index] += sign * 1e-6
                ends.append(float(value(*moved)))
            want = (ends[0] - ends[1]) / 2e-6
            np.testing.assert_allclose(
                got[index], want, rtol=1e-5, atol=1e-6, err_msg=f"{k} {index}"
            )


def test_compiled_gradients_are_those_of_the_reference():
    names = [n for n in FUNCTIONS if n != "max"]

    def losses(x, v):
        return [et.sum(et.sin(FUNCTIONS[n](x.copy(), v.copy()))) for n in names]

    gradients = et.jit(
        lambda x, v: [
            et.grad(lambda a, b, n=n: et.sum(et.sin(FUNCTIONS[n](a, b))), argnums=(0, 1))(x, v)
            for n in names
        ]
    )
    reference = et.jit(gradients.__wrapped__, mode="reference")
    for name, got, want in zip(names, gradients(X, V), reference(X, V), strict=True):
        for g, w in zip(got, want, strict=True):
            np.testing.assert_allclose(g, w, rtol=1e-9, atol=1e-12, err_msg=name)


def test_factors_that_are_zero_have_the_product_of_the_others():
    x, v = np.array([2.0, 3.0, 5.0]), np.array([0.0, 4.0, 0.0, 0.0])
    i = np.array([0, 0, 1, 1])
    gradient = et.jit(
        et.grad(lambda x, v: et.sum(x.at[i].multiply(v)), argnums=(0, 1)), mode="reference"
    )
    dx, dv = gradient(x, v)
    np.testing.assert_array_equal(dx, [0, 0, 1])
    np.testing.assert_array_equal(dv, [8, 0, 0, 0])


def test_equal_extremes_share_the_gradient():
    gradient = et.jit(
        et.grad(lambda x, v: et.sum(x.at[np.array([0, 0, 1])].max(v)), argnums=(0, 1)),
        mode="reference",
    )
    dx, dv = gradient(np.array([1.0, 5.0]), np.array([1.0, 1.0, 2.0]))
    np.testing.assert_allclose(dx, [1 / 3, 1])
    np.testing.assert_allclose(dv, [1 / 3, 1 / 3, 0])
