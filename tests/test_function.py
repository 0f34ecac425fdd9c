"""`et.function` and `et.jit`: what a call takes, what it gives, what it refuses, and in which words."""

import sys

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor import traces
from eqsat_tensor.runtime.native import is_native
from tests.modes import MODES
from tests.threads import in_threads

N = np.random.default_rng(0)


def softplus_of(x):
    return np.log(1 + np.exp(x))


# ------------------------------------------------------------------------------------- function
def test_a_function_computes_what_numpy_computes():
    x = et.tensor("x", ("n", 3))
    y = et.tensor("y", (3,), "float64")
    f = et.function([x, y], et.sum(x * y, axis=1) + 1)
    a, b = N.normal(size=(5, 3)), N.normal(size=3)
    np.testing.assert_allclose(f(a, b), (a * b).sum(1) + 1, rtol=1e-14)
    np.testing.assert_allclose(f(y=b, x=a), f(a, b), rtol=0)


def test_other_sizes_need_no_other_compile():
    x = et.tensor("x", ("n", "m"))
    f = et.function([x], et.sum(et.exp(x), axis=1))
    for shape in [(3, 4), (1, 4), (0, 4), (4, 0), (17, 5), (100, 30), (1, 1), (3, 4)]:
        a = N.normal(size=shape)
        np.testing.assert_allclose(f(a), np.exp(a).sum(1), rtol=1e-13)
    assert f.counters.compiles == 2  # one for rows of few elements, one for all others
    assert f.counters.rewrites <= 2  # empty arrays have a program of their own, here the same


def test_results_come_in_the_nest_of_the_outputs():
    x = et.tensor("x", ("n",))
    f = et.function([x], {"twice": 2 * x, "both": (x, [x.sum()])})
    result = f(np.arange(3.0))
    assert set(result) == {"twice", "both"}
    np.testing.assert_array_equal(result["twice"], [0, 2, 4])
    np.testing.assert_array_equal(result["both"][0], [0, 1, 2])
    assert result["both"][1] == [3.0]
    assert isinstance(result["both"][1][0], np.float64)


def test_an_output_that_is_an_input_is_a_copy():
    x = et.tensor("x", ("n",))
    f = et.function([x], (x, x))
    a = np.arange(3.0)
    p, q = f(a)
    p[0] = 7
    assert a[0] == 0
    assert q[0] == 0


def test_updates_read_old_values_and_commit_together():
    u, v = et.shared(np.ones(3), "u"), et.shared(np.full(3, 2.0), "v")
    swap = et.function([], u + v, updates={u: v, v: u + v})
    np.testing.assert_array_equal(swap(), [3, 3, 3])
    np.testing.assert_array_equal(u.get_value(), [2, 2, 2])
    np.testing.assert_array_equal(v.get_value(), [3, 3, 3])


def test_a_failed_check_commits_nothing():
    w = et.shared(np.zeros(1), "w")
    x = et.tensor("x", ("n", 3))
    labels = et.tensor("labels", ("n",), "int64")
    f = et.function([x, labels], x[et.arange(x.shape[0]), labels], updates={w: w + 1})
    a = N.normal(size=(2, 3))
    np.testing.assert_array_equal(f(a, np.array([2, -1])), a[[0, 1], [2, -1]])
    for bad in ([3, 0], [0, -4]):
        with pytest.raises(et.LabelError, match="label"):
            f(a, np.array(bad))
    np.testing.assert_array_equal(w.get_value(), [1])


def test_givens_stand_for_inputs():
    x, y = et.tensor("x", ("n",)), et.tensor("y", ("n",))
    f = et.function([x], x * y, givens={y: x + 1})
    np.testing.assert_array_equal(f(np.arange(3.0)), [0, 2, 6])


def test_state_may_change_its_size():
    w = et.shared(np.ones(2), "w", shape=("k",))
    f = et.function([], w.sum())
    assert f() == 2
    w.set_value(np.ones(5))
    assert f() == 5


def test_two_functions_share_state_and_threads_take_turns():
    w = et.shared(np.zeros(4), "w")
    step = et.function([], [], updates={w: w + 1})
    in_threads(lambda _: [step() for _ in range(200)], range(3))
    np.testing.assert_array_equal(et.function([], w)(), [600] * 4)


