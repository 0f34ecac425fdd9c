"""How far roundings move the value of a term: the value with every inexact op rounded the other way.

    (1 + x) - 1 at x = 1e-20:   1 + x rounds to 1; the other way it is 1 + 2^-52, and the result 2^-52 for 0

What moves far is not to be trusted; no truth is needed to see it.  An op whose result is exact is left
alone: (x + 1) - x is steady, and right, at small whole numbers.  Which way an inexact result lies is not
asked: it moves one float up or down, by chance.  Where there is no wider float to tell by, products count as exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eqsat_tensor.accuracy.points import floats, ordinals
from eqsat_tensor.accuracy.terms import LEAVES, Term, Values, rounded
from eqsat_tensor.lang import OPS

ARITHMETIC = ("multiply", "divide", "square", "reciprocal", "sqrt")
WIDER: dict[np.dtype[Any], np.dtype[Any]] = {
    np.dtype(np.float32): np.dtype(np.float64),
    np.dtype(np.float64): np.dtype(np.longdouble),
}


class Moved(Values):
    """Values of terms with every inexact result moved by one float, by ``random``."""

    def __init__(self, columns: Sequence[np.ndarray], random: np.random.Generator) -> None:
        super().__init__(columns)
        self.random, self.wide = random, WIDER[self.dtype]

    def _value(self, t: Term) -> np.ndarray:
        plain = super()._value(t)
        if plain.dtype != self.dtype or t.op == "input":
            return plain
        if t.op in LEAVES:
            exact = t.op == "full" and rounded(t, self.dtype) == t.value
            inexact = np.full(self.count, not exact)
        elif not OPS[t.op].ulps:
            return plain
        else:
            inexact = self._inexact(t, plain)
        step = self.random.integers(0, 2, self.count) * 2 - 1
        moved: np.ndarray = floats(ordinals(plain) + inexact * step, self.dtype)
        return np.where(inexact & np.isfinite(plain) & np.isfinite(moved), moved, plain)

    def _inexact(self, t: Term, plain: np.ndarray) -> np.ndarray:
        """Where an op's result on its operands is rounded."""
        operands = [self.known[a] for a in t.arguments]
        if t.op in ("add", "subtract"):
            a, b = operands
            b = -b if t.op == "subtract" else b
            part = plain - a
            lost = (a - (plain - part)) + (b - part)
            return np.asarray(lost != 0)
        if t.op in ARITHMETIC:
            wide = OPS[t.op].numpy(*[x.astype(self.wide) for x in operands])
            return np.asarray(wide != plain)
        simple = [(x == 0) | (np.abs(x) == 1) for x in operands]
        # of a function: values are no floats but at such arguments
        return np.asarray(~np.logical_and.reduce(simple))
