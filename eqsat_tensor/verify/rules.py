"""Every rule of a book, held against its guarantee on instances drawn for it.

For each rule: typed instances of its left side (`instances`), the rule applied by the real engine
with this rule alone, every right side read back from the root's class, and both sides held
against the guarantee of the rule's ruleset on draws of all tempers (`draw`, `hold`).  A fact
rule's claim is checked on what it speaks of.  What fails is shrunk and reported; nothing is random
but through the seed, which is the rule's name.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from eqsat_tensor.egraph.saturate import saturate
from eqsat_tensor.lang import Expr, text
from eqsat_tensor.rules.book import Rule, RuleBook
from eqsat_tensor.rules.syntax import Sexpr, Symbol, parse
from eqsat_tensor.verify.conditions import Pattern
from eqsat_tensor.verify.draw import PROFILES, draw_inputs
from eqsat_tensor.verify.error_rules import Array
from eqsat_tensor.verify.facts import OF_FLOATS, OF_REALS, fact_holds
from eqsat_tensor.verify.hold import Measure, hold
from eqsat_tensor.verify.instances import Instance
from eqsat_tensor.verify.running import evaluate_running
from eqsat_tensor.verify.shrink import shrink_values
from eqsat_tensor.verify.trials import (
    ENOUGH,
    ROUNDS,
    SMALLER_TRIES,
    Counterexample,
    Reader,
    Refuted,
    candidates,
    definitions_of,
    find_trials,
    plain,
    smallest,
    total_size,
    trial_of,
)

EXAMPLES = 80  # value draws a rule, over all its instances; the CI setting


@dataclass(frozen=True)
class Report:
    """What verification found of one rule.  ``counterexample`` None: it keeps its guarantee.

    ``instances``: different typed expressions it was held on; ``examples``: draws of values;
    ``max_ulp``: the largest error of a right side seen where its bound is finite, in ulps of the
    truth; ``rescued``: elements where the left side has no useful bound and the right one has;
    ``range_losses``: elements at the ends of the range where only the right side's own bound held.
    """

    name: str
    kind: str
    ruleset: str
    guarantee: str
    place: str
    instances: int
    examples: int
    max_ulp: float
    rescued: int
    range_losses: int
    counterexample: Counterexample | None
    problem: str = ""  # why nothing was held: no instance found, the engine failed

    @property
    def ok(self) -> bool:
        return self.counterexample is None and not self.problem

    def as_json(self) -> dict[str, Any]:
        """The report as plain data; numbers that JSON has not are text."""
        file, _, line = self.place.rpartition(":")
        record: dict[str, Any] = _plain(asdict(self))
        del record["place"]
        return record | {"file": file, "line": int(line)}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    return value if isinstance(value, bool | int | float | str | None) else str(value)


def verify_book(
    book: RuleBook, names: Iterable[str] | None = None, examples: int = EXAMPLES
) -> Iterator[Report]:
    """Reports of all rules of a book, or of those named, in the book's order."""
    chosen = None if names is None else set(names)
    for rule in book.rules:
        if chosen is None or rule.name in chosen:
            yield verify_rule(rule, book, examples)


def verify_rule(rule: Rule, book: RuleBook, examples: int = EXAMPLES, seed: int = 0) -> Report:
    """Hold one rule of ``book`` on ``examples`` draws of values; the same seed, the same draws."""
    random = np.random.default_rng([zlib.crc32(rule.name.encode()), seed])
    if rule.kind == "fact":
        return verify_fact(rule, book, examples, random)
    measure = Measure()
    try:
        trials, problem = find_trials(rule, book, random)
    except Refuted as refuted:
        return report(rule, measure, 1, refuted.counterexample, "")
    if problem:
        return report(rule, measure, 0, None, problem)
    improves = bool(book.ruleset(rule.ruleset).improves)
    trials.sort(key=lambda t: total_size(t.left))
    for number in range(examples):
        trial = trials[number % len(trials)]
        profile = profile_of(number, len(trials))
        inputs = draw_inputs(trial.leaves, profile, random)
        finding = hold(
            trial.left, trial.right, inputs, rule.guarantee, improves, measure, trial.variables
        )
        if finding is None:
            continue
        for smaller in trials:
            if smaller is trial:
                break
            for _ in range(SMALLER_TRIES):
                values = draw_inputs(smaller.leaves, profile, random)
                found = hold(
                    smaller.left, smaller.right, values, rule.guarantee, improves, Measure(),
                    smaller.variables,
                )  # fmt: skip
                if found is not None:
                    trial, inputs, finding = smaller, values, found
                    break
            if trial is smaller:
                break
        example = smallest(trial, inputs, finding, rule.guarantee, improves)
        return report(rule, measure, len(trials), example, "")
    return report(rule, measure, len(trials), None, "")


