"""``target="cuda"`` from end to end, on a stand-in for CuPy that runs kernels on the emulated device."""

from __future__ import annotations

import copy
import warnings
from collections import Counter
from dataclasses import asdict

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.calibrate_device import measure_device
from eqsat_tensor.calibration import keep_profile, profile_for
from eqsat_tensor.errors import (
    ArgumentError,
    DtypeError,
    LabelError,
    ShapeError,
    UnsupportedError,
)
from eqsat_tensor.extract.cost import CostModel
from eqsat_tensor.fuzz.programs import draw_case, improves_nonfinite
from eqsat_tensor.lang import OPS
from eqsat_tensor.lower.cuda import bind as bind_module
from eqsat_tensor.machine import CUDA
from eqsat_tensor.runtime import cache as disk
from eqsat_tensor.verify.bounds import agrees
from tests.lower.cuda import fakecupy
from tests.lower.cuda.emulator import Library, needs_compiler
from tests.lower.cuda.fakecupy import COUNTS

pytestmark = needs_compiler
RANDOM = np.random.default_rng(3)


@pytest.fixture
def cupy(monkeypatch):
    return fakecupy.install(monkeypatch)


def same(got, want, tolerance=1e-12):
    assert isinstance(got, fakecupy.ndarray), type(got)
    assert (got.shape, got.dtype) == (np.shape(want), np.asarray(want).dtype)
    np.testing.assert_allclose(got.get(), want, tolerance, tolerance)


def vector(name="x", dtype="float64"):
    return et.tensor(name, shape=("n",), dtype=dtype)


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


# ------------------------------------------------------------------------------ products, library
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_products_are_cublas_with_transposes_as_flags(cupy, dtype):
    a, b = (RANDOM.standard_normal(s).astype(dtype) for s in ((5, 3), (3, 7)))
    f = et.jit(lambda a, b: (a @ b, b.T @ a.T, a.T @ a, (2 * (a @ b)).T), target="cuda")
    for got, want in zip(f(a, b), (a @ b, b.T @ a.T, a.T @ a, 2 * (a @ b).T), strict=True):
        same(got, want, 1e-5)
    assert COUNTS["products"] >= 2


def test_products_with_addends_batches_and_nothing_inside(cupy):
    a, b, c = (RANDOM.standard_normal(s) for s in ((4, 5, 3), (4, 3, 6), (4, 5, 6)))
    f = et.jit(lambda a, b, c, s: s * (a @ b) + 2 * c, target="cuda")
    same(f(a, b, c, np.array(0.5)), 0.5 * (a @ b) + 2 * c)
    bias = RANDOM.standard_normal(6)
    g = et.jit(lambda a, b, c: a @ b + c, target="cuda")
    same(g(a[0], b[0], bias), a[0] @ b[0] + bias)
    same(g(np.zeros((2, 0)), np.zeros((0, 6)), bias), np.tile(bias, (2, 1)))


def test_library_ops_run_on_the_device_where_cupy_has_them(cupy):
    a = RANDOM.standard_normal((4, 4))
    a = a @ a.T + 4 * np.eye(4)
    b = RANDOM.standard_normal((4, 2))
    f = et.jit(lambda a, b: (et.linalg.solve(a, b), et.linalg.cholesky(a), et.sort(b, axis=0)),
               target="cuda")  # fmt: skip
    solved, root, ordered = f(a, b)
    same(solved, np.linalg.solve(a, b), 1e-9)
    same(root, np.linalg.cholesky(a), 1e-9)
    same(ordered, np.sort(b, axis=0))
    assert COUNTS["linalg.cholesky"] == 1
    assert COUNTS["to host"] == 0
    with pytest.raises(np.linalg.LinAlgError, match=r"cholesky: .*float64\[4, 4\].*test_runtime"):
        f(-a, b)


def test_what_the_device_has_not_is_computed_on_the_host_and_said(cupy):
    f = et.jit(lambda x: et.special.digamma(x) * 2 + 1, target="cuda")
    x = np.linspace(1, 2, 5)
    with pytest.warns(RuntimeWarning, match="digamma computed on the host"):
        got = f(x)
    from scipy.special import digamma

    same(got, digamma(x) * 2 + 1)
    assert COUNTS["to host"] == 1


def test_what_follows_one_another_on_the_host_is_copied_once(cupy):
    from scipy.special import digamma, ndtri, zeta

    f = et.jit(lambda x: et.special.digamma(et.special.zeta(x + 1, x)) + et.special.ndtri(x / 4),
               target="cuda")  # fmt: skip
    x = np.linspace(1, 2, 5)
    with pytest.warns(RuntimeWarning, match="digamma, ndtri, zeta computed on the host"):
        got = f(x)
    same(got, digamma(zeta(x + 1, x)) + ndtri(x / 4), 1e-9)
    assert COUNTS["to host"] == 3  # x, x + 1, x / 4; of what zeta made, nothing


def test_graphs_and_callbacks_of_the_user(cupy):
    f = et.jit(lambda x, flag: et.cond(flag, lambda x: x * 2, lambda x: x - 1, x), target="cuda")
    x = np.arange(3.0)
    same(f(x, np.array(True)), x * 2)
    same(f(x, np.array(False)), x - 1)
    assert COUNTS["waits"] == 2


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


