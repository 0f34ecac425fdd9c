"""Rules fire, types follow, alarms ring, and nothing that a rule does harms the process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from eqsat_tensor.egraph import engines
from eqsat_tensor.egraph import saturate as room
from eqsat_tensor.egraph.engine import EngineError
from eqsat_tensor.egraph.graph import Graph
from eqsat_tensor.egraph.saturate import Limits, Saturation, saturate
from eqsat_tensor.lang import FLOAT64, OPS, Expr
from eqsat_tensor.rules import load_rulebook
from eqsat_tensor.rules.book import RuleBook
from eqsat_tensor.rules.lint import check_rule
from eqsat_tensor.rules.propose import GraphLike, Proposal, Proposer, Term
from eqsat_tensor.rules.signature import has_type_rule
from eqsat_tensor.rules.vocabulary import RELATIONS, Vocabulary
from eqsat_tensor.types import TensorType
from tests.egraph.programs import HEAD, RULES, N, full, leaf, op, ops_of_root, small_book, tower
from tests.egraph.test_roundtrip import samples
from tests.threads import in_threads


def graph_of(outputs: list[Expr], book: RuleBook) -> Graph:
    result = saturate(outputs, book)
    assert result.graph is not None, result.diagnostic
    assert result.stopped == "saturated"
    return result.graph


def test_a_rule_fires_in_both_argument_orders_and_is_named() -> None:
    x = leaf()
    for parts in ((full(1.0, x), op("exp", x)), (op("exp", x), full(1.0, x))):
        graph = graph_of([op("log", op("add", *parts))], small_book())
        assert "softplus" in ops_of_root(graph)
        assert graph.rules[graph.roots[0]] == {"softplus"}
        assert graph.fired == {"softplus": 1}


def test_a_subsumed_node_stays_and_says_so() -> None:
    x = leaf()
    graph = graph_of([op("add", x, full(0.0, x))], small_book())
    found = {graph.nodes[i].op: graph.nodes[i].subsumed for i in graph.by_class[graph.roots[0]]}
    assert found == {"input": False, "add": True}


def test_of_two_nodes_that_subsumed_one_another_neither_stays_so() -> None:
    # x - y = -(y - x) = -(-(x - y)): each is the other's negative, and -(-x) = x fires on both.
    book = small_book(
        """
        (rewrite (Subtract x y) (Negative (Subtract y x)) :ruleset simplify :name "opposite")
        (rewrite (Negative (Negative x)) x :ruleset fold :name "negative-of-negative")
        """
    )
    graph = graph_of([op("subtract", leaf("x"), leaf("y"))], book)
    negatives = [n for n in graph.nodes if n.op == "negative"]
    assert graph.fired["negative-of-negative"] == 2
    assert len(negatives) == 2
    assert not any(n.subsumed for n in negatives)


def test_a_number_on_the_right_takes_the_type_of_the_left() -> None:
    x = op("exp", leaf(dtype=FLOAT64, shape=(N,)))
    graph = graph_of([op("divide", x, x)], small_book())
    fulls = [n for n in graph.nodes if n.op == "full"]
    assert [(n.attributes[0].value, n.attributes[0].dtype, n.attributes[1]) for n in fulls] == [
        (1.0, FLOAT64, (N,))
    ]


def test_a_float_on_the_right_is_never_made_for_ints() -> None:
    book = small_book('(rewrite (Add x x) (Multiply x 2.0) :ruleset simplify :name "twice")')
    integers = leaf(dtype=OPS["argmax"].infer(TensorType(FLOAT64, (2,)), axes=(0,)).dtype)
    assert ops_of_root(graph_of([op("add", integers, integers)], book)) == {"add"}
    floats = leaf()
    assert ops_of_root(graph_of([op("add", floats, floats)], book)) == {"add", "multiply"}


def test_constants_that_rules_bring_together_are_folded_in_their_dtype() -> None:
    x = leaf()
    program = op("multiply", op("multiply", x, full(0.1, x)), full(0.1, x))
    graph = graph_of([program], small_book())
    expected = float(np.float32(0.1) * np.float32(0.1))
    values = [n.attributes[0].value for n in graph.nodes if n.op == "full"]
    assert expected in values
    assert graph.fired["fold-constants"] == 1


def test_a_vector_in_a_condition_is_taken_apart() -> None:
    book = small_book(
        "(rewrite (Sum a x) (Prod a x) :when ((= (Tensor d s) (type x)) (= a (vec-of i))"
        ' (= 3 (vec-get s i))) :ruleset simplify :name "odd")'
    )
    assert ops_of_root(graph_of([op("sum", leaf(), axes=(1,))], book)) == {"sum", "prod"}
    assert ops_of_root(graph_of([op("sum", leaf(), axes=(0,))], book)) == {"sum"}


@pytest.mark.parametrize(
    "name",
    [
        n
        for n in samples()
        if n not in ("input", "full", "refine", "stretch", "unstretch") and has_type_rule(OPS[n])
    ],
)
def test_the_engine_derives_the_type_that_infer_says(name: str) -> None:
    """A rule makes the same node on other operands, whose type the engine must find."""
    expr = samples()[name]
    sorts = OPS[name].constructor
    count = len(room.op_forms(name)[0].split("(")[2].split(")")[0].split())
    names = [f"a{i}" for i in range(count)]
    pattern = f"({sorts} {' '.join(names)})"
    if not expr.arguments or names == []:
        return
    last = names[-1]
    made = f"({sorts} {' '.join([*names[:-1], f'(Keep {last})'])})"
    book = small_book(f'(rewrite {pattern} {made} :ruleset simplify :name "again")')
    first = saturate([expr], book)
    assert first.graph is not None, first.diagnostic
    new = [n for n in first.graph.nodes if n.op == "keep"]
    assert new
    assert first.graph.types[first.graph.roots[0]] == expr.type


# ------------------------------------------------------------------------------------ alarms
def alarmed(rules: str, *outputs: Expr) -> Saturation:
    result = saturate(list(outputs), small_book(rules))
    assert result.graph is None
    x = leaf()
    after = saturate([op("log", op("exp", x))], small_book())
    assert after.graph is not None, "the process goes on"
    return result


def test_an_unsound_rule_that_equates_constants_rings_and_is_named() -> None:
    x = leaf()
    rules = """(rewrite (Multiply x 0.0) 0.0 :ruleset simplify :name "right")
    (rewrite (Multiply x 0.0) 1.0 :ruleset simplify :name "wrong")"""
    result = alarmed(rules, op("multiply", x, full(0.0, x)))
    assert "0.0 and 1.0 equal" in result.diagnostic
    assert "wrong (tests.egg:" in result.diagnostic


def test_an_unsound_rule_that_equates_types_rings_and_is_named() -> None:
    rules = '(rewrite (Sum a x) x :ruleset simplify :name "forgets-the-axes")'
    result = alarmed(rules, op("sum", leaf(), axes=(0,)))
    assert "type" in result.diagnostic
    assert "forgets-the-axes (tests.egg:" in result.diagnostic


def test_a_rule_that_makes_an_ill_typed_node_ends_in_a_diagnostic() -> None:
    rules = '(rewrite (Exp x) (Sum (vec-of 7) (Exp x)) :ruleset simplify :name "axis-seven")'
    assert alarmed(rules, op("exp", leaf())).diagnostic


def test_growth_without_end_stops_at_the_limit_and_says_so() -> None:
    rules = '(rewrite (Exp x) (Exp (Negative x)) :ruleset simplify :name "grows")'
    book = small_book(rules, _head_with("(repeat 100 (run simplify types))"))
    result = saturate([op("exp", leaf())], book, Limits(rows=100, seconds=5))
    assert result.stopped.startswith("rows")
    assert result.graph is not None
    result = saturate([op("exp", leaf())], book, Limits(seconds=0.0))
    assert result.stopped.startswith("seconds")


def _head_with(schedule: str) -> str:
    return HEAD[: HEAD.index("(schedule")] + f"(schedule (saturate types facts) {schedule})\n"


# ------------------------------------------------------------------------------------ live rows
def test_a_subsumed_row_is_not_matched_again_though_rules_make_it_again() -> None:
    rules = """
