"""Plain NumPy text, `np` replaced by the namespace at most: the same values, the same arrays changed.

Each idiom is a function of the namespace and of arrays.  NumPy runs it on copies; compiled, it leaves
the caller's arrays as they were, and with ``donate=`` changes them as NumPy does.
"""

import inspect
from collections import namedtuple
from dataclasses import dataclass

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.errors import EqsatError

RNG = np.random.default_rng(0)
V, W = RNG.normal(size=7), RNG.normal(size=7)
M, N = RNG.normal(size=(4, 5)), RNG.normal(size=(5, 3))
S = RNG.normal(size=(4, 4))
I = np.array([2, 0, 2, 5])
IDIOMS = []


def idiom(*arrays, donates=()):
    """Enter a function with the arrays it is called on; `donates`: names of arguments it changes."""

    def enter(function):
        IDIOMS.append((function, arrays, donates))
        return function

    return enter


# ------------------------------------------------------------------------------- slices in place
@idiom(V, donates=("x",))
def scale_a_slice(np, x):
    x[1:4] *= 2
    x[-1] = 0
    return x.sum()


@idiom(M, donates=("x",))
def write_through_a_row_view(np, x):
    row = x[1]
    row[:] = 7
    row += 1
    return x * 2


@idiom(M, donates=("x",))
def write_through_a_transpose(np, x):
    t = x.T
    t[0] = -1
    return t @ x


@idiom(V, donates=("buf",))
def fill_a_buffer(np, buf):
    y = buf * 3
    buf[:] = y
    return buf[::2]


@idiom(V)
def zeros_then_assignment(np, x):
    out = np.zeros(len(x) + 2)
    out[1:-1] = x
    out[0], out[-1] = x[0], x[-1]
    return out


@idiom(V)
def a_loop_over_known_sizes(np, x):
    out = np.empty_like(x)
    out[0] = x[0]
    for i in range(1, len(x)):
        out[i] = 0.5 * out[i - 1] + x[i]
    return out


@idiom(V, W)
def an_array_of_scalars(np, x, y):
    return np.array([x[0], y[1], 2.0, (x * y).sum()])


@idiom(V, W)
def a_nested_array_of_scalars(np, x, y):
    c, s = np.cos(x[0]), np.sin(x[0])
    r = np.array([[c, -s], [s, c]])
    return r @ np.array([x[1], y[2]])


@idiom(M)
def reversed_and_strided(np, x):
    y = x[::-1, ::2]
    z = y.copy()
    z[:, 0] = 0
    return y + z


@idiom(V)
def add_to_a_copy(np, x):
    y = x
    z = x.copy()
    z += 1
    return y + z


@idiom(V, donates=("x",))
def an_alias_sees_the_write(np, x):
    y = x
    y += 1
    return x * y


@idiom(M, donates=("x",))
def a_reshaped_view_is_written(np, x):
    flat = x.reshape(-1)
    flat[::3] = 0
    return x.sum(axis=0)


@idiom(M)
def swap_columns(np, x):
    y = x.copy()
    y[:, [0, 1]] = y[:, [1, 0]]
    return y


# ------------------------------------------------------------------------------------- selecting
@idiom(V)
def chained_where(np, x):
    return np.where(x < -0.5, -1.0, np.where(x > 0.5, 1.0, x * 2))


@idiom(V)
def select_of_cases(np, x):
    return np.select([x < -1, x < 0, x < 1], [-x, x * 2, np.sqrt(np.abs(x))], default=5.0)


@idiom(V, donates=("x",))
def assign_by_a_mask(np, x):
    x[x < 0] = 0
    return np.sqrt(x)


@idiom(V)
def add_by_a_mask(np, x):
    y = x.copy()
    y[y > 0] += 10
    return y


@idiom(V)
def clip_and_round(np, x):
    return np.round(np.clip(x, -0.5, 0.5), 1)


@idiom(V, I)
def fancy_reads(np, x, i):
    return x[i] + x[i[::-1]] + x[-i]


