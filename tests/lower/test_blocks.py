"""Memory of large results: kept for the next one of that size, up to a limit, and given back."""

import gc
import weakref

import numpy as np
import pytest
from numpy._core.multiarray import get_handler_name

import eqsat_tensor as et
from eqsat_tensor.lower.cpu import blocks
from eqsat_tensor.lower.cpu.lines import LINE, empty_on_line
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


@pytest.mark.parametrize("count", [4096, 5001, 100_000, 999_983, 5_000_000])
def test_large_results_begin_on_a_cache_line(double, count):
    x = np.ones(count)
    results = [double(x) for _ in range(4)]
    assert {y.ctypes.data % LINE for y in results} == {0}
    assert all((y == 2).all() for y in results)


@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 5), (4, 0, 2), (1000,)])
@pytest.mark.parametrize("dtype", ["float64", "float32", "bool", "complex128", "int16"])
def test_results_of_bound_functions_begin_on_a_cache_line(shape, dtype):
    made = empty_on_line(shape, np.dtype(dtype))
    assert (made.shape, made.dtype) == (shape, dtype)
    assert made.size == 0 or made.ctypes.data % LINE == 0
    assert made.flags.c_contiguous
    assert made.flags.writeable
    bound = et.jit(lambda x: x).bind(np.ones(shape, dtype))
    assert bound().ctypes.data % LINE == 0 or made.size == 0


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
