"""Where a greatest or least element is: blocks that do not hold it are not looked through.

    first = min over i of select(x[i] == r or isnan(x[i]), i, largest)      r = max(x), of another nest

What r was folded of is still there: the greatest of each block.  A block whose own is neither r nor NaN has
no place of it, nor need any be looked through after one that has.  So argmax reads its array once, and
one block of it again.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from eqsat_tensor.lower.cpu.passes import Passes
from eqsat_tensor.lower.cpu.places import MEMORY
from eqsat_tensor.schedule.loops import Constant, Iota, Map, Nest, Reduce, Root, Value, View
from eqsat_tensor.types import TensorType

LARGEST = np.iinfo(np.int64).max
STRETCH = 128  # elements of a row that are looked at before it is asked whether one was it


def condition_of_place(root: Root) -> Value | None:
    """The c of a reduction to the first place where c holds, min(select(c, index, largest))."""
    reduce = root.value
    if not isinstance(reduce, Reduce) or reduce.combine != "min" or reduce.dtype != np.int64:
        return None
    chosen = reduce.source
    if not isinstance(chosen, Map) or chosen.primitive != "select" or root.guards:
        return None
    condition, index, other = chosen.operands
    if not isinstance(other, Constant) or other.value.value != LARGEST:
        return None
    along = isinstance(index, Iota) and reduce.axes == (index.axis,)
    return condition if along and condition.shape else None


def sought(nest: Nest) -> Reduce | None:
    """The extreme whose first place a nest finds by blocks; None: it does something else."""
    if nest.kind != "full" or len(nest.roots) != 1:
        return None
    condition = condition_of_place(nest.roots[0])
    if condition is None:
        return None
    tests = [condition]
    found: set[Value] = set()
    extreme: Reduce | None = None
    while tests:
        test = tests.pop()
        if not isinstance(test, Map):
            return None
        if test.primitive == "logical_or":
            tests.extend(test.operands)
        elif test.primitive == "isnan":
            found.add(test.operands[0])
        elif test.primitive == "equal" and isinstance(test.operands[1], View):
            found.add(test.operands[0])
            source = test.operands[1].source
            if extreme is not None or not isinstance(source, Reduce):
                return None
            extreme = source
        else:
            return None
    if extreme is None or extreme.combine not in ("max", "min") or found != {extreme.source}:
        return None
    return extreme if len(extreme.axes) == len(extreme.source.shape) else None


def may_hold(w: Passes, extreme: Reduce, unit: str, done: str) -> str:
    """i1: may a block hold the first place?  It may where nothing is known of the blocks.

    done: whether one before it does.
    """
    f, kind = w.function, MEMORY[extreme.dtype]
    blocks = w.slot("ptr", "blocks", w.buffers[extreme])
    unknown = f.emit(f"icmp eq ptr {blocks}, null")
    at = f.emit(f"select i1 {unknown}, ptr {w.base(extreme)}, ptr {f.offset(kind, blocks, unit)}")
    own, whole = (f.emit(f"load {kind}, ptr {p}") for p in (at, w.base(extreme)))
    equal = f.emit(
        f"{'fcmp ueq' if extreme.dtype.kind == 'f' else 'icmp eq'} {kind} {own}, {whole}"
    )
    return f.emit(f"select i1 {done}, i1 false, i1 {equal}")


def is_place(w: Passes, done: str, found: str) -> str:
    """i1: is there a place among what blocks have found up to one that found this?"""
    here = w.function.emit(f"icmp ne i64 {found}, {LARGEST}")
    return w.function.emit(f"or i1 {done}, {here}")


def first_place(
    w: Passes, root: Root, axis: int, high: str, index: list[str], phase: int
) -> dict[Value, str]:
    """The first place of a row: stretch by stretch, until one holds it; only there is it counted.

    Three rows of 100000 float32, one thread, with the extreme itself: 59 -> 30 us.
    """
    f, condition = w.function, condition_of_place(root)
    assert condition is not None, root
    assert isinstance(root.value, Reduce), root
    flags = Reduce(TensorType(np.dtype(bool), root.value.shape), "any", condition, root.value.axes)
    axes = range(axis, axis + 1)
    short = f.emit(f"icmp sle i64 {high}, {STRETCH}")  # the one stretch is not asked for

    def stretch(low: str, values: list[str]) -> list[str]:
        (found,) = values
        open_ = f.emit(f"icmp eq i64 {found}, {LARGEST}")
        end = w.clamp("smin", f.add(low, str(STRETCH)), high)
        asked = f.emit(f"select i1 {short}, i64 {low}, i64 {end}")
        asked = f.emit(f"select i1 {open_}, i64 {asked}, i64 {low}")
        any_ = w.every_pass([replace(root, value=flags)], axes, low, asked, index, phase)[flags]
        here = f.emit(f"or i1 {any_}, {short}")
        count = f.emit(f"zext i1 {here} to i64")

        def count_it(_: str, __: list[str]) -> list[str]:
            return [w.every_pass([root], axes, low, end, index, phase)[root.value]]

        return f.loop("0", count, 1, [("i64", found)], count_it)

    (place,) = f.loop("0", high, STRETCH, [("i64", str(LARGEST))], stretch)
    return {root.value: place}
