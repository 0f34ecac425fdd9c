"""Elementwise functions put together of others: parts of numbers, rounding, angles, tests."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from eqsat_tensor.errors import ArgumentError, DtypeError, message
from eqsat_tensor.lang import BOOL, FLOAT16, FLOAT32, FLOAT64, INT32, UINT8, Expr, OpDef
from eqsat_tensor.namespace.operands import (
    PUBLIC,
    converted,
    expr_of,
    promoted,
    public,
    show,
)
from eqsat_tensor.ops import arithmetic, bessel, compare, complexes, parts, whole
from eqsat_tensor.ops.leaf import constant, full_like
from eqsat_tensor.ops.movement import broadcast_to
from eqsat_tensor.tensor import Tensor


def _made(name: str, doc: str, body: Callable[..., Expr], *aliases: str) -> None:
    """A public function of NumPy's ufunc ``name``: ``body`` of its promoted operands."""
    ufunc = getattr(np, name)

    def function(*operands: Any) -> Tensor:
        return Tensor(body(*promoted(name, ufunc, operands)))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = (
        f"{doc}\n\nElement by element; operands are promoted and broadcast as in NumPy.\n"
        "Raises ShapeError or DtypeError, in the caller's line."
    )
    public(*aliases, numpy=ufunc)(function)


# ------------------------------------------------------------------------------ signs and angles
def _heaviside(x: Expr, at_zero: Expr) -> Expr:
    zero, one = full_like(x, 0), full_like(x, 1)
    beyond = compare.where(compare.isnan(x), x, one)  # NaN stays
    aside = compare.where(compare.less(x, zero), zero, beyond)
    return compare.where(compare.equal(x, zero), at_zero, aside)


def _scaled(numerator: float, denominator: float) -> Callable[[Expr], Expr]:
    def body(x: Expr) -> Expr:
        wide = FLOAT32 if x.dtype == FLOAT16 else x.dtype  # as NumPy does it
        factor = float(wide.type(numerator) / wide.type(denominator))
        product = arithmetic.multiply(compare.cast_to(x, wide), constant(factor, wide, x.shape))
        return compare.cast_to(product, x.dtype)

    return body


def _bitwise_count(x: Expr) -> Expr:
    return compare.cast_to(whole.bitwise_count(x), UINT8)


_made("heaviside", "0 for x < 0, 1 for x > 0, the second operand for x = 0.", _heaviside)
_made("bitwise_count", "How many bits of |x| are set, as uint8.", _bitwise_count)
_made("fabs", "|x|, of integers as float64.", arithmetic.absolute)
_made("float_power", "a to the power b, in float64.", arithmetic.power)
for _name, _doc in (("deg2rad", "Degrees as radians."), ("radians", "Degrees as radians.")):
    _made(_name, _doc, _scaled(np.pi, 180))
for _name, _doc in (("rad2deg", "Radians as degrees."), ("degrees", "Radians as degrees.")):
    _made(_name, _doc, _scaled(180, np.pi))


def _is_infinity(name: str, doc: str, change: OpDef | None, infinity: float) -> None:
    own = getattr(np, name)

    def function(x: Any, /) -> Tensor:
        expr = expr_of(name, x)
        if expr.dtype.kind == "c":
            if change is None:
                hint = f"Take {name}(real(z)) and {name}(imag(z))."
                raise DtypeError(message(name, "real operands", str(expr.type), hint))
            either = (PUBLIC[name](Tensor(p(expr))) for p in (complexes.real, complexes.imag))
            return Tensor(compare.logical_or(*(t.expr for t in either)))
        if expr.dtype.kind != "f":
            return Tensor(full_like(compare.cast_to(expr, BOOL), False))
        expr = expr if change is None else change(expr)
        return Tensor(compare.equal(expr, full_like(expr, infinity)))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    public(numpy=own)(function)


_is_infinity("isinf", "True where `x` is infinite.", arithmetic.absolute, np.inf)
_is_infinity("isposinf", "True where `x` is plus infinity.", None, np.inf)
_is_infinity("isneginf", "True where `x` is minus infinity.", None, -np.inf)


@public("conj", numpy=np.conjugate)
def conjugate(x: Any, /) -> Tensor:
    """The complex conjugate; `x` itself where it is real."""
    (expr,) = promoted("conjugate", np.conjugate, (x,))
    return Tensor(complexes.conjugate(expr) if expr.dtype.kind == "c" else expr)


@public(numpy=np.real)
def real(x: Any, /) -> Tensor:
    """The real part; `x` itself where it is real."""
    expr = expr_of("real", x)
    return Tensor(complexes.real(expr) if expr.dtype.kind == "c" else expr)


