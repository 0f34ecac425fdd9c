"""What a call may write into the caller's arrays: `bind`, ``out=``, ``donate=``."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eqsat_tensor as et
from eqsat_tensor.runtime.native import is_native
from eqsat_tensor.tensor import Tensor
from tests.writing import write

MODES = pytest.mark.parametrize("mode", ["run", "reference"])
N = np.random.default_rng(0)


def affine(mode="run", **options):
    x, y = et.tensor("x", ("n", 3)), et.tensor("y", (3,))
    return et.function([x, y], (2 * x + y, x.sum()), name="affine", mode=mode, **options)


@MODES
def test_results_are_arrays_of_their_own(mode):
    f = et.jit(lambda x: (x, x, x.T, x[::-1], x.reshape(-1)), mode=mode)
    a = np.arange(6.0).reshape(2, 3)
    results = f(a)
    for i, r in enumerate(results):
        assert r.flags.c_contiguous
        assert r.flags.writeable
        assert not any(np.shares_memory(r, o) for o in (a, *results[:i]))


# --------------------------------------------------------------------------------------------- bind
@MODES
def test_a_bound_function_reads_what_its_arrays_hold(mode):
    x, y = N.normal(size=(4, 3)), N.normal(size=3)
    b = affine(mode).bind(x, y)
    for _ in range(3):
        big, total = b()
        np.testing.assert_allclose(big, 2 * x + y, rtol=1e-15)
        np.testing.assert_allclose(total, x.sum(), rtol=1e-14)
        x += 1
    again = b()
    assert again[0] is big  # the same arrays each time
    assert again[1] is total
    assert total.shape == ()
    assert b.results[0] is big


def test_a_bound_function_takes_nothing_and_says_so():
    x = np.ones((2, 3))
    b = affine().bind(x, np.ones(3))
    with pytest.raises(et.ArgumentError, match="no arguments of a bound function; got 1"):
        b(x)
    with pytest.raises(et.ArgumentError, match="Its arrays were given to bind"):
        b(x=x)


@pytest.mark.skipif(not is_native(), reason="calls are made in Python here")
def test_no_python_runs_in_a_bound_call():
    b = affine().bind(np.ones((2, 3)), np.ones(3))
    b()
    events = []
    sys.setprofile(lambda frame, event, arg: events.append((event, frame.f_code.co_name)))
    b()
    sys.setprofile(None)
    assert [n for e, n in events if e == "call"] == []


def test_binding_checks_at_once():
    f = affine()
    x, y = np.ones((2, 3)), np.ones(3)
    for args, kind, words in [
        ((x.T, y), et.ArgumentError, "C-contiguous and aligned to bind; got x=.*in strides"),
        ((np.ones((3, 2)), y), et.ShapeError, r"needs x: f64\[n, 3\]; got x=float64\[3, 2\]"),
        ((x.astype("f4"), y), et.DtypeError, "got x=float32.*cast first"),
        ((x.tolist(), y), et.ArgumentError, "x: .* as an array to bind; got x=a list"),
        ((x,), et.ArgumentError, "no y"),
    ]:
        with pytest.raises(kind, match=words):
            f.bind(*args)
    overlap = np.ones((2, 3))
    with pytest.raises(et.ArgumentError, match="out apart from the arguments"):
        f.bind(overlap, y, out=(overlap, np.ones(())))


def test_results_of_a_bound_function_may_be_given():
    x, y, big, total = N.normal(size=(2, 3)), np.ones(3), np.zeros((2, 3)), np.zeros(())
    out = (big, total)
    b = affine().bind(x=x, y=y, out=out)
    assert b() is out
    np.testing.assert_allclose(big, 2 * x + 1)
    np.testing.assert_allclose(total, x.sum())


@MODES
def test_a_bound_step_updates_state(mode):
    w = et.shared(np.zeros(3), "w", shape=("k",))
    x = et.tensor("x", ("k",))
    step = et.function([x], {"sum": (w * x).sum()}, updates={w: w + x}, mode=mode)
    a = np.ones(3)
    b = step.bind(a)
    assert [float(b()["sum"]) for _ in range(3)] == [0, 3, 6]
    w.set_value(np.zeros(3))
    assert b()["sum"] == 0
    w.set_value(np.zeros(4))
    with pytest.raises(et.ShapeError, match="one value of k"):
        b()


def test_a_bound_function_whose_results_would_change_shape_says_bind_again():
    w = et.shared(np.zeros(3), "w", shape=("k",))
    f = et.function([], w + 1)
    b = f.bind()
    assert b().shape == (3,)
    w.set_value(np.zeros(4))
    with pytest.raises(et.ShapeError, match="bind again"):
        b()
    w.set_value(np.ones(3))
    np.testing.assert_array_equal(b(), [2, 2, 2])


def test_a_bound_function_of_empty_arrays_and_numbers():
    f = et.jit(lambda x, s: (x * s, x.sum()))
    x = np.ones((0, 3))
    big, total = f.bind(x, 2.0)()
    assert big.shape == (0, 3)
    assert total == 0
    y = np.ones(4, "float32")
    b = f.bind(y, 2.5)
    y[1] = 3
    np.testing.assert_array_equal(b()[0], np.float32([2.5, 7.5, 2.5, 2.5]))
    assert b()[0].dtype == np.float32


def test_a_check_that_fails_in_a_bound_call_raises():
    x, labels = et.tensor("x", ("n", 3)), et.tensor("labels", ("n",), "int64")
    f = et.function([x, labels], x[et.arange(x.shape[0]), labels])
    a, at = np.arange(6.0).reshape(2, 3), np.array([0, 1])
    b = f.bind(a, at)
    np.testing.assert_array_equal(b(), [0, 4])
    at[0] = 9
    with pytest.raises(et.LabelError, match="label"):
        b()
    at[0] = 2
    np.testing.assert_array_equal(b(), [2, 4])


def test_a_bound_function_keeps_its_arrays_alive():
    f = et.function([x := et.tensor("x", ("n",))], x + 1)
    b = f.bind(np.full(1000, 3.0))
    junk = [np.zeros(1000) for _ in range(50)]
    np.testing.assert_array_equal(b(), np.full(1000, 4.0))
    assert len(junk) == 50


# ---------------------------------------------------------------------------------------------- out
@MODES
def test_results_go_into_given_arrays(mode):
    f = affine(mode)
    x, y, big, total = N.normal(size=(2, 3)), np.ones(3), np.zeros((2, 3)), np.zeros(())
    out = (big, total)
    assert f(x, y, out=out) is out
    np.testing.assert_allclose(big, 2 * x + y)
    np.testing.assert_allclose(total, x.sum())
    g = et.jit(lambda x: {"twice": 2 * x}, mode=mode)
    g(x, out={"twice": big})
    np.testing.assert_array_equal(big, 2 * x)


@MODES
def test_out_may_overlap_arguments_and_states(mode):
    f = et.jit(lambda x: x[::-1] + 10 * x, mode=mode)
    base = np.arange(6.0)
    expected = base[::-1] + 10 * base
    f(base, out=base)
    np.testing.assert_array_equal(base, expected)
    base = np.arange(6.0)
    expected = base[:5][::-1] + 10 * base[:5]
    f(base[:5], out=base[1:])
    np.testing.assert_array_equal(base[1:], expected)
    x = et.tensor("x", (3,))
    two = et.function([x], (x + 1, x[::-1]), mode=mode)
    same = np.zeros(3)
    two(np.arange(3.0), out=(same, same))  # the later result stays, as if assigned in turn
    np.testing.assert_array_equal(same, [2, 1, 0])
    w = et.shared(np.arange(3.0), "w")
    reverse = et.function([x], w[::-1] + x, mode=mode)
    inside = w.get_value(borrow=True)
    reverse(np.zeros(3), out=inside)
    np.testing.assert_array_equal(inside, [2, 1, 0])


def test_out_must_be_exactly_what_the_results_are():
    f = affine()
    x, y, big, total = np.ones((2, 3)), np.ones(3), np.zeros((2, 3)), np.zeros(())
    locked = np.zeros((2, 3))
    locked.flags.writeable = False
    for out, kind, words in [
        (big, et.ArgumentError, r"out as the results come: \(array, array\); got array"),
        ([big, total], et.ArgumentError, r"got \[array, array\]"),
        ((big, 1.0), et.ArgumentError, r"out\[1\]: f64\[\] as an array; got out\[1\]=a float"),
        (
            (big.astype("f4"), total),
            et.DtypeError,
            r"got out\[0\]=float32\[2, 3\]. Results are not",
        ),
        ((np.zeros((3, 2)), total), et.ShapeError, r"got out\[0\]=float64\[3, 2\]"),
        ((np.zeros((3, 2)).T, total), et.ArgumentError, "C-contiguous and aligned"),
        ((locked, total), ValueError, "read-only"),
    ]:
        with pytest.raises(kind, match=words):
            f(x, y, out=out)
    with pytest.raises(et.ArgumentError, match="The function has no results"):
        et.function([], None)(out=big)


def test_out_is_a_parameter_where_a_function_has_one():
    f = et.jit(lambda x, out: x + out)
    np.testing.assert_array_equal(f(np.ones(2), out=np.ones(2)), [2, 2])
    out = et.tensor("out", ("n",))
    g = et.function([out], out + 1)
    np.testing.assert_array_equal(g(out=np.ones(2)), [2, 2])


def test_a_failed_check_leaves_out_as_it_was():
    x, labels = et.tensor("x", ("n", 3)), et.tensor("labels", ("n",), "int64")
    f = et.function([x, labels], x[et.arange(x.shape[0]), labels])
    out = np.full(2, 7.0)
    with pytest.raises(et.LabelError):
        f(np.ones((2, 3)), np.array([0, 5]), out=out)
    np.testing.assert_array_equal(out, [7, 7])


# ------------------------------------------------------------------------------------------- donate
@MODES
@pytest.mark.parametrize("donate", ["x", 0, ("x",), [0]])
def test_what_is_written_into_a_donated_argument_reaches_the_caller(mode, donate):
    def step(x, y):
        old = x.sum()
        write(x, x + y)
        return old, x.sum()

    f = et.jit(step, donate=donate, mode=mode)
    a, b = np.arange(4.0), np.full(4, 2.0)
    for k in range(3):
        old, new = f(a, b)
        assert (old, new) == (6 + 8 * k, 14 + 8 * k)
    np.testing.assert_array_equal(a, np.arange(4.0) + 6)
    np.testing.assert_array_equal(b, np.full(4, 2.0))


@MODES
def test_an_argument_that_is_not_donated_stays(mode):
    def step(x):
        write(x, x * 2)
        return x + 1

    a = np.arange(3.0)
    np.testing.assert_array_equal(et.jit(step, mode=mode)(a), [1, 3, 5])
    np.testing.assert_array_equal(a, [0, 1, 2])


@pytest.mark.parametrize(
    "strange",
    {
        "strided": lambda a: np.repeat(a, 2)[::2],
        "reversed": lambda a: a[::-1].copy()[::-1],
        "unaligned": lambda a: np.frombuffer(bytearray(b"x" + a.tobytes()), np.uint8)[1:].view(
            "f8"
        ),
        "big-endian": lambda a: a.astype(">f8"),
        "plain": lambda a: a.copy(),
        "empty": lambda a: a[:0].copy(),
    }.items(),
    ids=lambda kv: kv[0],
)
def test_strange_arrays_may_be_donated(strange):
    def step(x):
        write(x, x[::-1] * 2)

    given = strange[1](np.arange(5.0))
    expected = np.array(given, "f8")[::-1] * 2
    assert et.jit(step, donate="x")(given) is None
    np.testing.assert_array_equal(given, expected)


def test_donated_arguments_may_overlap_others():
    def step(x, y):
        write(x, x + y)
        return y * 1

    f = et.jit(step, donate="x")
    a = np.arange(5.0)
    old = a.copy()
    np.testing.assert_array_equal(f(a, a), old)
    np.testing.assert_array_equal(a, 2 * old)
    a = np.arange(5.0)
    np.testing.assert_array_equal(f(a[1:], a[:-1]), old[:-1])
    np.testing.assert_array_equal(a, [0, 1, 3, 5, 7])


@MODES
def test_donated_arguments_may_change_places(mode):
    def swap(x, y):
        old = Tensor(x.expr)
        write(x, Tensor(y.expr))
        write(y, old)

    a, b = np.arange(3.0), np.ones(3)
    et.jit(swap, donate=("x", "y"), mode=mode)(a, b)
    np.testing.assert_array_equal(a, [1, 1, 1])
    np.testing.assert_array_equal(b, [0, 1, 2])


@MODES
def test_arrays_that_cannot_be_written_are_refused_before_anything_is(mode):
    def step(x, y):
        write(x, x + 1)
        write(y, y + 1)

    f = et.jit(step, donate=("x", "y"), mode=mode)
    a, locked = np.ones(3), np.ones(3)
    locked.flags.writeable = False
    with pytest.raises(ValueError, match="step: needs y that can be written; got it read-only"):
        f(a, locked)
    with pytest.raises(et.ArgumentError, match="step: needs y as an array; got y=a float64"):
        f(a, np.float64(1))
    np.testing.assert_array_equal(a, [1, 1, 1])
    read = et.jit(lambda x: x + 1, donate="x", mode=mode)
    np.testing.assert_array_equal(read(locked), [2, 2, 2])


def test_a_failed_check_leaves_donated_arrays_as_they_were():
    def step(x, labels):
        picked = x[et.arange(x.shape[0]), labels]
        write(x, x + 1)
        return picked

    f = et.jit(step, donate="x")
    a = np.zeros((2, 3))
    with pytest.raises(et.LabelError):
        f(a, np.array([0, 3]))
    np.testing.assert_array_equal(a, np.zeros((2, 3)))
    f(a, np.array([0, 2]))
    np.testing.assert_array_equal(a, np.ones((2, 3)))


def test_nests_may_be_donated_and_bound():
    def step(params, g):
        for p in (params["w"], params["b"]):
            write(p, p - 0.5 * g)
        return g.sum()

    f = et.jit(step, donate="params")
    params = {"w": np.ones((2, 3)), "b": np.zeros((2, 3))}
    f(params, np.ones((2, 3)))
    np.testing.assert_array_equal(params["w"], np.full((2, 3), 0.5))
    np.testing.assert_array_equal(params["b"], np.full((2, 3), -0.5))
    b = f.bind(params, np.ones((2, 3)))
    assert b() == 6
    b()
    np.testing.assert_array_equal(params["w"], np.full((2, 3), -0.5))
    params["w"].flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        f.bind(params, np.ones((2, 3)))


def test_out_and_donate_together():
    def step(x):
        write(x, x + 1)
        return x * 2

    f = et.jit(step, donate="x")
    a, out = np.zeros(3), np.zeros(3)
    f(a, out=out)
    np.testing.assert_array_equal(a, [1, 1, 1])
    np.testing.assert_array_equal(out, [2, 2, 2])
    f(a, out=a)  # as a[:] = f(a)? what was donated is written last
    np.testing.assert_array_equal(a, [2, 2, 2])


def test_arrays_are_written_where_they_lie_if_nothing_else_reads_them(monkeypatch):
    def step(x, y):
        write(x, x * 2 + y)
        return x.shape[0]

    def backwards(x, y):
        write(x, x[::-1] * 2 + y)

    copies = []
    copy = np.copyto
    monkeypatch.setattr(np, "copyto", lambda to, new: (copies.append(to), copy(to, new)))
    a, b = np.arange(5.0), np.ones(5)
    f, g = et.jit(step, donate="x"), et.jit(backwards, donate="x")
    h = et.jit(lambda x, y: x * 2 + y)
    for _ in range(2):
        f(a, b)
        h(a, b, out=a)
    assert copies == []
    np.testing.assert_array_equal(a, np.arange(5.0) * 16 + 15)
    g(a, b)
    assert len(copies) == 1
    np.testing.assert_array_equal(a, (np.arange(5.0) * 16 + 15)[::-1] * 2 + 1)
    h(a, a, out=a)  # both arguments are read at the element that is stored
    assert len(copies) == 1
    np.testing.assert_array_equal(a, ((np.arange(5.0) * 16 + 15)[::-1] * 2 + 1) * 3)
    h(a[1:], a[:-1], out=a[1:])
    assert len(copies) == 2


OPERANDS = st.tuples(st.integers(0, 12), st.integers(1, 2))


@settings(max_examples=150)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.sampled_from([0, 1, 2, 5]),
    places=st.tuples(OPERANDS, OPERANDS, OPERANDS),
    formula=st.sampled_from(range(5)),
    donated=st.booleans(),
    own_out=st.booleans(),
)
def test_whatever_overlaps_the_numbers_are_numpys(seed, size, places, formula, donated, own_out):
    memory = np.random.default_rng(seed).normal(size=40)
    x, y, out = (memory[a : a + s * size : s][:size] for a, s in places)
    out = np.zeros(size) if own_out or not out.flags.c_contiguous else out
    old = memory.copy()
    new, result = FORMULAS[formula](np, x.copy(), y.copy())
    f = WRITERS[formula, donated]
    if seed % 3:
        assert f(x, y, out=out) is out
    else:
        out[...] = f(x, y)
    expected = old.copy()
    shadow = expected[places[0][0] :][: places[0][1] * size : places[0][1]][:size]
    if np.shares_memory(out, memory):
        expected[places[2][0] :][: places[2][1] * size : places[2][1]][:size] = result
    if donated and seed % 3:
        shadow[...] = new
    if donated and not seed % 3:  # f wrote x before its result was assigned
        expected = old.copy()
        expected[places[0][0] :][: places[0][1] * size : places[0][1]][:size] = new
        if np.shares_memory(out, memory):
            expected[places[2][0] :][: places[2][1] * size : places[2][1]][:size] = result
    np.testing.assert_allclose(memory, expected, rtol=1e-14)
    if own_out:
        np.testing.assert_allclose(out, result, rtol=1e-14)


FORMULAS = [
    lambda xp, x, y: (x + y, x - y),
    lambda xp, x, y: (x[::-1] + y, x + 2 * y),
    lambda xp, x, y: (2 * x, y[::-1] * x),
    lambda xp, x, y: (y * 1, x * 1),
    lambda xp, x, y: (x + xp.sum(y), y + xp.sum(x)),
]


def writer(formula, donated):
    def f(x, y):
        new, result = formula(et, x, y)
        write(x, new)
        return result

    return et.jit(f, donate="x" if donated else ())


WRITERS = {(i, d): writer(f, d) for i, f in enumerate(FORMULAS) for d in (False, True)}


def test_donate_names_parameters_that_are_there_and_not_static():
    with pytest.raises(et.ArgumentError, match="a parameter 'z'"):
        et.jit(lambda x: x, donate="z")
    with pytest.raises(et.ArgumentError, match="a parameter number 3"):
        et.jit(lambda x: x, donate=3)
    with pytest.raises(et.ArgumentError, match="static or donated; got x"):
        et.jit(lambda x: x, donate="x", static_argnames="x")


def test_a_jitted_function_inside_another_writes_only_into_what_is_donated():
    def add(x):
        write(x, x + 1)

    kept, donated = et.jit(add), et.jit(add, donate="x")

    def outer(x):
        y = x * 1
        kept(y)
        donated(y)
        donated(y)
        return y

    np.testing.assert_array_equal(et.jit(outer)(np.zeros(2)), [2, 2])


def test_a_failed_check_raises_where_results_come_in_a_nest():
    x, labels = et.tensor("x", ("n", 3)), et.tensor("labels", ("n",), "int64")
    f = et.function([x, labels], {"picked": x[et.arange(x.shape[0]), labels]})
    a = np.ones((2, 3))
    f(a, np.array([0, 1]))
    for _ in range(3):
        with pytest.raises(et.LabelError):
            f(a, np.array([0, 3]))


def test_a_call_that_raises_leaves_the_callers_arrays_as_they_were():
    def picky(a):
        if a[0] > 1:
            raise RuntimeError("too large")
        return a + 1

    def step(x):
        y = et.wrap(picky, lambda a: (a.dtype, a.shape))(x)
        write(x, x + 1)
        return y

    f = et.jit(step, donate="x")
    a, out = np.zeros(3), np.zeros(3)
    for k in range(2):
        f(a, out=out)
        np.testing.assert_array_equal(out, [k + 1] * 3)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="too large"):
            f(a, out=out)
    np.testing.assert_array_equal(a, [2, 2, 2])
    np.testing.assert_array_equal(out, [2, 2, 2])
    w = np.zeros(3)
    b = f.bind(w)
    b()
    np.testing.assert_array_equal(w, [1, 1, 1])
    w[0] = 7
    with pytest.raises(RuntimeError, match="too large"):
        b()
    np.testing.assert_array_equal(w, [7, 1, 1])
