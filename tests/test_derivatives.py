"""The derivatives that users ask for: of functions and of graphs, composed, by rules of their own."""

import math

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor import transform
from eqsat_tensor.errors import ArgumentError, DtypeError, GradientError, ShapeError
from eqsat_tensor.lang import topological

RANDOM = np.random.default_rng(1)
W, X, V = RANDOM.normal(size=(4, 3)), RANDOM.normal(size=3), RANDOM.normal(size=3)


def run(function, *args):
    """By the NumPy evaluator: quick, and what is compiled is held elsewhere."""
    return et.jit(function, mode="reference")(*args)


def values(outputs, known):
    """Of a graph, by the NumPy evaluator."""
    f = et.function(list(known), outputs, mode="reference", on_unused_input="ignore")
    return f(*known.values())


def model(x):
    return et.tanh(W @ x)


def slopes(x):
    return (1 - np.tanh(W @ x) ** 2)[:, None] * W


def energy(x):
    return et.sum(et.exp(x) * x[::-1]) + et.sum(x) ** 3


def hessian_of_energy(x):
    e = np.exp(x)
    return np.diag(e * x[::-1]) + np.diag(e)[::-1] + np.diag(e)[:, ::-1] + 6 * x.sum()


# ------------------------------------------------------------------------------- whole derivatives
def test_jacobians_in_both_modes():
    for jacobian in (et.jacobian(model), et.jacfwd(model), et.jacrev(model)):
        np.testing.assert_allclose(run(jacobian, X), slopes(X), rtol=1e-13)
    np.testing.assert_allclose(run(et.hessian(energy), X), hessian_of_energy(X), rtol=1e-12)
    np.testing.assert_allclose(
        run(et.jacfwd(et.jacrev(energy)), X), run(et.jacrev(et.jacfwd(energy)), X), rtol=1e-12
    )


def test_jacobians_keep_nests_and_axes():
    def f(p, x):
        return {"y": et.outer(p["a"], x), "s": et.sum(x)}

    p, x = {"a": np.arange(2.0), "b": 1.0}, np.arange(3.0)
    got = run(et.jacobian(f, argnums=(0, 1)), p, x)
    np.testing.assert_array_equal(got["y"][0]["a"], np.einsum("ik,j->ijk", np.eye(2), x))
    assert got["y"][0]["b"].shape == (2, 3)
    np.testing.assert_array_equal(got["y"][1], np.einsum("i,jk->ijk", p["a"], np.eye(3)))
    assert got["s"][1].tolist() == [1, 1, 1]
    both = run(et.hessian(lambda a, b: et.sum(a * a) * b, argnums=(0, 1)), x, 2.0)
    np.testing.assert_array_equal(both[0][0], 4 * np.eye(3))
    np.testing.assert_array_equal(both[0][1], 2 * x)
    np.testing.assert_array_equal(both[1][0], 2 * x)


def test_jacobians_of_graphs():
    x, w = et.tensor("x", ("n",)), et.tensor("w", ("m", "n"))
    y = et.tanh(w @ x)
    dx, dw = et.jacobian(y, [x, w])
    got = values([dx, dw, et.hessian(et.sum(y), x)], {x: X, w: W})
    np.testing.assert_allclose(got[0], slopes(X), rtol=1e-13)
    assert got[1].shape == (4, 4, 3)
    np.testing.assert_allclose(got[2], run(et.hessian(lambda x: et.sum(model(x))), X), rtol=1e-12)
    t = et.tensor("t")
    tall = et.jacobian(et.exp(t * x), t)  # forward: no unit vectors for one number
    assert not any(n.op.name == "iota" for n in topological([tall.expr]))


def test_unit_vectors_pass_at_once():
    x = et.tensor("x", ("n",))
    nodes = topological([et.jacobian(et.exp(x) * x.sum(), x).expr])
    assert len(nodes) < 40
    assert sum(n.op.name == "exp" for n in nodes) == 1


