"""Programs that show the rules of ``softmax.egg`` at work."""

from __future__ import annotations

from typing import Any

from tests.rules.cases import grad
from tests.rules.cases.labelled import LABELS, ROWS, XENT

# fails without the file
NEEDS: Any = "T25"
# rule -> a program that comes out otherwise without it, and its arguments
PROGRAMS: dict[str, Any] = {
    "marked-quotient-by-pick": (grad(XENT["spelled"]), (ROWS, LABELS)),
}  # fmt: skip
