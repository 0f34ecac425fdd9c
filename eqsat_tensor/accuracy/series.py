"""Laurent series of a term in one input, around 0 and around infinity: candidates where forms cancel.

Arithmetic on truncated series; coefficients are terms in the other inputs, of one input rational numbers.
Whether a coefficient vanishes is asked of high precision at two points.  A series is not equal to its
term: it is only a candidate where it is measured to be good, and never enters the e-graph.

    1/x - 1/tan(x)   ->   x (1/3 + x^2 (1/45 + x^2 (2/945 + ...)))
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

from eqsat_tensor.accuracy.terms import Term, leaf, number, term
from eqsat_tensor.accuracy.truth import Truth

# Coefficients of a series in the only input; fewer, as terms grow, where there are more inputs.
LENGTH = 14
LENGTHS_OF_MANY = (6, 4)
LARGEST = 60
MOST_TERMS = 8
PROBES = ((0.7391, -0.3127), (-1.3172, 0.8811), (0.4119, 1.5173), (2.2071, -0.6391), (1.1234, 0.3331),
          (-0.6127, 0.2111))  # fmt: skip


class _Fail(Exception):
    """There is no such series, or not one of use."""


def value(t: Term) -> Fraction | None:
    """The number that a term is."""
    return t.value if t.op == "full" and isinstance(t.value, Fraction) else None


# ---------------------------------------------------------------------- terms, simplified as they are made
def add(a: Term, b: Term) -> Term:
    """a + b, simplified."""
    x, y = value(a), value(b)
    if x is not None and y is not None:
        return number(x + y)
    if x == 0:
        return b
    if y == 0:
        return a
    return term("subtract", a, b.arguments[0]) if b.op == "negative" else term("add", a, b)


def negative(a: Term) -> Term:
    """-a, simplified."""
    x = value(a)
    if x is not None:
        return number(-x)
    return a.arguments[0] if a.op == "negative" else term("negative", a)


def multiply(a: Term, b: Term) -> Term:
    """a * b, simplified."""
    x, y = value(a), value(b)
    if x is not None and y is not None:
        return number(x * y)
    for k, other in ((x, b), (y, a)):
        if k == 0:
            return number(0)
        if k == 1:
            return other
        if k == -1:
            return negative(other)
    return term("multiply", a, b)


def divide(a: Term, b: Term) -> Term:
    """a / b, simplified."""
    x, y = value(a), value(b)
    if x is not None and y:
        return number(x / y)
    if x == 0 or y == 1:
        return a
    return number(1) if a is b else term("divide", a, b)


AT = {("exp", 0): 1, ("cos", 0): 1, ("cosh", 0): 1, ("sin", 0): 0, ("tan", 0): 0, ("sqrt", 0): 0,
      ("cbrt", 0): 0, ("arctan", 0): 0, ("sinh", 0): 0, ("log", 1): 0, ("sqrt", 1): 1,
      ("cbrt", 1): 1}  # fmt: skip


def function(op: str, a: Term) -> Term:
    """``op`` of a, a number at 0 and 1 where it is one there."""
    x = value(a)
    at = AT.get((op, int(x))) if x in (0, 1) else None
    return number(at) if at is not None else term(op, a)


def total(terms: Sequence[Term]) -> Term:
    """The sum of terms."""
    result = number(0)
    for t in terms:
        result = add(result, t)
    return result


def power(t: Term, n: int) -> Term:
    """t^n by squaring."""
    if n == 0:
        return number(1)
    half = power(t, n // 2)
    square = multiply(half, half)
    return multiply(square, t) if n % 2 else square


class Series:
    """sum of coefficients[i] * t**(first + i), known up to the length of the coefficients."""

    def __init__(self, first: int, coefficients: Sequence[Term], zero: Callable[[Term], bool]):
        start = 0
        while start < len(coefficients) and zero(coefficients[start]):
            start += 1
        if start == len(coefficients):
            raise _Fail
        self.first, self.coefficients = first + start, list(coefficients[start:])

    def at(self, power: int) -> Term:
        i = power - self.first
        return number(0) if i < 0 else self.coefficients[i]

    @property
    def end(self) -> int:
        return self.first + len(self.coefficients)


Known = Series | None  # None is zero


class _Expansion:
    """One variable, one point, one length."""

    def __init__(self, variable: int, infinite: bool, length: int, probe: Truth) -> None:
        self.variable, self.infinite, self.length, self.probe = variable, infinite, length, probe
        self.known: dict[Term, Known] = {}

    def zero(self, t: Term) -> bool:
        x = value(t)
        if x is not None:
            return x == 0
        if t.size > LARGEST:
            raise _Fail
        return bool((self.probe(t) == 0).all())

    def series(self, first: int, coefficients: Sequence[Term]) -> Series:
        return Series(first, coefficients[: self.length], self.zero)

    def constant(self, t: Term) -> Known:
        return None if self.zero(t) else self.series(0, [t] + [number(0)] * (self.length - 1))

    # ------------------------------------------------------------------------- arithmetic
    def negative(self, a: Known) -> Known:
        return None if a is None else self.series(a.first, [negative(c) for c in a.coefficients])

    def add(self, a: Known, b: Known) -> Known:
        if a is None or b is None:
            return b if a is None else a
        first, end = min(a.first, b.first), min(a.end, b.end)
        return self.series(first, [add(a.at(n), b.at(n)) for n in range(first, end)])

    def multiply(self, a: Known, b: Known) -> Known:
        if a is None or b is None:
            return None
        x, y = a.coefficients, b.coefficients
        count = min(len(x), len(y))
        made = [total([multiply(x[i], y[n - i]) for i in range(n + 1)]) for n in range(count)]
        return self.series(a.first + b.first, made)

    def divide(self, a: Known, b: Known) -> Known:
        if b is None:
            raise _Fail
        if a is None:
            return None
        x, y = a.coefficients, b.coefficients
        made: list[Term] = []
        for n in range(min(len(x), len(y))):
            rest = total([multiply(y[i], made[n - i]) for i in range(1, n + 1)])
            made.append(divide(add(x[n], negative(rest)), y[0]))
        return self.series(a.first - b.first, made)

    # ------------------------------------------------------------------------- functions
    def plain(self, a: Known) -> list[Term]:
        """Coefficients from t^0 on."""
        if a is None:
            return [number(0)] * self.length
        if a.first < 0:
            raise _Fail
        return [a.at(n) for n in range(a.end)][: self.length]

    def exp(self, a: Known) -> Series:
        x = self.plain(a)
        made = [function("exp", x[0])]
        for n in range(1, len(x)):
            part = [multiply(multiply(number(i), x[i]), made[n - i]) for i in range(1, n + 1)]
            made.append(multiply(number(Fraction(1, n)), total(part)))
        return self.series(0, made)

    def circular(self, a: Known, odd: str, even: str, sign: int) -> tuple[Known, Known]:
        """sin and cos (sign -1), or sinh and cosh (1)."""
        x = self.plain(a)
        s, c = [function(odd, x[0])], [function(even, x[0])]
        for n in range(1, len(x)):
            each = number(Fraction(1, n))
            ds = total([multiply(multiply(number(i), x[i]), c[n - i]) for i in range(1, n + 1)])
            dc = total([multiply(multiply(number(i), x[i]), s[n - i]) for i in range(1, n + 1)])
            s.append(multiply(each, ds))
            c.append(multiply(each, dc if sign > 0 else negative(dc)))
        return self.maybe(0, s), self.maybe(0, c)

    def maybe(self, first: int, coefficients: Sequence[Term]) -> Known:
        try:
            return self.series(first, coefficients)
        except _Fail:
            return None

    def power(self, a: Known, exponent: Fraction) -> Known:
        if a is None:
            raise _Fail
        first = exponent * a.first
        if first.denominator != 1:
            raise _Fail
        x, y = a.coefficients, a.coefficients[0]
        roots = {Fraction(1, 2): "sqrt", Fraction(1, 3): "cbrt"}
        if exponent in roots:
            made = [function(roots[exponent], y)]
        else:
            made = [number(1) if value(y) == 1 else term("power", y, number(exponent))]
        for n in range(1, len(x)):
            part = [
                multiply(multiply(number(exponent * i - (n - i)), x[i]), made[n - i])
                for i in range(1, n + 1)
            ]
            made.append(divide(total(part), multiply(number(n), y)))
        return self.series(int(first), made)

    def derivative(self, a: Known) -> Known:
        if a is None:
            return None
        made = [multiply(number(a.first + i), c) for i, c in enumerate(a.coefficients)]
        return self.maybe(a.first - 1, made)

    def integral(self, a: Known, start: Term) -> Known:
        if a is None:
            return self.constant(start)
        if a.first < 0:
            raise _Fail
        below = [number(0)] * a.first + a.coefficients
        made = [multiply(number(Fraction(1, i + 1)), c) for i, c in enumerate(below)]
        return self.maybe(0, [start, *made])

    def primitive(self, x: Known, slope: Known, op: str) -> Known:
        """op(x) from its derivative times x', for an x without a pole."""
        if x is not None and x.first < 0:
            raise _Fail
        start = x.at(0) if x is not None and x.first == 0 else number(0)
        return self.integral(self.multiply(slope, self.derivative(x)), function(op, start))

    # ------------------------------------------------------------------------- terms
    def expand(self, t: Term) -> Known:
        if t not in self.known:
            self.known[t] = self._expand(t)
        return self.known[t]

    def _expand(self, t: Term) -> Known:
        if t.op == "input" and t.value == self.variable:
            zeros = [number(0)] * (self.length - 1)
            return self.series(-1 if self.infinite else 1, [number(1), *zeros])
        if not t.arguments:
            return self.constant(t)
        operands = [self.expand(a) for a in t.arguments]
        x, one = operands[0], self.constant(number(1))
        match t.op:
            case "add":
                return self.add(x, operands[1])
            case "subtract":
                return self.add(x, self.negative(operands[1]))
            case "negative":
                return self.negative(x)
            case "multiply":
                return self.multiply(x, operands[1])
            case "square":
                return self.multiply(x, x)
            case "divide":
                return self.divide(x, operands[1])
            case "exp":
                return self.exp(x)
            case "expm1":
                return self.add(self.exp(x), self.negative(one))
            case "sin" | "cos" | "tan":
                s, c = self.circular(x, "sin", "cos", -1)
                return s if t.op == "sin" else c if t.op == "cos" else self.divide(s, c)
            case "sinh" | "cosh" | "tanh":
                s, c = self.circular(x, "sinh", "cosh", 1)
                return s if t.op == "sinh" else c if t.op == "cosh" else self.divide(s, c)
            case "sigmoid":
                return self.divide(one, self.add(one, self.exp(self.negative(x))))
            case "log" | "log1p" | "softplus":
                y = self.exp(x) if t.op == "softplus" else x
                y = y if t.op == "log" else self.add(one, y)
                if y is None or y.first != 0:
                    raise _Fail
                return self.primitive(y, self.divide(one, y), "log")
            case "arctan":
                return self.primitive(x, self.divide(one, self.add(one, self.multiply(x, x))), t.op)
            case "sqrt":
                return self.power(x, Fraction(1, 2))
            case "cbrt":
                return self.power(x, Fraction(1, 3))
            case "power":
                exponent = value(t.arguments[1])
                if exponent is not None:
                    return self.power(x, exponent)
        raise _Fail

    def nested(self, s: Series, terms: int) -> Term:
        """The first non-zero ``terms`` of a series by Horner's rule."""
        x = leaf(self.variable)
        t = divide(number(1), x) if self.infinite else x
        found: list[tuple[int, Term]] = []
        for i, c in enumerate(s.coefficients):
            if len(found) < terms and not self.zero(c):
                found.append((i, c))
        if len(found) < terms:
            raise _Fail
        i, result = found[-1]
        for j, c in reversed(found[:-1]):
            result = add(c, multiply(power(t, i - j), result))
            i = j
        first = s.first + i
        if first >= 0:
            return multiply(power(t, first), result)
        return divide(result, power(t, -first))


def series_of(t: Term, inputs: int, dtype: np.dtype) -> list[Term]:
    """Truncated series of ``t``: for each input around 0, or around infinity where 0 has none."""
    probe = Truth([np.array(p, dtype) for p in PROBES[:inputs]]) if inputs <= len(PROBES) else None
    found: dict[Term, None] = {}
    for variable in range(inputs if probe is not None else 0):
        for infinite in (False, True):
            lengths = (LENGTH,) if inputs == 1 else LENGTHS_OF_MANY
            made = [u for n in lengths for u in _truncated(t, variable, infinite, n, probe)]
            found |= dict.fromkeys(made)
            if made:
                break
    return list(found)


def _truncated(
    t: Term, variable: int, infinite: bool, length: int, probe: Truth | None
) -> list[Term]:
    assert probe is not None
    work = _Expansion(variable, infinite, length, probe)
    made: list[Term] = []
    try:
        s = work.expand(t)
        for terms in range(1, MOST_TERMS + 1 if s is not None else 0):
            assert s is not None
            u = work.nested(s, terms)
            if u.size <= LARGEST:
                made.append(u)
    except (_Fail, IndexError, RecursionError):
        pass
    return made
