"""Calls in any form: by name, in nests; what the entry takes, what it gives, and that nothing leaks."""

import gc
import sys
import threading
from collections import OrderedDict, namedtuple
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.runtime import native
from eqsat_tensor.runtime.binding import Binding, OutputSpec
from eqsat_tensor.runtime.forms import Form, form_of, is_made, is_readable
from eqsat_tensor.runtime.native import Callable
from eqsat_tensor.trees import LEAF, flatten
from tests.runtime import programs
from tests.runtime.bound import A, X, Y

WANT = A * X + Y
Pair = namedtuple("Pair", "x y")


def slow(*args: Any, **kwargs: Any) -> str:
    return "slow"


def called(*args: Any, numbers: tuple[int, ...] | None = None, **kwargs: Any) -> Callable:
    """A function bound to axpy for calls like this one, whose leaves have these numbers."""
    nests = [flatten(v)[1] for v in (*args, *kwargs.values())]
    count = sum(n.leaves for n in nests)
    binding = replace(
        programs.axpy(10),
        form=form_of(nests, numbers or tuple(range(count)), tuple(kwargs)),
    )
    f = Callable(slow, "f")
    f.add(binding)
    return f


CALLS: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "tuple": (((A, X, Y),), {}),
    "list": (([A, X], Y), {}),
    "dict": (({"a": A, "x": X, "y": Y},), {}),
    "named tuple": ((A, Pair(X, Y)), {}),
    "deep": (({"a": [A, {"x": (X,)}], 3: Y},), {}),
    "none": ((A, None, {"x": X, "no": None}, Y), {}),
    "empty": ((A, (), {}, [X], Y), {}),
    "name": ((A, X), {"y": Y}),
    "names": ((), {"a": A, "x": X, "y": Y}),
    "nest by name": ((A,), {"more": {"x": X, "y": Y}}),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_of_the_same_form_is_taken(form: str, name: str) -> None:
    args, kwargs = CALLS[name]
    f = called(*args, **kwargs)
    np.testing.assert_array_equal(f(*args, **kwargs), WANT)
    for other in CALLS.values():
        if other is not CALLS[name]:
            assert f(*other[0], **other[1]) is not None
            assert isinstance(f(*other[0], **other[1]), str)


WRONG: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "order of keys": (({"x": X, "a": A, "y": Y},), {}),
    "one key less": (({"a": A, "x": X},), {}),
    "one more": (({"a": A, "x": X, "y": Y, "z": Y},), {}),
    "another key": (({"a": A, "x": X, "z": Y},), {}),
    "a key of another type": (({"a": A, "x": X, 1: Y},), {}),
    "ordered": ((OrderedDict(a=A, x=X, y=Y),), {}),
    "subclass": ((type("D", (dict,), {})(a=A, x=X, y=Y),), {}),
    "bytes": (({"a": A, "x": X, b"y": Y},), {}),
    "leaf": ((A,), {}),
    "none": ((None,), {}),
    "none inside": (({"a": A, "x": X, "y": None},), {}),
    "wrong leaf": (({"a": A, "x": X, "y": Y[:9]},), {}),
    "list": (([A, X, Y],), {}),
    "by name": ((), {"p": {"a": A, "x": X, "y": Y}}),
    "more": (({"a": A, "x": X, "y": Y}, A), {}),
    "no argument": ((), {}),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_another_form_goes_to_slow(form: str, wrong: str) -> None:
    f = called({"a": A, "x": X, "y": Y})
    args, kwargs = WRONG[wrong]
    assert isinstance(f(*args, **kwargs), str)
    np.testing.assert_array_equal(f({"a": A, "x": X, "y": Y}), WANT)


def test_names_are_compared_in_order(form: str) -> None:
    f = called(A, x=X, y=Y)
    np.testing.assert_array_equal(f(A, x=X, y=Y), WANT)
    assert isinstance(f(A, y=Y, x=X), str)
    assert isinstance(f(A, x=X, z=Y), str)
    assert isinstance(f(A, X, y=Y), str)
    assert isinstance(f(A, X, Y), str)


def test_leaves_go_to_the_places_that_the_form_says(form: str) -> None:
    f = called(Y, X, a=A, numbers=(2, 1, 0))
    np.testing.assert_array_equal(f(Y, X, a=A), WANT)


def test_equal_keys_need_not_be_one_object(form: str) -> None:
    f = called({"alpha": A, "beta": X, "gamma": Y})
    keys = ["".join(list(k)) for k in ("alpha", "beta", "gamma")]
    np.testing.assert_array_equal(f(dict(zip(keys, (A, X, Y), strict=True))), WANT)
    wide = {"\N{GREEK SMALL LETTER ALPHA}": A, "x": X, "y": Y}
    np.testing.assert_array_equal(called(wide)(dict(wide)), WANT)


