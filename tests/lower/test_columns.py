"""Sums over rows: the bits are those of rows taken in one by one, however wide and however many."""

from __future__ import annotations

import numpy as np
import pytest

from eqsat_tensor.lower.cpu import bound as bound_module
from eqsat_tensor.lower.cpu.plans import compile_plan
from eqsat_tensor.schedule import schedule
from tests.lower.guarded import run_guarded
from tests.lower.loopvalues import BOOL, F32, F64, I32, M, N, array

WORDS = {
    F64: ("sum", "max", "prod"),
    F32: ("sum", "min"),
    I32: ("sum", "max"),
    BOOL: ("any", "all"),
}
random = np.random.default_rng(0)


def rows(n: int, m: int, dtype: np.dtype) -> np.ndarray:
    if dtype == BOOL:
        return random.random((n, m)) < 0.5
    return (random.normal(size=(n, m)) * (1 if dtype.kind == "f" else 1000)).astype(dtype)


@pytest.mark.parametrize(("dtype", "word"), [(d, word) for d in WORDS for word in WORDS[d]])
def test_widths_below_and_above_a_vector(
    dtype: np.dtype, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bound_module, "GRAIN", 1.0)
    program = compile_plan(schedule([array("x", N, M, dtype=dtype).reduce(word, 0).v]))
    for m in (1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65):
        for n in (0, 1, 2, 3, 4, 5, 6, 7, 8, 63, 130, 1000):
            if n == 0 and word in ("max", "min"):
                continue
            x = rows(n, m, dtype)
            first, second = (program.bind({"n": n, "m": m}, threads)(x)[0] for threads in (1, 2))
            assert first.tobytes() == second.tobytes()
            wide = x.astype(np.float64) if dtype == F32 else x
            want = getattr(wide, word)(axis=0)
            np.testing.assert_allclose(first, want, rtol=3e-4 if dtype == F32 else 1e-9, atol=1e-4)


@pytest.mark.parametrize("dtype", [F64, F32])
def test_a_column_has_the_same_bits_beside_few_and_beside_many(dtype: np.dtype) -> None:
    program = compile_plan(schedule([array("x", N, M, dtype=dtype).sum(0).v]))
    for n in (3, 61, 64):  # one block, whatever the width
        x = rows(n, 40, dtype)
        whole = program.bind({"n": n, "m": 40})(x)[0]
        for m in (1, 3, 7, 15):
            part = np.ascontiguousarray(x[:, :m])
            assert program.bind({"n": n, "m": m})(part)[0].tobytes() == whole[:m].tobytes()


@pytest.mark.parametrize("dtype", [F64, F32, BOOL])
def test_nothing_outside_the_arrays_is_touched(dtype: np.dtype) -> None:
    word = "any" if dtype == BOOL else "sum"
    program = compile_plan(schedule([array("x", N, M, dtype=dtype).reduce(word, 0).v]))
    for n, m in ((1, 1), (5, 3), (7, 9), (130, 15), (66, 70)):
        x = rows(n, m, dtype)
        bound = program.bind({"n": n, "m": m})
        for at_end in (True, False):
            assert run_guarded(bound, [x], at_end)[0].tobytes() == bound(x)[0].tobytes()
