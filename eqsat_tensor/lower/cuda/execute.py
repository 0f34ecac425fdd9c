"""Running a bound program by CuPy: on its current stream, with memory of its pool.

Kernels come from a cubin that `RawModule(path=...)` loads, so what runs is what was compiled and
checked elsewhere.  All temporaries are one allocation.  Where the same arrays come again, a program of
kernels and products alone becomes a CUDA graph at the second such call: CuPy's pool gives the same
memory to results in a loop, and a graph is one launch.
"""

from __future__ import annotations

import tempfile
import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from eqsat_tensor.errors import EqsatError, located, wrong_result
from eqsat_tensor.lower.cuda import cupy_ops, device
from eqsat_tensor.lower.cuda.bind import (
    ALIGN,
    Invoke,
    Multiply,
    Place,
    Run,
    Sort,
    bind,
)
from eqsat_tensor.lower.cuda.products import multiply
from eqsat_tensor.lower.cuda.program import Program

GRAPHS = 8  # kept of a program of given sizes, each for arrays of its own
SEEN = 64  # sets of arrays remembered, for which a graph may come to be worth while


class Surroundings(Protocol):
    """What a program calls and does not hold itself."""

    def function(self, op: str) -> Callable[..., tuple[Any, ...]]:
        """The meaning of a library op on the host: arrays and attributes to a tuple of results."""

    def places(self, op: str) -> str:
        """Where in the user's code an op is."""

    def executable(
        self, graph: Any, sizes: Mapping[str, int]
    ) -> tuple[Executable, Sequence[np.ndarray]]:
        """A graph for such sizes, and the arrays that follow its parameters as inputs."""


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="eqsat-cubin-")


def load(cubin: bytes, name: str) -> Any:
    """A module of CuPy's from the bytes of a cubin; ``name`` is unique to them."""
    path = Path(_folder().name) / f"{name}.cubin"
    if not path.exists():
        path.write_bytes(cubin)
    return device.ready().RawModule(path=str(path))


