"""Real numbers to a given number of bits: balls of python-flint where it is installed, mpmath else.

A ball is a number and how far the true one can be from it, so a result says itself how many of its
bits are good.  mpmath's numbers do not; two precisions that agree are believed.  Balls are some ten
times faster.
"""

from __future__ import annotations

import importlib.util
import math
import operator
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from typing import Any, TypeAlias

from eqsat_tensor.accuracy.terms import Term, Value
from eqsat_tensor.verify.elements import special

Real: TypeAlias = Any  # a ball or an mpmath number, a bool, BAD, or None where it cannot be told
GOOD_BITS = 62
UNDERFLOW = -1100  # binary exponent below which every dtype's value is 0
OVERFLOW = 1100
NORMAL = -1020  # binary exponent above which, and below whose opposite, doubles have all their bits


class _Bad:
    """What is certainly no real number: the root of a negative number, a division by zero."""


BAD = _Bad()


def fraction_to_float(mantissa: int, exponent: int) -> float:
    """mantissa * 2**exponent, rounded once."""
    length = mantissa.bit_length()
    top = length + exponent
    if top > OVERFLOW or top < UNDERFLOW:
        return math.copysign(math.inf if top > 0 else 0.0, 1 if mantissa > 0 else -1)
    if NORMAL < top < -NORMAL and length < OVERFLOW - 100:
        return math.ldexp(float(mantissa), exponent)  # float() rounds, and nothing after it does
    try:
        return float(Fraction(mantissa) * Fraction(2) ** exponent)
    except OverflowError:
        return math.copysign(math.inf, 1 if mantissa > 0 else -1)


class Balls:
    """Ball arithmetic by python-flint."""

    levels = (128, 512, 2560, 8000)
    dear = 1  # times that a value takes longer than a ball

    def __init__(self) -> None:
        import flint

        self.flint = flint
        arb = self.arb = flint.arb
        self.unknown = arb("nan")
        one = arb(1)

        def from_zero(below: Callable[[Real], bool], function: str) -> Callable[[Real], Real]:
            method = getattr(arb, function)
            return lambda x: BAD if below(x) else method(x)

        outside = lambda x: x > 1 or x < -1  # noqa: E731
        self.table: dict[str, Callable[..., Real]] = {
            "negative": operator.neg, "absolute": abs, "add": operator.add,
            "subtract": operator.sub, "multiply": operator.mul,
            "divide": lambda x, y: BAD if y.is_zero() else x / y,
            "square": lambda x: x * x,
            "reciprocal": lambda x: BAD if x.is_zero() else one / x,
            "sqrt": from_zero(lambda x: x < 0, "sqrt"),
            "cbrt": self.cbrt, "power": self.power,
            "exp": arb.exp, "expm1": arb.expm1,
            "exp2": lambda x: (x * arb(2).log()).exp(),
            "log": from_zero(lambda x: x <= 0, "log"),
            "log2": lambda x: BAD if x <= 0 else x.log() / arb(2).log(),
            "log10": lambda x: BAD if x <= 0 else x.log() / arb(10).log(),
            "log1p": from_zero(lambda x: x <= -1, "log1p"),
            "log1mexp": lambda x: BAD if x >= 0 else (-x.expm1()).log(),
            "sigmoid": lambda x: one / (one + (-x).exp()),
            "softplus": lambda x: x.exp().log1p(),
            "logaddexp": lambda x, y: y + (x - y).exp().log1p(),
            "sin": arb.sin, "cos": arb.cos, "tan": arb.tan, "arctan": arb.atan,
            "arcsin": from_zero(outside, "asin"), "arccos": from_zero(outside, "acos"),
            "sinh": arb.sinh, "cosh": arb.cosh, "tanh": arb.tanh, "arcsinh": arb.asinh,
            "arccosh": from_zero(lambda x: x < 1, "acosh"),
            "arctanh": from_zero(lambda x: x >= 1 or x <= -1, "atanh"),
            "arctan2": lambda y, x: arb.atan2(y, x),
            "hypot": lambda x, y: (x * x + y * y).sqrt(),
            "erf": arb.erf, "erfc": arb.erfc, "erfi": arb.erfi,
            "erfcx": lambda x: (x * x).exp() * x.erfc(),
            "log_ndtr": lambda x: ((-x / arb(2).sqrt()).erfc() / 2).log(),
            "gamma": arb.gamma, "digamma": arb.digamma,
            "gammaln": lambda x: x.lgamma() if x > 0 else abs(x.gamma()).log(),
            "maximum": arb.max, "minimum": arb.min,
            "fmax": arb.max, "fmin": arb.min,
            "sign": self.sign,
            "equal": lambda x, y: _not(self.differ(x, y)), "not_equal": self.differ,
            "less": lambda x, y: self.below(x, y), "greater": lambda x, y: self.below(y, x),
            "less_equal": lambda x, y: _not(self.below(y, x)),
            "greater_equal": lambda x, y: _not(self.below(x, y)),
        }  # fmt: skip

    def use(self, level: int) -> None:
        """Work with the bits of this level."""
        self.flint.ctx.prec = self.levels[level]

    def lifted(self, value: float) -> Real:
        """Exactly this float."""
        return self.arb(value)

    def rational(self, value: Fraction) -> Real:
        """A rational number."""
        return self.arb(self.flint.fmpq(value.numerator, value.denominator))

    def pi(self) -> Real:
        """pi."""
        return self.arb.pi()

    def lasting(self, value: Real) -> bool:
        """True where more bits would not change the value."""
        return bool(value.is_exact() and value.is_finite())

    def accepted(self, value: Real, before: Real) -> bool:
        """True where enough of a value's bits are good."""
        return bool(
            value.is_finite() and (value.is_exact() or value.rel_accuracy_bits() >= GOOD_BITS)
        )

    def negligible(self, value: Real) -> bool:
        """True for what rounds to 0 as far as it is known."""
        return bool(value.is_finite() and abs(value) < self.arb(2) ** UNDERFLOW)

    def rounded(self, value: Real) -> float:
        """An accepted value as the nearest double."""
        return float(value.mid())

    # ------------------------------------------------------------------------------ functions
    def below(self, x: Real, y: Real) -> bool | None:
        return True if x < y else False if x >= y else None

    def differ(self, x: Real, y: Real) -> bool | None:
        if x < y or x > y:
            return True
        return False if x.is_exact() and y.is_exact() and x == y else None

    def sign(self, x: Real) -> Real:
        return (
            x if x.is_zero() else self.arb(1 if x > 0 else -1) if x > 0 or x < 0 else self.unknown
        )

    def cbrt(self, x: Real) -> Real:
        if x.is_zero():
            return x
        if x > 0:
            return x.root(3)
        return -((-x).root(3)) if x < 0 else self.unknown

    def power(self, x: Real, y: Real) -> Real:
        if y.is_zero():
            return self.arb(1)
        if y.is_exact() and y.is_integer():
            if x.is_zero():
                return BAD if y < 0 else x
            if abs(y) < 1024:
                return x**y
            if x < 0:
                half = y / 2
                size = (y * (-x).log()).exp()
                return size if half.is_integer() else -size
        if x.is_zero() and y > 0:
            return x
        if x < 0 or x.is_zero():
            return BAD if y.is_exact() else self.unknown
        return (y * x.log()).exp()


