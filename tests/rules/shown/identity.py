"""Programs that show the rules of ``identity.egg`` at work."""

from __future__ import annotations

from typing import Any

import eqsat_tensor as et
from tests.rules.cases import case

# fails without the file
NEEDS: Any = case("neutral", lambda x: et.exp(x * 1.0 + 0.0), (0.0, 1.0), absent="multiply add")
# rule -> a program that comes out otherwise without it, and its arguments
PROGRAMS: dict[str, Any] = {}
