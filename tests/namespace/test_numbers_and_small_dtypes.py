"""Reductions of numbers, where they begin, and functions of integers narrower than their results."""

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.errors import ShapeError
from tests.namespace.agree import agree

OVER = ("sum", "prod", "max", "min", "any", "all", "ptp", "nansum", "nanmax", "count_nonzero")


@pytest.mark.parametrize("name", [*OVER, "argmax", "argmin", "nanargmax"])
def test_a_number_has_a_first_and_a_last_axis(name):
    for value in (np.float32(2.5), np.int16(-3)):
        for axis in (0, -1, None):
            agree(lambda e, x, a=axis: getattr(e, name)(x, axis=a), value)
        with pytest.raises(ShapeError):
            getattr(et, name)(et.tensor("x"), axis=1)


def test_a_spread_of_no_axes_is_no_number_where_there_is_none():
    agree(lambda e, x: e.ptp(x, axis=()), np.array([1.0, np.nan, np.inf]))


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min"])
def test_where_a_reduction_begins_must_fit(name):
    x = np.arange(3, dtype=np.uint8)
    with pytest.raises(OverflowError):
        et.jit(lambda x: getattr(np, name)(x, initial=-2))(x)
    agree(lambda e, x: getattr(e, name)(x, initial=2), x)
    agree(lambda e, x: getattr(e, name)(x, initial=np.int64(5)), x)


@pytest.mark.parametrize("dtype", ["?", "i1", "u1", "i2", "u4", "i8", "f2", "f4"])
def test_functions_of_small_dtypes_are_computed_as_wide_as_numpys(dtype):
    x = np.array([0, 1, 2, 1]).astype(dtype)
    for name in ("sinc", "angle", "i0", "unwrap", "degrees", "nan_to_num", "real_if_close"):
        if name == "unwrap" and dtype == "?":
            continue
        agree(lambda e, x, n=name: getattr(e, n)(x), x, guarantee="stable", label=name)
    agree(lambda e, x: e.angle(x, deg=True), x, guarantee="stable")
