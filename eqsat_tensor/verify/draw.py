"""Values for input leaves: ordinary ones and all the hard ones, drawn together.

A *profile* names the temper of one draw.  Leaves are drawn jointly, because cancellation needs two
operands that nearly agree.  Everything is a function of the generator's seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eqsat_tensor.lang import Expr
from eqsat_tensor.ops.assume import Facts
from eqsat_tensor.verify.draw_facts import distinct, with_facts
from eqsat_tensor.verify.error_rules import Array
from eqsat_tensor.verify.matrix_draw import structured

PROFILES = (  # in this order, so that few draws are of many tempers; cancellation comes twice
    "ordinary", "near", "hard", "whole", "nan", "moderate", "tiny", "near", "large", "infinite",
    "wide",
)  # fmt: skip
FAR_BASE = 0.25  # how often what nearly agrees is of any moderate magnitude
HALVES = 0.2  # how often a small whole number is a half of one instead
NONFINITE = frozenset(("infinite", "nan"))


@dataclass(frozen=True)
class Leaf:
    """An input and what its values must keep to.

    ``labels``: it indexes an axis of that many elements, or None for any values.  ``beyond``: some
    labels may lie outside of the axis.  ``matrix``: what its matrices are read for, a kind of
    `matrix_draw`, or "".  ``facts``: what an `assume` says of it.
    """

    expr: Expr
    labels: int | None = None
    beyond: bool = False
    matrix: str = ""
    facts: Facts = ()


def moderate_exponent(dtype: np.dtype[Any]) -> int:
    """Magnitudes in 2**±this are moderate: products of several keep far from the range's ends."""
    return {"float16": 1, "float32": 12}.get(dtype.name, 100)


def is_moderate(x: Array) -> Array:
    """True where an element is 0 or of moderate magnitude; integers up to 2**20, all bools."""
    if x.dtype.kind == "b":
        return np.ones(x.shape, bool)
    if x.dtype.kind in "iu":
        return np.asarray(np.abs(x.astype(np.float64)) <= 2.0**20)
    limit = 2.0 ** moderate_exponent(x.dtype)
    size = np.abs(x.astype(np.float64))
    return np.asarray((size == 0) | ((size >= 1 / limit) & (size <= limit)))


def draw_inputs(
    leaves: Sequence[Leaf], profile: str, random: np.random.Generator
) -> dict[Expr, Array]:
    """An array for every leaf, in the temper of ``profile``; label ranges are kept."""
    spread = 100 if random.random() < FAR_BASE else 4
    base = float(np.exp2(random.uniform(-spread, spread))) * random.choice((-1.0, 1.0))
    return {leaf.expr: draw_leaf(leaf, profile, base, random) for leaf in leaves}


def draw_leaf(leaf: Leaf, profile: str, base: float | Array, random: np.random.Generator) -> Array:
    """Values of one leaf.  ``base``: what the leaves of a "near" draw nearly agree on."""
    dtype = leaf.expr.dtype
    shape = tuple(int(s) for s in leaf.expr.shape if isinstance(s, int))
    assert len(shape) == len(leaf.expr.shape), leaf.expr
    if leaf.labels is not None and ("unique", None) in leaf.facts:
        return distinct(np.empty(shape, dtype), random, leaf.labels + 2 * leaf.beyond)
    if leaf.facts:
        plain = draw_leaf(replace(leaf, facts=()), profile, base, random)
        return np.asarray(with_facts(plain, leaf.facts, random), dtype)
    if leaf.labels is not None:
        around = leaf.labels + 2 if leaf.beyond else 0
        lowest = -leaf.labels - around if dtype.kind == "i" else 0
        return np.asarray(random.integers(lowest, max(leaf.labels, 1) + around, shape), dtype)
    if dtype.kind == "b":
        return np.asarray(random.integers(0, 2, shape), dtype)
    if dtype.kind in "iu":
        return draw_integers(dtype, shape, profile, random)
    values = draw_floats(dtype, shape, profile, base, random)
    return structured(leaf.matrix, values, profile, random) if leaf.matrix else values


