"""How errors pass through hypot, arctan2 and the words on parts and bits: as in `error_rules`."""

from __future__ import annotations

import numpy as np

from eqsat_tensor.verify.error_rules import (
    Array,
    Rule,
    monotone,
    no_nan,
    primitive,
    reach,
    spacing,
    times,
    wide,
)

# Of one operand, increasing or decreasing on both sides of 0; NaN where they are not defined.
MONOTONE = [
    "exp2",
    "log2",
    "log10",
    "cbrt",
    "sinh",
    "cosh",
    "arcsin",
    "arccos",
    "arcsinh",
    "arccosh",
    "arctanh",
    "rint",
]
ANGLE = 2 * np.pi  # the most that two angles differ by


def _hypot(x: Array, ex: Array, y: Array, ey: Array) -> Array:
    return ex + ey


def _arctan2(y: Array, ey: Array, x: Array, ex: Array) -> Array:
    """The angle under which the error's circle is seen from the origin; none on the cut's sides."""
    distance, radius = np.hypot(wide(x), wide(y)), np.hypot(ex, ey)
    seen = np.where(radius < distance / 2, (np.pi / 2) * radius / distance, ANGLE)
    cut = (ey > 0) & (np.abs(wide(y)) <= ey) & (wide(x) - ex <= 0)
    moved = np.where(cut, ANGLE, no_nan(seen))
    return np.where(radius == 0, 0.0, np.where(np.isfinite(radius), moved, np.inf))


def _sign_is_certain(x: Array, e: Array) -> Array:
    """True where all of x ± e has one sign; a NaN's says nothing (IEEE 754-2019, 6.3)."""
    return np.asarray(((e == 0) | (np.abs(wide(x)) > e)) & ~np.isnan(x))


def _copysign(x: Array, ex: Array, y: Array, ey: Array) -> Array:
    return np.where(_sign_is_certain(y, ey), ex, np.inf)


def _signbit(x: Array, e: Array) -> Array:
    return np.where(_sign_is_certain(x, e), 0.0, np.inf)


def _discrete(*pairs: Array) -> Array:
    """Certain, or not known at all."""
    errors = pairs[1::2]
    return np.where(np.all([e == 0 for e in np.broadcast_arrays(*errors)], axis=0), 0.0, np.inf)


def _nextafter(x: Array, ex: Array, y: Array, ey: Array) -> Array:
    moved = ex + np.where(ex + ey > 0, 2 * spacing(x), 0.0)
    return np.where((ex == 0) & (ey == 0), 0.0, moved)


def _fmod(x: Array, ex: Array, y: Array, ey: Array) -> Array:
    quotient = wide(x) / wide(y)
    near = no_nan(np.abs(quotient) * spacing(np.ones_like(quotient)) * 4)
    h = reach(quotient, no_nan((ex + times(np.abs(quotient), ey)) / (np.abs(wide(y)) - ey)) + near)
    jump = np.trunc(quotient - h) != np.trunc(quotient + h)
    moved = ex + times(np.abs(np.trunc(quotient)), ey)
    unknown = jump | (ey >= np.abs(wide(y))) | ~np.isfinite(quotient)
    return np.where((ex == 0) & (ey == 0), 0.0, np.where(unknown, np.inf, no_nan(moved)))


def _number_extremum(x: Array, ex: Array, y: Array, ey: Array) -> Array:
    """The larger error; where one is surely NaN, that of the other."""
    x_is_none, y_is_none = np.isnan(x) & (ex == 0), np.isnan(y) & (ey == 0)
    return np.where(x_is_none, ey, np.where(y_is_none, ex, np.maximum(ex, ey)))


def _exponents(x: Array, e: Array) -> tuple[Array, Array]:
    """The exponent of x, and a mask of where it is that of all of x ± e."""
    h, size = reach(x, e), np.abs(wide(x))
    here = np.frexp(size)[1]
    same = (np.frexp(size - h)[1] == here) & (np.frexp(size + h)[1] == here) & (h < size)
    return here, (e == 0) | (same & np.isfinite(size))


def _mantissa(x: Array, e: Array) -> Array:
    here, certain = _exponents(x, e)
    return np.where(certain, times(e, np.ldexp(1.0, -here)), np.inf)


def _exponent(x: Array, e: Array) -> Array:
    return np.where(_exponents(x, e)[1], 0.0, np.inf)


def _ldexp(x: Array, ex: Array, n: Array, en: Array) -> Array:
    certain = monotone(np.trunc)(n, en) == 0
    power = np.exp2(np.clip(np.trunc(wide(n)), -5000, 5000))
    moved = np.where(ex == 0, 0.0, no_nan(ex * power))
    return np.where(certain, moved, np.inf)


EXACT = frozenset(
    [
        "rint",
        "copysign",
        "signbit",
        "nextafter",
        "spacing",
        "fmod",
        "fmax",
        "fmin",
        "mantissa",
        "exponent",
        "bitwise_and",
        "bitwise_or",
        "bitwise_xor",
        "bitwise_not",
        "left_shift",
        "right_shift",
        "bitwise_count",
        "gcd",
        "lcm",
    ]
)
RULES: dict[str, Rule] = (
    {name: primitive(name) for name in MONOTONE}
    | dict.fromkeys(EXACT, _discrete)
    | {
        "rint": primitive("rint"),
        "hypot": _hypot,
        "arctan2": _arctan2,
        "copysign": _copysign,
        "signbit": _signbit,
        "nextafter": _nextafter,
        "fmod": _fmod,
        "fmax": _number_extremum,
        "fmin": _number_extremum,
        "mantissa": _mantissa,
        "exponent": _exponent,
        "ldexp": _ldexp,
    }
)
