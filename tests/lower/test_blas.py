"""Products agree with NumPy for every layout, and read nothing that they should not."""

import ctypes
import itertools
from typing import Any

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.lower.cpu import blas, driver, library, symmetric
from eqsat_tensor.lower.cpu.blas import WORDS, MatrixProduct
from eqsat_tensor.lower.cpu.plans import compile_plan
from eqsat_tensor.schedule import schedule
from tests.lower.loopprograms import gemm
from tests.lower.loopvalues import array
from tests.threads import in_threads

SIZES = [
    (1, 1, 1),
    (1, 5, 3),
    (5, 1, 3),
    (1, 1, 7),
    (3, 4, 5),
    (17, 9, 33),
    (64, 70, 65),
    (2, 3, 1),
]
LAYOUTS = list(itertools.product([False, True], repeat=2))


def stored(x: np.ndarray, transpose: bool, padding: int) -> np.ndarray:
    """Memory whose logical value is x, with `padding` elements of NaN after each stored row."""
    y = x.swapaxes(-1, -2) if transpose else x
    out = np.full((*y.shape[:-1], y.shape[-1] + padding), np.nan, x.dtype)
    out[..., : y.shape[-1]] = y
    return out


class Problem:
    """Random operands of a batch of products, in padded memory, and the kernel's argument."""

    def __init__(
        self, dtype: str, m: int, n: int, k: int, ta: bool, tb: bool, *, batch: int = 1,
        pad: int = 0, alpha: float = 1.0, beta: float = 0.0, source: str = "none",
    ) -> None:  # fmt: skip
        rng = np.random.default_rng(m * 100 + n * 10 + k)
        a, b = rng.normal(size=(batch, m, k)), rng.normal(size=(batch, k, n))
        self.a, self.b = stored(a.astype(dtype), ta, pad), stored(b.astype(dtype), tb, pad)
        self.c = np.full((batch, m, n + pad), np.nan, dtype)
        c0 = rng.normal(size=(batch, m, n)).astype(dtype)
        if source == "row":
            c0[:] = c0[:, :1] if m else 0
        self.source = stored(c0, False, pad)
        if source == "itself":
            self.c[...] = self.source
        self.scalars = np.array([alpha, beta], dtype)
        self.expected = alpha * (a.astype(dtype) @ b.astype(dtype)).astype(float)
        if source != "none":
            self.expected = self.expected + beta * c0
        self.m, self.n, self.batch, self.dtype = m, n, batch, dtype
        self.product = MatrixProduct(
            m, n, k, self.a.shape[-1], self.b.shape[-1], n + pad, ta, tb,
            ld_source=0 if source == "row" else n + pad,
            a_stride=self.a.strides[0], b_stride=self.b.strides[0], c_stride=self.c.strides[0],
            source_stride=self.source.strides[0],
        )  # fmt: skip
        words = self.product.words()
        for name, value in (("a", self.a), ("b", self.b), ("c", self.c)):
            words[WORDS[name]] = value.ctypes.data
        words[WORDS["alpha"]] = self.scalars.ctypes.data
        words[WORDS["beta"]] = self.scalars.ctypes.data + self.scalars.itemsize
        if source in ("other", "row"):
            words[WORDS["source"]] = self.source.ctypes.data
        self.words = np.array(words, np.int64)

    def run(self, over: Any = "batch", chunks: int = 1) -> np.ndarray:
        units = {"batch": self.batch, "rows": self.m, "columns": self.n}[over]
        kernel = blas.gemm_address(self.dtype, over)
        driver.drive(np.array([[kernel, self.words.ctypes.data, units, chunks, -1]], np.int64))
        return self.c[..., : self.n]

    def check(self, over: Any = "batch", chunks: int = 1) -> None:
        tolerance = 1e-12 if self.dtype == "float64" else 1e-4
        np.testing.assert_allclose(
            self.run(over, chunks), self.expected, rtol=tolerance, atol=tolerance
        )
        assert np.isnan(self.c[..., self.n :]).all() or self.product.ldc == self.n or not self.m


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("ta", "tb"), LAYOUTS)
@pytest.mark.parametrize("pad", [0, 3])
def test_products_of_every_layout(dtype: str, ta: bool, tb: bool, pad: int) -> None:
    for m, n, k in SIZES:
        Problem(dtype, m, n, k, ta, tb, pad=pad).check()
        Problem(dtype, m, n, k, ta, tb, pad=pad, alpha=-2.5, beta=0.5, source="other").check()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("source", ["other", "row"])
