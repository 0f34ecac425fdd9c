"""Programs on the emulated device against NumPy: odd sizes, dtypes, hard values, planted errors."""

from __future__ import annotations

import os
from collections import Counter
from functools import cache

import numpy as np
import pytest

from eqsat_tensor.lower.cuda import bind as bind_module
from eqsat_tensor.lower.cuda import evaluate, passes, writer
from eqsat_tensor.lower.cuda.passes import Passes
from eqsat_tensor.lower.cuda.program import compile_plan
from eqsat_tensor.lower.cuda.resident import TURNS
from eqsat_tensor.schedule import schedule
from eqsat_tensor.schedule.loop_values import walk
from tests.lower.boundprograms import arguments, labels_fit, size_cases, symbols
from tests.lower.cuda.emulator import built, needs_compiler
from tests.lower.loopprograms import PROGRAMS
from tests.lower.loopvalues import F32, K, M, N, array, fn, meaning
from tests.lower.randomprograms import random_program

pytestmark = needs_compiler
ALL = os.environ.get("EQSAT_TEST_CUDA") == "all"
SMALL = 20_000  # elements about, of the cases that are run
SEEDS = [*range(100 if ALL else 30), 139, 275, 446]
GROUPS = 4  # compiled together


@cache
def plan_of(name):
    make = PROGRAMS[name] if name in PROGRAMS else lambda: random_program(int(name))
    return schedule([t.v for t in make()])


@cache
def devices(names, hints=()):
    return built({n: compile_plan(plan_of(n), dict(hints)) for n in names})


