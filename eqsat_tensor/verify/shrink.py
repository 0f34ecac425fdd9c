"""Make a counterexample small: one element where the program is elementwise, then plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import OPS, Expr, apply, rewrite, topological
from eqsat_tensor.ops.assume import MATRIX_FACTS, assume_op, facts_of
from eqsat_tensor.verify.error_rules import Array

OF_ARRAYS = frozenset((*MATRIX_FACTS, "unique"))  # facts that no element has by itself

PLAIN = (0.0, 1.0, -1.0, 2.0, 0.5, 3.0, 10.0, -10.0, 1000.0, -1000.0, 1e-20, 1e10)
TRIES = 400


def elementwise_program(
    outputs: Sequence[Expr], inputs: Mapping[Expr, Array], places: Array
) -> tuple[list[Expr], dict[Expr, Array]] | None:
    """The program on some of its elements alone; None where ops are not all elementwise.

    ``places``: one row of indices an element, which give a program on vectors; a single index as
    a vector gives a 0-d program.
    """
    shape: tuple[int, ...] = () if places.ndim == 1 else (len(places),)
    for node in topological(outputs):
        leaf = node.op.name in ("input", "full") or (
            node.op is assume_op and not any(name in OF_ARRAYS for name, _ in facts_of(node))
        )
        if node.shape != outputs[0].shape or not (leaf or node.op.kind is Kind.ELEMENTWISE):
            return None
    values: dict[Expr, Array] = {}

    def change(node: Expr, operands: tuple[Expr, ...]) -> Expr:
        attributes = node.named
        if "shape" in attributes:
            attributes["shape"] = shape
        new = apply(node.op, *operands, **attributes)
        if node.op is OPS["input"]:
            values[new] = np.asarray(inputs[node][tuple(places.T)]).reshape(shape)
        return new

    return rewrite(outputs, change), values


def shrink_values(
    inputs: Mapping[Expr, Array], fails: Callable[[Mapping[Expr, Array]], bool]
) -> dict[Expr, Array]:
    """Inputs with plainer elements that still fail.  ``fails`` is called `TRIES` times at most."""
    best = {leaf: np.array(x) for leaf, x in inputs.items()}
    left = TRIES
    for leaf in best:
        for place in np.ndindex(best[leaf].shape):
            old = np.asarray(best[leaf][place])[()]
            for value in candidates(old):
                if left == 0:
                    return best
                left -= 1
                trial = dict(best)
                trial[leaf] = np.array(best[leaf])
                trial[leaf][place] = value
                if fails(trial):
                    best = trial
                    break
    return best


def candidates(value: Any) -> list[Any]:
    """Plainer values than this one, plainest first; only those of its own class and dtype."""
    dtype = value.dtype
    if dtype.kind == "b":
        return [dtype.type(False)] if value else []
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        half = 1 << (info.bits - 1 if dtype.kind == "u" else info.bits // 2)
        small = (0, 1, -1, 2, 3) if dtype.kind == "i" else (0, 1, 2, 3)
        plain = [dtype.type(v) for v in (*small, half, info.max, info.min)]
        return plain[: plain.index(value)] if value in plain else plain
    if not np.isfinite(value):
        return []
    plain = [dtype.type(v) for v in PLAIN if abs(v) < float(np.finfo(dtype).max)]
    if value in plain:
        return plain[: plain.index(value)]
    size = float(value)
    with np.errstate(over="ignore"):
        rounded = [dtype.type(f"{size:.{digits}e}") for digits in (0, 1, 3)]
    return [*plain, *(r for r in rounded if r != value and np.isfinite(r))]