class Executable:
    """A program for given sizes, on the current device."""

    def __init__(
        self, program: Program, sizes: Mapping[str, int], module: Any, around: Surroundings
    ) -> None:
        self.cupy = device.ready()
        self.bound = bind(program, sizes)
        self.around = around
        names = {a.kernel for a in self.bound.actions if isinstance(a, Run)}
        self.kernels = {name: module.get_function(name) for name in names}
        self.captures = len(self.bound.actions) > 1 and all(
            isinstance(a, Run | Multiply) for a in self.bound.actions
        )
        self.lock = threading.Lock()
        self.graphs: OrderedDict[tuple[int, ...], Any] = OrderedDict()
        self.seen: OrderedDict[tuple[int, ...], None] = OrderedDict()
        self.constants: dict[Place, Any] = {}

    def __call__(self, inputs: Sequence[Any]) -> list[Any]:
        """New outputs for these inputs, CuPy arrays in C order and of the promised dtypes."""
        outputs = [self.cupy.empty(p.shape, p.dtype) for p in self.bound.outputs]
        arena = self.cupy.cuda.alloc(self.bound.arena + ALIGN) if self.bound.arena else None
        start = -(-arena.ptr // ALIGN) * ALIGN if arena is not None else 0
        where = {name: start + offset for name, offset in self.bound.offsets.items()}
        places = (*self.bound.inputs, *self.bound.outputs)
        for place, array in zip(places, (*inputs, *outputs), strict=True):
            assert isinstance(place.buffer, str), place
            where[place.buffer] = array.data.ptr
        held = _Memory(self, where, arena, (*inputs, *outputs))
        key = tuple(where.values())
        graph = self.graph_for(key, held) if self.captures else None
        if graph is not None:
            graph.launch()
        else:
            self.run(held)
        return outputs

    def graph_for(self, key: tuple[int, ...], held: _Memory) -> Any | None:
        """The graph for these arrays, made where they come again; None for the first time."""
        with self.lock:
            graph = self.graphs.get(key)
            if graph is not None:
                self.graphs.move_to_end(key)
            elif key in self.seen:
                graph = self.captured(held)
                if graph is not None:
                    _keep(self.graphs, key, graph, GRAPHS)
            else:
                _keep(self.seen, key, None, SEEN)
            return graph

    def captured(self, held: _Memory) -> Any | None:
        """A graph of the program on these arrays; None, after a warning, where that fails."""
        stream = self.cupy.cuda.Stream(non_blocking=True)
        try:
            with stream:
                stream.begin_capture()
                try:
                    self.run(held)
                finally:
                    graph = stream.end_capture()
        except Exception as error:
            self.captures = False
            warnings.warn(
                f"cuda: a program could not be captured as a graph ({error}); its kernels are "
                "launched one by one.",
                RuntimeWarning,
                stacklevel=2,
            )
            return None
        return graph

    def run(self, held: _Memory) -> None:
        """All actions in order, on the current stream."""
        for action in self.bound.actions:
            match action:
                case Run():
                    arguments = tuple(
                        held.where[a] if isinstance(a, str) else a for a in action.arguments
                    )
                    self.kernels[action.kernel](action.grid, action.block, arguments)
                case Multiply():
                    multiply(self.cupy, action, held.get)
                case Sort():
                    int64 = np.dtype(np.int64)
                    labels = held.get(Place(action.labels, int64, (action.count,)))
                    order = held.get(Place(action.order, int64, (action.count,)))
                    order[...] = self.cupy.argsort(labels)
                case Invoke():
                    self.invoke(action, held)

    # ------------------------------------------------------------------------------------- calls
    def invoke(self, action: Invoke, held: _Memory) -> None:
        """A library op: a graph of the user's, CuPy's function, or NumPy's on the host."""
        if "graph" in action.attributes:
            made = self.graph(action, held)
        else:
            try:
                made = self.called(action, held)
            except ValueError as error:
                if isinstance(error, EqsatError) or action.op == "wrap":
                    raise  # says itself what is wrong
                operands = ", ".join(map(str, action.operands))
                raise located(error, action.op, operands, self.around.places(action.op)) from None
        for which, place in action.results:
            value = made[which or 0]
            if tuple(value.shape) != place.shape or value.dtype != place.dtype:
                raise wrong_result(action.op, value, place.dtype, place.shape)
            held.get(place)[...] = value

    def called(self, action: Invoke, held: _Memory) -> Sequence[Any]:
        arrays = [held.get(p) for p in action.operands]
        function = cupy_ops.on_device(action.op, arrays)
        if function is not None:
            from cupyx import errstate

            with errstate(linalg="raise"):
                made = function(self.cupy, *arrays, **action.attributes)
            return [m.astype(p.dtype, copy=False) for m, p in _paired(made, action)]
        meaning = self.around.function(action.op)
        with np.errstate(all="ignore"):
            found = meaning(*map(held.on_host, action.operands), **action.attributes)
        for which, place in action.results:
            held.copies[str(place.buffer)] = np.asarray(found[which or 0])
        return [self.cupy.asarray(m) for m in found]

    def graph(self, action: Invoke, held: _Memory) -> Sequence[Any]:
        """A graph; of two graphs, the one that a condition chooses, for which the call waits."""
        attributes = action.attributes
        sizes = {f"s{k}": size for k, size in enumerate(attributes["sizes"])}
        operands = [held.get(p) for p in action.operands]
        graph = attributes["graph"]
        if "other" in attributes:
            condition, *operands = operands
            graph = graph if bool(condition) else attributes["other"]
        executable, captured = self.around.executable(graph, sizes)
        given = [*operands, *map(self.cupy.asarray, captured)]
        numbers = [int(str(p.buffer)[1:]) for p in executable.bound.inputs]  # a0, a1, ...
        return executable([given[n] for n in numbers])


def _keep(table: OrderedDict[Any, Any], key: Any, value: Any, most: int) -> None:
    """Put into a table that forgets what was put in first."""
    table[key] = value
    if len(table) > most:
        table.popitem(last=False)


def _paired(made: Sequence[Any], action: Invoke) -> list[tuple[Any, Place]]:
    """Each result with the place of a result of its number; those that nobody wants as they are."""
    wanted = {which or 0: place for which, place in action.results}
    first = next(iter(wanted.values()))
    return [(m, wanted.get(k, first)) for k, m in enumerate(made)]


class _Memory:
    """The memory of one call: addresses by name, and arrays on them."""

    def __init__(
        self, program: Executable, where: Mapping[str, int], arena: Any, arrays: Sequence[Any]
    ) -> None:
        self.cupy, self.constants = program.cupy, program.constants
        self.where, self.arena, self.arrays = where, arena, arrays
        self.copies: dict[str, np.ndarray] = {}  # on the host, of buffers that stay as they are

    def on_host(self, place: Place) -> np.ndarray:
        """An array on the host: what a call there made, or has read before, is not copied again."""
        if place.constant is not None:
            return place.constant
        name = str(place.buffer)
        if name not in self.copies:
            self.copies[name] = self.cupy.asnumpy(self.get(place))
        return self.copies[name].reshape(place.shape)

    def get(self, place: Place) -> Any:
        """An array in a buffer, or of a constant."""
        if place.constant is not None:
            if place not in self.constants:
                self.constants[place] = self.cupy.asarray(place.constant)
            return self.constants[place]
        size = int(np.prod(place.shape, dtype=np.int64)) * place.dtype.itemsize
        if not size:
            return self.cupy.empty(place.shape, place.dtype)
        address = self.where[str(place.buffer)]
        memory = self.cupy.cuda.UnownedMemory(address, size, self)
        pointer = self.cupy.cuda.MemoryPointer(memory, 0)
        return self.cupy.ndarray(place.shape, place.dtype, pointer)
