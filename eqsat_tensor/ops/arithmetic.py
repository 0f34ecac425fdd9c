"""Arithmetic of elements: sums, products, quotients, powers, signs, rounding."""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import BOOLS, FLOATS, NUMBERS, OPS, Expr, OpDef, define, part_dtype
from eqsat_tensor.ops.leaf import constant_of, full_like


def _where(condition: Expr, a: Expr, b: Expr) -> Expr:
    return OPS["where"](condition, a, b)


def _share_at_ties(ct: Expr, winner: Expr, loser: Expr, wins: str) -> Expr:
    """The cotangent where an operand wins, half of it at ties, 0 where it loses.

    The form where(condition, value, 0) tells autodiff which elements are live.
    """
    share = _where(OPS["equal"](winner, loser), multiply(ct, full_like(ct, 0.5)), ct)
    return _where(OPS[wins](winner, loser), share, full_like(ct, 0))


def _power_vjp(ct: Expr, out: Expr, x: Expr, y: Expr) -> tuple[Expr | None, Expr]:
    positive = OPS["not_equal"](x, full_like(x, 0))
    safe = _where(positive, x, full_like(x, 1))
    # x^y log x: 0 where x is 0 (the limit for y > 0), so that no NaN comes from the logarithm
    dy = _where(positive, multiply(ct, multiply(out, OPS["log"](safe))), full_like(x, 0))
    return _base_cotangent(ct, x, y), dy


def _base_cotangent(ct: Expr, x: Expr, y: Expr) -> Expr | None:
    """ct y x^(y-1), and 0 where y is 0."""
    exponent = constant_of(y)
    if exponent is None:
        slope = multiply(y, power(x, subtract(y, full_like(y, 1))))
        return _where(OPS["not_equal"](y, full_like(y, 0)), multiply(ct, slope), full_like(y, 0))
    if exponent == 0:
        return None
    if exponent == 1:
        return ct
    rest = x if exponent == 2 else power(x, full_like(y, exponent - 1))
    return multiply(ct, multiply(y, rest))


# Of complex numbers: |z| and z / |z| are not holomorphic, so cotangents are conjugated.
def _absolute_vjp(ct: Expr, out: Expr, x: Expr) -> tuple[Expr]:
    if x.dtype.kind != "c":
        return (multiply(ct, sign(x)),)
    return (multiply(OPS["cast"](ct, dtype=x.dtype), OPS["conjugate"](sign(x))),)


def _absolute_jvp(tangents: tuple[Expr | None, ...], out: Expr, x: Expr) -> Expr:
    (tangent,) = tangents
    assert tangent is not None
    return _along(sign(x), tangent) if x.dtype.kind == "c" else multiply(tangent, sign(x))


def _along(direction: Expr, z: Expr) -> Expr:
    """The real part of conj(direction) z."""
    return OPS["real"](multiply(OPS["conjugate"](direction), z))


def _sign_vjp(ct: Expr, out: Expr, x: Expr) -> tuple[Expr | None]:
    """(ct - Re(ct s) conj(s)) / |x| with s = sign(x); 0 at 0."""
    if x.dtype.kind != "c":
        return (None,)
    back = OPS["conjugate"](out)
    return (_over_length(subtract(ct, _scaled(_along(back, ct), back)), x),)


def _sign_jvp(tangents: tuple[Expr | None, ...], out: Expr, x: Expr) -> Expr | None:
    (tangent,) = tangents
    if x.dtype.kind != "c" or tangent is None:
        return None
    return _over_length(subtract(tangent, _scaled(_along(out, tangent), out)), x)


def _scaled(factor: Expr, z: Expr) -> Expr:
    return multiply(OPS["cast"](factor, dtype=z.dtype), z)


def _over_length(z: Expr, x: Expr) -> Expr:
    length = OPS["cast"](absolute(x), dtype=x.dtype)
    nothing = OPS["equal"](length, full_like(x, 0))
    return _where(nothing, full_like(x, 0), divide(z, _where(nothing, full_like(x, 1), length)))