# ------------------------------------------------------------------------------------- products
def test_products_of_functions():
    value, tangent = run(lambda x, v: et.jvp(model, (x,), (v,)), X, V)
    np.testing.assert_allclose(tangent, slopes(X) @ V, rtol=1e-13)
    np.testing.assert_allclose(value, np.tanh(W @ X), rtol=1e-15)
    u = RANDOM.normal(size=4)
    np.testing.assert_allclose(
        run(lambda x: et.vjp(model, x)[1](u)[0], X), u @ slopes(X), rtol=1e-13
    )
    got = run(lambda x, v: et.linearize(model, x)[1](v), X, V)
    np.testing.assert_allclose(got, slopes(X) @ V, rtol=1e-13)
    np.testing.assert_allclose(
        run(lambda u: et.linear_transpose(lambda x: W @ x, X)(u)[0], u), u @ W
    )
    np.testing.assert_allclose(
        run(lambda x, v: et.hvp(energy, x, v), X, V), hessian_of_energy(X) @ V, rtol=1e-12
    )
    pair = run(lambda x, v: et.hvp(lambda a, b: energy(a) * b, (x, 2.0), (v, None)), X, V)
    np.testing.assert_allclose(pair[0], 2 * hessian_of_energy(X) @ V, rtol=1e-12)
    assert pair[1].shape == ()


def test_products_on_arrays_are_compiled_once():
    def f(x):
        return et.sum(et.exp(x) * x)

    first = et.hvp(f, X, V)
    np.testing.assert_allclose(first, np.exp(X) * (2 + X) * V, rtol=1e-13)
    before = len(transform._compiled)
    np.testing.assert_array_equal(et.hvp(f, X, V), first)
    assert len(transform._compiled) == before
    value, pull = et.vjp(f, X)
    np.testing.assert_allclose(pull(2.0)[0], 2 * np.exp(X) * (1 + X), rtol=1e-13)
    again, push = et.linearize(f, X)
    assert value == again
    np.testing.assert_allclose(push(V), np.exp(X) * (1 + X) @ V, rtol=1e-12)


def test_a_pullback_on_arrays_computes_nothing_again():
    def f(x, y):
        return et.exp(x) * et.sum(y), {"s": et.sin(y)}

    x, y = np.array([0.1, 0.2]), np.array([1.0, 2.0, 3.0])
    (value, beside), pull = et.vjp(f, x, y)
    np.testing.assert_allclose(value, np.exp(x) * 6)
    np.testing.assert_allclose(beside["s"], np.sin(y))
    for ct in (1.0, -2.0):
        dx, dy = pull((np.full(2, ct), {"s": None}))
        np.testing.assert_allclose(dx, ct * np.exp(x) * 6)
        np.testing.assert_allclose(dy, np.full(3, ct * np.exp(x).sum()))
    (again,) = [made for key, made in transform._compiled.items() if key[:3] == ("vjp", f, "map")]
    assert "exp" not in again.explain().after
    for n in (1, 4):
        z = np.linspace(0, 1, n)
        value, push = et.linearize(lambda z: et.tanh(W[:, 0] * et.sum(z)) @ W, z)
        step = push(np.ones(n))
        want = (1 - np.tanh(W[:, 0] * z.sum()) ** 2) * W[:, 0] * n @ W
        np.testing.assert_allclose(step, want)


def test_products_of_graphs():
    x, v, u = et.tensor("x", (3,)), et.tensor("v", (3,)), et.tensor("u", (4,))
    y = model(x)
    outputs = [
        et.jvp(y, x, v), et.vjp(y, [x], u)[0], et.hvp(energy(x), x, v), *et.jvp([y, x], [x], [v])
    ]  # fmt: skip
    got = values(outputs, {x: X, v: V, u: np.ones(4)})
    np.testing.assert_allclose(got[0], slopes(X) @ V)
    np.testing.assert_allclose(got[1], slopes(X).sum(0))
    np.testing.assert_allclose(got[2], hessian_of_energy(X) @ V)
    np.testing.assert_array_equal(got[3], got[0])
    np.testing.assert_array_equal(got[4], V)


def test_the_forward_mode_is_one_pass():
    x, v = et.tensor("x", ("n",)), et.tensor("v", ("n",))
    y = x
    for _ in range(20):
        y = et.sin(y) * x
    assert len(topological([et.jvp(y, x, v).expr])) <= 141  # the value has 41
    dead = et.jvp(et.where(x > 0, et.log(x), x), x, v)
    assert values(dead, {x: np.array([-1.0, 2.0]), v: np.ones(2)}).tolist() == [1, 0.5]


