"""Programs that show the rules of ``concatenate.egg`` at work."""

from __future__ import annotations

from typing import Any

import numpy as np

import eqsat_tensor as et
from tests.rules.shown.arrays import SQUARE, M
from tests.rules.test_cases import case

# fails without the file
NEEDS: Any = case(
    "joined-halves", lambda x: et.concatenate([x[:1], x[1:]]), ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]),
    absent="concatenate slice",
)  # fmt: skip
# rule -> a program that comes out otherwise without it, and its arguments
TRUTH = np.ones((70, 70), bool)
PROGRAMS: dict[str, Any] = {
    "concatenate-of-transposes": (lambda x, y: et.concatenate([x.mT, y.mT]).mT, (M, M)),
    "any-of-concatenate-beside": (lambda x, y: et.any(et.concatenate([x, y]), axis=1), (TRUTH, TRUTH)),
    "all-of-concatenate-beside": (lambda x, y: et.all(et.concatenate([x, y]), axis=1), (TRUTH, TRUTH)),
    "matmul-of-concatenates": (
        lambda a, b: et.concatenate([a, b], axis=1) @ et.concatenate([b, a]), (SQUARE, SQUARE)),
}  # fmt: skip
