"""Programs that show the rules of ``transcendental.egg`` at work."""

from __future__ import annotations

from typing import Any

import eqsat_tensor as et
from tests.rules.shown.arrays import X, Y

# fails without the file
NEEDS: Any = "T35"
# rule -> a program that comes out otherwise without it, and its arguments
PROGRAMS: dict[str, Any] = {
    "arctan-of-negative": (lambda x, z: z + et.arctan(-x), (X, Y)),
    "erf-of-negative": (lambda x, z: z + et.erf(-x), (X, Y)),
}  # fmt: skip
