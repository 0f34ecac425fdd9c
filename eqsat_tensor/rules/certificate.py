"""Rule packs from outside run only with a certificate: a trial in another process, under limits of
memory and time, that saturates stress programs with them and holds each of their rules on examples.

The engine cannot be stopped inside a step, and one bad rule can ask for all memory there is.  What
came of a trial is noted in the cache directory under a digest of all that it depends on: the rules
that were read, those left out, the ops, and the code that judges.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from eqsat_tensor.distributions import version_of
from eqsat_tensor.errors import RuleError
from eqsat_tensor.lang import OPS

SECONDS = 60  # for the stress programs, and for each rule
EXAMPLES = 200  # draws of values on which each rule is held
TRIAL = "eqsat_tensor.trial"
REFUSED = 3  # its exit status where it says why; an exception of its own gives 1
JUDGES = ("rules", "egraph", "verify")  # the code on which a verdict depends


@dataclass(frozen=True)
class Case:
    """What a trial is given.

    sources  (file name, text) of all rule files, the package's too; packs  those from outside.
    exclude  names of rules that are left out.
    rules    names of the rules to hold on ``examples`` draws each; none: growth alone is tried.
    ops      ops of `et.define`, as text.
    """

    sources: tuple[tuple[str, str], ...]
    packs: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    examples: int = EXAMPLES
    ops: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """A name of all that its verdict depends on, but for what is asked."""
        parts = [*(text for _, text in self.sources), *self.exclude, "", *self.ops]
        text = "\0".join([_judges(), *parts])
        return hashlib.sha256(text.encode()).hexdigest()


@cache
def _judges() -> str:
    """The packages and the code that decide."""
    root = Path(__file__).parent.parent
    files = sorted(f for room in JUDGES for f in (root / room).rglob("*.py"))
    states = [(f.name, s.st_size, s.st_mtime_ns) for f in files for s in [f.stat()]]
    return repr([version_of(p) for p in ("egglog", "numpy")] + states)


def cache_directory() -> Path:
    """Where certificates are kept: ``EQSAT_CACHE_DIR``, or the user's cache."""
    given = os.environ.get("EQSAT_CACHE_DIR")
    if given:
        return Path(given) / "rules"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "eqsat_tensor" / "rules"


def noted(note: str) -> str | None:
    """What `remember` wrote in this note, in this process or an earlier one; None where it did not."""
    try:
        return (cache_directory() / note).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def is_noted(note: str) -> bool:
    """True where `remember` wrote this note."""
    return noted(note) is not None


def remember(note: str, text: str = "") -> None:
    """Leave a note in the cache directory; where there is no place, nothing is remembered."""
    path = cache_directory() / note
    part = path.with_name(f"{note}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part.write_text(text, encoding="utf-8")
        part.replace(path)  # whole or not at all: another process may read it now
    except OSError:
        return


_held: set[str] = set()  # notes of this process, for where nothing can be written


def certify(case: Case) -> None:
    """See that the packs pass the trial, once for its digest.  Raises RuleError, which says why not."""
    kinds = ("tried", "verified") if case.rules else ("tried",)
    notes = [f"{case.digest}.{kind}" for kind in kinds]
    if all(n in _held or is_noted(n) for n in notes):
        return
    places = hashlib.sha256("\0".join(case.packs).encode()).hexdigest()  # its message names them
    refusal = f"{case.digest}.{places[:8]}.not-{kinds[-1]}"
    problem = noted(refusal)
    if problem is None:
        problem, lasting = _trial(case)
        if problem and lasting:
            remember(refusal, problem)
    if problem:
        raise RuleError(problem)
    _note(notes)


def grant(case: Case) -> None:
    """Note that the packs have passed: for who has held their rules on examples himself."""
    _note([f"{case.digest}.tried", f"{case.digest}.verified"])


def _note(notes: Sequence[str]) -> None:
    for note in notes:
        _held.add(note)
        remember(note)


def case_of(
    sources: Sequence[tuple[str, str]],
    packs: Sequence[str],
    exclude: Sequence[str] = (),
    rules: Sequence[str] = (),
) -> Case:
    """The case of these files, with those ops of the user's that they name."""
    words = {w for file, text in sources if file in packs for w in re.findall(r"\w+", text)}
    ops = [op.definition for op in OPS.values() if op.definition and op.constructor in words]
    return Case(tuple(sources), tuple(packs), tuple(exclude), tuple(rules), ops=tuple(ops))


def _trial(case: Case) -> tuple[str, bool]:
    """What went wrong in a trial ("" where nothing did), and whether it would again."""
    import subprocess  # 4 ms, for who has packs

    root = Path(__file__).parent.parent.parent
    path = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))
    limits = {"PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-m", TRIAL],
            input=json.dumps(asdict(case)),
            capture_output=True,
            text=True,
            timeout=2 * SECONDS * (1 + len(case.rules)),
            check=False,
            env=os.environ | limits,
        )
    except subprocess.TimeoutExpired:
        return f"{case.packs[-1]}:1: the trial run did not end; make the pack smaller", False
    *_, last = ["", *done.stdout.strip().splitlines()]
    if done.returncode == 0:
        return "", True
    if done.returncode == REFUSED and last:
        return last, True
    mend = "look for a rule whose right side matches its own left"
    if done.returncode == -signal.SIGALRM:
        what = f"it did not end within {SECONDS} s"
    elif done.returncode < 0:
        what = "it took more memory than a program may"
    else:
        what = f"it ended with code {done.returncode}: {done.stderr.strip().splitlines()[-1:]}"
    return f"{last or f'{case.packs[-1]}:1'}: the trial run failed: {what}; {mend}", False
