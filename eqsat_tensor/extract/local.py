"""`Solution` -> a better `Solution`: change one e-class's node at a time, while the DAG gets cheaper.

Reference counts tell what a change really costs: the nodes that only the new choice needs, less
those that only the old one needed.  Only nodes whose children rank below their e-class are tried,
so every combination of changes stays acyclic.
"""

from __future__ import annotations

from eqsat_tensor.extract.greedy import Solution, alternatives
from eqsat_tensor.extract.problem import Problem

PASSES = 4


def improve(problem: Problem, solution: Solution) -> Solution:
    """The solution after up to `PASSES` sweeps over the e-classes in use, never a dearer one."""
    counts = ReferenceCounts(problem, dict(solution.picks))
    choices = alternatives(problem, solution)
    for _ in range(PASSES):
        if not sum(counts.revise(eclass, nodes) for eclass, nodes in choices):
            break
    return Solution(counts.picks, solution.rank)


class ReferenceCounts:
    """How many users each e-class has in the program that ``picks`` makes (a root: one more)."""

    def __init__(self, problem: Problem, picks: dict[int, int]) -> None:
        self.children = problem.children
        self.weight = problem.weight
        self.picks = picks
        self.users = [0] * problem.classes
        for root in problem.roots:
            self.users[root] += 1
        for node in problem.chosen(picks):
            for child in self.children[node]:
                self.users[child] += 1

    def revise(self, eclass: int, nodes: list[int]) -> bool:
        """Take the cheapest of ``nodes`` for ``eclass`` where it is in use; say if that is news."""
        if not self.users[eclass]:
            return False
        before = current = self.picks[eclass]
        for node in nodes:
            if node == current:
                continue
            # Adding first keeps what both need alive: removing first would walk all of it.
            added = self.add(node)
            removed = self.remove(current)
            if added < removed:
                self.picks[eclass] = current = node
            else:
                self.add(current)
                self.remove(node)
        return current != before

    def add(self, node: int) -> int:
        """Count one more user of the node's children; the weight that comes into use."""
        total = self.weight[node]
        stack = [node]
        while stack:
            for child in self.children[stack.pop()]:
                self.users[child] += 1
                if self.users[child] == 1:
                    needed = self.picks[child]
                    total += self.weight[needed]
                    stack.append(needed)
        return total

    def remove(self, node: int) -> int:
        """Count one user less of the node's children; the weight that goes out of use."""
        total = self.weight[node]
        stack = [node]
        while stack:
            for child in self.children[stack.pop()]:
                self.users[child] -= 1
                if self.users[child] == 0:
                    unneeded = self.picks[child]
                    total += self.weight[unneeded]
                    stack.append(unneeded)
        return total