# ----------------------------------------------------------------------------------------- options
def test_constants_and_given_cotangents():
    x, y = et.tensor("x"), et.tensor("y")
    z = x * y
    loss = z * x
    at = {x: 3.0, y: 5.0}
    assert values(et.grad(loss, x), at) == 30
    assert values(et.grad(loss, x, consider_constant=[z]), at) == 15
    assert values(et.grad(None, [x, y], known_grads={z: 2.0}), at) == [10, 6]
    assert values(et.grad(loss, x, known_grads={z: 1.0}), at) == 35
    assert values(et.grad(loss, z), at) == 3
    value, (dx,) = et.value_and_grad(loss, [x])
    assert value is loss
    assert values(dx, at) == 30
    with pytest.raises(GradientError, match="a tensor or a function"):
        et.value_and_grad(3.0)


def test_what_the_value_does_not_depend_on():
    x, y = et.tensor("x"), et.tensor("y")
    assert values(et.grad(x * x, y), {x: 1.0, y: 1.0}) == 0
    with pytest.raises(GradientError, match="a value that depends on what it is differentiated by"):
        et.grad(x * x, [x, y], disconnected_inputs="raise")
    with pytest.warns(RuntimeWarning, match="does not depend on"):
        et.grad(x * et.sign(y), y, disconnected_inputs="warn")
    with pytest.raises(GradientError, match="one of zero, raise, warn"):
        et.grad(x * x, x, disconnected_inputs="ignore")
    with pytest.raises(GradientError, match="depends on"):
        run(et.grad(lambda a, b: a, 1, disconnected_inputs="raise"), 1.0, 2.0)


def test_results_beside_the_value():
    def f(x):
        y = et.exp(x)
        return et.sum(y), {"y": y, "n": 3}

    gradient, aux = run(et.grad(f, has_aux=True), X)
    np.testing.assert_allclose(gradient, np.exp(X))
    np.testing.assert_allclose(aux["y"], np.exp(X))
    (value, aux), gradient = run(et.value_and_grad(f, has_aux=True), X)
    np.testing.assert_allclose([value, aux["n"]], [np.exp(X).sum(), 3])
    with pytest.raises(GradientError, match="a pair"):
        run(et.grad(energy, has_aux=True), X)


def test_derivatives_compose_with_one_another_and_with_jit():
    third = et.jit(et.grad(et.jit(et.grad(et.jit(et.grad(lambda x: x**4))))))
    assert third(2.0) == 48
    mixed = run(et.grad(lambda x: et.jvp(et.sin, (x,), (x,))[1]), 0.3)
    np.testing.assert_allclose(mixed, math.cos(0.3) - 0.3 * math.sin(0.3))
    both = run(et.jacobian(lambda x: et.vjp(model, x)[1](et.ones((4,)))[0]), X)
    np.testing.assert_allclose(both, run(et.hessian(lambda x: et.sum(model(x))), X), rtol=1e-12)


def test_wrong_operands_are_named():
    x, i = et.tensor("x", (3,)), et.tensor("i", (), "int64")
    with pytest.raises(DtypeError, match="float arguments"):
        et.jacobian(x, i)
    with pytest.raises(DtypeError, match="float results"):
        et.jacobian(i, x)
    with pytest.raises(GradientError, match="mode one of auto"):
        et.jacobian(x * 2, x, mode="sideways")
    with pytest.raises(GradientError, match="a 0-d float"):
        et.hessian(x * 2, x)
    with pytest.raises(
        ShapeError, match=r"tangents of their targets' types; got f64\[2\] for f64\[3\]"
    ):
        et.jvp(x * 2, x, np.arange(2.0))
    with pytest.raises(GradientError, match="nested as their targets"):
        et.vjp([x, x], x, [None])
    with pytest.raises(GradientError, match="a tuple of tangents"):
        et.jvp(model, (x,), x)
    with pytest.raises(GradientError, match="a linear function"):
        et.linear_transpose(lambda a: a * a, x)(x)
    with pytest.raises(GradientError, match="tensors to differentiate by"):
        et.grad(et.sum(x), 3.0)