def test_references_are_given_back(form: str) -> None:
    nest = {"a": A.copy(), "x": [X.copy()], "y": Y.copy()}
    f = called(nest)
    f(nest)
    objects = [nest, nest["a"], nest["x"], nest["x"][0], nest["y"], "a", f, slow]
    before = [sys.getrefcount(o) for o in objects]
    for _ in range(1000):
        f(nest)
        f({"a": nest["a"], "x": [None], "y": nest["y"]})
    assert [sys.getrefcount(o) for o in objects] == before


def test_an_array_taken_out_of_its_dict_lives_until_the_call_ends(form: str) -> None:
    binding, words = programs.waiting_axpy(10)
    nest = {"a": A.copy(), "x": X.copy(), "y": Y.copy()}
    f = Callable(slow, "f")
    f.add(replace(binding, form=Form((flatten(nest)[1],), (0, 1, 2))))
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(f(nest)))
    thread.start()
    while not words[0]:
        pass
    nest.clear()
    gc.collect()
    filler = [np.full(10, 7.0) for _ in range(100)]  # takes memory that has been given back
    words[1] = 1
    thread.join()
    assert len(filler) == 100
    np.testing.assert_array_equal(results[0], WANT)


RESULTS: dict[str, Any] = {
    "dict": {"u": 0, "v": 0},
    "list": [0, 0],
    "nested": {"u": [0, {"w": (0,)}], 7: (None, 0)},
    "empty": [[], {}, (), None, 0],
    "pair of lists": ([0], [0]),
    "named": Pair(0, [0]),
}


@pytest.mark.parametrize("name", RESULTS)
def test_results_come_in_their_nest(form: str, name: str) -> None:
    leaves, nest = flatten(RESULTS[name])
    slots = np.zeros(len(leaves), np.int64)
    shapes: list[tuple[int, ...]] = [(2,), (), (3, 4)]
    outputs = tuple(
        OutputSpec(programs.FLOAT, shapes[i % 3], (slots.ctypes.data + 8 * i,))
        for i in range(len(leaves))
    )
    b = programs.Blocks()
    if not is_made(nest):
        assert name == "named"
        return
    f = Callable(slow, "f")
    f.add(Binding((), outputs, b.steps, returns="tuple", nest=nest, keep=(slots,)))
    found, tree = flatten(f())
    assert tree == nest
    assert [np.shape(r) for r in found] == [shapes[i % 3] for i in range(len(leaves))]
    assert all(sys.getrefcount(r) <= 4 for r in found)  # its nest, found, r, the call's own


def test_what_the_entry_reads_and_makes() -> None:
    read = [(A, [X]), {"a": None}, Pair(A, X), 1.0]
    assert all(is_readable(flatten(v)[1]) for v in read)
    assert not is_readable(flatten(OrderedDict(a=A))[1])
    assert not is_readable(flatten([OrderedDict(a=A)])[1])
    assert not is_made(flatten(Pair(A, X))[1])
    assert form_of([LEAF, LEAF], (0, 1)) is None
    assert form_of([LEAF, LEAF], (1, 0)) is not None


@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", "i8", "i1", "u4", "?", "c16"])
def test_a_numpy_scalar_stands_for_an_array_of_rank_0(dtype: str) -> None:
    f = et.jit(lambda x, s: x + s)
    x, s = np.ones(5, dtype), np.ones(3, dtype)[1]
    f(x, s)
    compiles = f.counters.binds
    for value in (s, np.zeros(3, dtype)[0], np.array(1).astype(dtype)):
        got = f(x, value)
        np.testing.assert_array_equal(got, x + value)
        assert got.dtype == (x + value).dtype
    assert f.counters.binds == compiles
    other = np.float32(2) if dtype != "f4" else np.float64(2)
    np.testing.assert_array_equal(f(x, other), x + other)


def test_a_jitted_function_is_called_natively_in_every_form(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def compute(p: dict[str, Any], x: Any, rate: Any = 1.0) -> dict[str, Any]:
        return {k: v + rate * x for k, v in p.items()}

    f = et.jit(compute)
    p = {"w": A, "b": X}
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
        ((p, Y), {}),
        ((p, Y, 0.5), {}),
        ((p, Y), {"rate": 0.5}),
        ((p,), {"rate": 0.5, "x": Y}),
        ((), {"x": Y, "p": p}),
    ]
    for args, kwargs in calls:
        f(*args, **kwargs)
    if native.is_native():
        monkeypatch.setattr(f.traces.arrangement, "arrange", None)  # no call comes the slow way
    for args, kwargs in calls:
        got, want = f(*args, **kwargs), compute(*args, **kwargs)
        assert list(got) == list(want)
        for key in want:
            np.testing.assert_allclose(got[key], want[key])


def test_a_function_of_a_graph_is_called_natively_by_name() -> None:
    x, y = et.tensor("x", ("n",)), et.tensor("y", ("n",))
    f = et.function([x, y], {"difference": x - y})
    for _ in range(2):
        for got in (f(X, Y), f(X, y=Y), f(y=Y, x=X)):
            np.testing.assert_array_equal(got["difference"], X - Y)
    assert len(f.bindings) == 3 or not native.is_native()
