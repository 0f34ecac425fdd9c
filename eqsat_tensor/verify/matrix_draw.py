"""Matrices for the ops of linear algebra: most with an inverse, some without, of all tempers.

Numbers drawn one by one make matrices that are nearly singular, never definite, and never exactly
singular.  What a matrix is read for is its *kind*: "general", "triangular" (either triangle, the
other holds other numbers), "definite" (symmetric positive definite; now and then its upper half
holds other numbers, for only the lower half is read).
"""

from __future__ import annotations

import numpy as np

from eqsat_tensor.verify.error_rules import Array

KINDS = ("general", "triangular", "definite")  # a matrix read for several is drawn for the last
UNREAD = 0.3  # how often the upper half of a definite matrix holds other numbers
SINGULAR = 0.4  # how often a "near" matrix has two equal rows exactly


def structured(kind: str, values: Array, profile: str, random: np.random.Generator) -> Array:
    """Matrices of a kind in the shape and dtype of ``values``, numbers drawn one by one.

    wide and hard draws are ``values`` themselves every other time; in nan and infinite ones, what
    is not finite in ``values`` stays.
    """
    dtype, n = values.dtype, values.shape[-1]
    if not values.size or (profile in ("wide", "hard") and random.random() < 0.5):
        return values
    info = np.finfo(dtype)
    made = whole(kind, values.shape, random) if profile == "whole" else real(
        kind, values.shape, profile, info.nmant, random)  # fmt: skip
    largest = np.log2(float(info.max)) / 2
    if profile == "moderate":
        made = made * np.exp2(random.uniform(-1, 1) * {"float32": 12}.get(dtype.name, 100) / n)
    elif profile == "tiny":
        made = made * np.exp2(-random.uniform(0, info.nmant))
    elif profile == "wide":
        made = made * np.exp2(random.uniform(-largest, largest))
    with np.errstate(all="ignore"):
        made = np.asarray(made, dtype)
    if profile == "near" and random.random() < SINGULAR and kind == "general" and n > 1:
        made[..., 1, :] = made[..., 0, :]
    if kind == "definite":
        made = np.tril(made) + np.swapaxes(np.tril(made, -1), -1, -2)
        if random.random() < UNREAD:
            made = np.where(np.triu(np.ones((n, n), bool), 1), values, made)
    return np.asarray(np.where(np.isfinite(values), made, values), dtype)


def turned(shape: tuple[int, ...], random: np.random.Generator) -> Array:
    """Orthogonal matrices."""
    return np.asarray(np.linalg.qr(random.normal(size=shape))[0])


def real(
    kind: str, shape: tuple[int, ...], profile: str, digits: int, random: np.random.Generator
) -> Array:
    """Matrices whose singular values are within 2**±2, or spread widely in a "near" draw."""
    n = shape[-1]
    spread = random.uniform(0, digits / 2) if profile == "near" else 2.0
    sizes = np.exp2(random.uniform(-spread, spread, (*shape[:-1], 1)))
    left = turned(shape, random)
    if kind == "definite":
        return np.asarray(left @ (sizes * np.swapaxes(left, -1, -2)))
    if kind == "triangular":
        signs = random.choice((-1.0, 1.0), (*shape[:-1], 1))
        outside = random.uniform(-1, 1, shape) * np.exp2(-spread / 2) * (1 - np.eye(n))
        return np.asarray(np.eye(n) * (signs * sizes) + outside)
    return np.asarray(left @ (sizes * turned(shape, random)))


def whole(kind: str, shape: tuple[int, ...], random: np.random.Generator) -> Array:
    """Matrices of small whole numbers, of which the general ones are often singular."""
    n = shape[-1]
    numbers = random.integers(-2, 3, shape).astype(float)
    if kind == "definite":
        return np.asarray(numbers @ np.swapaxes(numbers, -1, -2) + np.eye(n))
    if kind == "triangular":
        diagonal = random.choice((-2.0, -1.0, 1.0, 1.0, 2.0, 4.0), (*shape[:-1], 1))
        return np.asarray(np.where(np.eye(n, dtype=bool), diagonal, numbers))
    return numbers
