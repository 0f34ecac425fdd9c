"""Losses of range: draws of finite inputs at which one side of a rule is a number and the other is none.

To reassociate is to overflow or underflow elsewhere, so such losses are counted, not refuted at
once.  But a right side that multiplies no two inputs, sums and constant multiples, overflows only
where left may; and one that overflows at some draws, where the left does at none, loses range.
A rule that loses and gains alike would show `LOSSES` losses and no gain once in 2**LOSSES; where
fewer were seen, and no gain, more is drawn of what lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import Expr, topological
from eqsat_tensor.verify.assumptions import assumptions_hold
from eqsat_tensor.verify.bounds import MARGIN
from eqsat_tensor.verify.error_rules import Array
from eqsat_tensor.verify.findings import Finding, Measure, first
from eqsat_tensor.verify.running import evaluate_running, evaluate_values

LOSSES = 8  # draws at which right alone loses range, where left alone never does: refuted


def within_range(sides: Sequence[Expr], inputs: Mapping[Expr, Array]) -> bool:
    """True where no input is near the largest number, and nothing is computed by LAPACK."""
    if any(node.op.kind is Kind.LIBRARY for node in topological(sides)):
        return False
    floats = (v for v in inputs.values() if v.dtype.kind == "f" and v.size)
    return all(np.abs(v).max() <= float(np.finfo(v.dtype).max) / MARGIN for v in floats)


@lru_cache(maxsize=1024)
def multiplies(expr: Expr) -> bool:
    """True for multiples by constants (the rule's own, where no variable of it stands for one) of
    sums and moved elements, where no two inputs are multiplied.  Without a constant it is a sum in
    another order, which may overflow near the largest number where the left does not."""
    nodes = topological([expr])
    return any(node.op.name in ("multiply", "divide") for node in nodes) and all(
        node.op.linear
        or node.op.name in ("input", "full", "add", "subtract", "negative")
        or (node.op.name in ("multiply", "divide") and node.arguments[1].op.name == "full")
        or (node.op.name == "multiply" and node.arguments[0].op.name == "full")
        for node in nodes
    )


def range_loss(left: Expr, right: Expr, inputs: Mapping[Expr, Array]) -> Finding | None:
    """The first element, at finite inputs, where left is a number and right is none."""
    if not all(np.isfinite(v).all() for v in inputs.values() if v.dtype.kind == "f"):
        return None
    (x, _), (y, _) = evaluate_running([left, right], inputs)
    if x.dtype.kind != "f":
        return None
    return first(np.isfinite(x) & ~np.isfinite(y), x, y, "out of range where left never is")


def count_range(left: Expr, right: Expr, inputs: Mapping[Expr, Array], measure: Measure) -> bool:
    """Count a draw at which one side alone is finite, at finite inputs; True where it is left.

    Elementwise sides may have inputs of all kinds: each point counts by its own.
    """
    if not assumptions_hold([left], inputs):
        return False
    x, y = evaluate_values([left, right], inputs)
    kept = np.ones(x.shape, bool)
    for value in inputs.values():
        if value.dtype.kind == "f":
            finite = np.isfinite(value)
            kept &= finite if value.shape == x.shape else finite.all()
    lost = bool((kept & np.isfinite(x) & ~np.isfinite(y)).any())
    measure.range_gained += bool((kept & ~np.isfinite(x) & np.isfinite(y)).any())
    measure.range_lost += lost
    return lost
