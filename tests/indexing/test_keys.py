"""What stands between the brackets: every kind of key, read and written, against NumPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import eqsat_tensor as et
from eqsat_tensor.errors import EqsatError, LabelError, ReadOnlyError, UnsupportedError
from eqsat_tensor.inputs import tensor
from eqsat_tensor.lang import topological
from tests.oracle import assert_same
from tests.strategies import BOUNDS, STEPS

LABELS = (
    np.array([1, 0, -1]), np.array([[0], [1]]), np.array([0, 1], "int8"), np.array([1], "uint16"),
    np.array(1), np.zeros((0,), int), [0, -1], (1, 0, 1), [], np.int32(1), np.arange(2),
)  # fmt: skip


@st.composite
def keys(draw, shape):
    """A key of ints, slices, None, one Ellipsis, labels and masks that are known."""
    parts = []
    axis = 0
    while axis < len(shape) and draw(st.integers(0, 5)):
        size = shape[axis]
        kind = draw(st.integers(0, 5))
        if kind == 0:
            parts.append(draw(st.integers(-size, size - 1)))
        elif kind == 1:
            parts.append(slice(draw(BOUNDS), draw(BOUNDS), draw(STEPS)))
        elif kind == 2:
            parts.append(draw(st.sampled_from(LABELS)))
        elif kind == 3:
            count = draw(st.integers(1, len(shape) - axis))
            flags = draw(st.integers(0, 2**16 - 1))
            mask = np.resize(
                np.unpackbits(np.array([flags], ">u2").view("u1")), shape[axis : axis + count]
            )
            parts.append(mask.astype(bool))
            axis += count - 1
        else:
            parts.append(slice(None))
        axis += 1
        if draw(st.integers(0, 4)) == 0:
            parts.append(None)
    if draw(st.booleans()):
        parts.append(Ellipsis)
    return tuple(parts)


def traced(function, *values):
    return et.jit(function, mode="reference")(*values)


@given(st.data())
def test_a_key_reads_and_writes_as_in_numpy(data):
    shape = tuple(data.draw(st.lists(st.integers(2, 4), min_size=1, max_size=3)))
    key = data.draw(keys(shape))
    x = np.arange(np.prod(shape), dtype=float).reshape(shape)
    try:
        want = x[key]
    except IndexError:
        with pytest.raises((EqsatError, IndexError, ValueError)):
            traced(lambda t: t[key], x)
        return
    written, added = x.copy(), x.copy()
    written[key] = np.arange(np.size(want)).reshape(np.shape(want))
    np.add.at(added, key, 1.5)

    def function(t):
        read, other, third = t[key], t.copy(), t.copy()
        other[key] = np.arange(np.size(want)).reshape(np.shape(want))
        np.add.at(third, key, 1.5)
        return read, other, third

    for got, wanted in zip(traced(function, x), (want, written, added), strict=True):
        assert_same(got, wanted, label=str(key))


RUNTIME = [
    lambda x, i: x[i], lambda x, i: x[i, i], lambda x, i: x[:, i], lambda x, i: x[i, ..., 0],
    lambda x, i: x[i[0]], lambda x, i: x[i[0], i[1]], lambda x, i: x[i[0], 1:], lambda x, i: x[1:, i[:, None]],
    lambda x, i: x[i[:, None], :, i], lambda x, i: x[i, None, 1:], lambda x, i: x[0, :, i],
    lambda x, i: x[np.ix_(np.array([0, 2]), np.array([1]))], lambda x, i: x[[i[0], 1]], lambda x, i: x[np.arange(4) % 2 == 0],
    lambda x, i: x[..., i[0], 1:3], lambda x, i: x[i[:1], i], lambda x, i: x[:, ::-2][i],
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(RUNTIME)))
def test_labels_that_are_computed_index_as_in_numpy(number):
    x, i = np.arange(64.0).reshape(4, 4, 4), np.array([2, -1, 0])
    function = RUNTIME[number]
    assert_same(traced(function, x, i), function(x, i))
    for dtype in ("int32", "int64"):
        assert_same(et.jit(function)(x, i.astype(dtype)), function(x, i))


@pytest.mark.parametrize("bad", [4, -5])
def test_each_label_is_checked_against_its_own_axis(bad):
    x, i = np.zeros((9, 4)), np.array([0, bad])
    for function in (lambda x, i: x[:, i], lambda x, i: x[i, i], lambda x, i: x.at[0, i].set(1)):
        for options in ({"mode": "reference"}, {}):
            with pytest.raises(LabelError, match="needs labels from -x1 to x1 - 1"):
                et.jit(function, **options)(x, i)
    with pytest.raises(LabelError, match="labels from -4 to 3; got labels from"):
        tensor("x", (9, 4))[:, np.array([0, bad])]


def test_labels_on_several_axes_are_one_gather_whose_gradient_is_one_scatter():
    x, i = tensor("x", (50, 60)), tensor("i", ("n",), "int64")
    (gradient,) = et.grad(et.sum(x[i, i + 1] ** 2), [x])
    names = [n.op.name for n in topological([gradient.expr])]
    assert names.count("scatter") == 1
    assert "pick" not in names
    rows, y = tensor("rows", ("n", 5)), tensor("y", ("n",), "int64")
    assert rows[et.arange(rows.shape[0]), y].expr.op.name == "pick"


def test_a_row_that_is_added_to_is_written_once():
    seen = []

    def function(x, i):
        row = x[i]
        row += 1
        x[i] *= 2
        seen.append(x.expr)
        return x, row

    x = np.arange(6.0).reshape(3, 2)
    want = x.copy()
    want[1] = (want[1] + 1) * 2
    for got, right in zip(
        et.jit(function, mode="reference")(x, np.int64(1)), (want, want[1]), strict=True
    ):
        assert_same(got, right)
    assert [n.op.name for n in topological(seen)].count("scatter") == 1


def test_many_labels_along_an_axis_have_a_gradient_of_linear_size():
    x, i = tensor("x", ("n", 100)), tensor("i", ("n", 30), "int64")
    (gradient,) = et.grad(et.sum(et.take_along_axis(x, i, axis=1) ** 2), [x])
    assert all(len(n.shape) < 3 for n in topological([gradient.expr]))
    one = et.take_along_axis(x, i[:, :1], axis=1)
    assert any(n.op.name == "pick" for n in topological([one.expr]))


def test_a_mask_that_is_computed_selects_and_has_no_size():
    x = np.arange(12.0).reshape(3, 4)

    def function(x):
        y, z, w = x.copy(), x.copy(), x.copy()
        y[x > 5] = x[x > 5] * 2 - 1
        z[:, x[0] > 1] += 10
        w[x[:, 0] > 3] = x[0]
        return y, z, w, np.sqrt(x[x > 5]).dtype == np.float64

    for got, want in zip(traced(function, x), function(x), strict=True):
        assert_same(got, want)
    for bad in (
        lambda x: x[x > 1], lambda x: x[x > 1].max(), lambda x: np.max(x[x > 1]), lambda x: len(x[x > 1]),
        lambda x: x[x > 1] + x[x > 2], lambda x: x + x[x > 1],
    ):  # fmt: skip
        with pytest.raises((EqsatError, TypeError)):
            traced(bad, x)
    with pytest.raises(UnsupportedError, match=r"nonzero\(mask, size"):
        traced(lambda x: x[x > 1].max(), x)


def test_a_slice_whose_start_is_computed_is_told_to_be_dynamic():
    with pytest.raises(UnsupportedError, match="dynamic_slice"):
        tensor("x", (5,))[tensor("i", (), "int64") :]


def test_inputs_of_a_graph_are_not_written_to():
    x = tensor("x", (3,))
    for write in (
        lambda: x.__setitem__(0, 1), lambda: x[1:].__setitem__(0, 1), lambda: x.fill(0),
        lambda: et.shared(np.zeros(3), "w").__setitem__(0, 1), lambda: np.add.at(x, [0], 1),
    ):  # fmt: skip
        with pytest.raises(ReadOnlyError, match=r"x\.at\[\.\.\.\]\.set\(v\)"):
            write()
    view = old = x[1:]
    view += 1
    assert view is not old
    assert x.expr.op.name == "input"
    assert not x.written
    for view in (et.broadcast_to(x + 1, (2, 3)), et.diagonal(et.outer(x, x))):
        with pytest.raises(ReadOnlyError, match="read only"):
            view[0] = 1


def test_what_a_graph_computes_can_be_written_to():
    x, i = tensor("x", ("n",)), tensor("i", (), "int64")
    y = x * 2
    head = y[:2]
    y[0] = 5
    head[1:] += y[i]
    step = et.function([x, i], [y, head, x.at[i].set(7), et.grad(et.sum(y**2), x)])
    values = np.array([1.0, 2, 3, 4])
    want, written = values * 2, values.copy()
    want[0] = 5
    want[1] += want[-1]
    written[-1] = 7
    got = step(values, np.int64(-1))
    for left, right in zip(got, (want, want[:2], written), strict=False):
        assert_same(left, right)
    np.testing.assert_allclose(got[3], [0, 4 * want[1], 4 * want[2], 4 * want[3] + 4 * want[1]])


def test_an_argument_that_was_written_to_has_its_final_value():
    seen = []

    def function(x, y):
        x[1:][0] += y[0]
        seen.append((x, y))
        return x.sum()

    traced(function, np.ones(3), np.ones(3))
    x, y = seen[0]
    assert x.written
    assert not y.written
    assert x.expr.op.name == "update_slice"


def test_arrays_of_numpy_that_are_written_to_are_told_to_be_ours():
    def function(x):
        buffer = np.zeros(3)
        buffer[0] = x[0]
        return buffer

    with pytest.raises(EqsatError, match="made by zeros or array of eqsat_tensor"):
        traced(function, np.ones(3))
