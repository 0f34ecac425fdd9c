"""The proposer for constants that rules bring together: 2 * (3 * x) -> (2 * 3) * x -> 6 * x.

No arithmetic on constants happens inside the engine, whose f64 would round otherwise than float32.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import OPS, OpDef
from eqsat_tensor.rules.propose import GraphLike, Proposal, Proposer, Term
from eqsat_tensor.types import literal

EXACT_ULPS = 0.5  # declared of ops that round once, in compiled code as in NumPy


def operations(graph: GraphLike) -> Iterator[Proposal]:
    """Elementwise ops that round once: the same bits, whoever computes them."""
    return folded(graph, lambda op: op.ulps <= EXACT_ULPS)


def functions(graph: GraphLike) -> Iterator[Proposal]:
    """The other elementwise ops: NumPy's e^2 may differ from ours in its last place."""
    return folded(graph, lambda op: op.ulps > EXACT_ULPS)


def folded(graph: GraphLike, wanted: Callable[[OpDef], bool]) -> Iterator[Proposal]:
    """Elementwise ops on constants, done by NumPy in the constants' own dtype."""
    constant = {c: node.attributes[0] for c, node in graph.by_op.get("full", {}).items()}
    done: set[int] = set()
    for node in graph.nodes if constant else ():
        c, operands = node.eclass, node.operands
        if not operands or operands[0] not in constant or c in constant or c in done:
            continue
        op, type = OPS[node.op], graph.types[c]
        if op.kind is not Kind.ELEMENTWISE or not wanted(op) or type is None:
            continue
        if any(d not in constant for d in operands):
            continue
        done.add(c)
        named = dict(zip(op.attributes, node.attributes, strict=True))
        if "shape" in named:
            named["shape"] = ()
        scalars = [np.asarray(constant[d].value, constant[d].dtype) for d in operands]
        with np.errstate(all="ignore"):
            value = literal(op.numpy(*scalars, **named), type.dtype)
        yield Proposal(c, Term("full", (), (value, type.shape)))


FOLD_CONSTANTS = (
    Proposer(
        "fold-constants",
        "cleanup",
        operations,
        "an operation on constants is a constant",
        is_minor=True,
    ),
    Proposer(
        "fold-functions", "fold", functions, "a function of constants is a constant", is_minor=True
    ),
)
