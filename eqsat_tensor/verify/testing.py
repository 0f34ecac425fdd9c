"""Tests of rule files for pytest, one a rule.

test_my_rules = eqsat_tensor.verify.rule_tests("my.egg")
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eqsat_tensor.errors import RuleError
from eqsat_tensor.rules import load_rulebook
from eqsat_tensor.rules.book import RuleBook
from eqsat_tensor.verify.runner import EXAMPLES, Task, tasks_of, verify_task

OPTION = "--egg-examples"


def rule_tests(file: str | os.PathLike[str], examples: int | None = None) -> Callable[..., None]:
    """A test function for each rule of ``file``, to be assigned to a name that begins with ``test``.

    A path that is not absolute begins at the folder of the module that calls.  ``examples``: draws
    of values for each rule; None: what ``--egg-examples`` says, or 2,000.
    A file that does not load is one test, which fails with the loader's message.
    """
    import pytest

    caller = sys._getframe(1).f_globals.get("__file__")
    path = Path(caller).parent / file if caller else Path(file)
    try:
        book, tasks = rules_of(path)
    except RuleError as error:
        message = str(error)

        def test_that_it_loads() -> None:
            pytest.fail(message, pytrace=False)

        return test_that_it_loads

    @pytest.mark.parametrize("rule", [t.name for t in tasks])
    def test_rule(rule: str, request: Any) -> None:
        [task] = [t for t in tasks if t.name == rule]
        count = request.config.getoption(OPTION, EXAMPLES) if examples is None else examples
        report = verify_task(task, book, count)
        if not report.ok:
            pytest.fail(str(report), pytrace=False)

    made: Callable[..., None] = test_rule
    return made


def rules_of(path: Path) -> tuple[RuleBook, list[Task]]:
    """The book with a file's rules, and those rules.  RuleError where it does not load."""
    book = load_rulebook([path])
    return book, tasks_of(book, [path])
