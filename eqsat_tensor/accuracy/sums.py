"""Sums, and sums of products, under optimize="accuracy": with twice the digits."""

from __future__ import annotations

from collections.abc import Sequence

from eqsat_tensor.extents import product
from eqsat_tensor.lang import FLOATS, Expr, rewrite
from eqsat_tensor.ops.arithmetic import multiply, square
from eqsat_tensor.ops.contract import matmul
from eqsat_tensor.ops.movement import broadcast, squeeze, swap_last
from eqsat_tensor.ops.reduce import sum_
from eqsat_tensor.ops.sums import precise_dot, precise_sum

ROUNDED_ONCE = 2  # terms up to which a sum is
PRODUCTS = (multiply, square)


def with_precise_sums(roots: Sequence[Expr]) -> list[Expr]:
    """The program with each sum of floats as `precise_sum`, and of products as `precise_dot`.

    Products of matrices that are no vectors stay what they are.
    """

    def change(node: Expr, operands: tuple[Expr, ...]) -> Expr:
        precise = None
        if node.op is sum_ and node.dtype in FLOATS:
            precise = _of_terms(operands[0], node["axes"])
        elif node.op is matmul and node.dtype in FLOATS:
            precise = _of_vector(*operands)
        if precise is not None:
            return precise
        return node if operands == node.arguments else node.rebuilt(operands)

    return rewrite(roots, change)


def _of_terms(terms: Expr, axes: tuple[int, ...]) -> Expr | None:
    count = product(terms.shape[a] for a in axes)
    if isinstance(count, int) and count <= 1:
        return None
    if terms.op in PRODUCTS:
        a, b = terms.arguments * (2 // terms.op.arity)
        return precise_dot(a, b, axes=axes)
    if isinstance(count, int) and count <= ROUNDED_ONCE:
        return None
    return precise_sum(terms, axes=axes)


def _of_vector(a: Expr, b: Expr) -> Expr | None:
    """A matrix times a column, or a row times a matrix, as sums of products along its rows."""
    last = a.type.rank - 1
    if b.shape[-1] == 1:
        vector, matrix, kept = squeeze(b, (last,)), a, last
    elif a.shape[-2] == 1:
        vector, matrix, kept = squeeze(a, (last - 1,)), swap_last(b), last - 1
    else:
        return None
    rows = precise_dot(matrix, broadcast(vector, (last - 1,), matrix.shape), axes=(last,))
    return broadcast(rows, (kept,), (*a.shape[:-1], b.shape[-1]))
