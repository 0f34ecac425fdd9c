"""Maps that read an array across: by square tiles, turned over in registers.

    out[i, j] = f(a[j, i])      for 8 rows i and 8 columns j of float64: 8 loads along i, 24 shuffles

Element by element such a read takes a cache line for each.  Processor time on one core, ms, by gathers
/ by tiles, 2 a': 1000 x 1000 0.98 / 0.69, 1024 x 1024 5.0 / 0.86, 2000 x 2000 16.8 / 3.0, 1000 x 1000
of float32 0.87 / 0.67.  The lines that are written come in as far apart as those that are read, and no
machine foresees them: each tile asks for those of the one below (1004 x 1008 of float32, where rows begin
anywhere on a line: 1.75 -> 0.38).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from eqsat_tensor.extents import product
from eqsat_tensor.lower.cpu.passes import Passes
from eqsat_tensor.lower.cpu.places import MEMORY, Here, Known
from eqsat_tensor.lower.cpu.streams import aligned_flags, streamed
from eqsat_tensor.schedule.accesses import Access, linear, through
from eqsat_tensor.schedule.loop_values import (
    Constant,
    Input,
    Iota,
    Map,
    Pair,
    SizeValue,
    Value,
    View,
)

BLOCK = 8  # tiles side by side that are done for all rows: as many lines and pages are read in turn
FEW = 4  # this part of a tile's rows is read element by element as fast
FEW_IN_CACHE = 2  # the same where what is written stays in the cache, as
CACHED = 1 << 20  # bytes do: 33333 x 3 of float64 by a masked tile 62 us, so 33
SMALL = (
    4096  # elements of a box that is in the cache whichever way it is read: no tiles in terse code
)
COST = 12.0  # of a body, at most: it is written once for each row of a tile


@dataclass(frozen=True)
class Across:
    """What is read across: the axis along which it lies in memory, and the reads."""

    axis: int
    reads: tuple[tuple[Value, Access], ...]


def across(w: Passes) -> Across | None:
    """The reads of a "map" that lie along another axis than the inner one; None: not by tiles."""
    nest = w.nest
    last = len(nest.domain) - 1
    plain = not any(r.guards or isinstance(r.value, Pair) for r in nest.roots)
    simple = all(
        isinstance(v, Input | Constant | Iota | Map | SizeValue | View) or v in w.buffers
        for v in w.body
    )
    if last < 1 or not plain or not simple or w.weigh(nest.roots)[0] > COST:
        return None
    size = product(nest.domain)
    if w.setting.terse and isinstance(size, int) and size <= SMALL:
        return None
    if any(linear(r.value, r.access)[1].get(last) != 1 for r in nest.roots):
        return None
    found: list[tuple[Value, Access]] = []
    axes: list[int] = []
    for value, access in _loads(w):
        steps = linear(value, access)[1]
        along = [axis for axis in range(last) if steps.get(axis) == 1]
        if steps.get(last, 0) not in (0, 1, -1, 2) and along and value.dtype.kind in "fiu":
            axes = axes or along[:1]
            if along == axes:
                found.append((value, access))
    return Across(axes[0], tuple(found)) if found else None


def _loads(w: Passes) -> Iterator[tuple[Value, Access]]:
    """What a nest loads, and where."""
    seen: set[tuple[Value, Access]] = set()
    stack = [(root.value, root.access) for root in w.nest.roots]
    while stack:
        key = stack.pop()
        value, access = key
        if key in seen:
            continue
        seen.add(key)
        if isinstance(value, Input) or (value in w.buffers and value not in w.own):
            yield key
        elif isinstance(value, Map):
            stack.extend((o, access if o.shape else ()) for o in value.operands)
        elif isinstance(value, View):
            stack.append((value.source, through(value, access)))


def write_turned(w: Passes, read: Across) -> None:
    """Whole tiles; those at the ends of rows and columns, masked; rows too few for a tile."""
    nest, f, lanes = w.nest, w.function, w.lanes
    last, p = len(nest.domain) - 1, read.axis
    others = [axis for axis in range(last) if axis != p]
    high = w.size(nest.domain[last])
    full = f.emit(f"and i64 {high}, {-lanes}") if not high.isdigit() else _whole(high, lanes)

    def ends(axis: int) -> tuple[str, str]:
        return ("%begin", "%end") if axis == 0 else ("0", w.size(nest.domain[axis]))

    first, end = ends(p)
    middle = f.add(first, f.emit(f"and i64 {f.subtract(end, first)}, {-lanes}"))

    def at(outer: dict[int, str], row: str, column: str) -> list[str]:
        place = outer | {p: row, last: column}
        return [place[axis] for axis in range(last + 1)]

    past = aligned_flags(w, streamed(w, nest.roots, last, lanes), last)

    def tile(outer: dict[int, str], row: str, column: str) -> list[str]:
        turned = {
            key: _turned(w, key, _columns(w, key, at, outer, (row, column), p))
            for key in read.reads
        }
        for q in range(lanes):
            here = Here(lanes, column, None, at(outer, f.add(row, str(q)), column), last)
            here.streams = past
            for (value, access), rows in turned.items():
                here.known[value, access, frozenset()] = Known("vector", rows[q])
            w.body_of(nest.roots, here, [])
            _bring(w, replace(here, index=at(outer, f.add(row, str(q + lanes)), column)))
        return []

    def edge(outer: dict[int, str], row: str, column: str) -> list[str]:
        """A tile of which only what is within the array is read and written."""
        turned = {
            key: _turned(w, key, _columns(w, key, at, outer, (row, column), p, (end, high)))
            for key in read.reads
        }

        def line(q: int) -> Callable[[str, list[str]], list[str]]:
            def body(row: str, _: list[str]) -> list[str]:
                here = Here(lanes, column, high, at(outer, row, column), last)
                for (value, access), rows in turned.items():
                    here.known[value, access, frozenset()] = Known("vector", rows[q])
                w.body_of(nest.roots, here, [])
                return []

            return body

        for q in range(lanes):
            here = f.add(row, str(q))
            f.loop(here, w.clamp("smin", f.add(here, "1"), end), 1, [], line(q))
        return []

    def level(left: Sequence[int], outer: dict[int, str]) -> list[str]:
        if left:
            low, below = ends(left[0])
            return f.loop(low, below, 1, [], lambda i, _: level(left[1:], outer | {left[0]: i}))

        def block(left: str, _: list[str]) -> list[str]:
            right = w.clamp("smin", f.add(left, str(BLOCK * lanes)), full)

            def strip(row: str, _: list[str]) -> list[str]:
                return f.loop(left, right, lanes, [], lambda column, _: tile(outer, row, column))

            return f.loop(first, middle, lanes, [], strip)

        def rim(row: str, _: list[str]) -> list[str]:
            whole = f.emit(f"icmp slt i64 {row}, {middle}")
            low = f.emit(f"select i1 {whole}, i64 {full}, i64 0")
            return f.loop(low, high, lanes, [], lambda column, _: edge(outer, row, column))

        def line(row: str, _: list[str]) -> list[str]:
            w.pass_over(nest.roots, range(last, last + 1), "0", high, at(outer, row, "0")[:last], 0)
            return []

        f.loop("0", full, BLOCK * lanes, [], block)
        few = f.emit(f"icmp sle i64 {f.subtract(end, middle)}, {_few_rows(w)}")
        below = f.emit(f"select i1 {few}, i64 {middle}, i64 {end}")
        f.loop(first, below, lanes, [], rim)
        return f.loop(below, end, 1, [], line)

    level(others, {})


def _few_rows(w: Passes) -> str:
    """So many rows below the last whole tile are read element by element."""
    f, size = w.function, max(root.value.dtype.itemsize for root in w.nest.roots)
    count = w.size(product(w.nest.domain))
    cached = f.emit(f"icmp sle i64 {count}, {CACHED // size}")
    return f.emit(f"select i1 {cached}, i64 {w.lanes // FEW_IN_CACHE}, i64 {w.lanes // FEW}")


def _whole(size: str, lanes: int) -> str:
    return str(int(size) // lanes * lanes)


def _columns(
    w: Passes,
    key: tuple[Value, Access],
    at: Callable[[dict[int, str], str, str], list[str]],
    outer: dict[int, str],
    corner: tuple[str, str],
    p: int,
    ends: tuple[str, str] | None = None,
) -> list[str]:
    """The columns of a tile, as they lie in memory; at ends only what is before them."""
    (value, access), (row, column) = key, corner
    f, lanes = w.function, w.lanes
    vectors = []
    for c in range(lanes):
        place = f.add(column, str(c))
        below = None
        if ends is not None:  # no lane of a column that is not there
            there = f.emit(f"icmp slt i64 {place}, {ends[1]}")
            below = f.emit(f"select i1 {there}, i64 {ends[0]}, i64 {row}")
        here = Here(lanes, row, below, at(outer, row, place), p)
        vectors.append(w.load(value, access, frozenset(), here, []).text)
    return vectors


def _turned(w: Passes, key: tuple[Value, Access], vectors: list[str]) -> list[str]:
    """The rows of a tile, as vectors along the last axis, from its columns."""
    lanes = w.lanes
    wide = f"<{lanes} x {MEMORY[key[0].dtype]}>"
    by = 1
    while by < lanes:
        # of each pair of vectors `by` apart, lanes change places across a square of that side
        for i in range(lanes):
            if i & by:
                continue
            a, b = vectors[i], vectors[i + by]
            near = [q if not q & by else lanes + q - by for q in range(lanes)]
            far = [q + by if not q & by else lanes + q for q in range(lanes)]
            vectors[i], vectors[i + by] = (_picked(w, wide, a, b, o) for o in (near, far))
        by *= 2
    return vectors


def _bring(w: Passes, here: Here) -> None:
    """Ask for the lines that the tile below will write, where they are not stored past the caches."""
    f = w.function
    how = [("i32", "1"), ("i32", "3"), ("i32", "1")]  # to write, into every cache, data
    for root in w.nest.roots:
        if root.value not in w.buffers:
            continue
        pointer, _ = w.address(root.value, root.access, here)
        place = f.offset(MEMORY[root.value.dtype], pointer, here.j)
        prefetch = w.call("void", "llvm.prefetch.p0", ("ptr", place), *how)
        past = here.streams.get(root.value)
        if past is None:
            f.effect(prefetch)
        else:
            f.either(f.emit(f"xor i1 {past}, true"), prefetch)


def _picked(w: Passes, wide: str, a: str, b: str, order: list[int]) -> str:
    picks = ", ".join(f"i32 {q}" for q in order)
    return w.function.emit(f"shufflevector {wide} {a}, {wide} {b}, <{len(order)} x i32> <{picks}>")
