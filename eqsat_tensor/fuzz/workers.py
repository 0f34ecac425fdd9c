"""Many random programs, in processes of their own: one that dies takes no other program with it.

python -m eqsat_tensor.fuzz.workers FIRST COUNT      a worker: a line of JSON for each program
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHUNK = 200  # programs that one process does: engines and code add up
SECONDS = 60  # the longest that one program may take
DEPTHS = 5
WORKER = (sys.executable, "-m", "eqsat_tensor.fuzz.workers")


@dataclass
class Findings:
    """What came of many programs: faults by seed, and counts of what was met."""

    faults: dict[int, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        """The findings as plain data."""
        faults = [{"seed": s, "depth": depth_of(s), "what": w} for s, w in self.faults.items()]
        return {"counts": dict(self.counts), "faults": faults}


def depth_of(seed: int) -> int:
    """The depth that goes with a seed."""
    return 1 + seed // 30 % DEPTHS


def fuzz(
    programs: int,
    seed: int = 0,
    jobs: int | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Findings:
    """Hold ``programs`` random programs, of seeds from ``seed`` on, on ``jobs`` processes."""
    findings = Findings()
    chunks = [(s, min(CHUNK, seed + programs - s)) for s in range(seed, seed + programs, CHUNK)]
    workers = jobs or len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(workers) as threads, tempfile.TemporaryDirectory() as folder:
        for part in threads.map(lambda c: _chunk(c[0], c[1], folder), chunks):
            findings.faults |= part.faults
            findings.counts += part.counts
            progress(findings.counts["done"])
    return findings


def _chunk(first: int, count: int, folder: str) -> Findings:
    """The programs of a range of seeds; a process that dies is followed by another."""
    findings = Findings()
    end = first + count
    while first < end:
        for record in _records(first, end - first, folder):
            seed = first = record.pop("seed") + 1
            findings.counts.update(record["counts"])
            findings.counts["done"] += 1
            if record["fault"]:
                findings.faults[seed - 1] = record["fault"]
    return findings


def _records(first: int, count: int, folder: str) -> Iterator[dict[str, Any]]:
    """What a worker says of its programs; of the one that it did not survive, that it died."""
    command = [*WORKER, str(first), str(count)]
    root = Path(__file__).parent.parent.parent
    path = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))
    environment = os.environ | {"PYTHONPATH": path, "EQSAT_CACHE_DIR": folder}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        done = 0
        for line in process.stdout:
            yield json.loads(line)
            done += 1
        said = process.stderr.read().strip().splitlines()[-3:]
    if done < count:
        what = f"the process ended with code {process.returncode}: {' '.join(said)}"
        yield {"seed": first + done, "counts": {}, "fault": what}


def main(first: int, count: int) -> None:
    """Hold the programs of these seeds, a line of JSON for each."""
    import signal

    from eqsat_tensor.fuzz.programs import Fault, check

    for seed in range(first, first + count):
        signal.alarm(SECONDS)  # ends the process, also inside native code
        counts: Counter[str] = Counter()
        fault = ""
        try:
            check(seed, depth_of(seed), counts)
        except Fault as found:
            fault = str(found)
        except Exception:  # whatever it is, it is a finding
            fault = traceback.format_exc()
        print(json.dumps({"seed": seed, "counts": counts, "fault": fault}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
