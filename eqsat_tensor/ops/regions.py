"""Regions of an array: along each axis elements ``start + i * step``, ``length`` of them.

What is said of two regions holds for every value of the sizes; where it cannot be told, the answer
is no.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd
from typing import TypeAlias

from eqsat_tensor.extents import Size, floor_divide, lower_bound

Run: TypeAlias = tuple[Size, int, Size]  # start, step, length


def runs(start: Sequence[Size], step: Sequence[int], shape: Sequence[Size]) -> list[Run]:
    """A region as one run an axis; a run of one element has step 0."""
    return [(a, 0 if n == 1 else s, n) for a, s, n in zip(start, step, shape, strict=True)]


def _ends(run: Run) -> tuple[Size, Size]:
    start, step, length = run
    last = start + (length - 1) * step
    return (start, last) if step >= 0 else (last, start)


def _at_least(size: Size, least: int) -> bool:
    if isinstance(size, int):
        return size >= least
    low = lower_bound(size)
    return low is not None and low >= least


def apart(left: Sequence[Run], right: Sequence[Run]) -> bool:
    """Have two regions certainly no element in common?"""
    return any(_runs_apart(a, b) for a, b in zip(left, right, strict=True))


def _runs_apart(left: Run, right: Run) -> bool:
    if left[2] == 0 or right[2] == 0:
        return True
    (low, high), (begin, end) = _ends(left), _ends(right)
    if _at_least(begin - high, 1) or _at_least(low - end, 1):
        return True
    distance, common = left[0] - right[0], gcd(left[1], right[1])
    return isinstance(distance, int) and common > 1 and distance % common != 0


def within(inner: Sequence[Run], outer: Sequence[Run]) -> list[Run] | None:
    """The region ``inner`` counted in elements of ``outer``, where it certainly lies in it."""
    found = []
    for a, b in zip(inner, outer, strict=True):
        run = _run_within(a, b)
        if run is None:
            return None
        found.append(run)
    return found


def _run_within(inner: Run, outer: Run) -> Run | None:
    distance, unit = inner[0] - outer[0], max(outer[1], 1)
    assert outer[1] >= 0, outer
    if unit != 1 and not (isinstance(distance, int) and distance % unit == 0):
        return None
    if inner[1] % unit:
        return None
    run = (floor_divide(distance, unit), inner[1] // unit, inner[2])
    low, high = _ends(run)
    inside = inner == outer or (_at_least(low, 0) and _at_least(outer[2] - 1 - high, 0))
    return run if inside else None
