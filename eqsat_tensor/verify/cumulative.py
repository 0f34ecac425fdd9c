"""Cumulative ops in verification: what they truly are, and how errors go through them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from eqsat_tensor.verify.elements import Element, Objects, settled
from eqsat_tensor.verify.error_rules import UNIT, Array, Rule, no_nan, wide
from eqsat_tensor.verify.truth import Truth

STEPS = {"cumsum": "add", "cumprod": "multiply", "cummax": "maximum", "cummin": "minimum"}


# ----------------------------------------------------------------------------------------- truth
def true_scan(truth: Truth, name: str, operands: list[Objects], axis: int, reverse: int) -> Objects:
    """The true value of the cumulative op called ``name``."""
    if name in STEPS:
        step = settled(truth.table[STEPS[name]])
        return walked(lambda old, x: step(old, x), operands, axis, reverse)
    add, multiply = settled(truth.add), settled(truth.multiply)
    return walked(lambda old, b, a: add(multiply(a, old), b), operands[::-1], axis, reverse)


def walked(
    step: Callable[..., Element], operands: list[Objects], axis: int, reverse: int
) -> Objects:
    """``step(value before, *operands)`` along an axis, from the first operand's first element."""
    rows = [np.moveaxis(np.flip(x, axis) if reverse else x, axis, 0) for x in operands]
    result = np.empty(rows[0].shape, object)
    for index in np.ndindex(result.shape):
        here = [row[index] for row in rows]
        before = (index[0] - 1, *index[1:])
        result[index] = step(result[before], *here) if index[0] else here[0]
    moved = np.moveaxis(result, 0, axis)
    return np.flip(moved, axis) if reverse else moved


# ---------------------------------------------------------------------------------------- errors
def _turned(rule: Callable[..., Array]) -> Rule:
    """A rule for the first axis from its first element on, as one for any axis and direction."""

    def call(*pairs: Array, axis: int, reverse: int) -> Array:
        rows = [np.moveaxis(np.flip(x, axis) if reverse else x, axis, 0) for x in pairs]
        moved = np.moveaxis(rule(*rows), 0, axis)
        return np.flip(moved, axis) if reverse else moved

    return call


def _counts(x: Array) -> Array:
    """How many elements each place takes in."""
    return np.arange(1.0, len(x) + 1).reshape(-1, *[1] * (x.ndim - 1))


def _sum(x: Array, e: Array) -> Array:
    own = UNIT.get(x.dtype.name, 0.0) * _counts(x) * np.abs(wide(x)).cumsum(axis=0)
    return np.asarray(e.cumsum(axis=0) + no_nan(own))


def _prod(x: Array, e: Array) -> Array:
    size = np.abs(wide(x))
    unit = UNIT.get(x.dtype.name, 0.0)
    moved = (size + e).cumprod(axis=0) - size.cumprod(axis=0)
    largest = np.where(size > 1, size, 1).cumprod(axis=0)
    smallest = np.where((size < 1) & (size > 0), size, 1).cumprod(axis=0)
    limits = np.finfo(x.dtype) if x.dtype.kind == "f" else np.finfo(np.float64)
    safe = (largest < limits.max) & (smallest > limits.tiny)
    return np.where(safe, no_nan(moved + unit * _counts(x) * size.cumprod(axis=0)), np.inf)


def _extreme(x: Array, e: Array) -> Array:
    return np.asarray(np.maximum.accumulate(e, axis=0))


def _recurrence(a: Array, ea: Array, b: Array, eb: Array) -> Array:
    unit = UNIT.get(a.dtype.name, 0.0)
    factor, size, error = np.abs(wide(a)), np.abs(wide(b)), np.array(eb, np.float64)
    for k in range(1, len(size)):
        error[k] += ea[k] * size[k - 1] + (factor[k] + ea[k]) * error[k - 1]
        size[k] += factor[k] * size[k - 1]
        error[k] += 3 * unit * size[k] + (np.finfo(a.dtype).tiny if unit else 0.0)
    return no_nan(error)


def _logcumsumexp(x: Array, e: Array) -> Array:
    top = np.maximum.accumulate(np.abs(wide(x)), axis=0)
    finite = np.where(np.isfinite(top), top, 0.0)
    rounding = UNIT[x.dtype.name] * _counts(x) * (4 + 4 * finite)
    return np.asarray(np.maximum.accumulate(e, axis=0) + rounding)


RULES: dict[str, Rule] = {
    "cumsum": _turned(_sum),
    "cumprod": _turned(_prod),
    "cummax": _turned(_extreme),
    "cummin": _turned(_extreme),
    "recurrence": _turned(_recurrence),
    "logcumsumexp": _turned(_logcumsumexp),
}


def draw_attributes(random: np.random.Generator, rank: int, given: Any) -> dict[str, int]:
    """An axis of ``rank`` and a direction, where they are not given."""
    drawn = {"axis": int(random.integers(rank)), "reverse": int(random.integers(2))}
    return {name: given.get(name, value) for name, value in drawn.items()}
