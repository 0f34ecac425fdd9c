"""The command ``eqsat``: what it prints and how it exits."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from eqsat_tensor import cli

GOOD = """; good.egg: one rule that holds.
; |x| |y| = |x y|
(rewrite (Multiply (Absolute x) (Absolute y)) (Absolute (Multiply x y)) :when ((is-float x))
  :ruleset simplify :name "absolute-of-both")
"""
BAD = GOOD.replace("absolute-of-both", "bad").replace("(Absolute (Multiply x y))", "(Multiply x y)")


def run(*arguments):
    result = CliRunner().invoke(cli.app, list(arguments))
    return result.exit_code, result.stdout


def test_info_and_cache_say_where_things_are():
    code, out = run("info", "--json")
    assert code == 0
    assert {"versions", "cpu", "threads", "native calls", "rules", "cache"} <= set(json.loads(out))
    assert "threads" in run("info")[1]
    code, out = run("cache", "info", "--json")
    assert code == 0
    assert set(json.loads(out)) == {"directory", "entries", "bytes", "limit"}


def test_the_cache_can_be_cleared():
    assert run("cache", "clear")[0] == 0
    assert json.loads(run("cache", "info", "--json")[1])["entries"] == 0


def test_rules_are_listed_with_guarantee_and_place():
    code, out = run("rules", "list", "--json")
    rows = {row["name"]: row for row in json.loads(out)}
    assert code == 0
    assert rows["log1p-of-exp"]["guarantee"] == "stable"
    assert rows["log1p-of-exp"]["file"] == "stable.egg"
    assert run("rules", "check")[0] == 0


def test_a_rule_file_is_verified(tmp_path):
    good, bad = tmp_path / "good.egg", tmp_path / "bad.egg"
    good.write_text(GOOD)
    bad.write_text(BAD)
    code, out = run("rules", "verify", str(good), "--examples", "40", "--json")
    (report,) = json.loads(out)["rules"]
    assert (code, report["counterexample"]) == (0, None)
    fields = {"name", "kind", "file", "line", "guarantee", "examples", "max_ulp", "counterexample"}
    assert fields <= set(report)
    code, out = run("rules", "verify", str(bad), "--examples", "40", "--json")
    (report,) = json.loads(out)["rules"]
    assert code == 1
    assert report["counterexample"] is not None
    assert (report["name"], report["line"]) == ("bad", 3)


def eqsat(*arguments):
    """The command in a process of its own: standard output and error apart."""
    root = str(Path(cli.__file__).parent.parent)
    return subprocess.run(
        [sys.executable, "-m", "eqsat_tensor", *arguments], capture_output=True, text=True,
        check=False, env=os.environ | {"PYTHONPATH": root},
    )  # fmt: skip


def test_standard_output_holds_json_alone(tmp_path):
    bad = tmp_path / "bad.egg"
    bad.write_text(GOOD + BAD.partition("\n")[2])
    done = eqsat("rules", "verify", str(bad), "--examples", "30", "--json", "--jobs", "2")
    good, wrong = json.loads(done.stdout)["rules"]
    assert done.returncode == 1
    assert (good["name"], good["counterexample"]) == ("absolute-of-both", None)
    assert wrong["counterexample"]["inputs"]
    assert f"{bad}:6: bad does not hold" in done.stderr
    assert "Traceback" not in done.stderr
    done = eqsat("rules", "verify", str(bad), "--examples", "30", "--rule", "absolute-of-both")
    assert (done.returncode, done.stdout) == (0, "1 of 1 rules hold on 30 examples\n")


@pytest.mark.parametrize("command", ["verify", "check", "implied", "certify"])
def test_a_file_that_does_not_load_is_one_line(tmp_path, command):
    broken = tmp_path / "broken.egg"
    broken.write_text(GOOD + '(rewrite (Exp x) y :ruleset fold :name "n")')
    done = eqsat("rules", command, str(broken))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.strip().splitlines()[-1].startswith(f"{broken}:5: n: the right side uses y")
    assert "Traceback" not in done.stderr


def test_implied_rules_and_growth_are_reported(tmp_path):
    file = tmp_path / "again.egg"
    file.write_text(GOOD + "\n".join((
        "; log(1 + e^x)", '(rewrite (Log1p (Exp a)) (Softplus a) :ruleset stable :name "again")',
    )))  # fmt: skip
    code, out = run("rules", "implied", str(file))
    assert code == 0
    assert "again is implied on" in out
    assert "log1p-of-exp" in out
    code, out = run("rules", "implied", str(file), "--rule", "again", "--json")
    assert [i["name"] for i in json.loads(out)["implied"]] == ["again"]
    code, out = run("rules", "certify", str(file), "--json")
    assert code == 0
    assert {"program", "rows_before", "rows", "steps", "problem"} <= set(
        json.loads(out)["programs"][0]
    )


def test_a_function_of_a_file_is_explained(tmp_path):
    file = tmp_path / "model.py"
    file.write_text(
        "import eqsat_tensor as et\n"
        "x = et.tensor('x', ('n',))\n"
        "f = et.function([x], et.log(1 + et.exp(x)))\n"
    )
    code, out = run("explain", f"{file}:f", "--json")
    assert code == 0
    assert json.loads(out)["cost_after"] > 0
    code, out = run("explain", f"{file}:f")
    assert code == 0
    assert "log1p-of-exp" in out


def test_an_error_is_one_line_and_status_1(tmp_path, monkeypatch, capsys):
    broken = tmp_path / "broken.egg"
    broken.write_text('; broken.egg\n(rewrite (Nothing x) x :ruleset fold :name "n")\n')
    monkeypatch.setattr(sys, "argv", ["eqsat", "rules", "check", str(broken)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    assert f"{broken}:2" in capsys.readouterr().err


MODEL = """import eqsat_tensor as et
import numpy as np

