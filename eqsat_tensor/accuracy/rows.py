"""What the inputs of a region are: drawn from ranges, or seen while the program runs.

A region on the program's own inputs is drawn from their ranges, independently.  One inside takes what its
inputs are when the program runs on small sampled arrays; and where the user gives a sample, every
region takes what its inputs are when the program runs on that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eqsat_tensor.accuracy.draws import STYLES, around, drawn_floats
from eqsat_tensor.accuracy.inputs import EVERYWHERE, Draw, FromRanges, FromRows, Range
from eqsat_tensor.errors import ArgumentError, EqsatError, message
from eqsat_tensor.extents import evaluate as evaluate_size
from eqsat_tensor.extents import symbols_of
from eqsat_tensor.lang import Expr, substitute_sizes
from eqsat_tensor.reference import evaluate

RUNS = 600  # of the program on sampled arrays, for the regions inside, at most
ENOUGH = 6_000  # values of a region's inputs from which on it is not run again
ROWS = 20_000  # values of a region's inputs that are kept
ELEMENTS = 1_000_000  # of a program's inputs: larger ones are not sampled
SIZES = (5, 3, 7, 4, 6)  # what the symbols of shapes are while the program is sampled
APART = 128  # rows from which on a choice is judged by others than those it is made by


@dataclass(frozen=True)
class Draws:
    """Where the points of a search come from.

    fit    points that candidates are measured at.  judge  those that a choice is held at.
    check  ordinary ones at which a candidate must equal the region as a real function.
    """

    fit: Draw
    judge: Draw
    check: Draw


class Rows:
    """Values of a program's nodes over its runs on arrays: given ones, or some that are drawn.

    bounds  the ranges of inputs.  given  arrays for the first leaves, one list a call.
    """

    def __init__(
        self,
        roots: Sequence[Expr],
        leaves: Sequence[Expr],
        bounds: Mapping[Expr, Range],
        seed: int,
        given: Sequence[Sequence[np.ndarray]] = (),
    ) -> None:
        self.roots, self.leaves, self.bounds, self.seed = roots, leaves, bounds, seed
        self.given = [dict(zip(leaves, arrays, strict=False)) for arrays in given]

    def draws(self, inputs: Sequence[Expr], dtype: np.dtype) -> Draws | None:
        """The points for a region on ``inputs``; None where there are none."""
        own = all(x.op.name == "input" for x in inputs)
        ranges = FromRanges([self.bounds.get(x, EVERYWHERE) for x in inputs], dtype)
        if own and not self.given:
            return Draws(ranges, ranges, ranges)
        found = self._given(inputs) if self.given else self._drawn(inputs)
        if found is None or len(found[0]) < 2:
            return None
        if len(found[0]) < APART:
            rows = FromRows(found, found)
            return Draws(rows, rows, ranges if own else rows)
        fit, judge = (FromRows([c[k::2] for c in found], found) for k in (0, 1))
        return Draws(fit, judge, ranges if own else fit)

    def _given(self, inputs: Sequence[Expr]) -> list[np.ndarray] | None:
        """Values at the calls of the user's sample."""
        columns: list[list[np.ndarray]] = [[] for _ in inputs]
        for call in self.given:
            if all(x in call for x in inputs):  # a region on inputs takes elements as they come
                values = list(np.broadcast_arrays(*[call[x].astype(x.dtype) for x in inputs]))
            else:
                small = substitute_sizes([*self.leaves, *inputs], sizes_of(call))
                renamed = dict(zip(small, (call.get(x) for x in self.leaves), strict=False))
                if any(v is None for v in renamed.values()):
                    return None
                with np.errstate(all="ignore"):
                    values = list(evaluate(small[len(self.leaves) :], renamed))
            for column, value in zip(columns, values, strict=True):
                column.append(np.ravel(value))
        return self._joined(columns, np.random.default_rng([self.seed, len(inputs)]))

    def _drawn(self, inputs: Sequence[Expr]) -> list[np.ndarray] | None:
        """Values at runs on small arrays; None where the program does not run."""
        names = sorted({n for x in self.leaves for s in x.shape for n in symbols_of(s)})
        sizes = {n: SIZES[i % len(SIZES)] for i, n in enumerate(names)}
        small = substitute_sizes([*self.leaves, *inputs], sizes)
        leaves, wanted = small[: len(self.leaves)], small[len(self.leaves) :]
        shapes = [[s for s in x.shape if isinstance(s, int)] for x in leaves]
        if sum(math.prod(s) for s in shapes) > ELEMENTS:
            return None
        random = np.random.default_rng([self.seed, len(inputs)])
        columns: list[list[np.ndarray]] = [[] for _ in inputs]
        have = 0
        for run in range(RUNS):
            if have >= ENOUGH:
                break
            arrays = {
                leaf: self._array(written, leaf, shape, run, random)
                for written, leaf, shape in zip(self.leaves, leaves, shapes, strict=True)
            }
            try:
                with np.errstate(all="ignore"):
                    values = evaluate(wanted, arrays)
            except (EqsatError, ValueError, IndexError, ArithmeticError, np.linalg.LinAlgError):
                continue
            for column, value in zip(columns, values, strict=True):
                column.append(np.ravel(value))
            have += columns[0][-1].size
        return self._joined(columns, random)

    def _joined(
        self, columns: Sequence[Sequence[np.ndarray]], random: np.random.Generator
    ) -> list[np.ndarray] | None:
        """The rows that are finite, not too many; None where there are none."""
        joined = [np.concatenate(c) if c else np.zeros(0) for c in columns]
        if not len(joined[0]) or any(len(j) != len(joined[0]) for j in joined):
            return None
        finite = np.flatnonzero(np.logical_and.reduce([np.isfinite(j) for j in joined]))
        if not len(finite):
            return None
        if len(finite) > ROWS:
            finite = random.choice(finite, ROWS, replace=False)
        return [j[finite] for j in joined]

    def _array(
        self,
        written: Expr,
        leaf: Expr,
        shape: Sequence[int],
        run: int,
        random: np.random.Generator,
    ) -> np.ndarray:
        """Numbers in each style by turns: as calls are drawn, alike in all leaves of a shape, near 1, of one scale."""
        kind = leaf.dtype.kind
        if kind == "b":
            return random.integers(0, 2, shape).astype(bool)
        if kind != "f":
            return random.integers(0, 3, shape).astype(leaf.dtype)
        given = self.bounds.get(written)
        ends = given or EVERYWHERE
        style = (*STYLES, "alike", "normal", "scaled")[run % (len(STYLES) + (1 if given else 3))]
        if style in STYLES:
            return drawn_floats(leaf.dtype, shape, ends, style, random)
        if style == "alike":
            same = np.random.default_rng([self.seed, run, *shape])
            base = drawn_floats(leaf.dtype, shape, ends, "ordinary", same)
            return around(base, ends, random)
        scale = 2.0 ** random.uniform(-20, 20) if style == "scaled" else 1.0
        return np.asarray(random.normal(size=shape) * scale).astype(leaf.dtype)


def sizes_of(call: Mapping[Expr, np.ndarray]) -> dict[str, int]:
    """What the sizes of leaves are in a call.  ArgumentError where arrays do not have their shapes."""
    sizes: dict[str, int] = {}
    pairs = [
        (s, n) for x, array in call.items() for s, n in zip(x.shape, array.shape, strict=False)
    ]
    for size, n in pairs:
        names = symbols_of(size)
        if len(names) == 1 and evaluate_size(size, dict.fromkeys(names, n)) == n:
            sizes |= {name: n for name in names if name not in sizes}
    for leaf, array in call.items():
        known = all(symbols_of(s) <= set(sizes) for s in leaf.shape)
        shape = tuple([evaluate_size(s, sizes) for s in leaf.shape]) if known else None
        if shape != array.shape:
            needs = f"a sample with arrays of {leaf.type}"
            raise ArgumentError(message("options", needs, f"{array.dtype}{array.shape}"))
    return sizes
