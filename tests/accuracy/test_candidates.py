"""What candidates come from: series, quotients, the e-graph; and branches."""

from __future__ import annotations

import numpy as np
import pytest

from eqsat_tensor.accuracy import branches
from eqsat_tensor.accuracy.pools import Candidate, Pools, cover
from eqsat_tensor.accuracy.quotients import one_quotient
from eqsat_tensor.accuracy.series import series_of
from eqsat_tensor.accuracy.terms import Term, Values, leaf, number, show, term, to_exprs
from eqsat_tensor.accuracy.truth import Truth
from eqsat_tensor.egraph.explore import Bounds, explore
from eqsat_tensor.lang import FLOAT64
from eqsat_tensor.ops.leaf import input_
from eqsat_tensor.rules import load_rulebook
from eqsat_tensor.rules.exact import exact_result
from eqsat_tensor.types import TensorType

X, Y, ONE, TWO = leaf(0), leaf(1), number(1), number(2)
F64 = np.dtype("float64")


def minus(a: Term, b: Term) -> Term:
    return term("subtract", a, b)


def over(a: Term, b: Term) -> Term:
    return term("divide", a, b)


SERIES = {
    "1/x - 1/tan x": (minus(over(ONE, X), over(ONE, term("tan", X))), 1),
    "exp x - 1": (minus(term("exp", X), ONE), 1),
    "sqrt(1 + x y) - 1": (
        minus(term("sqrt", term("add", ONE, term("multiply", X, Y))), ONE), 2),
    "tanh x - x": (minus(term("tanh", X), X), 1),
    "log(1 + x)/x": (over(term("log", term("add", ONE, X)), X), 1),
    "arctan x - x": (minus(term("arctan", X), X), 1),
}  # fmt: skip


@pytest.mark.parametrize("name", SERIES)
def test_a_series_is_close_near_its_point(name: str) -> None:
    t, inputs = SERIES[name]
    points = [np.array([1e-3, -2e-3]), np.array([0.7, 1.1])][:inputs]
    truth = Truth(points)(t)
    made = series_of(t, inputs, F64)
    assert made
    best = min(np.abs(Values(points)(u) / truth - 1).max() for u in made)
    assert best < 1e-9


def test_sums_of_quotients_become_one() -> None:
    t = minus(over(ONE, term("add", X, ONE)), over(ONE, X))
    made = one_quotient(t)
    assert made is not None
    assert show(made) == "(-1 / ((x0 + 1) * x0))" or show(made).startswith("(-1 /")
    x = np.array([1e10, 3.0])
    np.testing.assert_allclose(Values([x])(made), Truth([x])(t), rtol=1e-15)


def test_the_square_of_a_root_is_what_is_under_it() -> None:
    root = term("sqrt", X)
    assert one_quotient(term("multiply", root, root)) is X
    assert one_quotient(minus(X, X)) is number(0)


def test_constants_are_folded_only_where_that_is_exact() -> None:
    assert exact_result("add", [1.0, 2.0], F64) == 3.0
    assert exact_result("divide", [1.0, 3.0], F64) is None
    assert exact_result("multiply", [1e300, 1e300], F64) is None
    assert exact_result("add", [1.0, 2.0**-30], np.dtype("float32")) is None
    assert exact_result("sqrt", [2.25], F64) == 1.5
    assert exact_result("sqrt", [2.0], F64) is None
    assert exact_result("divide", [1.0, 0.0], F64) is None
    assert exact_result("exp", [0.0], F64) == 1.0
    assert exact_result("exp", [1.0], F64) is None


def test_exploring_is_bounded_and_the_same_each_time() -> None:
    book = load_rulebook().for_search()
    x = input_(name="x", key=0, dtype=FLOAT64, shape=())
    t = minus(term("sqrt", term("add", X, ONE)), term("sqrt", X))
    roots = to_exprs([t], [x], TensorType(FLOAT64, ()))
    first = explore(roots, [], book, Bounds(nodes=300, steps=2))
    again = explore(roots, [], book, Bounds(nodes=300, steps=2))
    assert first is not None
    assert again is not None
    assert first.nodes == again.nodes
    assert "divide" in {first.nodes[i].op for i in first.by_class[first.roots[0]]}
    assert len(first.nodes) < 3000


def test_a_cover_holds_what_is_best_somewhere() -> None:
    low, high = np.array([0.0, 0.0, 9.0, 9.0]), np.array([9.0, 9.0, 0.0, 0.0])
    candidates = [
        Candidate(X, low), Candidate(Y, high), Candidate(ONE, np.full(4, 5.0)),
    ]  # fmt: skip
    assert {c.term for c in cover(candidates, 3)} >= {X, Y}
    assert [c.term for c in cover(candidates, 1)] == [X] or cover(candidates, 1)


def test_a_tree_finds_the_threshold_and_says_it_simply() -> None:
    v = np.linspace(-1, 1, 201)
    bits = np.array([np.where(v > 0, 20.0, 0.0), np.where(v > 0, 0.0, 20.0)])
    errors = branches.Errors(bits, np.ones(201), {X: v})
    tree = branches.grow(errors)
    assert isinstance(tree, branches.Cut)
    assert tree.threshold == 0.0
    assert branches.leaves(tree) == [0, 1]
    assert branches.along(tree, errors).sum() == 0
    assert show(branches.tree_term(tree, [X, Y])) == "where((x0 <= 0), x0, x1)"


def test_a_threshold_beside_the_largest_float_is_a_float() -> None:
    top = np.finfo(np.float64).max
    assert 0.8 * top <= branches.simplest(np.array([0.8 * top]), np.array([top])) < top
    assert branches.simplest(np.array([-5.0]), np.array([-3.0])) == -4.0


def test_a_cut_that_does_not_pay_elsewhere_goes() -> None:
    v = np.linspace(-1, 1, 201)
    noise = np.array([np.where(v > 0, 2.0, 1.0), np.where(v > 0, 1.0, 2.0)])
    tree = branches.grow(branches.Errors(noise, np.ones(201), {X: v}))
    assert isinstance(tree, branches.Cut)
    flat = branches.Errors(np.ones((2, 201)), np.ones(201), {X: v})
    assert isinstance(branches.prune(tree, flat), branches.Leaf)


def test_classes_that_are_torn_keep_two_forms_and_large_ones_some() -> None:
    book = load_rulebook().for_search()
    inputs = [input_(name="x", key=i, dtype=FLOAT64, shape=()) for i in range(2)]
    root = term("sqrt", term("add", term("square", X), term("square", Y)))
    t = term("exp", term("negative", term("log", term("add", root, X))))
    points = [np.array([-1e9, 2e8, -3e7, 5.0]), np.array([1e-3, 2.0, -1e-5, 2.0])]

    def pools(t: Term) -> Pools:
        graph = explore(to_exprs([t], inputs, TensorType(FLOAT64, ())), [], book, Bounds(600, 3))
        assert graph is not None
        return Pools(graph, Values(points), Truth(points))

    assert max(len(c.kept) for c in pools(t).classes.values()) > 1
    large = t
    for _ in range(4):
        large = term("multiply", term("sin", large), term("cos", large))
    assert large.size > 150
    assert pools(large).roots[0]
