"""The box that a root's loops run over: which axes, in which order, and what kind of nest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eqsat_tensor.extents import Size
from eqsat_tensor.schedule.accesses import Access, linear
from eqsat_tensor.schedule.loop_values import Call, Pair, Reduce, Scan, Value
from eqsat_tensor.schedule.reads import Read
from eqsat_tensor.types import Shape

SLACK = 16  # boxes that differ by at most this much share a nest


@dataclass(frozen=True)
class Space:
    """A nest for one root: kind and domain as in `Nest`, access as in `Root`."""

    kind: str
    domain: Shape
    outer: int
    reduced: int
    access: Access


def space_of(root: Value, reads: Sequence[Read]) -> Space:
    """The loops of ``root`` by itself.  Axes of size 1 are no loops.

    A reduction is "full" (no axis left), "row" (the reduced axes inside) or "col" (a kept axis
    inside, vectorised): whichever has its innermost axis next to one another in memory.  A scan
    keeps the order of its axes.
    """
    if isinstance(root, Call):
        return Space("call", root.shape, 0, 0, ())
    if isinstance(root, Scan):
        loops = [j for j, size in enumerate(root.shape) if size != 1 or j == root.axis]
        return _space("scan", root.shape, loops, loops.index(root.axis), 1)
    if not isinstance(root, Reduce):
        inside = root.shape[:-1] if isinstance(root, Pair) else root.shape
        order = [j for j, size in enumerate(inside) if size != 1]
        return _space("map", root.shape, order, max(len(order) - 1, 0), 0)
    shape = root.source.shape
    kept = [j for j in range(len(shape)) if j not in root.axes and shape[j] != 1]
    reduced = [j for j in root.axes if shape[j] != 1] or [root.axes[0]]
    penalty = _penalties(len(shape), reads)
    reduced = _best_last(reduced, penalty)
    if not kept:
        return _space("full", shape, reduced, 0, len(reduced))
    row, col = penalty[reduced[-1]], penalty[kept[-1]]
    if row < col or (row == col and max(reduced) > max(kept)):
        return _space("row", shape, kept + reduced, len(kept), len(reduced))
    # The kept axes stay in order: accumulators lie as the result does.
    leading = [j for j in kept[:-1] if j < min(reduced)]
    trailing = kept[len(leading) :]
    return _space("col", shape, leading + reduced + trailing, len(leading), len(reduced))


def _space(kind: str, shape: Shape, order: list[int], outer: int, reduced: int) -> Space:
    place = {axis: j for j, axis in enumerate(order)}
    access = tuple((place.get(j), 0, 1) for j in range(len(shape)))
    return Space(kind, tuple(shape[j] for j in order), outer, reduced, access)


def _penalties(rank: int, reads: Sequence[Read]) -> list[float]:
    """For each axis as the innermost one: bytes an element that are read apart from one another."""
    total = [0.0] * rank
    for read in reads:
        if not read.leaf or not read.access:
            continue
        _, coefficients = linear(read.value, read.access)
        for axis, coefficient in coefficients.items():
            if coefficient not in (0, 1):
                total[axis] += read.value.dtype.itemsize * (1.0 if coefficient != -1 else 0.25)
    return total


def _best_last(axes: list[int], penalty: list[float]) -> list[int]:
    best = min(axes, key=lambda j: (penalty[j], -j))
    return [*(j for j in axes if j != best), best]


def near(left: Shape, right: Shape) -> bool:
    """Boxes that differ by a small constant at most."""
    return len(left) == len(right) and all(_near(a, b) for a, b in zip(left, right, strict=True))


def _near(left: Size, right: Size) -> bool:
    if left == right:
        return True
    difference = left - right
    if not isinstance(difference, int):
        return False
    small = abs(difference) <= SLACK
    if isinstance(left, int) and isinstance(right, int):
        return small and 4 * abs(difference) <= max(left, right)
    return small


def larger(left: Size, right: Size) -> Size:
    """The larger of two sizes that are near."""
    difference = left - right
    return left if isinstance(difference, int) and difference >= 0 else right
