"""Accumulators: how each reduction starts, takes in a vector, and comes down to one value.

Maxima and minima of floats carry a flag beside the value: set where a NaN was seen.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eqsat_tensor.lower.cpu.places import MEMORY
from eqsat_tensor.lower.cpu.vecmath import VectorBuilder
from eqsat_tensor.lower.cpu.writer import Writer
from eqsat_tensor.schedule.loop_values import Reduce, Scan

INFINITE = {"max": -np.inf, "min": np.inf}


def combine_of(reduce: Reduce | Scan) -> str:
    """The word of a reduction: bools have "or" and "and" only."""
    if reduce.dtype.kind != "b":
        return reduce.combine
    return {"any": "or", "max": "or", "sum": "or", "all": "and", "min": "and", "prod": "and"}[
        reduce.combine
    ]


def identity_of(reduce: Reduce) -> float:
    """What changes nothing: -0.0 for sums of floats, since -0.0 + -0.0 is -0.0."""
    word, dtype = combine_of(reduce), reduce.dtype
    if word in ("max", "min"):
        if dtype.kind == "f":
            return float(INFINITE[word])
        limits = np.iinfo(dtype)
        return int(limits.min if word == "max" else limits.max)
    if word == "sum":
        return -0.0 if dtype.kind == "f" else 0
    return {"prod": 1, "or": 0, "and": 1}[word]


def flagged(reduce: Reduce) -> bool:
    """Does the accumulator carry a NaN flag?"""
    return reduce.dtype.kind == "f" and reduce.combine in ("max", "min")


def in_blocks(reduce: Reduce) -> bool:
    """Sums of float32 are taken in blocks: the error of one long sum would show."""
    return reduce.dtype == np.float32 and combine_of(reduce) == "sum"


def starts(reduce: Reduce, builder: VectorBuilder) -> list[tuple[str, str]]:
    """Types and first values of the accumulators."""
    start = [(builder.type, builder.constant(identity_of(reduce)))]
    if flagged(reduce):
        start.append((builder.mask, "zeroinitializer" if builder.lanes else "false"))
    return start


def take_in(
    reduce: Reduce, builder: VectorBuilder, old: Sequence[str], value: str, mask: str | None
) -> list[str]:
    """The accumulators after one more vector, of which only the masked lanes count."""
    if mask is not None:
        value = builder.select(mask, value, builder.constant(identity_of(reduce)))
    if not flagged(reduce):
        return [combined(reduce, builder, old[0], value)]
    better = builder.test("ogt" if reduce.combine == "max" else "olt", value, old[0])
    nan = builder.both("or", old[1], builder.test("uno", value, value))
    return [builder.select(better, value, old[0]), nan]


def combined(reduce: Reduce | Scan, builder: VectorBuilder, a: str, b: str) -> str:
    """Two partial values as one; NaN wins in maxima and minima."""
    word = combine_of(reduce)
    if word in ("or", "and"):
        return builder.both(word, a, b)
    names = {"sum": "add", "prod": "multiply", "max": "maximum", "min": "minimum"}
    return builder.apply(names[word], a, b)


def reduced_to_one(reduce: Reduce | Scan, builder: VectorBuilder, parts: Sequence[str]) -> str:
    """Partial values as one, by neighbours: the first two, then that and the next, ..."""
    total, *others = parts
    for other in others:
        total = combined(reduce, builder, total, other)
    return total


def lane_by_lane(reduce: Reduce, builder: VectorBuilder, values: Sequence[str]) -> str:
    """The reduced value of each lane from its accumulators."""
    if not flagged(reduce):
        return values[0]
    return builder.select(values[1], builder.constant(np.nan), values[0])


def brought_down(
    writer: Writer, reduce: Reduce, streams: Sequence[tuple[int, Sequence[str]]]
) -> str:
    """One value from the accumulators of every loop that fed them: (lanes, accumulators) each."""
    word, scalar = combine_of(reduce), writer.builder(reduce.dtype, 0)
    result: str | None = None
    flag: str | None = None
    for lanes, values in streams:
        part = _across(writer, reduce, word, lanes, values[0])
        if result is None:
            result = part
        elif flagged(reduce):
            test = scalar.test("ogt" if word == "max" else "olt", part, result)
            result = scalar.select(test, part, result)
        else:
            result = combined(reduce, scalar, result, part)
        if flagged(reduce):
            seen = writer.builder(reduce.dtype, lanes).any_lane(values[1])
            flag = seen if flag is None else scalar.both("or", flag, seen)
    assert result is not None
    if flag is not None:
        return scalar.select(flag, scalar.constant(np.nan), result)
    return result


def _across(writer: Writer, reduce: Reduce, word: str, lanes: int, value: str) -> str:
    """All lanes of a vector as one value."""
    builder = writer.builder(reduce.dtype, lanes)
    kind, floating = builder.scalar, reduce.dtype.kind == "f"
    sign = "u" if reduce.dtype.kind == "u" else "s"
    names = {"sum": "add", "prod": "mul", "max": f"{sign}max", "min": f"{sign}min"}
    name = names.get(word, word)
    if floating:
        name = {"sum": "fadd", "prod": "fmul", "max": "fmax", "min": "fmin"}[word]
    symbol = f"llvm.vector.reduce.{name}.{builder.suffix}"
    if floating and word in ("sum", "prod"):
        start = writer.builder(reduce.dtype, 0).constant(identity_of(reduce))
        call = writer.call(kind, symbol, (kind, start), (builder.type, value))
        return writer.function.emit(call.replace("call", "call reassoc", 1))
    call = writer.call(kind, symbol, (builder.type, value))
    if floating:  # no accumulator is NaN: it has a flag beside it
        call = call.replace("call", "call nnan", 1)
    return writer.function.emit(call)


def memory_start(reduce: Reduce) -> tuple[str, str]:
    """Type in memory and text of the identity, for accumulators that live there."""
    kind = MEMORY[reduce.dtype]
    if reduce.dtype.kind == "b":
        return kind, str(int(identity_of(reduce)))
    return kind, VectorBuilder(lambda text: text, reduce.dtype, 0).constant(identity_of(reduce))
