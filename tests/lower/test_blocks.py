"""Memory of large results: kept for the next one of that size, up to a limit, and given back."""

import gc
import weakref

import numpy as np
import pytest
from numpy._core.multiarray import get_handler_name

import eqsat_tensor as et
from eqsat_tensor.lower.cpu import blocks
from eqsat_tensor.runtime.native import is_native

pytestmark = pytest.mark.skipif(not is_native(), reason="results are NumPy's own where calls are")


@pytest.fixture(autouse=True)
def empty():
    blocks.drop()
    yield
    blocks.drop()


@pytest.fixture(scope="module")
def double():
    x = et.tensor("x", ("n",))
    return et.function([x], 2 * x)


def result(double, count):
    double(np.ones(count))
    blocks.drop()
    return double(np.ones(count))


def test_only_large_results_come_from_the_handler(double):
    assert get_handler_name(result(double, 100)) == "default_allocator"
    assert get_handler_name(result(double, 100_000)) == "eqsat_tensor"
    assert get_handler_name(np.ones(100_000)) == "default_allocator"


def test_a_freed_block_serves_the_next_result_of_its_size(double):
    y = result(double, 100_000)
    assert blocks.held() == 0
    place = y.ctypes.data
    del y
    assert blocks.held() >= 800_000
    z = double(np.full(100_000, 3.0))
    assert z.ctypes.data == place
    assert (z == 6).all()
    assert blocks.held() == 0


def test_what_is_held_has_a_limit(double):
    arrays = [double(np.ones(n)) for n in range(500_000, 500_000 + 40 * 1000, 1000)]
    del arrays
    assert blocks.held() <= blocks.LIMIT
    huge = result(double, blocks.LARGEST // 8 + 1)
    held = blocks.held()
    del huge
    assert blocks.held() == held


def test_results_may_be_resized_and_own_their_data(double):
    y = result(double, 100_000)
    assert y.flags.owndata
    y.resize(300_000, refcheck=False)
    np.testing.assert_array_equal(y[:100_000], 2)
    np.testing.assert_array_equal(y[100_000:], 0)
    y.resize(10, refcheck=False)
    np.testing.assert_array_equal(y, np.full(10, 2.0))


def test_a_nest_of_results_is_freed_at_once():
    f = et.jit(lambda x: {"a": x * 2, "b": [x + 1]})
    x = np.ones(10)
    f(x)
    gc.disable()
    try:
        y = f(x)
        left = [weakref.ref(y["a"]), weakref.ref(y["b"][0])]
        del y
        assert [r() for r in left] == [None, None]
    finally:
        gc.enable()
