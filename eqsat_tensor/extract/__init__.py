"""`Graph` and costs -> `Choice`: the best program in an e-graph, all roots as one DAG.

What is minimised, in this order: the number of subsumed rows chosen (a stable rule subsumes its
left side, so time never buys instability back), then the total cost of the nodes chosen, a
shared node counted once.

    e-class 7: log(6) [subsumed], log1p(3)    ->   7: log1p(3)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eqsat_tensor.egraph.graph import Choice, Graph, Node
from eqsat_tensor.extract.greedy import HOPEFUL_NODES, Solution, choose_greedily
from eqsat_tensor.extract.local import improve
from eqsat_tensor.extract.marginal import beside
from eqsat_tensor.extract.problem import Problem
from eqsat_tensor.extract.written import as_written
from eqsat_tensor.lang import Expr

CostOfNode = Callable[[Node, Graph], float]
METHODS = ("greedy", "milp")
ROUNDS = 4  # of local search beside the best program so far


def extract(
    graph: Graph, cost: CostOfNode, method: str = "greedy", written: Sequence[Expr] = ()
) -> Choice:
    """The best acyclic choice of one node for every e-class that the roots need.

    cost    non-negative finite cost of one node, its operands not counted.
    written the program that the graph was made of, never dearer than the choice, and chosen in a tie.
    method  "greedy": bottom-up passes and a local search, linear in practice;
            "milp": an integer program on top; `extract_with_gap` tells what it proved.
    The result does not depend on how e-classes and nodes are numbered.
    Raises UnsupportedError where "milp" is asked for and highspy is missing.
    """
    assert method in METHODS, method
    if method == "milp":
        return extract_with_gap(graph, cost)[0]
    problem = Problem.of(graph, cost)
    picks = search(problem).picks
    plain = as_written(problem, graph, written) if written else None
    if plain is not None and problem.weight_of(plain) <= problem.weight_of(picks):
        picks = plain
    return Choice(problem.choice_of(picks))


def extract_with_gap(
    graph: Graph, cost: CostOfNode, time_limit: float = 10.0
) -> tuple[Choice, float]:
    """The best choice by an integer program, and how far from the best it may be, relative.

    time_limit  seconds, for each of the at most two runs of the solver.
    A gap of 0 is a proof that nothing is cheaper; infinity says that nothing was proved.
    Raises UnsupportedError where highspy is missing.
    """
    from eqsat_tensor.extract.milp import solve

    problem = Problem.of(graph, cost)
    best, gap = solve(problem, search(problem), time_limit)
    return Choice(problem.choice_of(best.picks)), gap


def search(problem: Problem) -> Solution:
    """The best of the greedy solutions, each improved by local search; then improved beside itself."""
    solutions = [improve(problem, solution) for solution in choose_greedily(problem)]
    best = min(solutions, key=lambda s: problem.weight_of(s.picks))
    cost = problem.weight_of(best.picks)
    for _ in range(rounds_for(len(problem.eclass))):
        again = improve(problem, beside(problem, best))
        less = problem.weight_of(again.picks)
        if less >= cost:
            break
        best, cost = again, less
    return best


def rounds_for(nodes: int) -> int:
    """How often a program is improved beside itself: a round takes 15 us a node of the e-graph."""
    if nodes <= HOPEFUL_NODES:
        return ROUNDS
    return 1 if nodes <= 2 * HOPEFUL_NODES else 0
