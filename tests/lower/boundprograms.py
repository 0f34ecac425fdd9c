"""Loop programs compiled and bound at odd sizes, their arguments, and their results held against NumPy's."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import product

import numpy as np

from eqsat_tensor.extents import evaluate, symbols_of
from eqsat_tensor.lower.cpu.bind import Program
from eqsat_tensor.lower.cpu.plans import compile_plan
from eqsat_tensor.schedule import schedule
from eqsat_tensor.schedule.loop_values import walk
from eqsat_tensor.schedule.loops import Plan
from tests.lower.guarded import run_guarded
from tests.lower.loopprograms import PROGRAMS
from tests.lower.loopvalues import meaning

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
