"""The proposer for constants that rules bring together: 2 * (3 * x) -> (2 * 3) * x -> 6 * x.

No arithmetic on constants happens inside the engine, whose f64 would round otherwise than float32.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import OPS, OpDef
from eqsat_tensor.rules.propose import GraphLike, Proposal, Proposer, Term
from eqsat_tensor.types import Literal, literal

EXACT_ULPS = 0.5  # declared of ops that round once, in compiled code as in NumPy


def operations(graph: GraphLike) -> Iterator[Proposal]:
    """Elementwise ops that round once: the same bits, whoever computes them."""
    return folded(graph, lambda op: op.ulps <= EXACT_ULPS)


def functions(graph: GraphLike) -> Iterator[Proposal]:
    """The other elementwise ops: NumPy's e^2 may differ from ours in its last place."""
    return folded(graph, lambda op: op.ulps > EXACT_ULPS)


def folded(graph: GraphLike, wanted: Callable[[OpDef], bool]) -> Iterator[Proposal]:
    """Elementwise ops on constants, done by NumPy in the constants' own dtype."""
    constant: dict[int, Literal] = {}
    for c, members in enumerate(graph.by_class):
        for i in members:
            if graph.nodes[i].op == "full":
                constant.setdefault(c, graph.nodes[i].attributes[0])
    if not constant:
        return
    for c, members in enumerate(graph.by_class):
        type = graph.types[c]
        if c in constant or type is None:
            continue
        for i in members:
            node = graph.nodes[i]
            op = OPS[node.op]
            if op.kind is not Kind.ELEMENTWISE or not wanted(op):
                continue
            if any(d not in constant for d in node.operands):
                continue
            named = dict(zip(op.attributes, node.attributes, strict=True))
            if "shape" in named:
                named["shape"] = ()
            scalars = [np.asarray(constant[d].value, constant[d].dtype) for d in node.operands]
            with np.errstate(all="ignore"):
                value = literal(op.numpy(*scalars, **named), type.dtype)
            yield Proposal(c, Term("full", (), (value, type.shape)))
            break


FOLD_CONSTANTS = (
    Proposer("fold-constants", "cleanup", operations, "an operation on constants is a constant"),
    Proposer("fold-functions", "fold", functions, "a function of constants is a constant"),
)
