"""The cheapest bracketing of a long chain of matrix products.

Association is a rule and finds every bracketing of short chains; their number grows as the cube of
the length, so beyond `SHORT` factors dynamic programming finds the best one outright.

    ((a @ b) @ c) @ v   ->   a @ (b @ (c @ v))
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from eqsat_tensor.extents import Size
from eqsat_tensor.rules.propose import GraphLike, Operand, Proposal, Proposer, Term, classes, form

SHORT = 16  # factors that association by rules takes on
UNKNOWN = 1000  # a size that is known at run time only


def chain(graph: GraphLike, eclass: int) -> list[int]:
    """The factors of a product of matrices, in order."""
    found: list[int] = []
    stack = [eclass]
    on_path: set[int] = set()
    while stack:
        at = stack.pop()
        node = None if at in on_path else form(graph, at, "matmul")
        type = graph.types[at]
        if node is None or type is None or type.rank != 2:
            found.append(at)
            continue
        on_path.add(at)
        stack.extend(reversed(node.operands))
    return found


def bracketed(graph: GraphLike) -> Iterator[Proposal]:
    """For each chain of more than `SHORT` factors that is in no longer one, its best bracketing."""
    inner = {
        operand
        for node in graph.nodes
        if node.op == "matmul"
        for operand in node.operands
    }  # fmt: skip
    for eclass in classes(graph, "matmul"):
        if eclass in inner:
            continue
        factors = chain(graph, eclass)
        if len(factors) > SHORT:
            term = best_bracketing(factors, _sizes(graph, factors))
            if isinstance(term, Term):
                yield Proposal(eclass, term)


def _sizes(graph: GraphLike, factors: Sequence[int]) -> tuple[int, ...]:
    """Rows of every factor, and the columns of the last."""
    sizes: list[Size] = []
    for factor in factors:
        type = graph.types[factor]
        assert type is not None, factor
        sizes.append(type.shape[0])
    last = graph.types[factors[-1]]
    assert last is not None, factors
    sizes.append(last.shape[1])
    return tuple(s if isinstance(s, int) else UNKNOWN for s in sizes)


def best_bracketing(factors: Sequence[int], sizes: Sequence[int]) -> Operand:
    """The bracketing with the fewest multiplications; ties go to the leftmost split.

    Source: Cormen et al., Introduction to Algorithms, matrix-chain multiplication.
    """
    n = len(factors)
    cost = {(i, i): 0 for i in range(n)}
    split: dict[tuple[int, int], int] = {}
    for length in range(2, n + 1):
        for i in range(n - length + 1):
            j = i + length - 1
            cost[i, j], split[i, j] = min(
                (cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j)
            )

    @cache
    def build(i: int, j: int) -> Operand:
        if i == j:
            return factors[i]
        k = split[i, j]
        return Term("matmul", (build(i, k), build(k + 1, j)))

    return build(0, n - 1)


PROPOSERS = (
    Proposer(
        "long-matrix-chain", "chain", bracketed, "the cheapest order of a long matrix product"
    ),
)
