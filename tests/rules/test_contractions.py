"""Contractions and reductions come out as they should: S11-S15, S21 and rows 2.10 of what was asked.

Each program is held in value against NumPy, for sizes known and known at run time only, in both
precisions, and in structure: which products are left, and how many multiplications they take.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.lang import topological
from tests.rules.programs import Made, optimise
from tests.rules.test_cases import matmul_work

rng = np.random.default_rng(11)
X, Y, Z, U, V = (
    rng.standard_normal(shape) for shape in ((40, 30), (30, 50), (40, 50), (40, 90), (90, 50))
)
v = rng.standard_normal(50)
a, b = np.float64(1.3), np.float64(0.7)
LOWER = (None, 2)  # sizes are numbers, or symbols that are at least 2
DTYPES = ("float32", "float64")
Program = Callable[..., Any]


def held(program: Program, arrays: tuple[Any, ...], dtype: str, lower: int | None) -> Made:
    """The optimised program, its value being NumPy's on the same function."""
    arguments = [np.asarray(x, dtype) if np.asarray(x).dtype.kind == "f" else x for x in arrays]
    made = optimise(program, arguments, lower=lower)
    if lower is None:
        value, wanted = made.value(*arguments), program(*arguments)
        assert value.dtype == np.asarray(wanted).dtype
        rtol = 1e-10 if dtype == "float64" else 3e-5
        size = float(np.max(np.abs(wanted), initial=0.0))
        np.testing.assert_allclose(value, wanted, rtol=rtol, atol=rtol * size)
    return made


def products(made: Made) -> list[str]:
    return [op for op in made.ops() if op in ("matmul", "gemm")]


# ------------------------------------------------------------------------------------ S11, S12
GEMMS: dict[str, Program] = {
    "b Z + a (X Y)": lambda X, Y, Z, a, b, v: b * Z + a * (X @ Y),
    "b Z + a X Y": lambda X, Y, Z, a, b, v: b * Z + a * X @ Y,
    "a (X Y) + b Z": lambda X, Y, Z, a, b, v: a * (X @ Y) + b * Z,
    "b Z - a (X Y)": lambda X, Y, Z, a, b, v: b * Z - a * (X @ Y),
    "a (X Y) - b Z": lambda X, Y, Z, a, b, v: a * (X @ Y) - b * Z,
    "b Z + X Y": lambda X, Y, Z, a, b, v: b * Z + X @ Y,
    "Z + a (X Y)": lambda X, Y, Z, a, b, v: Z + a * (X @ Y),
    "Z + X Y": lambda X, Y, Z, a, b, v: Z + X @ Y,
    "Z - X Y": lambda X, Y, Z, a, b, v: Z - X @ Y,
    "X Y - Z": lambda X, Y, Z, a, b, v: X @ Y - Z,
    "-(X Y) + Z": lambda X, Y, Z, a, b, v: -(X @ Y) + Z,
    "-Z + X Y": lambda X, Y, Z, a, b, v: -Z + X @ Y,
    "-Z - X Y": lambda X, Y, Z, a, b, v: -Z - X @ Y,
    "2 Z - (X Y)/2": lambda X, Y, Z, a, b, v: 2.0 * Z - 0.5 * (X @ Y),
    "Z/3 + X Y/7": lambda X, Y, Z, a, b, v: Z / 3 + X @ Y / 7,
    "b Z + a (X Y) + v": lambda X, Y, Z, a, b, v: b * Z + a * (X @ Y) + v,
    "v + b Z + a (X Y)": lambda X, Y, Z, a, b, v: v + b * Z + a * (X @ Y),
    "b Z - a (X Y) - v": lambda X, Y, Z, a, b, v: b * Z - a * (X @ Y) - v,
    "b Z + a (Y' X')'": lambda X, Y, Z, a, b, v: b * Z + a * (Y.T @ X.T).T,
    "(b Z' + a Y' X')'": lambda X, Y, Z, a, b, v: (b * Z.T + a * (Y.T @ X.T)).T,
    "b Z' + a Y' X'": lambda X, Y, Z, a, b, v: b * Z.T + a * (Y.T @ X.T),
    "b b Z a + a a (X Y) b": lambda X, Y, Z, a, b, v: (b * b) * Z * a + (a * a) * (X @ Y) * b,
    "b b Z a + a a X Y b": lambda X, Y, Z, a, b, v: (b * b) * Z * a + (a * a) * X @ Y * b,
    "Z + X Y + X Y": lambda X, Y, Z, a, b, v: Z + X @ Y + X @ Y,
    "X Y + Z + X Y": lambda X, Y, Z, a, b, v: X @ Y + Z + X @ Y,
    "b Z - (-a)(X Y)": lambda X, Y, Z, a, b, v: b * Z - (-a) * (X @ Y),
    "a (Z + X Y)": lambda X, Y, Z, a, b, v: a * (Z + X @ Y),
    "a (Z - X Y)": lambda X, Y, Z, a, b, v: a * (Z - X @ Y),
    "Z + X (a Y)": lambda X, Y, Z, a, b, v: Z + X @ (a * Y),
    "Z + (a X)(b Y)": lambda X, Y, Z, a, b, v: Z + (a * X) @ (b * Y),
}


