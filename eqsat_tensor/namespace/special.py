"""`SPECIAL`: the functions of `scipy.special` on tensors, by SciPy's names, dtypes as SciPy's.

Of arrays and numbers alone they are SciPy's own functions.  SciPy's ufuncs, called on tensors, lead
here by name (`protocol`).  What is not here is in `special_missing.NOT_THERE`, with the reason.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from eqsat_tensor.errors import DtypeError, UnsupportedError, message
from eqsat_tensor.lang import FLOAT32, FLOAT64, OPS, Expr
from eqsat_tensor.namespace import elementwise  # noqa: F401  (enters softplus)
from eqsat_tensor.namespace.exponentials import log_softmax, logsumexp, softmax_
from eqsat_tensor.namespace.operands import (
    PUBLIC,
    any_traced,
    broadcast_together,
    converted,
    kind_of,
    refuse,
    show_all,
    written_out,
)
from eqsat_tensor.ops import arithmetic, compare, forms, transcendental
from eqsat_tensor.ops.gamma import (
    binom,
    gamma,
    gammainc,
    gammaincc,
    gammainccinv,
    gammaln,
    polygamma,
    riemann_zeta,
    zeta,
)
from eqsat_tensor.ops.leaf import full_like
from eqsat_tensor.scalar import scipy_function
from eqsat_tensor.tensor import FUNCTIONS, Tensor, is_operand

SPECIAL: dict[str, Callable[..., Any]] = {}
Body = Callable[..., Expr]

# The order of SciPy's loops: where it is float64 first, what is no float32 is computed in float64;
# where it is float32 first, small integers and float16 are computed in float32.
_FLOAT64_FIRST = """
    erf erfc erfcx erfi dawsn ndtr log_ndtr gamma gammaln loggamma rgamma gammasgn digamma gammainc
    gammaincc gammaincinv gammainccinv beta betaln j0 j1 y0 y1 i0 i0e i1 i1e k0 k0e k1 k1e cosm1
    exprel logit expit log_expit xlogy xlog1py expm1 log1p exp2 exp10 cbrt ellipk ellipe ellipkm1
"""
FLOAT64_FIRST = frozenset(_FLOAT64_FIRST.split())


def special_dtype(operation: str, operands: Sequence[Any]) -> np.dtype:
    """The dtype that SciPy's function of that name computes in: float32 or float64.

    Raises DtypeError for operands that are no real numbers.
    """
    if not all(is_operand(v) for v in operands):
        raise DtypeError(message(operation, "arrays or numbers", show_all(operands)))
    kinds = [kind_of(v) for v in operands]
    strong = {k for k in kinds if isinstance(k, np.dtype)}
    if any(k.kind not in "biuf" for k in strong):
        raise DtypeError(message(operation, "real numbers", show_all(operands)))
    if operation in FLOAT64_FIRST:  # there a Python number is no float32 either
        return FLOAT32 if set(kinds) == {FLOAT32} else FLOAT64
    if not strong:
        return FLOAT64
    # A Python number takes the kind of the arrays, if theirs is not below its own.
    weak = max(("biuf".index(np.dtype(k).kind) for k in kinds if k not in strong), default=0)
    kept = max("biuf".index(k.kind) for k in strong) >= weak
    small = all(np.can_cast(k, FLOAT32) for k in strong)
    return FLOAT32 if kept and small else FLOAT64


def _enter(function: Callable[..., Any], *names: str, numpy: Callable[..., Any]) -> None:
    """Enter a function of tensors; where nothing is traced it is ``numpy``."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if not any_traced(args) and not any_traced(kwargs.values()):
            return numpy(*args, **kwargs)
        out = kwargs.pop("out", None)
        refuse(names[0], kwargs)
        result = function(*args, **kwargs)
        return result if out is None else written_out(names[0], out, result)

    for name in names:
        SPECIAL[name] = call


def _lift(body: Body, arity: int, doc: str, *names: str) -> None:
    """Enter a function of promoted, broadcast operands."""
    name = names[0]

    def function(*operands: Any) -> Tensor:
        if len(operands) != arity:
            raise TypeError(f"{name}() takes {arity} operands, got {len(operands)}")
        dtype = special_dtype(name, operands)
        exprs = [converted(v, dtype) for v in operands]
        return Tensor(body(*broadcast_together(name, operands, exprs)))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = (
        f"{doc}\n\nElement by element; operands are promoted and broadcast as by SciPy's {name}.\n"
        "Raises ShapeError or DtypeError, in the caller's line."
    )
    _enter(function, *names, numpy=scipy_function(name))


# -------------------------------------------------------------------------- one op, one function
ALIASES = {"digamma": ("psi",), "jv": ("jn",)}
_SHARED = ("erf", "erfc", "expm1", "log1p", "exp2", "cbrt")  # with NumPy's or our own
for _op in (*forms.SCIPY.values(), *(OPS[name] for name in _SHARED)):
    if _op is not riemann_zeta and _op is not zeta:
        _lift(_op, _op.arity, _op.doc, _op.name, *ALIASES.get(_op.name, ()))


# ------------------------------------------------------------------------------ short formulas
def _half(x: Expr) -> Expr:
    return forms.scaled(x, 0.5)


def _log_expit(x: Expr) -> Expr:
    return arithmetic.negative(transcendental.softplus(arithmetic.negative(x)))


def _loggamma(x: Expr) -> Expr:
    below = compare.less(x, full_like(x, 0))
    return compare.where(below, full_like(x, np.nan), gammaln(x))


