"""Programs that show the rules of ``logic.egg`` at work."""

from __future__ import annotations

from typing import Any

import numpy as np

import eqsat_tensor as et
from tests.rules.shown.arrays import MASK, X, Y
from tests.rules.test_cases import case

# fails without the file
NEEDS: Any = case(
    "negated", lambda x: et.where(et.logical_not(x < 1.0), x, 2.0), (0.0, 2.0), absent="logical_not"
)
# rule -> a program that comes out otherwise without it, and its arguments
PROGRAMS: dict[str, Any] = {
    "greater-as-less": (lambda x, y: (x > y) & (y < x), (X, Y)),
    "greater-equal-as-less-equal": (lambda x, y: (x >= y) & (y <= x), (X, Y)),
    "add-of-wheres": (lambda c, x, y: et.where(c, x, 0.0) + et.where(c, 0.0, y), (MASK, X, Y)),
    "multiply-of-wheres": (
        lambda c, x, y: et.where(c, x, 1.0) * et.where(c, 1.0, y), (MASK, X, Y)),
    "subtract-of-wheres": (
        lambda c, x, y: et.where(c, x, 0.0) - et.where(c, 0.0, y), (MASK, X, Y)),
    "cast-through-long": (
        lambda i: et.astype(et.astype(i, "int64"), "int32"), (np.array([1, 2], "int32"),)),
}  # fmt: skip
