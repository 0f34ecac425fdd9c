"""Complex arrays in loops: arrays of their parts' dtype with one more axis, of size 2, at the end.

    real(x)          ->  View of it at 0 of the last axis;  imag at 1
    complex(re, im)  ->  Pair of both

A library op has complex arrays as operands and results: the same memory, by a "reshape".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from eqsat_tensor.lang import PART, Expr
from eqsat_tensor.schedule.loop_values import Call, Pair, Value
from eqsat_tensor.schedule.table import Table
from eqsat_tensor.types import TensorType


def paired(type: TensorType) -> TensorType:
    """The type in memory: a complex one has its parts along a last axis."""
    if type.dtype not in PART:
        return type
    return TensorType(PART[type.dtype], (*type.shape, 2))


def _part(number: int) -> Callable[..., Value]:
    def lower(table: Table, node: Expr, pairs: Value) -> Value:
        axes: list[Any] = [(j, 0, 1) for j in range(len(node.shape))]
        return table.view(node.shape, pairs, [*axes, (None, number, 1)])

    return lower


def _complex(table: Table, node: Expr, re: Value, im: Value) -> Value:
    return table.make(Pair, paired(node.type), re, im)


LOWER: dict[str, Callable[..., Value]] = {
    "real": _part(0),
    "imag": _part(1),
    "complex": _complex,
}


def whole(table: Table, value: Value, type: TensorType) -> Value:
    """A stored value as the array of `type` that a library op sees."""
    return value if type.dtype not in PART else table.make(Call, type, "reshape", (value,))


def parts(table: Table, value: Value) -> Value:
    """The result of a library op as loops see it."""
    type = paired(value.type)
    return value if type == value.type else table.make(Call, type, "reshape", (value,))
