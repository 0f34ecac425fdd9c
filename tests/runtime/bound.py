"""Functions bound to small programs, what they are called with, and what they fall back on."""

from typing import Any

import numpy as np

from eqsat_tensor.runtime.binding import Binding
from eqsat_tensor.runtime.native import Callable

RNG = np.random.default_rng(0)
A, X, Y = (RNG.normal(size=10) for _ in range(3))


def slow(*args: Any, **kwargs: Any) -> tuple[str, int, tuple[str, ...]]:
    return "slow", len(args), tuple(kwargs)


def compiled(*bindings: Binding, name: str = "f", otherwise: Any = slow) -> Callable:
    f = Callable(otherwise, name)
    for binding in bindings:
        f.add(binding)
    return f