@pytest.mark.parametrize("lower", LOWER)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", GEMMS)
def test_each_spelling_is_one_gemm(name: str, dtype: str, lower: int | None) -> None:
    made = held(GEMMS[name], (X, Y, Z, a, b, v), dtype, lower)
    assert products(made) == ["gemm"], made.extracted


def test_a_wide_scale_of_a_narrow_product_stays_outside_of_it() -> None:
    """S12: float64 times float32 is float64; the product is not widened, nor the result narrowed."""
    wide = np.array(1.1)
    arrays = (X.astype("f4"), Y.astype("f4"), Z.astype("f4"), wide)
    made = optimise(lambda X, Y, Z, s: Z + s * (X @ Y), arrays)
    [product] = [n for n in topological(made.extracted) if n.op.name in ("matmul", "gemm")]
    assert product.dtype == np.float32
    value = made.value(*arrays)
    assert value.dtype == np.float64
    np.testing.assert_array_equal(value, arrays[2] + wide * (arrays[0] @ arrays[1]))


def test_two_products_are_added_where_they_are_made() -> None:
    for program in (
        lambda X, Y, Z, U, V: Z + X @ Y + U @ V,
        lambda X, Y, Z, U, V: X @ Y + U @ V + Z,
    ):
        made = held(program, (X, Y, Z, U, V), "float64", None)
        assert products(made) == ["gemm", "gemm"], made.extracted
        assert "add" not in made.ops()


# ------------------------------------------------------------------------------------ S13 - S15
CUBE = rng.standard_normal((3, 4, 5))
# name -> program on CUBE, ops that must be there, ops that must not
REDUCTIONS: dict[str, tuple[Program, str, str]] = {
    "prod(c x)": (lambda x: np.prod(2.0 * x, axis=1), "prod", ""),
    "sum of sums": (lambda x: np.sum(np.sum(x, 2), 0), "sum", ""),
    "sum of sums, later": (lambda x: np.sum(np.sum(x, 0), 1), "sum", ""),
    "max of max": (lambda x: np.max(np.max(x, 2), 0), "max", ""),
    "min of min": (lambda x: np.min(np.min(x, 0), 0), "min", ""),
    "max of exp": (lambda x: np.max(np.exp(x), axis=1), "exp", ""),
    "sum of joined": (lambda x: np.sum(np.concatenate([x, x + 1.0], 1), axis=1), "", "concatenate"),
    "max of joined": (lambda x: np.max(np.concatenate([x, x * x], 1), axis=1), "", "concatenate"),
    "sum of transposed": (lambda x: np.sum(np.transpose(x, (2, 0, 1))), "", "transpose"),
    "sum of moved": (lambda x: np.sum(np.transpose(x, (2, 0, 1)), axis=0), "", "transpose"),
    "sum of reversed": (lambda x: np.sum(x[::-1, ::-1, ::-1]), "", "slice"),
    "last running sum": (lambda x: np.cumsum(x[0, 0])[-1:], "sum", "cumsum"),
    "running sum, turned": (lambda x: np.cumsum(x[0, 0][::-1])[::-1], "cumsum", ""),
    "argmax of logits": (lambda x: np.argmax(3.0 * np.tanh(x) - 1.0, axis=2), "", "tanh multiply"),
}  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name: str, dtype: str) -> None:
    program, present, absent = REDUCTIONS[name]
    made = held(program, (CUBE,), dtype, None)
    ops = made.ops()
    assert all(op in ops for op in present.split()), made.extracted
    assert not any(op in ops for op in absent.split()), made.extracted
    reductions = [op for op in ops if op in ("sum", "max", "min", "prod")]
    assert len(reductions) <= 2 if "joined" in name else len(reductions) <= 1, made.extracted


