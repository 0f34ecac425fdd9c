"""Nests as arguments and results of `et.jit`, its keywords, static arguments and methods."""

import dataclasses
import gc
import inspect
import weakref
from collections import OrderedDict, defaultdict, namedtuple
from typing import Any

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.runtime.native import is_native
from eqsat_tensor.trees import flatten, unflatten
from tests.modes import MODES
from tests.threads import in_threads
from tests.writing import write

Point = namedtuple("Point", ["x", "y"])


@dataclasses.dataclass
class Layer:
    w: Any
    b: Any
    kind: str = dataclasses.field(default="linear", metadata={"static": True})


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    value: Any

    def __post_init__(self):
        assert isinstance(self.value, np.ndarray), "made by users only"


class Ring:
    """A container of one's own."""

    def __init__(self, items, turns):
        self.items, self.turns = items, turns


et.register_pytree(
    Ring, lambda r: (r.items, r.turns), lambda turns, items: Ring(list(items), turns)
)


def nests():
    a, b = np.arange(3.0), np.ones(3)
    return {
        "tuple": (a, b),
        "list": [a, [b], ()],
        "dict": {"b": a, "a": b},
        "OrderedDict": OrderedDict(b=a, a=b),
        "defaultdict": defaultdict(list, b=a),
        "namedtuple": Point(a, b),
        "dataclass": Layer(a, b, "tanh"),
        "frozen": Frozen(a),
        "None": (None, a, {"none": None}),
        "own": Ring([a, b], 2),
        "deep": [{"layers": (Layer(a, {"x": Point(a, None)}),)}, Ring((Frozen(b),), "s")],
    }


@pytest.mark.parametrize("name", nests())
def test_a_nest_comes_back_as_it_was(name):
    nest = nests()[name]
    f = et.jit(lambda nest, more: (nest, more))
    result, more = f(nest, 1.0)
    assert more == 1
    before, tree = flatten(nest)
    after, other = flatten(result)
    assert tree == other
    for x, y in zip(before, after, strict=True):
        np.testing.assert_array_equal(x, y)
    assert type(result) is type(nest)
    f(nest, 2.0)
    assert f.counters.traces == 1
    assert flatten(unflatten(tree, before)) == (before, tree)


def test_order_of_keys_and_kinds_of_containers_are_part_of_the_signature():
    f = et.jit(lambda d: list(d.values()))
    a, b = np.zeros(2), np.ones(2)
    np.testing.assert_array_equal(f({"a": a, "b": b}), [a, b])
    np.testing.assert_array_equal(f({"b": b, "a": a}), [b, a])
    assert f.counters.traces == 2
    made = et.jit(lambda d: d)(defaultdict(int, a=a))
    assert made["new"] == 0


def test_calls_of_one_nest_with_other_leaves_follow_one_another():
    f = et.jit(lambda p, s=1.0: {"y": p["w"] * s + p["b"], "n": p["w"].shape[0]})
    plain = f.__wrapped__
    cases = [
        ({"w": np.ones(n, dtype), "b": b}, *s)
        for n in (3, 5, 0)
        for dtype in ("float64", "float32")
        for b in (2.5, np.float64(2.5), np.ones(n, "float32"))
        for s in ((), (2,), (np.float32(2),))
    ]
    order = np.random.default_rng(0).permutation(len(cases) * 2) % len(cases)
    for i in order:
        got, want = f(*cases[i]), plain(*cases[i])
        np.testing.assert_array_equal(got["y"], want["y"])
        assert got["y"].dtype == want["y"].dtype
        assert got["n"] == want["n"]


def test_static_fields_of_dataclasses_are_known_while_tracing():
    @et.jit
    def apply(layer, x):
        return getattr(et, layer.kind)(x * layer.w + layer.b)

    w, b, x = np.full(3, 2.0), np.ones(3), np.arange(3.0)
    np.testing.assert_allclose(apply(Layer(w, b, "tanh"), x), np.tanh(x * w + b))
    np.testing.assert_allclose(apply(Layer(w, b, "exp"), x), np.exp(x * w + b), rtol=1e-14)
    assert apply.counters.traces == 2
    apply(Layer(b, w, "exp"), x)
    assert apply.counters.traces == 2


def test_results_of_functions_come_in_any_nest():
    x = et.tensor("x", ("n",))
    f = et.function([x], Layer(Point(x, x.sum()), Ring([x + 1], 3)))
    made = f(np.ones(2))
    assert isinstance(made.w, Point)
    assert made.w.y == 2
    assert made.b.turns == 3
    np.testing.assert_array_equal(made.b.items[0], [2, 2])


