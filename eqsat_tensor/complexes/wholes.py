"""Matrix products of complex numbers by products of their parts, and the ops that take whole arrays."""

from __future__ import annotations

from typing import Any

from eqsat_tensor.complexes.arithmetic import times
from eqsat_tensor.complexes.parts import Parts, rule
from eqsat_tensor.lang import COMPLEX_RULES, OPS, Expr
from eqsat_tensor.ops.arithmetic import add, subtract
from eqsat_tensor.ops.contract import matmul
from eqsat_tensor.ops.movement import broadcast_to

# Library ops that NumPy has for complex arrays: they are called with such.
LIBRARY = ("sort", "argsort", "ordered_by", "solve", "inv", "det", "fourier", "irfft")


@rule("matmul")
def product(a: Parts, b: Parts) -> Parts:
    """a @ b."""
    return Parts(
        subtract(matmul(a.re, b.re), matmul(a.im, b.im)),
        add(matmul(a.re, b.im), matmul(a.im, b.re)),
    )


@rule("gemm")
def _gemm(alpha: Parts, a: Parts, b: Parts, beta: Parts, c: Parts) -> Parts:
    first, last = (
        times(Parts(*(broadcast_to(p, c.re.shape) for p in factor)), value)
        for factor, value in ((alpha, product(a, b)), (beta, c))
    )
    return Parts(add(first.re, last.re), add(first.im, last.im))


@rule("scatter")
def _scatter(x: Parts, index: Expr, updates: Parts, **named: Any) -> Parts:
    """Rows that are replaced or added to: both parts alike."""
    scatter = OPS["scatter"]
    return Parts(
        scatter(x.re, index, updates.re, **named), scatter(x.im, index, updates.im, **named)
    )


def _whole(*_: Parts) -> Parts:
    raise AssertionError("library ops are called with complex arrays as they are")


COMPLEX_RULES.update(dict.fromkeys(LIBRARY, _whole))
