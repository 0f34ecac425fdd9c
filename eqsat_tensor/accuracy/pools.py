"""E-graph -> candidates: each class keeps the term whose measured error against the class's own truth is
least, bottom-up; roots keep several that complement one another.

An e-node is tried with what its operands' classes keep, in a few passes, since a better operand may
come later and by way of a cycle: terms are concrete, so cycles need no care.  What is best in a class is
a good part of what is best at the root; where it is not, the root has several to choose from.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from eqsat_tensor.accuracy.meanings import known_ops
from eqsat_tensor.accuracy.points import error_bits
from eqsat_tensor.accuracy.terms import Term, Values, below, constant_term, leaf, term
from eqsat_tensor.accuracy.truth import Truth
from eqsat_tensor.egraph.graph import Graph
from eqsat_tensor.types import Literal

LARGEST = 60  # nodes of a candidate, or twice those of the smallest form of a root
PASSES = 4
NEAR = 1  # steps below a root
KEPT_NEAR = 2
TORN = 4.0  # bits, on the mean, that a second candidate must gain to be kept farther down
SIMPLER = 0.002  # bits that a node more must be worth
ALIKE = 0.05  # bits, on the mean, in which the errors of two candidates differ that are much alike
WORTH = 0.01  # bits by which one more candidate must better the best of those kept


@dataclass(frozen=True, eq=False)
class Candidate:
    """A term and its errors in bits at the sample's points."""

    term: Term
    errors: np.ndarray


def cover(candidates: Sequence[Candidate], count: int, full: bool = False) -> list[Candidate]:
    """At most ``count`` candidates: greedily the least mean of the pointwise least error.

    So they complement one another: each is best somewhere.  Among equals the smaller goes first.
    full  as many as there may be: after those that complement, those that are good by themselves and not
    much like one that is there.
    """
    if len(candidates) <= 1:
        return list(candidates)
    errors = np.array([c.errors for c in candidates])
    price = SIMPLER * np.array([c.term.size for c in candidates])
    chosen: list[int] = []
    best = np.full(errors.shape[1], np.inf)
    for _ in range(min(count, len(candidates))):
        scores = np.minimum(errors, best).mean(axis=1) + price
        scores[chosen] = np.inf
        j = int(np.argmin(scores))
        better = np.minimum(errors[j], best)
        if chosen and best.mean() - better.mean() < WORTH:
            break
        chosen.append(j)
        best = better
    if full:
        for j in np.argsort(errors.mean(axis=1) + price, kind="stable"):
            unlike = np.abs(errors[chosen] - errors[j]).mean(axis=1) > ALIKE
            if len(chosen) < count and unlike.all():
                chosen.append(int(j))
    return [candidates[j] for j in chosen]


@dataclass
class _Class:
    """An e-class: leaves that it holds, e-nodes as (op, operands), and what it keeps."""

    leaves: list[Term] = field(default_factory=list)
    nodes: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)
    aliases: set[int] = field(default_factory=set)  # classes that equal it where it has a value
    kept: list[Candidate] = field(default_factory=list)
    tried: set[Term] = field(default_factory=set)
    stamp: int = 0


