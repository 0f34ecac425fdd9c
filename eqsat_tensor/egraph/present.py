"""Which skeletons of patterns are there: in a program as it is written, and in the e-graph as it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eqsat_tensor.egraph.engine import Engine
from eqsat_tensor.egraph.schema import codes
from eqsat_tensor.lang import OPS, Expr, topological
from eqsat_tensor.ops.assume import assume_op
from eqsat_tensor.rules.signature import VALUES, live
from eqsat_tensor.rules.skeletons import SKELETONS, Node
from eqsat_tensor.types import Literal

NUMBERS = tuple(name for name, sorts in VALUES.items() if sorts)  # tables of what constants are


def written(outputs: Sequence[Expr]) -> int:
    """The skeletons, as bits, that a program holds as it is written."""
    number = codes()
    nodes: list[Node] = []
    stands: dict[Expr, Expr] = {}  # what facts are assumed of is its operand
    for node in topological(outputs):
        operands = [stands[a] for a in node.arguments]
        if node.op is assume_op:
            stands[node] = operands[0]
            continue
        stands[node] = node
        value = number_of(node.attributes[0]) if node.op.name == "full" else None
        nodes.append((node, number[node.op.name], operands, value))
    return SKELETONS.found(nodes)


def number_of(value: Literal) -> float | None:
    """A constant as patterns have it; None where none has."""
    if value.dtype.kind == "c":
        return None
    try:
        return float(value.value)
    except OverflowError:
        return None


def held(engine: Engine, ops: Iterable[str]) -> int:
    """The skeletons, as bits, that live rows of these ops hold."""
    number = codes()
    tables = {live(OPS[name].constructor): (number[name], OPS[name].arity) for name in ops}
    return SKELETONS.found(engine.nodes(tables, live("Full"), NUMBERS))
