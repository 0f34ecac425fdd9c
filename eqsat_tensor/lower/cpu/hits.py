"""The first place where a condition holds, by the bits of its mask.

    min over i of select(c[i], i, largest)

Of a vector's mask, the lowest bit that is set gives its first place: one number is carried, where a
vector of places would take eight bytes an element.  Greatest elements of 1000 rows of 100 float64:
49 -> 22 us.
"""

from __future__ import annotations

import numpy as np

from eqsat_tensor.lower.cpu.function import Function
from eqsat_tensor.schedule.loop_values import Constant, Iota, Map, Reduce, Value
from eqsat_tensor.schedule.loops import Nest, Root

LARGEST = np.iinfo(np.int64).max
START = ("i64", str(LARGEST))  # of the accumulator


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


def sought_by_bits(nest: Nest, root: Root) -> Value | None:
    """The condition whose first place along the innermost loop a root of a nest is, if it is one."""
    condition = condition_of_place(root)
    if condition is None or nest.kind not in ("row", "full"):
        return None
    assert isinstance(root.value, Reduce), root
    (axis,) = root.value.axes
    return condition if root.access[axis] == (len(nest.domain) - 1, 0, 1) else None


def earlier(f: Function, old: str, held: str, lanes: int, j: str) -> str:
    """The first place so far, after a mask of lanes that begin at an index."""
    bits, symbol = f"i{lanes}", f"llvm.cttz.i{lanes}"
    word = f.emit(f"bitcast <{lanes} x i1> {held} to {bits}")
    lowest = f.emit(f"call {bits} @{symbol}({bits} {word}, i1 false)")
    wide = lowest if lanes == 64 else f.emit(f"zext {bits} {lowest} to i64")
    none = f.emit(f"icmp eq {bits} {word}, 0")
    place = f.emit(f"select i1 {none}, i64 {LARGEST}, i64 {f.add(j, wide)}")
    return f.emit(f"call i64 @llvm.smin.i64(i64 {old}, i64 {place})")


def declarations(lanes: int) -> dict[str, str]:
    """What `earlier` calls."""
    bits, symbol = f"i{lanes}", f"llvm.cttz.i{lanes}"
    least = "llvm.smin.i64"
    return {
        symbol: f"declare {bits} @{symbol}({bits}, i1)",
        least: f"declare i64 @{least}(i64, i64)",
    }
