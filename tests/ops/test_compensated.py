"""Ops that do not round their sums and products, against the true value where the plain ones lose all digits."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import mpmath
import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.lang import OPS
from eqsat_tensor.tensor import Tensor

DTYPES = (np.float64, np.float32)
REACH = {np.float64: 500.0, np.float32: 60.0}  # powers of two that operands of products are of


def compiled(name: str) -> Callable[[np.ndarray], np.ndarray]:
    op = OPS[name]
    return et.jit(lambda rows: Tensor(op(*[rows[i].expr for i in range(op.arity)])))  # type: ignore[no-any-return]


def off(got: np.ndarray, true: np.ndarray) -> float:
    """The largest distance in units of the last place of the truth."""
    with np.errstate(invalid="ignore", over="ignore"):
        true = true.astype(got.dtype)
        return float(np.max(np.abs(got - true) / np.spacing(np.abs(true))))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["sin_of_sum", "cos_of_sum"])
def test_the_sum_of_two_angles_is_not_rounded(name: str, dtype: type) -> None:
    random = np.random.default_rng(0)
    x, y = (random.normal(size=300) * 2.0 ** random.uniform(-8, 40, 300) for _ in range(2))
    rows = np.stack([x, y]).astype(dtype)
    function = getattr(mpmath, name[:3])
    with mpmath.workprec(300):
        true = np.array(
            [float(function(mpmath.mpf(float(a)) + mpmath.mpf(float(b)))) for a, b in rows.T]
        )
    for got in (OPS[name].numpy(*rows), compiled(name)(rows)):
        assert got.dtype == dtype
        assert off(got, true) <= OPS[name].ulps
    plain = getattr(np, name[:3])(rows[0] + rows[1])
    assert off(plain, true) > 1e4


def products(dtype: type) -> np.ndarray:
    """Four rows; in half of the columns a b and c d nearly agree."""
    random = np.random.default_rng(1)
    reach = REACH[dtype]
    rows = random.normal(size=(4, 400)) * 2.0 ** random.uniform(-reach, reach, (4, 400))
    a, b, c = rows[:3, ::2]
    with np.errstate(over="ignore", under="ignore"):
        rows[3, ::2] = (a / c) * b * (1 + random.normal(size=200) * 1e-9)
        rows = rows.astype(dtype)
    return rows[:, np.isfinite(rows).all(axis=0)]


def true_differences(rows: np.ndarray) -> list[Fraction]:
    a, b, c, d = ([Fraction(float(v)) for v in row] for row in rows)
    return [p * q - r * s for p, q, r, s in zip(a, b, c, d, strict=True)]


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_root_of_a_difference_has_its_digits_where_products_overflow(dtype: type) -> None:
    rows = products(dtype)
    exact = true_differences(rows)
    with mpmath.workprec(200):
        roots = [
            mpmath.sqrt(mpmath.mpf(e.numerator) / e.denominator) if e >= 0 else mpmath.nan
            for e in exact
        ]
        true = np.array([float(r) for r in roots])
    real = np.array([e >= 0 for e in exact])
    normal = real & (np.abs(true) < np.finfo(dtype).max) & (np.abs(true) > np.finfo(dtype).tiny)
    assert normal.sum() > 100
    with np.errstate(invalid="ignore"):
        reference = OPS["root_of_difference"].numpy(*rows)
    for got in (reference, compiled("root_of_difference")(rows)):
        assert off(got[normal], true[normal]) <= OPS["root_of_difference"].ulps
        assert np.isnan(got[~real]).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_difference_of_products_has_its_digits(dtype: type) -> None:
    rows = products(dtype)
    size = np.abs(rows.astype(np.longdouble))
    fits = np.ones(rows.shape[1], bool)
    for pair in (size[0] * size[1], size[2] * size[3]):
        fits &= (
            (pair < 1e290) & (pair > 1e-290)
            if dtype is np.float64
            else (pair < 1e37) & (pair > 1e-37)
        )
    rows = rows[:, fits]
    assert rows.shape[1] > 100
    true = np.array([float(e) for e in true_differences(rows)])
    for got in (
        OPS["difference_of_products"].numpy(*rows),
        compiled("difference_of_products")(rows),
    ):
        assert off(got, true) <= OPS["difference_of_products"].ulps


@pytest.mark.parametrize("name", ["difference_of_products", "root_of_difference"])
def test_zeros_and_infinities_are_those_of_the_plain_formula(name: str) -> None:
    values = (0.0, 2.0, np.inf)
    rows = np.array(np.meshgrid(*[values] * 4)).reshape(4, -1)
    a, b, c, d = rows
    with np.errstate(invalid="ignore"):
        plain = a * b - c * d
        plain = np.sqrt(plain) if name == "root_of_difference" else plain
        reference = OPS[name].numpy(*rows)
    np.testing.assert_array_equal(reference, plain)
    np.testing.assert_array_equal(compiled(name)(rows), plain)
