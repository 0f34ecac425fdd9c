"""Every chunk of every loop runs exactly once: proved on a model, then tried on the machine.

The model follows `pool.pool_text` memory access by memory access: a caller runs two loops, workers
join when they please, and every interleaving is visited.  It finds the error that a pool has which
does not close its word before the next loop's count is written, so it would find it again.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest

from eqsat_tensor.lower.cpu import jit, pool
from tests.threads import in_threads

CLOSED = 99  # an index beyond every loop's count


@dataclass(frozen=True)
class Shared:
    """The pool's state, and what has run."""

    epoch: int = 0
    function: int = 0  # the loop that the function belongs to
    chunks: int = 0
    word: tuple[int, int] = (0, CLOSED)
    done: int = 0
    sleepers: int = 0
    mutex: int = -1  # the thread that holds it
    ran: tuple[tuple[int, int], ...] = ()  # (loop, chunk), sorted


@dataclass(frozen=True)
class Thread:
    """One thread: where it is, and what it has read."""

    at: str
    epoch: int = 0  # the caller's loop; the worker's last
    seen: tuple[int, int] = (0, 0)
    count: int = 0
    function: int = 0


State = tuple[Shared, tuple[Thread, ...]]


class Violation(AssertionError):
    """A chunk ran twice or never, or a thread hangs."""


def claim(m: Shared, t: Thread, then: str) -> tuple[Shared, Thread] | None:
    """The steps of ``drain``; `then` is where the thread goes when no chunk is left."""
    match t.at:
        case "look":
            at = "count" if m.word[0] == t.epoch else then
            return m, replace(t, seen=m.word, at=at)
        case "count":
            at = "swap" if t.seen[1] < m.chunks else then
            return m, replace(t, count=m.chunks, at=at)
        case "swap":
            if m.word != t.seen:
                return m, replace(t, at="look")
            return replace(m, word=(t.seen[0], t.seen[1] + 1)), replace(t, at="function")
        case "function":
            return m, replace(t, function=m.function, at="run")
        case "run":
            chunk = (t.function, t.seen[1])
            return replace(m, ran=tuple(sorted((*m.ran, chunk)))), replace(t, at="done")
        case "done":
            return replace(m, done=m.done + 1), replace(t, at="look")
    return None


def caller(m: Shared, t: Thread, loops: tuple[int, ...], mended: bool) -> tuple[Shared, Thread]:
    """One step of ``pfor``; epoch is the number of the loop, from 1."""
    step = claim(m, t, "wait")
    if step is not None:
        return step
    count = loops[t.epoch - 1] if t.epoch <= len(loops) else 0
    match t.at:
        case "close":
            word = (t.epoch, CLOSED) if mended else m.word
            return replace(m, word=word), replace(t, at="set function")
        case "set function":
            return replace(m, function=t.epoch), replace(t, at="set chunks")
        case "set chunks":
            return replace(m, chunks=count), replace(t, at="set done")
        case "set done":
            return replace(m, done=0), replace(t, at="open")
        case "open":
            return replace(m, word=(t.epoch, 0)), replace(t, at="publish")
        case "publish":
            return replace(m, epoch=t.epoch), replace(t, at="sleepers")
        case "sleepers":
            return m, replace(t, at="lock" if m.sleepers else "look")
        case "lock":
            return (m, t) if m.mutex >= 0 else (replace(m, mutex=0), replace(t, at="broadcast"))
        case "broadcast":  # the sleepers are woken by `step`
            return replace(m, mutex=-1), replace(t, at="look")
        case "wait":
            if m.done != count:
                return m, t
            expected = tuple((t.epoch, i) for i in range(count))
            if tuple(c for c in m.ran if c[0] == t.epoch) != expected:
                raise Violation(f"loop {t.epoch} of {count} chunks ran {m.ran}")
            last = t.epoch == len(loops)
            return m, replace(t, epoch=t.epoch + 1, at="end" if last else "close")
    return m, t


