"""The kernel of a "scan" nest: the places along one axis in turn, each made from the one before.

Axes inside the scanned one are vectorised, and the row before is read back from the result; without
any, a register carries the value on, and some lines are walked together: each place waits for the
one before it.  So sums come in NumPy's order, with NumPy's roundings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eqsat_tensor.lower.cpu.accumulate import combined
from eqsat_tensor.lower.cpu.function import Typed
from eqsat_tensor.lower.cpu.passes import Passes, Span
from eqsat_tensor.lower.cpu.places import MEMORY, Here
from eqsat_tensor.lower.cpu.units import outer_loops
from eqsat_tensor.schedule.loop_values import Scan
from eqsat_tensor.schedule.loops import Root

LINES = 4  # walked together where a register carries each

# Writes one place: its index and that of the place before ("": there is none), what is carried.
Place = Callable[[str, str, list[str]], Sequence[str]]


def write_scan(w: Passes) -> None:
    """Outer axes, then the scanned one.

    Units are indices of the first axis; of the first one after the scanned axis where that is the
    first of all.
    """
    nest = w.nest
    (root,) = nest.roots
    if nest.outer + 1 < len(nest.domain):
        if nest.outer:
            outer_loops(w, nest.outer, lambda index: _rows(w, root, index, "0", None))
        else:
            _rows(w, root, [], "%begin", "%end")
    elif nest.outer:
        outer_loops(w, nest.outer - 1, lambda index: _lines(w, root, index))
    else:
        _elements(w, root, [[]])


def _lines(w: Passes, root: Root, index: list[str]) -> None:
    """The lines along the last outer axis, several at a time."""
    f, axis = w.function, len(index)
    low, high = ("%begin", "%end") if axis == 0 else ("0", w.size(w.nest.domain[axis]))
    middle = f.add(low, f.emit(f"and i64 {f.subtract(high, low)}, {-LINES}"))

    def walk(count: int, i: str) -> list[str]:
        _elements(w, root, [[*index, i if q == 0 else f.add(i, str(q))] for q in range(count)])
        return []

    f.loop(low, middle, LINES, [], lambda i, _: walk(LINES, i))
    f.loop(middle, high, 1, [], lambda i, _: walk(1, i))


def _in_turn(w: Passes, scan: Scan, carried: list[Typed], place: Place) -> None:
    """The first place by itself, then a loop over the others."""
    f = w.function
    size = w.size(w.nest.domain[w.nest.outer])

    def at(i: str, first: bool, values: list[str]) -> Sequence[str]:
        here = f.subtract(f.subtract(size, "1"), i) if scan.reverse else i
        before = "" if first else f.add(here, "1" if scan.reverse else "-1")
        return place(here, before, values)

    one = "1" if size.isdigit() and int(size) else w.clamp("smin", size, "1")
    start = f.loop("0", one, 1, carried, lambda i, values: at(i, True, values))
    rest = [(kind, value) for (kind, _), value in zip(carried, start, strict=True)]
    f.loop("1", size, 1, rest, lambda i, values: at(i, False, values))


def _taken_in(w: Passes, root: Root, here: Here, old: str | None) -> str:
    """The value at a place, given that of the place before."""
    scan = root.value
    assert isinstance(scan, Scan), scan
    operands = [
        w.vector(w.value(v, root.access, root.guards, here), v, here.lanes) for v in root.sources
    ]
    if old is None:
        return operands[0]
    builder = w.builder(scan.dtype, here.lanes)
    if scan.factor is None:
        return combined(scan, builder, old, operands[0])
    return builder.apply("add", operands[0], builder.apply("multiply", operands[1], old))


def _elements(w: Passes, root: Root, lines: list[list[str]]) -> None:
    """The scanned axis is the innermost: one element after another, of several lines."""
    scan = root.value
    assert isinstance(scan, Scan), scan
    builder = w.builder(scan.dtype, 0)

    def place(at: str, before: str, values: list[str]) -> list[str]:
        found = []
        for index, old in zip(lines, values, strict=True):
            here = Here(0, "0", None, [*index, at], -1)
            found.append((_taken_in(w, root, here, old if before else None), here))
        for text, here in found:
            w.store(scan, root.result, text, frozenset(), here)
        return [text for text, _ in found]

    _in_turn(w, scan, [(builder.type, builder.constant(0))] * len(lines), place)


def _rows(w: Passes, root: Root, index: list[str], low: str, high: str | None) -> None:
    """Axes inside the scanned one: a row of vectors after another."""
    scan, nest, f = root.value, w.nest, w.function
    assert isinstance(scan, Scan), scan
    if w.few_elements() and len(nest.domain) == nest.outer + 2:
        _columns(w, root, index, low, w.size(nest.domain[-1]) if high is None else high)
        return
    last, kind = len(nest.domain) - 1, MEMORY[scan.dtype]
    cuts = tuple(w.cuts(nest.roots, last))
    shape = w.shape_of(nest.roots, bool(cuts))

    def place(at: str, before: str, _: list[str]) -> list[str]:
        def step(here: Here, _: list[str]) -> list[str]:
            old: str | None = None
            if before:
                row = [*here.index[: nest.outer], before, *here.index[nest.outer + 1 :]]
                there = Here(here.lanes, here.j, here.end, row, here.inner)
                pointer, _stride = w.address(scan, root.result, there)
                mask = w.lane_mask(frozenset(), here)
                old = w.vector_load(f.offset(kind, pointer, here.j), scan, mask, here)
            text = _taken_in(w, root, here, old)
            w.store(scan, root.result, text, frozenset(), here)
            return []

        def level(axis: int, at: list[str], low: str, high: str) -> list[str]:
            if axis == last:
                return w.innermost(shape, Span(axis, low, high, cuts), at, 0, [], step)
            end = w.size(nest.domain[axis + 1])
            return f.loop(low, high, 1, [], lambda i, _: level(axis + 1, [*at, i], "0", end))

        end = w.size(nest.domain[nest.outer + 1]) if high is None else high
        return level(nest.outer + 1, [*index, at], low, end)

    _in_turn(w, scan, [], place)


def _columns(w: Passes, root: Root, index: list[str], low: str, high: str) -> None:
    """One axis of few elements inside the scanned one: registers carry a few columns on.

    What was stored behind a mask is not at hand for a load behind another: sums down 30,000 rows of 3
    int64 take 262 us so, and 34 by this.
    """
    scan, lanes = root.value, w.few_elements()
    assert isinstance(scan, Scan), scan
    builder, last = w.builder(scan.dtype, lanes), len(w.nest.domain) - 1

    def columns(j: str, _: list[str]) -> list[str]:
        def place(at: str, before: str, values: list[str]) -> list[str]:
            here = Here(lanes, j, high, [*index, at, j], last)
            text = _taken_in(w, root, here, values[0] if before else None)
            w.store(scan, root.result, text, frozenset(), here)
            return [text]

        _in_turn(w, scan, [(builder.type, builder.constant(0))], place)
        return []

    w.function.loop(low, high, lanes, [], columns)
