"""Sums of fractions whose common numerator is one number.

    1/(x + 1) - 2/x + 1/(x - 1)   ->   2/(x - 1)/(x + 1)/x

The terms nearly cancel for large x; in the quotient, nothing does.  Numerators are collected in exact
arithmetic; where more than one power of x is left, the sum stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction

from eqsat_tensor.rules.propose import GraphLike, Operand, Proposal, Proposer, Term, classes, form
from eqsat_tensor.rules.propose.sums import terms
from eqsat_tensor.types import Literal, TensorType, literal

MOST = 6  # terms of a sum that is looked at, one more than is taken


def single_numerator(graph: GraphLike) -> Iterator[Proposal]:
    """Sums of two to five terms c/(x + a), c and a constants, that are one constant by all x + a."""
    divided = {node.eclass for node in graph.nodes if node.op == "divide"}
    if len(divided) < 2:
        return
    for eclass in classes(graph, "add", "subtract"):
        type = graph.types[eclass]
        if type is None:
            continue
        parts = terms(graph, eclass, MOST)
        if not 2 <= len(parts) < MOST:
            continue
        collected = _collected(graph, parts)
        if collected is None:
            continue
        numerator, factors = collected
        term = _quotient(type, numerator, factors)
        if term is not None:
            yield Proposal(eclass, term)


def _collected(
    graph: GraphLike, parts: Sequence[tuple[int, int]]
) -> tuple[Fraction, list[int]] | None:
    """The constant numerator over all denominators, and the denominators; those of large a first."""
    fractions: dict[Fraction, tuple[Fraction, int]] = {}  # a -> c, the class of x + a
    base = None
    for at, sign in parts:
        node = form(graph, at, "divide")
        value = None if node is None else _constant(graph, node.operands[0])
        if node is None or value is None:
            return None
        x, a = _linear(graph, node.operands[1])
        if base not in (None, x) or a in fractions:
            return None
        base, fractions[a] = x, (sign * value, node.operands[1])
    total = [Fraction(0)] * len(fractions)
    for a, (c, _) in fractions.items():
        product = [c]
        for other in fractions:
            if other != a:
                product = _times(product, other)
        total = [p + q for p, q in zip(total, product, strict=True)]
    if not total[0] or any(total[1:]):
        return None
    order = sorted(fractions, key=lambda a: (-abs(a), a))
    return total[0], [fractions[a][1] for a in order]


def _constant(graph: GraphLike, eclass: int) -> Fraction | None:
    """The value of a constant, exactly; None for what is none, or is not finite."""
    negative = form(graph, eclass, "negative")
    node = form(graph, eclass if negative is None else negative.operands[0], "full")
    if node is None:
        return None
    number = node.attributes[0]
    if (
        not isinstance(number, Literal)
        or number.dtype.kind != "f"
        or not math.isfinite(number.value)
    ):
        return None
    return Fraction(number.value) * (1 if negative is None else -1)


def _linear(graph: GraphLike, eclass: int) -> tuple[int, Fraction]:
    """A denominator as x + a: the class of x, and a."""
    node = form(graph, eclass, "add", "subtract")
    if node is not None:
        left, right = node.operands
        a = _constant(graph, right)
        if a is not None:
            return left, a if node.op == "add" else -a
        a = _constant(graph, left)
        if a is not None and node.op == "add":
            return right, a
    return eclass, Fraction(0)


def _times(polynomial: Sequence[Fraction], a: Fraction) -> list[Fraction]:
    """The coefficients of (x + a) times a polynomial, from the constant up."""
    return [
        low * a + high
        for low, high in zip([*polynomial, Fraction(0)], [Fraction(0), *polynomial], strict=True)
    ]


def _quotient(type: TensorType, numerator: Fraction, denominators: Sequence[int]) -> Term | None:
    """One constant divided by each denominator in turn, if the dtype holds the constant."""
    value = literal(float(numerator), type.dtype)
    if not math.isfinite(value.value) or Fraction(value.value) != numerator:
        return None
    term: Operand = Term("full", (), (value, type.shape))
    for denominator in denominators:
        term = Term("divide", (term, denominator))
    return term if isinstance(term, Term) else None


PROPOSERS = (
    Proposer(
        "single-numerator",
        "simplify",
        single_numerator,
        "a/(x + b) + ... = c/(x + b)/...: one number",
    ),
)
