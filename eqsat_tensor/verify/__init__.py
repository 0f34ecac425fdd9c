"""Rules and programs held against the truth.

    from eqsat_tensor.verify import verify
    for report in verify(["mine.egg"]):
        assert report.ok, report

verify          a `Report` for each rule of a file, or of the whole book: rewrites, facts, type rules,
                proposers.  On the command line it is ``eqsat rules verify [FILE.egg ...]``.
Report, Counterexample   what was found.
rule_tests      one test a rule for pytest, in one line: ``test_mine = rule_tests("mine.egg")``.
implied_rules   rules that other rules imply; ``eqsat rules implied``.
certify_growth  what a file's rules make of the size of e-graphs; ``eqsat rules certify FILE.egg``.

What it does is imported when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eqsat_tensor.verify.growth import certify_growth as certify_growth
    from eqsat_tensor.verify.implied import implied_rules as implied_rules
    from eqsat_tensor.verify.report import Report as Report
    from eqsat_tensor.verify.runner import verify as verify
    from eqsat_tensor.verify.testing import rule_tests as rule_tests
    from eqsat_tensor.verify.trials import Counterexample as Counterexample

_LATER = {
    "Counterexample": "trials",
    "Report": "report",
    "certify_growth": "growth",
    "implied_rules": "implied",
    "rule_tests": "testing",
    "verify": "runner",
}
__all__ = ["Counterexample", "Report", "certify_growth", "implied_rules", "rule_tests", "verify"]


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
