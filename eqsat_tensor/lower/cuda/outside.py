"""Words that have no CUDA text become calls on the host, before the schedule sees them.

Map digamma(x)   ->   Host digamma(x), of x stored
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from eqsat_tensor.lower.cuda.words import covers
from eqsat_tensor.scalar import PRIMITIVES
from eqsat_tensor.schedule.loop_values import (
    Call,
    Host,
    Input,
    Map,
    Pad,
    Pair,
    Pick,
    Reduce,
    Scan,
    SizeValue,
    Value,
    View,
    walk,
)


def on_host(outputs: Sequence[Value]) -> tuple[Value, ...]:
    """The outputs, words that CUDA lacks being calls; what holds none of them stays the same."""
    became: dict[Value, Value] = {}
    for value in walk(outputs):
        new = _with_operands(value, became)
        if isinstance(new, Map) and not covers(new.primitive, new.operands[-1].dtype):
            operands = tuple(map(_array, new.operands))
            new = Host(new.type, "host", operands, (), new.primitive)
        became[value] = new
    return tuple(became[o] for o in outputs)


def host_meaning(op: str) -> Callable[..., tuple[Any, ...]] | None:
    """What a word that became a call means; None for an op of another name."""
    word = PRIMITIVES.get(op)
    if word is None or not word.external:
        return None
    numpy = word.numpy
    return lambda *arrays: (numpy(*arrays),)


def _array(value: Value) -> Value:
    """An operand of a call: in memory, contiguous."""
    strided = isinstance(value, Input) and not value.contiguous
    return Map(value.type, "keep", (value,)) if strided or isinstance(value, SizeValue) else value


def _with_operands(value: Value, became: dict[Value, Value]) -> Value:
    """The value made of what its operands have become."""

    def changed(*fields: str) -> Value:
        old: dict[str, Any] = {f: getattr(value, f) for f in fields}
        new: dict[str, Any] = {f: v if v is None else became[v] for f, v in old.items()}
        return value if new == old else replace(value, **new)

    match value:
        case Map() | Call():
            operands = tuple(became[o] for o in value.operands)
            return value if operands == value.operands else replace(value, operands=operands)
        case Pick():
            return changed("source", "index")
        case Pair():
            return changed("first", "second")
        case Scan():
            return changed("source", "factor")
        case View() | Pad() | Reduce():
            return changed("source")
    return value
