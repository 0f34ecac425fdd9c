"""Programs that show the rules of ``geometry.egg`` at work."""

from __future__ import annotations

from typing import Any

from tests.rules.cases import case

# fails without the file
NEEDS: Any = case("part-of-reciprocal", lambda x, y: x / (x * x + y * y), (1e-200, 1e-200, 5e199))
# rule -> a program that comes out otherwise without it, and its arguments
PROGRAMS: dict[str, Any] = {}
