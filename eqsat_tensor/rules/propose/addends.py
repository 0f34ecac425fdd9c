"""Matrix products last in a sum, so that each is added where it is made.

    X @ Y + U @ V + Z   ->   (Z + X @ Y) + U @ V, which is gemm(U, V, gemm(X, Y, Z))

The bound of the left carries u |X||Y| from each product, which covers what another order of
addition can lose.
"""

from __future__ import annotations

from collections.abc import Iterator

from eqsat_tensor.rules.propose import GraphLike, Proposal, Proposer, classes
from eqsat_tensor.rules.propose.sums import LONGEST, SUMS, in_order, terms

INNER = 5  # terms from which a sum inside a longer one is left to that


def products_last(graph: GraphLike) -> Iterator[Proposal]:
    """Sums of three or more terms, two of which are matrix products, one before another term."""
    made = {node.eclass for node in graph.nodes if node.op == "matmul"}
    made |= {
        n.eclass for n in graph.nodes if n.op == "multiply" and not made.isdisjoint(n.operands)
    }
    if len(made) < 2:
        return
    inner = {d for node in graph.nodes if node.op in SUMS for d in node.operands}
    for eclass in classes(graph, "add", "subtract"):
        most = INNER if eclass in inner else LONGEST
        parts = terms(graph, eclass, most)
        if not 3 <= len(parts) < most:
            continue
        last = [at in made for at, _ in parts]
        if sum(last) < 2 or all(last) or last == sorted(last):
            continue
        order = sorted(range(len(parts)), key=lambda i: last[i])
        term = in_order([parts[i] for i in order])
        if term is not None:
            yield Proposal(eclass, term)


PROPOSERS = (
    Proposer(
        "products-last-in-sum",
        "linear",
        products_last,
        "X Y + U V + Z = (Z + X Y) + U V",
        is_minor=True,
    ),
)
