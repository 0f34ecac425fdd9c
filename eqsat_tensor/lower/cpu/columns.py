"""The kernel of a "col" nest: reduced axes outside, kept ones inside, vectorised."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import accumulate

from eqsat_tensor.extents import Size, product
from eqsat_tensor.lower.cpu.accumulate import combined, identity_of, memory_start, reduced_to_one
from eqsat_tensor.lower.cpu.measures import HEAVY, Shape
from eqsat_tensor.lower.cpu.pairs import store_pair
from eqsat_tensor.lower.cpu.passes import Passes, Span
from eqsat_tensor.lower.cpu.places import MEMORY, Here
from eqsat_tensor.lower.cpu.units import block, number_of, or_zero, outer_loops
from eqsat_tensor.schedule.accesses import linear
from eqsat_tensor.schedule.loop_values import Pair, Reduce, Value
from eqsat_tensor.schedule.loops import Root

ROWS = 4  # rows that a step takes in: they fill the pipeline, and share a load and a store
Target = tuple[str, Mapping[int, Size]]  # address of a row of accumulators, steps along kept axes
Targets = Mapping[Value, Target]


def write_col(w: Passes) -> None:
    """Reduced axes outside, kept ones inside: a row of accumulators that stays in cache.

    Without outer axes a unit is a block of the first axis and its row a partial result; else the
    row is the result's own.
    """
    nest, f = w.nest, w.function
    if nest.outer:
        outer_loops(w, nest.outer, lambda index: accumulate_columns(w, index, "0", None, ""))
        return

    def unit(u: str, _: list[str]) -> list[str]:
        low, high = block(w, u)
        accumulate_columns(w, [], low, high, u)
        return []

    f.loop("%begin", "%end", 1, [], unit)


def accumulate_columns(w: Passes, index: list[str], low: str, high: str | None, unit: str) -> None:
    """Clear the accumulators, then take in every row; also store what is stored."""
    nest, f = w.nest, w.function
    rows_high = w.size(nest.domain[nest.outer]) if high is None else high
    targets: Targets = {
        r.value: _target(w, r, index, unit) for r in nest.roots if isinstance(r.value, Reduce)
    }
    wanted = w.wanted(nest.roots, nest.outer, index, 0)
    if wanted is not None:
        rows_high = f.emit(f"select i1 {wanted}, i64 {rows_high}, i64 {low}")

    def in_registers(_: str, __: list[str]) -> list[str]:
        _narrow(w, targets, index, wanted, low, rows_high)
        return []

    def in_memory(_: str, __: list[str]) -> list[str]:
        _sweeps(w, targets, index, wanted, low, rows_high)
        return []

    if not _may_be_narrow(w):
        in_memory("", [])
        return
    narrow = f.emit(f"icmp slt i64 {w.size(nest.domain[-1])}, {w.lanes}")
    ways = f.emit(f"zext i1 {narrow} to i64")
    f.loop("0", ways, 1, [], in_registers)
    f.loop(ways, "1", 1, [], in_memory)


def _may_be_narrow(w: Passes) -> bool:
    """May a row be shorter than a vector, so that its accumulators stay in a register?"""
    nest = w.nest
    if nest.reduced != 1 or len(nest.domain) != nest.outer + 2 or w.setting.terse:
        return False
    plain = all(isinstance(r.value, Reduce) and not r.guards for r in nest.roots)
    width = nest.domain[-1]
    plain = plain and w.weigh(nest.roots)[0] <= HEAVY  # its body is written twice
    return plain and not (isinstance(width, int) and width >= w.lanes)


def _narrow(
    w: Passes, targets: Targets, index: list[str], wanted: str | None, low: str, high: str
) -> None:
    """All rows of columns that are one vector: what is added waits for no memory.

    A masked store is not handed on to the load after it.  Sums of floats take rows in one by one as
    elsewhere, so that the bits are the same; what has no order takes each row of a step by itself, for
    one comparison would wait for the other.  y @ x, x of 100000 x 3 float64: 333 -> 137 us.
    """
    nest, f = w.nest, w.function
    last = len(nest.domain) - 1
    reductions = [(r, r.value) for r in nest.roots if isinstance(r.value, Reduce)]
    reduced = [reduce for _, reduce in reductions]

    def step(here: Here, _: list[str]) -> list[str]:
        mask = w.lane_mask(frozenset(), here)
        builders = [w.builder(reduce.dtype, here.lanes) for reduce in reduced]
        ways = [ROWS if _is_free(reduce) else 1 for reduce in reduced]
        first = [0, *accumulate(ways)]
        starts = [
            (b.type, b.splat(_start(w, reduce, wanted)))
            for b, reduce in zip(builders, reduced, strict=True)
        ]

        def take(total: str, root: Root, reduce: Reduce, place: Here) -> str:
            known = w.value(root.computed, root.access, root.guards, place)
            text = w.vector(known, root.computed, here.lanes)
            return combined(reduce, w.builder(reduce.dtype, here.lanes), total, text)

        def some(count: int) -> Callable[[str, list[str]], list[str]]:
            def body(i: str, given: list[str]) -> list[str]:
                totals, several = list(given), len(given) > len(reductions)
                for q in range(count):
                    at = [*index, f.add(i, str(q)), here.j]
                    place = Here(here.lanes, here.j, here.end, at, last)
                    for number, r in enumerate(reductions):
                        k = first[number] + q % ways[number] if several else number
                        totals[k] = take(totals[k], *r, place)
                return totals

            return body

        middle = f.add(low, f.emit(f"and i64 {f.subtract(high, low)}, {-ROWS}"))
        carried = [start for start, n in zip(starts, ways, strict=True) for _ in range(n)]
        parts = f.loop(low, middle, ROWS, carried, some(ROWS))
        typed = [
            (b.type, reduced_to_one(reduce, b, parts[at : at + n]))
            for reduce, b, at, n in zip(reduced, builders, first, ways, strict=False)
        ]
        totals = f.loop(middle, high, 1, typed, some(1))
        for reduce, total in zip(reduced, totals, strict=True):
            kind = MEMORY[reduce.dtype]
            row = _row_of(w, targets[reduce], kind, [*index, "0"])
            w.vector_store(total, f.offset(kind, row, here.j), reduce, mask, here)
        return []

    shape = Shape(w.lanes, w.lanes, True)
    w.innermost(shape, Span(last, "0", w.size(nest.domain[-1]), ()), [], 0, [], step)


def _is_free(reduce: Reduce) -> bool:
    """Does the order in which values are taken in change nothing?"""
    return reduce.dtype.kind != "f" or reduce.combine in ("max", "min")


def _start(w: Passes, value: Reduce, wanted: str | None) -> str:
    """What a reduction starts from, as it is in registers."""
    if value.combine == "sum" and value.dtype.kind == "f":
        return _start_of_sum(w, value, wanted)
    return w.builder(value.dtype, 0).constant(identity_of(value))


def _sweeps(
    w: Passes, targets: Targets, index: list[str], wanted: str | None, low: str, rows_high: str
) -> None:
    """A few rows after the other, each taken into the row of accumulators."""
    nest, f = w.nest, w.function
    first, end = nest.outer, nest.outer + nest.reduced
    _clear(w, targets, index, wanted)

    def rows(axis: int, count: int, at: list[str]) -> list[str]:
        """Rows at the index `at`, `count` of them along the last reduced axis."""
        if axis == end:
            _columns(w, targets, at, count)
            return []
        start, stop = (low, rows_high) if axis == first else ("0", w.size(nest.domain[axis]))
        if axis < end - 1:
            return f.loop(start, stop, 1, [], lambda i, _: rows(axis + 1, count, [*at, i]))
        full = f.emit(f"and i64 {f.subtract(stop, start)}, {-ROWS}")
        middle = f.add(start, full)
        f.loop(start, middle, ROWS, [], lambda i, _: rows(end, ROWS, [*at, i]))
        pair = f.add(middle, f.emit(f"and i64 {f.subtract(stop, middle)}, -2"))
        f.loop(middle, pair, 2, [], lambda i, _: rows(end, 2, [*at, i]))
        return f.loop(pair, stop, 1, [], lambda i, _: rows(end, 1, [*at, i]))

    rows(first, 1, index)


def _target(w: Passes, root: Root, index: list[str], unit: str) -> Target:
    """Address of a reduction's row of accumulators, and its steps along the kept axes."""
    f, nest = w.function, w.nest
    kind = MEMORY[root.value.dtype]
    _, steps = linear(root.value, root.result)
    if not nest.outer:
        pointer = w.slot("ptr", "partial", number_of(nest, root.value))
        width = product(nest.domain[nest.reduced :])
        return f.offset(kind, pointer, f.multiply(unit, w.size(width))), steps
    pointer = w.base(root.value)
    for axis in range(nest.outer):
        pointer = f.offset(kind, pointer, f.multiply(index[axis], w.size(steps.get(axis, 0))))
    return pointer, steps


