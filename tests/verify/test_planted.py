"""Wrong rules are refuted with a counterexample, right ones pass: verification verified."""

from __future__ import annotations

import json

import pytest

from eqsat_tensor.rules import load_rulebook
from eqsat_tensor.verify.rules import Report, planted, verify_rule
from tests.verify.planted import RIGHT, WRONG


def verified(name: str, ruleset: str, source: str) -> Report:
    book, rule = planted(load_rulebook(), source, f"planted-{name}", ruleset)
    return verify_rule(rule, book, examples=90)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_rule_is_refuted_with_a_counterexample(name: str) -> None:
    report = verified(name, *WRONG[name])
    assert report.counterexample is not None, report
    json.dumps(report.as_json(), allow_nan=False)


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_rule_passes(name: str) -> None:
    report = verified(name, *RIGHT[name])
    assert report.ok, report
    assert report.instances >= 2, report
