"""Stores past the caches, for results too large to stay there.

A store into memory that is in no cache first reads the line it changes, unless it is told not to
keep the line: then whole lines go out as they are.  a + 1, microseconds, plain / past the caches, one
core of a Sapphire Rapids with 2 MB of L2: 128 KB 6.2 / 10.3, 1 MB 58 / 63, 8 MB 1094 / 703, 32 MB
4758 / 2355, 80 MB 13331 / 8939.

Such a store must begin on a line, so the main loop begins where its first result does; whether it
pays depends on sizes, so a word of the argument block says (`lines.word_of`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from eqsat_tensor.extents import product
from eqsat_tensor.lower.cpu import lines
from eqsat_tensor.lower.cpu.lines import LINE
from eqsat_tensor.lower.cpu.places import MEMORY, Here
from eqsat_tensor.schedule.accesses import linear
from eqsat_tensor.schedule.loop_values import Input, Pair, Reduce, Value
from eqsat_tensor.schedule.loops import Plan, Root

if TYPE_CHECKING:
    from eqsat_tensor.lower.cpu.passes import Passes


def never_read(plan: Plan) -> frozenset[str]:
    """The outputs that no nest reads again."""
    names = (f"out{k}" for k in range(len(plan.outputs)))
    return frozenset(name for name in names if name not in plan.last)


def streamed(w: Passes, roots: Sequence[Root], axis: int, lanes: int) -> tuple[Root, ...]:
    """The roots whose full vectors may be stored so: whole lines of neighbours, stored once.

    None beside a reduction: which lane takes in what would depend on where the result lies.
    """
    if any(isinstance(root.value, Reduce) for root in roots):
        return ()
    last = max(r.phase for r in w.nest.roots)
    return tuple(
        root
        for root in roots
        if w.buffers.get(root.value) in w.setting.never_read
        and not isinstance(root.value, Pair)
        and root.phase == last
        and all(root.value is not home for _, home in w.nest.kept)
        and lanes * root.value.dtype.itemsize % LINE == 0
        and linear(root.value, root.access)[1].get(axis) == 1
        and not _surely_small(root.value)
    )


def _surely_small(value: Value) -> bool:
    count = product(value.shape)
    return isinstance(count, int) and count * value.dtype.itemsize < lines.LARGE


def _wanted(w: Passes, root: Root) -> str:
    return w.slot("i64", "stream", w.buffers[root.value])


def _bits(w: Passes, root: Root, axis: int, index: list[str], at: str) -> str:
    """The address of a root's element, as a number."""
    here = Here(1, at, None, [*index, at], axis)
    pointer, _ = w.address(root.value, root.access, here)
    place = w.function.offset(MEMORY[root.value.dtype], pointer, at)
    return w.function.emit(f"ptrtoint ptr {place} to i64")


def first_on_line(w: Passes, root: Root, axis: int, index: list[str], first: str) -> str:
    """The first index from ``first`` on whose element begins a line; ``first`` where it does not pay."""
    f = w.function
    below = f.emit(f"sub i64 0, {_bits(w, root, axis, index, first)}")
    gap = f.emit(f"and i64 {below}, {_wanted(w, root)}")
    shift = root.value.dtype.itemsize.bit_length() - 1
    return f.add(first, f.emit(f"lshr i64 {gap}, {shift}"))


def flags(
    w: Passes, roots: Sequence[Root], axis: int, index: list[str], first: str
) -> Mapping[Value, str]:
    """For each root an i1: is it to be stored so, and does its element at ``first`` begin a line?

    Not what is stored over an argument: its lines have been read.
    """
    f = w.function
    found: dict[Value, str] = {}
    for root in roots:
        off = f.emit(f"and i64 {_bits(w, root, axis, index, first)}, {LINE - 1}")
        flag = f.emit(f"icmp eq i64 {off}, 0")
        tests = [f.emit(f"icmp ne i64 {_wanted(w, root)}, 0")]
        for value in w.body:
            if isinstance(value, Input) and value.type == root.value.type:
                tests.append(f.emit(f"icmp ne ptr {w.base(root.value)}, {w.base(value)}"))
        for test in tests:
            flag = f.emit(f"and i1 {flag}, {test}")
        found[root.value] = flag
    w.past_caches |= {_wanted(w, root): None for root in roots}
    return found


def aligned_flags(w: Passes, roots: Sequence[Root], axis: int) -> Mapping[Value, str]:
    """As `flags`, for vectors anywhere in a result: do all rows of it begin lines?"""
    f = w.function
    found = dict(flags(w, roots, axis, ["0"] * axis, "0"))
    for root in roots:
        for other, step in linear(root.value, root.access)[1].items():
            if other != axis:
                bytes_ = f.multiply(w.size(step), str(root.value.dtype.itemsize))
                off = f.emit(f"and i64 {bytes_}, {LINE - 1}")
                fits = f.emit(f"icmp eq i64 {off}, 0")
                found[root.value] = f.emit(f"and i1 {found[root.value]}, {fits}")
    return found


def order_stores(w: Passes) -> None:
    """At the end of a kernel: what was stored past the caches is there before anything later."""
    f = w.function
    if w.past_caches:
        first, *rest = w.past_caches
        for word in rest:
            first = f.emit(f"or i64 {first}, {word}")
        f.either(f.emit(f"icmp ne i64 {first}, 0"), "fence seq_cst")
