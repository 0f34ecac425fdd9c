"""The kernels of a "col" nest: threads take columns, and neighbours read neighbours.

Blocks along y share the reduced rows in chunks; their partial results are folded in order by a
second kernel.
"""

from __future__ import annotations

from collections.abc import Mapping

from eqsat_tensor.extents import Size, product
from eqsat_tensor.lower.cuda.passes import Passes
from eqsat_tensor.lower.cuda.reductions import ctype, or_zero
from eqsat_tensor.lower.cuda.rows import across, columns, folded, place
from eqsat_tensor.lower.cuda.writer import INDEX, Here
from eqsat_tensor.schedule.loop_values import Reduce, Value
from eqsat_tensor.schedule.loops import Nest


def lanes_of(nest: Nest) -> Size:
    """How many columns there are: of the outer and of the kept axes."""
    return product((*nest.domain[: nest.outer], *nest.domain[nest.outer + nest.reduced :]))


def reduced_of(nest: Nest) -> Size:
    """How many rows a column has."""
    return product(nest.domain[nest.outer : nest.outer + nest.reduced])


def write_columns(w: Passes) -> None:
    """Each thread reduces some rows of its column, and stores what is stored of each."""
    f, nest = w.function, w.nest
    lanes, total, chunks = w.size(lanes_of(nest)), w.size(reduced_of(nest)), w.number("chunks")
    share = f.let(INDEX, f"({total} + {chunks} - 1) / {chunks}")
    end = f.let(INDEX, f"eq_least((blockIdx.y + 1) * {share}, {total})")
    with columns(w, lanes) as (lane, there):
        index = _index(w, lane)
        accumulators = w.declare([r.value for r in nest.roots if isinstance(r.value, Reduce)])
        head = f"for ({INDEX} row = blockIdx.y * {share} + threadIdx.y; row < {end};"
        with f.block(f"{head} row += blockDim.y)"):
            middle = w.decomposed("row", nest.domain[nest.outer : nest.outer + nest.reduced])
            at = Here([*index[: nest.outer], *middle, *index[nest.outer + nest.reduced :]])
            w.body_of(nest.roots, at, accumulators, there)
        found = across(w, accumulators)
        with f.block(f"if (threadIdx.y == 0 && {there} && {chunks} == 1)"):
            _store(w, found, index)
        with f.block(f"if (threadIdx.y == 0 && {there} && {chunks} != 1)"):
            for value, text in found.items():
                partial = w.pointer(value.dtype, "partial", place(nest, value), written=True)
                f.line(f"{partial}[blockIdx.y * {lanes} + {lane}] = {text};")


def write_fold_columns(w: Passes) -> None:
    """Partial results, in order, to the reductions."""
    nest = w.nest
    lanes, chunks = w.size(lanes_of(nest)), w.number("chunks")
    values = [r.value for r in nest.roots if isinstance(r.value, Reduce)]
    with columns(w, lanes) as (lane, there):
        found = folded(w, values, lanes, chunks, lane)
        with w.function.block(f"if (threadIdx.y == 0 && {there})"):
            _store(w, found, _index(w, lane))


def _index(w: Passes, lane: str) -> list[str]:
    """The index along each axis of a column; 0 along the reduced ones."""
    nest = w.nest
    after = nest.outer + nest.reduced
    found = w.decomposed(lane, (*nest.domain[: nest.outer], *nest.domain[after:]))
    return [*found[: nest.outer], *["0"] * nest.reduced, *found[nest.outer :]]


def _store(w: Passes, found: Mapping[Value, str], index: list[str]) -> None:
    count = w.size(reduced_of(w.nest))
    for value, text in found.items():
        assert isinstance(value, Reduce), value
        done = w.function.let(ctype(value), or_zero(value, text, count))
        w.store(value, w.own[value].result, done, frozenset(), Here(index))