@pytest.mark.parametrize("optimize", ["speed", "none"])
@pytest.mark.parametrize("math", ["strict", "default", "fast"])
@MODES
def test_every_option_gives_the_same_numbers(optimize, math, mode):
    x = et.tensor("x", ("n",))
    loss = et.mean(et.log(1 + et.exp(x)))
    f = et.function([x], (loss, et.grad(loss, x)), optimize=optimize, math=math, mode=mode)
    a = N.normal(size=7)
    value, slope = f(a)
    np.testing.assert_allclose(value, softplus_of(a).mean(), rtol=1e-14)
    np.testing.assert_allclose(slope, 1 / (1 + np.exp(-a)) / 7, rtol=1e-14)


def test_strict_has_the_bits_of_the_program_as_written():
    def f(x, y):
        return et.sum(et.log(1 + et.exp(x * y)) - x / y, axis=0)

    a, b = N.normal(size=(2, 33, 5))
    strict, plain = et.jit(f, math="strict"), et.jit(f, math="strict", optimize="none")
    np.testing.assert_array_equal(strict(a, b), plain(a, b))


# ------------------------------------------------------------------------------------------ jit
def test_jit_traces_once_for_all_sizes_above_one():
    f = et.jit(lambda x, y: x @ y)
    for n, k, m in [(2, 3, 4), (5, 3, 2), (9, 2, 7)]:
        a, b = N.normal(size=(n, k)), N.normal(size=(k, m))
        np.testing.assert_allclose(f(a, b), a @ b, rtol=1e-12)
    assert f.counters.traces == 1
    assert f.counters.compiles == 1


def test_a_size_that_turns_out_one_broadcasts():
    f = et.jit(lambda x, y: x[1:] + y)
    np.testing.assert_array_equal(f(np.arange(4.0), np.arange(3.0)), [1, 3, 5])
    np.testing.assert_array_equal(f(np.arange(2.0), np.arange(3.0)), [1, 2, 3])
    with pytest.raises(et.ShapeError):
        f(np.arange(5.0), np.arange(3.0))


def test_a_variant_of_one_size_is_passed_over_for_others():
    f = et.jit(lambda x, y: x[1:] + y)
    for n in (2, 4, 2):  # the first is for this size alone
        x, y = np.arange(float(n)), np.arange(3.0)
        np.testing.assert_array_equal(f(x, y), x[1:] + y)


def test_pinned_sizes_make_variants_and_many_of_them_a_warning():
    @et.jit
    def powers(x):
        total = x
        for _ in range(x.shape[0]):
            total = total * x
        return total

    def check(n):
        a = np.full(n, 2.0)
        np.testing.assert_array_equal(powers(a), a ** (n + 1))

    for n in range(2, 10):
        check(n)
    with pytest.warns(RuntimeWarning, match=r"powers: compiled 9 times.*x0 = 2, .*, 10") as told:
        check(10)
    assert told[0].filename == __file__
    check(11)
    assert powers.counters.traces == 10
    check(2)
    assert powers.counters.traces == 10


def test_a_state_under_jit_says_where_states_live():
    w = et.shared(np.zeros(3), name="w")
    with pytest.raises(et.ArgumentError, match=r"f: needs .* the state w: f64\[3\]. .*et.function"):
        et.jit(_named("f", lambda x: x + w))(np.ones(3))


def _named(name, function):
    function.__name__ = name
    return function


def test_few_variants_are_kept(monkeypatch):
    monkeypatch.setattr(traces, "MOST", 3)
    f = et.jit(lambda x: sum(x[k] for k in range(x.shape[0])))
    for n in (2, 3, 4, 5, 5, 4, 3, 2):
        assert f(np.arange(float(n))) == n * (n - 1) / 2
    assert f.counters.traces == 5  # that of 2 was dropped for that of 5
    assert f(np.arange(3.0)) == 3


def test_jit_takes_nests_numbers_and_static_arguments():
    @et.jit(static_argnames="kind")
    def f(params, scale, kind="sum"):
        w, b = params["w"], params["b"]
        return getattr(et, kind)(w * scale + b)

    params = {"w": np.arange(3, dtype="float32"), "b": np.ones(3, "float32")}
    assert f(params, 2.0) == 9
    assert f(params, 2).dtype == np.float32
    assert f(params, 2.0, kind="max") == 5


def test_numpy_text_compiles_as_it_stands():
    def f(x):
        return np.sum(np.exp(x) / (1 + np.exp(x)), axis=-1)

    a = N.normal(size=(3, 4))
    np.testing.assert_allclose(et.jit(f)(a), f(a), rtol=1e-14)


def test_a_jitted_function_inside_another_is_traced_through():
    inner = et.jit(lambda x: x * x)
    outer = et.jit(lambda x: inner(x) + 1)
    np.testing.assert_array_equal(outer(np.arange(3.0)), [1, 2, 5])


