"""The exponential family of reductions: logsumexp, softmax, log_softmax, logaddexp.

Composites: each expands to a form shifted by the maximum, an infinite maximum being replaced by 0,
so that log-sum-exp of a row of -inf is -inf and not NaN.

The logarithm of the sum of what is shifted is log1p of that sum less its largest term, which is 1 and is left
out rather than taken off: where one element is far above the rest, log-softmax at it is -sum(rest), not 0.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import FLOATS, Expr, define
from eqsat_tensor.ops.arithmetic import (
    absolute,
    add,
    divide,
    maximum,
    multiply,
    negative,
    subtract,
)
from eqsat_tensor.ops.compare import equal, isfinite, where
from eqsat_tensor.ops.leaf import full_like
from eqsat_tensor.ops.movement import broadcast
from eqsat_tensor.ops.reduce import AXES, max_, nonempty_guards, reduced_type, sum_
from eqsat_tensor.ops.transcendental import exp, log, log1p, shifted_exp, sigmoid
from eqsat_tensor.scalar import PRIMITIVES

Axes = tuple[int, ...]


# --------------------------------------------------------------------------- the NumPy meanings
def _shift(x: Any, axes: Axes) -> Any:
    top = np.max(x, axes, keepdims=True, initial=-np.inf)
    return np.where(np.isfinite(top), top, np.zeros((), x.dtype))


def _log_of_sum(shifted: Any, axes: Axes) -> Any:
    largest = shifted == 0
    rest = np.sum(
        np.where(largest, np.zeros((), shifted.dtype), np.exp(shifted)), axes, keepdims=True
    )
    others = np.sum(largest, axes, keepdims=True, dtype=shifted.dtype) - 1
    return np.log1p(rest + others)


def _logsumexp(x: Any, axes: Axes) -> Any:
    top = _shift(x, axes)
    return np.squeeze(_log_of_sum(x - top, axes) + top, axes)


def _softmax(x: Any, axes: Axes) -> Any:
    powers = PRIMITIVES["shifted_exp"].numpy(x, _shift(x, axes))
    return powers / np.sum(powers, axes, keepdims=True)


def _log_softmax(x: Any, axes: Axes) -> Any:
    shifted = x - _shift(x, axes)
    return shifted - _log_of_sum(shifted, axes)


# ------------------------------------------------------------------------------------ expansions
def _finite_top(x: Expr, axes: Axes) -> Expr:
    top = max_(x, axes=axes)
    return where(isfinite(top), top, full_like(top, 0))


def _expanded_log_of_sum(shifted: Expr, axes: Axes) -> Expr:
    largest, zero = equal(shifted, full_like(shifted, 0)), full_like(shifted, 0)
    rest = sum_(where(largest, zero, exp(shifted)), axes=axes)
    others = sum_(where(largest, full_like(shifted, 1), zero), axes=axes)
    return log1p(add(rest, subtract(others, full_like(others, 1))))


def _expand_logsumexp(x: Expr, axes: Axes) -> Expr:
    top = _finite_top(x, axes)
    shifted = subtract(x, broadcast(top, axes, x.shape))
    return add(_expanded_log_of_sum(shifted, axes), top)


def _real_logsumexp(x: Expr, axes: Axes) -> Expr:
    top = _finite_top(x, axes)
    return add(log(sum_(exp(subtract(x, broadcast(top, axes, x.shape))), axes=axes)), top)


def _expand_softmax(x: Expr, axes: Axes) -> Expr:
    """By the shift of `shifted_exp`: rounding x - top costs as many ulps as that is large.

    The sum is from 1 to n (or 0, infinite or NaN: then product and quotient agree), so a product
    with its reciprocal is as good as a quotient; it takes a quarter of the time.
    """
    powers = shifted_exp(x, broadcast(_finite_top(x, axes), axes, x.shape))
    return _over_sum(powers, axes)


def _real_softmax(x: Expr, axes: Axes) -> Expr:
    return _over_sum(exp(subtract(x, broadcast(_finite_top(x, axes), axes, x.shape))), axes)


def _over_sum(powers: Expr, axes: Axes) -> Expr:
    total = sum_(powers, axes=axes)
    return multiply(powers, broadcast(divide(full_like(total, 1), total), axes, powers.shape))


def _expand_log_softmax(x: Expr, axes: Axes) -> Expr:
    shifted = subtract(x, broadcast(_finite_top(x, axes), axes, x.shape))
    return subtract(shifted, broadcast(_expanded_log_of_sum(shifted, axes), axes, x.shape))


def _real_log_softmax(x: Expr, axes: Axes) -> Expr:
    shifted = subtract(x, broadcast(_finite_top(x, axes), axes, x.shape))
    return subtract(shifted, broadcast(log(sum_(exp(shifted), axes=axes)), axes, x.shape))


def _expand_logaddexp(a: Expr, b: Expr) -> Expr:
    same = add(a, full_like(a, math.log(2)))
    far = log1p(exp(negative(absolute(subtract(a, b)))))
    return where(equal(a, b), same, add(maximum(a, b), far))


# ------------------------------------------------------------------------------------- gradients
def _logsumexp_vjp(ct: Expr, out: Expr, x: Expr, axes: Axes) -> tuple[Expr]:
    return (multiply(broadcast(ct, axes, x.shape), softmax(x, axes=axes)),)


def _softmax_vjp(ct: Expr, out: Expr, x: Expr, axes: Axes) -> tuple[Expr]:
    mean = broadcast(sum_(multiply(ct, out), axes=axes), axes, x.shape)
    return (multiply(out, subtract(ct, mean)),)


def _log_softmax_vjp(ct: Expr, out: Expr, x: Expr, axes: Axes) -> tuple[Expr]:
    total = broadcast(sum_(ct, axes=axes), axes, x.shape)
    return (subtract(ct, multiply(softmax(x, axes=axes), total)),)


def _softmax_jvp(tangents: tuple[Expr, ...], out: Expr, x: Expr, axes: Axes) -> Expr:
    return _softmax_vjp(tangents[0], out, x, axes)[0]  # its matrix is symmetric


def _log_softmax_jvp(tangents: tuple[Expr, ...], out: Expr, x: Expr, axes: Axes) -> Expr:
    mean = sum_(multiply(tangents[0], softmax(x, axes=axes)), axes=axes)
    return subtract(tangents[0], broadcast(mean, axes, x.shape))


def _logaddexp_vjp(ct: Expr, out: Expr, a: Expr, b: Expr) -> tuple[Expr, Expr]:
    half = full_like(a, 0.5)
    share = where(equal(a, b), half, sigmoid(subtract(a, b)))
    rest = where(equal(a, b), half, sigmoid(subtract(b, a)))
    return multiply(ct, share), multiply(ct, rest)


# ------------------------------------------------------------------------------------------- ops
logsumexp = define(
    "logsumexp", Kind.COMPOSITE, arity=1, numpy=_logsumexp, infer=reduced_type, attributes=AXES,
    dtypes=FLOATS, vjp=_logsumexp_vjp, expand=_expand_logsumexp, real=_real_logsumexp, guards=nonempty_guards, ulps=4.0,
    doc="log(sum(exp(x))) without overflow.",
)  # fmt: skip
softmax = define(
    "softmax", Kind.COMPOSITE, arity=1, numpy=_softmax, infer=lambda x, axes: x, attributes=AXES,
    dtypes=FLOATS, vjp=_softmax_vjp, jvp=_softmax_jvp, expand=_expand_softmax,
    real=_real_softmax, ulps=4.0,
    doc="exp(x) / sum(exp(x)) without overflow.",
)  # fmt: skip
log_softmax = define(
    "log_softmax", Kind.COMPOSITE, arity=1, numpy=_log_softmax, infer=lambda x, axes: x,
    attributes=AXES, dtypes=FLOATS, vjp=_log_softmax_vjp, jvp=_log_softmax_jvp,
    expand=_expand_log_softmax, real=_real_log_softmax, ulps=4.0,
    doc="x - logsumexp(x), accurate where softmax underflows.",
)  # fmt: skip
logaddexp = define(
    "logaddexp", Kind.COMPOSITE, arity=2, numpy=np.logaddexp, infer=lambda a, b: a,
    dtypes=FLOATS, ufunc=np.logaddexp, vjp=_logaddexp_vjp, expand=_expand_logaddexp,
    commutative=True, ulps=4.0, doc="log(exp(a) + exp(b)) without overflow.",
)  # fmt: skip
