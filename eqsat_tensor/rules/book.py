"""A rule book as plain frozen data: rulesets, rules, the schedule; and books that hold a part of one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

from eqsat_tensor.rules.propose import Proposer
from eqsat_tensor.rules.syntax import Sexpr, show

GUARANTEES = ("exact", "real", "stable", "approx", "identity")
IDENTITY = GUARANTEES[4]  # of real functions alone: for a search that measures what it makes
OF_MATH = {"strict": GUARANTEES[:1], "default": GUARANTEES[:3], "fast": GUARANTEES[:4]}
FACTS = "facts"  # the ruleset of facts; it has no guarantee: facts are premises
TYPES = "types"  # the ruleset of the generated type rules
ANALYSES = (TYPES, FACTS)  # built in; every book has them


@dataclass(frozen=True)
class Ruleset:
    """A named set of rules with one guarantee.

    shrinks   no rule's right side is larger than its left: the set may be saturated.
    subsumes  a matched left side is not matched again.
    improves  "nonfinite" where the right side may be better where the left is NaN or infinite.
    """

    name: str
    guarantee: str
    doc: str = ""
    shrinks: bool = False
    subsumes: bool = False
    improves: str = ""


@dataclass(frozen=True)
class Rule:
    """One rule as it stands in its file.

    kind        "rewrite" or "fact"; a birewrite is two rules, "name=>" and "name<=".
    lhs, rhs    the two sides; of a fact, lhs is () and rhs the tuple of what it concludes.
    conditions  what ``:when`` asks.
    comment     the mathematics, from the comment above the rule.
    """

    name: str
    kind: str
    ruleset: str
    guarantee: str
    lhs: Sexpr
    rhs: Sexpr
    conditions: tuple[Sexpr, ...]
    subsume: bool
    file: str
    line: int
    comment: str = ""

    @property
    def place(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.line}"

    def __str__(self) -> str:
        when = f" when {' '.join(map(show, self.conditions))}" if self.conditions else ""
        if self.kind == "fact":
            return f"{self.name}: {show(self.rhs)}{when}"
        return f"{self.name}: {show(self.lhs)} -> {show(self.rhs)}{when}"


@dataclass(frozen=True)
class Relation:
    """A fact that rules may speak of, ``(relation positive (Expr))``.

    merge: "" for a plain fact.  With "max" or "min" the last argument is the strongest bound that any
    rule concluded of the others, ``(relation at-least (Expr f64) :merge max)``: a conclusion
    ``(at-least x c)`` tightens it, a condition ``(at-least x c)`` reads it into c.
    """

    name: str
    sorts: tuple[str, ...]
    merge: str = ""

    @property
    def declaration(self) -> str:
        """The engine's text for it."""
        if not self.merge:
            return f"(relation {self.name} ({' '.join(self.sorts)}))"
        *keys, value = self.sorts
        return f"(function {self.name} ({' '.join(keys)}) {value} :merge ({self.merge} old new))"


