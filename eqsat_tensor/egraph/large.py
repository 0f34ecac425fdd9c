"""What large programs are spared: rules that rest, and fewer rounds of the schedule.

In a large program there is always something new somewhere, and each rule is matched against all of
that, most of them in vain, run after run: three rounds of all steps, for what the first steps found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable
from itertools import count

from eqsat_tensor.egraph.engines import rule_number
from eqsat_tensor.egraph.needs import Need
from eqsat_tensor.rules.book import FACTS, TYPES, RuleBook, Step

LARGE = 1000  # nodes of a program beyond which it is large
PATIENCE = 2  # runs after which a rule that has not fired rests
AWAKE = 2  # steps at the end of the schedule that no rule rests in
REPEATS = 2  # of a part of the schedule, at most; one after proposals
ROUNDS = 1  # of proposals: a round takes the whole schedule
FACT_RUNS = 3  # of facts in a row: what is known travels on with each round of the schedule


class Large:
    """The state of a run on a large program: how often rules were tried."""

    def __init__(self, rules: RuleBook) -> None:
        self.rules = rules
        self.tries: Counter[str] = Counter()  # runs of each rule, by its ruleset in the engine
        self._names: dict[tuple[str, ...], str] = {}  # of sets of rules that are awake

    @classmethod
    def of(cls, nodes: int, rules: RuleBook) -> Large | None:
        """For a program of so many nodes; None where that is not large."""
        return cls(rules) if nodes > LARGE else None

    def wakes(self, step: int) -> bool:
        """Wake all rules, where this step of the schedule is the first that none rests in."""
        if step != len(self.rules.schedule) - AWAKE:
            return False
        self.tries.clear()
        return True

    def times(self, step: Step, rounds: int) -> Iterable[int]:
        """How often a step is done at most, in a round of proposals (the first: 1)."""
        if step.kind == "repeat":
            return range(min(step.count, REPEATS if rounds == 1 else 1))
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
