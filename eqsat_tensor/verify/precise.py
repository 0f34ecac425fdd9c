"""What a program truly is: its value over the extended reals at the given floats.

In: expressions of known sizes and an array for each input leaf.  Out: object arrays of `truth`'s
elements.  A program is evaluated at two precisions, and at higher ones until two agree.

An op's meaning is found in this order: an entry in `truth` by the op's name; its index map
(movement); its scalar body over the primitives; its expansion.  So an op that is spelled in known
words needs nothing there, and one that is not fails `tests/verify`.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import Expr, OpDef
from eqsat_tensor.scalar import Builder
from eqsat_tensor.verify.convolutions import true_convolution
from eqsat_tensor.verify.cumulative import true_scan
from eqsat_tensor.verify.elements import Element, Objects, elementwise, nan, special
from eqsat_tensor.verify.truth import Truth
from eqsat_tensor.verify.truth_matrices import MEANINGS as MATRICES

PRECISIONS = (200, 400, 1600, 3200)  # bits; about 60, 120, 480 and 960 digits
GOOD_BITS = 90  # two precisions agree when they share this many bits
NEGLIGIBLE = -1200  # a value below 2**-1200 is 0 for every dtype


class _Truths(threading.local):
    """The `Truth` of each precision, a thread's own: evaluating changes its state."""

    def __init__(self) -> None:
        self.of: dict[int, Truth] = {}


_truths = _Truths()


class Words(Builder):
    """A `Truth` for scalar bodies: words are applied by name (its methods take single elements)."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth

    def apply(self, name: str, *operands: Any) -> Any:
        return self.truth.apply(name, *operands)

    def constant(self, value: float, like: Any) -> Any:
        return self.truth.constant(value, like)


def data_operands(op: OpDef) -> int:
    """How many leading operands of a movement op are moved (the rest are labels)."""
    return 1 if op.name in ("pick", "gather") else op.arity


def node_value(truth: Truth, node: Expr, operands: Sequence[Objects]) -> Objects | None:
    """The value of one node of known sizes, or None where only its expansion has a meaning."""
    op, attributes = node.op, node.named
    if op.kind is Kind.LEAF:
        return truth.lifted(op.numpy(**attributes))
    if op.name in MATRICES:
        return MATRICES[op.name](truth, *operands, **attributes)
    if op.name in truth.arrays:
        truth.zero = truth.number(node.dtype.type(0))
        return truth.arrays[op.name](*operands, **attributes)
    if op.name == "convolution":
        truth.zero = truth.number(node.dtype.type(0))
        a, v = operands
        return true_convolution(truth, a, v, **attributes)
    if op.kind is Kind.LIBRARY:  # opaque: no element is settled
        return np.full(node.shape, None, object)
    if op.name == "cast":
        return elementwise(lambda x: cast(truth, x, node.dtype), operands[0])
    if op.kind is Kind.CUMULATIVE:
        return true_scan(truth, op.name, list(operands), **attributes)
    if op.kind is Kind.MOVEMENT:
        return moved(truth, node, operands)
    if op.name in truth.table:
        return elementwise(truth.table[op.name], *operands)
    if op.kind is Kind.ELEMENTWISE:
        result = op.body(Words(truth), *operands)
        return np.asarray(result, object)
    return None


def moved(truth: Truth, node: Expr, operands: Sequence[Objects]) -> Objects:
    """A movement op by what it does to numbered elements; number 0 is the padding."""
    data = data_operands(node.op)
    numbers, start = [], 1
    for x in operands[:data]:
        numbers.append(np.arange(start, start + x.size).reshape(x.shape))
        start += x.size
    if any(e is None for x in operands[data:] for e in x.flat):
        return np.full([int(s) for s in node.shape if isinstance(s, int)], None, object)
    labels = [np.asarray(x.astype(np.int64)) for x in operands[data:]]
    order = node.op.numpy(*numbers, *labels, **node.named)
    pool = np.empty(start, object)
    pool[0] = truth.number(node.dtype.type(0))
    pool[1:] = [e for x in operands[:data] for e in x.ravel()]
    return np.asarray(pool[order], object)


def cast(truth: Truth, x: Element, dtype: np.dtype[Any]) -> Element:
    """The real number in another dtype's kind; rounding is an error of the cast, not its truth."""
    if dtype.kind == "b":
        return bool(x != 0)
    if dtype.kind == "f":
        return truth.context.mpf(int(x)) if isinstance(x, int) else x
    if isinstance(x, int):
        return int(x)
    limits = np.iinfo(dtype)
    return None if special(x) or not limits.min - 1 < x < limits.max + 1 else int(x)


