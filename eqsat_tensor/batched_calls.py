"""`subgraph`, `cond` and `wrap` under `vmap`: the batched graph is one graph again, compiled once.

call   the graph of a batch;  wrap  one call back to Python, which goes through the elements
cond   where the condition is the same for the batch, one of two graphs of a batch; else both are evaluated
       and `where` selects, as in JAX
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from eqsat_tensor.batching import vmap
from eqsat_tensor.batching.rules import batch, spread
from eqsat_tensor.calls import Callback, SubGraph, graphs, ops
from eqsat_tensor.extents import Size, symbol
from eqsat_tensor.lang import Expr
from eqsat_tensor.ops.compare import where
from eqsat_tensor.ops.leaf import constant
from eqsat_tensor.ops.movement import broadcast
from eqsat_tensor.ops.reduce import all_over
from eqsat_tensor.types import TensorType


def batched_graph(graph: SubGraph, sizes: int) -> SubGraph:
    """The graph for operands with one more axis in front; its size is the symbol after the ``sizes``."""
    key = ("batched", sizes)
    if key not in graph.variants:
        size = symbol(f"s{sizes}")
        wide = [
            graphs.parameter(i, p.type.with_shape((size, *p.shape)))
            for i, p in enumerate(graph.parameters)
        ]
        found, have = batch(graph.outputs, dict(zip(graph.parameters, wide, strict=True)), size)
        values = [
            e if has else spread(e, size)
            for e, has in zip(found[: graph.values], have, strict=False)
        ]
        checks = [
            all_over(e, (0,)) if has else e
            for e, has in list(zip(found, have, strict=True))[graph.values :]
        ]
        own = None if graph.vjp is None else _batched_vjp(graph.vjp)
        pairs = list(zip(checks, graph.texts, strict=True))
        graph.variants[key] = graphs.graph_of(f"{graph.name}_batch", wide, values, own, pairs)
    made: SubGraph = graph.variants[key]
    return made


@cache
def _batched_vjp(vjp: Callable[..., Sequence[Any]]) -> Callable[..., Sequence[Any]]:
    def own(cts: Any, results: Any, operands: Any) -> Sequence[Any]:
        made: Sequence[Any] = vmap(lambda c, r, o: list(vjp(c, r, o)))(cts, results, operands)
        return made

    return own


def call(node: Expr, operands: Sequence[Expr], size: Size) -> Expr:
    """A result of a graph, for a batch."""
    sizes = node["sizes"]
    return ops.call(
        batched_graph(node["graph"], len(sizes)), (*sizes, size), operands, node["result"]
    )


def cond(node: Expr, operands: Sequence[Expr], size: Size) -> Expr:
    """A result of one graph or another, for a batch."""
    sizes = (*node["sizes"], size)
    graphs = [batched_graph(node[name], len(node["sizes"])) for name in ("graph", "other")]
    condition, *rest = operands
    if condition.op.name == "broadcast":  # the same for the whole batch
        every = (condition.arguments[0], *rest)
        return ops.conditional(*ops.same_checks(*graphs), sizes, every, node["result"])
    one, other = (ops.call(g, sizes, rest, node["result"]) for g in graphs)
    return where(broadcast(condition, range(1, len(one.shape)), one.shape), one, other)


@cache
def _batched_callback(callback: Callback, types: tuple[TensorType, ...]) -> Callback:
    def function(*arrays: Any) -> tuple[Any, ...]:
        rows = [callback.run(row) for row in zip(*arrays, strict=True)]
        if not rows:  # sizes that are not known are taken as 0: there is no element to tell
            shapes = [[s if isinstance(s, int) else 0 for s in t.shape] for t in types]
            return tuple(np.zeros((0, *s), t.dtype) for s, t in zip(shapes, types, strict=True))
        return tuple(np.stack(column) for column in zip(*rows, strict=True))

    vjp = None if callback.vjp is None else vmap(callback.vjp)
    return Callback(function, callback.name, callback.count, vjp)


def wrap(node: Expr, operands: Sequence[Expr], size: Size) -> Expr:
    """A result of a Python function, for a batch."""
    types: tuple[TensorType, ...] = node["results"].types
    wide = tuple(t.with_shape((size, *t.shape)) for t in types)
    if size == 0:
        return constant(0, node.dtype, (0, *node.shape))
    results = ops.all_types(wide)
    return ops.wrapped(
        _batched_callback(node["callback"], types), results, operands, node["result"]
    )