def plain(x, y):
    return et.log(1 + et.exp(x)) * y

later = et.jit(plain)
number = 3
class Kind: ...
"""


@pytest.fixture
def model(tmp_path):
    file = tmp_path / "model.py"
    file.write_text(MODEL)
    return file


@pytest.mark.parametrize("name", ["plain", "later"])
@pytest.mark.parametrize("command", ["explain", "accuracy"])
def test_a_function_that_was_not_called_is_given_vectors(model, command, name):
    code, out = run(command, f"{model}:{name}")
    assert code == 0
    assert ("log1p-of-exp" in out) if command == "explain" else ("bits of error" in out)


def _error(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["eqsat", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    return capsys.readouterr().err


@pytest.mark.parametrize("command", ["explain", "accuracy"])
def test_what_is_not_in_a_file_is_told_in_one_line(model, command, monkeypatch, capsys):
    for target, text in (
        (f"{model}:nope", "'nope'. There are: plain, later."),
        (f"{model}:number", "needs a function; got"),
        (f"{model}:Kind", "needs a function; got"),
        (f"{model}x.py:plain", "needs a file that is there"),
        ("model", "needs FILE."),
    ):
        told = _error(monkeypatch, capsys, command, target)
        assert text in told, target
        assert told.count("\n") == 1, told
        assert not re.search(r"\(.*\.py:\d+\)", told), told  # no line of the command's own


def test_formulas_of_files_have_no_place(tmp_path):
    file = tmp_path / "one.fpcore"
    file.write_text("(FPCore (x) (- (sqrt (+ x 1)) (sqrt x)))")
    code, out = run("accuracy", str(file), "--points", "8")
    assert (code, ".py" in out) == (0, False)


def test_a_table_in_a_pipe_is_whole():
    code, out = run("rules", "list")
    names = [line.split()[0] for line in out.splitlines()[1:]]
    assert code == 0
    assert {row["name"] for row in json.loads(run("rules", "list", "--json")[1])} == set(names)


def test_the_version_is_printed():
    from eqsat_tensor import __version__

    assert run("--version") == (0, f"{__version__}\n")
