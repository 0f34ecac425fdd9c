"""Each field of each argument is checked; nothing leaks; both forms of a call behave the same."""

import copy
import gc
import os
import pickle
import signal
import subprocess
import sys
import threading
import types
import warnings
import weakref
from collections.abc import Callable as Function
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eqsat_tensor.lower.cpu import driver, entry, jit
from eqsat_tensor.runtime import native
from eqsat_tensor.runtime.binding import Binding, Identity, InputSpec, OutputSpec
from eqsat_tensor.runtime.native import Callable
from eqsat_tensor.runtime.state import StateCell
from tests.runtime import programs

RNG = np.random.default_rng(0)
A, X, Y = (RNG.normal(size=10) for _ in range(3))


def slow(*args: Any, **kwargs: Any) -> tuple[str, int, tuple[str, ...]]:
    return "slow", len(args), tuple(kwargs)


@pytest.fixture(params=["native", "python"])
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "python":
        native.is_native()
        monkeypatch.setattr(native, "is_native", lambda: False)
    elif not native.is_native():
        pytest.skip("calls are not native here")
    return str(request.param)


def compiled(*bindings: Binding, name: str = "f", otherwise: Any = slow) -> Callable:
    f = Callable(otherwise, name)
    for binding in bindings:
        f.add(binding)
    return f


def test_calls_are_native_here() -> None:
    if os.environ.get("EQSAT_NATIVE") != "0" and sys.implementation.name == "cpython":
        assert native.is_native()


def test_a_call_gives_what_the_steps_compute(form: str) -> None:
    f = compiled(programs.axpy(10))
    result = f(A, X, Y)
    np.testing.assert_array_equal(result, A * X + Y)
    assert type(result) is np.ndarray
    assert result.flags.owndata
    assert f(A, X, Y) is not result


WRONG: dict[str, Function[[np.ndarray], Any]] = {
    "float32": lambda x: x.astype(np.float32),
    "int64": lambda x: x.astype(np.int64),
    "big endian": lambda x: x.astype(x.dtype.newbyteorder()),
    "rank 0": lambda x: np.array(x[0]),
    "rank 2": lambda x: x[None],
    "size": lambda x: x[:9].copy(),
    "longer": lambda x: np.append(x, 0.0),
    "empty": lambda x: x[:0].copy(),
    "strided": lambda x: np.repeat(x, 2)[::2],
    "reversed": lambda x: x[::-1],
    "unaligned": lambda x: np.frombuffer(b"!" + x.tobytes(), np.uint8)[1:].view(np.float64),
    "subclass": lambda x: x.view(np.matrix)[0],
    "recarray": lambda x: x.view(np.recarray),
    "masked": np.ma.masked_array,
    "list": list,
    "tuple": tuple,
    "scalar": lambda x: x[0],
    "float": lambda x: 1.5,
    "int": lambda x: 3,
    "none": lambda x: None,
    "text": lambda x: "text",
    "object": lambda x: x.astype(object),
    "complex": lambda x: x.astype(complex),
    "structured": lambda x: x.view([("a", "f8")]),
    "datetime": lambda x: x.view("M8[s]"),
    "type": type,
}


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("wrong", WRONG)
def test_an_argument_that_differs_in_one_thing_goes_to_slow(
    form: str, wrong: str, place: int
) -> None:
    f = compiled(programs.axpy(10))
    args = [A, X, Y]
    args[place] = WRONG[wrong](args[place])
    assert f(*args) == ("slow", 3, ())
    assert f(*args, key=1) == ("slow", 3, ("key",))


@pytest.mark.parametrize("count", [0, 1, 2, 4, 50])
def test_another_number_of_arguments_goes_to_slow(form: str, count: int) -> None:
    assert compiled(programs.axpy(10))(*[A] * count) == ("slow", count, ())


def test_keywords_go_to_slow_as_they_are(form: str) -> None:
    f = compiled(programs.axpy(10))
    assert f(A, X, Y, extra=1) == ("slow", 3, ("extra",))
    assert f(A, x=X, y=Y) == ("slow", 1, ("x", "y"))


