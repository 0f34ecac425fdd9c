"""How updates of arrays follow one another: what may be changed in place, what has to be stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eqsat_tensor.lang import Expr, topological

UPDATES = ("update_slice", "scatter")


@dataclass(frozen=True)
class Chains:
    """How `update_slice` and `scatter` nodes follow one another.

    length  of the chain that a node is in.  alone: nodes whose only reader changes them further.
    kept    updates after others that are read more than once: stored, or each reader would
            compute all that went before.
    """

    length: Mapping[Expr, int]
    alone: frozenset[Expr]
    kept: frozenset[Expr]


def chains_of(outputs: Sequence[Expr]) -> Chains:
    """The chains of updates in a program."""
    uses: dict[Expr, int] = dict.fromkeys(outputs, 1)
    changed: set[Expr] = set()
    after: set[Expr] = set()  # what an update comes before
    order = topological(outputs)
    for node in order:
        for a in node.arguments:
            uses[a] = uses.get(a, 0) + 1
            if a in after or a.op.name == "update_slice":
                after.add(node)
        if node.op.name in UPDATES and node.arguments[0].op.name in UPDATES:
            changed.add(node.arguments[0])
    alone = frozenset(e for e in changed if uses[e] == 1)
    first: dict[Expr, Expr] = {}
    length: dict[Expr, int] = {}
    for node in order:
        if node.op.name in UPDATES:
            base = node.arguments[0]
            head = first[node] = first[base] if base in alone else node
            length[head] = length.get(head, 0) + 1
    kept = frozenset(e for e in first if uses[e] > 1 and (e in changed or e in after))
    return Chains({e: length[h] for e, h in first.items()}, alone, kept)