@idiom(M, I[:3])
def fancy_rows_and_columns(np, x, i):
    return x[i[:2], :3].sum() + x[:, i[:2]].sum() + x[i[:2], i[1:]]


@idiom(V, I, donates=("x",))
def accumulate_at(np, x, i):
    np.add.at(x, i, 1.5)
    return x


@idiom(V, I, donates=("x",))
def fancy_write(np, x, i):
    x[i] = np.arange(4.0)
    return x


@idiom(I)
def one_hot(np, i):
    out = np.zeros((len(i), 6))
    out[np.arange(len(i)), i] = 1
    return out


@idiom(I)
def histogram_by_hand(np, i):
    counts = np.zeros(6, dtype=int)
    np.add.at(counts, i, 1)
    return counts


# ------------------------------------------------------------------------------ shapes and joins
@idiom(V, W)
def concatenate_pieces(np, x, y):
    return np.concatenate([x[:3], y[::-1], np.ones(2)])


@idiom(V, W)
def stack_and_split(np, x, y):
    both = np.stack([x, y], axis=1)
    a, b = np.split(both, 2, axis=1)
    return a.ravel() - b.ravel()


@idiom(V)
def finite_differences(np, x):
    return (x[2:] - 2 * x[1:-1] + x[:-2]) / 0.01


@idiom(M)
def padded_stencil(np, x):
    p = np.pad(x, 1, mode="edge")
    return p[:-2, 1:-1] + p[2:, 1:-1] + p[1:-1, :-2] + p[1:-1, 2:] - 4 * x


@idiom(V, W)
def outer_by_newaxis(np, x, y):
    return x[:, None] - y[None, :]


@idiom(V)
def rolled_mean(np, x):
    return (np.roll(x, 1) + x + np.roll(x, -1)) / 3


@idiom(M)
def standardise_columns(np, x):
    return (x - x.mean(axis=0)) / (x.std(axis=0, ddof=1) + 1e-9)


@idiom(V)
def polynomial_by_horner(np, x):
    total = np.zeros_like(x)
    for c in (1.0, -2.0, 0.5, 3.0):
        total = total * x + c
    return total


@idiom(V)
def meshgrid_of_distances(np, x):
    a, b = np.meshgrid(x, x, indexing="ij")
    return np.hypot(a, b)


# ----------------------------------------------------------------------------- linear algebra
@idiom(V, M)
def norms(np, x, y):
    return np.linalg.norm(x), np.linalg.norm(y, axis=1), np.linalg.norm(y)


@idiom(M, N)
def products(np, x, y):
    return np.dot(x, y), np.einsum("ij,jk->ik", x, y), x @ y, np.tensordot(x, y, axes=1)


@idiom(S)
def solve_a_system(np, x):
    a = x @ x.T + 4 * np.eye(4)
    return np.linalg.solve(a, x[0]), np.linalg.inv(a), np.linalg.det(a)


@idiom(M)
def quadratic_form(np, x):
    g = x.T @ x
    return np.trace(g), np.diag(g), np.sum(g * np.eye(5))


