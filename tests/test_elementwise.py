"""NumPy's elementwise functions: which are there, what they give, and their gradients."""

import itertools

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.errors import DomainError, DtypeError, ShapeError, UnsupportedError
from eqsat_tensor.inputs import tensor
from eqsat_tensor.lang import topological
from eqsat_tensor.namespace.operands import NUMPY, UFUNCS
from eqsat_tensor.reference import evaluate
from eqsat_tensor.tensor import as_expr, captured_array
from tests.oracle import assert_same

# NumPy's ufuncs of elements that are not there, and why; those of vectors and matrices are products.
ABSENT = {"isnat": "dates and times"}
INF, NAN = np.inf, np.nan
X = np.array([-INF, -3.5, -2.5, -1.0, -0.3, -0.0, 0.0, 5e-324, 0.5, 1.0, 1.5, 2.0, 1e300, INF, NAN])
Y = np.array([2.0, -0.0, NAN, 0.0, -1.5, INF, 1.0, -2.0])
I = np.array([-(2**31), -7, -2, -1, 0, 1, 2, 3, 30, 2**31 - 1])
B = np.array([True, False])


def traced(function, *values):
    """The values of a traced function, by the reference evaluator."""
    tensors = [tensor(f"x{k}", v.shape, v.dtype) for k, v in enumerate(values)]
    results = function(*tensors)
    several = isinstance(results, tuple)
    exprs = [as_expr(r) for r in (results if several else [results])]
    known = {t.expr: v for t, v in zip(tensors, values, strict=True)}
    known |= {n: captured_array(n) for n in topological(exprs) if captured_array(n) is not None}
    found = evaluate(exprs, known)
    return tuple(found) if several else found[0]


def check(function, *values, guarantee="exact"):
    """``function(namespace, *arrays)`` traced is what it is with NumPy, results and dtypes."""
    with np.errstate(all="ignore"):
        want = function(np, *values)
    got = traced(lambda *xs: function(et, *xs), *values)
    pairs = zip(got, want, strict=True) if isinstance(want, tuple) else [(got, want)]
    for number, (g, w) in enumerate(pairs):
        assert_same(g, w, guarantee, f"result {number} of {[v.dtype for v in values]}")


# --------------------------------------------------------------------------------- what there is
def numpys_ufuncs():
    found = {n: f for n, f in vars(np).items() if isinstance(f, np.ufunc)}
    return {n: f for n, f in found.items() if f.signature is None}


@pytest.mark.parametrize("name", numpys_ufuncs())
def test_every_ufunc_of_numpy_is_there_or_said_to_be_absent(name):
    function = numpys_ufuncs()[name]
    absent = function.__name__ in ABSENT
    assert (function in UFUNCS) != absent
    assert absent or callable(getattr(et, name)), name


@pytest.mark.parametrize("function", [f for f in UFUNCS if f in numpys_ufuncs().values()])
@pytest.mark.parametrize(
    "kind",
    ["float64", "float32", "float16", "int64", "int32", "int8", "uint8", "uint64", "bool", "mixed"],
)
def test_every_ufunc_gives_what_numpys_gives(function, kind):
    if kind == "bool":
        left, right = B, B
    elif "int" in kind:
        left = I.astype(kind)
        right = np.clip(left, 0, 62) if function.__name__ == "power" else left
    elif kind == "mixed":
        left, right = I.astype("int32"), Y
    else:
        with np.errstate(over="ignore"):
            left, right = X.astype(kind), Y.astype(kind)
    if function.__name__ == "ldexp":
        right = np.array([-2000, -1074, -3, 0, 2, 1100, 2**31 - 1], "int32")
    operands = [left] if function.nin == 1 else [left[:, None], right]
    with np.errstate(all="ignore"):
        try:
            want = function(*operands)
        except TypeError:
            with pytest.raises(DtypeError):
                traced(function, *operands)
            return
    got = traced(function, *operands)
    several = isinstance(want, tuple)
    for g, w in zip(got if several else [got], want if several else [want], strict=True):
        assert_same(g, w, "real" if g.dtype.kind == "f" else "exact", f"{function.__name__} {kind}")


