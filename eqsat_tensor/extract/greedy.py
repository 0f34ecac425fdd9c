"""`Problem` -> `Solution`s: bottom-up choice after Knuth's generalisation of Dijkstra (1977).

The first pass minimises the cost of each e-class as a tree.  The second divides a child's cost by
the number of its users in the first solution, so that a shared value counts once where the first
pass is right about who shares it.  The third takes every e-class that could use a child as a user:
it finds values that are worth sharing but dearer for each user alone.  Each e-class is settled
once, after all children of its node: that makes the choice acyclic whatever the costs are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from operator import itemgetter

from eqsat_tensor.extract.problem import Problem

# Tree costs double with each level of sharing; above this many times the cost of all nodes
# together they are as good as equal, and depth decides.
TREE_LIMIT = 1 << 32

# The third pass and its local search cost 4 us a node: left out of big graphs, which are slow enough.
HOPEFUL_NODES = 4000


@dataclass(frozen=True, eq=False)
class Solution:
    """A node for every e-class, and ranks: children of a picked node have lower ranks."""

    picks: Mapping[int, int]
    rank: Mapping[int, int]


def choose_greedily(problem: Problem) -> list[Solution]:
    """The tree-cost solution, the share-aware one, and the hopeful one where they may differ."""
    tree = settle(problem, {})
    shared = shared_by(problem, problem.chosen(tree.picks))
    solutions = [tree]
    if shared:
        solutions.append(settle(problem, shared))
    if len(problem.eclass) <= HOPEFUL_NODES:
        hoped = shared_by(problem, range(len(problem.eclass)))
        if hoped != shared:
            solutions.append(settle(problem, hoped))
    return solutions


def shared_by(problem: Problem, nodes: Iterable[int]) -> dict[int, int]:
    """E-class -> how many e-classes use it through ``nodes``, for those with more than one."""
    users: dict[int, set[int]] = {}
    for node in nodes:
        for child in problem.children[node]:
            users.setdefault(child, set()).add(problem.eclass[node])
    return {eclass: len(of) for eclass, of in users.items() if len(of) > 1}


def settle(problem: Problem, users: Mapping[int, int]) -> Solution:
    """Settle e-classes in ascending order of price: the cost, divided by the number of users.

    Ties go to the lower depth, then to op and attributes, then to the children's ranks: nothing
    that depends on how nodes and e-classes are numbered.
    """
    children, eclass, weight, label = (
        problem.children,
        problem.eclass,
        problem.weight,
        problem.label,
    )
    limit = TREE_LIMIT * max(1, sum(weight))
    waiting: dict[int, list[int]] = {}
    missing = [len(c) for c in children]
    heap: list[tuple[int, int, str, tuple[int, ...], int]] = []
    for node, needs in enumerate(children):
        for child in needs:
            waiting.setdefault(child, []).append(node)
        if not needs:
            price = weight[node] // users.get(eclass[node], 1)
            heap.append((price, 0, label[node], (), node))
    heapify(heap)
    prices: dict[int, int] = {}
    depth: dict[int, int] = {}
    rank: dict[int, int] = {}
    picks: dict[int, int] = {}
    while heap:
        price, deep, _, _, node = heappop(heap)
        settled = eclass[node]
        if settled in picks:
            continue
        picks[settled] = node
        rank[settled] = len(rank)
        depth[settled] = deep + 1
        prices[settled] = price
        for user in waiting.get(settled, ()):
            missing[user] -= 1
            if missing[user] or eclass[user] in picks:
                continue
            total = weight[user]
            deepest = 0
            for child in children[user]:
                total += prices[child]
                deepest = max(deepest, depth[child])
            ranks = tuple(map(rank.__getitem__, problem.operands[user]))
            price = min(total, limit) // users.get(eclass[user], 1)
            heappush(heap, (price, deepest, label[user], ranks, user))
    return Solution(picks, rank)


def alternatives(problem: Problem, solution: Solution) -> list[tuple[int, list[int]]]:
    """E-classes with a choice, from the roots down, and their nodes that respect the ranks.

    Nodes stand in an order that does not depend on numbering.
    """
    rank = solution.rank
    found = []
    for eclass, members in problem.members.items():
        if len(members) < 2 or eclass not in rank:
            continue
        own = rank[eclass]
        usable = [
            n for n in members if all(rank.get(child, own) < own for child in problem.children[n])
        ]
        if len(usable) > 1:
            keyed = [
                (problem.label[n], tuple(map(rank.__getitem__, problem.operands[n])), n)
                for n in usable
            ]
            keyed.sort(key=itemgetter(0, 1))
            found.append((eclass, [n for _, _, n in keyed]))
    found.sort(key=lambda pair: -rank[pair[0]])
    return found
