"""``target="cuda"``: what a `Variant` becomes for a CUDA device.

    f = et.function([x], y, target="cuda")
    f.cuda        the CUDA C text: needs neither CuPy nor NVRTC nor a device
    f.cubin       machine code, by NVRTC alone
    f(a)          CuPy arrays in and out; NumPy arrays are copied to the device first

Calls are made by `eqsat_tensor.device_calls`.
"""

from __future__ import annotations

import hashlib
import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eqsat_tensor import compile as pipeline
from eqsat_tensor.lower.cuda import device as cuda
from eqsat_tensor.lower.cuda import nvrtc
from eqsat_tensor.lower.cuda.cupy_ops import ON_DEVICE
from eqsat_tensor.lower.cuda.execute import Executable, load
from eqsat_tensor.lower.cuda.outside import host_meaning, on_host
from eqsat_tensor.lower.cuda.program import Program, compile_plan
from eqsat_tensor.runtime import cache as disk
from eqsat_tensor.schedule import lower_program, schedule
from eqsat_tensor.variant import Around as Graphs
from eqsat_tensor.variant import Variant

EXECUTABLES = 64  # sizes kept bound at once; the least recently used goes first
NOMINAL = "sm_90"  # what cubins are for where there is no device to ask
CALLS = ("call", "cond")  # graphs of the user's, which run where the program runs


class OnDevice:
    """One variant's programs: text by bucket of sizes, executables by sizes."""

    def __init__(self, variant: Variant) -> None:
        self.variant = variant
        self.lock = threading.RLock()
        self._programs: dict[tuple[tuple[str, int], ...], Program] = {}
        self._modules: dict[str, Any] = {}
        self._executables: OrderedDict[tuple[Any, ...], Executable] = OrderedDict()
        self._captured: dict[str, Any] | None = None

    def program(self, sizes: Mapping[str, int]) -> Program:
        """The program for the bucket of these sizes; a warning names what it computes on the host."""
        buckets = tuple(sorted((name, pipeline.bucket(n)) for name, n in sizes.items()))
        with self.lock:
            if buckets not in self._programs:
                self._programs[buckets] = self._found_or_made(dict(buckets))
                self._warn(self._programs[buckets])
            return self._programs[buckets]

    def _found_or_made(self, buckets: Mapping[str, int]) -> Program:
        """The program, from the cache where it is there: then nothing is saturated."""
        variant = self.variant
        key = pipeline.cache_key(variant.normal, variant.options, buckets).text()
        stored = disk.get(key)
        if stored is not None:
            return Program.from_bytes(stored)
        variant.counters.compiles += 1
        plan = schedule(on_host(lower_program(variant.chosen(buckets))))
        options = variant.options
        made = compile_plan(plan, buckets, options.math == "strict", options.deterministic)
        # what a failure of the engine made is not kept, so that the next process sees the failure
        if made.portable and not variant.rewritten.diagnostics:
            disk.put(key, made.to_bytes())
        return made

    def _warn(self, program: Program) -> None:
        ops = sorted({op for op in program.outside if op not in (*ON_DEVICE, *CALLS)})
        if ops:
            warnings.warn(
                f"{self.variant.name}: {', '.join(ops)} computed on the host, arrays being copied "
                "there and back: there is no kernel for it on the device.",
                RuntimeWarning,
                stacklevel=2,
            )

    def text(self) -> str:
        """The CUDA C text, for the sizes of the last call or for nominal ones."""
        return self.program(self.variant.last_sizes or {}).text

    def cubin(self) -> bytes:
        """Machine code of `text`: for the device in use, or `NOMINAL` where there is none."""
        return compiled(self.text(), architecture())

    def executable(self, sizes: Mapping[str, int]) -> Executable:
        """The program for these sizes on the device in use."""
        package = cuda.ready()
        number = int(package.cuda.Device().id)
        key = (number, *sorted(sizes.items()))
        with self.lock:
            found = self._executables.get(key)
            if found is None:
                self.variant.counters.binds += 1
                program = self.program(sizes)
                module = self._module(program.text, number)
                found = Executable(program, sizes, module, Around(self.variant))
                self._executables[key] = found
                if len(self._executables) > EXECUTABLES:
                    self._executables.popitem(last=False)
            self._executables.move_to_end(key)
            return found

    def _module(self, text: str, number: int) -> Any:
        name = hashlib.sha256(f"{text} {cuda.architecture()} {number}".encode()).hexdigest()
        if name not in self._modules:
            self._modules[name] = load(compiled(text, cuda.architecture()), name)
        return self._modules[name]

    def captured(self) -> Mapping[str, Any]:
        """The arrays that the program holds, on the device, by name."""
        if self._captured is None:
            package, program = cuda.ready(), self.variant.program
            leaves = program.leaves[program.arguments + program.states :]
            self._captured = {
                str(leaf["name"]): package.asarray(a)
                for leaf, a in zip(leaves, self.variant.captured, strict=True)
            }
        return self._captured

    def free(self) -> None:
        """Give up programs and what is on the device."""
        with self.lock:
            self._programs.clear()
            self._modules.clear()
            self._executables.clear()
            self._captured = None


def architecture() -> str:
    """Of the device in use, or `NOMINAL`."""
    try:
        return cuda.architecture()
    except NotImplementedError:
        return NOMINAL


def compiled(text: str, architecture: str) -> bytes:
    """The cubin of a text, from the cache where it is there."""
    headers = "".join(map(nvrtc.header, nvrtc.HEADERS))
    seed = f"cubin {text} {headers} {architecture} {nvrtc.FLAGS} {nvrtc.version()}"
    key = hashlib.sha256(seed.encode()).hexdigest()
    found = disk.get(key)
    if found is None:
        found, _ = nvrtc.compile_text(text, architecture)
        disk.put(key, found)
    return found


@dataclass(frozen=True)
class Around:
    """What a variant's program calls: ops by their meaning, graphs by programs made once for all."""

    variant: Variant

    def function(self, op: str) -> Callable[..., tuple[Any, ...]]:
        return host_meaning(op) or pipeline.meaning(op)

    def places(self, op: str) -> str:
        return self.variant.places(op, self.variant.last_sizes or {})

    def executable(
        self, graph: Any, sizes: Mapping[str, int]
    ) -> tuple[Executable, Sequence[np.ndarray]]:
        around = Graphs(self.variant.options, self.variant.counters)
        inner = around.variant(graph, sizes)
        return inner.on_device.executable(sizes), inner.captured
