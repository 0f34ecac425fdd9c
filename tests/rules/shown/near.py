"""Programs that show the rules of ``near.egg`` at work."""

from __future__ import annotations

from typing import Any

# fails without the file
NEEDS: Any = "sqrt-near"
# rule -> a program that comes out otherwise without it, and its arguments
PROGRAMS: dict[str, Any] = {}
