"""The native entry: what happens between ``f(x, y)`` and the kernels, as machine code.

An instance of the callable type holds a linked list of *descriptors*: i64 words that say, for one
combination of sizes, what the arguments must be, what is allocated, which steps run.  A call walks
the list; the first descriptor that fits is taken, data pointers are written into its slots, outputs
are made, the steps run, checks are read, state is committed.  What fits none goes to the Python
callable ``slow`` with the very same arguments.

The order within a call is what makes it safe.  Python code may run (a collection, another thread)
only before the arguments are matched and after state is committed and the descriptor given back,
or, where the descriptor says so, while the steps run with the GIL released; then ``busy`` words
keep everybody else out.  All words but those are read and written with the GIL held.

Fields of Python's and NumPy's objects are read at fixed offsets from the size of a bare object;
`runtime.native` compares every one of them with Python's view before it trusts them.
"""

from __future__ import annotations

import ctypes
from functools import cache
from importlib import import_module
from string import Template

import numpy as np

from eqsat_tensor.lower.cpu import driver, jit
from eqsat_tensor.lower.cpu.ahead import Ahead

_HEADER = object.__basicsize__

# Offsets in bytes in our own instances.
INSTANCE = {
    "vectorcall": _HEADER,
    "dict": _HEADER + 8,
    "weakrefs": _HEADER + 16,
    "head": _HEADER + 24,  # address of the first descriptor, or 0
    "slow": _HEADER + 32,  # an owned reference
    "width": _HEADER + 40,  # as the descriptors' width
}
INSTANCE_BYTES = _HEADER + 48

# Offsets in bytes in Python's and NumPy's objects.
FIELDS = {
    "type": _HEADER - 8,
    "float": _HEADER,
    "scalar": _HEADER,  # of a NumPy scalar: its value
    "data": _HEADER,
    "rank": _HEADER + 8,
    "dims": _HEADER + 16,
    "strides": _HEADER + 24,
    "dtype": _HEADER + 40,
    "flags": _HEADER + 48,
    "byteorder": _HEADER + 10,  # of a dtype
    "number": _HEADER + 12,  # of a dtype: type_num
}

# Words of a descriptor.  Tables are addresses of entries that follow one another.
DESCRIPTOR = {
    "next": 0,
    "busy": 1,
    "arguments": 2,
    "width": 3,  # what is returned: NONE, SINGLE, LAST (the last argument), or a tuple of so many
    "inputs": 4,
    "outputs": 5,
    "output_count": 6,
    "states": 7,
    "state_count": 8,
    "checks": 9,  # addresses of bytes that are 0 where the check failed
    "check_count": 10,
    "check_failed": 11,  # called with the index of the check and the arguments
    "steps": 12,
    "step_count": 13,
    "pool": 14,
    "pfor": 15,
    "release_gil": 16,
    "finish": 17,  # called with the results; what it gives is returned
    "handler": 18,  # NumPy memory handler of the results, or 0 for the one in force
    "array_count": 19,  # outputs that are arrays
    "nest": 20,  # words of the nest that the results are put into, or 0
    "form": 21,  # words of how a call gives the arguments, or 0: by position, each a leaf
    "positional": 22,  # arguments of a call by position, in that form
    "named": 23,  # and by name
    "pairs": 24,  # of arguments that must lie apart
    "pair_count": 25,
}
DESCRIPTOR_WORDS = 26
NONE, SINGLE, LAST = -2, -1, -3

# Words of a nest, one part after the other, children behind what holds them:
#   LEAF, number of the leaf;   ABSENT (None), 0;
#   TUPLE (or a named one) or LIST: the type, number of children, children;
#   DICT: the type, number of children, and before each child its key.
# Words of a form: the names, then the nest of each argument.
LEAF, ABSENT, TUPLE, LIST, DICT = range(5)

