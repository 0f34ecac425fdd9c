"""Facts that give a form a name, ``(exp-sum s axes x)``: they claim nothing that could be false.

What can be held of one is that the engine finds it: wherever what it asks for is there, so is the
fact, of the parts that it names; and that some rule asks for it, with whose instances it is held
against the truth.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eqsat_tensor.lang import text
from eqsat_tensor.rules.book import Rule, RuleBook
from eqsat_tensor.rules.signature import constructors
from eqsat_tensor.rules.syntax import Sexpr, Symbol
from eqsat_tensor.rules.vocabulary import RELATIONS
from eqsat_tensor.verify.conditions import Pattern
from eqsat_tensor.verify.findings import Measure
from eqsat_tensor.verify.implied import fires
from eqsat_tensor.verify.instances import Instance
from eqsat_tensor.verify.report import Report
from eqsat_tensor.verify.rules import of_root, subject_of
from eqsat_tensor.verify.trials import (
    RARE,
    ROUNDS,
    Counterexample,
    candidates,
    count,
    definitions_of,
    dtypes_of,
    find_trials,
    trial_of,
)

KNOWN = frozenset(r.name for r in RELATIONS)


def is_definition(rule: Rule) -> bool:
    """True for a fact rule all of whose conclusions are relations of a file's own."""
    return rule.kind == "fact" and not KNOWN & set(claimed(rule))


def claimed(rule: Rule) -> list[str]:
    """Names of what a fact rule concludes."""
    assert isinstance(rule.rhs, tuple), rule
    return [str(c[0]) for c in rule.rhs if isinstance(c, tuple)]


def verify_definition(
    rule: Rule, book: RuleBook, examples: int, random: np.random.Generator
) -> Report:
    """Hold one definition on instances of what it asks for; an instance is an example."""
    names = set(claimed(rule))
    subject, pattern, conditions = form_of(rule)
    found: list[Instance] = []
    missed: list[Instance] = []

    def report(example: Counterexample | None, problem: str) -> Report:
        measure = Measure(draws=len(found))
        trials = [trial_of(i, i.expr) for i in found]
        return Report(
            rule.name, rule.kind, rule.ruleset, rule.guarantee, rule.place, len(found),
            measure.draws, 0.0, 0, 0, example, problem, dtypes_of(trials),
        )  # fmt: skip

    asking = [
        other for other in book.rules
        if any(isinstance(c, tuple) and c[0] in names for c in other.conditions)
    ]  # fmt: skip
    if not asking:
        return report(None, "no rule asks for it")
    if not isinstance(pattern, tuple):
        return verify_by_askers(rule, asking, book, random)
    assert isinstance(rule.rhs, tuple), rule
    claims = tuple(_named(c, subject) for c in rule.rhs)
    facts, last = _facts_for(rule, book), ""
    for turn in range(RARE * ROUNDS):
        drawn, misfit = candidates(pattern, conditions, random, definitions_of(book))
        last = misfit or last
        drawn = fires(rule, pattern, conditions, book, drawn)
        there = fires(rule, pattern, (*conditions, *claims), facts, drawn)
        found += drawn
        missed += [instance for instance in drawn if instance not in there]
        if len(found) >= examples or (found and turn >= ROUNDS):
            break
    if not found:
        return report(None, f"no instance ({last})")
    if not missed:
        return report(None, "")
    left = min((i.expr for i in missed), key=count)
    reason = f"the engine does not find {' '.join(sorted(names))}"
    return report(Counterexample(reason, text([left]), "", {}, "", "", "", 0.0), "")


def form_of(rule: Rule) -> tuple[str, Pattern, tuple[Pattern, ...]]:
    """As `subject_of`; of what speaks of no value, ``(square-at s)``, a value that its conditions name."""
    subject, pattern, conditions = subject_of(rule)
    if isinstance(pattern, tuple):
        return subject, pattern, conditions
    for c in rule.conditions:
        form = c[2] if isinstance(c, tuple) and c[0] == "=" else None
        if isinstance(form, tuple) and str(form[0]) in constructors():
            assert isinstance(c, tuple), c
            rest = tuple(of_root(d, str(c[1])) for d in rule.conditions if d is not c)
            return str(c[1]), form, rest
    return subject, pattern, conditions


def verify_by_askers(
    rule: Rule, asking: Sequence[Rule], book: RuleBook, random: np.random.Generator
) -> Report:
    """A definition of other definitions alone: it is found where a rewrite that asks for it fires."""
    without = _facts_for(rule, book)
    for other in (r for r in asking if r.kind == "rewrite"):
        trials, _ = find_trials(other, without, random)
        if trials:
            return Report(
                rule.name, rule.kind, rule.ruleset, rule.guarantee, rule.place, len(trials),
                len(trials), 0.0, 0, 0, None, "", dtypes_of(trials),
            )  # fmt: skip
    problem = "no rewrite that asks for it fires"
    return Report(
        rule.name,
        rule.kind,
        rule.ruleset,
        rule.guarantee,
        rule.place,
        0,
        0,
        0.0,
        0,
        0,
        None,
        problem,
    )


def _named(claim: Sexpr, subject: str) -> Sexpr:
    """The claim with ``self`` for its subject."""
    assert isinstance(claim, tuple), claim
    return tuple(Symbol("self") if part == subject else part for part in claim)


def _facts_for(rule: Rule, book: RuleBook) -> RuleBook:
    """The book without other definitions of the same names, unless this one builds on them."""
    names = set(claimed(rule))
    if names & {str(c[0]) for c in rule.conditions if isinstance(c, tuple)}:
        return book
    facts = [r for r in book.rules if r.kind == "fact" and r.name != rule.name]
    return book.without([r.name for r in facts if names & set(claimed(r))])
