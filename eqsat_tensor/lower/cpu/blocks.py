"""Memory of large results: a NumPy memory handler (NEP 49) that keeps freed blocks for the next.

A result of a megabyte is a fresh mapping for the C library, and each of its pages a fault at the
first touch: on a virtual machine 383 faults cost 1.1 ms, where the work took 0.67 ms.  So blocks
from 32 KB to 32 MB of freed results are kept, 64 MB at most, and given to the next result of the
same size.  Arrays made so own their data as any other; only their handler's name differs.

They begin on a cache line, which the C library's do not: a vector of 64 bytes that is stored across
two takes longer (a + 1 into a given array, microseconds, 16 bytes off / on a line, one core of an
Emerald Rapids): 4e3 elements 1.63 / 1.02, 5e4 16.8 / 10.7, 1e5 35.2 / 24.9, 5e6 7317 / 4112.  Where
loads begin makes no such difference.
"""

from __future__ import annotations

import ctypes
from functools import cache
from string import Template

from eqsat_tensor.lower.cpu import jit
from eqsat_tensor.lower.cpu.lines import LINE

SMALLEST = 1 << 15  # bytes of an array; below, the C library keeps blocks itself
LARGEST = 1 << 25
LIMIT = 1 << 26  # bytes held in all
SLOTS = 16
NAMES = ("block_malloc", "block_calloc", "block_realloc", "block_free", "drop_blocks")


class _Allocator(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_void_p) for name in ("table", *NAMES[:4]))


class _Handler(ctypes.Structure):
    # PyDataMem_Handler of NumPy's ndarraytypes.h
    _fields_ = (
        ("name", ctypes.c_char * 127),
        ("version", ctypes.c_uint8),
        ("allocator", _Allocator),
    )


_TABLE = (ctypes.c_int64 * (2 + 2 * SLOTS))()  # outlives every array


@cache
def addresses() -> dict[str, int]:
    """Addresses of the functions of ``blocks.ll``."""
    text = Template(jit.source("blocks.ll")).substitute(
        smallest=SMALLEST, largest=LARGEST, limit=LIMIT, slots=SLOTS, line=LINE
    )
    return jit.load([jit.stored_object(text, jit.RARE_LEVEL)], NAMES)


@cache
def handler() -> ctypes.py_object:
    """The capsule that NumPy takes for a memory handler; it lives for ever."""
    code = addresses()
    allocator = _Allocator(ctypes.addressof(_TABLE), *(code[name] for name in NAMES[:4]))
    struct = _Handler(b"eqsat_tensor", 1, allocator)
    _alive.append(struct)
    make = ctypes.pythonapi.PyCapsule_New
    make.restype, make.argtypes = (
        ctypes.py_object,
        [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p],
    )
    _alive.append(_CAPSULE_NAME)
    capsule: ctypes.py_object = make(ctypes.addressof(struct), _CAPSULE_NAME, None)
    return capsule


_CAPSULE_NAME = b"mem_handler"
_alive: list[object] = []


def held() -> int:
    """Bytes of freed results that are kept."""
    return int(_TABLE[0])


def drop() -> None:
    """Give every block that is kept back to the system."""
    ctypes.PYFUNCTYPE(None, ctypes.c_void_p)(addresses()["drop_blocks"])(ctypes.addressof(_TABLE))