# Words of an input: kind, size of this entry in words, then
#   ARRAY: type_num, rank, flags, compare strides?, number of slots, type of the NumPy scalars that
#          are taken, too, or 0; dims, strides if compared, slots
#   FLOAT, INT: address of the 8-byte cell that takes the value
#   SAME: address of the 8-byte cell that holds the address of the object that must come
ARRAY, FLOAT, INT, SAME = 0, 1, 2, 3
INPUT_WORDS = 8
# Words of a pair: numbers of two arguments, bytes of each, may they be one object?
PAIR_WORDS = 5
# Words of an output: kind, size of this entry in words, then
#   ARRAY: the dtype object, rank, number of slots; dims, slots
#   SCALAR: address of the cell that the steps write, the dtype object
SCALAR = 1
OUTPUT_WORDS = 5
# Words of a state: cell, size of this entry in words, version, updated?, numbers of front and back
# slots; front slots, back slots.  Words of a state's cell: front, back, version, busy.
STATE_WORDS = 6
CELL_BUSY = 3

# NumPy's C API: places in its table of addresses.
_NUMPY_API = {
    "PyArray_Type": 2,
    "PyArray_Scalar": 60,
    "PyArray_NewFromDescr": 94,
    "PyDataMem_SetHandler": 304,
}

# field -> (type loaded, object it is read from)
PROBES = {
    "type": ("i64", "%array"),
    "data": ("i64", "%array"),
    "rank": ("i32", "%array"),
    "dims": ("i64", "%array"),
    "strides": ("i64", "%array"),
    "flags": ("i32", "%array"),
    "number": ("i32", "%dtype"),
    "byteorder": ("i8", "%dtype"),
}


def _probe_lines() -> str:
    lines = ""
    for i, (field, (kind, source)) in enumerate(PROBES.items()):
        lines += f"  %p{i} = getelementptr i8, ptr {source}, i64 {FIELDS[field]}\n"
        lines += f"  %v{i} = load {kind}, ptr %p{i}\n"
        wide = f"%v{i}"
        if kind != "i64":
            wide = f"%w{i}"
            lines += f"  {wide} = sext {kind} %v{i} to i64\n"
        lines += f"  %q{i} = getelementptr i64, ptr %to, i64 {i}\n"
        lines += f"  store i64 {wide}, ptr %q{i}\n"
    return lines


_INSTANCE = {k: v for k, v in INSTANCE.items() if k != "width"}


def object_text() -> str:
    """The IR of what instances need before they are bound."""
    return Template(jit.source("entry_object.ll")).substitute(_INSTANCE, type=FIELDS["type"])


def entry_text() -> str:
    """The IR of the entry, for the layout of this interpreter."""
    parts = map(jit.source, ("entry.ll", "entry_nests.ll", "entry_probes.ll"))
    return Template("\n".join(parts)).substitute(
        _INSTANCE | FIELDS | DESCRIPTOR,
        self_width=INSTANCE["width"],
        foreign=ord(">") if np.little_endian else ord("<"),
        NONE=NONE,
        SINGLE=SINGLE,
        LAST=LAST,
        pair_words=PAIR_WORDS,
        LEAF=LEAF,
        ABSENT=ABSENT,
        TUPLE=TUPLE,
        LIST=LIST,
        DICT=DICT,
        cell_busy=CELL_BUSY,
        probes=_probe_lines(),
    )


def _numpy_symbols() -> dict[str, int]:
    """Addresses of NumPy's types and functions, found as every extension module finds them."""
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    module = import_module("numpy._core._multiarray_umath")
    table = ctypes.cast(get(module._ARRAY_API, None), ctypes.POINTER(ctypes.c_void_p))
    found = {name: int(table[place] or 0) for name, place in _NUMPY_API.items()}
    return found | {"PyArray_Type": id(np.ndarray)}


@cache
def object_addresses() -> dict[str, int]:
    """Addresses of what instances need before they are bound; the entry is begun meanwhile."""
    item = jit.stored_object(object_text(), jit.RARE_LEVEL)
    found = jit.load([item], ["unbound", "traverse", "clear", "dealloc"])
    _entry.begin()
    return found


def entry_addresses() -> dict[str, int]:
    """Addresses of the entry's functions."""
    return _entry()


def _load_entry() -> dict[str, int]:
    names = ["vectorcall", "run", "try_lock", "unlock", "probe", "probe_float", "probe_scalar"]
    symbols = _numpy_symbols() | {"eqsat_drive": driver.drive_address()}
    return jit.load([jit.stored_object(entry_text(), jit.GLUE_LEVEL)], names, symbols)


_entry = Ahead(_load_entry)
