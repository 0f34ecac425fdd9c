"""Programs compiled, bound and run against NumPy: odd sizes, dtypes, threads, and planted errors."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest

from eqsat_tensor.extents import evaluate, symbols_of
from eqsat_tensor.lower.cpu import bound as bound_module
from eqsat_tensor.lower.cpu import emit as emit_module
from eqsat_tensor.lower.cpu import passes, writer
from eqsat_tensor.lower.cpu.bind import Program, compile_plan
from eqsat_tensor.lower.cpu.passes import Passes, Shape, Span
from eqsat_tensor.lower.cpu.vecmath import VectorBuilder
from eqsat_tensor.schedule import schedule
from eqsat_tensor.schedule.loops import Access, Plan, Value, walk
from tests.lower.guarded import run_guarded
from tests.lower.loopprograms import PROGRAMS
from tests.lower.loopvalues import meaning
from tests.lower.randomprograms import random_program

SIZES = (0, 1, 2, 3, 7, 31, 64, 100, 1000)


@cache
def planned(name: str) -> Plan:
    return schedule([t.v for t in PROGRAMS[name]()])


@cache
def compiled(name: str) -> Program:
    return compile_plan(planned(name))


def size_cases(names: list[str]) -> list[dict[str, int]]:
    """Every pair of sizes; for three symbols, a fixed third of smaller ones."""
    if len(names) <= 1:
        return [dict.fromkeys(names, s) for s in SIZES] if names else [{}]
    if len(names) == 2:
        pairs = [(a, b) for a, b in product(SIZES, SIZES) if a * b <= 100_000]
        return [dict(zip(names, p, strict=True)) for p in [*pairs[::2], (700, 300), (3, 5000)]]
    few = (0, 1, 2, 7, 33)
    return [dict(zip(names, t, strict=True)) for t in list(product(few, few, few))[::3]] + [
        dict(zip(names, (40, 100, 70), strict=True))
    ]


def arguments(plan: Plan, sizes: dict[str, int], special: bool) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    result = {}
    for value in plan.inputs:
        shape = tuple(evaluate(s, sizes) for s in value.shape)
        if value.dtype.kind == "b":
            array = rng.random(shape) < 0.5
        elif value.dtype == np.int64:
            array = rng.integers(-1 - sizes.get("n", 0), 1 + sizes.get("n", 0), shape)
        elif value.dtype.kind == "i":
            array = rng.integers(-5, 6, shape)
        else:
            array = rng.standard_normal(shape)
            if special:
                odd = rng.choice([np.nan, np.inf, -np.inf, -0.0], shape)
                array = np.where(rng.random(shape) < 0.02, odd, array)
        array = np.asarray(array, value.dtype)
        if not value.contiguous:
            wide = np.zeros((*shape[:-1], 2 * shape[-1] + 3), value.dtype)
            wide[..., 1:-2:2] = array
            array = wide[..., 1:-2:2][::-1] if shape[0] else wide[..., 1:-2:2]
        result[value.name] = array
    return result


def labels_fit(plan: Plan, arrays: dict[str, np.ndarray], sizes: dict[str, int]) -> None:
    """Labels of a padded or one longer axis of size n + 1."""
    for value in plan.inputs:
        if value.dtype == np.int64 and value.name == "i" and "k" in sizes:
            np.clip(arrays["i"], -1 - sizes["n"], sizes["n"], out=arrays["i"])


def small_cases(
    plan: Plan, cases: list[dict[str, int]]
) -> Iterator[tuple[dict[str, int], list[np.ndarray]]]:
    """The sizes that are few enough to lie at protected pages, each with arguments."""
    for sizes in cases:
        if np.prod(list(sizes.values())) <= 20_000:
            arrays = arguments(plan, sizes, False)
            labels_fit(plan, arrays, sizes)
            yield sizes, [arrays[v.name] for v in plan.inputs]


def check(
    name: str, program: Program, plan: Plan, sizes: dict[str, int], special: bool = False
) -> None:
    arrays = arguments(plan, sizes, special)
    labels_fit(plan, arrays, sizes)
    strides = {
        v.name: [s // v.dtype.itemsize for s in arrays[v.name].strides]
        for v in plan.inputs
        if not v.contiguous
    }
    given = [arrays[v.name] for v in plan.inputs]
    results = [program.bind(sizes, threads, strides)(*given) for threads in (1, 2)]
    library = any(nest.kind == "call" for nest in plan.nests)  # its bits may differ by threads
    for k, (a, b) in enumerate(zip(*results, strict=True)):
        assert library or a.tobytes() == b.tobytes(), f"{name} output {k} {sizes}: threads differ"
    for k, (got, want) in enumerate(
        zip(results[0], meaning(plan.outputs, arrays, sizes), strict=True)
    ):
        assert got.shape == want.shape, (name, k, sizes, got.shape, want.shape)
        assert got.dtype == want.dtype, (name, k, got.dtype, want.dtype)
        if got.dtype.kind == "f":
            rough = "f32" in name or any(v.dtype == np.float32 for v in walk(plan.outputs))
            tolerance = 2e-5 if rough else 1e-11
            finite = want[np.isfinite(want)]
            scale = max(
                float(np.max(np.abs(finite), initial=0.0)), 1.0 if "random" in name else 0.0
            )
            np.testing.assert_allclose(
                got, want, rtol=tolerance, atol=tolerance * scale, err_msg=f"{name} {k} {sizes}"
            )
        else:
            np.testing.assert_array_equal(got, want, err_msg=f"{name} {k} {sizes}")


def check_guarded(program: Program, plan: Plan, cases: list[dict[str, int]]) -> None:
    """At protected pages the results have the bits that they have elsewhere."""
    for sizes, given in small_cases(plan, cases):
        bound = program.bind(sizes)
        found = [r.tobytes() for r in run_guarded(bound, given)]
        assert found == [r.tobytes() for r in bound(*given)], sizes


def symbols(plan: Plan) -> list[str]:
    names: set[str] = set()
    for value in walk(plan.outputs):
        for size in value.shape:
            names |= symbols_of(size)
    return sorted(names)


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
