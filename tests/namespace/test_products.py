"""Products of matrices and vectors, `einsum`, `linalg`: what NumPy gives, in its dtypes."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import eqsat_tensor as et
from eqsat_tensor.errors import EqsatError, ShapeError
from eqsat_tensor.lang import topological
from eqsat_tensor.reference import evaluate
from tests.namespace.agree import agree, traced
from tests.oracle import assert_same

N = np.random.default_rng(5)
A = N.normal(size=(2, 3, 4))
B = N.normal(size=(2, 4, 5))
S = N.normal(size=(3, 3))
U, V = N.normal(size=4), N.normal(size=3)

PRODUCTS = {
    "matmul": lambda e, a, b: [a @ b, a[0] @ b, a @ b[:, None], a[0, 0] @ b, a @ b[0, :, 0], a[0, 0] @ a[1, 2]],
    "dot": lambda e, a, b: [e.dot(a, b), e.dot(a[0], b[0]), e.dot(a[0, 0], b), e.dot(a, a[0, 0]), e.dot(a, 2),
                            e.dot(a[0, 0, 0], b), e.dot(a[0, 0], b[0, :, 0])],
    "vdot": lambda e, a, b: [e.vdot(a, a), e.vdot(a[0], a[1])],
    "inner": lambda e, a, b: [e.inner(a, a[0]), e.inner(a[0, 0], a[1, 1]), e.inner(a, 3), e.inner(a[0, 0], a)],
    "outer": lambda e, a, b: [e.outer(a[0], b[0, 0]), e.outer(a[0, 0, 0], b[0, 0])],
    "tensordot": lambda e, a, b: [
        e.tensordot(a, b, ([2], [1])), e.tensordot(a, b, 0), e.tensordot(a, a, 3), e.tensordot(a[0], b[0], 1),
        e.tensordot(a, b, ((0, 2), (0, 1))), e.tensordot(a, b, axes=[-1, -2]), e.tensordot(a, b, [(2, 0), (1, 0)]),
    ],
    "kron": lambda e, a, b: [e.kron(a[0], b[0]), e.kron(a[0, 0], b), e.kron(a, 2), e.kron(a, b[0, 0])],
    "vecdot": lambda e, a, b: [e.vecdot(a, a[0]), e.vecdot(a, a, axis=0), e.vecdot(a, a[0, 0])],
    "matvec": lambda e, a, b: [e.matvec(a, b[0, :, 0]), e.matvec(a, b[:, :, 0][:, None, :][:, 0])],
    "vecmat": lambda e, a, b: [e.vecmat(a[0, 0], b), e.vecmat(a[:, 0], b)],
    "methods": lambda e, a, b: [a.dot(b), a[0].dot(2)],
    "linalg": lambda e, a, b: [
        e.linalg.matmul(a, b), e.linalg.outer(a[0, 0], b[0, 0]), e.linalg.tensordot(a, b, axes=([2], [1])),
        e.linalg.vecdot(a, a), e.linalg.trace(a, offset=1), e.linalg.diagonal(a), e.linalg.matrix_transpose(a),
        e.linalg.diagonal(a, offset=-1), e.linalg.trace(a, dtype="float32"),
    ],
    "multi_dot": lambda e, a, b: [
        e.linalg.multi_dot([a[0], b[0], b[1].T, a[1].T]), e.linalg.multi_dot([a[0, 0], b[0]]),
        e.linalg.multi_dot([a[0, 0], b[0], b[1, 0]]), e.linalg.multi_dot([a[0], b[0], b[0].T]),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", PRODUCTS)
@pytest.mark.parametrize("dtype", ["float64", "float32", "int32", "int64", "bool"])
def test_products_are_numpys(name, dtype):
    a, b = ((3 * v).astype(dtype) for v in (A, B))
    exact = dtype in ("int32", "int64", "bool")
    agree(PRODUCTS[name], a, b, guarantee="exact" if exact else "real", label=name)


def test_mixed_dtypes_promote_without_weak_numbers():
    x = U.astype("float32")
    agree(lambda e, x: [e.dot(x, 2.0), e.outer(x, 1), e.inner(x, 2.5), e.kron(x, 1.5)], x)
    agree(
        lambda e, x, y: [e.dot(x, y), e.einsum("i,i", x, y), e.tensordot(x, y, 1)], x, U.astype(int)
    )


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5, 8])
def test_matrix_powers_are_by_squaring(n):
    agree(lambda e, s: e.linalg.matrix_power(s, n), S, guarantee="real", symbolic=False)
    agree(lambda e, s: e.linalg.matrix_power(s, n), (4 * S).astype(int), symbolic=False)
    agree(lambda e, s: e.linalg.matrix_power(s[None], n), S > 0, symbolic=False)


CROSSES = {
    "three": lambda e, a, b: [e.cross(a, b), e.cross(a, b[0]), e.linalg.cross(a, b)],
    "axes": lambda e, a, b: [e.cross(a, b.T, axisb=0), e.cross(a, b, axisc=0), e.cross(a.T, b.T, axis=0)],
    "two": lambda e, a, b: [e.cross(a[:, :2], b[:, :2]), e.cross(a[:, :2], b), e.cross(a, b[:, 1:])],
}  # fmt: skip


@pytest.mark.parametrize("name", CROSSES)
def test_cross_products_are_numpys(name):
    a, b = N.normal(size=(5, 3)), N.normal(size=(5, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        agree(CROSSES[name], a, b, symbolic=False)
        agree(CROSSES[name], (9 * a).astype(int), (9 * b).astype("int32"), symbolic=False)


def test_a_cross_product_of_an_unknown_size_is_of_three():
    x = et.tensor("x", ("n",))
    made = et.cross(x, V).expr
    assert_same(evaluate([made], {x.expr: V, **_captured(made)})[0], np.cross(V, V))
    with pytest.raises(ShapeError):
        evaluate([made], {x.expr: U, **_captured(made)})


def _captured(expr):
    from eqsat_tensor.tensor import captured_array

    return {n: captured_array(n) for n in topological([expr]) if captured_array(n) is not None}


# ------------------------------------------------------------------------------------------ einsum
TEXTS = [
    "ij->ji", "ii", "ii->i", "ij->", "ij,jk", "ij,jk->ki", "ij,kj->ik", "i,i", "i,j", "i,j->ji", "ij,ij->i",
    "bij,bjk->bik", "bij,bjk->kbi", "bij,bj->bi", "bij,bij->b", "ij,jk,kl->il", "ij,ij,ij->j", "a,ab,abc->abc",
    "a,b,c->", "aab->b", "aba->b", "aabb->ab", "aaa->a", "ea,fb,abcd,gc,hd->efgh", "abc,bad->cd", "ab,ab->",
    "ijk,jil->kl", "ab,cd,ef->bdf", ",ij->ij", ",->", "ab,b->ab", "ab->ba", "abc->b", "...", "...i->...",
    "...ij,...jk->...ik", "i...->...i", "...,...", "ij...,jk...->ik...", "...ii->...i", "a...,...->...a",
    " i j , j k -> i k ", "ba,ab", "ij,kl,jk->il", "abij,ab->abij", "aij,bij->ab", "aij,bji->ba",
]  # fmt: skip
SIZES = dict(zip("abcdefghijkl", (2, 3, 4, 2, 3, 2, 3, 2, 3, 4, 2, 5), strict=True)) | {"ij": 3}


def operands_of(text, sizes=SIZES, draw=N):
    shapes = []
    for term in text.replace(" ", "").partition("->")[0].split(","):
        front, dotted, back = term.partition("...")
        extra = (3, 2) if dotted else ()
        shapes.append((*(sizes[c] for c in front), *extra, *(sizes[c] for c in back)))
    return [draw.normal(size=s) for s in shapes]


@pytest.mark.parametrize("text", TEXTS)
def test_einsum_is_numpys(text):
    values = operands_of(text)
    agree(lambda e, *v: e.einsum(text, *v), *values, guarantee="real", label=text)
    whole = [(3 * v).astype("int32") for v in values]
    agree(lambda e, *v: e.einsum(text, *v), *whole, label=text, symbolic=False)
    truths = [v > 0.3 for v in values]
    agree(lambda e, *v: e.einsum(text, *v), *truths, label=text, symbolic=False)


@st.composite
def subscripts(draw):
    """Random terms over few labels, some of size 1 where others are longer, and their operands."""
    sizes = {c: draw(st.sampled_from((0, 1, 2, 3, 5))) for c in "abcde"}
    count = draw(st.integers(1, 4))
    terms = [draw(st.text("abcde", min_size=0, max_size=4)) for _ in range(count)]
    labels = sorted(set("".join(terms)))
    text = ",".join(terms)
    if draw(st.booleans()):
        kept = [c for c in draw(st.permutations(labels)) if draw(st.booleans())]
        text += "->" + "".join(kept)
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    # Where NumPy broadcasts, an operand may have size 1, the same for all places of a label in it.
    values = []
    for term in terms:
        short = {c for c in term if draw(st.integers(0, 5)) == 0}
        values.append(rng.normal(size=tuple(1 if c in short else sizes[c] for c in term)))
    return text, values


@given(subscripts(), st.booleans())
def test_any_subscripts_are_numpys(case, symbolic):
    text, values = case
    want = np.einsum(text, *values)
    found = traced(lambda *v: et.einsum(text, *v), values, symbolic)[0]
    scale = max(1.0, float(np.prod([np.abs(v).max(initial=1) for v in values])) * 400)
    assert found.shape == want.shape, text
    np.testing.assert_allclose(found, want, rtol=1e-10, atol=1e-13 * scale, err_msg=text)


def test_einsum_takes_lists_of_labels_dtypes_and_paths():
    def make(e, a, b):
        path = ["einsum_path", (0, 1), (0, 1)]
        return [
            e.einsum(a, [0, 1, 2], b, [0, 2, 3], [3, 1]), e.einsum(a, [0, 1, 2]), e.einsum(a, [..., 1], [1, ...]),
            e.einsum("aij,ajk->ik", a.astype("float32"), b.astype(int), dtype=float), e.einsum("aij,ajk,j->ik", a, b, U, optimize=path),
            e.einsum("aij,ajk,j->ik", a, b, U, optimize="optimal"), e.einsum("i,->i", U, 2),
        ]  # fmt: skip

    agree(make, A, B, guarantee="real")


def test_a_contraction_is_one_matrix_product():
    a, b = et.tensor("a", ("n", "i", "j")), et.tensor("b", ("n", "j", "k"))
    made = et.einsum("nij,njk->nik", a, b).expr
    assert made is (a @ b).expr
    assert et.einsum("nij,nkj->nki", a, et.tensor("c", ("n", "k", "j"))).expr.op.name == "matmul"
    ops = [n.op.name for n in topological([et.einsum("ni,ni->n", a[0], a[1]).expr])]
    assert "matmul" not in ops


def test_an_order_of_products_is_chosen():
    x, y = et.tensor("x", (100, 100)), et.tensor("y", (100,))
    made = et.einsum("ij,jk,k->i", x, x, y).expr
    sizes = [n.shape for n in topological([made]) if n.op.name == "matmul"]
    assert sizes == [(100, 1), (100, 1)]
    assert et.linalg.multi_dot([x, x, y]).expr is (x @ (x @ y)).expr


# ---------------------------------------------------------------------------- compiled, differences
def several(e, a, b, s):
    return [
        e.einsum("aij,ajk->kai", a, b), e.einsum("ii,ij->j", s, s), e.kron(s, a[0]), e.cross(s, s.T),
        e.einsum("aij,bij->ab", a, a), e.linalg.matrix_power(s, 3), e.tensordot(a, b, ((0, 2), (0, 1))),
        e.vecdot(a, a[0]), e.matvec(a, b[0, :, 0]), e.linalg.multi_dot([s, s, a[0]]), e.vdot(a, a * a),
        e.einsum("aij,ajk,li->lk", a, b, s),
    ]  # fmt: skip


@pytest.mark.parametrize("known", [True, False])
def test_compiled_they_give_the_same(known):
    shapes = (A.shape, B.shape, S.shape) if known else (("p", "q", "r"), ("p", "r", "t"), ("q", 3))
    a, b, s = (et.tensor(n, shape) for n, shape in zip("abs", shapes, strict=True))
    f = et.function([a, b, s], several(et, a, b, s))
    for got, want in zip(f(A, B, S), several(np, A, B, S), strict=True):
        assert_same(got, want, "real")


def test_their_gradients_are_difference_quotients():
    def loss(e, flat):
        draws = np.random.default_rng(3)
        a, b, s = flat[:24].reshape(2, 3, 4), flat[24:64].reshape(2, 4, 5), flat[64:].reshape(3, 3)
        return sum(e.sum(m * m * draws.normal(size=m.shape)) for m in several(e, a, b, s))

    at = np.concatenate([A.ravel(), B.ravel(), S.ravel()]) / 2
    slope = traced(lambda v: et.grad(loss(et, v), v), [at])[0]
    for j in range(0, at.size, 5):
        step = np.zeros(at.size)
        step[j] = 1e-5
        want = (loss(np, at + step) - loss(np, at - step)) / 2e-5
        assert slope[j] == pytest.approx(want, rel=1e-5, abs=1e-6), j


def _errors():
    x, y, n = et.tensor("x", (2, 3)), et.tensor("y", (4, 5)), et.tensor("n", ("n",))
    return {
        "operands": (lambda: et.einsum("ij,jk", x), "einsum: needs one term for each operand"),
        "axes": (lambda: et.einsum("ijk", x), "as many labels as axes; got ijk for 2 axes"),
        "few": (lambda: et.einsum("i", x), "as many labels as axes"),
        "sizes": (lambda: et.einsum("ij,jk->ik", x, y), r"one size for 'j'; got 'ij,jk->ik', f64\[2, 3\], f64\[4, 5\]"),
        "repeated": (lambda: et.einsum("ii", x), "one size for 'i'"),
        "unknown": (lambda: et.einsum("ij->k", x), "labels of the operands in the result, each once"),
        "twice": (lambda: et.einsum("ij->ii", x), "each once; got 'i'"),
        "letters": (lambda: et.einsum("i1", x), "einsum: needs letters"),
        "hidden": (lambda: et.einsum("...->", x), r"'\.\.\.' in the result"),
        "casting": (lambda: et.einsum("ij", x, dtype="float32"), "cast to the dtype by casting='safe'"),
        "tensordot": (lambda: et.tensordot(x, y, ([1], [0])), "tensordot: needs equal sizes in pairs"),
        "tensordot_many": (lambda: et.tensordot(x, y, 3), "tensordot: needs as many axes in both"),
        "dot": (lambda: et.dot(x, y[None]), "dot: needs equal sizes in pairs"),
        "inner": (lambda: et.inner(x, y), "inner: needs equal sizes in pairs"),
        "vdot": (lambda: et.vdot(x, y), "vdot: needs as many elements in both"),
        "vecdot": (lambda: et.vecdot(x, y), "vecdot: needs equal sizes along the axis"),
        "matvec": (lambda: et.matvec(n, n), "matvec: needs at least 2 and 1 axes"),
        "cross": (lambda: et.cross(x, y), "cross: needs 2 or 3 elements along the axis"),
        "linalg_cross": (lambda: et.linalg.cross(x[:, :2], x), "linalg.cross: needs three elements"),
        "linalg_outer": (lambda: et.linalg.outer(x, n), "linalg.outer: needs two vectors"),
        "multi_dot": (lambda: et.linalg.multi_dot([x]), "at least two arrays"),
        "multi_dot_ranks": (lambda: et.linalg.multi_dot([x, n, x]), "matrices, with a vector at most"),
        "matrix_power": (lambda: et.linalg.matrix_power(x, 2), "square matrices"),
        "matrix_power_float": (lambda: et.linalg.matrix_power(x[:, :2], 2.0), "an int as exponent"),
    }  # fmt: skip


@pytest.mark.parametrize("name", _errors())
def test_errors_say_what_was_needed(name):
    function, pattern = _errors()[name]
    with pytest.raises(EqsatError, match=pattern):
        function()


def test_linalg_names_what_it_has():
    assert {"matmul", "multi_dot", "matrix_power"} <= set(dir(et.linalg))
    with pytest.raises(AttributeError, match=r"eqsat_tensor\.linalg has no attribute 'nothing'"):
        _ = et.linalg.nothing
    assert et.linalg.LinAlgError is np.linalg.LinAlgError
