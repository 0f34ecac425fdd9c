"""A rule book as bytes and back: what was read, filled in and checked is read from disk the next time.

Terms share their parts in one table, operands first; so 50,000 places are some 8,000 entries:

    (Add x (Exp x)), (Exp x)   ->   ["Add", "x", "Exp", [2, 1], [0, 1, 3]]; 4, 3

An entry is a list for a node, a text for a word, {"text": ...} for a quoted one, {"real": ...} for a
real number (JSON has no infinity), a whole number for itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from eqsat_tensor.rules.book import Relation, Rule, Ruleset, Schedule, Step
from eqsat_tensor.rules.syntax import Sexpr, Symbol, Text

TERMS = ("lhs", "rhs", "conditions")
FIELDS = tuple(f.name for f in fields(Rule))
PLACES = tuple(FIELDS.index(name) for name in TERMS)

Parts = tuple[tuple[Ruleset, ...], tuple[Relation, ...], tuple[Rule, ...], Schedule]


def to_bytes(
    rulesets: Iterable[Ruleset],
    relations: Iterable[Relation],
    rules: Iterable[Rule],
    schedule: Schedule,
) -> bytes:
    """The parts of a book that stand in rule files."""
    record = to_record(rulesets, relations, rules, schedule)
    return json.dumps(record, separators=(",", ":")).encode()


def to_record(
    rulesets: Iterable[Ruleset],
    relations: Iterable[Relation],
    rules: Iterable[Rule],
    schedule: Schedule,
) -> dict[str, Any]:
    """The same as plain data."""
    table = _Table()
    rows = []
    for rule in rules:
        row = [getattr(rule, name) for name in FIELDS]
        for place in PLACES:
            row[place] = table.number(row[place])
        rows.append(row)
    return {
        "rulesets": [[getattr(r, f.name) for f in fields(Ruleset)] for r in rulesets],
        "relations": [[r.name, r.sorts, r.merge] for r in relations],
        "terms": table.entries,
        "rules": rows,
        "schedule": list(map(_plain_step, schedule)),
    }


def from_bytes(data: bytes) -> Parts:
    """The parts again.  Raises ValueError, LookupError or TypeError on what `to_bytes` did not make."""
    return from_record(json.loads(data))


def from_record(record: dict[str, Any]) -> Parts:
    """The parts again, of what `to_record` gave."""
    terms: list[Sexpr] = []
    for entry in record["terms"]:
        terms.append(_entry(entry, terms))
    lhs, rhs, conditions = PLACES
    rules = []
    for row in record["rules"]:
        row[lhs], row[rhs], row[conditions] = (
            terms[row[lhs]],
            terms[row[rhs]],
            terms[row[conditions]],
        )
        rules.append(Rule(*row))
    return (
        tuple(Ruleset(*row) for row in record["rulesets"]),
        tuple(Relation(name, tuple(sorts), merge) for name, sorts, merge in record["relations"]),
        tuple(rules),
        tuple(map(_step, record["schedule"])),
    )


class _Table:
    """Each distinct part of the terms once; 1, 1.0 and True are three."""

    def __init__(self) -> None:
        self.entries: list[Any] = []
        self.numbers: dict[tuple[str, Any], int] = {}

    def number(self, term: Sexpr) -> int:
        key: tuple[str, Any]
        entry: Any
        match term:
            case tuple():
                parts = tuple(map(self.number, term))
                key, entry = ("node", parts), list(parts)
            case Text():
                key, entry = ("text", str(term)), {"text": str(term)}
            case float():
                key, entry = ("real", repr(term)), {"real": repr(term)}
            case _:
                key, entry = (type(term).__name__, term), term
        if key not in self.numbers:
            self.numbers[key] = len(self.entries)
            self.entries.append(entry)
        return self.numbers[key]


def _entry(entry: Any, terms: list[Sexpr]) -> Sexpr:
    if isinstance(entry, list):  # by far the most
        return tuple([terms[k] for k in entry])
    if isinstance(entry, str):
        return Symbol(entry)
    match entry:
        case {"text": text}:
            return Text(text)
        case {"real": text}:
            return float(text)
    return int(entry)


def _plain_step(step: Step) -> list[Any]:
    return [step.kind, step.name, step.count, list(map(_plain_step, step.steps))]


def _step(row: list[Any]) -> Step:
    kind, name, count, steps = row
    return Step(kind, name, count, tuple(map(_step, steps)))
