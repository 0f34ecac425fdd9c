"""The order in which graphs without cycles are gone through, whatever their nodes are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

Node = TypeVar("Node")


def postorder(roots: Iterable[Node], below: Callable[[Node], Sequence[Node]]) -> list[Node]:
    """Every node that the roots need, operands before users, each once; any depth.

    below: the operands of a node.
    """
    order: dict[Node, None] = {}
    opened: list[Node] = []  # nodes whose operands are gone through, each inside the one before
    waiting = [iter(tuple(roots))]
    while True:
        for node in waiting[-1]:
            if node in order:
                continue
            needed = below(node)
            if needed:
                opened.append(node)
                waiting.append(iter(needed))
                break
            order[node] = None
        else:
            waiting.pop()
            if not opened:
                return list(order)
            order[opened.pop()] = None
