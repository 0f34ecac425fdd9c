"""Every rule of a book held at once: which there are, the processes that hold them, the reports.

    verify(["mine.egg"])                 the rules of one file, beside the package's facts
    verify(rules=["log-of-exp"])         rules by name, of all kinds
    verify(jobs=1)                       all there is, in this process

A worker is a process of its own, so that a rule which takes the engine down, or more time or
memory than there is, costs its own report and nothing else.
"""

from __future__ import annotations

import difflib
import importlib.util
import os
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from eqsat_tensor.errors import ArgumentError, UnsupportedError
from eqsat_tensor.rules import load_rulebook, name_in_book
from eqsat_tensor.rules.book import TYPES, RuleBook
from eqsat_tensor.verify.proposers import place_of_proposer, verify_proposer
from eqsat_tensor.verify.report import Report
from eqsat_tensor.verify.rules import verify_rule
from eqsat_tensor.verify.type_rules import place_of_type_rule, type_rules, verify_type_rule

EXAMPLES = 2000
SECONDS = 120.0  # that a rule may take, and as much again for each `EXAMPLES` examples
WORKER = "eqsat_tensor.verify.worker"
Files: TypeAlias = Sequence[str | os.PathLike[str]]
Progress: TypeAlias = Callable[[Report, int, int], None]


@dataclass(frozen=True)
class Task:
    """One rule to be held.  ``kind``: rewrite, fact, proposer or type."""

    kind: str
    name: str


def verify(
    files: Files = (),
    rules: Iterable[str] | None = None,
    examples: int = EXAMPLES,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> list[Report]:
    """A report for each rule, fact, proposer and type rule, in the order of the book.

    files     rule files: then theirs alone are held, beside the package's facts.
    rules     names of the only ones to hold; ArgumentError for one that is not there.
    examples  draws of values for each; of a type rule, nodes.
    jobs      processes; None: one for each core, 1: this process.
    progress  called with each report as it comes, how many are done, and how many there are.

    RuleError where a file does not load.
    """
    if importlib.util.find_spec("mpmath") is None:
        raise UnsupportedError(
            "verify: needs the package mpmath, which is not installed. pip install 'eqsat_tensor[verify]'"
        )
    if examples < 1:
        raise ArgumentError(f"verify: needs one example or more; got {examples}.")
    book = load_rulebook(files)
    tasks = tasks_of(book, files, rules)
    count = min(cores() if jobs is None else jobs, len(tasks))
    if count <= 1:
        return _serial(book, tasks, examples, progress)
    return _parallel(files, tasks, examples, count, progress)


def tasks_of(book: RuleBook, files: Files = (), rules: Iterable[str] | None = None) -> list[Task]:
    """What there is to hold: all of the book, or of these files, or what these names say."""
    own = {name_in_book(f) for f in files}
    tasks = [Task(r.kind, r.name) for r in book.rules if not own or r.file in own]
    if not own:
        tasks += [Task("proposer", p.name) for p in book.proposers]
        tasks += [Task("type", name) for name in type_rules()]
    if rules is None:
        return tasks
    wanted = list(rules)
    names = {t.name: t for t in tasks}
    for name in wanted:
        if name not in names:
            near = difflib.get_close_matches(name, names, 3, 0.5)
            hint = f"Near are {', '.join(near)}." if near else "`eqsat rules list` has all names."
            raise ArgumentError(f"verify: needs names of rules; got {name!r}. {hint}")
    return [names[name] for name in dict.fromkeys(wanted)]


def verify_task(task: Task, book: RuleBook, examples: int) -> Report:
    """The report of one task.  Whatever goes wrong is its problem, not the caller's."""
    try:
        match task.kind:
            case "proposer":
                [proposer] = [p for p in book.proposers if p.name == task.name]
                return verify_proposer(proposer, book, examples)
            case "type":
                return verify_type_rule(task.name, examples)
            case _:
                return verify_rule(book.rule(task.name), book, examples)
    except Exception as error:  # a fault of verification itself, which must not look like success
        return failed(task, book, f"{type(error).__name__}: {error}")


def failed(task: Task, book: RuleBook, problem: str) -> Report:
    """The report of a task that came to no end."""
    if task.kind == "type":
        ruleset, guarantee, place = TYPES, "exact", place_of_type_rule(task.name)
    elif task.kind == "proposer":
        [proposer] = [p for p in book.proposers if p.name == task.name]
        ruleset = proposer.ruleset
        guarantee, place = book.ruleset(ruleset).guarantee, place_of_proposer(proposer)
    else:
        rule = book.rule(task.name)
        ruleset, guarantee, place = rule.ruleset, rule.guarantee, rule.place
    return Report(
        task.name, task.kind, ruleset, guarantee, place, 0, 0, 0.0, 0, 0, None,
        f"verification came to no end: {problem}",
    )  # fmt: skip


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _serial(
    book: RuleBook, tasks: Sequence[Task], examples: int, progress: Progress | None
) -> list[Report]:
    reports = []
    for task in tasks:
        reports.append(verify_task(task, book, examples))
        if progress is not None:
            progress(reports[-1], len(reports), len(tasks))
    return reports


def _parallel(
    files: Files, tasks: Sequence[Task], examples: int, count: int, progress: Progress | None
) -> list[Report]:
    book = load_rulebook(files, trusted=True)
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in range(len(tasks)):
        waiting.put(number)
    done: queue.SimpleQueue[tuple[int, Report | BaseException]] = queue.SimpleQueue()
    stop = threading.Event()

    def serve() -> None:
        worker: Worker | None = None
        try:
            while not stop.is_set():
                try:
                    number = waiting.get_nowait()
                except queue.Empty:
                    return
                worker = worker or Worker(files, examples)
                report = worker.ask(tasks[number])
                if isinstance(report, str):
                    worker.close()
                    worker, report = None, failed(tasks[number], book, report)
                done.put((number, report))
        except BaseException as error:  # handed to the thread that waits
            done.put((-1, error))
        finally:
            if worker is not None:
                worker.close()

    threads = [threading.Thread(target=serve, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    reports: dict[int, Report] = {}
    try:
        while len(reports) < len(tasks):
            number, report = done.get()
            if isinstance(report, BaseException):
                raise report
            reports[number] = report
            if progress is not None:
                progress(report, len(reports), len(tasks))
    finally:
        stop.set()
    for thread in threads:
        thread.join()
    return [reports[number] for number in range(len(tasks))]


class Worker:
    """A process that holds one rule after another."""

    def __init__(self, files: Files, examples: int) -> None:
        root = Path(__file__).parent.parent.parent
        path = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))
        self.seconds = SECONDS * (1 + examples / EXAMPLES)
        self.process = subprocess.Popen(
            [sys.executable, "-m", WORKER, str(examples), *map(str, files)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # the engine writes there when it panics
            env=os.environ | {"PYTHONPATH": path},
        )

    def ask(self, task: Task) -> Report | str:
        """The report, or why there is none: the worker is then of no use any more."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        late = threading.Timer(self.seconds, self.process.kill)
        late.start()
        try:
            pickle.dump(task, self.process.stdin)
            self.process.stdin.flush()
            report = pickle.load(self.process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError):
            if not late.is_alive():
                return f"it took more than {self.seconds:.0f} s"
            return f"its process ended with code {self.process.wait()}"
        finally:
            late.cancel()
        assert isinstance(report, Report), report
        return report

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()
