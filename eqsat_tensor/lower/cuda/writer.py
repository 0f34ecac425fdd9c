"""What every kernel is written with: parameters, indices, guards, loads and stores.

All that depends on sizes or buffers is a parameter: pointers p0, p1, ..., sizes n0, ... and constants
c0, ...; numbered by first use, so nests that do the same to other buffers are one text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from eqsat_tensor.extents import Size, lower_bound, product
from eqsat_tensor.lower.cuda.function import Function
from eqsat_tensor.lower.cuda.words import TYPES, literal_text
from eqsat_tensor.schedule.accesses import Access, Gathered, Guard, linear, strides_of
from eqsat_tensor.schedule.loop_values import Value
from eqsat_tensor.schedule.loops import Nest

if TYPE_CHECKING:
    from collections.abc import Iterator

INDEX = "eq_i64"
Guards = frozenset[Guard]
Key = tuple[
    Any, ...
]  # of a parameter: ("pointer", buffer), ("size", Size), ("constant", bits), ...


@dataclass(frozen=True)
class Parameter:
    """A parameter of a kernel: its C type, its name in the text, and what it holds."""

    kind: str
    name: str
    key: Key


@dataclass(frozen=True)
class Lanes:
    """Neighbours along the inner axis that one thread computes.

    depth: the block around the lanes.  base: index of the first.  count: how many there are.
    lane: which one of them this place is.
    """

    width: int
    axis: int
    depth: int
    base: str
    count: str
    lane: str


@dataclass
class Here:
    """A place in a body: the loop index of each axis, the phase, and the lanes that it is one of."""

    index: list[str]
    phase: int = 0
    lanes: Lanes | None = None
    known: dict[Any, str] = field(default_factory=dict)


class Writer:
    """Writes one kernel of a nest."""

    def __init__(self, nest: Nest, buffers: Mapping[Value, str]) -> None:
        self.nest, self.buffers = nest, buffers
        self.function = Function()
        self.own = {root.value: root for root in nest.roots}
        self.rows: dict[Value, str] = {}  # reductions of the row, once done
        self.kept_in: dict[Value, int] = {}  # kept value -> the phase that keeps it
        self.after: list[str] = []  # statements for when all lanes are done
        self._parameters: dict[Key, Parameter] = {}
        self._written: set[Key] = set()

    # -------------------------------------------------------------------------------- parameters
    def parameter(self, letter: str, kind: str, *key: Any) -> str:
        """The name of a parameter."""
        found = self._parameters.get(key)
        if found is None:
            number = sum(p.name[0] == letter for p in self._parameters.values())
            found = self._parameters[key] = Parameter(kind, f"{letter}{number}", key)
        return found.name

    def size(self, size: Size) -> str:
        """A size, worked out when the program is bound."""
        return str(size) if isinstance(size, int) else self.parameter("n", INDEX, "size", size)

    def number(self, name: str) -> str:
        """A number that binding decides on, such as how many blocks share a reduction."""
        return self.parameter("n", INDEX, name)

    def pointer(self, dtype: np.dtype, *key: Any, written: bool = False) -> str:
        """The memory of a buffer."""
        if written:
            self._written.add(key)
        return self.parameter("p", TYPES[dtype.name], *key)

    def memory(self, value: Value, written: bool = False) -> str:
        """The memory of a stored value."""
        return self.pointer(value.dtype, "pointer", self.buffers[value], written=written)

    def parameters(self) -> tuple[Parameter, ...]:
        """All parameters in order, pointers with their qualifiers."""
        return tuple(
            Parameter(self._qualified(p), p.name, p.key) for p in self._parameters.values()
        )

    def _qualified(self, parameter: Parameter) -> str:
        if not parameter.name.startswith("p"):
            return parameter.kind
        const = "" if parameter.key in self._written else "const "
        return f"{const}{parameter.kind}* __restrict__"

    # ------------------------------------------------------------------------------------ indices
    def times(self, text: str, factor: Size) -> str:
        """A product of an index and a size; "" for nothing."""
        if factor == 0 or text == "0":
            return ""
        if factor == 1:
            return text
        return f"{text} * {self.size(factor)}"

    def total(self, parts: Sequence[str]) -> str:
        """A sum of indices, those that are "" or 0 left out."""
        kept = [p for p in parts if p not in ("", "0")]
        return " + ".join(kept) or "0"

    def decomposed(self, text: str, sizes: Sequence[Size]) -> list[str]:
        """The index along each axis, from that in all of them, the last fastest."""
        f, result = self.function, []
        for size in reversed(sizes[1:]):
            result.append(f.let(INDEX, f"{text} % {self.size(size)}"))
            text = f.let(INDEX, f"{text} / {self.size(size)}")
        return [text, *reversed(result)] if sizes else []

    @contextmanager
    def blocks(self, *heads: str) -> Iterator[None]:
        """Several blocks, each in the one before."""
        with ExitStack() as stack:
            for head in heads:
                stack.enter_context(self.function.block(head))
            yield

    # ------------------------------------------------------------------------------------- guards
    def bounds(self, axis: int | None, low: Size, high: Size) -> tuple[str | None, str | None]:
        """The ends of a guard that are not the ends of the loop anyway."""
        whole = 1 if axis is None else self.nest.domain[axis]
        from_ = None if isinstance(low, int) and low <= 0 else self.size(low)
        below = None if high == whole else self.size(high)
        return from_, below

    def condition(self, guards: Guards, here: Here, inner: bool = True) -> str | None:
        """Do the indices lie within the guards?  None: always.  inner: along the lanes, too."""
        tests = []
        for axis, low, high in sorted(guards, key=str):
            if not inner and here.lanes is not None and axis == here.lanes.axis:
                continue
            index = "0" if axis is None else here.index[axis]
            first, end = self.bounds(axis, low, high)
            tests += [f"{index} >= {first}"] if first is not None else []
            tests += [f"{index} < {end}"] if end is not None else []
        return " && ".join(dict.fromkeys(tests)) or None

    # ------------------------------------------------------------------------------------- memory
    def offset(
        self, value: Value, access: Access, here: Here, labels: Mapping[int, str], skip: int = -1
    ) -> str:
        """Where the element lies, in elements; ``labels`` by axis of the value; an axis to leave out."""
        offset, steps = linear(value, access)
        parts = [self.size(offset)]
        parts += [self.times(here.index[a], s) for a, s in sorted(steps.items()) if a != skip]
        for axis, label in labels.items():
            parts.append(self.times(label, strides_of(value)[axis] * access[axis][2]))
        return self.total(parts)

    def load(
        self, value: Value, access: Access, guards: Guards, here: Here, labels: Mapping[int, str]
    ) -> str:
        """An element of a stored value; anything where the guards do not hold."""
        f, kind = self.function, TYPES[value.dtype.name]
        pointer = self.memory(value)
        lanes = here.lanes
        if lanes is not None and not labels:
            step = linear(value, access)[1].get(lanes.axis, 0)
            inner = any(
                bound is not None
                for a, low, high in guards
                if a == lanes.axis
                for bound in self.bounds(a, low, high)
            )
            if step == 0 and not inner:  # one element for all lanes
                return self._single(value, access, guards, here, lanes.depth)
            if step == 1 and not inner:
                return self.pack(value, access, guards, here, lanes)
        tests = [self.condition(guards, here), self._some(value) if labels else None]
        test = " && ".join(t for t in tests if t)
        element = f"{pointer}[{self.offset(value, access, here, labels)}]"
        return f.let(
            kind, f"{test} ? {element} : {literal_text(0, value.dtype)}" if test else element
        )

    def _single(self, value: Value, access: Access, guards: Guards, here: Here, depth: int) -> str:
        element = f"{self.memory(value)}[{self.offset(value, access, here, {})}]"
        test = self.condition(guards, here, inner=False)
        if test:
            element = f"{test} ? {element} : {literal_text(0, value.dtype)}"
        return self.function.let(TYPES[value.dtype.name], element, depth)

    def pack(self, value: Value, access: Access, guards: Guards, here: Here, lanes: Lanes) -> str:
        """Neighbours, loaded together before the lanes; the one of this lane."""
        f, kind = self.function, TYPES[value.dtype.name]
        test = self.condition(guards, here, inner=False)
        key = f"pack {self.start_of(value, access, here, lanes)} {test}"
        name = f.recall(key, lanes.depth)
        if name is None:
            name = f.fresh("a")
            f.line(f"{kind} {name}[{lanes.width}]{' = {}' if test else ''};", lanes.depth)
            self.load_pack(name, value, access, guards, here, lanes)
            f.remember(key, name, lanes.depth)
        return f"{name}[{lanes.lane}]"

    def load_pack(
        self, name: str, value: Value, access: Access, guards: Guards, here: Here, lanes: Lanes
    ) -> None:
        """Load neighbours into registers, where the guards hold."""
        test = self.condition(guards, here, inner=False)
        start = self.start_of(value, access, here, lanes)
        load = f"eq_load<{lanes.width}>({name}, {start}, {lanes.count});"
        self.function.line(f"if ({test}) {load}" if test else load, lanes.depth)

    def start_of(self, value: Value, access: Access, here: Here, lanes: Lanes) -> str:
        """The address of the first of the neighbours."""
        offset = self.offset(value, access, here, {}, skip=lanes.axis)
        return f"{self.memory(value)} + {self.total([offset, lanes.base])}"

    def _some(self, value: Value) -> str | None:
        """Has the value elements at all, so that a label within it means one?  None: surely."""
        count = product(value.shape)
        low = lower_bound(count)
        return None if low is not None and low > 0 else f"{self.size(count)} > 0"

    def store(
        self, value: Value, access: Access, text: str, guards: Guards, here: Here, live: str = ""
    ) -> None:
        """Store an element, where the guards hold and the thread is ``live``."""
        f, lanes = self.function, here.lanes
        pointer = self.memory(value, written=True)
        if lanes is not None and not guards and linear(value, access)[1].get(lanes.axis, 0) == 1:
            offset = self.offset(value, access, here, {}, skip=lanes.axis)
            name = f.fresh("r")
            f.line(f"{TYPES[value.dtype.name]} {name}[{lanes.width}];", lanes.depth)
            f.line(f"{name}[{lanes.lane}] = {text};")
            start = f"{pointer} + {self.total([offset, lanes.base])}"
            store = f"eq_store<{lanes.width}>({start}, {name}, {lanes.count});"
            self.after.append(f"if ({live}) {store}" if live else store)
            return
        tests = [
            live,
            f"{lanes.lane} < {lanes.count}" if lanes else "",
            self.condition(guards, here),
        ]
        test = " && ".join(t for t in tests if t)
        element = f"{pointer}[{self.offset(value, access, here, {})}] = {text};"
        f.line(f"if ({test}) {element}" if test else element)


def gathered(access: Access) -> list[tuple[int, Gathered]]:
    """The axes of a value whose index is a label."""
    return [(k, axis) for k, (axis, _, _) in enumerate(access) if isinstance(axis, Gathered)]
