"""Library ops that are done as machine code, not by way of Python: sorts, searches, sums by label,
convolutions.

A call back into Python costs some ten microseconds, copies, and the GIL.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from eqsat_tensor.extents import Size
from eqsat_tensor.lower.cpu import jit, numpy_sorts
from eqsat_tensor.lower.cpu.host import known

if TYPE_CHECKING:
    from eqsat_tensor.lower.cpu.bind import HostArray, HostCall

NUMBERS = "fiu"
MOST = 1 << 32  # elements of a row, for indices beside bits of keys
SORT_NS, SEARCH_NS, LABEL_NS = 0.4, 1.5, 1.0  # of an element and a round of halving; of a label
PRODUCT_NS, PART_NS = 0.03, 1.5  # of a convolution; of an element of a partition


@dataclass(frozen=True)
class Routine:
    """A step: kernel, what its argument block holds, units, estimated nanoseconds.

    words: numbers, arrays whose addresses they take, or bytes of room.  refuses: may it be done again
    by way of Python, by words "again" and "argument"?  shared: may chunks be done by several threads?
    """

    kernel: int
    words: Mapping[str, int | HostArray | Room]
    units: int
    cost: float
    shared: bool = True
    align: int = 1
    refuses: bool = False


@dataclass(frozen=True)
class Room:
    """Memory that a routine needs."""

    size: int


def routine_of(call: HostCall, number: Callable[[Size], int]) -> Routine | None:
    """How a call is done here; None: by way of Python."""
    make = _ROUTINES.get(call.op)
    if make is None or any(not isinstance(a.buffer, str) and a.shape for a in call.operands):
        return None
    if any(np.dtype(a.dtype).kind not in NUMBERS for a in call.operands):
        return None
    shapes = [tuple(map(number, a.shape)) for a in (*call.operands, call.results[0][1])]
    attributes = {name: known(value, number) for name, value in call.attributes}
    return make(call, attributes, shapes)


@cache
def _kernel(name: str, *options: Any) -> int:
    from eqsat_tensor.lower.cpu import convolving, labels, ordering, selecting  # where one is used

    module = next(m for m in (ordering, labels, convolving, selecting) if hasattr(m, name))
    text = getattr(module, name)(*options)
    item = jit.stored_object(text, jit.GLUE_LEVEL)
    return jit.load([item], ["kernel"])["kernel"]


Shapes = list[tuple[int, ...]]
Make = Callable[["HostCall", Mapping[str, Any], Shapes], "Routine | None"]


def _rounds(n: int) -> int:
    return max(1, n.bit_length())


def _along_rows(attributes: Mapping[str, Any], shapes: Shapes) -> tuple[int, int] | None:
    """Rows and their length, of what is sorted along its last axis."""
    *lead, n = shapes[0]
    last = attributes["axis"] == len(shapes[0]) - 1
    return (math.prod(lead), n) if last and n < MOST else None


def _sort(call: HostCall, attributes: Mapping[str, Any], shapes: Shapes) -> Routine | None:
    (x,), (_, out) = call.operands, call.results[0]
    found, sort = _along_rows(attributes, shapes), numpy_sorts.sort_address(x.dtype)
    if found is None or not sort:
        return None
    rows, n = found
    words: dict[str, Any] = {"x": x, "out": out, "n": n, "sort": sort}
    cost = rows * (20 + n * _rounds(n) * SORT_NS)
    return Routine(_kernel("sort_text", x.dtype), words, rows, cost)


def _argsort(call: HostCall, attributes: Mapping[str, Any], shapes: Shapes) -> Routine | None:
    (x,), (_, out) = call.operands, call.results[0]
    found, sort = _along_rows(attributes, shapes), numpy_sorts.sort_address("uint64")
    if found is None or not sort:
        return None
    rows, n = found
    words: dict[str, Any] = {"x": x, "out": out, "n": n, "sort": sort}
    cost = rows * (40 + n * (2 + _rounds(n) * SORT_NS))
    return Routine(_kernel("argsort_text", x.dtype), words, rows, cost)


def _partition(call: HostCall, attributes: Mapping[str, Any], shapes: Shapes) -> Routine | None:
    return _parted(call, attributes, shapes, "partition_text", _sort)


def _argpartition(call: HostCall, attributes: Mapping[str, Any], shapes: Shapes) -> Routine | None:
    return _parted(call, attributes, shapes, "argpartition_text", _argsort)


def _parted(
    call: HostCall, attributes: Mapping[str, Any], shapes: Shapes, name: str, whole: Make
) -> Routine | None:
    """A partition of long rows; short ones are sorted."""
    from eqsat_tensor.lower.cpu import selecting

    (x,), (_, out) = call.operands, call.results[0]
    found, sort = _along_rows(attributes, shapes), numpy_sorts.sort_address(x.dtype)
    kth = attributes["kth"]
    first, last = min(kth), max(kth)
    if found is None or not sort or not 0 <= first <= last < found[1]:
        return None
    rows, n = found
    if n < selecting.LEAST:
        return whole(call, attributes, shapes)
    numbers = selecting.sample_of(n, first, last)
    sample, aside = (Room(size) for size in selecting.room_of(x.dtype, numbers))
    words: dict[str, Any] = {"x": x, "out": out, "sample": sample, "aside": aside}
    widest = np.dtype(x.dtype).itemsize
    if name == "argpartition_text":
        keys, widest = numpy_sorts.sort_address("uint64"), 8
        words |= {"places": Room(8 * n), "order": Room(8 * n), "sort": sort, "sort_keys": keys}
    else:
        words["sort"] = sort
    kernel = _kernel(name, x.dtype, jit.vector_bytes() // max(widest, 4))
    return Routine(kernel, words | numbers, rows, rows * n * PART_NS, shared=False)


def _ordered_by(call: HostCall, attributes: Mapping[str, Any], shapes: Shapes) -> Routine | None:
    (x, keys), (_, out) = call.operands, call.results[0]
    found, sort = _along_rows(attributes, shapes), numpy_sorts.sort_address("uint64")
    if found is None or not sort:
        return None
    rows, n = found
    words: dict[str, Any] = {"x": x, "keys": keys, "out": out, "room": Room(8 * n), "n": n}
    words["sort"] = sort
    cost = rows * (40 + n * (3 + _rounds(n) * SORT_NS))
    kernel = _kernel("ordered_by_text", x.dtype, keys.dtype)
    return Routine(kernel, words, rows, cost, shared=False)


def _by_rows(
    name: str, first: str, second: str, call: HostCall, shapes: Shapes, options: tuple[Any, ...]
) -> tuple[int, dict[str, Any], int, int]:
    """Kernel, words, units and alignment of what has rows and, to each, values."""
    (rows, values), (_, out) = call.operands, call.results[0]
    *lead, n = shapes[0]
    count = math.prod(lead)
    m = math.prod(shapes[1]) // max(count, 1)
    words = {first: rows, second: values, "out": out, "n": n, "m": m}
    one = count == 1
    return _kernel(name, *options, one), words, m if one else count, 64 if one else 1


def _searchsorted(call: HostCall, attributes: Mapping[str, Any], shapes: Shapes) -> Routine:
    options = (call.operands[0].dtype, bool(attributes["right"]))
    found = _by_rows("searchsorted_text", "rows", "values", call, shapes, options)
    kernel, words, units, align = found
    cost = math.prod(shapes[1]) * _rounds(shapes[0][-1]) * SEARCH_NS
    return Routine(kernel, words, units, cost, align=align)


def _lookup(call: HostCall, attributes: Mapping[str, Any], shapes: Shapes) -> Routine:
    options = tuple(a.dtype for a in call.operands)
    found = _by_rows("lookup_text", "rows", "labels", call, shapes, options)
    kernel, words, units, align = found
    return Routine(kernel, words, units, math.prod(shapes[1]) * LABEL_NS, align=align)


def _label_sum(call: HostCall, attributes: Mapping[str, Any], shapes: Shapes) -> Routine:
    (x, labels), (_, out) = call.operands, call.results[0]
    *lead, n = shapes[0]
    m = shapes[2][-1]
    room = Room(8 * m if np.dtype(x.dtype).itemsize < 8 and np.dtype(x.dtype).kind == "f" else 8)
    words: dict[str, Any] = {"x": x, "labels": labels, "out": out, "room": room, "n": n, "m": m}
    words |= {"strict": attributes["strict"], "again": 0, "argument": 0}
    kernel = _kernel("label_sum_text", x.dtype, labels.dtype)
    cost = math.prod(shapes[0]) * LABEL_NS + math.prod(shapes[2]) * 0.2
    strict = bool(attributes["strict"])
    return Routine(kernel, words, math.prod(lead), cost, shared=False, refuses=strict)


def _convolution(call: HostCall, attributes: Mapping[str, Any], shapes: Shapes) -> Routine | None:
    from eqsat_tensor.lower.cpu.convolving import block_length

    (x, weights), (_, out) = call.operands, call.results[0]
    (*lead, n), (*_, m), (*_, length) = shapes
    if not n or not m:
        return None
    if n < m:  # the products commute
        x, weights, n, m = weights, x, m, n
    rows, width = math.prod(lead), jit.vector_bytes()
    words: dict[str, Any] = {"x": x, "weights": weights, "out": out, "n": n, "m": m}
    words |= {"length": length, "start": attributes["start"][0]}
    one = rows == 1
    kernel = _kernel("convolution_text", x.dtype, width, one)
    align = block_length(x.dtype, width) if one else 1
    cost = rows * length * (m * PRODUCT_NS + 1)
    return Routine(kernel, words, length if one else rows, cost, align=align)


_ROUTINES: dict[str, Make] = {
    "partition": _partition,
    "argpartition": _argpartition,
    "sort": _sort,
    "argsort": _argsort,
    "ordered_by": _ordered_by,
    "searchsorted": _searchsorted,
    "lookup": _lookup,
    "label_sum": _label_sum,
    "convolution": _convolution,
}
