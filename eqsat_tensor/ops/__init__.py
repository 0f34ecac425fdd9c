"""The ops: importing this fills `lang.OPS`.  One record an op; adding an op touches its file only."""

from eqsat_tensor.ops import (
    arithmetic,
    barrier,
    compare,
    contract,
    hyperbolic,
    leaf,
    linalg,
    movement,
    parts,
    reduce,
    roots,
    select,
    softmax,
    transcendental,
    whole,
)

__all__ = [
    "arithmetic",
    "barrier",
    "compare",
    "contract",
    "hyperbolic",
    "leaf",
    "linalg",
    "movement",
    "parts",
    "reduce",
    "roots",
    "select",
    "softmax",
    "transcendental",
    "whole",
]
