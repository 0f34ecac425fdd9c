"""`Expr` -> loop values: composites expanded, scalar bodies recorded, each other op by its kind.

%0 = softplus(x) : f64[n]      ->  Map softplus
%1 = sum(%0, axes=(0,))        ->  Reduce sum of it
%2 = transpose(y, axes=(1, 0)) ->  View, by `movement`
%3 = matmul(y, %2)             ->  Call gemm, by `products`
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import BOOL, FLOAT16, FLOAT32, OF_ONE_RESULT, OPS, Expr, topological
from eqsat_tensor.scalar import PRIMITIVES, Builder
from eqsat_tensor.schedule import movement, pairs, products, updates
from eqsat_tensor.schedule.chains import Chains, chains_of
from eqsat_tensor.schedule.loop_values import (
    Call,
    Constant,
    Host,
    Input,
    Iota,
    Map,
    Reduce,
    Scan,
    SizeValue,
    Value,
)
from eqsat_tensor.schedule.table import Table
from eqsat_tensor.types import Shape, TensorType

NO_LAYOUTS: Mapping[str, Sequence[Any]] = {}


def lower_program(
    outputs: Sequence[Expr], layouts: Mapping[str, Sequence[Any]] = NO_LAYOUTS
) -> tuple[Value, ...]:
    """The loop values of ``outputs``, one an output, no two the same and none an input.

    layouts: of the inputs that are not C-contiguous, by name (`eqsat_tensor.layouts`).
    """
    table = Values(layouts, chains_of(outputs))
    results: list[Value] = []
    for value in table.lower(outputs):
        stored = value
        reshape = isinstance(value, Call) and value.function == "reshape"
        if value in results or reshape or isinstance(value, Input | Constant | SizeValue):
            stored = Map(value.type, "keep", (value,))
        results.append(stored)
    return tuple(results)


# Library ops that are done along the last axis.
ALONG_ROWS = ("sort", "argsort", "ordered_by", "partition", "argpartition")


class Recorder(Builder):
    """Runs a scalar body on values of one shape, making `Map` values."""

    def __init__(self, table: Table, shape: Shape) -> None:
        self.table, self.shape = table, shape

    def apply(self, name: str, *operands: Any) -> Value:
        kept = operands[1] if name == "select" else operands[0]
        dtype = BOOL if PRIMITIVES[name].result == "bool" else kept.dtype
        return self.table.map(name, TensorType(dtype, self.shape), *operands)

    def constant(self, value: float, like: Any) -> Value:
        return self.table.constant(value, like.dtype)


class Values(Table):
    """The table of one program, filled from its nodes."""

    def __init__(self, layouts: Mapping[str, Sequence[Any]], chains: Chains) -> None:
        super().__init__(chains)
        self.layouts = layouts
        self.names: dict[str, Expr] = {}

    def lower(self, outputs: Sequence[Expr]) -> list[Value]:
        for node in topological(outputs):
            if node in self.done:
                continue
            if node.op.kind is Kind.COMPOSITE and node.op.expand is not None:
                expanded = node.op.expand(*map(widened, node.arguments), **node.named)
                self.done[node] = self.cast(self.lower([expanded])[0], node.dtype)
            else:
                operands = tuple(self.done[a] for a in node.arguments)
                self.done[node] = self.lower_node(node, operands)
        return [self.done[o] for o in outputs]

    def lower_node(self, node: Expr, operands: tuple[Value, ...]) -> Value:
        if node.op.name == "cast":
            return self.cast(operands[0], node.dtype)
        if node.op.kind is Kind.ELEMENTWISE:
            result: Value = node.op.body(Recorder(self, node.shape), *operands)
            return self.full(result, node.shape)
        if node.op.kind in (Kind.REDUCTION, Kind.CONTRACTION):
            return self.accumulated(node, operands)
        if node.op.kind is Kind.LIBRARY:
            return pairs.parts(self, self.called(node, operands))
        if node.op.kind is Kind.CUMULATIVE:
            return self.scan(node, *operands)
        return LOWER[node.op.name](self, node, *operands)

    def accumulated(self, node: Expr, operands: Sequence[Value]) -> Value:
        """A reduction or a product; of halves, in float32 and rounded once."""
        if node.dtype == FLOAT16:
            wide = [self.cast(v, FLOAT32) for v in operands]
            return self.cast(self.combined(node, node.type.with_dtype(FLOAT32), wide), FLOAT16)
        return self.combined(node, node.type, operands)

    def combined(self, node: Expr, type: TensorType, operands: Sequence[Value]) -> Value:
        """A reduction or a product, of a type."""
        if node.op.kind is Kind.REDUCTION:
            return self.make(Reduce, type, node.op.name, operands[0], tuple(node["axes"]))
        return products.LOWER[node.op.name](self, type, *operands)

    def scan(self, node: Expr, source: Value, last: Value | None = None) -> Value:
        """Of two operands the first is what the place before is multiplied by."""
        axis, reverse = node["axis"], bool(node["reverse"])
        if node.shape[axis] == 1:
            return source if last is None else last
        if last is not None:
            return self.make(Scan, node.type, node.op.name, last, axis, reverse, source)
        return self.make(Scan, node.type, node.op.name.removeprefix("cum"), source, axis, reverse)

    def called(self, node: Expr, operands: Sequence[Value]) -> Value:
        if node.op.name in ALONG_ROWS and not any(a.dtype.kind == "c" for a in node.arguments):
            axis = node["axis"]
            if axis != len(node.shape) - 1:
                return self.turned(node, operands, axis)
        named, result = node.named, None
        if node.op.results is not None:
            result = named["result"]
            named = {k: v for k, v in named.items() if k not in OF_ONE_RESULT}
        arrays = tuple(self.array(v, a.type) for v, a in zip(operands, node.arguments, strict=True))
        fields = (node.op.name, tuple(named.items()), result)
        return self.make(Host, node.type, "host", arrays, (), *fields)

    def turned(self, node: Expr, operands: Sequence[Value], axis: int) -> Value:
        """A call that goes along rows, for another axis: that and the last change places."""
        order = list(range(len(node.shape)))
        order[axis], order[-1] = order[-1], order[axis]
        shape = tuple(node.shape[k] for k in order)
        swap = [(k, 0, 1) for k in order]
        stored = tuple(
            self.map("keep", a.type.with_shape(shape), self.view(shape, v, swap))
            for v, a in zip(operands, node.arguments, strict=True)
        )
        type = node.type.with_shape(shape)
        named = node.named | {"axis": len(order) - 1}
        fields = (node.op.name, tuple(named.items()), None)
        return self.view(node.shape, self.make(Host, type, "host", stored, (), *fields), swap)

    def array(self, value: Value, type: TensorType) -> Value:
        """A value as an array in memory, or a constant of rank 0."""
        if isinstance(value, Constant) and not type.shape:
            return value
        if isinstance(value, Constant | SizeValue):
            return self.map("keep", type, value)
        return pairs.whole(self, self.stored(value), type)


def widened(x: Expr) -> Expr:
    """Halves as float32, in which what has several steps is computed."""
    return OPS["cast"](x, dtype=FLOAT32) if x.dtype == FLOAT16 else x


# --------------------------------------------------------------------------- ops without operands
def _input(table: Values, node: Expr) -> Value:
    name = str(node["name"])
    assert table.names.setdefault(name, node) is node, f"two inputs are called {name}"
    type, (kind, *order) = pairs.paired(node.type), table.layouts.get(name, ("C",))
    if kind == "C":
        return table.make(Input, type, name, True)
    return table.make(Input, type, name, False, tuple(order), kind == "unit")


def _full(table: Values, node: Expr) -> Value:
    value = table.make(Constant, TensorType(node.dtype, ()), node["value"])
    return table.full(value, node.shape)


def _iota(table: Values, node: Expr) -> Value:
    return table.make(Iota, node.type, node["axis"])


def _size(table: Values, node: Expr) -> Value:
    return table.make(SizeValue, node.type, node["size"][0])


def _keep(table: Values, node: Expr, value: Value) -> Value:
    return Map(value.type, "keep", (value,))


LOWER: dict[str, Callable[..., Value]] = {
    "input": _input,
    "full": _full,
    "iota": _iota,
    "size": _size,
    "keep": _keep,
    **movement.LOWER,
    **updates.LOWER,
    **pairs.LOWER,
}
