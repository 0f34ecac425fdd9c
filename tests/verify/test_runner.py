"""Verification as a library: what is held, by which processes, and what is said of it."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest

import eqsat_tensor as et
from eqsat_tensor.errors import ArgumentError, RuleError
from eqsat_tensor.rules import load_rulebook, rule_files
from eqsat_tensor.rules.propose import Proposer
from eqsat_tensor.verify import Report, verify
from eqsat_tensor.verify.proposers import GENERATORS, verify_proposer
from eqsat_tensor.verify.rules import planted, verify_rule
from eqsat_tensor.verify.runner import Task, Worker, tasks_of, verify_task

FIELDS = {
    "name", "kind", "file", "line", "guarantee", "examples", "max_ulp", "counterexample",
}  # fmt: skip
PACK = """; pack.egg: a rule that holds and one that does not
; e^x e^y = e^(x + y)
(rewrite (Multiply (Exp x) (Exp y)) (Exp (Add x y)) :ruleset simplify :name "product-of-two-exps")
; |x| = x
(rewrite (Absolute x) x :when ((is-float x)) :ruleset simplify :name "absolute-is-nothing")
"""
ONE_OF_EACH = ["log1p-of-exp", "exp-positive", "sum-of-exps", "factor-of-long-sum", "type/Exp"]


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    path = tmp_path / "pack.egg"
    path.write_text(PACK)
    return path


def test_a_file_of_the_package_is_held_as_the_one_in_the_book(tmp_path: Path) -> None:
    """By its path, from whatever folder, and as a copy; one that was changed names rules twice."""
    own = next(f for f in rule_files() if f.name == "gemm.egg")
    copy = tmp_path / "mine.egg"
    copy.write_text(own.read_text(encoding="utf-8"), encoding="utf-8")
    wanted = {r.name for r in load_rulebook().rules if r.file == "gemm.egg"}
    for file in (own, os.path.relpath(own), copy):
        assert {t.name for t in tasks_of(load_rulebook([file]), [file])} == wanted
    [report] = verify([copy], sorted(wanted)[:1], examples=20, jobs=2)
    assert report.ok, report
    assert report.place.startswith("gemm.egg:")
    copy.write_text(own.read_text(encoding="utf-8") + "; changed\n", encoding="utf-8")
    with pytest.raises(RuleError, match="already used"):
        load_rulebook([copy])


def test_all_kinds_are_held_by_name() -> None:
    seen: list[tuple[str, int, int]] = []
    reports = verify(
        rules=ONE_OF_EACH, examples=30, jobs=1, progress=lambda r, n, all: seen.append((r.name, n, all))
    )  # fmt: skip
    assert [r.name for r in reports] == ONE_OF_EACH
    assert [r.kind for r in reports] == ["rewrite", "fact", "fact", "proposer", "type"]
    assert all(r.ok and r.examples >= 20 for r in reports), reports
    assert seen == [(name, i + 1, 5) for i, name in enumerate(ONE_OF_EACH)]
    for report in reports:
        record = json.loads(json.dumps(report.as_json(), allow_nan=False))
        assert set(record) >= FIELDS
        assert isinstance(record["line"], int)
        assert record["counterexample"] is None


def test_of_a_file_its_own_rules_alone_are_held(pack: Path) -> None:
    good, bad = verify([pack], examples=40, jobs=2)
    assert (good.name, good.ok, good.place) == ("product-of-two-exps", True, f"{pack}:3")
    assert bad.counterexample is not None
    assert str(bad).startswith(f"{pack}:5: absolute-is-nothing (rewrite, real) is refuted: ")
    assert "at x = -1.0: left 1.0, right -1.0, true 1.0" in str(bad)
    assert math.isfinite(good.max_ulp)


def test_processes_find_what_one_finds() -> None:
    assert verify(rules=ONE_OF_EACH, examples=30, jobs=2) == verify(
        rules=ONE_OF_EACH, examples=30, jobs=1
    )


def test_everything_of_the_book_is_a_task() -> None:
    book = load_rulebook()
    tasks = tasks_of(book)
    assert len(set(tasks)) == len(tasks)
    assert {t.name for t in tasks if t.kind in ("rewrite", "fact")} == {r.name for r in book.rules}
    assert {t.name for t in tasks if t.kind == "proposer"} == {p.name for p in book.proposers}
    assert {t.name for t in tasks if t.kind == "type"} >= {"type/Exp", "type/Sum", "type/Reshape"}


def test_what_cannot_be_is_said(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"got 'log1p-of-epx'\. Near are log1p-of-exp"):
        verify(rules=["log1p-of-epx"])
    with pytest.raises(ArgumentError, match="needs one example or more; got 0"):
        verify(examples=0)
    broken = tmp_path / "broken.egg"
    broken.write_text('; broken.egg\n(rewrite (Nothing x) x :ruleset fold :name "n")\n')
    with pytest.raises(RuleError, match=rf"{broken}:2: n: no op, fact or function Nothing"):
        verify([broken])


def test_what_could_not_be_held_is_no_success() -> None:
    source = "(rewrite (Add x (Full (I 70000) t)) x :when ((= (Tensor (I8) s) t)))"
    book, rule = planted(load_rulebook(), source, "never", "simplify")
    report = verify_rule(rule, book, 30)
    assert not report.ok
    assert "could not be held: no instance" in str(report)


def test_a_proposer_without_programs_is_a_problem() -> None:
    book = load_rulebook()
    mute = Proposer("mute", "fold", lambda graph: iter(()), "proposes nothing")
    assert "no generator of programs" in verify_proposer(mute, book).problem
    assert set(GENERATORS) >= {p.name for p in book.proposers}


def test_a_fault_of_verification_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> Report:
        raise ZeroDivisionError("of verification")

    monkeypatch.setattr("eqsat_tensor.verify.runner.verify_rule", fails)
    report = verify_task(Task("rewrite", "log1p-of-exp"), load_rulebook(), 10)
    assert report.problem == "verification came to no end: ZeroDivisionError: of verification"
    assert report.place.startswith("stable.egg:")


def test_a_worker_that_dies_or_is_late_is_a_problem() -> None:
    worker = Worker((), 10)
    worker.process.kill()
    assert worker.ask(Task("rewrite", "log1p-of-exp")) == "its process ended with code -9"
    worker.close()
    worker = Worker((), 10)
    worker.seconds = 0.0
    assert worker.ask(Task("rewrite", "log1p-of-exp")) == "it took more than 0 s"
    worker.close()


def test_the_public_names_are_there() -> None:
    import eqsat_tensor.verify as module

    assert set(module.__all__) <= set(dir(module))
    assert all(getattr(module, name) is not None for name in module.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        module.nonsense  # noqa: B018
    assert et.__version__
