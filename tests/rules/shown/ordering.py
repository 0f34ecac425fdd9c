"""Programs that show the facts of ``ordering.egg`` at work."""

from __future__ import annotations

from typing import Any

import eqsat_tensor as et
from tests.rules.cases import case

# fails without the file
NEEDS: Any = case(
    "order-of-increasing",
    lambda x: et.argsort(et.tanh(x), axis=0),
    ([0.0, 2.0, 1.0], [0, 2, 1]),
    absent="tanh",
)
# rule -> a program that comes out otherwise without it, and its arguments
PROGRAMS: dict[str, Any] = {}
