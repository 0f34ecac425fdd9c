"""Programs for the tests of rules: from a function on tensors to what the optimiser makes of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from eqsat_tensor.egraph.decode import decode
from eqsat_tensor.egraph.graph import Graph, Node
from eqsat_tensor.egraph.saturate import saturate
from eqsat_tensor.extents import symbol
from eqsat_tensor.extract import extract
from eqsat_tensor.extract.cost import CostModel
from eqsat_tensor.lang import Expr, topological
from eqsat_tensor.normalize import normalize
from eqsat_tensor.ops.captured import input_leaf
from eqsat_tensor.reference import evaluate
from eqsat_tensor.rules import RuleBook, load_rulebook
from eqsat_tensor.tensor import Tensor, as_expr

FUSED = frozenset((
    "log1p", "expm1", "log1mexp", "sigmoid", "softplus", "tanh", "erf", "erfc", "logaddexp",
    "logsumexp", "softmax", "log_softmax", "log_ndtr", "ndtr", "erfcx", "gammaln", "kve", "ive", "k0e",
    "k1e", "i0e", "i1e", "where",
))  # fmt: skip


@dataclass(frozen=True)
class Made:
    """A program as written, as extracted, and the e-graph between."""

    leaves: tuple[Expr, ...]
    written: tuple[Expr, ...]
    extracted: tuple[Expr, ...]
    graph: Graph

    def value(self, *arrays: Any) -> Any:
        """The first result of the extracted program, by the reference evaluator."""
        inputs = dict(zip(self.leaves, map(np.asarray, arrays), strict=True))
        with np.errstate(all="ignore"):
            return evaluate(list(self.extracted), inputs)[0]

    def ops(self) -> list[str]:
        """Names of the ops of the extracted program, a name as often as it occurs."""
        return [n.op.name for n in topological(self.extracted)]


@cache
def package_rules(math: str = "default") -> RuleBook:
    return load_rulebook().for_math(math)


def leaves_like(arrays: Sequence[Any], lower: int | None = None) -> list[Any]:
    """One input tensor for each array.

    lower: None: sizes are known; else sizes above 1 are symbols, equal where the sizes are equal,
    of which it is known that they are at least ``lower``.
    """
    tensors = []
    for i, array in enumerate(map(np.asarray, arrays)):
        shape = [n if lower is None or n < 2 else symbol(f"n{n}", lower) for n in array.shape]
        tensors.append(Tensor(input_leaf(f"x{i}", array.dtype, tuple(shape))))
    return tensors


def optimise(
    program: Callable[..., Any],
    arrays: Sequence[Any],
    book: RuleBook | None = None,
    dear: Collection[str] = (),
    lower: int | None = None,
) -> Made:
    """Trace ``program`` on tensors like ``arrays``, saturate, extract.

    dear: names of ops that are to cost a hundred times their price; lower: see `leaves_like`.
    """
    tensors = leaves_like(arrays, lower)
    result = program(*tensors)
    outputs = result if isinstance(result, tuple) else (result,)
    leaves = [as_expr(t) for t in tensors]
    return optimise_exprs([as_expr(o) for o in outputs], leaves, book, dear)


def optimise_exprs(
    roots: Sequence[Expr],
    leaves: Sequence[Expr],
    book: RuleBook | None = None,
    dear: Collection[str] = (),
) -> Made:
    """The same from expressions."""
    normal, became = normalize(roots, leaves)
    found = saturate(normal, book if book is not None else package_rules())
    assert found.graph is not None, found.diagnostic
    model = CostModel(sizes={})

    def cost(node: Node, graph: Graph) -> float:
        return model(node, graph) * (100 if node.op in dear else 1)

    extracted = decode(found.graph, extract(found.graph, cost))
    return Made(
        tuple(became[leaf] for leaf in leaves), tuple(normal), tuple(extracted), found.graph
    )
