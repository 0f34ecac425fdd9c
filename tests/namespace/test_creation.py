"""New arrays: constants, ranges, grids, triangles, and arrays of nests with tensors in them."""

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.errors import EqsatError
from eqsat_tensor.lang import topological
from eqsat_tensor.reference import evaluate
from eqsat_tensor.tensor import Tensor, captured_array
from tests.namespace.agree import agree, leaves, traced
from tests.oracle import assert_same

X = np.arange(12.0).reshape(3, 4)
V = np.array([0.5, 2.0, -1.0, 3.0])
W = np.array([1.0, 4.0, 2.0, 8.0])


def at_size(function, number, dtype=None, guarantee="exact"):
    """``function(namespace, n)`` with an unknown size n is NumPy's with the number."""
    x = et.tensor("x", ("n",))
    made = leaves(function(et, x.shape[0]))
    want = leaves(function(np, number))
    exprs = [m.expr for m in made]
    known = {n: captured_array(n) for n in topological(exprs) if captured_array(n) is not None}
    found = evaluate(exprs, known, {"n": number})
    assert len(made) == len(want)
    for a, b in zip(found, want, strict=True):
        assert_same(a, b, guarantee)


SIZED = {
    "filled": lambda e, n: [e.zeros((n, 2)), e.ones(n, dtype="int32"), e.full((2, n), 3), e.zeros(shape=n)],
    "eye": lambda e, n: [e.eye(n), e.eye(n, 4, k=1), e.eye(3, n, -1, "int64"), e.identity(n, bool)],
    "eye_size_k": lambda e, n: e.eye(9, k=n),
    "tri": lambda e, n: [e.tri(n), e.tri(n, 3, -1), e.tri(3, n, k=n, dtype=int)],
    "arange": lambda e, n: [
        e.arange(n), e.arange(2, n), e.arange(0, n, 3), e.arange(n, -2, -2), e.arange(n, dtype="float32"),
        e.arange(stop=n), e.arange(start=1, stop=n, step=2),
    ],
    "arange_floats": lambda e, n: [
        e.arange(0.0, n), e.arange(0.25, n, 0.5), e.arange(n, 0.5, -0.75), e.arange(-0.5, 2 * n, 1.5),
        e.arange(n, n + 2, 0.125), e.arange(0.5, n, dtype="float32"),
    ],
    "linspace": lambda e, n: [e.linspace(0, 1, n), e.linspace(-1, n, 5), e.linspace(3, 7, n, endpoint=False)],
    "linspace_step": lambda e, n: [*e.linspace(0, 1, n, retstep=True), *e.linspace(1, n, 4, retstep=True)],
    "indices": lambda e, n: [e.indices((n, 2)), e.indices((n,)), *e.indices((2, n), sparse=True)],
    "fromfunction": lambda e, n: e.fromfunction(lambda i, j: 2 * i + j * j, (n, 3)),
    "mgrid": lambda e, n: [e.mgrid[:n], e.mgrid[0:n, 1:3], e.mgrid[0:n:2, -1:1:5j]],
    "ogrid": lambda e, n: list(e.ogrid[0:n, 1:3]),
    "r_": lambda e, n: [e.r_[0:n, 3], e.c_[0:n, 0:n]],
    "meshgrid": lambda e, n: e.meshgrid(e.arange(n), e.arange(3)),
}  # fmt: skip


@pytest.mark.parametrize("size", [0, 1, 2, 5])
@pytest.mark.parametrize("name", SIZED)
def test_arrays_of_an_unknown_size_are_numpys(name, size):
    at_size(SIZED[name], size, guarantee="real" if "lin" in name else "exact")


