"""Which rules of a book can fire on the ops that are there, and the engine's text for them.

Loading a rule costs 0.2 ms, push and pop 15 us, an empty search 1 us: so a rule is loaded and run
only once all ops of its patterns are in the e-graph, one on the other as they are in the pattern
(`rules.skeletons`), and most of a book never is.  Facts are looked for only where a rule that can
fire, or such a fact, asks for them.

    there: {input, full, exp, add, log}, log(exp(any)) ...   ->   "log-of-exp" ... 20 of 430
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from eqsat_tensor.egraph.engine import EngineError
from eqsat_tensor.egraph.schema import ingest_ruleset, live_ruleset, type_ruleset
from eqsat_tensor.lang import OPS
from eqsat_tensor.rules import own_shipped
from eqsat_tensor.rules.book import FACTS, RuleBook
from eqsat_tensor.rules.expand import UntypedNumber, expand
from eqsat_tensor.rules.shipped import MARK
from eqsat_tensor.rules.signature import shared_types, type_rule
from eqsat_tensor.rules.skeletons import mask_of
from eqsat_tensor.rules.uses import bits, uses_of
from eqsat_tensor.rules.vocabulary import Vocabulary

# Relations that hold of some values whatever the rules: of types and sizes.
SEEDED = frozenset(
    (
        *("is-float", "is-int", "is-bool", "is-asked-in-part", "at-least-one"),
        *("integer-valued", "finite", "not-nan"),
    )
)


@dataclass(frozen=True)
class Need:
    """What can fire while certain ops are there.

    ops       names of the ops that are there or can be made by one firing.
    tables    of types that are worked out for several of those ops together.
    rules     numbers of the rules.
    members   ruleset -> the engine's rulesets of those of its rules that can fire, one a rule.
    numbers   of sets of such rulesets: shared by all needs of a book.
    """

    ops: tuple[str, ...]
    tables: tuple[str, ...]
    rules: tuple[int, ...]
    members: Mapping[str, Sequence[str]]
    numbers: dict[tuple[str, ...], int]
    _declared: dict[tuple[str, ...], tuple[str, str] | None] = field(default_factory=dict)

    def declared(self, rulesets: tuple[str, ...]) -> tuple[str, str] | None:
        """The engine's name for the rules of ``rulesets`` that can fire, and its declaration."""
        if rulesets not in self._declared:
            parts = tuple(p for r in rulesets for p in self.members.get(r, ()))
            name = f"run{self.numbers.setdefault(parts, len(self.numbers))}/{rulesets[0]}"
            text = f"(unstable-combined-ruleset {name} {' '.join(parts)})"
            self._declared[rulesets] = (name, text) if parts else None
        return self._declared[rulesets]


