"""The thread pool: chunks of one parallel loop, claimed one by one by the caller and the workers.

``pfor(state, function, argument, chunks)`` runs ``function(argument, i, chunks)`` once for every
i below chunks and returns when all are done.  The loop of a worker is machine code that a Python
daemon thread enters through ctypes, which releases the GIL: threads start and end as Python's do,
and only sleeping and waking are the system's (pthread).

The protocol.  One word holds the loop's number (high half) and the next chunk (low half); a chunk
is claimed by compare-and-swap on it.  A caller takes ``busy`` (or runs serially, so nested and
simultaneous loops need no more), *closes* the word by an atomic exchange to an index that no loop
has, and only then changes function, argument and count; it opens the word, then publishes the
loop's number, on which workers wait: they spin for a while, then sleep.  A late worker that still
holds the old word therefore fails its compare-and-swap, whatever count it reads
(`tests/lower/test_pool.py` checks this by exhaustion).

Measured on 2 cores: an empty loop costs 0.6 us beside a spinning worker, 7-12 us beside a sleeping
one; beside another busy process chunked loops fall back to serial speed, where spinning runtimes
stall for milliseconds.  Four to eight chunks a thread are better than one.
"""

from __future__ import annotations

import ctypes
import os
import threading
from functools import cache
from string import Template
from typing import Any

from eqsat_tensor.errors import DomainError
from eqsat_tensor.lower.cpu import jit

SPIN = 3000  # pauses that an idle worker spins through before it sleeps: some 50 us
PATIENCE = 2000  # pauses that a caller spins through for the last chunks before it naps
MAX_THREADS = 1024

# Offsets in bytes; what several threads write lies on cache lines of its own.
FIELDS = {
    "epoch": 0,  # number of the current loop; workers wait for it to change
    "function": 64,
    "argument": 72,
    "chunks": 80,
    "workers": 88,
    "spin": 96,
    "word": 128,  # loop number << 32 | next chunk
    "done": 192,  # chunks of this loop that have run
    "stop": 256,
    "sleepers": 264,
    "busy": 320,
    "mutex": 384,
    "condition": 512,
}
_STATE_BYTES = 640

_PAUSES = {
    "x86_64": "llvm.x86.sse2.pause()",
    "i686": "llvm.x86.sse2.pause()",
    "aarch64": "llvm.aarch64.hint(i32 1)",
    "arm64": "llvm.aarch64.hint(i32 1)",
}


def pool_text() -> str:
    """The IR of the pool for this machine."""
    pause = _PAUSES.get(jit.host().triple.split("-")[0], "")
    name = pause.split("(")[0]
    declare = f"declare void @{name}({'i32' if 'hint' in name else ''})" if pause else ""
    call = f"call void @{pause}" if pause else ""
    return Template(jit.source("pool.ll")).substitute(
        FIELDS, pause=call, declare_pause=declare, patience=PATIENCE
    )


def default_threads() -> int:
    """EQSAT_THREADS, or else the number of cores that this process may use."""
    asked = os.environ.get("EQSAT_THREADS", "").strip()
    if asked:
        if not asked.isdigit() or not 1 <= int(asked) <= MAX_THREADS:
            raise DomainError(
                f"EQSAT_THREADS: needs a number from 1 to {MAX_THREADS}; got {asked}."
            )
        return int(asked)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Pool:
    """The pool of this process; made by `pool`, idle until `start`, its code loaded when that is asked."""

    def __init__(self) -> None:
        self._memory = ctypes.create_string_buffer(_STATE_BYTES + 64)
        self._address = (ctypes.addressof(self._memory) + 63) // 64 * 64
        self._code: dict[str, Any] = {}
        self._threads: list[threading.Thread] = []
        self._wanted: int | None = None
        self._started = False
        self._lock = threading.Lock()

    def _call(self, name: str) -> Any:
        """A function of ``pool.ll``; the address of ``pfor``."""
        with jit.LOCK:
            if not self._code:
                names = ["reset", "worker", "reserve", "release", "dismiss", "pfor"]
                found = jit.load([jit.stored_object(pool_text(), jit.GLUE_LEVEL)], names)
                one = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
                two = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)
                self._code = {n: (two if n == "worker" else one)(found[n]) for n in names[:-1]}
                self._code["pfor"] = found["pfor"]
                self._code["reset"](self._address)
                self._field("spin").value = SPIN
        return self._code[name]

    @property
    def state(self) -> int:
        """Address of its state."""
        self._call("reset")
        return self._address

    @property
    def pfor(self) -> int:
        """Address of the parallel loop."""
        return int(self._call("pfor"))

    def _field(self, name: str) -> ctypes.c_int64:
        return ctypes.c_int64.from_address(self._address + FIELDS[name])

    @property
    def threads(self) -> int:
        """How many threads a parallel loop may use, the caller's own included."""
        if self._wanted is None:
            self._wanted = default_threads()
        return self._wanted

    @property
    def running(self) -> int:
        """How many workers run now."""
        return len(self._threads)

    def start(self) -> None:
        """Start the workers if they are not running."""
        if self._started:
            return
        with self._lock:
            self._resize(self.threads - 1)
            self._started = True

    def set_threads(self, threads: int) -> None:
        """Use `threads` threads from now on; waits for a loop that is running."""
        given: object = threads
        if not isinstance(given, int) or not 1 <= given <= MAX_THREADS:
            raise ValueError(f"set_threads: needs 1 to {MAX_THREADS} threads; got {threads!r}.")
        with self._lock:
            self._wanted = threads
            if self._started:
                self._resize(threads - 1)

    def _resize(self, workers: int) -> None:
        self._call("reserve")(self._address)
        try:
            if len(self._threads) != workers:
                self._call("dismiss")(self._address)
                for thread in self._threads:
                    thread.join()
                self._field("stop").value = 0
                epoch = self._field("epoch").value
                self._threads = [
                    threading.Thread(
                        target=self._call("worker"),
                        args=(self._address, epoch),
                        name=f"eqsat_tensor-{i}",
                        daemon=True,
                    )
                    for i in range(workers)
                ]
                for thread in self._threads:
                    thread.start()
                self._field("workers").value = workers
        finally:
            self._call("release")(self._address)

    def forget_threads(self) -> None:
        """In a forked child the workers are gone: loops run serially until `start`."""
        self._lock = threading.Lock()
        self._threads = []
        self._started = False
        if self._code:
            self._call("reset")(self._address)


@cache
def _only_pool() -> Pool:
    made = Pool()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=made.forget_threads)
    return made


def pool() -> Pool:
    """The pool of this process."""
    with jit.LOCK:  # `cache` alone would let two threads make one each
        return _only_pool()


def set_threads(threads: int) -> None:
    """Use `threads` threads, the caller's own included, in every later parallel loop."""
    pool().set_threads(threads)


def state_address() -> int:
    """Address of the pool's state, the first argument of ``pfor``; the same for ever."""
    return pool().state


def pfor_address() -> int:
    """Address of ``void pfor(ptr state, ptr function, ptr argument, i64 chunks)``."""
    return pool().pfor
