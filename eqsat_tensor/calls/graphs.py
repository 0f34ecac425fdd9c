"""Canonical graphs: what a function makes of tensors, on parameters of its own; equal graphs are one."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

from eqsat_tensor.conditions import checks_of, guards_of
from eqsat_tensor.extents import Guard, Size, symbol, symbols_of
from eqsat_tensor.kinds import Attribute
from eqsat_tensor.lang import (
    INEXACT,
    Expr,
    apply,
    next_serial,
    replaced,
    substitute_sizes,
    topological,
)
from eqsat_tensor.normalize import objects_of, program_digest
from eqsat_tensor.ops.captured import input_leaf
from eqsat_tensor.ops.leaf import input_
from eqsat_tensor.reference import evaluate
from eqsat_tensor.tensor import Tensor, as_expr
from eqsat_tensor.transform import closed_over
from eqsat_tensor.trees import Tree, flatten, unflatten
from eqsat_tensor.types import TensorType

OF_RESULT = {"result": Attribute.INT, "dtype": Attribute.DTYPE, "shape": Attribute.SHAPE}


@dataclass(frozen=True, eq=False)
class SubGraph:
    """A canonical graph: leaves, results, then 0-d bools that must come out true, with their texts.

    vjp: instead of the derivative of the graph, ``vjp(cotangents, results, *operands)``, all flat.
    """

    name: str
    parameters: tuple[Expr, ...]
    outputs: tuple[Expr, ...]
    texts: tuple[str, ...]
    vjp: Callable[..., Sequence[Any]] | None = None
    digest: str = ""
    variants: dict[Any, Any] = field(default_factory=dict)  # compiled forms, by options

    def __repr__(self) -> str:
        return f"<{self.name} {self.digest}>"  # all that a program's digest sees of it

    @property
    def values(self) -> int:
        """How many results there are, the checks not counted."""
        return len(self.outputs) - len(self.texts)

    @functools.cached_property
    def guards(self) -> tuple[Guard, ...]:
        """Conditions on the sizes."""
        return tuple(guards_of(self.outputs))

    def run(self, arrays: Sequence[Any], sizes: Sequence[int]) -> tuple[Any, ...]:
        """The results of arrays, by the reference evaluator."""
        named = {f"s{k}": n for k, n in enumerate(sizes)}
        return tuple(evaluate(self.outputs, dict(zip(self.parameters, arrays, strict=True)), named))

    def pullback(self, result: int) -> SubGraph:
        """From the operands and a cotangent of one result: a cotangent of each operand of floats."""
        key = ("pullback", result)
        if key not in self.variants:
            output = self.outputs[result]
            ct = parameter(len(self.parameters), output.type)
            wrt = [p for p in self.parameters if p.dtype in INEXACT]
            from eqsat_tensor.autodiff import pullback  # with a derivative, not with every import

            backs = pullback([output], [ct], wrt)
            self.variants[key] = graph_of(f"{self.name}_back", (*self.parameters, ct), backs)
        made: SubGraph = self.variants[key]
        return made


_graphs: WeakValueDictionary[str, SubGraph] = WeakValueDictionary()


def parameter(number: int, type: TensorType) -> Expr:
    """The leaf that stands for the operand ``number`` of every graph with such an operand."""
    return apply(
        input_, name=f"p{number}", key=-(1 << 40) - number, dtype=type.dtype, shape=type.shape
    )


def graph_of(
    name: str,
    parameters: Sequence[Expr],
    outputs: Sequence[Expr],
    vjp: Callable[..., Sequence[Any]] | None = None,
    checks: Sequence[tuple[Expr, str]] | None = None,
) -> SubGraph:
    """The graph of canonical parameters and outputs; equal graphs are one."""
    found = checks_of(outputs) if checks is None else checks
    every = (*outputs, *(e for e, _ in found))
    texts = tuple(t for _, t in found)
    digest = program_digest(every, parameters)
    held = [vjp, *objects_of(every)]  # what a digest does not tell apart
    key = f"{name} {digest} {texts} {list(map(id, held))}"
    known = _graphs.get(key)
    if known is None:
        known = _graphs[key] = SubGraph(name, tuple(parameters), every, texts, vjp, digest)
    return known


def graph_again(
    name: str,
    types: Sequence[TensorType],
    build: Callable[[Sequence[Expr]], Sequence[Expr]],
    texts: Sequence[str],
) -> SubGraph:
    """A graph that was saved: ``build(parameters)`` gives its results and then its checks."""
    parameters = [parameter(i, type) for i, type in enumerate(types)]
    every = build(parameters)
    values = len(every) - len(texts)
    checks = list(zip(every[values:], texts, strict=True))
    return graph_of(name, parameters, every[:values], None, checks)


@dataclass(frozen=True)
class Body:
    """A traced function: fresh leaves of the operands given, what it closes over, its results."""

    leaves: tuple[Expr, ...]
    closed: tuple[Expr, ...]
    outputs: tuple[Expr, ...]
    tree: Tree


def traced_body(function: Callable[..., Any], tree: Tree, operands: Sequence[Expr]) -> Body:
    """A function run on tensors of fresh leaves, of the types of ``operands``."""
    start = next_serial()
    leaves = tuple(input_leaf(f"operand{i}", e.dtype, e.shape) for i, e in enumerate(operands))
    result = function(*unflatten(tree, [Tensor(leaf) for leaf in leaves]))
    values, out_tree = flatten(result)
    outputs = tuple(as_expr(v) for v in values)
    return Body(leaves, tuple(closed_over(outputs, leaves, start)), outputs, out_tree)


def canonical(
    bodies: Sequence[Body], operands: Sequence[Expr]
) -> tuple[list[Expr], list[list[Expr]], list[Expr], tuple[Size, ...]]:
    """All operands, each body's outputs on canonical parameters, these, and the sizes s0, s1, ..."""
    closed = list(dict.fromkeys(e for body in bodies for e in body.closed))
    every = [*operands, *closed]
    names = list(
        dict.fromkeys(
            name
            for body in bodies
            for node in topological([*body.leaves, *body.closed, *body.outputs])
            for size in _sizes_in(node)
            for name in sorted(symbols_of(size))
        )
    )
    lowers = _lower_bounds(every)
    renamed: dict[str, Size] = {n: symbol(f"s{k}", lowers.get(n, 0)) for k, n in enumerate(names)}
    outputs = []
    parameters: list[Expr] = []
    for body in bodies:
        leaves = [*body.leaves, *closed]
        stand_ins = [input_leaf("stand_in", e.dtype, e.shape) for e in leaves]
        opened = replaced(body.outputs, dict(zip(leaves, stand_ins, strict=True)))
        both = substitute_sizes([*opened, *stand_ins], renamed)
        news = both[len(opened) :]
        parameters = [parameter(i, leaf.type) for i, leaf in enumerate(news)]
        outputs.append(replaced(both[: len(opened)], dict(zip(news, parameters, strict=True))))
    return every, outputs, parameters, tuple(symbol(n, lowers.get(n, 0)) for n in names)


def _sizes_in(node: Expr) -> list[Size]:
    found = list(node.shape)
    for kind, value in zip(node.op.attributes.values(), node.attributes, strict=True):
        if kind in (Attribute.SHAPE, Attribute.SIZES):
            found += value
    return found


def _lower_bounds(operands: Sequence[Expr]) -> dict[str, int]:
    """What is known of each symbol from below."""
    lowers: dict[str, int] = {}
    for node in topological(operands):
        for size in node.shape:
            if not isinstance(size, int):
                for monomial, _ in size.terms:
                    for atom in monomial:
                        if hasattr(atom, "lower"):
                            lowers[atom.name] = max(atom.lower, lowers.get(atom.name, 0))
    return lowers
