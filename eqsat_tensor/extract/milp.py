"""`Problem` -> the best choice and the gap proved, by an integer program (HiGHS, on demand).

Variables: x of a node (1: chosen), y of an e-class (1: in use), and a level of every e-class that
lies on a cycle.  Constraints: y <= sum of x in the class; x <= y of each child; a chosen node's
class has a higher level than its children on the same cycle, so that the choice is acyclic.
Where subsumed rows cannot be avoided, their number is minimised first and then held.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eqsat_tensor.errors import UnsupportedError
from eqsat_tensor.extract.greedy import Solution
from eqsat_tensor.extract.problem import Problem

# Costs are scaled so that the dearest node has this one: HiGHS' tolerances are absolute.
HIGHEST = 1e4


def solve(problem: Problem, start: Solution, time_limit: float) -> tuple[Solution, float]:
    """A solution never worse than ``start``, and its proven relative gap (0: optimal, inf: none).

    The gap is to the cost of the best program with as few subsumed rows.
    Raises UnsupportedError where highspy is not installed.
    """
    model = Model(problem)
    best = start
    fewest = rows_of(problem, start.picks)
    counted = True
    if fewest:
        model.minimise(problem.subsumed)
        best, bound = model.run(best, time_limit)
        fewest = rows_of(problem, best.picks)
        counted = bound > fewest - 0.5
        model.limit_rows(problem.subsumed, fewest)
    costs = [w % problem.penalty for w in problem.weight]
    scale = HIGHEST / max(1, *costs)
    model.minimise([c * scale for c in costs])
    best, bound = model.run(best, time_limit)
    value = scale * (problem.weight_of(best.picks) % problem.penalty)
    if not counted or not math.isfinite(bound):
        return best, math.inf
    return best, max(0.0, (value - bound) / value) if value > 0 else 0.0


def rows_of(problem: Problem, picks: Mapping[int, int]) -> int:
    """How many subsumed rows the program of ``picks`` has."""
    return sum(problem.subsumed[node] for node in problem.chosen(picks))


@dataclass
class Rows:
    """Linear constraints in the making: ``lower <= sum(value * variable) <= upper``."""

    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    variables: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def add(self, terms: Sequence[tuple[int, float]], lower: float, upper: float) -> None:
        """One more constraint."""
        self.starts.append(len(self.variables))
        self.variables.extend(v for v, _ in terms)
        self.values.extend(c for _, c in terms)
        self.lower.append(lower)
        self.upper.append(upper)


class Model:
    """The integer program of a problem inside HiGHS, one thread and a fixed seed."""

    def __init__(self, problem: Problem) -> None:
        self.highs = import_highspy()
        self.problem = problem
        self.nodes = len(problem.eclass)
        classes = list(problem.members)
        self.use = {c: self.nodes + i for i, c in enumerate(classes)}
        self.component = components(problem)
        self.level = {
            c: self.nodes + len(classes) + i
            for i, c in enumerate(c for c in classes if c in self.component)
        }
        self.width = self.nodes + len(classes) + len(self.level)
        self.solver: Any = self.highs.Highs()
        for option, value in (
            ("output_flag", False),
            ("threads", 1),
            ("random_seed", 0),
            ("mip_rel_gap", 0.0),
        ):
            self.solver.setOptionValue(option, value)
        self._add_variables()
        self._add_rows()

    def _add_variables(self) -> None:
        lower, upper = np.zeros(self.width), np.ones(self.width)
        lower[[self.use[root] for root in self.problem.roots]] = 1
        upper[self.nodes + len(self.use) :] = len(self.level)
        self.solver.addVars(self.width, lower, upper)
        chosen = np.arange(self.nodes, dtype=np.int32)
        integer = np.array([self.highs.HighsVarType.kInteger] * self.nodes)
        self.solver.changeColsIntegrality(self.nodes, chosen, integer)

    def _add_rows(self) -> None:
        rows = Rows()
        problem = self.problem
        high = len(self.level) + 1.0
        for eclass, members in problem.members.items():
            rows.add([*((n, 1.0) for n in members), (self.use[eclass], -1.0)], 0, math.inf)
        for node, children in enumerate(problem.children):
            own = problem.eclass[node]
            for child in children:
                rows.add([(self.use[child], 1.0), (node, -1.0)], 0, math.inf)
                if own in self.component and self.component[own] == self.component.get(child):
                    above = [(self.level[own], 1.0), (self.level[child], -1.0), (node, -high)]
                    rows.add(above, 1 - high, math.inf)
        self._pass(rows)

    def _pass(self, rows: Rows) -> None:
        self.solver.addRows(
            len(rows.starts),
            np.array(rows.lower, dtype=float),
            np.array(rows.upper, dtype=float),
            len(rows.variables),
            np.array(rows.starts, dtype=np.int32),
            np.array(rows.variables, dtype=np.int32),
            np.array(rows.values, dtype=float),
        )

    def minimise(self, costs: Sequence[float]) -> None:
        """Minimise the sum of these costs of the chosen nodes."""
        values = np.zeros(self.width)
        values[: self.nodes] = costs
        self.solver.changeColsCost(self.width, np.arange(self.width, dtype=np.int32), values)

    def limit_rows(self, subsumed: Sequence[int], most: int) -> None:
        """Allow no more than ``most`` subsumed rows."""
        rows = Rows()
        rows.add([(n, 1.0) for n, s in enumerate(subsumed) if s], -math.inf, most)
        self._pass(rows)

    def run(self, start: Solution, time_limit: float) -> tuple[Solution, float]:
        """The better of ``start`` and what HiGHS finds, and the lower bound that it proved.

        HiGHS is not told of ``start``: 1.16, where its presolve betters a solution that it was given,
        gives that back as the optimum, and the better one's objective.
        """
        self.solver.setOptionValue("time_limit", float(time_limit))
        self.solver.run()
        bound = float(self.solver.getInfo().mip_dual_bound)
        found = self._picks(np.asarray(self.solver.getSolution().col_value))
        if found is None or self.problem.weight_of(found) > self.problem.weight_of(start.picks):
            return start, bound
        return Solution(found, start.rank), bound

    def _picks(self, values: np.ndarray) -> dict[int, int] | None:
        """The choice that the variables spell, or None where they spell none."""
        if len(values) < self.width:
            return None
        picks = {self.problem.eclass[n]: n for n in range(self.nodes) if values[n] > 0.5}
        stack, state = [(root, False) for root in self.problem.roots], dict[int, bool]()
        while stack:
            eclass, left = stack.pop()
            if left:
                state[eclass] = True
            elif eclass not in picks or state.get(eclass) is False:
                return None
            elif eclass not in state:
                state[eclass] = False
                stack.append((eclass, True))
                stack.extend((child, False) for child in self.problem.children[picks[eclass]])
        return picks


def import_highspy() -> Any:
    """The solver's module, imported when it is first asked for."""
    try:
        import highspy
    except ImportError:
        raise UnsupportedError(
            "extract: method 'milp' needs the package highspy. "
            "Install eqsat_tensor[milp], or use method 'greedy'."
        ) from None
    return highspy