def test_without_bindings_slow_is_called(form: str) -> None:
    assert compiled()(1, 2, a=3) == ("slow", 2, ("a",))


def test_an_unpickled_dtype_is_as_good_as_the_singleton(form: str) -> None:
    x = pickle.loads(pickle.dumps(X))
    assert compiled(programs.axpy(10))(A, x, Y)[0] != "slow"


def test_read_only_arrays_and_views_are_taken(form: str) -> None:
    x = X.copy()
    x.flags.writeable = False
    big = np.concatenate([A, Y])
    np.testing.assert_array_equal(compiled(programs.axpy(10))(big[:10], x, big[10:]), A * X + Y)


def test_strides_are_compared_where_asked(form: str) -> None:
    b = programs.Blocks()
    a, o = b.step("move", 2)
    spec = programs.array(a, 3, 2, strides=(8, 24))
    binding = Binding((spec,), (OutputSpec(programs.FLOAT, (), (o,)),), b.steps, keep=b.keep)
    f = compiled(binding)
    assert f(np.asfortranarray(np.full((3, 2), 7.0))) == 7.0
    for wrong in (np.zeros((3, 2)), np.zeros((6, 2))[::2], np.zeros((2, 3)), np.zeros((2, 6)).T):
        assert f(wrong) == ("slow", 1, ())


def test_unaligned_arrays_are_taken_where_allowed(form: str) -> None:
    b = programs.Blocks()
    a, o = b.step("move", 2)
    spec = programs.array(a, 10, aligned=False)
    binding = Binding((spec,), (OutputSpec(programs.FLOAT, (), (o,)),), b.steps, keep=b.keep)
    assert compiled(binding)(WRONG["unaligned"](X)) == X[0]


def test_an_object_is_taken_by_identity_until_it_is_forgotten(form: str) -> None:
    b = programs.Blocks()
    a, o = b.step("move", 2)
    key = MyFloat(1)
    identity = Identity(key, weak=True)
    specs = (programs.array(a, 10), InputSpec("object", (), identity=identity))
    f = compiled(Binding(specs, (OutputSpec(programs.FLOAT, (), (o,)),), b.steps, keep=b.keep))
    assert f(X, key) == X[0]
    assert f(X, MyFloat(1)) == ("slow", 2, ())
    assert f(key, X) == ("slow", 2, ())
    references = sys.getrefcount(key)
    f(X, key)
    assert sys.getrefcount(key) == references
    identity.forget()
    assert f(X, key) == ("slow", 2, ())
    seen = weakref.ref(key)
    del key
    assert seen() is None
    assert identity.object() is None


def test_bindings_are_discarded(form: str) -> None:
    bindings = [programs.axpy(n) for n in (3, 4, 5)]
    f = compiled(*bindings)
    f.discard([bindings[1]])
    assert f.bindings == (bindings[2], bindings[0])
    assert f(A[:4], X[:4], Y[:4]) == ("slow", 3, ())
    three = A[:3], X[:3], Y[:3]
    np.testing.assert_array_equal(f(*three), A[:3] * X[:3] + Y[:3])
    f.discard([bindings[0]])
    assert f(*three) == ("slow", 3, ())
    f.discard(f.bindings)
    assert f.bindings == ()


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (1, 1), (2, 3, 4, 5)])
def test_shapes_of_any_rank_and_size(form: str, shape: tuple[int, ...]) -> None:
    b = programs.Blocks()
    a, o = b.step("move", 2, 0)
    b.rows.clear()
    outputs = (OutputSpec(programs.FLOAT, shape, (o,)),)
    f = compiled(Binding((programs.array(a, *shape),), outputs, b.steps, keep=b.keep))
    result = f(np.zeros(shape))
    assert np.shape(result) == shape
    assert f(np.zeros((*shape, 1))) == ("slow", 1, ())
    assert b.blocks[0][1] != 0


@pytest.mark.parametrize("value", [1.5, -0.0, float("inf"), sys.float_info.max])
def test_floats_are_taken_by_value(form: str, value: float) -> None:
    result = compiled(programs.scalar("float"))(value)
    assert type(result) is np.float64
    assert np.array(result).tobytes() == np.array(value).tobytes()


