"""What the entry takes: each field of each argument is checked; whatever differs goes to Python."""

import pickle
import sys
import weakref
from collections.abc import Callable as Function
from typing import Any

import numpy as np
import pytest

from eqsat_tensor.lower.cpu import driver, entry, jit
from eqsat_tensor.runtime import native
from eqsat_tensor.runtime.binding import Binding, Identity, InputSpec, OutputSpec
from tests.runtime import programs
from tests.runtime.bound import A, X, Y, compiled

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
