"""Gradients against difference quotients, in dead branches, on deep and shared graphs; errors."""

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor import transform
from eqsat_tensor.autodiff import grad, gradient, jvp, pullback, value_and_grad
from eqsat_tensor.errors import DtypeError, GradientError
from eqsat_tensor.inputs import tensor
from eqsat_tensor.lang import topological
from eqsat_tensor.namespace import PUBLIC
from eqsat_tensor.reference import evaluate
from eqsat_tensor.tensor import Tensor, captured_array


def values(results, known):
    """Values of tensors, given those of input tensors."""
    exprs = [r.expr for r in results]
    inputs = {t.expr: np.asarray(v, t.dtype) for t, v in known.items()}
    inputs |= {n: captured_array(n) for n in topological(exprs) if captured_array(n) is not None}
    return evaluate(exprs, inputs)


def derivative(function, at):
    """The gradient of sum(function(x)) at an array, traced."""
    at = np.asarray(at, np.float64)
    x = tensor("x", at.shape)
    return values([grad(et.sum(function(x)), x)], {x: at})[0]


# ------------------------------------------------------------------------- branches not taken
def test_a_branch_not_taken_gives_no_nan():
    def f(x):
        return et.where(x < 7, x, et.sqrt(x - 7))

    np.testing.assert_array_equal(derivative(f, [5.0, 7.0, 11.0]), [1, np.inf, 0.25])


def test_nested_branches_give_no_nan():
    def f(x):
        return et.where(x < 0, et.where(x > -1, et.sqrt(x + 1), x), et.log(x))

    found = derivative(f, [-np.inf, -5.0, -0.75, 2.0])
    np.testing.assert_array_equal(found, [1.0, 1.0, 1.0, 0.5])


DEAD = {
    "product": lambda x: et.where(x > 0, x * et.log(x), x),
    "two_uses": lambda x: et.where(x > 0, et.sqrt(x), 0) + et.where(x > 1, et.sqrt(x), 0) + x,
    "maximum": lambda x: et.maximum(et.sqrt(et.maximum(x, 0)), 1e-3),
    "clip": lambda x: et.log(et.clip(x, 1e-3, None)),
    "row": lambda x: et.where(x > 0, et.sum(et.sqrt(x[None] + 0 * x[:, None]), axis=1), x),
    "column": lambda x: et.where(x > 0, et.sum(et.sqrt(x[:, None] + 0 * x), axis=1), x),
    "moved": lambda x: et.where(x > 0, et.sqrt(x)[::-1][::-1].reshape(-1, 1).T[0], x),
    "joined": lambda x: et.where(x > 0, et.concatenate([et.sqrt(x[:1]), et.sqrt(x[1:])]), x),
    "padded": lambda x: et.where(x > 0, et.stack([et.sqrt(x), x])[0], x),
    "picked": lambda x: et.where(x > 0, et.sqrt(x)[np.array([0, 1, 2, 3])[::1].copy()], x),
    "diagonal": lambda x: et.where(x > 0, et.diagonal(et.sqrt(x[:, None] + 0 * x)), x),
    "cast": lambda x: et.where(x > 0, et.sqrt(x).astype("float32").astype("float64"), x),
    "softmax": lambda x: et.where(
        x > 0, et.logsumexp(et.log(x[:, None]) * np.ones(2), axis=1), x
    ),
    "product_rows": lambda x: et.sum(
        et.where(x[:, None] > 0, et.sqrt(x)[:, None] * np.ones(3) @ np.arange(1.0, 7).reshape(3, 2), 1.0)
    ),
    "prod": lambda x: et.where(x > 0, et.prod(et.log(x)[:, None] * np.ones(2), axis=1), x),
    "cumsum": lambda x: et.where(
        x[:, None] > 0, et.cumsum(et.sqrt(x)[:, None] * np.ones(2), axis=1), 1.0
    ),
    "max": lambda x: et.where(x > 0, et.max(et.sqrt(x)[:, None] * np.ones(2), axis=1), x),
    "sum_of_branches": lambda x: et.where(x > 0, et.log(x), et.log(1 - x)) * et.sign(x),
}  # fmt: skip


@pytest.mark.parametrize("name", DEAD)
def test_no_nan_comes_through_any_op(name):
    at = np.array([-2.0, 0.7, 3.0, -0.25])
    if name == "row":
        at = np.abs(at)  # every row reads every element
    found = derivative(DEAD[name], at)
    assert np.isfinite(found).all(), found
    x = tensor("x", (4,))
    total = et.sum(DEAD[name](x))
    want = np.zeros(4)
    for j in range(4):
        ends = [at + s * 1e-6 * np.eye(4)[j] for s in (1, -1)]
        high, low = (values([total], {x: e})[0] for e in ends)
        want[j] = (high - low) / 2e-6
    np.testing.assert_allclose(found, want, rtol=0.1 if name == "cast" else 1e-6, atol=1e-6)


