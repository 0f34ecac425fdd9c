"""Steps are walked and cut as written; folds are right, accurate, and the same for any cut."""

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pytest

from eqsat_tensor.lower.cpu import driver, jit, pool

# ``record``: argument is an array whose word 0 counts calls; (begin, end) go to words 1 + 2 * call.
RECORD = """
define void @record(ptr %argument, i64 %begin, i64 %end) {
  %call = atomicrmw add ptr %argument, i64 1 seq_cst
  %offset = shl i64 %call, 1
  %first = add i64 %offset, 1
  %second = add i64 %offset, 2
  %p = getelementptr i64, ptr %argument, i64 %first
  %q = getelementptr i64, ptr %argument, i64 %second
  store i64 %begin, ptr %p
  store i64 %end, ptr %q
  ret void
}
"""


@pytest.fixture(scope="module")
def record() -> int:
    return jit.load([jit.compile_object(RECORD)], ["record"])["record"]


@pytest.fixture(params=[1, 2, 3], ids=lambda n: f"{n}-threads")
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    pool.set_threads(request.param)
    yield request.param
    pool.set_threads(pool.default_threads())


def calls(log: np.ndarray) -> list[tuple[int, int]]:
    return sorted((int(b), int(e)) for b, e in log[1 : 1 + 2 * log[0]].reshape(-1, 2))


@pytest.mark.parametrize("units", [0, 1, 7, 16, 100, 1000])
@pytest.mark.parametrize("chunks", [0, 1, 2, 3, 8])
@pytest.mark.parametrize("alignment", [1, 8])
def test_the_chunks_of_a_step_cover_its_units_once(
    record: int, threads: int, units: int, chunks: int, alignment: int
) -> None:
    log = np.zeros(64, np.int64)
    driver.drive(np.array([[record, log.ctypes.data, units, chunks, -alignment]], np.int64))
    pieces = calls(log)
    assert len(pieces) == max(chunks, 1)
    assert pieces[0][0] == 0
    assert pieces[-1][1] == units
    assert all(a[1] == b[0] for a, b in itertools.pairwise(pieces))
    assert all(begin % alignment == 0 for begin, _ in pieces if begin != units)


def test_steps_run_in_order(record: int) -> None:
    log = np.zeros(64, np.int64)
    steps = [[record, log.ctypes.data, k, 1, -1] for k in (5, 3, 9)]
    driver.drive(np.array(steps, np.int64))
    assert list(log[:7]) == [3, 0, 5, 0, 3, 0, 9]
    driver.drive(np.zeros((0, 5), np.int64))


def test_a_group_runs_its_members_block_by_block(record: int) -> None:
    log = np.zeros(64, np.int64)
    at = log.ctypes.data
    group = np.array([2, record, at, 10, 4, record, at, 7, 3], np.int64)
    driver.drive(np.array([[driver.group_address(), group.ctypes.data, 3, 1, -1]], np.int64))
    pieces = log[1 : 1 + 2 * log[0]].reshape(-1, 2).tolist()
    assert pieces == [[0, 4], [0, 3], [4, 8], [3, 6], [8, 10], [6, 7]]


def fold(op: str, partials: np.ndarray, chunks: int = 1) -> np.ndarray:
    count, width = partials.shape
    result = np.zeros(width, partials.dtype)
    words = np.array([partials.ctypes.data, count, width, result.ctypes.data], np.int64)
    kernel = driver.fold_address(op, partials.dtype.name)
    driver.drive(np.array([[kernel, words.ctypes.data, width, chunks, -1]], np.int64))
    return result


COUNTS = (0, 1, 2, 7, 8, 9, 63, 64, 65, 128, 200, 1000)
WIDTHS = (1, 3, 8, 21)
REDUCE = {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum}


@pytest.mark.parametrize("op", REDUCE)
@pytest.mark.parametrize("dtype", ["int64", "int32"])
def test_integer_folds_are_numpys(op: str, dtype: str) -> None:
    rng = np.random.default_rng(1)
    limits = np.iinfo(dtype)
    for count, width in itertools.product(COUNTS, WIDTHS):
        x = rng.integers(limits.min, limits.max, (count, width), dtype, endpoint=True)
        initial = {"max": limits.min, "min": limits.max}.get(op)
        more = {} if initial is None else {"initial": initial}
        np.testing.assert_array_equal(
            fold(op, x), REDUCE[op].reduce(x, axis=0, dtype=dtype, **more)
        )


@pytest.mark.parametrize("op", ["or", "and", "max", "min"])
def test_bool_folds_are_numpys(op: str) -> None:
    rng = np.random.default_rng(1)
    reduce = np.logical_or if op in ("or", "max") else np.logical_and
    for count, width in itertools.product(COUNTS, WIDTHS):
        for share in (0.0, 0.01, 0.99, 1.0):
            x = rng.random((count, width)) < share
            np.testing.assert_array_equal(fold(op, x), reduce.reduce(x, axis=0))


@pytest.mark.parametrize("op", ["max", "min"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_extremes_keep_nan_and_infinities(op: str, dtype: str) -> None:
    rng = np.random.default_rng(2)
    initial = -math.inf if op == "max" else math.inf
    for count, width in itertools.product(COUNTS, WIDTHS):
        x = rng.normal(size=(count, width)).astype(dtype)
        for value in (math.nan, math.inf, -math.inf, 0.0, -0.0):
            if count and value == value:
                x[rng.integers(count), rng.integers(width)] = value
            elif count:
                x[rng.integers(count), 0] = value
        expected = REDUCE[op].reduce(x, axis=0, initial=initial)
        np.testing.assert_array_equal(fold(op, x), expected)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_float_sums_and_products_are_near_the_exact_ones(dtype: str) -> None:
    rng = np.random.default_rng(3)
    unit = np.finfo(dtype).eps / 2
    for count, width in itertools.product(COUNTS, WIDTHS):
        x = rng.normal(size=(count, width)).astype(dtype)
        sums = fold("sum", x)
        factors = (1 + x / 100).astype(dtype)
        products = fold("prod", factors)
        for j in range(width):
            column = x[:, j].astype(float)
            bound = (20 + math.log2(count + 1)) * unit
            assert abs(sums[j] - math.fsum(column)) <= bound * math.fsum(abs(column))
            exact = math.prod(factors[:, j].astype(float))
            assert abs(products[j] - exact) <= (count + 1) * unit * abs(exact)


def test_the_sum_of_nothing_is_positive_zero_and_minus_zeros_stay() -> None:
    assert not np.signbit(fold("sum", np.zeros((0, 9)))).any()
    assert np.signbit(fold("sum", np.full((5, 9), -0.0))).all()
    assert fold("prod", np.zeros((0, 1), "float32"))[0] == 1


def test_many_partials_lose_no_accuracy() -> None:
    x = np.full((1_000_000, 1), 0.1, "float32")
    assert abs(float(fold("sum", x)[0]) - 1e6 * float(x[0, 0])) < 1e-6 * 1e5


def test_a_fold_gives_the_same_bits_in_any_cut(threads: int) -> None:
    x = np.random.default_rng(4).normal(size=(777, 45))
    whole = fold("sum", x)
    for chunks in (1, 2, 3, 7, 45):
        assert fold("sum", x, chunks).tobytes() == whole.tobytes()
    assert fold("sum", np.ascontiguousarray(x[:, 5:6])).tobytes() == whole[5:6].tobytes()
