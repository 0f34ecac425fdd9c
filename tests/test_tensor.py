"""Public functions on tensors: NumPy's promotion, broadcasting, indexing and results; our errors."""

import itertools
import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eqsat_tensor.errors import (
    ArgumentError,
    DtypeError,
    EqsatError,
    LabelError,
    ReadOnlyError,
    ShapeError,
    TraceError,
    UnsupportedError,
)
from eqsat_tensor.lang import topological
from eqsat_tensor.namespace import PUBLIC
from eqsat_tensor.reference import evaluate
from eqsat_tensor.shared import Shared, shared, shared_of
from eqsat_tensor.sizes import Dim
from eqsat_tensor.tensor import (
    Tensor,
    as_expr,
    captured_array,
    input_leaf,
    pinning,
    tensor,
)
from eqsat_tensor.types import DTYPES
from tests.oracle import assert_same
from tests.strategies import arrays, basic_keys, broadcasting_shapes


class Namespace:
    def __getattr__(self, name):
        return PUBLIC[name]


et = Namespace()


def run(function, *values, symbolic=False):
    """The function traced on tensors of these types, then evaluated on the values."""
    tensors = []
    for number, value in enumerate(values):
        sizes = [f"n{number}{j}" if symbolic and s > 1 else s for j, s in enumerate(value.shape)]
        tensors.append(tensor(f"x{number}", sizes, value.dtype))
    inputs = [t.expr for t in tensors]
    results = function(*tensors)
    several = isinstance(results, tuple | list)
    exprs = [as_expr(r) for r in (results if several else [results])]
    with_captured = dict(zip(inputs, values, strict=True))
    for node in topological(exprs):
        if captured_array(node) is not None:
            with_captured[node] = captured_array(node)
    found = evaluate(exprs, with_captured)
    return found if several else found[0]


def check(function, *values, guarantee="exact", symbolic=False, numpy=None):
    """Traced and evaluated it is what it is on arrays."""
    with np.errstate(all="ignore"):
        want = (numpy or function)(*values)
    assert_same(run(function, *values, symbolic=symbolic), want, guarantee, str(function))


# ------------------------------------------------------------------------------------- promotion
BINARY = [
    "add",
    "subtract",
    "multiply",
    "divide",
    "power",
    "maximum",
    "minimum",
    "floor_divide",
    "remainder",
    "equal",
    "less",
    "logical_and",
    "logaddexp",
]
SCALARS = (True, 2, 2.5, np.float32(1.5), np.int64(3), np.float64(2))


def sample(dtype, shape=(3,)):
    return np.arange(1, 1 + int(np.prod(shape))).reshape(shape).astype(dtype)


@pytest.mark.parametrize("name", BINARY)
def test_dtypes_promote_as_in_numpy(name):
    ufunc = getattr(np, name)
    pairs = [(sample(a), sample(b)) for a, b in itertools.product(DTYPES, DTYPES)]
    pairs += [p for d in DTYPES for s in SCALARS for p in ((sample(d), s), (s, sample(d)))]
    for a, b in pairs:
        tensors = [tensor("x", v.shape, v.dtype) if np.ndim(v) else v for v in (a, b)]
        try:
            want = ufunc(a, b).dtype
        except TypeError:
            want = None
        if name == "power" and want is not None and want.kind in "iu":
            continue  # tested below
        if want is None or want not in DTYPES:
            with pytest.raises((DtypeError, UnsupportedError)):
                PUBLIC[name](*tensors)
            continue
        assert PUBLIC[name](*tensors).dtype == want, (a.dtype, b)


@pytest.mark.parametrize(
    "name", ["negative", "absolute", "sign", "sqrt", "exp", "floor", "isnan", "square", "sin"]
)
def test_unary_functions_promote_as_in_numpy(name):
    for dtype in DTYPES:
        try:
            want = getattr(np, name)(sample(dtype))
        except TypeError:
            want = None
        if want is None or want.dtype not in DTYPES:
            with pytest.raises(DtypeError):
                PUBLIC[name](tensor("x", (3,), dtype))
        else:
            check(PUBLIC[name], sample(dtype), guarantee="real")


def test_python_numbers_are_weak_and_stay_so_through_operators():
    x = tensor("x", (2,), "float32")
    number = Tensor(as_expr(2.0), weak=float)
    assert (x * 2.0).dtype == np.float32
    assert (x * (number * 3 + 1)).dtype == np.float32
    assert (x * et.exp(number)).dtype == np.float64  # as np.exp(2.0), which is an np.float64
    assert (x + x.shape[0]).dtype == np.float32


@pytest.mark.parametrize("function", [operator.add, operator.mul, operator.sub])
def test_a_python_int_outside_the_dtype_overflows(function):
    with pytest.raises(OverflowError):
        function(tensor("x", (2,), "int32"), 2**40)


WHOLE = [d for d in DTYPES if d.kind in "iu"]
EDGES = (
    0,
    1,
    -1,
    127,
    128,
    255,
    256,
    2**15,
    2**31,
    2**63 - 1,
    2**63,
    2**64 - 1,
    2**64,
    -(2**63),
    -(2**70),
)


