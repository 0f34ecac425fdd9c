"""Nodes that the e-graph does not see: cut out before, put back after.

A node with any number of operands (`lang.ANY_ARITY`) becomes an input, its operands become outputs:

    exp(call(x * y))   ->   outputs exp(hole), x * y
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eqsat_tensor.lang import ANY_ARITY, OPS, Expr, apply, rewrite, topological


@dataclass(frozen=True)
class Cut:
    """A program without its opaque nodes.

    roots   the program's, then the operands of each node that was cut out, in order.
    holes   the input that stands for such a node, and the node.
    """

    roots: tuple[Expr, ...]
    count: int
    holes: tuple[tuple[Expr, Expr], ...]

    def restored(self, found: Sequence[Expr], others: Sequence[Expr] = ()) -> list[Expr]:
        """The program, ``found`` being what has become of ``roots``; then ``others``, restored."""
        if not self.holes:
            return [*found, *others]
        table: dict[Expr, Expr] = {}

        def change(node: Expr, operands: tuple[Expr, ...]) -> Expr:
            if node in table:
                return table[node]
            return node if operands == node.arguments else node.rebuilt(operands)

        at = self.count
        for hole, node in self.holes:
            operands = found[at : at + len(node.arguments)]
            at += len(node.arguments)
            table[hole] = apply(node.op, *rewrite(operands, change), **node.named)
        return rewrite([*found[: self.count], *others], change)


def cut(roots: Sequence[Expr]) -> Cut:
    """The program with an input in the place of each opaque node."""
    if not any(n.op.arity == ANY_ARITY for n in topological(roots)):
        return Cut(tuple(roots), len(roots), ())
    holes: list[tuple[Expr, Expr]] = []
    outputs: list[Expr] = []

    def change(node: Expr, operands: tuple[Expr, ...]) -> Expr:
        if node.op.arity != ANY_ARITY:
            return node if operands == node.arguments else node.rebuilt(operands)
        number = len(holes)
        hole = apply(
            OPS["input"],
            name=f"hole{number}",
            key=-(1 << 41) - number,
            dtype=node.dtype,
            shape=node.shape,
        )
        holes.append((hole, node))
        outputs.extend(operands)
        return hole

    new = rewrite(roots, change)
    return Cut((*new, *outputs), len(roots), tuple(holes))
