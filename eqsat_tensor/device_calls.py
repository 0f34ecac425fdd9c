"""Calls of programs for a CUDA device: what is taken, what runs, what is given back.

Results are CuPy arrays, and a call does not wait for them, but where it must know a value: of a
run-time check, of a condition, of what a library op on the host reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eqsat_tensor.compile import disabled
from eqsat_tensor.errors import (
    ArgumentError,
    DtypeError,
    ShapeError,
    UnsupportedError,
    failed_check,
    message,
    with_sizes,
)
from eqsat_tensor.extents import evaluate
from eqsat_tensor.lower.cuda import device as cuda
from eqsat_tensor.runtime import arguments as checked
from eqsat_tensor.runtime.arguments import Argument
from eqsat_tensor.runtime.state import held
from eqsat_tensor.trees import flatten, unflatten
from eqsat_tensor.types import TensorType
from eqsat_tensor.variant import Variant


# ------------------------------------------------------------------------------------- arguments
def accept(function: str, arguments: Sequence[Argument], values: Sequence[Any]) -> list[Any]:
    """As `runtime.arguments.accept`: arrays on the device stay there, others come as NumPy arrays.

    Arrays of other libraries on the device are taken by DLPack, without a copy.
    """
    return [_accepted(function, a, v) for a, v in zip(arguments, values, strict=True)]


def _accepted(function: str, argument: Argument, value: Any) -> Any:
    value = here(value)
    if not cuda.on_device(value):
        (array,) = checked.accept(function, [argument], [value])
        return array
    dtype = argument.type.dtype
    may_cast = argument.downcast or (argument.upcast and np.can_cast(value.dtype, dtype, "safe"))
    if value.dtype != dtype and not (may_cast and not argument.strict):
        got = f"{argument.name}={value.dtype.name}[{', '.join(map(str, value.shape))}]"
        hint = f'Cast it: {argument.name}.astype("{dtype.name}").'
        raise DtypeError(message(function, str(argument), got, hint))
    return cuda.ready().ascontiguousarray(value.astype(dtype, copy=False))


def here(value: Any) -> Any:
    """The value; an array of another library on a device as CuPy's."""
    return cuda.taken(value) if cuda.elsewhere(value) else value


# ----------------------------------------------------------------------------------------- calls
class Prepared:
    """One variant at given sizes: where each input of its program comes from, what comes out."""

    def __init__(self, variant: Variant, sizes: Mapping[str, int]) -> None:
        self.package = cuda.ready()
        self.variant, self.sizes = variant, dict(sizes)
        self.executable = variant.on_device.executable(sizes)
        program = variant.program
        number = {str(leaf["name"]): i for i, leaf in enumerate(program.leaves)}
        captured = variant.on_device.captured()
        names = [str(p.buffer) for p in self.executable.bound.inputs]
        self.picks = [(number[n], captured.get(n)) for n in names]
        self.types = [e.type for e in program.roots]
        bound = self.executable.bound.outputs
        plain = [p.dtype == t.dtype for p, t in zip(bound, self.types, strict=True)]
        self.plain = all(plain)  # else some are parts of complex numbers

    def run(self, given: Sequence[Any], versions: Sequence[int]) -> Any:
        """All outputs; NotImplemented where a state has changed its shape.  States are updated."""
        cells = self.variant.cells
        if not cells:
            return self.checked(self.executed(given))
        with held(cells):
            if tuple(c.version for c in cells) != tuple(versions):
                return NotImplemented
            states = [self.package.asarray(cell.front) for cell in cells]
            results = self.checked(self.executed([*given, *states]))
            visible = len(self.variant.program.outputs)
            for (state, _), new in zip(
                self.variant.program.updates, results[visible:], strict=False
            ):
                cell = cells[state]
                cell.replace(new if cell.target == "cuda" else self.package.asnumpy(new))
        return results

    def executed(self, leaves: Sequence[Any]) -> list[Any]:
        """What the program makes of arguments and states."""
        results = self.executable([leaves[i] if held is None else held for i, held in self.picks])
        if self.plain:
            return results
        return [self.shaped(r, t) for r, t in zip(results, self.types, strict=True)]

    def shaped(self, array: Any, type: TensorType) -> Any:
        """A result as it was promised: parts of complex numbers are complex numbers."""
        if array.dtype == type.dtype:
            return array
        shape = tuple(evaluate(s, self.sizes) for s in type.shape)
        if not array.size:
            return self.package.empty(shape, type.dtype)
        return array.view(type.dtype).reshape(shape)

    def checked(self, results: list[Any]) -> list[Any]:
        """The results; the error of a run-time check that failed."""
        checks = self.variant.program.checks
        for flag, (_, text) in zip(results[len(results) - len(checks) :], checks, strict=True):
            if not bool(flag):
                raise failed_check(with_sizes(text, self.sizes))
        return results

    def visible(self, results: Sequence[Any]) -> Any:
        """What a call returns."""
        variant = self.variant
        if variant.tree.kind == "leaf":
            return results[0]
        return unflatten(variant.tree, results[: variant.visible])


