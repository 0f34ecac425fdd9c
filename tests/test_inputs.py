"""`et.In`, `et.Out` and the other arguments of `et.function`: defaults, state, casts, unused inputs."""

import pickle
import threading

import numpy as np
import pytest

import eqsat_tensor as et
from tests.modes import MODES
from tests.threads import in_threads


def counter(mode="run", **options):
    """A sum that its function holds itself, as the first function of a Theano tutorial."""
    total, step = et.tensor("total"), et.tensor("step")
    inputs = [step, et.In(total, value=10.0, update=total + step)]
    return et.function(inputs, total * 2, name="counter", mode=mode, **options)


@MODES
def test_a_default_stands_for_what_a_call_leaves_out(mode):
    x, y, z = et.tensor("x", ("n",)), et.tensor("y", ("n",)), et.tensor("z")
    default = np.arange(3.0)
    f = et.function([x, et.In(y, value=default), et.In(z, value=2)], x + y * z, mode=mode)
    default[:] = 100  # it was copied
    a = np.ones(3)
    for _ in range(2):
        np.testing.assert_array_equal(f(a), [1, 3, 5])
        np.testing.assert_array_equal(f(a, z=10.0), [1, 11, 21])
        np.testing.assert_array_equal(f(a, a), [3, 3, 3])
        np.testing.assert_array_equal(f(z=1.0, x=a, y=a), [2, 2, 2])
    with pytest.raises(et.ShapeError, match="one value of n"):
        f(np.ones(4))
    with pytest.raises(et.ArgumentError, match="no x"):
        f(y=a)


def test_a_default_before_other_inputs_is_left_out_by_name():
    x, y = et.tensor("x"), et.tensor("y")
    f = et.function([et.In(x, value=3.0), y], x - y)
    assert f(y=1.0) == 2
    assert f(1.0, 1.0) == 0
    assert f(y=1.0) == 2
    with pytest.raises(et.ArgumentError, match="no y"):
        f(1.0)


@MODES
def test_an_input_with_an_update_is_state(mode):
    f = counter(mode)
    one = np.ones(())
    assert [f(one), f(one), f(one)] == [20, 22, 24]
    assert f["total"] == 13
    f["total"] = 0.0
    assert f(one) == 0
    assert f["total"] == 1
    # a value that is given is read instead, and the state becomes what follows from it
    assert f(one, 100.0) == 200
    assert f["total"] == 101
    assert f(step=one) == 202


def test_state_may_be_asked_for_by_its_tensor():
    x = et.tensor("x", ("n",))
    f = et.function([et.In(x, name="weights", value=np.zeros(2), update=x + 1)], x.sum())
    f()
    np.testing.assert_array_equal(f[x], [1, 1])
    np.testing.assert_array_equal(f["weights"], [1, 1])
    f[x] = np.zeros(5)
    f()
    np.testing.assert_array_equal(f[x], np.ones(5))
    with pytest.raises(et.ArgumentError, match=r"input that has an update \(there are: weights\)"):
        f["x"]


def test_names_of_inputs_are_those_of_keywords():
    x = et.tensor("x", ("n",))
    f = et.function([et.In(x, name="points")], x + 1, name="f")
    np.testing.assert_array_equal(f(points=np.ones(2)), [2, 2])
    with pytest.raises(et.ArgumentError, match="arguments among points; got unknown 'x'"):
        f(x=np.ones(2))
    twin = et.tensor("x", ("n",))
    with pytest.raises(et.ArgumentError, match="inputs of different names; got two called x"):
        et.function([x, twin], x + twin)
    g = et.function([x, et.In(twin, name="twin")], x - twin)
    np.testing.assert_array_equal(g(np.ones(2), np.zeros(2)), [1, 1])


FLOAT32, FLOAT64 = np.ones(2, "float32"), np.ones(2)
CASTS = {
    # what is said of a float64 or float32 input; what comes; is it taken?
    "plain, exact": (None, "float64", FLOAT64, True),
    "plain, safe": (None, "float64", FLOAT32, False),
    "plain, integers": (None, "float64", np.ones(2, int), False),
    "plain, list of floats": (None, "float32", [0.5, 1.0], True),
    "In, safe": ({}, "float64", FLOAT32, True),
    "In, integers": ({}, "float64", np.ones(2, "int32"), True),
    "In, bool": ({}, "int64", np.ones(2, bool), True),
    "In, unsafe": ({}, "float32", FLOAT64, False),
    "In, list of floats": ({}, "float32", [0.5, 1.0], True),
    "strict, exact": ({"strict": True}, "float64", FLOAT64, True),
    "strict, strided": ({"strict": True}, "float64", np.ones(4)[::2], True),
    "strict, safe": ({"strict": True}, "float64", FLOAT32, False),
    "strict, list": ({"strict": True}, "float64", [1.0, 1.0], False),
    "strict, foreign": ({"strict": True}, "float64", FLOAT64.astype(">f8"), False),
    "downcast, unsafe": ({"allow_downcast": True}, "float32", FLOAT64, True),
    "downcast, to integers": ({"allow_downcast": True}, "int32", FLOAT64, True),
    "downcast, text": ({"allow_downcast": True}, "float64", ["a", "b"], False),
    "no downcast, floats": ({"allow_downcast": False}, "float32", [1.0, 1.0], False),
    "no downcast, safe": ({"allow_downcast": False}, "float64", FLOAT32, True),
    "no downcast, ints": ({"allow_downcast": False}, "float32", [1, 1], True),
}


