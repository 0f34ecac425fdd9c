"""FPCore files: what is read, what is refused, and the command on them."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from typer.testing import CliRunner

from eqsat_tensor.accuracy.fpcore import core_of, parsed, read, true_pre
from eqsat_tensor.cli import app
from eqsat_tensor.errors import ArgumentError, UnsupportedError
from eqsat_tensor.reference import evaluate


def core(text):
    [form] = parsed(text)
    return core_of(form)


def value(text, *arguments):
    inputs, body, _ = core(text).graph()
    leaves = {i.expr: np.asarray(a, i.dtype) for i, a in zip(inputs, arguments, strict=True)}
    return evaluate([body.expr], leaves)[0][()]


@pytest.mark.parametrize(
    ("body", "want"),
    [
        ("(- x)", -3.0),
        ("(+ x y 1)", 6.0),
        ("(* x y y)", 12.0),
        ("(let ((x y) (y x)) (- x y))", -1.0),
        ("(let* ((x y) (y x)) (- x y))", 0.0),
        ("(if (< y x 5) (pow x 2) y)", 9.0),
        ("(if (and (== x 3) (not (!= y 2))) 1 0)", 1.0),
        ("(fma x y 1)", 7.0),
        ("(fdim y x)", 0.0),
        ("(! :precision binary64 (atan2 x y))", math.atan2(3, 2)),
        ("(+ 0x1.8p1 (/ 1 3))", 3 + 1 / 3),
        ("(* 2/3 PI)", 2 / 3 * math.pi),
        ("(fmax x (fabs -7))", 7.0),
    ],
)
def test_formulas_have_the_value_that_they_say(body, want):
    assert value(f"(FPCore (x y) {body})", 3.0, 2.0) == pytest.approx(want, rel=1e-15)


def test_a_record_has_name_precision_and_bounds():
    found = core('; one\n(FPCore half (x [! :precision binary32 y]) :name "a; b" :precision binary32'
                 " :pre (and (< 0 x 1) (>= 5 y)) (+ x y))")  # fmt: skip
    assert (found.name, found.arguments, found.precision) == ("a; b", ("x", "y"), "float32")
    assert found.ranges() == [(0.0, 1.0), (-math.inf, 5.0)]
    assert core("(FPCore named (x) x)").name == "named"


def test_the_precondition_is_one_of_real_numbers():
    inputs, _, pre = core("(FPCore (a b) :pre (> (+ a b) a) a)").graph()
    holds = true_pre(pre, inputs)
    assert holds([np.array(1.0), np.array(1e-300)])  # computed, 1 + 1e-300 > 1 is false
    assert not holds([np.array(1.0), np.array(0.0)])


@pytest.mark.parametrize(
    ("text", "error", "match"),
    [
        ("(FPCore (x) (while (< x 1) ((x x (+ x 1))) x))", UnsupportedError, "while"),
        ("(FPCore (x) (tgamma x))", UnsupportedError, "tgamma"),
        ("(FPCore (x) :precision binary80 x)", UnsupportedError, "binary80"),
        ("(FPCore ((x n)) x)", UnsupportedError, "tensor"),
        ("(FPCore (x) y)", ArgumentError, "names that are bound"),
        ("(FPCore (x) x x)", ArgumentError, "one formula"),
        ("(FPCore x)", ArgumentError, "a list of arguments"),
        ("(FPCore (x) (+ x 1)", ArgumentError, "1 left open"),
        ("(FPCore (x) x))", ArgumentError, "one \\) too many"),
    ],
)
def test_what_is_not_read_is_said(text, error, match):
    with pytest.raises(error, match=match):
        core(text).graph()


FILE = """
(FPCore (x) :name "step" :pre (>= x 0) (- (sqrt (+ x 1)) (sqrt x)))
(FPCore (x) :name "cube root" :pre (> x 0) (pow x (/ 1 3)))
(FPCore (x) :name "loop" (while (< x 1) ((x x (+ x 1))) x))
"""


def test_the_command_measures_each_formula(tmp_path):
    path = tmp_path / "three.fpcore"
    path.write_text(FILE)
    assert [c.name for c in read(path)] == ["step", "cube root", "loop"]
    result = CliRunner().invoke(
        app, ["accuracy", str(path), "--points", "32", "--plot", str(tmp_path / "p")]
    )
    assert result.exit_code == 0, result.output
    assert "not read: loop" in result.stdout
    assert "mean" in result.stdout
    assert len(list((tmp_path / "p").glob("*.svg"))) == 2
    result = CliRunner().invoke(app, ["accuracy", str(path), "--points", "32", "--json"])
    step, cube, loop = json.loads(result.stdout)
    assert step["after"] < 1 < 8 < step["before"]
    assert cube["before"] < 8  # the power of a rounded 1/3
    assert "while" in loop["error"]


MODULE = """
import eqsat_tensor as et
x = et.tensor("x", shape=("n",))
made = et.function([x], et.log(1 + x), name="made")
def plain(x):
    return et.exp(x) - 1
"""


@pytest.mark.parametrize("name", ["made", "plain"])
def test_the_command_measures_a_function_of_a_file(tmp_path, name):
    path = tmp_path / "module.py"
    path.write_text(MODULE)
    result = CliRunner().invoke(app, ["accuracy", f"{path}:{name}", "--points", "32"])
    assert result.exit_code == 0, result.output
    assert f"{name}: " in result.stdout
    assert "where it is lost" in result.stdout


def test_a_file_that_is_none_is_an_error(tmp_path):
    with pytest.raises(ArgumentError, match=r"FILE\.fpcore"):
        CliRunner().invoke(app, ["accuracy", "nothing.fpcore"], catch_exceptions=False)