def draw_integers(
    dtype: np.dtype[Any], shape: tuple[int, ...], profile: str, random: np.random.Generator
) -> Array:
    """Small integers; in the wild profiles now and then powers of two and the ends of the range.

    Wide ones are of all the range besides.  Unsigned ones are often near the upper end, which is where
    small negative ones wrap to.
    """
    values = random.integers(-9, 10, shape).astype(dtype)
    info = np.iinfo(dtype)
    if profile in ("wide", "hard"):
        ends = np.array([info.min, info.max, info.min + 1, 1 << (info.bits // 2), 0, 1], dtype)
        values = np.where(random.random(shape) < 0.4, random.choice(ends, shape), values)
    if profile == "wide":
        anywhere = random.integers(info.min, info.max, shape, dtype, endpoint=True)
        values = np.where(random.random(shape) < 0.4, anywhere, values)
    return np.asarray(values, dtype)


def draw_floats(
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    profile: str,
    base: float | Array,
    random: np.random.Generator,
) -> Array:
    """Floats of one temper.

    ordinary: magnitudes about 1; whole: small whole numbers and halves, zeros of both signs; near: a few
    ulps around ``±base``; moderate: magnitudes 2**±100 (float32: 2**±12, float16: 2**±1); tiny: so small that 1 + x is
    1, mixed with ordinary; wide: any bit pattern that is a finite number; hard: ordinary ones with
    zeros, subnormals, the largest and the smallest, and arguments at which exp overflows mixed in;
    large: most leaves so large, and of one sign mostly, that two elements may add up to an infinity;
    infinite, nan: ordinary ones with those mixed in.
    """
    sign = random.choice((-1.0, 1.0), shape)
    ordinary = sign * np.exp2(random.uniform(-3, 3, shape))
    info = np.finfo(dtype)
    if profile == "whole":
        halves = np.where(random.random(shape) < HALVES, 0.5, 1.0)
        values = sign * random.integers(0, 5, shape) * halves
    elif profile == "near":
        limit = moderate_exponent(dtype)
        base = np.copysign(np.exp2(np.clip(np.log2(np.abs(base)), -limit, limit)), base)
        steps = random.integers(-3, 4, shape) * float(info.eps)
        values = np.where(random.random(shape) < 0.8, sign * base * (1 + steps), ordinary)
    elif profile == "moderate":
        limit = moderate_exponent(dtype)
        values = sign * np.exp2(random.uniform(-limit, limit, shape))
    elif profile == "tiny":
        small = sign * np.exp2(random.uniform(-1.5 * info.nmant, -info.nmant / 4, shape))
        values = np.where(random.random(shape) < 0.7, small, ordinary)
    elif profile == "wide":
        return wide_floats(dtype, shape, random)
    elif profile == "hard":
        edge = float(np.log(info.max))
        special = [0.0, -0.0, 1.0, -1.0, 0.5, info.max, -info.max, info.tiny, info.eps,
                   info.smallest_subnormal, -info.smallest_subnormal, edge + 1, -edge - 1,
                   2 * edge, -2 * edge, edge / 20, -edge / 20, 1 + info.eps, 1 - info.epsneg]  # fmt: skip
        values = np.where(random.random(shape) < 0.4, random.choice(special, shape), ordinary)
    elif profile == "large" and random.random() < 0.7:
        one = random.choice((-1.0, 1.0)) if random.random() < 0.7 else sign
        values = np.asarray(one * float(info.max) * random.uniform(0.3, 1, shape))
    elif profile in NONFINITE:
        special = [np.inf, -np.inf] if profile == "infinite" else [np.nan]
        values = np.where(random.random(shape) < 0.3, random.choice(special, shape), ordinary)
        values = np.where(random.random(shape) < 0.15, 0.0, values)
    else:
        values = ordinary
    with np.errstate(all="ignore"):
        return np.asarray(values, dtype)


def wide_floats(dtype: np.dtype[Any], shape: tuple[int, ...], random: np.random.Generator) -> Array:
    """Uniform bit patterns, those of no finite number replaced by 1."""
    words = np.dtype(f"i{dtype.itemsize}")
    info = np.iinfo(words)
    bits = random.integers(info.min, info.max, shape, dtype=words, endpoint=True)
    values = np.asarray(bits, words).view(dtype).reshape(shape)
    return np.asarray(np.where(np.isfinite(values), values, 1), dtype)
