"""Programs that show the rules of ``contract.egg`` at work."""

from __future__ import annotations

from typing import Any

import eqsat_tensor as et
from tests.rules.shown.arrays import SQUARE, M

# fails without the file
NEEDS: Any = "sum-of-product"
# rule -> a program that comes out otherwise without it, and its arguments
PROGRAMS: dict[str, Any] = {
    "transpose-of-matmul=>": (lambda a, b: (a @ b.mT).mT, (M, M)),
    "matmul-by-hand": (
        lambda a, b: et.sum(a[:, :, None] * b[None, :, :], axis=1), (SQUARE, SQUARE)),
}  # fmt: skip
