"""`f.minimal_rules()`: the fewest rules, and a script that shows what they did without us."""

import subprocess
import sys

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor import compile as pipeline
from eqsat_tensor.errors import ArgumentError, UnsupportedError
from eqsat_tensor.lang import text
from tests.test_explain import PROGRAMS


def run_script(script, tmp_path):
    """Run the script where eqsat_tensor cannot be found."""
    file = tmp_path / "script.py"
    file.write_text(script)
    assert "eqsat_tensor" not in script
    hidden = [sys.executable, "-I", str(file)]
    return subprocess.run(hidden, capture_output=True, text=True, cwd=tmp_path, check=False)


@pytest.mark.parametrize("name", ["softplus", "cross-entropy", "chain", "mixture"])
def test_no_rule_can_be_left_out_and_the_script_agrees(name, tmp_path):
    function, arguments = PROGRAMS[name]
    f = et.jit(function)
    f(*arguments)
    found = f.minimal_rules()
    variant = f.traces.last.variant
    buckets = {n: pipeline.bucket(s) for n, s in variant.last_sizes.items()}
    book = pipeline.rulebook(variant.options)

    def program(names):
        return text(pipeline.chosen(pipeline.saturated(variant.normal, book.only(names)), buckets))

    assert program(found.names) == found.after
    for rule in found.names:
        assert program([r for r in found.names if r != rule]) != found.after, rule
    assert all(n in str(found) for n in found.names)
    done = run_script(found.script, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "before and after agree on" in done.stdout


def test_a_graph_with_state_is_told_with_the_state_itself(tmp_path):
    x, w = et.tensor("x", ("n", 3)), et.shared(np.arange(3.0), name="w")
    f = et.function([x], et.log(1 + et.exp(x @ w)), updates={w: w * 2})
    found = f.minimal_rules()
    assert "np.array([0.0, 1.0, 2.0], 'float64').reshape((3,))" in found.script
    assert {"log-of-one-plus", "log1p-of-exp"} <= set(found.names)
    assert run_script(found.script, tmp_path).returncode == 0


def test_what_numpy_has_no_word_for_is_defined(tmp_path):
    def f(x, i):
        y = et.zeros_like(x)
        y[i] += 2 * x[i]
        return et.sum(et.exp(y) ** 2) * 1

    g = et.jit(et.grad(f))
    g(np.arange(6.0), np.array([0, 3, 5]))
    script = g.minimal_rules().script
    assert "defined_scatter = defined_scatter()" in script
    done = run_script(script, tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_script_fails_where_both_part(tmp_path):
    f = et.jit(lambda x: et.log(1 + et.exp(x)))
    f(np.ones(3))
    script = f.minimal_rules().script
    wrong = script.replace("return (np.logaddexp(0, a0),)", "return (np.logaddexp(0, a0) + 1e-3,)")
    assert wrong != script
    done = run_script(wrong, tmp_path)
    assert done.returncode == 1
    assert "AssertionError: result 0, seed 0" in done.stderr


def test_it_needs_a_call_and_a_program_without_callbacks():
    f = et.jit(lambda x: et.wrap(np.sort, type=lambda x: x)(x) * 1)
    with pytest.raises(ArgumentError, match="needs a call before minimal_rules"):
        f.minimal_rules()
    f(np.ones(3))
    with pytest.raises(UnsupportedError, match=r"script: needs .*; got wrap"):
        f.minimal_rules()
