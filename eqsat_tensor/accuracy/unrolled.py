"""Programs on small arrays as scalar terms: one term for each element of each node.

    sum(x * y), both f64[2]   ->   add(multiply(x0, y0), multiply(x1, y1))

So what is known of terms, their true values above all, is known of programs with reductions, products
and moves of elements.  Sizes are numbers here, and small ones.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from eqsat_tensor.accuracy.terms import Term, constant_term, leaf, number, term
from eqsat_tensor.errors import UnsupportedError, message
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import OPS, Expr, topological
from eqsat_tensor.scalar import Builder
from eqsat_tensor.verify.convolutions import terms_of
from eqsat_tensor.verify.cumulative import STEPS, walked
from eqsat_tensor.verify.elements import Objects
from eqsat_tensor.verify.precise import data_operands, missing

FOLDS = {"sum": "add", "prod": "multiply", "max": "maximum", "min": "minimum",
         "any": "logical_or", "all": "logical_and"}  # fmt: skip
CERTAIN = {"isfinite": True, "isnan": False}  # of true values, which are all real numbers
SAME = ("keep", "assume")
LARGEST = 200_000  # elements of all nodes together


class Unrolled:
    """The terms of every node that ``roots`` need.

    columns   (input leaf, index of an element), one for each input of the terms.
    elements  node -> its terms, an object array.
    Raises UnsupportedError for an op outside ``known`` that no expansion or scalar body spells in it.
    """

    def __init__(self, roots: Sequence[Expr], known: frozenset[str]) -> None:
        self.known = known
        self.columns: list[tuple[Expr, tuple[int, ...]]] = []
        self.elements: dict[Expr, Objects] = {}
        nodes = topological(roots)
        count = sum(int(np.prod(sizes_of(node))) for node in nodes)
        if count > LARGEST:
            needs = f"at most {LARGEST} elements in all nodes together"
            raise UnsupportedError(message("accuracy", needs, str(count), "Give smaller arrays."))
        self._complete(roots, self.elements)

    def _complete(self, roots: Sequence[Expr], made: dict[Expr, Objects]) -> None:
        for node in missing(roots, made):
            operands = [made[a] for a in node.arguments]
            found = self._node(node, operands)
            if found is None:
                assert node.op.real is not None, node.op.name
                body = node.op.real(*node.arguments, **node.named)
                inner = dict(zip(node.arguments, operands, strict=True))
                self._complete([body], inner)
                found = inner[body]
            made[node] = found

    def _node(self, node: Expr, operands: Sequence[Objects]) -> Objects | None:
        """The terms of one node, or None where only its expansion has any."""
        op, named = node.op, node.named
        if op.name == "input":
            return self._input(node)
        if op.kind is Kind.LEAF:
            return _lifted(np.asarray(op.numpy(**named)))
        if op.name in SAME:
            return operands[0]
        if op.name == "cast":
            return _cast(operands[0], node)
        if op.name in FOLDS:
            return _folded(FOLDS[op.name], operands[0], named["axes"])
        if op.name in ("matmul", "gemm"):
            return _product(op.name, operands)
        if op.name == "convolution":
            a, v = operands
            return _convolved(a, v, named["start"][0], named["shape"])
        if op.name in STEPS:
            step: Callable[..., Any] = functools.partial(term, STEPS[op.name])
            return walked(step, list(operands), named["axis"], named["reverse"])
        if op.kind is Kind.MOVEMENT and data_operands(op) == op.arity:
            return _moved(node, operands)
        if (
            op.name in self.known | set(CERTAIN)
            and op.kind in (Kind.ELEMENTWISE, Kind.COMPOSITE)
            and not named
        ):
            return _each(op.name, *operands)
        if op.kind is Kind.ELEMENTWISE:
            return np.asarray(op.body(_Words(self.known), *operands), object)
        if op.real is None:
            raise unknown(op.name)
        return None

    def _input(self, node: Expr) -> Objects:
        made = np.empty(sizes_of(node), object)
        for index in np.ndindex(made.shape):
            made[index] = leaf(len(self.columns))
            self.columns.append((node, index))
        return made


def sizes_of(node: Expr) -> tuple[int, ...]:
    """The shape of a node whose sizes are numbers."""
    assert all(isinstance(s, int) for s in node.shape), node
    return tuple(int(s) for s in node.shape if isinstance(s, int))


def unknown(name: str) -> UnsupportedError:
    """The error for an op that terms do not have."""
    hint = "Elementwise functions, sums, products, maxima and movements have them."
    return UnsupportedError(message("accuracy", "ops with a true value", name, hint))


class _Words(Builder):
    """Scalar bodies on arrays of terms."""

    def __init__(self, known: frozenset[str]) -> None:
        self.known = known

    def apply(self, name: str, *operands: Any) -> Any:
        if name == "select":
            name = "where"
        if name not in self.known and name not in CERTAIN:
            raise unknown(name)
        return _each(name, *operands)

    def constant(self, value: float, like: Any) -> Any:
        return np.broadcast_to(np.asarray(number(value), object), np.shape(like))


def _each(name: str, *operands: Any) -> Objects:
    if name in CERTAIN:
        operation = "equal" if CERTAIN[name] else "not_equal"
        return np.full(np.shape(operands[0]), term(operation, number(0), number(0)), object)
    make: Callable[..., Term] = lambda *parts: term(name, *parts)  # noqa: E731
    return np.asarray(np.frompyfunc(make, len(operands), 1)(*operands), object)


def _lifted(values: np.ndarray) -> Objects:
    made = np.empty(values.shape, object)
    for index in np.ndindex(values.shape):
        value = values[index]
        floating = values.dtype.kind == "f"
        made[index] = constant_term(value.item(), values.dtype) if floating else number(int(value))
        if values.dtype.kind == "b":
            made[index] = term("not_equal", number(int(value)), number(0))
    return made


def _cast(x: Objects, node: Expr) -> Objects:
    source, target = node.arguments[0].dtype.kind, node.dtype.kind
    if source == target or (source in "iu" and target in "fiu"):
        return x
    if source == "b" and target in "fiu":
        return _each("where", x, number(1), number(0))
    raise unknown(f"a cast of {node.arguments[0].dtype} to {node.dtype}")


def _folded(name: str, x: Objects, axes: Sequence[int]) -> Objects:
    """The elements along the axes folded from left to right; of none, the op's neutral element."""
    rest = [a for a in range(x.ndim) if a not in axes]
    rows = np.transpose(x, [*rest, *axes]).reshape([x.shape[a] for a in rest] + [-1])
    made = np.empty(rows.shape[:-1], object)
    for index in np.ndindex(made.shape):
        parts: list[Term] = list(rows[index])
        if not parts and name not in ("add", "multiply"):
            raise unknown(f"{name} of no elements")
        total = parts[0] if parts else number(0 if name == "add" else 1)
        made[index] = functools.reduce(functools.partial(term, name), parts[1:], total)
    return made