MADE = {
    "like": lambda e, x: [e.zeros_like(x), e.ones_like(x, dtype=int), e.full_like(x, 7, shape=(2, 2)),
                          e.zeros_like(x, shape=(5,)), e.full_like(x, 2.5, dtype="int32")],
    "tril": lambda e, x: [e.tril(x, k) for k in (-4, -1, 0, 1, 5)] + [e.tril(x[0])],
    "triu": lambda e, x: [e.triu(x, k=k) for k in (-4, -1, 0, 1, 5)] + [e.triu(x[0], 1)],
    "diag": lambda e, x: [e.diag(x, k) for k in (-1, 0, 2, 9, -9)] + [e.diag(x[0], k) for k in (-1, 0, 2)],
    "diagflat": lambda e, x: [e.diagflat(x, k) for k in (0, 1, -2)],
    "diagonal": lambda e, x: [e.diagonal(x, 1), e.diagonal(x, -1, 1, 0), e.diagonal(x[None], 0, -1, 1)],
    "trace": lambda e, x: [e.trace(x), e.trace(x, 1), e.trace(x, -1, 1, 0, dtype="float32"), e.trace(x > 3)],
    "vander": lambda e, x: [e.vander(x[0], n) for n in (0, 1, 2, 4)] + [e.vander(x[0], 3, increasing=True)],
    "meshgrid": lambda e, x: [*e.meshgrid(x[0], x[:, 0]), *e.meshgrid(x[0], x[1], x[2], indexing="ij"),
                              *e.meshgrid(x[0], x[:, 1], sparse=True), *e.meshgrid(x[0])],
    "linspace": lambda e, x: [
        e.linspace(x, 2 * x + 1, 5), e.linspace(x[0], 1, 4, axis=1), e.linspace(x, x[0], 3, axis=-1),
        e.linspace(x[0, 1], x[2, 2], 7, dtype=int), e.linspace(0, x[0], 1), e.linspace(x, 1, 0),
        e.linspace(x.astype("float32"), 3, 4), e.linspace(x.astype(int), 3, 4, endpoint=False),
    ],
    "linspace_step": lambda e, x: e.linspace(x[0], 2, 5, retstep=True),
    "logspace": lambda e, x: [e.logspace(x[0], 2, 5), e.logspace(0, x[0, 1], 4, base=2.0, endpoint=False),
                              e.logspace(x[0], 3, 4, base=x[1], axis=-1), e.logspace(0, x[0, 2], 3, dtype=int)],
    "geomspace": lambda e, x: [e.geomspace(x[1], 90, 5), e.geomspace(-x[1], -2.5, 4, endpoint=False),
                               e.geomspace(1, x[1, 1], 4, axis=0, dtype="float32"), e.geomspace(x[1], 3.0, 4, axis=1)],
    "astype": lambda e, x: e.astype(x, "int32", copy=False),
}  # fmt: skip


@pytest.mark.parametrize("name", MADE)
def test_arrays_made_of_tensors_are_numpys(name):
    agree(MADE[name], X + 0.25, guarantee="real", label=name)
    if name not in ("geomspace", "logspace", "astype"):
        agree(MADE[name], X.astype("int32"), guarantee="real", label=name)


def test_nests_of_numbers_and_tensors_become_arrays():
    def make(e, v):
        a, b = v[0], v[1]
        return [
            e.array([a, b, 1]), e.array([[a, 1], [2, b]]), e.asarray([[v, v], [v, 2 * v]]),
            e.array([v[:2], (3.0, a)]), e.array(v, ndmin=3), e.asarray([a, 2], dtype="float32"),
            e.asanyarray([[a]]), e.array([[[a]], [[True]]]), e.sum([a, b, [2.0][0]]),
            e.array([a.astype("float32"), 2.0]),
        ]  # fmt: skip

    with np.errstate(all="ignore"):
        want = make(np, V)
    for a, b in zip(traced(lambda v: make(et, v), [V]), want, strict=True):
        assert_same(a, b)


def test_an_array_is_a_tensor_of_its_own():
    x = et.tensor("x", (3,))
    assert et.asarray(x) is x
    assert et.asarray(x, "float64") is x
    assert et.asarray(x, copy=True) is not x
    assert et.array(x) is not x
    assert et.ascontiguousarray(x[0]).shape == (1,)
    assert x.astype("float64", copy=False) is x
    assert x.astype("float64") is not x
    assert isinstance(et.array([x[0], 1]), Tensor)
    assert isinstance(et.array([1, 2]), np.ndarray)


@pytest.mark.parametrize("wrap", [False, True])
@pytest.mark.parametrize("shape", [(3, 3), (2, 5), (7, 3), (3, 3, 3), (1, 4)])
def test_a_diagonal_is_written_as_fill_diagonal_writes_it(shape, wrap):
    x = np.arange(float(np.prod(shape))).reshape(shape)
    for values in (-1, V, V[:2], -X):
        want = x.copy()
        np.fill_diagonal(want, values, wrap)
        assert_same(et.with_diagonal(x, values, wrap), want)
        for unknown in (False, True):
            assert_same(
                traced(lambda t, v=values: et.with_diagonal(t, v, wrap), [x], unknown)[0], want
            )


def test_fill_diagonal_writes_into_its_operand():
    def filled(x):
        assert et.fill_diagonal(x, 1.0) is None
        return x * 2

    want = np.ones((3, 3)) * 5.0
    got = et.jit(filled, mode="reference")(want)
    np.fill_diagonal(want, 1.0)
    assert_same(got, want * 2)


