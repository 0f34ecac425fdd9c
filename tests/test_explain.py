"""`explain`: what it says is so."""

import json
from pathlib import Path

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor import compile as pipeline
from eqsat_tensor.egraph.graph import Graph, Node
from eqsat_tensor.explain import sets
from eqsat_tensor.explain.rejected import Alternatives
from eqsat_tensor.extract import extract
from eqsat_tensor.extract.cost import CostModel
from eqsat_tensor.lang import FLOAT64, text
from eqsat_tensor.rules import load_rulebook
from eqsat_tensor.types import TensorType


def softmax_loss(w, x, t):
    z = et.tanh(x @ w)
    p = et.exp(z) / et.sum(et.exp(z), axis=1, keepdims=True)
    return -et.mean(et.sum(t * et.log(p), axis=1))


def attention(wq, wk, wv, x, y):
    scores = (x @ wq) @ (x @ wk).T / np.sqrt(4.0)
    e = et.exp(scores)
    mixed = e / et.sum(e, axis=1, keepdims=True) @ (x @ wv)
    return et.mean((et.tanh(mixed) - y) ** 2)


def mixture(alphas, means, logs, x):
    """The log-likelihood of a mixture of Gaussians, each with its own variances."""
    far = et.sum(((x[:, None, :] - means[None]) * et.exp(-logs)[None]) ** 2, axis=2)
    each = alphas[None] - et.sum(logs, axis=1)[None] - 0.5 * far
    return et.sum(et.log(et.sum(et.exp(each), axis=1))) - x.shape[0] * et.log(
        et.sum(et.exp(alphas))
    )


def gradients(function, *shapes):
    count = len(shapes) - (2 if function is attention else 1)
    arrays = [np.random.default_rng(0).normal(size=s) for s in shapes]
    return et.value_and_grad(function, argnums=tuple(range(count))), arrays


PROGRAMS = {
    "attention": gradients(attention, (4, 4), (4, 4), (4, 4), (6, 4), (6, 4)),
    "mixture": gradients(mixture, (3,), (3, 2), (3, 2), (10, 2)),
    "softplus": (lambda x: et.log(1 + et.exp(x)), [np.ones(3)]),
    "cross-entropy": (
        et.value_and_grad(softmax_loss), [np.ones((4, 3)), np.ones((5, 4)), np.eye(3)[[0, 1, 2, 0, 1]]]),
    "chain": (lambda a, b, v: a @ b @ v, [np.ones((30, 30)), np.ones((30, 30)), np.ones(30)]),
    "nothing to do": (lambda x: et.sin(x), [np.ones(3)]),
}  # fmt: skip


def explained(name):
    function, arguments = PROGRAMS[name]
    f = et.jit(function)
    f(*arguments)
    return f, f.explain()


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_rules_named_suffice_and_each_is_needed(name):
    f, story = explained(name)
    variant = f.traces.last.variant
    buckets = {n: pipeline.bucket(s) for n, s in variant.last_sizes.items()}
    book = pipeline.rulebook(variant.options)

    def program(names):
        return text(pipeline.chosen(pipeline.saturated(variant.normal, book.only(names)), buckets))

    assert program(story.rules) == story.after
    for rule in story.rules:
        assert program([r for r in story.rules if r != rule]) != story.after, rule


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_is_named_is_there(name):
    _, story = explained(name)
    known = set(load_rulebook().names)
    assert set(story.rules) <= set(story.fired) <= known
    lines = {line.split(" = ")[0] for line in story.after.splitlines()}
    assert set(story.origins) <= lines
    assert {r for rules in story.origins.values() for r in rules} <= set(story.rules)
    for part in ("before", "after", "rules", "kernels"):
        assert part in str(story)
    assert "define void @kernel0" in story.code


def test_a_search_that_grows_without_end_is_ended_and_says_so(monkeypatch):
    monkeypatch.setattr(sets, "LEAST_ROWS", 0)
    monkeypatch.setattr(sets, "ROWS_OF_A_NODE", 0)  # whatever is made is too large
    _, story = explained("cross-entropy")
    assert sets.CUT in story.notes
    assert sets.CUT in str(story)
    assert set(story.rules) == set(story.fired)
    results = story.after.splitlines()[-1].removeprefix("return ").split(", ")
    named = {line.name for line in story.lines_after if line.rules}
    assert named <= set(results)
    monkeypatch.undo()
    assert sets.CUT not in explained("cross-entropy")[1].notes


