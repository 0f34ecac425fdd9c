"""Maps that say other things at other places of an axis: one loop for each piece of it, without tests.

    out[i] = select(i < n, a[i], b[i - n])      for i in [0, n): a[i];  for i in [n, n + m): b[i - n]

Joined arrays, shifts round the end and where(arange(n) < k, ...) are such.  No piece evaluates what the
others say, and the guards of padded operands hold within theirs, so whole vectors are copied.  The ends
of a piece are clamped to the loop's: nothing need be known of the order of the cuts.

A last axis of a few elements that are pieces each, as of stacked arrays, or that nothing loaded depends
on, as of repeated ones, is no loop: its elements are vectors along the axis before it, interleaved and
stored together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from eqsat_tensor.extents import Size, product
from eqsat_tensor.lower.cpu.evaluate import cut_of
from eqsat_tensor.lower.cpu.measures import HEAVY, Shape
from eqsat_tensor.lower.cpu.pairs import store_interleaved
from eqsat_tensor.lower.cpu.passes import Passes, Span
from eqsat_tensor.lower.cpu.places import NOWHERE, Here, Within
from eqsat_tensor.schedule.accesses import Access, axes_of, guards_of_pad, linear, through
from eqsat_tensor.schedule.loop_values import (
    Constant,
    Input,
    Iota,
    Map,
    Pad,
    Pair,
    Pick,
    Value,
    View,
    operands_of,
)
from eqsat_tensor.schedule.loops import Root

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
    before, w.within = w.within, piece
    cuts = (cut_of(v, a) for v, a in _evaluated(w) if w.chosen(v, a) is None)
    found = next((cut[:2] for cut in cuts if cut is not None), None)
    w.within = before
    return found


def _evaluated(w: Passes) -> Iterator[tuple[Value, Access]]:
    """What is computed or loaded in the part that is being written, and where."""
    seen: set[tuple[Value, Access]] = set()
    stack = [(source, root.inside) for root in w.nest.roots for source in root.sources]
    while stack:
        key = stack.pop()
        if key in seen:
            continue
        seen.add(key)
        yield key
        value, access = key
        if _is_loaded(w, value):
            continue
        if isinstance(value, Map):
            chosen = w.chosen(value, access)
            operands = value.operands if chosen is None else (chosen,)
            stack.extend((o, access if o.shape else ()) for o in operands)
        elif isinstance(value, View | Pad | Pick):
            stack.append((value.source, through(value, access)))
            if isinstance(value, Pick):
                stack.append((value.index, access))
        else:
            stack.extend((o, access[:-1]) for o in operands_of(value))


def write_pieces(w: Passes, pieces: Sequence[Within], together: int | None) -> None:
    """The loops of each piece; together: how many elements of the last axis are stored at once."""
    f, nest = w.function, w.nest
    last = len(nest.domain) - 1

    def level(axis: int, index: list[str]) -> list[str]:
        low, high = _ends(w, axis)
        if axis < last and together is None and _is_one_walk(w, axis):
            rest = w.size(product(nest.domain[axis + 1 :]))
            low, high = (f.multiply(end, rest) for end in (low, high))
            inside = [*index, *["0"] * (last - axis)]
            w.one_walk = True
            w.pass_over(nest.roots, range(last, last + 1), low, high, inside, 0)
            w.one_walk = False
        elif together is not None and axis == last - 1:
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


def _is_one_walk(w: Passes, first: int) -> bool:
    """Do all reads and writes of this piece walk memory from an axis on as one axis?"""
    domain, last = w.nest.domain, len(w.nest.domain) - 1
    if any(axis > first for axis in w.within):
        return False
    walks = [(root.value, root.access) for root in w.nest.roots]
    if any(root.guards or isinstance(root.value, Pair) for root in w.nest.roots):
        return False
    for value, access in _evaluated(w):
        if _is_loaded(w, value):
            walks.append((value, access))
        elif isinstance(value, Iota | Pick) or not isinstance(value, Map | View | Pad | Constant):
            return False
        elif isinstance(value, Pad):
            for axis, low, high in guards_of_pad(value, access):
                if axis is None or axis < first or w.bounds(axis, low, high) != (None, None):
                    return False
    for value, access in walks:
        steps = linear(value, access)[1]
        for axis in range(first, last):
            if steps.get(axis, 0) != steps.get(axis + 1, 0) * domain[axis + 1]:
                return False
    return True


def _ends(w: Passes, axis: int) -> tuple[str, str]:
    """Where the loop over an axis begins and ends in the piece that is being written."""
    low, high = ("%begin", "%end") if axis == 0 else ("0", w.size(w.nest.domain[axis]))
    lows, highs = w.within.get(axis, NOWHERE)
    for bound in sorted(lows, key=str):
        low = w.clamp("smax", low, w.size(bound))
    for bound in sorted(highs, key=str):
        high = w.clamp("smin", high, w.size(bound))
    return low, w.clamp("smax", high, low) if lows or highs else high


def stored_together(w: Passes, pieces: Sequence[Within]) -> int | None:
    """How many elements of the last axis are stored together; None: it is an axis like others.

    It may be where each is a piece, or where nothing that is loaded depends on it.
    """
    nest = w.nest
    last = len(nest.domain) - 1
    count = nest.domain[last]
    if last < 1 or not isinstance(count, int) or not 2 <= count <= TOGETHER:
        return None
    cut = len(pieces) > 1
    if cut and any(set(piece) != {last} for piece in pieces):
        return None
    if not cut and any(last in axes_of(a) for v, a in _evaluated(w) if _is_loaded(w, v)):
        return None
    for root in nest.roots:
        steps = linear(root.value, root.access)[1]
        if root.guards or isinstance(root.value, Pair):
            return None
        if steps.get(last) != 1 or steps.get(last - 1) != count:
            return None
    return count


def _is_loaded(w: Passes, value: Value) -> bool:
    return isinstance(value, Input) or (value in w.buffers and value not in w.own)


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
