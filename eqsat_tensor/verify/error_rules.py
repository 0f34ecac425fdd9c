"""How each op carries its operands' errors on: one rule an op, in NumPy.

A rule takes value and error of each operand, in turn, and the op's attributes; it gives what the
errors become, the magnitude of the partial derivatives being taken over the whole interval
``value ± error``, so that a bound that reaches a pole or the end of a domain is infinite.  The op's
own rounding is added by `running`, but for sums, products and softmaxes, which count theirs here:
n half-ulps of the sum of magnitudes for n terms, which holds for sequential, blocked and pairwise
orders alike.  An error is infinite where a discrete result (a comparison, a label) might be the
other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from eqsat_tensor.lang import OPS
from eqsat_tensor.scalar import PRIMITIVES

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Rule: TypeAlias = Callable[..., Array]

UNIT = {"float16": 2.0**-11, "float32": 2.0**-24, "float64": 2.0**-53}


def spacing(x: Array) -> Array:
    """One unit in the last place of each element, as float64; infinite for NaN and infinities."""
    with np.errstate(all="ignore"):
        result = np.spacing(np.abs(x)).astype(np.float64)
    return np.where(np.isfinite(x), result, np.inf)


def no_nan(error: Any) -> Array:
    """An error that came out as NaN is infinite: 0 * inf and inf - inf know nothing."""
    array = np.asarray(error, np.float64)
    return np.where(np.isnan(array), np.inf, array)


def wide(x: Any) -> Array:
    """Values as float64, in which all interval arithmetic is done."""
    return np.asarray(x, np.float64)


def reach(x: Array, error: Array) -> Array:
    """Half-width of the interval to look at: never so small that ``x ± h`` rounds to ``x``."""
    return np.where(error > 0, np.maximum(error, 4 * spacing(wide(x))), 0.0)


# -------------------------------------------------------------------------------- elementwise
def monotone(function: Callable[[Array], Array]) -> Rule:
    """Error of a piecewise monotone function: how far its value moves over ``x ± error``."""

    def rule(x: Array, e: Array) -> Array:
        x = wide(x)
        h = reach(x, e)
        low, here, high = function(x - h), function(x), function(x + h)
        moved = np.maximum(np.abs(low - here), np.abs(high - here))
        certain = (e == 0) | (np.isnan(low) & np.isnan(here) & np.isnan(high) & np.isfinite(e))
        same = (low == here) & (high == here)  # infinities that stay put
        moved = np.where(certain | (same & np.isfinite(e)), 0.0, no_nan(moved))
        return np.where(np.isinf(e), np.inf, moved)  # what may be NaN stays so

    return rule


def _add(x: Array, ex: Array, y: Array, ey: Array) -> Array:
    return ex + ey


def _multiply(x: Array, ex: Array, y: Array, ey: Array) -> Array:
    x, y = np.abs(wide(x)), np.abs(wide(y))
    return np.where(ex == 0, 0, ex * y) + np.where(ey == 0, 0, ey * x) + times(ex, ey)


def times(x: Array, y: Array) -> Array:
    """Products in which 0 * inf is 0."""
    return np.where((x == 0) | (y == 0), 0.0, x * y)


def _divide(x: Array, ex: Array, y: Array, ey: Array) -> Array:
    x, y = wide(x), wide(y)
    left = np.where(ey < np.abs(y), np.abs(y) - ey, 0.0)
    quotient = np.abs(x / y)
    moved = np.where(ex == 0, 0, ex / left) + np.where(ey == 0, 0, quotient * (ey / left))
    return np.where((ex == 0) & (ey == 0), 0.0, np.where(left > 0, no_nan(moved), np.inf))


def _reciprocal(x: Array, e: Array) -> Array:
    return _divide(np.ones_like(wide(x)), np.zeros_like(e), x, e)


def _same(x: Array, e: Array) -> Array:
    return e


def _square(x: Array, e: Array) -> Array:
    return times(2 * np.abs(wide(x)) + e, e)


def _periodic(x: Array, e: Array) -> Array:
    bounded = np.isfinite(x) & np.isfinite(e)
    return np.where(bounded, np.minimum(e, 2.0), np.where(e == 0, 0.0, np.inf))


def _tan(x: Array, e: Array) -> Array:
    h = reach(x, e)
    low, here, high = np.tan(wide(x) - h), np.tan(wide(x)), np.tan(wide(x) + h)
    monotonic = (h < 1) & (low <= here) & (here <= high)
    moved = np.maximum(here - low, high - here)
    return np.where(e == 0, 0.0, np.where(monotonic, moved, np.inf))


def _either(x: Array, ex: Array, y: Array, ey: Array) -> Array:
    """maximum and minimum: the larger error; of one operand alone where it surely wins."""
    return np.maximum(ex, ey)


def _power(x: Array, ex: Array, y: Array, ey: Array) -> Array:
    x, y = wide(x), wide(y)
    hx, hy = reach(x, ex), reach(y, ey)
    here = np.power(x, y)
    corners = [np.power(x + a * hx, y + b * hy) for a in (-1, 1) for b in (-1, 1)]
    moved = np.max([np.abs(c - here) for c in corners], axis=0)
    inside = (x - hx > 0) | ((hy == 0) & (y == np.floor(y)) & ((np.abs(x) > hx) | (y >= 0)))
    around_zero = np.where(np.abs(x) <= hx, np.abs(here), 0.0)
    exact = (ex == 0) & (ey == 0)
    return np.where(exact, 0.0, np.where(inside, no_nan(moved + around_zero), np.inf))


def _floor_divide(x: Array, ex: Array, y: Array, ey: Array) -> Array:
    exact = (ex == 0) & (ey == 0)
    quotient = wide(x) / wide(y)
    h = reach(quotient, _divide(x, ex, y, ey))
    return np.where(exact, 0.0, no_nan(np.floor(quotient + h) - np.floor(quotient - h)))


def _remainder(x: Array, ex: Array, y: Array, ey: Array) -> Array:
    jump = _floor_divide(x, ex, y, ey)
    quotient = np.abs(np.floor(wide(x) / wide(y)))
    moved = ex + times(quotient, ey)
    exact = (ex == 0) & (ey == 0)
    return np.where(exact, 0.0, np.where(jump == 0, no_nan(moved), np.inf))


def _compare(x: Array, ex: Array, y: Array, ey: Array) -> Array:
    width = ex + ey
    sure = (width == 0) | (np.abs(wide(x) - wide(y)) > width)
    return np.where(sure, 0.0, np.inf)


def _classify(x: Array, e: Array) -> Array:
    return np.where((e == 0) | (np.isfinite(x) & np.isfinite(e)), 0.0, np.inf)


def _logical(x: Array, ex: Array, y: Array, ey: Array) -> Array:
    return np.maximum(ex, ey)


def _and(x: Array, ex: Array, y: Array, ey: Array) -> Array:
    false = ((ex == 0) & ~x.astype(bool)) | ((ey == 0) & ~y.astype(bool))
    return np.where(false, 0.0, np.maximum(ex, ey))


def _or(x: Array, ex: Array, y: Array, ey: Array) -> Array:
    true = ((ex == 0) & x.astype(bool)) | ((ey == 0) & y.astype(bool))
    return np.where(true, 0.0, np.maximum(ex, ey))


def _where(c: Array, ec: Array, x: Array, ex: Array, y: Array, ey: Array) -> Array:
    chosen = np.where(c, ex, ey)
    either = np.maximum(ex, ey) + np.where(x == y, 0.0, no_nan(np.abs(wide(x) - wide(y))))
    return np.where(ec == 0, chosen, either)


def _logaddexp(x: Array, ex: Array, y: Array, ey: Array) -> Array:
    top = np.maximum(wide(x), wide(y))
    unit = UNIT[x.dtype.name]
    rounding = unit * (2 + 2 * np.abs(np.where(np.isfinite(top), top, 0.0)))
    return no_nan(np.maximum(ex, ey) + rounding)


def _erfc(x: Array, e: Array) -> Array:
    """As `monotone`; and SciPy's loses x*x ulps in the tail, by rounding x*x under an exponential."""
    size = np.abs(np.asarray(PRIMITIVES["erfc"].numpy(wide(x))))
    tail = 2 * UNIT[x.dtype.name] * wide(x) ** 2 * size
    return primitive("erfc")(x, e) + np.where(wide(x) > 1, tail, 0.0)


