"""How much a sum may lose at most, by its length: the bounds of docs/accuracy.md in bits.

A sum of n terms, compiled, is off by at most k u sum|x|, u half the distance from 1 to the next float: k = n/16 + 16 in
float64; in float32, which is added in blocks, m + 16 with m = n/16 or 4096 + n/65536, the less.  What that is of the
result depends on the terms: where they cancel, sum|x| is large beside it.
"""

from __future__ import annotations

import math

import numpy as np

from eqsat_tensor.lang import FLOAT32, FLOAT64, Expr


def bound_bits(node: Expr, operand: np.ndarray, truth: np.ndarray) -> np.ndarray | None:
    """log2(1 + floats that ``node`` may be off) for each element; None for what is no sum of float64 or float32.

    operand  what is summed.  truth  the true sums, of which one that is 0 or not finite has no bound: all bits.
    """
    if node.op.name != "sum" or node.dtype not in (FLOAT32, FLOAT64):
        return None
    axes = node["axes"]
    count = math.prod(operand.shape[a] for a in axes)
    own = count / 16
    terms = own if node.dtype == FLOAT64 else min(own, 4096 + count / 65536)
    most = 8.0 * node.dtype.itemsize
    with np.errstate(all="ignore"):
        size = np.abs(operand.astype(FLOAT64)).sum(axis=axes)
        lost = (terms + 16) * float(np.finfo(node.dtype).eps) / 2 * size
        floats = lost / np.spacing(np.abs(truth.astype(node.dtype))).astype(FLOAT64)
        bits = np.log2(1 + floats)
    known = np.isfinite(bits) & np.isfinite(truth) & ((truth != 0) | (size == 0))
    return np.where(known, np.minimum(bits, most), most)
