"""Inverse trigonometric and hyperbolic functions of complex numbers, with their branch cuts.

Source: W. Kahan 1987, "Branch cuts for complex elementary functions, or much ado about nothing's
sign bit".  1 - z is taken part by part, so that a zero imaginary part keeps its side of the cut.
"""

from __future__ import annotations

import numpy as np

from eqsat_tensor.complexes.arithmetic import choose, conjugate, one, times
from eqsat_tensor.complexes.elementary import root
from eqsat_tensor.complexes.parts import Parts, rule
from eqsat_tensor.lang import Expr
from eqsat_tensor.ops.arithmetic import (
    absolute,
    add,
    divide,
    multiply,
    negative,
    square,
    subtract,
)
from eqsat_tensor.ops.compare import equal, isnan, logical_or, where
from eqsat_tensor.ops.hyperbolic import arcsinh, arctan2
from eqsat_tensor.ops.leaf import full_like
from eqsat_tensor.ops.parts import copysign
from eqsat_tensor.ops.transcendental import log1p


def _by(x: Expr, factor: float) -> Expr:
    return multiply(x, full_like(x, factor))


def _roots(z: Parts) -> tuple[Parts, Parts]:
    """sqrt(1 - z) and sqrt(1 + z)."""
    below = Parts(subtract(one(z.re), z.re), negative(z.im))
    return root(below), root(Parts(add(one(z.re), z.re), z.im))


def _is_infinite(z: Parts) -> Expr:
    """Is a part infinite?"""
    return logical_or(*(equal(absolute(p), full_like(p, np.inf)) for p in z))


def _times_i(z: Parts) -> Parts:
    return Parts(negative(z.im), z.re)


def _over_i(z: Parts) -> Parts:
    return Parts(z.im, negative(z.re))


@rule("arcsin")
def _arcsin(z: Parts) -> Parts:
    below, above = _roots(z)
    re = arctan2(z.re, times(below, above).re)
    re = where(equal(z.re, full_like(re, 0)), z.re, re)
    im = arcsinh(times(conjugate(below), above).im)
    far = _is_infinite(z)
    at_infinity = Parts(arctan2(z.re, absolute(z.im)), copysign(full_like(im, np.inf), z.im))
    return choose(far, at_infinity, Parts(re, im))


@rule("arccos")
def _arccos(z: Parts) -> Parts:
    below, above = _roots(z)
    im = times(conjugate(above), below).im
    return Parts(_by(arctan2(below.re, above.re), 2.0), arcsinh(im))


@rule("arcsinh")
def _arcsinh(z: Parts) -> Parts:
    """i arcsin(-i z)."""
    return _times_i(_arcsin(_over_i(z)))


@rule("arccosh")
def _arccosh(z: Parts) -> Parts:
    below = root(Parts(subtract(z.re, one(z.re)), z.im))
    above = root(Parts(add(z.re, one(z.re)), z.im))
    re = times(conjugate(below), above).re
    return Parts(arcsinh(re), _by(arctan2(below.im, above.re), 2.0))


@rule("arctanh")
def _arctanh(z: Parts) -> Parts:
    """log1p(4 |x| / ((1 - |x|)^2 + y^2)) / 4 with the sign of x; atan2(2 y, 1 - |z|^2) / 2."""
    x, y = absolute(z.re), z.im
    gap = subtract(one(x), x)
    ratio = divide(_by(x, 4.0), add(square(gap), square(y)))
    angle = arctan2(_by(y, 2.0), subtract(multiply(gap, add(one(x), x)), square(y)))
    size = _by(log1p(ratio), 0.25)
    far = _is_infinite(z)
    side = where(isnan(y), y, copysign(full_like(y, np.pi / 2), y))
    far_or_0 = logical_or(far, equal(x, full_like(x, 0)))
    size, angle = where(far_or_0, full_like(x, 0), size), where(far, side, _by(angle, 0.5))
    return Parts(copysign(size, z.re), angle)


@rule("arctan")
def _arctan(z: Parts) -> Parts:
    """-i arctanh(iz)."""
    return _over_i(_arctanh(_times_i(z)))
