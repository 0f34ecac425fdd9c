"""Losses of a residual, and the transforms of Box and Cox (1964, J. R. Stat. Soc. B 26)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from eqsat_tensor.lang import Expr, OpDef, Vjp
from eqsat_tensor.ops.arithmetic import (
    absolute,
    add,
    divide,
    maximum,
    minimum,
    multiply,
    negative,
    reciprocal,
    sign,
    sqrt,
    square,
    subtract,
)
from eqsat_tensor.ops.compare import (
    equal,
    greater,
    isfinite,
    less,
    less_equal,
    logical_and,
    logical_or,
    where,
)
from eqsat_tensor.ops.error import exprel, exprel_slope
from eqsat_tensor.ops.forms import composite, horner, scaled, shifted
from eqsat_tensor.ops.leaf import full_like
from eqsat_tensor.ops.transcendental import exp, expm1, log, log1p
from eqsat_tensor.scalar import scipy_function


# ------------------------------------------------------------------------------- losses
def _refused_below_zero(delta: Expr, loss: Expr) -> Expr:
    return where(less(delta, full_like(delta, 0)), full_like(delta, math.inf), loss)


def _expand_huber(delta: Expr, r: Expr) -> Expr:
    size = absolute(r)
    line = multiply(delta, subtract(size, scaled(delta, 0.5)))
    loss = where(less_equal(size, delta), scaled(square(r), 0.5), line)
    return _refused_below_zero(delta, loss)


def _huber_vjp(ct: Expr, out: Expr, delta: Expr, r: Expr) -> tuple[Expr, Expr]:
    beyond = maximum(subtract(absolute(r), delta), full_like(r, 0))
    kept = maximum(minimum(r, delta), negative(delta))
    return multiply(ct, beyond), multiply(ct, kept)


def _ratio(delta: Expr, r: Expr) -> tuple[Expr, Expr]:
    """r / delta, and whether it is so large that a 1 beside its square is nothing."""
    zero = full_like(r, 0)
    nothing = logical_or(equal(delta, zero), equal(r, zero))
    ratio = where(nothing, zero, divide(r, where(nothing, full_like(delta, 1), delta)))
    return ratio, greater(absolute(ratio), full_like(ratio, 1e9))


def _expand_pseudo_huber(delta: Expr, r: Expr) -> Expr:
    ratio, far = _ratio(delta, r)
    rise = expm1(scaled(log1p(square(ratio)), 0.5))
    line = multiply(delta, subtract(absolute(r), delta))
    loss = where(far, line, multiply(square(delta), rise))
    zero = full_like(r, 0)
    loss = where(logical_or(equal(delta, zero), equal(r, zero)), zero, loss)
    return _refused_below_zero(delta, loss)


def _pseudo_huber_vjp(ct: Expr, out: Expr, delta: Expr, r: Expr) -> tuple[Expr, Expr]:
    ratio, far = _ratio(delta, r)
    root = sqrt(shifted(square(ratio), 1))
    rise = divide(square(ratio), shifted(root, 1))  # root - 1
    along_delta = divide(multiply(delta, square(rise)), root)
    along_r = divide(multiply(delta, ratio), root)
    far_delta = subtract(absolute(r), scaled(delta, 2))
    far_r = multiply(delta, sign(r))
    return (
        multiply(ct, where(far, far_delta, along_delta)),
        multiply(ct, where(far, far_r, along_r)),
    )


def _pseudo_huber(delta: Any, r: Any) -> Any:
    """SciPy's, but for ratios whose squares overflow or underflow there."""
    far = (np.abs(r) > 1e9 * delta) & (delta > 0) & np.isfinite(delta)
    return np.where(far, delta * (np.abs(r) - delta), scipy_function("pseudo_huber")(delta, r))


huber: OpDef = composite(
    "huber", 2, expand=_expand_huber, vjp=_huber_vjp,
    doc="r^2 / 2 for |r| <= delta, else delta (|r| - delta / 2); infinity for delta < 0.",
)  # fmt: skip
pseudo_huber: OpDef = composite(
    "pseudo_huber", 2, numpy=_pseudo_huber, expand=_expand_pseudo_huber, vjp=_pseudo_huber_vjp,
    doc="delta^2 (sqrt(1 + (r / delta)^2) - 1); 0 for delta = 0, infinity for delta < 0.",
)  # fmt: skip


# --------------------------------------------------------------------------- Box and Cox
NO_POWER = 1e-19  # a power as small is none: what it would change is below rounding


def _is_nothing(x: Expr) -> Expr:
    """Is |x| so small that 1 + x is 1?"""
    nothing: Expr = less(absolute(x), full_like(x, float(np.finfo(x.dtype).eps) / 4))
    return nothing


