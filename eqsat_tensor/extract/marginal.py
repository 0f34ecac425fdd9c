"""`Solution` -> the same program, with every other e-class priced beside it.

What local search may take for an e-class depends on two things that the first settling fixes before
the program is known: what e-classes that are not in use would be made of, and the ranks that keep
the choice acyclic.  Here nodes of the program cost nothing, so an e-class not in use gets the node
that adds least to the program; and it ranks as low as its children let it, so that the program's own
e-classes, which come as late as they can, may use it.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from eqsat_tensor.extract.greedy import Solution
from eqsat_tensor.extract.problem import Problem


def beside(problem: Problem, solution: Solution) -> Solution:
    """The same program; other picks and ranks for what it does not use."""
    used = {problem.eclass[node]: node for node in problem.chosen(solution.picks)}
    picks, order = _settle(problem, used)
    return Solution(picks, _ranks(problem, used, picks, order))


def _settle(problem: Problem, used: dict[int, int]) -> tuple[dict[int, int], dict[int, int]]:
    """A node for every e-class, in ascending order of what it adds to the program, and that order.

    Ties are broken as in `greedy.settle`: nothing depends on how nodes and e-classes are numbered.
    """
    children, eclass = problem.children, problem.eclass
    weight, label, operands = problem.weight, problem.label, problem.operands
    waiting: dict[int, list[int]] = {}
    missing = [len(c) for c in children]
    heap: list[tuple[int, int, str, tuple[int, ...], int]] = []
    for node, needs in enumerate(children):
        if used.get(eclass[node], node) != node:
            continue
        for child in needs:
            waiting.setdefault(child, []).append(node)
        if not needs:
            price = 0 if eclass[node] in used else weight[node]
            heap.append((price, 0, label[node], (), node))
    heapify(heap)
    picks: dict[int, int] = {}
    order: dict[int, int] = {}
    prices: dict[int, int] = {}
    depth: dict[int, int] = {}
    while heap:
        price, deep, _, _, node = heappop(heap)
        settled = eclass[node]
        if settled in picks:
            continue
        picks[settled], prices[settled] = node, price
        order[settled] = len(order)
        depth[settled] = deep + 1
        for user in waiting.get(settled, ()):
            missing[user] -= 1
            if missing[user] or eclass[user] in picks:
                continue
            total = 0
            if eclass[user] not in used:
                total = weight[user] + sum(prices[child] for child in children[user])
            deepest = max(depth[child] for child in children[user])
            places = tuple(map(order.__getitem__, operands[user]))
            heappush(heap, (total, deepest, label[user], places, user))
    return picks, order


def _ranks(
    problem: Problem, used: dict[int, int], picks: dict[int, int], order: dict[int, int]
) -> dict[int, int]:
    """Ranks by which children come first, and of what may come next, e-classes not in use."""
    users: dict[int, list[int]] = {}
    missing: dict[int, int] = {}
    heap: list[tuple[bool, int, int]] = []
    for eclass, node in picks.items():
        missing[eclass] = len(problem.children[node])
        for child in problem.children[node]:
            users.setdefault(child, []).append(eclass)
        if not missing[eclass]:
            heap.append((eclass in used, order[eclass], eclass))
    heapify(heap)
    ranks: dict[int, int] = {}
    while heap:
        _, _, eclass = heappop(heap)
        ranks[eclass] = len(ranks)
        for user in users.get(eclass, ()):
            missing[user] -= 1
            if not missing[user]:
                heappush(heap, (user in used, order[user], user))
    return ranks
