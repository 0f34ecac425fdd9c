"""A kernel under construction: what it is written for, its function and its argument block.

A kernel finds all that depends on sizes or buffers in its argument block, an array of i64 slots.
Slots are numbered a nest, by first use, and constants are slots too: nests that do the same to
other buffers are the same text, and compiled once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from eqsat_tensor.extents import Size
from eqsat_tensor.lower.cpu.function import Function
from eqsat_tensor.schedule.loop_values import Value

SlotKey = tuple[Any, ...]  # ("size", Size), ("pointer", buffer), ("constant", dtype, bits), ...
Written = tuple[str, list[SlotKey], Mapping[str, str]]  # body, words of its argument, declarations


@dataclass(frozen=True)
class Setting:
    """What the kernels of a plan are written for, beside their nests.

    vector_bytes: width of the machine's vector registers.  contract: whether a * b + c may be one
    operation, for products that are not among ``rounded``.  small: names of sizes that are
    `short.FEW` at most.  never_read: names of outputs that no nest reads again.  terse: whether text
    is spared, since there is so much of it.
    """

    buffers: Mapping[Value, str]
    vector_bytes: int
    contract: bool
    small: frozenset[str]
    rounded: Collection[Value]
    never_read: Collection[str]
    terse: bool = False


class Slots:
    """The argument block of a kernel: what each word holds."""

    def __init__(self) -> None:
        self.number: dict[SlotKey, int] = {}

    def of(self, *key: Any) -> int:
        """The word that holds this."""
        return self.number.setdefault(key, len(self.number))


class Kernel:
    """What the code of one kernel stands in."""

    def __init__(self, setting: Setting) -> None:
        self.setting, self.buffers = setting, setting.buffers
        self.function, self.slots = Function(), Slots()
        self.declared: dict[str, str] = {}  # what it calls, as it is met: name -> declaration

    @property
    def written(self) -> Written:
        """The body so far, what each word of its argument block holds, and what it declares."""
        return self.function.text(), list(self.slots.number), self.declared

    def slot(self, kind: str, *key: Any) -> str:
        """The value of a word of the argument block, loaded at the start of the kernel."""
        f = self.function
        pointer = f.offset("i64", "%argument", str(self.slots.of(*key)))
        return f.emit(f"load {kind}, ptr {pointer}")

    def size(self, size: Size) -> str:
        """A size, worked out when the program is bound."""
        return str(size) if isinstance(size, int) else self.slot("i64", "size", size)

    def base(self, value: Value) -> str:
        """The address of a stored value."""
        return self.slot("ptr", "pointer", self.buffers[value])
