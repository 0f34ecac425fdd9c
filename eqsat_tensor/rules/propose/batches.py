"""Batched matrix products with an operand that the batch shares are one product.

    x[b, m, k] @ broadcast(w[k, n])   ->   reshape(reshape(x, [b*m, k]) @ w, [b, m, n])
    sum over b of x[b, m, k]^T @ y[b, m, n]   ->   reshape(x, [b*m, k])^T @ reshape(y, [b*m, n])

The second is the gradient of the first by w.  A reshape needs the product of two sizes, which is
known to Python alone where they are known at run time only.
"""

from __future__ import annotations

from collections.abc import Iterator

from eqsat_tensor.extents import Size, product
from eqsat_tensor.rules.propose import GraphLike, Operand, Proposal, Proposer, Term, form, forms
from eqsat_tensor.types import Shape


def folded(graph: GraphLike) -> Iterator[Proposal]:
    """For each batched product whose right operand is one matrix for all of the batch."""
    for node in graph.nodes:
        if node.op != "matmul":
            continue
        left, right = node.operands
        type, whole = graph.types[left], graph.types[node.eclass]
        if type is None or whole is None or type.rank < 3:
            continue
        shared = _repeated(graph, right, type.rank - 2)
        if shared is not None:
            rows: Shape = (product(type.shape[:-1]), type.shape[-1])
            made = Term("matmul", (_reshaped(left, rows), shared))
            yield Proposal(node.eclass, _reshaped(made, whole.shape))


def _repeated(graph: GraphLike, eclass: int, batch: int) -> int | None:
    """The matrix that is repeated along all axes of a batch."""
    for node in forms(graph, eclass, "broadcast"):
        if node.attributes[0] == tuple(range(batch)):
            return node.operands[0]
    return None


def _reshaped(x: Operand, shape: tuple[Size, ...]) -> Term:
    return Term("reshape", (x,), (shape,))


def summed(graph: GraphLike) -> Iterator[Proposal]:
    """For each sum over the whole batch of products of transposed matrices with others."""
    for node in graph.nodes:
        if node.op != "sum":
            continue
        found = form(graph, node.operands[0], "matmul")
        type = graph.types[node.operands[0]]
        if found is None or type is None or node.attributes[0] != tuple(range(type.rank - 2)):
            continue
        left, right = found.operands
        turned = _transposed(graph, left, type.rank)
        x = None if turned is None else graph.types[turned]
        y = graph.types[right]
        if turned is None or x is None or y is None:
            continue
        rows: list[Term] = []
        for operand, t in ((turned, x), (right, y)):
            rows.append(_reshaped(operand, (product(t.shape[:-1]), t.shape[-1])))
        columns = Term("transpose", (rows[0],), ((1, 0),))
        yield Proposal(node.eclass, Term("matmul", (columns, rows[1])))


def _transposed(graph: GraphLike, eclass: int, rank: int) -> int | None:
    """The matrices of which these are the transposes, where the e-graph holds them."""
    order = (*range(rank - 2), rank - 1, rank - 2)
    for node in forms(graph, eclass, "transpose"):
        if node.attributes[0] == order:
            return node.operands[0]
    return None


PROPOSERS = (
    Proposer("batch-in-rows", "linear", folded, "x[b] @ w for all b at once"),
    Proposer("sum-of-batch-in-rows", "linear", summed, "sum_b x[b]^T @ y[b] as one product"),
)
