"""Stamps between the steps of a program: what each kernel took, without a change to what it does.

A stamp is a kernel like any other.  Its argument, four words of the program's: the address of the
word that holds when the last stamp was; then nanoseconds in all, calls, and the fewest nanoseconds
of a call, all since the program was bound.  The first stamp of a program adds nothing up.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache

from eqsat_tensor.lower.cpu import jit

WORDS = 4
NEVER = 2**63 - 1

# clock_gettime of the C library takes some 20 ns.
_TEXT = f"""
declare i32 @clock_gettime(i32, ptr)
declare i64 @llvm.smin.i64(i64, i64)
define internal i64 @now() {{
  %time = alloca [2 x i64], align 8
  %status = call i32 @clock_gettime(i32 {time.CLOCK_MONOTONIC}, ptr %time)
  %seconds = load i64, ptr %time
  %rest.at = getelementptr i64, ptr %time, i64 1
  %rest = load i64, ptr %rest.at
  %whole = mul i64 %seconds, 1000000000
  %now = add i64 %whole, %rest
  ret i64 %now
}}
define void @start(ptr %argument, i64 %begin, i64 %end) {{
  %last = load ptr, ptr %argument
  %now = call i64 @now()
  store i64 %now, ptr %last
  ret void
}}
define void @stamp(ptr %argument, i64 %begin, i64 %end) {{
  %last = load ptr, ptr %argument
  %total.at = getelementptr i64, ptr %argument, i64 1
  %calls.at = getelementptr i64, ptr %argument, i64 2
  %fewest.at = getelementptr i64, ptr %argument, i64 3
  %before = load i64, ptr %last
  %now = call i64 @now()
  %took = sub i64 %now, %before
  %total = load i64, ptr %total.at
  %total.next = add i64 %total, %took
  store i64 %total.next, ptr %total.at
  %calls = load i64, ptr %calls.at
  %calls.next = add i64 %calls, 1
  store i64 %calls.next, ptr %calls.at
  %fewest = load i64, ptr %fewest.at
  %fewest.next = call i64 @llvm.smin.i64(i64 %fewest, i64 %took)
  store i64 %fewest.next, ptr %fewest.at
  %again = call i64 @now()
  store i64 %again, ptr %last
  ret void
}}
"""


@dataclass(frozen=True)
class Took:
    """What one kernel took: nanoseconds of all calls together, and of the fastest."""

    calls: int
    total: int
    fewest: int

    @property
    def mean(self) -> float:
        """Nanoseconds of a call."""
        return self.total / self.calls if self.calls else 0.0


@cache
def _addresses() -> dict[str, int]:
    return jit.load([jit.stored_object(_TEXT, jit.GLUE_LEVEL)], ["start", "stamp"])


def start_address() -> int:
    """The kernel that a program with stamps begins with."""
    return _addresses()["start"]


def stamp_address() -> int:
    """The kernel that says what came since the last stamp."""
    return _addresses()["stamp"]