def _kept_loops(w: Passes, index: list[str], body: Callable[[list[str]], None]) -> None:
    """Loops over the kept axes but the last."""
    nest = w.nest

    def level(axis: int, at: list[str]) -> list[str]:
        if axis == len(nest.domain) - 1:
            body(at)
            return []
        return w.function.loop(
            "0", w.size(nest.domain[axis]), 1, [], lambda i, _: level(axis + 1, [*at, i])
        )

    level(nest.outer + nest.reduced, index)


def _row_of(w: Passes, target: Target, kind: str, at: list[str]) -> str:
    """The accumulators along the last axis."""
    nest, f = w.nest, w.function
    pointer, steps = target
    for axis in range(nest.outer + nest.reduced, len(nest.domain) - 1):
        pointer = f.offset(kind, pointer, f.multiply(at[axis], w.size(steps.get(axis, 0))))
    return pointer


def _clear(w: Passes, targets: Targets, index: list[str], wanted: str | None) -> None:
    nest, f = w.nest, w.function
    last = len(nest.domain) - 1

    def body(at: list[str]) -> None:
        def step(here: Here, _: list[str]) -> list[str]:
            for value, target in targets.items():
                assert isinstance(value, Reduce)
                kind, start = memory_start(value)
                if value.combine == "sum" and value.dtype.kind == "f":
                    start = _start_of_sum(w, value, wanted)
                place = f.offset(kind, _row_of(w, target, kind, at), here.j)
                held = w.spread(start, kind, here.lanes)
                w.store_lanes(held, place, value, w.lane_mask(frozenset(), here), here.lanes)
            return []

        shape = Shape(4 * w.lanes, w.lanes, False)
        w.innermost(shape, Span(last, "0", w.size(nest.domain[-1]), ()), [], 0, [], step)

    _kept_loops(w, [*index, *["0"] * nest.reduced], body)


