"""What compiled functions tell of themselves: stages, estimates, times, code, values."""

from __future__ import annotations

import doctest
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor import measured
from eqsat_tensor.errors import ArgumentError, UnsupportedError
from eqsat_tensor.lower.cpu import pool
from eqsat_tensor.timing import listening, stage

STAGES = ("normalize", "look up", "saturate", "extract", "schedule", "emit", "LLVM", "bind")


def softplus_sum(x, y):
    return et.sum(et.log(1 + et.exp(-x * y)))


def made_by_jit(program=softplus_sum, **options):
    return et.jit(lambda *arrays: program(*arrays), **options)


def made_by_function(program=softplus_sum, **options):
    x, y = (et.tensor(name, shape=("n",), dtype="float64") for name in "xy")
    return et.function([x, y], program(x, y), **options)


@pytest.fixture(params=[made_by_jit, made_by_function], ids=["jit", "function"])
def make(request):
    return request.param


def arrays(n=50):
    return np.linspace(-3, 3, n), np.linspace(1, 2, n)


def fresh(make, **options):
    """A program that no test before has compiled."""
    fresh.number += 1
    return make(lambda x, y: softplus_sum(x, y) + fresh.number / 7.0, **options)


fresh.number = 0


# ------------------------------------------------------------------------------------- the stages
def test_a_report_has_every_stage_of_a_compile(make):
    f = fresh(make)
    f(*arrays())
    told = f.report()
    assert set(STAGES) <= told.stages.keys()
    assert ("trace" in told.stages) == (make is made_by_jit)
    assert all(ms >= 0 for ms in told.stages.values())
    assert told.total == pytest.approx(sum(told.stages.values()))
    assert told.engine.keys() >= {"encode", "saturate", "freeze"}
    assert told.cached is False
    assert (told.rewrites, told.compiles, told.binds) == (1, 1, 1)
    assert json.loads(json.dumps(told.as_json()))["total"] == told.total
    assert "code made" in str(told)
    assert "LLVM" in str(told)


def test_a_report_tells_that_code_was_on_disk(make):
    f = fresh(make)
    f(*arrays())
    f.free()
    number, fresh.number = fresh.number, fresh.number - 1
    again = fresh(make)
    assert fresh.number == number
    again(*arrays())
    told = again.report()
    assert told.cached is True
    assert not {"normalize", "saturate", "LLVM", "emit"} & told.stages.keys()
    assert "code from disk" in str(told)


def test_a_stage_inside_another_counts_for_itself():
    times = {}
    with listening(times):
        with stage("outer"), stage("inner"):
            sum(range(200_000))
        with stage("outer"):
            pass
    with stage("unheard"):
        pass
    assert list(times) == ["inner", "outer"]
    assert times["outer"] < times["inner"]


# ------------------------------------------------------------------------------------- estimates
def test_cost_counts_bytes_and_flops_of_each_kernel():
    def program(a, b):
        return (a * 2.0 + b) @ b.T, et.sum(et.exp(a), axis=0)

    f = made_by_jit(program)
    a, b = np.ones((60, 40)), np.ones((60, 40))
    f(a, b)
    told = f.cost()
    (product,) = (k for k in told.kernels if k.kind == "gemm")
    assert product.domain == (1, 60, 60, 40)
    assert product.flops == 2 * 60 * 60 * 40
    assert product.moved == 8 * (60 * 40 + 40 * 60 + 60 * 60)
    (column,) = (k for k in told.kernels if "col" in k.kind)
    assert column.writes == ("out1", "tmp2")  # both in one pass over a
    assert column.flops == 60 * 40 * (2 + 16 + 1)  # an exp counts as 16
    assert column.moved == 8 * (3 * 60 * 40 + 40)
    assert told.flops == sum(k.flops for k in told.kernels)
    assert told.peak >= 8 * 60 * 40  # a * 2 + b is stored for the product
    assert told.nanoseconds == pytest.approx(sum(told.estimates))
    assert all(e > 0 for e in told.estimates)
    assert json.loads(json.dumps(told.as_json()))["peak"] == told.peak
    assert "gemm" in str(told)


def test_elementwise_programs_need_no_memory_for_temporaries(make):
    f = make(lambda x, y: et.tanh(x * y) + x)
    f(*arrays())
    told = f.cost()
    assert told.peak == 0
    assert told.moved == 3 * 8 * 50
    assert [k.writes for k in told.kernels] == [("out0",)]


def test_cost_takes_sizes(make):
    f = make()
    f(*arrays())
    names = list(f.cost().sizes)
    small, large = (f.cost(dict.fromkeys(names, n)) for n in (100, 100_000))
    assert large.flops == 1000 * small.flops
    assert large.nanoseconds > small.nanoseconds


def test_a_function_tells_of_nominal_sizes_before_a_call():
    f = made_by_function()
    assert f.cost().sizes == {"n": 1000}
    assert f.report().cached is not None or not f.report().sizes
    with pytest.raises(ArgumentError, match=r"needs a call before cost\(\)"):
        made_by_jit().cost()


