"""Common factors of products that stand anywhere in a long sum.

    a*b + c + a*d   ->   a*(b + d) + c

The error of the left carries |a b| + |a d| from the two products, which is all that the right can
lose by adding b and d first.  Terms that are no products are never collected: x - y + x - z is not
2x - (y + z), which is refuted at y = z = x, where the left is exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from eqsat_tensor.rules.propose import (
    GraphLike,
    NodeLike,
    Operand,
    Proposal,
    Proposer,
    Term,
    classes,
    form,
)

LONGEST = 64  # terms of a sum that is looked at
SHORT = 12  # terms from which a sum inside a longer one is left to that
SUMS = ("add", "subtract", "negative")
PRODUCTS = ("multiply", "matmul")
NONE: Mapping[int, NodeLike] = {}


def terms(graph: GraphLike, eclass: int, most: int = LONGEST) -> list[tuple[int, int]]:
    """The terms of a sum in order, at most so many, each with its sign 1 or -1."""
    found: list[tuple[int, int]] = []
    stack = [(eclass, 1)]
    on_path: set[int] = set()
    add, subtract, negative = (graph.by_op.get(op, NONE) for op in SUMS)
    multiply, matmul = (graph.by_op.get(op, NONE) for op in PRODUCTS)
    while stack and len(found) < most:
        at, sign = stack.pop()
        inside = at in add or at in subtract or at in negative
        inside = inside and at not in multiply and at not in matmul and at not in on_path
        node = form(graph, at, *SUMS) if inside else None
        if node is None:
            found.append((at, sign))
            continue
        on_path.add(at)
        if node.op == "negative":
            stack.append((node.operands[0], -sign))
        else:
            left, right = node.operands
            stack.append((right, -sign if node.op == "subtract" else sign))
            stack.append((left, sign))
    return found


def factored(graph: GraphLike) -> Iterator[Proposal]:
    """Sums of three or more terms, two of which are products with a common factor."""
    products: dict[int, list[NodeLike]] = {}
    inner = {d for node in graph.nodes if node.op in SUMS for d in node.operands}
    for eclass in classes(graph, "add", "subtract"):
        most = SHORT if eclass in inner else LONGEST
        parts = terms(graph, eclass, most)
        if not 3 <= len(parts) < most:
            continue
        for at, _ in parts:
            if at not in products:
                found = [form(graph, at, kind) for kind in PRODUCTS]
                products[at] = [node for node in found if node is not None]
        if sum(bool(products[at]) for at, _ in parts) < 2:
            continue
        new, changed = _paired(graph, parts, products)
        if changed and (term := _sum(new)) is not None:
            yield Proposal(eclass, term)


def _paired(
    graph: GraphLike, parts: Sequence[tuple[int, int]], products: Mapping[int, Sequence[NodeLike]]
) -> tuple[list[tuple[Operand, int]], bool]:
    """The terms, each product joined with the first before it that shares a factor and is free."""
    new: list[tuple[Operand, int] | None] = list(parts)
    free: dict[tuple[str, str, int], list[tuple[int, NodeLike]]] = {}  # factor -> products
    joined: set[int] = set()
    for i, (at, sign) in enumerate(parts):
        for node in products[at]:
            for key in _factors(node):
                partner = next(((k, m) for k, m in free.get(key, ()) if k not in joined), None)
                if partner is None or i in joined:
                    continue
                k, other = partner
                same_type = graph.types[parts[k][0]] == graph.types[at]
                op = "add" if parts[k][1] == sign else "subtract"
                found = _shared(other, node, op) if same_type else None
                if found is not None:
                    new[k], new[i] = (found, parts[k][1]), None
                    joined |= {i, k}
        for node in products[at]:
            for key in _factors(node):
                free.setdefault(key, []).append((i, node))
    return [part for part in new if part is not None], bool(joined)


def _factors(node: NodeLike) -> list[tuple[str, str, int]]:
    """What two products must share: any factor, or for matrices the left or the right one."""
    left, right = node.operands
    if node.op == "multiply":
        return [(node.op, "", left), (node.op, "", right)]
    return [(node.op, "left", left), (node.op, "right", right)]


def _shared(a: NodeLike, b: NodeLike, op: str) -> Term | None:
    """``a op b`` as one product."""
    (p, q), (r, s) = a.operands, b.operands
    commutes = a.op == "multiply"
    if p == r:
        return Term(a.op, (p, Term(op, (q, s))))
    if q == s:
        return Term(a.op, (Term(op, (p, r)), q))
    if commutes and p == s:
        return Term(a.op, (p, Term(op, (q, r))))
    if commutes and q == r:
        return Term(a.op, (q, Term(op, (p, s))))
    return None


def _sum(parts: Sequence[tuple[Operand, int]]) -> Term | None:
    """The sum from left to right; one that starts with a positive term where there is one."""
    return in_order(sorted(parts, key=lambda part: part[1] < 0))


def in_order(parts: Sequence[tuple[Operand, int]]) -> Term | None:
    """The signed terms added from left to right."""
    (total, sign), *rest = parts
    if sign < 0:
        total = Term("negative", (total,))
    for part, s in rest:
        total = Term("add" if s > 0 else "subtract", (total, part))
    return total if isinstance(total, Term) else None


PROPOSERS = (
    Proposer(
        "factor-of-long-sum",
        "factor",
        factored,
        "a b + c + a d = a (b + d) + c in any sum",
        is_minor=True,
    ),
)
