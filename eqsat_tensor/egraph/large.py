"""What large programs are spared: rules that rest, and more than one round of the schedule.

In a large program there is always something new somewhere, and each rule is matched against all of
that, most of them in vain, run after run: three rounds of all steps, for what the first steps found.
Proposers are asked once, before the last steps of the schedule, which are done with what they say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import count

from eqsat_tensor.egraph.engines import rule_number
from eqsat_tensor.egraph.needs import Need
from eqsat_tensor.rules.book import FACTS, RuleBook, Schedule, Step

LARGE = 400  # nodes of a program beyond which it is large
PATIENCE = 3  # runs after which a rule that has not fired rests; facts never do
PATIENCE_AWAKE = 2  # the same once all rules have been woken
AWAKE = 4  # steps at the end of the schedule, before which all rules wake and proposers are asked
# How often a part of the schedule is done, at most; before all rules wake, one of rulesets alone: others once.
REPEATS = 2
FACT_RUNS = 2  # of facts in a row: what is known travels on with each round of the schedule


class Large:
    """The state of a run on a large program: how often rules were tried."""

    def __init__(self, rules: RuleBook) -> None:
        self.rules = rules
        self.tries: Counter[str] = Counter()  # runs of each rule, by its ruleset in the engine
        self.stable = {r.name for r in rules.rulesets if r.guarantee == "stable"}
        self.shrinking = {r.name for r in rules.rulesets if r.shrinks}
        self.fired: set[str] = set()
        self.in_a_row: set[str] = (
            set()
        )  # since the part of the schedule was begun that is run in a row
        self.again = 0  # how often it was run before
        self.awake = False
        self._names: dict[tuple[str, ...], str] = {}  # of sets of rules that are awake

    @classmethod
    def of(cls, nodes: int, rules: RuleBook) -> Large | None:
        """For a program of so many nodes; None where that is not large."""
        return cls(rules) if nodes > LARGE else None

    def parts(self) -> tuple[Schedule, Schedule]:
        """The schedule up to where proposers are asked and all rules wake, and the rest of it."""
        schedule = self.rules.schedule
        return schedule[:-AWAKE], schedule[-AWAKE:]

    def wake(self) -> None:
        """Wake all rules, for the rest of the schedule."""
        self.tries.clear()
        self.awake = True

    def times(self, step: Step) -> Iterable[int]:
        """How often a step is done at most."""
        if step.kind == "repeat":
            is_plain = all(s.kind == "run" for s in step.steps)
            again = is_plain or (self.awake and not self.stable.isdisjoint(step.rulesets()))
            return range(min(step.count, REPEATS if again else 1))
        facts_alone = [s.names for s in step.steps] == [(FACTS,)]
        return range(FACT_RUNS) if facts_alone else count()

    def turn(self, step: Step, number: int) -> None:
        """A step of a part of the schedule that is done again and again begins, for that time."""
        self.again = number if step.kind == "saturate" else 0
        if not self.again:
            self.in_a_row.clear()

    def is_awake(self, part: str, name: str) -> bool:
        """Does a rule, of this ruleset of the engine, not rest?"""
        if self.again > 1:
            return name in self.in_a_row
        patience = PATIENCE_AWAKE if self.awake else PATIENCE
        return self.tries[part] < patience or name in self.fired

    def note(self, fired: Iterable[str]) -> None:
        """Remember which rules fired in one run."""
        self.fired.update(fired)
        self.in_a_row.update(fired)

    def declared(self, need: Need, rulesets: tuple[str, ...]) -> tuple[str, str] | None:
        """The engine's name for those rules that are awake, and its declaration; None where all rest.

        Those that have fired are awake, those that were not tried often enough, and facts.  Rules that
        shrink, on which others count to keep what they make small, all are when their turn comes.  Of what
        is run again and again in a row only rules that fire stay awake, and facts for `FACT_RUNS`.
        """
        parts = []
        for ruleset in rulesets:
            if ruleset == FACTS and self.again >= FACT_RUNS:
                continue
            never_rests = ruleset == FACTS or (ruleset in self.shrinking and not self.again)
            for part in need.members.get(ruleset, ()):
                number = rule_number(part)
                if number is not None:
                    name = self.rules.rules[number].name
                    if not (never_rests or self.is_awake(part, name)):
                        continue
                    self.tries[part] += 1
                parts.append(part)
        if not parts:
            return None
        name = self._names.setdefault(tuple(parts), f"awake{len(self._names)}/{rulesets[0]}")
        return name, f"(unstable-combined-ruleset {name} {' '.join(parts)})"