(rewrite (Sin x) (Cos x) :ruleset fold :name "sine-goes")
(rewrite (Exp x) (Sin x) :ruleset simplify :name "sine-comes")
(rewrite (Sin x) (Tan x) :ruleset simplify :name "of-live-sines")
"""
    head = _head_with("(repeat 4 (run fold) (run simplify) types)")
    x = leaf()
    result = saturate([op("add", op("sin", x), op("exp", x))], small_book(rules, head))
    assert result.graph is not None
    assert result.matches["sine-goes"] == 1
    assert result.matches["sine-comes"] >= 1
    assert "of-live-sines" not in result.matches
    (sine,) = (n for n in result.graph.nodes if n.op == "sin")
    assert sine.subsumed
    assert {result.graph.nodes[i].op for i in result.graph.by_class[sine.eclass]} == {
        "sin", "cos", "exp",
    }  # fmt: skip


def test_rulesets_run_together_search_before_any_of_them_acts() -> None:
    rules = """
(rewrite (Sin x) (Cos x) :ruleset fold :name "sine-goes")
(rewrite (Sin x) (Tan x) :ruleset simplify :name "of-live-sines")
"""
    program = [op("sin", leaf())]
    for schedule, fired in (
        ("(together fold simplify)", {"sine-goes": 1, "of-live-sines": 1}),
        ("fold simplify", {"sine-goes": 1}),
        ("(saturate (together fold types facts)) simplify", {"sine-goes": 1}),
    ):
        book = small_book(rules, _head_with(schedule))
        assert " ".join(map(str, book.schedule[1:])) == schedule
        result = saturate(program, book)
        assert {k: v for k, v in result.matches.items() if "sine" in k} == fired, schedule
        assert result.stopped == "saturated"


# ------------------------------------------------------------------------------------ traces
def test_two_hundred_compiles_leave_no_trace() -> None:
    book, program = small_book(), tower(3)
    first = saturate(program, book)
    engine = engines.engines.get(book, ())
    saturate(program, book)
    size = engine.size()
    for i in range(200):
        result = saturate(program if i % 2 else [op("exp", leaf(f"y{i}", key=i))], book)
        assert result.graph is not None
    assert engine.size() == size
    assert engine is engines.engines.get(book, ())
    assert saturate(program, book).graph == first.graph


def test_the_same_program_gives_the_same_graph_whatever_came_before() -> None:
    book = load_rulebook().for_math("default")
    program = tower(3)
    engines.engines.kept.clear()
    first = saturate(program, book)
    for other in (tower(2), [op("sqrt", op("square", leaf()))], list(samples().values())):
        saturate(other, book)
        assert saturate(program, book).graph == first.graph


def test_each_thread_has_engines_of_its_own() -> None:
    book, program = small_book(), tower(2)
    expected = saturate(program, book).graph
    assert in_threads(lambda _: saturate(program, book).graph, range(3)) == [expected] * 3


def test_a_panic_costs_the_engine_not_the_process() -> None:
    book = small_book()
    engine = engines.engines.get(book, ())
    twice = '(rule ((= ?e (Node ?i))) () :name "twice" :ruleset facts/shared)'
    with pytest.raises(EngineError, match="panicked"):
        engine.load("x", lambda: [twice, twice], "x:1")
    assert not engine.alive
    x = leaf()
    assert saturate([op("log", op("exp", x))], book).graph is not None
    assert engines.engines.get(book, ()) is not engine


def test_the_package_book_does_every_op_and_a_tower() -> None:
    book = load_rulebook()
    for program in (list(samples().values()), tower(4)):
        result = saturate(program, book)
        assert result.graph is not None, result.diagnostic
        assert result.stopped == "saturated"
    assert len({OPS[n.op].name for n in graph_of(tower(4), book).nodes} & {"softplus", "sigmoid"})


def test_the_engine_takes_every_rule_of_the_package() -> None:
    book = load_rulebook()
    engine, needs = engines.engines.get(book, ()), room.needs_of(book, len(OPS))
    for name in samples():
        engine.load(name, lambda name=name: room.op_forms(name), name)
    declared = {r.name: r.declaration for r in book.relations if r not in RELATIONS}
    for i, rule in enumerate(book.rules):
        for name in needs.relations_of(i):
            if name in declared:
                engine.load(f"relation/{name}", lambda name=name: [declared[name]], name)
        engine.load(f"rules/{i}", lambda i=i: needs.rule_texts(i), rule.place)
    engines.engines.kept.clear()


def test_every_rule_of_the_package_passes_the_lint() -> None:
    book = load_rulebook()
    for rule in book.rules:
        ruleset = None if rule.kind == "fact" else book.ruleset(rule.ruleset)
        check_rule(rule, ruleset, Vocabulary(book.relations), own=True)


def test_a_proposal_that_is_there_ends_the_rounds() -> None:
    h = leaf("m0", (4, 4), key=0)
    for i in range(1, 20):
        h = op("matmul", h, leaf(f"m{i}", (4, 4), key=i))
    result = saturate([h], load_rulebook())
    assert result.graph is not None, result.diagnostic
    assert result.matches.get("long-matrix-chain", 0) <= 1


def test_steps_for_the_first_round_are_not_done_after_proposals() -> None:
    head = HEAD.replace("(run simplify types)", "(first simplify types)")
    sines = '(rewrite (Sin x) (Sin (Negative (Negative x))) :ruleset simplify :name "sines")'
    book = small_book(RULES + sines, head)
    step = "(repeat 3 (saturate fold types) (first simplify types) (saturate facts types))"
    assert str(book.schedule[1]) == step
    done = []

    def once(graph: GraphLike) -> Iterator[Proposal]:
        """One new node, in the first round alone."""
        if not done:
            done.append(graph.nodes[0])
            yield Proposal(graph.nodes[0].eclass, Term("sin", (0,)))

    asking = replace(
        book, proposers=(Proposer("once", "simplify", once, "x = sin(y), for this test"),)
    )
    first = saturate([op("sin", leaf())], book)
    both = saturate([op("sin", leaf())], asking)
    assert done
    assert both.matches["once"] == 1
    assert both.matches["sines"] == first.matches["sines"]  # of the new sine none


def test_a_program_gets_an_engine_without_many_rules_that_it_does_not_need() -> None:
    many = "\n".join(
        f'(rewrite (Sin (Multiply x y)) (Sin {k}.5) :ruleset simplify :name "s{k}" :when ((is-int x)))'
        for k in range(engines.SURPLUS + 20)
    )
    book = small_book(RULES + many)
    engines.engines.kept.clear()
    large, small = [op("sin", op("multiply", leaf(), full(1000.5, leaf())))], [op("exp", leaf())]
    for program in (large, small, large, small):
        assert saturate(program, book).stopped == "saturated"
    loaded = [
        sum(k.startswith(engines.RULE_KEY) for k in e.loaded) for e in engines.engines.kept.values()
    ]
    assert len(loaded) == 2
    assert min(loaded) < 10 < engines.SURPLUS < max(loaded)
    engines.engines.kept.clear()


def test_facts_are_looked_for_where_a_rule_asks_for_them() -> None:
    needs = room.needs_of(small_book(), len(OPS))
    book = needs.book

    def needed(*ops: str, allowed: frozenset[str] | None = None) -> set[str]:
        return {book.rules[i].name for i in needs.need(needs.mask(ops), None, allowed).rules}

    assert needed("exp") == set()
    assert needed("exp", "divide") == {"divide-same", "exp-positive", "positive-nonzero"}
    assert needed("exp", "divide", allowed=frozenset({"add-zero"})) == set()


def test_what_can_never_be_known_asks_for_nothing() -> None:
    """No rule concludes `lonely` here, so what would follow from it does not ask for `sine-of` either."""
    more = """
