"""Kernels built by g++ with the emulated device, and programs run on them: launches as they are bound.

with built({"a": program}) as device:      # one compile for many programs
    results = device["a"](sizes, arrays)
"""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
import tempfile
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eqsat_tensor.lower.cuda.bind import Bound, Invoke, Multiply, Place, Run, Sort, bind
from eqsat_tensor.lower.cuda.emit import HEADER, INCLUDE
from eqsat_tensor.lower.cuda.program import Program
from eqsat_tensor.lower.cuda.words import TYPES

SHIM = Path(__file__).parent / "shim"
KERNEL = re.compile(
    r'extern "C" __global__ void (?:__launch_bounds__\(.*?\) )?(\w+)\((.*?)\) \{\n.*?\n\}\n', re.S
)
TOGETHER = re.compile(r"eq_team|eq_column|__syncthreads")
FLAGS = ("-std=c++20", "-ffp-contract=off", "-fno-strict-aliasing", "-w", "-shared", "-fPIC")


@dataclass(frozen=True)
class Text:
    """One kernel of a text: its name, all of it, the types of its parameters."""

    name: str
    whole: str
    kinds: tuple[str, ...]


def kernels_of(text: str) -> list[Text]:
    """The kernels of a text, as they stand in it."""
    found = []
    for match in KERNEL.finditer(text):
        given = [p.strip() for p in match[2].split(",")] if match[2] else []
        found.append(Text(match[1], match[0], tuple(p.rpartition(" ")[0] for p in given)))
    return found


class Library:
    """Kernels of several texts, compiled together, equal ones once."""

    def __init__(
        self, texts: Iterable[str], flags: Sequence[str] = ("-O0",), shim: Path = SHIM
    ) -> None:
        self.numbers: dict[str, int] = {}  # by text, the name left out
        kernels = []
        for text in texts:
            assert text.startswith(HEADER), text[:100]
            for kernel in kernels_of(text):
                number = self.numbers.setdefault(_key(kernel), len(self.numbers))
                if number == len(kernels):
                    kernels.append(kernel)
        source = HEADER + "\n".join(_source(n, kernel) for n, kernel in enumerate(kernels))
        folder = tempfile.mkdtemp(prefix="eqsat-shim-")
        weakref.finalize(self, shutil.rmtree, folder, True)
        file = Path(folder) / "kernels.cpp"
        self.path = file.with_suffix(".so")
        file.write_text(source)
        # the shim's folder comes first: its header of that name is taken
        command = ["g++", *FLAGS, *flags, f"-I{shim}", f"-I{INCLUDE}", str(file)]
        made = subprocess.run(
            [*command, "-o", str(self.path)], capture_output=True, text=True, check=False
        )
        assert made.returncode == 0, made.stderr[:4000]

    @cached_property
    def shared_object(self) -> ctypes.CDLL:
        return ctypes.CDLL(str(self.path))

    def name_of(self, kernel: Text) -> str:
        """What launches a kernel."""
        return f"launch{self.numbers[_key(kernel)]}"

    def launch(
        self, kernel: Text, grid: Sequence[int], block: Sequence[int], arguments: Sequence[Any]
    ) -> None:
        """One launch; arguments: addresses and NumPy scalars."""
        function = self.shared_object[self.name_of(kernel)]
        held = [_held(kind, a) for kind, a in zip(kernel.kinds, arguments, strict=True)]
        pointers = (ctypes.c_void_p * max(len(held), 1))(*(h.ctypes.data for h in held))
        function(pointers, (ctypes.c_uint * 4)(*grid, *block))


def _key(kernel: Text) -> str:
    return kernel.whole.replace(f" {kernel.name}(", " kernel(", 1)


SCALARS = {c: name for name, c in TYPES.items()}


def _held(kind: str, argument: Any) -> np.ndarray:
    """An argument as a launch takes it by address; of exactly the parameter's type."""
    if kind.endswith("__restrict__"):
        assert isinstance(argument, int), (kind, argument)
        return np.array(argument, np.int64)
    assert np.asarray(argument).dtype == SCALARS[kind], (kind, argument)
    return np.array(argument)


