"""The first place of an extreme: blocks and stretches that do not hold it are passed over."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from eqsat_tensor.lower.cpu import bound as bound_module
from eqsat_tensor.lower.cpu.emit import emit
from eqsat_tensor.lower.cpu.plans import compile_plan
from eqsat_tensor.schedule import schedule
from eqsat_tensor.schedule.loops import Plan
from tests.lower.guarded import run_guarded
from tests.lower.loopvalues import BOOL, F32, F64, I32, I64, M, N, T, array, constant, fn

LARGEST = np.iinfo(np.int64).max
random = np.random.default_rng(0)


def place(x: T, axis: int, word: str = "max", of: T | None = None) -> T:
    """argmax or argmin, as they are lowered; of: another array's extreme is looked for."""
    extreme = (x if of is None else of).reduce(word, axis)
    rest = [j for j in range(len(x.shape)) if j != axis]
    hit = fn("equal", x, extreme.to(*x.shape, axes=rest) if rest else extreme.to(*x.shape))
    if x.v.dtype.kind == "f":
        hit = fn("logical_or", hit, fn("isnan", x))
    beyond = constant(LARGEST, I64)
    return fn("select", hit, x.iota(axis), beyond).reduce("min", axis)


def values(shape: Any, dtype: np.dtype, ties: bool) -> np.ndarray:
    if dtype == BOOL:
        return random.random(shape) < 0.001
    return (random.normal(size=shape) * (2 if ties else 1000)).astype(dtype)


@pytest.mark.parametrize("word", ["max", "min"])
@pytest.mark.parametrize("dtype", [F64, F32, I64, I32, BOOL])
def test_it_is_numpys(word: str, dtype: np.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bound_module, "GRAIN", 1.0)
    flat = compile_plan(schedule([place(array("x", N, dtype=dtype), 0, word).v]))
    rows = compile_plan(schedule([place(array("x", M, N, dtype=dtype), 1, word).v]))
    numpy = getattr(np, f"arg{word}")
    for n in (1, 2, 7, 127, 128, 129, 1000, 8192, 8193, 50_001):
        for ties in (False, True):
            x = values((3, n), dtype, ties)
            for odd in (None, np.nan, np.inf, -np.inf):
                if odd is not None and dtype.kind != "f":
                    continue
                if odd is not None:
                    x[:, [n // 2, n - 1]] = odd
                for threads in (1, 2, 3):
                    (got,) = flat.bind({"n": n}, threads)(x[1].copy())
                    assert got == numpy(x[1]), (n, ties, odd, threads)
                (got,) = rows.bind({"n": n, "m": 3})(x)
                np.testing.assert_array_equal(got, numpy(x, axis=1))


@pytest.mark.parametrize("dtype", [F64, F32, I32])
def test_nothing_outside_the_arrays_is_touched(dtype: np.dtype) -> None:
    flat = compile_plan(schedule([place(array("x", N, dtype=dtype), 0).v]))
    rows = compile_plan(schedule([place(array("x", M, N, dtype=dtype), 1).v]))
    for n in (1, 9, 130, 257, 9000):
        x = values((2, n), dtype, False)
        for at_end in (True, False):
            assert run_guarded(flat.bind({"n": n}), [x[0]], at_end)[0] == x[0].argmax()
            (got,) = run_guarded(rows.bind({"n": n, "m": 2}), [x], at_end)
            np.testing.assert_array_equal(got, x.argmax(1))


def by_blocks(plan: Plan) -> bool:
    return any(key[0] == "blocks" for slots in emit(plan).slots for key in slots)


def test_no_block_is_passed_over_for_the_extreme_of_another_array() -> None:
    x, y = array("x", N), array("y", N)
    own, other = schedule([place(x, 0).v]), schedule([place(x, 0, of=y).v])
    assert by_blocks(own)
    assert not by_blocks(other)
    compile_plan(own)
    n = 50_000
    a, b = np.arange(n) % 97.0, np.arange(n) % 50.0
    (got,) = compile_plan(other).bind({"n": n})(a, b)
    assert got == 49


def test_what_blocks_were_folded_to_lives_until_they_are_asked() -> None:
    x = array("x", N)
    plan = schedule([place(x, 0).v, fn("exp", x - x.reduce("max").to(N)).sum().v])
    program = compile_plan(plan)
    for n in (20_000, 100_003):
        a = random.normal(size=n)
        where, total = program.bind({"n": n}, 2)(a)
        assert where == a.argmax()
        np.testing.assert_allclose(total, np.exp(a - a.max()).sum(), rtol=1e-12)


@pytest.mark.parametrize("word", ["any", "all", "max", "min"])
@pytest.mark.parametrize("dtype", [F64, BOOL])
def test_what_is_settled_is_looked_at_no_further(
    word: str, dtype: np.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bound_module, "GRAIN", 1.0)

    def held(x: T) -> T:
        return x if dtype == BOOL else fn("greater", x, constant(0.0, F64))

    flat = compile_plan(schedule([held(array("x", N, dtype=dtype)).reduce(word, 0).v]))
    rows = compile_plan(schedule([held(array("x", M, N, dtype=dtype)).reduce(word, 1).v]))
    both = held(array("x", N, dtype=dtype))
    two = compile_plan(schedule([both.reduce("any", 0).v, both.reduce("all", 0).v]))
    usual = word in ("all", "min")  # what settles nothing
    for n in (1, 7, 64, 1023, 1024, 1025, 8192, 8193, 50_001):
        for places in ([], [0], [n // 2], [n - 1], [n // 3, n - 1]):
            held_at = np.full((3, n), usual)
            held_at[1, places] = not usual
            x = held_at if dtype == BOOL else np.where(held_at, 2.0, -0.0)
            for threads in (1, 2, 3):
                (got,) = flat.bind({"n": n}, threads)(x[1].copy())
                assert got == getattr(np, word)(held_at[1]), (n, places, threads)
                some, every = two.bind({"n": n}, threads)(x[1].copy())
                assert (some, every) == (held_at[1].any(), held_at[1].all()), (n, places)
            (got,) = rows.bind({"n": n, "m": 3})(x)
            np.testing.assert_array_equal(got, getattr(np, word)(held_at, axis=1))
    (got,) = flat.bind({"n": 0})(np.empty(0, dtype)) if word in ("any", "all") else (usual,)
    assert got == usual
