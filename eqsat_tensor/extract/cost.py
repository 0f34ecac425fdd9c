"""What a node costs, in nanoseconds: read off its op's kind, scalar body and shapes.

An op has no entry of its own here.  Elementwise ops and reductions cost arithmetic alone: the
schedule fuses them, so no memory traffic is charged but a little for each element.  Composites
cost what their expansion costs; products what the machine's library takes for flops and bytes.
Views are nearly free: a transpose costs nothing on a contraction operand.  So a broadcasted
product that is then summed costs its elements, and a matrix product instead of it wins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eqsat_tensor.egraph.graph import Graph, Node
from eqsat_tensor.extents import Size, evaluate, symbols_of
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import OPS, Expr, OpDef, apply, topological
from eqsat_tensor.machine import DEFAULT, Profile
from eqsat_tensor.scalar import CountingBuilder
from eqsat_tensor.types import TensorType

UNKNOWN_SIZE = 1000  # what a size that nobody has given stands for
HIGHEST = 1e18  # ns; saturates here, thirty years


class CostModel:
    """``cost(node, graph)``: what one node costs, its operands not counted, in nanoseconds.

    profile  the machine's figures.
    sizes    what each symbolic size stands for (buckets of the first call's); others are 1000.
    """

    def __init__(self, profile: Profile = DEFAULT, sizes: Mapping[str, int] | None = None) -> None:
        self.profile = profile
        self.sizes = dict(sizes or {})
        self._known: dict[tuple[Any, ...], float] = {}
        self._units: dict[str, float] = {}
        self._elements: dict[tuple[Size, ...], float] = {}
        self._counted: Graph | None = None  # the graph whose results `_last` has
        self._last: dict[tuple[str, tuple[int, ...]], int] = {}

    def __call__(self, node: Node, graph: Graph) -> float:
        result = graph.types[node.eclass]
        operands = tuple(graph.types[o] for o in node.operands)
        if self.comes_along(node, graph):
            return self.profile.node
        key = (node.op, node.attributes, result, operands)
        cost = self._known.get(key)
        if cost is None:
            assert result is not None, node
            assert None not in operands, node
            known = [t for t in operands if t is not None]
            cost = min(HIGHEST, self.price(OPS[node.op], result, known, node.attributes))
            self._known[key] = cost
        return cost

    def price(
        self,
        op: OpDef,
        result: TensorType,
        operands: Sequence[TensorType],
        attributes: Sequence[Any],
    ) -> float:
        """What ``op`` costs on operands of these types."""
        profile = self.profile
        match op.kind:
            case Kind.LEAF | Kind.BARRIER:
                return 0.0
            case Kind.ELEMENTWISE:
                elements = self.elements(result)
                wide = max([result, *operands], key=lambda t: t.dtype.itemsize)
                arithmetic = self.units(op) * self.unit(wide.dtype)
                return profile.node + elements * (arithmetic + profile.element)
            case Kind.REDUCTION:
                source = operands[0]
                return profile.node + self.elements(source) * self.unit(source.dtype)
            case Kind.CUMULATIVE:
                return profile.node + self.elements(result) * SCAN_UNITS * self.unit(result.dtype)
            case Kind.CONTRACTION:
                return self.product(operands, result)
            case Kind.SCATTER:
                return self.scatter(operands)
            case Kind.MOVEMENT:
                return self.movement(op, operands, result)
            case Kind.COMPOSITE:
                return self.composite(op, result, operands, attributes)
            case Kind.LIBRARY:
                return self.of_call(op, result, operands)

    def product(self, operands: Sequence[TensorType], result: TensorType) -> float:
        """A matrix product [..., m, k] @ [..., k, n], or gemm, which also reads its addend.

        Each matrix of a batch is a call of the library.
        """
        matrices = [t for t in operands if t.rank >= 2]
        inner = self.number(matrices[0].shape[-1])
        flops = 2 * self.elements(result) * inner
        moved = sum(self.bytes(t) for t in (*matrices, result))
        calls = max(1.0, self.elements(result.with_shape(result.shape[:-2])))
        arithmetic = flops * self.profile.of_flop(flops / calls) * result.dtype.itemsize / 8
        return calls * self.profile.call + max(arithmetic, moved * self.profile.byte)

    def of_call(self, op: OpDef, result: TensorType, operands: Sequence[TensorType]) -> float:
        """A call by way of Python, each element read and written, and what the op says it computes."""
        profile = self.profile
        elements = sum(self.elements(t) for t in (*operands, result))
        total = profile.host + elements * profile.gather
        if op.flops is not None:
            shapes = [tuple(map(self.number, t.shape)) for t in operands]
            total += op.flops(*shapes) * profile.factor * result.dtype.itemsize / 8
        return total

    def comes_along(self, node: Node, graph: Graph) -> bool:
        """True for a result of a call of which the graph has a later result, which is charged."""
        if "result" not in OPS[node.op].attributes:
            return False
        if self._counted is not graph:
            self._counted, self._last = graph, {}
            for n in graph.nodes:
                if "result" in OPS[n.op].attributes:
                    key = (n.op, n.operands)
                    self._last[key] = max(self._last.get(key, 0), self.which(n))
        return self.which(node) < self._last[node.op, node.operands]

    @staticmethod
    def which(node: Node) -> int:
        """The number of the result that a node of an op with several results is."""
        found: int = node.attributes[list(OPS[node.op].attributes).index("result")]
        return found

    def movement(self, op: OpDef, operands: Sequence[TensorType], result: TensorType) -> float:
        """Views cost next to nothing; what makes a new array costs its bytes."""
        profile = self.profile
        if op.name in ("pick", "gather"):
            return profile.node + self.elements(result) * profile.gather
        if op.name in COPIES:
            return profile.node + self.bytes(result) * profile.byte
        return profile.view

    def scatter(self, operands: Sequence[TensorType]) -> float:
        """The whole array is copied, and each update read, and its place read and written."""
        whole, _, updates = operands
        moved = self.bytes(whole) * self.profile.byte
        return self.profile.call + moved + 2 * self.elements(updates) * self.profile.gather

    def composite(
        self,
        op: OpDef,
        result: TensorType,
        operands: Sequence[TensorType],
        attributes: Sequence[Any],
    ) -> float:
        """What the expansion costs; a node less, since one name for it all is easier to fuse."""
        if op.expand is None:
            source = operands[0]
            return self.profile.node + self.elements(source) * SEARCH_UNITS * self.unit(
                source.dtype
            )
        leaves = [self.leaf(number, type) for number, type in enumerate(operands)]
        given = dict(zip(op.attributes, attributes, strict=True))
        total = 0.0
        for expr in topological([op.expand(*leaves, **given)]):
            types = [a.type for a in expr.arguments]
            total += self.price(expr.op, expr.type, types, expr.attributes)
        return max(self.profile.node, total - self.profile.node)

    def leaf(self, number: int, type: TensorType) -> Expr:
        """An input that stands for the operand ``number`` of a composite."""
        return apply(
            OPS["input"], name=f"operand{number}", key=-1, dtype=type.dtype, shape=type.shape
        )

    def units(self, op: OpDef) -> float:
        """The cost of an elementwise op's body, in vector additions an element."""
        if op.name not in self._units:
            counter = CountingBuilder()
            op.body(counter, *(None for _ in range(op.arity)))
            self._units[op.name] = counter.cost
        return self._units[op.name]

    def unit(self, dtype: np.dtype) -> float:
        """Nanoseconds of a unit: narrow types go more to a vector."""
        return self.profile.unit * max(4, dtype.itemsize) / 8

    def bytes(self, type: TensorType) -> float:
        return self.elements(type) * type.dtype.itemsize

    def elements(self, type: TensorType) -> float:
        """How many elements a value has."""
        shape = type.shape
        if shape not in self._elements:
            total = 1.0
            for size in shape:
                total *= self.number(size)
            self._elements[shape] = min(HIGHEST, total)
        return self._elements[shape]

    def number(self, size: Size) -> float:
        """What a size stands for; never negative."""
        if isinstance(size, int):
            return size
        values = {name: self.sizes.get(name, UNKNOWN_SIZE) for name in symbols_of(size)}
        return max(0, evaluate(size, values))


SCAN_UNITS = 4.0  # each place waits for the one before it
COPIES = frozenset(("pad", "concatenate", "update_slice"))
SEARCH_UNITS = 3.0  # argmax and argmin: a comparison and two selections an element
