"""Sums of rows that are brought down together: any number of rows, of any length."""

from __future__ import annotations

import numpy as np
import pytest

from eqsat_tensor.lower.cpu import abreast
from eqsat_tensor.lower.cpu import bound as bound_module
from eqsat_tensor.lower.cpu.emit import emit
from eqsat_tensor.lower.cpu.plans import compile_plan
from eqsat_tensor.schedule import schedule
from tests.lower.guarded import run_guarded
from tests.lower.loopvalues import F32, F64, I32, I64, M, N, array, fn

random = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", [F64, F32, I64, I32])
@pytest.mark.parametrize("word", ["sum", "prod", "max"])
def test_rows_of_all_sizes(dtype: np.dtype, word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bound_module, "GRAIN", 1.0)
    x = array("x", M, N, dtype=dtype)
    total = x.reduce(word, 1)
    second = fn("multiply", x, x).reduce("sum", 1)
    rows = compile_plan(schedule([total.v, fn("subtract", second, total).v]))
    for m in (0, 1, 2, 7, 15, 16, 17, 33, 100):
        for n in (1, 3, 8, 15, 16, 17, 63, 64, 65, 200, 5000):
            values = random.normal(size=(m, n)) if dtype.kind == "f" else 1 + (np.arange(m * n) % 3)
            given = values.reshape(m, n).astype(dtype)
            given = np.sign(given) if word == "prod" and dtype.kind == "f" else given
            got, rest = rows.bind({"m": m, "n": n})(given)
            want = getattr(np, word)(given, axis=1, dtype=dtype) if word != "max" else given.max(1)
            tolerance = 1e-4 if dtype == F32 else 1e-12
            scale = np.abs(given).sum(axis=1, initial=1.0)
            assert (np.abs(got - want) <= tolerance * scale).all(), (m, n)
            squares = (given * given).sum(axis=1, dtype=dtype) - want
            assert (np.abs(rest - squares) <= tolerance * (scale**2 + scale)).all(), (m, n)
            for threads in (2, 3):
                again = rows.bind({"m": m, "n": n}, threads)(given)
                np.testing.assert_array_equal(again[0], got)
                np.testing.assert_array_equal(again[1], rest)


@pytest.mark.parametrize("dtype", [F64, F32])
def test_a_row_has_the_same_bits_wherever_it_stands(dtype: np.dtype) -> None:
    x, y = array("x", M, N, dtype=dtype), array("y", N, dtype=dtype)
    rows = compile_plan(schedule([fn("multiply", x, y.to(M, N, axes=[0])).reduce("sum", 1).v]))
    for n in (16, 33, 100):
        given = random.normal(size=(40, n)).astype(dtype)
        given[5, 3], given[6, 1], given[7] = np.nan, np.inf, -0.0
        factor = np.ones(n, dtype)
        (got,) = rows.bind({"m": 40, "n": n})(given, factor)
        for by in range(1, 20):
            (moved,) = rows.bind({"m": 40, "n": n})(np.roll(given, by, axis=0), factor)
            np.testing.assert_array_equal(np.roll(got, by), moved)
        assert np.isnan(got[5])
        assert (got[6], got[7]) == (np.inf, 0)


def test_nothing_beyond_the_arrays_is_touched() -> None:
    x = array("x", M, N, dtype=F32)
    rows = compile_plan(schedule([fn("sqrt", x.reduce("sum", 1)).v]))
    for m, n in ((1, 16), (17, 17), (15, 100), (16, 1)):
        given = random.random((m, n)).astype("float32")
        for at_end in (False, True):
            (got,) = run_guarded(rows.bind({"m": m, "n": n}), [given], at_end)
            np.testing.assert_allclose(got, np.sqrt(given.sum(axis=1)), rtol=1e-5)


def test_sums_alone_go_abreast(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    write = abreast.write_abreast
    monkeypatch.setattr(
        "eqsat_tensor.lower.cpu.nests.write_abreast",
        lambda w, inside: (seen.append(len(inside)), write(w, inside))[1],
    )
    x = array("x", M, N, dtype=F64)
    emit(schedule([x.reduce("sum", 1).v]))
    assert seen == [1]
    top = x.reduce("max", 1)
    emit(schedule([fn("subtract", x, top.to(M, N, axes=[0])).reduce("sum", 1).v]))
    assert seen == [1]
