"""Growth certificates: what a file of rules makes of the size of e-graphs.

Every program of `seeds` is saturated by the package's rules alone and with the file's, in a process
of its own under limits of memory and time.  The certificate says for each the rows after each run
of a ruleset, and where they grow beyond bounds, the rule without which they do not.

    eqsat rules certify my.egg
    ``python -m eqsat_tensor.verify.growth my.egg ...``   the process; prints a record a program
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from eqsat_tensor.egraph.saturate import Limits
from eqsat_tensor.egraph.traced import Size, saturate_traced
from eqsat_tensor.rules import load_rulebook, name_in_book
from eqsat_tensor.rules.book import RuleBook
from eqsat_tensor.rules.certificate import cache_directory
from eqsat_tensor.verify.seeds import seeds

MEMORY = 4 << 30
SECONDS = 120  # for all programs
ROWS = 100_000
TIMES = 4.0  # as many rows as without the file are too many,
ROOM = 2_000  # where there are so many more
Files: TypeAlias = Sequence[str | os.PathLike[str]]


@dataclass(frozen=True)
class Growth:
    """One program: rows with the package's rules alone and with the file's besides.

    steps    ruleset and rows after each of its runs that changed anything, with the file.
    matches  rule of the file -> how often it matched.
    problem  "" where it kept within bounds; ``guilty``: rules without which it would have.
    """

    program: str
    rows_before: int
    rows: int
    steps: tuple[tuple[str, int], ...]
    matches: dict[str, int]
    problem: str = ""
    guilty: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.problem:
            return f"{self.program}: {self.rows_before} rows, {self.rows} with the file"
        by = f"; it does not without {', '.join(self.guilty)}" if self.guilty else ""
        return f"{self.program}: {self.problem}{by}"


def certify_growth(files: Files) -> list[Growth]:
    """What the files make of each program; kept by the digest of all rules that were loaded.

    RuleError where a file does not load.
    """
    book = load_rulebook(files, trusted=True)
    note = cache_directory() / f"{book.sources}.growth"
    if note.exists():
        return [growth_of(r) for r in json.loads(note.read_text(encoding="utf-8"))]
    found, problem = _measured(files)
    missing = [name for name in seeds() if name not in {g.program for g in found}]
    if problem and missing:  # the process died in the first of these
        rules = [r.name for r in book.rules if r.file in set(map(name_in_book, files))]
        guilty = tuple(name for name in rules if not _measured(files, [name])[1])
        found.append(Growth(missing[0], 0, 0, (), {}, problem, guilty))
        return found
    try:
        note.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        note.write_text(json.dumps([asdict(g) for g in found]), encoding="utf-8")
    except OSError:
        pass  # nothing is remembered where there is no place
    return found


def growth_of(record: dict[str, Any]) -> Growth:
    """A `Growth` from its JSON."""
    steps = tuple((str(ruleset), int(rows)) for ruleset, rows in record["steps"])
    return Growth(**{**record, "steps": steps, "guilty": tuple(record["guilty"])})


def _measured(files: Files, without: Sequence[str] = ()) -> tuple[list[Growth], str]:
    """What a process says, and why it said no more."""
    root = Path(__file__).parent.parent.parent
    path = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))
    left_out = [f"--without={name}" for name in without]
    done = subprocess.run(
        [sys.executable, "-m", "eqsat_tensor.verify.growth", *left_out, *map(str, files)],
        capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": path},
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    found = [growth_of(json.loads(line)) for line in lines]
    if done.returncode == 0:
        return found, ""
    if done.returncode == -signal.SIGALRM:
        return found, f"it did not end within {SECONDS} s"
    return found, f"its process ended with code {done.returncode}: memory, or a fault of the engine"


def measure(book: RuleBook, program: str, own: Sequence[str]) -> Growth:
    """One program under the book, and under the book without its rules ``own``."""
    before = _rows(book.without(own), program)[1]
    problem, rows, steps, matches = _judged(book, program, before)
    guilty: list[str] = []
    if problem:
        order = sorted((n for n in own if matches.get(n)), key=lambda n: -matches[n])
        guilty = [n for n in order if not _judged(book.without([n]), program, before)[0]]
    used = {n: matches[n] for n in own if matches.get(n)}
    return Growth(
        program, before, rows, tuple((s.ruleset, s.rows) for s in steps), used, problem, tuple(guilty)
    )  # fmt: skip


def _judged(
    book: RuleBook, program: str, before: int
) -> tuple[str, int, list[Size], dict[str, int]]:
    stopped, rows, steps, matches = _rows(book, program)
    problem = "" if stopped == "saturated" else stopped
    if not problem and rows > TIMES * before and rows > before + ROOM:
        problem = f"{rows} rows, {before} without the file"
    return problem, rows, steps, matches


def _rows(book: RuleBook, program: str) -> tuple[str, int, list[Size], dict[str, int]]:
    """How a run ended, the rows at its end, after each step, and the matches of rules."""
    limits = Limits(rows=ROWS, seconds=SECONDS / 4)
    result, steps = saturate_traced(seeds()[program], book, limits)
    stopped = result.stopped if result.graph is not None else result.diagnostic
    return stopped, steps[-1].rows if steps else 0, steps, dict(result.matches)


def main(arguments: Sequence[str]) -> None:
    """Measure the files' rules, a line of JSON a program."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.alarm(SECONDS)  # ends the process, also inside a step of the engine
    option = "--without="
    left_out = [a.removeprefix(option) for a in arguments if a.startswith(option)]
    files = [a for a in arguments if not a.startswith(option)]
    book = load_rulebook(files, trusted=True).without(left_out)
    own = [r.name for r in book.rules if r.file in set(map(name_in_book, files))]
    for program in seeds():
        print(json.dumps(asdict(measure(book, program, own))), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
