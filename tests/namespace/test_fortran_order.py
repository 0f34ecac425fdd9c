"""reshape, ravel and flatten with order="F": values, and what of them shares elements."""

import numpy as np
import pytest

import eqsat_tensor as et

FORMS = {
    "reshape": lambda x: x.reshape(-1, x.shape[0], order="F"),
    "function": lambda x: np.reshape(x, (x.shape[0], -1), order="F"),
    "ravel": lambda x: np.ravel(x, order="F"),
    "method": lambda x: x.ravel("F"),
    "flatten": lambda x: x.flatten("F"),
    "of a transpose": lambda x: x.T.reshape(-1, order="F"),
    "of a part": lambda x: x[::2].ravel(order="F"),
}


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("shape", [(2, 3), (4,), (2, 3, 4), (1, 5), (0, 3)])
def test_values(name, shape):
    if name in ("reshape", "function") and 0 in shape:
        shape = (3, 2)
    x = np.arange(float(np.prod(shape))).reshape(shape)
    np.testing.assert_array_equal(et.jit(FORMS[name])(x), FORMS[name](x))


@pytest.mark.parametrize("name", FORMS)
def test_writes_reach_what_shares_elements(name):
    def body(x):
        x = x.copy()
        y = FORMS[name](x)
        y[0] = -1
        return x

    for shape in ((3, 4), (5,), (2, 3, 4)):
        x = np.arange(float(np.prod(shape))).reshape(shape)
        np.testing.assert_array_equal(et.jit(body)(x), body(x))


def test_of_arrays_and_orders_of_memory():
    x = np.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(et.flatten(x, order="F"), x.flatten("F"))
    with pytest.raises(et.UnsupportedError, match="order='C' or 'F'; got order='K'"):
        et.jit(lambda x: x.ravel(order="K"))(x)
