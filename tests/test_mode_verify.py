"""mode="verify": improvements are told, faults raised, and the rule at fault named."""

import importlib.util

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor import checked, guilty
from eqsat_tensor import compile as pipeline
from eqsat_tensor.rules import _own_sources, book_of

X = np.linspace(0.3, 3, 50)
PLANTED = """; planted.egg
(ruleset rough :guarantee approx "planted, too")
(schedule (repeat 2 rough types))
(rewrite (Multiply (Cos x) (Sinh x)) (Sin (Add x (Full (F 0.125) t)))
  :when ((= t (type x)) (is-float x)) :ruleset simplify :name "planted")
(rewrite (Remainder x 3) x :when ((is-int x)) :ruleset simplify :name "planted-whole")
; the first is right, and the second is not
(rewrite (Floor (Negative x)) (Negative (Ceil x)) :ruleset simplify :name "floor-of-negative")
(rewrite (Negative (Ceil x)) (Negative x) :when ((is-float x)) :ruleset simplify :name "planted-after")
(fact (nonnegative x) :when ((= x (Cos y))) :name "planted-fact")
(rewrite (Arctan x) x :when ((is-float x)) :ruleset rough :name "planted-rough")
"""


@pytest.fixture
def planted(monkeypatch):
    """Wrong rules beside the package's."""
    book = book_of([*_own_sources(), ("planted.egg", PLANTED)])
    monkeypatch.setattr(pipeline, "rulebook", lambda options: book.for_math(options.math))
    monkeypatch.setattr(pipeline, "rules_digest", lambda options: book.digest)


def faulty(f, *arguments):
    with pytest.raises(et.VerificationError) as caught:
        f(*arguments)
    return str(caught.value)


# ------------------------------------------------------------------------------------ nothing is wrong
def test_an_improvement_is_told():
    f = et.jit(lambda x: et.log(1 + et.exp(x)), mode="verify")
    np.testing.assert_allclose(
        f(np.array([-5.0, 1.0, 1000.0])), [0.00671534849, 1.31326168752, 1000]
    )
    seen = f.verification()
    assert (seen.calls, seen.elements, seen.improved, seen.precise) == (1, 3, 1, 1)
    assert "computed 1000.0, unrewritten inf, true 1000.0" in str(seen)


def test_equal_programs_are_silent():
    f = et.jit(lambda x, w: (et.tanh(x @ w) / 2, et.sum(x, axis=0), x > w[0, 0]), mode="verify")
    rng = np.random.default_rng(0)
    for n in (3, 7, 0):
        f(rng.normal(size=(n, 4)), rng.normal(size=(4, 2)))
    f(np.full((3, 4), np.nan), np.ones((4, 2)))
    seen = f.verification()
    assert (seen.calls, seen.improved, seen.unheld, seen.unsettled) == (4, 0, 0, 0)
    assert str(seen).endswith("all within the bound")


def test_improvements_of_gradients_and_states():
    w, x = et.shared(np.ones(3), name="w"), et.tensor("x", ("n", 3))
    loss = et.mean(et.log(1 + et.exp(-(x @ w))))
    step = et.function([x], loss, updates={w: w - 0.1 * et.grad(loss, w)}, mode="verify")
    assert step(np.full((4, 3), -400.0)) == 1200
    np.testing.assert_allclose(w.get_value(), np.full(3, -39.0))
    assert step.verification().improved == 4


def test_of_large_arrays_some_elements_are_looked_at():
    f = et.jit(lambda x, w: et.log(1 + et.exp(x @ w)), mode="verify")
    x = np.full((3000, 20), 100.0)
    np.testing.assert_allclose(f(x, np.ones(20)), np.full(3000, 2000.0))
    seen = f.verification()
    assert seen.precise == seen.improved == 64
    assert seen.unsettled == 3000 - 64
    assert len(seen.improvements) == 5


def test_where_the_program_as_written_promises_nothing_nothing_is_held(planted):
    opaque = et.wrap(np.copy, lambda x: x)
    f = et.jit(lambda x: et.cos(opaque(x)) * et.sinh(opaque(x)), mode="verify")
    f(np.ones(3))
    assert f.verification().unheld == 3


def test_approximations_are_counted_in_fast_mathematics(planted):
    f = et.jit(lambda x: et.arctan(x) + 1, mode="verify", math="fast")
    np.testing.assert_allclose(f(X), X + 1)
    assert f.verification().approximate == 50
    g = et.jit(lambda x: et.arctan(x) + 1, mode="verify")
    np.testing.assert_allclose(g(X), np.arctan(X) + 1)
    assert g.verification().approximate == 0


