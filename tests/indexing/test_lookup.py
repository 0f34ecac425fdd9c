"""Functions that look up and write by label, against NumPy; and kernels at sizes that cut them."""

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.errors import DtypeError, EqsatError, LabelError, ShapeError, UnsupportedError
from eqsat_tensor.inputs import tensor
from tests.oracle import assert_same

X = np.arange(12.0).reshape(3, 4) % 7
I = np.array([2, 0, -1, 1])
ORDER = np.argsort(X, axis=1)[:, :2]

FUNCTIONS = {
    "take": lambda np, x, i: np.take(x, i, axis=0),
    "take_flat": lambda np, x, i: np.take(x, i * 3),
    "take_wrap": lambda np, x, i: np.take(x, i * 5, axis=1, mode="wrap"),
    "take_clip": lambda np, x, i: np.take(x, i * 5, axis=1, mode="clip"),
    "take_along_axis": lambda np, x, i: np.take_along_axis(x, ORDER, axis=1),
    "take_along_axis_computed": lambda np, x, i: np.take_along_axis(
        x, i[None, :3] + 0 * i[:3, None], 1
    ),
    "take_along_axis_flat": lambda np, x, i: np.take_along_axis(x, i, axis=None),
    "choose": lambda np, x, i: np.choose(i % 3, [x[0], x[1] * 10, 7]),
    "choose_wrap": lambda np, x, i: np.choose(i + 4, [x[0], x[1] * 10, x[2]], mode="wrap"),
    "choose_clip": lambda np, x, i: np.choose(i * 4, [x[0], x[1] * 10, x[2]], mode="clip"),
    "compress": lambda np, x, i: np.compress([True, False, True], x, axis=0),
    "compress_flat": lambda np, x, i: np.compress([True, False, True], x),
    "ix": lambda np, x, i: x[np.ix_(i[:2], i)],
    "ix_flags": lambda np, x, i: x[np.ix_([True, False, True], i)],
    "unravel_index": lambda np, x, i: np.unravel_index(i % 4 + 6, (3, 4)),
    "unravel_index_fortran": lambda np, x, i: np.unravel_index(i % 4 + 6, (3, 4), order="F"),
    "unravel_index_named": lambda np, x, i: np.unravel_index(indices=i % 4, shape=(3, 4, 2)),
    "ravel_multi_index_fortran": lambda np, x, i: np.ravel_multi_index(
        (i % 3, i % 4), (3, 4), order="F"
    ),
    "ravel_multi_index_modes": lambda np, x, i: np.ravel_multi_index(
        (i + 5, i + 7), (3, 4), mode=("clip", "wrap"), order="F"
    ),
    "ravel_multi_index": lambda np, x, i: np.ravel_multi_index((i % 3, i % 4), (3, 4)),
    "ravel_multi_index_wrap": lambda np, x, i: np.ravel_multi_index(
        (i * 5, i), (3, 4), mode="wrap"
    ),
    "ravel_multi_index_clip": lambda np, x, i: np.ravel_multi_index(
        (i * 5, i), (3, 4), mode="clip"
    ),
    "diag_indices": lambda np, x, i: x[np.diag_indices(3)],
    "diag_indices_from": lambda np, x, i: x[:, :3][np.diag_indices_from(x[:, :3])],
    "tril_indices": lambda np, x, i: x[np.tril_indices(3, 0, 4)],
    "triu_indices_from": lambda np, x, i: x[np.triu_indices_from(x, 1)],
    "indices": lambda np, x, i: np.indices((2, 3)) * x[0, 1],
    "indices_sparse": lambda np, x, i: np.indices((2, 3), sparse=True)[1] * x[0, 1],
    "where_known": lambda np, x, i: x[np.where(X > 3)],
    "argwhere_known": lambda np, x, i: np.argwhere(X > 3) + i[0],
}
WRITES = {
    "put": lambda np, x, i: np.put(x, i, [1, 2]),
    "put_wrap": lambda np, x, i: np.put(x, i * 40, x[0], mode="wrap"),
    "put_clip": lambda np, x, i: np.put(x, i * 40, -1, mode="clip"),
    "put_along_axis": lambda np, x, i: np.put_along_axis(x, i[None, :] % 2, x[:, ::-1] * 2, axis=1),
    "put_along_axis_flat": lambda np, x, i: np.put_along_axis(x, i, x[0] + 1, axis=None),
    "copyto": lambda np, x, i: np.copyto(x, x[0] * 2),
    "copyto_where": lambda np, x, i: np.copyto(x, x[::-1] * 2, where=x > x[0]),
    "putmask": lambda np, x, i: np.putmask(x, x > 2, [1.0, 2.0, 3.0]),
    "place": lambda np, x, i: np.place(x, x > 2, 1.0),
    "fill_diagonal": lambda np, x, i: np.fill_diagonal(x, [5, 6]),
    "fill": lambda np, x, i: x.fill(i[0]),
    "add_at": lambda np, x, i: np.add.at(x, (i % 3, i), x[0]),
    "subtract_at": lambda np, x, i: np.subtract.at(x, i % 3, x[0]),
    "multiply_at": lambda np, x, i: np.multiply.at(x, [0, 0, 1], 3.0),
    "divide_at": lambda np, x, i: np.divide.at(x, [0, 1], 4.0),
    "maximum_at": lambda np, x, i: np.maximum.at(x, (slice(None), i), 3.0),
    "minimum_at": lambda np, x, i: np.minimum.at(x, x > 3, 2.0),
    "sort": lambda np, x, i: x.sort(),
    "sort_axis": lambda np, x, i: x.sort(axis=0),
    "sort_view": lambda np, x, i: x[1].sort(),
    "out": lambda np, x, i: np.add(x, x[0], out=x),
    "out_view": lambda np, x, i: np.multiply(x[:, 1], x[:, 2], out=x[:, 0]),
    "out_of_a_sum": lambda np, x, i: np.sum(x, axis=0, out=x[1]),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_gives_what_numpys_gives(name):
    function = FUNCTIONS[name]
    for module in (et, np):
        got = et.jit(lambda x, i: function(module, x, i), mode="reference")(X, I)  # noqa: B023
        want = function(np, X, I)
        for left, right in zip(
            *((v if isinstance(v, tuple) else (v,)) for v in (got, want)), strict=True
        ):
            assert_same(left, right, label=name)


@pytest.mark.parametrize("name", WRITES)
def test_a_function_writes_what_numpys_writes(name):
    function = WRITES[name]
    want = X.copy()
    function(np, want, I)

    def traced(module):
        def run(x, i):
            alias = x.T
            assert function(module, x, i) is None or "out" in name
            return x, alias.T

        return run

    for module in (et, np):
        for got in et.jit(traced(module), mode="reference")(X, I):
            assert_same(got, want, label=name)


VIEWS = {
    "split": lambda np, x: np.split(x, 2, axis=1)[1],
    "array_split": lambda np, x: np.array_split(x, 3, axis=1)[0],
    "hsplit": lambda np, x: np.hsplit(x, [1, 3])[1],
    "vsplit": lambda np, x: np.vsplit(x, 3)[2],
    "unstack": lambda np, x: np.unstack(x, axis=1)[2],
    "flip": lambda np, x: np.flip(x, 0)[0],
    "fliplr": lambda np, x: np.fliplr(x)[:, :2],
    "rot90": lambda np, x: np.rot90(x)[1],
    "rollaxis": lambda np, x: np.rollaxis(x, 1)[3],
    "moveaxis": lambda np, x: np.moveaxis(x, 0, 1)[0],
    "matrix_transpose": lambda np, x: np.matrix_transpose(x)[1],
    "atleast_3d": lambda np, x: np.atleast_3d(x)[1],
    "atleast_2d": lambda np, x: np.atleast_2d(x[2]),
    "squeeze": lambda np, x: np.squeeze(x[:, None, 1:2]),
    "expand_dims": lambda np, x: np.expand_dims(x, (0, 2))[0, 1],
    "reshape": lambda np, x: np.reshape(x, (2, 6))[1],
    "reshape_copies": lambda np, x: np.reshape(x.T, (2, 6))[1],
    "ravel": lambda np, x: np.ravel(x)[::2],
    "ravel_copies": lambda np, x: np.ravel(x[:, 1:]),
    "flatten": lambda np, x: x.flatten(),
    "copy": lambda np, x: x[1].copy(),
    "asarray": lambda np, x: np.asarray(x)[0],
    "array": lambda np, x: np.array(x)[0],
    "swapaxes_of_slice": lambda np, x: x[::2].swapaxes(0, 1)[1:3],
    "rows": lambda np, x: [*x][1],
    "labels": lambda np, x: x[[0, 1]],
    "arithmetic": lambda np, x: x + 0,
}


@pytest.mark.parametrize("name", VIEWS)
def test_what_numpy_gives_as_a_view_is_written_through(name):
    function = VIEWS[name]

    def run(np, x):
        view = function(np, x)
        view += 10
        view[...] *= 2
        x[0, 0] = -1
        return x, view

    want = run(np, X.copy())
    for module in (et,) if name in ("array", "asarray") else (et, np):  # NumPy's ask nobody
        got = et.jit(lambda x: run(module, x), mode="reference")(X)  # noqa: B023
        for left, right in zip(got, want, strict=True):
            assert_same(left, right, label=name)


def test_positions_are_given_in_an_array_of_the_size_that_is_asked_for():
    flags = X > 3
    count = int(flags.sum())

    run = et.jit(lambda x, n: (
        *et.nonzero(x > 3, size=n), *et.where(x > 3, size=n, fill_value=-1),
        et.flatnonzero(x > 3, size=n, fill_value=99), et.argwhere(x > 3, size=n),
    ), static_argnames=("n",), mode="reference")  # fmt: skip
    for size in (0, 2, count, count + 3):
        rows, columns, r, c, flat, pairs = run(X, n=size)
        kept = min(size, count)
        want = [v[:kept] for v in flags.nonzero()]
        for got, fill, right in (
            (rows, 0, want[0]),
            (columns, 0, want[1]),
            (r, -1, want[0]),
            (c, -1, want[1]),
        ):
            assert_same(got, np.r_[right, np.full(size - kept, fill)].astype(int))
        assert_same(flat, np.r_[np.flatnonzero(flags)[:kept], np.full(size - kept, 99)].astype(int))
        assert_same(pairs[:kept], np.argwhere(flags)[:kept])


def test_what_a_computed_condition_keeps_is_filled_up():
    run = et.jit(lambda x: (
        et.compress(x[0] > 1, x, axis=1, size=3, fill_value=-1), et.compress(x[:, 0] > 3, x, axis=0, size=1),
    ), mode="reference")  # fmt: skip
    wide, rows = run(X)
    assert_same(wide, np.c_[X[:, 2:], np.full(3, -1.0)])
    assert_same(rows, X[1:2])
    for bad in (
        et.nonzero,
        et.flatnonzero,
        et.argwhere,
        et.where,
        lambda t: et.compress(t[0] > 0, t),
    ):
        with pytest.raises(UnsupportedError, match="Give size="):
            bad(tensor("x", (3, 4)))


def test_dynamic_slices_are_moved_to_where_they_fit():
    def run(x, i):
        return et.dynamic_slice(x, (i, 1), (2, 3)), et.dynamic_update_slice(
            x, x[:2, :2] - 9, (i, i)
        )

    for start in (-3, 0, 1, 2, 50):
        got = et.jit(run, mode="reference")(X, np.int64(start))
        for left, right in zip(got, run(X, start), strict=True):
            assert_same(left, right)
    assert_same(et.dynamic_slice(X, (1, 1), (2, 2)), X[1:3, 1:3])


def test_places_give_new_arrays():
    def run(x):
        return (
            x.at[0].set(1), x.at[1:].add(2.0), x.at[I % 3].subtract(1), x.at[[0, 0]].multiply(3),
            x.at[0].divide(2), x.at[:, 1].power(2), x.at[x > 3].min(3), x.at[..., 0].max(2),
            x.at[:, 1].apply(et.sqrt), x.at[1, 1:3].get(), x,
        )  # fmt: skip

    want = [X.copy() for _ in range(9)]
    want[0][0] = 1
    want[1][1:] += 2
    np.subtract.at(want[2], I % 3, 1)
    want[3][0] *= 9
    want[4][0] /= 2
    want[5][:, 1] **= 2
    want[6][X > 3] = 3
    want[7][:, 0] = np.maximum(X[:, 0], 2)
    want[8][:, 1] = np.sqrt(X[:, 1])
    for got, right in zip(et.jit(run, mode="reference")(X), [*want, X[1, 1:3], X], strict=True):
        assert_same(got, right)


@pytest.mark.parametrize("dtype", ["bool", "int32", "int64", "float32", "float64"])
def test_scatters_of_any_shape_are_those_of_numpy(dtype):
    random = np.random.default_rng(7)
    operations = {"add": np.add, "multiply": np.multiply, "max": np.maximum, "min": np.minimum}
    run = et.jit(lambda x, i, v: [x.at[i].set(v), *(getattr(x.at[i], n)(v) for n in operations)])
    for rows, labels, columns in (
        (1, 5, 1),
        (7, 300, 1),
        (3, 11, 2),
        (5, 9, 67),
        (2, 3, 129),
        (4, 0, 3),
    ):
        x = random.integers(-3, 4, (rows, columns)).astype(dtype)
        v = random.integers(-3, 4, (labels, columns)).astype(dtype)
        i = random.integers(-rows, rows, labels)
        want = [x.copy() for _ in range(5)]
        want[0][i] = v
        for right, operation in zip(want[1:], operations.values(), strict=True):
            operation.at(right, i, v)
        for got, right in zip(run(x, i, v), want, strict=True):
            assert_same(got, right, label=f"{rows} {labels} {columns}")


def test_a_sum_by_label_has_the_same_bits_for_any_number_of_threads():
    random = np.random.default_rng(1)
    v, i = random.standard_normal((3000, 300)).astype("float32"), random.integers(0, 40, 3000)
    results = []
    for threads in (1, 2):
        et.set_threads(threads)
        try:
            results.append(et.jit(lambda i, v: et.zeros((40, 300), "float32").at[i].add(v))(i, v))
        finally:
            et.set_threads(2)
    assert results[0].tobytes() == results[1].tobytes()
    want = np.zeros((40, 300), "float32")
    np.add.at(want, i, v)
    assert_same(results[0], want)


def test_states_are_updated_by_label():
    x, i, v = tensor("x", (5,)), tensor("i", ("n",), "int64"), tensor("v", ("n",))
    w = et.shared(np.arange(5.0), "w")
    step = et.function([x, i, v], [w.sum(), (w * x).sum()], updates={w: w.at[i].add(v * w[i])})
    want = np.arange(5.0)
    for _ in range(3):
        labels, values = np.array([1, 1, 4]), np.array([1.0, 2.0, 3.0])
        total, product = step(np.ones(5), labels, values)
        assert total == product == want.sum()
        np.add.at(want, labels, values * want[labels])
        assert_same(w.get_value(), want)


def test_reads_and_writes_are_batched():
    random = np.random.default_rng(2)
    x, v, i = random.random((3, 5, 2)), random.random((3, 4, 2)), random.integers(-5, 5, (3, 4))

    def one(x, v, i):
        y, z = x.copy(), x.copy()
        y[i] = v
        np.add.at(z, i, v)
        z[1:3] *= 2
        return x[i], y, z, et.take_along_axis(x, i[:2, None] % 5 + et.zeros((2, 2), int), axis=0)

    got = et.jit(et.vmap(one), mode="reference")(x, v, i)
    for k in range(3):
        want = et.jit(one, mode="reference")(x[k], v[k], i[k])
        for left, right in zip(got, want, strict=True):
            assert_same(left[k], right)
    whole = et.vmap(lambda i: et.tensor("x", (5, 2))[i])(et.tensor("i", ("n", 4), "int64"))
    assert whole.expr.op.name == "gather"


def test_arrays_made_inside_a_trace_can_be_written_to():
    def run(x):
        made = [
            et.zeros(3), et.ones((3,)), et.empty(3), et.full(3, 2.5), et.arange(3), et.array([x[0], 1, x[1]]),
            et.array([[1, 2, 3]])[0], et.linspace(0, 1, 3), et.zeros_like(x), et.eye(3)[0], et.asarray([1, 2, 3]),
            et.zeros(()), et.array(3.0),
        ]  # fmt: skip
        for array in made:
            array[...] = 4
        nested = et.array([[x[0], 2], [3, x[1]]])
        return [*made, nested]

    *made, nested = et.jit(run, mode="reference")(np.arange(3.0))
    assert all((m == 4).all() for m in made)
    assert_same(nested, np.array([[0.0, 2], [3, 1]]))
    assert isinstance(et.zeros(3), np.ndarray)


def test_errors_of_writes_say_what_was_needed():
    def error(function, kind, text):
        with pytest.raises(kind, match=text):
            et.jit(function, mode="reference")(X, I)

    error(lambda x, i: x.__setitem__(0, x), ShapeError, "a value that broadcasts to")
    error(lambda x, i: np.add.at(i, [0], 1.5), DtypeError, "can be cast to int64")
    error(lambda x, i: np.copyto(i, x[0]), DtypeError, "copyto: needs what can be cast to int64")
    error(lambda x, i: np.add(x, 1, out=x[0]), ShapeError, "an out= to which")
    error(
        lambda x, i: np.add(x, 1, out=np.zeros((3, 4))), UnsupportedError, "a traced array as out="
    )
    error(lambda x, i: np.put(np.zeros(3), i, x[0]), EqsatError, "a traced array to write to")
    error(lambda x, i: i.__itruediv__(2), DtypeError, "in-place divide")
    error(lambda x, i: np.logical_and.at(x, i, 1), DtypeError, "numpy.logical_and.at")
    error(lambda x, i: x.at[i].set(1)[7], EqsatError, "out of bounds|index")
    error(lambda x, i: x[5], EqsatError, "out of bounds|index")
    error(lambda x, i: x[[True, False]], LabelError, "a mask of .* flags")
