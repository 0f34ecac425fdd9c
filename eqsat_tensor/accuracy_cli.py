"""``eqsat accuracy FILE``: errors of FPCore formulas, or of a function of a Python file."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eqsat_tensor.accuracy.fpcore import Core, read, true_pre
from eqsat_tensor.accuracy.functions import accuracy_of_function
from eqsat_tensor.accuracy.report import Accuracy
from eqsat_tensor.command_target import compiled
from eqsat_tensor.compiled import function
from eqsat_tensor.errors import ArgumentError, EqsatError, message


def reports(
    target: str, points: int, seed: int, options: dict[str, Any]
) -> list[Accuracy | EqsatError]:
    """One report for each formula of ``FILE.fpcore``, or for ``FILE.py:function``.

    A formula that is not read gives its error instead.  A plain function takes float64 vectors.
    """
    if not target.rpartition(":")[0].endswith(".py"):
        return [_of_core(core, points, seed, options) for core in _cores(target)]
    found = compiled("accuracy", target, **options)
    return [found.accuracy(points=points, seed=seed)]


def _cores(path: str) -> list[Core]:
    if not Path(path).is_file():
        raise ArgumentError(message("accuracy", "FILE.fpcore or FILE.py:function", path))
    found = read(path)
    if not found:
        raise ArgumentError(message("accuracy", "a file with (FPCore ...) forms", path))
    return found


def _of_core(core: Core, points: int, seed: int, options: dict[str, Any]) -> Accuracy | EqsatError:
    try:
        inputs, body, pre = core.graph()
        if options.get("optimize") == "accuracy":
            options = options | {"ranges": core.ranges()}
        made = function(inputs, body, name=core.name, on_unused_input="ignore", **options)
        holds = None if pre is None else true_pre(pre, inputs)
        return accuracy_of_function(made, None, core.ranges(), points, None, seed, holds)
    except EqsatError as error:
        return error


def drawn(found: Sequence[Accuracy | EqsatError], folder: str) -> None:
    """A picture of each report in a folder."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for number, report in enumerate(found):
        if isinstance(report, Accuracy):
            name = re.sub("[^a-zA-Z0-9]+", "-", report.name)
            report.plot(Path(folder) / f"{number:02}-{name}.svg")


def told(found: Sequence[Accuracy | EqsatError], as_json: bool) -> str:
    """The reports as text; of several a table."""
    if as_json:
        records = [r.as_json() if isinstance(r, Accuracy) else {"error": str(r)} for r in found]
        return json.dumps(records, indent=1)
    if len(found) == 1:
        return str(found[0])
    measured = [r for r in found if isinstance(r, Accuracy)]
    width = max([len(r.name) for r in measured], default=0)
    lines = []
    for r in found:
        if isinstance(r, Accuracy):
            worst = r.written[0].text if r.written and r.written[0].bits > 1 else ""
            lines.append(f"{r.name:{width}}  {r.before:5.2f} -> {r.after:5.2f}  {worst}".rstrip())
        else:
            lines.append(f"not read: {r}")
    if measured:
        before, after = (
            float(np.mean([getattr(r, s) for r in measured])) for s in ("before", "after")
        )
        lines.append(
            f"{'mean':{width}}  {before:5.2f} -> {after:5.2f}  of {len(measured)} formulas"
        )
    return "\n".join(lines)