@dataclass(frozen=True)
class Step:
    """A node of the schedule: ``kind`` "run" (``name``), "together" (runs, searched at once),
    "saturate", "repeat" (``count``), "seq", or "first": steps that are done before proposers are
    asked, and not again with what they propose."""

    kind: str
    name: str = ""
    count: int = 0
    steps: tuple[Step, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The rulesets of a "run" or "together"."""
        return (self.name,) if self.kind == "run" else tuple(s.name for s in self.steps)

    def restricted(self, rulesets: Iterable[str]) -> Step | None:
        """The step without runs of other rulesets; None where nothing is left."""
        if self.kind == "run":
            return self if self.name in rulesets or self.name in ANALYSES else None
        steps = tuple(s for s in (step.restricted(rulesets) for step in self.steps) if s)
        return replace(self, steps=steps) if steps else None

    def rulesets(self) -> set[str]:
        """The names of all that it runs."""
        return (
            {self.name} if self.kind == "run" else set().union(*(s.rulesets() for s in self.steps))
        )

    def __str__(self) -> str:
        if self.kind == "run":
            return self.name
        if self.kind == "seq":
            return f"(run {' '.join(map(str, self.steps))})"
        head = f"repeat {self.count}" if self.kind == "repeat" else self.kind
        return f"({head} {' '.join(map(str, self.steps))})"


Schedule: TypeAlias = tuple[Step, ...]


@dataclass(frozen=True)
class RuleBook:
    """Rules with all that is needed to run them.  Books are values: equal sources, equal digest.

    schedule  the phases, each a `Step`; sizes and times are checked between them.
    sources   digest of the sources that were read; `digest` also counts which rules are left.
    packs     files from outside the package; they run after a trial only.
    proposers rewrites in Python, each under the guarantee of its ruleset.
    """

    rulesets: tuple[Ruleset, ...]
    relations: tuple[Relation, ...]
    rules: tuple[Rule, ...]
    schedule: Schedule
    sources: str
    packs: tuple[str, ...] = ()
    proposers: tuple[Proposer, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names by number, as provenance counts: rules, then proposers."""
        return (*(r.name for r in self.rules), *(p.name for p in self.proposers))

    @cached_property
    def digest(self) -> str:
        """A name for exactly these rules under this schedule."""
        text = "\n".join([self.sources, *self.names, *map(str, self.schedule)])
        return hashlib.sha256(text.encode()).hexdigest()

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RuleBook) and self.digest == other.digest

    def rule(self, name: str) -> Rule:
        """The rule called ``name``; KeyError where there is none."""
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, Rule]:
        return {r.name: r for r in self.rules}

    def ruleset(self, name: str) -> Ruleset:
        """The ruleset called ``name``; KeyError where there is none."""
        return {s.name: s for s in self.rulesets}[name]

    def only(self, names: Iterable[str]) -> RuleBook:
        """The book with these rewrites alone; facts stay, since they justify rewrites."""
        keep = set(names)
        return self._filtered(
            lambda r: r.kind == "fact" or r.name in keep, lambda p: p.name in keep
        )

    def without(self, names: Iterable[str]) -> RuleBook:
        """The book without these: names of rules, of rulesets, or of files (``algebra.egg``)."""
        drop = set(names)
        return self._filtered(
            lambda r: r.name not in drop and r.ruleset not in drop and not _is_file(r.file, drop),
            lambda p: p.name not in drop and p.ruleset not in drop,
        )

    def for_math(self, mode: str) -> RuleBook:
        """The rules that ``math=mode`` allows: "strict", "default" or "fast"."""
        allowed = {s.name for s in self.rulesets if s.guarantee in OF_MATH[mode]}
        return self._filtered(
            lambda r: r.kind == "fact" or r.ruleset in allowed, lambda p: p.ruleset in allowed
        )

    def running(self, ruleset: str) -> RuleBook:
        """The book with a schedule of this ruleset: those of identities are in none."""
        runs = tuple(Step("run", name) for name in (TYPES, ruleset, TYPES, ruleset))
        analyses = Step("saturate", steps=tuple(Step("run", name) for name in ANALYSES))
        return replace(self, schedule=(analyses, *runs))

    def for_search(self) -> RuleBook:
        """The rules for a search by measured error: those of real functions, and the default's.

        No left side is subsumed: all forms are wanted, and a row that is not matched again would not
        be found equal to what comes later.  So rules that join selections are left out, which would bracket n
        selections in every way.
        """
        allowed = {s.name for s in self.rulesets if s.guarantee in (*OF_MATH["default"], IDENTITY)}
        book = self._filtered(
            lambda r: r.kind == "fact" or (r.ruleset in allowed and not _joins_selections(r)),
            lambda p: p.ruleset in allowed,
        )
        rules = tuple(replace(r, subsume=False) if r.subsume else r for r in book.rules)
        return replace(book, rules=rules, sources=f"{book.sources} for search")

    def _filtered(
        self, keep: Callable[[Rule], bool], keep_proposer: Callable[[Proposer], bool]
    ) -> RuleBook:
        rules = tuple(r for r in self.rules if keep(r))
        proposers = tuple(p for p in self.proposers if keep_proposer(p))
        if len(rules) + len(proposers) == len(self.rules) + len(self.proposers):
            return self
        used = {r.ruleset for r in rules}
        steps = tuple(s for s in (step.restricted(used) for step in self.schedule) if s)
        packs = tuple(p for p in self.packs if any(r.file == p for r in rules))
        return replace(self, rules=rules, schedule=steps, packs=packs, proposers=proposers)


def _joins_selections(rule: Rule) -> bool:
    """Is a rule one of a selection within a selection?"""
    left = rule.lhs if isinstance(rule.lhs, tuple) else ()
    return _is_selection(left) and any(map(_is_selection, left[1:]))


def _is_selection(term: Sexpr) -> bool:
    return isinstance(term, tuple) and bool(term) and term[0] == "Where"


def _is_file(file: str, names: set[str]) -> bool:
    base = file.replace("\\", "/").rsplit("/", 1)[-1]
    return file in names or base in names or base.removesuffix(".egg") in names
