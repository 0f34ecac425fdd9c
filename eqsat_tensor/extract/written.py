"""The program as it was written, among the choices: greedy passes and local search may end in a dearer one."""

from __future__ import annotations

from collections.abc import Sequence

from eqsat_tensor.egraph.graph import Graph
from eqsat_tensor.extract.problem import Problem
from eqsat_tensor.lang import Expr, topological


def as_written(problem: Problem, graph: Graph, roots: Sequence[Expr]) -> dict[int, int] | None:
    """E-class -> node (of ``problem``), for all that the problem's roots need, as ``roots`` have it; None
    where a rule subsumed some of that: then every choice without is better.

    roots  expressions of e-classes of the graph, the problem's roots among them.

    Of two nodes that turned out to be equal the first is taken; operands come before what uses them,
    so no node comes to depend on itself.
    """
    kept = {number: k for k, number in enumerate(problem.number)}
    numbers: dict[tuple[object, ...], list[int]] = {}
    for number in kept:
        node = graph.nodes[number]
        key = (node.op, node.operands or node.attributes)
        numbers.setdefault(key, []).append(number)
    classes: dict[Expr, int] = {}
    picks: dict[int, int] = {}
    for expr in topological(roots):
        operands = tuple([classes.get(a, -1) for a in expr.arguments])
        if expr.op.name == "assume":  # says something of its operand, which it is
            classes[expr] = operands[0]
            continue
        for number in numbers.get((expr.op.name, operands or expr.attributes), ()):
            node = graph.nodes[number]
            if node.attributes == expr.attributes:
                classes[expr] = node.eclass
                picks.setdefault(node.eclass, kept[number])
                break
    needed = list(problem.roots)
    seen = set(needed)
    for eclass in needed:
        if eclass not in picks:
            return None
        new = [c for c in problem.children[picks[eclass]] if c not in seen]
        seen.update(new)
        needed += new
    return picks
