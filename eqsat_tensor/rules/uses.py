"""What a rule reads and makes: the ops of its patterns and its result, the facts it asks for and concludes.

(rewrite (Log (Exp x)) x :when (is-float x))
->  reads {log, exp}, makes {}, asks {is-float}, needs {log(exp(any))}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from eqsat_tensor.lang import OPS
from eqsat_tensor.rules.book import Rule
from eqsat_tensor.rules.skeletons import skeletons_of
from eqsat_tensor.rules.syntax import Sexpr
from eqsat_tensor.rules.vocabulary import Vocabulary, is_variable


class Uses(NamedTuple):
    """Sets of ops are numbers, with the bit of each op that is in them (`bits`).

    needs: the skeletons of its patterns, by number (`rules.skeletons`).
    """

    reads: int
    makes: int
    asks: frozenset[str]
    concludes: frozenset[str]
    needs: frozenset[int]


def bits() -> dict[str, int]:
    """The bit of each op, by name.  Ops that are defined later come after those that are there."""
    return {name: 1 << i for i, name in enumerate(OPS)}


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
            skeletons_of(rule.lhs, rule.conditions, vocabulary, numbers),
        )
    return found


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
