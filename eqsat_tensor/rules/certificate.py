"""Rule packs from outside run only after a trial: in another process, under limits of memory and time.

The engine cannot be stopped inside a step, and one bad rule can ask for all memory there is.  A
pack that passed is remembered by the digest of all that was loaded with it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from eqsat_tensor.errors import RuleError
from eqsat_tensor.rules.book import RuleBook

SECONDS = 60
TRIAL = "eqsat_tensor.egraph.trial"


def cache_directory() -> Path:
    """Where certificates are kept: ``EQSAT_CACHE_DIR``, or the user's cache."""
    given = os.environ.get("EQSAT_CACHE_DIR")
    if given:
        return Path(given) / "rules"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "eqsat_tensor" / "rules"


def is_noted(note: str) -> bool:
    """True where `remember` wrote this note, in this process or an earlier one."""
    return (cache_directory() / note).exists()


def remember(note: str) -> None:
    """Leave a note in the cache directory; where there is no place, nothing is remembered."""
    path = cache_directory() / note
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
    except OSError:
        return


def certify(book: RuleBook, packs: Sequence[Path]) -> None:
    """Try the book in another process, once for its digest.  RuleError names the pack that fails."""
    note = f"{book.sources}.tried"
    if is_noted(note):
        return
    for n in range(1, len(packs) + 1):  # one file more each time, so that the guilty one shows
        problem = _trial(packs[:n])
        if problem:
            raise RuleError(
                f"{packs[n - 1]}:1: the trial run failed: {problem}; look for a rule whose right"
                " side matches its own left, and verify the file by `eqsat rules verify`."
            )
    remember(note)


def _trial(packs: Sequence[Path]) -> str:
    """What went wrong in a trial; "" where nothing did."""
    root = Path(__file__).parent.parent.parent
    command = [sys.executable, "-m", TRIAL, *map(str, packs)]
    path = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            env=os.environ | {"PYTHONPATH": path},
        )
    except subprocess.TimeoutExpired:
        return f"it did not end within {SECONDS} s"
    if done.returncode == 0:
        return ""
    if done.returncode == -signal.SIGALRM:
        return "it did not end in time"
    if done.returncode < 0:
        return "it took more memory than a program may"
    lines = done.stdout.strip().splitlines()
    return lines[-1] if lines else f"it ended with code {done.returncode}"
