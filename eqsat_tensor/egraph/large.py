"""What large programs are spared: rules that rest, and more than one round of the schedule.

In a large program there is always something new somewhere, and each rule is matched against all of
that, most of them in vain, run after run: three rounds of all steps, for what the first steps found.
Proposers are asked once, before the last steps of the schedule, which are done with what they say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable
from itertools import count

from eqsat_tensor.egraph.engines import rule_number
from eqsat_tensor.egraph.needs import Need
from eqsat_tensor.rules.book import FACTS, TYPES, RuleBook, Schedule, Step

LARGE = 1000  # nodes of a program beyond which it is large
PATIENCE = 1  # runs after which a rule that has not fired rests
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

    def may_rest(self, rulesets: tuple[str, ...]) -> bool:
        """Not rules that shrink: others count on these to keep what they make small."""
        named = [r for r in self.rules.rulesets if r.name in rulesets]
        return bool(named) and not any(r.shrinks or r.name == TYPES for r in named)

    def declared(
        self, need: Need, rulesets: tuple[str, ...], fired: Container[str]
    ) -> tuple[str, str] | None:
        """The engine's name for those rules that have fired or were not tried often enough, and its
        declaration; None where all rest."""
        parts = []
        for part in (p for r in rulesets for p in need.members.get(r, ())):
            number = rule_number(part)
            if number is not None:
                if self.tries[part] >= PATIENCE and self.rules.rules[number].name not in fired:
                    continue
                self.tries[part] += 1
            parts.append(part)
        if not parts:
            return None
        name = self._names.setdefault(tuple(parts), f"awake{len(self._names)}/{rulesets[0]}")
        return name, f"(unstable-combined-ruleset {name} {' '.join(parts)})"
