"""Operations made of others, branches of which one is taken, Python functions called back."""

import numpy as np
import pytest

import eqsat_tensor as et
from tests.modes import MODES
from tests.threads import in_threads

X = np.linspace(0.1, 2.0, 5)
Y = np.linspace(-1.0, 1.0, 3)


@et.subgraph
def layer(x, y):
    return {"scaled": et.tanh(x) * y.sum(), "rest": et.exp(-x)}


def everything(mode="run", **options):
    x, y = et.tensor("x", ("n",)), et.tensor("y", ("m",))
    first, second = layer(x * 2, y), layer(y, x)
    loss = et.sum(first["scaled"]) + et.sum(first["rest"] ** 2) + et.sum(second["scaled"])
    outputs = [first, second, loss, et.grad(loss, [x, y])]
    return et.function([x, y], outputs, mode=mode, **options)


@pytest.mark.parametrize("optimize", ["speed", "none"])
def test_a_subgraph_gives_what_its_body_gives(optimize):
    f, inlined = everything(optimize=optimize), et.jit(lambda x, y: layer.__wrapped__(x * 2, y))
    got = f(X, Y)
    want = inlined(X, Y)
    np.testing.assert_allclose(got[0]["scaled"], want["scaled"], rtol=1e-14)
    np.testing.assert_allclose(got[0]["rest"], want["rest"], rtol=1e-14)
    np.testing.assert_allclose(got[2], everything("reference")(X, Y)[2], rtol=1e-14)


def test_the_gradient_of_a_subgraph_is_that_of_its_body():
    def plain(x, y):
        first, second = layer.__wrapped__(x * 2, y), layer.__wrapped__(y, x)
        return et.sum(first["scaled"]) + et.sum(first["rest"] ** 2) + et.sum(second["scaled"])

    want = et.grad(plain, argnums=(0, 1))(X, Y)
    for mode in ("run", "reference"):
        for got, right in zip(everything(mode)(X, Y)[3], want, strict=True):
            np.testing.assert_allclose(got, right, rtol=1e-13)


def test_two_uses_on_other_sizes_are_compiled_once():
    x, y = et.tensor("x", ("n",)), et.tensor("y", ("m",))
    many = [layer(x * k, y)["rest"].sum() + layer(y * k, x)["rest"].sum() for k in range(1, 6)]
    f = et.function([x, y], many)
    f(X, Y)
    assert f.counters.rewrites <= 2  # the body and the program around it
    small = et.function([x, y], many[:1])
    small(X, Y)
    assert small.counters.rewrites <= 1


def test_sizes_may_be_zero_and_change_from_call_to_call():
    f, want = everything(), everything("reference")
    for n, m in ((5, 3), (0, 3), (4, 0), (1, 1), (300, 7)):
        got, right = f(np.ones(n), np.ones(m)), want(np.ones(n), np.ones(m))
        np.testing.assert_allclose(got[0]["scaled"], right[0]["scaled"])
        np.testing.assert_allclose(got[3][0], right[3][0])


def test_a_subgraph_may_close_over_tensors_and_have_its_own_gradient():
    seen = []

    def vjp(cts, results, operands):
        seen.append(len(operands))
        return [cts[0] * 100]

    def loss(x, w):
        scaled = et.subgraph(lambda x: x * w, vjp=vjp)
        return et.sum(scaled(x) + scaled(x * 2))

    got = et.grad(loss)(X, np.float64(3))
    np.testing.assert_allclose(got, np.full(5, 300.0))
    assert set(seen) == {1}


def test_an_inlined_subgraph_is_rewritten_with_what_is_around_it():
    inlined = et.subgraph(lambda x: et.log(x), inline=True)
    f = et.jit(lambda x: inlined(et.exp(x)))
    f(X)
    assert "exp" not in f.explain().after