# ------------------------------------------------------------------------------ derivatives changed
def test_values_whose_derivative_is_changed_cost_nothing():
    f = et.jit(lambda x: et.stop_gradient(et.exp(x)) / et.gradient_scale(et.exp(x), 3.0))
    assert f(X).tolist() == [1, 1, 1]  # rules see through: exp(x) / exp(x)
    assert "exp" not in f.explain().after
    at = np.array([2.0, -3.0])
    got = run(et.grad(lambda x: et.sum(x * et.stop_gradient(x))), at)
    assert got.tolist() == at.tolist()
    assert run(et.grad(lambda x: et.sum(et.gradient_scale(x * x, 0.5))), at).tolist() == at.tolist()
    clipped = run(et.grad(lambda x: et.sum(et.gradient_clip(x, -1.0, 1.0) ** 2)), at)
    assert clipped.tolist() == [1, -1]
    assert run(lambda x: et.jvp(et.stop_gradient, (x,), (x,))[1], at).tolist() == [0, 0]
    batch = run(et.vmap(et.grad(lambda x: et.gradient_clip(x, -1.0, 1.0) ** 2)), at)
    assert batch.tolist() == [1, -1]
    assert et.stop_gradient({"a": 1, "b": [at]})["b"][0] is at
    dead = run(et.grad(lambda x: et.sum(et.where(x > 0, et.gradient_scale(et.log(x), 1.0), x))), at)
    assert dead.tolist() == [0.5, 1]
    with pytest.raises(DtypeError, match="gradient_scale: needs a float"):
        et.gradient_scale(et.tensor("i", (), "int64"), 2)


def test_a_reverse_rule_of_the_user():
    @et.custom_vjp
    def f(x, y):
        return et.sin(x) * y, et.sum(y)

    seen = []

    def forward(x, y):
        return f(x, y), (et.cos(x), et.sin(x), y)

    def backward(residuals, cotangents):
        seen.append(cotangents)
        cos, sin, y = residuals
        return 10 * cotangents[0] * cos * y, cotangents[0] * sin + cotangents[1]

    f.defvjp(forward, backward)
    x, y = np.array([0.1, 0.2]), np.array([3.0, 4.0])
    value = run(f, x, y)
    np.testing.assert_allclose(value[0], np.sin(x) * y)
    dx, dy = run(et.grad(lambda x, y: et.sum(f(x, y)[0]) + 5 * f(x, y)[1], (0, 1)), x, y)
    assert len(seen) == 1  # both outputs, and both calls, at once
    np.testing.assert_allclose(dx, 10 * np.cos(x) * y)
    np.testing.assert_allclose(dy, np.sin(x) + 5)
    only = run(et.grad(lambda x, y: et.sum(f(x, y)[0])), x, y)
    np.testing.assert_allclose(only, 10 * np.cos(x) * y)
    along = run(lambda x, y: et.jvp(lambda a: f(a, y)[0], (x,), (x,))[1], x, y)
    np.testing.assert_allclose(along, 10 * np.cos(x) * y * x)
    second = run(et.grad(lambda x: et.sum(et.grad(lambda a: et.sum(f(a, a)[0]))(x))), x)
    np.testing.assert_allclose(second, 10 * np.cos(x) - 10 * np.sin(x) * x + np.cos(x))
    batch = run(et.vmap(et.grad(lambda x, y: f(x, y)[0])), x, y)
    np.testing.assert_allclose(batch, 10 * np.cos(x) * y)
    nested = run(et.grad(lambda x: et.sum(et.vmap(f, (0, None))(x, y[0])[0])), x)
    np.testing.assert_allclose(nested, 10 * np.cos(x) * y[0])


