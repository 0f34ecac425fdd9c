"""Windows of a length that is known, and phases without jumps."""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.errors import TraceError, message
from eqsat_tensor.namespace.operands import PUBLIC, axis_of, expr_of, public, show
from eqsat_tensor.tensor import Tensor


def _window(name: str) -> None:
    def function(M: Any, *shape: Any) -> Any:
        hint = "Give the length as a number."
        raise TraceError(message(name, "a length that is known now", f"M: {show(M)}", hint))

    function.__name__ = name
    function.__doc__ = f"NumPy's `{name}`, of a length that is known while tracing."
    public(numpy=getattr(np, name))(function)


for _name in ("bartlett", "blackman", "hamming", "hanning", "kaiser"):
    _window(_name)


@public(numpy=np.unwrap)
def unwrap(p: Any, /, discont: Any = None, axis: int = -1, *, period: float = 2 * np.pi) -> Tensor:
    """`p` with jumps along `axis` of more than half a `period` replaced by their complements.

    discont: the least jump that counts, half a period at least.
    """
    rank = len(expr_of("unwrap", p).shape)
    place = axis_of("unwrap", axis, rank, p)
    half = period / 2
    jump = PUBLIC["diff"](p, axis=place)
    folded = PUBLIC["remainder"](jump + half, period) - half
    at_edge = PUBLIC["logical_and"](folded == -half, jump > 0)
    folded = PUBLIC["where"](at_edge, half, folded)
    small = PUBLIC["absolute"](jump) < (half if discont is None else discont)
    correction = PUBLIC["cumsum"](PUBLIC["where"](small, 0.0, folded - jump), axis=place)
    first = (*(slice(None),) * place, slice(0, 1))
    rest = (*(slice(None),) * place, slice(1, None))
    parts = (p[first], p[rest] + correction)
    result: Tensor = PUBLIC["concatenate"](parts, axis=place)
    return result
