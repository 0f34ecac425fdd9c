"""The scalar vocabulary: what an op's body may use, and what each backend must supply.

A body is a function of a builder and of operands, ``lambda s, x: s.log1p(x)``; it names no
backend.  The same body runs under `NumpyBuilder` (its meaning, used in tests), under
`CountingBuilder` (its cost) and under the recorders of `schedule`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Primitive:
    """One word of the vocabulary.

    ``cost`` is in units of one float64 addition on a vector, an element, from the measured
    vector mathematics; ``result`` is "same" (the operands' dtype) or "bool".  ``external`` names a
    function of ``scipy.special`` that compiled code calls for each element: its module and name.
    """

    name: str
    arity: int
    numpy: Callable[..., Any]
    cost: float
    result: str = "same"
    external: str = ""


def _in_single(function: Callable[..., Any]) -> Callable[..., Any]:
    """A formula of several steps; halves are computed in float32 and rounded once."""

    def call(x: Any) -> Any:
        x = np.asarray(x)
        wide = x.astype(np.float32) if x.dtype == np.float16 else x
        return function(wide).astype(x.dtype)

    return call


@_in_single
def _sigmoid(x: Any) -> Any:
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


@_in_single
def _log1mexp(x: Any) -> Any:
    small = x > -0.6931471805599453
    return np.where(small, np.log(-np.expm1(x)), np.log1p(-np.exp(x)))


def scipy_function(name: str) -> Callable[..., Any]:
    """A function of `scipy.special`, which is imported when it is first called."""

    def call(*operands: Any) -> Any:
        import scipy.special

        return getattr(scipy.special, name)(*operands)

    return call


def _in_float64(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` of float32 as compiled code has it: computed in float64 and rounded."""

    def call(*operands: Any) -> Any:
        dtype = np.asarray(operands[0]).dtype
        return np.asarray(function(*(np.asarray(x, np.float64) for x in operands))).astype(dtype)

    return call


def _softplus(x: Any) -> Any:
    return np.logaddexp(x, np.zeros((), np.asarray(x).dtype))


def _mantissa(x: Any) -> Any:
    return np.frexp(x)[0]


def _exponent(x: Any) -> Any:
    return np.where(np.isfinite(x), np.frexp(x)[1], 0).astype(np.asarray(x).dtype)


def _ldexp(x: Any, n: Any) -> Any:
    whole = np.clip(np.where(np.isnan(n), 0, n), -5000, 5000).astype(np.int32)
    return np.where(np.isnan(n), n, np.ldexp(x, whole)).astype(np.asarray(x).dtype)


# From here on in size a shift is subtracted: whatever lies within the range of exp of it differs from
# it exactly.  Below, the multiples of ln2 are exact.
SHIFT_LIMITS = {"float64": 2048.0, "float32": 240.0, "float16": 240.0}
_LN2 = (0.6931471803691238, 1.9082149292705877e-10)  # the first in 32 bits; ln2 is their sum


def _shifted_exp(x: Any, y: Any) -> Any:
    """exp of what multiples of ln2 leave of x, times a power of two; in float64."""
    dtype = np.asarray(x).dtype
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    near = np.abs(y) < SHIFT_LIMITS[dtype.name]
    x = x - np.where(near, 0, y)
    n = np.rint(np.where(near, y, 0) / _LN2[0])
    m = np.rint(np.clip(x / _LN2[0], -(2.0**20), 2.0**20))
    return _ldexp(np.exp((x - m * _LN2[0]) - m * _LN2[1]), m - n).astype(dtype)


def _bitwise_count(x: Any) -> Any:
    return np.bitwise_count(x).astype(np.asarray(x).dtype)


# fmt: off
PRIMITIVES: dict[str, Primitive] = {p.name: p for p in (
    Primitive("add", 2, np.add, 1), Primitive("subtract", 2, np.subtract, 1),
    Primitive("multiply", 2, np.multiply, 1), Primitive("divide", 2, np.divide, 4),
    Primitive("negative", 1, np.negative, 0.5), Primitive("absolute", 1, np.absolute, 0.5),
    Primitive("sqrt", 1, np.sqrt, 4), Primitive("square", 1, np.square, 1),
    Primitive("reciprocal", 1, np.reciprocal, 4), Primitive("sign", 1, np.sign, 2),
    Primitive("exp", 1, np.exp, 16), Primitive("expm1", 1, np.expm1, 16),
    Primitive("shifted_exp", 2, _shifted_exp, 17),
    Primitive("log", 1, np.log, 22), Primitive("log1p", 1, np.log1p, 26),
    Primitive("log1mexp", 1, _log1mexp, 60),
    Primitive("sin", 1, np.sin, 100), Primitive("cos", 1, np.cos, 100), Primitive("tan", 1, np.tan, 120),
    Primitive("arctan", 1, np.arctan, 24), Primitive("tanh", 1, np.tanh, 24),
    Primitive("sigmoid", 1, _sigmoid, 24), Primitive("softplus", 1, _softplus, 45),
    Primitive("erf", 1, _in_single(scipy_function("erf")), 45), Primitive("erfc", 1, _in_single(scipy_function("erfc")), 47),
    Primitive("power", 2, np.power, 75),
    Primitive("maximum", 2, np.maximum, 1.5), Primitive("minimum", 2, np.minimum, 1.5),
    Primitive("floor", 1, np.floor, 1), Primitive("ceil", 1, np.ceil, 1), Primitive("trunc", 1, np.trunc, 1),
    Primitive("floor_divide", 2, np.floor_divide, 20), Primitive("remainder", 2, np.remainder, 24),
    Primitive("equal", 2, np.equal, 1, "bool"), Primitive("not_equal", 2, np.not_equal, 1, "bool"),
    Primitive("less", 2, np.less, 1, "bool"), Primitive("less_equal", 2, np.less_equal, 1, "bool"),
    Primitive("greater", 2, np.greater, 1, "bool"), Primitive("greater_equal", 2, np.greater_equal, 1, "bool"),
    Primitive("isnan", 1, np.isnan, 1, "bool"), Primitive("isfinite", 1, np.isfinite, 1, "bool"),
    Primitive("logical_and", 2, np.logical_and, 0.5, "bool"), Primitive("logical_or", 2, np.logical_or, 0.5, "bool"),
    Primitive("logical_xor", 2, np.logical_xor, 0.5, "bool"), Primitive("logical_not", 1, np.logical_not, 0.5, "bool"),
    Primitive("exp2", 1, np.exp2, 15), Primitive("log2", 1, np.log2, 26), Primitive("log10", 1, np.log10, 26),
    Primitive("cbrt", 1, np.cbrt, 36), Primitive("hypot", 2, np.hypot, 20),
    Primitive("sinh", 1, np.sinh, 24), Primitive("cosh", 1, np.cosh, 14),
    Primitive("arcsin", 1, np.arcsin, 20), Primitive("arccos", 1, np.arccos, 18),
    Primitive("arctan2", 2, np.arctan2, 34), Primitive("arcsinh", 1, np.arcsinh, 48),
    Primitive("arccosh", 1, np.arccosh, 48), Primitive("arctanh", 1, np.arctanh, 38),
    Primitive("copysign", 2, np.copysign, 1), Primitive("signbit", 1, np.signbit, 1, "bool"),
    Primitive("nextafter", 2, np.nextafter, 3), Primitive("spacing", 1, np.spacing, 2),
    Primitive("rint", 1, np.rint, 1), Primitive("fmod", 2, np.fmod, 20),
    Primitive("fmax", 2, np.fmax, 1.5), Primitive("fmin", 2, np.fmin, 1.5),
    Primitive("mantissa", 1, _mantissa, 3), Primitive("exponent", 1, _exponent, 4),
    Primitive("ldexp", 2, _ldexp, 20),
    Primitive("bitwise_and", 2, np.bitwise_and, 0.5), Primitive("bitwise_or", 2, np.bitwise_or, 0.5),
    Primitive("bitwise_xor", 2, np.bitwise_xor, 0.5), Primitive("bitwise_not", 1, np.bitwise_not, 0.5),
    Primitive("left_shift", 2, np.left_shift, 2), Primitive("right_shift", 2, np.right_shift, 2),
    Primitive("bitwise_count", 1, _bitwise_count, 3),
    Primitive("gcd", 2, np.gcd, 200), Primitive("lcm", 2, np.lcm, 210),
    Primitive("select", 3, np.where, 1), Primitive("cast", 1, np.positive, 1),
)}
# fmt: on

# Functions of `scipy.special`, by arity: name, cost (measured on 4096 float64 of (0, 1), orders and
# first parameters of (1.5, 2.5); SciPy 1.17 on a Zen 4, in units in which exp is 16).  All but the
# zetas are offered to compiled code by cython_special.
_EXTERNALS = {
    1: """
        erfcx 480 erfi 690 dawsn 540 erfinv 430 erfcinv 280 log_ndtr 370 ndtri 240 exp1 2000
        expi 2000 spence 280 gamma 180 gammaln 280 digamma 200 riemann_zeta 460 j0 170 j1 160 y0 350
        y1 350 rgamma 360 gammasgn 66 ndtri_exp 330 ellipk 300 ellipe 300 ellipkm1 300 i0 950 i0e 780 i1 890 i1e 770 k0 1200 k0e 1300 k1 1200 k1e 1300
    """,
    2: """
        zeta 4100 gammainc 1200 gammaincc 1300 gammaincinv 10000 gammainccinv 10000 beta 960
        betaln 1300 binom 810 poch 600 owens_t 1700 jv 3300 yv 29000 iv 4400 ive 2800 kv 6100
        kve 6400
    """,
    3: "betainc 5800 betaincc 5800 betaincinv 35000 betainccinv 35000",
}
_MODULES = {
    "digamma": "cython_special.psi",
    "zeta": "_ufuncs._zeta",
    "riemann_zeta": "_ufuncs._riemann_zeta",
}


def _externals() -> Iterator[Primitive]:
    for arity, table in _EXTERNALS.items():
        words = table.split()
        for name, cost in zip(words[::2], words[1::2], strict=True):
            external = _MODULES.get(name, f"cython_special.{name}")
            meaning = _in_float64(scipy_function(name.removeprefix("riemann_")))
            yield Primitive(name, arity, meaning, float(cost), "same", external)


PRIMITIVES |= {p.name: p for p in _externals()}


class Builder:
    """Base of all builders: ``s.exp(x)`` is ``s.apply("exp", x)``; ``s.constant(v, like=x)``."""

    def apply(self, name: str, *operands: Any) -> Any:
        raise NotImplementedError

    def constant(self, value: float, like: Any) -> Any:
        raise NotImplementedError

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in PRIMITIVES:
            raise AttributeError(f"{name} is no word of the scalar vocabulary")
        return lambda *operands: self.apply(name, *operands)


class NumpyBuilder(Builder):
    """The meaning of a body: NumPy on arrays, in the operands' own dtype."""

    def apply(self, name: str, *operands: Any) -> Any:
        with np.errstate(all="ignore"):
            return PRIMITIVES[name].numpy(*operands)

    def constant(self, value: float, like: Any) -> Any:
        return np.asarray(value, np.asarray(like).dtype)


class CountingBuilder(Builder):
    """The cost of a body: the sum of its primitives' costs, in vector additions an element."""

    def __init__(self) -> None:
        self.cost = 0.0

    def apply(self, name: str, *operands: Any) -> Any:
        self.cost += PRIMITIVES[name].cost

    def constant(self, value: float, like: Any) -> Any:
        return None
