"""Wrong rules are refuted with a counterexample, right ones pass: verification verified."""

from __future__ import annotations

import json

import pytest

from eqsat_tensor.rules import load_rulebook
from eqsat_tensor.verify.rules import Report, planted, verify_rule
from tests.verify.planted import RIGHT, WRONG

SEEDS = 3  # sets of instances, until one refutes: the dtype that does may be a rare one


def verified(name: str, ruleset: str, source: str, examples: int, seed: int = 0) -> Report:
    book, rule = planted(load_rulebook(), source, f"planted-{name}", ruleset)
    return verify_rule(rule, book, examples, seed)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_rule_is_refuted_with_a_counterexample(name: str) -> None:
    reports = (verified(name, *WRONG[name], examples=2000, seed=n) for n in range(SEEDS))
    report = next((r for r in reports if r.counterexample is not None), None)
    assert report is not None
    json.dumps(report.as_json(), allow_nan=False)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_rule_that_loses_range_at_rare_draws_is_refuted_by_more_of_them(seed: int) -> None:
    """With the draws of seed 1 it overflows fewer than `LOSSES` times in 2,000."""
    name = "logaddexp-of-reciprocals"
    report = verified(name, *WRONG[name], examples=2000, seed=seed)
    assert report.counterexample is not None


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_rule_passes(name: str) -> None:
    report = verified(name, *RIGHT[name], examples=90)
    assert report.ok, report
    assert report.instances >= 2, report
