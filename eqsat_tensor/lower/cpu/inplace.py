"""Kernels of calls that change their first operand's memory: "scatter" and "update".

``void kernel(ptr %argument, i64 %begin, i64 %end)``.  Of a scatter the units are blocks of columns:
each does all its updates in order, so the same bits come out for any number of threads.  Of an
update they are indices of the part's first axis.
"""

from __future__ import annotations

from collections.abc import Callable

from eqsat_tensor.extents import floor_divide, minimum, product
from eqsat_tensor.lower.cpu.kernel import Kernel, Setting, Written
from eqsat_tensor.lower.cpu.places import MEMORY
from eqsat_tensor.lower.cpu.vecmath import VectorBuilder
from eqsat_tensor.schedule.loop_values import Call
from eqsat_tensor.types import Shape

COLUMNS = 64  # of a unit of a scatter: several cache lines, so that threads do not share one
BITS = {"add": "or", "maximum": "or", "multiply": "and", "minimum": "and"}  # modes on bools


class Target(Kernel):
    """A kernel under construction for one call."""

    def __init__(self, call: Call, setting: Setting) -> None:
        super().__init__(setting)
        self.call = call
        self.kind = MEMORY[call.dtype]
        self.lanes = setting.vector_bytes // max(4, call.dtype.itemsize)

    def run(self, low: str, high: str, row: str, part: str, mode: str) -> None:
        """``row[j] = mode(row[j], part[j])`` for j from low to high, neighbours in memory."""
        f = self.function
        count = f.subtract(high, low)
        middle = f.add(low, f.emit(f"and i64 {count}, {-self.lanes}"))
        f.loop(low, middle, self.lanes, [], self.element(self.lanes, row, part, mode))
        f.loop(middle, high, 1, [], self.element(0, row, part, mode))

    def element(
        self, lanes: int, row: str, part: str, mode: str
    ) -> Callable[[str, list[str]], list[str]]:
        f = self.function
        kind = f"<{lanes} x {self.kind}>" if lanes else self.kind
        align = f"align {self.call.dtype.itemsize}"

        def body(j: str, _: list[str]) -> list[str]:
            to, at = f.offset(self.kind, row, j), f.offset(self.kind, part, j)
            value = f.emit(f"load {kind}, ptr {at}, {align}")
            if mode != "set":
                old = f.emit(f"load {kind}, ptr {to}, {align}")
                value = self.combined(mode, lanes, kind, old, value)
            f.effect(f"store {kind} {value}, ptr {to}, {align}")
            return []

        return body

    def combined(self, mode: str, lanes: int, kind: str, old: str, value: str) -> str:
        if self.call.dtype.kind == "b":
            return self.function.emit(f"{BITS[mode]} {kind} {old}, {value}")
        builder = VectorBuilder(self.function.emit, self.call.dtype, lanes, False, self.declared)
        return builder.apply(mode, old, value)


def write_call(call: Call, setting: Setting) -> Written:
    """The kernel of a call."""
    target = Target(call, setting)
    (_scatter if call.function == "scatter" else _update)(target)
    return target.written


def domain_of(call: Call) -> Shape:
    """The box of a call's loops: the first axis is that of the units."""
    whole, *rest = call.operands
    if call.function == "update":
        return rest[0].shape
    columns = product(whole.shape[1:])
    blocks = floor_divide(columns + (COLUMNS - 1), COLUMNS)
    return (blocks, product(rest[0].shape), minimum(columns, COLUMNS))


def _scatter(t: Target) -> None:
    f, (whole, index, updates) = t.function, t.call.operands
    columns, extent = t.size(product(whole.shape[1:])), t.size(whole.shape[0])
    result, labels, parts = t.base(whole), t.base(index), t.base(updates)
    low = f.multiply("%begin", str(COLUMNS))
    last = f.multiply("%end", str(COLUMNS))
    fits = f.emit(f"icmp slt i64 {last}, {columns}")
    high = f.emit(f"select i1 {fits}, i64 {last}, i64 {columns}")
    label_kind = MEMORY[index.dtype]

    def one(k: str, _: list[str]) -> list[str]:
        label = f.emit(f"load {label_kind}, ptr {f.offset(label_kind, labels, k)}")
        if index.dtype.itemsize < 8:
            widen = "zext" if index.dtype.kind == "u" else "sext"
            label = f.emit(f"{widen} {label_kind} {label} to i64")
        negative = f.emit(f"icmp slt i64 {label}, 0")
        wrapped = f.emit(f"add i64 {label}, {extent}")
        row = f.emit(f"select i1 {negative}, i64 {wrapped}, i64 {label}")
        there = f.emit(f"icmp ult i64 {row}, {extent}")
        stop = f.emit(f"select i1 {there}, i64 {high}, i64 {low}")
        to = f.offset(t.kind, result, f.multiply(row, columns))
        t.run(low, stop, to, f.offset(t.kind, parts, f.multiply(k, columns)), _mode(t.call))
        return []

    f.loop("0", t.size(product(index.shape)), 1, [], one)


def _mode(call: Call) -> str:
    return str(dict(call.options)["mode"])


def _update(t: Target) -> None:
    f, (whole, part) = t.function, t.call.operands
    options = dict(t.call.options)
    start, step, rank = options["start"], options["step"], len(part.shape)
    to, at = t.base(whole), t.base(part)

    def level(axis: int, to: str, at: str) -> None:
        """Copy along the axes from `axis` on."""
        stride, walk = product(whole.shape[axis + 1 :]), product(part.shape[axis + 1 :])
        low, high = ("%begin", "%end") if axis == 0 else ("0", t.size(part.shape[axis]))
        to = f.offset(t.kind, to, t.size(start[axis] * stride))
        if axis == rank - 1 and step[axis] == 1:
            t.run(low, high, to, at, "set")
            return

        def inside(i: str, _: list[str]) -> list[str]:
            row = f.offset(t.kind, to, f.multiply(i, t.size(step[axis] * stride)))
            column = f.offset(t.kind, at, f.multiply(i, t.size(walk)))
            if axis == rank - 1:
                f.effect(f"store {t.kind} {f.emit(f'load {t.kind}, ptr {column}')}, ptr {row}")
            else:
                level(axis + 1, row, column)
            return []

        f.loop(low, high, 1, [], inside)

    level(0, to, at)