def test_second_derivatives_in_dead_branches():
    def f(x):
        return et.where(x > 0, et.sqrt(x), x * x)

    x = tensor("x", ())
    second = grad(grad(f(x), x), x)
    assert values([second], {x: 4.0})[0] == -1 / 32
    assert values([second], {x: -4.0})[0] == 2


def test_both_branches_join_in_one_selection():
    x = tensor("x", ())
    found = grad(et.where(x < 7, x, et.sqrt(x - 7)), x).expr
    assert sum(n.op.name == "where" for n in topological([found])) == 1


# ---------------------------------------------------------------------------------- conventions
def test_ties_share_the_gradient():
    np.testing.assert_array_equal(derivative(lambda x: et.max(x), [1, 3, 3, 2]), [0, 0.5, 0.5, 0])
    np.testing.assert_array_equal(derivative(lambda x: et.min(x), [1, 1, 1, 2]), [1 / 3] * 3 + [0])
    np.testing.assert_array_equal(derivative(lambda x: et.maximum(x, 0), [-1, 0, 1]), [0, 0.5, 1])
    np.testing.assert_array_equal(derivative(et.abs, [-2, 0, 2]), [-1, 0, 1])


def test_powers_at_zero():
    np.testing.assert_array_equal(derivative(lambda x: x**2, [0.0, 3.0]), [0, 6])
    np.testing.assert_array_equal(derivative(lambda x: x**0, [0.0, 3.0]), [0, 0])
    np.testing.assert_array_equal(derivative(lambda x: x**1, [0.0, 3.0]), [1, 1])
    np.testing.assert_array_equal(derivative(lambda x: 0.0**x, [1.0, 2.0]), [0, 0])
    np.testing.assert_array_equal(derivative(lambda x: x**x, [1.0]), [1])


def test_products_with_zeros():
    for at in ([2.0, 3.0, 4.0], [0.0, 3.0, 4.0], [0.0, 0.0, 4.0]):
        others = [at[1] * at[2], at[0] * at[2], at[0] * at[1]]
        np.testing.assert_array_equal(derivative(et.prod, at), others)


def test_stable_gradients():
    x = np.array([-1000.0, -40, 0, 40, 1000])
    with np.errstate(all="ignore"):
        s = 1 / (1 + np.exp(-x))
    np.testing.assert_allclose(derivative(et.softplus, x), s, rtol=1e-15)
    np.testing.assert_allclose(derivative(et.sigmoid, [40.0]), [4.248354255291589e-18], rtol=1e-15)
    np.testing.assert_allclose(derivative(et.log1mexp, [-1e-18]), [-1e18], rtol=1e-15)
    found = derivative(et.logsumexp, [1000.0, 1001.0])
    np.testing.assert_allclose(found, [0.2689414213699951, 0.7310585786300049], rtol=1e-15)
    assert np.isfinite(derivative(lambda v: et.logaddexp(v, v), [-np.inf, 1.0])).all()


@pytest.mark.parametrize("symbolic", [False, True])
def test_a_network_against_difference_quotients(symbolic):
    random = np.random.default_rng(0)
    n, k = ("n", "k") if symbolic else (5, 3)
    x, w, b = tensor("x", (n, 4)), tensor("w", (4, k)), tensor("b", (k,))
    y = tensor("y", (n,), "int64")
    logits = et.tanh(x @ w + b)
    p = et.log_softmax(logits, axis=1)
    loss = -et.mean(p[et.arange(x.shape[0]), y]) + 0.1 * et.sum(w**2) + et.var(x[1:] - x[:-1])
    at = {
        x: random.normal(size=(5, 4)), w: random.normal(size=(4, 3)), b: random.normal(size=3),
        y: np.array([0, 2, 1, -1, 0]),
    }  # fmt: skip
    for t, got in zip((x, w, b), values(grad(loss, [x, w, b]), at), strict=True):
        want = np.zeros(got.shape)
        for index in np.ndindex(got.shape):
            ends = []
            for sign in (1, -1):
                moved = at[t].copy()
                moved[index] += sign * 1e-6
                ends.append(values([loss], {**at, t: moved})[0])
            want[index] = (ends[0] - ends[1]) / 2e-6
        np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-8)


