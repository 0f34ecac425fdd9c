"""Exponentials, logarithms, trigonometric and error functions."""

from __future__ import annotations

import math

import numpy as np

from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import FLOATS, Expr, OpDef, define
from eqsat_tensor.ops.arithmetic import add, divide, multiply, negative, square, subtract
from eqsat_tensor.ops.leaf import full_like
from eqsat_tensor.scalar import PRIMITIVES


def _one_minus(x: Expr) -> Expr:
    return subtract(full_like(x, 1), x)


exp: OpDef = define(
    "exp", Kind.ELEMENTWISE, arity=1, numpy=np.exp, ufunc=np.exp, dtypes=FLOATS, ulps=3,
    vjp=lambda ct, out, x: (multiply(ct, out),), doc="e to the power x.",
)  # fmt: skip
shifted_exp: OpDef = define(
    "shifted_exp", Kind.ELEMENTWISE, arity=2, numpy=PRIMITIVES["shifted_exp"].numpy,
    dtypes=FLOATS, ulps=3, vjp=lambda ct, out, a, b: (multiply(ct, out), None),
    doc="e^(a - s), s the multiple of log(2) next to b, or b where that is large: a - s is not rounded.",
)  # fmt: skip
expm1: OpDef = define(
    "expm1", Kind.ELEMENTWISE, arity=1, numpy=np.expm1, ufunc=np.expm1, dtypes=FLOATS, ulps=3,
    vjp=lambda ct, out, x: (multiply(ct, exp(x)),),
    doc="exp(x) - 1, accurate near 0.",
)  # fmt: skip
log: OpDef = define(
    "log", Kind.ELEMENTWISE, arity=1, numpy=np.log, ufunc=np.log, dtypes=FLOATS, ulps=3,
    vjp=lambda ct, out, x: (divide(ct, x),), doc="The natural logarithm.",
)  # fmt: skip
log1p: OpDef = define(
    "log1p", Kind.ELEMENTWISE, arity=1, numpy=np.log1p, ufunc=np.log1p, dtypes=FLOATS, ulps=3,
    vjp=lambda ct, out, x: (divide(ct, add(full_like(x, 1), x)),),
    doc="log(1 + x), accurate near 0.",
)  # fmt: skip
log1mexp: OpDef = define(
    "log1mexp", Kind.ELEMENTWISE, arity=1, numpy=PRIMITIVES["log1mexp"].numpy, ufunc=np.log,
    dtypes=FLOATS, ulps=4,
    vjp=lambda ct, out, x: (negative(divide(ct, expm1(negative(x)))),),
    doc="log(1 - exp(x)) for x < 0. Source: Maechler 2012, log(1 - exp(-|a|)).",
)  # fmt: skip
sin: OpDef = define(
    "sin", Kind.ELEMENTWISE, arity=1, numpy=np.sin, ufunc=np.sin, dtypes=FLOATS, ulps=3,
    vjp=lambda ct, out, x: (multiply(ct, cos(x)),), doc="The sine.",
)  # fmt: skip
cos: OpDef = define(
    "cos", Kind.ELEMENTWISE, arity=1, numpy=np.cos, ufunc=np.cos, dtypes=FLOATS, ulps=3,
    vjp=lambda ct, out, x: (negative(multiply(ct, sin(x))),), doc="The cosine.",
)  # fmt: skip
tan: OpDef = define(
    "tan", Kind.ELEMENTWISE, arity=1, numpy=np.tan, ufunc=np.tan, dtypes=FLOATS, ulps=3,
    vjp=lambda ct, out, x: (multiply(ct, add(full_like(x, 1), square(out))),), doc="The tangent.",
)  # fmt: skip
arctan: OpDef = define(
    "arctan", Kind.ELEMENTWISE, arity=1, numpy=np.arctan, ufunc=np.arctan, dtypes=FLOATS, ulps=3,
    vjp=lambda ct, out, x: (divide(ct, add(full_like(x, 1), square(x))),), doc="The inverse tangent.",
)  # fmt: skip
tanh: OpDef = define(
    "tanh", Kind.ELEMENTWISE, arity=1, numpy=np.tanh, ufunc=np.tanh, dtypes=FLOATS, ulps=3,
    vjp=lambda ct, out, x: (multiply(ct, _one_minus(square(out))),),
    doc="The hyperbolic tangent.",
)  # fmt: skip
sigmoid: OpDef = define(
    "sigmoid", Kind.ELEMENTWISE, arity=1, numpy=PRIMITIVES["sigmoid"].numpy, ufunc=np.exp,
    dtypes=FLOATS, ulps=3,
    vjp=lambda ct, out, x: (multiply(ct, multiply(out, sigmoid(negative(x)))),),
    doc="1 / (1 + exp(-x)).",
)  # fmt: skip
softplus: OpDef = define(
    "softplus", Kind.ELEMENTWISE, arity=1, numpy=PRIMITIVES["softplus"].numpy, ufunc=np.exp,
    dtypes=FLOATS, ulps=3,
    vjp=lambda ct, out, x: (multiply(ct, sigmoid(x)),), doc="log(1 + exp(x)).",
)  # fmt: skip


def _gauss(x: Expr) -> Expr:
    """2 / sqrt(pi) exp(-x^2)."""
    return multiply(full_like(x, 2 / math.sqrt(math.pi)), exp(negative(square(x))))


erf: OpDef = define(
    "erf", Kind.ELEMENTWISE, arity=1, numpy=PRIMITIVES["erf"].numpy, ufunc=np.exp, dtypes=FLOATS,
    ulps=3, vjp=lambda ct, out, x: (multiply(ct, _gauss(x)),), doc="The error function.",
)  # fmt: skip
erfc: OpDef = define(
    "erfc", Kind.ELEMENTWISE, arity=1, numpy=PRIMITIVES["erfc"].numpy, ufunc=np.exp, dtypes=FLOATS,
    ulps=5, vjp=lambda ct, out, x: (negative(multiply(ct, _gauss(x))),),
    doc="1 - erf(x), accurate in the tail.",
)  # fmt: skip
