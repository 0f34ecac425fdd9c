"""How a call gives its arguments and gets its results: nests, as words that the entry reads.

    f(x, {"w": w, "b": b}, rate=r)   ->   nests (leaf, {w: leaf, b: leaf}, leaf), names ("rate",)

The words are those of `lower.cpu.entry`.  They hold addresses of types and keys, which a `Form` (or,
for results, a table that lives for ever) keeps alive.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from eqsat_tensor.lower.cpu import entry
from eqsat_tensor.trees import LEAF, Tree, is_registered_class


@dataclass(frozen=True)
class Form:
    """A form of call, other than all arguments by position, each a leaf.

    nests    of each argument, those by position first; `is_readable`.
    numbers  of the leaves, in the order of the nests: their places among a binding's inputs.
    names    of the arguments that are given by name, the last ones.
    """

    nests: tuple[Tree, ...]
    numbers: tuple[int, ...]
    names: tuple[str, ...] = ()

    def words(self) -> list[int]:
        """As the entry reads them; addresses are good for as long as this lives."""
        numbers = iter(self.numbers)
        words = [id(name) for name in self.names]
        for nest in self.nests:
            words += _words(nest, numbers)
        return words

    def unfold(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any] | None:
        """What the entry does with a call, in Python: its leaves by number; None where it is of
        another form."""
        if len(args) + len(kwargs) != len(self.nests) or tuple(kwargs) != self.names:
            return None
        leaves: list[Any] = []
        pairs = zip(self.nests, (*args, *kwargs.values()), strict=True)
        if not all(_unfold(nest, value, leaves) for nest, value in pairs):
            return None
        return [leaf for _, leaf in sorted(zip(self.numbers, leaves, strict=True), key=_first)]


def form_of(
    nests: Sequence[Tree], numbers: Sequence[int], names: Sequence[str] = ()
) -> Form | None:
    """A form; None for arguments by position, each a leaf, in the order of the inputs."""
    flat = all(nest.kind == "leaf" for nest in nests)
    if flat and not names and list(numbers) == list(range(len(nests))):
        return None
    return Form(tuple(nests), tuple(numbers), tuple(names))


def giving_out(form: Form | None, inputs: int, results: Tree) -> Form:
    """The form of calls that give ``out=`` too, last: a nest of arrays, which follow the other inputs."""
    before = form if form is not None else Form((LEAF,) * inputs, tuple(range(inputs)))
    numbers = range(inputs, inputs + results.leaves)
    return Form((*before.nests, results), (*before.numbers, *numbers), (*before.names, "out"))


def is_readable(nest: Tree) -> bool:
    """Can the entry read an argument's leaves?  Of other containers it knows no layout."""
    kind = nest.kind
    if kind in ("leaf", "none"):
        return True
    named = isinstance(kind, type) and issubclass(kind, tuple) and kind.__iter__ is tuple.__iter__
    known = kind in (list, dict) or (named and not is_registered_class(kind))
    return known and all(map(is_readable, nest.children))


def is_made(nest: Tree) -> bool:
    """Can the entry make such a nest of results?"""
    if nest.kind in ("leaf", "none"):
        return True
    return nest.kind in (tuple, list, dict) and all(map(is_made, nest.children))


@cache
def result_words(nest: Tree) -> np.ndarray:
    """The words of a nest of results; for ever, as the nest: a call reads them when it is done."""
    return np.array(_words(nest, iter(range(nest.leaves))), np.int64)


def _words(nest: Tree, numbers: Iterator[int]) -> list[int]:
    if nest.kind in ("leaf", "none"):
        return [entry.LEAF, next(numbers)] if nest.kind == "leaf" else [entry.ABSENT, 0]
    codes = {list: entry.LIST, dict: entry.DICT}
    words = [codes.get(nest.kind, entry.TUPLE), id(nest.kind), len(nest.children)]
    for i, child in enumerate(nest.children):
        words += [id(nest.keys[i])] if nest.kind is dict else []
        words += _words(child, numbers)
    return words


def _unfold(nest: Tree, value: Any, leaves: list[Any]) -> bool:
    if nest == LEAF:
        leaves.append(value)
        return True
    if nest.kind == "none":
        return value is None
    if type(value) is not nest.kind or len(value) != len(nest.children):
        return False
    if nest.kind is dict and not all(map(_same_name, value, nest.keys)):
        return False
    items = value.values() if nest.kind is dict else value
    return all(_unfold(c, v, leaves) for c, v in zip(nest.children, items, strict=True))


def _same_name(a: Any, b: Any) -> bool:
    return a is b or (type(a) is str and type(b) is str and a == b)


def _first(pair: tuple[int, Any]) -> int:
    return pair[0]