class MyFloat(float):
    pass


@pytest.mark.parametrize(
    "value", [1, True, np.float32(1), np.float64(1), np.int64(1), "1", None, MyFloat(1), 1j]
)
def test_what_is_no_float_goes_to_slow(form: str, value: Any) -> None:
    assert compiled(programs.scalar("float"))(value) == ("slow", 1, ())


@pytest.mark.parametrize("value", [0, 1, -1, 2**63 - 1, -(2**63), 2**31])
def test_ints_are_taken_by_value(form: str, value: int) -> None:
    result = compiled(programs.scalar("int", programs.INT))(value)
    assert type(result) is np.int64
    assert result == value


@pytest.mark.parametrize("value", [True, 1.0, 2**63, -(2**63) - 1, 10**50, np.int64(1), "1", None])
def test_what_is_no_small_int_goes_to_slow(form: str, value: Any) -> None:
    assert compiled(programs.scalar("int", programs.INT))(value) == ("slow", 1, ())


@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "i4", "?"])
def test_results_of_rank_0_are_numpy_scalars(form: str, dtype: str) -> None:
    result = compiled(programs.scalar("int", np.dtype(dtype)))(1)
    assert type(result) is np.dtype(dtype).type


def test_results_are_one_object_a_tuple_or_none(form: str) -> None:
    one = programs.scalar("float", returns="tuple")
    assert compiled(one)(2.0) == (2.0,)
    b = programs.Blocks()
    nothing = Binding((), (), b.steps, returns="none")
    assert compiled(nothing)() is None
    assert compiled(Binding((), (), b.steps, returns="tuple"))() == ()
    slots = np.zeros(3, np.int64)
    outputs = tuple(
        OutputSpec(programs.FLOAT, shape, (slots.ctypes.data + 8 * i,))
        for i, shape in enumerate([(2,), (), (3, 4)])
    )
    result = compiled(Binding((), outputs, b.steps, returns="tuple", keep=(slots,)))()
    assert [np.shape(r) for r in result] == [(2,), (), (3, 4)]


def test_bindings_are_tried_the_newest_first_and_sixteen_are_kept(form: str) -> None:
    f = compiled(*[programs.axpy(n) for n in range(20)])
    assert len(f.bindings) == native.MAX_BINDINGS
    for n in range(20):
        x = np.ones(n)
        result = f(x, x, x)
        if n < 4:
            assert result == ("slow", 3, ())
        else:
            np.testing.assert_array_equal(result, 2 * x)
    f.clear()
    assert f(A, X, Y) == ("slow", 3, ())
    f.add(programs.axpy(10))
    np.testing.assert_array_equal(f(A, X, Y), A * X + Y)


def test_a_binding_added_again_comes_first(form: str) -> None:
    bindings = [programs.axpy(n) for n in range(5)]
    f = compiled(*bindings)
    for n in (2, 4, 0, 2, 2, 3):
        f.add(bindings[n])
        assert f.bindings[0] is bindings[n]
        assert len(f.bindings) == 5
        for size in range(5):
            x = np.ones(size)
            np.testing.assert_array_equal(f(x, x, x), 2 * x)
        assert f(A, X, Y) == ("slow", 3, ())
    for n in range(10, 40):
        f.add(programs.axpy(n))
    f.add(bindings[1])
    np.testing.assert_array_equal(f(A[:1], X[:1], Y[:1]), A[:1] * X[:1] + Y[:1])
    assert len(f.bindings) == native.MAX_BINDINGS


def test_bindings_of_another_result_count_do_no_harm(form: str) -> None:
    pair = programs.scalar("float", returns="tuple")
    f = compiled(programs.axpy(10), pair)
    assert f(1.5) == (1.5,)
    f(A, X, Y)  # found or slow: either is a right answer


def test_a_binding_runs_from_python_by_the_same_path(form: str) -> None:
    binding = programs.axpy(10)
    np.testing.assert_array_equal(native.run(binding, (A, X, Y)), A * X + Y)
    assert native.run(binding, (A, X)) is NotImplemented
    assert native.run(binding, (A, X, list(Y))) is NotImplemented
    assert compiled().run(programs.scalar("float"), (2.0,)) == 2.0