class Needs:
    """A book, ready to tell what it can do where certain ops are there."""

    def __init__(self, book: RuleBook) -> None:
        self.book = book
        self.vocabulary = Vocabulary(book.relations)
        self.bit = bits()
        shipped = own_shipped()
        own = shipped.of(book.rules) if shipped is not None else {}
        others = uses_of((r for r in book.rules if r.name not in own), self.vocabulary)
        uses = [own[r.name].uses if r.name in own else others[r.name] for r in book.rules]
        self.reads = [u.reads for u in uses]
        self.makes = {r.name: u.makes for r, u in zip(book.rules, uses, strict=True)}
        self.skeletons = [mask_of(u.needs) for u in uses]
        self._relations: dict[str, int] = {}  # the bit of each that a rule asks for or concludes
        sets: dict[frozenset[str], int] = {}
        for u in uses:
            for names in (u.asks, u.concludes):
                if names not in sets:
                    sets[names] = self._bits_of(names)
        self.asks = [sets[u.asks] for u in uses]
        self.concludes = [sets[u.concludes] for u in uses]
        self._own, self._uses = own, uses
        self._texts: dict[int, tuple[str, ...]] = {}
        self._candidates: dict[
            tuple[int, frozenset[str] | None], tuple[Sequence[int], Sequence[int]]
        ] = {}
        self._needs: dict[tuple[int, tuple[int, ...], tuple[int, ...], frozenset[str]], Need] = {}
        self._numbers: dict[tuple[str, ...], int] = {}

    def _bits_of(self, relations: Iterable[str]) -> int:
        """A set of relations as bits."""
        mask = 0
        for name in relations:
            mask |= self._relations.setdefault(name, 1 << len(self._relations))
        return mask

    def mask(self, ops: Iterable[str]) -> int:
        """A set of ops as bits."""
        mask = 0
        for name in ops:
            mask |= self.bit[name]
        return mask

    def need(
        self,
        mask: int,
        found: int | None = None,
        allowed: frozenset[str] | None = None,
        wanted: frozenset[str] = frozenset(),
    ) -> Need:
        """What can fire where these ops are there; of rewrites only those ``allowed`` (None: all).

        found: the skeletons that are there, as bits; None: any may be.
        wanted: relations that are asked for beside those that rewrites ask for.
        """
        rewrites, facts = (
            tuple(i for i in rules if found is None or not self.skeletons[i] & ~found)
            for rules in self._with_ops(mask, allowed)
        )
        key = mask, rewrites, facts, wanted
        need = self._needs.get(key)
        if need is None:
            if len(self._needs) > 512:
                self._needs.clear()
            need = self._needs[key] = self._need(mask, rewrites, facts, wanted)
        return need

    def _with_ops(
        self, mask: int, allowed: frozenset[str] | None
    ) -> tuple[Sequence[int], Sequence[int]]:
        """The rewrites, of those allowed, and the facts whose ops are there."""
        found = self._candidates.get((mask, allowed))
        if found is None:
            if len(self._candidates) > 512:
                self._candidates.clear()
            book, rewrites, facts = self.book.rules, [], []
            for i, reads in enumerate(self.reads):
                if reads & mask != reads:
                    continue
                if book[i].kind == "fact":
                    facts.append(i)
                elif allowed is None or book[i].name in allowed:
                    rewrites.append(i)
            found = self._candidates[mask, allowed] = rewrites, facts
        return found

    def _need(
        self, mask: int, rewrites: Sequence[int], facts: Sequence[int], wanted: frozenset[str]
    ) -> Need:
        book = self.book.rules
        assumed = bool(mask & self.bit["assume"])
        if assumed:  # any fact may contradict what is assumed, and all can be known
            rules: Sequence[int] = sorted((*rewrites, *facts))
        else:
            rules = self._of_use(rewrites, facts, wanted)
        makes = mask & ~self.bit["assume"]
        for i in rules:
            makes |= self.makes[book[i].name]
        ops = tuple(name for name, bit in self.bit.items() if bit & makes)
        tables = tuple(sorted({*map(shared_types, ops)} - {""}))
        members = {
            "ingest": ["ingest/equal", *map(ingest_ruleset, ops)],
            "types": [
                *(f"types/{table}" for table in tables),
                *(type_ruleset(n) for n in ops if type_rule(OPS[n])),
            ],
            FACTS: ["facts/shared"],
            "live": ["live/shared", *map(live_ruleset, ops)],
        }
        for i in rules:
            members.setdefault(book[i].ruleset, []).append(f"rules/{i}")
        return Need(ops, tables, tuple(rules), members, self._numbers)

    def _asked_for(
        self, rewrites: Iterable[int], facts: Iterable[int], wanted: frozenset[str]
    ) -> list[int]:
        """Those of ``facts`` that the rewrites ask for, that are wanted, and what these ask for."""
        asked = self._bits_of(wanted)
        for i in rewrites:
            asked |= self.asks[i]
        found: list[int] = []
        left = list(facts)
        while True:
            more = [i for i in left if self.concludes[i] & asked]
            if not more:
                return found
            found += more
            left = [i for i in left if not self.concludes[i] & asked]
            for i in more:
                asked |= self.asks[i]

    def _of_use(
        self, rewrites: Sequence[int], facts: Sequence[int], wanted: frozenset[str]
    ) -> Sequence[int]:
        """The rewrites whose facts can be known, and of such facts those that are asked for."""
        founded = self._founded(sorted((*rewrites, *facts)))
        is_fact = {i: self.book.rules[i].kind == "fact" for i in founded}
        rewrites = [i for i in founded if not is_fact[i]]
        asked = self._asked_for(rewrites, [i for i in founded if is_fact[i]], wanted)
        return sorted((*rewrites, *asked))

    def _founded(self, rules: Sequence[int]) -> Sequence[int]:
        """Those of the rules whose facts something can conclude."""
        known = self._bits_of(SEEDED)
        while True:
            found = [i for i in rules if self.asks[i] & known == self.asks[i]]
            more = known
            for i in found:
                more |= self.concludes[i]
            if more == known:
                return found
            known = more

    def relations_of(self, number: int) -> Iterable[str]:
        """The relations that a rule speaks of, in the order of their names."""
        uses = self._uses[number]
        return sorted(uses.asks | uses.concludes)

    def rule_texts(self, number: int) -> tuple[str, ...]:
        """The engine's text of one rule: its ruleset, its argument orders."""
        found = self._texts.get(number)
        if found is None:
            rule = self.book.rules[number]
            own = self._own.get(rule.name)
            try:
                if own is not None and own.texts is not None:
                    texts = [text.replace(MARK, str(number)) for text in own.texts]
                else:
                    texts = expand(rule, number, self.vocabulary)
            except UntypedNumber as e:
                raise EngineError(
                    f"{rule.place}: nothing says the type of the number {e}"
                ) from None
            found = self._texts[number] = (f"(ruleset rules/{number})", *texts)
        return found


@lru_cache(maxsize=64)
def needs_of(book: RuleBook, ops: int) -> Needs:
    """The needs of a book, kept; ``ops`` is the number of ops, which only grows."""
    return Needs(book)
