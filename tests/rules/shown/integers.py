"""Programs that show the rules of ``integers.egg`` at work."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.rules.test_cases import case

# fails without the file
NEEDS: Any = case("masked-twice", lambda x, y: (x ^ y) ^ y, (7, 2, 7), absent="bitwise_xor")
# rule -> a program that comes out otherwise without it, and its arguments
PROGRAMS: dict[str, Any] = {
    "bitwise-xor-of-not": (lambda i, j: (~i) ^ (~j), (np.array([7, -3]), np.array([2, 9]))),
}
