"""True meanings of roots, inverse functions, and the words on parts and bits, for `truth`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import mpmath

from eqsat_tensor.verify.elements import (
    Element,
    fraction,
    infinite,
    nan,
    out_of_reach,
    special,
)

if TYPE_CHECKING:
    from eqsat_tensor.verify.truth import Truth

WIDEST = 6000  # numbers whose exponents are further apart are not divided
SURE = 1 << 31  # whole numbers from here on may wrap in some dtype


class Parts:
    """Meanings that need no more of a `Truth` than its context and its sums and products."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.context = c = truth.context
        self.table: dict[str, Callable[..., Element]] = {
            "exp2": self.exp2,
            "log2": lambda x: self.scaled_log(x, c.ln2),
            "log10": lambda x: self.scaled_log(x, c.ln10),
            "cbrt": lambda x: x if special(x) else c.sign(x) * c.cbrt(abs(x)),
            "hypot": self.hypot,
            "sinh": lambda x: self.halved(x, -1),
            "cosh": lambda x: self.halved(x, 1),
            "arcsin": lambda x: truth.nan if self.outside(x) else c.asin(x),
            "arccos": self.arccos,
            "arcsinh": self.arcsinh,
            "arccosh": self.arccosh,
            "arctanh": self.arctanh,
            "arctan2": self.arctan2,
            "copysign": self.copysign,
            "signbit": lambda x: None if nan(x) or x == 0 else bool(x < 0),
            "nextafter": lambda x, y: None,  # no function of real numbers
            "spacing": lambda x: None,
            "rint": self.rint,
            "fmod": self.fmod,
            "fmax": lambda x, y: y if nan(x) else x if nan(y) else max(x, y),
            "fmin": lambda x, y: y if nan(x) else x if nan(y) else min(x, y),
            "mantissa": lambda x: self.split(x)[0],
            "exponent": lambda x: self.split(x)[1],
            "ldexp": self.ldexp,
            "bitwise_and": lambda x, y: x & y,
            "bitwise_or": lambda x, y: x | y,
            "bitwise_xor": lambda x, y: x ^ y,
            "bitwise_not": lambda x: ~x if x < 0 else None,  # of no sign: another number
            "left_shift": lambda x, y: self.small(x << y) if 0 <= y < 32 else None,
            "right_shift": lambda x, y: x >> min(y, 64) if y >= 0 else -(x < 0),
            "bitwise_count": lambda x: abs(x).bit_count(),
            "gcd": math.gcd,
            "lcm": lambda x, y: self.small(math.lcm(x, y)),
        }

    def small(self, x: int) -> Element:
        """A whole number that no dtype wraps, or None."""
        return x if abs(x) < SURE else None

    def outside(self, x: Element) -> bool:
        return bool(nan(x) or abs(x) > 1)

    def exp2(self, x: Element) -> Element:
        return None if out_of_reach(x) else self.truth.exp(x * self.context.ln2)

    def scaled_log(self, x: Element, base: Element) -> Element:
        logarithm = self.truth.log(x)
        return logarithm if special(logarithm) else logarithm / base

    def hypot(self, x: Element, y: Element) -> Element:
        if infinite(x) or infinite(y):
            return self.truth.infinity
        if nan(x) or nan(y):
            return self.truth.nan
        multiply = self.truth.multiply
        return self.context.sqrt(multiply(x, x) + multiply(y, y))

    def halved(self, x: Element, sign: int) -> Element:
        """(e^x + sign e^-x) / 2."""
        if special(x):
            return x if sign < 0 else abs(x)
        if abs(x) < 1:
            return self.context.sinh(x) if sign < 0 else self.context.cosh(x)
        grown, shrunk = self.truth.exp(x), self.truth.exp(-x)
        if grown is None or shrunk is None:
            return None
        return self.truth.add(grown, sign * shrunk) / 2

    def arccos(self, x: Element) -> Element:
        if self.outside(x):
            return self.truth.nan
        if self.truth.rounded_operands and x == 1:  # 1 - tiny, perhaps: the next precision tells
            return self.context.ldexp(1, -self.context.prec // 2)
        return self.context.acos(x)

    def arcsinh(self, x: Element) -> Element:
        if special(x) or abs(x) < 1:
            return x if special(x) else self.context.asinh(x)
        size = self.context.asinh(abs(x))
        return size if x > 0 else -size

    def arccosh(self, x: Element) -> Element:
        if nan(x) or x < 1:
            return self.truth.nan
        if self.truth.rounded_operands and x == 1:
            return self.context.ldexp(1, -self.context.prec // 2)
        return x if infinite(x) else self.context.acosh(x)

    def arctanh(self, x: Element) -> Element:
        if self.outside(x):
            return self.truth.nan
        if abs(x) == 1:
            if self.truth.rounded_operands:
                return None
            return self.truth.infinity if x > 0 else -self.truth.infinity
        return self.context.atanh(x)

    def arctan2(self, y: Element, x: Element) -> Element:
        c = self.context
        if nan(x) or nan(y):
            return self.truth.nan
        if y == 0:  # its sign counts on the left, and that of x at the origin
            return c.mpf(0) if x > 0 else None
        if infinite(x) or infinite(y):
            x = c.mpf((x > 0) - (x < 0)) if infinite(x) else c.mpf(0)
            if not x:
                return c.pi / 2 if y > 0 else -c.pi / 2
            y = c.mpf(1 if y > 0 else -1) if infinite(y) else c.mpf(0) * y
            if y == 0:
                return c.mpf(0) if x > 0 else None
        return c.atan2(y, x)

    def copysign(self, x: Element, y: Element) -> Element:
        if x == 0:
            return x
        if nan(y) or y == 0:
            return None  # its sign is no real number's
        return abs(x) if y > 0 else -abs(x)

    def rint(self, x: Element) -> Element:
        if special(x):
            return x
        if self.truth.rounded_operands and x._mpf_[2] == -1:  # between two whole numbers
            return None
        return self.context.nint(x)

    def fmod(self, x: Element, y: Element) -> Element:
        if isinstance(x, int):
            if y == 0:
                return 0
            rest = abs(x) % abs(y)
            return rest if x >= 0 else -rest
        if nan(x) or nan(y) or y == 0 or infinite(x):
            return self.truth.nan
        if infinite(y):
            return x
        if max(abs(x._mpf_[2]), abs(y._mpf_[2])) > WIDEST:
            return None
        rest_of = abs(fraction(x)) % abs(fraction(y))
        if self.truth.rounded_operands and rest_of == 0:
            return None
        size = self.whole(rest_of.numerator) / rest_of.denominator
        return size if x >= 0 else -size

    def whole(self, number: int) -> Element:
        return self.context.make_mpf(mpmath.libmp.from_int(number))

    def split(self, x: Element) -> tuple[Element, Element]:
        """m and k of x = m 2^k; rounded operands that are powers of two may lie below one."""
        c = self.context
        if special(x) or x == 0:
            return x, c.mpf(0)
        _, _, exponent, bits = x._mpf_
        if self.truth.rounded_operands and bits == 1:
            return None, None
        return c.ldexp(x, -(exponent + bits)), c.mpf(exponent + bits)

    def ldexp(self, x: Element, n: Element) -> Element:
        if nan(n):
            return n
        if special(x) or x == 0:
            return x
        if infinite(n) or abs(n) > WIDEST:
            return None
        whole = self.truth.table["trunc"](n)
        return None if whole is None else self.context.ldexp(x, int(whole))
