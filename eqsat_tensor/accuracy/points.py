"""Points at which candidates are measured, and errors in bits.

A sample is a mixture: uniform over the bit patterns of each input's range, so that every magnitude
is there; and ordinary magnitudes, 2^-8 to 2^8, since over all floats one term of a sum nearly always
dominates, and a formula that is wrong near 1 is not seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

Range: TypeAlias = tuple[float, float]  # both ends inclusive; infinite ends: all finite floats
EVERYWHERE: Range = (-math.inf, math.inf)
ORDINARY = 8.0  # ordinary magnitudes are 2**-8 to 2**8
TRIES = 60  # draws for each point that is asked for, before a sample comes out smaller
_INTEGERS: dict[int, np.dtype[Any]] = {
    2: np.dtype(np.int16),
    4: np.dtype(np.int32),
    8: np.dtype(np.int64),
}


@dataclass(frozen=True, eq=False)
class Sample:
    """Points, and which of them are ordinary.

    columns   an array for each input.
    truths    the true value of each root at each point, rounded to the dtype.
    ordinary  bools.
    """

    columns: tuple[np.ndarray, ...]
    truths: tuple[np.ndarray, ...]
    ordinary: np.ndarray

    def __len__(self) -> int:
        return len(self.ordinary)

    def joined(self, other: Sample) -> Sample:
        """The points of both."""
        return Sample(
            tuple(np.concatenate(p) for p in zip(self.columns, other.columns, strict=True)),
            tuple(np.concatenate(p) for p in zip(self.truths, other.truths, strict=True)),
            np.concatenate([self.ordinary, other.ordinary]),
        )

    def of(self, places: np.ndarray) -> Sample:
        """Some of the points."""
        return Sample(
            tuple(c[places] for c in self.columns),
            tuple(t[places] for t in self.truths),
            self.ordinary[places],
        )


def ordinals(x: np.ndarray) -> np.ndarray:
    """The number of each float in their order: neighbours differ by 1, and 0.0 and -0.0 are 0."""
    dtype = _INTEGERS[x.dtype.itemsize]
    i: np.ndarray = np.ascontiguousarray(x).view(dtype)
    return np.where(i < 0, np.iinfo(dtype).min - i, i)


def floats(i: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The floats of these numbers: the inverse of `ordinals`."""
    integers = _INTEGERS[dtype.itemsize]
    i = i.astype(integers)
    found: np.ndarray = np.where(i < 0, np.iinfo(integers).min - i, i).view(dtype)
    return found


def error_bits(got: np.ndarray, want: np.ndarray, strict: bool = False) -> np.ndarray:
    """log2(1 + floats between), one a point; 64 (of float32: 32) for a NaN or a wrong infinity.

    A point whose truth is NaN counts 0.  An infinity where the truth overflows is right, unless
    ``strict``: then no infinity is.
    """
    a, b = ordinals(got), ordinals(want)
    apart = (np.maximum(a, b) - np.minimum(a, b)).view(f"u{a.dtype.itemsize}")
    bits: np.ndarray = np.log2(apart.astype(np.float64) + 1.0)
    wrong = np.isnan(got)
    wrong |= np.isinf(got) & (np.isfinite(want) | strict)
    bits[wrong] = 8.0 * a.dtype.itemsize
    bits[np.isnan(want)] = 0.0
    return bits


def uniform(range: Range, count: int, dtype: np.dtype, random: np.random.Generator) -> np.ndarray:
    """Uniform over the bit patterns of the finite floats of a range."""
    top = float(np.finfo(dtype).max)
    ends = np.array([max(range[0], -top), min(range[1], top)], dtype)
    low, high = ordinals(ends)
    return floats(random.integers(int(low), int(high), size=count, endpoint=True), dtype)


def ordinary(range: Range, count: int, dtype: np.dtype, random: np.random.Generator) -> np.ndarray:
    """Of ordinary magnitude as far as the range allows it; else uniform in the range's ordinary part."""
    low, high = range
    most = 2.0**ORDINARY
    if low > most or high < -most:
        return uniform(range, count, dtype, random)
    x = np.exp2(random.uniform(-ORDINARY, ORDINARY, count)) * random.choice([-1.0, 1.0], count)
    x = np.where((x < low) | (x > high), -x, x)
    inside = random.uniform(max(low, -most), min(high, most), count)
    x = np.where((x < low) | (x > high), inside, x).astype(dtype)
    outside = (x < low) | (x > high)  # rounded to the dtype, out of a narrow range
    x[outside] = uniform(range, int(outside.sum()), dtype, random)
    return x


Draw: TypeAlias = Callable[[int, bool, np.random.Generator], Sequence[np.ndarray]]
TruthOf: TypeAlias = Callable[[Sequence[np.ndarray]], Sequence[np.ndarray]]


def from_ranges(ranges: Sequence[Range], dtype: np.dtype) -> Draw:
    """Draws of independent inputs from their ranges."""

    def draw(count: int, plain: bool, random: np.random.Generator) -> Sequence[np.ndarray]:
        one = ordinary if plain else uniform
        return [one(r, count, dtype, random) for r in ranges]

    return draw


def from_rows(columns: Sequence[np.ndarray]) -> Draw:
    """Draws, with replacement, from rows that are there already: inputs of a region inside a program."""
    rows = len(columns[0])

    def draw(count: int, plain: bool, random: np.random.Generator) -> Sequence[np.ndarray]:
        chosen = random.integers(0, rows, count)
        return [c[chosen] for c in columns]

    return draw


def sample(
    draw: Draw, truth: TruthOf, count: int, plain: bool, random: np.random.Generator
) -> Sample:
    """``count`` points at which every root truly is a finite number; fewer where few draws are such.

    draw   inputs for a number of points, ordinary or not.  truth  the roots' true values at points.
    plain  ordinary magnitudes alone.
    """
    parts: list[Sample] = []
    have = drawn = 0
    while have < count and drawn < TRIES * count:
        columns = [np.ascontiguousarray(c) for c in draw(count - have, plain, random)]
        drawn += max(count - have, 1)
        truths = truth(columns)
        good = np.logical_and.reduce([np.isfinite(t) for t in truths])
        every = Sample(tuple(columns), tuple(truths), np.full(len(columns[0]), plain))
        parts.append(every.of(np.flatnonzero(good)))
        have += len(parts[-1])
        if drawn >= 4 * count and not have:
            break
    found = parts[0]
    for part in parts[1:]:
        found = found.joined(part)
    return found


def mixed(
    draw: Draw, truth: TruthOf, count: int, plain: int, random: np.random.Generator
) -> Sample:
    """``count`` points of all magnitudes, and ``plain`` ordinary ones after them."""
    return sample(draw, truth, count, False, random).joined(
        sample(draw, truth, plain, True, random)
    )
