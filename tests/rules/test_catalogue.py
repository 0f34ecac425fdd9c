"""docs/rules.md holds every rule of the book and no other, with the figures of its present text."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest

from eqsat_tensor.rules import load_rulebook
from eqsat_tensor.verify.catalogue import digest, families, outdated, read, record, write
from eqsat_tensor.verify.report import Report
from eqsat_tensor.verify.runner import Task, tasks_of

DOCS = Path(__file__).parent.parent.parent / "docs"
BOOK = load_rulebook()


@pytest.fixture(scope="module")
def made():
    spec = importlib.util.spec_from_file_location("make_rules", DOCS / "make_rules.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_rule_has_figures_of_its_present_text(made) -> None:
    records = read(made.FIGURES)
    assert not outdated(records, BOOK), "run: python docs/make_rules.py"
    assert set(records) == {t.name for t in tasks_of(BOOK)}
    assert all(r["examples"] > 0 for r in records.values())


def test_the_text_is_what_book_and_figures_say(made) -> None:
    text = made.TARGET.read_text(encoding="utf-8")
    assert text == made.render(BOOK, read(made.FIGURES)), "run: python docs/make_rules.py"
    assert all(f"`{t.name}`" in text for t in tasks_of(BOOK))
    assert "not verified" not in text


def test_a_changed_rule_alone_is_outdated(tmp_path: Path) -> None:
    tasks = tasks_of(BOOK)
    report = Report("", "", "", "exact", "f:1", 8, 2000, 0.5, 0, 0, None, "", ("float64", "bool"))
    records = {t.name: record(replace(report, name=t.name), digest(t, BOOK)) for t in tasks}
    path = tmp_path / "rules.json"
    write(path, records, BOOK)
    assert read(path) == records
    assert outdated(read(path), BOOK) == []
    rule = BOOK.rule("log1p-of-exp")
    turned = replace(rule, rhs=rule.lhs)
    book = replace(BOOK, rules=tuple(turned if r is rule else r for r in BOOK.rules))
    assert outdated(records, book) == ["log1p-of-exp"]
    assert outdated(records, replace(book, rules=book.rules[1:])) == ["log1p-of-exp"]
    moved = replace(BOOK, rules=tuple(replace(r, line=1, comment="") for r in BOOK.rules))
    assert outdated(records, moved) == []
    del records["type/Exp"]
    assert outdated(records, BOOK) == ["type/Exp"]
    assert digest(Task("type", "type/Exp"), BOOK) != digest(Task("type", "type/Log"), BOOK)


def test_dtypes_are_named_in_few_words() -> None:
    assert families(("bool", "float16", "float32", "float64", "int8")) == "floats, int8, bool"
    assert families(()) == ""
