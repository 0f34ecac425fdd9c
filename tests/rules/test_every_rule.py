"""Every rule of the book keeps the guarantee of its ruleset: being registered is being tested."""

from __future__ import annotations

import pytest

from eqsat_tensor.rules import RuleBook, load_rulebook
from eqsat_tensor.rules.propose import Proposer, proposers
from eqsat_tensor.verify.proposers import verify_proposer
from eqsat_tensor.verify.rules import verify_rule

BOOK: RuleBook = load_rulebook()


@pytest.mark.parametrize("name", [rule.name for rule in BOOK.rules])
def test_a_rule_keeps_its_guarantee(name: str) -> None:
    report = verify_rule(BOOK.rule(name), BOOK)
    place, found = report.place, report.counterexample or report.problem
    assert report.ok, f"{place}: {name} ({report.ruleset}, {report.guarantee}): {found}"


@pytest.mark.parametrize("proposer", proposers(), ids=lambda p: str(p.name))
def test_a_proposer_keeps_its_guarantee(proposer: Proposer) -> None:
    report = verify_proposer(proposer, BOOK)
    assert report.ok, f"{proposer.name}: {report.counterexample or report.problem}"
