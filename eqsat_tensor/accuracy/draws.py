"""Arguments at which a whole program is measured.

Each call is drawn in one of several styles, in turn: ordinary magnitudes, 2^-8 to 2^8; uniform over
the bit patterns of the ranges, so that every magnitude is there; and, for arrays, elements that nearly
agree: one value drawn in either way, and small differences.  A call at which nothing overflows or
cancels tells little of a formula, and calls that all do tell little of its ordinary use.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eqsat_tensor.accuracy.inputs import EVERYWHERE, Range, ordinary, uniform
from eqsat_tensor.errors import ArgumentError, UnsupportedError, message
from eqsat_tensor.extents import evaluate
from eqsat_tensor.types import TensorType

STYLES = ("ordinary", "uniform", "near")
NEAR = (2.0**-26, 2.0**-8)  # relative differences of elements that nearly agree


def ranges_of(
    function: str, names: Sequence[str], ranges: Mapping[str, Any] | Sequence[Any] | None
) -> list[Range]:
    """One pair of ends for each argument; None stands for all finite floats.  ArgumentError."""
    if ranges is None:
        return [EVERYWHERE] * len(names)
    if isinstance(ranges, Mapping):
        strange = sorted(set(ranges) - set(names))
        if strange:
            raise ArgumentError(
                message(function, f"ranges of {', '.join(names)}", ", ".join(strange))
            )
        given = [ranges.get(name) for name in names]
    else:
        given = list(ranges)
        if len(given) != len(names):
            needs = f"a range, or None, for each of {', '.join(names)}"
            raise ArgumentError(message(function, needs, f"{len(given)} ranges"))
    made = []
    for name, pair in zip(names, given, strict=True):
        low, high = EVERYWHERE if pair is None else (float(pair[0]), float(pair[1]))
        if not low <= high:
            raise ArgumentError(message(function, "ranges (low, high)", f"{name}: {pair!r}"))
        made.append((low, high))
    return made


def drawn_call(
    function: str,
    arguments: Sequence[tuple[str, TensorType, Range]],
    sizes: Mapping[str, int],
    style: str,
    random: np.random.Generator,
) -> list[np.ndarray]:
    """An array for each argument.  UnsupportedError for integers of which no range is known."""
    made = []
    for name, type, ends in arguments:
        shape = tuple(evaluate(s, sizes) for s in type.shape)
        made.append(_array(function, name, type.dtype, shape, ends, style, random))
    return made


def _array(
    function: str,
    name: str,
    dtype: np.dtype,
    shape: tuple[int, ...],
    ends: Range,
    style: str,
    random: np.random.Generator,
) -> np.ndarray:
    count = math.prod(shape)
    if dtype.kind == "b":
        return np.asarray(random.integers(0, 2, count).astype(bool).reshape(shape))
    if dtype.kind in "iu":
        if not all(map(math.isfinite, ends)):
            hint = "Give ranges=, or sample= with the arguments of a call."
            needs = "a range for integers"
            raise UnsupportedError(message(function, needs, f"{name}: {dtype}", hint))
        drawn = random.integers(int(ends[0]), int(ends[1]), count, endpoint=True)
        return np.asarray(drawn.astype(dtype).reshape(shape))
    if dtype.kind != "f":
        hint = "Give sample= with the arguments of a call."
        raise UnsupportedError(message(function, "float arguments", f"{name}: {dtype}", hint))
    return drawn_floats(dtype, shape, ends, style, random)


def drawn_floats(
    dtype: np.dtype,
    shape: Sequence[int],
    ends: Range,
    style: str,
    random: np.random.Generator,
) -> np.ndarray:
    """Floats of a range, in one of `STYLES`."""
    count = math.prod(shape)
    if style == "near" and count > 1:
        one = ordinary if random.random() < 0.75 else uniform
        centre = one(ends, 1, dtype, random)
        return around(np.broadcast_to(centre, shape), ends, random)
    draw = uniform if style == "uniform" else ordinary
    return np.asarray(draw(ends, count, dtype, random).reshape(shape))


def around(centre: np.ndarray, ends: Range, random: np.random.Generator) -> np.ndarray:
    """Floats of a range that nearly agree with some."""
    width = 2.0 ** random.uniform(math.log2(NEAR[0]), math.log2(NEAR[1]))
    with np.errstate(over="ignore"):
        moved = centre * (1 + width * random.standard_normal(centre.shape)).astype(centre.dtype)
    return np.asarray(np.clip(moved, *_finite(ends, centre.dtype)).astype(centre.dtype))


def _finite(ends: Range, dtype: np.dtype) -> tuple[float, float]:
    top = float(np.finfo(dtype).max)
    return max(ends[0], -top), min(ends[1], top)