def _shifted_exp(x: Array, ex: Array, y: Array, ey: Array) -> Array:
    moved = monotone(lambda v: np.asarray(PRIMITIVES["shifted_exp"].numpy(v, wide(y)), np.float64))
    return np.where(ey == 0, moved(x, ex), np.inf)


def primitive(name: str) -> Rule:
    """`monotone` of the primitive called ``name``."""
    function = PRIMITIVES[name].numpy
    return monotone(lambda x: np.asarray(function(x), np.float64))


MONOTONE = [
    "exp",
    "expm1",
    "log",
    "log1p",
    "log1mexp",
    "sqrt",
    "sigmoid",
    "softplus",
    "tanh",
    "arctan",
    "erf",
    "floor",
    "ceil",
    "trunc",
    "sign",
]
ELEMENTWISE: dict[str, Rule] = (
    {name: primitive(name) for name in MONOTONE}
    | {
        "add": _add,
        "subtract": _add,
        "multiply": _multiply,
        "divide": _divide,
        "reciprocal": _reciprocal,
        "negative": _same,
        "absolute": _same,
        "square": _square,
        "sin": _periodic,
        "cos": _periodic,
        "tan": _tan,
        "power": _power,
        "maximum": _either,
        "minimum": _either,
        "floor_divide": _floor_divide,
        "remainder": _remainder,
        "logaddexp": _logaddexp,
        "shifted_exp": _shifted_exp,
        "erfc": _erfc,
        "isnan": _classify,
        "isfinite": _classify,
        "logical_and": _and,
        "logical_or": _or,
        "logical_xor": _logical,
        "logical_not": _same,
        "where": _where,
        "select": _where,
    }
    | dict.fromkeys(
        ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"), _compare
    )
)
EXACT = frozenset(
    [
        "negative",
        "absolute",
        "sign",
        "floor",
        "ceil",
        "trunc",
        "maximum",
        "minimum",
        "where",
        "select",
        "isnan",
        "isfinite",
        "equal",
        "not_equal",
        "less",
        "less_equal",
        "greater",
        "greater_equal",
        "logical_and",
        "logical_or",
        "logical_xor",
        "logical_not",
        "keep",
        "max",
        "min",
        "any",
        "all",
        "argmax",
        "argmin",
    ]
)
FLUSHED = frozenset(("erfc",))  # NumPy's or SciPy's may be 0 where the true result is subnormal
NO_UNDERFLOW = frozenset(("add", "subtract", "sum"))  # a result that is 0 or subnormal is exact


