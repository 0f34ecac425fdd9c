"""How the arguments of a call of a traced function are laid out: leaves, static values, names.

f(x, {"w": w}, kind="max")   ->   leaves x, w;  static kind="max";  names x, p_w
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter, Signature
from itertools import accumulate
from typing import Any

from eqsat_tensor.errors import ArgumentError, message
from eqsat_tensor.runtime.forms import Form, form_of, is_readable
from eqsat_tensor.tracing import distinct_names, leaf_names
from eqsat_tensor.trees import LEAF, Tree, flatten, is_registered


@dataclass(frozen=True, eq=False)
class Arranged:
    """One call.

    values   the leaves that are traced, and ``names`` of theirs; ``tree`` their nest by label.
    statics  what stays as it is, by label; ``static_key`` tells calls with other statics apart.
    labels   of the positional arguments; keywords: names of the others.
    donated  numbers of the leaves that may be overwritten.
    instance the object whose method is called, among the statics; None for functions.
    positional, named: how many arguments came by position, and the names of the others as they came.
    """

    values: Sequence[Any]
    names: Sequence[str]
    tree: Tree
    statics: Mapping[Any, Any]
    static_key: tuple[Any, ...]
    labels: Sequence[Any]
    keywords: Sequence[str]
    donated: frozenset[int]
    instance: Any
    positional: int
    named: Sequence[str]

    @property
    def nests(self) -> dict[Any, Tree]:
        """The nest of each argument by label; one that is static is a leaf for the entry."""
        traced = dict(zip(self.tree.keys, self.tree.children, strict=True))
        return {k: traced.get(k, LEAF) for k in (*self.labels, *self.keywords)}

    @property
    def native(self) -> bool:
        """May the entry take such calls?"""
        return all(map(is_readable, self.nests.values()))

    @property
    def places(self) -> dict[Any, int]:
        """The number of the first leaf of each argument, among all that the entry reads."""
        sizes = [nest.leaves for nest in self.nests.values()]
        return dict(zip(self.nests, accumulate(sizes, initial=0), strict=False))

    @property
    def fixed(self) -> list[tuple[int, Any]]:
        """Places of the arguments that the entry compares by identity, and what they are."""
        places = self.places
        return [(places[k], v) for k, v in sorted(self.statics.items(), key=lambda s: places[s[0]])]

    @property
    def form(self) -> Form | None:
        """How the call came, where the entry may take such calls."""
        if not self.native:
            return None
        nests, places = self.nests, self.places
        given = [*self.labels[: self.positional], *self.named]
        numbers = [n for k in given for n in range(places[k], places[k] + nests[k].leaves)]
        return form_of([nests[k] for k in given], numbers, self.named)

    def rebuild(self, nest: Mapping[Any, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Arguments of the function, given the traced ones by label."""
        every = {**nest, **self.statics}
        return tuple(every[k] for k in self.labels), {k: every[k] for k in self.keywords}


