"""Constants folded where the result is exact, for rules of real functions: one that rounds would make one
number of two.

    add(0.1, 0.2) stays;  multiply(0.5, 3.0) -> 1.5;  exp(0.0) -> 1.0
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction

import numpy as np

from eqsat_tensor.rules.propose import GraphLike, Proposal, Term
from eqsat_tensor.types import Literal, literal


def exact_constants(graph: GraphLike) -> Iterator[Proposal]:
    """Arithmetic on constants that comes out exact: one that rounds would make a number of another."""
    constant: dict[int, Literal] = {}
    for node in graph.nodes:
        if node.op == "full" and node.attributes[0].dtype.kind == "f":
            constant.setdefault(node.eclass, node.attributes[0])
    for node in graph.nodes:
        if node.eclass in constant or node.op not in EXACTLY:
            continue
        operands = [constant.get(d) for d in node.operands]
        if None in operands or graph.types[node.eclass] is None:
            continue
        values = [o.value for o in operands if o is not None]
        dtype = next(o.dtype for o in operands if o is not None)
        result = exact_result(node.op, values, dtype)
        type = graph.types[node.eclass]
        if result is not None and type is not None:
            value = literal(result, dtype)
            constant[node.eclass] = value
            yield Proposal(node.eclass, Term("full", (), (value, type.shape)))


def exact_result(op: str, values: Sequence[float], dtype: np.dtype) -> float | None:
    """The result of an op on numbers where it is a float of the dtype, or None."""
    if not all(np.isfinite(v) for v in values):
        return None
    at = AT_POINTS.get((op, float(values[0])))
    if at is not None or op not in ARITHMETIC:
        return at if at is not None or op != "sqrt" else _exact_root(values[0])
    if op == "divide" and values[1] == 0:
        return None
    exact = ARITHMETIC[op](*map(Fraction, values))
    try:
        near = float(dtype.type(float(exact)))
    except OverflowError:
        return None
    return near if np.isfinite(near) and Fraction(near) == exact else None


def _exact_root(value: float) -> float | None:
    root = float(np.sqrt(max(value, 0.0)))
    return root if Fraction(root) ** 2 == Fraction(value) else None


ARITHMETIC: Mapping[str, Callable[..., Fraction]] = {
    "add": operator.add, "subtract": operator.sub, "multiply": operator.mul,
    "divide": operator.truediv, "negative": operator.neg, "absolute": abs,
    "square": lambda x: x * x,
}  # fmt: skip
AT_POINTS = {
    ("exp", 0.0): 1.0, ("expm1", 0.0): 0.0, ("log", 1.0): 0.0, ("log1p", 0.0): 0.0,
    ("sin", 0.0): 0.0, ("cos", 0.0): 1.0, ("tan", 0.0): 0.0, ("sinh", 0.0): 0.0,
    ("cosh", 0.0): 1.0, ("cbrt", 0.0): 0.0, ("cbrt", 1.0): 1.0, ("cbrt", 8.0): 2.0,
}  # fmt: skip
EXACTLY = frozenset((*ARITHMETIC, "sqrt", *(op for op, _ in AT_POINTS)))
