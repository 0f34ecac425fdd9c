"""Extraction against brute force, and what every method must keep."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eqsat_tensor.egraph.decode import decode
from eqsat_tensor.egraph.graph import Graph, Node
from eqsat_tensor.extract import extract, extract_with_gap
from eqsat_tensor.extract.greedy import choose_greedily
from eqsat_tensor.extract.local import improve
from eqsat_tensor.extract.milp import components
from eqsat_tensor.extract.problem import Problem, scaled
from eqsat_tensor.lang import OPS
from eqsat_tensor.ops.captured import input_leaf
from tests.counting import calls_of
from tests.extract.graphs import cost_by_op, every_total, graph_of, graphs, total


def renumbered(graph: Graph, classes: list[int], nodes: list[int]) -> Graph:
    """The same graph, e-class c called ``classes[c]``, node i of it being ``nodes[i]`` of the old."""
    rows = []
    for old in nodes:
        n = graph.nodes[old]
        operands = tuple(classes[o] for o in n.operands)
        rows.append((n.op, operands, n.subsumed, classes[n.eclass]))
    return graph_of(rows, [classes[r] for r in graph.roots])


def term(graph: Graph, picks, eclass: int):
    node = graph.nodes[picks[eclass]]
    return (node.op, *(term(graph, picks, o) for o in node.operands))


@given(graphs())
def test_every_method_gives_a_choice_and_none_beats_brute_force(case):
    graph, costs = case
    cost = cost_by_op(costs)
    best = min(every_total(graph, cost))
    assert total(graph, extract(graph, cost), cost) >= best


@given(graphs(classes=5, more=5))
def test_milp_finds_the_best_and_proves_it(case):
    pytest.importorskip("highspy")
    graph, costs = case
    cost = cost_by_op(costs)
    choice, gap = extract_with_gap(graph, cost)
    assert total(graph, choice, cost) == min(every_total(graph, cost))
    assert gap == pytest.approx(0, abs=1e-6)
    assert total(graph, choice, cost) <= total(graph, extract(graph, cost), cost)


@given(graphs(classes=8, more=14))
def test_local_search_never_loses_to_its_start(case):
    graph, costs = case
    problem = Problem.of(graph, cost_by_op(costs))
    for start in choose_greedily(problem):
        better = improve(problem, start)
        assert problem.weight_of(better.picks) <= problem.weight_of(start.picks)


@given(graphs())
def test_no_subsumed_row_is_chosen_where_all_roots_can_do_without(case):
    graph, costs = case
    cost = cost_by_op(costs)
    needs_none = min(every_total(graph, cost))[0] == 0
    assert (total(graph, extract(graph, cost), cost)[0] == 0) or not needs_none


@given(graphs(classes=7, more=8), st.randoms(use_true_random=False))
def test_the_choice_does_not_depend_on_numbering(case, random):
    graph, _ = case
    cost = cost_by_op({n.op: 1.0 for n in graph.nodes})  # ties everywhere
    classes, nodes = list(range(len(graph.by_class))), list(range(len(graph.nodes)))
    random.shuffle(classes)
    random.shuffle(nodes)
    other = renumbered(graph, classes, nodes)
    one, two = extract(graph, cost).picks, extract(other, cost).picks
    for root in graph.roots:
        assert term(graph, one, root) == term(other, two, classes[root])


def test_the_stable_form_wins_though_it_is_a_hundred_times_dearer():
    rows = [("x", (), False, 0), ("log", (0,), True, 1), ("log1p", (0,), False, 1)]
    graph = graph_of(rows, [1])
    cost = cost_by_op({"x": 0.0, "log": 1.0, "log1p": 100.0})
    assert extract(graph, cost).picks == {0: 0, 1: 2}
    assert extract(graph, cost, method="milp").picks == {0: 0, 1: 2}


def test_a_subsumed_row_serves_where_nothing_else_ends():
    # e-class 1 is log(0) [subsumed] or f(1), which has no finite term; h(0) was replaced by g(1) and stays so.
    rows = [("x", (), False, 0), ("log", (0,), True, 1), ("f", (1,), False, 1)]
    graph = graph_of([*rows, ("g", (1,), False, 2), ("h", (0,), True, 2)], [2])
    cost = cost_by_op({"x": 0.0, "log": 5.0, "f": 0.0, "g": 9.0, "h": 10.0})
    assert extract(graph, cost).picks == {0: 0, 1: 1, 2: 3}


def test_rows_that_subsumed_one_another_bring_back_no_other():
    # All rows of e-class 1 are subsumed; that is no reason to take the subsumed log in e-class 2.
    rows = [
        ("x", (), False, 0),
        ("abs", (0,), True, 1),
        ("log", (0,), True, 2),
        ("log1p", (1,), False, 2),
    ]
    graph = graph_of(rows, [2])
    cost = cost_by_op({"x": 0.0, "abs": 1.0, "log": 1.0, "log1p": 9.0})
    assert extract(graph, cost).picks == {0: 0, 1: 1, 2: 3}


def test_few_subsumed_rows_beat_many_cheap_ones():
    rows = [
        ("x", (), False, 0),
        ("bad", (0,), True, 1),
        ("worse", (1,), True, 2),
        ("dear", (1,), False, 2),
    ]
    graph = graph_of(rows, [2])
    cost = cost_by_op({"x": 0.0, "bad": 1.0, "worse": 1.0, "dear": 1e9})
    assert extract(graph, cost).picks[2] == 3


def test_a_cycle_of_free_nodes_is_no_way_out():
    rows = [
        ("f", (1,), False, 0),
        ("g", (0,), False, 1),
        ("x", (), False, 2),
        ("h", (2,), False, 0),
    ]
    graph = graph_of(rows, [1])
    cost = cost_by_op({"f": 0.0, "g": 0.0, "x": 7.0, "h": 9.0})
    for method in ("greedy", "milp"):
        assert extract(graph, cost, method=method).picks == {0: 3, 1: 1, 2: 2}


def test_the_program_as_written_is_chosen_where_the_search_ends_dearer():
    x = input_leaf("x", np.dtype(np.float64), (3,))
    a = OPS["log"](x)
    b = OPS["add"](x, a)
    c = OPS["multiply"](b, a)
    d = OPS["arctan2"](c, a)
    e = OPS["copysign"](c, d)
    rows = [("input", (), 0), ("log", (0,), 1), ("add", (0, 1), 2), ("multiply", (2, 1), 3)]
    rows += [("arctan2", (3, 1), 4), ("copysign", (3, 4), 5)]
    rows += [("maximum", (0, 3), 4), ("arctan2", (2, 5), 1), ("sin", (1,), 5)]
    graph = graph_of([(op, operands, False, eclass) for op, operands, eclass in rows], (4, 3, 5, 2))
    nodes = (replace(graph.nodes[0], attributes=x.attributes), *graph.nodes[1:])
    graph = replace(graph, nodes=nodes)
    cost = cost_by_op({"input": 0, "log": 8, "add": 6, "multiply": 16, "arctan2": 4, "copysign": 8,
                       "maximum": 13, "sin": 15})  # fmt: skip
    assert total(graph, extract(graph, cost), cost) == (0, 49)
    written = extract(graph, cost, written=[d, c, e, b])
    assert total(graph, written, cost) == (0, 42)
    assert decode(graph, written) == [d, c, e, b]
    subsumed = replace(graph, nodes=(*nodes[:5], replace(nodes[5], subsumed=True), *nodes[6:]))
    assert extract(subsumed, cost, written=[d, c, e, b]) == extract(subsumed, cost)


def test_a_shared_value_is_paid_once():
    # Each of the two roots is f(shared) or a private chain; shared costs more than one chain.
    rows = [("x", (), False, 0), ("shared", (0,), False, 1)]
    for root in (2, 3):
        rows += [(f"of_shared{root}", (1,), False, root), (f"alone{root}", (0,), False, root)]
    graph = graph_of(rows, [2, 3])
    costs = {"x": 0.0, "shared": 10.0}
    costs |= {f"of_shared{r}": 1.0 for r in (2, 3)} | {f"alone{r}": 8.0 for r in (2, 3)}
    best = total(graph, extract(graph, cost_by_op(costs)), cost_by_op(costs))
    assert best == (0, 12.0)


def tower(levels: int) -> Graph:
    """A chain in which each level uses the one below twice, in either of two forms."""
    rows = [("x", (), False, 0)]
    for level in range(1, levels):
        rows += [("add", (level - 1, level - 1), False, level)]
        rows += [("mul", (level - 1, max(0, level - 2)), False, level)]
    return graph_of(rows, [levels - 1])


def test_deep_sharing_neither_overflows_nor_recurses():
    graph = tower(5000)
    cost = cost_by_op({"x": 1.0, "add": 2.0, "mul": 3.0})
    assert total(graph, extract(graph, cost), cost) == (0, 2.0 * 4999 + 1.0)


def chain_of_pairs(classes):
    """Each class has two nodes, on the class before and on a far one."""
    rows = [("x", (), False, 0)]
    for eclass in range(1, classes + 1):
        for op in ("f", "g"):
            operands = (eclass - 1, (eclass * 7919 + (op == "g")) % eclass)
            rows.append((op, operands, False, eclass))
    return graph_of(rows, [classes])


def test_four_times_the_nodes_are_little_more_than_four_times_the_work():
    cost = cost_by_op({"x": 0.0, "f": 2.0, "g": 2.5})
    small, large = chain_of_pairs(1250), chain_of_pairs(5000)
    assert calls_of(lambda: extract(large, cost)) < 6 * calls_of(lambda: extract(small, cost))


@pytest.mark.parametrize("bad", [-1.0, math.inf, math.nan])
def test_a_cost_must_be_a_finite_number(bad):
    graph = graph_of([("x", (), False, 0)], [0])
    with pytest.raises(AssertionError, match="finite and not negative"):
        extract(graph, cost_by_op({"x": bad}))


@given(st.lists(st.integers(0, 2**40), min_size=1))
def test_scaling_keeps_the_ratios_of_costs(costs):
    assert [
        round(s * max(1, max(costs)) / max(1, max(scaled(costs)))) for s in scaled(costs)
    ] == costs


def test_components_are_those_of_the_cycles():
    rows = [
        ("f", (1,), False, 0),
        ("g", (0,), False, 1),
        ("x", (), False, 2),
        ("h", (2,), False, 0),
    ]
    problem = Problem.of(graph_of([*rows, ("top", (0,), False, 3)], [3]), lambda n, g: 1.0)
    found = components(problem)
    assert set(found) == {0, 1}
    assert found[0] == found[1]


def test_the_root_needs_a_finite_term():
    graph = graph_of([("f", (0,), False, 0)], [0])
    with pytest.raises(AssertionError, match="no finite term"):
        extract(graph, lambda node, graph: 1.0)


def test_attributes_break_ties_by_their_text():
    nodes = tuple(Node("full", (), (value,), False, 0) for value in ("b", "a"))
    graph = Graph(nodes, (None,), (0,), ((0, 1),), {}, {})
    assert extract(graph, lambda node, graph: 1.0).picks == {0: 1}
