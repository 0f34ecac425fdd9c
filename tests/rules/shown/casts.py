"""Programs that show the rules of ``casts.egg`` at work."""

from __future__ import annotations

from typing import Any

import eqsat_tensor as et
from tests.rules.test_cases import case

# fails without the file
NEEDS: Any = case(
    "there-and-back", lambda x: et.astype(et.astype(x > 0.0, "int64"), "bool"), (1.0, True),
    absent="cast",
)  # fmt: skip
# rule -> a program that comes out otherwise without it, and its arguments
PROGRAMS: dict[str, Any] = {}
