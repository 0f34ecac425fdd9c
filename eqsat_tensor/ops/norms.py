"""The root of a sum of squares, right where the squares overflow or underflow.

Rows whose sum of squares lies outside `SAFE` are summed again, scaled by a power of two: where no row
does, which is the rule, compiled code skips that pass.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import FLOAT16, FLOAT32, FLOATS, Expr, define
from eqsat_tensor.ops.arithmetic import divide, multiply, sqrt, square
from eqsat_tensor.ops.compare import cast_to, equal, less, logical_or, where
from eqsat_tensor.ops.leaf import full_like
from eqsat_tensor.ops.movement import broadcast
from eqsat_tensor.ops.reduce import AXES, any_, reduced_type, sum_
from eqsat_tensor.ops.roots import one_where_zero

Axes = tuple[int, ...]
# Below the first, squares that underflowed could count; times the second, or divided by it, no square of
# such an element over- or underflows so that it counts.
SAFE = {"float64": (2.0**-960, 2.0**600), "float32": (2.0**-90, 2.0**90)}


def _norm(x: Any, axes: Axes) -> Any:
    """Scaled by the power of two next to the largest element."""
    wide = x.astype(FLOAT32) if x.dtype == FLOAT16 else x
    top = np.max(np.abs(wide), axes, keepdims=True, initial=0)
    scale = np.clip(np.where(np.isfinite(top), np.frexp(top)[1], 0), -1000, 1024) - 1
    total = np.sum(np.square(np.ldexp(wide, -scale)), axes, keepdims=True)
    return np.squeeze(np.ldexp(np.sqrt(total), scale), axes).astype(x.dtype)


def _expand_norm(x: Expr, axes: Axes) -> Expr:
    if x.dtype == FLOAT16:
        return cast_to(_expand_norm(cast_to(x, FLOAT32), axes), FLOAT16)
    low, scale = SAFE[x.dtype.name]
    total = sum_(square(x), axes=axes)
    one, huge, tiny = (full_like(total, v) for v in (1.0, scale, 1 / scale))
    lost = logical_or(less(total, full_like(total, low)), equal(total, full_like(total, np.inf)))
    small = less(total, one)
    # whether any row is lost, where rows do not lie one after the other in memory
    every = tuple(range(total.type.rank))
    again = lost if not every or axes[-1] == x.type.rank - 1 else any_(lost, axes=every)
    around = axes if again is lost else tuple(range(x.type.rank))
    scaled = square(multiply(x, broadcast(where(small, huge, tiny), axes, x.shape)))
    rest = sum_(where(broadcast(again, around, x.shape), scaled, full_like(x, 0)), axes=axes)
    return multiply(sqrt(where(lost, rest, total)), where(lost, where(small, tiny, huge), one))


def _real_norm(x: Expr, axes: Axes) -> Expr:
    return sqrt(sum_(square(x), axes=axes))


def _norm_vjp(ct: Expr, out: Expr, x: Expr, axes: Axes) -> tuple[Expr]:
    direction = divide(x, broadcast(one_where_zero(out), axes, x.shape))
    return (multiply(broadcast(ct, axes, x.shape), direction),)


norm = define(
    "norm", Kind.COMPOSITE, arity=1, numpy=_norm, attributes=AXES, dtypes=FLOATS, vjp=_norm_vjp,
    infer=reduced_type,
    expand=_expand_norm, real=_real_norm, ulps=4.0,
    doc="sqrt(sum(x^2)) without overflow or underflow of the squares; the derivative at 0 is 0.",
)  # fmt: skip
