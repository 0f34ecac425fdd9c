"""Programs that show the rules of ``fractions.egg`` at work."""

from __future__ import annotations

from typing import Any

from tests.rules.cases import case

# fails without the file
NEEDS: Any = case("share", lambda x, k: 1.0 - x / (x + k), (1e20, 1.0, 1e-20))
# rule -> a program that comes out otherwise without it, and its arguments
PROGRAMS: dict[str, Any] = {}
