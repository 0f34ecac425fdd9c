"""Programs that show the rules of ``slices.egg`` at work."""

from __future__ import annotations

from typing import Any

import numpy as np

import eqsat_tensor as et
from tests.rules.shown.arrays import M, X
from tests.rules.test_cases import case

# fails without the file
NEEDS: Any = case(
    "reversed-twice", lambda x: x[::-1][::-1], ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]), absent="slice"
)
# rule -> a program that comes out otherwise without it, and its arguments
PROGRAMS: dict[str, Any] = {
    "slice-of-broadcast": (lambda x: et.broadcast_to(et.exp(x), (4, 3))[1], (X,)),
    "slice-of-broadcast-along-two": (lambda x: et.broadcast_to(et.exp(x), (2, 4, 3))[:1, :2], (X,)),
    "slice-of-transpose": (lambda x: x.mT[:1].mT, (M,)),
    "slice-of-transpose-3": (
        lambda x: et.transpose(et.transpose(x, (1, 2, 0))[:1], (2, 0, 1)),
        (np.arange(24.0).reshape(2, 3, 4),)),
}  # fmt: skip
