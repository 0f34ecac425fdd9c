"""sinh, cosh, sinc; the inverse functions of trigonometric and hyperbolic ones."""

from __future__ import annotations

import math

import numpy as np

from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import FLOATS, Expr, OpDef, define
from eqsat_tensor.ops.arithmetic import (
    absolute,
    add,
    divide,
    multiply,
    negative,
    sqrt,
    square,
    subtract,
)
from eqsat_tensor.ops.compare import equal, less, where
from eqsat_tensor.ops.leaf import full_like
from eqsat_tensor.ops.roots import hypot, one_where_zero
from eqsat_tensor.ops.transcendental import cos, sin


def _one(x: Expr) -> Expr:
    return full_like(x, 1)


def _cosine_of(x: Expr) -> Expr:
    """1 - x^2, as a product: accurate near -1 and 1."""
    return multiply(subtract(_one(x), x), add(_one(x), x))


def _arcsinh_vjp(ct: Expr, out: Expr, x: Expr) -> tuple[Expr]:
    """ct / sqrt(1 + x^2); as a length, which does not overflow, where x is real."""
    if x.dtype.kind == "c":
        return (divide(ct, sqrt(add(_one(x), square(x)))),)
    return (divide(ct, hypot(x, _one(x))),)


sinh: OpDef = define(
    "sinh", Kind.ELEMENTWISE, arity=1, numpy=np.sinh, ufunc=np.sinh, dtypes=FLOATS, ulps=3,
    vjp=lambda ct, out, x: (multiply(ct, cosh(x)),), doc="The hyperbolic sine.",
)  # fmt: skip
cosh: OpDef = define(
    "cosh", Kind.ELEMENTWISE, arity=1, numpy=np.cosh, ufunc=np.cosh, dtypes=FLOATS, ulps=3,
    vjp=lambda ct, out, x: (multiply(ct, sinh(x)),), doc="The hyperbolic cosine.",
)  # fmt: skip
arcsin: OpDef = define(
    "arcsin", Kind.ELEMENTWISE, arity=1, numpy=np.arcsin, ufunc=np.arcsin, dtypes=FLOATS, ulps=3,
    vjp=lambda ct, out, x: (divide(ct, sqrt(_cosine_of(x))),),
    doc="The inverse sine, NaN beyond -1 and 1, where the derivative is infinite.",
)  # fmt: skip
arccos: OpDef = define(
    "arccos", Kind.ELEMENTWISE, arity=1, numpy=np.arccos, ufunc=np.arccos, dtypes=FLOATS, ulps=3,
    vjp=lambda ct, out, x: (negative(divide(ct, sqrt(_cosine_of(x)))),),
    doc="The inverse cosine, NaN beyond -1 and 1, where the derivative is infinite.",
)  # fmt: skip
arcsinh: OpDef = define(
    "arcsinh", Kind.ELEMENTWISE, arity=1, numpy=np.arcsinh, ufunc=np.arcsinh, dtypes=FLOATS,
    ulps=3, vjp=_arcsinh_vjp,
    doc="The inverse hyperbolic sine.",
)  # fmt: skip
arccosh: OpDef = define(
    "arccosh", Kind.ELEMENTWISE, arity=1, numpy=np.arccosh, ufunc=np.arccosh, dtypes=FLOATS,
    ulps=3,
    vjp=lambda ct, out, x: (
        divide(ct, multiply(sqrt(subtract(x, _one(x))), sqrt(add(x, _one(x))))),),
    doc="The inverse hyperbolic cosine, NaN below 1, where the derivative is infinite.",
)  # fmt: skip
arctanh: OpDef = define(
    "arctanh", Kind.ELEMENTWISE, arity=1, numpy=np.arctanh, ufunc=np.arctanh, dtypes=FLOATS,
    ulps=3, vjp=lambda ct, out, x: (divide(ct, _cosine_of(x)),),
    doc="The inverse hyperbolic tangent, infinite at -1 and 1, NaN beyond.",
)  # fmt: skip


def _arctan2_vjp(ct: Expr, out: Expr, y: Expr, x: Expr) -> tuple[Expr, Expr]:
    length = one_where_zero(hypot(x, y))
    by_length = divide(ct, length)
    return multiply(by_length, divide(x, length)), negative(multiply(by_length, divide(y, length)))


arctan2: OpDef = define(
    "arctan2", Kind.ELEMENTWISE, arity=2, numpy=np.arctan2, ufunc=np.arctan2, dtypes=FLOATS,
    ulps=3, vjp=_arctan2_vjp,
    doc="The angle of the point (b, a), from -pi to pi; the derivatives at (0, 0) are 0.",
)  # fmt: skip


def _expand_sinc(x: Expr) -> Expr:
    angle, one = multiply(x, full_like(x, math.pi)), _one(x)
    at_zero = equal(angle, full_like(x, 0))
    return where(at_zero, one, divide(sin(angle), where(at_zero, one, angle)))


SMALL_ANGLE = 0.1  # below, a series of four terms is exact to all digits


def _sinc_vjp(ct: Expr, out: Expr, x: Expr) -> tuple[Expr]:
    """(cos(pi x) - sinc(x)) / x; near 0, where that cancels, pi u (-1/3 + u^2/30 - ...), u = pi x."""
    angle = multiply(x, full_like(x, math.pi))
    z = square(angle)
    series = full_like(x, 0)
    for term in (1 / 45360, -1 / 840, 1 / 30, -1 / 3):
        series = add(multiply(series, z), full_like(x, term))
    near = multiply(multiply(angle, full_like(x, math.pi)), series)
    small = less(absolute(angle), full_like(x, SMALL_ANGLE))
    far = divide(subtract(cos(angle), out), where(small, _one(x), x))
    return (multiply(ct, where(small, near, far)),)


sinc: OpDef = define(
    "sinc", Kind.COMPOSITE, arity=1, numpy=np.sinc, infer=lambda x: x, ufunc=np.sin,
    dtypes=FLOATS, ulps=4, expand=_expand_sinc, vjp=_sinc_vjp,
    doc="sin(pi x) / (pi x), and 1 at 0.",
)  # fmt: skip