@pytest.mark.parametrize(("alpha", "beta"), [(1, 1), (2, -0.5), (0, 3), (-1, 0), (0, 0)])
def test_a_scaled_source_is_added(dtype: str, source: str, alpha: float, beta: float) -> None:
    for m, n, k in SIZES:
        Problem(dtype, m, n, k, False, False, pad=2, alpha=alpha, beta=beta, source=source).check()


def test_the_result_may_be_its_own_source() -> None:
    for m, n, k in SIZES:
        p = Problem("float64", m, n, k, False, True, alpha=2, beta=3, source="itself")
        p.check()
        q = Problem("float64", m, n, k, False, True, alpha=2, beta=3, source="itself")
        q.words[WORDS["source"]] = q.c.ctypes.data
        q.check()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("source", ["none", "other"])
def test_a_beta_of_zero_reads_neither_result_nor_source(dtype: str, source: str) -> None:
    for (m, n, k), (ta, tb) in itertools.product(SIZES, LAYOUTS):
        p = Problem(dtype, m, n, k, ta, tb, source=source)
        p.source[...] = np.nan
        assert np.isnan(p.c).all()
        p.check()


@pytest.mark.parametrize("size", [(0, 3, 4), (3, 0, 4), (0, 0, 0), (1, 0, 2), (0, 1, 2)])
def test_empty_results_touch_nothing(size: tuple[int, int, int]) -> None:
    for ta, tb in LAYOUTS:
        Problem("float64", *size, ta, tb, beta=1.0, source="other").run()


@pytest.mark.parametrize(("m", "n"), [(3, 4), (1, 4), (4, 1), (1, 1)])
def test_a_sum_over_nothing_is_zero_or_the_scaled_source(m: int, n: int) -> None:
    for ta, tb in LAYOUTS:
        Problem("float64", m, n, 0, ta, tb).check()
        Problem("float64", m, n, 0, ta, tb, alpha=2, beta=0.5, source="other").check()


@pytest.mark.parametrize("chunks", [1, 2, 3])
@pytest.mark.parametrize(("ta", "tb"), LAYOUTS)
def test_batches_and_row_blocks_are_cut_anywhere(chunks: int, ta: bool, tb: bool) -> None:
    for m, n, k in SIZES:
        more = {"pad": 1, "alpha": 2.0, "beta": 0.5, "source": "other"}
        Problem("float64", m, n, k, ta, tb, batch=5, **more).check("batch", chunks)
        for over in ("rows", "columns"):
            Problem("float64", m, n, k, ta, tb, **more).check(over, chunks)
            Problem("float64", m, n, k, ta, tb, source="row", beta=1.0).check(over, chunks)


def test_operands_of_a_batch_may_be_shared() -> None:
    p = Problem("float64", 3, 4, 5, False, False, batch=6)
    p.words[WORDS["b_stride"]] = 0
    p.expected = p.a @ p.b[:1]
    p.check()


def test_nan_and_infinity_come_through() -> None:
    p = Problem("float64", 3, 4, 5, False, False)
    p.a[0, 1, 2] = np.nan
    p.a[0, 2, 0] = np.inf
    with np.errstate(invalid="ignore"):
        p.expected = p.a @ p.b
    p.check()


