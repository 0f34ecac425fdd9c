"""Nested tuples, lists and dicts of values, as arguments and results of traced functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Tree:
    """The shape of a nest: ``kind`` is a container type, "leaf" or "none"."""

    kind: Any
    keys: tuple[Any, ...] = ()
    children: tuple[Tree, ...] = ()

    @property
    def leaves(self) -> int:
        return 1 if self.kind == "leaf" else sum(c.leaves for c in self.children)


LEAF = Tree("leaf")


def flatten(value: Any) -> tuple[list[Any], Tree]:
    """The leaves from left to right (dicts by key order of insertion), and the nest."""
    leaves: list[Any] = []

    def walk(v: Any) -> Tree:
        if v is None:
            return Tree("none")
        if isinstance(v, dict):
            return Tree(dict, tuple(v), tuple(walk(x) for x in v.values()))
        if isinstance(v, tuple | list):
            return Tree(type(v), (), tuple(walk(x) for x in v))
        leaves.append(v)
        return LEAF

    return leaves, walk(value)


def unflatten(tree: Tree, leaves: Sequence[Any]) -> Any:
    """The nest with its leaves put back."""
    return _build(tree, iter(leaves))


def _build(tree: Tree, rest: Iterator[Any]) -> Any:
    # no closure that calls itself: such a cycle would keep the leaves until the next collection
    if tree.kind == "leaf":
        return next(rest)
    if tree.kind == "none":
        return None
    children = [_build(c, rest) for c in tree.children]
    if tree.kind is dict:
        return dict(zip(tree.keys, children, strict=True))
    if hasattr(tree.kind, "_fields"):  # a namedtuple
        return tree.kind(*children)
    return tree.kind(children)
