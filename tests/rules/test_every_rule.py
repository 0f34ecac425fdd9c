"""Every rule of the book keeps the guarantee of its ruleset: being registered is being tested."""

from __future__ import annotations

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from eqsat_tensor.rules import RuleBook, load_rulebook
from eqsat_tensor.rules.propose import Proposer, proposers
from eqsat_tensor.verify.proposers import verify_proposer
from eqsat_tensor.verify.rules import EXAMPLES, verify_rule

BOOK: RuleBook = load_rulebook()
DRAWS = 2  # sets of instances that hypothesis draws; the nightly profile draws more


@pytest.mark.parametrize("name", [rule.name for rule in BOOK.rules])
def test_a_rule_keeps_its_guarantee(name: str) -> None:
    @settings(max_examples=DRAWS, phases=[Phase.generate], database=None)
    @given(seed=st.integers(0, 2**32 - 1))
    def hold(seed: int) -> None:
        report = verify_rule(BOOK.rule(name), BOOK, EXAMPLES // DRAWS, seed)
        place, found = report.place, report.counterexample or report.problem
        assert report.ok, f"{place}: {name} ({report.ruleset}, {report.guarantee}): {found}"

    hold()  # a function of its own each time: settings of one that is called again and again nest


@pytest.mark.parametrize("proposer", proposers(), ids=lambda p: str(p.name))
def test_a_proposer_keeps_its_guarantee(proposer: Proposer) -> None:
    report = verify_proposer(proposer, BOOK)
    assert report.ok, f"{proposer.name}: {report.counterexample or report.problem}"
