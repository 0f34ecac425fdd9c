"""Values that are known while tracing: what is made of constants and sizes alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.conditions import symbols_in
from eqsat_tensor.extents import symbol
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import Expr, topological
from eqsat_tensor.ops.captured import captured_array
from eqsat_tensor.reference import evaluate
from eqsat_tensor.sizes import Dim, sizes_now

Array = np.ndarray[Any, np.dtype[Any]]


def known_value(expr: Expr) -> Array | None:
    """The value of what depends on no argument's elements; the sizes that it depends on are pinned.

    None for all else.  Outside a trace no size has a value yet: TraceError.
    """
    nodes = topological([expr])
    captured: dict[Expr, Array] = {}
    for node in nodes:
        if node.op.kind is Kind.LIBRARY:  # may be code of the user's own
            return None
        if node.op.name == "input":
            array = captured_array(node)
            if array is None:
                return None
            captured[node] = array
    for name in sorted({name for node in nodes for name in symbols_in(node)}):
        int(Dim(symbol(name)))
    (value,) = evaluate([expr], captured, sizes_now())
    value.flags.writeable = False  # to write to it would not be to write to the tensor
    return value
