"""What each reduction combines by, starts from, and is when there is nothing to reduce."""

from __future__ import annotations

import numpy as np

from eqsat_tensor.lower.cuda.words import TYPES, literal_text
from eqsat_tensor.schedule.loop_values import Reduce, Scan

REPEATABLE = ("max", "min", "any", "all")  # an element may be taken in twice


def combine_of(value: Reduce | Scan) -> str:
    """The word of a reduction: bools have "any" and "all" only."""
    if value.dtype.kind != "b":
        return value.combine
    return {"max": "any", "sum": "any", "min": "all", "prod": "all"}.get(
        value.combine, value.combine
    )


def functor(value: Reduce | Scan) -> str:
    """What combines two partial values."""
    return f"eq_{combine_of(value)}()"


def identity(value: Reduce | Scan) -> str:
    """What changes nothing: -0.0 for sums of floats, since -0.0 + -0.0 is -0.0."""
    word, dtype = combine_of(value), value.dtype
    if word in ("max", "min"):
        if dtype.kind == "f":
            return literal_text(-np.inf if word == "max" else np.inf, dtype)
        limits = np.iinfo(dtype)
        return literal_text(limits.min if word == "max" else limits.max, dtype)
    numbers = {"sum": -0.0 if dtype.kind == "f" else 0, "prod": 1, "any": False, "all": True}
    return literal_text(numbers[word], dtype)


def or_zero(value: Reduce, text: str, count: str) -> str:
    """A sum of nothing is 0.0, where accumulators start from -0.0."""
    if value.dtype.kind != "f" or value.combine != "sum":
        return text
    if count.isdigit() and int(count):
        return text
    return f"{count} == 0 ? {literal_text(0, value.dtype)} : {text}"


def combined(value: Reduce | Scan, a: str, b: str) -> str:
    """Two partial values as one."""
    return f"{functor(value)}({a}, {b})"


def ctype(value: Reduce | Scan) -> str:
    """The C type of an accumulator."""
    return TYPES[value.dtype.name]
