"""Programs that show the rules of ``special.egg`` at work."""

from __future__ import annotations

from typing import Any

import eqsat_tensor as et
from tests.rules.cases import case

# fails without the file
NEEDS: Any = case(
    "tail", lambda x: et.log(et.special.ndtr(x)), (-40.0, -804.6084420137538), absent="log ndtr"
)
# rule -> a program that comes out otherwise without it, and its arguments
PROGRAMS: dict[str, Any] = {}
