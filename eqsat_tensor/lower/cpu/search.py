"""Where a greatest or least element is: blocks that do not hold it are not looked through.

    first = min over i of select(x[i] == r or isnan(x[i]), i, largest)      r = max(x), of another nest

What r was folded of is still there: the greatest of each block.  A block whose own is neither r nor NaN has
no place of it, nor need any be looked through after one that has.  So argmax reads its array once, and
one block of it again.

In the same way ``any`` and ``all`` look no further once an element has settled them: a block (`unsettled`),
a stretch of a row (`settled_row`) is then left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

from eqsat_tensor.lower.cpu.accumulate import combine_of, identity_of
from eqsat_tensor.lower.cpu.hits import LARGEST, condition_of_place
from eqsat_tensor.lower.cpu.passes import Passes
from eqsat_tensor.lower.cpu.places import MEMORY
from eqsat_tensor.schedule.loop_values import Map, Reduce, Value, View
from eqsat_tensor.schedule.loops import Nest, Root

STRETCH = 1024  # elements of a row that are looked at before the rest


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
    """The first place of a row: stretch by stretch, until one holds it."""
    f = w.function

    def stretch(low: str, values: list[str]) -> list[str]:
        (found,) = values
        open_ = f.emit(f"icmp eq i64 {found}, {LARGEST}")
        end = w.clamp("smin", f.add(low, str(STRETCH)), high)
        asked = f.emit(f"select i1 {open_}, i64 {end}, i64 {low}")
        here = w.every_pass([root], range(axis, axis + 1), low, asked, index, phase)
        return [w.clamp("smin", found, here[root.value])]

    (place,) = f.loop("0", high, STRETCH, [("i64", str(LARGEST))], stretch)
    return {root.value: place}


def settling(roots: Sequence[Root]) -> bool:
    """Is all that these roots do to say whether some, or all, of their elements hold?"""
    return all(isinstance(r.value, Reduce) and r.value.dtype.kind == "b" for r in roots)


def is_settled(w: Passes, found: Mapping[Value, str]) -> str:
    """i1: would no other element change any of these values?"""
    f = w.function
    tests = []
    for value, text in found.items():
        assert isinstance(value, Reduce), value
        some = combine_of(value) == "or"
        tests.append(text if some else f.emit(f"xor i1 {text}, true"))
    return reduce(lambda a, b: f.emit(f"and i1 {a}, {b}"), tests)


def settled_row(
    w: Passes, root: Root, axis: int, high: str, index: list[str], phase: int
) -> dict[Value, str]:
    """Whether some, or all, of a row hold: stretch by stretch, until one settles it."""
    f, value = w.function, root.value
    assert isinstance(value, Reduce), value
    builder = w.builder(value.dtype, 0)

    def stretch(low: str, values: list[str]) -> list[str]:
        settled = is_settled(w, {value: values[0]})
        end = w.clamp("smin", f.add(low, str(STRETCH)), high)
        asked = f.emit(f"select i1 {settled}, i64 {low}, i64 {end}")
        here = w.every_pass([root], range(axis, axis + 1), low, asked, index, phase)
        return [builder.both(combine_of(value), values[0], here[value])]

    start = (builder.type, builder.constant(identity_of(value)))
    (held,) = f.loop("0", high, STRETCH, [start], stretch)
    return {value: held}
