"""Every rule of a book, held against its guarantee on instances drawn for it.

For each rule: typed instances of its left side (`instances`), the rule applied by the real engine
with this rule alone, every right side read back from the root's class, and both sides held
against the guarantee of the rule's ruleset on draws of all tempers (`draw`, `hold`).  A fact
rule's claim is checked on what it speaks of.  What fails is shrunk and reported; nothing is random
but through the seed, which is the rule's name.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from eqsat_tensor.egraph.saturate import saturate
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import Expr, text, topological
from eqsat_tensor.ops.assume import BOUNDS
from eqsat_tensor.rules.book import FACTS, IDENTITY, Rule, RuleBook
from eqsat_tensor.rules.syntax import Sexpr, Symbol, parse
from eqsat_tensor.rules.vocabulary import ROOT
from eqsat_tensor.verify.assumptions import assumptions_hold
from eqsat_tensor.verify.conditions import Pattern
from eqsat_tensor.verify.draw import PROFILES, draw_inputs
from eqsat_tensor.verify.error_rules import Array
from eqsat_tensor.verify.facts import VERIFIED, Claim, fact_holds
from eqsat_tensor.verify.findings import Finding, Measure
from eqsat_tensor.verify.hold import hold
from eqsat_tensor.verify.range_losses import LOSSES, count_range, range_loss
from eqsat_tensor.verify.report import Report
from eqsat_tensor.verify.running import evaluate_running
from eqsat_tensor.verify.shrink import shrink_values
from eqsat_tensor.verify.trials import (
    ENOUGH,
    ROUNDS,
    SMALLER_TRIES,
    Counterexample,
    Reader,
    Refuted,
    Trial,
    candidates,
    definitions_of,
    dtypes_of,
    find_trials,
    plain,
    smallest,
    spread,
    total_size,
    trial_of,
)
from eqsat_tensor.verify.wide import draw_wide, finite_points, hold_wide, widened

FACT = "fact"
EXAMPLES = 80  # value draws a rule, over all its instances; the CI setting
MORE = 10  # times as many draws as examples, of a rule that lost range a few times and gained none


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
        from eqsat_tensor.verify import definitions  # which builds on this module

        if definitions.is_definition(rule):
            return definitions.verify_definition(rule, book, examples, random)
        return verify_fact(rule, book, examples, random)
    if rule.guarantee == IDENTITY:
        book = book.running(rule.ruleset)
    measure = Measure()
    try:
        trials, problem = find_trials(rule, book, random)
    except Refuted as refuted:
        return report(rule, measure, 1, refuted.counterexample, "")
    if problem:
        return report(rule, measure, 0, None, problem)
    improves = bool(book.ruleset(rule.ruleset).improves)
    trials.sort(key=lambda t: total_size(t.left))
    losses = Losses(measure)
    wide = [w for w in map(widened, trials) if w is not None]
    single = examples if len(wide) < len(trials) else min(examples, len(trials) * len(PROFILES))
    for number in range(single):
        trial = trials[number % len(trials)]
        profile = profile_of(number, len(trials))
        inputs = draw_inputs(trial.leaves, profile, random)
        finding = hold(
            trial.left, trial.right, inputs, rule.guarantee, improves, measure, trial.variables
        )
        losses.take(trial, inputs, profile, is_wide=False)
        if finding is not None:
            trial, inputs, finding = smaller_than(
                (trial, inputs, finding), trials, rule.guarantee, improves, profile, random
            )
            example = smallest(trial, inputs, finding, rule.guarantee, improves)
            return report(rule, measure, len(trials), example, "", trials)
    for number in itertools.count():
        if measure.draws >= examples:
            break
        trial = wide[number % len(wide)]
        profile = profile_of(number, len(wide))
        values = draw_wide(trial, profile, random)
        broken_at = hold_wide(trial, values, rule.guarantee, improves, measure)
        losses.take(trial, values, profile, is_wide=True)
        if broken_at is not None:
            finding, trial, inputs = broken_at
            example = smallest(trial, inputs, finding, rule.guarantee, improves)
            return report(rule, measure, len(trials), example, "", trials)
    if rule.guarantee in ("real", "stable") and (lost := losses.settled(examples, random)):
        trial, inputs, finding = lost
        example = smallest(trial, inputs, finding, rule.guarantee, improves, at_the_ends=True)
        return report(rule, measure, len(trials), example, "", trials)
    return report(rule, measure, len(trials), None, "", trials)


Found: TypeAlias = tuple[Trial, dict[Expr, Array], Finding]


class Losses:
    """Where the right side alone overflowed, at finite inputs; whether that is the rule's fault."""

    def __init__(self, measure: Measure) -> None:
        self.measure = measure
        self.counted = 0
        self.seen: list[tuple[Trial, dict[Expr, Array], str, bool]] = []

    def take(self, trial: Trial, inputs: dict[Expr, Array], profile: str, is_wide: bool) -> None:
        """Note a draw that was just held, where it lost range."""
        if profile == "large":  # there another order of a sum may overflow: see `multiplies`
            self.measure.range_lost = self.counted
        if self.measure.range_lost > self.counted:
            self.counted = self.measure.range_lost
            nodes = topological([trial.left, trial.right])
            if not any(n.op.kind is Kind.LIBRARY for n in nodes):  # LAPACK refuses what is singular
                self.seen.append((trial, inputs, profile, is_wide))

    def settled(self, examples: int, random: np.random.Generator) -> Found | None:
        """A loss, where right lost often and never gained; while that is open, draws like those that
        lost are made, `MORE` times as many as examples at most."""
        measure = self.measure
        if not self.seen:
            return None
        for number in range(MORE * examples):
            if measure.range_gained or measure.range_lost >= LOSSES:
                break
            trial, _, profile, is_wide = self.seen[number % len(self.seen)]
            if is_wide:
                inputs = draw_wide(trial, profile, random)
            else:
                inputs = draw_inputs(trial.leaves, profile, random)
            count_range(trial.left, trial.right, inputs, measure)
        if measure.range_gained or measure.range_lost < LOSSES:
            return None
        trial, inputs, _, is_wide = self.seen[0]
        if is_wide:
            trial, inputs = finite_points(trial, inputs)
        finding = range_loss(trial.left, trial.right, inputs)
        return None if finding is None else (trial, inputs, finding)


