"""Calls that give ``out=``, as the entry takes them: what it writes to, what it gives back, what it leaves
to the slow way."""

import sys
from typing import Any

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.lower.cpu import entry
from eqsat_tensor.runtime import native
from eqsat_tensor.runtime.binding import Binding
from eqsat_tensor.runtime.forms import form_of, giving_out
from eqsat_tensor.runtime.native import Callable
from eqsat_tensor.trees import LEAF, flatten
from tests.runtime import programs
from tests.runtime.bound import A, X, Y, slow

WANT = A * X + Y


def into(out: Any, in_place: tuple[tuple[int, int], ...] = ()) -> Callable:
    """``f(a, x, y, out=)``, whose nest is that of ``out``: one array of ten elements."""
    b = programs.Blocks()
    slots = b.step("axpy", 4, 10)
    inputs = [programs.array(s, 10) for s in slots[:3]]
    target = programs.array(slots[3], 10, written=True)
    form = giving_out(None, 3, flatten(out)[1])
    binding = Binding(
        (*inputs, target), (), b.steps, returns="last", form=form, keep=b.keep, in_place=in_place
    )
    f = Callable(slow, "f")
    f.add(binding)
    return f


@pytest.mark.parametrize("nest", [lambda o: o, lambda o: (o,), lambda o: {"r": [o]}])
def test_the_given_nest_comes_back(form: str, nest: Any) -> None:
    array = np.zeros(10)
    out = nest(array)
    f = into(out)
    assert f(A, X, Y, out=out) is out
    np.testing.assert_array_equal(array, WANT)
    before = [sys.getrefcount(o) for o in (out, array, A, None)]
    for _ in range(100):
        f(A, X, Y, out=out)
    assert [sys.getrefcount(o) for o in (out, array, A, None)][:3] == before[:3]
    assert f(A, X, Y)[0] == "slow"
    assert f(A, X, Y, to=out)[0] == "slow"


def locked() -> np.ndarray:
    array = np.zeros(10)
    array.flags.writeable = False
    return array


class Kind(np.ndarray):
    pass