# ------------------------------------------------------------------------------- depth, sharing
def test_shared_graphs_take_linear_time():
    x = tensor("x", ())
    y = x
    for _ in range(50):
        y = 3.7 * y * (1 - y)
    found = grad(y, x)
    assert len(topological([found.expr])) < 1000


@pytest.mark.filterwarnings("error")
def test_graphs_of_any_depth():
    x = tensor("x", ())
    y = x
    for _ in range(10_000):
        y = et.sin(y)
    assert np.isfinite(values([grad(y, x)], {x: 0.5})[0])


def test_long_chains_of_branches_take_linear_time():
    x = tensor("x", ())
    y = x
    for j in range(2000):
        y = et.where(y > j, y * 0.5, y + 1)
    assert len(topological([grad(y, x).expr])) < 20_000


# --------------------------------------------------------------------------------------- forms
def test_gradients_of_tensors_keep_the_nest():
    x, y = tensor("x", (3,)), tensor("y", (3,), "float32")
    loss = et.sum(x * y)
    both = grad(loss, {"a": x, "b": [y]})
    assert both["a"].dtype == np.float64
    assert both["b"][0].dtype == np.float32
    assert values([grad(loss, tensor("z", (2,)))], {})[0].tolist() == [0, 0]


def test_gradients_of_functions():
    x, y = tensor("x", (3,)), tensor("y", (3,))

    def f(a, b):
        return et.sum(a * a * b)

    at = {x: [1, 2, 3], y: [4, 5, 6]}
    one = grad(f)(x, y)
    assert values([one], at)[0].tolist() == [8, 20, 36]
    value, (da, db) = value_and_grad(f, (0, 1))(x, y)
    found = values([value, da, db], at)
    assert [f.tolist() for f in found] == [78, [8, 20, 36], [1, 4, 9]]
    assert isinstance(value_and_grad(f, argnums=-1)(x, y)[1], Tensor)


def test_a_function_may_close_over_its_argument():
    x = tensor("x", ())
    assert values([grad(lambda a: a * x)(x)], {x: 3.0})[0] == 3
    assert values([grad(lambda a: a * (x + 1))(x + 1)], {x: 3.0})[0] == 4


def test_derivatives_of_derivatives():
    x = tensor("x", ())
    third = grad(grad(grad(lambda a: a**4)))(x)
    assert values([third], {x: 2.0})[0] == 48


def test_nests_of_arguments():
    w, b, x = tensor("w", (3,)), tensor("b", ()), tensor("x", (3,))
    found = grad(lambda p, x: et.sum(p["w"] * x) + p["b"])({"w": w, "b": b}, x)
    assert values([found["w"], found["b"]], {x: [1, 2, 3]})[0].tolist() == [1, 2, 3]


def test_the_forward_mode_is_the_derivative_along_a_tangent():
    x, v = tensor("x", (3,)), tensor("v", (3,))
    value, along = jvp(lambda a: et.exp(a) * et.sum(a), (x,), (v,))
    at, direction = np.array([0.1, 0.2, 0.3]), np.array([1.0, -1.0, 2.0])
    found = values([value, along], {x: at, v: direction})
    want = np.exp(at) * direction * at.sum() + np.exp(at) * direction.sum()
    np.testing.assert_allclose(found[1], want, rtol=1e-14)


def test_on_arrays_the_compiler_is_asked(monkeypatch):
    asked = []
    monkeypatch.setattr(transform, "compile_hook", lambda f: asked.append(f) or (lambda *a: a))
    g = grad(et.sum)
    assert g(1.0) == (1.0,)
    assert asked == [g]


# --------------------------------------------------------------------------------------- errors
def test_what_has_no_gradient_is_refused():
    x, i = tensor("x", (3,)), tensor("i", (), "int64")
    with pytest.raises(GradientError, match=r"grad: needs a 0-d float; got f64\[3\]\. Reduce it"):
        grad(x * 2, x)
    with pytest.raises(GradientError, match="a 0-d float"):
        grad(i, x)
    with pytest.raises(DtypeError, match="float arguments"):
        grad(x.sum() * i, i)
    with pytest.raises(GradientError, match="a tensor or a function"):
        grad(3.0, x)
    with pytest.raises(GradientError, match="argnums"):
        grad(lambda a: a, argnums=3)(x)


def test_gradient_and_pullback_are_on_expressions():
    x = tensor("x", (2,)).expr
    y = PUBLIC["sum"](Tensor(x)).expr
    (found,) = gradient(y, [x])
    assert found.type == x.type
    assert pullback([y], [PUBLIC["ones_like"](Tensor(y)).expr], [x]) == [found]
