"""Programs that show the rules of ``arithmetic.egg`` at work."""

from __future__ import annotations

from typing import Any

import eqsat_tensor as et
from tests.rules.shown.arrays import X, Y

# fails without the file
NEEDS: Any = "T33-minus"
# rule -> a program that comes out otherwise without it, and its arguments
PROGRAMS: dict[str, Any] = {
    "multiply-of-negative": (lambda x, y, z: z + (-x) * y, (X, Y, X)),
    "divide-of-negative": (lambda x, y, z: z + (-x) / y, (X, Y, X)),
    "divide-by-negative": (lambda x, y, z: z + x / (-y), (X, Y, X)),
    "multiply-by-negative-constant": (lambda x: et.exp(x * 2.0) * et.sigmoid(x * -2.0), (X,)),
    "divide-by-negative-constant": (lambda x: et.exp(x / 3.0) * et.sigmoid(x / -3.0), (X,)),
    "negative-constant-divided": (lambda x: et.exp(3.0 / x) * et.sigmoid(-3.0 / x), (X,)),
    "square-as-product<=": (lambda x: et.sqrt(x * x), (X,)),
    "add-same": (lambda x: (x + x) * 0.5, (X,)),
    "factor-of-add-one": (lambda x, y: (et.exp(x) * y + et.exp(x)) / et.exp(x), (X, Y)),
}  # fmt: skip
