"""Rows that stay in registers: what one phase has loaded or computed, later phases find there.

A thread takes at most `TURNS` groups of a row, so that each has a register of its own.  For rows of
several phases that are short enough, all of memory is then read once and written once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

from eqsat_tensor.lower.cuda.passes import Passes
from eqsat_tensor.lower.cuda.rows import phases, reached
from eqsat_tensor.lower.cuda.words import TYPES
from eqsat_tensor.lower.cuda.writer import INDEX, Guards, Here, Lanes
from eqsat_tensor.schedule.accesses import Access
from eqsat_tensor.schedule.loop_values import Value

TURNS = 4
MOST = 3  # arrays that are held: more would take the registers of everything else


class Resident(Passes):
    """Writes a row kernel whose rows stay in registers, of blocks of which two fit side by side."""

    launch_bounds = "__launch_bounds__(256, 2) "

    @cached_property
    def again(self) -> frozenset[Value]:
        """What several phases read: the others need no registers."""
        counts: Counter[Value] = Counter()
        for roots in phases(self.nest):
            counts.update({v for root in roots for v in reached(root, self.buffers)})
        return frozenset(v for v, n in counts.items() if n > 1)

    def fits(self) -> bool:
        """Is there anything to gain: neighbours that several phases load, or what one keeps?"""
        stored = any(v in self.buffers and v not in self.own for v in self.again)
        return self.width > 1 and (stored or bool(self.nest.kept))

    @contextmanager
    def taking_turns(self, start: str, end: str, step: str) -> Iterator[str]:
        f = self.function
        self.turn = f.fresh("k")
        with f.block(f"EQ_UNROLL for (int {self.turn} = 0; {self.turn} < {TURNS}; ++{self.turn})"):
            group = f.let(INDEX, f"{start} + {self.turn} * (eq_i64){step}")
            with f.block(f"if ({group} < {end})"):
                yield group

    def pack(self, value: Value, access: Access, guards: Guards, here: Here, lanes: Lanes) -> str:
        key = (value, access, guards)
        held = self.held.get(key)
        if held is None:
            if value not in self.again or value in self.own or len(self.held) >= MOST:
                return super().pack(value, access, guards, here, lanes)
            held = self.held[key] = self.registers(value, lanes)
            self.load_pack(f"{held}[{self.turn}]", value, access, guards, here, lanes)
        return f"{held}[{self.turn}][{lanes.lane}]"

    def registers(self, value: Value, lanes: Lanes) -> str:
        """Registers for a row's values, as long as the row is worked on."""
        f = self.function
        name = f.fresh("h")
        f.line(f"{TYPES[value.dtype.name]} {name}[{TURNS}][{lanes.width}];", self.row_depth)
        return name

    def keep(self, value: Value, home: Value, text: str, here: Here, live: str) -> None:
        assert here.lanes is not None, value
        name = self.kept_names[value] = self.registers(value, here.lanes)
        self.function.line(f"{name}[{self.turn}][{here.lanes.lane}] = {text};")

    def kept(self, value: Value, home: Value, guards: Guards, here: Here) -> str:
        assert here.lanes is not None, value
        return f"{self.kept_names[value]}[{self.turn}][{here.lanes.lane}]"
