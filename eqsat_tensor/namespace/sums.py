"""Sums that do not lose digits."""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.namespace.operands import axes_of, public
from eqsat_tensor.namespace.reducing import Axis, finish, floats, rounded
from eqsat_tensor.ops import sums
from eqsat_tensor.tensor import Tensor


def _of_arrays(x: Any, axis: Axis = None, keepdims: bool = False, exact: bool = True) -> Any:
    given = np.asarray(x)
    array = given if given.dtype.kind == "f" else given.astype(np.float64)
    axes = axes_of("fsum", axis, array.ndim)
    result = sums.exact_sum.numpy(array, axes=axes) if axes else array
    return (np.expand_dims(result, axes) if keepdims else result)[()]


@public(numpy=_of_arrays)
def fsum(x: Any, /, axis: Axis = None, keepdims: bool = False, exact: bool = True) -> Tensor:
    """The sum over `axis` (all for None) rounded once, whatever cancels: `math.fsum` of each row.

    exact: True: the float next to the sum, by a call of Python for each row.  False: the sum as if
    computed with twice the digits (float32 in float64), in compiled code; elements so large that
    4 n max|x| overflows are added plainly.  Ints and bools are taken as float64.
    """
    expr = floats("fsum", x)
    axes = axes_of("fsum", axis, len(expr.shape), x)
    op = sums.exact_sum if exact else sums.precise_sum
    return finish(rounded(op(expr, axes=axes) if axes else expr, x), axes, keepdims)
