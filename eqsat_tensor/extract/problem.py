"""`Graph` and costs -> `Problem`: the part of an e-graph that matters, as plain arrays.

Only nodes that the roots can reach and that have a finite term are kept.  Where every root has a
term without subsumed rows, all subsumed rows are dropped.  Else those of e-classes without another
row are taken back (two rows of a class may have subsumed one another: |a| and |b| with a = -b and
b = -a), so that no other e-class falls back on what a rule replaced; where that is not enough all
stay.  Each has a penalty above the cost of any program.

Weights are integers in two levels: ``subsumed * penalty + cost``, with the costs scaled by a power
of two and rounded, and a penalty above the sum of all costs.  So totals compare exactly as the
pair (subsumed rows, cost) does, in any order of addition.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from eqsat_tensor.egraph.graph import Graph, Node

COST_BITS = 48  # the dearest node has a scaled cost of at most 2**48


@dataclass(frozen=True, eq=False)
class Problem:
    """One extraction problem.  Nodes are renumbered; e-classes keep the graph's numbers.

    number     the graph's number of each node.
    eclass     the e-class of each node.
    children   the distinct e-classes that each node needs.
    operands   the operands of each node, in order (for tie-breaks).
    label      op and attributes as text (for tie-breaks).
    weight     the two-level cost of each node.
    penalty    what a subsumed row weighs; more than all costs together.
    subsumed   1 where the node is a subsumed row.
    members    the nodes of each e-class that has any.
    roots      the distinct e-classes to compute.
    classes    how many e-classes the graph has.
    """

    number: Sequence[int]
    eclass: Sequence[int]
    children: Sequence[tuple[int, ...]]
    operands: Sequence[tuple[int, ...]]
    label: Sequence[str]
    weight: Sequence[int]
    penalty: int
    subsumed: Sequence[int]
    members: Mapping[int, Sequence[int]]
    roots: tuple[int, ...]
    classes: int

    @classmethod
    def of(cls, graph: Graph, cost: Callable[[Node, Graph], float]) -> Problem:
        """The problem that ``graph`` poses under ``cost``."""
        roots = tuple(dict.fromkeys(graph.roots))
        reached = reachable(graph, roots)
        stable = [n for n in reached if not graph.nodes[n].subsumed]
        kept, derivable = with_terms(graph, stable)
        if not derivable.issuperset(roots):
            kept, derivable = with_terms(graph, with_sole_rows(graph, reached))
        if not derivable.issuperset(roots):
            kept, derivable = with_terms(graph, reached)
        assert derivable.issuperset(roots), "a root of the e-graph has no finite term"
        return cls._from(graph, cost, kept, roots)

    @classmethod
    def _from(
        cls,
        graph: Graph,
        cost: Callable[[Node, Graph], float],
        kept: Sequence[int],
        roots: tuple[int, ...],
    ) -> Problem:
        nodes = [graph.nodes[n] for n in kept]
        costs = scaled([cost(node, graph) for node in nodes])
        penalty = 1 << (sum(costs) + 1).bit_length()
        texts: dict[tuple[object, ...], str] = {}
        members: dict[int, list[int]] = {}
        labels = []
        for i, node in enumerate(nodes):
            key = (node.op, node.attributes)
            if key not in texts:
                texts[key] = f"{node.op} {node.attributes!r}"
            labels.append(texts[key])
            members.setdefault(node.eclass, []).append(i)
        return cls(
            number=kept,
            eclass=[n.eclass for n in nodes],
            children=[n.operands if len(n.operands) < 2 else tuple(set(n.operands)) for n in nodes],
            operands=[n.operands for n in nodes],
            label=labels,
            weight=[c + penalty * n.subsumed for c, n in zip(costs, nodes, strict=True)],
            penalty=penalty,
            subsumed=[int(n.subsumed) for n in nodes],
            members=members,
            roots=roots,
            classes=len(graph.by_class),
        )

    def chosen(self, picks: Mapping[int, int]) -> list[int]:
        """The nodes that the roots need under ``picks`` (e-class -> node), each once."""
        seen = set(self.roots)
        stack = list(self.roots)
        needed = []
        while stack:
            node = picks[stack.pop()]
            needed.append(node)
            for child in self.children[node]:
                if child not in seen:
                    seen.add(child)
                    stack.append(child)
        return needed

    def weight_of(self, picks: Mapping[int, int]) -> int:
        """The two-level cost of the program that ``picks`` makes, shared nodes counted once."""
        return sum(self.weight[node] for node in self.chosen(picks))

    def choice_of(self, picks: Mapping[int, int]) -> dict[int, int]:
        """``picks`` for the e-classes that the roots need, in the graph's own node numbers."""
        return {self.eclass[node]: self.number[node] for node in sorted(self.chosen(picks))}


def reachable(graph: Graph, roots: Sequence[int]) -> list[int]:
    """The nodes that some term of the roots may contain, ascending; none that uses itself."""
    seen = set(roots)
    stack = list(roots)
    found = []
    while stack:
        eclass = stack.pop()
        for number in graph.by_class[eclass]:
            operands = graph.nodes[number].operands
            if eclass in operands:
                continue
            found.append(number)
            for child in operands:
                if child not in seen:
                    seen.add(child)
                    stack.append(child)
    return sorted(found)


def with_sole_rows(graph: Graph, nodes: Sequence[int]) -> list[int]:
    """Those of ``nodes`` that are not subsumed, or in whose e-class all are."""
    live = {graph.nodes[n].eclass for n in nodes if not graph.nodes[n].subsumed}
    return [n for n in nodes if not graph.nodes[n].subsumed or graph.nodes[n].eclass not in live]


def with_terms(graph: Graph, nodes: Collection[int]) -> tuple[list[int], set[int]]:
    """Those of ``nodes`` that head a finite term of such nodes, and the e-classes they derive."""
    waiting: dict[int, list[int]] = {}
    missing: dict[int, int] = {}
    ready = []
    for number in nodes:
        children = set(graph.nodes[number].operands)
        missing[number] = len(children)
        for child in children:
            waiting.setdefault(child, []).append(number)
        if not children:
            ready.append(number)
    derivable: set[int] = set()
    while ready:
        eclass = graph.nodes[ready.pop()].eclass
        if eclass in derivable:
            continue
        derivable.add(eclass)
        for number in waiting.get(eclass, ()):
            missing[number] -= 1
            if missing[number] == 0:
                ready.append(number)
    return [number for number in nodes if missing[number] == 0], derivable


def scaled(costs: Sequence[float]) -> list[int]:
    """Costs as integers: times the power of two that brings the dearest to about 2**48.

    A cost is exact unless it is 2**-48 or less of the dearest one.
    """
    assert all(0 <= c < math.inf for c in costs), "a cost must be finite and not negative"
    _, exponent = math.frexp(max(costs, default=0.0))
    return [round(math.ldexp(c, COST_BITS - exponent)) for c in costs]