def test_calls_by_way_of_python_are_kernels_too():
    f = made_by_jit(lambda a: et.linalg.cholesky(a @ a.T + et.eye(4)))
    f(np.eye(4))
    assert [k.kind for k in f.cost().kernels if k.host] == ["cholesky"]


def test_a_slice_counts_what_it_reads_and_a_broadcast_array_once():
    f = made_by_jit(lambda x, y: x[:10] * 2.0 + y)
    f(np.ones(100_000), np.ones(()))
    (kernel,) = f.cost().kernels
    assert kernel.moved == 8 * (10 + 1 + 10)


# ------------------------------------------------------------------------------------------ code
def test_code_is_told_as_ir_and_as_assembly(make):
    f = make()
    f(*arrays())
    assert "define void @kernel0(ptr %argument, i64 %begin, i64 %end)" in f.llvm
    assert "kernel0:" in f.asm
    assert ".globl" in f.asm or ".section" in f.asm


# ------------------------------------------------------------------------------------- the clock
@pytest.mark.parametrize("threads", [1, 2])
def test_profile_gives_the_bits_of_run_and_times_each_kernel(make, threads):
    before = pool.pool().threads
    et.set_threads(threads)
    try:
        run, timed = make(), make(mode="profile")
        x, y = arrays(100_000)
        for _ in range(5):
            assert timed(x, y).tobytes() == run(x, y).tobytes()
    finally:
        et.set_threads(before)
    (part,) = timed.profile().parts
    assert [t.calls for t in part.took] == [5] * len(timed.cost().kernels)
    assert all(0 < t.fewest <= t.mean for t in part.took)
    assert all(share > 0 for share in part.shares)
    assert "of roofline" in str(timed.profile())
    assert json.loads(json.dumps(timed.profile().as_json()))["name"] == timed.__name__


def test_profile_times_states_and_calls_by_way_of_python():
    x = et.tensor("x", shape=("n", "n"), dtype="float64")
    w = et.shared(np.zeros(()), name="w")
    f = et.function([x], et.linalg.cholesky(x), updates={w: w + et.sum(x)}, mode="profile")
    for n in (3, 3, 4):
        assert np.array_equal(f(np.eye(n)), np.eye(n))
    assert w.get_value() == 10
    assert [max(t.calls for t in p.took) for p in f.profile().parts] == [2, 1]


def test_only_its_mode_profiles(make):
    f = make()
    f(*arrays())
    with pytest.raises(ArgumentError, match="needs mode='profile'"):
        f.profile()


def test_code_of_another_target_is_not_told_of():
    variant = made_by_function().variant
    other = replace(variant, options=replace(variant.options, target="elsewhere"))
    for tell in (measured.cost, measured.profiled, measured.llvm, measured.assembly):
        with pytest.raises(UnsupportedError, match="needs target='cpu'; got target='elsewhere'"):
            tell(other)


def test_a_profile_before_a_call_is_empty():
    assert made_by_function(mode="profile").profile().parts == ()


# ---------------------------------------------------------------------------------------- values
def test_a_monitor_sees_each_value_as_written(make):
    f = make()
    x, y = arrays()
    compiled = f(x, y)
    seen = []
    with f.monitor(seen.append):
        assert f(x, y) == pytest.approx(compiled)
        assert f(x, y) == pytest.approx(compiled)
    each = {s.op: s for s in seen}
    assert {"negative", "multiply", "exp", "add", "log", "sum"} <= each.keys()
    assert np.array_equal(each["exp"].value, np.exp(-x * y))
    assert each["exp"].place.startswith("test_observed.py:")
    assert "exp: f64[" in str(each["exp"])
    assert [s.name for s in seen[: len(seen) // 2]] == [s.name for s in seen[len(seen) // 2 :]]
    count = len(seen)
    f(x, y)
    assert len(seen) == count


def test_two_monitors_see_and_stop_apart(make):
    f = make()
    first, second = [], []
    one, two = f.monitor(first.append), f.monitor(second.append)
    f(*arrays())
    one.stop()
    f(*arrays())
    two.stop()
    two.stop()
    f(*arrays())
    assert len(second) == 2 * len(first) > 0


def test_what_a_monitor_raises_ends_the_call(make):
    f = make()

    def refuse(seen):
        if seen.op == "exp":
            raise LookupError(seen.name)

    with f.monitor(refuse), pytest.raises(LookupError, match="%"):
        f(*arrays())
    assert np.isfinite(f(*arrays()))


def test_a_monitor_sees_calls_into_given_arrays():
    f = made_by_function(lambda x, y: et.exp(x) * y)
    x, y = arrays()
    out = np.empty_like(x)
    f(x, y, out=out)
    seen = []
    with f.monitor(seen.append):
        assert f(x, y, out=out) is out
    assert len(seen) > 0
    assert np.array_equal(out, np.exp(x) * y)


def test_the_page_on_measuring_runs_as_it_stands():
    page = Path(__file__).parent.parent / "docs" / "measuring.md"
    result = doctest.testfile(str(page), module_relative=False)
    assert result.attempted > 8
    assert result.failed == 0