def test_assumptions_are_held():
    f = et.jit(
        lambda x: et.sqrt(et.square(et.assume(x, positive=True, at_least=0.5))), mode="verify"
    )
    np.testing.assert_array_equal(f(X + 1), X + 1)
    with pytest.raises(
        et.VerificationError,
        match=r"f64\[x0\] that is not at-least 0\.5, .*assumed at .*test_mode_verify\.py:\d+",
    ):
        f(-X)
    assert f.verification().calls == 1


# ------------------------------------------------------------------------------------ a rule is wrong
def test_the_rule_is_named_with_the_smallest_input(planted):
    f = et.jit(lambda x: et.exp(-x) * (et.cos(x) * et.sinh(x)) + x, mode="verify")
    said = faulty(f, X)
    assert "(50 elements are wrong)" in said
    assert "Guilty: rule planted (planted.egg:4: (Multiply (Cos x) (Sinh x)) -> " in said
    assert (
        "Smallest input: argument 0 = 0.: output 0[]: outside the bound: computed 0.12467" in said
    )
    assert "rules=('-planted',)" in said
    assert f.verification().calls == 1


def test_the_smallest_sizes(planted):
    f = et.jit(lambda x, w: et.sum((et.cos(x) * et.sinh(x)) @ w), mode="verify")
    said = faulty(f, X.reshape(10, 5), np.ones((5, 3)))
    assert "Guilty: rule planted " in said
    assert "argument 0 = [[0., 0., 0., 0., 0.], [0., 0., 0., 0., 0.]]" in said


def test_gradients(planted):
    f = et.jit(et.grad(lambda y, x: et.sum(y * (et.cos(x) * et.sinh(x)))), mode="verify")
    assert "Guilty: rule planted " in faulty(f, X, X)


def test_states_keep_their_values(planted):
    w, x = et.shared(np.ones(3), name="weights"), et.tensor("x", ("n", 3))
    updates = {w: w + et.sum(et.cos(w) * et.sinh(w) * x, axis=0)}
    step = et.function([x], et.sum(x @ w), updates=updates, mode="verify")
    said = faulty(step, np.ones((40, 3)))
    assert "output 1[0]" in said
    assert "Guilty: rule planted " in said
    assert "state weights = " in said
    np.testing.assert_array_equal(w.get_value(), np.ones(3))


def test_nothing_is_written_into_given_arrays(planted):
    f = et.jit(lambda x: et.cos(x) * et.sinh(x), mode="verify")
    out = np.zeros(50)
    with pytest.raises(et.VerificationError):
        f(X, out=out)
    assert not out.any()


def test_whole_numbers(planted):
    f = et.jit(lambda x: (x % 3, x + 1), mode="verify")
    said = faulty(f, np.arange(-2, 9))
    assert "not equal" in said
    assert "Guilty: rule planted-whole " in said
    assert (
        "Smallest input: argument 0 = -1: output 0[]: not equal: computed -1, unrewritten 2" in said
    )


def test_of_rules_that_are_needed_together_the_wrong_one_is_named(planted):
    said = faulty(et.jit(lambda x: et.exp(et.floor(-x)), mode="verify"), X)
    assert "Guilty: rule planted-after (" in said
    assert "floor-of-negative (" not in said


def test_a_wrong_fact_is_named(planted):
    said = faulty(et.jit(lambda x: et.abs(et.cos(x)), mode="verify"), X)
    assert "Guilty: fact planted-fact (planted.egg:10)" in said


def test_complex_numbers(planted):
    f = et.jit(lambda x, y: x * (et.cos(y) * et.sinh(y)), mode="verify")
    assert "Guilty: rule planted " in faulty(f, X + 1j, X)


# ------------------------------------------------------------------------------------ no rule is wrong
def off_by_one(run):
    def call(binding, arguments):
        return tuple(np.asarray(r) + 1 for r in run(binding, arguments))

    return call


def test_wrong_code_is_told_from_wrong_rules(monkeypatch):
    f = et.jit(lambda x: et.exp(x) * 3, mode="verify")
    monkeypatch.setattr(checked, "run", off_by_one(checked.run))
    said = faulty(f, X)
    assert "No rule is guilty: the machine code of the program as rewritten is wrong" in said
    monkeypatch.setattr(guilty, "run", off_by_one(guilty.run))
    assert "the program as written is wrong, too" in faulty(f, X)


def test_what_is_missing_is_said(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "mpmath" else found(name, *a)
    )
    with pytest.raises(et.UnsupportedError, match=r"needs the package mpmath\. pip install"):
        et.jit(lambda x: x, mode="verify")