# ------------------------------------------------------------------------------ compiled, gradients
def several(e, n, v):
    return [
        e.linspace(v[0], v[1], 5), e.tril(e.meshgrid(v, v)[0]), e.diag(v), e.vander(v, 3),
        e.arange(0, n, 0.5), e.eye(n, k=1), e.array([[v[0], 1.0], [2.0, v[1]]]), e.tri(n, 3),
        e.geomspace(v[1], v[3], 4), e.with_diagonal(e.meshgrid(v, v)[1], v * 2) if e is et else
        (lambda a: (np.fill_diagonal(a, v * 2), a)[1])(np.meshgrid(v, v)[1].copy()),
    ]  # fmt: skip


def test_compiled_they_give_the_same():
    v = et.tensor("v", ("n",))
    f = et.function([v], several(et, v.shape[0], v))
    for a, b in zip(f(W), several(np, 4, W), strict=True):
        assert_same(a, b, "real")


def test_their_gradients_are_difference_quotients():
    def loss(e, v):
        draws = np.random.default_rng(3)
        return sum(e.sum(m * m * draws.normal(size=m.shape)) for m in several(e, 4, v))

    slope = traced(lambda v: et.grad(loss(et, v), v), [W])[0]
    for j in range(4):
        step = np.zeros(4)
        step[j] = 1e-5
        want = (loss(np, W + step) - loss(np, W - step)) / 2e-5
        assert slope[j] == pytest.approx(want, rel=1e-5, abs=1e-6), j


def _errors():
    x, n = et.tensor("x", (2, 3)), et.tensor("n", ("n",))
    size, number = n.shape[0], et.tensor("s", (), "int64")
    return {
        "arange": (lambda: et.arange(number), r"arange: needs a length known .*\. Write start \+ step"),
        "arange_tenth": (lambda: et.arange(0, size, 0.1), "whole parts of a power of 1/2; got 0.1. Use linspace"),
        "arange_step": (lambda: et.arange(0, size, 0), "a step known while tracing, not 0"),
        "arange_ints": (lambda: et.arange(0.5, size, dtype=int), "ints for a dtype of integers"),
        "linspace": (lambda: et.linspace(x, 1, -1), "linspace: needs a number of samples"),
        "linspace_num": (lambda: et.linspace(0, 1, number), "linspace: needs a number of samples"),
        "eye": (lambda: et.eye(size, k=number), "a diagonal that is an int or a size"),
        "tril": (lambda: et.tril(et.tensor("s", ())), "tril: needs at least one axis"),
        "diag": (lambda: et.diag(x[None]), "diag: needs one or two axes"),
        "diagonal": (lambda: et.diagonal(x, 0, 1, 1), "diagonal: needs two axes"),
        "meshgrid": (lambda: et.meshgrid(n, indexing="yx"), "meshgrid: needs indexing 'xy' or 'ij'"),
        "mgrid": (lambda: et.mgrid[size:], "mgrid: needs slices with a stop"),
        "vander": (lambda: et.vander(x), "vander: needs one axis"),
        "zeros": (lambda: et.zeros((size, 1.5)), "zeros: needs sizes that are ints"),
        "with_diagonal": (lambda: et.with_diagonal(et.zeros((2, 3, size)), 1), "axes of one size"),
        "r_": (lambda: et.r_["-1", 0:size], "r_: needs no directive in a string"),
    }  # fmt: skip


@pytest.mark.parametrize("name", _errors())
def test_errors_say_what_was_needed(name):
    function, pattern = _errors()[name]
    with pytest.raises(EqsatError, match=pattern):
        function()


# -------------------------------------------------------------------------------------- under jit
def test_under_jit_sizes_are_symbols_and_pins():
    @et.jit
    def f(v):
        n = v.shape[0]
        grid = np.meshgrid(v, et.arange(n))
        rolled = np.pad(np.roll(v, 1), 1, mode="reflect")
        return (
            rolled,
            grid[1] + et.eye(n, k=1),
            np.vander(v, 3),
            et.linspace(v[0], 1, n),
            np.split(v, [1]),
        )

    for size in (1, 2, 5, 9):
        v = np.linspace(1.0, 2.0, size)
        want = (
            np.pad(np.roll(v, 1), 1, mode="reflect"), np.meshgrid(v, np.arange(size))[1] + np.eye(size, k=1),
            np.vander(v, 3), np.linspace(v[0], 1, size), np.split(v, [1]),
        )  # fmt: skip
        for a, b in zip(leaves(f(v)), leaves(want), strict=True):
            assert_same(a, b, "real")
    assert f.counters.traces == 2  # of size 1, and of all others


def test_under_jit_what_needs_a_number_pins_a_size():
    f = et.jit(lambda v: [*et.unstack(v), et.vander(v)])
    for size in (2, 3):
        v = np.linspace(1.0, 2.0, size)
        for a, b in zip(f(v), [*v, np.vander(v)], strict=True):
            assert_same(a, b, "real")
