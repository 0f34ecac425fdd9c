"""Programs that show the rules of ``cancel.egg`` at work."""

from __future__ import annotations

from typing import Any

import eqsat_tensor as et
from tests.rules.shown.arrays import MASK, X, Y

# fails without the file
NEEDS: Any = "T42"
# rule -> a program that comes out otherwise without it, and its arguments
PROGRAMS: dict[str, Any] = {
    "multiply-of-masked": (
        lambda c, x, y, z: et.where(c, x * et.where(c, y, 0.0), z), (MASK, X, Y, X)),
    "multiply-of-unmasked": (
        lambda c, x, y, z: et.where(c, z, x * et.where(c, 0.0, y)), (MASK, X, Y, X)),
}  # fmt: skip
