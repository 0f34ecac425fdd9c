"""Programs that show the rules of ``sumproduct.egg`` at work."""

from __future__ import annotations

from typing import Any

import numpy as np

import eqsat_tensor as et
from tests.rules.shown.arrays import SQUARE
from tests.rules.test_cases import A, B, case

BATCH = np.ones((3, 70, 70))
V = np.ones(70)


def by_hand(a: Any, b: Any) -> Any:
    return et.sum(a[:, :, None] * b[None, :, :], axis=1)


# fails without the file
NEEDS: Any = case("matmul-by-hand", by_hand, (A, B, A @ B), present="matmul", rtol=1e-11)
# rule -> a program that comes out otherwise without it, and its arguments
PROGRAMS: dict[str, Any] = {
    "matmul-by-hand": (by_hand, (SQUARE, SQUARE)),
    "matmul-by-hand-first": (
        lambda a, b: et.sum(a[:, :, None] * b[:, None, :], axis=0), (SQUARE, SQUARE)),
    "matmul-by-hand-last": (
        lambda a, b: et.sum(a[:, None, :] * b[None, :, :], axis=2), (SQUARE, SQUARE)),
    "batched-matmul-by-hand": (
        lambda a, b: et.sum(a[:, :, :, None] * b[:, None, :, :], axis=2), (BATCH, BATCH)),
    "batched-matmul-by-hand-first": (
        lambda a, b: et.sum(a[:, :, :, None] * b[:, :, None, :], axis=1), (BATCH, BATCH)),
    "batched-matmul-by-hand-last": (
        lambda a, b: et.sum(a[:, :, None, :] * b[:, None, :, :], axis=3), (BATCH, BATCH)),
    "matvec-by-hand": (lambda a, b, v: et.sum((a @ b) * v, axis=1), (SQUARE, SQUARE, V)),
    "vecmat-by-hand": (lambda a, b, v: et.sum((a @ b) * v[:, None], axis=0), (SQUARE, SQUARE, V)),
}  # fmt: skip