def _source(number: int, kernel: Text) -> str:
    """A kernel, its text as it is, under a name of its own; and what launches it."""
    name = f"unique{number}"
    given = ", ".join(
        f"*({kind.replace('__restrict__', '')}*)a[{k}]" for k, kind in enumerate(kernel.kinds)
    )
    how = "shim_together" if TOGETHER.search(kernel.whole) else "shim_plain"
    return f"""
#define {kernel.name} {name}
{kernel.whole}
#undef {kernel.name}
static void body{number}(void** a) {{ {name}({given}); }}
extern "C" void launch{number}(void** a, const unsigned* d) {{
  gridDim = {{d[0], d[1]}};
  blockDim = {{d[2], d[3]}};
  {how}(body{number}, a);
}}
"""


class Emulated:
    """One program on the emulated device."""

    def __init__(self, library: Library, program: Program, calls: Any = None) -> None:
        self.launcher, self.program = library, program
        self.kernels = {k.name: k for k in kernels_of(program.text)}
        self.calls = calls

    def __call__(
        self,
        sizes: Mapping[str, int],
        arrays: Sequence[np.ndarray],
    ) -> list[np.ndarray]:
        """New outputs for these inputs, in the order of `Program.inputs`."""
        bound = bind(self.program, sizes)
        memory = np.full(bound.arena + 256, 0xA5, np.uint8)
        start = (memory.ctypes.data + 255) // 256 * 256
        results = [np.full(p.shape, 77).astype(p.dtype) for p in bound.outputs]
        where = {name: start + offset for name, offset in bound.offsets.items()}
        where |= {p.buffer: a.ctypes.data for p, a in zip(bound.inputs, arrays, strict=True)}
        where |= {p.buffer: a.ctypes.data for p, a in zip(bound.outputs, results, strict=True)}
        self.run(bound, where)
        return results

    def run(self, bound: Bound, where: Mapping[str, int]) -> None:
        for action in bound.actions:
            match action:
                case Run():
                    given = [where[a] if isinstance(a, str) else a for a in action.arguments]
                    kernel = self.kernels[action.kernel]
                    self.launcher.launch(kernel, action.grid, action.block, given)
                case Sort():
                    labels, order = (_at(where[n], np.dtype(np.int64), (action.count,))
                                     for n in (action.labels, action.order))  # fmt: skip
                    order[...] = np.argsort(labels, kind="stable")
                case Multiply():
                    multiply(action, where)
                case Invoke():
                    self.invoke(action, where)

    def invoke(self, action: Invoke, where: Mapping[str, int]) -> None:
        with np.errstate(all="ignore"):
            made = self.calls(action.op)(
                *(_get(p, where) for p in action.operands), **action.attributes
            )
        for which, place in action.results:
            _get(place, where)[...] = made[which or 0]


def multiply(action: Multiply, where: Mapping[str, int]) -> None:
    """A matrix product, by NumPy."""
    p = action.product
    a, b = _get(action.a, where), _get(action.b, where)
    a = np.swapaxes(a, -1, -2) if p.transpose_a else a
    b = np.swapaxes(b, -1, -2) if p.transpose_b else b
    result = _get(action.result, where)
    with np.errstate(all="ignore"):
        if action.source is None:
            result[...] = a @ b
        else:
            scaled = _get(action.beta, where) * _get(action.source, where)
            result[...] = _get(action.alpha, where) * (a @ b) + scaled


def _get(place: Place, where: Mapping[str, int]) -> np.ndarray:
    if place.constant is not None:
        return place.constant
    return _at(where[place.buffer], place.dtype, place.shape)


def _at(address: int, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    memory = (ctypes.c_char * size).from_address(address)
    return np.ndarray(shape, dtype, memoryview(memory))


def built(
    programs: Mapping[str, Program], flags: Sequence[str] = ("-O0",), calls: Any = None
) -> dict[str, Emulated]:
    """Programs, compiled together."""
    library = Library([p.text for p in programs.values()], flags)
    return {name: Emulated(library, program, calls) for name, program in programs.items()}


needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
