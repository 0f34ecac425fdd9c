"""Arguments that are not in C order: read as they lie, from the second call like it on."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.layouts import layout_of
from eqsat_tensor.variant import LAYOUTS


def lying(x: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """The same values in other orders and strides."""
    for order in itertools.permutations(range(x.ndim)):
        yield f"{order}", np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))
    yield "every second", np.repeat(x, 2, axis=-1)[..., ::2]
    yield "reversed", np.ascontiguousarray(x[..., ::-1])[..., ::-1]
    yield "part of rows", np.concatenate([x, x], axis=-1)[..., : x.shape[-1]]
    yield "every third row", np.repeat(x, 3, axis=0)[::3]
    yield "rows reversed", np.ascontiguousarray(x[::-1])[::-1]
    yield "one row", np.broadcast_to(x[:1], x.shape)
    yield "one column", np.broadcast_to(x[..., :1], x.shape)


PROGRAMS = {
    "map": lambda x: x * x + 1,
    "rows": lambda x: et.sum(x, axis=-1),
    "columns": lambda x: et.sum(x, axis=0),
    "all": lambda x: et.prod(x),
    "turned": lambda x: x.T * 2,
    "both": lambda x: x + et.sum(x.T, axis=0).T[..., None],
    "flat": lambda x: et.reshape(x, (-1,)) * 2,
    "cut": lambda x: x[1:] * x[:-1],
    "padded": lambda x: et.pad(x, 1),
    "rolled": lambda x: et.roll(x, 1, axis=-1),
    "picked": lambda x: x[np.array([0, 2, 1])],
    "scanned": lambda x: et.cumsum(x, axis=0),
    "product": lambda x: x @ np.ones(x.shape[-1]),
    "sorted": lambda x: et.sort(x, axis=0),
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_results_do_not_depend_on_how_arguments_lie(name: str, dtype: str) -> None:
    rng = np.random.default_rng(5)
    for shape in ((20, 35), (5, 6, 7)) if dtype == "float64" else ((9, 13),):
        x = rng.integers(-4, 5, shape).astype(dtype)
        f = et.jit(PROGRAMS[name])
        for how, y in lying(x):
            wanted = f(np.ascontiguousarray(y))
            for _ in range(3):
                np.testing.assert_array_equal(f(y), wanted, f"{shape} {how}")


def test_they_are_read_where_they_lie() -> None:
    f = et.jit(lambda x, y: x + y)
    x, y = np.arange(12.0).reshape(3, 4).T, np.arange(12.0).reshape(4, 3)
    for _ in range(2):
        f(x, y)
    strides = [tuple(i.strides for i in b.inputs) for b in f.bindings]
    assert (x.strides, None) in strides
    for _ in range(3):
        x[0, 0] += 1
        np.testing.assert_array_equal(f(x, y), x + y)
    np.testing.assert_array_equal(f(y, x), x + y)


def test_one_call_makes_no_code_and_many_layouts_make_only_some() -> None:
    f = et.jit(lambda *arrays: sum(arrays))
    f(*[np.ones((4, 5))] * 4)
    (entry,) = next(iter(f.traces.entries.values()))
    compiled = entry.variant.counters.compiles
    f(*[np.ones((5, 4)).T] * 4)
    assert entry.variant.counters.compiles == compiled
    for turned in itertools.product((False, True), repeat=4):
        arrays = [np.ones((5, 4)).T if t else np.ones((4, 5)) for t in turned]
        for _ in range(2):
            np.testing.assert_array_equal(f(*arrays), np.full((4, 5), 4.0))
    assert entry.variant.counters.compiles == compiled + LAYOUTS


@pytest.mark.parametrize("dtype", ["float32", "int32", "bool", "uint8"])
def test_maps_of_one_axis_and_of_small_elements(dtype: str) -> None:
    x = np.random.default_rng(5).integers(0, 2, 300).astype(dtype)
    f = et.jit(lambda x: (x & x if dtype != "float32" else x + x, x[::-1], et.any(x)))
    for how, y in lying(x):
        wanted = f(np.ascontiguousarray(y))
        for _ in range(3):
            for made, value in zip(f(y), wanted, strict=True):
                np.testing.assert_array_equal(made, value, how)


def test_functions_read_them_too() -> None:
    x = et.tensor("x", shape=("n", "m"), dtype="float32")
    f = et.function([x], et.sum(x * x, axis=0))
    y = np.arange(35, dtype="float32").reshape(5, 7).T
    for _ in range(3):
        np.testing.assert_array_equal(f(y), (y * y).sum(0))
    assert any(b.inputs[0].strides == y.strides for b in f.bindings)


def test_layouts_have_names() -> None:
    assert layout_of((3, 4), (8, 24), 8, False) == ("order", 1, 0)
    assert layout_of((3, 4), (16, 48), 16, True) == ("order", 1, 0, 2)
    assert layout_of((3, 4), (80, 8), 8, False) == ("unit",)
    assert layout_of((3, 4), (64, 16), 8, False) == ("steps",)
    assert layout_of((3,), (-8,), 8, False) == ("steps",)
    assert layout_of((3, 4), (0, 8), 8, False) == ("unit",)


def test_misaligned_and_other_byte_orders_are_copied() -> None:
    f = et.jit(lambda x: x + 1)
    raw = np.zeros(8 * 21 + 1, np.uint8)
    odd = raw[1:].view("float64")[::2]
    odd[...] = np.arange(11)
    for _ in range(3):
        np.testing.assert_array_equal(f(odd), np.arange(11) + 1)
        np.testing.assert_array_equal(
            f(np.arange(11).astype(">f8")[::-1]), np.arange(11.0)[::-1] + 1
        )
