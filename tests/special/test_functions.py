"""`et.special`: each function has SciPy's values and dtypes, and every ufunc of SciPy is accounted for."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import scipy.special

import eqsat_tensor as et
from eqsat_tensor.errors import DtypeError, ShapeError, TraceError, UnsupportedError
from eqsat_tensor.inputs import tensor
from eqsat_tensor.lang import DTYPES
from eqsat_tensor.namespace.special import FLOAT64_FIRST, special_dtype
from tests.oracle import TOLERANCE

UFUNCS = {
    name: function
    for name, function in vars(scipy.special).items()
    if isinstance(function, np.ufunc)
}
HERE = sorted(set(dir(et.special)) & set(UFUNCS))
HARD = (0.0, -0.0, 1.0, -1.0, 0.5, 1.5, 2.0, -2.5, 3.0, 0.3, 30.0, -40.0, 1e-300, 1e-20, 1e10, 1e300,
        np.inf, -np.inf, np.nan)  # fmt: skip
# Where ours is right and SciPy's overflows, underflows or takes a shortcut: held on other values.
BETTER = {"inv_boxcox1p": 1e-20, "pseudo_huber": 1e-20}


def hard_operands(dtype: str) -> list[np.ndarray]:
    """Every pair of hard values, and a third that is turned about."""
    x, y = (v.ravel() for v in np.meshgrid(HARD, HARD))
    with np.errstate(all="ignore"):
        return [v.astype(dtype) for v in (x, y, np.roll(x, 7))]


def ordinary_operands(dtype: str) -> list[np.ndarray]:
    """Random values in (0, 1), (0, 3) and (0, 1), which most functions take."""
    random = np.random.default_rng(3)
    return [random.uniform(0.02, high, 101).astype(dtype) for high in (0.98, 3.0, 0.98)]


def differs(got: np.ndarray, want: np.ndarray) -> np.ndarray:
    """Where two results are neither both NaN, nor equal, nor near."""
    info = np.finfo(want.dtype)
    with np.errstate(all="ignore"):
        a, b = got.astype(np.float64), want.astype(np.float64)
        near = np.abs(a - b) <= TOLERANCE["real"] * float(info.eps) * np.abs(b) + float(info.tiny)
    return ~((np.isnan(a) & np.isnan(b)) | (a == b) | near)


# --------------------------------------------------------------------------------- the whole of it
def test_every_ufunc_of_scipy_is_here_or_has_a_reason_not_to_be() -> None:
    missing = et.special.NOT_THERE
    assert set(HERE) | set(missing) >= set(UFUNCS)
    assert not set(HERE) & set(missing)
    assert all(missing.values())
    with pytest.raises(AttributeError, match="no attribute 'airy': several results"):
        et.special.airy  # noqa: B018
    with pytest.raises(AttributeError, match=r"see dir\(eqsat_tensor.special\)"):
        et.special.nothing  # noqa: B018


@pytest.mark.parametrize("name", HERE)
def test_a_function_has_a_text_and_as_many_operands_as_scipys(name: str) -> None:
    function = getattr(et.special, name)
    assert len(function.__doc__) > 60
    x = tensor("x", (), "float64")
    with pytest.raises(TypeError, match="takes"):
        function(*[x] * (UFUNCS[name].nin + 1))


@pytest.mark.parametrize("mode", ["reference", "compiled"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_values_are_scipys(dtype: str, mode: str) -> None:
    inputs = [tensor(f"x{k}", ("n",), dtype) for k in range(3)]
    outputs = [getattr(et.special, name)(*inputs[: UFUNCS[name].nin]) for name in HERE]
    options = {"mode": mode} if mode == "reference" else {}
    function = et.function(inputs, outputs, **options)
    for operands in (hard_operands(dtype), ordinary_operands(dtype)):
        for name, got in zip(HERE, function(*operands), strict=True):
            given = operands[: UFUNCS[name].nin]
            assert got.dtype == UFUNCS[name](*given).dtype, name
            with np.errstate(all="ignore"):  # float64 rounded: betainc in float32 has four digits
                want = UFUNCS[name](*(x.astype(np.float64) for x in given)).astype(dtype)
            bad = differs(got, want)
            if name in BETTER:
                tiny = np.any([(np.abs(x) <= BETTER[name]) & (x != 0) for x in given], axis=0)
                bad = bad & ~tiny
            if name == "kl_div":  # a sum that cancels, in SciPy's float32 computed in float64
                with np.errstate(all="ignore"):
                    bad = bad & ~(np.abs(got - want) <= 8 * np.finfo(dtype).eps * given[0])
            where = [(*(x[i] for x in given), got[i], want[i]) for i in np.flatnonzero(bad)[:3]]
            assert not bad.any(), (name, where)


def kinds() -> list[Any]:
    """A tensor of each dtype, and Python numbers."""
    return [*(tensor(d.name, (), d) for d in DTYPES if d.kind in "biuf"), True, 2, 0.5]


@pytest.mark.parametrize("name", HERE)
def test_dtypes_are_scipys(name: str) -> None:
    ufunc = UFUNCS[name]
    known = {"psi": "digamma", "jn": "jv"}.get(name, name)
    real = [t for t in ufunc.types if set(t) <= set("fd->")]
    assert (real[0][0] == "d") == (known in FLOAT64_FIRST)
    for operands in product(kinds(), repeat=ufunc.nin):
        # NumPy has no weak bool: as an operand it is an array of its own
        weak = [type(v) if type(v) in (int, float) else np.asarray(v).dtype
                if isinstance(v, bool) else v.dtype for v in operands]  # fmt: skip
        want = ufunc.resolve_dtypes((*weak, None))[0]
        assert special_dtype(known, operands) == want, operands


def test_arrays_and_numbers_alone_are_scipys_own_business() -> None:
    x = np.array([0.5, 2.5], np.float16)
    got, want = et.special.gammaln(x), scipy.special.gammaln(x)
    assert got.dtype == want.dtype
    np.testing.assert_array_equal(got, want)
    assert et.special.zeta(2.0) == scipy.special.zeta(2.0)
    assert et.special.polygamma(1, 2.0) == scipy.special.polygamma(1, 2.0)


@pytest.mark.parametrize(
    "name", ["digamma", "erfinv", "expit", "gammaln", "log_ndtr", "logit", "xlogy"]
)
def test_the_common_ones_stand_at_the_top(name: str) -> None:
    assert getattr(et, name) is getattr(et.special, name)


def test_operands_broadcast_and_wrong_ones_are_errors() -> None:
    x, y = tensor("x", (3, 1), "float64"), tensor("y", (4,), "int32")
    assert et.special.xlogy(x, y).shape == (3, 4)
    with pytest.raises(ShapeError, match="xlogy: needs shapes that broadcast"):
        et.special.xlogy(x, tensor("z", (2, 4), "float64"))
    with pytest.raises(DtypeError, match="xlogy: needs arrays or numbers"):
        et.special.xlogy(x, "two")
    with pytest.raises(UnsupportedError, match="out"):
        et.special.gammaln(x, out=np.zeros(3))


# -------------------------------------------------------------------------- SciPy's own functions
@pytest.mark.parametrize("name", HERE)
def test_scipys_ufunc_of_a_tensor_leads_here(name: str) -> None:
    inputs = [tensor(f"x{k}", (3,), "float32") for k in range(UFUNCS[name].nin)]
    assert UFUNCS[name](*inputs).expr is getattr(et.special, name)(*inputs).expr


def test_scipys_other_functions_of_a_tensor() -> None:
    x = tensor("x", (3,), "float64")
    assert scipy.special.zeta(x, 2.0).expr is et.special.zeta(x, 2.0).expr
    assert scipy.special.zeta(x).expr is et.special.zeta(x).expr
    with pytest.raises(UnsupportedError, match=r"scipy.special.struve: .* The derivative has no"):
        scipy.special.struve(x, x)
    with pytest.raises(UnsupportedError, match=r"scipy.special.gammaln.at"):
        scipy.special.gammaln.at(x, [0])
    with pytest.raises(UnsupportedError, match=r"numpy.isnat"):
        np.isnat(x)
    with pytest.raises(TraceError):
        scipy.special.polygamma(1, x)


# --------------------------------------------------------------------- what SciPy has no ufunc for
def test_functions_that_are_no_ufuncs() -> None:
    x, q = tensor("x", ("n",), "float64"), tensor("q", ("n",), "float64")
    s = et.special
    outputs = {
        "zeta": (s.zeta(x, q), scipy.special.zeta),
        "riemann": (s.zeta(x), lambda x, q: scipy.special.zeta(x)),
        "polygamma": (s.polygamma(3, x), lambda x, q: scipy.special.polygamma(3, x)),
        "multigammaln": (
            s.multigammaln(x, 2),
            lambda x, q: [scipy.special.multigammaln(v, 2) if v > 0.5 else np.nan for v in x],
        ),
        "factorial": (s.factorial(x), lambda x, q: scipy.special.factorial(x, extend="zero")),
        "comb": (s.comb(x, q), scipy.special.comb),
        "softmax": (s.softmax(x), lambda x, q: scipy.special.softmax(x)),
        "logsumexp": (s.logsumexp(x), lambda x, q: scipy.special.logsumexp(x)),
    }
    a, b = np.array([1.5, 2.0, 7.0, -3.0, 0.6]), np.array([0.3, 5.0, 2.5, 1.0, 4.0])
    found = et.function([x, q], [y for y, _ in outputs.values()])(a, b)
    for (name, (_, meaning)), got in zip(outputs.items(), found, strict=True):
        want = np.asarray(meaning(a, b))
        keep = ~np.isnan(want) if name == "multigammaln" else slice(None)
        np.testing.assert_allclose(got[keep] if got.ndim else got, want[keep] if got.ndim else want,
                                   rtol=1e-13, err_msg=name)  # fmt: skip


def test_what_those_refuse() -> None:
    x = tensor("x", (), "float64")
    with pytest.raises(UnsupportedError, match=r"polygamma: needs a Python int n >= 0; got n=0.5"):
        et.special.polygamma(0.5, x)
    with pytest.raises(UnsupportedError, match="factorial: needs exact=False"):
        et.special.factorial(x, exact=True)
    with pytest.raises(UnsupportedError, match="comb: needs"):
        et.special.comb(x, 2, repetition=True)
    with pytest.raises(UnsupportedError, match="multigammaln: needs a Python int"):
        et.special.multigammaln(x, x)