def components(problem: Problem) -> dict[int, int]:
    """E-class -> number of its strongly connected component, for those on a cycle (Tarjan 1972)."""
    edges: dict[int, list[int]] = {
        c: sorted({child for n in members for child in problem.children[n]})
        for c, members in problem.members.items()
    }
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    found: dict[int, int] = {}
    path: list[int] = []
    position: dict[int, int] = {}
    for first in edges:
        if first in index:
            continue
        index[first] = low[first] = len(index)
        position[first] = len(path)
        path.append(first)
        stack = [(first, iter(edges[first]))]
        while stack:
            eclass, rest = stack[-1]
            child = next(rest, None)
            if child is None:
                stack.pop()
                if stack:
                    parent = stack[-1][0]
                    low[parent] = min(low[parent], low[eclass])
                if low[eclass] == index[eclass]:
                    start = position[eclass]
                    if len(path) - start > 1:
                        found.update((c, eclass) for c in path[start:])
                    for c in path[start:]:
                        low[c] = len(edges)  # settled: no longer below anything
                    del path[start:]
            elif child not in index:
                index[child] = low[child] = len(index)
                position[child] = len(path)
                path.append(child)
                stack.append((child, iter(edges[child])))
            else:
                low[eclass] = min(low[eclass], low[child])
    return found