class Pools:
    """What each class of a graph keeps; ``roots`` has it for the roots, best first.

    values, truth  at the same points.  most  terms that are measured at most, all classes together.
    keep  candidates kept at a root; `NEAR` a root two are kept, elsewhere one.
    """

    def __init__(
        self, graph: Graph, values: Values, truth: Truth, keep: int = 16, most: int = 20_000
    ) -> None:
        self.values, self.truth = values, truth
        self.keep, self.left = keep, most
        self.tops = frozenset(graph.roots)
        self.classes = _classes(graph, values.dtype)
        self.near = self._near()
        self.smallest: dict[int, Term] = {}
        self.depth: dict[int, int] = {}
        self._find_smallest()
        sizes = [self.smallest[r].size for r in graph.roots if r in self.smallest]
        self.largest = max(LARGEST, 2 * max(sizes, default=0))
        self._run()
        self.roots = [self.classes[r].kept if r in self.classes else [] for r in graph.roots]
        self.cut = self.left <= 0

    def _near(self) -> frozenset[int]:
        """Classes a few steps below a root: there, too, two may complement one another."""
        found = set(self.tops)
        for _ in range(NEAR):
            found |= {d for c in found for _, ds in self.classes[c].nodes for d in ds}
        return frozenset(found)

    def _find_smallest(self) -> None:
        """The smallest term of each class, and how deep it is; bottom-up, each class once."""
        users: dict[int, list[int]] = {}
        ready: list[tuple[int, int]] = []
        for c, it in self.classes.items():
            if it.leaves:
                ready.append((1, c))
                self.smallest[c], self.depth[c] = it.leaves[0], 0
            for _, operands in it.nodes:
                for d in set(operands):
                    users.setdefault(d, []).append(c)
        heapq.heapify(ready)
        done: set[int] = set()
        while ready:
            _, c = heapq.heappop(ready)
            if c in done:
                continue
            done.add(c)
            for u in users.get(c, ()):
                if u in done:
                    continue
                for op, operands in self.classes[u].nodes:
                    if c not in operands or any(d not in done for d in operands):
                        continue
                    size = 1 + sum(self.smallest[d].size for d in operands)
                    if u not in self.smallest or size < self.smallest[u].size:
                        self.smallest[u] = term(op, *[self.smallest[d] for d in operands])
                        self.depth[u] = 1 + max(self.depth[d] for d in operands)
                        heapq.heappush(ready, (size, u))

    def _run(self) -> None:
        order = sorted(self.depth, key=self.depth.__getitem__)
        seen: dict[int, int] = {}
        for _ in range(PASSES):
            changed = False
            for c in order:
                it = self.classes[c]
                needed = [d for _, operands in it.nodes for d in operands]
                now = sum(self.classes[d].stamp for d in (*needed, *it.aliases))
                if seen.get(c) != now and self.left > 0:
                    seen[c] = now
                    changed |= self._visit(c, it)
            if not changed:
                break

    def _visit(self, c: int, it: _Class) -> bool:
        """Try what the operands' classes keep now; True where what is kept changed."""
        fresh = [t for t in self._forms(it) if t not in it.tried and t.size <= self.largest]
        if not fresh and not it.kept:  # all are large: what they share is computed once
            fresh = [t for t in self._forms(it) if len(below([t])) <= self.largest]
        fresh = list(dict.fromkeys(fresh))
        if not fresh:
            return False
        it.tried.update(fresh)
        if len(fresh) == 1 and not it.kept and c not in self.tops:
            it.kept = [Candidate(fresh[0], _UNMEASURED)]  # nothing to choose from yet
            it.stamp += 1
            return True
        want = self.truth(self.smallest[c])
        before = [k.term for k in it.kept]
        measured = [
            Candidate(k.term, self._errors(k.term, want)) if k.errors is _UNMEASURED else k
            for k in it.kept
        ]
        self.left -= len(fresh)
        measured += [Candidate(t, self._errors(t, want)) for t in fresh]
        top = c in self.tops
        count = self.keep if top else KEPT_NEAR if c in self.near else 1
        it.kept = cover(measured, count, full=top)
        if count == 1:
            two = cover(measured, 2)
            alone = float(it.kept[0].errors.mean())
            if alone - float(np.min([k.errors for k in two], axis=0).mean()) > TORN:
                it.kept = two
        if [k.term for k in it.kept] == before:
            return False
        it.stamp += 1
        return True

    def _forms(self, it: _Class) -> Iterable[Term]:
        yield from it.leaves
        for op, operands in it.nodes:
            kept = [self.classes[d].kept for d in operands]
            for combination in itertools.product(*kept):
                yield term(op, *[k.term for k in combination])
        for d in it.aliases:
            yield from (k.term for k in self.classes[d].kept)

    def _errors(self, t: Term, want: np.ndarray) -> np.ndarray:
        got = self.values(t)
        if got.dtype.kind == "b":
            return np.where(got == want, 0.0, 8.0 * want.dtype.itemsize)
        return error_bits(got, want)


_UNMEASURED = np.zeros(0)


def _classes(graph: Graph, dtype: np.dtype) -> dict[int, _Class]:
    """The classes that the roots need, of ops whose truth can be found.

    A class that holds a number is that number.  ``where(c, x, NaN)`` equals x wherever it has a value, so
    x's class is an alias of its class: candidates of x serve there, not the reverse.
    """
    known = known_ops()
    classes: dict[int, _Class] = {}
    nans = {n.eclass for n in graph.nodes if n.op == "full" and _is_nan(n.attributes[0])}
    todo = list(graph.roots)
    while todo:
        c = todo.pop()
        if c in classes:
            continue
        it = classes[c] = _Class()
        members = [graph.nodes[i] for i in graph.by_class[c]]
        numbers = [n for n in members if n.op == "full"]
        if numbers:
            value = numbers[0].attributes[0].value
            it.leaves.append(constant_term(value, dtype))
            continue
        for n in members:
            if n.op == "input":
                it.leaves.append(leaf(int(n.attributes[1])))
            elif n.op in known:
                it.nodes.append((n.op, n.operands))
                todo.extend(n.operands)
                if n.op == "where" and n.operands[2] in nans:
                    it.aliases.add(n.operands[1])
    return classes


def _is_nan(value: Literal) -> bool:
    return isinstance(value.value, float) and math.isnan(value.value)