(relation lonely (Expr))
(relation sine-of (Expr Expr))
(fact (positive x) :when ((lonely x) (sine-of x y)) :name "from-lonely")
(fact (sine-of y x) :when ((= y (Sin x))) :name "sines-of")
"""
    book = small_book(RULES + more)
    needs = room.needs_of(book, len(OPS))
    mask = needs.mask(("exp", "divide", "sin"))
    found = {book.rules[i].name for i in needs.need(mask).rules}
    assert found == {"divide-same", "exp-positive", "positive-nonzero"}
    engines.engines.kept.clear()
    sine = op("sin", leaf())
    assert saturate([op("divide", op("exp", sine), op("exp", sine))], book).stopped == "saturated"
    (engine,) = engines.engines.kept.values()
    assert not {"relation/lonely", "relation/sine-of"} & engine.loaded  # nor are these declared
    needed = {
        book.rules[i].name for i in needs.need(mask, None, None, frozenset(("sine-of",))).rules
    }
    assert "sines-of" in needed
    assert saturate([sine], book, facts=("sine-of",)).stopped == "saturated"
    assert "relation/sine-of" in engine.loaded
    engines.engines.kept.clear()


def test_few_minor_proposals_are_no_reason_to_go_on_with_a_large_graph() -> None:
    """A common factor is left where it is alone in one; a sum of exponentials is not."""
    a, b, c, d, e = leaves = [leaf(name) for name in "abcde"]
    factors = op("add", op("add", op("multiply", a, b), c), op("multiply", a, d))
    exponentials = op("exp", e)
    for x in leaves[:4]:
        exponentials = op("add", exponentials, op("exp", x))
    long = e
    for i in range(40):
        long = op("tanh", op("subtract", op("sin", long), full(float(i), long)))
    for outputs, wanted in (
        ([factors], True),
        ([factors, long], False),
        ([factors, long, op("log", exponentials)], True),
    ):
        result = saturate(outputs, load_rulebook(), Limits(worth=40))
        assert bool(result.matches.get("factor-of-long-sum")) is wanted
