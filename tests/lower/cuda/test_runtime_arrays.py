"""What calls with ``target="cuda"`` take, give and keep: arrays, states, and graphs of repeated runs.

On a stand-in for CuPy that runs kernels on the emulated device.
"""

from __future__ import annotations

import copy

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.errors import ArgumentError, DtypeError, LabelError, ShapeError, UnsupportedError
from tests.lower.cuda import fakecupy
from tests.lower.cuda.devicearrays import same, vector
from tests.lower.cuda.emulator import needs_compiler
from tests.lower.cuda.fakecupy import COUNTS

pytestmark = needs_compiler
RANDOM = np.random.default_rng(3)


# --------------------------------------------------------------------------------------- arrays
def test_arrays_of_numpy_are_copied_and_those_of_cupy_stay(cupy):
    x = vector()
    f = et.function([x], [et.exp(x), x.sum()], target="cuda")
    a = RANDOM.standard_normal(100)
    made = f(a)
    same(made[0], np.exp(a))
    same(made[1], a.sum())
    copies = COUNTS["to device"]
    f(cupy.asarray(a))
    assert COUNTS["to device"] == copies + 1  # of this test's own
    assert COUNTS["to host"] == COUNTS["waits"] == 0


def test_what_does_not_fit_is_an_error_that_says_so(cupy):
    x = vector(dtype="float32")
    f = et.function([x], x + 1, target="cuda")
    with pytest.raises(DtypeError, match=r"x: f32\[n\]; got x=float64\[2\]. Cast it"):
        f(cupy.asarray(np.ones(2)))
    with pytest.raises(ShapeError, match=r"got x=float32\[2, 2\]"):
        f(cupy.asarray(np.ones((2, 2), "float32")))


def test_strided_arrays_of_the_device_are_read_right(cupy):
    a = cupy.asarray(RANDOM.standard_normal((6, 4)))
    f = et.jit(lambda x: x * 2, target="cuda")
    same(f(a[::2]), a.get()[::2] * 2)


class OfAnotherLibrary:
    """An array of another library on a device, of which only DLPack is known."""

    def __init__(self, array):
        self.held = array

    def __dlpack_device__(self):
        return 2, 0


def test_arrays_of_other_libraries_are_taken_as_they_lie(cupy):
    a = OfAnotherLibrary(np.arange(4.0))
    copies = COUNTS["to device"]
    same(et.jit(lambda x: x * 2, target="cuda")(a), a.held * 2)
    x = vector()
    same(et.function([x], x * 2, target="cuda")(a), a.held * 2)
    assert COUNTS["to device"] == copies


def looped(f, a):
    """The last result of some calls, whose results take the same memory by turns."""
    result = None
    for _ in range(8):
        result = f(a)
    return result


def test_a_graph_that_cannot_be_captured_is_said_once(cupy, monkeypatch):
    def refused(self):
        raise RuntimeError("no capture")

    monkeypatch.setattr(fakecupy.Stream, "begin_capture", refused)
    monkeypatch.setattr(fakecupy.Stream, "end_capture", lambda self: None)
    x = et.tensor("x", shape=("n", 3))
    f = et.function([x], [et.exp(x).sum(1), (x @ x.T)], target="cuda")
    a = cupy.asarray(np.ones((4, 3)))
    with pytest.warns(RuntimeWarning, match=r"could not be captured as a graph \(no capture\)"):
        last = looped(f, a)
    assert COUNTS["graphs"] == 0
    same(last[0], np.exp(np.ones((4, 3))).sum(1))


def test_results_go_where_out_says(cupy):
    x = vector()
    f = et.function([x], (x + 1, x * 2), target="cuda")
    a = np.arange(5.0)
    out = (cupy.empty((5,), "float64"), cupy.empty((5,), "float64"))
    assert f(a, out=out) is out
    same(out[1], a * 2)
    with pytest.raises(ArgumentError, match=r"out\[0\] as a CuPy array; got out\[0\]=a ndarray"):
        f(a, out=(np.empty(5), np.empty(5)))
    with pytest.raises(ShapeError, match=r"out\[0\]: float64\[5\]"):
        f(a, out=(cupy.empty((4,), "float64"), out[1]))


