"""Proposers: rewrites that no bounded pattern can say, as Python functions over the frozen e-graph.

A proposer reads the graph and gives terms that are equal to e-classes.  It is a rule in all but
form: it has a name and a guarantee, provenance names it, and what it proposes is saturated with
the rest.  Where a pattern in a rule file can say the same, that is the better place.

    exp(x) * y * sigmoid(-x)   ->   sigmoid(x) * y        ("exp-sigmoid-product")
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from eqsat_tensor.types import TensorType


class NodeLike(Protocol):
    """A row of the e-graph: an op on e-classes."""

    @property
    def op(self) -> str: ...
    @property
    def operands(self) -> tuple[int, ...]: ...
    @property
    def attributes(self) -> tuple[Any, ...]: ...
    @property
    def subsumed(self) -> bool: ...
    @property
    def eclass(self) -> int: ...


class GraphLike(Protocol):
    """What a proposer sees of the e-graph."""

    @property
    def nodes(self) -> Sequence[NodeLike]: ...
    @property
    def types(self) -> Sequence[TensorType | None]: ...
    @property
    def by_class(self) -> Sequence[Sequence[int]]: ...
    @property
    def by_op(self) -> Mapping[str, Mapping[int, NodeLike]]: ...


@dataclass(frozen=True)
class Term:
    """A node to be made: an op by name, on terms and e-classes, with attributes in the op's order."""

    op: str
    operands: tuple[Operand, ...]
    attributes: tuple[Any, ...] = ()


Operand: TypeAlias = "Term | int"


@dataclass(frozen=True)
class Proposal:
    """``term`` is equal to e-class ``eclass``.

    replaces: the number of a node of the class that is not to be chosen any more; None: cost decides.
    """

    eclass: int
    term: Term
    replaces: int | None = None


@dataclass(frozen=True)
class Proposer:
    """A named rewrite in Python.

    ruleset  whose guarantee it promises, and with which it is switched on and off.
    propose  the function: a frozen graph to proposals, in an order that the graph decides.
    is_minor it saves an operation or two and no digits: few of these are no reason to go on with a
             large graph.
    """

    name: str
    ruleset: str
    propose: Callable[[GraphLike], Iterator[Proposal]]
    doc: str
    is_minor: bool = False


def classes(graph: GraphLike, *ops: str) -> list[int]:
    """The e-classes with a node of one of these ops, in order."""
    return sorted(frozenset().union(*(graph.by_op.get(op, ()) for op in ops)))


def forms(graph: GraphLike, eclass: int, *ops: str) -> Iterator[NodeLike]:
    """The nodes of an e-class with one of these ops, those that were not replaced first."""
    found = [graph.nodes[n] for n in graph.by_class[eclass]]
    yield from sorted((n for n in found if n.op in ops), key=lambda n: n.subsumed)


def form(graph: GraphLike, eclass: int, *ops: str) -> NodeLike | None:
    """The first node of an e-class with one of these ops, one that was not replaced if there is one, or
    None."""
    replaced = None
    for op in ops:
        found = graph.by_op.get(op)
        node = None if found is None else found.get(eclass)
        if node is not None:
            if not node.subsumed:
                return node
            replaced = replaced or node
    return replaced


def proposers() -> tuple[Proposer, ...]:
    """Every proposer of the package, in the order in which they run."""
    from eqsat_tensor.rules.propose import (
        addends,
        batches,
        chains,
        exponentials,
        fractions,
        logarithms,
        paths,
        products,
        sums,
    )

    modules = (
        products, exponentials, logarithms, sums, addends, fractions, chains, paths, batches,
    )  # fmt: skip
    return tuple(p for module in modules for p in module.PROPOSERS)


def by_name() -> Mapping[str, Proposer]:
    """The proposers by name."""
    return {p.name: p for p in proposers()}
