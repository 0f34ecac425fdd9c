"""What else there was for each e-class of the chosen program, and why it was not taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from eqsat_tensor.egraph.graph import Graph, Node
from eqsat_tensor.explain.told import Rejected
from eqsat_tensor.extract import search
from eqsat_tensor.extract.cost import CostModel
from eqsat_tensor.extract.local import ReferenceCounts
from eqsat_tensor.extract.problem import Problem
from eqsat_tensor.lang import OPS
from eqsat_tensor.rules import RuleBook

PICO = 1e-3  # nanoseconds: costs are counted in whole picoseconds
DEEP = 2  # operands of an alternative that have no name are written out so far
ORDER = ("subsumed", "dearer", "subsumed operand", "cyclic")  # of interest


class Alternatives:
    """The nodes that were not chosen, by e-class.

    names  what the chosen nodes are called: e-class -> text.
    """

    def __init__(
        self, graph: Graph, model: CostModel, book: RuleBook, names: Mapping[int, str]
    ) -> None:
        self.graph, self.names = graph, names
        problem = Problem.of(graph, model)
        self.picks = search(problem).picks  # as the choice was made: e-class -> node of the problem
        costs = [round(model(graph.nodes[n], graph) / PICO) for n in problem.number]
        self.problem = replace(problem, weight=costs)
        self.counts = ReferenceCounts(self.problem, dict(self.picks))
        self.chosen = {problem.number[n] for n in problem.chosen(self.picks)}
        self.kept = {n: i for i, n in enumerate(problem.number)}
        self.subsuming: dict[str, list[tuple[str, int]]] = {}
        order = {name: i for i, name in enumerate(book.names)}
        for rule in book.rules:
            subsumes = rule.subsume or (rule.kind != "fact" and book.ruleset(rule.ruleset).subsumes)
            if subsumes and isinstance(rule.lhs, tuple) and rule.lhs:
                self.subsuming.setdefault(str(rule.lhs[0]), []).append(
                    (rule.name, order[rule.name])
                )

    def of(self, eclass: int) -> tuple[Rejected, ...]:
        """The alternatives of an e-class of the chosen program, the most interesting first."""
        found = [
            self._judged(eclass, n) for n in self.graph.by_class[eclass] if n not in self.chosen
        ]
        found.sort(key=lambda r: (ORDER.index(r.why), r.extra or 0.0, r.text))
        return tuple(found)

    def _judged(self, eclass: int, number: int) -> Rejected:
        node = self.graph.nodes[number]
        text = self._text(node, 0)
        if node.subsumed:
            fired = self.graph.rules.get(eclass, frozenset())
            heads = self.subsuming.get(OPS[node.op].constructor, ())
            return Rejected(text, "subsumed", None, tuple(n for n, _ in heads if n in fired))
        if self._needs(node, eclass):
            return Rejected(text, "cyclic")
        at = self.kept.get(number)
        if at is None:
            return Rejected(text, "subsumed operand")
        current = self.counts.picks[eclass]
        extra = self.counts.add(at) - self.counts.remove(current)
        self.counts.add(current)
        self.counts.remove(at)
        return Rejected(text, "dearer", PICO * max(0, extra))

    def _needs(self, node: Node, eclass: int) -> bool:
        """Does the node need the e-class, as all others were chosen?"""
        seen: set[int] = set()
        stack = list(node.operands)
        while stack:
            c = stack.pop()
            if c == eclass:
                return True
            if c not in seen and c in self.picks:
                seen.add(c)
                stack.extend(self.problem.children[self.picks[c]])
        return False

    def _text(self, node: Node, depth: int) -> str:
        op = OPS[node.op]
        if op.name in ("input", "full"):
            return str(node.attributes[0])
        parts = [self._operand(c, depth) for c in node.operands]
        parts += [
            f"{k}={_shown(v)}"
            for k, v in zip(op.attributes, node.attributes, strict=True)
            if k not in ("shape", "dtype")
        ]
        return f"{op.name}({', '.join(parts)})"

    def _operand(self, eclass: int, depth: int) -> str:
        if eclass in self.names:
            return self.names[eclass]
        best = self.picks.get(eclass)
        if best is None or depth == DEEP:
            return "..."
        return self._text(self.graph.nodes[self.problem.number[best]], depth + 1)


def _shown(value: object) -> str:
    return f"({', '.join(map(str, value))})" if isinstance(value, tuple) else str(value)