def test_donated_arrays_take_what_is_written(cupy):
    @et.jit(donate="x", target="cuda")
    def f(x):
        x += 1
        return x.sum()

    a = cupy.asarray(np.arange(4.0))
    same(f(a), 10.0)
    same(a, np.arange(4.0) + 1)
    b = np.arange(3.0)
    f(b)
    np.testing.assert_array_equal(b, np.arange(3.0) + 1)


def test_complex_arrays_come_and_go_whole(cupy):
    f = et.jit(lambda z: (z * z, abs(z)), target="cuda")
    z = RANDOM.standard_normal(9) + 1j * RANDOM.standard_normal(9)
    square, size = f(z)
    same(square, z * z)
    same(size, np.abs(z))


def test_sizes_of_nothing(cupy):
    f = et.jit(lambda x: (x.sum(), x * 2, et.cumsum(x)), target="cuda")
    total, twice, sums = f(np.zeros(0))
    same(total, 0.0)
    same(twice, np.zeros(0))
    same(sums, np.zeros(0))


# ---------------------------------------------------------------------------------------- states
def test_state_stays_on_the_device(cupy):
    x = et.tensor("x", shape=(3,))
    w = et.shared(np.zeros(3), name="w", target="cuda")
    step = et.function([x], (w * x).sum(), updates={w: w + x}, target="cuda")
    a = cupy.asarray(np.arange(3.0))
    copies = COUNTS["to device"]
    for k in range(4):
        same(step(a), 5.0 * k)
    same(w.get_value(), 4 * np.arange(3.0))
    assert COUNTS["to device"] == copies
    assert COUNTS["to host"] == 0
    w.set_value(np.ones(3))
    same(step(a), 3.0)
    other = copy.deepcopy(w)
    assert other.state.target == "cuda"
    w.set_value(np.zeros(3))
    same(other.get_value(), 1 + np.arange(3.0))


def test_a_call_like_the_last_one_is_short_and_any_other_is_not(cupy):
    x, w = vector(), et.shared(np.zeros(2), name="w", shape=("m",), target="cuda")
    f = et.function([x], x.sum() * w.sum(), updates={w: w + 1}, target="cuda")
    g = et.jit(lambda x: x * 2, target="cuda")
    a, b = cupy.asarray(np.ones(3)), cupy.asarray(np.ones(5))
    for k in range(4):
        same(f(a), 3.0 * 2 * k)
        same(g(a), 2 * np.ones(3))
    same(f(b), 5.0 * 8)  # of another size
    same(g(b), 2 * np.ones(5))
    w.set_value(np.ones(7))  # a state of another size
    same(f(b), 5.0 * 7)
    same(g(cupy.asarray(np.ones(5, "float32"))), 2 * np.ones(5, "float32"))
    same(g(np.ones(5)), 2 * np.ones(5))
    strided = cupy.asarray(np.arange(10.0))[::2]
    same(g(strided), 2 * np.arange(0, 10, 2.0))
    with pytest.raises(DtypeError):
        f(cupy.asarray(np.ones(5, "float32")))


def test_state_of_the_host_is_copied_there_and_back(cupy):
    w = et.shared(np.zeros(2), name="w")
    step = et.function([], updates={w: w + 1}, target="cuda")
    step()
    step()
    np.testing.assert_array_equal(w.get_value(), [2.0, 2.0])


def test_functions_and_their_state_are_saved_and_loaded(cupy, tmp_path):
    x, w = vector(), et.shared(np.ones(2), name="w", target="cuda")
    f = et.function([x], x.sum() + w, updates={w: w + 1}, target="cuda")
    a = RANDOM.standard_normal(4)
    same(f(a), a.sum() + np.ones(2))
    f.save(tmp_path / "f")
    g = et.load(tmp_path / "f")
    assert g.shared[0].state.target == "cuda"
    same(g(a), a.sum() + 2 * np.ones(2))
    h = et.jit(lambda x: et.exp(x).sum(), target="cuda")
    h(a)
    h.save(tmp_path / "h")
    same(et.load(tmp_path / "h")(a), np.exp(a).sum())


def test_the_reference_evaluator_is_for_the_cpu(cupy, monkeypatch):
    monkeypatch.setenv("EQSAT_DISABLE", "1")
    with pytest.raises(UnsupportedError, match="needs EQSAT_DISABLE unset"):
        et.jit(lambda x: x + 1, target="cuda")(np.ones(2))


