"""Functions of sums and differences of products, right also where their operands are rounded.

What a sum loses is a float (Knuth, 1969): with s = x + y as rounded and e what was lost, x + y = s + e, and

    cos(x + y) = cos s cos e - sin s sin e,    sin(x + y) = sin s cos e + cos s sin e

So has what products lose, where no part of them over- or underflows (Dekker, 1971): with p = a b and q = c d as rounded,

    a b - c d = (p - q) + (what is lost in p - q) + (a b - p) - (c d - q)

float32 and float16 are computed in float64, where their products are exact.
The root of such a difference is computed of mantissas, scaled by powers of two, so that no product over- or underflows.

A search by measured error takes these where digits are lost; nothing else makes them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import FLOAT64, FLOATS, Expr, define
from eqsat_tensor.ops.arithmetic import (
    add,
    divide,
    floor,
    maximum,
    multiply,
    negative,
    sqrt,
    subtract,
)
from eqsat_tensor.ops.barrier import keep
from eqsat_tensor.ops.compare import cast_to, equal, isfinite, where
from eqsat_tensor.ops.leaf import full_like
from eqsat_tensor.ops.parts import exponent, ldexp, mantissa
from eqsat_tensor.ops.sums import added, lost_in_product
from eqsat_tensor.ops.transcendental import cos, sin


# ------------------------------------------------------------------------------------ of sums
def _parts(x: Any, y: Any) -> tuple[Any, Any]:
    """x + y as rounded, and what was lost."""
    total = x + y
    of_y = total - x
    return total, (x - (total - of_y)) + (y - of_y)


def _wide(function: Callable[..., Any], *operands: Any) -> Any:
    """A function of float64 arrays on narrower ones."""
    return function(*[x.astype(FLOAT64) for x in operands]).astype(operands[0].dtype)


def _wide_expr(expand: Callable[..., Expr], *operands: Expr) -> Expr:
    return cast_to(expand(*[cast_to(x, FLOAT64) for x in operands]), operands[0].dtype)


def _cos_of_sum(x: Any, y: Any) -> Any:
    if x.dtype != FLOAT64:
        return _wide(_cos_of_sum, x, y)
    total, lost = _parts(x, y)
    return np.cos(total) * np.cos(lost) - np.sin(total) * np.sin(lost)


def _sin_of_sum(x: Any, y: Any) -> Any:
    if x.dtype != FLOAT64:
        return _wide(_sin_of_sum, x, y)
    total, lost = _parts(x, y)
    return np.sin(total) * np.cos(lost) + np.cos(total) * np.sin(lost)


def _expand_cos(x: Expr, y: Expr) -> Expr:
    if x.dtype != FLOAT64:
        return _wide_expr(_expand_cos, x, y)
    total, lost = added(x, y)
    return subtract(multiply(cos(total), cos(lost)), multiply(sin(total), sin(lost)))


def _expand_sin(x: Expr, y: Expr) -> Expr:
    if x.dtype != FLOAT64:
        return _wide_expr(_expand_sin, x, y)
    total, lost = added(x, y)
    return add(multiply(sin(total), cos(lost)), multiply(cos(total), sin(lost)))


def _vjp_cos(ct: Expr, out: Expr, x: Expr, y: Expr) -> tuple[Expr, Expr]:
    both = negative(multiply(ct, sin_of_sum(x, y)))
    return both, both


def _vjp_sin(ct: Expr, out: Expr, x: Expr, y: Expr) -> tuple[Expr, Expr]:
    both = multiply(ct, cos_of_sum(x, y))
    return both, both


cos_of_sum = define(
    "cos_of_sum", Kind.COMPOSITE, arity=2, numpy=_cos_of_sum, infer=lambda x, y: x, dtypes=FLOATS, ufunc=np.cos,
    vjp=_vjp_cos, expand=_expand_cos, real=lambda x, y: cos(add(x, y)), ulps=4.0,
    doc="cos(x + y), x + y not rounded.",
)  # fmt: skip
sin_of_sum = define(
    "sin_of_sum", Kind.COMPOSITE, arity=2, numpy=_sin_of_sum, infer=lambda x, y: x, dtypes=FLOATS, ufunc=np.sin,
    vjp=_vjp_sin, expand=_expand_sin, real=lambda x, y: sin(add(x, y)), ulps=4.0,
    doc="sin(x + y), x + y not rounded.",
)  # fmt: skip


# -------------------------------------------------------------------------------- of products
HALVES = 2.0**27 + 1


def _halves(x: Any) -> tuple[Any, Any]:
    """x as two floats of 26 bits."""
    shifted = HALVES * x
    high = shifted - (shifted - x)
    return high, x - high


def _lost_in_product(a: Any, b: Any, product: Any) -> Any:
    (a1, a2), (b1, b2) = _halves(a), _halves(b)
    return ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2


def _difference_of_products(a: Any, b: Any, c: Any, d: Any) -> Any:
    if a.dtype != FLOAT64:
        return _wide(_difference_of_products, a, b, c, d)
    p, q = a * b, c * d
    total, lost = _parts(p, -q)
    rest = lost + (_lost_in_product(a, b, p) - _lost_in_product(c, d, q))
    return np.where(np.isfinite(rest), total + rest, total)


def _expand_products(a: Expr, b: Expr, c: Expr, d: Expr) -> Expr:
    if a.dtype != FLOAT64:
        return _wide_expr(_expand_products, a, b, c, d)
    p, q = keep(multiply(a, b)), keep(multiply(c, d))
    total, lost = added(p, negative(q))
    rest = add(lost, subtract(lost_in_product(a, b, p), lost_in_product(c, d, q)))
    return add(total, where(isfinite(rest), rest, full_like(rest, 0)))


def _vjp_products(
    ct: Expr, out: Expr, a: Expr, b: Expr, c: Expr, d: Expr
) -> tuple[Expr, Expr, Expr, Expr]:
    less = negative(ct)
    return multiply(ct, b), multiply(ct, a), multiply(less, d), multiply(less, c)


difference_of_products = define(
    "difference_of_products", Kind.COMPOSITE, arity=4, numpy=_difference_of_products,
    infer=lambda a, b, c, d: a, dtypes=FLOATS, vjp=_vjp_products, expand=_expand_products,
    real=lambda a, b, c, d: subtract(multiply(a, b), multiply(c, d)), ulps=2.0,
    doc="a b - c d as if computed with twice the digits, where no product or its parts over- or underflow.",
)  # fmt: skip


# ----------------------------------------------------------------- of roots of such differences
NOTHING = -8192.0  # the exponent of a product that is 0: below that of any


def _root(a: Any, b: Any, c: Any, d: Any) -> Any:
    """Each product m 2^k of mantissas and exponents; the larger k, or one less, is even and taken out."""
    if a.dtype != FLOAT64:
        return _wide(lambda *wide: np.sqrt(_difference_of_products(*wide)), a, b, c, d)
    (ma, ka), (mb, kb), (mc, kc), (md, kd) = (np.frexp(x) for x in (a, b, c, d))
    p, q = ma * mb, mc * md
    of_p, of_q = np.where(p == 0, NOTHING, ka + kb), np.where(q == 0, NOTHING, kc + kd)
    half = np.floor(np.maximum(of_p, of_q) * 0.5)
    by_p, by_q = ((k - 2 * half).astype(int) for k in (of_p, of_q))
    total, lost = _parts(np.ldexp(p, by_p), -np.ldexp(q, by_q))
    rest = np.ldexp(_lost_in_product(ma, mb, p), by_p) - np.ldexp(_lost_in_product(mc, md, q), by_q)
    rest = lost + rest
    return np.ldexp(np.sqrt(np.where(np.isfinite(rest), total + rest, total)), half.astype(int))


def _expand_root(a: Expr, b: Expr, c: Expr, d: Expr) -> Expr:
    if a.dtype != FLOAT64:
        return _wide_expr(lambda *wide: sqrt(_expand_products(*wide)), a, b, c, d)
    ma, mb, mc, md = (mantissa(x) for x in (a, b, c, d))
    p, q = keep(multiply(ma, mb)), keep(multiply(mc, md))
    zero, nothing = full_like(a, 0), full_like(a, NOTHING)
    of_p = where(equal(p, zero), nothing, add(exponent(a), exponent(b)))
    of_q = where(equal(q, zero), nothing, add(exponent(c), exponent(d)))
    half = floor(multiply(maximum(of_p, of_q), full_like(a, 0.5)))
    even = add(half, half)
    by_p, by_q = subtract(of_p, even), subtract(of_q, even)
    total, lost = added(ldexp(p, by_p), negative(ldexp(q, by_q)))
    lost_p, lost_q = lost_in_product(ma, mb, p), lost_in_product(mc, md, q)
    rest = add(lost, subtract(ldexp(lost_p, by_p), ldexp(lost_q, by_q)))
    return ldexp(sqrt(add(total, where(isfinite(rest), rest, zero))), half)


def _vjp_root(
    ct: Expr, out: Expr, a: Expr, b: Expr, c: Expr, d: Expr
) -> tuple[Expr, Expr, Expr, Expr]:
    return _vjp_products(divide(multiply(ct, full_like(out, 0.5)), out), out, a, b, c, d)


root_of_difference = define(
    "root_of_difference", Kind.COMPOSITE, arity=4, numpy=_root, infer=lambda a, b, c, d: a, dtypes=FLOATS,
    vjp=_vjp_root, expand=_expand_root,
    real=lambda a, b, c, d: sqrt(subtract(multiply(a, b), multiply(c, d))), ulps=2.0,
    doc="sqrt(a b - c d) with twice the digits for the difference; no product over- or underflows.",
)  # fmt: skip
