"""Rows of a few elements: as many of them side by side as a vector has lanes, each in a lane of its own.

A row that is shorter than a vector would leave most of its lanes empty, and its reduction would
bring a whole vector down for a few numbers.  So the last axis outside is the vector's, and the row
is a loop inside.  Distances of 1000 points in 3 dimensions: 11.2 -> 1.1 ms; softmax of 1,500,000 rows
of 2: 105 -> 7 ms.
"""

from __future__ import annotations

from collections.abc import Collection

from eqsat_tensor.extents import evaluate, product, symbols_of
from eqsat_tensor.lower.cpu.accumulate import lane_by_lane, starts
from eqsat_tensor.lower.cpu.function import Typed
from eqsat_tensor.lower.cpu.measures import FEW, Shape
from eqsat_tensor.lower.cpu.passes import Passes, Span
from eqsat_tensor.lower.cpu.places import Here
from eqsat_tensor.lower.cpu.units import or_zero, outer_loops, store_one
from eqsat_tensor.schedule.loop_values import Reduce, Value
from eqsat_tensor.schedule.loops import Nest, Root

MOST = 2  # times a vector's lanes: rows up to that length stand side by side


def names_in_rows(nest: Nest) -> frozenset[str]:
    """The names of sizes that tell how long the rows of a nest are; none where it has no rows."""
    if nest.kind in ("map", "scan") and len(nest.domain) > 1:
        return symbols_of(nest.domain[-1])
    return symbols_of(product(nest.domain[nest.outer :])) if nest.kind == "row" else frozenset()


def stand_side_by_side(w: Passes) -> bool:
    """Are the rows of a nest short: by their sizes, or by those that are said to be small?"""
    names = names_in_rows(w.nest)
    if not names <= w.setting.small:
        return False
    count = product(w.nest.domain[w.nest.outer :])
    return evaluate(count, dict.fromkeys(names, FEW)) <= MOST * w.lanes


def write_short(w: Passes, inside: Collection[Root]) -> None:
    """Phases over the elements of each row, a vector of rows at a time, and what is stored per row."""
    nest = w.nest
    last = nest.outer - 1
    cuts = tuple(w.cuts(nest.roots, last))
    w.side_by_side = True

    def step(here: Here, _: list[str]) -> list[str]:
        w.rows = {}
        for phase in range(max(r.phase for r in nest.roots) + 1):
            roots = [r for r in nest.roots if r.phase == phase and r in inside]
            if roots:
                w.rows |= elements(w, roots, here, phase)
            place = Here(here.lanes, here.j, here.end, here.index, last, phase)
            for root in nest.roots:
                if root.phase == phase and (root.value in w.rows or root not in inside):
                    store_one(w, root, place)
        return []

    def rows(index: list[str]) -> None:
        low, high = ("0", w.size(nest.domain[last])) if last else ("%begin", "%end")
        shape = Shape(w.lanes, w.lanes, True)  # one body; the rows are its loop
        w.innermost(shape, Span(last, low, high, cuts), index, 0, [], step)

    outer_loops(w, last, rows)
    w.side_by_side = False


def elements(w: Passes, roots: Collection[Root], here: Here, phase: int) -> dict[Value, str]:
    """Loop over the elements of the rows, store and reduce; the reduced values, a lane a row."""
    nest = w.nest
    rank = len(nest.domain)
    reductions = [r.value for r in roots if isinstance(r.value, Reduce)]
    carried: list[Typed] = []
    for reduce in reductions:
        carried += starts(reduce, w.builder(reduce.dtype, here.lanes))

    def level(axis: int, index: list[str], old: list[Typed]) -> list[str]:
        if axis == rank:
            place = Here(here.lanes, here.j, here.end, index, here.inner, phase)
            return w.body_of(list(roots), place, [value for _, value in old])

        def inner(i: str, values: list[str]) -> list[str]:
            typed = [(t, v) for (t, _), v in zip(old, values, strict=True)]
            return level(axis + 1, [*index, i], typed)

        return w.function.loop("0", w.size(nest.domain[axis]), 1, old, inner)

    values = level(nest.outer, here.index, carried)
    found: dict[Value, str] = {}
    for reduce in reductions:
        builder = w.builder(reduce.dtype, here.lanes)
        count = len(starts(reduce, builder))
        text = lane_by_lane(reduce, builder, values[:count])
        found[reduce] = or_zero(w, reduce, text, nest.domain[nest.outer :], here.lanes)
        values = values[count:]
    return found