# ----------------------------------------------------------------------------------- arrays
def _sum(x: Array, e: Array, axes: tuple[int, ...]) -> Array:
    terms = np.prod([x.shape[a] for a in axes], dtype=float)
    unit = UNIT.get(x.dtype.name, 0.0)
    size = np.asarray(np.abs(wide(x)).sum(axis=axes))
    moved = e.sum(axis=axes) + no_nan(unit * terms * size)
    if x.dtype.kind != "f":
        return np.asarray(moved)
    moved = np.where(size <= float(np.finfo(x.dtype).max), moved, np.inf)  # an order may overflow
    certain_nan = (np.isnan(wide(x)) & (e == 0)).any(axis=axes)
    return np.where(certain_nan, 0.0, moved)


def _dot(a: Array, ea: Array, b: Array, eb: Array, axes: tuple[int, ...]) -> Array:
    size_a, size_b = np.abs(wide(a)), np.abs(wide(b))
    moved = no_nan(size_a * eb + size_b * ea + ea * eb) + no_nan(
        UNIT[a.dtype.name] * size_a * size_b
    )
    return _sum(a * b, moved, axes)


def _prod(x: Array, e: Array, axes: tuple[int, ...]) -> Array:
    size, terms = np.abs(wide(x)), np.prod([x.shape[a] for a in axes], dtype=float)
    unit = UNIT.get(x.dtype.name, 0.0)
    moved = (size + e).prod(axis=axes) - size.prod(axis=axes)
    largest = np.where(size > 1, size, 1).prod(axis=axes)
    smallest = np.where((size < 1) & (size > 0), size, 1).prod(axis=axes)
    limits = np.finfo(x.dtype) if x.dtype.kind == "f" else np.finfo(np.float64)
    safe = (largest < limits.max) & (smallest > limits.tiny)
    own = unit * terms * size.prod(axis=axes)
    return np.where(safe, no_nan(moved + own), np.inf)


def _extreme(x: Array, e: Array, axes: tuple[int, ...]) -> Array:
    return np.asarray(e.max(axis=axes, initial=0.0))


def _position(x: Array, e: Array, axes: tuple[int, ...]) -> Array:
    return np.where(e.max(axis=axes, initial=0.0) > 0, np.inf, 0.0)


def _shifted(x: Array, e: Array, axes: tuple[int, ...]) -> tuple[Array, Array, float]:
    """The distance of each entry to its row's maximum, the row's largest error, the row's length."""
    x = wide(x)
    top = x.max(axis=axes, keepdims=True, initial=-np.inf)
    distance = np.where(np.isfinite(top), np.abs(x - top), 0.0)
    terms = float(np.prod([x.shape[a] for a in axes], dtype=float))
    return distance, e.max(axis=axes, keepdims=True, initial=0.0), terms


def _logsumexp(x: Array, e: Array, axes: tuple[int, ...]) -> Array:
    _, row, terms = _shifted(x, e, axes)
    top = np.abs(wide(x)).max(axis=axes, initial=0.0)
    unit = UNIT[x.dtype.name]
    rounding = unit * (terms + 2 + 2 * np.where(np.isfinite(top), top, 0.0))
    return np.asarray(row.reshape(top.shape) + rounding)


