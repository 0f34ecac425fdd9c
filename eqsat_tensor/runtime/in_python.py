"""A call of a binding made in Python, step by step, where the entry cannot make it: the same results, slower.

The locks are the entry's own, so that native calls and these wait for one another.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import numpy as np

from eqsat_tensor.lower.cpu import driver, entry
from eqsat_tensor.runtime import state
from eqsat_tensor.runtime.binding import Binding, Descriptor, InputSpec, poke, required_flags
from eqsat_tensor.trees import unflatten


@cache
def locks() -> tuple[Any, Any]:
    """try_lock and unlock of a word, with the GIL held, so that native code and Python agree."""
    code = entry.entry_addresses()
    try_lock = ctypes.PYFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(code["try_lock"])
    unlock = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)(code["unlock"])
    state.use_native_lock(try_lock)
    return try_lock, unlock


def run_in_python(binding: Binding, args: tuple[Any, ...]) -> Any:
    """What the entry does with one descriptor, step by step, in Python.

    Gives NotImplemented if the arguments or versions do not fit, Ellipsis if something is busy.
    """
    if len(args) != len(binding.inputs) or not all(map(_fits, binding.inputs, args)):
        return NotImplemented
    if not all(_apart(args[i], args[j], one) for i, j, one in binding.pairs):
        return NotImplemented
    try_lock, unlock = locks()
    descriptor = binding.descriptor
    if not try_lock(descriptor.busy):
        return Ellipsis
    held: list[int] = []
    failed = None
    try:
        for spec in binding.states:
            busy = spec.cell.address + 8 * state.BUSY
            if not try_lock(busy):
                return Ellipsis
            held.append(busy)
            if spec.cell.version != spec.version:
                return NotImplemented
            poke(spec.front, int(spec.cell.words[state.FRONT]))
            poke(spec.back, int(spec.cell.words[state.BACK]))
        results = _fill(binding, args)
        _drive(descriptor, binding.release_gil)
        failed = next(
            (i for i, c in enumerate(descriptor.checks) if not ctypes.c_byte.from_address(c).value),
            None,
        )
        if failed is None:
            for spec in binding.states:
                if spec.updated:
                    spec.cell.words[[state.FRONT, state.BACK]] = spec.cell.words[
                        [state.BACK, state.FRONT]
                    ]
            found = _results(binding, results)
            if binding.nest is not None:
                return unflatten(binding.nest, found)
            return found if binding.finish is None else binding.finish(found)
    finally:
        for busy in held:
            unlock(busy)
        unlock(descriptor.busy)
    return binding.check_failed(failed, *args)


def _fits(spec: InputSpec, value: Any) -> bool:
    if spec.kind == "float":
        return type(value) is float
    if spec.identity is not None:
        return spec.identity.fits(value)
    if spec.kind == "int":
        return type(value) is int and -(2**63) <= value < 2**63
    if not spec.shape and spec.dtype is not None and type(value) is spec.dtype.type:
        return not spec.written
    if type(value) is not np.ndarray:
        return False
    needed = required_flags(spec)
    flags = value.flags
    has = flags.c_contiguous * 1 | flags.aligned * 256 | flags.writeable * 1024
    return bool(
        spec.dtype is not None
        and value.dtype.num == spec.dtype.num
        and value.dtype.isnative
        and value.shape == spec.shape
        and has & needed == needed
        and (not spec.strides or value.strides == spec.strides)
    )


def _apart(written: np.ndarray, other: Any, one: bool) -> bool:
    """Do these share no memory, as far as their extents tell; or are they one object, where that may be?"""
    if type(other) is not np.ndarray or (one and other is written):
        return True
    return not np.may_share_memory(written, other)


def _fill(binding: Binding, args: tuple[Any, ...]) -> list[Any]:
    """Write arguments and fresh arrays into their slots; gives the arrays (None for scalars)."""
    cells = binding.descriptor.input_cells
    for spec, cell, value in zip(binding.inputs, cells, args, strict=True):
        if spec.kind == "array":
            poke(spec.slots, _data(value))
        elif spec.kind != "object":
            kind = ctypes.c_double if spec.kind == "float" else ctypes.c_int64
            kind.from_address(cell).value = value
    results: list[Any] = []
    for output in binding.visible:
        results.append(np.empty(output.shape, output.dtype) if output.shape else None)
        if output.shape:
            poke(output.slots, results[-1].ctypes.data)
    return results


def _data(value: Any) -> int:
    """Where the elements of an array, or of a NumPy scalar, lie."""
    if isinstance(value, np.ndarray):
        return value.ctypes.data
    return id(value) + entry.FIELDS["scalar"]


def _drive(descriptor: Descriptor, release_gil: bool) -> None:
    prototype = ctypes.CFUNCTYPE if release_gil else ctypes.PYFUNCTYPE
    word = ctypes.c_void_p
    call = prototype(None, word, ctypes.c_int64, word, word)(driver.drive_address())
    words = {k: int(descriptor.words[v]) for k, v in entry.DESCRIPTOR.items()}
    call(words["steps"], words["step_count"], words["pool"], words["pfor"])


def _results(binding: Binding, arrays: list[Any]) -> Any:
    cells = iter(binding.descriptor.output_cells)
    results = []
    for spec, array in zip(binding.visible, arrays, strict=True):
        if array is None:
            raw = ctypes.string_at(next(cells), spec.dtype.itemsize)
            array = np.frombuffer(raw, spec.dtype)[0]
        results.append(array)
    if binding.returns == "tuple":
        return tuple(results)
    return results[0] if results else None
