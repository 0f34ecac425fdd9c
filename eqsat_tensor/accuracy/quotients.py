"""A term of + - * / as one quotient of polynomials: like terms collected, common factors cancelled.

What would take long chains of associativity and distribution in the e-graph is plain arithmetic on
exact rational coefficients here.  What is no + - * / is an atom; the square of a square root is what is
under it.

    1/(x + 1) - 2/x + 1/(x - 1)   ->   2 / (x (x + 1) (x - 1))
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import TypeAlias

from eqsat_tensor.accuracy.terms import Term, inner, number, term

Monomial: TypeAlias = tuple[tuple[Term, int], ...]  # atoms and powers, in a fixed order
Polynomial: TypeAlias = dict[Monomial, Fraction]
Factor: TypeAlias = tuple[tuple[Monomial, Fraction], ...]

LIMIT = 40  # monomials
LARGEST = 60  # nodes of what is proposed
ARITHMETIC = ("add", "subtract", "multiply", "divide", "negative", "square")


class _TooBig(Exception):
    pass


class _Quotients:
    """Arithmetic on quotients; atoms are ordered as they are met, so results do not depend on chance."""

    def __init__(self) -> None:
        self.order: dict[Term, int] = {}

    def atom(self, t: Term) -> Monomial:
        self.order.setdefault(t, len(self.order))
        return ((t, 1),)

    def times(self, a: Monomial, b: Monomial) -> Monomial:
        powers = dict(a)
        for x, e in b:
            powers[x] = powers.get(x, 0) + e
        kept = [(x, e) for x, e in powers.items() if e]
        return tuple(sorted(kept, key=lambda p: self.order[p[0]]))

    def product(self, p: Polynomial, q: Polynomial) -> Polynomial:
        if len(p) * len(q) > 4 * LIMIT:
            raise _TooBig
        result: Polynomial = {}
        for a, c in p.items():
            for b, d in q.items():
                _add(result, self.times(a, b), c * d)
        squared = any(x.op == "sqrt" and e >= 2 for m in result for x, e in m)
        return self.without_squared_roots(result) if squared else result

    def without_squared_roots(self, p: Polynomial) -> Polynomial:
        result: Polynomial = {}
        for monomial, c in p.items():
            factor: Polynomial = {(): c}
            for x, e in monomial:
                if x.op == "sqrt" and e >= 2:
                    under, below = self.quotient(x.arguments[0])
                    if below or len(under) > 6:
                        raise _TooBig
                    for _ in range(e // 2):
                        factor = self.product(factor, under)
                    e %= 2
                if e:
                    factor = {self.times(m, ((x, e),)): v for m, v in factor.items()}
            for m, v in factor.items():
                _add(result, m, v)
        return result

    def quotient(self, t: Term) -> tuple[Polynomial, list[Factor]]:
        """The numerator, and the factors of the denominator, with repeats."""
        if t.op == "full" and isinstance(t.value, Fraction):
            return ({(): t.value} if t.value else {}), []
        if t.op not in ARITHMETIC:
            return {self.atom(t): Fraction(1)}, []
        a, below_a = self.quotient(t.arguments[0])
        if t.op == "negative":
            return {m: -c for m, c in a.items()}, below_a
        b, below_b = (a, below_a) if t.op == "square" else self.quotient(t.arguments[1])
        if t.op in ("add", "subtract"):
            return self.sum(a, below_a, b, below_b, 1 if t.op == "add" else -1)
        if t.op in ("multiply", "square"):
            return self.cancelled(self.product(a, b), below_a + below_b)
        if not b:
            raise _TooBig
        for f in below_b:
            a = self.product(a, dict(f))
        if list(b) == [()]:
            return {m: c / b[()] for m, c in a.items()}, below_a
        return self.cancelled(a, below_a + self.factors(b))

    def sum(
        self, a: Polynomial, below_a: list[Factor], b: Polynomial, below_b: list[Factor], sign: int
    ) -> tuple[Polynomial, list[Factor]]:
        left, extra = list(below_a), []
        for f in below_b:
            if f in left:
                left.remove(f)
            else:
                extra.append(f)
        for f in extra:
            a = self.product(a, dict(f))
        for f in left:
            b = self.product(b, dict(f))
        result = dict(a)
        for m, c in b.items():
            _add(result, m, sign * c)
        return self.cancelled(result, below_a + extra)

    def factors(self, b: Polynomial) -> list[Factor]:
        """A polynomial as the atoms that all its monomials have, and the rest."""
        monomials = list(b)
        common = dict(monomials[0])
        for m in monomials[1:]:
            powers = dict(m)
            common = {x: min(e, powers[x]) for x, e in common.items() if x in powers}
        found: list[Factor] = []
        for x, e in common.items():
            found += [self.frozen({((x, 1),): Fraction(1)})] * e
        inverse = tuple((x, -e) for x, e in common.items())
        rest = {self.times(m, inverse): c for m, c in b.items()}
        if list(rest) != [()] or rest[()] != 1:
            found.append(self.frozen(rest))
        return found

    def cancelled(self, a: Polynomial, below: list[Factor]) -> tuple[Polynomial, list[Factor]]:
        kept: list[Factor] = []
        for f in below:
            monomial, c = f[0]
            single = len(f) == 1
            if single and not monomial:
                a = {m: v / c for m, v in a.items()}
            elif single and len(monomial) == 1 and all(monomial[0][0] in dict(m) for m in a):
                x = monomial[0][0]
                a = {self.times(m, ((x, -1),)): v / c for m, v in a.items()}
            elif not single and self.frozen(a) == f:
                a = {(): Fraction(1)}
            else:
                kept.append(f)
        return a, kept

    def frozen(self, p: Polynomial) -> Factor:
        places = self.order
        return tuple(sorted(p.items(), key=lambda it: ([(places[x], e) for x, e in it[0]], it[1])))

    # ------------------------------------------------------------------------- back to terms
    def polynomial_term(self, p: Polynomial) -> Term:
        """Common atoms out, then the sum; positive monomials first."""
        outer: list[Term] = []
        if len(p) > 1:
            *atoms, last = self.factors(p)
            outer = [f[0][0][0][0] for f in atoms]
            p = dict(last)
        plus = [monomial_term(m, c) for m, c in p.items() if c > 0]
        minus = [monomial_term(m, -c) for m, c in p.items() if c < 0]
        result = plus[0] if plus else term("negative", minus.pop(0))
        for t in plus[1:]:
            result = term("add", result, t)
        for t in minus:
            result = term("subtract", result, t)
        for x in outer:
            result = term("multiply", x, result)
        return result


def _add(p: Polynomial, monomial: Monomial, c: Fraction) -> None:
    total = p.get(monomial, Fraction(0)) + c
    if total:
        p[monomial] = total
    else:
        p.pop(monomial, None)


def monomial_term(monomial: Monomial, c: Fraction) -> Term:
    """c times a product of powers."""
    result: Term | None = None
    for x, e in monomial:
        for _ in range(e):
            result = x if result is None else term("multiply", result, x)
    if result is None:
        return number(c)
    if c == 1:
        return result
    return term("negative", result) if c == -1 else term("multiply", number(c), result)


def one_quotient(t: Term) -> Term | None:
    """The term as one quotient; None where it would be too big."""
    work = _Quotients()
    try:
        top, below = work.quotient(t)
        if len(top) > LIMIT:
            return None
        if not top:
            return number(0)
        result = work.polynomial_term(top)
        bottom: Term | None = None
        for f in below:
            factor = work.polynomial_term(dict(f))
            bottom = factor if bottom is None else term("multiply", bottom, factor)
        return result if bottom is None else term("divide", result, bottom)
    except _TooBig:
        return None


def quotients_in(terms: Iterable[Term]) -> Sequence[tuple[Term, Term]]:
    """Subterms, each with itself as one quotient where that is another term."""
    pairs: dict[Term, Term] = {}
    for t in inner(list(terms)):
        if t.op in ARITHMETIC:
            made = one_quotient(t)
            if made is not None and made is not t and made.size < LARGEST:
                pairs[t] = made
    return list(pairs.items())
