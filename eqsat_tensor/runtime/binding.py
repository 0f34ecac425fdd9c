"""Bindings: a program and one combination of argument types and sizes, as the entry reads them.

In: specs of arguments, results and state, with the addresses of the words (*slots*) where the
program's argument blocks expect pointers, and the steps.  Out: a `Descriptor`, i64 words laid out
as `lower.cpu.entry` says.
"""

from __future__ import annotations

import ctypes
import math
import os
import weakref
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from eqsat_tensor.lower.cpu import blocks, driver, entry, pool
from eqsat_tensor.runtime.forms import Form, result_words
from eqsat_tensor.runtime.state import StateCell
from eqsat_tensor.trees import Tree

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Identity:
    """One object, with which the entry compares an argument: the very same must come.

    weak: the object is not kept alive; whoever knows that it goes must call `forget` then, before
    its address can be another's.
    """

    def __init__(self, value: Any, weak: bool = False) -> None:
        self.cell = np.array([id(value)], np.int64)
        self._object = weakref.ref(value) if weak else value
        self._weak = weak

    def object(self) -> Any:
        """The object; None where it is gone."""
        return self._object() if self._weak else self._object

    def forget(self) -> None:
        """From now on nothing fits."""
        self.cell[0] = 0

    def fits(self, value: Any) -> bool:
        """Is this the object?"""
        return bool(id(value) == self.cell[0])


@dataclass(frozen=True)
class InputSpec:
    """One leaf of the arguments; by default the arguments, by position, are the leaves.

    kind "array": an ndarray (no subclass) of `dtype` (native byte order), `shape`, and `strides` in
    bytes (None: C-contiguous), aligned unless `aligned` is False; its data pointer goes to slots.
    Of rank 0: a NumPy scalar of exactly that dtype, too.
    kind "float": a Python float (a float64 is none: it does not give way to an array's dtype);
    "int": an int of 64 bits; the address of a cell with its value goes to slots, once.
    written: an array that may be written to, and no scalar.
    kind "object": that of `identity`, and no other.
    """

    kind: Literal["array", "float", "int", "object"]
    slots: tuple[int, ...]
    dtype: np.dtype[Any] | None = None
    shape: tuple[int, ...] = ()
    strides: tuple[int, ...] | None = None
    aligned: bool = True
    identity: Identity | None = None
    written: bool = False

    @property
    def bytes(self) -> int:
        """What a C-contiguous array of this form takes."""
        return math.prod(self.shape) * self.dtype.itemsize if self.dtype is not None else 0


