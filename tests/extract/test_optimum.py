"""Extraction beside the proven optimum, on the e-graphs of programs."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from eqsat_tensor.egraph.graph import Graph, Node
from eqsat_tensor.extract import extract, search
from eqsat_tensor.extract.cost import CostModel
from eqsat_tensor.extract.marginal import beside
from eqsat_tensor.extract.problem import Problem

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    sys.path.insert(0, str(FOLDER))
    try:
        spec = importlib.util.spec_from_file_location("optimum", FOLDER / "optimum.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["optimum"] = module
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(FOLDER))
    return module


@pytest.mark.parametrize(
    "name",
    ["attention", "attention, gradients", "diagonal mixture", "diagonal mixture, expanded",
     "logistic regression", "network", "layer norm", "rosenbrock", "Gaussian process", "products",
     "towers, 100 nodes", "elementwise, 100 nodes", "elementwise, 300 nodes", "random, 300 nodes"],
)  # fmt: skip
def test_what_is_chosen_is_within_a_hundredth_of_the_proven_optimum(script, name):
    found = script.distance(script.graph_of(*script.PROGRAMS[name]()), 60.0)
    assert found.gap < 1e-6, "HiGHS proved nothing"
    assert found.dearer <= script.WITHIN
    assert found.dearer > -1e-9


def test_beside_keeps_the_program_and_lets_it_use_what_it_did_not(script):
    graph = script.graph_of(*script.PROGRAMS["random, 300 nodes"]())
    problem = Problem.of(graph, CostModel())
    before = search(problem)
    after = beside(problem, before)
    assert set(problem.chosen(after.picks)) == set(problem.chosen(before.picks))
    assert after.picks.keys() == problem.members.keys()
    for eclass, node in after.picks.items():
        assert all(after.rank[child] < after.rank[eclass] for child in problem.children[node])


def test_an_e_class_not_in_use_takes_what_adds_least_to_the_program():
    rows = [  # class 0: the root, of 1 or of 2; class 2 is cheap alone, or of 1's operand 3
        ("root", (1,), 0), ("other", (2,), 0),
        ("dear", (3,), 1), ("alone", (), 2), ("of shared", (3,), 2), ("shared", (), 3),
    ]  # fmt: skip
    costs = {"root": 1.0, "other": 9.0, "dear": 4.0, "alone": 3.0, "of shared": 1.0, "shared": 5.0}
    nodes = tuple(Node(op, operands, (), False, eclass) for op, operands, eclass in rows)
    graph = Graph(nodes, (None,) * 4, (0, 1), ((0, 1), (2,), (3, 4), (5,)), {}, {})
    problem = Problem.of(graph, lambda node, _: costs[node.op])
    found = beside(problem, search(problem))
    assert graph.nodes[problem.number[found.picks[2]]].op == "of shared"
    assert found.rank[2] < found.rank[1]  # early: so that 1 may use it, where that is cheaper


def test_choices_are_the_same_whatever_came_before(script):
    graph = script.graph_of(*script.PROGRAMS["elementwise, 300 nodes"]())
    assert extract(graph, CostModel()).picks == extract(graph, CostModel()).picks
