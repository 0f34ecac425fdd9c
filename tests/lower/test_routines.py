"""Sorts, searches and sums by label done as machine code: NumPy's, with no call of Python."""

from __future__ import annotations

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.lower.cpu import host, numpy_sorts, pool

pytestmark = pytest.mark.skipif(
    not numpy_sorts.sort_address("uint64"), reason="this NumPy keeps its sorts to itself"
)
FLOATS = ["float64", "float32", "float16"]
DTYPES = [*FLOATS, *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))]
SIZES = (0, 1, 2, 7, 8, 9, 70, 3001)


@pytest.fixture(autouse=True)
def by_way_of_python(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The calls that Python made after all."""
    made: list[str] = []
    call = host._call
    monkeypatch.setattr(host, "_call", lambda name, *rest: (made.append(name), call(name, *rest)))
    return made


def rows(n: int, dtype: str, kind: str) -> np.ndarray:
    """Three rows: any bits, few values with NaN and zeros of both signs, alike in high bits."""
    rng = np.random.default_rng(n)
    if kind == "bits":
        x = rng.integers(0, 256, (3, n * 8), dtype=np.uint8).view(dtype)[:, :n]
        return np.ascontiguousarray(x)
    x = rng.integers(0, 4, (3, n)).astype(dtype)
    if np.dtype(dtype).kind == "f":
        if kind == "close":
            return (x * 1e-14 + 1 + rng.integers(0, 3, (3, n)) * 1e-15).astype(dtype)
        x[rng.random((3, n)) < 0.1] = np.nan
        x[rng.random((3, n)) < 0.3] *= -1
        x[rng.random((3, n)) < 0.1] = -np.inf
    elif kind == "close":
        x = (np.iinfo(dtype).max - x).astype(dtype)
        x[:, ::5] = np.iinfo(dtype).min
    return x


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["bits", "few", "close"])
def test_orders(dtype: str, kind: str, by_way_of_python: list[str]) -> None:
    sort, argsort = et.jit(lambda x: et.sort(x)), et.jit(lambda x: et.argsort(x))
    for n in SIZES:
        x = rows(n, dtype, kind)
        made, wanted = sort(x), np.sort(x, kind="stable")
        np.testing.assert_array_equal(made, wanted)
        if dtype in FLOATS:
            number = ~np.isnan(wanted)
            np.testing.assert_array_equal(np.signbit(made)[number], np.signbit(wanted)[number])
        order = np.argsort(x, kind="stable")
        np.testing.assert_array_equal(argsort(x), order)
        np.testing.assert_array_equal(argsort(wanted), np.argsort(wanted, kind="stable"))
    assert not by_way_of_python


def test_orders_along_other_axes(by_way_of_python: list[str]) -> None:
    x = np.random.default_rng(0).integers(0, 9, (5, 6, 7)).astype(float)
    for axis in (0, 1, -1, None):
        np.testing.assert_array_equal(et.jit(lambda x, a=axis: et.sort(x, a))(x), np.sort(x, axis))
        wanted = np.argsort(x, axis, kind="stable")
        np.testing.assert_array_equal(et.jit(lambda x, a=axis: et.argsort(x, a))(x), wanted)
    assert not by_way_of_python


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("side", ["left", "right"])
def test_places_in_sorted_rows(dtype: str, side: str, by_way_of_python: list[str]) -> None:
    search = et.jit(lambda a, v: et.searchsorted(a, v, side))
    for n in SIZES:
        x = rows(n, dtype, "few")
        a, v = np.sort(x[0]), np.concatenate([x[1], x[2][: n // 3], rows(5, dtype, "bits")[0]])
        np.testing.assert_array_equal(search(a, v), np.searchsorted(a, v, side))
        np.testing.assert_array_equal(
            search(a, v[:1].reshape(1, 1)), np.searchsorted(a, v[:1, None], side)
        )
    assert not by_way_of_python


@pytest.mark.parametrize("dtype", [*FLOATS, "int8", "int64"])
@pytest.mark.parametrize("labels", ["int64", "uint8"])
def test_sums_by_label(dtype: str, labels: str, by_way_of_python: list[str]) -> None:
    rng = np.random.default_rng(1)
    for n in SIZES:
        x, at = (rng.standard_normal(n) * 9).astype(dtype), rng.integers(0, 12, n).astype(labels)
        made = et.jit(lambda x, at: et.bincount(at, x.astype("f8"), length=12))(x, at)
        np.testing.assert_array_equal(made, np.bincount(at, x.astype("f8"), 12))
    assert not by_way_of_python
    with pytest.raises(ValueError, match="labels from 0 to 4"):
        et.jit(lambda at: et.bincount(at, length=5))(np.array([0, 5], labels))
    np.testing.assert_array_equal(
        et.jit(lambda at: et.bincount(at, length=5))(np.array([0, 4, 4], labels)), [1, 0, 0, 0, 2]
    )


def test_the_order_of_keys_carries_gradients(by_way_of_python: list[str]) -> None:
    x = np.array([3.0, -0.0, 2.0, 0.0, 2.0, np.inf])
    w = np.arange(6.0)
    made = et.jit(et.grad(lambda x: et.sum(et.sort(x) * w)))(x)
    wanted = np.empty(6)
    wanted[np.argsort(x, kind="stable")] = w
    np.testing.assert_array_equal(made, wanted)
    assert not by_way_of_python


def test_threads_do_the_rows_and_values_of_a_routine() -> None:
    x = np.random.default_rng(2).standard_normal((300, 1000))
    a, v = np.sort(x[0]), x.ravel()
    before = pool.pool().threads
    try:
        for threads in (1, 2):
            et.set_threads(threads)
            np.testing.assert_array_equal(et.jit(lambda x: et.sort(x))(x), np.sort(x))
            wanted = np.argsort(x, kind="stable")
            np.testing.assert_array_equal(et.jit(lambda x: et.argsort(x))(x), wanted)
            made = et.jit(lambda a, v: et.searchsorted(a, v))(a, v)
            np.testing.assert_array_equal(made, np.searchsorted(a, v))
    finally:
        et.set_threads(before)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["bits", "few", "close"])
def test_partitions(dtype: str, kind: str, by_way_of_python: list[str]) -> None:
    for n in (1, 3, 511, 512, 600, 3001):
        x = rows(n, dtype, kind)
        wanted = np.sort(x, axis=1)
        for k in {0, n // 3, n - 1}:
            made = et.jit(lambda x, k=k: et.partition(x, k))(x)
            order = et.jit(lambda x, k=k: et.argpartition(x, k))(x)
            np.testing.assert_array_equal(np.sort(order, axis=1), np.tile(np.arange(n), (3, 1)))
            assert made.dtype == dtype
            for parts in (made, np.take_along_axis(x, order, 1)):
                before, at, after = np.split(parts, [k, k + 1], axis=1)
                found = np.concatenate([np.sort(before, 1), at, np.sort(after, 1)], axis=1)
                np.testing.assert_array_equal(found, wanted, err_msg=f"{n} {k}")
    assert not by_way_of_python


@pytest.mark.parametrize("shape", [(3000,), (4000,), (3, 701), (2, 600)])
def test_medians_and_their_gradients_of_long_rows(
    shape: tuple[int, ...], by_way_of_python: list[str]
) -> None:
    rng = np.random.default_rng(5)
    median = et.jit(lambda x: et.median(x, axis=-1))
    slope = et.jit(et.grad(lambda x: et.sum(et.median(x, axis=-1) ** 2)))
    for x in (
        rng.standard_normal(shape),
        rng.permutation(np.arange(np.prod(shape))).reshape(shape),
    ):
        x = x.astype(float)
        wanted = np.median(x, axis=-1)
        np.testing.assert_array_equal(median(x), wanted)
        order, n = np.argsort(x, axis=-1), shape[-1]
        want = np.zeros(shape)
        for k in ((n - 1) // 2, n // 2):
            at = np.take_along_axis(order, np.full((*shape[:-1], 1), k), -1)
            part = np.take_along_axis(want, at, -1) + wanted[..., None]
            np.put_along_axis(want, at, part, -1)
        np.testing.assert_allclose(slope(x), want)
    assert not by_way_of_python


CONVOLVED = (1, 3, 8, 31, 64, 65, 200, 600)  # lengths that meet every part of a block, or none


@pytest.mark.parametrize("dtype", DTYPES)
def test_convolutions(dtype: str, by_way_of_python: list[str]) -> None:
    rng = np.random.default_rng(3)
    convolve = {m: et.jit(lambda a, v, m=m: et.convolve(a, v, m)) for m in ("full", "valid")}
    for n in CONVOLVED:
        a = (rng.standard_normal(n) * 9).astype(dtype)
        for m in CONVOLVED:
            v = (rng.standard_normal(m) * 9).astype(dtype)
            for mode, function in convolve.items():
                made, wanted = function(a, v), np.convolve(a, v, mode)
                assert made.dtype == wanted.dtype, (n, m, mode)
                if dtype in FLOATS:
                    wide = np.convolve(a.astype("f8"), v.astype("f8"), mode)
                    size = np.convolve(abs(a).astype("f8"), abs(v).astype("f8"), mode)
                    bound = np.finfo(dtype).eps * np.sqrt(min(n, m)) * size
                    assert (np.abs(made - wide) <= bound).all(), (n, m, mode)
                else:
                    np.testing.assert_array_equal(made, wanted, err_msg=f"{n} {m} {mode}")
    assert not by_way_of_python


def test_convolutions_of_rows_by_any_number_of_threads(by_way_of_python: list[str]) -> None:
    rng = np.random.default_rng(4)
    x, v = rng.standard_normal((5, 900)), rng.standard_normal((5, 40))
    v[:, 7], v[:, -1] = np.nan, np.inf
    long, w = rng.standard_normal(30_000), rng.standard_normal(700)
    wanted = np.array([np.convolve(a, b, "same") for a, b in zip(x, v, strict=True)])
    each = et.jit(et.vmap(lambda a, b: et.convolve(a, b, "same")))
    one = et.jit(lambda a, v: et.convolve(a, v))
    before, found = pool.pool().threads, []
    try:
        for threads in (1, 2):
            et.set_threads(threads)
            np.testing.assert_allclose(each(x, v), wanted)
            found.append(one(long, w))
    finally:
        et.set_threads(before)
    np.testing.assert_array_equal(*found)
    np.testing.assert_allclose(found[0], np.convolve(long, w), atol=1e-12)
    assert not by_way_of_python
