"""The command ``eqsat``: what it prints and how it exits."""

import json
import sys

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


def test_a_function_of_a_file_is_explained(tmp_path):
    file = tmp_path / "model.py"
    file.write_text(
        "import eqsat_tensor as et\n"
        "x = et.tensor('x', ('n',))\n"
        "f = et.function([x], et.log(1 + et.exp(x)))\n"
    )
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
