"""Sums that lose no digits: against exact fractions, in every dtype, and under optimize="accuracy"."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import eqsat_tensor as et
from eqsat_tensor.lang import OPS
from eqsat_tensor.namespace.cumulative import standard_on_arrays
from eqsat_tensor.normalize import fold
from tests.oracle import assert_same
from tests.strategies import arrays

FLOATS = ("float64", "float32", "float16")
RNG = np.random.default_rng(11)


def nearest(row: np.ndarray) -> Any:
    """The element of the dtype next to the exact sum, ties to even."""
    total = sum(map(Fraction, row.tolist()), Fraction(0))
    dtype = row.dtype.type
    guess = (
        dtype(float(total)) if abs(total) < Fraction(2) ** 1023 else dtype(np.sign(total) * np.inf)
    )
    around = [guess, np.nextafter(guess, dtype(np.inf)), np.nextafter(guess, dtype(-np.inf))]
    finite = [c for c in around if np.isfinite(c)]
    best = min(abs(Fraction(float(c)) - total) for c in finite)
    found = [c for c in finite if abs(Fraction(float(c)) - total) == best]
    bits = f"u{row.dtype.itemsize}"
    return min(found, key=lambda c: int(np.asarray(c).view(bits)) & 1)


def cancelling(count: int, dtype: str, spread: float = 9.0) -> np.ndarray:
    """Terms of sizes over many powers of ten whose sum is far below their last places."""
    top = min(spread, 3.0) if dtype == "float16" else spread
    half = (RNG.normal(size=count) * 10.0 ** RNG.uniform(-top / 3, top / 3, count)).astype(dtype)
    row = np.concatenate(
        [half, -half * (1 + RNG.normal(size=count).astype(dtype) * 1e-3), half[:3]]
    )
    return RNG.permutation(row).astype(dtype)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("count", [1, 2, 7, 100, 1003])
def test_a_sum_is_rounded_once(count: int, dtype: str) -> None:
    rows = np.stack([cancelling(count, dtype) for _ in range(5)])
    want = np.array([nearest(r) for r in rows])
    compiled = et.jit(lambda x: et.fsum(x, axis=1))(rows)
    assert compiled.dtype == dtype
    assert_same(compiled, want)
    assert_same(et.fsum(rows, axis=1), want)
    assert_same(et.fsum(rows.T, axis=0, keepdims=True), want[None])


@given(arrays((9,), "float64"))
def test_any_finite_terms(row: np.ndarray) -> None:
    if np.isfinite(row).all() and abs(sum(map(Fraction, row.tolist()))) < Fraction(2) ** 1023:
        want = nearest(row)
        assert et.fsum(row) == want
    else:
        with np.errstate(all="ignore"):
            assert np.isfinite(et.fsum(row)) <= np.isfinite(row).all()


def test_half_way_in_float32_the_rest_decides() -> None:
    one, tie = np.float32(1), np.float32(2.0**-24)
    for rest, want in (
        (2.0**-80, np.nextafter(one, np.float32(2))),
        (-(2.0**-80), one),
        (0.0, one),
    ):
        assert et.fsum(np.array([one, tie, rest], "float32")) == want


@pytest.mark.parametrize("exact", [True, False])
def test_special_values_are_those_of_a_sum(exact: bool) -> None:
    f = et.jit(lambda x: et.fsum(x, axis=-1, exact=exact))
    inf, nan = np.inf, np.nan
    rows = np.array(
        [
            [inf, 1, 2],
            [inf, -inf, 0],
            [nan, 1, 2],
            [-inf, 5, -inf],
            [-0.0, -0.0, -0.0],
            [0.0, -0.0, 0],
        ]
    )
    assert_same(f(rows), np.array([inf, nan, nan, -inf, -0.0, 0.0]))
    assert_same(f(np.zeros((3, 0))), np.zeros(3))
    assert_same(f(np.zeros((0, 3))), np.zeros(0))


def test_large_terms_may_overflow_on_the_way() -> None:
    assert et.fsum(np.array([1e308, 1e308, -1e308, -5e307])) == 5e307
    assert et.fsum(np.array([1e308, 1e308])) == np.inf
    assert et.fsum(np.array([-1e308, -1e308])) == -np.inf
    assert et.fsum(np.array([3e38, 3e38, -3e38], "float32")) == np.float32(3e38)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("shape", "axis"), [((1,), 0), ((997,), 0), ((64, 33), 1), ((64, 33), 0), ((5, 7, 40), (0, 2)), ((3, 4), None)])  # fmt: skip
def test_twice_the_digits(shape: tuple[int, ...], axis: Any, dtype: str) -> None:
    x = cancelling(int(np.prod(shape)), dtype)[: int(np.prod(shape))].reshape(shape)
    want = et.fsum(x, axis=axis)
    f = et.jit(lambda a: et.fsum(a, axis=axis, exact=False))
    for array in (x, np.asfortranarray(x), np.repeat(x, 2, axis=-1)[..., ::2]):
        got = f(array)
        assert got.dtype == dtype
        assert np.all(np.abs(got - want) <= np.spacing(np.abs(want)))
    assert_same(f(x), f(x))


def test_compiled_for_any_size() -> None:
    x = et.tensor("x", ("n", "m"))
    f = et.function([x], et.fsum(x, axis=1, exact=False))
    for n, m in ((1, 1), (3, 0), (0, 4), (4, 1013)):
        rows = RNG.normal(size=(n, m)) * 1e6
        assert_same(f(rows), et.fsum(rows, axis=1))


@pytest.mark.parametrize("exact", [True, False])
def test_gradients_and_batches(exact: bool) -> None:
    x = RNG.normal(size=(3, 4))
    gradient = et.jit(et.grad(lambda a: et.fsum(et.fsum(a * a, axis=0, exact=exact) ** 2)))(x)
    want = 4 * x * np.sum(x * x, axis=0)
    np.testing.assert_allclose(gradient, want, rtol=1e-14)
    _, tangent = et.jvp(lambda a: et.fsum(a, axis=1, exact=exact), (x,), (x,))
    np.testing.assert_allclose(tangent, x.sum(1), rtol=1e-14)
    batched = et.jit(et.vmap(lambda row: et.fsum(row, exact=exact)))(x)
    assert_same(batched, et.fsum(x, axis=1))


def test_whole_numbers_are_floats() -> None:
    assert_same(et.jit(et.fsum)(np.arange(5)), np.float64(10))
    assert_same(et.fsum(np.array([True, True])), np.float64(2))
    assert_same(et.jit(lambda a: et.fsum(a, axis=0))(np.float64(3.0)[None]), np.float64(3.0))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_sums_for_accuracy_have_twice_the_digits(dtype: str) -> None:
    rows = np.stack([cancelling(500, dtype) for _ in range(3)])
    f = et.jit(lambda x: et.sum(x, axis=1) / 2, optimize="accuracy")
    want = et.fsum(rows, axis=1) / np.asarray(2, dtype)
    assert_same(f(rows), want)
    assert not np.array_equal(et.jit(lambda x: et.sum(x, axis=1) / 2)(rows), want)


def cancelling_products(count: int, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Two vectors whose products are of sizes over many powers of ten and nearly add up to 0."""
    a = (RNG.normal(size=count) * 10.0 ** RNG.uniform(-3, 3, count)).astype(dtype)
    b = (RNG.normal(size=count) * 10.0 ** RNG.uniform(-3, 3, count)).astype(dtype)
    order = RNG.permutation(2 * count)
    turned = -b * (1 + RNG.normal(size=count).astype(dtype) * np.finfo(dtype).eps)
    return np.concatenate([a, a])[order], np.concatenate([b, turned]).astype(dtype)[order]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("count", [1, 5, 400])