@pytest.mark.parametrize("case", CASTS)
def test_casts_are_made_only_as_far_as_was_said(case):
    said, dtype, value, taken = CASTS[case]
    x = et.tensor("x", ("n",), dtype)
    given = x if said is None else et.In(x, **said)
    f = et.function([given], x + x, name="f", mode="reference")
    if taken:
        result = f(value)
        assert result.dtype == dtype
        np.testing.assert_array_equal(result, 2 * np.asarray(value, dtype))
    else:
        with pytest.raises(et.DtypeError, match=r"f: needs x: .*got x="):
            f(value)


def test_strict_numbers_are_numpys():
    x = et.tensor("x")
    f = et.function([et.In(x, strict=True)], x + 1, name="f")
    assert f(np.float64(1)) == 2
    with pytest.raises(et.DtypeError, match=r"got x=a float\. The input is strict"):
        f(1.0)
    assert et.function([x], x + 1)(1.0) == 2


def bad_functions():
    x, y = et.tensor("x", ("n",)), et.tensor("y", ("n",))
    w = et.shared(np.ones(3), "w")
    return {
        "unused": (
            lambda: et.function([x, y], x, name="f"), et.ArgumentError,
            r'f: needs every input to be used; got y: f64\[n\], .*on_unused_input="ignore"'),
        "what of unused": (
            lambda: et.function([x], x, on_unused_input="shout"), et.ArgumentError,
            "on_unused_input among raise, warn, ignore; got 'shout'"),
        "expression": (lambda: et.In(x + 1), et.ArgumentError, "made by et.tensor"),
        "state": (lambda: et.In(w), et.ArgumentError, "Functions find the state"),
        "state as input": (lambda: et.function([w], w), et.ArgumentError, "change it by updates"),
        "update alone": (lambda: et.In(x, update=x), et.ArgumentError, "a value beside an update"),
        "strict downcast": (
            lambda: et.In(x, strict=True, allow_downcast=True), et.ArgumentError, "one of strict"),
        "update type": (
            lambda: et.function([et.In(x, value=np.ones(2), update=x.sum())], x),
            et.ShapeError, r"an update of f64\[n\] for x; got f64\[\]"),
        "value type": (
            lambda: et.function([et.In(x, value=FLOAT32, strict=True)], x), et.DtypeError, "got x="),
        "value rank": (
            lambda: et.function([et.In(x, value=np.ones((2, 2)))], x), et.ShapeError, "got x="),
        "two updates": (
            lambda: et.function([], [], updates=[(w, w), (w, w)]), et.ArgumentError, "one update"),
        "no pairs": (
            lambda: et.function([], [], updates=[w]), et.ArgumentError, "dict or a list of pairs"),
        "donate": (
            lambda: et.function([x], x, donate="z"), et.ArgumentError, "donate among x; got 'z'"),
    }  # fmt: skip


@pytest.mark.parametrize("case", bad_functions())
def test_what_cannot_be_compiled_gets_a_clear_error(case):
    make, kind, words = bad_functions()[case]
    with pytest.raises(kind, match=words):
        make()


def test_unused_inputs_may_be_ignored_or_warned_of():
    x, y = et.tensor("x", ("n",)), et.tensor("y", ("m",))
    f = et.function([x, y], x + 1, on_unused_input="ignore")
    np.testing.assert_array_equal(f(np.ones(2), np.ones(5)), [2, 2])
    with pytest.warns(UserWarning, match="y: f64"):
        et.function([x, y], x + 1, on_unused_input="warn")
    # one that only tells a size is used
    sized = et.function([x, y], x + y.shape[0])
    np.testing.assert_array_equal(sized(np.ones(2), np.ones(5)), [6, 6])


