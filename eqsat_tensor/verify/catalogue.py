"""What verification measured of each rule, kept by the digest of the rule's text.

A record is an entry of a JSON file: a rule that is new or was changed is verified anew, the others
keep their figures, so that adding one costs one verification.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from eqsat_tensor.rules.book import RuleBook
from eqsat_tensor.rules.signature import constructors, type_rule
from eqsat_tensor.rules.syntax import show
from eqsat_tensor.verify.report import Report
from eqsat_tensor.verify.runner import Task, tasks_of
from eqsat_tensor.verify.type_rules import PREFIX

Record: TypeAlias = dict[str, Any]
FIELDS = ("name", "kind", "guarantee", "instances", "examples", "max_ulp", "rescued", "dtypes")


def digest(task: Task, book: RuleBook) -> str:
    """A name for what a rule says and promises; of a proposer, for the module that holds it."""
    match task.kind:
        case "type":
            text = type_rule(constructors()[task.name.removeprefix(PREFIX)]) or ""
        case "proposer":
            [proposer] = [p for p in book.proposers if p.name == task.name]
            module = sys.modules[proposer.propose.__module__]
            text = f"{book.ruleset(proposer.ruleset)} {inspect.getsource(module)}"
        case _:
            rule = book.rule(task.name)
            promise = "" if task.kind == "fact" else str(book.ruleset(rule.ruleset))
            text = f"{promise} {show((rule.lhs, rule.rhs, *rule.conditions))}"
    return hashlib.sha256(f"{task.kind} {task.name} {text}".encode()).hexdigest()[:16]


def record(report: Report, mark: str) -> Record:
    """What is kept of a report of a rule that holds."""
    assert report.ok, report
    whole = report.as_json()
    return {name: whole[name] for name in FIELDS} | {"digest": mark}


def read(path: Path) -> dict[str, Record]:
    """The records by name; none where there is no file."""
    if not path.exists():
        return {}
    return {r["name"]: r for r in json.loads(path.read_text(encoding="utf-8"))["rules"]}


def write(path: Path, records: Mapping[str, Record], book: RuleBook) -> None:
    """The records of what is in the book, in its order, one a line."""
    lines = [json.dumps(records[t.name]) for t in tasks_of(book) if t.name in records]
    path.write_text('{"rules": [\n' + ",\n".join(lines) + "\n]}\n", encoding="utf-8")


def outdated(records: Mapping[str, Record], book: RuleBook) -> list[str]:
    """Names of what has no record, or one of another text."""
    return [
        t.name
        for t in tasks_of(book)
        if t.name not in records or records[t.name]["digest"] != digest(t, book)
    ]


def families(dtypes: Sequence[str]) -> str:
    """Dtypes in few words: ``floats, ints, bool``."""
    groups = {
        "floats": ("float16", "float32", "float64"),
        "ints": ("int8", "int16", "int32", "int64"),
        "unsigned": ("uint8", "uint16", "uint32", "uint64"),
        "bool": ("bool",),
    }
    words = []
    for word, members in groups.items():
        there = [m for m in members if m in dtypes]
        if len(there) == len(members):
            words.append(word)
        elif there:
            words += there
    return ", ".join(words)
