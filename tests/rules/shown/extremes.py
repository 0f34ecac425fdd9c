"""Programs that show the rules of ``extremes.egg`` at work."""

from __future__ import annotations

from typing import Any

import numpy as np

import eqsat_tensor as et
from tests.rules.test_cases import case

# fails without the file
NEEDS: Any = case("greatest-of-opposites", lambda x: et.max(-x), ([-1.0, 3.0], 1.0), absent="max")
LINE = np.ones(100, bool)
MASKS = np.ones((100, 7), bool)
# rule -> a program that comes out otherwise without it, and its arguments
PROGRAMS: dict[str, Any] = {
    "any-over-one": (lambda m: et.any(m, axis=1), (MASKS[:, :1],)),
    "any-of-concatenate": (lambda m, n: et.any(et.concatenate([m, n])), (MASKS, MASKS)),
    "all-of-concatenate": (lambda m, n: et.all(et.concatenate([m, n])), (MASKS, MASKS)),
    "any-along-concatenate": (
        lambda m, n: et.any(et.concatenate([m, n]), axis=0), (MASKS, MASKS)),
}  # fmt: skip