@pytest.mark.parametrize("axis", [None, 0, 1, 2, (0, 2)])
def test_a_large_scale_leaves_a_sum_and_a_small_one_stays(axis: Any) -> None:
    made = held(lambda x: np.sum(3.0 * x, axis=axis), (CUBE,), "float64", None)
    assert made.extracted[0].op.name == "multiply"
    huge = np.array([[1.5e308, -1e308], [1e308, 0.5e308]])
    for program in (lambda x: np.sum(x / 3.0) / 2.0, lambda x: np.sum(0.25 * x)):
        assert np.isfinite(optimise(program, (huge,)).value(huge))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_sum_of_one_value_is_a_multiple_in_its_dtype(dtype: str) -> None:
    x = np.array(0.5, dtype)
    made = optimise(lambda x: et.sum(et.broadcast_to(x, (6, 7))), (x,))
    assert "sum" not in made.ops()
    assert made.value(x).dtype == dtype
    assert made.value(x) == 21.0


def test_sums_of_small_integers_keep_their_dtype() -> None:
    x = rng.integers(-9, 9, (3, 4, 5)).astype("int8")
    made = optimise(lambda x: et.sum(et.sum(x, 2, dtype="int8"), 0, dtype="int8"), (x,))
    assert made.ops().count("sum") == 1
    np.testing.assert_array_equal(made.value(x), x.sum((0, 2), dtype="int8"))
    assert made.value(x).dtype == np.int8


