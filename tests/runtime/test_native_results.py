"""What a call gives: results, errors, of which binding, in which form, by what kind of object."""

import copy
import gc
import os
import pickle
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eqsat_tensor.runtime import native
from eqsat_tensor.runtime.binding import Binding, OutputSpec
from eqsat_tensor.runtime.native import Callable
from eqsat_tensor.runtime.state import StateCell
from tests.runtime import programs
from tests.runtime.bound import A, X, Y, compiled, slow


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


def test_the_python_form_is_used_when_asked(tmp_path: Path) -> None:
    code = "from eqsat_tensor.runtime import native; assert not native.is_native()\n"
    code += "f = native.Callable(lambda *a: a); assert f(1, 2) == (1, 2)"
    environment = os.environ | {"EQSAT_NATIVE": "0"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_where_the_self_test_fails_calls_go_the_slow_way_with_the_same_results() -> None:
    code = """
import warnings
import numpy as np
import eqsat_tensor as et
from eqsat_tensor.runtime import native
native._fields_agree = lambda: False
f = et.jit(lambda x, y: {"sum": x + y, "product": x * y})
x = np.arange(4.0)
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    for y in (x + 1, x + 1, 2.0, x[::-1]):
        found = f(x, y)
        assert found["sum"].tolist() == (x + y).tolist()
        assert found["product"].tolist() == (x * y).tolist()
assert [w.category for w in seen] == [RuntimeWarning], seen
assert not native.is_native()
assert f.counters.traces == 2
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
