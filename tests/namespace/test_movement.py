"""Shapes, joins, splits, repetition, padding: what NumPy gives, with known and with unknown sizes."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import eqsat_tensor as et
from eqsat_tensor.errors import EqsatError, LabelError, ShapeError, UnsupportedError
from eqsat_tensor.namespace.pieces import runs_of
from eqsat_tensor.reference import evaluate
from tests.namespace.agree import agree, traced
from tests.oracle import assert_same

X = np.arange(24.0).reshape(2, 3, 4)
V = np.array([3.0, -0.0, 1.0, 5.0, 2.0])
I = np.arange(6, dtype=np.int32).reshape(2, 3)
EMPTY = np.zeros((0, 3))

SHAPES = {
    "reshape": lambda e, x: e.reshape(x, (-1, 2)),
    "reshape_keyword": lambda e, x: e.reshape(x, shape=(x.shape[1], -1)),
    "ravel": lambda e, x: e.ravel(x),
    "permute_dims": lambda e, x: e.permute_dims(x, (1, 2, 0)),
    "transpose": lambda e, x: e.transpose(x, axes=(1, -1, 0)),
    "matrix_transpose": lambda e, x: e.matrix_transpose(x),
    "moveaxis": lambda e, x: e.moveaxis(x, source=0, destination=-1),
    "swapaxes": lambda e, x: e.swapaxes(x, axis1=0, axis2=2),
    "rollaxis": lambda e, x: [e.rollaxis(x, a, s) for a in (0, 1, -1) for s in (0, 1, 2, 3, -1)],
    "atleast": lambda e, x: [
        f(v) for f in (e.atleast_1d, e.atleast_2d, e.atleast_3d) for v in (x, x[0], x[0, 0], x[0, 0, 0])
    ],
    "atleast_many": lambda e, x: e.atleast_2d(x[0, 0], x),
    "broadcast_to": lambda e, x: e.broadcast_to(x[None, 0], (3, *x.shape[1:])),
    "broadcast_arrays": lambda e, x: e.broadcast_arrays(x[0], x[:, 0][:, None], x[0, 0, 0]),
    "expand_squeeze": lambda e, x: e.squeeze(e.expand_dims(x, axis=(0, 2)), axis=2),
    "flip": lambda e, x: [e.flip(x), e.flip(x, 1), e.flip(x, (0, -1)), e.flipud(x), e.fliplr(x)],
    "rot90": lambda e, x: [e.rot90(x, k, a) for k in range(-1, 5) for a in ((0, 1), (2, 0))],
}  # fmt: skip
JOINS = {
    "concat": lambda e, x: e.concat((x, x[:, :1] + 1), axis=1),
    "concatenate_dtype": lambda e, x: e.concatenate((x, x), axis=-1, dtype="float32"),
    "concatenate_flat": lambda e, x: e.concatenate((x, x[0], [1, 2]), axis=None),
    "stack": lambda e, x: [e.stack((x, 2 * x), axis=a) for a in (0, 1, -1, -4)],
    "stack_python_numbers": lambda e, x: e.stack([x[0, 0, 0].astype("float32"), 2.0, 1]),
    "vstack": lambda e, x: e.vstack((x[0], x[0, 0])),
    "hstack": lambda e, x: [e.hstack((x[0, 0], 1, x[1, 1])), e.hstack((x[0], x[1]))],
    "dstack": lambda e, x: [e.dstack((x, x)), e.dstack((x[0, 0], x[1, 0])), e.dstack((x[0], x[1]))],
    "column_stack": lambda e, x: e.column_stack((x[0, 0], x[0].T, x[1, 1])),
    "block": lambda e, x: e.block([[x[0], x[1]], [x[1], x[0] + 1]]),
    "block_ranks": lambda e, x: e.block([x[0, 0], 1.0, x[1, 0, 0]]),
    "block_alone": lambda e, x: e.block(x),
    "append": lambda e, x: [e.append(x, [[1.0], [2]]), e.append(x, x[:1], axis=0)],
    "append_number": lambda e, x: e.append(x.astype("float32"), 1.0),
}
SPLITS = {
    "split": lambda e, x: e.split(x, 2, axis=2),
    "split_at": lambda e, x: e.split(x, [1, 3, 7], axis=-1),
    "split_descending": lambda e, x: e.split(x, np.array([2, 1]), axis=1),
    "array_split": lambda e, x: [v for n in (1, 2, 3, 5) for v in e.array_split(x, n, axis=2)],
    "array_split_at": lambda e, x: e.array_split(x, (0, 2), axis=1),
    "hsplit": lambda e, x: [*e.hsplit(x, 3), *e.hsplit(x[0, 0], 2)],
    "vsplit": lambda e, x: e.vsplit(x, 2),
    "dsplit": lambda e, x: e.dsplit(x, [1]),
}
REPEATS = {
    "tile": lambda e, x: [e.tile(x, r) for r in (2, (2, 1, 3), (2, 1, 1, 2), (), 0, 1)],
    "tile_few_axes": lambda e, x: e.tile(x[0, 0], (3, 2)),
    "repeat": lambda e, x: [e.repeat(x, 3), e.repeat(x, 2, axis=1), e.repeat(x, 0, axis=0)],
    "repeat_each": lambda e, x: [e.repeat(x, [1, 0, 2], axis=1), e.repeat(x, [2], axis=0)],
    "resize": lambda e, x: [e.resize(x, s) for s in ((5,), (3, 17), (2, 0), 24, (7, 7))],
    "roll": lambda e, x: [e.roll(x, s) for s in (0, 1, -1, 5, -29, 24)],
    "roll_axis": lambda e, x: [e.roll(x, s, axis=a) for s in (0, 1, -1, 2, -7) for a in (0, 1, -1)],
    "roll_axes": lambda e, x: [e.roll(x, (1, -2), (0, 2)), e.roll(x, 1, (1, 2)), e.roll(x, (1, 2), 2)],
    "roll_by_size": lambda e, x: [e.roll(x, x.shape[1], 2), e.roll(x, -x.shape[2], 1)],
}  # fmt: skip
EDITS = {
    "delete": lambda e, x: [e.delete(x, p, axis=2) for p in (0, 3, -1, -4, [0, 2], [1, 1, 3], [])],
    "delete_flat": lambda e, x: e.delete(x, [0, 5, 20]),
    "insert": lambda e, x: [e.insert(x, p, 7, axis=2) for p in (0, 4, -1, -4, [2], [1, 3], [0, 0, 4])],
    "insert_flat": lambda e, x: e.insert(x, 3, [1.5, 2]),
    "insert_slices": lambda e, x: [
        e.insert(x, 1, x[:, 0], axis=1), e.insert(x, [1, 2], x[:, :2], axis=1),
        e.insert(x, [1], x[:, :2], axis=1), e.insert(x, 1, [1, 2, 3, 4], axis=1),
    ],
}  # fmt: skip
ALL = SHAPES | JOINS | SPLITS | REPEATS | EDITS


@pytest.mark.parametrize("name", ALL)
def test_moved_elements_are_where_numpy_puts_them(name):
    agree(ALL[name], X, label=name)


@pytest.mark.parametrize("name", ["delete", "insert", "insert_slices", "repeat_each", "roll"])
def test_they_do_so_in_integers_too(name):
    agree(ALL[name], X.astype("int32"), label=name)


STATIC = {
    "delete_slice": lambda e, x: [
        e.delete(x, s, 1) for s in (slice(None, None, 2), slice(1, 9), slice(3, 0, -1))
    ],
    "delete_mask": lambda e, x: e.delete(x, np.array([True, False, True]), axis=1),
    "delete_both_ends": lambda e, x: e.delete(x, [0, -1], axis=2),
    "insert_slice": lambda e, x: e.insert(x, slice(0, 3, 2), 9, axis=1),
    "insert_mask": lambda e, x: e.insert(x, np.array([True, False, True]), 5, axis=1),
    "insert_both_ends": lambda e, x: e.insert(x, [0, -1], 5, axis=1),
    "unstack": lambda e, x: [*e.unstack(x), *e.unstack(x, axis=-1)],
    "repeat_many": lambda e, x: e.repeat(x, np.arange(24)),
}


@pytest.mark.parametrize("name", STATIC)
def test_what_needs_known_sizes_is_numpys_there(name):
    agree(STATIC[name], X, symbolic=False, label=name)


@pytest.mark.parametrize("size", [0, 1, 2, 7])
def test_odd_sizes_are_rolled_repeated_and_split_as_in_numpy(size):
    x = np.arange(size * 3.0).reshape(size, 3)
    agree(lambda e, v: [e.roll(v, s, 0) for s in (0, 1, -1, 3, -5)], x)
    agree(lambda e, v: [e.roll(v, s) for s in (1, -4)], x)
    agree(lambda e, v: [e.tile(v, (2, 1)), e.repeat(v, 2, 0), e.resize(v, (4, 2))], x)
    agree(lambda e, v: e.array_split(v, 3), x)
    agree(lambda e, v: [e.flip(v), e.rot90(v), e.concatenate([v, v])], x)


def test_an_unknown_size_may_be_nought():
    x = et.tensor("x", ("n", 3))
    made = [et.roll(x, 1, 0), et.roll(x, -2, 0), et.resize(x, (2, 2)), *et.array_split(x, 2)]
    found = evaluate([m.expr for m in made], {x.expr: EMPTY})
    want = [EMPTY, EMPTY, np.zeros((2, 2)), EMPTY, EMPTY]
    for a, b in zip(found, want, strict=True):
        assert_same(a, b)


def test_rolling_a_long_axis_by_a_step_is_two_slices():
    x = et.tensor("x", (9,))
    node = et.roll(x, 1).expr
    assert node.op.name == "concatenate"
    assert [a.op.name for a in node.arguments] == ["slice", "slice"]


def test_a_traced_shift_rolls():
    for shift in (0, 1, -1, 5, -9):
        s = np.array(shift)
        for unknown in (False, True):
            found = traced(lambda x, s: [et.roll(x, s, 1), et.roll(x, s)], [X, s], unknown)
            assert_same(found[0], np.roll(X, shift, 1))
            assert_same(found[1], np.roll(X, shift))


@pytest.mark.parametrize("position", [5, -6])
def test_positions_beyond_an_unknown_size_are_refused_at_the_call(position):
    x = et.tensor("x", ("n",))
    for made in (et.delete(x, position), et.insert(x, position + (position > 0), 1.0)):
        with pytest.raises(ShapeError):
            evaluate([made.expr], {x.expr: V})
    with pytest.raises(LabelError):
        et.delete(et.tensor("x", (5,)), position)


def test_compiled_code_refuses_them_too():
    x = et.tensor("x", ("n",))
    for made in (et.delete(x, [1, 4]), et.insert(x, -5, 1.0), et.split(x, 5)[0]):
        f = et.function([x], made)
        assert len(f(V)) > 0
        with pytest.raises(ShapeError):
            f(V[:4])


def test_equal_splits_of_an_unknown_size_are_guarded():
    x = et.tensor("x", ("n",))
    parts = [p.expr for p in et.split(x, 2)]
    assert_same(evaluate(parts, {x.expr: np.arange(6.0)})[1], np.arange(3.0, 6))
    with pytest.raises(ShapeError):
        evaluate(parts, {x.expr: V})


@given(st.lists(st.integers(0, 9), max_size=30))
def test_runs_cover_an_index_in_order(index):
    index = np.array(index, int)
    made = [a + s * np.arange(n) for a, s, n in runs_of(index)]
    np.testing.assert_array_equal(np.concatenate(made), index)


# ------------------------------------------------------------------------------------------- pad
PADS = {
    "constant": [{}, {"constant_values": 2}, {"constant_values": (1, -0.0)},
                 {"constant_values": ((1, 2), (3, 4))}],
    "edge": [{}],
    "empty": [],
    "linear_ramp": [{}, {"end_values": (1, 2.5)}],
    "maximum": [{}, {"stat_length": 2}],
    "minimum": [{"stat_length": ((1, 2), (2, 9))}],
    "mean": [{}, {"stat_length": 2}],
    "median": [{}, {"stat_length": 2}],
    "reflect": [{}, {"reflect_type": "odd"}],
    "symmetric": [{}, {"reflect_type": "odd"}],
    "wrap": [{}],
}  # fmt: skip
WIDTHS = [1, (0, 2), ((1, 0), (2, 1)), ((0, 0), (3, 3))]
M = np.array([[1.0, 4.0, -2.0, 0.5], [3.0, 7.0, 8.0, -1.0], [2.0, 2.5, 9.0, 6.0]])


@pytest.mark.parametrize(("mode", "unknown"), [*itertools.product(PADS, (False, True))])
def test_pad_has_numpys_modes(mode, unknown):
    for options in PADS[mode]:
        for width in WIDTHS:
            if unknown and options.get("reflect_type") == "odd":
                continue  # only where the width is known to fit: below
            agree(
                lambda e, x, w=width, o=options: e.pad(x, w, mode=mode, **o), M,
                symbolic=unknown, guarantee="real", label=f"{mode} {options} {width}",
            )  # fmt: skip


@pytest.mark.parametrize("mode", ["reflect", "symmetric", "wrap", "edge"])
def test_pads_wider_than_the_axis_go_to_and_fro(mode):
    for size in (1, 2, 3, 5):
        v = np.arange(1.0, size + 1)
        agree(lambda e, x: [e.pad(x, w, mode) for w in (1, (7, 0), (4, 11))], v)
        if mode in ("reflect", "symmetric"):
            agree(
                lambda e, x: [e.pad(x, w, mode, reflect_type="odd") for w in (1, (7, 4))], v,
                symbolic=False,
            )  # fmt: skip


def test_pad_takes_dicts_sizes_and_integers():
    agree(lambda e, x: e.pad(x, {-1: 2, 0: (1, 0)}), M)
    agree(lambda e, x: e.pad(x, [[1], [2]], "constant", constant_values=2.7), I)
    agree(lambda e, x: e.pad(x, 2, "linear_ramp", end_values=(-3, 5)), I)
    agree(lambda e, x: [e.pad(x, 2, mode) for mode in ("mean", "median", "maximum")], I - 2)
    x = et.tensor("x", ("n", 3))
    found = evaluate([et.pad(x, ((x.shape[0], 0), (0, 0)), "edge").expr], {x.expr: M[:2, :3]})
    assert_same(found[0], np.pad(M[:2, :3], ((2, 0), (0, 0)), "edge"))


def test_pad_values_may_be_traced():
    found = traced(lambda x, c: et.pad(x, 1, constant_values=(c, 2 * c)), [V, np.array(1.5)])[0]
    assert_same(found, np.pad(V, 1, constant_values=(1.5, 3.0)))


@pytest.mark.parametrize("mode", [m for m in PADS if m not in ("constant", "empty")])
def test_an_axis_that_turns_out_empty_cannot_be_padded(mode):
    x = et.tensor("x", ("n", 2))
    f = et.function([x], [et.pad(x, ((1, 2), (0, 0)), mode), x * 2])
    assert_same(f(M[:2, :2])[0], np.pad(M[:2, :2], ((1, 2), (0, 0)), mode), "real")
    with pytest.raises((ShapeError, LabelError)):
        f(np.zeros((0, 2)))


def test_an_odd_reflection_of_an_unknown_size_must_fit():
    x = et.tensor("x", ("n",))
    with pytest.raises(UnsupportedError, match=r"int\(x\.shape\[axis\]\)"):
        et.pad(x, 2, "reflect", reflect_type="odd")


# ---------------------------------------------------------------------------------------- compiled
def several(e, x, v):
    return [
        e.roll(x, 1, 0), e.roll(x, -1, 1), e.pad(v, (1, 2), "reflect"), e.pad(x, 1, "edge"),
        e.tile(v, 3), e.repeat(x, 2, axis=1), *e.array_split(v, 3), e.insert(v, 1, 9.0),
        e.delete(v, 0), e.block([[x, x], [x, 2 * x]]), e.resize(v, (3, 4)), e.rot90(x),
        e.flip(v), e.stack([v, v], axis=1), e.pad(v, 2, "wrap"), e.pad(v, 1, "mean"),
    ]  # fmt: skip


@pytest.mark.parametrize("known", [True, False])
def test_compiled_they_give_the_same(known):
    x, v = (
        et.tensor("x", (3, 4) if known else ("n", "m")),
        et.tensor("v", (5,) if known else ("k",)),
    )
    f = et.function([x, v], several(et, x, v))
    for size in (5,) if known else (5, 3):
        found, want = f(M, V[:size]), several(np, M, V[:size])
        for a, b in zip(found, want, strict=True):
            assert_same(a, b, "real")


def test_their_gradients_are_difference_quotients():
    weight = np.random.default_rng(3)

    def loss(e, v):
        made = several(e, v[:12].reshape(3, 4), v[12:])
        draws = np.random.default_rng(3)
        return sum(e.sum(m * m * draws.normal(size=m.shape)) for m in made)

    at = weight.normal(size=17)
    slope = traced(lambda v: et.grad(loss(et, v), v), [at])[0]
    for j in range(17):
        step = np.zeros(17)
        step[j] = 1e-5
        want = (loss(np, at + step) - loss(np, at - step)) / 2e-5
        assert slope[j] == pytest.approx(want, rel=1e-5, abs=1e-6), j


# ------------------------------------------------------------------------------------------ errors
def _errors():
    x, n = et.tensor("x", (2, 3)), et.tensor("n", ("n",))
    shift = et.tensor("s", (), "int64")
    return {
        "order": (lambda: np.reshape(x, (3, 2), order="A"), r"reshape: needs order='C' or 'F'; got order='A'"),
        "order_place": (lambda: np.ravel(x, "K"), r"ravel: needs order='C' or 'F'; got order='K'"),
        "casting": (lambda: et.stack([x, x], dtype=int), "cast to the dtype by casting='same_kind'"),
        "rollaxis": (lambda: et.rollaxis(x, 0, 5), "rollaxis: needs a start from -2 to 2"),
        "fliplr": (lambda: et.fliplr(n), "fliplr: needs at least 2 axes"),
        "rot90": (lambda: et.rot90(x, 1, (0, 0)), "rot90: needs two different axes"),
        "stack": (lambda: et.stack([x, n]), r"stack: needs arrays of one shape; got f64\[2, 3\]"),
        "block": (lambda: et.block([[x], x]), "block: needs blocks nested equally deep"),
        "block_tuple": (lambda: et.block([(x,)]), "block: needs a nest of lists"),
        "split": (lambda: et.split(x, 2, 1), "sections that divide the axis.*array_split"),
        "split_none": (lambda: et.array_split(x, 0), "a positive number of sections"),
        "split_traced": (lambda: et.split(x, shift), "sections known while tracing"),
        "repeat": (lambda: et.repeat(x, [1, 2], axis=1), "repeat: needs one or 3 repeats"),
        "repeat_traced": (lambda: et.repeat(n, shift), "repeats known while tracing"),
        "repeat_negative": (lambda: et.repeat(n, [-1, 2]), "ints that are not negative"),
        "resize": (lambda: et.resize(x, (-1, 2)), "sizes that are not negative"),
        "roll": (lambda: et.roll(x, (1, 2, 3), (0, 1)), "roll: needs one shift, or one an axis"),
        "roll_float": (lambda: et.roll(x, 1.5), "roll: needs a shift that is an integer; got 1.5"),
        "delete": (lambda: et.delete(n, [0, -1]), "positions counted from one end"),
        "delete_slice": (lambda: et.delete(n, slice(2)), "integers where the size is not known"),
        "delete_traced": (lambda: et.delete(n, shift), "positions known while tracing"),
        "insert": (lambda: et.insert(x, 4, 0, axis=1), "insert: needs positions from -3 to 3; got 4"),
        "pad_mode": (lambda: et.pad(x, 1, "mirror"), "pad: needs a mode of constant, empty"),
        "pad_option": (lambda: et.pad(x, 1, "edge", stat_length=2), "pad: needs for mode 'edge'"),
        "pad_width": (lambda: et.pad(x, -1), "widths that are ints, not negative"),
        "pad_widths": (lambda: et.pad(x, ((1, 1),) * 3), "a pair an axis"),
        "pad_empty": (lambda: et.pad(et.tensor("e", (0,)), 1, "edge"), "an axis that is not empty"),
        "broadcast": (lambda: et.broadcast_shapes(x.shape, n.shape, (4,)), "broadcast"),
    }  # fmt: skip


@pytest.mark.parametrize("name", _errors())
def test_errors_say_what_was_needed(name):
    function, pattern = _errors()[name]
    with pytest.raises(EqsatError, match=pattern):
        function()