class Again:
    """The last call of a kind, whose arrays were on the device: the next one like it is short."""

    def __init__(self, prepared: Prepared, arrays: Sequence[Any], versions: Sequence[int]) -> None:
        self.prepared, self.versions = prepared, tuple(versions)
        self.kind = prepared.package.ndarray
        self.forms = [(a.shape, a.dtype) for a in arrays]

    def call(self, args: Sequence[Any]) -> Any:
        """The result; NotImplemented, and nothing done, for other arguments."""
        if len(args) != len(self.forms):
            return NotImplemented
        for array, (shape, dtype) in zip(args, self.forms, strict=True):
            if type(array) is not self.kind or array.shape != shape or array.dtype != dtype:
                return NotImplemented
            if not array.flags.c_contiguous:
                return NotImplemented
        results = self.prepared.run(args, self.versions)
        return results if results is NotImplemented else self.prepared.visible(results)


def serve(
    variant: Variant,
    arrays: Sequence[Any],
    sizes: Mapping[str, int],
    versions: Sequence[int],
    out: Any,
    donated: Sequence[tuple[str, Any]],
) -> tuple[Any, Again | None]:
    """The result of one call, or NotImplemented where a state changed its shape meanwhile; and what
    serves the next one like it."""
    if disabled():
        hint = "It is for the CPU: leave the target out."
        raise UnsupportedError(
            message(variant.name, "EQSAT_DISABLE unset", "EQSAT_DISABLE=1", hint)
        )
    package = cuda.ready()
    variant.last_sizes = dict(sizes)
    targets = [] if out is None else _targets(variant, out, sizes)
    prepared = Prepared(variant, sizes)
    results = prepared.run([package.asarray(a) for a in arrays], versions)
    if results is NotImplemented:
        return results, None
    for (_, array), new in zip(donated, results[variant.visible :], strict=False):
        array[...] = new if cuda.on_device(array) else package.asnumpy(new)
    for target, new in zip(targets, results, strict=False):
        target[...] = new
    if out is not None:
        return out, None
    short = not donated and all(map(cuda.on_device, arrays))
    return prepared.visible(results), Again(prepared, arrays, versions) if short else None


def _targets(variant: Variant, out: Any, sizes: Mapping[str, int]) -> list[Any]:
    """The arrays of ``out=``, checked: one a result, on the device, of its exact dtype and shape."""
    arrays, tree = flatten(out)
    if tree != variant.tree:
        raise ArgumentError(message(variant.name, "out as the results come", f"{out!r:.60}"))
    types = [e.type for e in variant.program.outputs]
    for number, (array, wanted) in enumerate(zip(arrays, types, strict=False)):
        name = "out" if len(arrays) == 1 else f"out[{number}]"
        if not cuda.on_device(array):
            got = f"{name}=a {type(array).__name__}"
            raise ArgumentError(message(variant.name, f"{name} as a CuPy array", got))
        shape = tuple(evaluate(s, sizes) for s in wanted.shape)
        needs = f"{name}: {wanted.dtype.name}{list(shape)}"
        got = f"{array.dtype.name}{list(array.shape)}"
        if array.dtype != wanted.dtype:
            raise DtypeError(message(variant.name, needs, got))
        if array.shape != shape:
            raise ShapeError(message(variant.name, needs, got))
    return arrays