def test_nothing_is_rewritten_where_nothing_is_asked_for():
    f = et.jit(PROGRAMS["softplus"][0], optimize="none")
    f(np.ones(3))
    story = f.explain()
    assert story.before == story.after
    assert not story.rules


def test_a_function_is_explained_before_its_first_call():
    x = et.tensor("x", ("n",))
    story = et.function([x], et.log(1 + et.exp(x))).explain()
    assert "softplus" in story.after
    assert set(story.rules) == {"log-of-one-plus", "log1p-of-exp"}
    assert story.origins == {"%0": ("log-of-one-plus", "log1p-of-exp")}


@pytest.mark.parametrize("name", ["attention", "mixture"])
def test_the_rules_of_all_nodes_suffice_for_gradients(name):
    f, story = explained(name)
    variant = f.traces.last.variant
    book = pipeline.rulebook(variant.options)
    together = {rule for rules in story.origins.values() for rule in rules}
    assert together == set(story.rules)
    program = pipeline.saturated(variant.normal, book.only(together))
    assert text(pipeline.chosen(program, story.sizes)) == story.after


def test_costs_are_those_of_the_model_before_and_after():
    f, story = explained("chain")
    assert story.cost_before > 2 * story.cost_after
    model = CostModel(sizes=story.sizes)
    graph = f.traces.last.variant.rewritten.graph
    choice = extract(graph, model)
    total = sum(model(graph.nodes[n], graph) for n in choice.picks.values())
    assert story.cost_after == pytest.approx(total)
    assert "->" in str(story).splitlines()[0]


def test_alternatives_are_told_with_the_reason():
    story = explained("chain")[1]
    (other,) = [r for line in story.lines_after for r in line.rejected if r.why == "dearer"]
    assert other.text == "matmul(matmul(a0, a1), %0)"
    assert other.extra == pytest.approx(story.cost_before - story.cost_after)
    (line,) = explained("softplus")[1].lines_after
    unstable = [r for r in line.rejected if r.why == "subsumed"]
    assert {r.text for r in unstable} == {"log1p(exp(a0))", "log(add(1.0, exp(a0)))"}
    assert {rule for r in unstable for rule in r.rules} == {"log1p-of-exp", "log-of-one-plus"}


def test_a_node_that_needs_its_own_class_is_told_as_cyclic():
    """x: the input, or log(y); y: exp(x), or (dearer) exp twice over."""
    real = TensorType(FLOAT64, (5,))
    x = ("x", -1, FLOAT64, (5,))
    nodes = (
        Node("input", (), x, False, 0),
        Node("log", (1,), (), False, 0),
        Node("exp", (0,), (), False, 1),
        Node("expm1", (2,), (), False, 1),
        Node("exp", (0,), (), True, 2),
        Node("square", (3,), (), False, 1),
        Node("sin", (0,), (), False, 3),
    )
    by_class = ((0, 1), (2, 3, 5), (4,), (6,))
    graph = Graph(nodes, (real,) * 4, (1,), by_class, {1: frozenset({"log-of-exp"})}, {})
    told = Alternatives(graph, CostModel(), load_rulebook(), {0: "x", 1: "%0"})
    assert [(r.text, r.why) for r in told.of(0)] == [("log(%0)", "cyclic")]
    assert [(r.text, r.why) for r in told.of(1)] == [
        ("square(sin(x))", "dearer"),
        ("expm1(...)", "subsumed operand"),
    ]


def test_each_line_names_the_users_own():
    lines = {
        line.text.split("(")[0]: line.place for line in explained("cross-entropy")[1].lines_after
    }
    source = Path(__file__).read_text().splitlines()
    first = 1 + next(i for i, t in enumerate(source) if "z = et.tanh(x @ w)" in t)
    assert lines["tanh"] == f"{Path(__file__).name}:{first}"
    assert lines["log_softmax"] == f"{Path(__file__).name}:{first + 2}"


def test_the_story_is_plain_data_too():
    story = explained("cross-entropy")[1]
    data = json.loads(json.dumps(story.as_json()))
    assert data["cost_after"] == story.cost_after
    assert data["lines_after"][0]["name"] == "%0"
    assert data["origins"].keys() == story.origins.keys()
    assert data["seconds"]["saturate"] > 0
    assert data["stopped"] == "saturated"