def test_outputs_and_updates_come_in_many_forms():
    x = et.tensor("x", ("n",))
    v, w = et.shared(np.zeros(()), "v"), et.shared(np.zeros(()), "w")
    f = et.function([x], [et.Out(x + 1, borrow=True), None], updates=[(w, w + 1), (v, w)])
    result = f(np.ones(1))
    assert result[0] == [2]
    assert result[1] is None
    assert (w.get_value(), v.get_value()) == (1, 0)
    assert et.function([], updates={w: w + 1})() is None
    assert et.function([x], et.Out(x.sum()))(np.ones(3)) == 3


def test_functions_tell_what_they_take_and_give():
    x = et.tensor("x", ("n",))
    w = et.shared(np.zeros(()), "w")
    f = et.function(
        [et.In(x, name="points", mutable=True)], {"sum": x.sum() + w}, updates={w: w + 1}
    )
    assert [(i.name, i.mutable) for i in f.inputs] == [("points", True)]
    assert f.inputs[0].variable is x
    assert list(f.outputs) == ["sum"]
    assert f.outputs["sum"].shape == ()
    assert f.get_shared() == [w]
    assert f.shared[0] is w
    assert et.function([x], x, donate=0).inputs[0].mutable


# ------------------------------------------------------------------------------------ copy and free
@MODES
def test_a_copy_may_use_other_states(mode):
    x = et.tensor("x", (2,))
    v, w, other = (
        et.shared(np.full(2, k), n) for n, k in [("v", 1.0), ("w", 2.0), ("other", 30.0)]
    )
    f = et.function([x], x * v + w, updates={w: w + x, v: 2 * w}, name="f", mode=mode)
    g = f.copy(swap={w: other}, name="g")
    a = np.ones(2)
    np.testing.assert_array_equal(g(a), [31, 31])
    np.testing.assert_array_equal(other.get_value(), [31, 31])
    np.testing.assert_array_equal(w.get_value(), [2, 2])
    np.testing.assert_array_equal(v.get_value(), [60, 60])
    assert g.__name__ == "g"
    assert set(g.shared) == {v, other}
    still = f.copy(updates=False)
    for _ in range(2):
        np.testing.assert_array_equal(still(a), [62, 62])
    with pytest.raises(et.ArgumentError, match="swaps of states of the function"):
        f.copy(swap={other: w})
    with pytest.raises(et.DtypeError, match=r"a shared tensor f64\[2\] for w"):
        f.copy(swap={w: et.shared(np.ones(3))})
    with pytest.raises(et.ArgumentError, match="one for two"):
        f.copy(swap={w: v})


def test_a_copy_has_its_own_inputs_state():
    f = counter()
    one = np.ones(())
    f(one)
    g = f.copy()
    assert g(one) == 22
    assert (f["total"], g["total"]) == (11, 12)
    kept = f.copy(updates=False)
    assert (kept(one), kept(one)) == (22, 22)
    with pytest.raises(et.ArgumentError, match="there are: none"):
        kept["total"]


def test_a_freed_function_compiles_again():
    x = et.tensor("x", ("n",))
    f = et.function([x], x + 1)
    f(np.ones(3))
    f.free()
    assert not f.bindings
    np.testing.assert_array_equal(f(np.ones(3)), [2, 2, 2])
    assert f.counters.binds == 2
    g = et.jit(lambda x: x + 1)
    g(np.ones(3))
    g.free()
    np.testing.assert_array_equal(g(np.ones(3)), [2, 2, 2])
    assert g.counters.traces == 1


# ------------------------------------------------------------------------------------------- shared
def test_shared_values_are_copied_unless_borrowed():
    mine = np.zeros(3)
    w = et.shared(mine, "w")
    mine[:] = 5
    np.testing.assert_array_equal(w.get_value(), [0, 0, 0])
    step = et.function([], [], updates={w: w + 1})
    step()
    w.set_value(mine, borrow=True)
    assert np.shares_memory(w.get_value(borrow=True), mine)
    step()
    step()
    np.testing.assert_array_equal(w.get_value(), [7, 7, 7])
    other = np.ones(3)
    v = et.shared(other, "v", borrow=True)
    other[0] = 9
    assert v.get_value()[0] == 9
    taken = v.get_value()
    taken[:] = 0
    assert v.get_value()[0] == 9


def test_shared_takes_a_dtype_and_sizes():
    w = et.shared([1, 2], dtype="float32", shape="k")
    assert w.dtype == np.float32
    w.set_value(np.ones(5, "float32"))
    assert et.function([], w.sum())() == 5
    assert et.shared(3, dtype="float64").get_value() == 3
    with pytest.raises(et.ShapeError, match=r"a value of shape \[3\] for w; got .*\[2\]"):
        et.shared(np.ones(2), "w", shape=(3,))
    with pytest.raises(et.DtypeError, match="set_value: needs dtype float32"):
        w.set_value(np.ones(2))