def test_a_failed_check_inside_a_subgraph_is_raised():
    pick = et.subgraph(lambda x, i: et.take(x, i))
    f = et.jit(lambda x, i: pick(x, i) + 1)
    assert f(X, 4) == X[4] + 1
    with pytest.raises(et.LabelError, match="labels"):
        f(X, np.int64(5))
    with pytest.raises(et.LabelError, match="labels"):
        et.jit(lambda x, i: pick(x, i) + 1, mode="reference")(X, np.int64(5))


# -------------------------------------------------------------------------------------- branches
def branch(p, x):
    w = x * 3
    return et.cond(p, lambda u: et.sum(et.log(u)) + et.sum(w), lambda u: et.sum(u * w), x)


@MODES
def test_a_branch_is_taken_by_the_condition(mode):
    f = et.jit(branch, mode=mode)
    np.testing.assert_allclose(f(np.bool_(True), X), np.log(X).sum() + 3 * X.sum())
    np.testing.assert_allclose(f(np.bool_(False), X), (3 * X * X).sum())
    g = et.jit(lambda p, x: et.grad(lambda x: branch(p, x))(x), mode=mode)
    np.testing.assert_allclose(g(np.bool_(True), X), 1 / X + 3)
    np.testing.assert_allclose(g(np.bool_(False), X), 6 * X)


def test_the_other_branch_is_not_evaluated():
    calls = []

    def dear(x):
        calls.append(1)
        return x * 2

    costly = et.wrap(dear, type=lambda x: (x.dtype, x.shape), vjp=lambda ct, out, x: ct * 2)

    @et.jit
    def f(p, x):
        return et.cond(p, lambda u: et.sum(costly(u)), lambda u: et.sum(u), x)

    assert f(np.bool_(False), X) == pytest.approx(X.sum())
    assert not calls
    assert f(np.bool_(True), X) == pytest.approx(2 * X.sum())
    assert calls
    calls.clear()
    assert f(np.bool_(False), X) == pytest.approx(X.sum())
    assert not calls


def test_what_a_branch_raises_is_raised_only_where_it_is_taken():
    def refuse(x):
        raise KeyError("no")

    bad = et.wrap(refuse, type=("float64", ()))
    w = et.shared(np.zeros(()), name="w")
    p, x = et.tensor("p", (), "bool"), et.tensor("x", ())
    f = et.function([p, x], et.cond(p, bad, lambda u: u + 1, x), updates={w: w + 1})
    assert f(False, 1.0) == 2
    with pytest.raises(KeyError):
        f(True, 1.0)
    assert f(False, 1.0) == 2
    assert w.get_value() == 2


def test_a_check_of_one_branch_does_not_fail_in_the_other():
    @et.jit
    def f(p, x, i):
        return et.cond(p, lambda x, i: et.take(x, i), lambda x, i: et.sum(x), x, i)

    assert f(np.bool_(False), X, np.int64(99)) == pytest.approx(X.sum())
    assert f(np.bool_(True), X, np.int64(1)) == X[1]
    with pytest.raises(et.LabelError):
        f(np.bool_(True), X, np.int64(99))


def test_branches_nest_and_give_nests():
    @et.jit
    def f(p, q, x):
        def inner(x):
            return et.cond(q, lambda x: {"a": x + 1, "b": (x,)}, lambda x: {"a": x, "b": (-x,)}, x)

        return et.cond(p, inner, lambda x: {"a": x * 0, "b": (x * 2,)}, x)

    t, no = np.bool_(True), np.bool_(False)
    assert [float(f(p, q, 3.0)["a"]) for p, q in ((t, t), (t, no), (no, t))] == [4.0, 3.0, 0.0]
    assert [float(f(p, q, 3.0)["b"][0]) for p, q in ((t, t), (t, no), (no, t))] == [3.0, -3.0, 6.0]