def _chdtri(v: Expr, p: Expr) -> Expr:
    zero, one = full_like(p, 0), full_like(p, 1)
    outside = compare.logical_or(compare.less(p, zero), compare.greater(p, one))
    value = forms.scaled(gammainccinv(_half(v), p), 2)
    return compare.where(outside, full_like(p, np.nan), value)


_lift(transcendental.sigmoid, 1, "1 / (1 + exp(-x)).", "expit")
_lift(_log_expit, 1, "log(expit(x)), accurate where expit underflows.", "log_expit")
_lift(
    _loggamma, 1, "gammaln, but NaN below 0, where the logarithm of gamma is complex.", "loggamma"
)
_lift(OPS["rint"], 1, OPS["rint"].doc, "round")
_lift(lambda x: arithmetic.power(full_like(x, 10), x), 1, "10 to the power x.", "exp10")
_lift(
    lambda v, x: gammainc(_half(v), _half(x)), 2,
    "The chi-square distribution function of v degrees of freedom.", "chdtr",
)  # fmt: skip
_lift(
    lambda v, x: gammaincc(_half(v), _half(x)), 2,
    "1 - chdtr(v, x), accurate in the tail.", "chdtrc",
)  # fmt: skip
_lift(
    _chdtri, 2, "The x at which chdtrc(v, x) is p.", "chdtri",
)  # fmt: skip
_lift(
    lambda a, b, x: gammainc(b, arithmetic.multiply(a, x)), 3,
    "The gamma distribution function of rate a and shape b.", "gdtr",
)  # fmt: skip
_lift(
    lambda a, b, x: gammaincc(b, arithmetic.multiply(a, x)), 3,
    "1 - gdtr(a, b, x), accurate in the tail.", "gdtrc",
)  # fmt: skip


# ------------------------------------------------------------- functions that are no ufuncs in SciPy
def _function(function: Callable[..., Any]) -> None:
    name = function.__name__.rstrip("_")
    _enter(function, name, numpy=scipy_function(name))


def _zeta(x: Any, q: Any = None) -> Tensor:
    """Riemann's zeta function of x, or Hurwitz' of x and q; dtypes as by SciPy's zeta."""
    if q is None:
        dtype = FLOAT32 if kind_of(x) == FLOAT32 else FLOAT64
        return Tensor(riemann_zeta(converted(x, dtype)))
    dtype = special_dtype("zeta", (x, q))
    exprs = [converted(v, dtype) for v in (x, q)]
    return Tensor(zeta(*broadcast_together("zeta", (x, q), exprs)))


def _polygamma(n: Any, x: Any) -> Tensor:
    """The derivative of digamma of order n, a Python int; float64 as SciPy's."""
    if isinstance(n, bool) or not isinstance(n, int) or n < 0:
        hint = "Orders in an array are not supported: write zeta(n + 1, x) times gamma(n + 1)."
        raise UnsupportedError(message("polygamma", "a Python int n >= 0", f"n={n!r:.60}", hint))
    special_dtype("polygamma", (x,))
    return Tensor(polygamma(n, converted(x, FLOAT64)))


def _multigammaln(a: Any, d: Any) -> Tensor:
    """The logarithm of the multivariate gamma function of dimension d, a Python int, for a > (d-1)/2."""
    if isinstance(d, bool) or not isinstance(d, int) or d < 1:
        raise UnsupportedError(message("multigammaln", "a Python int d >= 1", f"d={d!r:.60}"))
    x = converted(a, special_dtype("gammaln", (a,)))
    total = full_like(x, d * (d - 1) * 0.25 * np.log(np.pi))
    for k in range(d):
        total = arithmetic.add(total, gammaln(forms.shifted(x, -k / 2)))
    return Tensor(total)


def _factorial(n: Any, exact: bool = False) -> Tensor:
    """gamma(n + 1), and 0 for n < 0."""
    if exact:
        raise UnsupportedError(message("factorial", "exact=False", "exact=True"))
    x = converted(n, special_dtype("gamma", (n,)))
    below = compare.less(x, full_like(x, 0))
    return Tensor(compare.where(below, full_like(x, 0), gamma(forms.shifted(x, 1))))


def _comb(N: Any, k: Any, *, exact: bool = False, repetition: bool = False) -> Tensor:
    """The number of ways to choose k of N: binom, and 0 unless 0 <= k <= N."""
    if exact or repetition:
        needs = "exact=False and repetition=False"
        raise UnsupportedError(
            message("comb", needs, hint="Of repetition, write binom(N + k - 1, k).")
        )
    exprs = [converted(v, special_dtype("binom", (N, k))) for v in (N, k)]
    n, m = broadcast_together("comb", (N, k), exprs)
    zero = full_like(n, 0)
    inside = compare.logical_and(compare.less_equal(m, n), compare.greater_equal(m, zero))
    return Tensor(compare.where(inside, binom(n, m), zero))


for _made in (_zeta, _polygamma, _multigammaln, _factorial, _comb):
    _made.__name__ = _made.__qualname__ = _made.__name__.lstrip("_")
    _function(_made)
SPECIAL["_zeta"], SPECIAL["_riemann_zeta"] = SPECIAL["zeta"], SPECIAL["zeta"]
SPECIAL |= {"logsumexp": logsumexp, "softmax": softmax_, "log_softmax": log_softmax}
SPECIAL["softplus"] = PUBLIC["softplus"]

# Those that stand beside erf and erfc at the top.
for _name in ("digamma", "erfinv", "expit", "gammaln", "log_ndtr", "logit", "xlogy"):
    PUBLIC[_name] = FUNCTIONS[_name] = SPECIAL[_name]
