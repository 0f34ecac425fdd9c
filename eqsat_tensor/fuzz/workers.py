"""Many random programs, in processes of their own: one that dies takes no other program with it.

python -m eqsat_tensor.fuzz.workers FIRST COUNT      a worker: a line of JSON for each program
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

CHUNK = 200  # programs that one process does: engines and code add up
SECONDS = 60  # the longest that one program may take
DEPTHS = 5
WORKER = (sys.executable, "-m", "eqsat_tensor.fuzz.workers")


@dataclass
class Findings:
    """What came of many programs: faults by seed, and counts of what was met.

    stopped  an interrupt came before all were done; what is here is of those that were.
    """

    faults: dict[int, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    stopped: bool = False

    def take_in(self, record: dict[str, Any]) -> None:
        """What a worker says of one program."""
        self.counts.update(record["counts"])
        self.counts["done"] += 1
        if record["fault"]:
            self.faults[record["seed"]] = record["fault"]

    def as_json(self) -> dict[str, Any]:
        """The findings as plain data."""
        faults = [
            {"seed": seed, "depth": depth_of(seed), "what": what}
            for seed, what in sorted(self.faults.items())
        ]
        return {"counts": dict(self.counts), "faults": faults, "stopped": self.stopped}


def depth_of(seed: int) -> int:
    """The depth that goes with a seed."""
    return 1 + seed // 30 % DEPTHS


def fuzz(
    programs: int,
    seed: int = 0,
    jobs: int | None = None,
    progress: Callable[[int], None] = lambda done: None,
    found: Callable[[int, str], None] = lambda seed, what: None,
) -> Findings:
    """Hold ``programs`` random programs, of seeds from ``seed`` on, on ``jobs`` processes.

    ``progress`` is told how many are done, after each; ``found`` of each fault, its seed and what is
    wrong, as soon as it is there.  An interrupt (Ctrl-C) ends the processes, and what was done until
    then is the result.
    """
    findings = Findings()
    chunks = [(s, min(CHUNK, seed + programs - s)) for s in range(seed, seed + programs, CHUNK)]
    said: SimpleQueue[dict[str, Any] | Future[None]] = SimpleQueue()
    with (
        tempfile.TemporaryDirectory() as folder,
        ThreadPoolExecutor(jobs or len(os.sched_getaffinity(0))) as threads,
    ):
        crew = _Crew(folder, said.put)
        try:
            tasks = [threads.submit(crew.hold, *chunk) for chunk in chunks]
            for task in tasks:
                task.add_done_callback(said.put)
            left = len(tasks)
            while left:
                news = said.get()
                if isinstance(news, Future):
                    left -= 1
                    news.result()  # raises what went wrong with the process, not with a program
                    continue
                findings.take_in(news)
                progress(findings.counts["done"])
                if news["fault"]:
                    found(news["seed"], news["fault"])
        except KeyboardInterrupt:
            findings.stopped = True
        finally:
            crew.stop()
            threads.shutdown(cancel_futures=True)
    return findings


class _Crew:
    """The processes at work; what they say of each program goes to ``tell`` as it comes."""

    def __init__(self, folder: str, tell: Callable[[dict[str, Any]], None]) -> None:
        self.folder = folder
        self.tell = tell
        self.processes: set[subprocess.Popen[str]] = set()
        self.lock = threading.Lock()
        self.stopped = False

    def hold(self, first: int, count: int) -> None:
        """The programs of a range of seeds; a process that dies is followed by another."""
        end = first + count
        while first < end and not self.stopped:
            for record in self._records(first, end - first):
                first = record["seed"] + 1
                self.tell(record)

    def stop(self) -> None:
        """End all processes."""
        with self.lock:
            self.stopped = True
            for process in self.processes:
                process.kill()

    def _records(self, first: int, count: int) -> Iterator[dict[str, Any]]:
        """What a worker says of its programs; of the one that it did not survive, that it died."""
        process = self._started(first, count)
        if process is None:
            return
        done = 0
        with process:
            assert process.stdout is not None
            assert process.stderr is not None
            for line in process.stdout:
                yield json.loads(line)
                done += 1
            said = process.stderr.read().strip().splitlines()[-3:]
        with self.lock:
            self.processes.discard(process)
        if done < count and not self.stopped:
            what = f"the process ended with code {process.returncode}: {' '.join(said)}"
            yield {"seed": first + done, "counts": {}, "fault": what}

    def _started(self, first: int, count: int) -> subprocess.Popen[str] | None:
        """A new worker, out of reach of a terminal's interrupt, which is ours to handle."""
        root = Path(__file__).parent.parent.parent
        path = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))
        environment = os.environ | {"PYTHONPATH": path, "EQSAT_CACHE_DIR": self.folder}
        with self.lock:
            if self.stopped:
                return None
            process = subprocess.Popen(
                [*WORKER, str(first), str(count)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=environment,
                process_group=0,
            )
            self.processes.add(process)
        return process


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
