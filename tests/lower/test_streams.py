"""Stores past the caches: where they are, that they begin on lines, and that nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest

from eqsat_tensor.lower.cpu import bound as bound_module
from eqsat_tensor.lower.cpu import lines
from eqsat_tensor.lower.cpu.emit import emit
from eqsat_tensor.lower.cpu.plans import compile_plan
from eqsat_tensor.schedule import schedule
from tests.lower.boundprograms import check, check_guarded, compiled, planned, size_cases, symbols
from tests.lower.loopprograms import PROGRAMS
from tests.lower.loopvalues import M, N, array, fn

PAST = "!nontemporal"


@pytest.mark.usefixtures("past_the_caches")
@pytest.mark.parametrize("name", PROGRAMS)
def test_values_do_not_change(name: str) -> None:
    plan = planned(name)
    for sizes in size_cases(symbols(plan))[1::4]:
        check(name, compiled(name), plan, sizes)


@pytest.mark.usefixtures("past_the_caches")
@pytest.mark.parametrize("name", ["chain10", "mixed_dtypes", "softmax", "jacobi"])
def test_nothing_outside_the_arrays_is_touched_wherever_they_begin(name: str) -> None:
    plan = planned(name)
    check_guarded(compiled(name), plan, size_cases(symbols(plan))[::5])


@pytest.mark.usefixtures("past_the_caches")
def test_an_element_off_its_own_size_is_no_trap() -> None:
    x = array("x", N)
    program = compile_plan(schedule([(x + 1.0).v]))
    room, values = np.zeros(8 * 1001, np.uint8), np.arange(1000.0)
    for off in range(8):
        program.bind({"n": 1000}).run([values.ctypes.data, room.ctypes.data + off])
        assert (room[off : off + 8000].view(np.float64) == values + 1).all()


@pytest.mark.usefixtures("past_the_caches")
def test_threads_never_change_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bound_module, "GRAIN", 1.0)
    program, x = compiled("chain10"), np.random.default_rng(0).standard_normal((2, 10_007))
    alone = program.bind({"n": 10_007}, 1)(*x)
    for _ in range(20):
        assert program.bind({"n": 10_007}, 2)(*x)[0].tobytes() == alone[0].tobytes()


def test_results_that_are_read_again_stay_in_the_caches() -> None:
    x, y = array("x", N, M), array("y", N, M)
    assert PAST in emit(schedule([(x + y).v])).text
    z = fn("exp", x)
    again = emit(schedule([z.v, z.sum(1).v])).text  # one pass makes both: lanes must stay
    assert PAST not in again


def test_small_results_stay_in_the_caches() -> None:
    x = array("x", 100, 100)
    assert PAST not in emit(schedule([(x + 1.0).v])).text
    assert lines.word_of(lines.LARGE - 1, lines.ROW) == 0
    assert lines.word_of(lines.LARGE, lines.ROW - 1) == 0  # rows too short
    assert lines.word_of(lines.LARGE, lines.ROW) == 63
