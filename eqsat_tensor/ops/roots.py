"""Other bases and roots: exp2, log2, log10, cbrt, hypot, logaddexp2."""

from __future__ import annotations

import math

import numpy as np

from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import FLOATS, Expr, OpDef, define
from eqsat_tensor.ops.arithmetic import (
    absolute,
    add,
    divide,
    maximum,
    multiply,
    negative,
    square,
    subtract,
)
from eqsat_tensor.ops.compare import equal, where
from eqsat_tensor.ops.leaf import full_like
from eqsat_tensor.ops.transcendental import log1p, sigmoid


def _times(x: Expr, factor: float) -> Expr:
    return multiply(x, full_like(x, factor))


def one_where_zero(x: Expr) -> Expr:
    """``x``, and 1 where it is 0: a divisor."""
    return where(equal(x, full_like(x, 0)), full_like(x, 1), x)


exp2: OpDef = define(
    "exp2", Kind.ELEMENTWISE, arity=1, numpy=np.exp2, ufunc=np.exp2, dtypes=FLOATS, ulps=3,
    vjp=lambda ct, out, x: (multiply(ct, _times(out, math.log(2))),), doc="2 to the power x.",
)  # fmt: skip
log2: OpDef = define(
    "log2", Kind.ELEMENTWISE, arity=1, numpy=np.log2, ufunc=np.log2, dtypes=FLOATS, ulps=3,
    vjp=lambda ct, out, x: (divide(_times(ct, 1 / math.log(2)), x),),
    doc="The logarithm to base 2.",
)  # fmt: skip
log10: OpDef = define(
    "log10", Kind.ELEMENTWISE, arity=1, numpy=np.log10, ufunc=np.log10, dtypes=FLOATS, ulps=3,
    vjp=lambda ct, out, x: (divide(_times(ct, 1 / math.log(10)), x),),
    doc="The logarithm to base 10.",
)  # fmt: skip
cbrt: OpDef = define(
    "cbrt", Kind.ELEMENTWISE, arity=1, numpy=np.cbrt, ufunc=np.cbrt, dtypes=FLOATS, ulps=3,
    vjp=lambda ct, out, x: (divide(ct, _times(square(out), 3)),),
    doc="The cube root, of negative numbers too; the derivative at 0 is infinite.",
)  # fmt: skip


def _hypot_vjp(ct: Expr, out: Expr, a: Expr, b: Expr) -> tuple[Expr, Expr]:
    length = one_where_zero(out)
    return multiply(ct, divide(a, length)), multiply(ct, divide(b, length))


hypot: OpDef = define(
    "hypot", Kind.ELEMENTWISE, arity=2, numpy=np.hypot, ufunc=np.hypot, dtypes=FLOATS, ulps=3,
    commutative=True, vjp=_hypot_vjp,
    doc="sqrt(a^2 + b^2) without overflow; the derivatives at (0, 0) are 0.",
)  # fmt: skip


def _expand_logaddexp2(a: Expr, b: Expr) -> Expr:
    far = log1p(exp2(negative(absolute(subtract(a, b)))))
    far = add(maximum(a, b), _times(far, 1 / math.log(2)))
    return where(equal(a, b), add(a, full_like(a, 1)), far)


def _logaddexp2_vjp(ct: Expr, out: Expr, a: Expr, b: Expr) -> tuple[Expr, Expr]:
    half, same = full_like(a, 0.5), equal(a, b)
    share = where(same, half, sigmoid(_times(subtract(a, b), math.log(2))))
    rest = where(same, half, sigmoid(_times(subtract(b, a), math.log(2))))
    return multiply(ct, share), multiply(ct, rest)


logaddexp2: OpDef = define(
    "logaddexp2", Kind.COMPOSITE, arity=2, numpy=np.logaddexp2, infer=lambda a, b: a,
    dtypes=FLOATS, ufunc=np.logaddexp2, vjp=_logaddexp2_vjp, expand=_expand_logaddexp2,
    commutative=True, ulps=4.0, doc="log2(2^a + 2^b) without overflow.",
)  # fmt: skip
