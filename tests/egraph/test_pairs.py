"""What is not on the other cannot match: rules that are not loaded for it would not have fired."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from eqsat_tensor.egraph import engines
from eqsat_tensor.egraph import saturate as room
from eqsat_tensor.egraph.graph import Graph
from eqsat_tensor.egraph.saturate import Saturation, saturate
from eqsat_tensor.fuzz.programs import draw_case
from eqsat_tensor.lang import OPS, Expr
from eqsat_tensor.normalize import normalize
from eqsat_tensor.rules import load_rulebook
from eqsat_tensor.rules.book import RuleBook
from eqsat_tensor.rules.uses import pair, uses_of
from eqsat_tensor.rules.vocabulary import Vocabulary
from tests.egraph.programs import full, leaf, op, small_book, tower

NUMBERS = {name: k for k, name in enumerate(OPS)}
NAMES = list(OPS)


@cache
def whole_book() -> RuleBook:
    return load_rulebook().for_math("default")


def pairs_of_rules(text: str) -> set[tuple[str, str]]:
    book = small_book(text)
    (uses,) = uses_of(book.rules, Vocabulary(book.relations)).values()
    return {(NAMES[p >> 16], NAMES[p & 0xFFFF]) for p in uses.pairs}


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("(rewrite (Log (Exp x)) x", {("log", "exp")}),
        ("(rewrite (Exp (Log (Add x 1.0))) x", {("exp", "log"), ("log", "add"), ("add", "full")}),
        ("(rewrite (Exp x) x :when ((= x (Log y)))", {("exp", "log")}),
        (
            "(rewrite (Add x y) x :when ((= (Negative (Exp z)) y) (= t (type x)))",
            {("add", "negative"), ("negative", "exp")},
        ),
        ("(rewrite (Sum axes x) x :when ((= axes (vec-of 0)) (positive x))", set()),
    ],
)
def test_the_pairs_of_a_rule(text: str, pairs: set[tuple[str, str]]) -> None:
    assert pairs_of_rules(f'{text} :ruleset simplify :name "rule")') == pairs


def test_the_pairs_of_a_program() -> None:
    x = leaf()
    written = room.written_pairs([op("log", op("exp", op("add", x, full(1.0, x))))])
    expected = [("log", "exp"), ("exp", "add"), ("add", "input"), ("add", "full")]
    assert written == {pair(NUMBERS[a], NUMBERS[b]) for a, b in expected}


def both_ways(
    outputs: list[Expr], monkeypatch: pytest.MonkeyPatch
) -> tuple[Saturation, Saturation]:
    """Saturated with the rules that can fire, and with all whose ops are there."""
    results = []
    for nodes in (10**9, -1):
        monkeypatch.setattr(room, "LOOKED_AT", nodes)
        engines.engines.kept.clear()
        results.append(saturate(outputs, whole_book()))
    return results[0], results[1]


def nodes_of(graph: Graph | None) -> Counter[object]:
    assert graph is not None
    return Counter((n.op, n.attributes, n.subsumed, len(n.operands)) for n in graph.nodes)


def same(outputs: list[Expr], monkeypatch: pytest.MonkeyPatch) -> int:
    """Both ways make the same; how many rewrites fired.  (Facts are looked for where some rule asks.)"""
    few, every = both_ways(outputs, monkeypatch)
    assert few.stopped == every.stopped == "saturated"
    rewrites = {r.name for r in whole_book().rules if r.kind == "rewrite"}
    fired, of_all = (
        {name: n for name, n in s.matches.items() if name in rewrites} for s in (few, every)
    )
    assert fired == of_all
    assert nodes_of(few.graph) == nodes_of(every.graph)
    return len(fired)


def test_nothing_is_missed_in_random_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    fired = []
    for seed in range(30):
        program = draw_case(seed, 4).program
        roots, _ = normalize(program.outputs, list(program.leaves))
        fired.append(same(list(roots), monkeypatch))
    assert sum(n > 1 for n in fired) > 10


def test_nothing_is_missed_in_a_tower(monkeypatch: pytest.MonkeyPatch) -> None:
    assert same(tower(4), monkeypatch) > 1


def test_few_rules_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []
    for nodes in (300, -1):
        monkeypatch.setattr(room, "LOOKED_AT", nodes)
        engines.engines.kept.clear()
        saturate(tower(3), whole_book())
        (engine,) = engines.engines.kept.values()
        loaded.append(sum(key.startswith(engines.RULE_KEY) for key in engine.loaded))
    assert 2 * loaded[0] < loaded[1]
