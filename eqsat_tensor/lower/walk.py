"""Values at a place in a loop body, the same for every backend: what each needs, in which order.

A backend's evaluator gives what a value is in its own language; here is what must be there before.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, MutableMapping, Sequence
from typing import TypeAlias, TypeVar

from eqsat_tensor.schedule.accesses import Access, Gathered, Guard, guards_of_pad, through
from eqsat_tensor.schedule.loop_values import Input, Map, Pad, Pick, Reduce, Value, View
from eqsat_tensor.schedule.loops import Nest, Root

Guards: TypeAlias = frozenset[Guard]
Key: TypeAlias = tuple[Value, Access, Guards]  # a value at a place, where the guards hold
Made = TypeVar("Made")


def walked(
    wanted: Key,
    known: MutableMapping[Key, Made],
    needs: Callable[[Key], Sequence[Key]],
    compute: Callable[[Key], Made],
) -> Made:
    """What ``wanted`` comes to, and all below it, each computed once and put into ``known``.

    Operands first, by a stack of our own: expressions may be deeper than Python's.
    """
    stack: list[tuple[Key, bool]] = [(wanted, False)]
    while stack:
        key, ready = stack.pop()
        if key in known:
            continue
        if ready:
            known[key] = compute(key)
            continue
        stack.append((key, True))
        stack.extend((k, False) for k in needs(key) if k not in known)
    return known[wanted]


def is_stored(
    value: Value,
    access: Access,
    phase: int,
    own: Mapping[Value, Root],
    buffers: Container[Value],
) -> bool:
    """Is a value loaded in this phase of a nest, not computed?  own: the nest's roots."""
    if isinstance(value, Input):
        return True
    root = own.get(value)
    if root is None:
        return value in buffers
    if isinstance(value, Reduce):
        return False  # a row scalar
    return root.phase < phase and value in buffers and access == root.access


def kept_at(value: Value, phase: int, nest: Nest, kept_in: Mapping[Value, int]) -> Value | None:
    """The root in whose row an earlier phase kept this value.  kept_in: the phase that keeps it."""
    for kept, home in nest.kept:
        if kept is value and kept_in.get(value, phase) < phase:
            return home
    return None


def labels_at(access: Access, guards: Guards) -> list[Key]:
    """The labels that an access goes by."""
    return [
        (axis.pick.index, axis.access, guards)
        for axis, _, _ in access
        if isinstance(axis, Gathered)
    ]


def operands_at(value: Value, access: Access, guards: Guards) -> list[Key]:
    """What a value that is computed is computed from, and where."""
    if isinstance(value, Map):
        return [(o, access if o.shape else (), guards) for o in value.operands]
    if isinstance(value, Pad):
        inner = guards | guards_of_pad(value, access)
        return [(value.source, through(value, access), inner)]
    if isinstance(value, Pick):
        return [(value.index, access, guards), (value.source, through(value, access), guards)]
    assert isinstance(value, View), value
    return [(value.source, through(value, access), guards)]
