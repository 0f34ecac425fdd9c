"""Programs that show the rules of ``approx.egg`` at work."""

from __future__ import annotations

from typing import Any

import numpy as np

import eqsat_tensor as et
from tests.rules.cases import case
from tests.rules.shown.arrays import X, Y

# the math= that runs the file
MATH = "fast"
# fails without the file
NEEDS: Any = case("T39", lambda a, b, x, y: (a / x + b / y) * x * y, (3.0, 5.0, 0.0, 2.0, 6.0),
                  absent="divide")  # fmt: skip
# rule -> a program that comes out otherwise without it, and its arguments
PROGRAMS: dict[str, Any] = {
    "divide-by-constant": (lambda x: x / 3.0, (np.ones(64),)),
    "divide-by-broadcast": (lambda x: x / et.sum(x), (np.ones(64),)),
    "multiply-of-add-of-scaled-divide-anywhere": (
        lambda x, y, z, w: (z + x / y * w) * y,
        (X, Y, X, Y + 1),
    ),
    "multiply-of-subtract-scaled-divide-anywhere": (
        lambda x, y, z, w: (z - x / y * w) * y,
        (X, Y, X, Y + 1),
    ),
}