def test_slow_may_bind_add_and_run(form: str) -> None:
    def bind(a: Any, x: Any, y: Any) -> Any:
        binding = programs.axpy(len(a))
        f.add(binding)
        return f.run(binding, (a, x, y))

    f = compiled(otherwise=bind)
    for n in (3, 4, 3, 5, 4):
        np.testing.assert_array_equal(f(A[:n], X[:n], Y[:n]), A[:n] * X[:n] + Y[:n])
    assert len(f.bindings) == 3


def test_parallel_steps_run_in_the_pool(form: str) -> None:
    n = 1000
    x = np.arange(n, dtype=float)
    f = compiled(programs.axpy(n, chunks=7, release_gil=True))
    for _ in range(50):
        np.testing.assert_array_equal(f(x, x, x), x * x + x)


# --- failure ---------------------------------------------------------------------------------


def impossible(first: int) -> Binding:
    """Outputs of which the last is larger than memory."""
    slots = np.zeros(2, np.int64)
    outputs = (
        OutputSpec(programs.FLOAT, (first,), (slots.ctypes.data,)),
        OutputSpec(programs.FLOAT, (2**40, 2**40), (slots.ctypes.data + 8,)),
    )
    steps = np.zeros((0, 5), np.int64)
    return Binding((), outputs, steps, returns="tuple", keep=(slots,))


def test_a_failed_allocation_raises_and_releases(form: str) -> None:
    f = compiled(impossible(1000))
    one = compiled(
        Binding((), (OutputSpec(programs.FLOAT, (2**62,), ()),), np.zeros((0, 5), np.int64))
    )
    for _ in range(200):
        with pytest.raises((ValueError, MemoryError)):
            f()
        with pytest.raises((ValueError, MemoryError)):
            one()
    before = memory()
    for _ in range(2000):
        with pytest.raises((ValueError, MemoryError)):
            f()
    assert memory() - before < 2 << 20
    assert not f.bindings[0].descriptor.is_busy


def test_an_error_of_slow_comes_out(form: str) -> None:
    def refuse(*args: Any) -> Any:
        raise KeyError("no")

    with pytest.raises(KeyError):
        compiled(programs.axpy(10), otherwise=refuse)(1)


def test_a_failed_check_raises_and_does_not_commit(form: str) -> None:
    failures: list[tuple[int, Any]] = []

    def failed(index: int, *args: Any) -> Any:
        failures.append((index, args))
        raise ArithmeticError(index)

    cell = StateCell(np.zeros(10))
    f = compiled(programs.step_of(cell, 10, cell.version, check_failed=failed))
    good, bad = np.ones(10), -np.ones(10)
    references = sys.getrefcount(bad)
    assert f(good, good) == (0.0,)
    for _ in range(3):
        with pytest.raises(ArithmeticError):
            f(bad, good)
    np.testing.assert_array_equal(cell.get_value(), np.ones(10))
    assert f(good, good) == (1.0,)
    np.testing.assert_array_equal(cell.get_value(), np.full(10, 2.0))
    assert failures[0][0] == 0
    assert failures[0][1][0] is bad
    failures.clear()
    gc.collect()
    assert sys.getrefcount(bad) == references


def test_a_failed_check_may_answer_instead(form: str) -> None:
    cell = StateCell(np.zeros(10))
    binding = programs.step_of(cell, 10, 0, check_failed=lambda index, *args: "instead")
    assert compiled(binding)(-np.ones(10), X) == "instead"


def test_a_failed_allocation_leaves_state_as_it_was(form: str) -> None:
    cell = StateCell(np.arange(3.0))
    plain = programs.step_of(cell, 3, 0)
    slots = np.zeros(1, np.int64)
    huge = OutputSpec(programs.FLOAT, (2**62,), (slots.ctypes.data,))
    binding = Binding(
        plain.inputs,
        (*plain.outputs, huge),
        plain.steps,
        plain.states,
        "tuple",
        keep=(plain, slots),
    )
    f = compiled(binding)
    with pytest.raises((ValueError, MemoryError)):
        f(np.ones(3), np.ones(3))
    np.testing.assert_array_equal(cell.get_value(), np.arange(3.0))


