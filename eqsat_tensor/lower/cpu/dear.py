"""Functions that a kernel calls, since it would write them out too often.

Ten tanh in a row take three times as long to compile where each is written out, and spill registers:
called, they run in 0.93 of the time; with five exp, log or tanh, of both types, it is 0.99 to 1.02.  So it
is in deep bodies, of which the longest chain is most; in wide ones calls cost up to 1.4.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from eqsat_tensor.scalar import PRIMITIVES
from eqsat_tensor.schedule.loop_values import Map, Value

OFTEN = 5
DEEP = 1.6  # a deep body costs at most so many times its longest chain
DEAR = 12.0  # what a dear function costs at least
# Trigonometric functions, and those of SciPy, are called as it is.
DEAR_FUNCTIONS = frozenset(
    name
    for name, p in PRIMITIVES.items()
    if p.cost >= DEAR and not p.external and name not in ("sin", "cos", "tan", "power")
)


def is_deep(cost: float, chain: float) -> bool:
    """Is a body of this cost, and with this longest chain, little but the chain?"""
    return cost <= DEEP * chain


def often(body: Iterable[Value], once: bool = False) -> frozenset[tuple[str, np.dtype]]:
    """The dear functions, by dtype, that stand in a body `OFTEN`; or at all, if once is enough."""
    uses = Counter(
        (v.primitive, v.dtype)
        for v in body
        if isinstance(v, Map) and v.dtype.kind == "f" and v.primitive in DEAR_FUNCTIONS
    )
    return frozenset(function for function, n in uses.items() if n >= (1 if once else OFTEN))
