"""One call of a variant by the way in that is written in Python: into given arrays, or natively.

What a call writes into the caller's arrays (``out=``, donated arguments) it writes after the last
step that can fail.  Where they lie apart from all that the kernels read, the kernels write there
themselves; else into arrays of the call's own, which are copied then.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from eqsat_tensor.errors import ArgumentError, DtypeError, ShapeError, message
from eqsat_tensor.layouts import strides_of_call
from eqsat_tensor.parts import concrete
from eqsat_tensor.runtime.forms import Form, giving_out, is_readable
from eqsat_tensor.runtime.native import Binding, InputSpec, run
from eqsat_tensor.trees import Tree, flatten, unflatten
from eqsat_tensor.types import TensorType, is_masked
from eqsat_tensor.variant import Variant

if TYPE_CHECKING:
    from eqsat_tensor.device_calls import Again


class Recent:
    """The last call of one kind: the next one like it takes a shorter way."""

    def __init__(self) -> None:
        self.binding: Binding | None = None  # of a call that wrote into none of the caller's arrays
        self.into: Into | None = None  # of one that did
        self.on_device: Again | None = None  # of one for a CUDA device

    def call(self, args: Sequence[Any], out: Any) -> Any:
        """As `serve`, for arguments as the entry takes them; else NotImplemented, and nothing done."""
        if self.on_device is not None:
            return NotImplemented if out is not None else self.on_device.call(args)
        if out is None and self.binding is not None:
            return run(self.binding, tuple(args))
        into = self.into
        if into is None or len(args) != into.variant.program.arguments:
            return NotImplemented
        if out is None and not into.variant.written:
            return NotImplemented  # the entry is to have a binding for calls like this one
        given: Sequence[Any] = ()
        if out is not None:
            given = (out,) if into.variant.tree.kind == "leaf" else out
            flat = type(given) is tuple and into.variant.tree.kind in ("leaf", tuple)
            if not flat or len(given) != into.variant.visible:
                return NotImplemented
        targets = [args[i] for i in into.variant.written]
        for array in (*given, *targets):
            if type(array) is not np.ndarray or not array.flags.writeable:
                return NotImplemented
        arrays = [a if type(a) is np.ndarray else _NOTHING for a in args]
        buffers = into.buffers(arrays, given, targets)
        if any(b is not g for b, g in zip(buffers, given, strict=False)):
            return NotImplemented
        if run(into.binding, (*args, *buffers)) is NotImplemented:
            return NotImplemented
        return delivered(into.variant, buffers, out, given, targets)


_NOTHING = np.empty(0)


@dataclass(frozen=True, eq=False)
class Into:
    """How one variant is run into arrays, for one combination of sizes.

    in_place: pairs (output, argument), where an output may be stored over an argument.
    """

    variant: Variant
    binding: Binding
    in_place: Collection[tuple[int, int]]

    @cached_property
    def specs(self) -> tuple[InputSpec, ...]:
        """What the arrays for all outputs must be."""
        made = len(self.variant.program.outputs)
        return self.binding.inputs[len(self.binding.inputs) - made :]

    @cached_property
    def visible(self) -> int:
        """How many outputs are results."""
        return self.variant.visible

    def buffers(
        self,
        arrays: Sequence[np.ndarray],
        given: Sequence[np.ndarray],
        targets: Sequence[np.ndarray],
    ) -> list[np.ndarray]:
        """The arrays that the kernels write: the caller's where that is safe, else fresh ones.

        Safe is what lies apart from all that is read and written, but for the argument over which
        the result may be stored.
        """
        wanted = dict(enumerate(given))
        for k, target in enumerate(targets, self.visible):
            wanted[k] = target
        placed = {}
        # a call that fails has written into nothing of the caller's
        for k, array in wanted.items() if not self.binding.hidden else ():
            read = [
                a for i, a in enumerate(arrays) if a is not array or (k, i) not in self.in_place
            ]
            others = [a for i, a in wanted.items() if i != k]
            apart_from = [*read, *self.variant.state_buffers(), *others]
            if _lies(self.specs[k], array) and apart(array, apart_from):
                placed[k] = array
        return [
            placed[k] if k in placed else np.empty(spec.shape, spec.dtype)
            for k, spec in enumerate(self.specs)
        ]


def _lies(spec: InputSpec, array: np.ndarray) -> bool:
    """Does an array of the right shape lie as kernels write it?"""
    flags = array.flags
    plain = (
        type(array) is np.ndarray and spec.dtype is not None and array.dtype.num == spec.dtype.num
    )
    return plain and array.dtype.isnative and flags.c_contiguous and flags.aligned


def serve(
    variant: Variant,
    values: Sequence[Any],
    arrays: Sequence[np.ndarray],
    sizes: Mapping[str, int],
    versions: Sequence[int] = (),
    out: Any = None,
    donated: Sequence[tuple[str, Any]] = (),
    recent: Recent | None = None,
    form: Form | None = None,
    as_given: Sequence[Any] = (),
) -> Any:
    """The result of one call, or NotImplemented where a state changed its shape meanwhile.

    values, arrays: the arguments as the entry takes them, and as arrays.  versions: of the states,
    read before ``sizes``.  out: the nest of arrays that take the results.  donated: the
    arguments that are written to, each with its name.  recent: what is to remember this call.  form:
    how the call came.  as_given: the arguments before they were made C-contiguous, where that is
    known: those that kernels can read as they lie are read so.
    """
    if variant.options.target == "cuda":
        from eqsat_tensor import device_calls

        result, again = device_calls.serve(variant, arrays, sizes, versions, out, donated)
        if recent is not None:
            recent.on_device = again
        return result
    targets = [writeable(variant.name, name, value) for name, value in donated]
    given = () if out is None else results_in(variant, out, sizes)
    if variant.interpreted:
        results = variant.interpreted_call(arrays, sizes)
        if results is NotImplemented:
            return results
        return delivered(variant, results, out, given, targets)
    if out is None and not targets:
        strides = strides_of_call(variant.kinds, as_given, arrays)
        if strides and variant.reads(sizes, strides):
            values = [
                v if s is None else a for v, a, s in zip(values, as_given, strides, strict=True)
            ]
        else:
            strides = ()
        binding = variant.binding(sizes, versions, form=form, strides=strides)
        if recent is not None:
            recent.binding = binding
        return call_bound(variant, binding, values)
    native = variant.owner is not None and not variant.cells and is_readable(variant.tree)
    inputs = len(values) + len(variant.statics)
    into = giving_out(form, inputs, variant.tree) if native and out is not None else None
    binding = variant.binding(sizes, versions, into=True, form=into)
    into_them = Into(variant, binding, variant.in_place(sizes))
    buffers = into_them.buffers(arrays, given, targets)
    if run(binding, (*with_statics(variant, values), *buffers)) is NotImplemented:
        return NotImplemented
    # a call that fails has written into nothing of the caller's: the entry does not know before
    if into is not None and not binding.hidden:
        tried_first(variant, binding)
    if recent is not None:
        recent.into = into_them
    return delivered(variant, buffers, out, given, targets)


def delivered(
    variant: Variant,
    made: Sequence[Any],
    out: Any,
    given: Sequence[np.ndarray],
    targets: Sequence[np.ndarray],
) -> Any:
    """What a call returns, once the caller's arrays have what is theirs."""
    written = made[variant.visible :]
    pairs = [*zip(given, made, strict=False), *zip(targets, written, strict=True)]
    for target, new in pairs:
        if target is not new:
            np.copyto(target, new)
    if out is not None:
        return out
    return unflatten(variant.tree, [np.asarray(r)[()] for r in made[: variant.visible]])