@pytest.mark.parametrize("form", ["sum", "dot", "column", "row"])
def test_products_for_accuracy_are_added_with_twice_the_digits(
    form: str, dtype: str, count: int
) -> None:
    pairs = [cancelling_products(count, dtype) for _ in range(3)]
    a, b = (np.stack(side) for side in zip(*pairs, strict=True))
    forms = {
        "sum": (lambda x, y: et.sum(x * y, axis=1)),
        "dot": (lambda x, y: et.stack([x[k] @ y[k] for k in range(3)])),
        "column": (lambda x, y: et.stack([(x @ y[k])[k] for k in range(3)])),
        "row": (lambda x, y: et.stack([(x[k] @ y.T)[k] for k in range(3)])),
    }
    f = et.jit(forms[form], optimize="accuracy")
    exact = [
        sum(Fraction(p) * Fraction(q) for p, q in zip(x.tolist(), y.tolist(), strict=True))
        for x, y in pairs
    ]
    unit = float(np.finfo(dtype).eps)
    for got, want, (x, y) in zip(f(a, b).tolist(), exact, pairs, strict=True):
        size = float(np.abs(x.astype("float64") * y).sum())
        assert abs(Fraction(got) - want) <= unit * abs(want) + 8 * count**2 * unit**2 * size


