"""Kernels of "map", "row" and "full" nests: threads, teams of threads, or all blocks share a row.

map    threads take elements in turn.
row    a team, part of a warp or a block, takes a row at a time: phases over the reduced axes,
       between which its reductions come down to one value; then what is stored once a row.
split  few long rows, and "full" nests: a kernel a phase whose blocks each reduce a chunk of a row
       into `partial` results, and a kernel that folds these in order and stores what is made of them.

Chunks depend on sizes alone, so the same bits come out on any device.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from eqsat_tensor.extents import product
from eqsat_tensor.lower.cuda.passes import Passes
from eqsat_tensor.lower.cuda.reductions import ctype, functor, or_zero
from eqsat_tensor.lower.cuda.writer import INDEX, Here
from eqsat_tensor.schedule.loop_values import Reduce, Value, operands_of
from eqsat_tensor.schedule.loops import Nest, Root

THREAD = "(eq_i64)blockIdx.x * blockDim.x + threadIdx.x"
THREADS = "(eq_i64)gridDim.x * blockDim.x"


def write_map(w: Passes) -> None:
    """Every element of the box: stores."""
    rank = len(w.nest.domain)
    if rank == 0:
        with w.function.block(f"if ({THREAD} == 0)"):
            w.body_of(w.nest.roots, Here([]), {})
        return
    axes = range(rank)
    turn = (THREAD, w.groups(axes), THREADS)
    w.sweep([], axes, turn, 0, lambda here: w.body_of(w.nest.roots, here, {}))


# ------------------------------------------------------------------------------------ whole rows
def write_row(w: Passes) -> None:
    """For each outer index: phases over the reduced axes, and what is stored per row."""
    f, nest = w.function, w.nest
    outer, axes = nest.outer, range(nest.outer, len(nest.domain))
    keep_in_first_phase(w)
    groups = w.groups(axes)
    count = product(nest.domain[:outer])
    rows = f.let(INDEX, w.size(count)) if not isinstance(count, int) else str(count)
    first = "(eq_i64)blockIdx.x * blockDim.y"
    step = "(eq_i64)gridDim.x * blockDim.y"
    with f.block(f"for ({INDEX} first = {first}; first < {rows}; first += {step})"):
        w.row_depth = f.depth
        row = f.let(INDEX, f"eq_least(first + threadIdx.y, {rows} - 1)")
        live = f.let("bool", f"first + threadIdx.y < {rows}")
        mine = f.let(INDEX, f"{live} ? {groups} : 0")
        index = w.decomposed(row, nest.domain[:outer])
        w.rows = {}
        for phase, roots in enumerate(phases(nest)):
            if roots:
                accumulators = w.declare([r.value for r in roots if isinstance(r.value, Reduce)])
                turn = ("threadIdx.x", mine, "blockDim.x")
                w.sweep(
                    index,
                    axes,
                    turn,
                    phase,
                    lambda here: w.body_of(roots, here, accumulators),  # noqa: B023
                )
                w.rows |= {v: _finished(w, v, t) for v, t in w.teams(accumulators).items()}
            store_scalars(w, phase, index, f"threadIdx.x == 0 && {live}")


def inside(nest: Nest) -> set[Value]:
    """The roots that phases compute; the others are made once a row."""
    return {
        r.value
        for r in nest.roots
        if isinstance(r.value, Reduce)
        or any(isinstance(axis, int) and axis >= nest.outer for axis, _, _ in r.access)
    }


def phases(nest: Nest) -> list[list[Root]]:
    """The roots that each pass over a row computes."""
    within = inside(nest)
    last = max(r.phase for r in nest.roots)
    return [
        [r for r in nest.roots if r.phase == phase and r.value in within]
        for phase in range(last + 1)
    ]


def scalars(nest: Nest, phase: int) -> list[Root]:
    """The roots that are stored once a row, after a phase."""
    within = inside(nest)
    return [
        r
        for r in nest.roots
        if r.phase == phase and (isinstance(r.value, Reduce) or r.value not in within)
    ]


def store_scalars(w: Passes, phase: int, index: Sequence[str], live: str) -> None:
    """Store what is made once a row, by one thread."""
    f, here = w.function, Here([*index], phase)
    roots = [r for r in scalars(w.nest, phase) if r.value in w.buffers]
    if not roots:
        return
    with f.block(f"if ({live})"):
        for root in roots:
            if isinstance(root.value, Reduce):
                texts = [w.rows[root.value]]
            else:
                texts = [w.value(v, root.inside, root.guards, here) for v in root.sources]
            w.store_root(root, texts, frozenset(), here)


def _finished(w: Passes, value: Value, text: str) -> str:
    assert isinstance(value, Reduce), value
    count = w.size(product(w.nest.domain[w.nest.outer :]))
    return w.function.let(ctype(value), or_zero(value, text, count))


def keep_in_first_phase(w: Passes) -> None:
    """The phase that keeps each kept value: the first that needs it."""
    within = inside(w.nest)
    for value, _ in w.nest.kept:
        w.kept_in[value] = min(
            r.phase for r in w.nest.roots if r.value in within and value in reached(r, w.buffers)
        )


def reached(root: Root, buffers: Mapping[Value, str]) -> set[Value]:
    """The values that a root computes or loads."""
    seen: set[Value] = set()
    stack: list[Value] = [*root.sources]
    while stack:
        value = stack.pop()
        if value not in seen:
            seen.add(value)
            if (value not in buffers or value is root.value) and not isinstance(value, Reduce):
                stack.extend(operands_of(value))
    return seen


# ------------------------------------------------------------------------------------ split rows
def write_chunks(w: Passes, phase: int, before: Mapping[Value, str]) -> None:
    """One phase of split rows: each block takes a chunk of a row, and stores partial results.

    before: names of the buffers of the row scalars of earlier phases.
    """
    f, nest = w.function, w.nest
    outer, axes = nest.outer, range(nest.outer, len(nest.domain))
    keep_in_first_phase(w)
    roots = phases(nest)[phase]
    groups = w.groups(axes)
    rows, chunks = w.size(product(nest.domain[:outer])), w.number("chunks")
    share = f.let(INDEX, f"({groups} + {chunks} - 1) / {chunks}")
    with f.block(f"for ({INDEX} unit = blockIdx.x; unit < {rows} * {chunks}; unit += gridDim.x)"):
        row = f.let(INDEX, f"unit / {chunks}")
        chunk = f.let(INDEX, f"unit % {chunks}")
        index = w.decomposed(row, nest.domain[:outer])
        load_scalars(w, before, row)
        accumulators = w.declare([r.value for r in roots if isinstance(r.value, Reduce)])
        end = f.let(INDEX, f"eq_least(({chunk} + 1) * {share}, {groups})")
        turn = (f"{chunk} * {share} + threadIdx.x", end, "blockDim.x")
        w.sweep(index, axes, turn, phase, lambda here: w.body_of(roots, here, accumulators))
        for value, text in w.teams(accumulators).items():
            partial = w.pointer(value.dtype, "partial", place(nest, value), written=True)
            element = f"{partial}[{chunk} * {rows} + {row}] = {text};"
            if nest.kind == "full":  # one chunk: nothing is left to fold
                with f.block(f"if (threadIdx.x == 0 && {chunks} == 1)"):
                    root = w.own[value]
                    w.store_root(root, [_finished(w, value, text)], frozenset(), Here([], phase))
                f.line(f"if (threadIdx.x == 0 && {chunks} != 1) {element}")
            else:
                f.line(f"if (threadIdx.x == 0) {element}")


def write_fold(
    w: Passes, phase: int, before: Mapping[Value, str], after: Mapping[Value, str]
) -> None:
    """Partial results of a phase, in order, to the reductions; and what is stored once a row.

    after: names of the buffers that take the reductions, for those who read them in later kernels.
    """
    f, nest = w.function, w.nest
    rows, chunks = w.size(product(nest.domain[: nest.outer])), w.number("chunks")
    values = [r.value for r in phases(nest)[phase] if isinstance(r.value, Reduce)]
    with columns(w, rows) as (row, there):
        live = f.let("bool", f"threadIdx.y == 0 && {there}")
        index = w.decomposed(row, nest.domain[: nest.outer])
        load_scalars(w, before, row)
        for value, text in folded(w, values, rows, chunks, row).items():
            w.rows[value] = _finished(w, value, text)
        for value, name in after.items():
            if value in values:
                pointer = w.pointer(value.dtype, "pointer", name, written=True)
                f.line(f"if ({live}) {pointer}[{row}] = {w.rows[value]};")
        store_scalars(w, phase, index, live)


@contextmanager
def columns(w: Passes, count: str) -> Iterator[tuple[str, str]]:
    """Threads along x take columns, and those along y share one: the column, and whether it is one."""
    f = w.function
    head = f"for ({INDEX} first = (eq_i64)blockIdx.x * blockDim.x; first < {count};"
    with f.block(f"{head} first += {THREADS})"):
        column = f.let(INDEX, f"eq_least(first + threadIdx.x, {count} - 1)")
        yield column, f.let("bool", f"first + threadIdx.x < {count}")


def folded(
    w: Passes, values: Sequence[Value], lanes: str, chunks: str, lane: str
) -> dict[Value, str]:
    """The reductions of a lane from its partial results; right where threadIdx.y is 0."""
    f = w.function
    accumulators = w.declare([v for v in values if isinstance(v, Reduce)])
    pointers = {v: w.pointer(v.dtype, "partial", place(w.nest, v)) for v in values}
    with f.block(f"for ({INDEX} chunk = threadIdx.y; chunk < {chunks}; chunk += blockDim.y)"):
        for value, name in accumulators.items():
            assert isinstance(value, Reduce), value
            element = f"{pointers[value]}[chunk * {lanes} + {lane}]"
            f.line(f"{name} = {functor(value)}({name}, {element});")
    return across(w, accumulators)


def across(w: Passes, accumulators: Mapping[Value, str]) -> dict[Value, str]:
    """The accumulators of threads of one column as one; right where threadIdx.y is 0."""
    done: dict[Value, str] = {}
    for value, name in accumulators.items():
        assert isinstance(value, Reduce), value
        shared = w.shared(ctype(value), 256)
        text = f"eq_column({functor(value)}, {name}, {shared})"
        done[value] = w.function.let(ctype(value), text)
    return done


def load_scalars(w: Passes, before: Mapping[Value, str], row: str) -> None:
    """Row scalars of earlier phases, from where they were folded."""
    for value, name in before.items():
        pointer = w.pointer(value.dtype, "pointer", name)
        w.rows[value] = f"{pointer}[{row}]"


def place(nest: Nest, value: Value) -> int:
    """The place of a root among a nest's roots."""
    return next(k for k, r in enumerate(nest.roots) if r.value is value)