@idiom(M)
def softmax_by_hand(np, x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


# -------------------------------------------------------------------------- sorting, accumulating
@idiom(V)
def sorted_and_ranked(np, x):
    order = np.argsort(x)
    return x[order], np.sort(x)[::-1], np.median(x)


@idiom(V)
def running_totals(np, x):
    return np.cumsum(x), np.maximum.accumulate(x), np.diff(x), np.cumprod(x)


@idiom(M)
def extremes(np, x):
    return x.argmax(axis=1), x.min(), np.ptp(x, axis=0), np.count_nonzero(x > 0)


# ------------------------------------------------------------------------------ functions, nests
@idiom(V, W)
def nested_functions(np, x, y):
    def helper(a, b=2.0):
        return np.tanh(a) * b

    return helper(x) + helper(y, b=3)


Point = namedtuple("Point", "a b")


@dataclass
class Pair:
    left: object
    right: object


@idiom(V, W)
def results_in_nests(np, x, y):
    return {"p": Point(x + y, x - y), "pair": Pair(x.sum(), y.sum()), "list": [x * 2]}


@idiom(V)
def a_while_loop_of_known_length(np, x):
    n, total = 3, x
    while n:
        total = np.sin(total) + n
        n -= 1
    return total


@idiom(M)
def iterate_over_rows(np, x):
    total = 0.0
    for row in x:
        total = total + row.max()
    return total


@idiom(V, donates=("x",))
def swap_ends(np, x):
    x[0], x[-1] = x[-1].copy(), x[0].copy()
    return x


def flat(value):
    """The arrays of a nest, in order."""
    if isinstance(value, dict):
        return [a for v in value.values() for a in flat(v)]
    if isinstance(value, Pair):
        return flat((value.left, value.right))
    if isinstance(value, tuple | list):
        return [a for v in value for a in flat(v)]
    return [np.asarray(value)]


def compare(got, want):
    got, want = flat(got), flat(want)
    assert len(got) == len(want)
    for g, w in zip(got, want, strict=True):
        assert g.dtype == w.dtype
        assert g.shape == w.shape
        np.testing.assert_allclose(g, w, rtol=1e-12, atol=1e-13)


def names_of(function):
    return list(inspect.signature(function).parameters)[1:]


@pytest.mark.parametrize(
    ("function", "arrays", "donates"), IDIOMS, ids=lambda v: getattr(v, "__name__", "")
)
def test_an_idiom_compiles_and_agrees_with_numpy(function, arrays, donates):
    theirs = [a.copy() for a in arrays]
    want = function(np, *theirs)
    names = names_of(function)
    code = f"lambda {', '.join(names)}: function(et, {', '.join(names)})"
    traced = eval(code, {"function": function, "et": et})
    mine = [a.copy() for a in arrays]
    compare(et.jit(traced)(*mine), want)
    for array, original in zip(mine, arrays, strict=True):
        np.testing.assert_array_equal(array, original)
    if donates:
        compare(et.jit(traced, donate=donates)(*mine), want)
        for name, array, right in zip(names, mine, theirs, strict=True):
            assert name in donates or array is not right
            np.testing.assert_allclose(array, right, rtol=1e-12)


# What these make by NumPy's zeros or array is NumPy's own, and cannot hold traced values.
MAKE_NUMPYS_ARRAYS = {
    "zeros_then_assignment",
    "an_array_of_scalars",
    "a_nested_array_of_scalars",
    "one_hot",
    "histogram_by_hand",
}


@pytest.mark.parametrize(
    ("function", "arrays", "donates"), IDIOMS, ids=lambda v: getattr(v, "__name__", "")
)
def test_an_idiom_is_traced_by_numpys_own_functions(function, arrays, donates):
    """With `np` itself in the text; where NumPy makes the array, the error says what does."""
    want = function(np, *[a.copy() for a in arrays])
    names = names_of(function)
    code = f"lambda {', '.join(names)}: function(np, {', '.join(names)})"
    traced = et.jit(eval(code, {"function": function, "np": np}))
    if function.__name__ in MAKE_NUMPYS_ARRAYS:
        with pytest.raises(EqsatError, match=r"zeros.* or array of eqsat_tensor"):
            traced(*[a.copy() for a in arrays])
    else:
        compare(traced(*[a.copy() for a in arrays]), want)


def test_there_are_at_least_forty():
    assert len(IDIOMS) >= 40


# ------------------------------------------------------------------- what cannot be, and its error
def refused(function, *arrays, match):
    with pytest.raises((et.TraceError, et.UnsupportedError, et.ShapeError), match=match):
        et.jit(function)(*arrays)


def test_what_cannot_be_traced_says_what_to_write():
    refused(lambda x: x if x[0] > 0 else -x, V, match="where")
    refused(lambda x: x[x > 0], V, match="where|size=")
    refused(lambda x: float(x.sum()), V, match="astype|static")
    refused(lambda x: np.unique(x), V, match="size=")

    def write_into_numpy(x):
        out = np.zeros(7)
        out[0] = x[0]
        return out

    refused(write_into_numpy, V, match="zeros")
