"""Where points come from: the ranges of inputs, or rows of values that are there already.

A sample is a mixture: uniform over the bit patterns of each input's range, so that every magnitude
is there; and ordinary magnitudes, 2^-8 to 2^8, since over all floats one term of a sum nearly always
dominates, and a formula that is wrong near 1 is not seen.  `Alike` draws points of either kind at which inputs
nearly agree: that their difference cancels is not seen else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np

from eqsat_tensor.accuracy.points import Sample, floats, ordinals

Range: TypeAlias = tuple[float, float]  # both ends inclusive; infinite ends: all finite floats
EVERYWHERE: Range = (-math.inf, math.inf)
ORDINARY = 8.0  # ordinary magnitudes are 2**-8 to 2**8
Drawn: TypeAlias = Callable[[int, bool, np.random.Generator], Sequence[np.ndarray]]
TruthOf: TypeAlias = Callable[[Sequence[np.ndarray]], Sequence[np.ndarray]]
TRIES = 60  # draws for each point that is asked for, before a sample comes out smaller
PLAIN = 4  # of so many chunks of points that verify a form one is of ordinary magnitude


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


def close(x: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Finite floats that nearly agree with some, in any number of their digits."""
    digits = np.finfo(x.dtype).nmant
    apart = np.exp2(random.uniform(-digits, -1, len(x))) * random.choice([-1.0, 1.0], len(x))
    with np.errstate(over="ignore"):
        near = (x + x * apart).astype(x.dtype)
    return np.where(np.isfinite(near), near, x)


class Draw(Protocol):
    """Points, drawn by ``random``: a number of them, of all magnitudes or ordinary ones."""

    def __call__(
        self, count: int, plain: bool, random: np.random.Generator
    ) -> Sequence[np.ndarray]:
        """An array for each input."""
        ...

    @property
    def independent(self) -> bool:
        """May one input be changed alone?"""
        ...

    def many(
        self, count: int, chunk: int, random: np.random.Generator
    ) -> Iterator[tuple[Sequence[np.ndarray], bool]]:
        """``count`` points, or all that there are, in chunks, and whether a chunk is ordinary."""
        ...


@dataclass(frozen=True)
class FromRanges:
    """Independent inputs of ``dtype``, each of its range."""

    ranges: Sequence[Range]
    dtype: np.dtype
    independent = True

    def __call__(
        self, count: int, plain: bool, random: np.random.Generator
    ) -> Sequence[np.ndarray]:
        one = ordinary if plain else uniform
        return [one(r, count, self.dtype, random) for r in self.ranges]

    def many(
        self, count: int, chunk: int, random: np.random.Generator
    ) -> Iterator[tuple[Sequence[np.ndarray], bool]]:
        for number, start in enumerate(range(0, count, chunk)):
            plain = number % PLAIN == PLAIN - 1
            yield self(min(chunk, count - start), plain, random), plain


@dataclass(frozen=True)
class Alike:
    """Points of ranges at which every input but the first nearly agrees with one before it, as ranges allow."""

    source: FromRanges

    def __call__(
        self, count: int, plain: bool, random: np.random.Generator
    ) -> Sequence[np.ndarray]:
        columns = list(self.source(count, plain, random))
        for i, (low, high) in enumerate(self.source.ranges[1:], 1):
            like = np.choose(random.integers(0, i, count), columns[:i])
            near = close(like, random)
            columns[i] = np.where((near >= low) & (near <= high), near, columns[i])
        return columns


@dataclass(frozen=True)
class FromRows:
    """Rows of ``columns``, drawn with replacement: values of a region's inputs, or a user's sample.

    every  the rows by which a form is verified.
    """

    columns: Sequence[np.ndarray]
    every: Sequence[np.ndarray]
    independent = False

    def __call__(
        self, count: int, plain: bool, random: np.random.Generator
    ) -> Sequence[np.ndarray]:
        chosen = random.integers(0, len(self.columns[0]), count)
        return [c[chosen] for c in self.columns]

    def many(
        self, count: int, chunk: int, random: np.random.Generator
    ) -> Iterator[tuple[Sequence[np.ndarray], bool]]:
        for start in range(0, len(self.every[0]), chunk):
            yield [c[start : start + chunk] for c in self.every], False


def sample(
    draw: Drawn, truth: TruthOf, count: int, plain: bool, random: np.random.Generator
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
    draw: Drawn, truth: TruthOf, count: int, plain: int, random: np.random.Generator
) -> Sample:
    """``count`` points of all magnitudes, and ``plain`` ordinary ones after them."""
    return sample(draw, truth, count, False, random).joined(
        sample(draw, truth, plain, True, random)
    )
