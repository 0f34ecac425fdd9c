"""Programs for ``target="cuda"``: products, library ops, scatters, random ones; which are chosen.

On a stand-in for CuPy that runs kernels on the emulated device, and without any device.
"""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import asdict

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.calibrate_device import measure_device
from eqsat_tensor.calibration import keep_profile, profile_for
from eqsat_tensor.errors import ArgumentError, UnsupportedError
from eqsat_tensor.extract.cost import CostModel
from eqsat_tensor.fuzz.programs import draw_case, held
from eqsat_tensor.lang import OPS
from eqsat_tensor.lower.cuda import bind as bind_module
from eqsat_tensor.machine import CUDA
from eqsat_tensor.runtime import cache as disk
from tests.lower.cuda import fakecupy
from tests.lower.cuda.devicearrays import same, vector
from tests.lower.cuda.emulator import Library, needs_compiler
from tests.lower.cuda.fakecupy import COUNTS

pytestmark = needs_compiler
RANDOM = np.random.default_rng(3)


# -------------------------------------------------------------------- products, library, scatters
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


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int32", "uint8", "complex128"])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_convolutions_are_kernels(cupy, dtype, mode):
    draws = [RANDOM.integers(0, 5, n) * (1 + 1j if dtype == "complex128" else 1) for n in (70, 9)]
    a, v = (x.astype(dtype) for x in draws)
    f = et.jit(lambda a, v: np.convolve(a, v, mode), target="cuda")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same(f(a, v), np.convolve(a, v, mode), 1e-12)
    a, v = (x.real.astype("float64") for x in (a, v))
    a[3] = np.inf
    same(f(a, v[v != 0]), np.convolve(a, v[v != 0], mode), 1e-12)


ATOMIC = ("int32", "uint32", "int64", "uint64")


@pytest.mark.parametrize("dtype", ATOMIC)
def test_whole_numbers_are_scattered_by_atomics(cupy, dtype):
    """In any order, and the bits are the same."""
    labels = RANDOM.integers(-4, 4, 200)
    parts = RANDOM.integers(0, np.iinfo(dtype).max, (200, 3), dtype=dtype)
    base = np.ones((4, 3), dtype)
    f = et.jit(lambda b, i, p: (b.at[i].add(p), b.at[i].max(p), b.at[i].min(p)), target="cuda")
    got = f(base, labels, parts)
    for word, ufunc, result in zip(("add", "maximum", "minimum"), (np.add, np.maximum, np.minimum), got,
                                   strict=True):  # fmt: skip
        want = base.copy()
        ufunc.at(want, labels, parts)
        np.testing.assert_array_equal(result.get(), want)
        assert f"eq_atomic_{word}(" in f.cuda
    assert len(f(base, labels[:0], parts[:0])) == 3


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats_are_scattered_by_atomics_on_demand(cupy, dtype):
    labels = RANDOM.integers(-4, 4, 200)
    parts = RANDOM.standard_normal((200, 3)).astype(dtype)
    base = np.ones((4, 3), dtype)
    want = base.copy()
    np.add.at(want, labels, parts)
    ordered = et.jit(lambda b, i, p: b.at[i].add(p), target="cuda")
    free = et.jit(lambda b, i, p: b.at[i].add(p), target="cuda", deterministic=False)
    np.testing.assert_array_equal(ordered(base, labels, parts).get(), want)
    np.testing.assert_allclose(
        free(base, labels, parts).get(), want, rtol=2e-6 if dtype == "float32" else 1e-13
    )
    assert ("eq_atomic" in ordered.cuda, "eq_atomic" in free.cuda) == (False, True)
    largest = et.jit(lambda b, i, p: b.at[i].max(p), target="cuda", deterministic=False)
    largest(base, labels, parts)
    assert "eq_atomic" not in largest.cuda, "there is no such atomic for floats"


def test_the_cpu_is_always_deterministic():
    with pytest.raises(ArgumentError, match="deterministic=False: of target='cuda' alone"):
        et.jit(lambda x: x, deterministic=False)


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
        verdict = held(results, outputs, case.inputs, function)
        assert verdict.ok, case.report("\n".join(map(str, verdict.faults[:3])))
        counts["programs"] += 1
    assert counts["programs"] >= SEEDS * 0.9
