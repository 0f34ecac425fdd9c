"""Logarithms of multiples, less a constant that is nearly the logarithm of the factor.

    log(3.141592653589793 y) - 1.1447298858494002   ->   log y + 3.9e-17

Log-densities take their normalising constants off like this: what is left of both constants is found in
50 digits, and the rest keeps what rounding the multiple loses.  The bound of the left carries u, from the
rounding of the product, and u |log(c y)|: as log y is what remains, the right is never worse.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal, localcontext

from eqsat_tensor.lang import FLOAT32, FLOAT64
from eqsat_tensor.rules.propose import GraphLike, Operand, Proposal, Proposer, Term, form, forms
from eqsat_tensor.types import Literal, literal

NEAR = 0.25  # what may be left of both constants
DIGITS = 50


def log_of_multiple(graph: GraphLike) -> Iterator[Proposal]:
    """Sums and differences of a constant and such a logarithm, or its negative."""
    for number, node in enumerate(graph.nodes):
        type = graph.types[node.eclass]
        if (
            node.op not in ("add", "subtract")
            or type is None
            or type.dtype not in (FLOAT32, FLOAT64)
        ):
            continue
        for at in (0, 1):
            constant = _constant(graph, node.operands[1 - at])
            if constant is None:
                continue
            # the sum is sign * log(c y) + constant
            sign = -1 if node.op == "subtract" and at == 1 else 1
            if node.op == "subtract" and at == 0:
                constant = -constant
            logarithm, sign = _without_sign(graph, node.operands[at], sign)
            found = _of_multiple(graph, logarithm)
            if found is None:
                continue
            argument, c = found
            left = _left(c, -sign * constant)
            if left is None:
                continue
            rest = Term("full", (), (literal(left, type.dtype), type.shape))
            log = Term("log", (argument,))
            term = Term("add", (log, rest)) if left else log
            yield Proposal(node.eclass, term if sign > 0 else Term("negative", (term,)), number)


def _left(c: float, d: float) -> float | None:
    """log(c) - d, or None where that is not small."""
    if not (0 < c < math.inf and math.isfinite(d)) or abs(math.log(c) - d) > NEAR:
        return None
    with localcontext() as context:
        context.prec = DIGITS
        return float(Decimal(c).ln() - Decimal(d))


def _without_sign(graph: GraphLike, eclass: int, sign: int) -> tuple[int, int]:
    negative = form(graph, eclass, "negative")
    return (eclass, sign) if negative is None else (negative.operands[0], -sign)


def _of_multiple(graph: GraphLike, eclass: int) -> tuple[Operand, float] | None:
    """y and c of log(c y), c a positive constant."""
    for log in forms(graph, eclass, "log"):
        for product in forms(graph, log.operands[0], "multiply"):
            first, second = product.operands
            c = _constant(graph, second)
            if c is not None and c > 0:
                return first, c
            c = _constant(graph, first)
            if c is not None and c > 0:
                return second, c
    return None


def _constant(graph: GraphLike, eclass: int) -> float | None:
    node = form(graph, eclass, "full")
    value = None if node is None else node.attributes[0]
    return float(value.value) if isinstance(value, Literal) and value.dtype.kind == "f" else None


PROPOSERS = (
    Proposer(
        "log-of-multiple-less-constant",
        "stable",
        log_of_multiple,
        "log(c y) - d = log y + (log c - d), d nearly log c",
    ),
)
