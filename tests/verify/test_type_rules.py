"""The engine's type rules say what `infer` says; a wrong one is refuted by a small node."""

from __future__ import annotations

from pathlib import Path

import pytest

import eqsat_tensor as et
from eqsat_tensor.egraph.schema import op_forms
from eqsat_tensor.lang import OpDef
from eqsat_tensor.rules.signature import type_rule
from eqsat_tensor.verify.type_rules import place_of_type_rule, type_rules, verify_type_rule

PACKAGE = Path(et.__file__).parent


@pytest.mark.parametrize("name", type_rules())
def test_the_engine_derives_what_infer_says(name: str) -> None:
    report = verify_type_rule(name, 40)
    assert report.ok, report
    assert report.examples >= 20, report
    assert report.kind == "type"


def test_places_are_those_of_records() -> None:
    for name in ("type/Exp", "type/Sum", "type/Less"):
        file, _, line = place_of_type_rule(name).rpartition(":")
        text = (PACKAGE / file).read_text(encoding="utf-8").splitlines()[int(line) - 1]
        assert f'"{name.removeprefix("type/").lower()}"' in text, (name, text)


def test_a_wrong_type_rule_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(op: OpDef) -> str | None:
        text = type_rule(op)
        if op.name != "sum" or text is None:
            return text
        return text.replace("(type/without ?e ?d0 ?s0 ?axes)", "(set (type ?e) (Tensor ?d0 ?s0))")

    for place in ("eqsat_tensor.egraph.schema.type_rule", "eqsat_tensor.egraph.derive.type_rule"):
        monkeypatch.setattr(place, wrong)
    op_forms.cache_clear()
    try:
        report = verify_type_rule("type/Sum", 40)
    finally:
        op_forms.cache_clear()
    assert report.counterexample is not None
    assert report.counterexample.left_value != report.counterexample.truth


def test_a_rule_without_a_type_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eqsat_tensor.egraph.derive.type_ruleset", lambda name: "types/without")
    report = verify_type_rule("type/Exp", 40)
    assert report.counterexample is not None
    assert report.counterexample.left_value == "no type"
