"""Rule files from outside: used where they are right, never able to take a program down."""

import numpy as np
import pytest

import eqsat_tensor as et

GOOD = """; good.egg
; sin(arctan x) = x / sqrt(1 + x^2)
(rewrite (Sin (Arctan x)) (Divide x (Sqrt (Add 1.0 (Square x))))
  :ruleset simplify :name "sin-of-arctan")
"""
# wrong where a user's program comes to it, not in the programs of the trial
UNSOUND = """; unsound.egg
(rewrite (Add (Sin (Arctan x)) (Cos x)) 2.0 :when ((is-float x)) :ruleset simplify :name "is-two")
(rewrite (Add (Sin (Arctan x)) (Cos x)) 3.0 :when ((is-float x)) :ruleset simplify :name "is-three")
"""
GROWING = """; growing.egg
(rewrite (Cos x) (Cos (Add x (Cos x))) :ruleset simplify :name "grow")
"""
X = np.linspace(0, 1, 5)


def formula(x):
    return et.sin(et.arctan(x)) + et.cos(x)


def compiled(tmp_path, name, text):
    file = tmp_path / f"{name}.egg"
    file.write_text(text)
    return et.jit(formula, rules=[file])


def hold(f):
    np.testing.assert_allclose(f(X), np.sin(np.arctan(X)) + np.cos(X), rtol=1e-14)


def test_a_right_pack_is_used(tmp_path):
    f = compiled(tmp_path, "good", GOOD)
    hold(f)
    story = f.explain()
    assert "sin-of-arctan" in story.rules
    assert "arctan" not in story.after


def test_a_wrong_pack_is_noticed_and_the_program_compiled_as_written(tmp_path):
    f = compiled(tmp_path, "unsound", UNSOUND)
    with pytest.warns(RuntimeWarning, match=r"2\.0 and 3\.0 equal.*unsound\.egg:2"):
        hold(f)


def test_a_pack_that_grows_without_end_is_stopped(tmp_path):
    hold(compiled(tmp_path, "growing", GROWING))


def test_rules_can_be_left_out():
    f = et.jit(lambda x: et.log(1 + et.exp(x)), rules=["-log1p-of-exp", "-stable.egg"])
    f(X)
    assert "softplus" not in f.explain().after
