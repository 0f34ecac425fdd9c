"""The kernels of the kinds of nest: ``void kernel(ptr %argument, i64 %begin, i64 %end)``.

Units, begin to end, are indices of the first axis ("map", "row", "col" and "scan" with outer axes),
or blocks of it ("full", "col" without), each of which leaves a partial result.  What a block is depends on
sizes alone, so the same bits come out for any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable

from eqsat_tensor.errors import UnsupportedError
from eqsat_tensor.lower.cpu.abreast import go_abreast, write_abreast
from eqsat_tensor.lower.cpu.columns import write_col
from eqsat_tensor.lower.cpu.kernel import Setting, Written
from eqsat_tensor.lower.cpu.passes import Passes
from eqsat_tensor.lower.cpu.pieces import pieces_of, stored_together, write_pieces
from eqsat_tensor.lower.cpu.places import MEMORY, Here
from eqsat_tensor.lower.cpu.scans import write_scan
from eqsat_tensor.lower.cpu.search import (
    first_place,
    is_place,
    is_settled,
    may_hold,
    settled_row,
    settling,
    sought,
)
from eqsat_tensor.lower.cpu.short import stand_side_by_side, write_short
from eqsat_tensor.lower.cpu.streams import order_stores
from eqsat_tensor.lower.cpu.turned import across, write_turned
from eqsat_tensor.lower.cpu.units import block, number_of, or_zero, outer_loops, store_one
from eqsat_tensor.schedule.loop_values import Reduce, Value, operands_of
from eqsat_tensor.schedule.loops import Nest, Root


def write_kernel(nest: Nest, setting: Setting) -> Written:
    """The kernel of a nest."""
    kinds: dict[str, Callable[[Passes], None]] = {
        "map": write_map,
        "row": write_row,
        "full": write_full,
        "col": write_col,
        "scan": write_scan,
    }
    if nest.kind not in kinds:
        raise UnsupportedError(f"cpu: no kernel for a nest of kind {nest.kind!r}.")
    writer = Passes(nest, setting)
    kinds[nest.kind](writer)
    order_stores(writer)
    return writer.written


def write_map(w: Passes) -> None:
    """Every element of the box: stores."""
    rank = len(w.nest.domain)
    if rank == 0:
        here = Here(0, "0", None, [], -1)
        for root in w.nest.roots:
            store_one(w, root, here)
        return
    read = across(w)
    if read is not None:
        write_turned(w, read)
        return
    pieces = pieces_of(w)
    together = stored_together(w, pieces)
    if len(pieces) > 1 or together is not None:
        write_pieces(w, pieces, together)
        return
    low, high = ("%begin", "%end") if rank == 1 else ("0", w.size(w.nest.domain[-1]))

    def body(index: list[str]) -> None:
        w.pass_over(w.nest.roots, range(rank - 1, rank), low, high, index, 0)

    outer_loops(w, rank - 1, body)


def write_row(w: Passes) -> None:
    """For each outer index: phases over the reduced axes, and what is stored per row.

    The first phase waits for memory, and later ones for arithmetic on what is in the cache: so
    these ask for the next row.  log(sum(exp)) of 1000 rows of 1000, one core: 853 -> 638 us.
    """
    nest = w.nest
    rank, outer = len(nest.domain), nest.outer
    inside = {r for r in nest.roots if _uses_axes_from(r, outer) or isinstance(r.value, Reduce)}
    for value, _ in nest.kept:
        w.kept_in[value] = min(r.phase for r in inside if _needs(w, r, value))

    def row(index: list[str]) -> None:
        w.rows = {}
        for phase in range(max(r.phase for r in nest.roots) + 1):
            roots = [r for r in nest.roots if r.phase == phase and r in inside]
            if roots:
                high = w.size(nest.domain[outer])
                alone = len(roots) == 1 and rank == outer + 1
                if alone and w.sought_by_bits(roots[0]):
                    found = first_place(w, roots[0], outer, high, index, phase)
                elif alone and settling(roots):
                    found = settled_row(w, roots[0], outer, high, index, phase)
                else:
                    found = w.pass_over(roots, range(outer, rank), "0", high, index, phase)
                w.rows |= {v: or_zero(w, v, text, nest.domain[outer:]) for v, text in found.items()}
            here = Here(0, "0", None, index, -1, phase)
            for root in nest.roots:
                if root.phase == phase and (root.value in w.rows or root not in inside):
                    store_one(w, root, here)

    if stand_side_by_side(w):
        write_short(w, inside)
    elif go_abreast(w, inside):
        write_abreast(w, inside)
    else:
        outer_loops(w, outer, row)


def _uses_axes_from(root: Root, outer: int) -> bool:
    return any(isinstance(axis, int) and axis >= outer for axis, _, _ in root.access)


def _needs(w: Passes, root: Root, value: Value) -> bool:
    return value in reached(w, root)


def reached(w: Passes, root: Root) -> set[Value]:
    """The values that a root computes or loads."""
    seen: set[Value] = set()
    stack: list[Value] = [root.computed]
    while stack:
        value = stack.pop()
        if value not in seen:
            seen.add(value)
            if value not in w.buffers or value is root.value:
                stack.extend(o for o in operands_of(value) if not isinstance(value, Reduce))
    return seen


def write_full(w: Passes) -> None:
    """Each block of the first axis: one partial value a reduction."""
    nest, f = w.nest, w.function
    extreme, settles = sought(nest), settling(nest.roots)

    def unit(u: str, done: list[str]) -> list[str]:
        low, high = block(w, u)
        wanted = None if extreme is None else may_hold(w, extreme, u, done[0])
        if settles:
            wanted = f.emit(f"xor i1 {done[0]}, true")
        found = w.pass_over(nest.roots, range(len(nest.domain)), low, high, [], 0, wanted)
        for value, text in found.items():
            text = or_zero(w, value, text, nest.domain[1:])
            kind = MEMORY[value.dtype]
            at = f.offset(kind, w.slot("ptr", "partial", number_of(nest, value)), u)
            f.effect(f"store {kind} {w.to_memory(text, value, 0)}, ptr {at}")
        if settles:
            return [f.emit(f"or i1 {done[0]}, {is_settled(w, found)}")]
        return [] if extreme is None else [is_place(w, done[0], *found.values())]

    carried = [("i1", "false")] if settles or extreme is not None else []
    f.loop("%begin", "%end", 1, carried, unit)
