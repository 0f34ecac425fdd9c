"""Comparisons of whole numbers, which NumPy makes exactly: of int64 with uint64, which no dtype
holds both, and with Python ints of any size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eqsat_tensor.lang import INT64, INTS, OPS, UINT64, Expr, OpDef
from eqsat_tensor.namespace.operands import broadcast_together
from eqsat_tensor.ops.compare import cast_to
from eqsat_tensor.ops.leaf import constant, full_like
from eqsat_tensor.tensor import as_expr, is_operand, weak_type

# Each comparison, and the same with the operands exchanged.
COMPARISONS = {
    "equal": "equal",
    "not_equal": "not_equal",
    "less": "greater",
    "less_equal": "greater_equal",
    "greater": "less",
    "greater_equal": "less_equal",
}
BELOW = ("not_equal", "less", "less_equal")  # what holds of a number and a larger one


def whole_comparison(op: OpDef, operands: Sequence[Any]) -> Expr | None:
    """The comparison of two operands, or None where they are of one integer dtype, or no integers.

    A Python int that the dtype does not hold is below or above all; one that is not known yet is
    compared as int64.
    """
    a, b = operands
    if not is_operand(a) or not is_operand(b):
        return None
    if type(a) is int and type(b) is not int:
        return whole_comparison(OPS[COMPARISONS[op.name]], (b, a))
    left = as_expr(a)
    if left.dtype not in INTS:
        return None
    if type(b) is int:
        return None if _holds(left, b) else _beyond(op, left, b)
    right = as_expr(b)
    weak = weak_type(a) is not weak_type(b)  # an int beside a dtype to which it would give way
    if right.dtype not in INTS or not (weak or _mixed(left, right)):
        return None
    if UINT64 not in (left.dtype, right.dtype):
        return op(*_together(operands, (cast_to(left, INT64), cast_to(right, INT64))))
    if left.dtype == UINT64:
        op, operands = OPS[COMPARISONS[op.name]], (b, a)
        left, right = right, left
    if left.dtype.kind == "u":
        return op(*_together(operands, (cast_to(left, UINT64), right)))
    signed, other = _together(operands, (left, right))
    negative = OPS["less"](signed, full_like(signed, 0))
    plain = op(cast_to(signed, UINT64), other)
    if op.name in BELOW:
        return OPS["logical_or"](negative, plain)
    return OPS["logical_and"](OPS["logical_not"](negative), plain)


def _mixed(left: Expr, right: Expr) -> bool:
    return UINT64 in (left.dtype, right.dtype) and left.dtype.kind != right.dtype.kind


def _together(operands: Sequence[Any], exprs: Sequence[Expr]) -> list[Expr]:
    return broadcast_together("comparison", operands, exprs)


def _holds(x: Expr, number: int) -> bool:
    try:
        constant(number, x.dtype)
    except OverflowError:
        return False
    return True


def _beyond(op: OpDef, x: Expr, number: int) -> Expr:
    """The comparison with a number on one side of all that the dtype holds."""
    holds = op.name in BELOW if number > 0 else COMPARISONS[op.name] in BELOW
    return constant(holds, op.infer(x.type, x.type).dtype, x.shape)
