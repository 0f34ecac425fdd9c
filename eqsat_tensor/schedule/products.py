"""Matrix products as values: calls of a library, or sums of our own loops, which fuse.

matmul(a, b)                      ->  Call gemm
matmul(transpose(x), v) : [k, 1]  ->  Reduce sum of Map multiply
"""

from __future__ import annotations

from collections.abc import Callable

from eqsat_tensor.lang import BOOL
from eqsat_tensor.schedule.loop_values import Call, Input, Reduce, Scan, Value, View
from eqsat_tensor.schedule.table import Table, same
from eqsat_tensor.types import Shape, TensorType

# Products with a side that is statically 1 become reductions of our own, which fuse.
OWN_VECTOR_PRODUCTS = True


def _matmul(table: Table, type: TensorType, a: Value, b: Value) -> Value:
    if type.dtype.kind != "f" or _is_own(type):
        return _product(table, type, a, b)
    return _blas_product(table, type, a, b)


def _is_own(type: TensorType) -> bool:
    """Is a product with a vector done by our own loops?"""
    return OWN_VECTOR_PRODUCTS and 1 in type.shape[-2:]


def _gemm(
    table: Table, type: TensorType, alpha: Value, a: Value, b: Value, beta: Value, c: Value
) -> Value:
    whole = isinstance(c, Input | Call | Reduce | Scan) or _is_row(type, c)
    if whole and type.dtype.kind == "f" and not _is_own(type):
        return _blas_product(table, type, a, b, alpha, beta, c)
    # What is computed for the addend alone would be stored, copied into the result and read
    # again by the library: it is added where the result is read instead.
    product = _matmul(table, type, a, b)
    scaled = table.map("multiply", type, _spread(table, alpha, type.shape), product)
    added = table.map("multiply", type, _spread(table, beta, type.shape), c)
    return table.map("add", type, scaled, added)


def _spread(table: Table, value: Value, shape: Shape) -> Value:
    return table.view(shape, value, [])


def _product(table: Table, type: TensorType, a: Value, b: Value) -> Value:
    """A matrix product as a sum over a last axis k of a box [..., m, n, k]."""
    rank = len(type.shape)
    batch = [(j, 0, 1) for j in range(rank - 2)]
    box = (*type.shape, a.shape[-1])
    left = table.view(box, a, [*batch, (rank - 2, 0, 1), (rank, 0, 1)])
    right = table.view(box, b, [*batch, (rank, 0, 1), (rank - 1, 0, 1)])
    if type.dtype.kind == "b":
        both = table.map("logical_and", TensorType(BOOL, box), left, right)
        return table.make(Reduce, type, "any", both, (rank,))
    terms = table.map("multiply", type.with_shape(box), left, right)
    return table.make(Reduce, type, "sum", terms, (rank,))


def _blas_product(table: Table, type: TensorType, a: Value, b: Value, *scaled: Value) -> Value:
    plain_a, transpose_a = _untransposed(table, a)
    plain_b, transpose_b = _untransposed(table, b)
    options = [("transpose_a", transpose_a), ("transpose_b", transpose_b)]
    if scaled:
        alpha, beta, c = scaled
        if _is_row(type, c):
            assert isinstance(c, View), c
            c = c.source  # a bias
            options.append(("row", True))
        scaled = (alpha, beta, c)
    operands = tuple(table.stored(v) for v in (plain_a, plain_b, *scaled))
    return table.make(Call, type, "gemm", operands, tuple(options))


def _untransposed(table: Table, value: Value) -> tuple[Value, bool]:
    """A matrix (with leading axes) and whether ``value`` is its transpose: a part of it, if so."""
    rank = len(value.shape)
    if isinstance(value, View) and rank == len(value.source.shape):
        swapped = (*same(value.shape)[: rank - 2], (rank - 1, 0, 1), (rank - 2, 0, 1))
        if value.axes == swapped:
            shape = (*value.shape[:-2], value.shape[-1], value.shape[-2])
            return table.view(shape, value.source, same(shape)), True
    return value, False


def _is_row(type: TensorType, c: Value) -> bool:
    """Is an addend of a matrix product one row for all?"""
    return isinstance(c, View) and len(type.shape) == 2 and c.axes == ((1, 0, 1),)


# They take the type of the result: products of halves are computed in another than the node's.
LOWER: dict[str, Callable[..., Value]] = {"matmul": _matmul, "gemm": _gemm}
