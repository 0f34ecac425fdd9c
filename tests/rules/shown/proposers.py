"""Programs that show the proposers at work."""

from __future__ import annotations

from typing import Any

import numpy as np

import eqsat_tensor as et
from tests.rules.shown.arrays import SQUARE, X, Y

BATCH = np.ones((6, 30, 20))
# rule -> a program that comes out otherwise without it, and its arguments
PROGRAMS: dict[str, Any] = {
    "exp-sigmoid-product": (lambda x, y, z: et.exp(x) * y * z * et.sigmoid(-x), (X, Y, X)),
    "factor-of-long-sum": (lambda a, b, c, d: a * b + c + a * d, (X, Y, X, Y)),
    "long-sum-of-exponentials": (
        lambda a, b, c, d, e: et.log(et.exp(a) + et.exp(b) + 2 * et.exp(c) + et.exp(d) + et.exp(e)),
        (X, Y, X, Y, X)),
    "products-last-in-sum": (
        lambda x, y, u, v, z: x @ y + u @ v + z, (SQUARE,) * 5),
    "single-numerator": (lambda x: 1 / (x + 1) - 2 / x + 1 / (x - 1), (X,)),
    "log-of-multiple-less-constant": (
        lambda x: et.log(3.141592653589793 * (1 + x * x)) - 1.1447298858494002, (X,)),
    "contraction-path": (
        lambda x, y, v: et.sum(x[:, :, None] * y * v, axis=(1, 2)), (BATCH[0], BATCH[0].T, BATCH[0, :, 0])),
    "batch-in-rows": (lambda x, w: x @ w, (BATCH, BATCH[0].T)),
    "sum-of-batch-in-rows": (lambda x, y: et.sum(x.mT @ y, axis=0), (BATCH, BATCH)),
    "fold-constants": (lambda x: et.where(x > 0.0, 2.0, 3.0) * 2.0, (X,)),
    "fold-functions": (lambda x: et.log(et.sum(et.exp(x)) / 3.0), (X,)),
}  # fmt: skip
