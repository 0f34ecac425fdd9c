"""Programs that show the proposers at work."""

from __future__ import annotations

from typing import Any

import eqsat_tensor as et
from tests.rules.shown.arrays import X, Y

# rule -> a program that comes out otherwise without it, and its arguments
PROGRAMS: dict[str, Any] = {
    "exp-sigmoid-product": (lambda x, y, z: et.exp(x) * y * z * et.sigmoid(-x), (X, Y, X)),
    "factor-of-long-sum": (lambda a, b, c, d: a * b + c + a * d, (X, Y, X, Y)),
    "fold-constants": (lambda x: et.log(et.sum(et.exp(x)) / 3.0), (X,)),
}  # fmt: skip
