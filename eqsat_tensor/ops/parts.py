"""Parts and neighbours of floats, and what C has beside NumPy's own: signs, exponents, fmod, fmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import FLOATS, INTS, Expr, OpDef, define
from eqsat_tensor.ops.arithmetic import divide, multiply, negative, sign, trunc
from eqsat_tensor.ops.compare import equal, greater_equal, isnan, less_equal, logical_or, where
from eqsat_tensor.ops.leaf import full_like
from eqsat_tensor.scalar import PRIMITIVES


def _flat(ct: Expr, out: Expr, *operands: Expr, **_: Any) -> tuple[None, ...]:
    return (None,) * len(operands)


def _copysign_vjp(ct: Expr, out: Expr, a: Expr, b: Expr) -> tuple[Expr, None]:
    slope = multiply(sign(a), copysign(full_like(a, 1), b))
    return multiply(ct, slope), None


copysign: OpDef = define(
    "copysign", Kind.ELEMENTWISE, arity=2, numpy=np.copysign, ufunc=np.copysign, dtypes=FLOATS,
    ulps=0, vjp=_copysign_vjp,
    doc="|a| with the sign of b; as of |a|, the derivative where a is 0 is 0.",
)  # fmt: skip
signbit: OpDef = define(
    "signbit", Kind.ELEMENTWISE, arity=1, numpy=np.signbit, ufunc=np.signbit, dtypes=FLOATS,
    ulps=0, result="bool", vjp=_flat, doc="Is the sign set, of -0 and NaN too?",
)  # fmt: skip
nextafter: OpDef = define(
    "nextafter", Kind.ELEMENTWISE, arity=2, numpy=np.nextafter, ufunc=np.nextafter, dtypes=FLOATS,
    ulps=0, vjp=lambda ct, out, a, b: (ct, None),
    doc="The float next to a in the direction of b; the derivative by a is 1, by b 0.",
)  # fmt: skip
spacing: OpDef = define(
    "spacing", Kind.ELEMENTWISE, arity=1, numpy=np.spacing, ufunc=np.spacing, dtypes=FLOATS,
    ulps=0, vjp=_flat, doc="The distance to the next float away from 0, with the sign of x; of float16 that to the "
    "next larger one, not negative.",
)  # fmt: skip
rint: OpDef = define(
    "rint", Kind.ELEMENTWISE, arity=1, numpy=np.rint, ufunc=np.rint, dtypes=FLOATS, ulps=0,
    vjp=_flat, doc="The nearest whole number; of two, the even one.",
)  # fmt: skip
fmod: OpDef = define(
    "fmod", Kind.ELEMENTWISE, arity=2, numpy=np.fmod, ufunc=np.fmod, dtypes=INTS + FLOATS, ulps=0,
    vjp=lambda ct, out, a, b: (ct, negative(multiply(ct, trunc(divide(a, b))))),
    doc="a - b trunc(a / b), with the sign of a; 0 for whole numbers where b is 0.",
)  # fmt: skip


def _number_vjp(wins: OpDef) -> Any:
    def vjp(ct: Expr, out: Expr, a: Expr, b: Expr) -> tuple[Expr, Expr]:
        def of(winner: Expr, loser: Expr) -> Expr:
            share = where(equal(winner, loser), multiply(ct, full_like(ct, 0.5)), ct)
            taken = logical_or(wins(winner, loser), isnan(loser))
            return where(taken, share, full_like(ct, 0))

        return of(a, b), of(b, a)

    return vjp


fmax: OpDef = define(
    "fmax", Kind.ELEMENTWISE, arity=2, numpy=np.fmax, ufunc=np.fmax, dtypes=FLOATS, ulps=0,
    vjp=_number_vjp(greater_equal),
    doc="The larger element, of a number and a NaN the number; at ties each gets half of the "
    "derivative.",
)  # fmt: skip
fmin: OpDef = define(
    "fmin", Kind.ELEMENTWISE, arity=2, numpy=np.fmin, ufunc=np.fmin, dtypes=FLOATS, ulps=0,
    vjp=_number_vjp(less_equal),
    doc="The smaller element, of a number and a NaN the number; at ties each gets half of the "
    "derivative.",
)  # fmt: skip


def _fraction(s: Any, x: Any) -> Any:
    infinite = s.equal(s.absolute(x), s.constant(np.inf, x))
    rest = s.select(infinite, s.constant(0, x), s.subtract(x, s.trunc(x)))
    return s.copysign(rest, x)


fraction: OpDef = define(
    "fraction", Kind.ELEMENTWISE, arity=1, numpy=lambda x: np.modf(x)[0], dtypes=FLOATS, ulps=0,
    scalar=_fraction, vjp=lambda ct, out, x: (ct,), doc="x - trunc(x), with the sign of x.",
)  # fmt: skip


def _mantissa_vjp(ct: Expr, out: Expr, x: Expr) -> tuple[Expr]:
    return (ldexp(ct, negative(exponent(x))),)


mantissa: OpDef = define(
    "mantissa", Kind.ELEMENTWISE, arity=1, numpy=PRIMITIVES["mantissa"].numpy, dtypes=FLOATS,
    ulps=0, vjp=_mantissa_vjp,
    doc="The m of x = m 2^k, 1/2 <= |m| < 1; 0, inf and NaN are their own.",
)  # fmt: skip
exponent: OpDef = define(
    "exponent", Kind.ELEMENTWISE, arity=1, numpy=PRIMITIVES["exponent"].numpy, dtypes=FLOATS,
    ulps=0, vjp=_flat, doc="The k of x = m 2^k, 1/2 <= |m| < 1, as a float; 0 for inf and NaN.",
)  # fmt: skip
ldexp: OpDef = define(
    "ldexp", Kind.ELEMENTWISE, arity=2, numpy=PRIMITIVES["ldexp"].numpy, dtypes=FLOATS,
    vjp=lambda ct, out, a, b: (ldexp(ct, b), None),
    doc="a 2^b, rounded once; b is a whole number (its fraction is dropped).",
)  # fmt: skip
