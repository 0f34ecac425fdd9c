"""`assume`: a value of which the user says facts.

    assume(x; "at-least=0.5 symmetric")      is x; rules may use that x >= 0.5 and x' = x

The facts are a text, so that programs that differ in them are different programs to every cache;
the place, ``file:line`` of the user, is for messages and no part of a program's digest.  The facts
are of x itself: the e-graph takes the node and x for one value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from eqsat_tensor.kinds import Attribute, Kind
from eqsat_tensor.lang import Expr, define, rewrite

SIGNS = ("positive", "nonnegative", "nonzero", "nonpositive", "negative")
MATRIX_FACTS = (  # of the last two axes, which are equal sizes
    "symmetric", "positive-semidefinite", "positive-definite", "diagonal", "lower-triangular",
    "upper-triangular", "orthogonal", "permutation", "identity-matrix",
)  # fmt: skip
FACTS = (*SIGNS, "integer-valued", "unique", "finite", "not-nan", *MATRIX_FACTS)
BOUNDS = ("at-least", "at-most")

Facts = tuple[tuple[str, float | None], ...]  # name and bound; None for a fact without a number

assume_op = define(
    "assume",
    Kind.MOVEMENT,
    arity=1,
    numpy=lambda x, facts, place: x,
    infer=lambda x, facts, place: x,
    attributes={"facts": Attribute.TEXT, "place": Attribute.TEXT},
    vjp=lambda ct, out, x, facts, place: (ct,),
    jvp=lambda tangents, out, x, facts, place: tangents[0],
    batch=lambda node, operands, size: node.rebuilt(operands),
    ulps=0.0,
    doc="x, of which `facts` are taken for true.",
)


def written(facts: Mapping[str, float | None]) -> str:
    """Facts as the attribute's text, in one order."""
    return " ".join(
        name if bound is None else f"{name}={float(bound) + 0.0!r}"  # never -0.0
        for name, bound in sorted(facts.items())
    )


@lru_cache(maxsize=256)
def facts_in(text: str) -> Facts:
    """The facts of an attribute's text."""
    found: list[tuple[str, float | None]] = []
    for word in text.split():
        name, _, bound = word.partition("=")
        found.append((name, float(bound) if bound else None))
    return tuple(found)


def assume(x: Expr, facts: Mapping[str, float | None], place: str = "") -> Expr:
    """``x`` with facts, names as in rule files; ``x`` itself where there are none."""
    return assume_op(x, facts=written(facts), place=place) if facts else x


def facts_of(node: Expr) -> Facts:
    """The facts of an `assume` node."""
    text: Any = node["facts"]
    return facts_in(text)


def without_assumptions(outputs: Sequence[Expr]) -> list[Expr]:
    """The program as the e-graph takes it: each `assume` is what it is of."""

    def change(node: Expr, operands: tuple[Expr, ...]) -> Expr:
        if node.op is assume_op:
            return operands[0]
        return node if operands == node.arguments else node.rebuilt(operands)

    return rewrite(outputs, change)
