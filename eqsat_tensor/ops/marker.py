"""Notes on values that only derivatives read: which rule differentiates a part of a graph.

    custom(attach(attach(value, x), y); rule)     is value; by x and y it is differentiated by rule

The operands are arguments of nodes, so every walk that rebuilds a graph rebuilds them.  These ops
stand outside the registry: `program.make_program` drops them, so rules and backends never see them and
they cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eqsat_tensor.kinds import Attribute, Kind
from eqsat_tensor.lang import Expr, OpDef, topological
from eqsat_tensor.types import TensorType

Parts = Sequence[Expr | None]


@dataclass(frozen=True, eq=False)
class Rule:
    """How a marked part is differentiated; None stands for zeros.

    pull         (operands, {number of an output: its cotangent}) -> a cotangent for each operand.
    push         (operands, tangents) -> a tangent for each output; None: the transpose of `pull`,
                 which needs `output_types`: operands -> the types of all outputs.
    elementwise  one output, and element i of each cotangent needs element i of its and of the operands
                 alone: it serves batches as it stands, and cotangents that are arbitrary where dead.
    """

    name: str
    pull: Callable[[Sequence[Expr], Mapping[int, Expr]], Parts]
    push: Callable[[Sequence[Expr], Parts], Parts] | None = None
    output_types: Callable[[Sequence[Expr]], Sequence[TensorType]] | None = None
    elementwise: bool = False


attach = OpDef(
    "attach",
    Kind.BARRIER,
    arity=2,
    numpy=lambda value, operand: value,
    infer=lambda value, operand: value,
    ulps=0.0,
    doc="value, with an operand of the `custom` above noted.",
)
custom = OpDef(
    "custom",
    Kind.BARRIER,
    arity=1,
    numpy=lambda value, **_: value,
    infer=lambda value, **_: value,
    attributes={"rule": Attribute.OBJECT, "output": Attribute.INT, "operands": Attribute.INT},
    ulps=0.0,
    doc="value, differentiated by `rule` with respect to the operands attached below.",
)
MARKERS = {attach, custom}  # each is its first operand; `calls.prints` adds one


def mark(
    values: Sequence[Expr], operands: Sequence[Expr], rule: Rule, captured: Sequence[Expr] = ()
) -> list[Expr]:
    """The values, differentiated by ``rule`` with respect to ``operands``.

    captured: what the values depend on besides; a derivative with respect to it is an error.
    """
    marked = []
    for number, value in enumerate(values):
        for operand in (*operands, *captured):
            value = attach(value, operand)
        value = custom(value, rule=rule, output=number, operands=len(operands))
        marked.append(value)
    return marked


def attached(node: Expr) -> tuple[Expr, ...]:
    """Everything attached below a `custom`: operands, then what is captured besides."""
    found = []
    below = node.arguments[0]
    while below.op is attach:
        below, operand = below.arguments
        found.append(operand)
    return tuple(reversed(found))


def operands_of(node: Expr) -> tuple[Expr, ...]:
    """What a `custom` is differentiated with respect to."""
    return attached(node)[: node["operands"]]


def sources(node: Expr) -> tuple[Expr, ...]:
    """What derivatives see below a node: its arguments; below a `custom`, what is attached."""
    return attached(node) if node.op is custom else node.arguments


def derivative_order(outputs: Iterable[Expr]) -> list[Expr]:
    """`lang.topological`, each marked part being one node."""
    return topological(outputs, sources)


def call_of(node: Expr) -> tuple[Any, ...]:
    """The application of a rule that a `custom` is an output of."""
    return (node["rule"], *attached(node))