def check(name, program, sizes, special=False, plan=None):
    plan = plan or plan_of(name)
    arrays = arguments(plan, sizes, special)
    labels_fit(plan, arrays, sizes)
    values = dict(sizes)
    for v in plan.inputs:
        if not v.contiguous:
            steps = [s // v.dtype.itemsize for s in arrays[v.name].strides]
            values |= {f"{v.name}:{axis}": step for axis, step in enumerate(steps)}
    results = program(values, [arrays[v.name] for v in plan.inputs])
    rough = any(v.dtype == F32 for v in walk(plan.outputs))
    tolerance = 2e-5 if rough else 1e-11
    wanted = meaning(plan.outputs, arrays, sizes)
    for k, (got, want) in enumerate(zip(results, wanted, strict=True)):
        label = f"{name} {k} {sizes}"
        assert (got.shape, got.dtype) == (want.shape, want.dtype), label
        if got.dtype.kind != "f":
            np.testing.assert_array_equal(got, want, label)
            continue
        finite = want[np.isfinite(want)]
        scale = max(float(np.max(np.abs(finite), initial=0.0)), 0.0 if name in PROGRAMS else 1.0)
        np.testing.assert_allclose(got, want, tolerance, tolerance * scale, err_msg=label)
    return results


def cases(name, stride=1):
    every = size_cases(symbols(plan_of(name)))
    return [s for s in every if np.prod(list(s.values()) or [1]) <= SMALL][::stride]


NAMES = list(PROGRAMS)


@pytest.mark.parametrize("part", range(GROUPS))
def test_every_size_gives_what_numpy_gives(part):
    names = tuple(NAMES[part::GROUPS])
    for name, program in devices(names).items():
        for sizes in cases(name, 1 if ALL else 3):
            check(name, program, sizes)
        if name not in ("mixed_dtypes", "logistic_map5"):  # where a NaN becomes an integer
            for sizes in cases(name, 7)[1:]:
                check(name, program, sizes, special=True)


@pytest.mark.parametrize("part", range(GROUPS))
def test_random_programs_give_what_numpy_gives(part):
    names = tuple(map(str, SEEDS[part::GROUPS]))
    for name, program in devices(names).items():
        for n, m in ((1, 2), (5, 33), (0, 3), (70, 9)):
            check(name, program, {"n": n, "m": m})


LONG = ("softmax", "logsumexp", "two_row_sums_of_one_exp", "layernorm", "row_scalars_reused")


def test_few_long_rows_give_what_numpy_gives():
    hints = (("n", 4), ("m", 1 << 16))
    for name, program in devices(LONG, hints).items():
        assert any(w.step.kind == "split" for w in program.program.work), name
        for n, m in ((3, 40_000), (1, 20_001), (2, 1), (3, 0), (0, 5), (5, 8193)):
            check(name, program, {"n": n, "m": m})


def test_rows_in_registers_and_rows_beyond_them_give_what_numpy_gives(monkeypatch):
    """By blocks of few threads, so that rows soon are too long for their registers."""
    monkeypatch.setattr(bind_module, "THREADS", 32)
    used = Counter()
    for name, program in devices(LONG).items():
        turns = {x.kernel: x.turns for w in program.program.work for x in w.step.launches}
        for n, m in ((3, 1), (5, 64), (2, 127), (3, 256), (2, 512), (3, 513), (2, 2000), (0, 4)):
            check(name, program, {"n": n, "m": m})
            actions = bind_module.bind(program.program, {"n": n, "m": m}).actions
            used.update(turns[a.kernel] for a in actions)
    assert min(used[0], used[TURNS]) > 10, used


SHARED = {
    "full": lambda: PROGRAMS["sum_squares"](),
    "columns": lambda: [array("x", N, M).sum(0), fn("exp", array("x", N, M)).reduce("max", 0)],
}


@pytest.mark.parametrize("name", SHARED)
def test_reductions_in_many_chunks_give_what_numpy_gives(name, monkeypatch):
    """Chunks of a few elements, so that small arrays have many."""
    monkeypatch.setattr(bind_module, "GROUPS", 1)
    monkeypatch.setattr(bind_module, "THREADS", 32)
    plan = schedule([t.v for t in SHARED[name]()])
    (program,) = built({name: compile_plan(plan)}).values()
    for sizes in ({"n": 5000, "m": 3}, {"n": 333, "m": 40}, {"n": 1, "m": 1}, {"n": 0, "m": 2}):
        check(name, program, {k: sizes[k] for k in symbols(plan)}, plan=plan)


TURNED = {
    "loads": lambda: [array("x", N, M).mT * array("z", N, M).mT + array("y", M, N)],
    "stores": lambda: [array("x", N, M) + 1.0, (array("x", N, M) + 1.0).mT],
    "batches": lambda: [array("x", K, N, M).mT - array("y", K, M, N)],
    "padded": lambda: [array("x", N, M).mT.pad((1, 2), (0, 3)) + array("y", M + 3, N + 3)],
    "parts": lambda: [array("x", N + 1, M + 2)[1:, 2:].mT + array("y", M, N)],
    "single": lambda: [array("x", N, M, dtype=F32).mT + array("y", M, N, dtype=F32)],
    "bytes": lambda: [
        array("x", N, M, dtype=np.dtype(np.int8)).mT.cast(F32) + array("y", M, N, dtype=F32)
    ],
}


@pytest.mark.parametrize("name", TURNED)
def test_what_lies_across_is_turned(name):
    plan = schedule([t.v for t in TURNED[name]()])
    compiled = compile_plan(plan)
    assert "tiles" in {x.form for w in compiled.work for x in w.step.launches}, name
    (program,) = built({name: compiled}).values()
    for n, m in ((1, 1), (32, 32), (33, 31), (70, 45), (5, 97), (0, 3), (64, 1)):
        sizes = {"n": n, "m": m, "k": 3}
        check(name, program, {k: sizes[k] for k in symbols(plan)}, plan=plan)


def test_runs_are_equal_bit_by_bit():
    for name in ("logistic_regression", "standardize_columns", "sum_squares"):
        (program,) = devices((name,)).values()
        sizes = {"n": 300, "m": 21, "k": 7}
        sizes = {k: sizes[k] for k in symbols(plan_of(name))}
        first, second = (check(name, program, sizes) for _ in range(2))
        assert [r.tobytes() for r in first] == [r.tobytes() for r in second]


# ---------------------------------------------------------------------- lowerings made wrong
def wrong_axis(patch):
    plain = writer.linear

    def turned(value, access):
        offset, steps = plain(value, access)
        axes = sorted(steps)
        return offset, dict(zip(axes, (steps[a] for a in reversed(axes)), strict=True))

    patch.setattr(writer, "linear", turned)


def swapped_operands(patch):
    plain = evaluate.word_text

    def swapped(word, dtype, operands):
        return plain(word, dtype, operands[::-1] if word == "subtract" else operands)

    patch.setattr(evaluate, "word_text", swapped)


def off_by_one(patch):
    plain = Passes.bounds
    patch.setattr(Passes, "bounds", lambda w, axis, low, high: plain(w, axis, low, high - 1))


def counted_twice(patch):
    patch.setattr(passes, "REPEATABLE", ("sum", "prod", "max", "min", "any", "all"))


CAUGHT_BY = {
    wrong_axis: "broadcasts",
    swapped_operands: "softmax",
    off_by_one: "padded",
    counted_twice: "sum_squares",
}


@pytest.mark.parametrize("mutation", CAUGHT_BY)
def test_a_wrong_lowering_is_caught(mutation, monkeypatch):
    name = CAUGHT_BY[mutation]
    plan = plan_of(name)
    mutation(monkeypatch)
    (program,) = built({name: compile_plan(plan)}).values()

    def check_all():
        for size in (1, 2, 3, 7, 31):  # equal ones, so that no wrong index leaves its array
            check(name, program, dict.fromkeys(symbols(plan), size))

    with pytest.raises(AssertionError):
        check_all()
