"""Factors of a long product that belong together: exponentials, and sigmoids with their like.

Products are commutative and associative up to rounding of each product; every factor keeps its own
relative error, so pairing two of them costs nothing.

    sigmoid(x) * y * exp(-x)    ->   y * sigmoid(-x)
    exp(x) * y * exp(z)         ->   y * exp(x + z)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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

LONGEST = 64  # factors of a product that is looked at


def factors(graph: GraphLike, eclass: int) -> tuple[list[int], int]:
    """The factors of a product, in order, and its number of negations; products are looked into."""
    found: list[int] = []
    signs = 0
    stack = [eclass]
    on_path: set[int] = set()
    while stack and len(found) < LONGEST:
        at = stack.pop()
        negative = form(graph, at, "negative")
        product = form(graph, at, "multiply")
        if at in on_path or (negative is None and product is None):
            found.append(at)
            continue
        on_path.add(at)
        if product is not None:
            stack.extend(reversed(product.operands))
        elif negative is not None:
            signs += 1
            stack.append(negative.operands[0])
    return found, signs


def paired(graph: GraphLike) -> Iterator[Proposal]:
    """Products of three or more factors, two of which are exp(x) and sigmoid(-x), or two exps."""
    several = _with_several(graph)
    for eclass in classes(graph, "multiply", "negative"):
        if eclass not in several:
            continue
        parts, signs = factors(graph, eclass)
        if not 3 <= len(parts) < LONGEST:
            continue
        new = list(map(_as_operand, parts))
        changed = False
        while (pair := _a_pair(graph, new)) is not None:
            i, j, together = pair
            new = [together, *(p for k, p in enumerate(new) if k not in (i, j))]
            changed = True
        if changed:
            term = _product(new)
            yield Proposal(eclass, Term("negative", (term,)) if signs % 2 else term)


def _with_several(graph: GraphLike) -> set[int]:
    """Products with two factors or more that are exponentials or sigmoids."""
    ends = {*classes(graph, "exp", "sigmoid")}
    above: dict[int, list[NodeLike]] = {}
    for op in ("multiply", "negative"):
        for node in graph.by_op.get(op, {}).values():
            for operand in node.operands:
                above.setdefault(operand, []).append(node)
    count = dict.fromkeys(ends, 1)
    waiting = list(ends)
    while waiting:
        for node in above.get(waiting.pop(), ()):
            if node.eclass not in ends:
                total = min(2, sum(count.get(operand, 0) for operand in node.operands))
                if total > count.get(node.eclass, 0):
                    count[node.eclass] = total
                    waiting.append(node.eclass)
    return {eclass for eclass, factors in count.items() if factors > 1}


def _as_operand(eclass: int) -> Operand:
    return eclass


def _a_pair(graph: GraphLike, parts: Sequence[Operand]) -> tuple[int, int, Term] | None:
    """Two factors that make one, sigmoids before exponentials."""
    sigmoids = [(i, _argument(graph, p, "sigmoid")) for i, p in enumerate(parts)]
    exps = [(i, _argument(graph, p, "exp")) for i, p in enumerate(parts)]
    for i, x in sigmoids:
        for j, y in exps:
            if i != j and x is not None and y is not None and _opposite(graph, x, y):
                return i, j, Term("sigmoid", (y,))
    found = [(i, x) for i, x in exps if x is not None]
    if len(found) >= 2:
        (i, x), (j, y) = found[:2]
        return i, j, Term("exp", (Term("add", (x, y)),))
    return None


def _argument(graph: GraphLike, part: Operand, op: str) -> Operand | None:
    if isinstance(part, Term):
        return part.operands[0] if part.op == op else None
    node = form(graph, part, op)
    return None if node is None else node.operands[0]


def _opposite(graph: GraphLike, x: Operand, y: Operand) -> bool:
    if isinstance(x, Term) or isinstance(y, Term):
        return False
    return any(
        graph.nodes[n].op == "negative" and graph.nodes[n].operands == (b,)
        for a, b in ((x, y), (y, x))
        for n in graph.by_class[a]
    )


def _product(parts: Sequence[Operand]) -> Term:
    first, *rest = parts
    for part in rest:
        first = Term("multiply", (first, part))
    assert isinstance(first, Term), parts
    return first


PROPOSERS = (
    Proposer(
        "exp-sigmoid-product",
        "simplify",
        paired,
        "e^x sigmoid(-x) = sigmoid x and e^x e^y = e^(x+y) anywhere in a product",
        is_minor=True,
    ),
)
