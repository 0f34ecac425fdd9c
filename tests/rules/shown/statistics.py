"""Programs that show the rules of ``statistics.egg`` at work."""

from __future__ import annotations

from typing import Any

import eqsat_tensor as et
from tests.rules.cases import case

# fails without the file
NEEDS: Any = case("log-of-density", lambda z, c: et.log(et.exp(z) / c), (-2000.0, 1.0, -2000.0))
# rule -> a program that comes out otherwise without it, and its arguments
PROGRAMS: dict[str, Any] = {}