def _boxed(logarithm: Callable[[Expr], Expr]) -> Callable[[Expr, Expr], Expr]:
    """expm1(power l) / power, l the logarithm; where expm1 overflows, exp(power l - log power)."""

    def expand(x: Expr, power: Expr) -> Expr:
        size = logarithm(x)
        grown = multiply(power, size)
        rise = expm1(grown)
        late = exp(subtract(grown, log(absolute(power))))
        late = where(less(power, full_like(power, 0)), negative(late), late)
        overflows = logical_and(equal(rise, full_like(rise, math.inf)), isfinite(grown))
        value = where(overflows, late, divide(rise, power))
        none = less(absolute(power), full_like(power, NO_POWER))
        return where(logical_or(none, _is_nothing(grown)), size, value)

    return expand


def _boxed_vjp(logarithm: Callable[[Expr], Expr]) -> Vjp:
    """exp((power - 1) l), and l^2 exprel'(power l)."""

    def vjp(ct: Expr, out: Expr, x: Expr, power: Expr) -> tuple[Expr, Expr]:
        size, one = logarithm(x), full_like(x, 1)
        steep = exp(multiply(subtract(power, one), size))
        along_x = where(equal(power, one), one, steep)
        grown = multiply(power, size)
        along_power = multiply(square(size), exprel_slope(grown, exprel(grown)))
        at_zero = equal(size, full_like(size, -math.inf))  # the value is -1 / power there
        along_power = where(at_zero, reciprocal(square(power)), along_power)
        return multiply(ct, along_x), multiply(ct, along_power)

    return vjp


def _exponent(x: Expr, power: Expr) -> Expr:
    """log1p(power x) / power, and x without a power."""
    size = multiply(power, x)
    nothing = logical_or(equal(power, full_like(power, 0)), _is_nothing(size))
    # where power x overflows: log|power| + log|x + 1 / power|
    late = add(log(absolute(power)), log(absolute(add(x, reciprocal(power)))))
    far = logical_and(equal(size, full_like(size, math.inf)), isfinite(x))
    return where(nothing, x, divide(where(far, late, log1p(size)), power))


def _exponent_slope(w: Expr) -> Expr:
    """(w / (1 + w) - log1p(w)) / w^2, which is -1/2 + 2/3 w - 3/4 w^2 + ... near 0."""
    plain = divide(subtract(divide(w, shifted(w, 1)), log1p(w)), square(w))
    series = horner(w, [(1 / k - 1) * (-1) ** k for k in range(18, 1, -1)])
    return where(less(absolute(w), full_like(w, 0.1)), series, plain)


def _unboxed(name: str, grow: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    """SciPy's, but where its power x is no normal number, or is taken for one that does not count."""

    def call(x: Any, power: Any) -> Any:
        small = np.abs(power * x) < np.asarray(1e-154, np.float64)
        return np.where(small, grow(x), scipy_function(name)(x, power))

    return call


def _unboxed_vjp(ct: Expr, out: Expr, x: Expr, power: Expr) -> tuple[Expr, Expr]:
    """Of exp and expm1 alike: e^s / (1 + power x), and e^s x^2 `_exponent_slope`, s the exponent."""
    size, grown = multiply(power, x), multiply(ct, exp(_exponent(x, power)))
    along_power = multiply(multiply(grown, square(x)), _exponent_slope(size))
    return divide(grown, shifted(size, 1)), along_power


boxcox: OpDef = composite(
    "boxcox", 2, expand=_boxed(log), vjp=_boxed_vjp(log),
    doc="(x^lmbda - 1) / lmbda, and log(x) for lmbda = 0.",
)  # fmt: skip
boxcox1p: OpDef = composite(
    "boxcox1p", 2, expand=_boxed(log1p), vjp=_boxed_vjp(log1p),
    doc="((1 + x)^lmbda - 1) / lmbda, and log1p(x) for lmbda = 0; accurate for small x.",
)  # fmt: skip
inv_boxcox: OpDef = composite(
    "inv_boxcox", 2, numpy=_unboxed("inv_boxcox", np.exp),
    expand=lambda x, power: exp(_exponent(x, power)), vjp=_unboxed_vjp,
    doc="(1 + lmbda x)^(1 / lmbda), the inverse of boxcox; exp(x) for lmbda = 0.",
)  # fmt: skip
inv_boxcox1p: OpDef = composite(
    "inv_boxcox1p", 2, numpy=_unboxed("inv_boxcox1p", np.expm1),
    expand=lambda x, power: expm1(_exponent(x, power)), vjp=_unboxed_vjp,
    doc=(
        "(1 + lmbda x)^(1 / lmbda) - 1, the inverse of boxcox1p; expm1(x) for lmbda = 0.  SciPy's "
        "1.17 gives x where |lmbda x| < 1e-154, which is right for small x only."
    ),
)  # fmt: skip
