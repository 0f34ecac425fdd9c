"""Programs that show the rules of ``ranges.egg`` at work."""

from __future__ import annotations

from typing import Any

import eqsat_tensor as et
from tests.rules.test_cases import case

# fails without the file
NEEDS: Any = case(
    "clipped-already",
    lambda x: et.clip(et.tanh(x), -1.0, 1.0),
    (0.0, 0.0),
    absent="maximum minimum",
)
# rule -> a program that comes out otherwise without it, and its arguments
PROGRAMS: dict[str, Any] = {}
