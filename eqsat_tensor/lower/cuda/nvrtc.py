"""CUDA C text -> cubin, by NVRTC through ctypes: no CuPy, no toolkit, no device is needed.

Flags are ours, the same everywhere: nothing is contracted (-fmad=false: every sum and product is
rounded, as NumPy rounds it), nothing is flushed to zero, divisions and roots are exact.  The library
is that of the package ``nvidia-cuda-nvrtc``, or any that the system finds.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from eqsat_tensor.errors import EqsatError, UnsupportedError, message
from eqsat_tensor.lower.cuda.emit import INCLUDE

FLAGS = (
    "-std=c++17",
    "--fmad=false",
    "--ftz=false",
    "--prec-div=true",
    "--prec-sqrt=true",
)
HEADERS = ("eqsat_cuda.h", "eqsat_words.h")
_HINT = 'pip install "eqsat_tensor[nvrtc]"'


class CompileError(EqsatError, RuntimeError):
    """NVRTC refused a text: a broken promise of our own writers."""


@dataclass(frozen=True)
class Usage:
    """What one kernel takes, as the assembler says."""

    kernel: str
    registers: int
    spilled: int  # bytes stored and loaded again


@cache
def loaded() -> ctypes.CDLL:
    """NVRTC.  Raises UnsupportedError where there is none."""
    for path in _candidates():
        try:
            return ctypes.CDLL(path)
        except OSError:
            continue
    raise UnsupportedError(message("cuda", "NVRTC to compile kernels", "none", _HINT + "."))


def _candidates() -> Iterator[str]:
    spec = importlib.util.find_spec("nvidia")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        found = sorted(Path(folder).glob("c*/lib/libnvrtc.so.*"))
        found = [f for f in found if "alt" not in f.name and "builtins" not in f.name]
        yield from map(str, reversed(found))
    named = ctypes.util.find_library("nvrtc")
    if named:
        yield named
    yield "libnvrtc.so"


@cache
def version() -> tuple[int, int]:
    """Of NVRTC, such as (13, 5)."""
    major, minor = ctypes.c_int(), ctypes.c_int()
    loaded().nvrtcVersion(ctypes.byref(major), ctypes.byref(minor))
    return major.value, minor.value


@cache
def header(name: str) -> str:
    """The text of one of `HEADERS`."""
    return (INCLUDE / name).read_text()


def compile_text(text: str, architecture: str, extra: tuple[str, ...] = ()) -> tuple[bytes, str]:
    """The cubin for an architecture such as "sm_90", and what the compiler said.

    Raises CompileError with NVRTC's log, UnsupportedError where there is no NVRTC.
    """
    nvrtc = loaded()
    program = ctypes.c_void_p()
    sources = [header(name).encode() for name in HEADERS]
    names = [name.encode() for name in HEADERS]
    created = nvrtc.nvrtcCreateProgram(
        ctypes.byref(program),
        text.encode(),
        b"eqsat_kernels.cu",
        len(names),
        (ctypes.c_char_p * len(names))(*sources),
        (ctypes.c_char_p * len(names))(*names),
    )
    assert created == 0, created
    try:
        options = [f.encode() for f in (f"-arch={architecture}", *FLAGS, *extra)]
        failed = nvrtc.nvrtcCompileProgram(
            program, len(options), (ctypes.c_char_p * len(options))(*options)
        )
        log = _string(nvrtc, program, "nvrtcGetProgramLog").decode().rstrip("\0\n")
        if failed:
            raise CompileError(f"cuda: needs kernels that compile for {architecture}; got {log}")
        return _string(nvrtc, program, "nvrtcGetCUBIN"), log
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


def _string(nvrtc: ctypes.CDLL, program: ctypes.c_void_p, name: str) -> bytes:
    size = ctypes.c_size_t()
    getattr(nvrtc, f"{name}Size")(program, ctypes.byref(size))
    held = ctypes.create_string_buffer(size.value)
    getattr(nvrtc, name)(program, held)
    return held.raw


def usage(text: str, architecture: str) -> list[Usage]:
    """Registers and spills of every kernel of a text."""
    _, log = compile_text(text, architecture, ("--ptxas-options=-v",))
    found = []
    for part in re.split(r"Compiling entry function '", log)[1:]:
        kernel = part.partition("'")[0]
        spills = re.findall(r"(\d+) bytes spill (?:stores|loads)", part)
        registers = re.search(r"Used (\d+) registers", part)
        assert registers is not None, part
        found.append(Usage(kernel, int(registers[1]), sum(map(int, spills))))
    return found
