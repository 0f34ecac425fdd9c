"""Programs that show the facts of ``matrix_facts.egg`` at work."""

from __future__ import annotations

from typing import Any

import numpy as np

import eqsat_tensor as et
from tests.rules.cases import case

# fails without the file
NEEDS: Any = case(
    "system-of-lower-triangle",
    lambda a, v: et.linalg.solve(et.tril(a), v),
    (np.array([[2.0, 7.0], [1.0, 4.0]]), np.array([2.0, 9.0]), [1.0, 2.0]),
    absent="solve",
)
# rule -> a program that comes out otherwise without it, and its arguments
PROGRAMS: dict[str, Any] = {}