EXACT_OPS = frozenset(
    [
        "add",
        "subtract",
        "multiply",
        "negative",
        "absolute",
        "sign",
        "square",
        "maximum",
        "minimum",
        "floor",
        "ceil",
        "trunc",
        "where",
        "sum",
        "prod",
        "cumsum",
        "cumprod",
        "cummax",
        "cummin",
        "recurrence",
        "max",
        "min",
        "matmul",
        "gemm",
        "keep",
        "cast",
        "rint",
        "copysign",
        "fmax",
        "fmin",
        "fraction",
        "mantissa",
        "exponent",
        "ldexp",
    ]
)


def is_exact(expr: Expr) -> bool:
    """True where nothing below is rounded: only sums, products and moves of inputs."""
    stack, seen = [expr], set()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.op.kind not in (Kind.LEAF, Kind.MOVEMENT) and node.op.name not in EXACT_OPS:
            return False
        stack.extend(node.arguments)
    return True


def missing(outputs: Sequence[Expr], known: Mapping[Expr, Any]) -> list[Expr]:
    """What the outputs need beyond ``known``, operands first; what is known is not looked into."""
    order: dict[Expr, None] = {}
    stack = [(o, False) for o in reversed(outputs)]
    while stack:
        node, done = stack.pop()
        if done:
            order[node] = None
        elif node not in known and node not in order:
            stack.append((node, True))
            stack.extend((a, False) for a in reversed(node.arguments))
    return list(order)


def evaluate_precise(
    outputs: Sequence[Expr], inputs: Mapping[Expr, Any], truth: Truth
) -> list[Objects]:
    """The outputs at one working precision.  Sizes are known; ``inputs`` has every input leaf."""
    values: dict[Expr, Objects] = {leaf: truth.lifted(array) for leaf, array in inputs.items()}
    complete(outputs, values, truth)
    return [values[o] for o in outputs]


def complete(outputs: Sequence[Expr], values: dict[Expr, Objects], truth: Truth) -> None:
    """Enter into ``values`` what the outputs need and it has not; composites by their expansions."""
    for node in missing(outputs, values):
        operands = [values[a] for a in node.arguments]
        truth.rounded_operands = not all(is_exact(a) for a in node.arguments)
        result = node_value(truth, node, operands)
        if result is None:
            assert node.op.real is not None, f"{node.op.name} has no high-precision meaning"
            body = node.op.real(*node.arguments, **node.named)
            inner = dict(zip(node.arguments, operands, strict=True))
            complete([body], inner, truth)
            result = inner[body]
        values[node] = result


def true_values(outputs: Sequence[Expr], inputs: Mapping[Expr, Any]) -> list[Objects]:
    """T of each output: two precisions that agree; None where none of `PRECISIONS` did."""
    settled_values: list[Objects] | None = None
    coarse = evaluate_precise(outputs, inputs, _truth_of(PRECISIONS[0]))
    for bits in PRECISIONS[1:]:
        fine = evaluate_precise(outputs, inputs, _truth_of(bits))
        settled_values = [elementwise_agreement(a, b) for a, b in zip(coarse, fine, strict=True)]
        open_elements = any(
            s is None and f is not None
            for array, reference in zip(settled_values, fine, strict=True)
            for s, f in zip(array.flat, reference.flat, strict=True)
        )
        if not open_elements:
            break
        coarse = fine
    assert settled_values is not None
    return settled_values


def _truth_of(bits: int) -> Truth:
    """The `Truth` of a precision, one a thread: making its mpmath context takes 2 ms."""
    found = _truths.of.get(bits)
    if found is None:
        found = _truths.of[bits] = Truth(bits)
    return found


def elementwise_agreement(coarse: Objects, fine: Objects) -> Objects:
    """``fine`` where both precisions say the same, None elsewhere."""
    result = np.empty(fine.shape, object)
    for index in np.ndindex(fine.shape):
        result[index] = fine[index] if same(coarse[index], fine[index]) else None
    return result


def same(coarse: Element, fine: Element) -> bool:
    """True where two evaluations agree to `GOOD_BITS` bits or are both negligible."""
    if coarse is None or fine is None:
        return False
    if isinstance(fine, int):
        return bool(coarse == fine)
    if special(coarse) or special(fine):
        return (nan(coarse) and nan(fine)) or bool(coarse == fine)
    if coarse == fine:
        return True
    difference = abs(fine - coarse)
    if max(top(coarse), top(fine)) < NEGLIGIBLE:
        return True
    return top(difference) < top(fine) - GOOD_BITS


def top(x: Element) -> int:
    """The exponent of the leading bit of a finite number; far below all for 0."""
    return int(x._mpf_[2] + x._mpf_[3]) if x else -(2**62)
