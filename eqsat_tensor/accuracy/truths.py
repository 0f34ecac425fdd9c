"""True values of every node of a program, over several calls.

In: expressions of known sizes, and for each call an array for each input leaf.  Out: for each node of
floats an array of calls by elements, float64; NaN where the value is no real number, or is not settled.

Programs unroll into scalar terms (`unrolled`), whose values are found in as many bits as each needs.
Where an op has no term (a special function, a label) the program is evaluated call by call at growing
precision instead (`verify.precise`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eqsat_tensor.accuracy.meanings import known_ops
from eqsat_tensor.accuracy.reals import reals
from eqsat_tensor.accuracy.truth import Truth
from eqsat_tensor.accuracy.unrolled import Unrolled, sizes_of, stacked
from eqsat_tensor.errors import UnsupportedError
from eqsat_tensor.lang import Expr, topological
from eqsat_tensor.verify.elements import nan
from eqsat_tensor.verify.precise import true_values

Calls = Sequence[Mapping[Expr, np.ndarray]]


def true_arrays(roots: Sequence[Expr], calls: Calls) -> dict[Expr, np.ndarray]:
    """The true value of every float node that the roots need, at each call."""
    nodes = [n for n in topological(roots) if n.dtype.kind == "f"]
    numbers = reals()
    try:
        unrolled = Unrolled(roots, known_ops())
    except UnsupportedError as error:
        if "elements in all nodes" in str(error):
            raise
        return _by_calls(nodes, calls)
    columns = stacked(unrolled, calls) or [np.zeros(len(calls))]
    truth = Truth(columns, numbers)
    made = {}
    for node in nodes:
        terms = unrolled.elements[node]
        values = np.empty((len(calls), *sizes_of(node)))
        for index in np.ndindex(terms.shape):
            element: Any = terms[index]
            values[(slice(None), *index)] = truth(element)
        made[node] = values
    return made


def _by_calls(nodes: Sequence[Expr], calls: Calls) -> dict[Expr, np.ndarray]:
    """The same by whole arrays of mpmath numbers."""
    made = {node: np.empty((len(calls), *sizes_of(node))) for node in nodes}
    for number, call in enumerate(calls):
        for node, value in zip(nodes, true_values(nodes, call), strict=True):
            for index in np.ndindex(value.shape):
                element: Any = value[index]
                settled = element is not None and not nan(element)
                made[node][(number, *index)] = float(element) if settled else np.nan
    return made
