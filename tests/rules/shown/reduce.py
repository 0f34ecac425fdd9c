"""Programs that show the rules of ``reduce.egg`` at work."""

from __future__ import annotations

from typing import Any

import numpy as np

import eqsat_tensor as et
from eqsat_tensor.extents import symbol
from eqsat_tensor.ops.captured import input_leaf
from eqsat_tensor.tensor import Tensor
from tests.rules.shown.arrays import M

# fails without the file
NEEDS: Any = "one-hot-gradient"
CUBE = np.ones((3, 4, 5))
SHORT = np.ones((3, 4))


def repeated(dtype: str) -> Any:
    """The sum of equal rows, as many as a size that is known at run time only."""
    n = Tensor(input_leaf("n", np.dtype(dtype), (symbol("n", 1),))).shape[0]
    return lambda x: et.sum(et.broadcast_to(x, (n, *x.shape)), axis=0)


# rule -> a program that comes out otherwise without it, and its arguments
PROGRAMS: dict[str, Any] = {
    "sum-of-broadcast-single": (repeated("float32"), (np.float32(2),)),
    "sum-of-broadcast-double": (repeated("float64"), (2.0,)),
    "sum-of-broadcast-row-single": (repeated("float32"), (np.ones(3, np.float32),)),
    "sum-of-broadcast-row-double": (repeated("float64"), (np.ones(3),)),
    "sum-along-reversed": (lambda x: et.sum(x[::-1], axis=0), (M,)),
    "prod-along-reversed": (lambda x: et.prod(x[::-1], axis=0), (M,)),
    "reversed-cumsum": (lambda x: et.cumsum(x[::-1])[::-1], (CUBE[0, 0],)),
    "reversed-cummax": (lambda x: np.maximum.accumulate(x[::-1])[::-1], (CUBE[0, 0],)),
    "reversed-cummin": (lambda x: np.minimum.accumulate(x[::-1])[::-1], (CUBE[0, 0],)),
    "prod-of-constant-multiple": (lambda x: et.prod(2.0 * x, axis=0), (SHORT,)),
    "prod-of-all-constant-multiple": (lambda x: et.prod(2.0 * x), (SHORT,)),
}  # fmt: skip
