"""Every way of making calls gives the same results: natively, by NumPy, verified, under guard."""

from pathlib import Path

import numpy as np
import pytest

import eqsat_tensor as et

MODES = ("run", "reference", "verify", "nan-guard")
X = np.linspace(-2, 2, 12).reshape(3, 4)
modes = pytest.mark.parametrize("mode", MODES)


def same(got, wanted):
    assert type(got) is type(wanted)
    if isinstance(wanted, dict):
        assert got.keys() == wanted.keys()
        for key in wanted:
            same(got[key], wanted[key])
    elif isinstance(wanted, tuple | list):
        for a, b in zip(got, wanted, strict=True):
            same(a, b)
    else:
        assert got.dtype == wanted.dtype
        np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-6)


PROGRAMS = {
    "single": (lambda np, x: np.exp(x) @ x.T, (X,)),
    "nest": (lambda np, x: {"a": (x + 1, [np.sum(x)]), "b": np.max(x, axis=0)}, (X,)),
    "whole": (lambda np, x: (x // 3, x % 3, np.sum(x)), (np.arange(-6, 6),)),
    "bools": (lambda np, x: (x > 0, np.any(x > 5), np.isnan(x)), (np.array([1.0, np.nan, 7.0]),)),
    "numbers": (lambda np, x, k: x * k + k, (X, 2.5)),
    "float32": (lambda np, x: np.mean(x * x, axis=1), (X.astype(np.float32),)),
    "float16": (lambda np, x: np.sum(x * x), (X.astype(np.float16),)),
    "complex": (lambda np, x: (x * x + 1, np.abs(x)), (X + 1j * X[::-1],)),
    "library": (lambda np, x: np.linalg.solve(x @ x.T + np.eye(3), x), (X,)),
    "empty": (lambda np, x: (np.sum(x, axis=0), x * 2), (np.zeros((0, 3)),)),
    "labels": (lambda np, x, i: x[i], (X, np.array([2, 0, 1, 1]))),
    "strided": (lambda np, x: np.cumsum(x, axis=1), (X[::2, ::-1],)),
}


@modes
@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name, mode):
    function, arguments = PROGRAMS[name]
    f = et.jit(lambda *a: function(et, *a), mode=mode)
    wanted = function(np, *arguments)
    with np.errstate(all="ignore"):
        for _ in range(2):
            same(f(*arguments), wanted)


@modes
def test_states_are_updated_once(mode):
    w, n = et.shared(np.ones(4), name="w"), et.shared(np.array(0), name="n")
    x = et.tensor("x", ("n", 4))
    loss = et.mean(et.log(1 + et.exp(x @ w)))
    updates = {w: w - et.grad(loss, w), n: n + 1}
    step = et.function([x], {"loss": loss, "w": w * 1}, updates=updates, mode=mode)
    values = np.ones(4)
    for count in range(1, 4):
        out = step(X)
        z = X @ values
        np.testing.assert_allclose(out["loss"], np.mean(np.logaddexp(0, z)), rtol=1e-12)
        np.testing.assert_allclose(out["w"], values, rtol=1e-12)
        values = values - (1 / (1 + np.exp(-z))) @ X / 3
        np.testing.assert_allclose(w.get_value(), values, rtol=1e-12)
        assert n.get_value() == count


@modes
def test_results_into_given_arrays_defaults_and_bound_calls(mode):
    a, b = et.tensor("a", ("n",)), et.tensor("b")
    f = et.function([a, et.In(b, value=2.0)], (a * b, a.sum()), mode=mode)
    A, outs = np.arange(3.0), (np.empty(3), np.empty(()))
    assert f(A, out=outs) is outs
    np.testing.assert_array_equal(outs[0], [0, 2, 4])
    np.testing.assert_array_equal(f(A, b=3.0)[0], [0, 3, 6])
    again = f.bind(A)
    first = again()
    A[:] = 1
    assert again()[0] is first[0]
    np.testing.assert_array_equal(first[0], [2, 2, 2])
    count = et.function([et.In(b, value=0.0, update=b + 1)], b, mode=mode)
    assert [float(count()) for _ in range(3)] == [0, 1, 2]


@modes
def test_donated_arguments_take_what_is_written(mode):
    def fill(x):
        x[1:] = x[:-1] * 2
        return et.sum(x)

    f = et.jit(fill, donate="x", mode=mode)
    x = np.arange(1.0, 5)
    assert f(x) == 1 + 2 + 4 + 6
    np.testing.assert_array_equal(x, [1, 2, 4, 6])


@modes
def test_calls_and_branches_inside(mode):
    part = et.subgraph(lambda x: et.exp(x) - 1)
    f = et.jit(lambda p, x: et.cond(p, lambda v: part(v), lambda v: -v, x) + part(x), mode=mode)
    np.testing.assert_allclose(f(np.True_, X), 2 * np.expm1(X), rtol=1e-12)
    np.testing.assert_allclose(f(np.False_, X), np.expm1(X) - X, rtol=1e-12)


@modes
def test_checks_at_run_time_are_made(mode):
    f = et.jit(lambda x, i: x[i], mode=mode)
    with pytest.raises(et.LabelError, match="needs labels from"):
        f(X, np.array([7]))


def line(text):
    """The number of the line of this file that holds ``text``."""
    lines = Path(__file__).read_text().splitlines()
    return next(i for i, found in enumerate(lines, 1) if text in found)


def test_what_an_operation_raises_has_a_note_with_the_line():
    def refuse(x):
        raise RuntimeError("not today")

    refusing = et.wrap(refuse, lambda x: x)
    f = et.jit(
        lambda x: refusing(x + 1),  # refused
        mode="reference",
    )
    with pytest.raises(RuntimeError, match="not today") as caught:
        f(X)
    (note,) = caught.value.__notes__
    assert f"(test_modes.py:{line('# refused')})" in note
    assert "in wrap: f64[" in note


# ---------------------------------------------------------------------------------------- nan-guard
def test_the_first_nan_is_an_error_that_names_the_operation_and_the_line():
    def ratio(x, y):
        scaled = x * 2
        return et.exp(scaled / y)  # guarded

    f = et.jit(ratio, mode="nan-guard")
    np.testing.assert_allclose(f(X, X + 10), np.exp(2 * X / (X + 10)))
    said = rf"divide: .* NaN at \[1\] from 0\.0, 0\.0\. \(test_modes\.py:{line('# guarded')}\)"
    with pytest.raises(et.DomainError, match=said):
        f(np.array([1.0, 0.0]), np.array([1.0, 0.0]))


def test_a_nan_that_was_given_is_no_error():
    f = et.jit(lambda x: et.sum(x) + 1, mode="nan-guard")
    assert np.isnan(f(np.array([1.0, np.nan])))


def test_a_nan_leaves_states_as_they_were():
    w = et.shared(np.array(1.0))
    x = et.tensor("x")
    step = et.function([x], x + w, updates={w: et.log(x)}, mode="nan-guard")
    with pytest.raises(et.DomainError, match="log: "):
        step(-1.0)
    assert w.get_value() == 1
