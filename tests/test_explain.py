"""`explain`: what it says is so."""

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor import compile as pipeline
from eqsat_tensor.lang import text
from eqsat_tensor.rules import load_rulebook


def softmax_loss(w, x, t):
    z = et.tanh(x @ w)
    p = et.exp(z) / et.sum(et.exp(z), axis=1, keepdims=True)
    return -et.mean(et.sum(t * et.log(p), axis=1))


PROGRAMS = {
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
