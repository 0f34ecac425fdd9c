"""What NumPy's text changes in place, by other names than ``x[...] = v``; and what cannot be written."""

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.errors import ReadOnlyError
from tests.namespace.agree import leaves

X = np.array([[1.0, np.nan, 3.0], [np.inf, -2.0, 5.0]])


def _nan_to_num(x):
    x = x * 1
    found = np.nan_to_num(x, copy=False)
    found[0, 0] = 9
    return x


def _nan_to_num_by_place(x):
    x = x * 1
    np.nan_to_num(x, False, 7.0, 8.0)
    return x, np.nan_to_num(x * np.nan, True, 5.0)


def _real(x):
    z = x + 2j
    z.real[0] = 5
    z.imag[:, 1] *= 3
    part = z.real
    part += 1
    np.real(z)[1, 2] = -1
    return z, part


def _real_of_real(x):
    x = x * 1
    x.real[0] = 5
    return x, x.imag


def _whole_parts(x):
    z = x + 2j
    z.real = 4
    z.imag = x
    y = x * 1
    y.real = 3
    return z, y


def _number(x):
    z = x[0, 0] + 1j
    return z.real + 1, z.imag


@pytest.mark.parametrize(
    "function",
    [_nan_to_num, _nan_to_num_by_place, _real, _real_of_real, _whole_parts, _number],
    ids=lambda f: f.__name__,
)
@pytest.mark.parametrize("mode", ["run", "reference"])
def test_it_is_changed_as_numpys(function, mode):
    want = function(X.copy())
    made = et.jit(function, mode=mode)(X)
    for a, b in zip(leaves(made), leaves(want), strict=True):
        np.testing.assert_array_equal(a, b)


def test_arguments_stay_as_they_are():
    x = X.copy()
    et.jit(_nan_to_num)(x)
    np.testing.assert_array_equal(x, X)


def test_what_is_no_part_is_not_written():
    def imaginary(x):
        x.imag[0] = 1
        return x

    with pytest.raises(ReadOnlyError):
        et.jit(imaginary)(X)

    def set_imaginary(x):
        x.imag = 1
        return x

    with pytest.raises(TypeError, match="imag"):
        et.jit(set_imaginary)(X)
    with pytest.raises(ReadOnlyError):
        np.nan_to_num(et.tensor("x", (3,)), copy=False)


@pytest.mark.parametrize("dtype", ["u1", "i2", "i8", "f4", "f8", "c16", "?"])
def test_numbers_are_written_as_numpy_converts_them(dtype):
    values = (300, -1, 2**70, np.nan, np.inf, 2.7, 1j, True, [1, 300, 2], [1.5, np.nan, 0], 1e300)
    for value in values:

        def write(x, v=value):
            x[...] = v
            return x

        def fill(x, v=value):
            x.fill(v)
            return x

        for function in (write,) if isinstance(value, list) else (write, fill):
            x = np.zeros(3, dtype)
            try:
                with np.errstate(all="ignore"):
                    want = function(x.copy())
            except (TypeError, ValueError, OverflowError) as error:
                with pytest.raises(type(error)):
                    et.jit(function)(x)
            else:
                np.testing.assert_array_equal(et.jit(function)(x), want)