def _start_of_sum(w: Passes, value: Reduce, wanted: str | None) -> str:
    scalar = w.builder(value.dtype, 0)
    nest = w.nest
    sizes = nest.domain[nest.outer : nest.outer + nest.reduced]
    start = or_zero(w, value, scalar.constant(identity_of(value)), sizes)
    return start if wanted is None else scalar.select(wanted, start, scalar.constant(0))


def _columns(w: Passes, targets: Targets, at: list[str], count: int) -> None:
    """One sweep along the kept axes, taking in `count` rows."""
    nest, f = w.nest, w.function
    last = len(nest.domain) - 1
    indices = [[*at[:-1], at[-1] if q == 0 else f.add(at[-1], str(q))] for q in range(count)]
    cuts = tuple(w.cuts(nest.roots, last))
    heavy = w.shape_of(nest.roots, bool(cuts)).only_masked
    shape = Shape(w.lanes, w.lanes, heavy)  # several rows a step fill the pipeline as well

    def sweep(kept_at: list[str]) -> None:
        kept = kept_at[nest.outer + nest.reduced :]

        def step(here: Here, _: list[str]) -> list[str]:
            places = [
                Here(here.lanes, here.j, here.end, [*ix, *kept, here.j], last) for ix in indices
            ]
            for root in nest.roots:
                _take_rows(w, root, targets, kept_at, places)
            return []

        high = w.size(nest.domain[-1])
        w.innermost(shape, Span(last, "0", high, cuts), [], 0, [], step)

    _kept_loops(w, at, sweep)


def _take_rows(w: Passes, root: Root, targets: Targets, at: list[str], places: list[Here]) -> None:
    """One root over several rows: into its accumulators, or stored."""
    f, value = w.function, root.computed
    if isinstance(root.value, Pair):
        for here in places:
            store_pair(w, root, root.guards, here)
        return
    if not isinstance(root.value, Reduce):
        if root.value in w.buffers:
            for here in places:
                text = w.vector(w.value(value, root.access, root.guards, here), value, here.lanes)
                w.store(root.value, root.access, text, root.guards, here)
        return
    kind, here = MEMORY[root.value.dtype], places[0]
    builder = w.builder(root.value.dtype, here.lanes)
    pointer = f.offset(kind, _row_of(w, targets[root.value], kind, at), here.j)
    mask = w.lane_mask(frozenset(), here)
    total = w.vector_load(pointer, root.value, mask, here)
    for place in places:
        known = w.value(value, root.access, root.guards, place)
        text = w.vector(known, value, here.lanes)
        alive = w.mask(root.guards, place) if root.guards else None
        if alive is not None:
            text = builder.select(alive, text, builder.constant(identity_of(root.value)))
        total = combined(root.value, builder, total, text)
    w.vector_store(total, pointer, root.value, mask, here)
