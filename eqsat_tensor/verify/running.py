"""E: the first-order forward error bound of a program, computed beside its values by NumPy.

Each op's rule (`error_rules`) says what its operands' errors become; to that the op's own declared
ulps are added.  An error is infinite where an intermediate overflowed or is NaN for no certain
reason.  Errors are float64 arrays of the values' shapes; a leaf's error is 0: the floats given are
exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import Expr, OpDef, topological
from eqsat_tensor.scalar import PRIMITIVES, Builder
from eqsat_tensor.verify import error_rules, part_rules
from eqsat_tensor.verify.convolutions import convolved_error
from eqsat_tensor.verify.cumulative import RULES as CUMULATIVE
from eqsat_tensor.verify.error_rules import (
    FLUSHED,
    NO_UNDERFLOW,
    Array,
    cast_error,
    no_nan,
    spacing,
    wide,
)
from eqsat_tensor.verify.matrix_rules import RULES as MATRICES
from eqsat_tensor.verify.precise import data_operands, missing
from eqsat_tensor.verify.special_errors import RULES as SPECIAL

ELEMENTWISE = error_rules.ELEMENTWISE | part_rules.RULES | SPECIAL
EXACT = error_rules.EXACT | part_rules.EXACT
MONOTONE = frozenset((*error_rules.MONOTONE, *part_rules.MONOTONE))
ARRAYS = error_rules.ARRAYS | CUMULATIVE | MATRICES | {"convolution": convolved_error}
OP_SLACK = 2.0  # an op may err by this many times its declared ulps


class Running(Builder):
    """A scalar body as a rule: its primitives one by one, on pairs of value and error."""

    def apply(self, name: str, *operands: Any) -> tuple[Array, Array]:
        values = [v for v, _ in operands]
        result = np.asarray(PRIMITIVES[name].numpy(*values))
        moved = ELEMENTWISE[name](*(part for pair in operands for part in pair))
        ulps = 0.0 if name in EXACT else 1.0
        return result, finished(name, ulps, values, [e for _, e in operands], result, moved)

    def constant(self, value: float, like: Any) -> tuple[Array, Array]:
        array = np.asarray(value, like[0].dtype)
        return array, np.zeros(array.shape)


def finished(
    name: str, ulps: float, values: Sequence[Array], errors: Sequence[Array], result: Array,
    moved: Array,
) -> Array:  # fmt: skip
    """The moved error, the op's own rounding, and infinity where the result is not to be trusted."""
    moved = no_nan(moved)
    certain = np.asarray(moved == 0)
    for error in errors:
        if error.shape != result.shape:  # a reduction or product: any error of an operand counts
            certain = certain & bool((error == 0).all())
        else:
            certain = certain & (error == 0)
    if result.dtype.kind != "f":
        return np.broadcast_to(moved, result.shape)
    own = 0.0 if name in EXACT else OP_SLACK * ulps * spacing(result)
    if name in FLUSHED:
        smallest = float(np.finfo(result.dtype).tiny)
        own = own + np.where(np.abs(result) < smallest, smallest, 0.0)
    if name in NO_UNDERFLOW:
        own = np.where(result == 0, 0.0, own)
    if name in KEEP_ZERO:
        zero = np.zeros(result.shape, bool)
        for value, error in zip(values[: KEEP_ZERO[name]], errors, strict=False):
            zero = zero | ((value == 0) & (error == 0))
        own = np.where(zero, 0.0, own)
    operands_finite = np.asarray(True)
    for value in values:
        finite = np.asarray(np.isfinite(value) if value.dtype.kind == "f" else True)
        if finite.shape not in (result.shape, ()):
            finite = np.asarray(finite.all())
        operands_finite = operands_finite & finite
    at_pole = POLES[name](*values) if name in POLES else np.False_
    pole = certain & (np.isnan(result) | ~operands_finite | at_pole)
    settled = np.where(np.isfinite(result), moved + own, np.where(pole, 0.0, np.inf))
    certain_nan = np.isnan(result) & (moved == 0) & (name in MONOTONE or name == "sum")
    if name in SPREADS_NAN:
        for value, error in zip(values, errors, strict=True):
            certain_nan = certain_nan | (np.isnan(value) & (error == 0))
    return np.where(certain_nan, 0.0, settled)


SPREADS_NAN = frozenset(("add", "subtract", "multiply", "divide", "maximum", "minimum"))
# Operands of which a zero that is certain makes the result one.
KEEP_ZERO = {"multiply": 2, "divide": 1, "square": 1, "sqrt": 1}
POLES: Mapping[str, Callable[..., Array]] = {  # where an infinite result is no overflow
    "divide": lambda x, y: y == 0,
    "reciprocal": lambda x: x == 0,
    "log": lambda x: x == 0,
    "log1p": lambda x: x == -1,
    "log1mexp": lambda x: x == 0,
    "power": lambda x, y: x == 0,
    "log2": lambda x: x == 0,
    "log10": lambda x: x == 0,
    "arctanh": lambda x: np.abs(x) == 1,
}


def operation(node: Expr, operands: Sequence[Array]) -> Array:
    """The computed value of one node of known sizes: NumPy, in the node's own dtype.

    What LAPACK refuses is NaN everywhere, whatever matrix of the stack it was.
    """
    try:
        with np.errstate(all="ignore"):
            return np.asarray(node.op.numpy(*operands, **node.named))
    except np.linalg.LinAlgError:
        return np.full([int(s) for s in node.shape if isinstance(s, int)], np.nan, node.dtype)


