"""State is read and set as NumPy arrays, swaps on update, and is held by whoever uses it."""

import os
import signal
import threading
import time
import warnings
from typing import Any

import numpy as np
import pytest

from eqsat_tensor.errors import DtypeError, ShapeError
from eqsat_tensor.runtime import native, state
from eqsat_tensor.runtime.binding import Binding, OutputSpec, StateSpec
from eqsat_tensor.runtime.native import Callable
from eqsat_tensor.runtime.state import BACK, BUSY, FRONT, StateCell
from tests.runtime import programs
from tests.threads import in_threads

ONE = np.ones(3)


def slow(*args: Any) -> str:
    return "slow"


def stepper(cell: StateCell) -> Callable:
    f = Callable(slow, "step")
    f.add(programs.step_of(cell, cell.shape[0], cell.version))
    return f


@pytest.mark.parametrize("value", [np.zeros((2, 3)), np.float32(1), np.zeros(0), [1, 2], True])
def test_a_value_is_copied_in_and_out(value: Any) -> None:
    source = np.array(value)
    cell = StateCell(source)
    source[...] = 1
    out = cell.get_value()
    np.testing.assert_array_equal(out, np.array(value))
    assert out.dtype == source.dtype
    out[...] = 1
    np.testing.assert_array_equal(cell.get_value(), np.array(value))


def test_a_borrowed_value_is_the_buffer_itself() -> None:
    cell = StateCell(np.zeros(3))
    cell.get_value(borrow=True)[0] = 5
    assert cell.get_value()[0] == 5
    assert cell.get_value(borrow=True).ctypes.data == cell.words[FRONT]


def test_values_are_contiguous_whatever_came() -> None:
    cell = StateCell(np.arange(6.0).reshape(2, 3).T)
    assert cell.get_value(borrow=True).flags.c_contiguous
    cell.set_value(np.arange(12.0).reshape(2, 6).T)
    assert cell.get_value(borrow=True).flags.c_contiguous
    assert cell.shape == (6, 2)


def test_setting_checks_dtype_and_rank() -> None:
    cell = StateCell(np.zeros(3), "w")
    with pytest.raises(DtypeError, match="float64 for state w"):
        cell.set_value(np.zeros(3, np.float32))
    with pytest.raises(ShapeError, match="rank 1"):
        cell.set_value(np.zeros((3, 1)))
    assert "w" in repr(cell)


def test_the_version_changes_with_the_shape_only() -> None:
    cell = StateCell(np.zeros(3))
    first = cell.version
    cell.set_value(ONE)
    assert cell.version == first
    cell.set_value(np.ones(4))
    assert cell.version != first
    assert cell.shape == (4,)


def test_an_update_swaps_front_and_back(form: str) -> None:
    cell = StateCell(np.zeros(3))
    f = stepper(cell)
    front, back = cell.words[FRONT], cell.words[BACK]
    assert back not in (0, front)
    assert f(ONE, ONE) == (0.0,)
    assert (cell.words[FRONT], cell.words[BACK]) == (back, front)
    np.testing.assert_array_equal(cell.get_value(), ONE)
    for i in range(1, 10):
        assert f(ONE, ONE) == (float(i),)
    np.testing.assert_array_equal(cell.get_value(), 10 * ONE)


def test_a_value_that_is_set_is_used_by_the_next_call(form: str) -> None:
    cell = StateCell(np.zeros(3))
    f = stepper(cell)
    f(ONE, ONE)
    cell.set_value(5 * ONE)
    assert f(ONE, ONE) == (5.0,)
    np.testing.assert_array_equal(cell.get_value(), 6 * ONE)


def test_another_shape_sends_calls_to_slow_until_bound_again(form: str) -> None:
    cell = StateCell(np.zeros(3))
    f = stepper(cell)
    cell.set_value(np.zeros(4))
    assert f(ONE, ONE) == "slow"
    assert native.run(f.bindings[0], (ONE, ONE)) is NotImplemented
    assert not cell.words[BUSY]
    f.add(programs.step_of(cell, 4, cell.version))
    assert f(np.ones(4), np.ones(4)) == (0.0,)
    assert f(ONE, ONE) == "slow"