FUNCTIONS = {
    "round": lambda e, x: e.round(x),
    "round_places": lambda e, x: e.round(x, 2),
    "round_tens": lambda e, x: e.around(x, decimals=-1),
    "round_beyond": lambda e, x: e.round(x, 400),
    "fix": lambda e, x: e.fix(x),
    "modf": lambda e, x: e.modf(x),
    "frexp": lambda e, x: e.frexp(x),
    "divmod": lambda e, x: e.divmod(x, 0.75),
    "nan_to_num": lambda e, x: e.nan_to_num(x),
    "nan_to_num_given": lambda e, x: e.nan_to_num(x, nan=7, posinf=1e10, neginf=-2),
    "nan_to_num_copied": lambda e, x: e.nan_to_num(x, copy=True),
    "clip_none": lambda e, x: e.clip(x, None, None),
    "clip_keywords": lambda e, x: e.clip(x, min=-1, max=0.25),
    "clip_old_keywords": lambda e, x: e.clip(x, a_min=-1, a_max=None),
    "clip_low": lambda e, x: e.clip(x, -1.5, None),
    "clip_crossed": lambda e, x: e.clip(x, 2, -2),
    "clip_array": lambda e, x: e.clip(x, x - 1, np.float32(0.5)),
    "select": lambda e, x: e.select([x < 0, x < 1], [x, -x], 7),
    "select_default": lambda e, x: e.select([x > 5], [1]),
    "piecewise": lambda e, x: e.piecewise(x, [x < 0, x >= 1], [-1, lambda v: v * 2]),
    "piecewise_else": lambda e, x: e.piecewise(x, [x < 0], [lambda v: -v, lambda v: v + 1]),
    "piecewise_one": lambda e, x: e.piecewise(x, x < 0, [lambda v, w: v - w, 3], 2),
    "isclose": lambda e, x: e.isclose(x, x * (1 + 1e-6)),
    "isclose_nan": lambda e, x: e.isclose(x, x, equal_nan=True),
    "isclose_number": lambda e, x: e.isclose(x, 1, rtol=0.1, atol=0),
    "array_equal": lambda e, x: e.array_equal(x, x),
    "array_equal_nan": lambda e, x: e.array_equal(x, x, equal_nan=True),
    "array_equal_shape": lambda e, x: e.array_equal(x, x[:-1]),
    "array_equiv": lambda e, x: e.array_equiv(x[1:2], x[1:]),
    "allclose": lambda e, x: e.allclose(x[1:3], x[1:3] * (1 + 1e-9)),
    "isposinf": lambda e, x: e.isposinf(x),
    "isneginf": lambda e, x: e.isneginf(x),
    "real": lambda e, x: e.real(x),
    "imag": lambda e, x: e.imag(x),
    "sinc": lambda e, x: e.sinc(x),
    "i0": lambda e, x: e.i0(e.clip(x, -9, 9)),
    "logical": lambda e, x: e.logical_xor(x, 1.0),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_floats_give_what_numpys_give(name, dtype):
    with np.errstate(over="ignore"):
        x = X.astype(dtype)
    check(FUNCTIONS[name], x, guarantee="real" if name in ("sinc", "i0") else "exact")
    check(FUNCTIONS[name], x[:0].reshape(0) if "shape" in name else x[3:4], guarantee="real")


WHOLE = {
    "round": lambda e, x: e.round(x, 3),
    "round_tens": lambda e, x: e.round(x // 10, -1),
    "reciprocal": lambda e, x: e.reciprocal(x),
    "invert": lambda e, x: ~x,
    "shifts": lambda e, x: (x << 3, x >> 2, 1 << (x & 15), 99 >> (x & 7)),
    "shifts_beyond": lambda e, x: (x << 100, x >> 100, x << x, x >> x),
    "bits": lambda e, x: (x & 6, x | 1, x ^ 5),
    "divmod": lambda e, x: divmod(x, 3) + divmod(100, x),
    "power": lambda e, x: x ** np.arange(10, dtype=x.dtype),
    "gcd": lambda e, x: (e.gcd(x, 12), e.lcm(x % 100, 12)),
    "clip": lambda e, x: (e.clip(x, 0, 5), e.clip(x, 0.5, 5), e.clip(x, None, 3)),
    "nan_to_num": lambda e, x: e.nan_to_num(x),
    "isinf": lambda e, x: (e.isinf(x), e.isposinf(x), e.isneginf(x), e.signbit(x)),
    "isclose": lambda e, x: e.isclose(x, x + 1, rtol=0.1),
    "select": lambda e, x: e.select([x < 0, x > 5], [x, 2.5], np.float32(1)),
    "logical": lambda e, x: (e.logical_and(x, 2), e.logical_not(x)),
    "fmod": lambda e, x: (e.fmod(x, 3), e.fmod(x, 0), e.fmod(7, x)),
    "angles": lambda e, x: (e.deg2rad(x), e.degrees(x)),
}


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint32"])
@pytest.mark.parametrize("name", WHOLE)
def test_functions_of_whole_numbers_give_what_numpys_give(name, dtype):
    check(WHOLE[name], I.astype(dtype))


def test_a_tensor_has_the_operators_of_whole_numbers():
    x = tensor("x", (10,), "int64")
    x0 = x.expr
    x <<= 2
    x >>= 1
    [got] = evaluate([x.expr], {x0: I})
    assert_same(got, (I << 2) >> 1)
    y = tensor("y", (3,))
    assert_same(evaluate([round(y).expr, round(y, 1).expr], {y.expr: np.array([0.55, 1.5, 2.5])})[0],
                np.array([1.0, 2.0, 2.0]))  # fmt: skip


@pytest.mark.parametrize("points", [1, 2, 5])
def test_interp_is_numpys(points):
    random = np.random.default_rng(points)
    xp = np.sort(random.normal(size=points))
    fp = random.normal(size=points)
    x = np.concatenate([random.normal(size=20), xp, [-INF, INF, NAN]])
    check(lambda e, x, xp, fp: e.interp(x, xp, fp), x, xp, fp)
    check(lambda e, x, xp, fp: e.interp(x, xp, fp, left=-9, right=NAN), x.reshape(2, -1)[:, 1:]
          if x.size % 2 == 0 else x, xp, fp)  # fmt: skip
    fp[-1] = INF
    check(lambda e, x, xp, fp: e.interp(x, xp, fp), x, xp, fp)


# ---------------------------------------------------------------------------------------- errors
def test_integers_to_negative_powers_are_an_error_when_it_is_known():
    x, y = tensor("x", (2,), "int64"), tensor("y", (2,), "int64")
    power = et.function([x, y], x**y)
    base, exponent = np.array([2, -3]), np.array([3, 63])
    np.testing.assert_array_equal(power(base, exponent), base**exponent)
    with pytest.raises(DomainError, match="power: needs exponents that are not negative"):
        power(np.array([2, 3]), np.array([1, -1]))


def test_what_is_not_there_says_so():
    x, n, m = tensor("x", (3,)), tensor("n", ("n",)), tensor("m", ("m",))
    with pytest.raises(UnsupportedError, match="known to be equal"):
        et.array_equal(n, m)
    with pytest.raises(UnsupportedError, match="a traced array as out="):
        np.hypot(x, x, where=np.array([True, False, True]), out=np.zeros(3))
    with pytest.raises(ValueError, match="forbidden"):
        et.clip(x, 0, 1, max=2)
    with pytest.raises(TypeError, match="conditions of bools"):
        et.select([x], [x])
    with pytest.raises(ValueError, match="functions are expected"):
        et.piecewise(x, [x < 0], [1, 2, 3])
    with pytest.raises(ShapeError):
        et.hypot(x, np.ones(4))


# ------------------------------------------------------------------------------------- gradients
def slope(function, *at):
    """The derivatives of sum(function) at arrays."""
    tensors = [tensor(f"x{k}", np.shape(v)) for k, v in enumerate(at)]
    found = et.grad(et.sum(function(*tensors)), tensors)
    return evaluate(
        [g.expr for g in found],
        {t.expr: np.asarray(v, float) for t, v in zip(tensors, at, strict=True)},
    )


def test_gradients_at_edges_are_the_documented_ones():
    x, y = slope(et.hypot, [0.0, 3.0, 1e300], [0.0, 4.0, 1e300])
    np.testing.assert_allclose(x, [0, 0.6, 0.5**0.5])
    np.testing.assert_allclose(y, [0, 0.8, 0.5**0.5])
    y, x = slope(et.arctan2, [0.0, 1.0, 1e-200], [0.0, 1.0, 0.0])
    np.testing.assert_allclose(y, [0, 0.5, 0])
    np.testing.assert_allclose(x, [0, -0.5, -1e200])
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(slope(et.arcsin, [1.0, -1.0])[0], [INF, INF])
        np.testing.assert_array_equal(slope(et.arccos, [1.0, -1.0])[0], [-INF, -INF])
        np.testing.assert_array_equal(slope(et.arccosh, [1.0])[0], [INF])
        np.testing.assert_array_equal(slope(et.cbrt, [0.0])[0], [INF])
    np.testing.assert_array_equal(slope(et.sinc, [0.0])[0], [0])
    a, b = slope(et.fmax, [1.0, NAN, 2.0, 3.0], [1.0, 4.0, NAN, 5.0])
    np.testing.assert_array_equal(a, [0.5, 0, 1, 0])
    np.testing.assert_array_equal(b, [0.5, 1, 0, 1])
    a, b = slope(et.copysign, [0.0, -2.0, 3.0], [1.0, 1.0, -1.0])
    np.testing.assert_array_equal(a, [0, -1, -1])
    np.testing.assert_array_equal(b, [0, 0, 0])
    np.testing.assert_array_equal(slope(lambda x: et.modf(x)[0], [0.0, -1.5])[0], [1, 1])
    np.testing.assert_array_equal(slope(lambda x: et.ldexp(x, 3), [0.0, -1.5])[0], [8, 8])
    np.testing.assert_array_equal(slope(lambda x: et.frexp(x)[0], [3.0, -0.125])[0], [0.25, 4])


def test_the_gradient_of_sinc_is_accurate_near_zero():
    import mpmath

    at = [1e-200, 1e-5, 0.0318, 0.0319, 0.3, 1.0, 2.5]
    with mpmath.workdps(40):
        want = [float((mpmath.cos(mpmath.pi * t) - mpmath.sinc(mpmath.pi * t)) / t) if t > 1e-100
                else float(-mpmath.pi**2 * t / 3) for t in map(mpmath.mpf, at)]  # fmt: skip
    np.testing.assert_allclose(slope(et.sinc, at)[0], want, rtol=2e-13)


def test_no_nan_comes_from_a_branch_not_taken():
    def f(x):
        inside = et.abs(x) < 1
        arc = et.where(inside, et.arcsin(x) + et.arctanh(x), 0.0)
        return arc + et.select([x > 1], [et.arccosh(x) + et.log2(x - 1)], et.cbrt(x + 1))

    found = slope(f, [-3.0, -0.5, 0.0, 0.5, 3.0])[0]
    assert np.isfinite(found).all()


# -------------------------------------------------------------------------------------- compiled
def test_compiled_functions_are_what_numpys_are():
    rng = np.random.default_rng(3)
    for dtype, whole in itertools.product(("float64", "float32"), ("int64", "int32")):
        x, y = tensor("x", (37,), dtype), tensor("y", (37,), dtype)
        i, j = tensor("i", (37,), whole), tensor("j", (37,), whole)

        def outputs(e, x, y, i, j):
            inside = x / 4
            return (
                e.arcsin(inside), e.arccos(inside), e.arctanh(inside), e.arcsinh(x),
                e.arccosh(e.absolute(x) + 1), e.sinh(x), e.cosh(x), e.exp2(x), e.cbrt(x),
                e.log2(e.absolute(x)), e.log10(e.absolute(x)), e.arctan2(x, y), e.hypot(x, y),
                e.logaddexp2(x, y), e.sinc(x), e.copysign(x, y), e.nextafter(x, y), e.spacing(x),
                e.signbit(y), e.rint(x), e.round(x, 2), e.fmod(x, y), e.fmax(x, y), e.fmin(x, y),
                e.heaviside(x, y), e.ldexp(x, i), *e.frexp(x), *e.modf(x), *e.divmod(x, y),
                e.nan_to_num(x / 0.0), e.clip(x, -1, y), e.isclose(x, y, 0.5), e.deg2rad(x),
                i & j, i | j, i ^ j, ~i, i << (j & 7), i >> (j & 7), e.gcd(i, j), e.lcm(i, j),
                (i & 7) ** (j & 3), e.fmod(i, j), *e.divmod(i, j), e.reciprocal(i), e.sign(i),
                e.interp(x, np.linspace(-2.0, 2.0, 5), np.arange(5.0)), e.allclose(x, x),
            )  # fmt: skip

        function = et.function([x, y, i, j], list(outputs(et, x, y, i, j)))
        values = (*rng.uniform(-3, 3, (2, 37)).astype(dtype),
                  *rng.integers(-9, 10, (2, 37)).astype(whole))  # fmt: skip
        with np.errstate(all="ignore"):
            want = outputs(np, *values)
        for number, (g, w) in enumerate(zip(function(*values), want, strict=True)):
            assert_same(g, w, "real", f"output {number} of {dtype}, {whole}")


def test_every_alias_is_the_function_itself():
    for alias, name in {
        "asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2",
        "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh", "pow": "power",
        "bitwise_invert": "bitwise_not", "invert": "bitwise_not", "around": "round",
        "bitwise_left_shift": "left_shift", "bitwise_right_shift": "right_shift", "conj": "conjugate",
    }.items():  # fmt: skip
        assert getattr(et, alias) is getattr(et, name), alias
    for function in (np.round, np.around, np.fix, np.clip, np.select, np.piecewise, np.interp,
                     np.isclose, np.allclose, np.array_equal, np.array_equiv, np.nan_to_num,
                     np.isposinf, np.isneginf, np.sinc, np.real, np.imag):  # fmt: skip
        assert function in NUMPY, function


@pytest.mark.parametrize("dtype", ["f8", "f4", "f2"])
def test_the_power_of_one_half_is_the_square_root_of_an_array(dtype):
    with np.errstate(all="ignore"):
        x = X.astype(dtype)
        halves = np.full(len(x), 0.5, dtype)
        root, power = x**0.5, np.power(x, halves)
        number = x[0] ** 0.5
    check(lambda n, x: x**0.5, x)
    np.testing.assert_array_equal(et.jit(lambda x: x**0.5)(x), root)
    tolerance = 1e-3 if dtype == "f2" else 1e-6
    np.testing.assert_allclose(et.jit(lambda x, h: x**h)(x, halves), power, tolerance)
    assert et.jit(lambda x: x[0] ** 0.5)(x) == number == np.inf