def test_nests_that_are_unknown_are_refused_with_a_way_out():
    class Bunch(dict):
        pass

    with pytest.raises(
        et.ArgumentError, match=r"dicts of a known kind; got a Bunch.*register_pytree"
    ):
        et.jit(lambda d: d)(Bunch(a=np.ones(2)))
    with pytest.raises(et.ArgumentError, match="static parts of a Layer that can be hashed"):
        et.jit(lambda layer: layer.w)(Layer(np.ones(2), np.ones(2), ["list"]))
    with pytest.raises(et.ArgumentError, match="each class once; got it twice"):
        et.register_pytree(Ring, lambda r: ((), None), lambda aux, children: None)
    with pytest.raises(et.ArgumentError, match="register_pytree"):
        et.register_pytree(3, lambda r: ((), None), lambda aux, children: None)
    with pytest.raises(et.ArgumentError, match="p_w as an array or number; got p_w=an object"):
        et.jit(lambda p: p)({"w": object()})


def test_gradients_of_nests():
    loss = lambda layer, x: et.sum(et.tanh(x * layer.w + layer.b))  # noqa: E731
    layer = Layer(np.ones(3), np.zeros(3))
    slope = et.grad(loss)(layer, np.arange(3.0))
    np.testing.assert_allclose(slope.b, 1 / np.cosh(np.arange(3.0)) ** 2, rtol=1e-13)
    assert slope.kind == "linear"


# ------------------------------------------------------------------------------------- signatures
@MODES
def test_every_kind_of_parameter(mode):
    def f(a, /, b, *rest, scale=2.0, **named):
        total = (a + b) * scale
        for r in rest:
            total = total + r
        for n in sorted(named):
            total = total - named[n]
        return total

    g = et.jit(f, mode=mode)
    a, b = np.arange(3.0), np.ones(3)
    for args, named in [
        ((a, b), {}),
        ((a,), {"b": b}),
        ((a, b, a, b), {}),
        ((a, b, a, b), {"scale": 3.0}),
        ((a, b), {"y": a, "x": b}),
        ((a, b, a), {"scale": np.float64(1.5), "rest0": a}),
    ]:
        for _ in range(2):
            np.testing.assert_allclose(g(*args, **named), f(*args, **named))
    with pytest.raises(et.ArgumentError, match=r"f: needs arguments \(a, /, b, .*missing"):
        g(a)


def test_a_keyword_argument_is_not_taken_by_position_later():
    f = et.jit(lambda a, *, k: a - k)
    np.testing.assert_array_equal(f(np.ones(2), k=np.zeros(2)), [1, 1])
    with pytest.raises(et.ArgumentError, match="too many positional"):
        f(np.ones(2), np.zeros(2))


def test_arguments_of_one_name_are_told_apart():
    f = et.jit(lambda p, p_a, args0, *args: p["a"].sum() + p_a.sum() - args0 * args[0])
    assert f({"a": np.ones(2)}, np.ones(3), 2.0, 3.0) == -1
    assert f({"a": np.ones(4)}, np.ones(2), 2.0, 3.0) == 0
    assert f.counters.traces == 1


@pytest.mark.parametrize("values", [(1, 1.0, True), ((1,), (1.0,), (True,)), ("a", b"a", None)])
def test_static_arguments_of_equal_value_and_other_type_are_apart(values):
    seen = []

    @et.jit(static_argnames="k")
    def f(x, k):
        seen.append(k)
        return x

    for value in values:
        f(np.ones(2), value)
        f(np.ones(2), k=value)
    assert [type(v) for v in seen if v is not None][: len(values)]
    # by position and by name is the same call
    assert len(seen) == len(values)


def test_static_numbers_count_as_positions():
    def f(x, how, *rest):
        return getattr(et, how)(x) + sum(r for r in rest if not isinstance(r, str))

    g = et.jit(f, static_argnums=(1, 3))
    assert g(np.ones(3), "sum", 1.0, "no number") == 4
    assert et.jit(f, static_argnums=1)(np.ones(3), how="max") == 1
    with pytest.raises(et.ArgumentError, match="a parameter number 5"):
        et.jit(lambda x: x, static_argnums=5)
    with pytest.raises(et.ArgumentError, match="hashable static arguments"):
        g(np.ones(3), ["sum"])
    # without a signature, too
    h = et.jit(np.add, static_argnums=1)
    np.testing.assert_array_equal(h(np.ones(2), 3), [4, 4])


def test_python_numbers_stay_weak():
    f = et.jit(lambda x, s: x * s)
    x = np.ones(2, "float32")
    assert f(x, 2).dtype == np.float32
    assert f(x, 2.5).dtype == np.float32
    assert f(x, True).dtype == np.float32
    assert f(x, np.float64(2)).dtype == np.float64
    assert f(np.ones(2, int), 2.5).dtype == np.float64


