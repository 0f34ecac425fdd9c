"""Binding calls of other code: of a library by way of Python, of a graph, of one of two graphs.

A graph is bound for its place: its steps stand among the caller's, its slots take the caller's
buffers, so no call is made at run time.  Of two graphs, one step runs the steps of the one taken.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from eqsat_tensor.extents import Size, evaluate
from eqsat_tensor.lower.cpu import factored, host, pool, routines

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eqsat_tensor.lower.cpu.bind import HostArray, HostCall, Program
    from eqsat_tensor.lower.cpu.bound import Bound

FLOPS = 10.0  # of such a routine, a nanosecond
HOST_NS = 1e6  # of a host call: long enough to let other Python threads run meanwhile


class Outward:
    """What a binder has collected so far, and how it binds calls of other code."""

    def __init__(
        self,
        program: Program,
        values: Mapping[str, int],
        threads: int,
        around: host.Surroundings | None,
        outer: Outward | None = None,
    ) -> None:
        self.program, self.values, self.threads = program, values, threads
        self.around, self.outer = around, outer
        self.failure: host.Failure | None = None
        self.kept: list[Any] = []  # what steps refer to by address
        self.raw_steps: list[tuple[int, NDArray[np.int64]]] = []  # of other programs, and where
        self.links: list[tuple[int, str]] = []  # (address of a word, buffer)
        self.words: list[int] = []
        self.at: list[tuple[int, int]] = []  # (word, word whose address it holds)
        self.pointers: list[tuple[int, str]] = []  # (word, buffer)
        self.steps: list[tuple[int, int, int, int, int]] = []  # with a word for the argument
        self.spans: dict[str, tuple[int, int, int]] = {}  # partials: bytes, first, last nest
        self.folded: dict[str, tuple[str, int, int]] = {}  # buffer: its partials, length, block
        self.known: dict[Size, int] = {}
        self.work = 0.0

    def number(self, size: Size) -> int:
        if isinstance(size, int):
            return size
        if size not in self.known:
            self.known[size] = evaluate(size, self.values)
        return self.known[size]

    def all_steps(self) -> None:
        """The steps of every group of nests."""
        raise NotImplementedError

    def chunks(self, units: int, cost: float) -> int:
        """How many pieces a step of so many units and nanoseconds is cut into."""
        raise NotImplementedError

    def finish(self) -> Bound:
        """All addresses filled in."""
        raise NotImplementedError

    def need_failure(self) -> host.Failure:
        """What host calls report to; before the first of them, the flag is set."""
        if self.outer is not None:
            return self.outer.need_failure()
        if self.failure is None:
            self.failure = host.Failure()
            flag = np.ones(1, np.int8)
            self.mark = len(self.words)
            self.words.append(flag.ctypes.data)
            self.steps.append((host.mark_address(), self.mark, 1, 1, 1))
            self.kept.append(flag)
        return self.failure

    def call(self, call: HostCall) -> None:
        """A call of a library, of a graph, or of one of two graphs."""
        graphs = [value for name, value in call.attributes if name in ("graph", "other")]
        if not graphs:
            self.host(call)
            return
        sizes = next(value for name, value in call.attributes if name == "sizes")
        values = {f"s{k}": self.number(size) for k, size in enumerate(sizes)}
        condition = call.operands[0] if len(graphs) == 2 else None
        operands = call.operands[1:] if condition else call.operands
        bound = [self.inner(graph, values, operands, call) for graph in graphs]
        if condition is None:
            self.raw_steps += [(len(self.steps), bound[0].steps)]
            self.work += bound[0].work
            return
        argument = len(self.words)
        self.words += [0] * host.BRANCH_WORDS
        self.point(argument, condition)
        for k, part in enumerate(bound):
            self.words[argument + 1 + 4 * k : argument + 5 + 4 * k] = _driven(part.steps)
        self.work += max(part.work for part in bound)
        self.steps.append((host.branch_address(), argument, 1, 1, 1))

    def inner(
        self, graph: Any, values: Mapping[str, int], operands: Sequence[HostArray], call: HostCall
    ) -> Bound:
        """A graph bound for its place in this program: its slots take our buffers."""
        assert self.around is not None, f"{graph}: nothing was given to find its code in"
        program, captured = self.around.program(graph, values)
        binder = type(self)(program, values, self.threads, self.around, self)
        binder.all_steps()
        bound = binder.finish()
        self.kept += [bound, program, *captured]
        for (name, _, _), slots in zip(program.inputs, bound.input_slots, strict=True):
            number = int(name[1:])  # leaves are called a0, a1, ... (`eqsat_tensor.program`)
            if number >= len(operands):
                self.fill(slots, captured[number - len(operands)].ctypes.data)
            elif isinstance(operands[number].buffer, str):
                self.links += [(slot, str(operands[number].buffer)) for slot in slots]
            else:
                self.fill(slots, self.constant(operands[number]))
        wanted = dict(call.results)
        for number, slots in enumerate(bound.output_slots):
            if number in wanted:
                self.links += [(slot, str(wanted[number].buffer)) for slot in slots]
                continue
            dtype, shape = bound.outputs[number]
            unread = np.empty(shape, dtype)
            self.kept.append(unread)
            self.fill(slots, unread.ctypes.data)
        return bound

    @staticmethod
    def fill(slots: Sequence[int], address: int) -> None:
        for slot in slots:
            ctypes.c_int64.from_address(slot).value = address

    def constant(self, array: HostArray) -> int:
        """The address of a constant operand."""
        assert not isinstance(array.buffer, str)
        held = np.frombuffer(array.buffer.bits, array.dtype).copy()
        self.kept.append(held)
        return held.ctypes.data

    def point(self, word: int, array: HostArray) -> None:
        """Let a word hold the address of an operand."""
        if isinstance(array.buffer, str):
            self.pointers.append((word, array.buffer))
        else:
            self.words[word] = self.constant(array)

    def host(self, call: HostCall) -> None:
        """The step of a call of a library op: machine code where there is some, or Python."""
        routine = routines.routine_of(call, self.number)
        if routine is not None and not routine.refuses:
            self.routine(routine)
            return
        address, argument = self.by_python(call)
        sizes = factored.sizes_of(call, self.number)
        if routine is not None:
            self.routine(routine, address, argument)
        elif sizes is not None:
            self.factored(call, sizes, address, argument)
        else:
            self.work += HOST_NS
            self.steps.append((address, argument, 1, 1, 1))

    def by_python(self, call: HostCall) -> tuple[int, int]:
        """Kernel and argument of a call back into Python."""
        assert self.around is not None, f"{call.op}: nothing was given to find its meaning in"
        kernel = host.kernel_of(call, self.number, self.around, self.need_failure())
        self.kept.append(kernel)
        argument = len(self.words)
        for array in (*call.operands, *(a for _, a in call.results)):
            if isinstance(array.buffer, str):
                self.pointers.append((len(self.words), array.buffer))
                self.words.append(0)
        return ctypes.cast(kernel, ctypes.c_void_p).value or 0, argument

    def routine(self, routine: routines.Routine, again: int = 0, argument: int = 0) -> None:
        """The step of a routine; ``again``, ``argument``: the same by way of Python."""
        start = len(self.words)
        places = {name: start + k for k, name in enumerate(routine.words)}
        self.words += [0] * len(places)
        for name, value in routine.words.items():
            if isinstance(value, int):
                self.words[places[name]] = value
            elif isinstance(value, routines.Room):
                room = np.empty(value.size, np.uint8)
                self.kept.append(room)
                self.words[places[name]] = room.ctypes.data
            else:
                self.point(places[name], value)
        if routine.refuses:
            self.words[places["again"]] = again
            self.at.append((places["argument"], argument))
        self.work += routine.cost
        chunks = self.chunks(routine.units, routine.cost) if routine.shared else 1
        if routine.units:
            self.steps.append((routine.kernel, start, routine.units, chunks, routine.align))

    def factored(
        self, call: HostCall, sizes: tuple[int, int, int], again: int, argument: int
    ) -> None:
        """The step of a call that is done as machine code; ``again``: the same by way of Python."""
        count, n, k = sizes
        dtype, attributes = call.operands[0].dtype, dict(call.attributes)
        words, place = factored.WORDS, len(self.words)
        self.words += [0] * len(words)
        ((_, result),) = call.results
        arrays = {"a": call.operands[0], "b": call.operands[-1], "x": result}
        for name, array in arrays.items():
            self.pointers.append((place + words[name], str(array.buffer)))
        bytes_ = factored.scratch(call.op, dtype, n)
        for name, size in zip(("factors", "pivots"), bytes_, strict=True):
            if size:
                room = np.empty(size, np.uint8)
                self.kept.append(room)
                self.words[place + words[name]] = room.ctypes.data
        for name in ("lower", "transposed"):
            self.words[place + words[name]] = int(attributes.get(name, 0))
        self.words[place + words["n"]], self.words[place + words["k"]] = n, k
        self.words[place + words["again"]] = again
        self.at.append((place + words["argument"], argument))
        self.work += factored.flops_of(call.op, count, n, k) / FLOPS
        self.steps.append((factored.addresses(dtype)[call.op], place, count, 1, 1))


def _driven(steps: NDArray[np.int64]) -> list[int]:
    """Words that say how to run steps: where they are, how many, and with which threads."""
    parallel = len(steps) > 0 and int(steps[:, 3].max()) > 1
    if parallel:
        pool.pool().start()
    threads = [pool.state_address(), pool.pfor_address()] if parallel else [0, 0]
    return [steps.ctypes.data, len(steps), *threads]
