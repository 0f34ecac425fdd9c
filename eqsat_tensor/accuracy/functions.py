"""The `Accuracy` of what users hold: compiled functions and jitted ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from eqsat_tensor.accuracy.measuring import Call, Holds, measured, sampled, sizes_for
from eqsat_tensor.accuracy.report import Accuracy
from eqsat_tensor.errors import ArgumentError, message
from eqsat_tensor.runtime.arguments import accept

if TYPE_CHECKING:
    from eqsat_tensor.compiled import Function
    from eqsat_tensor.jitted import Jit
    from eqsat_tensor.observed import Observed
    from eqsat_tensor.variant import Variant

Ranges = Mapping[str, Any] | Sequence[Any] | None


def accuracy_of(
    f: Observed,
    sample: Any,
    ranges: Ranges,
    points: int,
    sizes: Mapping[str, int] | None,
    seed: int,
) -> Accuracy:
    """See `Observed.accuracy`."""
    from eqsat_tensor.compiled import Function
    from eqsat_tensor.jitted import Jit

    if isinstance(f, Function):
        return accuracy_of_function(f, sample, ranges, points, sizes, seed)
    assert isinstance(f, Jit), f
    return accuracy_of_jit(f, sample, ranges, points, sizes, seed)


def accuracy_of_function(
    f: Function, sample: Any, ranges: Ranges, points: int, sizes: Mapping[str, int] | None,
    seed: int, holds: Holds | None = None,
) -> Accuracy:  # fmt: skip
    """Of a function; see `Observed.accuracy`."""
    family = f.family
    name = family.variant.name

    def found(args: Sequence[Any]) -> Call:
        given, values = f.serving.arranged(args, {})
        if given is not family:
            raise ArgumentError(
                message(name, "a sample that leaves out what has a default", str(len(args)))
            )
        arrays = accept(name, family.arguments, values)
        known = family.sizes(arrays)
        return Call(family.serving(known), arrays, known)

    if sample is not None:
        variant, known, calls = sampled(name, sample, found)
        return measured(variant, family.arguments, known, calls)
    known = sizes_for(name, family.arguments, family.variant, sizes)
    known |= family.sizes([np.empty([_size(s, known) for s in a.type.shape], a.type.dtype)
                           for a in family.arguments])  # fmt: skip
    variant = family.serving(known)
    drawn = _drawn(variant, ranges)
    return measured(variant, family.arguments, known, None, drawn, points, seed, holds)


def accuracy_of_jit(
    f: Jit, sample: Any, ranges: Ranges, points: int, sizes: Mapping[str, int] | None, seed: int
) -> Accuracy:
    """Of the trace that was called last, or that a sample needs."""
    traces = f.traces

    def found(args: Sequence[Any]) -> Call:
        entry, arrays, known = traces.find(traces.arrangement.arrange(tuple(args), {}))
        traces.last = entry
        return Call(entry.variant, arrays, known)

    if sample is not None:
        variant, known, calls = sampled(traces.name, sample, found)
        assert traces.last is not None
        return measured(variant, traces.last.arguments, known, calls)
    entry = traces.last
    if entry is None:
        needs = "a call before accuracy(), or sample= with the arguments of one"
        raise ArgumentError(message(traces.name, needs))
    known = sizes_for(traces.name, entry.arguments, entry.variant, sizes)
    drawn = _drawn(entry.variant, ranges)
    return measured(entry.variant, entry.arguments, known, None, drawn, points, seed)


def _drawn(variant: Variant, ranges: Ranges) -> Ranges:
    """Where calls are drawn from: as given, or else where the function was compiled for."""
    return variant.options.ranges or None if ranges is None else ranges


def _size(size: Any, known: Mapping[str, int]) -> int:
    from eqsat_tensor.extents import evaluate

    return evaluate(size, known)
