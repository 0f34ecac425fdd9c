"""Arguments that a call may write into: ``donate=``, alone and together with `bind` and ``out=``."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eqsat_tensor as et
from eqsat_tensor.tensor import Tensor
from tests.modes import MODES
from tests.writing import write


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