def call_bound(variant: Variant, binding: Binding, values: Sequence[Any]) -> Any:
    """Run natively, and let the entry try this binding first from now on."""
    tried_first(variant, binding)
    return run(binding, with_statics(variant, values))


def tried_first(variant: Variant, binding: Binding) -> None:
    """Let the entry try a binding, where it takes calls of this variant."""
    if variant.owner is not None and binding not in variant.owner.bindings:
        variant.owner.add(binding)


def with_statics(variant: Variant, values: Sequence[Any]) -> tuple[Any, ...]:
    """The arguments with the objects among them that the entry compares by identity."""
    every = list(values)
    for position, identity in variant.statics:
        every.insert(position, identity.object())
    return tuple(every)


def writeable(function: str, name: str, value: Any) -> np.ndarray:
    """The caller's array for an argument that the function writes to, or an error as NumPy's."""
    if not isinstance(value, np.ndarray):
        got = f"{name}=a {type(value).__name__}"
        hint = "It is donated, and the function writes to it."
        raise ArgumentError(message(function, f"{name} as an array", got, hint))
    if not value.flags.writeable:
        hint = "It is donated, and the function writes to it."
        raise ValueError(message(function, f"{name} that can be written", "it read-only", hint))
    return value


def results_in(variant: Variant, out: Any, sizes: Mapping[str, int]) -> list[np.ndarray]:
    """The arrays of ``out=``, checked: one a result, of its exact dtype and shape, C-contiguous."""
    arrays, tree = flatten(out)
    wanted = variant.tree
    if tree != wanted:
        needs = f"out as the results come: {describe(wanted)}"
        hint = "" if wanted.leaves else "The function has no results."
        raise ArgumentError(message(variant.name, needs, describe(tree), hint))
    types = [e.type for e in variant.program.outputs]
    for i, (array, type) in enumerate(zip(arrays, types, strict=False)):
        name = "out" if len(arrays) == 1 else f"out[{i}]"
        _check_result(variant.name, name, array, TensorType(type.dtype, concrete(type, sizes)))
    return arrays