class Agreement:
    """mpmath's numbers, believed where two levels agree."""

    levels = (160, 330, 1320, 2640, 5300)
    dear = 8

    def __init__(self) -> None:
        from eqsat_tensor.verify.truth import Truth

        self.truths = [Truth(bits) for bits in self.levels]
        self.truth = self.truths[0]
        self.unknown = None
        self._exact: dict[Term, bool] = {}

    @property
    def table(self) -> dict[str, Callable[..., Real]]:
        """The functions of the level that is in use."""
        return self.truth.table

    def use(self, level: int) -> None:
        self.truth = self.truths[level]
        # what cancels to 0 is "less than this", until it settles
        self.truth.rounded_operands = True

    def lifted(self, value: float) -> Real:
        return self.truth.context.mpf(value)

    def rational(self, value: Fraction) -> Real:
        c = self.truth.context
        return c.mpf(value.numerator) / c.mpf(value.denominator)

    def pi(self) -> Real:
        return +self.truth.context.pi

    def lasting(self, value: Real) -> bool:
        return False

    def cancelled(self, t: Term, operands: Sequence[Real], value: Real) -> bool:
        """True for a sum of which too few bits are left: exp(x) - 1 where exp(x) was rounded to 1."""
        from eqsat_tensor.verify.precise import top

        if t.op not in ("add", "subtract") or special(value) or self.exact(t):
            return False
        if any(map(special, operands)):
            return False
        lost = max(map(top, operands)) - top(value)
        return bool(lost > self.truth.context.prec - GOOD_BITS - 8)

    def exact(self, t: Term) -> bool:
        """True where nothing below a term is rounded."""
        found = self._exact.get(t)
        if found is None:
            found = t.op == "input" or (t.op == "full" and _is_short(t.value))
            if t.arguments:
                found = t.op in EXACT and all(map(self.exact, t.arguments))
            self._exact[t] = found
        return found

    def accepted(self, value: Real, before: Real) -> bool:
        if before is None or before is BAD or special(value) or special(before):
            return False
        if value == before:
            return True
        apart = abs(value - before)
        return bool(apart < abs(value) * self.truth.context.ldexp(1, -GOOD_BITS))

    def negligible(self, value: Real) -> bool:
        return bool(abs(value) < self.truth.context.ldexp(1, UNDERFLOW))

    def rounded(self, value: Real) -> float:
        sign, mantissa, exponent, _ = value._mpf_
        return fraction_to_float(-int(mantissa) if sign else int(mantissa), int(exponent))


EXACT = ("add", "subtract", "multiply", "square", "negative", "absolute")


def _is_short(value: Value) -> bool:
    return isinstance(value, Fraction) and value.denominator & (value.denominator - 1) == 0


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value


@cache
def reals() -> Balls | Agreement:
    """What is installed, the better first."""
    return Balls() if importlib.util.find_spec("flint") is not None else Agreement()


LOGICAL = ("logical_and", "logical_or", "logical_not")
UNTOLD = frozenset(("isnan", "isfinite"))  # of values that are all real numbers


def logical(op: str, operands: Sequence[bool | None]) -> bool | None:
    """A logical op on truths of which some may be unknown."""
    if op == "logical_not":
        return _not(operands[0])
    decisive = op == "logical_or"
    if any(x is decisive for x in operands):
        return decisive
    return None if any(x is None for x in operands) else not decisive
