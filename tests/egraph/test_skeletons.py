"""Where a skeleton is not there no pattern matches: rules left out for it would not have fired."""

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
from eqsat_tensor.rules.skeletons import SKELETONS, mask_of
from eqsat_tensor.rules.uses import uses_of
from eqsat_tensor.rules.vocabulary import Vocabulary
from tests.egraph.programs import full, leaf, op, small_book, tower

NAMES = list(OPS)


@cache
def whole_book() -> RuleBook:
    return load_rulebook().for_math("default")


def shown(number: int) -> str:
    """A skeleton as text: `any` for an operand of which nothing is asked."""
    skeleton = SKELETONS.all[number]
    if skeleton.value is not None:
        return repr(skeleton.value)
    parts = [" and ".join(map(shown, needed)) or "any" for needed in skeleton.operands]
    return NAMES[skeleton.op] + (f"({', '.join(parts)})" if parts else "") + " same" * skeleton.same


def needs_of_rule(text: str) -> set[str]:
    book = small_book(f'{text} :ruleset simplify :name "rule")')
    (uses,) = uses_of(book.rules, Vocabulary(book.relations)).values()
    return {shown(n) for n in uses.needs}


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        ("(rewrite (Log (Exp x)) x", {"log(exp(any))"}),
        ("(rewrite (Exp (Log (Divide x 2.0))) x", {"exp(log(divide(any, 2.0)))"}),
        ("(rewrite (Subtract x x) 0.0", {"subtract(any, any) same"}),
        ("(rewrite (Add (Exp x) 1.0) x", {"add(1.0, exp(any))"}),
        ("(rewrite (Exp x) x :when ((= x (Log y)))", {"exp(log(any))", "log(any)"}),
        ("(rewrite (Exp x) x :when ((= y (Log self)))", {"exp(any)", "log(exp(any))"}),
        (
            "(rewrite (Add x y) x :when ((= (Negative (Exp z)) y) (= t (type x)))",
            {"add(any, negative(exp(any)))", "negative(exp(any))"},
        ),
        (
            "(rewrite (Exp x) x :when ((= x (Negative y)) (= y (Negative x)))",
            {
                "exp(negative(negative(any)))",
                "negative(negative(negative(any)))",
            },
        ),
        ("(rewrite (Add x (Full (F c) t)) x", {"add(any, full)"}),
        ("(rewrite (Add x (Full (F 2.0) t)) x", {"add(2.0, any)"}),
        (
            "(rewrite (Sum axes x) x :when ((= axes (vec-of 0)) (positive x))",
            {"sum(any)"},
        ),
    ],
)
def test_the_skeletons_of_a_rule(text: str, needs: set[str]) -> None:
    def unordered(texts: set[str]) -> set[str]:  # operands of commutative ops are in either order
        return {
            t.replace("add(any, 2.0)", "add(2.0, any)")
            .replace("add(full, any)", "add(any, full)")
            .replace("add(exp(any), 1.0)", "add(1.0, exp(any))")
            .replace("add(negative(exp(any)), any)", "add(any, negative(exp(any)))")
            for t in texts
        }

    assert unordered(needs_of_rule(text)) == unordered(needs)


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("(rewrite (Log (Add 1.0 (Exp x))) x", True),
        ("(rewrite (Log (Add (Exp x) 1.0)) x", True),
        ("(rewrite (Log (Add x 2.0)) x", False),
        ("(rewrite (Subtract 1.0 (Exp x)) x", True),
        ("(rewrite (Subtract (Exp x) 1.0) x", False),
        ("(rewrite (Subtract x x) x", False),
        ("(rewrite (Multiply x x) x", True),
        ("(rewrite (Log (Exp x)) x", False),
        ("(rewrite (Log x) x :when ((= x (Add y z)) (= z (Exp w)))", True),
        ("(rewrite (Log x) x :when ((= x (Add y z)) (= z (Log w)))", False),
    ],
)
def test_a_pattern_is_there_or_is_not(text: str, there: bool) -> None:
    """In log(exp(x) + 1) and (1 - exp(x)) squared, once as written, once as the engine has it."""
    x = leaf()
    one, e = full(1.0, x), op("exp", x)
    difference = op("subtract", one, e)
    program = [op("log", op("add", e, one)), op("multiply", difference, difference)]
    book = small_book(f'{text} :ruleset simplify :name "rule")')
    (uses,) = uses_of(book.rules, Vocabulary(book.relations)).values()
    assert (not mask_of(uses.needs) & ~room.written(program)) == there
    run = room._Run(book, room.Limits(), None, ())
    encoder = room.Encoder()
    encoder.program(program)
    run.present, run.skeletons = run.needs.mask(encoder.ops), 0
    engine = engines.Engine(engines.base_forms())
    run.load(engine)
    commands, tables = encoder.take()
    engine.run(*commands)
    for table, lines in tables.items():
        engine.load_rows(table, lines)
    run.command(engine, ("ingest",))
    run.look(engine)
    assert (not mask_of(uses.needs) & ~run.skeletons) == there


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
