"""Nothing leaks or dies early: references, memory, instances, threads that call at once, a fork."""

import gc
import os
import signal
import sys
import threading
import warnings
import weakref
from collections.abc import Callable as Function
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eqsat_tensor.runtime import native
from eqsat_tensor.runtime.binding import Binding, OutputSpec
from eqsat_tensor.runtime.state import StateCell
from tests.runtime import programs
from tests.runtime.bound import A, X, Y, compiled, slow
from tests.threads import in_threads


def impossible(first: int) -> Binding:
    """Outputs of which the last is larger than memory."""
    slots = np.zeros(2, np.int64)
    outputs = (
        OutputSpec(programs.FLOAT, (first,), (slots.ctypes.data,)),
        OutputSpec(programs.FLOAT, (2**40, 2**40), (slots.ctypes.data + 8,)),
    )
    steps = np.zeros((0, 5), np.int64)
    return Binding((), outputs, steps, returns="tuple", keep=(slots,))


def test_a_failed_allocation_raises_and_releases(form: str) -> None:
    f = compiled(impossible(1000))
    one = compiled(
        Binding((), (OutputSpec(programs.FLOAT, (2**62,), ()),), np.zeros((0, 5), np.int64))
    )
    for _ in range(200):
        with pytest.raises((ValueError, MemoryError)):
            f()
        with pytest.raises((ValueError, MemoryError)):
            one()
    before = memory()
    for _ in range(2000):
        with pytest.raises((ValueError, MemoryError)):
            f()
    assert memory() - before < 2 << 20
    assert not f.bindings[0].descriptor.is_busy


def memory() -> int:
    """Resident bytes of this process."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        pytest.skip("needs /proc")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_many_calls_leave_references_and_memory_as_they_were(form: str) -> None:
    calls = 100_000 if form == "native" else 2_000
    cell = StateCell(np.zeros(10))
    f = compiled(programs.axpy(10))
    g = compiled(programs.step_of(cell, 10, 0))
    h = compiled(programs.scalar("float"))
    things: list[Any] = [A, X, Y, f, g, h, slow, type(f), np.dtype("f8"), cell]
    one = np.ones(10)
    zero = np.zeros(10)
    # fmt: off
    for rounds in (calls // 10, calls):
        references = [sys.getrefcount(t) for t in things]
        before = memory()
        for _ in range(rounds):
            f(A, X, Y); g(one, zero); h(1.5); f(A, X)  # noqa: E702
        after = memory()
    # fmt: on
    assert [sys.getrefcount(t) for t in things] == references
    assert after - before < 1 << 20


def test_an_instance_in_a_cycle_is_collected(form: str) -> None:
    class Owner:
        def __init__(self) -> None:
            self.f = compiled(programs.axpy(10), otherwise=self.answer)
            self.f.owner = self  # type: ignore[attr-defined]

        def answer(self, *args: Any) -> str:
            return "slow"

    owner = Owner()
    assert owner.f(1) == "slow"
    owner.f(A, X, Y)
    alive = weakref.ref(owner), weakref.ref(owner.f)
    del owner
    gc.collect()
    assert [r() for r in alive] == [None, None]


def test_instances_come_and_go(form: str) -> None:
    rounds = 2000 if form == "native" else 200
    for phase in range(2):
        before = memory()
        for _ in range(rounds):
            f = compiled(programs.axpy(10))
            f(A, X, Y)
        if phase == 0:
            continue
        assert memory() - before < 2 << 20


def test_an_instance_made_around_the_class_cannot_crash() -> None:
    if not native.is_native():
        pytest.skip("calls are not native here")
    bare = object.__new__(type(compiled()))
    with pytest.raises(TypeError):
        bare(1)


def test_arguments_survive_the_collection_of_everything_else(form: str) -> None:
    f = compiled(programs.axpy(10))
    gc.collect()
    np.testing.assert_array_equal(f(A.copy(), X.copy(), Y.copy()), A * X + Y)


def begin(words: np.ndarray, call: Function[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """Call in another thread, and come back when its steps run."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(call()))
    thread.start()
    while not words[0]:
        pass
    return thread, results


def test_a_binding_that_runs_is_not_entered_again(form: str) -> None:
    binding, words = programs.waiting_axpy(10)
    f = compiled(binding)
    thread, results = begin(words, lambda: f(A, X, Y))
    assert f(A, X, Y) == ("slow", 3, ())  # so the GIL is free, and the binding is not
    f.add(programs.axpy(10))
    np.testing.assert_array_equal(f(X, X, X), X * X + X)
    words[1] = 1
    thread.join()
    np.testing.assert_array_equal(results[0], A * X + Y)
    assert not binding.descriptor.is_busy


def test_run_waits_for_a_busy_binding(form: str) -> None:
    binding, words = programs.waiting_axpy(10)
    thread, results = begin(words, lambda: native.run(binding, (A, X, Y)))
    second: list[Any] = []
    other = threading.Thread(target=lambda: second.append(native.run(binding, (X, X, X))))
    other.start()
    other.join(0.01)
    assert not second
    words[1] = 1
    thread.join()
    other.join()
    np.testing.assert_array_equal(results[0], A * X + Y)
    np.testing.assert_array_equal(second[0], X * X + X)


def test_an_evicted_binding_outlives_its_run(form: str) -> None:
    binding, words = programs.waiting_axpy(10)
    f = compiled(binding)
    alive = weakref.ref(binding)
    del binding
    thread, results = begin(words, lambda: f(A, X, Y))
    f.clear()
    for n in range(100, 140):
        f.add(programs.axpy(n))
    gc.collect()
    assert alive() is not None
    words[1] = 1
    thread.join()
    np.testing.assert_array_equal(results[0], A * X + Y)
    f.add(programs.axpy(1))
    gc.collect()
    assert alive() is None


def test_many_threads_call_one_function(form: str) -> None:
    n = 200
    f = compiled(otherwise=lambda *args: f.run(f.bindings[0], args))
    f.add(programs.axpy(n, release_gil=True, chunks=3))
    wrong: list[int] = []

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(300):
            a, x, y = rng.normal(size=(3, n))
            if not np.array_equal(f(a, x, y), a * x + y):
                wrong.append(seed)

    in_threads(work, range(4))
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_can_call_what_was_running() -> None:
    binding, words = programs.waiting_axpy(10)
    f = compiled(binding)
    thread, _ = begin(words, lambda: f(A, X, Y))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        signal.alarm(60)  # a child that hangs is a failure
        words[1] = 1
        os._exit(0 if np.array_equal(f(A, X, Y), A * X + Y) else 1)
    words[1] = 1
    thread.join()
    assert os.waitpid(child, 0)[1] == 0