def profile_of(number: int, trials: int) -> str:
    """The temper of a draw: each round through the trials, each of them meets another one."""
    return PROFILES[(number // trials + number % trials) % len(PROFILES)]


def report(
    rule: Rule, measure: Measure, instances: int, example: Counterexample | None, problem: str
) -> Report:
    """The report of a rule."""
    return Report(
        rule.name, rule.kind, rule.ruleset, rule.guarantee, rule.place, instances, measure.draws,
        round(measure.max_ulp, 3), measure.rescued, measure.range_losses, example, problem,
    )  # fmt: skip


# ---------------------------------------------------------------------------------- facts
def verify_fact(rule: Rule, book: RuleBook, examples: int, random: np.random.Generator) -> Report:
    """A fact rule: what it concludes holds wherever its conditions do.

    The engine decides whether the conditions hold: it runs a rewrite to `keep` under them.
    """
    measure = Measure()
    assert isinstance(rule.rhs, tuple), rule
    claimed = [str(c[0]) for c in rule.rhs if isinstance(c, tuple)]
    if not all(name in OF_REALS or name in OF_FLOATS for name in claimed):
        return verify_definition(rule, book)
    subject, pattern, conditions = subject_of(rule)
    keep: Sexpr = (Symbol("Keep"), pattern)
    probe = Rule(
        "probe-of-fact", "rewrite", book.rulesets[0].name, "exact", pattern, keep,
        conditions, False, rule.file, rule.line,
    )  # fmt: skip
    instances: list[Instance] = []
    last = ""
    for _ in range(ROUNDS):
        drawn, last = candidates(pattern, conditions, random, definitions_of(book))
        if drawn and isinstance(pattern, tuple):
            alone = with_rule(book, probe)
            result = saturate([i.expr for i in drawn], alone, allowed=[probe.name])
            if result.graph is None:
                return report(rule, measure, 0, None, f"the engine failed: {result.diagnostic}")
            reader = Reader(result.graph, [i.expr for i in drawn])
            drawn = [i for n, i in enumerate(drawn) if reader.right_sides(n)]
        instances += drawn
        if len(instances) >= ENOUGH:
            break
    if not instances:
        return report(rule, measure, 0, None, f"no instance ({last})")
    claims = [c for c in rule.rhs if isinstance(c, tuple) and c[1] == subject]
    trials = sorted((trial_of(i, i.expr) for i in instances), key=lambda t: total_size(t.left))
    trials = trials[:ENOUGH]
    for number in range(examples):
        trial = trials[number % len(trials)]
        profile = profile_of(number, len(trials))
        inputs = draw_inputs(trial.leaves, profile, random)
        measure.draws += 1
        for claim in claims:
            index = fact_holds(str(claim[0]), trial.left, inputs)
            if index is not None:
                example = broken(str(claim[0]), trial.left, inputs)
                return report(rule, measure, len(instances), example, "")
    return report(rule, measure, len(instances), None, "")


def subject_of(rule: Rule) -> tuple[str, Pattern, tuple[Pattern, ...]]:
    """What a fact rule speaks of: the variable, its pattern, and the other conditions."""
    claims = rule.rhs
    assert isinstance(claims, tuple), claims
    [claim, *_] = claims
    assert isinstance(claim, tuple), claims
    subject = str(claim[1])
    for condition in rule.conditions:
        if isinstance(condition, tuple) and condition[0] == "=" and condition[1] == subject:
            rest = tuple(c for c in rule.conditions if c is not condition)
            return subject, condition[2], rest
    return subject, subject, rule.conditions


def with_rule(book: RuleBook, rule: Rule) -> RuleBook:
    """The book with facts and one rule that is in no file."""
    facts = book.only([])
    schedule = book.only([r.name for r in book.rules if r.ruleset == rule.ruleset]).schedule
    return replace(facts, rules=(*facts.rules, rule), schedule=schedule, sources=str(rule))


def planted(book: RuleBook, source: str, name: str, ruleset: str) -> tuple[RuleBook, Rule]:
    """A book with ``source``, one ``(rewrite lhs rhs :when (...))``, as its only rewrite.

    For what is not to stand in a rule file: refuted rules, and wrong ones that tests plant.
    """
    [form] = parse(source, name)
    _, lhs, rhs, *options = form.sexpr
    keywords = dict(zip(options[::2], options[1::2], strict=True))
    conditions = keywords.get(Symbol(":when"), ())
    assert isinstance(conditions, tuple), conditions
    rule = Rule(
        name, "rewrite", ruleset, book.ruleset(ruleset).guarantee, lhs, rhs, conditions, False,
        name, form.line,
    )  # fmt: skip
    return with_rule(book, rule), rule


def broken(fact: str, expr: Expr, inputs: Mapping[Expr, Array]) -> Counterexample:
    """The counterexample of a fact."""
    inputs = shrink_values(inputs, lambda values: fact_holds(fact, expr, values) is not None)
    index = fact_holds(fact, expr, inputs) or ()
    [(value, _)] = evaluate_running([expr], inputs)
    named = {str(leaf["name"]): plain(x) for leaf, x in inputs.items()}
    return Counterexample(f"not {fact}", text([expr]), fact, named, repr(value[index]), "", "", 0.0)


def verify_definition(rule: Rule, book: RuleBook) -> Report:
    """A rule that defines a relation of its file's own: it claims nothing that can be false.

    It is held with the rules that ask for the relation, whose instances are built from it; a
    relation that nothing asks for is a problem.
    """
    assert isinstance(rule.rhs, tuple), rule
    names = {str(c[0]) for c in rule.rhs if isinstance(c, tuple)}
    asked = any(
        isinstance(c, tuple) and c[0] in names for other in book.rules for c in other.conditions
    )
    return report(rule, Measure(), 0, None, "" if asked else "no rule asks for it")
