"""What tensors do: NumPy's broadcasting, indexing, functions and methods; sizes, arrays, state."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import eqsat_tensor as et
from eqsat_tensor.errors import DtypeError, ReadOnlyError, TraceError
from eqsat_tensor.inputs import tensor
from eqsat_tensor.namespace import PUBLIC
from eqsat_tensor.reference import evaluate
from eqsat_tensor.shared import Shared, shared, shared_of
from eqsat_tensor.sizes import Dim, numbered
from eqsat_tensor.tensor import Tensor, as_expr, captured_array
from eqsat_tensor.tracing import Noted
from tests.oracle import assert_same
from tests.strategies import arrays, basic_keys, broadcasting_shapes
from tests.traced import check


# ---------------------------------------------------------------------------------- broadcasting
@given(st.data())
def test_operands_broadcast_as_in_numpy(data):
    values = [data.draw(arrays(s, "float64")) for s in data.draw(broadcasting_shapes(3))]
    check(lambda a, b, c: a * b + c, *values)


@given(st.data())
def test_unknown_sizes_that_are_equal_broadcast(data):
    values = [data.draw(arrays(s, "float64")) for s in data.draw(broadcasting_shapes(2))]
    check(lambda a, b: a - b, *values, symbolic=True)


# -------------------------------------------------------------------------------------- indexing
@given(st.data())
def test_basic_indexing_is_numpys(data):
    shape = tuple(data.draw(st.lists(st.sampled_from((0, 1, 2, 3, 7)), min_size=1, max_size=3)))
    x = data.draw(arrays(shape, "float64"))
    key = data.draw(basic_keys(shape))
    check(lambda t: t[key], x, symbolic=data.draw(st.booleans()))


INDEX = np.array([2, 0, -1, 1])
KEYS = [
    (INDEX,), (slice(None), INDEX), (slice(None), INDEX, slice(1, None)), (INDEX, slice(None), INDEX),
    (INDEX, INDEX), (INDEX[:, None], INDEX), (0, slice(None), INDEX), (slice(None), 0, INDEX),
    (None, INDEX), (..., INDEX), (np.arange(4), INDEX), (np.arange(4), slice(None), INDEX),
    (np.arange(4)[:, None], np.arange(4)), (INDEX, np.arange(4)), (np.array(1), slice(None)),
    (slice(None), np.arange(4), INDEX), ([0, 1],), (INDEX.astype("int32"), 1),
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_integer_arrays_index_as_in_numpy(key):
    x = np.arange(4 * 4 * 4.0).reshape(4, 4, 4)
    check(lambda t: t[key], x)
    check(lambda t: t[key], x, symbolic=True)


def test_picking_a_label_a_row_is_one_pick():
    x, y = tensor("x", ("n", 5)), tensor("y", ("n",), "int64")
    node = x[et.arange(x.shape[0]), y].expr
    assert node.op.name == "pick"
    assert node.arguments == (x.expr, y.expr)


def test_neighbouring_slices_have_the_same_size():
    x = tensor("x", ("n",))
    assert x[1:].expr.shape == x[:-1].expr.shape


# ------------------------------------------------------------------------------ functions at large
X = np.linspace(-2, 3, 24).reshape(2, 3, 4)
V = np.array([0.5, -1.0, 2.0, 0.0])
FUNCTIONS = {
    "sum": lambda e, x: e.sum(x, axis=(0, -1), keepdims=True),
    "sum_all": lambda e, x: e.sum(x),
    "mean": lambda e, x: e.mean(x, axis=1),
    "var": lambda e, x: e.var(x, axis=-1, ddof=1),
    "std": lambda e, x: e.std(x, keepdims=True),
    "max": lambda e, x: e.max(x, axis=0),
    "min": lambda e, x: e.min(x, axis=(1, 2)),
    "argmax": lambda e, x: e.argmax(x, axis=1, keepdims=True),
    "argmin": lambda e, x: e.argmin(x),
    "any": lambda e, x: e.any(x > 2, axis=-1),
    "all": lambda e, x: e.all(x),
    "prod": lambda e, x: e.prod(x, axis=2),
    "cumsum": lambda e, x: e.cumsum(x, axis=1),
    "transpose": lambda e, x: e.transpose(x, (2, 0, 1)),
    "swapaxes": lambda e, x: e.swapaxes(x, 0, -1),
    "moveaxis": lambda e, x: e.moveaxis(x, (0, 1), (-1, 0)),
    "reshape": lambda e, x: e.reshape(x, (4, -1)),
    "ravel": lambda e, x: e.ravel(x),
    "expand_dims": lambda e, x: e.expand_dims(x, (0, -1)),
    "squeeze": lambda e, x: e.squeeze(e.expand_dims(x, (0, 2))),
    "broadcast_to": lambda e, x: e.broadcast_to(x, (5, 2, 3, 4)),
    "flip": lambda e, x: e.flip(x, 1),
    "concatenate": lambda e, x: e.concatenate([x, x + 1, x[:, :1]], axis=1),
    "concatenate_flat": lambda e, x: e.concatenate([x, x[0]], axis=None),
    "stack": lambda e, x: e.stack([x, 2 * x], axis=-1),
    "vstack": lambda e, x: e.vstack([x[0, 0], x[1, 1]]),
    "hstack": lambda e, x: e.hstack([x[0], x[1]]),
    "trace": lambda e, x: e.trace(x[0], offset=1),
    "diagonal": lambda e, x: e.diagonal(x, axis1=1, axis2=2),
    "diagonal_below": lambda e, x: e.diagonal(x, -1, 2, 1),
    "diag": lambda e, x: e.diag(x[0, 0], k=-1),
    "tril": lambda e, x: e.tril(x, -1),
    "triu": lambda e, x: e.triu(x, 1),
    "clip": lambda e, x: e.clip(x, -1, 1.5),
    "where": lambda e, x: e.where(x > 0, x, 2),
    "full_like": lambda e, x: e.full_like(x, 7),
    "ones_like": lambda e, x: e.ones_like(x),
    "matmul": lambda e, x: e.matmul(x, e.swapaxes(x, 1, 2)),
    "matmul_vector": lambda e, x: e.matmul(x, V),
    "vector_matmul": lambda e, x: e.matmul(V, e.swapaxes(x, 1, 2)),
    "matmul_batch": lambda e, x: e.matmul(x[:, None], e.swapaxes(x, 1, 2)),
    "dot": lambda e, x: e.dot(x, x[0, 0]),
    "dot_many": lambda e, x: e.dot(x, e.swapaxes(x, 1, 2)),
    "inner": lambda e, x: e.inner(x, x[0]),
    "outer": lambda e, x: e.outer(x[0], x[1, 0]),
    "tensordot": lambda e, x: e.tensordot(x, x, ((0, 2), (0, 2))),
    "vecdot": lambda e, x: e.vecdot(x, x[0]),
    "take": lambda e, x: e.take(x, [1, 0, -1], axis=1),
    "take_along_axis": lambda e, x: e.take_along_axis(x, np.argsort(-X, axis=2)[:, :, :2], axis=2),
    "hypot": lambda e, x: e.hypot(x, 3.0),
    "isinf": lambda e, x: e.isinf(x / 0.0),
    "sinh": lambda e, x: e.sinh(x),
    "cosh": lambda e, x: e.cosh(x),
    "log2": lambda e, x: e.log2(e.abs(x) + 1),
    "exp2": lambda e, x: e.exp2(x),
    "astype": lambda e, x: e.astype(x, "int32"),
}


@pytest.mark.parametrize("symbolic", [False, True])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_give_what_numpys_give(name, symbolic):
    function = FUNCTIONS[name]
    if symbolic and name in ("broadcast_to", "reshape"):
        return
    check(
        lambda x: function(et, x), X, numpy=lambda x: function(np, x), guarantee="real",
        symbolic=symbolic,
    )  # fmt: skip


@pytest.mark.parametrize("name", [n for n in FUNCTIONS if n != "astype"])
def test_numpys_own_functions_work_on_tensors(name):
    function = FUNCTIONS[name]
    check(lambda x: function(np, x), X, guarantee="real")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_without_a_tensor_they_compute_at_once(name):
    with np.errstate(all="ignore"):
        found, want = FUNCTIONS[name](et, X), FUNCTIONS[name](np, X)
    assert not isinstance(found, Tensor)
    assert_same(found, want, "exact")


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
@pytest.mark.parametrize("axis", [None, 0, (0, 2), -1])
def test_the_softmax_family_is_scipys(name, axis):
    import scipy.special

    want = getattr(scipy.special, name)
    check(
        lambda x: PUBLIC[name](x, axis=axis),
        X,
        numpy=lambda x: want(x, axis=axis),
        guarantee="real",
    )
    assert_same(PUBLIC[name](X, axis=axis), want(X, axis=axis), "real")


def test_logsumexp_of_minus_infinities_is_minus_infinity():
    assert PUBLIC["logsumexp"](np.full(3, -np.inf)) == -np.inf


def test_creation_with_unknown_sizes():
    x = tensor("x", ("n",))
    n = x.shape[0]
    made = [et.zeros((n, 2)), et.arange(n), et.arange(1, n, 2), et.eye(n), et.full(n, 2)]
    found = evaluate([m.expr for m in made], {}, {"n": 6})
    want = [np.zeros((6, 2)), np.arange(6), np.arange(1, 6, 2), np.eye(6), np.full(6, 2)]
    for a, b in zip(found, want, strict=True):
        assert_same(a, b)
    assert not isinstance(et.eye(3), Tensor)


# ------------------------------------------------------------------------------ methods and Dims
def test_methods_and_operators_read_like_numpy():
    x = np.linspace(0.5, 2, 6).reshape(2, 3)
    check(lambda t: -t + 1 - t / 2 + 2 * t % 3 - t // 2 + t**2 - 2**t + abs(t), x, guarantee="real")
    check(lambda t: t.T.reshape(3, 2).sum(0) + t.max() - t.min() + t.mean(), x, guarantee="real")
    check(lambda t: t.mT @ t, x, guarantee="real")
    check(lambda t: np.ones(3, "float32") * t - x, x)
    check(lambda t: (t > 1) & (t < 2) | ~(t == 1), x)
    check(lambda t: t.astype(int).argmax(axis=1), x)
    check(lambda t: sum(row for row in t), x)
    assert len(tensor("x", (2, 3))) == 2


def test_sizes_are_ints_or_dims_that_reckon():
    x = tensor("x", ("n", 3))
    n = x.shape[0]
    assert isinstance(n, Dim)
    assert x.shape[1] == 3
    assert repr(2 * n + n * n - n // 1) == "Dim(n*n + n)"
    assert (x.size - 3 * n) == 0
    assert (x / n).dtype == np.float64
    assert x.reshape(n * 3).expr.shape == x.ravel().expr.shape
    assert x.reshape(-1, 1).expr.shape == ((3 * n).size, 1)
    assert evaluate([(x.sum() / n * 0.5).expr], {x.expr: np.ones((4, 3))})[0] == 1.5
    with pytest.raises(TraceError, match="size: needs a size that is known now"):
        range(n)
    noted = Noted()
    noted.sizes["n"] = 4
    with numbered(noted):
        assert [*range(n)] == [0, 1, 2, 3]
        assert n == 4
        assert n > 3
        assert int(2 * n) == 8
    assert noted.pins == {"n": 4}


def test_adding_in_place_rebinds_the_tensor_and_not_an_input():
    x = tensor("x", (2,))
    y = x
    y += 1
    assert x.expr.op.name == "input"
    z = alias = x * 2
    z += 1
    assert alias is z
    assert alias.expr.op.name == "add"
    w = x.astype(int)
    with pytest.raises(DtypeError, match="in-place divide"):
        w /= 2
    with pytest.raises(ReadOnlyError, match=r"x.at\[...\].set\(v\)"):
        x[0] = 1


# ------------------------------------------------------------------------------ arrays and state
def test_arrays_are_captured_as_they_are_now():
    array = np.array([1.0, 5.0, 2.0])
    first = as_expr(array)
    array[0] = 9
    assert captured_array(first)[0] == 1.0
    assert as_expr(np.array([1.0, 5.0, 2.0])) is first
    assert as_expr(np.ones((2, 3), "float32")).op.name == "full"
    assert as_expr(np.full(3, -0.0)) is not as_expr(np.zeros(3))
    assert as_expr(np.arange(4)).op.name == "iota"
    assert as_expr(np.float32(2)).type.dtype == np.float32
    with pytest.raises(DtypeError):
        as_expr(np.zeros(3, "clongdouble"))


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "uint8"])
def test_multiples_of_the_identity_are_made_and_not_read(dtype):
    for value in (1, 3):
        array = np.eye(4, dtype=dtype) * np.asarray(value, dtype)
        made = as_expr(array)
        assert captured_array(made) is None
        assert_same(evaluate([made], {})[0], array)
    for other in (
        np.eye(4, k=1, dtype=dtype),
        np.eye(4, 5, dtype=dtype),
        np.diag(np.arange(1, 5)).astype(dtype),
        np.eye(1, 4, dtype=dtype),
        np.eye(4, dtype=dtype)[::-1],
    ):
        assert captured_array(as_expr(other)) is not None
    if np.dtype(dtype).kind == "f":
        negative_zeros = np.where(np.eye(4), 1, -0.0).astype(dtype)
        assert captured_array(as_expr(negative_zeros)) is not None
        one = negative_zeros * 0 + np.eye(4, dtype=dtype)
        one[3, 0] = -0.0
        assert captured_array(as_expr(one)) is not None


def test_shared_tensors_hold_state():
    w = shared(np.arange(3.0), "w")
    assert isinstance(w, Shared)
    assert shared_of(w.expr) is w
    assert w.shape == (3,)
    w.set_value(np.zeros(3))
    assert_same(w.get_value(), np.zeros(3))
    assert shared(np.zeros((2, 3)), "v", shape=("rows", 3)).expr.shape[1] == 3
