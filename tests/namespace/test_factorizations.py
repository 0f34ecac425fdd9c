"""Singular values, QR, pseudo-inverses, least squares: NumPy's values, dtypes and shapes; gradients."""

import numpy as np
import pytest

import eqsat_tensor as et
from tests.modes import MODES

RNG = np.random.default_rng(5)
SHAPES = [
    (3, 3),
    (5, 3),
    (2, 4),
    (1, 1),
    (7, 1),
    (1, 5),
    (2, 5, 3),
    (3, 1, 2, 2),
    (0, 3),
    (2, 0),
    (0, 2, 3),
]


def leaves(x):
    return [v for part in x for v in leaves(part)] if isinstance(x, tuple) else [np.asarray(x)]


def same(got, want, tolerance=1e-11):
    for a, b in zip(leaves(got), leaves(want), strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        close = tolerance if b.dtype == "f8" else 2e-4
        np.testing.assert_allclose(a, b, rtol=close, atol=close)


FORMS = {
    "svd": lambda np, x: np.linalg.svd(x, full_matrices=False),
    "svd, all columns": lambda np, x: np.linalg.svd(x),
    "svd, values": lambda np, x: np.linalg.svd(x, compute_uv=False),
    "svdvals": lambda np, x: np.linalg.svdvals(x),
    "qr": lambda np, x: np.linalg.qr(x),
    "qr, complete": lambda np, x: np.linalg.qr(x, mode="complete"),
    "qr, r": lambda np, x: np.linalg.qr(x, "r"),
    "pinv": lambda np, x: np.linalg.pinv(x),
    "pinv, rcond": lambda np, x: np.linalg.pinv(x, 0.4),
    "pinv, rtol": lambda np, x: np.linalg.pinv(x, rtol=None),
    "matrix_rank": lambda np, x: np.linalg.matrix_rank(x),
    "matrix_rank, tol": lambda np, x: np.linalg.matrix_rank(x, tol=1.0),
    "nuclear norm": lambda np, x: np.linalg.norm(x, "nuc", axis=(-2, -1)),
    "matrix norm": lambda np, x: np.linalg.matrix_norm(x, ord="nuc", keepdims=True),
}
NOT_EMPTY = {
    "cond": lambda np, x: np.linalg.cond(x),
    "cond, -2": lambda np, x: np.linalg.cond(x, -2),
    "norm 2": lambda np, x: np.linalg.norm(x, 2, axis=(-2, -1)),
    "norm -2": lambda np, x: np.linalg.norm(x, -2, axis=(-1, -2), keepdims=True),
}


@MODES
@pytest.mark.parametrize("name", [*FORMS, *NOT_EMPTY])
def test_they_give_what_numpy_gives(name, mode):
    form = (FORMS | NOT_EMPTY)[name]
    f = et.jit(lambda x: form(et, x), mode=mode)
    for shape in SHAPES:
        x = RNG.normal(size=shape)
        if name in NOT_EMPTY and not x.size:
            continue
        for array in (x, x.astype("float32")):
            same(f(array), form(np, array))
    same(et.jit(lambda x: form(np, x))(x := RNG.normal(size=(4, 3))), form(np, x))


@pytest.mark.parametrize("shape", [(5, 3), (3, 3), (2, 4), (4, 1)])
@pytest.mark.parametrize("columns", [None, 1, 2])
def test_least_squares_are_numpys(shape, columns):
    a = RNG.normal(size=shape)
    b = RNG.normal(size=shape[:1] if columns is None else (shape[0], columns))
    f = et.jit(np.linalg.lstsq)
    known = et.tensor("a", shape), et.tensor("b", b.shape)
    g = et.function(list(known), list(et.linalg.lstsq(*known)))
    for rcond in (None, 1e-3):
        want = np.linalg.lstsq(a, b, rcond)
        got = et.jit(lambda a, b, rcond=rcond: et.linalg.lstsq(a, b, rcond))(a, b)
        same((got[0], got[2], got[3]), (want[0], want[2], want[3]))
        if shape[0] > shape[1]:
            same(got[1], want[1])
    same(tuple(g(a, b))[:2], np.linalg.lstsq(a, b)[:2])
    same(f(a.astype("f4"), b.astype("f4"))[0], np.linalg.lstsq(a.astype("f4"), b.astype("f4"))[0])


def test_a_deficient_matrix():
    a, b = RNG.normal(size=(6, 2)) @ RNG.normal(size=(2, 4)), RNG.normal(size=6)
    x, _, rank, s = et.jit(et.linalg.lstsq)(a, b)
    want = np.linalg.lstsq(a, b)
    same((x, s), (want[0], want[3]))
    assert rank == want[2] == 2
    same(et.jit(np.linalg.pinv)(a), np.linalg.pinv(a), 1e-9)
    assert et.jit(et.linalg.matrix_rank)(a) == 2
    assert et.jit(et.linalg.cond)(np.zeros((2, 2))) == np.inf
    assert [et.jit(et.linalg.matrix_rank)(v) for v in (np.zeros(3), np.arange(3))] == [0, 1]


def test_polynomials_are_fitted():
    x, y, w = np.linspace(-1, 2, 9), RNG.normal(size=(9, 2)), RNG.uniform(1, 2, 9)
    for deg in (0, 1, 3):
        same(et.jit(lambda x, y, deg=deg: np.polyfit(x, y, deg))(x, y), np.polyfit(x, y, deg))
    same(
        et.jit(lambda x, y, w: et.polyfit(x, y[:, 0], 2, w=w))(x, y, w),
        np.polyfit(x, y[:, 0], 2, w=w),
    )
    same(
        et.jit(lambda x: et.polyfit(x, x, 1))(np.arange(5)),
        np.polyfit(np.arange(5), np.arange(5), 1),
    )
    got, want = (
        et.jit(lambda x, y: et.polyfit(x, y, 2, full=True))(x, y),
        np.polyfit(x, y, 2, full=True),
    )
    same(got[:2] + got[3:], want[:2] + want[3:])


def test_tensors_as_maps():
    a, b = RNG.normal(size=(2, 3, 6)), RNG.normal(size=(2, 3))
    same(et.jit(lambda a, b: np.linalg.tensorsolve(a, b))(a, b), np.linalg.tensorsolve(a, b))
    a = RNG.normal(size=(4, 6, 8, 3))
    same(et.jit(np.linalg.tensorinv)(a), np.linalg.tensorinv(a))
    a, b = RNG.normal(size=(3, 2, 6)), RNG.normal(size=(6,))
    same(
        et.jit(lambda a, b: np.linalg.tensorsolve(a, b, (0, 1)))(a, b),
        np.linalg.tensorsolve(a, b, (0, 1)),
    )


GRADIENTS = {
    "singular values": (lambda x: et.sum(et.linalg.svdvals(x) ** 3), [(4, 3), (3, 3), (2, 5)]),
    "nuclear norm": (lambda x: et.linalg.norm(x, "nuc"), [(4, 3), (2, 3)]),
    "a low-rank part": (
        lambda x: et.sum(et.exp((lambda u, s, v: u[:, :2] * s[:2] @ v[:2])(*et.linalg.svd(x, False)))),
        [(5, 3), (3, 4)],
    ),
    "projection": (lambda x: et.sum(et.linalg.qr(x)[0] ** 3), [(5, 3), (3, 3)]),
    "log of a Gram determinant": (
        lambda x: et.sum(et.log(et.abs(et.diag(et.linalg.qr(x, "r"))))), [(5, 3), (2, 2)]),
    "pseudo-inverse": (lambda x: et.sum(et.linalg.pinv(x) ** 2), [(5, 3), (2, 4), (3, 3)]),
    "least squares": (
        lambda x: et.sum(et.sin(et.linalg.lstsq(x, et.arange(2.0 * x.shape[0]).reshape(-1, 2))[0])),
        [(5, 3), (2, 4)],
    ),
    "residuals": (lambda x: et.sum(et.linalg.lstsq(x, x[:, 0] ** 2)[1]), [(5, 3)]),
    "fitted": (lambda y: et.sum(et.polyfit(et.linspace(0, 1, y.shape[0]), y, 2) ** 2), [(7,)]),
    "condition number": (et.linalg.cond, [(4, 3)]),
}  # fmt: skip


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_are_difference_quotients(name):
    function, shapes = GRADIENTS[name]
    for shape in shapes:
        et.check_grad(function, (RNG.normal(size=shape),))


def test_a_batch_and_a_second_derivative():
    x = RNG.normal(size=(3, 5, 2))
    f = et.vmap(lambda m: et.linalg.pinv(m) @ et.linalg.qr(m)[0])
    same(f(x), np.stack([np.linalg.pinv(m) @ np.linalg.qr(m)[0] for m in x]))
    b = RNG.normal(size=(3, 5))
    solve = et.vmap(lambda m, v: et.linalg.lstsq(m, v)[0])
    same(solve(x, b), np.stack([np.linalg.lstsq(m, v)[0] for m, v in zip(x, b, strict=True)]))
    g = et.grad(lambda m: et.sum(et.linalg.svdvals(m) ** 4))  # tr((m.T m)^2): 4 m m.T m
    et.check_grad(lambda m: et.sum(et.square(g(m))), (x[0],))


def test_they_are_written_as_numpy():
    a, b = et.tensor("a", (5, 3)), et.tensor("b", (5,))
    forms = [et.linalg.svd(a, False)[1], et.linalg.svd(a)[2], et.linalg.qr(a)[1], et.linalg.svdvals(a),
             et.linalg.qr(a, "complete")[0], et.linalg.pinv(a), et.linalg.lstsq(a, b)[0],
             et.linalg.lstsq(a, b)[3]]  # fmt: skip
    values = {"np": np, "a": RNG.normal(size=(5, 3)), "b": RNG.normal(size=5)}
    f = et.function([a, b], forms, on_unused_input="ignore")
    for form, want in zip(forms, f(values["a"], values["b"]), strict=True):
        same(eval(et.pprint(form, namespace="np"), values), want)


def test_refusals_say_what_there_is():
    x = et.tensor("x", (4, 3))
    with pytest.raises(et.UnsupportedError, match="full_matrices=False"):
        et.grad(et.sum(et.linalg.svd(x)[0]), x)
    with pytest.raises(et.UnsupportedError, match="hermitian"):
        et.linalg.svd(x, hermitian=True)
    with pytest.raises(et.UnsupportedError, match="at least as many rows"):
        et.grad(et.sum(et.linalg.qr(x.T)[0]), x)
    with pytest.raises(et.UnsupportedError, match='"complete" or "r"'):
        et.linalg.qr(x, "raw")
    with pytest.raises(et.ShapeError, match="matrices"):
        et.linalg.svd(x[0])
    with pytest.raises(et.ShapeError, match="as many rows"):
        et.linalg.lstsq(x, et.tensor("b", (3,)))
    with pytest.raises(et.DtypeError, match="float32, float64"):
        et.linalg.pinv(x.astype(complex))
    with pytest.raises(AttributeError, match="real or complex depends on values"):
        et.linalg.eigvals(x)