@pytest.mark.parametrize("columns", [1, 3])
def test_scatters_take_equal_labels_in_order(cupy, monkeypatch, columns):
    """Floats added in NumPy's order give NumPy's bits; sorted, and a column a thread."""
    labels = RANDOM.integers(-4, 4, 200)
    parts = RANDOM.standard_normal((200, columns)) * 10.0 ** RANDOM.integers(-8, 8, (200, 1))
    want = np.ones((4, columns))
    np.add.at(want, labels, parts)
    last = np.ones((4, columns))
    last[labels] = parts
    for serial in ((64, 8192), (1000, 8192)):
        monkeypatch.setattr(bind_module, "SERIAL", serial)
        f = et.jit(lambda b, i, p: (b.at[i].add(p), b.at[i].set(p)), target="cuda")
        added, given = f(np.ones((4, columns)), labels, parts)
        np.testing.assert_array_equal(added.get(), want)
        np.testing.assert_array_equal(given.get(), last)


# ------------------------------------------------------------------------------------- the figures
def test_measured_figures_are_what_programs_are_chosen_by(cupy, monkeypatch, tmp_path):
    monkeypatch.setattr(disk.default_cache(), "directory", tmp_path)
    profile_for.cache_clear()
    assert profile_for("cuda") == CUDA != profile_for("cpu")
    measured = measure_device(elements=1 << 10, side=16)
    figures = asdict(measured)
    assert all(figures[name] > 0 for name in figures if isinstance(figures[name], float))
    path = keep_profile(measured, "cuda")
    profile_for.cache_clear()
    assert profile_for("cuda") == measured
    path.write_text("{}}")
    profile_for.cache_clear()
    with pytest.warns(RuntimeWarning, match=r"profile-cuda.json .*calibrate again"):
        assert profile_for("cuda") == CUDA
    path.unlink()
    profile_for.cache_clear()


def test_the_cost_model_may_choose_otherwise_than_for_the_cpu():
    """A small product: on the device a launch of cuBLAS is dearer than what it saves."""
    models = {t: CostModel(profile_for(t), {}) for t in ("cpu", "cuda")}
    x = et.tensor("x", shape=(64, 64))
    both = {}
    for target, model in models.items():
        e = et.sum(x @ x).expr
        both[target] = model.price(
            OPS["matmul"], e.arguments[0].type, [x.expr.type, x.expr.type], ()
        ) / model.price(OPS["exp"], x.expr.type, [x.expr.type], ())
    assert both["cuda"] > 10 * both["cpu"]


# ------------------------------------------------------------------------------- without a device
def test_text_and_cubin_are_there_without_cupy():
    x = vector()
    f = et.function([x], et.exp(x).sum(), target="cuda")
    assert 'extern "C" __global__ void kernel0' in f.cuda
    assert f.cuda == et.function([x], et.exp(x).sum(), target="cuda").cuda
    g = et.jit(lambda x: x * 2, target="cuda")
    with pytest.raises(ArgumentError, match="a call before cuda"):
        _ = g.cuda
    with pytest.raises(UnsupportedError, match=r'the package CuPy for target="cuda"; got none'):
        g(np.ones(3))
    assert "* 2" in g.cuda or "2.0" in g.cuda


def test_programs_are_kept_between_processes(monkeypatch, tmp_path):
    """The second function finds text and launches: nothing is saturated again."""
    x = vector()
    made = [et.function([x], [et.exp(x).sum(), et.sort(x), 3.7 * x], target="cuda") for _ in (1, 2)]
    programs = [f.variant.on_device.program({"n": 40}) for f in made]
    assert programs[0] == programs[1]
    assert made[1].counters.rewrites == 0
    fakecupy.install(monkeypatch)
    a = RANDOM.standard_normal(40)
    for got, want in zip(made[1](a), (np.exp(a).sum(), np.sort(a), 3.7 * a), strict=True):
        same(got, want)


def test_text_is_there_for_functions_of_the_cpu_too():
    x = vector()
    assert "__global__" in et.function([x], x + 1).cuda


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


def test_explain_shows_the_device(cupy):
    f = et.jit(lambda x: et.log(1 + et.exp(x)), target="cuda")
    f(np.ones(4))
    told = f.explain()
    assert "eq_softplus_f" in told.code
    assert "softplus" in told.after


# --------------------------------------------------------------------------------- random programs
SEEDS = 60


def test_random_programs_are_right(cupy):
    """Drawn as `eqsat fuzz` draws them, rewritten, and held to the error bound of the program."""
    made, texts = [], []
    for seed in range(SEEDS):
        case = draw_case(seed, 1 + seed % 4)
        if case.refused():
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            function = case.compiled(target="cuda")
            arrays = [case.inputs[leaf] for leaf in case.program.leaves]
            sizes = function.family.sizes(arrays)
            variant = function.family.serving(sizes)
            texts.append(variant.on_device.program(sizes).text)
        made.append((case, function, arrays))
    library = Library(texts)
    fakecupy._libraries.update(dict.fromkeys(texts, library))
    counts: Counter[str] = Counter()
    for case, function, arrays in made:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            results = [r.get() for r in function(*arrays)]
        outputs = case.program.outputs
        verdict = agrees(results, outputs, case.inputs, improves_nonfinite(function))
        assert verdict.ok, case.report("\n".join(map(str, verdict.faults[:3])))
        counts["programs"] += 1
    assert counts["programs"] >= SEEDS * 0.9
