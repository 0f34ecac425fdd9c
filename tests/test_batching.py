"""vmap, vectorize and vectorize_graph against loops over the batch."""

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.errors import ArgumentError, ShapeError, UnsupportedError
from eqsat_tensor.kinds import Attribute, Kind
from eqsat_tensor.lang import OPS, OpDef, topological
from eqsat_tensor.ops.captured import capture
from eqsat_tensor.tensor import Tensor

RANDOM = np.random.default_rng(0)
W, X, M = RANDOM.normal(size=(4, 3)), RANDOM.normal(size=(5, 3)), RANDOM.normal(size=(5, 2, 3))


def run(function, *args, **kwargs):
    """By the NumPy evaluator: quick, and what is compiled is held elsewhere."""
    return et.jit(function, mode="reference")(*args, **kwargs)


def ops_of(tensor):
    return [n.op.name for n in topological([tensor.expr])]


# ------------------------------------------------------------------------------------------ vmap
def test_a_batch_of_matrix_vector_products_is_one_product():
    np.testing.assert_allclose(run(et.vmap(lambda x: W @ x), X), X @ W.T)
    x, m = et.tensor("x", ("n", 3)), et.tensor("m", ("n", 2, 3))
    for made in (et.vmap(lambda v: W @ v)(x), et.vmap(lambda a: a @ W.T)(m)):
        (product,) = [n for n in topological([made.expr]) if n.op.name == "matmul"]
        assert len(product.shape) == 2
    np.testing.assert_allclose(run(et.vmap(lambda a: a @ W.T), M), M @ W.T)
    np.testing.assert_allclose(
        run(et.vmap(lambda a, x: a @ x), M, X), np.einsum("bij,bj->bi", M, X)
    )
    np.testing.assert_allclose(run(et.vmap(lambda a: W @ a.T), M), np.einsum("ij,bkj->bik", W, M))


def test_axes_of_arguments_and_results():
    A, B = RANDOM.normal(size=(3, 5)), RANDOM.normal(size=(4,))
    f = et.vmap(lambda a, b: et.outer(a, b), in_axes=(1, None), out_axes=-1)
    want = np.stack([np.outer(A[:, i], B) for i in range(5)], -1)
    np.testing.assert_allclose(run(f, A, B), want)
    nest = et.vmap(
        lambda p, x: {"y": p["w"] @ x + p["b"], "b": p["b"]},
        in_axes=({"w": None, "b": None}, 0),
        out_axes={"y": 1, "b": None},
    )
    got = run(nest, {"w": W, "b": 2.0}, X)
    np.testing.assert_allclose(got["y"], W @ X.T + 2)
    assert got["b"] == 2
    same = run(et.vmap(lambda x: (x, 1.0), out_axes=(0, 0)), np.arange(3.0))
    assert same[1].tolist() == [1, 1, 1]
    assert run(et.vmap(lambda x, *, y: x * y), np.arange(3.0), y=np.arange(3.0)).tolist() == [
        0,
        1,
        4,
    ]


def test_batches_of_batches():
    a, b = np.arange(3.0), np.arange(4.0)
    outer = et.vmap(et.vmap(lambda x, y: x * y, (None, 0)), (0, None))
    np.testing.assert_array_equal(run(outer, a, b), np.outer(a, b))
    deep = et.vmap(et.vmap(lambda x: et.sum(et.where(x > 0, et.sqrt(et.abs(x)), x))))
    np.testing.assert_allclose(
        run(deep, M), np.sum(np.where(M > 0, np.sqrt(np.abs(M)), M), -1), rtol=1e-14
    )


def test_gradients_of_batches_and_batches_of_gradients():
    def f(x):
        return et.logsumexp(W @ x) + et.max(x)

    per_row = np.stack([run(et.grad(f), x) for x in X])
    np.testing.assert_allclose(run(et.vmap(et.grad(f)), X), per_row)
    np.testing.assert_allclose(run(et.grad(lambda x: et.sum(et.vmap(f)(x))), X), per_row)
    hessians = run(et.vmap(et.hessian(f)), X)
    np.testing.assert_allclose(hessians, [run(et.hessian(f), x) for x in X], atol=1e-12)
    value, slope = run(et.vmap(lambda x: et.jvp(f, (x,), (x,))), X)
    np.testing.assert_allclose(value, [run(f, x) for x in X])
    np.testing.assert_allclose(slope, np.sum(per_row * X, -1))


def test_compiled_once_for_every_batch_size():
    f = et.jit(et.vmap(lambda x: et.tanh(W @ x)))
    for n in (1, 2, 5, 7):
        x = RANDOM.normal(size=(n, 3))
        np.testing.assert_allclose(f(x), np.tanh(x @ W.T), rtol=1e-13)
    assert f.counters.traces == 2  # one row, and all other sizes
    assert et.vmap(lambda i: et.exp(i))(np.zeros(3)).tolist() == [1, 1, 1]


def test_a_graph_that_the_function_closes_over():
    x = et.tensor("x", (4, 2))
    rows = et.vmap(lambda i: x[i] * 2)(np.arange(3))
    assert isinstance(rows, Tensor)
    got = et.function([x], rows, mode="reference")(np.arange(8.0).reshape(4, 2))
    assert got.tolist() == [[0, 2], [4, 6], [8, 10]]


