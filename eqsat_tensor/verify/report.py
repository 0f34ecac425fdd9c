"""What verification found of one rule, in words and as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from eqsat_tensor.verify.trials import Counterexample


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
    dtypes: tuple[str, ...] = ()  # those of the values that it was held on

    @property
    def ok(self) -> bool:
        return self.counterexample is None and not self.problem

    def __str__(self) -> str:
        head = f"{self.place}: {self.name} ({self.kind}, {self.guarantee or 'premise'})"
        if self.problem:
            return f"{head} could not be held: {self.problem}"
        if self.counterexample is not None:
            return f"{head} is refuted: {self.counterexample}"
        return f"{head} holds on {self.examples} examples"

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
