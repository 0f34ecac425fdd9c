"""The cheapest order in which the factors of a sum of products are multiplied, two at a time.

    einsum("ij,jk,k->i", a, b, v)   ->   a @ (b @ v), however it was spelled

What a pair costs is counted by the shipped figures of the cost model, with which the e-graph then
chooses between this order and what else is equal.  The outer product of all factors is never made.
Every order sums the same products, and the bounds of all are alike.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from eqsat_tensor.machine import DEFAULT
from eqsat_tensor.rules.propose import GraphLike, NodeLike, Proposal, Proposer, Term, classes
from eqsat_tensor.rules.propose.contracting import Pair, Tree, term_of
from eqsat_tensor.rules.propose.networks import Network, networks
from eqsat_tensor.types import Shape

EXACT = 8  # factors whose best order is found outright; of more, pairs that shrink most go first
UNKNOWN = 1000  # a size that is known at run time only
BYTES = 8  # of an element; of narrow ones all figures are half
GAIN = 0.99  # of the cost as it stands, and a library's call less: what gains no more is not worth rows
Labels: TypeAlias = frozenset[int]


def contracted(graph: GraphLike) -> Iterator[Proposal]:
    """For each sum of products of three or more factors that is in no larger one, its best order.

    Not where a factor is an inverse: what it multiplies is a system, which rules make of it.
    """
    inverses = set(classes(graph, "inv"))
    for eclass, found in networks(graph):
        if any(factor.eclass in inverses for factor in found.factors):
            continue
        problem = _problem(found)
        if _is_settled(problem, sum(map(len, found.result))):
            continue
        most = min(GAIN * (now := _as_it_stands(graph, found.opened)), now - DEFAULT.call)
        if most <= 0:
            continue
        tree, cost = best_order(problem)
        type = graph.types[eclass]
        if type is not None and cost < most:
            term = term_of(found, type, tree)
            if isinstance(term, Term):
                yield Proposal(eclass, term)


def _is_settled(problem: Problem, results: int) -> bool:
    """True where there is nothing to choose: all factors have all labels, or two are a plain pair,
    for which there are rules.  ``results``: labels of the result, those besides that no factor has."""
    if len(problem.result) < results:
        return False
    if len(problem.factors) > 2:
        return len(set(problem.factors)) == 1
    left, right = problem.factors
    return left ^ right <= problem.result


def _as_it_stands(graph: GraphLike, opened: Sequence[NodeLike]) -> float:
    """What the operations that were looked through cost, each once."""
    total = 0.0
    for node in {(n.eclass, n.op, n.operands): n for n in opened}.values():
        shapes = [t.shape for at in (node.eclass, *node.operands) if (t := graph.types[at])]
        if node.op == "sum":
            total += _elements(shapes[1]) * DEFAULT.unit
        elif node.op == "multiply":
            total += _elements(shapes[0]) * (DEFAULT.unit + DEFAULT.element)
        elif node.op == "matmul":
            work = _elements((*shapes[0], shapes[1][-1]))
            total += matrix_product(_elements(shapes[0][:-2]), work, *map(_elements, shapes))
    return total


def _elements(shape: Shape) -> float:
    total = 1.0
    for size in shape:
        total *= size if isinstance(size, int) else UNKNOWN
    return total


def matrix_product(calls: float, work: float, *elements: float) -> float:
    """Nanoseconds of so many products that multiply ``work`` pairs, of matrices of so many elements."""
    moved = BYTES * sum(elements) * DEFAULT.byte
    return calls * DEFAULT.call + max(2 * work * DEFAULT.flop, moved)


# ------------------------------------------------------------------------------------------ order
@dataclass(frozen=True)
class Problem:
    """Factors by their labels, the labels of the result, and how long each label is."""

    factors: tuple[Labels, ...]
    result: Labels
    sizes: tuple[int, ...]

    def size(self, labels: Labels) -> float:
        """Elements of a tensor with these labels."""
        total = 1.0
        for label in labels:
            total *= self.sizes[label]
        return total

    def kept_beside(self, others: Iterable[Labels]) -> Labels:
        """Labels that the result or another factor has."""
        return self.result.union(*others)

    def pair(self, left: Labels, right: Labels, kept: Labels) -> tuple[float, bool]:
        """What the product of two tensors costs, summed over labels that are not kept, and whether
        that is as a product of matrices: where one has a label of its own, and some are summed."""
        made = left | right
        work = self.size(made)
        if made <= kept or left == right:
            sums = 0.0 if made <= kept else DEFAULT.unit
            return work * (DEFAULT.unit + DEFAULT.element + sums), False
        sizes = (self.size(left), self.size(right), self.size(made & kept))
        return matrix_product(self.size(left & right & kept), work, *sizes), True


def _problem(found: Network) -> Problem:
    """The network with its labels numbered from 0 in the order in which they stand in it."""
    numbers: dict[int, int] = {}
    for factor in found.factors:
        for axis in factor.axes:
            for label in axis:
                numbers.setdefault(label, len(numbers))
    sizes = (found.sizes[label] for label in numbers)
    return Problem(
        tuple(frozenset(numbers[c] for axis in f.axes for c in axis) for f in found.factors),
        frozenset(numbers[c] for axis in found.result for c in axis if c in numbers),
        tuple(size if isinstance(size, int) else UNKNOWN for size in sizes),
    )


@lru_cache(maxsize=1024)
def best_order(problem: Problem) -> tuple[Tree, float]:
    """The order of pairs that costs least, and what it costs; of equal ones the first in order."""
    groups = list[_Group]()
    for number, labels in enumerate(problem.factors):
        kept = problem.kept_beside(problem.factors[:number] + problem.factors[number + 1 :])
        cost = 0.0 if labels <= kept else problem.size(labels) * DEFAULT.unit
        groups.append(_Group(number, labels & kept, cost))
    while (pair := _alike(groups)) or len(groups) > EXACT:
        _join(problem, groups, *(pair or _shrinking(problem, groups)))
    return _by_subsets(problem, groups)


@dataclass(frozen=True)
class _Group:
    """Factors that are multiplied already: in what order, the labels that are left, the cost."""

    tree: Tree
    labels: Labels
    cost: float


def _alike(groups: Sequence[_Group]) -> tuple[int, int] | None:
    """The first two with the same labels: whatever the order, they meet once at no less cost."""
    first: dict[Labels, int] = {}
    for number, group in enumerate(groups):
        if first.setdefault(group.labels, number) < number:
            return first[group.labels], number
    return None


def _shrinking(problem: Problem, groups: Sequence[_Group]) -> tuple[int, int]:
    """The two that are most larger than what they make."""

    def growth(pair: tuple[int, int]) -> float:
        left, right = (groups[k].labels for k in pair)
        made = (left | right) & problem.kept_beside(_others(groups, pair))
        return problem.size(made) - problem.size(left) - problem.size(right)

    return min(itertools.combinations(range(len(groups)), 2), key=growth)


def _join(problem: Problem, groups: list[_Group], i: int, j: int) -> None:
    """Two groups become one, in the place of the first."""
    kept = problem.kept_beside(_others(groups, (i, j)))
    one, other = groups[i], groups.pop(j)
    cost, is_product = problem.pair(one.labels, other.labels, kept)
    labels = (one.labels | other.labels) & kept
    tree = Pair(one.tree, other.tree, is_product)
    groups[i] = _Group(tree, labels, one.cost + other.cost + cost)


def _others(groups: Sequence[_Group], without: Collection[int]) -> list[Labels]:
    """The labels of all groups but some."""
    return [group.labels for k, group in enumerate(groups) if k not in without]


def _by_subsets(problem: Problem, groups: Sequence[_Group]) -> tuple[Tree, float]:
    """Dynamic programming over all subsets: what one costs does not depend on the others' order."""
    whole = (1 << len(groups)) - 1
    inside = {0: frozenset[int]()}
    for subset in range(1, whole + 1):
        last = subset.bit_length() - 1
        inside[subset] = inside[subset ^ 1 << last] | groups[last].labels
    kept = {s: problem.kept_beside([inside[whole ^ s]]) for s in inside}
    made = {s: inside[s] & kept[s] for s in inside}
    best: dict[int, tuple[float, Tree]] = {}
    for subset in range(1, whole + 1):
        lowest = subset & -subset
        if subset == lowest:
            group = groups[lowest.bit_length() - 1]
            best[subset] = group.cost, group.tree
            continue
        part = rest = subset ^ lowest
        found: tuple[float, Tree] | None = None
        while part:  # the part without the lowest, from all of the rest down to one
            other = subset ^ part
            cost = best[part][0] + best[other][0]
            if found is None or cost < found[0]:
                own, is_product = problem.pair(made[other], made[part], kept[subset])
                if found is None or cost + own < found[0]:
                    found = cost + own, Pair(best[other][1], best[part][1], is_product)
            part = (part - 1) & rest
        assert found is not None
        best[subset] = found
    cost, tree = best[whole]
    return tree, cost


PROPOSERS = (
    Proposer(
        "contraction-path", "chain", contracted,
        "sums of products of three and more tensors, two at a time in the cheapest order",
    ),
)  # fmt: skip