def test_products_for_accuracy_that_are_no_numbers() -> None:
    f = et.jit(lambda x, y: et.sum(x * y), optimize="accuracy")
    for x, y in (
        ([np.inf, 1.0, 2.0], [1.0, 1.0, 1.0]), ([np.nan, 1.0, 2.0], [1.0, 1.0, 1.0]),
        ([1e300, 1.0, 2.0], [1.0, 1.0, 1.0]), ([1e-300, 1e-200], [1e-20, 1e-100]), ([], []),
    ):  # fmt: skip
        a, b = np.asarray(x, float), np.asarray(y, float)
        assert_same(f(a, b), np.sum(a * b))


@given(st.integers(1, 400_000), st.sampled_from([0.1, 1 / 3, 1e10]))
def test_an_ordinary_sum_keeps_the_bound_of_its_length(count: int, value: float) -> None:
    """|error| <= (m + 16) u sum|x|, m = n / 16 in float64, at most 4096 + n / 65536 in float32."""
    for dtype in ("float64", "float32"):
        x = np.full(count, value, dtype)
        total = Fraction(float(x[0])) * count
        off = abs(Fraction(float(SUM(x))) - total)
        terms = Fraction(count, 16)
        if dtype == "float32":
            terms = min(terms, 4096 + Fraction(count, 65536))
        assert off <= (terms + 16) * Fraction(float(np.finfo(dtype).eps)) / 2 * total


def test_an_update_of_nothing_leaves_the_order_of_a_sum() -> None:
    given = np.array([0.94706838, -0.94706838, 0.94706838, 5.10503905, 0.94706838, 0.94706838])
    x, none = et.tensor("x", (3, 1, 2)), et.tensor("none", (3, 0, 2))
    places = {"start": (0, 0, 0), "step": (1, 1, 1), "shape": (3, 1, 2)}
    updated = OPS["update_slice"](x.expr, et.sqrt(none).expr, **places)
    assert fold(updated) is x.expr
    assert fold(OPS["update_slice"](x.expr, x.expr, **places)) is not x.expr
    total = et.sum(et.Tensor(OPS["slice"](updated, **places)))
    arrays = given.reshape(3, 1, 2), np.empty((3, 0, 2))
    ways: tuple[dict[str, Any], ...] = ({"math": "strict"}, {"optimize": "none"})
    strict, written = (et.function([x, none], total, **way)(*arrays) for way in ways)
    assert strict == written


@pytest.mark.parametrize(("x", "power"), [(2.7e21, -2.0), (1e14, -3.0)])
def test_negative_powers_keep_results_below_the_normal_range(x: float, power: float) -> None:
    got = et.jit(lambda v: v**power)(np.array([x], "float32"))
    np.testing.assert_allclose(got, np.array([x], "float32") ** np.float32(power), rtol=0.02)


@pytest.mark.skipif(not hasattr(np, "cumulative_sum"), reason="NumPy has it since 2.1")
@pytest.mark.parametrize("dtype", ["float32", "int8", "bool"])
def test_what_stands_for_cumulative_sum_in_an_older_numpy(dtype: str) -> None:
    x = (np.arange(12).reshape(3, 4) % 3).astype(dtype)
    for name, neutral in (("cumulative_sum", 0), ("cumulative_prod", 1)):
        ours, theirs = standard_on_arrays(name, neutral), getattr(np, name)
        for a, options in (
            (x[0], {}),
            (x, {"axis": 0}),
            (x, {"axis": -1, "include_initial": True}),
        ):
            got, want = ours(a, **options), theirs(a, **options)
            assert got.dtype == want.dtype
            np.testing.assert_array_equal(got, want)
        with pytest.raises(ValueError, match="axis="):
            ours(x)


SUM = et.jit(lambda x: et.sum(x))