def test_a_busy_cell_sends_a_call_to_slow_and_frees_the_others(form: str) -> None:
    cells = [StateCell(np.full(1, float(i))) for i in range(3)]
    blocks = programs.Blocks()
    a, o = blocks.step("move", 2)
    states = tuple(StateSpec(c, c.version, (a,)) for c in cells)
    output = (OutputSpec(programs.FLOAT, (), (o,)),)
    f = Callable(slow)
    f.add(Binding((), output, blocks.steps, states, keep=blocks.keep))
    assert f() == 2.0
    with cells[1].locked():
        assert f() == "slow"
        assert [int(c.words[BUSY]) for c in cells] == [0, 1, 0]
    assert f() == 2.0
    assert [int(c.words[BUSY]) for c in cells] == [0, 0, 0]


def test_reading_and_setting_wait_for_a_running_call(form: str) -> None:
    cell = StateCell(np.zeros(3))
    blocks = programs.Blocks()
    blocks.step("wait", 2)
    a, x, s, back = blocks.step("axpy", 4, 3)
    f = Callable(slow)
    inputs = (programs.array(a, 3), programs.array(x, 3))
    states = (StateSpec(cell, 0, (s,), (back,), updated=True),)
    f.add(
        Binding(
            inputs, (), blocks.steps, states, returns="none", release_gil=True, keep=blocks.keep
        )
    )
    words = blocks.blocks[0]
    call = threading.Thread(target=f, args=(ONE, ONE))
    call.start()
    while not words[0]:
        pass
    seen: list[Any] = []
    reader = threading.Thread(target=lambda: seen.append(cell.get_value()))
    reader.start()
    time.sleep(0.01)
    assert not seen
    words[1] = 1
    call.join()
    reader.join()
    assert seen[0].shape == (3,)
    np.testing.assert_array_equal(cell.get_value(), ONE)


def test_threads_that_update_one_cell_lose_no_update(form: str) -> None:
    cell = StateCell(np.zeros(3))
    functions = [Callable(slow) for _ in range(3)]

    def work(f: Callable) -> None:
        binding = programs.step_of(cell, 3, 0, release_gil=True)
        f.add(binding)
        for _ in range(200):
            if f(ONE, ONE) == "slow":
                native.run(binding, (ONE, ONE))

    in_threads(work, functions)
    np.testing.assert_array_equal(cell.get_value(), 600 * ONE)


def test_a_cell_is_held_by_one_thread_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "_try_lock", None)  # as before native code is loaded
    cell = StateCell(np.zeros(1))
    total = 0

    def work() -> None:
        nonlocal total
        for _ in range(200):
            with cell.locked():
                now = total
                time.sleep(0)
                total = now + 1

    in_threads(lambda _: work(), range(4))
    assert total == 800


def test_a_program_may_use_a_cell_once() -> None:
    cell = StateCell(np.zeros(3))
    spec, steps = StateSpec(cell, 0, ()), np.zeros((0, 5), np.int64)
    with pytest.raises(AssertionError, match="once"):
        Binding((), (), steps, (spec, spec), "none")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_finds_cells_free() -> None:
    cell = StateCell(np.zeros(3))
    with cell.locked(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
        if child == 0:
            signal.alarm(60)  # a child that hangs is a failure
            os._exit(int(cell.get_value()[0]))
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("dtype", ["float64", "float32", "int8", "complex128", "bool"])
def test_buffers_begin_on_a_cache_line_and_are_copies(dtype):
    value = np.ones((7, 3), dtype)[::2, ::-1]
    cell = StateCell(value)
    cell.reserve_back()
    cell.set_value(np.zeros((5, 2), dtype))
    assert np.array_equal(cell.get_value(), np.zeros((5, 2), dtype))
    assert (value == 1).all()
    for buffer in cell.buffers:
        assert buffer.ctypes.data % 64 == 0
        assert buffer.flags.c_contiguous
        assert buffer.dtype == dtype