def _product(name: str, operands: Sequence[Objects]) -> Objects:
    if name == "gemm":
        alpha, a, b, beta, c = operands
        scaled = _each("multiply", alpha, _product("matmul", (a, b)))
        return _each("add", scaled, _each("multiply", beta, c))
    a, b = operands
    pairs = _each("multiply", a[..., :, :, None], b[..., None, :, :])
    return _folded("add", pairs, (pairs.ndim - 2,))


def _convolved(a: Objects, v: Objects, start: int, shape: Sequence[int]) -> Objects:
    made = np.empty(shape, object)
    left, right = terms_of(a.shape[-1], v.shape[-1], start, shape[-1])
    for *row, k in np.ndindex(*shape):
        met = [(i, j) for i, j in zip(left[k], right[k], strict=True) if i >= 0]
        parts = [term("multiply", a[(*row, i)], v[(*row, j)]) for i, j in met]
        total = parts[0] if parts else number(0)
        made[(*row, k)] = functools.reduce(functools.partial(term, "add"), parts[1:], total)
    return made


def _moved(node: Expr, operands: Sequence[Objects]) -> Objects:
    """A movement by what it does to numbered elements; number 0 is the padding."""
    numbers, start = [], 1
    for x in operands:
        numbers.append(np.arange(start, start + x.size).reshape(x.shape))
        start += x.size
    pool = np.empty(start, object)
    pool[0] = number(0)
    pool[1:] = [t for x in operands for t in x.ravel()]
    return np.asarray(pool[node.op.numpy(*numbers, **node.named)], object)


def stacked(unrolled: Unrolled, calls: Sequence[Mapping[Expr, np.ndarray]]) -> list[np.ndarray]:
    """A column of float64 for each input of the terms: its element in each call."""
    return [
        np.array([np.asarray(call[node])[index] for call in calls], np.float64)
        for node, index in unrolled.columns
    ]


assert set(FOLDS) <= set(OPS), "a reduction has another name"
