"""Arrays that are read across: by tiles turned over in registers, those at the ends masked."""

from __future__ import annotations

import numpy as np
import pytest

from eqsat_tensor.lower.cpu import bound as bound_module
from eqsat_tensor.lower.cpu.emit import emit
from eqsat_tensor.lower.cpu.plans import compile_plan
from eqsat_tensor.schedule import schedule
from tests.lower.boundprograms import check
from tests.lower.guarded import run_guarded
from tests.lower.loopvalues import F32, I64, K, M, N, T, array, fn


def mixed() -> list[T]:
    """A narrow and a wide array across, one along, a row for all."""
    x, y = array("x", M, N, dtype=F32), array("y", M, N)
    return [x.mT.cast(np.float64) * y.mT + array("z", N, M) + array("r", M).to(N, M)]


PROGRAMS = {
    "double": lambda: [array("x", M, N).mT * 2.0],
    "single": lambda: [array("x", M, N, dtype=F32).mT + array("y", N, M, dtype=F32)],
    "whole": lambda: [array("x", M, N, dtype=I64).mT + 1],
    "mixed": mixed,
    "two outputs": lambda: [array("x", M, N).mT * 2.0, array("x", M, N).mT + array("y", N, M)],
    "first to last": lambda: [array("x", N, M, K).transpose(1, 2, 0) + 1.0],
    "last to first": lambda: [array("x", N, M, K).transpose(2, 0, 1) + 1.0],
    "last two": lambda: [array("x", K, M, N).transpose(0, 2, 1) + 1.0],
    "a slice": lambda: [array("x", M, N)[1:, 2:].mT * 3.0],
    "heavy": lambda: [fn("exp", array("x", M, N).mT)],
}


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("name", PROGRAMS)
def test_it_is_numpys_transpose(name: str, large: bool, request: pytest.FixtureRequest) -> None:
    if large:
        request.getfixturevalue("past_the_caches")
    plan = schedule([t.v for t in PROGRAMS[name]()])
    program = compile_plan(plan)
    rank = 2 if name not in ("first to last", "last to first", "last two") else 3
    for n, m in ((0, 5), (5, 0), (1, 1), (7, 9), (8, 8), (16, 16), (17, 33), (64, 40), (200, 130)):
        if name == "a slice" and (n < 3 or m < 2):
            continue
        for k in (1, 19) if rank == 3 else (1,):
            check(name, program, plan, {"n": n, "m": m, "k": k})


def test_tiles_are_turned_over_by_shuffles() -> None:
    text = emit(schedule([(array("x", M, N).mT * 2.0).v]), vector_bytes=64).text
    assert (
        text.count("shufflevector <8 x double>") == 2 * 24
    )  # three rounds of eight, whole and masked
    assert "i32 1, i32 3, i32 1)" in text  # what the tile below writes is asked for
    heavy = emit(schedule([fn("exp", array("x", M, N).mT).v]), vector_bytes=64).text
    assert "gather" in heavy  # its body would be written eight times
    along = emit(schedule([(array("x", N, M) * 2.0).v]), vector_bytes=64).text
    assert "shufflevector <8 x double>" not in along


@pytest.mark.parametrize("dtype", [np.dtype(np.float64), F32])
def test_nothing_outside_the_arrays_is_touched(dtype: np.dtype) -> None:
    program = compile_plan(schedule([(array("x", M, N, dtype=dtype).mT * 2.0).v]))
    sizes = ((0, 3), (1, 1), (9, 17), (16, 8), (65, 70), (3, 100), (100, 3), (18, 31), (21, 16))
    for n, m in sizes:
        x = np.random.default_rng(0).normal(size=(m, n)).astype(dtype)
        for at_end in (True, False):
            (got,) = run_guarded(program.bind({"n": n, "m": m}), [x], at_end)
            np.testing.assert_array_equal(got, x.T * 2)


def test_threads_never_change_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bound_module, "GRAIN", 1.0)
    program = compile_plan(schedule([(array("x", M, N).mT * 0.1).v]))
    x = np.random.default_rng(1).normal(size=(213, 301))
    for threads in (1, 2, 3):
        (got,) = program.bind({"n": 301, "m": 213}, threads)(x)
        np.testing.assert_array_equal(got, x.T * 0.1)