add: OpDef = define(
    "add", Kind.ELEMENTWISE, arity=2, numpy=np.add, ufunc=np.add, dtypes=NUMBERS,
    commutative=True, linear=True, vjp=lambda ct, out, a, b: (ct, ct),
    doc="a + b.",
)  # fmt: skip
subtract: OpDef = define(
    "subtract", Kind.ELEMENTWISE, arity=2, numpy=np.subtract, ufunc=np.subtract, dtypes=NUMBERS,
    linear=True, vjp=lambda ct, out, a, b: (ct, negative(ct)),
    doc="a - b.",
)  # fmt: skip
multiply: OpDef = define(
    "multiply", Kind.ELEMENTWISE, arity=2, numpy=np.multiply, ufunc=np.multiply, dtypes=NUMBERS,
    commutative=True, vjp=lambda ct, out, a, b: (multiply(ct, b), multiply(ct, a)),
    doc="a * b.",
)  # fmt: skip
divide: OpDef = define(
    "divide", Kind.ELEMENTWISE, arity=2, numpy=np.divide, ufunc=np.divide, dtypes=FLOATS,
    vjp=lambda ct, out, a, b: (divide(ct, b), negative(multiply(divide(ct, b), out))),
    doc="a / b; integers are divided as float64.",
)  # fmt: skip
power: OpDef = define(
    "power", Kind.ELEMENTWISE, arity=2, numpy=np.power, ufunc=np.power, dtypes=FLOATS,
    vjp=_power_vjp, ulps=3,
    doc="a to the power b; NaN for negative a and b that is no whole number.",
)  # fmt: skip
negative: OpDef = define(
    "negative", Kind.ELEMENTWISE, arity=1, numpy=np.negative, ufunc=np.negative, dtypes=NUMBERS,
    linear=True, ulps=0, vjp=lambda ct, out, x: (negative(ct),),
    doc="-x.",
)  # fmt: skip
absolute: OpDef = define(
    "absolute", Kind.ELEMENTWISE, arity=1, numpy=np.absolute, ufunc=np.absolute, dtypes=NUMBERS,
    infer=lambda x: x.with_dtype(part_dtype(x.dtype)), ulps=0, vjp=_absolute_vjp, jvp=_absolute_jvp,
    doc="|x|; the derivative at 0 is 0.",
)  # fmt: skip
sign: OpDef = define(
    "sign", Kind.ELEMENTWISE, arity=1, numpy=np.sign, ufunc=np.sign, dtypes=NUMBERS,
    ulps=0, vjp=_sign_vjp, jvp=_sign_jvp,
    doc="-1, 0 or 1, of complex numbers x / |x|; NaN for NaN.",
)  # fmt: skip
sqrt: OpDef = define(
    "sqrt", Kind.ELEMENTWISE, arity=1, numpy=np.sqrt, ufunc=np.sqrt, dtypes=FLOATS,
    vjp=lambda ct, out, x: (divide(multiply(ct, full_like(ct, 0.5)), out),),
    doc="The square root; NaN below 0.",
)  # fmt: skip
square: OpDef = define(
    "square", Kind.ELEMENTWISE, arity=1, numpy=np.square, ufunc=np.square, dtypes=NUMBERS,
    vjp=lambda ct, out, x: (multiply(ct, multiply(full_like(x, 2), x)),),
    doc="x * x.",
)  # fmt: skip
reciprocal: OpDef = define(
    "reciprocal", Kind.ELEMENTWISE, arity=1, numpy=np.reciprocal, ufunc=np.reciprocal,
    dtypes=FLOATS, vjp=lambda ct, out, x: (negative(multiply(ct, square(out))),),
    doc="1 / x.",
)  # fmt: skip
maximum: OpDef = define(
    "maximum", Kind.ELEMENTWISE, arity=2, numpy=np.maximum, ufunc=np.maximum,
    dtypes=BOOLS + NUMBERS, commutative=True, ulps=0,
    vjp=lambda ct, out, a, b: (
        _share_at_ties(ct, a, b, "greater_equal"), _share_at_ties(ct, b, a, "greater_equal")),
    doc="The larger element, NaN where one is NaN; at ties each gets half of the derivative.",
)  # fmt: skip
minimum: OpDef = define(
    "minimum", Kind.ELEMENTWISE, arity=2, numpy=np.minimum, ufunc=np.minimum,
    dtypes=BOOLS + NUMBERS, commutative=True, ulps=0,
    vjp=lambda ct, out, a, b: (
        _share_at_ties(ct, a, b, "less_equal"), _share_at_ties(ct, b, a, "less_equal")),
    doc="The smaller element, NaN where one is NaN; at ties each gets half of the derivative.",
)  # fmt: skip


def _flat(ct: Expr, out: Expr, *operands: Expr, **_: Any) -> tuple[None, ...]:
    return (None,) * len(operands)


floor: OpDef = define(
    "floor", Kind.ELEMENTWISE, arity=1, numpy=np.floor, ufunc=np.floor, dtypes=FLOATS, ulps=0,
    vjp=_flat, doc="The largest whole number not above x.",
)  # fmt: skip
ceil: OpDef = define(
    "ceil", Kind.ELEMENTWISE, arity=1, numpy=np.ceil, ufunc=np.ceil, dtypes=FLOATS, ulps=0,
    vjp=_flat, doc="The smallest whole number not below x.",
)  # fmt: skip
trunc: OpDef = define(
    "trunc", Kind.ELEMENTWISE, arity=1, numpy=np.trunc, ufunc=np.trunc, dtypes=FLOATS, ulps=0,
    vjp=_flat, doc="x without its fraction.",
)  # fmt: skip
floor_divide: OpDef = define(
    "floor_divide", Kind.ELEMENTWISE, arity=2, numpy=np.floor_divide, ufunc=np.floor_divide,
    dtypes=NUMBERS, vjp=_flat,
    doc="The floor of a / b; 0 for whole numbers where b is 0.",
)  # fmt: skip
remainder: OpDef = define(
    "remainder", Kind.ELEMENTWISE, arity=2, numpy=np.remainder, ufunc=np.remainder,
    dtypes=NUMBERS,
    vjp=lambda ct, out, a, b: (ct, negative(multiply(ct, floor_divide(a, b)))),
    doc="a - b floor(a / b), with the sign of b; 0 for whole numbers where b is 0.",
)  # fmt: skip