# ------------------------------------------------------------------------------------ S21 and 2.10
M, N = rng.standard_normal((60, 50)), rng.standard_normal((50, 60))
W = rng.standard_normal((50, 45))
p, q = rng.standard_normal(60), rng.standard_normal(50)
BATCH, SHARED = rng.standard_normal((7, 60, 50)), rng.standard_normal((50, 45))
# name -> (program, its arguments, multiplications in matrix products at most)
WORK: dict[str, tuple[Program, tuple[Any, ...], int]] = {
    "trace": (lambda m, n: np.trace(m @ n), (M, N), 0),
    "trace of what is not square": (lambda m, w: np.trace(m @ w), (M, W), 0),
    "diagonal": (lambda m, n: np.diagonal(m @ n), (M, N), 0),
    "sum of product": (lambda m, n: np.sum(m @ n), (M, N), 0),
    "outer times vector": (lambda p, q, n: np.outer(p, q) @ n[:, 0], (p, q, N), 50),
    "outer times matrix": (lambda p, q, n: np.outer(p, q) @ n, (p, q, N), 50 * 60),
    "sum of outer": (lambda p, q: np.sum(np.outer(p, q)), (p, q), 0),
    "rows of outer": (lambda p, q: np.sum(np.outer(p, q), axis=1), (p, q), 0),
    "columns times vector": (lambda m, n, p: np.sum((m @ n) * p, axis=1), (M, N, p), 2 * 50 * 60),
    "by hand": (lambda m, n: np.sum(m[:, :, None] * n[None, :, :], axis=1), (M, N), 60 * 50 * 60),
    "batch": (lambda x, w: x @ w, (BATCH, SHARED), 7 * 60 * 50 * 45),
    "common factor": (lambda m, n: m @ n + m @ (n * n), (M, N), 60 * 50 * 60),
    "scaled rows": (lambda m, n, p, r: (m * p[:, None]) @ n @ r, (M, N, p, p), 2 * 50 * 60),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", WORK)
def test_products_take_no_more_than_they_must(name: str, dtype: str) -> None:
    program, arrays, most = WORK[name]
    made = held(program, arrays, dtype, None)
    assert matmul_work(made) <= most, made.extracted


@pytest.mark.parametrize(
    "name", ["trace", "trace of what is not square", "diagonal", "sum of outer"]
)
def test_no_product_for_sizes_known_at_run_time_only(name: str) -> None:
    program, arrays, _ = WORK[name]
    assert products(held(program, arrays, "float64", 2)) == []


@pytest.mark.parametrize("lower", LOWER)
def test_a_batch_is_folded_into_rows(lower: int | None) -> None:
    made = held(lambda x, w: x @ w, (BATCH, SHARED), "float64", lower)
    [node] = [n for n in topological(made.extracted) if n.op.name == "matmul"]
    assert len(node.shape) == 2, made.extracted
    gradient = optimise(lambda x, w: et.grad(et.sum((x @ w) ** 2), w), (BATCH, SHARED), lower=lower)
    shapes = [len(n.shape) for n in topological(gradient.extracted) if n.op.name == "matmul"]
    assert shapes == [2, 2], gradient.extracted


def test_a_quadratic_form_and_both_products_share_two_of_three() -> None:
    A = rng.standard_normal((60, 60))
    made = optimise(lambda A, x: (x @ A @ x, A @ x, A.T @ x), (A, p))
    ops = made.ops()  # the last may be a sum of elements' products
    assert len(products(made)) + ops.count("sum") == 3, made.extracted
    block = rng.standard_normal((60, 4))
    made = optimise(lambda A, x: (x.T @ A @ x, A @ x, A.T @ x), (A, block))
    assert matmul_work(made) == 2 * 60 * 60 * 4 + 60 * 4 * 4, made.extracted


# ------------------------------------------------------------------------------------ long sums
def test_the_logarithm_of_a_long_sum_of_exponentials_is_finite() -> None:
    points = (1000.0, 1001.0, 900.0, -5.0, 3.0, 1002.0)

    def program(*xs: Any) -> Any:
        total = 2 * np.exp(xs[0]) + 3.0
        for x in xs[1:]:
            total = total + np.exp(x)
        return np.log(total)

    made = optimise(program, points)
    top = 1002.0
    terms = [2 * np.exp(points[0] - top), *(np.exp(x - top) for x in points[1:])]
    np.testing.assert_allclose(made.value(*points), top + np.log(sum(terms)), rtol=1e-14)


LIKE: dict[str, tuple[Program, str]] = {
    "x + x + x": (lambda x, y, z: x + x + x, "multiply"),
    "2 x + 3 x": (lambda x, y, z: 2.0 * x + 3.0 * x, "multiply"),
    "2 x + y + 3 x": (lambda x, y, z: 2.0 * x + y + 3.0 * x, "multiply add"),
    "x y + z - x y": (lambda x, y, z: x * y + z - x * y, ""),
    "2 x + y + z + 3 x": (lambda x, y, z: 2.0 * x + y + z + 3.0 * x, "multiply add add"),
}


@pytest.mark.parametrize("name", LIKE)
def test_like_terms_are_collected(name: str) -> None:
    program, ops = LIKE[name]
    made = held(program, tuple(rng.standard_normal((3, 9))), "float64", None)
    assert sorted(o for o in made.ops() if o not in ("input", "full")) == sorted(ops.split())
