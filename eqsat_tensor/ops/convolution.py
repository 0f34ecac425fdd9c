"""Sums of products of two sequences, one of them turned round and moved along the other.

    out[k] = sum over j of a[start + k - j] v[j],   of those j for which there is such an element of a

Nothing is multiplied by 0 beyond the ends: v may hold NaN or infinity.  Of the same form are its
derivatives, by other starts, with the other operand turned round:

    da[i] = sum over k of ct[k] v[start + k - i]      =>  start' = m - 1 - start
    dv[j] = sum over k of ct[k] a[start + k - j]      =>  start' = n - 1 - start
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from eqsat_tensor.extents import Size
from eqsat_tensor.kinds import Attribute, Kind
from eqsat_tensor.lang import NUMBERS, Expr, OpDef, define
from eqsat_tensor.ops.arithmetic import add
from eqsat_tensor.ops.movement import slice_
from eqsat_tensor.types import Shape, TensorType


def _convolution(a: Any, v: Any, start: tuple[int], shape: tuple[int, ...]) -> Any:
    result = np.zeros(shape, a.dtype)
    if not (a.size and v.size and result.size):
        return result
    first, length = start[0], shape[-1]
    for row in np.ndindex(shape[:-1]):
        full = np.convolve(a[row], v[row])
        low, high = max(first, 0), min(first + length, len(full))
        result[row][low - first : max(high, low) - first] = full[low : max(high, low)]
    return result


def _type(a: TensorType, v: TensorType, start: tuple[Size], shape: Shape) -> TensorType:
    assert a.dtype == v.dtype, (a, v)
    assert a.rank == v.rank == len(shape) >= 1, (a, v, shape)
    assert a.shape[:-1] == v.shape[:-1] == shape[:-1], (a, v, shape)
    assert len(start) == 1, start
    return a.with_shape(shape)


def _turned(x: Expr) -> Expr:
    """From the last to the first along the last axis."""
    *lead, size = x.shape
    return slice_(x, [*(0 for _ in lead), size - 1], [*(1 for _ in lead), -1], x.shape)


def _vjp(
    ct: Expr, out: Expr, a: Expr, v: Expr, start: tuple[Size], shape: Shape
) -> tuple[Expr, Expr]:
    starts = [other.shape[-1] - 1 - start[0] for other in (v, a)]
    return (
        convolution(ct, _turned(v), start=(starts[0],), shape=a.shape),
        convolution(ct, _turned(a), start=(starts[1],), shape=v.shape),
    )


def _jvp(
    tangents: Sequence[Expr | None], out: Expr, a: Expr, v: Expr, start: tuple[Size], shape: Shape
) -> Expr | None:
    da, dv = tangents
    parts = [] if da is None else [convolution(da, v, start=start, shape=shape)]
    parts += [] if dv is None else [convolution(a, dv, start=start, shape=shape)]
    return add(*parts) if len(parts) == 2 else parts[0]


convolution: OpDef = define(
    "convolution", Kind.LIBRARY, arity=2, numpy=_convolution, infer=_type, dtypes=NUMBERS,
    vjp=_vjp, jvp=_jvp, flops=lambda a, v: 2.0 * math.prod(a) * v[-1],
    attributes={"start": Attribute.SIZES, "shape": Attribute.SHAPE},
    doc="Elements of the convolution of two sequences from a start on; leading axes are a batch.",
)  # fmt: skip
