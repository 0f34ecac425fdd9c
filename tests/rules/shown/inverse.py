"""Programs that show the rules of ``inverse.egg`` at work."""

from __future__ import annotations

from typing import Any

import eqsat_tensor as et
from tests.rules.shown.arrays import X, Y

# fails without the file
NEEDS: Any = "arcsinh"
# rule -> a program that comes out otherwise without it, and its arguments
PROGRAMS: dict[str, Any] = {
    "arcsin-of-negative": (lambda x, y: x + et.arcsin(-y), (X, Y)),
    "arcsinh-of-negative": (lambda x, y: x + et.arcsinh(-y), (X, Y)),
    "arctanh-of-negative": (lambda x, y: x + et.arctanh(-y), (X, Y)),
    "cbrt-of-negative": (lambda x, y: x + et.cbrt(-y), (X, Y)),
}
