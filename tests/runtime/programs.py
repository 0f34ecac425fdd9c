"""Small programs, written in IR, that the tests of the runtime call."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from eqsat_tensor.lower.cpu import jit
from eqsat_tensor.runtime.binding import Binding, InputSpec, OutputSpec, StateSpec

FLOAT = np.dtype(np.float64)
INT = np.dtype(np.int64)
BOOL = np.dtype(np.bool_)


def _words(names: str) -> str:
    lines = ""
    for i, name in enumerate(names):
        lines += f"  %{name}.at = getelementptr ptr, ptr %words, i64 {i}\n"
        lines += f"  %{name} = load ptr, ptr %{name}.at\n"
    return lines


_TEXT = f"""
; o[i] = a[i] * x[i] + y[i]
define void @axpy(ptr %words, i64 %begin, i64 %end) {{
entry:
{_words("axyo")}  br label %head
head:
  %i = phi i64 [%begin, %entry], [%i.next, %one]
  %more = icmp slt i64 %i, %end
  br i1 %more, label %one, label %out
one:
  %pa = getelementptr double, ptr %a, i64 %i
  %px = getelementptr double, ptr %x, i64 %i
  %py = getelementptr double, ptr %y, i64 %i
  %po = getelementptr double, ptr %o, i64 %i
  %va = load double, ptr %pa
  %vx = load double, ptr %px
  %vy = load double, ptr %py
  %product = fmul double %va, %vx
  %sum = fadd double %product, %vy
  store double %sum, ptr %po
  %i.next = add i64 %i, 1
  br label %head
out:
  ret void
}}

; copies 8 bytes from a to o
define void @move(ptr %words, i64 %begin, i64 %end) {{
{_words("ao")}  %value = load i64, ptr %a
  store i64 %value, ptr %o
  ret void
}}

; o = a > 0
define void @positive(ptr %words, i64 %begin, i64 %end) {{
{_words("ao")}  %value = load double, ptr %a
  %good = fcmp ogt double %value, 0.0
  %byte = zext i1 %good to i8
  store i8 %byte, ptr %o
  ret void
}}

; says that it has begun, and ends when it is told
define void @wait(ptr %words, i64 %begin, i64 %end) {{
entry:
  %told.at = getelementptr i64, ptr %words, i64 1
  store atomic i64 1, ptr %words seq_cst, align 8
  br label %look
look:
  %told = load atomic i64, ptr %told.at seq_cst, align 8
  %done = icmp ne i64 %told, 0
  br i1 %done, label %out, label %look
out:
  ret void
}}
"""


@cache
def kernel(name: str) -> int:
    names = ["axpy", "move", "positive", "wait"]
    return jit.load([jit.compile_object(_TEXT)], names)[name]


class Blocks:
    """Argument blocks of one program, and its steps."""

    def __init__(self) -> None:
        self.blocks: list[np.ndarray[Any, Any]] = []
        self.rows: list[list[int]] = []

    def step(self, name: str, words: int, units: int = 1, chunks: int = 1) -> list[int]:
        """Add a step; gives the addresses of its words."""
        block = np.zeros(words, np.int64)
        self.blocks.append(block)
        self.rows.append([kernel(name), block.ctypes.data, units, chunks, -1])
        return [block.ctypes.data + 8 * i for i in range(words)]

    @property
    def steps(self) -> np.ndarray[Any, Any]:
        return np.array(self.rows, np.int64).reshape(-1, 5)

    @property
    def keep(self) -> tuple[Any, ...]:
        return tuple(self.blocks)


def array(slot: int, *shape: int, **more: Any) -> InputSpec:
    return InputSpec("array", (slot,), more.pop("dtype", FLOAT), shape, **more)


def axpy(n: int, **more: Any) -> Binding:
    """(a, x, y) -> a * x + y, of n elements."""
    b = Blocks()
    a, x, y, o = b.step("axpy", 4, n, more.pop("chunks", 1))
    inputs = (array(a, n), array(x, n), array(y, n))
    return Binding(inputs, (OutputSpec(FLOAT, (n,), (o,)),), b.steps, keep=b.keep, **more)


def waiting_axpy(n: int) -> tuple[Binding, np.ndarray[Any, Any]]:
    """axpy that first waits; with the words (begun, told)."""
    b = Blocks()
    b.step("wait", 2)
    a, x, y, o = b.step("axpy", 4, n)
    inputs = (array(a, n), array(x, n), array(y, n))
    output = OutputSpec(FLOAT, (n,), (o,))
    return Binding(inputs, (output,), b.steps, release_gil=True, keep=b.keep), b.blocks[0]


def scalar(kind: Any, dtype: np.dtype[Any] = FLOAT, **more: Any) -> Binding:
    """A number in, the same out."""
    b = Blocks()
    a, o = b.step("move", 2)
    output = OutputSpec(dtype, (), (o,))
    return Binding((InputSpec(kind, (a,)),), (output,), b.steps, keep=b.keep, **more)


def step_of(cell: Any, n: int, version: int, **more: Any) -> Binding:
    """(a, x) -> old state s; then s = a * x + s; fails unless a[0] > 0."""
    b = Blocks()
    a, x, s, back = b.step("axpy", 4, n)
    check_a, check = b.step("positive", 2)
    first, old = b.step("move", 2)
    inputs = (InputSpec("array", (a, check_a), FLOAT, (n,)), array(x, n))
    outputs = (OutputSpec(FLOAT, (), (old,)), OutputSpec(BOOL, (), (check,), visible=False))
    states = (StateSpec(cell, version, (s, first), (back,), updated=True),)
    more = {"returns": "tuple"} | more
    return Binding(inputs, outputs, b.steps, states, keep=b.keep, **more)
