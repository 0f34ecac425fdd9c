"""Steps that call a library by way of Python: results, failures, several results of one call."""

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.lang import OPS
from eqsat_tensor.tensor import Tensor


def symmetric(n, seed=0):
    a = np.random.default_rng(seed).normal(size=(n, n))
    return a @ a.T + n * np.eye(n)


def cholesky(x):
    return Tensor(OPS["cholesky"](x.expr))


def eigh(x, result):
    expr = x.expr
    shape = expr.shape if result else expr.shape[:-1]
    return Tensor(OPS["eigh"](expr, result=result, shape=shape))


@pytest.mark.parametrize("optimize", ["speed", "none"])
def test_a_library_call_stands_between_kernels(optimize):
    x = et.tensor("x", ("n", "n"))
    f = et.function([x], et.exp(cholesky(x * 2)) + 1, optimize=optimize)
    for n in (4, 1, 7, 0):
        a = symmetric(n)
        np.testing.assert_allclose(f(a), np.exp(np.linalg.cholesky(2 * a)) + 1, rtol=1e-14)


def test_operands_that_do_not_lie_in_order_are_copied():
    x = et.tensor("x", (3, "n", "n"))
    f = et.function([x], cholesky(x[::-2, ::-1, ::-1]))
    a = np.stack([symmetric(4, s) for s in range(3)])
    np.testing.assert_allclose(f(a), np.linalg.cholesky(a[::-2, ::-1, ::-1]), rtol=1e-14)


def test_all_results_of_a_call_come_out_of_one(monkeypatch):
    calls = []
    plain = np.linalg.eigh
    monkeypatch.setattr(np.linalg, "eigh", lambda x: calls.append(1) or plain(x))
    x = et.tensor("x", (3, 3))
    for mode in ("run", "reference"):
        calls.clear()
        f = et.function([x], [eigh(x, 0), eigh(x, 1) * 1, et.sum(eigh(x, 0))], mode=mode)
        a = symmetric(3)
        values, vectors = plain(a)
        got = f(a)
        assert len(calls) == 1
        np.testing.assert_allclose(got[0], values)
        np.testing.assert_allclose(got[1], vectors)
        np.testing.assert_allclose(got[2], values.sum())


@pytest.mark.parametrize("nest", [lambda *v: v[0], lambda *v: v, lambda *v: list(v)])
def test_what_a_library_refuses_is_raised_and_leaves_state_as_it_was(nest):
    x = et.tensor("x", (2, 2))
    w = et.shared(np.ones(2), name="w")
    f = et.function([x], nest(cholesky(x), et.sum(x)), updates={w: w + 1})
    f(np.eye(2))
    for _ in range(3):
        with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
            f(-np.eye(2))
    np.testing.assert_array_equal(w.get_value(), np.full(2, 2.0))
    f(np.eye(2))
    np.testing.assert_array_equal(w.get_value(), np.full(2, 3.0))


def test_a_failed_label_check_is_raised_from_any_nest_of_results():
    x = et.tensor("x", ("n", 3))
    label = et.tensor("label", ("n",), "int64")
    picked = et.take_along_axis(x, label[:, None], axis=1)
    f = et.function([x, label], [picked, {"sum": et.sum(x)}])
    f(np.ones((2, 3)), np.zeros(2, int))
    with pytest.raises(et.LabelError):
        f(np.ones((2, 3)), np.full(2, 3))
    assert f(np.ones((2, 3)), np.zeros(2, int))[1]["sum"] == 6


def test_a_program_with_a_library_call_is_found_in_the_cache():
    x = et.tensor("x", ("n", "n"))
    a = symmetric(3)
    first = et.function([x], cholesky(x) * 3)
    again = et.function([x], cholesky(x) * 3)
    np.testing.assert_array_equal(first(a), again(a))
    assert again.counters.rewrites == 0