def _softmax(x: Array, e: Array, axes: tuple[int, ...]) -> Array:
    _, row, terms = _shifted(x, e, axes)
    unit = UNIT[x.dtype.name]
    relative = np.expm1(e + row) + unit * (terms + 4)
    with np.errstate(all="ignore"):
        top = wide(x).max(axis=axes, keepdims=True, initial=-np.inf)
        powers = np.exp(wide(x) - np.where(np.isfinite(top), top, 0.0))
        size = np.abs(powers / powers.sum(axis=axes, keepdims=True))
    return times(no_nan(relative), np.where(np.isnan(size), 1.0, size))


def _log_softmax(x: Array, e: Array, axes: tuple[int, ...]) -> Array:
    distance, row, terms = _shifted(x, e, axes)
    finite = np.where(np.isfinite(distance), distance, 0.0)
    return no_nan(e + row) + UNIT[x.dtype.name] * (terms + 2 + finite)


def _matmul(a: Array, ea: Array, b: Array, eb: Array) -> Array:
    size_a, size_b = np.abs(wide(a)), np.abs(wide(b))
    if a.dtype.kind != "f":
        return no_nan(ea @ np.ones_like(size_b) + np.ones_like(size_a) @ eb)
    terms = a.shape[-1] * UNIT[a.dtype.name]
    smallest = a.shape[-1] * float(np.finfo(a.dtype).smallest_subnormal)
    product = size_a @ size_b
    overflow = np.where(product > float(np.finfo(a.dtype).max), np.inf, 0.0)
    return no_nan(terms * product + smallest + overflow + size_a @ eb + ea @ size_b + ea @ eb)


def _gemm(
    alpha: Array, e_alpha: Array, a: Array, ea: Array, b: Array, eb: Array,
    beta: Array, e_beta: Array, c: Array, ec: Array,
) -> Array:  # fmt: skip
    product, error = wide(a) @ wide(b), _matmul(a, ea, b, eb)
    size = np.abs(wide(a)) @ np.abs(wide(b))
    if a.dtype.kind != "f":
        return no_nan(error + ec + e_alpha + e_beta)
    unit = UNIT[a.dtype.name]
    left = _multiply(alpha, e_alpha, product, error)
    right = _multiply(beta, e_beta, c, ec)
    own = 4 * unit * (np.abs(wide(alpha)) * size + np.abs(wide(beta) * wide(c)))
    return no_nan(left + right + own)


def _scatter(
    x: Array, e: Array, index: Array, e_index: Array, updates: Array, e_updates: Array,
    mode: str, checked: int, shape: tuple[int, ...],
) -> Array:  # fmt: skip
    """Errors go where the values go; of sums and products they grow with the number of terms."""

    def of(base: Array, rows: Array, mode: str) -> Array:
        taken = OPS["scatter"].numpy(base, index, rows, mode=mode, checked=checked, shape=shape)
        return np.asarray(taken, np.float64)

    if e_index.any():
        return np.full(x.shape, np.inf)
    if mode == "set":
        return of(e, e_updates, "set")
    if mode in ("minimum", "maximum"):
        return of(e, e_updates, "maximum")
    size, part = np.abs(wide(x)), np.abs(wide(updates))
    total = of(size + e, part + e_updates, mode)
    moved = of(e, e_updates, "add") if mode == "add" else total - of(size, part, mode)
    if x.dtype.kind != "f":
        return no_nan(moved)
    count = of(np.zeros_like(size), np.ones_like(part), "add")
    smallest = float(np.finfo(x.dtype).smallest_subnormal)
    underflow = smallest * of(np.ones_like(size), np.maximum(part, 1.0), "multiply")
    return no_nan(moved + count * (UNIT[x.dtype.name] * total + underflow))


def _keep(x: Array, e: Array) -> Array:
    return e


ARRAYS: dict[str, Rule] = {
    "sum": _sum,
    "precise_sum": _sum,
    "precise_dot": _dot,
    "prod": _prod,
    "max": _extreme,
    "min": _extreme,
    "any": _extreme,
    "all": _extreme,
    "argmax": _position,
    "argmin": _position,
    "logsumexp": _logsumexp,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "matmul": _matmul,
    "gemm": _gemm,
    "scatter": _scatter,
    "keep": _keep,
}


def cast_error(x: Array, e: Array, dtype: np.dtype[Any]) -> Array:
    """The rule of a cast to ``dtype``: to whole numbers and bools a result is certain or it is not."""
    if dtype.kind == "f":
        return e
    if dtype.kind == "b":
        return np.where((e == 0) | (np.abs(wide(x)) > e), 0.0, np.inf)
    return monotone(np.trunc)(x, e)