# --- memory and life -------------------------------------------------------------------------


def memory() -> int:
    """Resident bytes of this process."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        pytest.skip("needs /proc")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_many_calls_leave_references_and_memory_as_they_were(form: str) -> None:
    calls = 100_000 if form == "native" else 2_000
    cell = StateCell(np.zeros(10))
    f = compiled(programs.axpy(10))
    g = compiled(programs.step_of(cell, 10, 0))
    h = compiled(programs.scalar("float"))
    things: list[Any] = [A, X, Y, f, g, h, slow, type(f), np.dtype("f8"), cell]
    one = np.ones(10)
    zero = np.zeros(10)
    # fmt: off
    for rounds in (calls // 10, calls):
        references = [sys.getrefcount(t) for t in things]
        before = memory()
        for _ in range(rounds):
            f(A, X, Y); g(one, zero); h(1.5); f(A, X)  # noqa: E702
        after = memory()
    # fmt: on
    assert [sys.getrefcount(t) for t in things] == references
    assert after - before < 1 << 20


def test_an_instance_in_a_cycle_is_collected(form: str) -> None:
    class Owner:
        def __init__(self) -> None:
            self.f = compiled(programs.axpy(10), otherwise=self.answer)
            self.f.owner = self  # type: ignore[attr-defined]

        def answer(self, *args: Any) -> str:
            return "slow"

    owner = Owner()
    assert owner.f(1) == "slow"
    owner.f(A, X, Y)
    alive = weakref.ref(owner), weakref.ref(owner.f)
    del owner
    gc.collect()
    assert [r() for r in alive] == [None, None]


def test_instances_come_and_go(form: str) -> None:
    rounds = 2000 if form == "native" else 200
    for phase in range(2):
        before = memory()
        for _ in range(rounds):
            f = compiled(programs.axpy(10))
            f(A, X, Y)
        if phase == 0:
            continue
        assert memory() - before < 2 << 20


class Described(Callable):
    """A subclass with methods."""

    def explain(self) -> str:
        """Say the name."""
        return f"explained {self.__name__}"

    @property
    def count(self) -> int:
        return len(self.bindings)


def test_a_subclass_has_its_methods_and_its_type(form: str) -> None:
    f = Described(slow, "g")
    f.add(programs.axpy(10))
    assert f.explain() == "explained g"
    assert f.count == 1
    assert isinstance(f, Described)
    assert isinstance(f, Callable)
    assert not isinstance(compiled(), Described)
    assert type(f).__name__ == "Described"
    assert type(f).__doc__ == "A subclass with methods."
    np.testing.assert_array_equal(f(A, X, Y), A * X + Y)


def test_an_instance_is_an_ordinary_object(form: str) -> None:
    f = compiled(name="step")
    f.attribute = 5  # type: ignore[attr-defined]
    assert vars(f)["attribute"] == 5
    assert callable(f)
    assert f.__name__ == "step"
    assert "step" in repr(f)
    assert {f: 1}[f] == 1
    assert f == f
    assert f != compiled()
    assert copy.copy(f) is f
    assert copy.deepcopy(f) is f
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(f)


def test_an_instance_in_a_class_is_a_method(form: str) -> None:
    class User:
        f = compiled()

    user = User()
    assert isinstance(user.f, types.MethodType)
    assert user.f(1) == ("slow", 2, ())
    assert User.f(1) == ("slow", 1, ())


def test_an_instance_made_around_the_class_cannot_crash() -> None:
    if not native.is_native():
        pytest.skip("calls are not native here")
    bare = object.__new__(type(compiled()))
    with pytest.raises(TypeError):
        bare(1)


def test_arguments_survive_the_collection_of_everything_else(form: str) -> None:
    f = compiled(programs.axpy(10))
    gc.collect()
    np.testing.assert_array_equal(f(A.copy(), X.copy(), Y.copy()), A * X + Y)


# --- threads ---------------------------------------------------------------------------------


def begin(words: np.ndarray, call: Function[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """Call in another thread, and come back when its steps run."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(call()))
    thread.start()
    while not words[0]:
        pass
    return thread, results


