"""Points where a program changes: where a comparison of it does, where its value passes 0, and
where inputs are at the ends of what they may be.

Random points hardly ever lie there, and errors are largest there: next to a threshold a form is used as
far out as ever, next to a zero whatever is computed by a difference cancels, and next to the largest and
the least numbers products over- and underflow.  The first are found by bisection between random points along
one input.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from eqsat_tensor.accuracy.inputs import Draw, FromRanges
from eqsat_tensor.accuracy.points import floats, ordinals
from eqsat_tensor.accuracy.terms import Term, Values, below, inner, number, term

COUNT = 1024  # points from which the changes of one comparison are looked for, twice
MOST = 12  # comparisons that are looked at
STEPS = 3  # floats to either side of a threshold
FAR = 6  # points beside a threshold are a factor of 2**(+-2**-FAR) to 2**(+-2**FAR) away
ENDING = 3  # 2**ENDING powers of two count as an end
COMPARISONS = ("less", "less_equal", "greater", "greater_equal")


def thresholds(
    found: Term, draw: Draw, random: np.random.Generator, count: int = COUNT
) -> Iterator[Sequence[np.ndarray]]:
    """Points on both sides of where a comparison of ``found`` changes."""
    conditions = [t for t in inner([found]) if t.op in COMPARISONS]
    for condition in conditions[:MOST]:
        for columns, moving in changes(condition, draw, count, random):
            yield columns
            yield moved(columns, moving, random.integers(-STEPS, STEPS + 1, len(columns[0])))


def zeros(
    written: Term, draw: Draw, count: int, random: np.random.Generator
) -> Iterator[Sequence[np.ndarray]]:
    """Points near where the value of ``written`` passes 0: half of their digits agree with a zero's, or less."""
    for columns, moving in changes(term("less", written, number(0)), draw, count, random):
        digits = np.finfo(columns[0].dtype).nmant
        far = np.exp2(random.uniform(digits / 2, digits - 1, len(columns[0]))).astype(np.int64)
        yield moved(columns, moving, far * random.choice([-1, 1], len(far)))


def beside(
    condition: Term, draw: Draw, count: int, random: np.random.Generator
) -> Iterator[Sequence[np.ndarray]]:
    """Points on both sides of where ``condition`` changes, near and far."""
    for columns, moving in changes(condition, draw, count, random):
        x = columns[moving]
        powers = np.exp2(random.uniform(-FAR, FAR, len(x))) * random.choice([-1.0, 1.0], len(x))
        with np.errstate(over="ignore", under="ignore"):
            away = (x * np.exp2(powers)).astype(x.dtype)
        made = list(columns)
        made[moving] = np.where(np.isfinite(away), away, x)
        yield made


def ends(draw: FromRanges, count: int, random: np.random.Generator) -> Sequence[np.ndarray]:
    """Points of which some inputs are near the ends of their ranges or hardly more than 0."""
    plain = random.random(count) < 0.5
    made = []
    info = np.finfo(draw.dtype)
    wide = 1 << (info.nmant + ENDING)
    for k, (low, high) in enumerate(draw.ranges):
        x = np.where(plain, draw(count, True, random)[k], draw(count, False, random)[k])
        first, last = ordinals(np.array([max(low, -info.max), min(high, info.max)], draw.dtype))
        places = [
            (int(first), min(int(first) + wide, int(last))),
            (max(int(last) - wide, int(first)), int(last)),
        ]
        if first < wide and last > -wide:
            places.append((max(int(first), -wide), min(int(last), wide)))
        some = [floats(random.integers(a, b, count, endpoint=True), draw.dtype) for a, b in places]
        end = np.choose(random.integers(0, len(some), count), some)
        made.append(np.where(random.random(count) < 1 / 2, end, x))
    return made


def moved(columns: Sequence[np.ndarray], moving: int, steps: np.ndarray) -> Sequence[np.ndarray]:
    """The points with one input moved by some floats, where these are finite."""
    made = list(columns)
    with np.errstate(over="ignore"):
        at = floats(ordinals(columns[moving]) + steps, columns[moving].dtype)
    made[moving] = np.where(np.isfinite(at), at, columns[moving])
    return made


def changes(
    condition: Term, draw: Draw, count: int, random: np.random.Generator
) -> Iterator[tuple[Sequence[np.ndarray], int]]:
    """Points where ``condition`` changes to the next float, on either side, and the input that moves."""
    inputs = sorted({int(t.value) for t in below([condition]) if t.op == "input"})
    for plain in (False, True):
        if not inputs:
            return
        here, there = (list(draw(count, plain, random)) for _ in range(2))
        moving = inputs[int(random.integers(len(inputs)))]
        there = [there[i] if i == moving else c for i, c in enumerate(here)]
        side = Values(here)(condition)
        some = np.flatnonzero(side != Values(there)(condition))
        if len(some):
            low, high = ordinals(here[moving][some]), ordinals(there[moving][some])
            columns, side = [c[some] for c in here], side[some]
            for at in bisected(condition, side, columns, moving, low, high):
                found = list(columns)
                found[moving] = at
                yield found, moving


def bisected(
    condition: Term,
    side: np.ndarray,
    columns: Sequence[np.ndarray],
    moving: int,
    low: np.ndarray,
    high: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Neighbouring floats of the input that moves between which the condition leaves ``side``."""
    dtype, columns = columns[moving].dtype, list(columns)
    for _ in range(8 * dtype.itemsize):
        middle = (low & high) + ((low ^ high) >> 1)
        columns[moving] = floats(middle, dtype)
        same = Values(columns)(condition) == side
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return floats(low, dtype), floats(high, dtype)
