"""Rows of which only sums are wanted: brought down together, as many as a vector has lanes.

Each row leaves a vector of partial sums.  One by one they would be brought down lane by lane, and
stored one number at a time; of 16 rows of 16 lanes it takes 15 steps of two shuffles and a sum for all:

    a b  (rows)  ->  [a0 + a1, b0 + b1, a2 + a3, b2 + b3, ...]  ->  ...  ->  [sum of a, sum of b, ...]

Every row's sum is made in the same order, whatever lane it comes to.  6250 rows of 16 float32 times a
vector: 31.9 -> 23.8 us.
"""

from __future__ import annotations

from collections.abc import Collection

from eqsat_tensor.lower.cpu.accumulate import combined, flagged
from eqsat_tensor.lower.cpu.measures import Shape
from eqsat_tensor.lower.cpu.passes import Passes, Span
from eqsat_tensor.lower.cpu.places import Here
from eqsat_tensor.lower.cpu.registers import part
from eqsat_tensor.lower.cpu.units import or_zero, store_one
from eqsat_tensor.schedule.loop_values import Reduce, Value
from eqsat_tensor.schedule.loops import Root


def go_abreast(w: Passes, inside: Collection[Root]) -> bool:
    """Are sums of rows all that a "row" nest does to their elements?"""
    nest = w.nest
    if nest.outer != 1 or len(nest.domain) != 2 or nest.kept or w.setting.terse:
        return False
    count = nest.domain[0]
    if isinstance(count, int) and count < w.lanes:
        return False
    return bool(inside) and all(
        isinstance(root.value, Reduce)
        and root.phase == 0
        and not root.guards
        and root.value.dtype.kind in "fiu"
        and not flagged(root.value)
        and w.sought_by_bits(root) is None
        for root in inside
    )


def write_abreast(w: Passes, inside: Collection[Root]) -> None:
    """The sums of a vector of rows, and what is stored per row."""
    nest = w.nest
    roots = [root for root in nest.roots if root in inside]

    def step(here: Here, _: list[str]) -> list[str]:
        w.rows, w.side_by_side = {}, False
        found = _sums(w, roots, here)
        w.rows, w.side_by_side = found, True
        for phase in range(max(r.phase for r in nest.roots) + 1):
            place = Here(here.lanes, here.j, here.end, here.index, 0, phase)
            for root in nest.roots:
                if root.phase == phase:
                    store_one(w, root, place)
        return []

    shape = Shape(w.lanes, w.lanes, True)
    w.innermost(shape, Span(0, "%begin", "%end", tuple(w.cuts(nest.roots, 0))), [], 0, [], step)
    w.side_by_side = False


def _sums(w: Passes, roots: list[Root], here: Here) -> dict[Value, str]:
    """The reduced values of a vector of rows, a lane each; of rows beyond the end, anything."""
    f, nest, lanes = w.function, w.nest, here.lanes
    assert here.end is not None
    places = [f"%abreast{k}" for k in range(len(roots))]
    builders = [w.builder(root.value.dtype, lanes) for root in roots]
    for place, builder in zip(places, builders, strict=True):
        f.lend(place, f"alloca [{lanes} x {builder.type}], align 64")

    def row(q: str, values: list[str]) -> list[str]:
        index = [f.add(here.j, q)]
        shape, texts = w.accumulated(roots, range(1, 2), "0", w.size(nest.domain[1]), index, 0)
        for k, (root, builder) in enumerate(zip(roots, builders, strict=True)):
            assert isinstance(root.value, Reduce)
            parts = [
                part(w.builder(root.value.dtype, wide), texts[k + s * len(roots)], first, lanes)
                for s, wide in enumerate(shape.streams)
                for first in range(0, wide, lanes)
            ]
            total, *others = parts
            for other in others:
                total = combined(root.value, builder, total, other)
            f.effect(f"store {builder.type} {total}, ptr {f.offset(builder.type, places[k], q)}")
        return values

    count = w.clamp("smin", f.subtract(here.end, here.j), str(lanes))
    # what is read back depends on a value of this loop, so that it is not read before it
    (zero,) = f.loop("0", count, 1, [("i64", "0")], row)
    found: dict[Value, str] = {}
    for root, place, builder in zip(roots, places, builders, strict=True):
        assert isinstance(root.value, Reduce)
        vectors = []
        for q in range(lanes):
            at = f.offset(builder.type, place, f.add(zero, str(q)))
            vectors.append(f.emit(f"load {builder.type}, ptr {at}"))
        by = 1
        while len(vectors) > 1:
            pairs = zip(vectors[::2], vectors[1::2], strict=True)
            vectors = [_halved(w, root.value, a, b, lanes, by) for a, b in pairs]
            by *= 2
        found[root.value] = or_zero(w, root.value, vectors[0], nest.domain[1:], lanes)
    return found


def _halved(w: Passes, reduce: Reduce, a: str, b: str, lanes: int, by: int) -> str:
    """Lanes that are ``by`` apart summed: those of one vector where that bit is not set, else of the other."""
    f, builder = w.function, w.builder(reduce.dtype, lanes)
    near = [q if not q & by else lanes + q - by for q in range(lanes)]
    far = [q + by if not q & by else lanes + q for q in range(lanes)]
    kind, halves = builder.type, []
    for order in (near, far):
        picks = ", ".join(f"i32 {q}" for q in order)
        halves.append(f.emit(f"shufflevector {kind} {a}, {kind} {b}, <{lanes} x i32> <{picks}>"))
    return combined(reduce, builder, *halves)
