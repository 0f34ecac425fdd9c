"""True values of terms at given floats, in as many bits as each point needs.

A value is computed at a first precision and, where too few of its bits are good, at higher ones
(`reals`).  What is certainly no real number is NaN at once.  Values of subterms are kept, so that the
terms of an e-graph, which share most of theirs, cost little each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from eqsat_tensor.accuracy.reals import BAD, LOGICAL, Agreement, Balls, Real, logical, reals
from eqsat_tensor.accuracy.terms import Term


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
            doubles = [self.point(t, i) for i in range(self.count)]
            with np.errstate(over="ignore"):
                found = self.known[t] = np.array(doubles).astype(self.dtype)
        return found

    def point(self, t: Term, i: int) -> float:
        """The true value at point ``i`` as a double."""
        numbers = self.numbers
        before: Real = None
        for level in range(len(numbers.levels)):
            numbers.use(level)
            value = self.value(t, i, level)
            if value is BAD:
                return math.nan
            if value is None:
                before = None
                continue
            if isinstance(value, bool):
                return float(value)
            if numbers.accepted(value, before):
                return numbers.rounded(value)
            before = value
        return 0.0 if before is not None and numbers.negligible(before) else math.nan

    def value(self, t: Term, i: int, level: int) -> Real:
        """The value at point ``i`` in the precision of a level."""
        kept = self.values[level].get(t)
        if kept is None:
            kept = self.values[level][t] = [_UNSEEN] * self.count
        found = kept[i]
        if found is _UNSEEN:
            found = kept[i] = self._value(t, i, level)
        return found

    def _value(self, t: Term, i: int, level: int) -> Real:
        numbers, op = self.numbers, t.op
        if level:
            row = self.values[level - 1].get(t)
            low = row[i] if row is not None else None
            if low is BAD or isinstance(low, bool):
                return low
            if low is not None and low is not _UNSEEN and numbers.lasting(low):
                return low
        if op == "input":
            return numbers.lifted(self.columns[int(t.value)][i])
        if op in ("full", "pi"):
            return self._constant(t, level)
        if op == "where":
            condition = self.value(t.arguments[0], i, level)
            if condition is BAD:
                return BAD
            if condition is None:
                return numbers.unknown
            return self.value(t.arguments[1 if condition else 2], i, level)
        operands = []
        for a in t.arguments:
            operand = self.value(a, i, level)
            if operand is BAD:
                return BAD
            operands.append(operand)
        if op in LOGICAL:
            return logical(op, operands)
        if None in operands:
            return None
        result = numbers.table[op](*operands)
        return None if numbers.cancelled(t, operands, result) else result

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
