"""Sums that do not lose digits: one rounded once, one as if computed with twice the digits.

The second takes the leading digits off all terms at once, by a number that is larger than their sum
(Rump, Ogita, Oishi, 2008): the parts above its last place add up without any rounding, in any order.

    s = 4 n max|x|     q = (x + s) - s     r = x - q     sum x = sum q + sum r

A sum of products is that of the rounded products and of what they lost, a b - p, which is a float: of the
halves of a and b all products are exact (Dekker, 1971; Veltkamp's halves).  Those of float32 are exact in float64.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from eqsat_tensor.extents import product
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import FLOAT64, FLOATS, Expr, OpDef, define
from eqsat_tensor.ops.arithmetic import absolute, add, multiply, subtract
from eqsat_tensor.ops.barrier import keep
from eqsat_tensor.ops.compare import cast_to, greater, isfinite, less, logical_and, where
from eqsat_tensor.ops.leaf import full_like, size_value
from eqsat_tensor.ops.movement import broadcast
from eqsat_tensor.ops.reduce import AXES, max_, reduced_type, sum_

Axes = tuple[int, ...]
LAST_PLACE = 2.0**-52  # of float64, relative


# ------------------------------------------------------------------------------ rounded once
def _total(row: np.ndarray) -> float:
    """The sum of the terms rounded once to float64."""
    if not np.isfinite(row).all():
        return float(np.sum(row, dtype=FLOAT64))
    terms = row.tolist()
    if not any(terms):
        return -0.0 if terms and np.signbit(row).all() else 0.0
    try:
        return math.fsum(terms)
    except OverflowError:  # on the way, not perhaps at the end
        exact = sum(map(Fraction, terms))
        try:
            return float(exact)
        except OverflowError:
            return math.inf if exact > 0 else -math.inf


def _rounded_once(row: np.ndarray) -> Any:
    """`_total` in the dtype of the terms: where float64 lies half-way, the rest decides."""
    total, dtype = _total(row), row.dtype
    with np.errstate(over="ignore"):
        near = dtype.type(total)
    if dtype == FLOAT64 or not np.isfinite(total) or float(near) == total:
        return near
    other = np.nextafter(near, dtype.type(math.copysign(math.inf, total - float(near))))
    below, above = sorted((float(near), float(other)))
    rest = math.fsum((*row.tolist(), -total))
    if not math.isfinite(above - below) or total - below != above - total or not rest:
        return near
    return dtype.type(above if rest > 0 else below)


def _exact_sum(x: Any, axes: Axes) -> Any:
    kept = [a for a in range(x.ndim) if a not in axes]
    shape = tuple(x.shape[a] for a in kept)
    rows = x.transpose(*kept, *axes).reshape(math.prod(shape), math.prod(x.shape[a] for a in axes))
    with np.errstate(invalid="ignore", over="ignore"):
        return np.array([_rounded_once(row) for row in rows], x.dtype).reshape(shape)


# ----------------------------------------------------------------------- with twice the digits
def _parted(x: Expr, scale: Expr, axes: Axes) -> tuple[Expr, Expr]:
    """What of each term lies above the last place of ``scale``, and the rest: both without rounding."""
    every = broadcast(scale, axes, x.shape)
    high = subtract(add(x, every), every)
    return high, subtract(x, high)


def added(a: Expr, b: Expr) -> tuple[Expr, Expr]:
    """a + b, and what was lost by rounding it (Knuth)."""
    total = add(a, b)
    of_b = subtract(total, a)
    return total, add(subtract(a, subtract(total, of_b)), subtract(b, of_b))


def _expand(x: Expr, axes: Axes) -> Expr:
    if x.dtype != FLOAT64:
        return cast_to(_expand(cast_to(x, FLOAT64), axes), x.dtype)
    top = max_(absolute(x), axes=axes)
    count = size_value(4 * product(x.shape[a] for a in axes), FLOAT64)
    count = broadcast(count, tuple(range(top.type.rank)), top.shape) if top.shape else count
    first = multiply(top, count)
    second = multiply(multiply(first, count), full_like(first, LAST_PLACE))
    high, rest = _parted(x, first, axes)
    middle, low = _parted(rest, second, axes)
    total, lost = added(sum_(high, axes=axes), sum_(middle, axes=axes))
    precise = add(total, add(lost, sum_(low, axes=axes)))
    usual = logical_and(greater(first, full_like(first, 0)), less(first, full_like(first, np.inf)))
    return where(usual, precise, sum_(x, axes=axes))


# ------------------------------------------------------------------------------------ of products
HALVES = 2.0**27 + 1


def _halves(x: Expr) -> tuple[Expr, Expr]:
    """x as two floats of 26 bits.  `keep`: fused with the difference, the product would not be rounded."""
    shifted = keep(multiply(x, full_like(x, HALVES)))
    high = subtract(shifted, subtract(shifted, x))
    return high, subtract(x, high)


def lost_in_product(a: Expr, b: Expr, product: Expr) -> Expr:
    """a b - product, and 0 where a half overflows."""
    (a1, a2), (b1, b2) = _halves(a), _halves(b)
    lost = subtract(multiply(a1, b1), product)
    for x, y in ((a1, b2), (a2, b1), (a2, b2)):
        lost = add(lost, multiply(x, y))
    return where(isfinite(lost), lost, full_like(lost, 0))


def _expand_dot(a: Expr, b: Expr, axes: Axes) -> Expr:
    if a.dtype != FLOAT64:
        product = multiply(cast_to(a, FLOAT64), cast_to(b, FLOAT64))
        return cast_to(_expand(product, axes), a.dtype)
    product = keep(multiply(a, b))
    return add(_expand(product, axes), sum_(lost_in_product(a, b, product), axes=axes))


def _exact_dot(a: Any, b: Any, axes: Axes) -> Any:
    """The sum of the products, rounded once (float16 and float32: twice)."""
    x, y = (np.asarray(v, FLOAT64) for v in (a, b))
    with np.errstate(invalid="ignore", over="ignore"):
        products = x * y
        if a.dtype == FLOAT64:
            lost = np.zeros_like(products)
            for place in np.argwhere(np.isfinite(products)):
                i = tuple(place)
                exact = Fraction(float(x[i])) * Fraction(float(y[i]))
                lost[i] = float(exact - Fraction(float(products[i])))
            products = np.concatenate([products, lost], axes[-1])
        return _exact_sum(products, axes).astype(a.dtype)


def _real_dot(a: Expr, b: Expr, axes: Axes) -> Expr:
    return sum_(multiply(a, b), axes=axes)


def _dot_vjp(ct: Expr, out: Expr, a: Expr, b: Expr, axes: Axes) -> tuple[Expr, Expr]:
    every = broadcast(ct, axes, a.shape)
    return multiply(every, b), multiply(every, a)


def _dot_jvp(tangents: tuple[Expr | None, ...], out: Expr, a: Expr, b: Expr, axes: Axes) -> Expr:
    da, db = tangents
    parts = [precise_dot(*pair, axes=axes) for pair in ((da, b), (a, db)) if None not in pair]
    return parts[0] if len(parts) == 1 else add(*parts)


# ------------------------------------------------------------------------------------------ ops
def _vjp(ct: Expr, out: Expr, x: Expr, axes: Axes) -> tuple[Expr]:
    return (broadcast(ct, axes, x.shape),)


exact_sum: OpDef = define(
    "exact_sum", Kind.LIBRARY, arity=1, numpy=_exact_sum, infer=reduced_type, attributes=AXES,
    dtypes=FLOATS, vjp=_vjp,
    jvp=lambda tangents, out, x, axes: exact_sum(tangents[0], axes=axes), ulps=0.5,
    doc="The sum rounded once (`math.fsum`), a call of Python for each row: about 100 ns an element.",
)  # fmt: skip
precise_sum = define(
    "precise_sum", Kind.COMPOSITE, arity=1, numpy=_exact_sum, infer=reduced_type, attributes=AXES,
    dtypes=FLOATS, vjp=_vjp,
    expand=_expand, real=lambda x, axes: sum_(x, axes=axes), ulps=1.0,
    doc="The sum as if computed with twice the digits; plainly where 4 n max|x| overflows.",
)  # fmt: skip
precise_dot: OpDef = define(
    "precise_dot", Kind.COMPOSITE, arity=2, numpy=_exact_dot,
    infer=lambda a, b, axes: reduced_type(a, axes=axes), attributes=AXES, dtypes=FLOATS, vjp=_dot_vjp,
    jvp=_dot_jvp,
    expand=_expand_dot, real=_real_dot, ulps=2.0,
    doc="The sum of products as if computed with twice the digits; plainly where 4 n max|a b| overflows.",
)  # fmt: skip