def test_branches_that_do_not_fit_are_errors_in_the_users_line():
    p, x = et.tensor("p", (), "bool"), et.tensor("x", ("n",))
    with pytest.raises(et.ShapeError, match=r"cond: needs a 0-d condition.*where.*test_calls"):
        et.cond(x > 0, lambda x: x, lambda x: x, x)
    with pytest.raises(et.ShapeError, match=r"f64\[n\] and f64\[\]"):
        et.cond(p, lambda x: x, et.sum, x)
    with pytest.raises(et.DtypeError, match=r"f64\[n\] and i32\[n\]"):
        et.cond(p, lambda x: x, lambda x: x.astype("int32"), x)
    with pytest.raises(et.ArgumentError, match="one form"):
        et.cond(p, lambda x: x, lambda x: (x, x), x)
    assert et.cond(True, lambda x: x + 1, lambda x: x, 1) == 2


# -------------------------------------------------------------------------------------- callbacks
def test_a_python_function_is_called_back():
    order = et.wrap(np.sort, type=lambda x: (x.dtype, x.shape), vjp=lambda ct, out, x: ct * 2)

    @et.jit
    def f(x):
        return et.sum(order(x) ** 2), order(x)

    total, found = f(X[::-1])
    assert total == pytest.approx((X**2).sum())
    np.testing.assert_array_equal(found, X)
    np.testing.assert_allclose(et.grad(lambda x: et.sum(order(x)))(X), np.full(5, 2.0))
    np.testing.assert_array_equal(order(X[::-1]), X)


def test_a_callback_may_have_several_results_and_is_called_once_for_them():
    calls = []

    def both(x):
        calls.append(1)
        return x.min(), x.max()

    extremes = et.wrap(both, type=[("float64", ()), ("float64", ())])
    for mode in ("run", "reference"):
        calls.clear()
        low, high = et.jit(lambda x: extremes(x), mode=mode)(X)
        assert (low, high) == (X.min(), X.max())
        assert len(calls) == 1


def test_a_callback_gets_copies():
    def spoil(x):
        x[:] = 0
        return x.sum()

    x = X.copy()
    assert et.jit(lambda x: et.wrap(spoil, type=("float64", ()))(x) + et.sum(x))(x) == x.sum()
    np.testing.assert_array_equal(x, X)


@MODES
def test_a_callback_that_breaks_its_promise_is_named(mode):
    def short(x):
        return x[:-1]

    f = et.jit(lambda x: et.wrap(short, type=lambda x: (x.dtype, x.shape))(x), mode=mode)
    with pytest.raises(et.ArgumentError, match="needs a result"):
        f(X)
    g = et.jit(lambda x: et.wrap(lambda x: 1, type=("float64", (2,)), name="one")(x), mode=mode)
    with pytest.raises(
        et.ArgumentError, match=r"one: needs a result of f64\[2\]; got result 0 of int64"
    ):
        g(X)


def test_callbacks_work_from_several_threads():

    slow = et.wrap(lambda x: x + 1, type=lambda x: (x.dtype, x.shape))
    f = et.jit(lambda x: et.sum(slow(x) * x))
    f(X)
    wrong = []

    def work(k):
        x = X * k
        for _ in range(50):
            if f(x) != pytest.approx(((x + 1) * x).sum()):
                wrong.append(k)

    in_threads(work, range(1, 5))
    assert not wrong


def test_methods_of_classes_and_those_set_later():
    class Scaled:
        factor = 3.0

        def __init__(self):
            self.offset = np.arange(2.0)

        @classmethod
        @et.jit
        def scaled(cls, x):
            return cls.factor * x

    class More(Scaled):
        factor = 4.0

    Scaled.moved = et.jit(lambda self, x: self.offset + x)
    one = np.ones(2)
    for _ in range(3):
        np.testing.assert_array_equal(Scaled.scaled(one), [3, 3])
        np.testing.assert_array_equal(More.scaled(one), [4, 4])
        np.testing.assert_array_equal(Scaled().moved(one), [1, 2])
        np.testing.assert_array_equal(Scaled.moved(More(), one), [1, 2])