def node_error(
    node: Expr, values: Sequence[Array], errors: Sequence[Array], result: Array
) -> Array:
    """E of one node, given its operands' values and errors and its own value."""
    op = node.op
    pairs = [part for pair in zip(values, errors, strict=True) for part in pair]
    if op.kind is Kind.LEAF:
        return np.zeros(result.shape)
    if op.name == "cast":
        moved = cast_error(values[0], errors[0], node.dtype)
        narrower = node.dtype.kind == "f" and not np.can_cast(values[0].dtype, node.dtype)
        return finished("cast", 0.5 if narrower else 0.0, values, errors, result, moved)
    if op.kind is Kind.LIBRARY and op.name not in ARRAYS:  # opaque: nothing is known
        return np.full(result.shape, np.inf)
    if op.name in ELEMENTWISE:
        moved = ELEMENTWISE[op.name](*pairs)
        return finished(op.name, max(op.ulps, 0.5), values, errors, result, moved)
    if op.name in ARRAYS:
        moved = ARRAYS[op.name](*pairs, **node.named)
        return finished(op.name, max(op.ulps, 0.5), values, errors, result, moved)
    if op.kind is Kind.MOVEMENT:
        return _moved(node, values, errors)
    if op.kind is Kind.ELEMENTWISE:
        _, error = op.body(Running(), *zip(values, errors, strict=True))
        return np.broadcast_to(error, result.shape)
    return _expanded(node, values, errors)


def _moved(node: Expr, values: Sequence[Array], errors: Sequence[Array]) -> Array:
    data = data_operands(node.op)
    error = np.asarray(node.op.numpy(*errors[:data], *values[data:], **node.named), np.float64)
    uncertain = any(bool(e.any()) for e in errors[data:])
    return np.full_like(error, np.inf) if uncertain else error


def _expanded(node: Expr, values: Sequence[Array], errors: Sequence[Array]) -> Array:
    assert node.op.expand is not None, f"{node.op.name} has no error rule"
    body = node.op.expand(*node.arguments, **node.named)
    known = {a: (v, e) for a, v, e in zip(node.arguments, values, errors, strict=True)}
    _walk([body], known)
    return known[body][1]


WRAPPING = frozenset(
    [
        "add",
        "subtract",
        "multiply",
        "square",
        "negative",
        "absolute",
        "power",
        "sum",
        "prod",
        "cumsum",
        "cumprod",
        "recurrence",
        "matmul",
        "gemm",
        "cast",
        "integer_power",
    ]
)
MEANT: Mapping[str, Callable[..., Array]] = {  # where NumPy's function takes no floats
    "left_shift": lambda x, y: x * np.exp2(np.clip(y, 0, 64)),
    "lcm": lambda x, y: x * y,
}


def wrapped(node: Expr, values: Sequence[Array], result: Array) -> Array:
    """True where an integer result is not the integer that was meant, or is near the range's end."""
    if result.dtype.kind not in "iu" or node.op.name not in WRAPPING | set(MEANT):
        return np.zeros(result.shape, bool)
    if node.op.name in MEANT:
        meant = MEANT[node.op.name](*map(wide, values))
    elif node.op.name == "cast":
        meant = np.trunc(wide(values[0]))
    else:
        meant = np.asarray(node.op.numpy(*map(wide, values), **node.named), np.float64)
    limits = np.iinfo(result.dtype)
    low, high = float(limits.min), float(limits.max)
    return ~((meant >= low * (1 - 1e-9)) & (meant <= high * (1 - 1e-9)))


def _walk(outputs: Sequence[Expr], known: dict[Expr, tuple[Array, Array]]) -> None:
    for node in missing(outputs, known):
        values, errors = (
            [known[a][0] for a in node.arguments],
            [known[a][1] for a in node.arguments],
        )
        result = operation(node, values)
        with np.errstate(all="ignore"):
            error = node_error(node, values, errors, result)
            error = np.where(wrapped(node, values, result), np.inf, error)
        known[node] = (result, error)


def evaluate_values(outputs: Sequence[Expr], inputs: Mapping[Expr, Array]) -> list[Array]:
    """The value of each output alone, an order of magnitude faster than with E."""
    known = {leaf: np.asarray(x) for leaf, x in inputs.items()}
    for node in topological(outputs):
        if node not in known:
            known[node] = operation(node, [known[a] for a in node.arguments])
    return [known[output] for output in outputs]


def evaluate_running(
    outputs: Sequence[Expr], inputs: Mapping[Expr, Array]
) -> list[tuple[Array, Array]]:
    """Value and E of each output.  Sizes are known; ``inputs`` has an array for every input leaf."""
    known = {leaf: (np.asarray(x), np.zeros(np.shape(x))) for leaf, x in inputs.items()}
    _walk(outputs, known)
    return [known[o] for o in outputs]


def has_rule(op: OpDef) -> bool:
    """True where E is defined for the op: by a rule, an index map, a scalar body or an expansion."""
    if op.name in ELEMENTWISE or op.name in ARRAYS or op.name == "cast":
        return True
    known = (Kind.LEAF, Kind.MOVEMENT, Kind.ELEMENTWISE, Kind.LIBRARY)
    return op.kind in known or op.expand is not None
