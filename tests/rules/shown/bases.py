"""Programs that show the rules of ``bases.egg`` at work."""

from __future__ import annotations

from typing import Any

# fails without the file
NEEDS: Any = "log2-one-plus"
# rule -> a program that comes out otherwise without it, and its arguments
PROGRAMS: dict[str, Any] = {}
