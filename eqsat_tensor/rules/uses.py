"""What a rule reads and makes: the ops of its patterns and its result, the facts it asks for and concludes.

(rewrite (Log (Exp x)) x :when (is-float x))
->  reads {log, exp}, makes {}, asks {is-float}, pairs {log on exp}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from eqsat_tensor.lang import OPS
from eqsat_tensor.rules.book import Rule
from eqsat_tensor.rules.syntax import Sexpr
from eqsat_tensor.rules.vocabulary import Vocabulary, is_variable


class Uses(NamedTuple):
    """Sets of ops are numbers, with the bit of each op that is in them (`bits`).

    pairs: of ops that its patterns have one on the other, as numbers (`pair`).
    """

    reads: int
    makes: int
    asks: frozenset[str]
    concludes: frozenset[str]
    pairs: frozenset[int]


def bits() -> dict[str, int]:
    """The bit of each op, by name.  Ops that are defined later come after those that are there."""
    return {name: 1 << i for i, name in enumerate(OPS)}


def pair(op: int, operand: int) -> int:
    """The number of a pair: an op, and an op of its operand, as they are numbered in `OPS`."""
    return op << 16 | operand


def uses_of(rules: Iterable[Rule], vocabulary: Vocabulary) -> dict[str, Uses]:
    """What each rule reads and makes, by its name."""
    bit = bits()
    ops = _Ops({op.constructor: bit[op.name] for op in OPS.values()}, vocabulary)
    numbers = {op.constructor: k for k, op in enumerate(OPS.values())}
    relations = frozenset(vocabulary.relations)
    found = {}
    for rule in rules:
        alone = not isinstance(rule.rhs, tuple) and not is_variable(rule.rhs)
        concludes = _relations(rule.rhs, relations) if rule.kind == "fact" else frozenset()
        found[rule.name] = Uses(
            ops.of(rule.lhs) | ops.of(rule.conditions),
            ops.of(rule.rhs) | bit["full"] * alone,
            _relations(rule.conditions, relations),
            concludes,
            _pairs((rule.lhs, *rule.conditions), numbers, vocabulary),
        )
    return found


def _pairs(
    terms: Iterable[Sexpr], numbers: Mapping[str, int], vocabulary: Vocabulary
) -> frozenset[int]:
    """The pairs of ops that are one on the other wherever such terms are."""
    found: set[int] = set()
    above: dict[str, set[int]] = {}  # variable -> the ops whose operand it is
    named: list[tuple[str, int]] = []  # variable, an op that it is
    full = numbers[OPS["full"].constructor]

    def walk(term: Sexpr) -> None:
        if not isinstance(term, tuple) or not term:
            return
        op = vocabulary.ops.get(str(term[0]))
        for t in term[len(term) - op.arity :] if op is not None else ():
            number = numbers[str(term[0])]
            if isinstance(t, tuple):
                found.update(pair(number, numbers[w]) for w in (str(t[0]),) if w in numbers)
            elif is_variable(t):
                above.setdefault(str(t), set()).add(number)
            else:
                found.add(pair(number, full))
        if str(term[0]) == "=" and len(term) == 3:
            for name, made in ((term[1], term[2]), (term[2], term[1])):
                if is_variable(name) and isinstance(made, tuple) and str(made[0]) in numbers:
                    named.append((str(name), numbers[str(made[0])]))
        for t in term:
            walk(t)

    for term in terms:
        walk(term)
    found.update(pair(op, operand) for name, operand in named for op in above.get(name, ()))
    return frozenset(found)


def _relations(term: Sexpr, names: frozenset[str]) -> frozenset[str]:
    """The relations that a condition or a conclusion names."""
    if not isinstance(term, tuple) or not term:
        return frozenset()
    found: frozenset[str] = frozenset((str(term[0]),)) & names
    for t in term:
        if isinstance(t, tuple):
            found |= _relations(t, names)
    return found


class _Ops:
    """The ops that terms name, as bits; a bare number that stands for an operand is a `full`."""

    def __init__(self, bits: Mapping[str, int], vocabulary: Vocabulary) -> None:
        self.bits, self.vocabulary = bits, vocabulary
        self.known: dict[int, int] = {}  # by id: rules of a book from the disk share their terms

    def of(self, term: Sexpr) -> int:
        """The ops of a term that lives as long as the book does."""
        if not isinstance(term, tuple):
            return self.bits.get(str(term), 0)
        mask = self.known.get(id(term))
        if mask is None:
            mask = 0
            for t in term:
                mask |= self.of(t) if isinstance(t, tuple) else self.bits.get(t, 0)  # type: ignore[arg-type]
            op = self.vocabulary.ops.get(term[0]) if term else None  # type: ignore[arg-type]
            operands = term[len(term) - op.arity :] if op is not None else ()
            if any(isinstance(u, int | float) or u in ("true", "false") for u in operands):
                mask |= self.bits[OPS["full"].constructor]
            self.known[id(term)] = mask
        return mask
