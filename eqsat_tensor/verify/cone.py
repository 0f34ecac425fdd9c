"""The part of a program that some elements of an output need, as a small program of its own.

    x @ w + b at 3 places, x: f64[1000, 100]   ->   a program on 3 x 100 elements of x and of w

High precision costs a thousand times what NumPy does: so it looks at cones, never at large arrays.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

import numpy as np

from eqsat_tensor.extents import evaluate as size_number
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import OPS, Expr, apply
from eqsat_tensor.types import literal
from eqsat_tensor.verify.convolutions import terms_of
from eqsat_tensor.verify.error_rules import Array

LARGEST = 20_000  # elements of all nodes of a cone together
_key = count(1 << 42)


class _NoCone(Exception):
    """An op whose elements cannot be told apart, or too many elements."""


def cone(
    output: Expr, inputs: Mapping[Expr, Array], places: Array
) -> tuple[Expr, dict[Expr, Array]] | None:
    """A program of one axis whose elements are those of ``output`` at ``places`` (rows of indices).

    Sizes are known.  None where there is no such program of a reasonable size.
    """
    shape = _shape(output)
    flat = np.ravel_multi_index(tuple(places.T), shape) if shape else np.zeros(len(places), int)
    builder = _Builder(inputs)
    try:
        return builder.at(output, np.asarray(flat)), builder.values
    except (_NoCone, RecursionError):
        return None


def _shape(node: Expr) -> tuple[int, ...]:
    return tuple(size_number(s, {}) for s in node.shape)


def _numbers(node: Expr) -> Array:
    shape = _shape(node)
    return np.arange(int(np.prod(shape, dtype=int))).reshape(shape)


class _Builder:
    def __init__(self, inputs: Mapping[Expr, Array]) -> None:
        self.inputs = inputs
        self.values: dict[Expr, Array] = {}
        self.known: dict[tuple[Expr, bytes], Expr] = {}
        self.left = LARGEST

    def at(self, node: Expr, flat: Array) -> Expr:
        """The elements of ``node`` with these numbers, in C order, as a vector."""
        key = (node, flat.tobytes())
        if key not in self.known:
            self.left -= flat.size
            if self.left < 0:
                raise _NoCone
            self.known[key] = self.made(node, flat)
        return self.known[key]

    def made(self, node: Expr, flat: Array) -> Expr:
        op, kind = node.op, node.op.kind
        whole = all(a.shape == node.shape for a in node.arguments)
        if op is OPS["full"]:
            return apply(op, value=node["value"], shape=(flat.size,))
        if kind is Kind.LEAF:
            value = self.inputs[node] if op is OPS["input"] else op.numpy(**node.named)
            return self.leaf(np.asarray(value).reshape(-1)[flat])
        if kind in (Kind.ELEMENTWISE, Kind.BARRIER) or (
            kind is Kind.COMPOSITE and whole and not op.attributes
        ):
            return self.again(node, [self.at(a, flat) for a in node.arguments], flat.size)
        if kind is Kind.COMPOSITE and op.real is not None:
            return self.at(op.real(*node.arguments, **node.named), flat)
        if kind is Kind.MOVEMENT and op.arity == 1:
            (operand,) = node.arguments
            order = op.numpy(_numbers(operand) + 1, **node.named).reshape(-1)[flat]
            if not order.all():
                raise _NoCone  # padding
            return self.at(operand, order - 1)
        if kind is Kind.REDUCTION:
            return self.reduced(node, flat)
        if op.name == "matmul":
            return self.product(node, flat)
        if op.name == "convolution":
            return self.convolved(node, flat)
        raise _NoCone

    def leaf(self, value: Array) -> Expr:
        made = apply(
            OPS["input"], name=f"c{len(self.values)}", key=next(_key), dtype=value.dtype, shape=value.shape
        )  # fmt: skip
        self.values[made] = value
        return made

    def again(self, node: Expr, operands: list[Expr], size: int) -> Expr:
        named: dict[str, Any] = node.named
        if "shape" in named:
            named["shape"] = (size,)
        return apply(node.op, *operands, **named)

    def rows(self, node: Expr, numbers: Array) -> Expr:
        """Elements of ``node`` as a matrix."""
        return apply(OPS["reshape"], self.at(node, numbers.reshape(-1)), shape=numbers.shape)

    def reduced(self, node: Expr, flat: Array) -> Expr:
        (operand,) = node.arguments
        axes = node["axes"]
        last = np.moveaxis(_numbers(operand), axes, range(-len(axes), 0))
        rows = last.reshape(int(np.prod(_shape(node), dtype=int)), -1)[flat]
        return apply(node.op, self.rows(operand, rows), **(node.named | {"axes": (1,)}))

    def product(self, node: Expr, flat: Array) -> Expr:
        a, b = node.arguments
        *_, m, p = _shape(node)
        batch, i, j = flat // (m * p), flat // p % m, flat % p
        lines = _numbers(a).reshape(-1, m, _shape(a)[-1])[batch, i]
        columns = _numbers(b).reshape(-1, _shape(b)[-2], p)[batch, :, j]
        product = apply(OPS["multiply"], self.rows(a, lines), self.rows(b, columns))
        return apply(OPS["sum"], product, axes=(1,))

    def convolved(self, node: Expr, flat: Array) -> Expr:
        a, v = node.arguments
        n, m, length = (_shape(x)[-1] for x in (a, v, node))
        start = size_number(node["start"][0], {})
        left, right = (terms[flat % length] for terms in terms_of(n, m, start, length))
        if not (n and m):
            raise _NoCone
        row = (flat // length)[:, None]
        parts = [
            self.rows(x, np.maximum(t, 0) + row * k) for x, t, k in ((a, left, n), (v, right, m))
        ]
        met = apply(OPS["reshape"], self.leaf((left >= 0).reshape(-1)), shape=left.shape)
        product = apply(OPS["multiply"], *parts)
        none = apply(OPS["full"], value=literal(0, node.dtype), shape=left.shape)
        return apply(OPS["sum"], apply(OPS["where"], met, product, none), axes=(1,))