def _check_result(function: str, name: str, array: Any, type: TensorType) -> None:
    if not isinstance(array, np.ndarray) or is_masked(array):
        got = f"{name}=a {array.__class__.__name__}"
        raise ArgumentError(message(function, f"{name}: {type} as an array", got))
    got = f"{name}={array.dtype.name}[{', '.join(map(str, array.shape))}]"
    if array.dtype != type.dtype or not array.dtype.isnative:
        raise DtypeError(message(function, f"{name}: {type}", got, "Results are not cast."))
    if array.shape != type.shape:
        raise ShapeError(message(function, f"{name}: {type}", got))
    if not (array.flags.c_contiguous and array.flags.aligned):
        hint = "Give another array, and assign that to this view."
        raise ArgumentError(
            message(function, f"{name} C-contiguous and aligned", f"{got} in strides", hint)
        )
    if not array.flags.writeable:
        raise ValueError(message(function, f"{name} that can be written", f"{got}, read-only"))


def apart(array: np.ndarray, others: Sequence[np.ndarray]) -> bool:
    """Does ``array`` share no memory with the others, as far as their extents tell?"""
    return not any(np.may_share_memory(array, other) for other in others)


def describe(tree: Tree) -> str:
    """A nest in words: ``(array, {w: array})``."""
    if tree.kind in ("leaf", "none"):
        return "array" if tree.kind == "leaf" else "None"
    parts = [describe(c) for c in tree.children]
    if tree.keys:
        parts = [f"{k}: {p}" for k, p in zip(tree.keys, parts, strict=True)]
    text = ", ".join(parts)
    if tree.kind in (tuple, list):
        one = len(parts) == 1 and tree.kind is tuple
        return f"({text}{',' if one else ''})" if tree.kind is tuple else f"[{text}]"
    return f"{{{text}}}" if tree.kind is dict else f"{tree.kind.__name__}({text})"
