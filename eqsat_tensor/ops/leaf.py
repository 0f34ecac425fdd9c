"""Ops without operands: inputs, constants, indices, sizes."""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.extents import Size
from eqsat_tensor.kinds import Attribute, Kind
from eqsat_tensor.lang import Expr, define
from eqsat_tensor.types import Literal, Shape, TensorType, literal


def _no_value(**_: Any) -> Any:
    raise AssertionError("an input has no value of its own")


def _iota(axis: int, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    along = [1] * len(shape)
    along[axis] = shape[axis]
    return np.broadcast_to(np.arange(shape[axis]).astype(dtype).reshape(along), shape)


input_ = define(
    "input",
    Kind.LEAF,
    arity=0,
    attributes={
        "name": Attribute.TEXT,
        "key": Attribute.INT,
        "dtype": Attribute.DTYPE,
        "shape": Attribute.SHAPE,
    },
    numpy=_no_value,
    infer=lambda name, key, dtype, shape: TensorType(dtype, shape),
    doc="An argument, a state or a captured array; `key` tells users' objects apart.",
)

full = define(
    "full",
    Kind.LEAF,
    arity=0,
    attributes={"value": Attribute.LITERAL, "shape": Attribute.SHAPE},
    numpy=lambda value, shape: np.full(shape, value.value, value.dtype),
    infer=lambda value, shape: TensorType(value.dtype, shape),
    doc="A typed constant in every element.",
)

iota = define(
    "iota",
    Kind.LEAF,
    arity=0,
    attributes={"axis": Attribute.INT, "dtype": Attribute.DTYPE, "shape": Attribute.SHAPE},
    numpy=_iota,
    infer=lambda axis, dtype, shape: TensorType(dtype, shape),
    doc="The index along one axis.",
)

size = define(
    "size",
    Kind.LEAF,
    arity=0,
    attributes={"size": Attribute.SIZES, "dtype": Attribute.DTYPE},
    numpy=lambda size, dtype: np.asarray(size[0]).astype(dtype),
    infer=lambda size, dtype: TensorType(dtype, ()),
    doc="A size as a 0-d value.",
)


def constant(value: object, dtype: np.dtype, shape: Shape = ()) -> Expr:
    """``value`` of ``dtype`` in every element of ``shape``."""
    return full(value=literal(value, dtype), shape=shape)


def full_like(expr: Expr, value: object) -> Expr:
    """``value`` in the dtype and shape of ``expr``."""
    return constant(value, expr.dtype, expr.shape)


def size_value(of: Size, dtype: np.dtype) -> Expr:
    """A size as a 0-d value: a constant where it is a number."""
    return constant(of, dtype) if isinstance(of, int) else size(size=(of,), dtype=dtype)


def is_constant(expr: Expr, value: float) -> bool:
    """Is ``expr`` a constant equal to ``value``?"""
    if expr.op is not full:
        return False
    held: Literal = expr["value"]
    return bool(held.value == value)


def constant_of(expr: Expr) -> Any:
    """The number that a constant (or a broadcast of one) holds; None for other expressions."""
    if expr.op is not full:
        return None
    held: Literal = expr["value"]
    return held.value
