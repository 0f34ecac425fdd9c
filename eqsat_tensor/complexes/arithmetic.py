"""Sums, products, quotients, comparisons and casts of complex numbers, as NumPy's loops have them.

Products are four real ones and quotients are Smith's, so NaN and infinities come out where they do
in NumPy.  Source: R. L. Smith 1962, "Algorithm 116: complex division".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.complexes.parts import Parts, Split, rule
from eqsat_tensor.extents import Size
from eqsat_tensor.lang import BOOL, COMPLEX_RULES, COMPLEXES, OPS, Expr, part_dtype
from eqsat_tensor.ops.arithmetic import absolute, add, divide, multiply, negative, subtract
from eqsat_tensor.ops.compare import (
    cast_to,
    equal,
    greater,
    greater_equal,
    isfinite,
    isnan,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    not_equal,
    where,
)
from eqsat_tensor.ops.leaf import constant, full_like, iota, size_value
from eqsat_tensor.ops.roots import hypot
from eqsat_tensor.types import Literal, Shape


def zero(x: Expr) -> Expr:
    """0 in the type of a part."""
    return full_like(x, 0)


def one(x: Expr) -> Expr:
    """1 in the type of a part."""
    return full_like(x, 1)


def choose(condition: Expr, a: Parts, b: Parts) -> Parts:
    """``a`` where a condition holds, else ``b``."""
    return Parts(where(condition, a.re, b.re), where(condition, a.im, b.im))


def is_zero(z: Parts) -> Expr:
    """Are both parts 0?"""
    return logical_and(equal(z.re, zero(z.re)), equal(z.im, zero(z.im)))


# ---------------------------------------------------------------------------------- leaves, parts
@rule("full")
def _full(value: Literal, shape: Shape) -> Parts:
    part, number = part_dtype(value.dtype), value.value
    return Parts(constant(number.real, part, shape), constant(number.imag, part, shape))


@rule("iota")
def _iota(axis: int, dtype: np.dtype, shape: Shape) -> Parts:
    index = iota(axis=axis, dtype=part_dtype(dtype), shape=shape)
    return Parts(index, zero(index))


@rule("size")
def _size(size: tuple[Size, ...], dtype: np.dtype) -> Parts:
    number = size_value(size[0], part_dtype(dtype))
    return Parts(number, zero(number))


@rule("real")
def _real(z: Parts) -> Expr:
    return z.re


@rule("imag")
def _imag(z: Parts) -> Expr:
    return z.im


@rule("complex")
def _complex(re: Expr, im: Expr) -> Parts:
    return Parts(re, im)


@rule("conjugate")
def conjugate(z: Parts) -> Parts:
    """x - iy."""
    return Parts(z.re, negative(z.im))


@rule("cast")
def _cast(x: Split, dtype: np.dtype) -> Split:
    part = part_dtype(dtype)
    if isinstance(x, Expr):
        return Parts(cast_to(x, part), constant(0, part, x.shape))
    if dtype == BOOL:
        return logical_not(is_zero(x))
    if dtype in COMPLEXES:
        return Parts(cast_to(x.re, part), cast_to(x.im, part))
    return cast_to(x.re, dtype)


@rule("where")
def _where(condition: Expr, a: Parts, b: Parts) -> Parts:
    return choose(condition, a, b)


# ------------------------------------------------------------------------------------- arithmetic
@rule("multiply")
def times(a: Parts, b: Parts) -> Parts:
    """(a b)."""
    return Parts(
        subtract(multiply(a.re, b.re), multiply(a.im, b.im)),
        add(multiply(a.re, b.im), multiply(a.im, b.re)),
    )


@rule("square")
def squared(z: Parts) -> Parts:
    """z z."""
    return times(z, z)


@rule("divide")
def over(a: Parts, b: Parts) -> Parts:
    """a / b: by the larger part of b, so that no square overflows."""
    re, im = absolute(b.re), absolute(b.im)
    by_real = greater_equal(re, im)
    large, small = where(by_real, b.re, b.im), where(by_real, b.im, b.re)
    first, second = where(by_real, a.re, a.im), where(by_real, a.im, a.re)
    ratio = divide(small, large)
    scale = divide(one(ratio), add(large, multiply(small, ratio)))
    lower = subtract(second, multiply(first, ratio))
    found = Parts(
        multiply(add(first, multiply(second, ratio)), scale),
        multiply(where(by_real, lower, negative(lower)), scale),
    )
    nothing = logical_and(equal(re, zero(re)), equal(im, zero(im)))
    return choose(nothing, Parts(divide(a.re, re), divide(a.im, re)), found)


@rule("reciprocal")
def inverted(z: Parts) -> Parts:
    """1 / z; NaN at 0."""
    by_real = greater_equal(absolute(z.re), absolute(z.im))
    large, small = where(by_real, z.re, z.im), where(by_real, z.im, z.re)
    ratio = divide(small, large)
    below = add(large, multiply(small, ratio))
    scale, other = divide(one(ratio), below), divide(ratio, below)
    return Parts(where(by_real, scale, other), negative(where(by_real, other, scale)))


@rule("absolute")
def length(z: Parts) -> Expr:
    """|z|."""
    return hypot(z.re, z.im)


@rule("sign")
def _sign(z: Parts) -> Parts:
    """z / |z|; of one infinite part its sign, of two NaN."""
    size = length(z)
    infinite = [equal(absolute(p), full_like(p, np.inf)) for p in z]
    either = logical_or(*infinite)
    parts = []
    for own, lonely in zip(z, infinite, strict=True):
        at_zero = equal(size, zero(size))
        usual = where(at_zero, zero(own), divide(own, where(at_zero, one(size), size)))
        parts.append(where(either, where(lonely, OPS["sign"](own), zero(own)), usual))
    nan = full_like(size, np.nan)
    bad = logical_or(isnan(size), logical_and(*infinite))
    return choose(bad, Parts(nan, nan), Parts(*parts))


@rule("rint")
def _rint(z: Parts) -> Parts:
    return Parts(OPS["rint"](z.re), OPS["rint"](z.im))


# ------------------------------------------------------------------------------------- comparison
@rule("equal")
def _equal(a: Parts, b: Parts) -> Expr:
    return logical_and(equal(a.re, b.re), equal(a.im, b.im))


@rule("not_equal")
def _not_equal(a: Parts, b: Parts) -> Expr:
    return logical_or(not_equal(a.re, b.re), not_equal(a.im, b.im))


def _ordered(name: str, strictly: Any, last: Any) -> None:
    def compare(a: Parts, b: Parts) -> Expr:
        numbers = logical_not(logical_or(isnan(a.im), isnan(b.im)))
        return logical_or(
            logical_and(strictly(a.re, b.re), numbers),
            logical_and(equal(a.re, b.re), last(a.im, b.im)),
        )

    rule(name)(compare)


# by the real part, where that is equal by the imaginary one
_ordered("less", less, less)
_ordered("less_equal", less, less_equal)
_ordered("greater", greater, greater)
_ordered("greater_equal", greater, greater_equal)


@rule("maximum")
def _maximum(a: Parts, b: Parts) -> Parts:
    """The first where it is not below the second, or NaN."""
    return choose(logical_or(_isnan(a), _not_below(a, b)), a, b)


@rule("minimum")
def _minimum(a: Parts, b: Parts) -> Parts:
    return choose(logical_or(_isnan(a), _not_below(b, a)), a, b)


def _not_below(a: Parts, b: Parts) -> Expr:
    found: Expr = COMPLEX_RULES["greater_equal"](a, b)
    return found


@rule("isnan")
def _isnan(z: Parts) -> Expr:
    return logical_or(isnan(z.re), isnan(z.im))


@rule("isfinite")
def _isfinite(z: Parts) -> Expr:
    return logical_and(isfinite(z.re), isfinite(z.im))