def test_a_jitted_function_looks_like_what_it_was_made_of():
    def f(x: int, *, k: float = 1.0) -> float:
        """Documented."""
        return x * k

    g = et.jit(f)
    assert inspect.signature(g) == inspect.signature(f)
    assert g.__wrapped__ is f
    assert (g.__name__, g.__doc__, g.__module__) == ("f", "Documented.", __name__)
    assert g.__qualname__ == f.__qualname__
    assert g.__annotations__ == f.__annotations__


def test_eight_threads_trace_and_call_one_function():
    def step(p, s):
        write(p["w"], p["w"] + s)
        return p["w"].sum()

    f, g = et.jit(step, donate="p"), et.jit(lambda x: (x * 2, x.sum()))
    wrong = []

    def work(number):
        w = np.zeros(2 + number % 3)
        for k in range(100):
            if f({"w": w}, 1.0) != (k + 1) * len(w):
                wrong.append(w.copy())
            doubled, total = g(w)
            if total != w.sum() or not (doubled == 2 * w).all():
                wrong.append(doubled)

    in_threads(work, range(8))
    assert not wrong
    assert f.counters.traces == g.counters.traces == 1


# ----------------------------------------------------------------------------------------- methods
class Model:
    def __init__(self, scale):
        self.scale = scale

    @et.jit
    def __call__(self, x):
        return x * self.scale

    @et.jit(static_argnames="how")
    def reduced(self, x, how="sum"):
        return getattr(et, how)(x * self.scale)

    @staticmethod
    @et.jit
    def plain(x):
        return x + 1


@MODES
def test_methods_take_their_instance_as_static(mode):
    two, three = Model(2.0), Model(np.arange(3.0))
    a = np.ones(3)
    for _ in range(2):
        np.testing.assert_array_equal(two(a), [2, 2, 2])
        np.testing.assert_array_equal(three(a), [0, 1, 2])
        np.testing.assert_array_equal(Model.__call__(three, a), [0, 1, 2])
        assert two.reduced(a) == 6
        assert three.reduced(a, how="max") == 2
        np.testing.assert_array_equal(Model.plain(a), [2, 2, 2])
        np.testing.assert_array_equal(two.plain(a), [2, 2, 2])
    assert list(inspect.signature(two.reduced).parameters) == ["x", "how"]
    # read once: by identity
    two.scale = 5.0
    np.testing.assert_array_equal(two(a), [2, 2, 2])


def test_an_instance_is_not_kept_alive_and_its_traces_go_with_it():
    method = vars(Model)["__call__"]
    model = Model(-1.0)
    model(np.ones(3))
    count = len(method.traces.entries), len(method.bindings)
    for k in range(5):
        seen = weakref.ref(model)
        del model
        gc.collect()
        assert seen() is None
        model = Model(float(k))
        for _ in range(2):
            np.testing.assert_array_equal(model(np.ones(3)), np.full(3, float(k)))
        assert (len(method.traces.entries), len(method.bindings)) == count


def test_one_function_may_be_a_method_of_several_classes():
    f = et.jit(lambda self, x: x * self.k)

    class A:
        k = 2.0
        times = f

    class B(A):
        k = 3.0

    class C:
        other = f

        def __init__(self, k):
            self.k = k

    for made, k in ((A(), 2), (B(), 3), (A(), 2)):
        np.testing.assert_array_equal(made.times(np.ones(2)), [k, k])
    np.testing.assert_array_equal(f(C(4.0), np.ones(2)), [4, 4])
    np.testing.assert_array_equal(C(5.0).other(x=np.ones(2)), [5, 5])


def test_an_instance_without_weak_references_is_refused():
    class Slots:
        __slots__ = ("k",)

        @et.jit
        def f(self, x):
            return x

    with pytest.raises(et.ArgumentError, match=r"got a Slots\. Add '__weakref__'"):
        Slots().f(np.ones(2))


def test_methods_inside_traces():
    model = Model(3.0)
    np.testing.assert_array_equal(et.jit(lambda x: model(x) + 1)(np.ones(2)), [4, 4])
    assert et.grad(lambda x: model.reduced(x))(np.ones(2)).tolist() == [3, 3]


@pytest.mark.skipif(not is_native(), reason="calls are made in Python here")
def test_static_arguments_and_instances_do_not_make_calls_slow():
    import sys

    model = Model(2.0)
    f = et.jit(lambda x, how: getattr(et, how)(x), static_argnums=1)
    a = np.ones(3)
    method = model.reduced
    f(a, "sum")
    model(a)
    method(a)
    events = []
    sys.setprofile(lambda frame, event, arg: events.append((event, frame.f_code.co_name)))
    f(a, "sum")
    method(a)
    sys.setprofile(None)
    assert [n for e, n in events if e == "call"] == []
