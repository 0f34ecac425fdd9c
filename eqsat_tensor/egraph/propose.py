"""What proposers say -> rows for the engine.

A proposal names e-classes of a frozen graph; the engine knows only numbered nodes.  A class that
holds a node of the program has a number; one that rules made is entered again as a term, which
hash-consing brings back to the class it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from eqsat_tensor.egraph.encode import Encoder
from eqsat_tensor.egraph.graph import Graph, Node
from eqsat_tensor.lang import OPS
from eqsat_tensor.rules.propose import Operand, Proposal
from eqsat_tensor.types import TensorType


class Ingest:
    """Enters the proposals of one frozen graph; ``handles``: e-class -> number of a node in it."""

    def __init__(self, encoder: Encoder, graph: Graph, handles: Mapping[int, int]) -> None:
        self.encoder = encoder
        self.graph = graph
        self.handles = dict(handles)
        self.first: dict[int, Node] = {}
        self.classes: dict[tuple[object, ...], int] = {}
        self.entered: set[Proposal] = set()

    def enter(self, proposal: Proposal, rule: int) -> bool:
        """Enter an equality by rule ``rule``; False where it is known or speaks of an untyped class.

        Raises AssertionError or EqsatError where the proposed term is ill-typed.
        """
        if proposal in self.entered or self._known(proposal):
            return False
        self.entered.add(proposal)
        left = self._node_of(proposal.eclass)
        right = self._build(proposal.term)
        if left is None or right is None:
            return False
        number, type = right
        assert type == self.graph.types[proposal.eclass], (proposal, type)
        self.encoder.equate(left, number, rule)
        return True

    def holds(self, proposal: Proposal) -> bool:
        """Is the term in its class already?"""
        return self._known(proposal)

    def _known(self, proposal: Proposal) -> bool:
        """True where the e-graph holds the term already, in that class."""
        if not self.classes:
            for n in self.graph.nodes:
                self.classes[n.op, n.operands, n.attributes] = n.eclass
        return self._class_of(proposal.term) == proposal.eclass

    def _class_of(self, term: Operand) -> int | None:
        if isinstance(term, int):
            return term
        operands = tuple([self._class_of(t) for t in term.operands])
        return self.classes.get((term.op, operands, term.attributes))

    def _build(self, term: Operand) -> tuple[int, TensorType] | None:
        if isinstance(term, int):
            known, number = self.graph.types[term], self._node_of(term)
            return None if number is None or known is None else (number, known)
        op = OPS[term.op]
        operands = [b for t in term.operands if (b := self._build(t)) is not None]
        if len(operands) < len(term.operands):
            return None
        named = dict(zip(op.attributes, term.attributes, strict=True))
        type = op.infer(*(t for _, t in operands), **named)
        return self.encoder.add(op, term.attributes, [n for n, _ in operands], type), type

    def _node_of(self, eclass: int) -> int | None:
        if eclass in self.handles:
            return self.handles[eclass]
        if not self.first:
            self.first = first_nodes(self.graph)
        stack = [eclass]
        while stack:
            c = stack[-1]
            node, type = self.first.get(c), self.graph.types[c]
            if node is None or type is None:
                return None
            waiting = [d for d in node.operands if d not in self.handles]
            stack.extend(waiting)
            if not waiting:
                stack.pop()
                if c not in self.handles:
                    operands = [self.handles[d] for d in node.operands]
                    self.handles[c] = self.encoder.add(
                        OPS[node.op], node.attributes, operands, type
                    )
        return self.handles[eclass]


def settled(graph: Graph, proposals: Iterable[Proposal], ingest: Ingest) -> Graph:
    """The graph with the nodes subsumed that proposals replace, where what replaces them is there."""
    replaced = {p.replaces for p in proposals if p.replaces is not None and ingest.holds(p)}
    if not replaced:
        return graph
    nodes = (
        replace(node, subsumed=True) if number in replaced else node
        for number, node in enumerate(graph.nodes)
    )
    return replace(graph, nodes=tuple(nodes))


def first_nodes(graph: Graph) -> dict[int, Node]:
    """For each class the first node found bottom-up: following them never runs in a circle."""
    missing = [len(set(n.operands)) for n in graph.nodes]
    users: dict[int, list[int]] = {}
    ready = []
    for i, n in enumerate(graph.nodes):
        for d in set(n.operands):
            users.setdefault(d, []).append(i)
        if not n.operands:
            ready.append(i)
    first: dict[int, Node] = {}
    for i in ready:  # grows while it is walked
        n = graph.nodes[i]
        if n.eclass in first:
            continue
        first[n.eclass] = n
        for j in users.get(n.eclass, ()):
            missing[j] -= 1
            if not missing[j]:
                ready.append(j)
    return first
