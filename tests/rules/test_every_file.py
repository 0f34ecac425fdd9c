"""Every rule file is needed, every rule does something, and nobody else fuses.

A rule is shown at work in one of two ways: an instance of its left side, with this rule alone, is
extracted as something else; or, for rules that only open the way for others, a program in
`PROGRAMS` comes out otherwise without it.
"""

from __future__ import annotations

import ast
import zlib
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.egraph.decode import decode
from eqsat_tensor.egraph.saturate import saturate
from eqsat_tensor.errors import EqsatError
from eqsat_tensor.extract import extract
from eqsat_tensor.extract.cost import CostModel
from eqsat_tensor.lang import Expr
from eqsat_tensor.ops.assume import without_assumptions
from eqsat_tensor.rules import RuleBook, load_rulebook, rule_files
from eqsat_tensor.rules.book import IDENTITY, Rule
from eqsat_tensor.verify.conditions import Misfit
from eqsat_tensor.verify.instances import draw_instance
from eqsat_tensor.verify.rules import definitions_of
from tests.rules.cases import Case
from tests.rules.programs import Made, optimise, package_rules
from tests.rules.shown import proposers
from tests.rules.test_cases import ALL, hold

PACKAGE = Path(et.__file__).parent
# Files for a search by measured error: tests/accuracy shows their rules at work.
SEARCHED = {r.file for r in load_rulebook().rules if r.guarantee == IDENTITY}
SHOWN = {
    p.stem: import_module(f"tests.rules.shown.{p.stem}")
    for p in rule_files()
    if p.name not in SEARCHED
}
PROGRAMS = {
    name: program for m in (*SHOWN.values(), proposers) for name, program in m.PROGRAMS.items()
}
CASES = {c.name: c for c in ALL}
PATHS = (
    "contraction-path"  # a proposer that finds what these, a file and two rules, find on their own
)
PROPOSED_TOO = ("contract", "kronecker-product-times-vector", "matvec-by-hand")


def holds(it: Case, book: RuleBook) -> bool:
    try:
        hold(optimise(it.program, it.points[0][0], book), it, True)
    except AssertionError:
        return False
    return True


@pytest.mark.parametrize("file", SHOWN)
def test_a_case_fails_without_the_file(file: str) -> None:
    needs = SHOWN[file].NEEDS
    it = CASES[needs] if isinstance(needs, str) else needs
    book = package_rules(getattr(SHOWN[file], "MATH", "default"))
    book = book.without([PATHS]) if file in PROPOSED_TOO else book
    assert holds(it, book)
    assert not holds(it, book.without([f"{file}.egg"]))


# ------------------------------------------------------------------ every rule
CHAIN = "long-matrix-chain"  # test_cases has its program
REWRITES = [r for r in package_rules("fast").rules if r.kind == "rewrite"]


@cache
def definitions() -> Any:
    return definitions_of(package_rules())


def changed_alone(rule: Rule) -> bool:
    """Is some instance of the rule's left side extracted as another program, by this rule alone?"""
    random = np.random.default_rng(zlib.crc32(rule.name.encode()))
    alone = package_rules("fast").only([rule.name])
    tries = 0
    while tries < 400:
        tries += 1
        try:
            instance = draw_instance(rule.lhs, rule.conditions, random, definitions())
        except (Misfit, AssertionError, EqsatError):
            continue
        if 0 in instance.expr.shape:
            continue
        outputs = [instance.expr, *instance.variables]
        found = saturate(outputs, alone)
        assert found.graph is not None, found.diagnostic
        written = without_assumptions(outputs)
        if found.graph.fired.get(rule.name) and extracted(found.graph) != written:
            return True
    return False


def extracted(graph: Any) -> list[Expr]:
    return decode(graph, extract(graph, CostModel()))


def without(
    name: str, book: RuleBook | None = None
) -> Callable[[Callable[..., Any], tuple[Any, ...]], Made]:
    rules = (book if book is not None else package_rules()).without([name])
    return lambda program, arrays: optimise(program, arrays, rules)


@pytest.mark.parametrize("rule", REWRITES, ids=lambda r: r.name)
def test_the_rule_changes_what_is_extracted(rule: Rule) -> None:
    if rule.name not in PROGRAMS:
        assert changed_alone(rule), f"{rule.name}: give it a program in PROGRAMS"
        return
    program, arrays = PROGRAMS[rule.name]
    book = package_rules("fast" if rule.guarantee == "approx" else "default")
    book = book.without([PATHS]) if rule.name in PROPOSED_TOO else book
    made = optimise(program, arrays, book)
    assert made.graph.fired.get(rule.name), f"{rule.name} does not fire"
    assert repr(made.extracted) != repr(without(rule.name, book)(program, arrays).extracted)


@pytest.mark.parametrize("proposer", [p for p in package_rules().proposers if p.name != CHAIN],
                         ids=lambda p: p.name)  # fmt: skip
def test_the_proposer_changes_what_is_extracted(proposer: Any) -> None:
    program, arrays = PROGRAMS[proposer.name]
    made = optimise(program, arrays)
    assert repr(made.extracted) != repr(without(proposer.name)(program, arrays).extracted)


def test_every_program_is_that_of_a_rule() -> None:
    names = {r.name for r in REWRITES} | {p.name for p in package_rules().proposers}
    assert set(PROGRAMS) <= names


# ------------------------------------------------------------------ the only place that fuses
STABLE = frozenset((
    "log1p", "expm1", "log1mexp", "softplus", "logaddexp", "logsumexp", "softmax", "log_softmax",
    "erfc",
))  # fmt: skip
ROOMS = ("normalize.py", "autodiff.py", "tracing.py", "compile.py", "egraph", "extract", "schedule")


def fused_names(source: str) -> set[str]:
    """Stable ops that a module names in code: as a word, an attribute or a string."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
    return found & STABLE


@pytest.mark.parametrize("room", ROOMS)
def test_stable_ops_are_made_by_rules_and_ops_alone(room: str) -> None:
    path = PACKAGE / room
    for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
        assert not fused_names(file.read_text()), file
