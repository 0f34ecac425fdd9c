"""A run that is watched: the rows of the e-graph after every run of a ruleset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eqsat_tensor.egraph.engine import Engine, EngineError
from eqsat_tensor.egraph.saturate import Limits, Saturation, _Run, diagnose
from eqsat_tensor.lang import Expr
from eqsat_tensor.rules.book import RuleBook


@dataclass(frozen=True)
class Size:
    """Rows of all tables after a run of a ruleset, or of some as one, that changed something."""

    ruleset: str
    rows: int


class _Traced(_Run):
    """A run that counts rows after every step."""

    def __init__(self, rules: RuleBook, limits: Limits) -> None:
        super().__init__(rules, limits, None, ())
        self.sizes: list[Size] = []

    def run(self, engine: Engine, rulesets: tuple[str, ...]) -> bool:
        changed = super().run(engine, rulesets)
        if changed:
            self.sizes.append(Size(" and ".join(rulesets), engine.size()))
        return changed


def saturate_traced(
    outputs: Sequence[Expr], rules: RuleBook, limits: Limits
) -> tuple[Saturation, list[Size]]:
    """As `saturate`, with the size of the e-graph after every run of a ruleset."""
    run = _Traced(rules, limits)
    try:
        return run.saturate(outputs, None), run.sizes
    except EngineError as e:
        return Saturation(None, diagnose(e, rules), "engine"), run.sizes
