"""Programs that show the rules of ``movement.egg`` at work."""

from __future__ import annotations

from typing import Any

import numpy as np

import eqsat_tensor as et
from tests.rules.shown.arrays import M

# fails without the file
NEEDS: Any = "T22-keepdims"
# rule -> a program that comes out otherwise without it, and its arguments
PROGRAMS: dict[str, Any] = {
    "negative-of-broadcast<=": (lambda x, z: z + et.broadcast_to(-x, z.shape), (np.ones(4), M)),
    "negative-of-transpose": (lambda x: (-(x.mT)).mT, (M,)),
    "exp-of-transpose": (lambda x: et.exp(x.mT).mT, (M,)),
    "tanh-of-transpose": (lambda x: et.tanh(x.mT).mT, (M,)),
    "multiply-transpose-by-constant": (lambda x: (x.mT * 3.0).mT, (M,)),
    "divide-transpose-by-constant": (lambda x: (x.mT / 3.0).mT, (M,)),
}  # fmt: skip
