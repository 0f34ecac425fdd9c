"""What transcendental primitives should give, in more digits than their dtype has; errors in ulps."""

import os
import warnings
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

from tests.lower.primitiveloops import Array

SAMPLES = int(os.environ.get("ULP_SAMPLES", "4000"))
EXTENDED = np.finfo(np.longdouble).nmant > 60


def _mp_log1mexp(x: Any) -> Any:
    return mpmath.log(-mpmath.expm1(x))


MPMATH: dict[str, Callable[..., Any]] = {
    "exp": mpmath.exp,
    "expm1": mpmath.expm1,
    "log": mpmath.log,
    "log1p": mpmath.log1p,
    "log1mexp": _mp_log1mexp,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "tan": mpmath.tan,
    "arctan": mpmath.atan,
    "tanh": mpmath.tanh,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "erf": mpmath.erf,
    "erfc": lambda x: mpmath.erfc(x) if x < 1e3 else mpmath.mpf(0),
    "power": lambda x, y: mpmath.power(x, y),
    "exp2": lambda x: mpmath.power(2, x),
    "log2": lambda x: mpmath.log(x) / mpmath.ln2,
    "log10": lambda x: mpmath.log(x) / mpmath.ln10,
    "cbrt": lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
    "hypot": mpmath.hypot,
    "shifted_exp": lambda x, y: mpmath.exp(x) / 2 ** mpmath.nint(y / mpmath.ln2),
    "sinh": mpmath.sinh,
    "cosh": mpmath.cosh,
    "arcsinh": lambda x: mpmath.sign(x) * mpmath.asinh(abs(x)),
    "arccosh": mpmath.acosh,
    "arctanh": mpmath.atanh,
    "arcsin": mpmath.asin,
    "arccos": mpmath.acos,
    "arctan2": mpmath.atan2,
}


def _wide_log1mexp(x: Array) -> Array:
    near = x > -0.6931471805599453
    return np.where(near, np.log(-np.expm1(x)), np.log1p(-np.exp(x)))


def _wide_softplus(x: Array) -> Array:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _wide_sigmoid(x: Array) -> Array:
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def _wide_shifted_exp(x: Array, y: Array) -> Array:
    return np.ldexp(np.exp(x), -np.rint(y / np.log(x.dtype.type(2))).astype(int))


# In a wider type these are exact enough; the other functions need mpmath (or SciPy for float32).
WIDE: dict[str, Callable[..., Array]] = {
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "log1mexp": _wide_log1mexp,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "arctan": np.arctan,
    "tanh": np.tanh,
    "sigmoid": _wide_sigmoid,
    "softplus": _wide_softplus,
    "power": np.power,
    "exp2": np.exp2,
    "log2": np.log2,
    "log10": np.log10,
    "cbrt": np.cbrt,
    "hypot": np.hypot,
    "shifted_exp": _wide_shifted_exp,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "arcsinh": np.arcsinh,
    "arccosh": np.arccosh,
    "arctanh": np.arctanh,
    "arcsin": np.arcsin,
    "arccos": np.arccos,
    "arctan2": np.arctan2,
}


def by_mpmath(name: str, *operands: Array) -> Array:
    """Truth in 80 digits, as long double (a sum of two doubles)."""
    with mpmath.workdps(80 if name in ("sin", "cos", "tan") else 50):
        columns = [map(mpmath.mpf, x.tolist()) for x in operands]
        values = [MPMATH[name](*row) for row in zip(*columns, strict=True)]
        heads = [float(v) for v in values]
        tails = [
            float(v - h) if np.isfinite(h) else 0.0 for v, h in zip(values, heads, strict=True)
        ]
    return np.array(heads, np.longdouble) + np.array(tails, np.longdouble)


def by_scipy(name: str, x: Array) -> Array:
    """Truth in float64, for float32."""
    import scipy.special

    return getattr(scipy.special, name)(x.astype(np.float64))


def ulps(got: Array, truth: Array) -> Array:
    """Error in units in the last place of the truth; inf where one of both overflowed alone."""
    dtype = got.dtype
    with np.errstate(all="ignore"):
        rounded = truth.astype(dtype)
        unit = np.spacing(np.abs(rounded)).astype(truth.dtype)
        error = np.abs(got.astype(truth.dtype) - truth) / unit
        at_top = np.isinf(rounded) | np.isinf(got)
        largest = np.finfo(dtype).max
    # inf against the largest number: one unit apart
    close = np.abs(np.clip(got, -largest, largest)) == largest
    close &= np.abs(np.clip(rounded, -largest, largest)) == largest
    close &= np.sign(got) == np.sign(rounded)
    return np.where(at_top, np.where(got == rounded, 0, np.where(close, 1, np.inf)), error)


def truth_of(name: str, dtype: str, operands: tuple[Array, ...]) -> tuple[Array, tuple[Array, ...]]:
    """Truth, and the operands it is for: fewer of them where mpmath is needed."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dtype == "float32":
            if name in ("erf", "erfc"):
                return by_scipy(name, operands[0]), operands
            return WIDE[name](*(x.astype(np.float64) for x in operands)), operands
        if name in WIDE and name != "power" and EXTENDED:
            return WIDE[name](*(x.astype(np.longdouble) for x in operands)), operands
    few = max(SAMPLES // 10, 300)
    pick = np.random.default_rng(1).permutation(operands[0].size)[:few]
    operands = tuple(x[pick] for x in operands)
    return by_mpmath(name, *operands), operands