def test_a_reverse_rule_with_static_arguments_and_zeros():
    @et.custom_vjp
    def plain(x):
        return x * 2

    with pytest.raises(GradientError, match=r"Call plain.defvjp"):
        run(et.grad(plain), 1.0)

    def power(x, n, i):
        return x**n + i

    custom = et.custom_vjp(power, nondiff_argnums=(1,))
    custom.defvjp(lambda x, n, i: (custom(x, n, i), x), lambda n, x, ct: (ct * n * 100, None))
    assert custom(3.0, 2, i=1) == 10
    assert run(et.grad(lambda x: custom(x, 2, 1)), 3.0) == 200
    z = et.tensor("z")
    closed = et.custom_vjp(lambda x: x * z)
    closed.defvjp(lambda x: (closed(x), z), lambda z, ct: (ct * z,))
    assert values(et.grad(closed(et.tensor("x")), et.tensor("y")), {z: 1.0}) == 0
    with pytest.raises(GradientError, match="among its arguments"):
        et.grad(closed(z), z)


def test_a_forward_rule_of_the_user():
    @et.custom_jvp
    def f(x, y):
        return et.log(1 + et.exp(x)) * y

    @f.defjvp
    def _(primals, tangents):
        (x, y), (dx, dy) = primals, tangents
        return f(x, y), dx * y * (1 - 1 / (1 + et.exp(x))) * 7 + dy * 5

    x, y = np.array([0.5, 100.0]), np.array([2.0, 3.0])
    s = 1 - 1 / (1 + np.exp(x))
    dx, dy = run(et.grad(lambda x, y: et.sum(f(x, y)), (0, 1)), x, y)
    np.testing.assert_allclose(dx, 7 * y * s)
    np.testing.assert_allclose(dy, [5, 5])
    assert run(lambda x: et.jvp(lambda a: f(a, a), (x,), (x,))[1], 0.0) == 0
    np.testing.assert_allclose(run(et.vmap(et.grad(f)), x, y), 7 * y * s)
    np.testing.assert_allclose(run(et.jacfwd(lambda x: f(x, y)), x), np.diag(7 * y * s))
    each = et.custom_jvp(lambda a, b: a * b)
    each.defjvps(lambda t, out, a, b: 3 * t * b, None)
    assert run(et.grad(each, (0, 1)), 2.0, 5.0) == (15, 0)
    with pytest.raises(GradientError, match="defjvp"):
        run(et.grad(et.custom_jvp(lambda x: x)), 1.0)
    with pytest.raises(ArgumentError, match="nondiff_argnums"):
        et.custom_jvp(lambda x, n: x, nondiff_argnums=1).defjvps(None)


def test_checkpoints_compute_again():
    x, w = et.tensor("x", (3,)), et.tensor("w")

    def block(x):
        return et.exp(et.sin(x) * w)

    plain, kept = et.sum(block(x) ** 2), et.sum(et.checkpoint(block)(x) ** 2)
    want = et.grad(plain, [x, w])
    got = et.grad(kept, [x, w])
    known = {x: X, w: 1.5}
    for a, b in zip(values(got, known), values(want, known), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)
    count = sum(n.op.name == "sin" for n in topological([g.expr for g in got]))
    assert count == 2
    f = et.function([x, w], got)
    assert f.explain().after.count("sin(") == 2
    np.testing.assert_allclose(f(X, 1.5)[0], values(want, known)[0], rtol=1e-12)
    again = values(et.jvp(kept, [x], [np.ones(3)]), known)
    np.testing.assert_allclose(again, values(want, known)[0].sum(), rtol=1e-13)
    batch = run(et.vmap(et.grad(et.checkpoint(lambda a: et.sin(a) ** 2))), X)
    np.testing.assert_allclose(batch, np.sin(2 * X))


# ---------------------------------------------------------------------------------------- checking
def test_gradients_are_checked_against_differences():
    assert et.check_grad(lambda p, x: p["w"] @ et.tanh(x) * 2, ({"w": W}, X)) < 1e-8
    single = np.float32([0.5, 1.5])
    assert et.check_grad(et.exp, (single,)) < 2e-2
    wrong = et.custom_vjp(lambda x: et.sum(x * x))
    wrong.defvjp(lambda x: (wrong(x), x), lambda x, ct: (3 * ct * x,))
    with pytest.raises(GradientError, match=r"reverse mode gives .* by argument 0 at \(0,\)"):
        et.check_grad(wrong, (X,))
    with pytest.raises(GradientError, match="a float argument"):
        et.check_grad(et.exp, (3,))
    with pytest.raises(GradientError, match="modes among"):
        et.check_grad(et.exp, (0.5,), modes=("sideways",))
