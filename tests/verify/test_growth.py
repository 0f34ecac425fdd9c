"""Growth certificates: which files make e-graphs grow, on what, by which rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from eqsat_tensor.egraph.saturate import Limits
from eqsat_tensor.egraph.traced import saturate_traced
from eqsat_tensor.rules import load_rulebook
from eqsat_tensor.rules.certificate import cache_directory
from eqsat_tensor.verify import certify_growth
from eqsat_tensor.verify import growth as growth_module
from eqsat_tensor.verify.seeds import seeds

TAME = """; tame.egg
; e^x e^y = e^(x + y)
(rewrite (Multiply (Exp x) (Exp y)) (Exp (Add x y)) :ruleset simplify :name "product-of-two-exps")
"""
WILD = """; wild.egg: both together have 3^n forms
; (a + b) + c = a + (b + c)
(rewrite (Add (Add a b) c) (Add a (Add b c)) :ruleset linear :name "add-associates")
; a + b = b + a
(rewrite (Add a b) (Add b a) :ruleset linear :name "add-commutes")
"""


def test_a_tame_file_has_a_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EQSAT_CACHE_DIR", str(tmp_path / "cache"))
    file = tmp_path / "tame.egg"
    file.write_text(TAME)
    found = certify_growth([file])
    assert [g.program for g in found] == list(seeds())
    assert not any(g.problem for g in found)
    for growth in found:
        assert growth.rows == growth.steps[-1][1] if growth.steps else growth.rows == 0
        assert 0 < growth.rows_before <= growth.rows
    assert len(list(cache_directory().glob("*.growth"))) == 1
    monkeypatch.setattr(growth_module, "_measured", None)  # the second time nothing runs
    assert certify_growth([file]) == found


def test_the_rule_that_grows_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EQSAT_CACHE_DIR", str(tmp_path / "cache"))
    file = tmp_path / "wild.egg"
    file.write_text(WILD)
    grown = {g.program: g for g in certify_growth([file]) if g.problem}
    assert list(grown) == ["sum"]
    growth = grown["sum"]
    assert growth.problem.startswith("rows: more than")
    assert growth.guilty == ("add-associates",)
    assert growth.matches["add-associates"] > 1000
    assert growth.steps[-1][1] > 10 * growth.rows_before
    assert "it does not without add-associates" in str(growth)


@pytest.mark.parametrize(
    "without", [(), ("where-of-where-true",), ("where-of-where-and",)], ids=str
)
def test_selections_one_in_another_stay_few(without: tuple[str, ...]) -> None:
    """They were bracketed in every way, and without end where a condition stands twice."""
    book = load_rulebook().without(without)
    result, steps = saturate_traced(seeds()["masks"], book, Limits(rows=20_000))
    assert result.stopped == "saturated", result.stopped
    assert steps[-1].rows < 1_500
