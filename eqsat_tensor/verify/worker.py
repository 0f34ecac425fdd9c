"""``python -m eqsat_tensor.verify.worker EXAMPLES FILE ...``: tasks come in by standard input, a report
for each goes out by standard output, pickled, until the input ends."""

from __future__ import annotations

import os
import pickle
import resource
import sys

from eqsat_tensor.rules import load_rulebook
from eqsat_tensor.verify.runner import verify_task

MEMORY = 8 << 30


def main(examples: int, files: list[str]) -> None:
    """Serve until the input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    tasks = sys.stdin.buffer
    reports = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what is printed by chance must not come between the reports
    book = load_rulebook(files, trusted=True)
    while True:
        try:
            task = pickle.load(tasks)
        except EOFError:
            return
        pickle.dump(verify_task(task, book, examples), reports)
        reports.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
