"""Nests of values, as arguments and results: tuples, lists, dicts, named tuples, dataclasses, None,
and classes that were registered.

    flatten({"w": 1, "b": (2, None)})  ->  [1, 2], Tree;   unflatten(Tree, [3, 4])  ->  the nest
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from eqsat_tensor.errors import ArgumentError, message


@dataclass(frozen=True)
class Tree:
    """The shape of a nest: ``kind`` is a container type, "leaf" or "none".

    keys  names of the children, for dicts, dataclasses and named tuples.
    aux   what else the container needs: the default of a defaultdict, the static fields of a
          dataclass as (name, value, type), what a registered class's ``flatten`` gave.
    """

    kind: Any
    keys: tuple[Any, ...] = ()
    children: tuple[Tree, ...] = ()
    aux: Any = None

    @property
    def leaves(self) -> int:
        return 1 if self.kind == "leaf" else sum(c.leaves for c in self.children)


LEAF, NONE = Tree("leaf"), Tree("none")

Flatten = Callable[[Any], tuple[Iterable[Any], Any]]
Unflatten = Callable[[Any, tuple[Any, ...]], Any]
_registered: dict[type, tuple[Flatten, Unflatten]] = {}


def register_pytree(cls: Any, flatten: Flatten, unflatten: Unflatten) -> None:
    """Let instances of ``cls`` stand among arguments and results of compiled functions.

    flatten    ``flatten(instance) -> (children, aux)``: children are arrays, numbers or nests; aux
               is hashable and compared by ``==``: another aux is another trace.
    unflatten  ``unflatten(aux, children) -> instance``; children may also be tensors.
    Raises ArgumentError for what is no class, and for a class that is registered already.
    """
    if not isinstance(cls, type) or cls in _registered or cls in (tuple, list, dict):
        got = "it twice" if cls in _registered else f"{cls!r:.60}"
        raise ArgumentError(message("register_pytree", "each class once", got))
    _registered[cls] = (flatten, unflatten)


def is_registered(value: Any) -> bool:
    """Was the class of ``value`` registered?"""
    return is_registered_class(type(value))


def is_registered_class(cls: type) -> bool:
    """Was this class registered?"""
    return cls in _registered


def flatten(value: Any) -> tuple[list[Any], Tree]:
    """The leaves from left to right (dicts by key order of insertion), and the nest.

    Raises ArgumentError for a dict of an unknown kind, and for an aux that cannot be hashed.
    """
    leaves: list[Any] = []
    return leaves, _walk(value, leaves)


def _walk(value: Any, leaves: list[Any]) -> Tree:
    if value is None:
        return NONE
    kind = type(value)
    if kind in _registered:
        children, aux = _registered[kind][0](value)
        _hashable(kind, aux)
        return Tree(kind, (), _walk_all(children, leaves), aux)
    if isinstance(value, dict):
        factory = value.default_factory if isinstance(value, defaultdict) else None
        if kind not in (dict, OrderedDict, defaultdict):
            needs = "dicts of a known kind"
            raise ArgumentError(message("nest", needs, f"a {kind.__name__}", _HINT))
        return Tree(kind, tuple(value), _walk_all(value.values(), leaves), factory)
    if isinstance(value, tuple | list):
        return Tree(kind, getattr(kind, "_fields", ()), _walk_all(value, leaves))
    if is_dataclass(value) and not isinstance(value, type):
        every = fields(value)
        fixed = ((f.name, getattr(value, f.name)) for f in every if f.metadata.get("static"))
        static = tuple((name, v, type(v)) for name, v in fixed)  # 1 and True are not the same
        names = tuple(f.name for f in every if not f.metadata.get("static"))
        _hashable(kind, static)
        return Tree(kind, names, _walk_all((getattr(value, n) for n in names), leaves), static)
    leaves.append(value)
    return LEAF


_HINT = "Make a dict of it, or name its parts by register_pytree(cls, flatten, unflatten)."


def _walk_all(values: Iterable[Any], leaves: list[Any]) -> tuple[Tree, ...]:
    return tuple([_walk(v, leaves) for v in values])


def _hashable(kind: type, aux: Any) -> None:
    try:
        hash(aux)
    except TypeError as error:
        what = f"static parts of a {kind.__name__} that can be hashed"
        raise ArgumentError(message("nest", what, str(error))) from None


def unflatten(tree: Tree, leaves: Sequence[Any]) -> Any:
    """The nest with its leaves put back.  Dataclasses are made without calling ``__init__``."""
    return _build(tree, iter(leaves))


def _build(tree: Tree, rest: Iterator[Any]) -> Any:
    # no closure that calls itself: such a cycle would keep the leaves until the next collection
    kind = tree.kind
    if kind == "leaf":
        return next(rest)
    if kind == "none":
        return None
    children = [_build(c, rest) for c in tree.children]
    if kind in _registered:
        return _registered[kind][1](tree.aux, tuple(children))
    if kind is defaultdict:
        return defaultdict(tree.aux, zip(tree.keys, children, strict=True))
    if issubclass(kind, dict):
        return kind(zip(tree.keys, children, strict=True))
    if is_dataclass(kind):
        made: Any = object.__new__(kind)  # type: ignore[arg-type]
        static = [(name, v) for name, v, _ in tree.aux]
        for name, child in (*zip(tree.keys, children, strict=True), *static):
            object.__setattr__(made, name, child)
        return made
    if hasattr(kind, "_fields"):  # a namedtuple
        return kind(*children)
    return kind(children)
