"""Surgery on graphs: replacing, cloning, walking, comparing."""

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.errors import ArgumentError, DtypeError, ShapeError


@pytest.fixture
def program():
    x, y = et.tensor("x", ("n", 3)), et.tensor("y", ("n",))
    w = et.shared(np.ones(3), name="w")
    return x, y, w, et.sum(et.exp(x @ w) * y)


def test_inputs_come_back_as_the_objects_that_they_are(program):
    x, y, w, loss = program
    found = et.graph.inputs_of({"loss": loss, "more": [x + 1]})
    assert {id(t) for t in found} == {id(x), id(y)}
    assert et.graph.graph_inputs is et.graph.inputs_of
    assert [id(s) for s in et.graph.shared_variables(loss)] == [id(w)]
    (array,) = et.graph.arrays_of(x * np.array([1.0, 5.0, 2.0]))
    assert array.tolist() == [1, 5, 2]


def test_nodes_stand_operands_first(program):
    x, _, _, loss = program
    order = et.graph.toposort(loss)
    place = {t.expr: i for i, t in enumerate(order)}
    assert all(place[a] < place[t.expr] for t in order for a in t.expr.arguments)
    assert [t.expr for t in et.graph.ancestors(loss)] == [t.expr for t in order[::-1]]
    assert any(t is x for t in order)
    assert et.graph.depends_on(loss, x)
    assert not et.graph.depends_on(x * 2, [loss])
    assert et.graph.count_ops(loss)["exp"] == 1
    assert list(et.count_ops(loss).values()) == sorted(et.count_ops(loss).values(), reverse=True)


def test_replacing_is_at_once_and_keeps_the_nest(program):
    x, y, _, loss = program
    both = et.replace({"a": x, "b": [y * 2, loss]}, {x: x + 1, y: et.exp(y)})
    assert both["a"].expr is (x + 1).expr
    assert both["b"][0].expr is (et.exp(y) * 2).expr
    swapped = et.replace(x[:, 0] - y, {x[:, 0]: y, y: x[:, 0]})
    assert swapped.expr is (y - x[:, 0]).expr
    run = et.function([x], et.replace(loss, {y: np.array([1.0, 2.0])}))
    np.testing.assert_allclose(run(np.zeros((2, 3))), 3)
    with pytest.raises(DtypeError, match=r"replace: needs a value of f64\[n\]; got f32\[2\]"):
        et.replace(loss, {y: np.array([1.0, 2.0], "float32")})
    with pytest.raises(ShapeError):
        et.replace(loss, {y: np.ones((2, 2))})
    with pytest.raises(ArgumentError, match="tensors"):
        et.replace("text", {})


def test_a_clone_has_inputs_of_its_own(program):
    x, y, w, loss = program
    copy, inputs = et.clone([loss])
    assert not et.graph.depends_on(copy, [x, y])
    assert et.graph.depends_on(copy, w)
    assert et.graph.equal(loss, copy[0], [x, y], [inputs[x], inputs[y]])
    assert not et.graph.equal(loss, copy[0])


def test_equality_is_of_structure(program):
    x, y, _, _ = program
    a, b = et.tensor("a", ("m",)), et.tensor("b", ("m", 3))
    assert et.graph.equal(et.exp(y) + 1, et.exp(y) + 1)
    assert not et.graph.equal(y + y, 2 * y)
    assert et.graph.equal([y / y.shape[0]], [a / a.shape[0]], [y], [a])
    assert not et.graph.equal([y], y)
    assert not et.graph.equal(x.sum(), b.sum(), [x], [a])
    assert et.graph.equal(x[:, 0] + y, b[:, 0] + a, [x, y], [b, a])
    narrow = et.tensor("c", ("k",), "float32")
    assert not et.graph.equal(y, narrow, [y], [narrow])


def test_notes_for_derivatives_are_no_nodes(program):
    _, y, _, _ = program
    assert et.count_ops(et.stop_gradient(y) * 2) == et.count_ops(y * 2)
