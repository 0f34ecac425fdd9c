"""Elements of high-precision arrays: mpmath numbers, Python ints and bools, and None."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np

Element: TypeAlias = Any  # mpf, int, bool or None
Objects: TypeAlias = np.ndarray[Any, np.dtype[Any]]

HUGE_EXPONENT = 5000  # arguments of exp, sin, ... from 2**5000 on are not settled


def elementwise(function: Callable[..., Element], *arrays: Any) -> Objects:
    """``function`` on each element; None on an operand gives None."""
    with np.errstate(all="ignore"):
        return np.asarray(np.frompyfunc(settled(function), len(arrays), 1)(*arrays), object)


def settled(function: Callable[..., Element]) -> Callable[..., Element]:
    """``function``, passing None through."""

    def call(*operands: Element) -> Element:
        return None if any(x is None for x in operands) else function(*operands)

    return call


def nan(x: Element) -> bool:
    """True for an mpmath NaN."""
    return bool(x != x)


def infinite(x: Element) -> bool:
    """True for plus and minus infinity."""
    return not isinstance(x, int) and not x._mpf_[1] and bool(x._mpf_[2]) and not nan(x)


def special(x: Element) -> bool:
    """True for NaN and the infinities."""
    return not isinstance(x, int) and not x._mpf_[1] and bool(x._mpf_[2])


def out_of_reach(x: Element) -> bool:
    """True for a finite number too large for a transcendental function to be worth computing."""
    return not special(x) and x._mpf_[2] + x._mpf_[3] > HUGE_EXPONENT


def fraction(x: Element) -> Fraction:
    """A finite mpmath number as the fraction it is."""
    sign, mantissa, exponent, _ = x._mpf_
    value: Fraction = Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
    return -value if sign else value


def class_of(x: Element) -> float:
    """A float that stands where ``x`` stands with respect to 0, 1, whole numbers and infinity."""
    return float(np.clip(float(x), -1e300, 1e300)) if not special(x) else float(x)