class Arrangement:
    """What the parameters of a function say of its calls.

    static, donate: names and numbers.  owners: classes whose method the function is; an
    instance of one as first argument is static by identity.
    Raises ArgumentError for a parameter that is not there.
    """

    def __init__(
        self,
        name: str,
        signature: Signature | None,
        static: tuple[Sequence[str], Sequence[int]],
        donate: tuple[Sequence[str], Sequence[int]],
    ) -> None:
        self.name, self.signature = name, signature
        self.parameters = list(signature.parameters.values()) if signature else []
        self.static = self._chosen(*static)
        self.donate = self._chosen(*donate)
        self.owners: weakref.WeakSet[type] = weakref.WeakSet()
        if self.static & self.donate:
            both = ", ".join(map(str, self.static & self.donate))
            raise ArgumentError(message(name, "arguments that are static or donated", both))

    def _chosen(self, names: Sequence[str], numbers: Sequence[int]) -> frozenset[str | int]:
        there = [p.name for p in self.parameters]
        open_ended = any(p.kind is Parameter.VAR_KEYWORD for p in self.parameters)
        for name in names:
            if name not in there and not open_ended:
                raise ArgumentError(message(self.name, f"a parameter {name!r}", str(there)))
        chosen: set[str | int] = set(names)
        positional = [p.name for p in self.parameters if p.kind <= Parameter.POSITIONAL_OR_KEYWORD]
        for i in numbers:
            several = any(p.kind is Parameter.VAR_POSITIONAL for p in self.parameters)
            if self.signature is None or (several and i >= len(positional)):
                chosen.add(i)
            elif -len(positional) <= i < len(positional):
                chosen.add(positional[i])
            else:
                raise ArgumentError(message(self.name, f"a parameter number {i}", str(there)))
        return frozenset(chosen)

    @property
    def takes_out(self) -> bool:
        """Is ``out=`` ours, no parameter of the function?"""
        return not any(p.name == "out" or p.kind is Parameter.VAR_KEYWORD for p in self.parameters)

    def instance(self, args: Sequence[Any]) -> Any:
        """The first argument, where it is an instance whose method this is, or a class, else None.

        A class is no array: it is that of a class method, which Python hands over like any
        argument from 3.13 on.
        """
        owners = (type, *self.owners)
        if not args or not isinstance(args[0], owners) or is_registered(args[0]):
            return None
        return args[0]

    def arrange(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arranged:
        """Lay out one call.  Raises ArgumentError for arguments that do not fit the signature."""
        positional, named = len(args), list(kwargs)
        if self.signature is not None:
            try:
                bound = self.signature.bind(*args, **kwargs)
            except TypeError as error:
                needs = f"arguments {self.signature}"
                raise ArgumentError(message(self.name, needs, str(error))) from None
            args, kwargs = bound.args, bound.kwargs
        labels = [self._label(i) for i in range(len(args))]
        items = {**dict(zip(labels, args, strict=True)), **kwargs}
        instance = self.instance(args)
        static = {k for i, k in enumerate(labels) if k in self.static or i in self.static}
        static |= {k for k in kwargs if k in self.static}
        first = {labels[0]} if instance is not None else set()
        statics = {k: v for k, v in items.items() if k in static or k in first}
        values, tree = flatten({k: v for k, v in items.items() if k not in statics})
        names: list[str] = []
        donated: set[int] = set()
        for label, child in zip(tree.keys, tree.children, strict=True):
            leaves = leaf_names(child, shown(label))
            number = labels.index(label) if label in labels else None
            if label in self.donate or (number is not None and number in self.donate):
                donated.update(range(len(names), len(names) + len(leaves)))
            names += leaves
        key = tuple(
            (k, type(v), id(v)) if k in first else (k, _static_key(v)) for k, v in statics.items()
        )
        return Arranged(
            values,
            distinct_names(names),
            tree,
            statics,
            key,
            labels,
            list(kwargs),
            frozenset(donated),
            instance,
            positional,
            named,
        )

    def _label(self, index: int) -> Any:
        """What stands for a positional argument: its parameter's name, or with a number for
        ``*args``; the number alone where there is no signature."""
        if self.signature is None:
            return index
        for i, parameter in enumerate(self.parameters):
            if parameter.kind is Parameter.VAR_POSITIONAL and index >= i:
                return (parameter.name, index - i)
        return self.parameters[index].name


def shown(label: Any) -> str:
    """A label as messages have it."""
    if isinstance(label, tuple):
        return f"{label[0]}{label[1]}"
    return f"a{label}" if isinstance(label, int) else str(label)


def _static_key(value: Any) -> Any:
    """A key that tells 1, 1.0 and True apart, inside tuples too."""
    if isinstance(value, tuple | frozenset):
        parts = [_static_key(v) for v in value]
        return type(value), (tuple(parts) if isinstance(value, tuple) else frozenset(parts))
    return type(value), value