@MODES
def test_states_are_updated_by_their_default(mode):
    key, count = et.shared(np.ones(()), "key"), et.shared(np.zeros(()), "count")
    key.default_update = key * 2 + 0 * count
    count.default_update = count + 1
    f = et.function([], key + 1, mode=mode)
    assert [f(), f(), f()] == [2, 3, 5]
    assert (key.get_value(), count.get_value()) == (8, 3)
    assert et.function([], key, no_default_updates=True, mode=mode)() == 8
    assert et.function([], key, no_default_updates=[key], mode=mode)() == 8
    assert (key.get_value(), count.get_value()) == (8, 3)
    assert et.function([], key, updates={key: key - 8}, mode=mode)() == 8
    assert (key.get_value(), count.get_value()) == (0, 3)


def test_tensors_are_no_arguments():
    x = et.tensor("x", ("n",))
    f = et.function([x], x + 1, name="f")
    with pytest.raises(
        et.ArgumentError, match=r"f: needs arrays; got x=tensors\. Use the expression"
    ):
        et.jit(lambda y: f(y))(np.ones(2))


def test_equal_dtypes_of_other_numbers_are_taken():
    x = et.tensor("x", ("n",), "int64")
    f, g = et.function([x], x + 1), et.jit(lambda x: x + 1)
    for dtype in ("l", "q"):
        a = np.arange(3).astype(dtype)
        out = np.zeros(3, dtype)
        for call in (f, g):
            for _ in range(2):
                np.testing.assert_array_equal(call(a), [1, 2, 3])
                np.testing.assert_array_equal(call(a, out=out), [1, 2, 3])
        np.testing.assert_array_equal(f.bind(a)(), [1, 2, 3])


def test_a_call_has_the_same_bits_by_every_way_in():
    x, y = et.tensor("x", ("n", "m")), et.tensor("y", ("m",))
    f = et.function([x, y], et.sum(et.exp(x / 3) * et.tanh(y), axis=0))
    a, b = np.random.default_rng(0).normal(size=(37, 19)), np.random.default_rng(1).normal(size=19)
    expected = f(a, b)
    f(a[:5].copy(), b)
    f(np.ones((1000, 3)), np.ones(3))
    out = np.empty(19)
    for got in (
        f(a, b),
        f(a.T.copy().T, b[::-1].copy()[::-1]),
        f(y=b, x=a),
        f(a, b, out=out),
        f(a, b, out=out),
        f.bind(a, b)(),
        f.copy()(a, b),
        pickle.loads(pickle.dumps(f))(a, b),
        f.outputs.eval({f.inputs[0].variable: a, f.inputs[1].variable: b}),
    ):
        np.testing.assert_array_equal(got, expected)


# ------------------------------------------------------------------------------------------ threads
@MODES
def test_eight_threads_share_state_and_lose_no_update(mode):
    x = et.tensor("x", (3,))
    w = et.shared(np.zeros(3), "w")
    total = et.tensor("total")
    inputs = [x, et.In(total, value=0.0, update=total + 1)]
    f = et.function(inputs, w.sum(), updates={w: w + x}, mode=mode)
    pure = et.function([x], (et.exp(x), x.sum()), mode=mode)
    a, rounds, wrong = np.arange(3.0), 20 if mode == "reference" else 200, []
    expected = pure(a)

    def work():
        for _ in range(rounds):
            f(a)
            e, s = pure(a)
            if s != expected[1] or not np.array_equal(e, expected[0]):
                wrong.append((e, s))

    in_threads(lambda _: work(), range(8))
    np.testing.assert_array_equal(w.get_value(), 8 * rounds * a)
    assert f["total"] == 8 * rounds
    assert not wrong


def test_state_that_changes_its_shape_under_calls_is_never_read_wrongly():
    w = et.shared(np.ones(2), "w", shape=("k",))
    f = et.function([], (w.sum(), w + 1), updates={w: w * 1})
    stop = threading.Event()
    wrong = []

    def work():
        while not stop.is_set():
            total, more = f()
            if total != len(more) or not (more == 2).all():
                wrong.append((total, more))

    workers = [threading.Thread(target=work) for _ in range(3)]
    for t in workers:
        t.start()
    for size in [3, 700, 1, 0, 20, 5] * 5:
        w.set_value(np.ones(size))
    stop.set()
    for t in workers:
        t.join()
    assert not wrong