def extremes(dtype):
    info = np.iinfo(dtype)
    return np.array([info.min, info.max, 0, 1, info.max // 2, info.max - 1], dtype)


@pytest.mark.parametrize(
    "name", ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal"]
)
def test_whole_numbers_of_all_dtypes_are_compared_exactly(name):
    function, ufunc = PUBLIC[name], getattr(np, name)
    for a, b in itertools.product(WHOLE, WHOLE):
        x, y = (v.ravel() for v in np.meshgrid(extremes(a), extremes(b)))
        check(function, x, y, numpy=ufunc)
    for dtype, number in itertools.product(WHOLE, EDGES):
        check(
            lambda x, n=number: function(x, n),
            extremes(dtype),
            numpy=lambda x, n=number: ufunc(x, n),
        )
        check(
            lambda x, n=number: function(n, x),
            extremes(dtype),
            numpy=lambda x, n=number: ufunc(n, x),
        )


def test_an_int_known_at_run_time_is_compared_exactly():
    number = Tensor(input_leaf("n", np.dtype("int64"), ()), weak=int)
    for dtype in WHOLE:
        result = number < tensor("x", (6,), dtype)
        for value in (-1, 0, 127, 300, 2**63 - 1):
            inputs = {
                leaf: np.array(value) if leaf.shape == () else extremes(dtype)
                for leaf in topological([result.expr])
                if leaf.op.name == "input"
            }
            assert_same(evaluate([result.expr], inputs)[0], np.less(value, extremes(dtype)))


def test_clip_takes_bounds_that_no_element_reaches():
    for dtype in WHOLE:
        check(lambda x: et.clip(x, -(2**70), 2**70), extremes(dtype), numpy=lambda x: x)
        check(lambda x: et.clip(x, 1, 100), extremes(dtype), numpy=lambda x: np.clip(x, 1, 100))


@pytest.mark.parametrize("dtype", [str(d) for d in DTYPES])
def test_moments_have_the_dtypes_of_numpy(dtype):
    x = sample(dtype, (3, 4))
    for name in ("mean", "var", "std", "cumsum", "sum", "prod", "max", "argmin", "any"):
        check(
            lambda t, n=name: PUBLIC[n](t, axis=1),
            x,
            guarantee="real",
            numpy=lambda t, n=name: getattr(np, n)(t, axis=1),
        )
    many = np.full(70_000, 3, dtype)
    check(lambda t: t.mean(), many, guarantee="real", numpy=np.mean)


def test_powers_of_integers_take_python_exponents():
    for exponent in range(7):
        check(lambda x, e=exponent: x**e, sample("int32"))
    with pytest.raises(ValueError, match="negative integer powers"):
        tensor("x", (2,), "int64") ** -1
    base, exponents = sample("int32"), np.arange(sample("int32").size, dtype=np.int32)
    check(lambda x, y: x**y, base, exponents.reshape(base.shape))
    x, y = tensor("x", (2,), "int64"), tensor("y", (2,), "int64")
    values = {x.expr: np.array([2, 3]), y.expr: np.array([1, -1])}
    with pytest.raises(ValueError, match="exponents that are not negative"):
        evaluate([(x**y).expr], values)


# ---------------------------------------------------------------------------------- broadcasting
@given(st.data())
def test_operands_broadcast_as_in_numpy(data):
    values = [data.draw(arrays(s, "float64")) for s in data.draw(broadcasting_shapes(3))]
    check(lambda a, b, c: a * b + c, *values)


@given(st.data())
def test_unknown_sizes_that_are_equal_broadcast(data):
    values = [data.draw(arrays(s, "float64")) for s in data.draw(broadcasting_shapes(2))]
    check(lambda a, b: a - b, *values, symbolic=True)


def test_unknown_sizes_are_held_equal_by_a_guard():
    x, y = tensor("x", ("n",)), tensor("y", ("m",))
    total = (x + y).expr
    with pytest.raises(ShapeError):
        evaluate([total], {x.expr: np.ones(3), y.expr: np.ones(4)})


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


def test_an_index_into_an_unknown_size_is_a_guard():
    x = tensor("x", ("n",))
    assert evaluate([x[3].expr], {x.expr: np.arange(5.0)})[0] == 3
    for key in (3, -4):
        with pytest.raises(ShapeError, match="out of bounds"):
            evaluate([x[key].expr], {x.expr: np.arange(3.0)})
    with pytest.raises(LabelError, match="index from -2 to 1"):
        tensor("x", (2,))[2]


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


def test_sums_of_bools_and_small_integers_are_int64():
    for dtype in DTYPES:
        check(lambda x: x.sum(axis=0), sample(dtype))
        check(lambda x: x.prod(), sample(dtype))
        check(lambda x: x.mean(), sample(dtype))


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
    with pinning(lambda dim: dim.value({"n": 4})):
        assert [*range(n)] == [0, 1, 2, 3]
        assert n == 4
        assert n > 3
        assert int(2 * n) == 8


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


def test_shared_tensors_hold_state():
    w = shared(np.arange(3.0), "w")
    assert isinstance(w, Shared)
    assert shared_of(w.expr) is w
    assert w.shape == (3,)
    w.set_value(np.zeros(3))
    assert_same(w.get_value(), np.zeros(3))
    assert shared(np.zeros((2, 3)), "v", shape=("rows", 3)).expr.shape[1] == 3


# ---------------------------------------------------------------------------------------- errors
def _errors():
    a, b = tensor("a", (64, 128), "float32"), tensor("b", (64, 32), "float32")
    x, flag = tensor("x", ("n", 3)), tensor("flag", (3,), "bool")
    scalar = tensor("s", ())
    return {
        "matmul": (
            lambda: a @ b,
            r"matmul: needs equal inner sizes; got a: f32\[64, 128\], b: f32\[64, 32\] "
            r"\(128 != 64\)\. .*\(test_tensor\.py:\d+\)$",
        ),
        "matmul_hint": (lambda: a.mT @ b.mT, r"Did you mean matmul\(a, b\.mT\)"),
        "matmul_rank": (lambda: a @ scalar, "matmul: needs at least one axis"),
        "broadcast": (
            lambda: a + b,
            r"add: needs shapes that broadcast; got a: f32\[64, 128\], b:",
        ),
        "dtype": (lambda: flag - flag, r"subtract: needs dtypes .*a: bool\[3\], b: bool\[3\]"),
        "long": (lambda: x * np.ones(3, np.longdouble), "needs one of bool, int8, .* got float128"),
        "letters": (lambda: x * np.array(["a"] * 3), "needs one of bool, int8, .* got <U1"),
        "axis": (
            lambda: x.sum(axis=2),
            r"sum: needs an axis from -2 to 1; got axis=2, x: f64\[n, 3\]",
        ),
        "axis_twice": (lambda: x.sum(axis=(1, -1)), "sum: needs each axis once"),
        "concatenate": (lambda: et.concatenate([]), "need at least one array"),
        "concatenate_sizes": (
            lambda: et.concatenate([a, b]),
            "concatenate: needs equal sizes on all",
        ),
        "reshape": (lambda: a.reshape(3, -1), "reshape: needs a shape of 8192 elements"),
        "reshape_twice": (lambda: a.reshape(-1, -1), "reshape: needs at most one size -1"),
        "empty": (lambda: tensor("x", (0, 3)).max(axis=0), "max: needs at least one element"),
        "squeeze": (lambda: a.squeeze(0), "squeeze: needs axes of size 1"),
        "mask": (lambda: a[flag], r"x\[mask\]: needs a mask of the shape of x"),
        "mask_read": (
            lambda: et.sort(x[:, flag]),
            r"x\[mask\]: needs an array whose size is known",
        ),
        "mask_method": (lambda: x[:, flag].max(), r"x\[mask\]\.max.*Use where\(mask, x, 0\)"),
        "indices": (lambda: a[0, 0, 0], "at most 2 indices"),
        "bool": (
            lambda: bool(x),
            r"bool: needs a value that is known .*x: f64\[n, 3\]\. Use where",
        ),
        "float": (lambda: float(scalar), "float: needs a value that is known while tracing"),
        "iterate": (lambda: list(x), "iteration: needs"),
        "array": (lambda: np.asarray(x), "numpy: needs a value"),
        "missing": (
            lambda: np.trim_zeros(x),
            r"numpy\.trim_zeros: needs a function that eqsat_tensor has",
        ),
        "missing_ufunc": (lambda: np.isnat(x), r"numpy\.isnat"),
        "accumulate": (lambda: np.subtract.accumulate(x), r"numpy\.subtract\.accumulate"),
        "out": (lambda: np.exp(x, out=np.zeros(3)), r"traced array as out="),
        "text": (lambda: et.add(x, "x"), "add: needs arrays or numbers"),
        "negative": (lambda: tensor("x", (-1,)), "sizes that are names or not negative"),
        "date": (lambda: tensor("x", (1,), "M8[s]"), "dtype: needs one of bool"),
        "complex": (lambda: complex(scalar), "complex: needs a value that is known while tracing"),
        "bitwise": (lambda: tensor("i", (2,)) & 1, "bitwise_and: needs dtypes that it is defined"),
    }


@pytest.mark.parametrize("name", _errors())
def test_errors_say_what_was_needed_and_what_came(name):
    function, pattern = _errors()[name]
    with pytest.raises((EqsatError, ValueError), match=pattern):
        function()


def test_an_unknown_keyword_is_named():
    with pytest.raises(TypeError, match="axes"):
        et.sum(tensor("x", (3,)), axes=0)


def test_a_maximum_over_an_unknown_size_is_guarded():
    x = tensor("x", ("n",))
    with pytest.raises(ShapeError, match="at least one element"):
        evaluate([x.max().expr], {x.expr: np.zeros(0)})


def test_only_arrays_and_numbers_become_expressions():
    with pytest.raises(ArgumentError):
        as_expr({})