def test_a_binding_that_runs_is_not_entered_again(form: str) -> None:
    binding, words = programs.waiting_axpy(10)
    f = compiled(binding)
    thread, results = begin(words, lambda: f(A, X, Y))
    assert f(A, X, Y) == ("slow", 3, ())  # so the GIL is free, and the binding is not
    f.add(programs.axpy(10))
    np.testing.assert_array_equal(f(X, X, X), X * X + X)
    words[1] = 1
    thread.join()
    np.testing.assert_array_equal(results[0], A * X + Y)
    assert not binding.descriptor.is_busy


def test_run_waits_for_a_busy_binding(form: str) -> None:
    binding, words = programs.waiting_axpy(10)
    thread, results = begin(words, lambda: native.run(binding, (A, X, Y)))
    second: list[Any] = []
    other = threading.Thread(target=lambda: second.append(native.run(binding, (X, X, X))))
    other.start()
    other.join(0.01)
    assert not second
    words[1] = 1
    thread.join()
    other.join()
    np.testing.assert_array_equal(results[0], A * X + Y)
    np.testing.assert_array_equal(second[0], X * X + X)


def test_an_evicted_binding_outlives_its_run(form: str) -> None:
    binding, words = programs.waiting_axpy(10)
    f = compiled(binding)
    alive = weakref.ref(binding)
    del binding
    thread, results = begin(words, lambda: f(A, X, Y))
    f.clear()
    for n in range(100, 140):
        f.add(programs.axpy(n))
    gc.collect()
    assert alive() is not None
    words[1] = 1
    thread.join()
    np.testing.assert_array_equal(results[0], A * X + Y)
    f.add(programs.axpy(1))
    gc.collect()
    assert alive() is None


def test_many_threads_call_one_function(form: str) -> None:
    n = 200
    f = compiled(otherwise=lambda *args: f.run(f.bindings[0], args))
    f.add(programs.axpy(n, release_gil=True, chunks=3))
    wrong: list[int] = []

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(300):
            a, x, y = rng.normal(size=(3, n))
            if not np.array_equal(f(a, x, y), a * x + y):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_can_call_what_was_running() -> None:
    binding, words = programs.waiting_axpy(10)
    f = compiled(binding)
    thread, _ = begin(words, lambda: f(A, X, Y))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        signal.alarm(60)  # a child that hangs is a failure
        words[1] = 1
        os._exit(0 if np.array_equal(f(A, X, Y), A * X + Y) else 1)
    words[1] = 1
    thread.join()
    assert os.waitpid(child, 0)[1] == 0


# --- the decision ----------------------------------------------------------------------------


def test_the_python_form_is_used_when_asked(tmp_path: Path) -> None:
    code = "from eqsat_tensor.runtime import native; assert not native.is_native()\n"
    code += "f = native.Callable(lambda *a: a); assert f(1, 2) == (1, 2)"
    environment = os.environ | {"EQSAT_NATIVE": "0"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("type", "dtype"), ("data", "dims"), ("rank", "flags"), ("dims", "strides"),
        ("strides", "dims"), ("flags", "rank"), ("number", "byteorder"), ("byteorder", "number"),
        ("float", "rank"), ("scalar", "rank"),
    ],
)  # fmt: skip
def test_a_wrong_layout_is_found(monkeypatch: pytest.MonkeyPatch, field: str, other: str) -> None:
    if not native.is_native():
        pytest.skip("calls are not native here")
    assert native._fields_agree()
    monkeypatch.setitem(entry.FIELDS, field, entry.FIELDS[other])
    item = jit.compile_object(entry.entry_text(), 0)
    symbols = entry._numpy_symbols() | {"eqsat_drive": driver.drive_address()}
    found = jit.load([item], ["probe", "probe_float", "probe_scalar"], symbols)
    monkeypatch.setattr(entry, "entry_addresses", lambda: found)
    assert not native._fields_agree()
