"""Small books, programs and choices for tests of the e-graph."""

from __future__ import annotations

import numpy as np

import eqsat_tensor.ops  # noqa: F401  fills the registry
from eqsat_tensor.egraph.graph import Choice, Graph
from eqsat_tensor.egraph.propose import first_nodes
from eqsat_tensor.extents import symbol
from eqsat_tensor.lang import OPS, Expr, apply
from eqsat_tensor.rules import book_of
from eqsat_tensor.rules.book import RuleBook
from eqsat_tensor.types import Shape, literal

F32, F64, I64 = (np.dtype(n) for n in ("float32", "float64", "int64"))
N = symbol("n")

HEAD = """; a book for tests
(ruleset fold :guarantee real :shrinks :subsumes "identities")
(ruleset simplify :guarantee real "directed rules")
(ruleset cleanup :guarantee exact "the same bits")
(schedule
  (saturate types facts)
  (repeat 3 (saturate fold types) (run simplify types) (saturate facts types)))
"""
RULES = """
(rewrite (Add x 0.0) x :ruleset fold :name "add-zero")
(rewrite (Log (Exp x)) x :ruleset fold :name "log-of-exp")
(rewrite (Log (Add (Exp x) 1.0)) (Softplus x) :ruleset simplify :name "softplus")
(rewrite (Multiply (Multiply x (Full c t)) (Full d t)) (Multiply x (Multiply (Full c t) (Full d t)))
  :ruleset simplify :name "constants-together")
(rewrite (Divide x x) 1.0 :when ((nonzero x)) :ruleset fold :name "divide-same")
(fact (positive x) :when ((= x (Exp y))) :name "exp-positive")
(fact (nonzero x) :when ((positive x)) :name "positive-nonzero")
"""


def small_book(rules: str = RULES, head: str = HEAD) -> RuleBook:
    return book_of([("tests.egg", head + rules)])


def leaf(name: str = "x", shape: Shape = (N, 3), dtype: np.dtype = F32, key: int = 0) -> Expr:
    return apply(OPS["input"], name=name, key=key, dtype=dtype, shape=shape)


def full(value: object, like: Expr) -> Expr:
    return apply(OPS["full"], value=literal(value, like.dtype), shape=like.shape)


def op(name: str, *operands: Expr, **attributes: object) -> Expr:
    return apply(OPS[name], *operands, **attributes)


def first_choice(graph: Graph) -> Choice:
    """Any acyclic choice: the node of each class that was found first, bottom-up."""
    first = first_nodes(graph)
    number = {n: i for i, n in enumerate(graph.nodes)}
    return Choice({c: number[n] for c, n in first.items()})


def ops_of_root(graph: Graph, root: int = 0) -> set[str]:
    return {graph.nodes[i].op for i in graph.by_class[graph.roots[root]]}


def tower(layers: int) -> list[Expr]:
    """Layers of matmul, bias and an activation written out naively; two roots."""
    h = leaf("x", (N, 8), key=0)
    for i in range(layers):
        w, b = leaf(f"w{i}", (8, 8), key=2 * i + 1), leaf(f"b{i}", (8,), key=2 * i + 2)
        z = op("add", op("matmul", h, w), op("broadcast", b, axes=(0,), shape=(N, 8)))
        one = full(1.0, z)
        if i % 2:
            h = op("divide", one, op("add", one, op("exp", op("negative", z))))
        else:
            h = op("log", op("add", one, op("exp", z)))
    return [op("sum", h, axes=(1,)), h]