def test_a_state_may_change_its_shape(cupy):
    w = et.shared(np.zeros(2), name="w", shape=("n",), target="cuda")
    total = et.function([], w.sum(), target="cuda")
    same(total(), 0.0)
    w.set_value(np.ones(5))
    same(total(), 5.0)


def test_a_function_for_the_cpu_does_not_take_state_of_a_device(cupy):
    w = et.shared(np.zeros(2), name="w", target="cuda")
    with pytest.raises(ArgumentError, match="states of the CPU; got w on a CUDA device"):
        et.function([], w + 1)


def test_a_failed_check_leaves_state_as_it_was(cupy):
    table, i = et.tensor("t", shape=(4,)), et.tensor("i", shape=("k",), dtype="int64")
    w = et.shared(np.zeros(()), name="w", target="cuda")
    f = et.function([table, i], table[i], updates={w: w + 1}, target="cuda")
    same(f(np.arange(4.0), np.array([3, -1])), np.array([3.0, 3.0]))
    with pytest.raises(LabelError):
        f(np.arange(4.0), np.array([4]))
    same(w.get_value(), 1.0)


# ------------------------------------------------------------------------------------ graphs, runs
def test_a_loop_becomes_graphs(cupy):
    """CuPy's pool gives a loop's results the same memory by turns: each set of arrays is captured
    at its second call."""
    x = et.tensor("x", shape=("n", 3))
    f = et.function([x], [et.exp(x).sum(1), (x @ x.T)], target="cuda")
    a = cupy.asarray(RANDOM.standard_normal((4, 3)))
    for call in range(12):
        results = f(a)
        same(results[0], np.exp(a.get()).sum(1))
        same(results[1], a.get() @ a.get().T)
        if call == 5:
            launches, graphs = COUNTS["launches"], COUNTS["graphs"]
    assert COUNTS["launches"] == launches, "all later calls are graphs"
    assert COUNTS["graphs"] == graphs + 6


def test_results_that_are_kept_are_never_written_again(cupy):
    x = et.tensor("x", shape=("n", 3))
    f = et.function([x], [et.exp(x).sum(1), (x @ x.T)], target="cuda")
    given = [cupy.asarray(RANDOM.standard_normal((4, 3))) for _ in range(10)]
    kept = [f(a)[0] for a in given for _ in range(2)]
    for k, result in enumerate(kept):
        same(result, np.exp(given[k // 2].get()).sum(1))


def test_a_program_of_one_kernel_is_launched_as_it_is(cupy):
    f = et.jit(lambda x: x * 2, target="cuda")
    a = cupy.asarray(np.ones(3))
    for _ in range(8):
        f(a)
    assert (COUNTS["launches"], COUNTS["graphs"]) == (8, 0)


def test_a_program_is_loaded_once_for_all_sizes_of_a_bucket(cupy):
    f = et.jit(lambda x: et.tanh(x) + 1, target="cuda")
    for n in (5, 6, 7, 100):
        same(f(np.ones(n)), np.tanh(np.ones(n)) + 1)
    assert COUNTS["modules"] <= 2
    assert f.counters.traces == 1


# ------------------------------------------------------------------------------- without a device
def test_a_call_without_a_device_says_so(monkeypatch):
    fakecupy.install(monkeypatch, available=False)
    f = et.jit(lambda x: x * 2, target="cuda")
    with pytest.raises(UnsupportedError, match="a CUDA device to run on; got none"):
        f(np.ones(3))
    with pytest.raises(UnsupportedError, match="a CUDA device"):
        et.shared(np.zeros(3), target="cuda")


def test_what_only_the_cpu_has_is_an_error_that_says_so(cupy):
    x = vector()
    with pytest.raises(UnsupportedError, match="mode='verify' needs target='cpu'"):
        et.function([x], x + 1, target="cuda", mode="verify")
    with pytest.raises(UnsupportedError, match="to bind"):
        et.function([x], x + 1, target="cuda").bind(np.ones(3))
    with pytest.raises(UnsupportedError, match="to bind"):
        et.jit(lambda x: x + 1, target="cuda").bind(np.ones(3))