@public(numpy=np.imag)
def imag(x: Any, /) -> Tensor:
    """The imaginary part; zeros where `x` is real."""
    expr = expr_of("imag", x)
    return Tensor(complexes.imag(expr) if expr.dtype.kind == "c" else full_like(expr, 0))


# ---------------------------------------------------------------------------- parts of a number
@public(numpy=np.divmod)
def divmod_(a: Any, b: Any, /) -> tuple[Tensor, Tensor]:
    """`(a // b, a % b)`."""
    exprs = promoted("divmod", np.divmod, (a, b))
    return Tensor(arithmetic.floor_divide(*exprs)), Tensor(arithmetic.remainder(*exprs))


@public(numpy=np.modf)
def modf(x: Any, /) -> tuple[Tensor, Tensor]:
    """The fraction and the whole part of `x`, both with its sign; integers as float64."""
    (expr,) = promoted("modf", np.modf, (x,))
    return Tensor(parts.fraction(expr)), Tensor(arithmetic.trunc(expr))


@public(numpy=np.frexp)
def frexp(x: Any, /) -> tuple[Tensor, Tensor]:
    """m and the int32 k of x = m 2^k, 1/2 <= |m| < 1; k is 0 for 0, infinities and NaN."""
    (expr,) = promoted("frexp", np.frexp, (x,))
    return Tensor(parts.mantissa(expr)), Tensor(compare.cast_to(parts.exponent(expr), INT32))


@public(numpy=np.ldexp)
def ldexp(x: Any, exponent: Any, /) -> Tensor:
    """x 2^exponent, rounded once; `exponent` is of integers."""
    expr, power = promoted("ldexp", np.ldexp, (x, exponent))
    return Tensor(parts.ldexp(expr, compare.cast_to(power, expr.dtype)))


@public("around", numpy=np.round)
def round_(x: Any, /, decimals: Any = 0) -> Tensor:
    """`x` to `decimals` places (negative ones: tens, hundreds); of two numbers as near, the even.

    As in NumPy, by rounding x * 10^decimals. Integers stay integers; one that the dtype does not
    hold afterwards saturates.
    """
    try:
        places = operator.index(decimals)
    except TypeError:
        raise ArgumentError(message("round", "decimals=an int", show(decimals))) from None
    expr = expr_of("round", x)
    if expr.dtype.kind in "iu" and places >= 0:
        return Tensor(expr)
    (value,) = promoted("round", np.rint, (x,))
    if places:
        with np.errstate(over="ignore"):
            factor = full_like(value, float(np.power(10.0, abs(places))))
        there, back = arithmetic.multiply, arithmetic.divide
        if places < 0:
            there, back = back, there
        value = back(parts.rint(there(value, factor)), factor)
    else:
        value = parts.rint(value)
    return Tensor(compare.cast_to(value, expr.dtype) if expr.dtype.kind in "iu" else value)


@public(numpy=np.nan_to_num)
def nan_to_num(
    x: Any, /, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None
) -> Tensor:
    """`x` with numbers for NaN and infinities; None: the largest and the smallest of the dtype.

    copy: False writes to `x` itself.
    """
    expr = expr_of("nan_to_num", x)
    if expr.dtype.kind == "c":
        both = (_numbers(p(expr), nan, posinf, neginf) for p in (complexes.real, complexes.imag))
        result = complexes.complex_(*both)
    else:
        result = _numbers(expr, nan, posinf, neginf) if expr.dtype.kind == "f" else expr
    if copy or not isinstance(x, Tensor) or x.is_number:
        return Tensor(result)
    x.assign(result)
    return x


def _numbers(x: Expr, nan: Any, posinf: Any, neginf: Any) -> Expr:
    """Floats with these numbers for NaN, inf and -inf."""
    limits = np.finfo(x.dtype)
    result = x
    for value, found in (
        (nan, compare.isnan(x)),
        (float(limits.max) if posinf is None else posinf, PUBLIC["isposinf"](Tensor(x)).expr),
        (float(limits.min) if neginf is None else neginf, PUBLIC["isneginf"](Tensor(x)).expr),
    ):
        other = broadcast_to(converted(value, x.dtype), x.shape)
        result = compare.where(found, other, result)
    return result


@public(numpy=np.i0)
def i0(x: Any, /) -> Tensor:
    """The modified Bessel function I of order 0; of integers in float64, of halves by float32."""
    expr = expr_of("i0", x)
    own = expr.dtype if expr.dtype.kind == "f" else FLOAT64
    wide = FLOAT32 if own == FLOAT16 else own
    return Tensor(compare.cast_to(bessel.i0(compare.cast_to(expr, wide)), own))
