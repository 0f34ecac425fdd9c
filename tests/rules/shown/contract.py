"""Programs that show the rules of ``contract.egg`` at work."""

from __future__ import annotations

from typing import Any

from tests.rules.shown.arrays import M

# fails without the file
NEEDS: Any = "sum-of-product"
# rule -> a program that comes out otherwise without it, and its arguments
PROGRAMS: dict[str, Any] = {
    "transpose-of-matmul=>": (lambda a, b: (a @ b.mT).mT, (M, M)),
}
