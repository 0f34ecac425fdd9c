"""Ops over the extended reals at one working precision, by mpmath.

Elements are mpmath numbers (floats), Python ints (integers, unbounded) and bools; None is a value
that could not be settled, or an infinity whose sign is that of a zero.  Sums and products are
exact; a transcendental result is rounded at the working precision, and where rounded operands
cancel the result is not 0 but "less than this", which the next precision contradicts.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np

from eqsat_tensor.scalar import Builder
from eqsat_tensor.verify.elements import (
    Element,
    Objects,
    class_of,
    elementwise,
    fraction,
    infinite,
    nan,
    out_of_reach,
    settled,
    special,
)
from eqsat_tensor.verify.special import meanings
from eqsat_tensor.verify.truth_parts import Parts

EXACT_BITS = 6000  # sums and products longer than this are rounded at the working precision


class Truth(Builder):
    """The primitives over the extended reals at one working precision."""

    def __init__(self, bits: int) -> None:
        self.context: Any = mpmath.MPContext()
        self.context.prec = bits
        self.zero: Element = 0  # of the dtype of the node at hand
        self.rounded_operands = False  # True while a node's operands are not exact
        c = self.context
        self.infinity, self.nan, self.one = c.inf, c.nan, c.mpf(1)
        self.table: dict[str, Callable[..., Element]] = {
            "negative": lambda x: -x,
            "absolute": abs,
            "sign": self.sign,
            "add": self.add,
            "subtract": lambda x, y: self.add(x, -y),
            "multiply": self.multiply,
            "square": lambda x: self.multiply(x, x),
            "divide": self.divide,
            "reciprocal": lambda x: self.divide(self.one, x),
            "sqrt": lambda x: self.nan if x < 0 else c.sqrt(x),
            "exp": self.exp,
            "shifted_exp": lambda x, y: None,  # no function of real numbers
            "expm1": self.expm1,
            "log": self.log,
            "log1p": self.log1p,
            "log1mexp": self.log1mexp,
            "sin": self.bounded(c.sin),
            "cos": self.bounded(c.cos),
            "tan": self.bounded(c.tan),
            "arctan": c.atan,
            "tanh": self.tanh,
            "sigmoid": self.sigmoid,
            "softplus": self.softplus,
            "logaddexp": self.logaddexp,
            "erf": self.erf,
            "erfc": self.erfc,
            "floor": self.jumping(c.floor),
            "ceil": self.jumping(c.ceil),
            "trunc": self.jumping(lambda x: c.floor(x) if x >= 0 else c.ceil(x)),
            "power": self.power,
            "maximum": lambda x, y: self.nan if nan(x) or nan(y) else max(x, y),
            "minimum": lambda x, y: self.nan if nan(x) or nan(y) else min(x, y),
            "floor_divide": lambda x, y: self.divmod(x, y)[0],
            "remainder": lambda x, y: self.divmod(x, y)[1],
            "equal": self.compared(operator.eq),
            "not_equal": self.compared(operator.ne),
            "less": self.compared(operator.lt),
            "less_equal": self.compared(operator.le),
            "greater": self.compared(operator.gt),
            "greater_equal": self.compared(operator.ge),
            "isnan": lambda x: bool(nan(x)),
            "isfinite": lambda x: not nan(x) and not infinite(x),
            "logical_and": lambda x, y: x and y,
            "logical_or": lambda x, y: x or y,
            "logical_xor": lambda x, y: x != y,
            "logical_not": lambda x: not x,
            **meanings(c),
        }
        self.table |= Parts(self).table
        self.arrays: dict[str, Callable[..., Objects]] = {
            "sum": lambda x, axes: self.reduce("add", x, axes),
            "exact_sum": lambda x, axes: self.reduce("add", x, axes),
            "precise_sum": lambda x, axes: self.reduce("add", x, axes),
            "prod": lambda x, axes: self.reduce("multiply", x, axes),
            "max": lambda x, axes: self.reduce("maximum", x, axes),
            "min": lambda x, axes: self.reduce("minimum", x, axes),
            "any": lambda x, axes: self.reduce("logical_or", x, axes, False),
            "all": lambda x, axes: self.reduce("logical_and", x, axes, True),
            "argmax": lambda x, axes: self.position(x, axes[0], "greater"),
            "argmin": lambda x, axes: self.position(x, axes[0], "less"),
            "matmul": self.matmul,
            "gemm": self.gemm,
            "scatter": self.scatter,
            "keep": lambda x: x,
        }

    # ------------------------------------------------------------------------------- one element
    def sign(self, x: Element) -> Element:
        return x if nan(x) else (x > 0) - (x < 0) if isinstance(x, int) else self.context.sign(x)

    def add(self, x: Element, y: Element) -> Element:
        if isinstance(x, int) or special(x) or special(y) or not x or not y:
            return x + y
        (_, _, ex, bx), (_, _, ey, by) = x._mpf_, y._mpf_
        if max(ex + bx, ey + by) - min(ex, ey) <= EXACT_BITS:
            total = self.context.fadd(x, y, exact=True)
        else:
            total = x + y
        if total or not self.rounded_operands:
            return total
        # Rounded operands that cancel say "less than this", not 0: the next precision tells.
        return self.context.ldexp(1, ex + bx - self.context.prec)

    def multiply(self, x: Element, y: Element) -> Element:
        if isinstance(x, int) or special(x) or special(y):
            return x * y
        if x._mpf_[3] + y._mpf_[3] <= EXACT_BITS:
            return self.context.fmul(x, y, exact=True)
        return x * y

    def divide(self, x: Element, y: Element) -> Element:
        if nan(x) or nan(y):
            return self.nan
        if y == 0:  # x / 0 is an infinity whose sign is that of a zero
            return self.nan if x == 0 else None
        if infinite(y):
            return self.nan if infinite(x) else self.context.mpf(0)
        return x / y

    def exp(self, x: Element) -> Element:
        if out_of_reach(x):
            return None
        c = self.context
        # of whole numbers mpmath takes powers of e, 100 times slower
        if abs(x) > 1024 and c.isint(x):
            return c.exp(c.fsub(x, 0.5, exact=True)) * c.exp(c.mpf(0.5))
        return c.exp(x)

    def expm1(self, x: Element) -> Element:
        if abs(x) < 1:
            return self.context.expm1(x)
        e = self.exp(x)
        return None if e is None else self.add(e, -self.one)

    def sigmoid(self, x: Element) -> Element:
        e = self.exp(-x)
        return None if e is None else self.divide(self.one, self.add(self.one, e))

    def log1p(self, x: Element) -> Element:
        if nan(x) or x < -1:
            return self.nan
        if x == -1:
            return -self.infinity
        if infinite(x):
            return x
        return self.context.log(self.add(self.one, x)) if abs(x) > 0.5 else self.small_log1p(x)

    def small_log1p(self, x: Element) -> Element:
        magnitude = x._mpf_[2] + x._mpf_[3] if x else 0
        if magnitude < -self.context.prec:  # log1p(x) = x - x*x/2 + ...
            return x
        with self.context.workprec(self.context.prec - magnitude + 20):
            return self.context.log(1 + x)

    def log1mexp(self, x: Element) -> Element:
        if nan(x) or x > 0:
            return self.nan
        if x == 0:
            return -self.infinity
        if x > -0.5:
            return self.context.log(-self.context.expm1(x))
        e = self.exp(x)
        return None if e is None else self.log1p(-e)

    def tanh(self, x: Element) -> Element:
        if special(x) or abs(x) < 1:
            return self.context.tanh(x)
        e = self.exp(-2 * abs(x))
        if e is None:
            return None
        t = self.divide(self.add(self.one, -e), self.add(self.one, e))
        return t if x > 0 else -t

    def softplus(self, x: Element) -> Element:
        if nan(x):
            return x
        e = self.exp(-abs(x))
        if e is None:
            return None
        return self.add(x, self.log1p(e)) if x > 0 else self.log1p(e)

    def logaddexp(self, x: Element, y: Element) -> Element:
        if nan(x) or nan(y):
            return self.nan
        if infinite(x) or infinite(y):
            return max(x, y)
        rest = self.softplus(-abs(self.add(x, -y)))
        return None if rest is None else self.add(max(x, y), rest)

    def erf(self, x: Element) -> Element:
        if special(x) or abs(x) < 1:
            return self.context.erf(x)
        rest = self.erfc(abs(x))
        return None if rest is None else (1 if x > 0 else -1) * self.add(self.one, -rest)

    def erfc(self, x: Element) -> Element:
        if nan(x):
            return x
        if x <= -1:
            rest = self.erfc(-x)
            return None if rest is None else self.add(self.context.mpf(2), -rest)
        if x < 1:
            return self.add(self.one, -self.context.erf(x))
        if infinite(x):
            return self.context.mpf(0)
        if x < 1e6:
            return self.context.erfc(x)
        first = self.exp(-self.multiply(x, x))  # the first two terms hold 80 bits or nothing does
        if first is None:
            return None
        return first / (x * self.context.sqrt(self.context.pi)) * (1 - 1 / (2 * x * x))

    def bounded(self, function: Callable[[Element], Element]) -> Callable[[Element], Element]:
        """``function`` of a periodic kind: NaN at the infinities, unsettled for huge arguments."""

        def call(x: Element) -> Element:
            if special(x):
                return self.nan
            return None if out_of_reach(x) else function(x)

        return call

    def jumping(self, function: Callable[[Element], Element]) -> Callable[[Element], Element]:
        """``function`` to whole numbers; a rounded operand that is whole may lie on either side."""

        def call(x: Element) -> Element:
            if isinstance(x, int) or special(x) or x._mpf_[2] < 0:
                return x if isinstance(x, int) or special(x) else function(x)
            return None if self.rounded_operands and x else x

        return call

    def compared(self, function: Callable[[Element, Element], Any]) -> Callable[..., Element]:
        """A comparison; rounded operands that are equal may differ in truth."""

        def call(x: Element, y: Element) -> Element:
            if self.rounded_operands and x == y and not isinstance(x, int) and not special(x):
                return None
            return bool(function(x, y))

        return call

    def log(self, x: Element) -> Element:
        if x < 0:
            return self.nan
        if self.rounded_operands and x == 1:  # 1 - tiny, perhaps: the next precision tells
            return self.context.ldexp(1, -self.context.prec)
        return self.context.log(x)

    def power(self, x: Element, y: Element) -> Element:
        if isinstance(x, int):
            return x**y if 0 <= y <= 64 else None
        if special(x) or special(y) or x == 0 or y == 0:
            if x == 0 and not nan(y) and y < 0:
                return None  # an infinity whose sign is that of a zero
            return self.context.mpf(math.pow(class_of(x), class_of(y)))
        whole = y._mpf_[2] >= 0
        if x < 0 and not whole:
            return self.nan
        if whole and abs(y) < 40 and x._mpf_[3] < EXACT_BITS // 40:
            n = int(y)
            result = self.one
            for _ in range(abs(n)):
                result = self.multiply(result, x)
            return result if n >= 0 else 1 / result
        size = self.exp(y * self.log(abs(x)))  # of a base rounded to 1 the next precision tells
        return -size if x < 0 and size is not None and int(y) % 2 else size

    def divmod(self, x: Element, y: Element) -> tuple[Element, Element]:
        if isinstance(x, int):
            return (None, None) if y == 0 else divmod(x, y)
        if nan(x) or nan(y):
            return self.nan, self.nan
        if y == 0:
            return None, self.nan
        if infinite(x):
            return self.nan, self.nan
        zero = self.context.mpf(0)
        if infinite(y):
            same = x == 0 or (x > 0) == (y > 0)
            return (zero, x) if same else (-self.one, y)
        if max(abs(x._mpf_[2]), abs(y._mpf_[2])) > EXACT_BITS:
            return None, None
        quotient, rest = divmod(fraction(x), fraction(y))
        return self.whole(quotient), self.whole(rest.numerator) / rest.denominator

    def whole(self, number: int) -> Element:
        return self.context.make_mpf(mpmath.libmp.from_int(number))

    # ----------------------------------------------------------------------------------- arrays
    def apply(self, name: str, *operands: Any) -> Any:
        if name == "select":
            name, function = "select", lambda c, x, y: x if c else y
        else:
            function = self.table[name]
        return elementwise(function, *operands)

    def constant(self, value: float, like: Any) -> Any:
        result = np.empty(np.shape(like), object)
        of_floats = any(isinstance(x, self.context.mpf) for x in np.asarray(like, object).flat)
        result.fill(
            self.number(float(value) if of_floats else value)
        )  # bodies say 0 of floats, too
        return result

    def number(self, value: Any) -> Element:
        """A NumPy scalar as an element, exactly."""
        item = value.item() if isinstance(value, np.generic) else value
        return self.context.mpf(item) if isinstance(item, float) else item

    def lifted(self, array: Any) -> Objects:
        """A NumPy array as elements, exactly."""
        source = np.asarray(array)
        result = np.empty(source.shape, object)
        for index in np.ndindex(source.shape):
            result[index] = self.number(source[index])
        return result

    def reduce(self, name: str, x: Objects, axes: Sequence[int], empty: Any = None) -> Objects:
        kept = [a for a in range(x.ndim) if a not in axes]
        count = math.prod(x.shape[a] for a in axes)
        rows = x.transpose([*kept, *axes]).reshape(*(x.shape[a] for a in kept), count)
        if name in ("add", "multiply"):
            empty = self.zero + (name == "multiply")
        result = np.empty(rows.shape[:-1], object)
        function = settled(self.table[name])
        for index in np.ndindex(result.shape):
            total, started = empty, False
            for element in rows[index]:
                total = function(total, element) if started else element
                started = True
            result[index] = total
        return result

    def position(self, x: Objects, axis: int, name: str) -> Objects:
        rows = np.moveaxis(x, axis, -1)
        result = np.empty(rows.shape[:-1], object)
        better = self.table[name]
        for index in np.ndindex(result.shape):
            best: int | None = 0
            for i, element in enumerate(rows[index]):
                if any(e is None for e in rows[index]):
                    best = None
                    break
                now = rows[index][best]
                if not nan(now) and (nan(element) or better(element, now)):
                    best = i
            result[index] = best
        return result

    def matmul(self, a: Objects, b: Objects) -> Objects:
        result = np.empty((*a.shape[:-1], b.shape[-1]), object)
        multiply, add = settled(self.multiply), settled(self.add)
        for index in np.ndindex(result.shape):
            left, right = a[index[:-1]], b[(*index[:-2], slice(None), index[-1])]
            total = self.zero
            for x, y in zip(left, right, strict=True):
                total = add(total, multiply(x, y))
            result[index] = total
        return result

    def scatter(
        self,
        x: Objects,
        index: Objects,
        updates: Objects,
        mode: str,
        checked: int,
        shape: Sequence[int],
    ) -> Objects:
        result = x.copy()
        if all(isinstance(element, bool) for element in x.flat):
            mode = {"add": "logical_or", "multiply": "logical_and"}.get(mode, mode)
        function: Any = (lambda _, new: new) if mode == "set" else settled(self.table[mode])
        for place in np.ndindex(index.shape):
            label = index[place]
            row = label + len(x) if label < 0 else label
            if 0 <= row < len(x):
                for column in np.ndindex(x.shape[1:]):
                    new = updates[(*place, *column)]
                    result[(row, *column)] = function(result[(row, *column)], new)
        return result

    def gemm(self, alpha: Objects, a: Objects, b: Objects, beta: Objects, c: Objects) -> Objects:
        multiply, add = settled(self.multiply), settled(self.add)
        product, scale, weight = self.matmul(a, b), alpha[()], beta[()]
        return elementwise(lambda p, q: add(multiply(scale, p), multiply(weight, q)), product, c)
