"""The pytest plugin: ``pytest my.egg`` holds each rule of a file, a rule a test.

    pytest my.egg --egg-examples 500

It is loaded whenever pytest starts, so it imports nothing of the compiler before a rule file is
collected.  Rule files that are not named on the command line are left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from eqsat_tensor.verify.report import Report

DEFAULT = 2000


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--egg-examples N``."""
    parser.getgroup("eqsat_tensor").addoption(
        "--egg-examples",
        type=int,
        default=DEFAULT,
        metavar="N",
        help="draws of values on which each rule of a rule file is held",
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Rule files that are named on the command line."""
    if file_path.suffix == ".egg" and parent.session.isinitpath(file_path):
        return RuleFile.from_parent(parent, path=file_path)
    return None


class RuleFile(pytest.File):
    """A rule file."""

    def collect(self) -> Iterator[pytest.Item]:
        """One test for each of its rules."""
        from eqsat_tensor.errors import EqsatError
        from eqsat_tensor.verify.testing import rules_of

        try:
            book, tasks = rules_of(self.path)
        except EqsatError as error:
            raise self.CollectError(str(error)) from None
        for task in tasks:
            yield RuleTest.from_parent(self, name=task.name, task=task, book=book)


class Refuted(Exception):
    """A rule that does not hold."""

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))


class RuleTest(pytest.Item):
    """One rule."""

    def __init__(self, *, task: Any, book: Any, **options: Any) -> None:
        super().__init__(**options)
        self.task, self.book = task, book

    def runtest(self) -> None:
        """Hold it; `Refuted` where it does not."""
        from eqsat_tensor.verify.runner import verify_task

        report = verify_task(self.task, self.book, self.config.getoption("--egg-examples"))
        if not report.ok:
            raise Refuted(report)

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """The report alone, without a traceback."""
        if isinstance(excinfo.value, Refuted):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the rule stands."""
        return self.path, self.book.rule(self.task.name).line - 1, self.name