def test_wrong_axes_are_named():
    f = et.vmap(lambda a, b: a + b)
    with pytest.raises(ShapeError, match="vmap: needs batch axes of one size; got 3, 4"):
        f(et.tensor("a", (3,)), et.tensor("b", (4,)))
    with pytest.raises(ArgumentError, match="an axis that each argument has"):
        f(et.tensor("a", (3,)), et.tensor("b", ()))
    with pytest.raises(ArgumentError, match="an argument with an axis"):
        et.vmap(lambda a: a, in_axes=None)(et.tensor("a", (3,)))
    with pytest.raises(ArgumentError, match="in_axes nested"):
        et.vmap(lambda a, b: a, in_axes=(0,))(et.tensor("a", (3,)), et.tensor("b", (3,)))
    with pytest.raises(ArgumentError, match="out_axes"):
        et.vmap(lambda a: a, out_axes=None)(et.tensor("a", (3,)))
    with pytest.raises(ArgumentError, match="out_axes"):
        et.vmap(lambda a: a, out_axes=2)(et.tensor("a", (3,)))


def test_an_op_without_a_rule_is_named():
    def made(**fields):
        axis = {"axis": Attribute.INT}
        return OpDef("mystery", Kind.MOVEMENT, 1, None, lambda x, axis: x, axis, **fields)

    x = et.tensor("x", (3, 2))
    known = et.vmap(lambda v: Tensor(made()(v.expr, axis=0)))(x).expr
    assert known["axis"] == 1
    two = OpDef("mystery", Kind.MOVEMENT, 2, None, lambda x, y: x)
    with pytest.raises(UnsupportedError, match="vmap of mystery: needs operations that can be"):
        et.vmap(lambda v: Tensor(two(v.expr, v.expr)))(x)
    own = made(batch=lambda node, operands, size: operands[0])
    assert et.vmap(lambda v: Tensor(own(v.expr, axis=0)))(x).expr is x.expr


def test_operations_made_of_others():
    @et.subgraph
    def part(x):
        return et.exp(x) * W[0], et.sum(x)

    first = run(et.vmap(lambda x: part(x)[0]), X)
    np.testing.assert_allclose(first, np.exp(X) * W[0])
    slope = run(et.vmap(et.grad(lambda x: et.sum(part(x)[0]) * part(x)[1])), X)
    want = [run(et.grad(lambda x: et.sum(part(x)[0]) * part(x)[1]), x) for x in X]
    np.testing.assert_allclose(slope, want)

    def choice(p, x):
        return et.cond(p, lambda x: et.sqrt(x), lambda x: -x, x)

    p = np.array([True, False, True, False, True])
    each = run(et.vmap(choice), p, np.abs(X))
    np.testing.assert_allclose(each, np.where(p[:, None], np.sqrt(np.abs(X)), -np.abs(X)))
    made = et.vmap(choice, (None, 0))(et.tensor("p", (), "bool"), et.tensor("x", ("n", 3)))
    assert "where" not in ops_of(made)
    host = et.wrap(lambda x: np.sort(x), type=lambda x: x)
    np.testing.assert_array_equal(run(et.vmap(host), X), np.sort(X))
    assert et.jit(et.vmap(host))(X[:0]).shape == (0, 3)


def test_one_matrix_is_factored_once():
    A = W[:3] @ W[:3].T + np.eye(3)
    x = et.tensor("x", ("n", 3, 1))
    solve = OPS["solve"]

    def f(b):
        return Tensor(solve(capture(A), b.expr))

    made = et.vmap(f)(x)
    (node,) = [n for n in topological([made.expr]) if n.op is solve]
    assert len(node.shape) == 2
    got = et.function([x], made, mode="reference")(X[:, :, None])
    np.testing.assert_allclose(got[:, :, 0], np.linalg.solve(A, X.T).T)


# ------------------------------------------------------------------------------- vectorize, graphs
def test_a_graph_takes_any_batch_axes():
    x, w = et.tensor("x", (3,)), et.tensor("w", (4, 3))
    y = {"y": et.tanh(w @ x), "w": w * 1}
    big, many = et.tensor("big", ("a", "b", 3)), et.tensor("many", ("b", 4, 3))
    made = et.vectorize_graph(y, {x: big, w: many})
    assert str(made["y"].expr.type) == "f64[a, b, 4]"
    f = et.function([big, many], made, mode="reference")
    B, D = RANDOM.normal(size=(2, 5, 3)), RANDOM.normal(size=(5, 4, 3))
    got = f(B, D)
    np.testing.assert_allclose(got["y"], np.tanh(np.einsum("bij,abj->abi", D, B)))
    one = et.vectorize_graph(et.tanh(w @ x), {x: big})
    assert str(one.expr.type) == "f64[a, b, 4]"
    assert et.vectorize_graph(x + 1, {x: x * 2}).expr is (x * 2 + 1).expr
    with pytest.raises(ShapeError, match="batches of"):
        et.vectorize_graph(x + 1, {x: et.tensor("z", (2, 4))})


def test_functions_of_examples_are_vectorized_by_signature():
    f = et.vectorize(lambda a, b: et.sum(a * b) + et.max(b), "(n),(n)->()")
    A, B = RANDOM.normal(size=(2, 1, 3)), RANDOM.normal(size=(5, 3))
    np.testing.assert_allclose(run(f, A, B), np.sum(A * B, -1) + B.max(-1))
    assert run(f, A[0, 0], B[0]).shape == ()
    g = et.vectorize(lambda a, b: et.where(a > b, a - b, a + b))
    np.testing.assert_allclose(run(g, A, B), np.where(A > B, A - B, A + B))
    outer = et.vectorize(lambda a, b: (et.outer(a, b), a), "(n),(m)->(n,m),(n)")
    np.testing.assert_allclose(run(outer, B, B)[0], B[:, :, None] * B[:, None])
    with pytest.raises(ArgumentError, match="signature"):
        f(et.tensor("a", (3,)))
    with pytest.raises(ShapeError, match="at least 1 axes"):
        f(et.tensor("a", ()), et.tensor("a", (3,)))