@dataclass(frozen=True)
class OutputSpec:
    """One result: a fresh C-contiguous array whose data pointer goes to `slots`.

    Of rank 0: a NumPy scalar, written by the steps to a cell whose address goes to slots, once.
    Not `visible`: a check, bool and of rank 0; where the steps leave False, the call fails.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    slots: tuple[int, ...]
    visible: bool = True


@dataclass(frozen=True)
class StateSpec:
    """State that the steps read through `front` slots and, if updated, write through `back`.

    version: that of the cell when its shape was read; the binding fits as long as it stays.
    """

    cell: StateCell
    version: int
    front: tuple[int, ...]
    back: tuple[int, ...] = ()
    updated: bool = False


def _no_check(index: int, *args: Any) -> Any:
    raise RuntimeError(f"check {index} failed")


@dataclass(frozen=True, eq=False)
class Binding:
    """A program bound to one combination of sizes.

    Scalar slots are written at once, the others at each call.
    steps: int64 [count, 5].  returns: "single" object, "tuple", "none", or the "last" argument of the
    call, as it came.  release_gil: worth it from some 10 us of work.  nest: what the tuple of results is put into; finish: called with what
    would be returned, where there is no nest; what it gives is returned instead.  It must live for
    ever.  form: how a call gives the inputs.  in_place: pairs of inputs, of which the first is written
    to, that may be one object; else those that are written to must lie apart from all others.  keep: whatever the slots, steps and kernels live in.
    check_failed: called with the index of the check (among the hidden outputs) and the arguments;
    it raises, or gives what the call returns instead.
    """

    inputs: tuple[InputSpec, ...]
    outputs: tuple[OutputSpec, ...]
    steps: NDArray[np.int64]
    states: tuple[StateSpec, ...] = ()
    returns: Literal["single", "tuple", "none", "last"] = "single"
    release_gil: bool = False
    finish: Callable[..., Any] | None = None
    nest: Tree | None = None
    form: Form | None = None
    check_failed: Callable[..., Any] = _no_check
    keep: tuple[Any, ...] = ()
    in_place: Collection[tuple[int, int]] = ()
    descriptor: Descriptor = field(init=False)

    def __post_init__(self) -> None:
        assert self.steps.flags.c_contiguous, "steps: needs a C-contiguous array"
        assert self.steps.dtype == np.int64, self.steps.dtype
        assert self.steps.shape[1:] == (driver.STEP_WORDS,), self.steps.shape
        count = len(self.visible)
        named = self.form is not None and bool(self.form.names)
        none = count == 0
        expected = {"single": count == 1, "none": none, "tuple": True, "last": none and named}
        assert expected[self.returns], (self.returns, count)
        cells = [id(s.cell) for s in self.states]
        assert len(set(cells)) == len(cells), "states: each cell once"
        object.__setattr__(self, "descriptor", Descriptor(self))

    @property
    def visible(self) -> list[OutputSpec]:
        """The outputs that are returned."""
        return [o for o in self.outputs if o.visible]

    @property
    def hidden(self) -> list[OutputSpec]:
        """The checks."""
        return [o for o in self.outputs if not o.visible]

    @property
    def width(self) -> int:
        """What is returned, as the descriptor says it."""
        if self.returns == "tuple":
            return len(self.visible)
        return {"single": entry.SINGLE, "none": entry.NONE, "last": entry.LAST}[self.returns]

    @cached_property
    def pairs(self) -> list[tuple[int, int, bool]]:
        """Inputs that must lie apart, the first one written to; of some, unless they are one object."""
        arrays = [i for i, s in enumerate(self.inputs) if s.kind == "array" and s.bytes]
        return [
            (i, j, (i, j) in self.in_place)
            for i in arrays
            for j in arrays
            if self.inputs[i].written and (j < i or not self.inputs[j].written)
        ]


def poke(slots: Sequence[int], value: int) -> None:
    """Write an address into every slot."""
    for slot in slots:
        ctypes.c_int64.from_address(slot).value = value


class Descriptor:
    """The words of a binding, laid out as `lower.cpu.entry` says, and the cells of its scalars."""

    def __init__(self, binding: Binding) -> None:
        self.steps = binding.steps
        self._objects: list[Any] = [binding.check_failed, binding.form]
        scalars = [i for i in binding.inputs if i.kind in ("float", "int")]
        numbers = [o for o in binding.outputs if not o.shape]
        self.cells = np.zeros((len(scalars) + len(numbers), 2), np.int64)  # 16 bytes each
        free = iter(range(self.cells.ctypes.data, self.cells.ctypes.data + self.cells.nbytes, 16))
        self.input_cells = [next(free) if i.kind in ("float", "int") else 0 for i in binding.inputs]
        self.output_cells = [next(free) for o in binding.visible if not o.shape]
        self.checks = [next(free) for _ in binding.hidden]
        for spec, cell in zip(binding.inputs, self.input_cells, strict=True):
            if cell:
                poke(spec.slots, cell)
        for output, cell in zip(binding.hidden, self.checks, strict=True):
            poke(output.slots, cell)
        tables = {
            "inputs": self._input_words(binding),
            "outputs": self._output_words(binding),
            "states": self._state_words(binding),
            "checks": self.checks,
            "form": binding.form.words() if binding.form is not None else [],
            "pairs": [
                word
                for i, j, one in binding.pairs
                for word in (i, j, binding.inputs[i].bytes, binding.inputs[j].bytes, int(one))
            ],
        }
        named = len(binding.form.names) if binding.form is not None else 0
        parallel = len(self.steps) > 0 and self.steps[:, 3].max() > 1
        if parallel:
            pool.pool().start()
        header = dict.fromkeys(entry.DESCRIPTOR, 0) | {
            "arguments": len(binding.inputs),
            "width": binding.width,
            "output_count": len(binding.visible),
            "state_count": len(binding.states),
            "check_count": len(self.checks),
            "check_failed": id(binding.check_failed),
            "steps": self.steps.ctypes.data,
            "step_count": len(self.steps),
            "pool": pool.state_address() if parallel else 0,
            "pfor": pool.pfor_address() if parallel else 0,
            "release_gil": int(binding.release_gil),
            "handler": id(blocks.handler()) if _is_large(binding) else 0,
            "finish": id(binding.finish) if binding.finish is not None else 0,
            "array_count": sum(bool(o.shape) for o in binding.visible),
            "nest": result_words(binding.nest).ctypes.data if binding.nest is not None else 0,
            "positional": len(binding.form.nests) - named if binding.form is not None else 0,
            "named": named,
            "pair_count": len(binding.pairs),
        }
        size = entry.DESCRIPTOR_WORDS + sum(map(len, tables.values()))
        self.words = np.zeros(size, np.int64)
        at = entry.DESCRIPTOR_WORDS
        for name, table in tables.items():
            self.words[at : at + len(table)] = table
            header[name] = self.address + 8 * at if table or name != "form" else 0
            at += len(table)
        for name, place in entry.DESCRIPTOR.items():
            self.words[place] = header[name]
        _descriptors.add(self)

    @property
    def address(self) -> int:
        """Address of the words."""
        return self.words.ctypes.data

    @property
    def busy(self) -> int:
        """Address of the word that is 1 while a call runs."""
        return self.address + 8 * entry.DESCRIPTOR["busy"]

    @property
    def is_busy(self) -> bool:
        """Is a call running?"""
        return bool(self.words[entry.DESCRIPTOR["busy"]])

    def free(self) -> None:
        """No call runs any more."""
        self.words[entry.DESCRIPTOR["busy"]] = 0

    def link(self, following: Descriptor | None) -> None:
        """Let the entry go on to `following` where this one does not fit."""
        self.words[entry.DESCRIPTOR["next"]] = following.address if following else 0

    def _input_words(self, binding: Binding) -> list[int]:
        words: list[int] = []
        for spec, cell in zip(binding.inputs, self.input_cells, strict=True):
            if spec.identity is not None:
                self._objects.append(spec.identity)
                address = spec.identity.cell.ctypes.data
                words += [entry.SAME, entry.INPUT_WORDS, address, 0, 0, 0, 0, 0]
                continue
            if spec.kind != "array":
                kind = entry.FLOAT if spec.kind == "float" else entry.INT
                words += [kind, entry.INPUT_WORDS, cell, 0, 0, 0, 0, 0]
                continue
            assert spec.dtype is not None, spec
            strides = spec.strides or ()
            size = entry.INPUT_WORDS + len(spec.shape) + len(strides) + len(spec.slots)
            words += [entry.ARRAY, size, spec.dtype.num, len(spec.shape), required_flags(spec)]
            scalar = 0 if spec.shape or spec.written else id(spec.dtype.type)
            words += [int(bool(strides)), len(spec.slots), scalar]
            words += [*spec.shape, *strides, *spec.slots]
        return words

    def _output_words(self, binding: Binding) -> list[int]:
        words: list[int] = []
        cells = iter(self.output_cells)
        for spec in binding.visible:
            self._objects.append(spec.dtype)
            if not spec.shape:
                cell = next(cells)
                poke(spec.slots, cell)
                words += [entry.SCALAR, entry.OUTPUT_WORDS, cell, id(spec.dtype), 0]
                continue
            size = entry.OUTPUT_WORDS + len(spec.shape) + len(spec.slots)
            words += [entry.ARRAY, size, id(spec.dtype), len(spec.shape), len(spec.slots)]
            words += [*spec.shape, *spec.slots]
        return words

    def _state_words(self, binding: Binding) -> list[int]:
        words: list[int] = []
        for spec in binding.states:
            if spec.updated:
                spec.cell.reserve_back()
            self._objects.append(spec.cell)
            size = entry.STATE_WORDS + len(spec.front) + len(spec.back)
            words += [spec.cell.address, size, spec.version, int(spec.updated)]
            words += [len(spec.front), len(spec.back), *spec.front, *spec.back]
        return words


def _is_large(binding: Binding) -> bool:
    """Is there a result whose memory is worth aligning, or keeping for the next call?"""
    sizes = [math.prod(o.shape) * o.dtype.itemsize for o in binding.visible]
    return any(size >= blocks.SMALLEST for size in sizes)


_descriptors: weakref.WeakSet[Descriptor] = weakref.WeakSet()


def _free_all() -> None:
    """In a forked child: the threads that ran calls live in the parent only."""
    for descriptor in _descriptors:
        descriptor.free()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_all)


def required_flags(spec: InputSpec) -> int:
    """The flags that an array must have: NumPy's C_CONTIGUOUS (1), ALIGNED (256), WRITEABLE (1024)."""
    contiguous = spec.strides is None
    return contiguous * 1 | spec.aligned * 256 | spec.written * 1024
