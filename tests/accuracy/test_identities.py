"""Rules of real functions: each is needed for something, and none runs where nothing is measured."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np
import pytest

from eqsat_tensor.egraph.saturate import saturate
from eqsat_tensor.errors import EqsatError
from eqsat_tensor.lang import Expr
from eqsat_tensor.rules import RuleBook, load_rulebook
from eqsat_tensor.rules.book import IDENTITY, Rule
from eqsat_tensor.verify.conditions import Misfit
from eqsat_tensor.verify.instances import draw_instance
from eqsat_tensor.verify.rules import definitions_of, planted, verify_rule

BOOK: RuleBook = load_rulebook()
IDENTITIES = [r for r in BOOK.rules if r.guarantee == IDENTITY]


def instances(rule: Rule) -> Iterator[Expr]:
    """Programs that the rule's left side matches, of several dtypes."""
    random = np.random.default_rng(zlib.crc32(rule.name.encode()))
    for _ in range(100):
        try:
            yield draw_instance(rule.lhs, rule.conditions, random, definitions_of(BOOK)).expr
        except (Misfit, AssertionError, EqsatError):
            continue


@pytest.mark.parametrize("rule", IDENTITIES, ids=lambda r: r.name)
def test_an_identity_makes_another_form(rule: Rule) -> None:
    alone = BOOK.running(rule.ruleset).only([rule.name])
    for program in instances(rule):
        found = saturate([program], alone)
        assert found.graph is not None, found.diagnostic
        root = found.graph.by_class[found.graph.roots[0]]
        if found.graph.fired.get(rule.name) and len(root) > 1:
            return
    raise AssertionError(f"{rule.name} makes nothing new of any instance")


@pytest.mark.parametrize("math", ["strict", "default", "fast"])
def test_no_identity_is_used_where_nothing_is_measured(math: str) -> None:
    assert not {r.name for r in BOOK.for_math(math).rules} & {r.name for r in IDENTITIES}


def test_a_search_subsumes_nothing() -> None:
    rules = BOOK.for_search().rules
    assert {r.name for r in IDENTITIES} <= {r.name for r in rules}
    assert not any(r.subsume for r in rules)
    assert BOOK.for_search().digest != BOOK.digest


WRONG = {
    "a wrong constant": "(rewrite (Subtract (Exp x) 1.0) (Multiply (Expm1 x) 1.001))",
    "defined on more": "(rewrite (Multiply (Sqrt x) (Sqrt x)) x)",
    "defined on less": "(rewrite (Sqrt (Multiply x y)) (Multiply (Sqrt x) (Sqrt y)))",
    "right for large x alone": "(rewrite (Sqrt (Add (Multiply x x) 1.0)) (Absolute x))",
    "another branch": "(rewrite (Arctan (Tan x)) x)",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_identity_is_refuted(name: str) -> None:
    book, rule = planted(BOOK, WRONG[name], name.replace(" ", "-"), "identities")
    report = verify_rule(rule, book, 80)
    assert report.counterexample is not None, report