WRONG = {
    "read-only": locked,
    "shape": lambda: np.zeros(9),
    "rank": lambda: np.zeros((1, 10)),
    "dtype": lambda: np.zeros(10, "f4"),
    "byte order": lambda: np.zeros(10, ">f8"),
    "strides": lambda: np.zeros(20)[::2],
    "misaligned": lambda: np.zeros(81, "i1")[1:].view("f8"),
    "subclass": lambda: np.zeros(10).view(Kind),
    "masked": lambda: np.ma.zeros(10),
    "list": lambda: [0.0] * 10,
    "none": lambda: None,
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_written_to_goes_to_slow(form: str, name: str) -> None:
    f = into(np.zeros(10))
    out = WRONG[name]()
    assert f(A, X, Y, out=out)[0] == "slow"
    if isinstance(out, np.ndarray):
        assert not np.asarray(out).any()


def test_what_shares_memory_with_an_argument_goes_to_slow(form: str) -> None:
    f = into(np.zeros(10))
    for shift in range(-10, 11):
        base = np.arange(30.0)
        x, out = base[10:20], base[10 + shift : 20 + shift]
        answer = f(A, x, Y, out=out)
        if abs(shift) == 10:
            assert answer is out
            np.testing.assert_array_equal(out, A * np.arange(10.0, 20) + Y)
        else:
            assert answer[0] == "slow"
            np.testing.assert_array_equal(base, np.arange(30.0))


def test_the_argument_itself_may_be_written_to_where_loops_allow_it(form: str) -> None:
    f = into(np.zeros(10), in_place=((3, 1),))
    x = X.copy()
    assert f(A, x, Y, out=x) is x
    np.testing.assert_array_equal(x, WANT)
    assert f(A, X, x, out=x)[0] == "slow"
    assert f(x, x, Y, out=x)[0] == "slow"
    assert f(A, x, Y, out=x[:])[0] == "slow"  # another object: the arguments may lie otherwise


def test_results_and_given_arrays_take_turns(form: str) -> None:
    out = np.zeros(10)
    for together in (programs.axpy(10), programs.axpy(10, returns="tuple")):
        f = into(out)
        f.add(together)
        for _ in range(3):
            assert f(A, X, Y, out=out) is out
            np.testing.assert_array_equal(np.reshape(f(A, X, Y), 10), WANT)


def test_a_numpy_scalar_takes_no_result(form: str) -> None:
    b = programs.Blocks()
    a, o = b.step("move", 2)
    spec = programs.array(o, written=True)
    giving = giving_out(None, 1, LEAF)
    f = Callable(slow, "f")
    f.add(Binding((programs.array(a), spec), (), b.steps, returns="last", form=giving, keep=b.keep))
    out = np.zeros(())
    assert f(np.float64(2.5), out=out) is out
    assert out == 2.5
    number = np.float64(7)
    assert f(np.float64(2.5), out=number)[0] == "slow"
    assert number == 7
    assert f(out[None].reshape(()), out=out)[0] == "slow"


def test_the_form_of_a_call_that_gives_out() -> None:
    named = form_of([LEAF, LEAF], (1, 0), ("x",))
    given = giving_out(named, 2, flatten((0, 0))[1])
    assert given.numbers == (1, 0, 2, 3)
    assert given.names == ("x", "out")
    assert entry.LAST not in (entry.SINGLE, entry.NONE)


@pytest.fixture
def natively(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a function that is called the slow way from now on an error."""
    if not native.is_native():
        pytest.skip("calls are not native here")

    def closed(f: Any) -> None:
        monkeypatch.setattr(f.traces.arrangement, "instance", None)

    return closed


def test_a_jitted_function_writes_into_given_arrays_natively(natively: Any) -> None:
    f = et.jit(lambda x, s, k=2.0: {"sum": (x * s + k).sum(), "all": x * s + k})
    x, out = np.arange(6.0).reshape(2, 3), {"sum": np.zeros(()), "all": np.zeros((2, 3))}
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
        ((x, 3.0), {}), ((x, 3.0), {"k": 5.0}), ((x, np.float64(3)), {"k": x}),
    ]  # fmt: skip
    for args, kwargs in calls:
        f(*args, **kwargs, out=out)
        f(*args, **kwargs)
    natively(f)
    for args, kwargs in calls:
        assert f(*args, **kwargs, out=out) is out
        want = x * 3 + kwargs.get("k", 2.0)
        np.testing.assert_array_equal(out["all"], want)
        np.testing.assert_allclose(out["sum"], want.sum())
        np.testing.assert_array_equal(f(*args, **kwargs)["all"], want)


def test_plain_calls_are_native_after_one_that_gave_out(natively: Any) -> None:
    f = et.jit(lambda x: x + 1)
    f(X, out=np.zeros(10))
    f(X)
    natively(f)
    np.testing.assert_array_equal(f(X), X + 1)


def test_methods_and_static_arguments_are_taken_natively(natively: Any) -> None:
    class Model:
        @et.jit
        def step(self, x: Any) -> Any:
            return 2 * x

    g = et.jit(lambda kind, x: x + len(kind), static_argnums=0)
    model, out, kind = Model(), np.zeros(10), "abc"
    for _ in range(2):
        assert model.step(X, out=out) is out
        assert g(kind, X, out=out) is out
        np.testing.assert_array_equal(out, X + 3)
    natively(Model.__dict__["step"])
    natively(g)
    assert model.step(X, out=out) is out
    np.testing.assert_array_equal(out, 2 * X)
    assert g(kind, X, out=out) is out
    np.testing.assert_array_equal(out, X + 3)


def test_states_and_checks_are_left_to_the_slow_way() -> None:
    w = et.shared(np.zeros(3), "w")
    x, labels = et.tensor("x", (3,)), et.tensor("labels", ("n",), "int64")
    step = et.function([x], x + w, updates={w: w + x})
    taken = et.function([x, labels], x[labels])
    out = np.zeros(3)
    for k in range(3):
        step(np.ones(3), out=out)
        np.testing.assert_array_equal(out, np.full(3, 1.0 + k))
        taken(np.arange(3.0), np.array([2, 1, 0]), out=out)
        np.testing.assert_array_equal(out, [2, 1, 0])
        with pytest.raises(et.LabelError):
            taken(np.arange(3.0), np.array([0, 5, 0]), out=out)
        np.testing.assert_array_equal(out, [2, 1, 0])