def test_value_and_grad_of_a_function():
    f = et.jit(et.value_and_grad(lambda x, y: et.sum(x * x * y), argnums=(0, 1)))
    value, (dx, dy) = f(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    assert value == 19
    np.testing.assert_array_equal(dx, [6, 16])
    np.testing.assert_array_equal(dy, [1, 4])
    value, (dx, dy) = f(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    assert value == 19


@pytest.mark.skipif(not is_native(), reason="calls are made in Python here")
def test_no_python_runs_between_entry_and_return():
    x = et.tensor("x", ("n",))
    w = et.shared(np.ones(50), "w")
    loss = et.mean(et.log(1 + et.exp(x * w)))
    f = et.function([x], loss, updates={w: w - 0.1 * et.grad(loss, w)})
    g = et.jit(lambda x: (x * 2, x.sum()))
    a = N.normal(size=50)
    f(a)
    g(a)
    events = []
    sys.setprofile(lambda frame, event, arg: events.append((event, frame.f_code.co_name)))
    f(a)
    g(a)
    sys.setprofile(None)
    names = [n for e, n in events if e == "call"]
    assert names == [], names


# -------------------------------------------------------------------------------------- bad input
def bad_calls():
    x = et.tensor("x", ("n", 3))
    y = et.tensor("y", ("n",))
    f = et.function([x, y], x.sum(axis=1) + y, name="f")
    top = et.function([y], y.max(), name="top")
    a, b = np.ones((2, 3)), np.ones(2)
    return {
        "rank": (lambda: f(b, b), et.ShapeError, r"f: needs x: f64\[n, 3\]; got x=float64\[2\]"),
        "size": (lambda: f(np.ones((2, 4)), b), et.ShapeError, r"got x=float64\[2, 4\]"),
        "two values": (lambda: f(a, np.ones(3)), et.ShapeError, r"one value of n; got n=2 .* n=3"),
        "dtype": (lambda: f(a.astype("f4"), b), et.DtypeError, r'astype\("float64"\)'),
        "integers": (lambda: f(a, np.ones(2, int)), et.DtypeError, "got y=int64"),
        "text": (lambda: f(a, np.array(["a", "b"])), et.DtypeError, "got y="),
        "object": (lambda: f(a, object()), et.ArgumentError, "got y=a object"),
        "masked": (lambda: f(a, np.ma.ones(2)), et.DtypeError, "masked"),
        "missing": (lambda: f(a), et.ArgumentError, "no y"),
        "surplus": (lambda: f(a, b, b), et.ArgumentError, "needs 2 arguments"),
        "unknown": (lambda: f(a, b, z=1), et.ArgumentError, "unknown 'z'"),
        "twice": (lambda: f(a, b, x=a), et.ArgumentError, "needs x once"),
        "empty": (lambda: top(np.ones(0)), et.ShapeError, "at least one element"),
        "option": (lambda: et.function([y], y, speed=1), et.ArgumentError, "no option 'speed'"),
        "value": (lambda: et.function([y], y, math="wild"), et.ArgumentError, "none of 'strict'"),
        "target": (lambda: et.function([y], y, target="gpu"), et.ArgumentError, "'gpu' is none of 'cpu', 'cuda'"),
        "cuda": (
            lambda: et.function([y], y, target="cuda", mode="verify"),
            et.UnsupportedError, "needs target='cpu'"),
        "accuracy": (
            lambda: et.function([y], y, optimize="accuracy", math="fast"), et.ArgumentError,
            "needs math='default'"),
        "ranges": (
            lambda: et.function([y], y, optimize="accuracy", ranges=((2, 1),)), et.ArgumentError,
            "low <= high"),
        "ranges of nothing": (
            lambda: et.function([y], y, ranges=((0, 1),)), et.ArgumentError, "alone"),
        "not an input": (lambda: et.function([y], x), et.ArgumentError, "no x: "),
        "an expression": (lambda: et.function([y + 1], y), et.ArgumentError, "no input"),
        "input twice": (lambda: et.function([y, y], y), et.ArgumentError, "each input once"),
        "update": (
            lambda: et.function([y], y, updates={y: y}), et.ArgumentError, "shared tensors"),
        "update type": (
            lambda: et.function([y], y, updates={et.shared(np.ones(3), "w"): y}),
            et.ShapeError, "update of f64"),
        "static": (lambda: et.jit(lambda x: x, static_argnames="k"), et.ArgumentError, "'k'"),
        "no array": (lambda: et.jit(lambda x: x)("a"), et.ArgumentError, "x as an array"),
        "rule file": (
            lambda: et.function([y], y, rules=["nowhere.egg"])(b), et.RuleError, "nowhere.egg:1"),
    }  # fmt: skip


@pytest.mark.parametrize("case", bad_calls())
def test_bad_input_gets_a_clear_error(case):
    call, kind, words = bad_calls()[case]
    with pytest.raises(kind, match=words):
        call()


def test_an_error_names_the_users_line():
    x = et.tensor("x", ("n", 3))
    with pytest.raises(et.ShapeError, match=r"\(test_function.py:\d+\)$"):
        x @ et.tensor("y", (4,))


@pytest.mark.parametrize(
    "strange",
    {
        "read-only": lambda a: _read_only(a),
        "big-endian": lambda a: a.astype(">f8"),
        "unaligned": lambda a: np.frombuffer(b"x" + a.tobytes(), np.uint8)[1:].view("f8").reshape(a.shape),
        "strided": lambda a: np.repeat(a, 2, axis=0)[::2],
        "reversed": lambda a: a[::-1][::-1],
        "transposed": lambda a: np.ascontiguousarray(a.T).T,
        "subclass": lambda a: a.view(type("Sub", (np.ndarray,), {})),
        "list": lambda a: a.tolist(),
        "zero stride": lambda a: np.broadcast_to(a[:1], a.shape),
    }.items(),
    ids=lambda kv: kv[0],
)  # fmt: skip
def test_strange_arrays_give_the_same_numbers_and_stay_as_they_were(strange):
    _, make = strange
    x = et.tensor("x", ("n", 3))
    f = et.function([x], (et.exp(x), x.sum(axis=0)))
    given = make(N.normal(size=(4, 3)))
    before = np.array(given, "f8")
    for _ in range(3):
        e, s = f(given)
        np.testing.assert_allclose(e, np.exp(before), rtol=1e-14)
        np.testing.assert_allclose(s, before.sum(0), rtol=1e-12)
    np.testing.assert_array_equal(np.array(given, "f8"), before)


def test_overlapping_arguments():
    x, y = et.tensor("x", ("n",)), et.tensor("y", ("n",))
    f = et.function([x, y], x + 2 * y)
    a = np.arange(5.0)
    np.testing.assert_array_equal(f(a[1:], a[:-1]), a[1:] + 2 * a[:-1])
    np.testing.assert_array_equal(f(a, a), 3 * a)


def _read_only(a):
    a.flags.writeable = False
    return a


def test_disabling_the_compiler_leaves_the_reference(monkeypatch):
    monkeypatch.setenv("EQSAT_DISABLE", "1")
    x = et.tensor("x", ("n",))
    f = et.function([x], et.exp(x))
    np.testing.assert_allclose(f(np.ones(2)), np.exp([1, 1]))
    assert f.counters.compiles == 0
    assert f.counters.binds == 0


# ------------------------------------------------------------------------------------- in place
def in_place(state):
    """Was the state only ever written in its first buffer?"""
    return not state.state.words[1]


IN_PLACE = {
    "elementwise": (lambda xp, w, x: w - 0.1 * x * w, True),
    "product": (lambda xp, w, x: w - 0.1 * (x @ x), True),
    "replaced": (lambda xp, w, x: x * 2, False),
    "product with itself": (lambda xp, w, x: w @ x / 9, False),  # it is made where the result lies
    "shifted": (lambda xp, w, x: w / 2 + xp.concatenate([w[1:], w[:1]]), False),
    "transposed": (lambda xp, w, x: w.T / 2 + x, False),
    "reduced": (lambda xp, w, x: w / xp.sum(w * w), True),
}  # fmt: skip


@pytest.mark.parametrize("case", IN_PLACE)
@pytest.mark.parametrize("size", [1, 7, 64, 130])
def test_state_is_updated_in_place_where_no_element_is_read_again(case, size):
    new, expected = IN_PLACE[case]
    value, x = N.normal(size=(2, size, size))
    w = et.shared(value, "w")
    argument = et.tensor("x", (size, size))
    f = et.function([argument], [], updates={w: new(et, w, argument)}, on_unused_input="ignore")
    for _ in range(3):
        f(x)
        value = new(np, value, x)
        np.testing.assert_allclose(w.get_value(), value, rtol=1e-9, atol=1e-12)
    if size > 1:
        assert in_place(w) == expected


def test_a_state_that_is_also_returned_keeps_its_old_value_for_that():
    w = et.shared(np.zeros(5), "w")
    f = et.function([], (w, w * 2), updates={w: w + 1})
    for i in range(3):
        old, twice = f()
        np.testing.assert_array_equal(old, np.full(5, float(i)))
        np.testing.assert_array_equal(twice, np.full(5, 2.0 * i))
