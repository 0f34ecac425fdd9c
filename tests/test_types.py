"""Literals are bits; broadcasting is NumPy's; dtypes and types have short texts."""

import numpy as np
import pytest
from hypothesis import given

from eqsat_tensor.errors import DtypeError, ShapeError
from eqsat_tensor.extents import symbol
from eqsat_tensor.types import (
    ALL_DTYPES,
    DTYPES,
    SHORT,
    TensorType,
    broadcast_shapes,
    known_dtype,
    literal,
)
from tests.strategies import broadcasting_shapes

N, M = symbol("n"), symbol("m", 2)


@given(broadcasting_shapes(3))
def test_shapes_broadcast_as_in_numpy(shapes):
    assert broadcast_shapes("add", shapes) == np.broadcast_shapes(*shapes)


def test_a_known_size_is_preferred_to_a_symbol():
    assert broadcast_shapes("add", [(N,), (3,)]) == (3,)
    assert broadcast_shapes("add", [(N, 1), (M,)]) == (N, M)
    with pytest.raises(ShapeError, match="differ on axis -1"):
        broadcast_shapes("add", [(2,), (3,)])


@pytest.mark.parametrize("value", [0.0, -0.0, np.nan, np.inf, 1.5, 5e-324])
def test_literals_are_compared_by_their_bits(value):
    a, b = literal(value, np.dtype("float64")), literal(value, np.dtype("float64"))
    assert a == b
    assert literal(0.0, np.dtype("float64")) != literal(-0.0, np.dtype("float64"))
    assert np.array_equal(a.value, value, equal_nan=True)


def test_literals_that_do_not_fit_overflow():
    with pytest.raises(OverflowError):
        literal(2**40, np.dtype("int32"))


def test_dtypes_are_bools_integers_and_floats():
    assert [SHORT[d.name] for d in DTYPES] == (
        ["bool", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "f16", "f32", "f64"]
    )
    assert known_dtype(np.dtype("longlong")).num == np.dtype("int64").num
    assert known_dtype(np.dtype("ulonglong")).num == np.dtype("uint64").num
    assert [SHORT[d.name] for d in ALL_DTYPES[len(DTYPES) :]] == ["c64", "c128"]
    for dtype in ALL_DTYPES:
        assert known_dtype(dtype.newbyteorder(">")) == dtype
    for refused in ("longdouble", "S3", "O", "M8[s]", "clongdouble"):
        with pytest.raises(DtypeError, match="dtype: needs one of bool, int8"):
            known_dtype(np.dtype(refused))


def test_types_are_shown_shortly():
    assert str(TensorType(np.dtype("float32"), (N, 3, N + M))) == "f32[n, 3, m + n]"