@pytest.mark.parametrize("name", ["dgemm", "sgemm", "dgemv", "sgemv"])
def test_both_libraries_give_right_products(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert library.blas_address(name)
    assert library._from_scipy(name)
    monkeypatch.setattr(library, "_from_numpy", lambda name: None)
    forget()
    try:
        for size in SIZES:
            dtype = {"d": "float64", "s": "float32"}[name[0]]
            Problem(dtype, *size, False, True, alpha=2, beta=1, source="other").check()
    finally:
        forget()


def forget() -> None:
    blas._kernels.cache_clear()
    library.thread_functions.cache_clear()


def test_a_library_that_keeps_its_threads_is_not_shared_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    product = MatrixProduct(500, 500, 500, 500, 500, 500)
    monkeypatch.setattr(library, "thread_functions", dict)
    blas._kernels.cache_clear()
    try:
        assert blas.share(product, 1, 8) == ("batch", 1, 1, 1)
        Problem("float64", 100, 90, 80, True, False).check()
    finally:
        blas._kernels.cache_clear()


def test_products_are_shared_out_along_their_longer_side() -> None:
    if not library.thread_functions():
        pytest.skip("this BLAS keeps its threads")
    assert blas.share(MatrixProduct(9, 9, 9, 9, 9, 9), 1, 8) == ("batch", 1, 1, 1)
    assert blas.share(MatrixProduct(999, 9, 999, 999, 9, 9), 1, 8) == ("rows", 999, 8, 8)
    assert blas.share(MatrixProduct(9, 999, 999, 999, 999, 999), 1, 8) == ("columns", 999, 8, 16)
    assert blas.share(MatrixProduct(99, 99, 99, 99, 99, 99), 7, 2) == ("batch", 7, 7, 1)
    assert blas.share(MatrixProduct(999, 999, 999, 999, 999, 999), 1, 1) == ("batch", 1, 1, 1)


def test_the_library_has_its_threads_back_afterwards() -> None:
    found = library.thread_functions()
    if not found:
        pytest.skip("this BLAS keeps its threads")
    get = ctypes.CFUNCTYPE(ctypes.c_int)(found["get_threads"])
    put = ctypes.CFUNCTYPE(None, ctypes.c_int)(found["set_threads"])
    before = get()
    try:
        for threads in (2, 1, 3):
            put(threads)
            problems = [Problem("float64", 100, 90, 80, False, False) for _ in range(4)]
            in_threads(lambda p: [p.run("rows", 3) for _ in range(20)], problems)
            assert get() == threads
            assert list(library._users)[:2] == [0, 0]
            for problem in problems:
                problem.check()
    finally:
        put(before)


def test_leading_dimensions_that_overlap_are_refused() -> None:
    with pytest.raises(AssertionError, match="lda"):
        MatrixProduct(3, 4, 5, lda=4, ldb=4, ldc=4).words()
    assert MatrixProduct(1, 4, 5, lda=1, ldb=4, ldc=1).words()[WORDS["lda"]] == 5


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("rows", "size"), [(4000, 65), (700, 129), (50, 300), (1, 2000), (3, 1025)]
)
def test_a_matrix_times_its_own_transpose_is_half_computed_half_copied(rows, size, dtype):
    x = np.random.default_rng(1).normal(size=(rows, size)).astype(dtype)
    tall = et.jit(lambda x: x.T @ x)
    wide = et.jit(lambda x: x @ x.T)
    tolerance = 1e-12 if dtype == "float64" else 2e-4
    got = tall(x)
    np.testing.assert_allclose(got, x.T @ x, rtol=tolerance, atol=tolerance * rows)
    np.testing.assert_allclose(wide(x.T.copy()), x.T @ x, rtol=tolerance, atol=tolerance * rows)
    for product in (got, wide(x.T.copy())):
        np.testing.assert_array_equal(product, product.T)


@pytest.mark.parametrize(
    ("k", "m", "kernels"),
    [
        (4000, 300, [("pieces", 4), ("sums", 5)]),
        (20_000, 65, [("pieces", 8), ("sums", 2)]),
        (1024, 129, [("pieces", 2), ("sums", 3)]),
        (1000, 1000, [("pairs", 10)]),  # blocks of 256
        (700, 70, [("pairs", 3)]),
        (5000, 3000, [("pairs", 21)]),  # eight parts would take too much memory
        (100, 100, []),
    ],
)
def test_a_square_is_cut_by_sizes_alone(k: int, m: int, kernels: list[tuple[str, int]]) -> None:
    halves = symmetric.halves(MatrixProduct(m, m, k, m, m, m, transpose_a=True), 8)
    assert (list(halves.kernels) if halves else []) == kernels


@pytest.mark.parametrize(("k", "m"), [(2500, 130), (300, 300)])
def test_a_square_has_the_same_bits_on_any_number_of_threads(k: int, m: int) -> None:
    x = np.random.default_rng(4).normal(size=(k, m))
    tall = array("x", k, m)
    program = compile_plan(schedule([gemm(tall, tall, flags=(True, False)).v]))
    alone = program.bind({}, 1)(x)[0].tobytes()
    for threads in (2, 3, 8):
        for _ in range(5):
            assert program.bind({}, threads)(x)[0].tobytes() == alone


def test_a_product_with_itself_that_is_added_to_something_is_whole():
    x = np.random.default_rng(2).normal(size=(300, 200))
    f = et.jit(lambda x, c: 2 * (x.T @ x) + c)
    np.testing.assert_allclose(f(x, np.eye(200)), 2 * (x.T @ x) + np.eye(200), rtol=1e-12)
