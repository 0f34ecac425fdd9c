"""Maps that say other things at other places of an axis: one loop for each piece of it, without tests.

    out[i] = select(i < n, a[i], b[i - n])      for i in [0, n): a[i];  for i in [n, n + m): b[i - n]

Joined arrays, shifts round the end and where(arange(n) < k, ...) are such.  No piece evaluates what the
others say, and the guards of padded operands hold within theirs, so whole vectors are copied.  The ends
of a piece are clamped to the loop's: nothing need be known of the order of the cuts.

A last axis of a few pieces of one element each, as of stacked arrays, is no loop: the pieces are vectors
along the axis before it, interleaved and stored together.
"""

from __future__ import annotations

from collections.abc import Sequence

from eqsat_tensor.extents import Size
from eqsat_tensor.lower.cpu.evaluate import cut_of
from eqsat_tensor.lower.cpu.pairs import store_interleaved
from eqsat_tensor.lower.cpu.passes import HEAVY, Passes, Shape, Span
from eqsat_tensor.lower.cpu.places import NOWHERE, Here, Within
from eqsat_tensor.schedule.loops import (
    Access,
    Input,
    Map,
    Pad,
    Pair,
    Pick,
    Root,
    Value,
    View,
    linear,
    operands_of,
    through,
)

PIECES = 8  # of a nest, at most: each is a loop of its own
TOGETHER = 4  # stacked arrays, at most


def pieces_of(w: Passes) -> list[Within]:
    """Where the pieces of a "map" lie; one piece that lies anywhere where cutting does not pay."""
    done: list[Within] = []
    left: list[Within] = [{}]
    cost, _ = w.weigh(w.nest.roots)
    while left:
        if (len(done) + len(left)) > PIECES or (len(left) > 1 and cost > HEAVY):
            return [{}]
        piece = left.pop()
        found = _cut_in(w, piece)
        if found is None:
            done.append(piece)
            continue
        axis, cut = found
        lows, highs = piece.get(axis, NOWHERE)
        left.append(piece | {axis: (lows | {cut}, highs)})
        left.append(piece | {axis: (lows, highs | {cut})})
    return done


def _cut_in(w: Passes, piece: Within) -> tuple[int, Size] | None:
    """An axis and a place on it where something that is evaluated in a piece changes."""
    seen: set[tuple[Value, Access]] = set()
    stack = [(source, root.inside) for root in w.nest.roots for source in root.sources]
    before, w.within = w.within, piece
    try:
        while stack:
            key = stack.pop()
            value, access = key
            stored = isinstance(value, Input) or (value in w.buffers and value not in w.own)
            if key in seen or stored:
                continue
            seen.add(key)
            if isinstance(value, Map):
                cut = cut_of(value, access)
                chosen = w.chosen(value, access)
                if cut is not None and chosen is None:
                    return cut[:2]
                operands = value.operands if chosen is None else (chosen,)
                stack.extend((o, access if o.shape else ()) for o in operands)
            elif isinstance(value, View | Pad | Pick):
                stack.append((value.source, through(value, access)))
                if isinstance(value, Pick):
                    stack.append((value.index, access))
            else:
                stack.extend((o, access[:-1]) for o in operands_of(value))
    finally:
        w.within = before
    return None


def write_pieces(w: Passes, pieces: Sequence[Within]) -> None:
    """The loops of each piece."""
    f, nest = w.function, w.nest
    last = len(nest.domain) - 1
    together = _together(w, pieces)

    def level(axis: int, index: list[str]) -> list[str]:
        low, high = _ends(w, axis)
        if together is not None and axis == last - 1:
            _side_by_side(w, together, low, high, index)
        elif axis == last:
            w.pass_over(nest.roots, range(axis, last + 1), low, high, index, 0)
        else:
            f.loop(low, high, 1, [], lambda i, _: level(axis + 1, [*index, i]))
        return []

    for piece in pieces if together is None else [{}]:
        w.within = piece
        level(0, [])
    w.within = {}


def _ends(w: Passes, axis: int) -> tuple[str, str]:
    """Where the loop over an axis begins and ends in the piece that is being written."""
    low, high = ("%begin", "%end") if axis == 0 else ("0", w.size(w.nest.domain[axis]))
    lows, highs = w.within.get(axis, NOWHERE)
    for bound in sorted(lows, key=str):
        low = w.clamp("smax", low, w.size(bound))
    for bound in sorted(highs, key=str):
        high = w.clamp("smin", high, w.size(bound))
    return low, high


def _together(w: Passes, pieces: Sequence[Within]) -> int | None:
    """How many elements of the last axis are stored together; None: it is an axis like others."""
    nest = w.nest
    last = len(nest.domain) - 1
    count = nest.domain[last]
    if last < 1 or not isinstance(count, int) or not 2 <= count <= TOGETHER:
        return None
    if any(set(piece) != {last} for piece in pieces):
        return None
    for root in nest.roots:
        steps = linear(root.value, root.access)[1]
        if root.guards or isinstance(root.value, Pair):
            return None
        if steps.get(last) != 1 or steps.get(last - 1) != count:
            return None
    return count


def _side_by_side(w: Passes, count: int, low: str, high: str, index: list[str]) -> None:
    """Vectors along the axis before the last, one for each element of that, interleaved."""
    roots = w.nest.roots
    axis = len(w.nest.domain) - 2

    def step(here: Here, _: list[str]) -> list[str]:
        parts: dict[Root, list[str]] = {root: [] for root in roots}
        for q in range(count):
            w.within = {axis + 1: (frozenset([q]), frozenset([q + 1]))}
            place = Here(here.lanes, here.j, here.end, [*here.index, str(q)], axis)
            for root in roots:
                known = w.value(root.value, root.access, frozenset(), place)
                parts[root].append(w.vector(known, root.value, here.lanes))
        w.within = {}
        for root, texts in parts.items():
            store_interleaved(
                w, root, texts, Here(here.lanes, here.j, here.end, [*here.index, "0"], axis)
            )
        return []

    cuts = tuple(w.cuts(roots, axis))
    w.innermost(Shape(w.lanes, w.lanes, False), Span(axis, low, high, cuts), index, 0, [], step)