def worker(m: Shared, t: Thread, me: int) -> tuple[Shared, Thread]:
    """One step of ``worker``; epoch is the last loop it has looked at."""
    step = claim(m, t, "watch")
    if step is not None:
        return step
    match t.at:
        case "watch":  # spinning: it may also lose patience at any moment, see `step`
            return (m, replace(t, at="join")) if m.epoch != t.epoch else (m, t)
        case "sleep":
            return (m, t) if m.mutex >= 0 else (replace(m, mutex=me), replace(t, at="register"))
        case "register":
            return replace(m, sleepers=m.sleepers + 1), replace(t, at="check")
        case "check":
            if m.epoch != t.epoch:
                return m, replace(t, at="rise")
            return replace(m, mutex=-1), replace(t, at="asleep")
        case "woken":
            return (m, t) if m.mutex >= 0 else (replace(m, mutex=me), replace(t, at="check"))
        case "rise":
            return replace(m, sleepers=m.sleepers - 1, mutex=-1), replace(t, at="join")
        case "join":
            return m, replace(t, epoch=m.epoch, at="look")
    return m, t


def successors(state: State, loops: tuple[int, ...], mended: bool, sleepy: bool) -> Iterator[State]:
    m, threads = state
    for i, thread in enumerate(threads):
        if i == 0:
            m2, t2 = caller(m, thread, loops, mended)
        else:
            m2, t2 = worker(m, thread, i)
        changed = [*threads[:i], t2, *threads[i + 1 :]]
        if thread.at == "broadcast":
            changed = [replace(t, at="woken") if t.at == "asleep" else t for t in changed]
        yield m2, tuple(changed)
        if i and sleepy and thread.at == "watch":
            yield m, (*threads[:i], replace(thread, at="sleep"), *threads[i + 1 :])


def explore(loops: tuple[int, ...], workers: int, mended: bool, sleepy: bool = True) -> int:
    """Visit every state; gives their number.  Raises Violation."""
    first: State = (Shared(), (Thread("close", 1), *[Thread("watch")] * workers))
    known = {first}
    front = [first]
    while front:
        state = front.pop()
        m, threads = state
        if len(m.ran) != len(set(m.ran)):
            raise Violation(f"a chunk ran twice: {m.ran}")
        following = {s for s in successors(state, loops, mended, sleepy) if s != state}
        if not following and threads[0].at != "end":
            raise Violation(f"hangs: {state}")
        if threads[0].at == "end" and not following:
            late = [t for t in threads[1:] if t.at == "asleep" and t.epoch != m.epoch]
            if late:
                raise Violation(f"a worker sleeps through a loop: {state}")
        front += following - known
        known |= following
    return len(known)


@pytest.mark.parametrize("loops", [(1, 1), (1, 2), (2, 1), (1, 3), (2, 3), (3, 1), (0, 2)])
def test_every_chunk_runs_once_in_every_interleaving(loops: tuple[int, int]) -> None:
    assert explore(loops, workers=1, mended=True) > 100


def test_every_chunk_runs_once_with_two_workers() -> None:
    assert explore((1, 2), workers=2, mended=True, sleepy=False) > 1000


def test_every_chunk_runs_once_in_three_loops() -> None:
    assert explore((1, 2, 1), workers=1, mended=True) > 1000


def test_the_model_finds_the_error_of_a_word_left_open() -> None:
    with pytest.raises(Violation):
        explore((1, 2), workers=1, mended=False)


# --- the machine -----------------------------------------------------------------------------

MARK = """
define void @mark(ptr %hits, i64 %i, i64 %chunks) {
  %p = getelementptr i64, ptr %hits, i64 %i
  %before = atomicrmw add ptr %p, i64 1 monotonic
  ret void
}
; argument: hits, state, pfor: a loop within a chunk
declare void @pfor(ptr, ptr, ptr, i64)
define void @nested(ptr %argument, i64 %i, i64 %chunks) {
  %hits = load ptr, ptr %argument
  %state.at = getelementptr ptr, ptr %argument, i64 1
  %state = load ptr, ptr %state.at
  call void @pfor(ptr %state, ptr @mark, ptr %hits, i64 %chunks)
  ret void
}
"""


@pytest.fixture(scope="module")
def functions() -> dict[str, int]:
    symbols = {"pfor": pool.pfor_address()}
    return jit.load([jit.compile_object(MARK)], ["mark", "nested"], symbols)


@pytest.fixture(autouse=True)
def restore() -> Iterator[None]:
    yield
    pool.set_threads(pool.default_threads())


