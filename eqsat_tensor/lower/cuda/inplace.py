"""Kernels of calls that change their first operand's memory: "scatter" and "update".

update           threads take elements of the part.
scatter, atomic  threads take single updates, in any order: of whole numbers, which come out the same
                 in each, and of sums of floats where that is asked for.
scatter, serial  a thread a column does all updates in order.
scatter, sorted  labels are brought to order first (by a stable sort, which keeps the order of equal
                 ones); then each run of equal labels is one thread's, which does it in order.

But for atomic ones, equal labels are taken in the order in which NumPy takes them, with the same bits each time.
"""

from __future__ import annotations

import numpy as np

from eqsat_tensor.extents import Size, product
from eqsat_tensor.lower.cuda.passes import Passes
from eqsat_tensor.lower.cuda.rows import THREAD, THREADS
from eqsat_tensor.lower.cuda.words import TYPES, word_text
from eqsat_tensor.lower.cuda.writer import INDEX
from eqsat_tensor.schedule.loop_values import Call

BITS = {"add": "logical_or", "maximum": "logical_or", "multiply": "logical_and",
        "minimum": "logical_and"}  # fmt: skip


def _threads(name: str, count: str) -> str:
    return f"for ({INDEX} {name} = {THREAD}; {name} < {count}; {name} += {THREADS})"


def write_update(w: Passes, call: Call) -> None:
    """``whole[start + i * step] = part[i]``."""
    f, (whole, part) = w.function, call.operands
    options = dict(call.options)
    start, step = options["start"], options["step"]
    with f.block(_threads("i", w.size(product(part.shape)))):
        index = w.decomposed("i", part.shape)
        parts = []
        for axis, (at, by) in enumerate(zip(start, step, strict=True)):
            stride = product(whole.shape[axis + 1 :])
            parts += [w.size(at * stride), w.times(index[axis], by * stride)]
        f.line(f"{w.memory(whole, written=True)}[{w.total(parts)}] = {w.memory(part)}[i];")


def columns_of(call: Call) -> Size:
    """Elements of one row of a scatter."""
    return product(call.operands[0].shape[1:])


def atomic(call: Call, ordered: bool) -> bool:
    """May updates come in any order?  ordered: the same bits are wanted each time."""
    mode, dtype = dict(call.options)["mode"], call.dtype
    if dtype.itemsize < 4 or mode not in ("add", "maximum", "minimum"):
        return False
    return dtype.kind in "iu" or (dtype.kind == "f" and mode == "add" and not ordered)


def write_atomic(w: Passes, call: Call) -> None:
    """Each thread takes an update of one element."""
    f, (whole, index, updates) = w.function, call.operands
    columns, extent = w.size(columns_of(call)), w.size(whole.shape[0])
    pointer, labels, parts = w.memory(whole, written=True), w.memory(index), w.memory(updates)
    with f.block(_threads("i", f"{w.size(product(index.shape))} * {columns}")):
        label = f.let(INDEX, f"{labels}[i / {columns}]")
        row = f.let(INDEX, f"{label} < 0 ? {label} + {extent} : {label}")
        place = f"{pointer} + {row} * {columns} + i % {columns}"
        update = f"eq_atomic_{dict(call.options)['mode']}({place}, {parts}[i]);"
        f.line(f"if ({row} >= 0 && {row} < {extent}) {update}")


def write_serial(w: Passes, call: Call) -> None:
    """Each thread takes a column, and does all updates of it in order."""
    f, (whole, index, updates) = w.function, call.operands
    columns, extent = w.size(columns_of(call)), w.size(whole.shape[0])
    pointer, labels, parts = w.memory(whole, written=True), w.memory(index), w.memory(updates)
    with w.blocks(
        _threads("column", columns),
        f"for ({INDEX} k = 0; k < {w.size(product(index.shape))}; ++k)",
    ):
        label = f.let(INDEX, f"{labels}[k]")
        row = f.let(INDEX, f"{label} < 0 ? {label} + {extent} : {label}")
        place = f"{pointer}[{row} * {columns} + column]"
        new = _combined(call, place, f"{parts}[k * {columns} + column]")
        f.line(f"if ({row} >= 0 && {row} < {extent}) {place} = {new};")


def write_labels(w: Passes, call: Call) -> None:
    """Labels as rows, those outside as the row after the last, to be sorted."""
    f, (whole, index, _) = w.function, call.operands
    extent = w.size(whole.shape[0])
    rows = w.pointer(np.dtype(np.int64), "labels", written=True)
    with f.block(_threads("k", w.size(product(index.shape)))):
        label = f.let(INDEX, f"{w.memory(index)}[k]")
        row = f.let(INDEX, f"{label} < 0 ? {label} + {extent} : {label}")
        f.line(f"{rows}[k] = {row} >= 0 && {row} < {extent} ? {row} : {extent};")


def write_sorted(w: Passes, call: Call) -> None:
    """Each thread takes a column of a run of equal labels, and does its updates in order."""
    f, (whole, index, updates) = w.function, call.operands
    columns, count = w.size(columns_of(call)), w.size(product(index.shape))
    pointer, parts = w.memory(whole, written=True), w.memory(updates)
    rows = w.pointer(np.dtype(np.int64), "labels")
    order = w.pointer(np.dtype(np.int64), "order")
    with f.block(_threads("i", f"{count} * {columns}")):
        column, first = f.let(INDEX, f"i % {columns}"), f.let(INDEX, f"i / {columns}")
        row = f.let(INDEX, f"{rows}[{order}[{first}]]")
        starts = f"({first} == 0 || {rows}[{order}[{first} - 1]] != {row})"
        with f.block(f"if ({row} < {w.size(whole.shape[0])} && {starts})"):
            place = f"{pointer}[{row} * {columns} + {column}]"
            f.line(f"{TYPES[whole.dtype.name]} last = {place};")
            going = f"k < {count} && {rows}[{order}[k]] == {row}"
            with f.block(f"for ({INDEX} k = {first}; {going}; ++k)"):
                new = _combined(call, "last", f"{parts}[{order}[k] * {columns} + {column}]")
                f.line(f"last = {new};")
            f.line(f"{place} = last;")


def _combined(call: Call, old: str, new: str) -> str:
    mode = str(dict(call.options)["mode"])
    if mode == "set":
        return new
    word = BITS[mode] if call.dtype.kind == "b" else mode
    return word_text(word, call.dtype, [old, new])
