"""Programs compiled, bound and run against NumPy: odd sizes, dtypes, threads, and planted errors."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from eqsat_tensor.lower.cpu import bound as bound_module
from eqsat_tensor.lower.cpu import emit as emit_module
from eqsat_tensor.lower.cpu import passes, writer
from eqsat_tensor.lower.cpu.bind import Program
from eqsat_tensor.lower.cpu.measures import Shape
from eqsat_tensor.lower.cpu.passes import Passes, Span
from eqsat_tensor.lower.cpu.plans import compile_plan
from eqsat_tensor.lower.cpu.vecmath import VectorBuilder
from eqsat_tensor.schedule import schedule
from eqsat_tensor.schedule.accesses import Access
from eqsat_tensor.schedule.loop_values import Value
from tests.lower.boundprograms import (
    SIZES,
    arguments,
    check,
    compiled,
    planned,
    size_cases,
    small_cases,
    symbols,
)
from tests.lower.guarded import run_guarded
from tests.lower.loopprograms import PROGRAMS
from tests.lower.randomprograms import random_program


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_size_and_thread_count_gives_what_numpy_gives(name: str) -> None:
    plan = planned(name)
    for sizes in size_cases(symbols(plan)):
        check(name, compiled(name), plan, sizes)


@pytest.mark.parametrize(
    "name", [n for n in PROGRAMS if n not in ("mixed_dtypes", "logistic_map5")]
)
def test_nan_and_infinities_come_out_as_from_numpy(name: str) -> None:
    plan = planned(name)
    for sizes in size_cases(symbols(plan))[3::7]:
        check(name, compiled(name), plan, sizes, special=True)


@pytest.mark.parametrize("name", PROGRAMS)
def test_nothing_outside_the_arrays_is_touched(name: str) -> None:
    plan, program = planned(name), compiled(name)
    if not all(v.contiguous for v in plan.inputs):
        return
    for sizes, given in small_cases(plan, size_cases(symbols(plan))[::5]):
        bound = program.bind(sizes)
        for at_end in (True, False):
            run_guarded(bound, given, at_end)


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("chain10", {"n": 300_000}),
        ("sum_squares", {"n": 500_003}),
        ("softmax", {"n": 700, "m": 301}),
        ("standardize_columns", {"n": 5000, "m": 33}),
        ("logistic_regression", {"n": 511, "k": 300}),  # blocks of 170 rows
        ("logistic_regression", {"n": 513, "k": 300}),
        ("logistic_regression", {"n": 9001, "k": 50}),
        ("middle_axis", {"n": 40, "m": 300, "k": 70}),
        ("rosenbrock", {"n": 200_001}),
        ("integer_reductions", {"n": 3000, "m": 100}),
    ],
)
def test_threads_never_change_a_bit(
    name: str, sizes: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bound_module, "GRAIN", 1.0)  # share out whatever can be
    plan, program = planned(name), compiled(name)
    arrays = arguments(plan, sizes, False)
    given = [arrays[v.name] for v in plan.inputs]
    alone = [r.tobytes() for r in program.bind(sizes, 1)(*given)]
    for threads in (2, 3):
        bound = program.bind(sizes, threads)
        assert bound.steps[:, 3].max() > 1, "nothing was shared out"
        for _ in range(20):
            assert [r.tobytes() for r in bound(*given)] == alone


@pytest.mark.parametrize("seed", [*range(30), 139, 275, 446])
def test_a_random_program_gives_what_numpy_gives(seed: int) -> None:
    """139, 275: accumulators in another order of axes; 446: a kept row overwritten before its use."""
    plan = schedule([t.v for t in random_program(seed)])
    program = compile_plan(plan)
    for n, m in ((1, 2), (5, 33), (0, 3), (70, 9)):
        check(f"random{seed}", program, plan, {"n": n, "m": m})


def test_a_program_survives_its_bytes() -> None:
    program = Program.from_bytes(compiled("logistic_regression").to_bytes())
    assert program == compiled("logistic_regression")
    check("logistic_regression", program, planned("logistic_regression"), {"n": 2000, "k": 7})


# --------------------------------------------------------------------- lowerings made wrong
def wrong_axis(patch: pytest.MonkeyPatch) -> None:
    plain = writer.linear

    def turned(value: Value, access: Access) -> Any:
        offset, steps = plain(value, access)
        axes = sorted(steps)
        return offset, dict(zip(axes, (steps[a] for a in reversed(axes)), strict=True))

    patch.setattr(writer, "linear", turned)


def dropped_tail(patch: pytest.MonkeyPatch) -> None:
    plain = Passes.innermost

    def short(self: Passes, shape: Shape, span: Span, *rest: Any) -> Any:
        high = self.function.emit(f"and i64 {span.high}, {-shape.lanes}")
        return plain(self, shape, replace(span, high=high), *rest)

    patch.setattr(Passes, "innermost", short)


def swapped_operands(patch: pytest.MonkeyPatch) -> None:
    plain = VectorBuilder.apply

    def swapped(self: VectorBuilder, primitive: str, *operands: str) -> str:
        return plain(self, primitive, *(operands[::-1] if primitive == "subtract" else operands))

    patch.setattr(VectorBuilder, "apply", swapped)


def lost_nan(patch: pytest.MonkeyPatch) -> None:
    plain = passes.take_in

    def forgetful(reduce: Any, builder: Any, old: Any, *rest: Any) -> list[str]:
        return [plain(reduce, builder, old, *rest)[0], *old[1:]]

    patch.setattr(passes, "take_in", forgetful)


def off_by_one(patch: pytest.MonkeyPatch) -> None:
    plain = Passes.bounds

    def narrow(self: Passes, axis: int | None, low: Any, high: Any) -> Any:
        return plain(self, axis, low, high - 1)

    patch.setattr(Passes, "bounds", narrow)


CAUGHT_BY = {
    wrong_axis: ("broadcasts", False),
    dropped_tail: ("chain10", False),
    swapped_operands: ("softmax", False),
    lost_nan: ("sum_squares", True),
    off_by_one: ("padded", False),
}


@pytest.mark.parametrize("mutation", CAUGHT_BY)
def test_a_wrong_lowering_is_caught(
    mutation: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    name, special = CAUGHT_BY[mutation]
    plan = planned(name)
    mutation(monkeypatch)
    monkeypatch.setattr(emit_module, "_written", OrderedDict())  # no kernel from before
    program = compile_plan(plan)

    def check_all() -> None:
        for size in SIZES:  # equal ones, so that no wrong index leaves its array
            check(name, program, plan, dict.fromkeys(symbols(plan), size), special)

    with pytest.raises(AssertionError):
        check_all()
