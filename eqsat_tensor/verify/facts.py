"""What each fact claims, as a check of values.

Facts of reals (positive, nonnegative, nonzero, integer-valued) speak of T at finite inputs; an
element whose T is no number claims nothing.  Facts of floats (finite, not-nan) speak of the
computed bits at all inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from eqsat_tensor.lang import Expr
from eqsat_tensor.verify.elements import Element, nan, special
from eqsat_tensor.verify.error_rules import Array
from eqsat_tensor.verify.precise import true_values
from eqsat_tensor.verify.running import evaluate_running

OF_REALS: dict[str, Callable[[Element], bool]] = {
    "positive": lambda x: bool(x > 0),
    "nonnegative": lambda x: bool(x >= 0),
    "nonzero": lambda x: bool(x != 0),
    "integer-valued": lambda x: isinstance(x, int) or special(x) or x == int(x),
}
OF_FLOATS: dict[str, Callable[[Array], Array]] = {
    "finite": np.isfinite,
    "not-nan": lambda x: ~np.isnan(x),
}


def fact_holds(name: str, expr: Expr, inputs: Mapping[Expr, Array]) -> tuple[int, ...] | None:
    """None where the fact holds of every element; the place of one where it does not."""
    if name in OF_FLOATS:
        [(value, _)] = evaluate_running([expr], inputs)
        wrong = np.argwhere(~OF_FLOATS[name](value))
        return tuple(int(i) for i in wrong[0]) if len(wrong) else None
    if not all(np.isfinite(x).all() for x in inputs.values() if x.dtype.kind == "f"):
        return None
    truth = true_values([expr], inputs)[0]
    for index in np.ndindex(truth.shape):
        element: Element = truth[index]
        if element is None or nan(element):
            continue
        if not OF_REALS[name](element):
            return index
    return None
