"""Sums under optimize="accuracy": with twice the digits, at the speed at which memory is read."""

from __future__ import annotations

from collections.abc import Sequence

from eqsat_tensor.extents import product
from eqsat_tensor.lang import FLOATS, Expr, rewrite
from eqsat_tensor.ops.reduce import sum_
from eqsat_tensor.ops.sums import precise_sum

ROUNDED_ONCE = 2  # terms up to which a sum is


def with_precise_sums(roots: Sequence[Expr]) -> list[Expr]:
    """The program with each sum of floats as `precise_sum`."""

    def change(node: Expr, operands: tuple[Expr, ...]) -> Expr:
        if node.op is sum_ and node.dtype in FLOATS:
            count = product(operands[0].shape[a] for a in node["axes"])
            if not isinstance(count, int) or count > ROUNDED_ONCE:
                return precise_sum(operands[0], axes=node["axes"])
        return node if operands == node.arguments else node.rebuilt(operands)

    return rewrite(roots, change)
