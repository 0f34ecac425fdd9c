"""True values of terms at given floats, in as many bits as each point needs.

Values are computed at a first precision and, where too few of their bits are good, at higher ones
(`reals`), term by term at all points that need it.  What is certainly no real number is NaN at once.  Values of subterms are kept, so that the
terms of an e-graph, which share most of theirs, cost little each.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

from eqsat_tensor.accuracy.meanings import meanings, meant
from eqsat_tensor.accuracy.reals import BAD, LOGICAL, Agreement, Balls, Real, logical, reals
from eqsat_tensor.accuracy.terms import Term, below

DEEP = 300  # nodes of a term from which its operands are gone through one after the other


class Truth:
    """True values at points.

    columns  an array for each input; results are rounded to their dtype.
    """

    def __init__(
        self, columns: Sequence[np.ndarray], numbers: Balls | Agreement | None = None
    ) -> None:
        self.numbers = reals() if numbers is None else numbers
        self.dtype = columns[0].dtype
        self.count = len(columns[0])
        self.columns = [[float(v) for v in c] for c in columns]
        levels = len(self.numbers.levels)
        self.inputs: list[dict[int, list[Real]]] = [{} for _ in range(levels)]
        self.values: list[dict[Term, list[Real]]] = [{} for _ in range(levels)]
        self.constants: list[dict[Term, Real]] = [{} for _ in range(levels)]
        self.known: dict[Term, np.ndarray] = {}

    def __call__(self, t: Term) -> np.ndarray:
        """The true value of ``t`` at each point, rounded; NaN where it is none, or cannot be told."""
        found = self.known.get(t)
        if found is None:
            doubles = self.points(t, range(self.count))
            with np.errstate(over="ignore"):
                found = self.known[t] = np.array(doubles).astype(self.dtype)
        return found

    def points(self, t: Term, places: Sequence[int]) -> list[float]:
        """The true values at some points as doubles."""
        numbers = self.numbers
        found = dict.fromkeys(places, math.nan)
        before: dict[int, Real] = {}
        todo = list(places)
        for level in range(len(numbers.levels)):
            values = self.values_at(t, todo, level)
            unsure = []
            for i in todo:
                value = values[i]
                if value is BAD:
                    before.pop(i, None)
                elif isinstance(value, bool):
                    found[i] = float(value)
                elif value is not None and numbers.accepted(value, before.get(i)):
                    found[i] = numbers.rounded(value)
                else:
                    before[i] = value
                    unsure.append(i)
            todo = unsure
            if not todo:
                break
        for i in todo:
            if before[i] is not None and numbers.negligible(before[i]):
                found[i] = 0.0
        return list(found.values())

    def values_at(self, t: Term, places: Sequence[int], level: int) -> list[Real]:
        """A list that has the values at some places, in the precision of a level."""
        self.numbers.use(level)
        if t.size > DEEP:  # operands before what reads them, lest Python's stack be too short
            for inner in below([t], lambda u: self._is_filled(u, places, level)):
                self._filled(inner, places, level)
        return self._filled(t, places, level)

    def _is_filled(self, t: Term, places: Sequence[int], level: int) -> bool:
        row = self.values[level].get(t)
        return row is not None and all(row[i] is not _UNSEEN for i in places)

    def _filled(self, t: Term, places: Sequence[int], level: int) -> list[Real]:
        row = self.values[level].get(t)
        if row is None:
            row = self.values[level][t] = [_UNSEEN] * self.count
        todo = [i for i in places if row[i] is _UNSEEN]
        if level and todo:
            todo = self._lasting(t, todo, level, row)
        if not todo:
            return row
        op = t.op
        if op == "input":
            column, lifted = self.columns[int(t.value)], self.numbers.lifted
            for i in todo:
                row[i] = lifted(column[i])
        elif op in ("full", "pi"):
            value = self._constant(t, level)
            for i in todo:
                row[i] = value
        elif op == "where":
            self._select(t, todo, level, row)
        elif op in meanings():
            values = self._filled(meant(t), todo, level)
            for i in todo:
                row[i] = values[i]
        else:
            self._apply(t, todo, level, row)
        return row

    def _lasting(self, t: Term, todo: Sequence[int], level: int, row: list[Real]) -> list[int]:
        """Take what more bits do not change from the level below; the other places."""
        low = self.values[level - 1].get(t)
        if low is None:
            return list(todo)
        left, lasting = [], self.numbers.lasting
        for i in todo:
            value = low[i]
            told = value is BAD or isinstance(value, bool)
            if told or (not (value is None or value is _UNSEEN) and lasting(value)):
                row[i] = value
            else:
                left.append(i)
        return left

    def _select(self, t: Term, todo: Sequence[int], level: int, row: list[Real]) -> None:
        """The values of a `where`: of each side where it is taken."""
        conditions = self._filled(t.arguments[0], todo, level)
        sides: tuple[list[int], list[int]] = ([], [])
        for i in todo:
            condition = conditions[i]
            if condition is BAD:
                row[i] = BAD
            elif condition is None:
                row[i] = self.numbers.unknown
            else:
                sides[0 if condition else 1].append(i)
        for side, places in zip(t.arguments[1:], sides, strict=True):
            values = self._filled(side, places, level)
            for i in places:
                row[i] = values[i]

    def _apply(self, t: Term, todo: Sequence[int], level: int, row: list[Real]) -> None:
        """The values of an op on operands; BAD where one of them is."""
        operands = []
        for a in t.arguments:
            values = self._filled(a, todo, level)
            good = [i for i in todo if values[i] is not BAD]
            if len(good) < len(todo):
                for i in todo:
                    if values[i] is BAD:
                        row[i] = BAD
                todo = good
            operands.append(values)
        columns = [[o[i] for i in todo] for o in operands]
        results = map(self._function(t), *columns)
        for i, result in zip(todo, results, strict=True):
            row[i] = result

    def _function(self, t: Term) -> Callable[..., Real]:
        """An op on values of one point."""
        numbers = self.numbers
        if t.op in LOGICAL:
            return lambda *parts: logical(t.op, parts)
        function = numbers.table[t.op]
        if isinstance(numbers, Balls):
            return function

        def checked(*parts: Real) -> Real:
            if any(part is None for part in parts):
                return None
            result = function(*parts)
            return None if numbers.cancelled(t, parts, result) else result

        return checked

    def _constant(self, t: Term, level: int) -> Real:
        found = self.constants[level].get(t)
        if found is None:
            if t.op == "pi":
                found = self.numbers.pi()
            elif isinstance(t.value, Fraction):
                found = self.numbers.rational(t.value)
            else:
                found = BAD if math.isnan(t.value) else self.numbers.lifted(t.value)
            self.constants[level][t] = found
        return found


class _Unseen:
    """Marks what was not computed yet."""


_UNSEEN = _Unseen()
