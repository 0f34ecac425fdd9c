"""Sums of three or more exponentials, scaled or not, as one exponential.

    exp(x) + 2*exp(y) + exp(z) + 3   ->   exp(logaddexp(logaddexp(x, y + log 2), logaddexp(z, log 3)))

The left overflows where one of the terms does.  What stands around the sum, its logarithm, a
quotient of one of its terms by it, then meets the exponential by rules.
"""

from __future__ import annotations

from collections.abc import Iterator

from eqsat_tensor.rules.propose import GraphLike, Operand, Proposal, Proposer, Term, classes, form

LONGEST = 64  # terms of a sum that is looked at


def log_of_sums(graph: GraphLike) -> Iterator[Proposal]:
    """For each sum of three terms or more that are exponentials or positive constants."""
    if sum(node.op == "exp" for node in graph.nodes) < 2:
        return
    others: set[int] = set()  # sums that hold another term, and so do sums that hold them
    for eclass in classes(graph, "add"):
        exponents = _exponents(graph, eclass, others)
        if not exponents:
            others.add(eclass)
        if 3 <= len(exponents) < LONGEST:
            yield Proposal(eclass, Term("exp", (_joined(exponents),)))


def _exponents(graph: GraphLike, eclass: int, others: set[int]) -> list[Operand]:
    """The logarithms of the terms of a sum, in order; none where a term has no such."""
    found: list[Operand] = []
    stack = [eclass]
    on_path: set[int] = set()
    while stack and len(found) < LONGEST:
        at = stack.pop()
        exponent = None if at == eclass else _exponent(graph, at)
        if exponent is not None:
            found.append(exponent)
            continue
        node = None if at in on_path or at in others else form(graph, at, "add")
        if node is None:
            return []
        on_path.add(at)
        stack.extend(reversed(node.operands))
    return found


def _exponent(graph: GraphLike, eclass: int) -> Operand | None:
    """x of e^x, x + log c of c e^x, log c of c > 0; None for what is none of these."""
    exp = form(graph, eclass, "exp")
    if exp is not None:
        return exp.operands[0]
    if _is_positive(graph, eclass):
        return Term("log", (eclass,))
    scaled = form(graph, eclass, "multiply")
    if scaled is None:
        return None
    for one, other in (scaled.operands, scaled.operands[::-1]):
        exp = form(graph, one, "exp")
        if exp is not None and _is_positive(graph, other):
            return Term("add", (exp.operands[0], Term("log", (other,))))
    return None


def _is_positive(graph: GraphLike, eclass: int) -> bool:
    """True for a constant of floats above 0."""
    node = form(graph, eclass, "full")
    if node is None:
        return False
    literal = node.attributes[0]
    return bool(literal.dtype.kind == "f" and literal.value > 0)


def _joined(exponents: list[Operand]) -> Operand:
    """The exponents under one logarithm, halves first: few roundings lie between any two."""
    if len(exponents) == 1:
        return exponents[0]
    middle = len(exponents) // 2
    return Term("logaddexp", (_joined(exponents[:middle]), _joined(exponents[middle:])))


PROPOSERS = (
    Proposer(
        "long-sum-of-exponentials",
        "stable",
        log_of_sums,
        "e^x + c e^y + e^z + ... = e^(log-sum-exp of the exponents)",
    ),
)