def pfor(function: int, argument: int, chunks: int) -> None:
    word = ctypes.c_void_p
    call = ctypes.CFUNCTYPE(None, word, word, word, ctypes.c_int64)(pool.pfor_address())
    call(pool.state_address(), function, argument, chunks)


def loops_run_once(mark: int, rounds: int) -> bool:
    rng = np.random.default_rng(1)
    hits = np.zeros(64, np.int64)
    for chunks in rng.choice([1, 2, 3, 5, 8, 13, 21], rounds).tolist():
        hits[:] = 0
        pfor(mark, hits.ctypes.data, chunks)
        if not (hits[:chunks] == 1).all() or hits[chunks:].any():
            return False
    return True


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
def test_loops_of_changing_counts_run_every_chunk_once(
    functions: dict[str, int], threads: int
) -> None:
    pool.set_threads(threads)
    pool.pool().start()
    assert pool.pool().running == threads - 1
    assert loops_run_once(functions["mark"], 2000)


def test_the_number_of_threads_can_change_at_any_time(functions: dict[str, int]) -> None:
    pool.pool().start()
    stop = threading.Event()
    wrong: list[bool] = []

    def work() -> None:
        while not stop.is_set():
            wrong.append(not loops_run_once(functions["mark"], 20))

    thread = threading.Thread(target=work)
    thread.start()
    for threads in (1, 3, 2, 4, 1, 2):
        pool.set_threads(threads)
    stop.set()
    thread.join()
    assert not any(wrong)
    assert pool.pool().running == 1


def test_nested_and_simultaneous_loops_run_serially(functions: dict[str, int]) -> None:
    pool.set_threads(3)
    pool.pool().start()
    hits = np.zeros(64, np.int64)
    words = np.array([hits.ctypes.data, pool.state_address()], np.int64)
    pfor(functions["nested"], words.ctypes.data, 8)
    assert hits.tolist() == [8] * 8 + [0] * 56
    results: list[bool] = []
    in_threads(lambda _: results.append(loops_run_once(functions["mark"], 500)), range(4))
    assert results == [True] * 4


def test_no_chunk_is_no_loop(functions: dict[str, int]) -> None:
    pool.pool().start()
    pfor(functions["mark"], 0, 0)


def test_addresses_stay(functions: dict[str, int]) -> None:
    before = pool.state_address(), pool.pfor_address()
    pool.set_threads(2)
    assert (pool.state_address(), pool.pfor_address()) == before
    assert pool.state_address() % 64 == 0


@pytest.mark.parametrize("threads", [0, -1, pool.MAX_THREADS + 1])
def test_a_wrong_number_of_threads_is_refused(threads: int) -> None:
    with pytest.raises(ValueError, match="threads"):
        pool.set_threads(threads)


@pytest.mark.parametrize(("text", "threads"), [("3", 3), (" 1 ", 1)])
def test_the_environment_sets_the_number(
    monkeypatch: pytest.MonkeyPatch, text: str, threads: int
) -> None:
    monkeypatch.setenv("EQSAT_THREADS", text)
    assert pool.default_threads() == threads


@pytest.mark.parametrize("text", ["0", "-2", "many", "1.5", "99999"])
def test_a_wrong_environment_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("EQSAT_THREADS", text)
    with pytest.raises(ValueError, match="EQSAT_THREADS"):
        pool.default_threads()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_runs_alone_and_can_start_its_own(functions: dict[str, int]) -> None:
    pool.set_threads(3)
    pool.pool().start()
    assert loops_run_once(functions["mark"], 50)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        signal.alarm(60)  # a child that hangs is a failure
        good = pool.pool().running == 0 and loops_run_once(functions["mark"], 50)
        pool.pool().start()
        good = good and pool.pool().running == 2 and loops_run_once(functions["mark"], 50)
        os._exit(0 if good else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert loops_run_once(functions["mark"], 50)


def test_a_process_ends_with_workers_asleep_or_spinning() -> None:
    code = "from eqsat_tensor.lower.cpu import pool\n"
    code += "pool.set_threads(4); pool.pool().start(); assert pool.pool().running == 3"
    for _ in range(3):
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