def smaller_than(
    found: Found,
    trials: Sequence[Trial],
    guarantee: str,
    improves: bool,
    profile: str,
    random: np.random.Generator,
) -> Found:
    """A finding on a smaller trial, where a few draws make one; else the one that was found.

    ``trials`` are in the order of their sizes.
    """
    for smaller in trials:
        if smaller is found[0]:
            break
        for _ in range(SMALLER_TRIES):
            values = draw_inputs(smaller.leaves, profile, random)
            finding = hold(
                smaller.left, smaller.right, values, guarantee, improves, Measure(),
                smaller.variables,
            )  # fmt: skip
            if finding is not None:
                return smaller, values, finding
    return found


def profile_of(number: int, trials: int) -> str:
    """The temper of a draw: each round through the trials, each of them meets another one."""
    return PROFILES[(number // trials + number % trials) % len(PROFILES)]


def report(
    rule: Rule,
    measure: Measure,
    instances: int,
    example: Counterexample | None,
    problem: str,
    trials: Sequence[Trial] = (),
) -> Report:
    """The report of a rule."""
    return Report(
        rule.name, rule.kind, rule.ruleset, rule.guarantee, rule.place, instances, measure.draws,
        round(measure.max_ulp, 3), measure.rescued, measure.range_losses, example, problem,
        dtypes_of(trials),
    )  # fmt: skip


# ---------------------------------------------------------------------------------- facts
def verify_fact(rule: Rule, book: RuleBook, examples: int, random: np.random.Generator) -> Report:
    """A fact rule: what it concludes holds wherever its conditions do.

    The engine decides whether the conditions hold: it runs a rewrite to `keep` under them.
    """
    measure = Measure()
    assert isinstance(rule.rhs, tuple), rule
    claimed = [str(c[0]) for c in rule.rhs if isinstance(c, tuple)]
    if not all(name in VERIFIED for name in claimed):
        return report(
            rule, measure, 0, None, "it concludes what verification knows and what it does not"
        )
    subject, pattern, conditions = subject_of(rule)
    written = isinstance(pattern, tuple)
    keep: Sexpr = (Symbol("Keep"), pattern)
    probe = Rule(
        "probe-of-fact", "rewrite", book.rulesets[0].name, "exact", pattern, keep,
        conditions, False, rule.file, rule.line,
    )  # fmt: skip
    alone = with_rule(book, probe) if written else book.only([])
    found: list[tuple[Trial, list[Claim]]] = []
    last = ""
    for turn in range(ROUNDS):
        drawn, last = candidates(pattern, conditions, random, definitions_of(book))
        roots = [i.expr for i in drawn]
        result = saturate(roots, alone, allowed=[probe.name], facts={*claimed, *BOUNDS})
        if result.graph is None:
            return report(rule, measure, 0, None, f"the engine failed: {result.diagnostic}")
        reader = Reader(result.graph, roots)
        for number, instance in enumerate(drawn):
            own = (reader.class_of[reader.outputs[number]],)
            known = {name: rows.get(own) for name, rows in result.graph.facts.items()}
            fires = (
                reader.right_sides(number)
                if written
                else all(known[n] is not None for n in claimed)
            )
            if fires:
                trial = trial_of(instance, instance.expr)
                found.append((trial, claims_of(rule, subject, pattern, trial.left, known)))
        if len(found) >= ENOUGH and turn:  # of one round, dtypes that are rare are missing
            break
    if not found:
        return report(rule, measure, 0, None, f"no instance ({last})")
    claimed_of = {id(trial): claims for trial, claims in found}
    chosen = sorted(spread([trial for trial, _ in found]), key=lambda t: total_size(t.left))
    for number in range(examples):
        trial = chosen[number % len(chosen)]
        profile = profile_of(number, len(chosen))
        inputs = draw_inputs(trial.leaves, profile, random)
        measure.draws += 1
        if not assumptions_hold([trial.left], inputs):
            continue  # 128 labels of int8 cannot be all different and positive
        for claim in claimed_of[id(trial)]:
            if fact_holds(claim, inputs) is not None:
                return report(rule, measure, len(chosen), broken(claim, inputs), "", chosen)
    return report(rule, measure, len(chosen), None, "", chosen)


def claims_of(
    rule: Rule, subject: str, pattern: Pattern, expr: Expr, bounds: Mapping[str, float | None]
) -> list[Claim]:
    """What a fact rule says of an instance.  A bound is the strongest that the engine found, which
    is this rule's or stronger; the other side of a pair is an operand of the instance."""
    assert isinstance(rule.rhs, tuple), rule
    claims = []
    for name, about, *rest in (c for c in rule.rhs if isinstance(c, tuple)):
        if about != subject:
            continue
        if str(name) in BOUNDS:
            assert bounds.get(str(name)) is not None, (rule.name, str(expr))
            claims.append(Claim(str(name), expr, bounds[str(name)]))
        elif rest:
            assert rest[0] in pattern, f"{rule.name}: {rest[0]} is no operand of {subject}"
            operands = pattern[len(pattern) - expr.op.arity :]
            claims.append(Claim(str(name), expr, expr.arguments[operands.index(rest[0])]))
        else:
            claims.append(Claim(str(name), expr))
    return claims


def subject_of(rule: Rule) -> tuple[str, Pattern, tuple[Pattern, ...]]:
    """What a fact rule speaks of: the variable, its pattern, and the other conditions, in which
    `self` stands for it where it has a pattern."""
    claims = rule.rhs
    assert isinstance(claims, tuple), claims
    [claim, *_] = claims
    assert isinstance(claim, tuple), claims
    subject = str(claim[1])
    for condition in rule.conditions:
        if isinstance(condition, tuple) and condition[0] == "=" and condition[1] == subject:
            rest = tuple(of_root(c, subject) for c in rule.conditions if c is not condition)
            return subject, condition[2], rest
    return subject, subject, rule.conditions


def of_root(term: Pattern, subject: str) -> Pattern:
    """A condition with `self` in the place of a variable."""
    if isinstance(term, tuple):
        return tuple(of_root(t, subject) for t in term)
    return Symbol(ROOT) if term == subject else term


def with_rule(book: RuleBook, rule: Rule) -> RuleBook:
    """The book with facts and one rule that is in no file."""
    facts = book.only([])
    if rule.guarantee == IDENTITY:
        book = book.running(rule.ruleset)
    schedule = book.only([r.name for r in book.rules if r.ruleset == rule.ruleset]).schedule
    return replace(facts, rules=(*facts.rules, rule), schedule=schedule, sources=str(rule))


def planted(book: RuleBook, source: str, name: str, ruleset: str) -> tuple[RuleBook, Rule]:
    """A book with ``source``, one ``(rewrite lhs rhs :when (...))``, as its only rewrite; or with one
    ``(fact conclusion ... :when (...))`` beside the facts that are there.

    For what is not to stand in a rule file: refuted rules, and wrong ones that tests plant.
    """
    [form] = parse(source, name)
    head, *rest = form.sexpr
    at = rest.index(Symbol(":when")) if Symbol(":when") in rest else len(rest)
    sides, conditions = rest[:at], rest[at + 1] if at < len(rest) else ()
    assert isinstance(conditions, tuple), conditions
    if head == FACT:
        rule = Rule(
            name, FACT, FACTS, "", (), tuple(sides), conditions, False, name, form.line
        )  # fmt: skip
        return replace(book, rules=(*book.rules, rule), sources=str(rule)), rule
    lhs, rhs = sides
    rule = Rule(
        name, "rewrite", ruleset, book.ruleset(ruleset).guarantee, lhs, rhs, conditions, False,
        name, form.line,
    )  # fmt: skip
    return with_rule(book, rule), rule


def broken(claim: Claim, inputs: Mapping[Expr, Array]) -> Counterexample:
    """The counterexample of a fact."""
    inputs = shrink_values(inputs, lambda values: fact_holds(claim, values) is not None)
    index = fact_holds(claim, inputs) or ()
    [(value, _)] = evaluate_running([claim.expr], inputs)
    named = {str(leaf["name"]): plain(x) for leaf, x in inputs.items()}
    fact = claim.name if not isinstance(claim.other, float) else f"{claim.name} {claim.other}"
    return Counterexample(
        f"not {fact}", text([claim.expr]), fact, named, str(value[index]), "", "", 0.0
    )
