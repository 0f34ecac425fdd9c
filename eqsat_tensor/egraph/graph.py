"""The e-graph as plain frozen data, the only thing that `extract` sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from eqsat_tensor.types import TensorType


@dataclass(frozen=True, slots=True)
class Node:
    """One way to compute a class: an op on classes.

    op          a name in `lang.OPS`.
    operands    numbers of the operands' e-classes.
    attributes  decoded, in the order of ``OpDef.attributes``, hashable.
    subsumed    a better node of the class is there; to be taken only where nothing else will do.
    eclass      the class that it belongs to.
    """

    op: str
    operands: tuple[int, ...]
    attributes: tuple[Any, ...]
    subsumed: bool
    eclass: int


@dataclass(frozen=True)
class Graph:
    """A saturated program.

    nodes     all nodes; by_class: for each e-class, the numbers of its nodes.
    types     for each e-class; None where nothing says it.
    roots     the e-classes of the program's outputs, in order.
    rules     e-class -> names of the rules that fired on it.
    fired     rule -> number of matches.
    places    e-class -> the user's file and line, where a node of the program is in it.
    facts     for each relation that was asked for: its arguments (classes by number) -> its value.
    """

    nodes: tuple[Node, ...]
    types: tuple[TensorType | None, ...]
    roots: tuple[int, ...]
    by_class: tuple[tuple[int, ...], ...]
    rules: Mapping[int, frozenset[str]]
    fired: Mapping[str, int]
    places: Mapping[int, tuple[str, int]] = field(default_factory=dict)
    facts: Mapping[str, Mapping[tuple[int, ...], Any]] = field(default_factory=dict)

    @cached_property
    def by_op(self) -> Mapping[str, Mapping[int, Node]]:
        """For each op that is there, the e-classes with a node of it, and the first such node: of those
        that are not subsumed, where there is one."""
        found: dict[str, dict[int, Node]] = {}
        for node in self.nodes:
            first = found.setdefault(node.op, {})
            known = first.get(node.eclass)
            if known is None or (known.subsumed and not node.subsumed):
                first[node.eclass] = node
        return found


@dataclass(frozen=True)
class Choice:
    """One node for each class that is needed: e-class -> number of the node."""

    picks: Mapping[int, int]
