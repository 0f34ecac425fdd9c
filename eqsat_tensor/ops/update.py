"""`update_slice`: an array with a slice of it replaced, as ``x[a:b:c] = v`` leaves it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eqsat_tensor.extents import Guard, Size
from eqsat_tensor.kinds import Attribute, Kind
from eqsat_tensor.lang import Expr, define
from eqsat_tensor.ops.leaf import constant
from eqsat_tensor.ops.movement import outside_guards, slice_
from eqsat_tensor.types import Shape, TensorType


def _type(
    x: TensorType, v: TensorType, start: Shape, step: tuple[int, ...], shape: Shape
) -> TensorType:
    assert x.dtype == v.dtype, (x, v)
    assert x.shape == tuple(shape), (x, shape)
    assert len(start) == len(step) == len(x.shape) == len(v.shape), (x, v, start, step)
    assert all(s >= 1 for s in step), step
    return x


def _update(x: Any, v: Any, start: Any, step: Any, shape: Any) -> Any:
    result = np.array(x)
    index = [a + s * np.arange(n) for a, s, n in zip(start, step, np.shape(v), strict=True)]
    if np.size(v):
        result[np.ix_(*index) if index else ()] = v
    return result


def _vjp(
    ct: Expr, out: Expr, x: Expr, v: Expr, start: Shape, step: tuple[int, ...], shape: Shape
) -> tuple[Expr, Expr]:
    hidden = update_slice(ct, constant(0, ct.dtype, v.shape), start, step)
    return hidden, slice_(ct, start, step, v.shape)


def _guards(node: Expr) -> list[Guard]:
    x, v = node.arguments
    return outside_guards(x.shape, v.shape, node["start"])


def _batch(node: Expr, operands: Sequence[Expr], size: Size) -> Expr:
    x, v = operands
    return update_slice(x, v, (0, *node["start"]), (1, *node["step"]))


_update_op = define(
    "update_slice",
    Kind.MOVEMENT,
    arity=2,
    numpy=_update,
    infer=_type,
    attributes={"start": Attribute.SIZES, "step": Attribute.AXES, "shape": Attribute.SHAPE},
    vjp=_vjp,
    batch=_batch,
    guards=_guards,
    linear=True,
    ulps=0.0,
    doc="x, but element i of axis j of v at start[j] + i * step[j]; steps are positive.",
)


def update_slice(x: Expr, v: Expr, start: Sequence[Size], step: Sequence[int]) -> Expr:
    """`x` with `v` in the place of the slice that starts at `start`, steps (positive) by `step`.

    A slice that is overwritten as a whole leaves nothing of what it was.
    """
    start = tuple(start)
    step = tuple(1 if n == 1 else s for s, n in zip(step, v.shape, strict=True))
    if 0 in v.shape:
        return x
    if v.shape == x.shape and all(a == 0 for a in start) and all(s == 1 for s in step):
        return v
    if x.op is _update_op and (x["start"], x["step"]) == (start, step):
        below, before = x.arguments
        if before.shape == v.shape:
            x = below
    if x.op.name == v.op.name == "full" and x["value"] == v["value"]:
        return x
    return _update_op(x, v, start=start, step=step, shape=x.shape)
