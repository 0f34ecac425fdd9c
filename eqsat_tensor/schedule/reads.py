"""What evaluating a value reads, down to stored values; and what it costs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from eqsat_tensor.scalar import PRIMITIVES
from eqsat_tensor.schedule.accesses import Access, Gathered, Term, identity, through
from eqsat_tensor.schedule.loop_values import (
    Call,
    Constant,
    Input,
    Map,
    Pad,
    Pair,
    Pick,
    Reduce,
    Scan,
    SizeValue,
    Value,
    View,
    operands_of,
    walk,
)

COSTS = {name: primitive.cost for name, primitive in PRIMITIVES.items()} | {"keep": 0.0}
GUARD = 2.0  # cost of a padded value: comparisons and a selection
SIDES = 3.0  # by how much a kernel may exceed its cost in sides of selections
CAP = 1000.0  # costs are only compared with thresholds far below
NUMBERS = Constant, SizeValue
ALWAYS_STORED = Input, Call, Reduce, Scan


class Read(NamedTuple):
    """``value`` is read at ``access``, in loop axes of the box of the root that is evaluated."""

    value: Value
    access: Access
    leaf: bool  # stored elsewhere: not computed where it is read


def reads_of(root: Value, roots: Collection[Value]) -> list[Read]:
    """Everything that computing ``root`` reads, each once, the root itself left out.

    Walks through values that are not roots.  The axes are those of the root's own box: of the
    source for a `Reduce` or a `Scan`.
    """
    if isinstance(root, Call):
        return [
            Read(o, identity(len(o.shape)), True)
            for o in root.operands
            if not isinstance(o, Constant)
        ]
    found: dict[tuple[Value, Access], Read] = {}
    starts = operands_of(root) if isinstance(root, Reduce | Scan) else (root,)
    stack: list[tuple[Value, Access]] = [(v, identity(len(v.shape))) for v in starts]
    while stack:
        key = stack.pop()
        value, access = key
        if isinstance(value, NUMBERS) or key in found:
            continue
        leaf = isinstance(value, ALWAYS_STORED) or (value is not root and value in roots)
        found[key] = Read(value, access, leaf)
        if not leaf:
            stack.extend(reversed(below(value, access)))
    found.pop((root, identity(len(root.shape))), None)
    return list(found.values())


def below(value: Value, access: Access) -> list[tuple[Value, Access]]:
    """The operands of an inlined value, with their accesses."""
    if isinstance(value, Map):
        return [(o, access if o.shape else ()) for o in value.operands]
    if isinstance(value, Pick):
        return [(value.source, through(value, access)), (value.index, access)]
    if isinstance(value, View | Pad):
        return [(value.source, through(value, access))]
    if isinstance(value, Pair):
        return [(value.first, access[:-1]), (value.second, access[:-1])]
    return []


def renamed(access: Access, place: Access) -> Access:
    """An access on a root's own axes as one on the axes of the nest that it is placed in."""
    return tuple(_renamed(term, place) for term in access)


def _renamed(term: Term, place: Access) -> Term:
    axis, start, step = term
    if axis is None:
        return term
    if isinstance(axis, Gathered):
        return Gathered(axis.pick, renamed(axis.access, place)), start, step
    return place[axis][0], start, step


def costs_of(outputs: Collection[Value], roots: Collection[Value]) -> dict[Value, float]:
    """Cost of one element of each value, down to roots and inputs."""
    costs: dict[Value, float] = {}
    for value in walk(outputs):
        own = COSTS[value.primitive] if isinstance(value, Map) else 0.0
        if not isinstance(value, Reduce | Scan | Call):
            own += sum(costs[o] for o in operands_of(value) if o not in roots)
        costs[value] = 0.0 if isinstance(value, Reduce | Scan | Call) else min(own, CAP)
    return costs


def cuts(outputs: Collection[Value], roots: set[Value], limit: float) -> set[Value]:
    """Values to store so that no kernel computes much more than ``limit``.

    What one side of a selection alone needs may be passed over, and would not be if it were stored.
    """
    new: set[Value] = set()
    stored = set(roots)
    for root in walk(outputs):
        if root not in roots or isinstance(root, Call):
            continue
        start = root.source if isinstance(root, Reduce | Scan) else root
        inlined = _inlined(start, root, stored)
        costs = [max(2.0, COSTS[v.primitive]) if isinstance(v, Map) else 0.0 for v in inlined]
        within = _of_one_side(inlined) if sum(costs) > limit else frozenset()
        piece: dict[Value, int] = {}  # the kernel would be in so many pieces: which is each in?
        number, total = 0, 0.0
        for value, cost in zip(inlined, costs, strict=True):
            piece[value] = number
            total += cost
            if total > (limit * SIDES if value in within else limit):
                number, total = number + 1, 0.0
        if number:
            earlier = (
                {o for o in operands_of(value) if piece.get(o, own) < own}
                for value, own in piece.items()
            )
            found = {o for values in earlier for o in values if isinstance(o, Map)}
            new |= found
            stored |= found
    return new


def _of_one_side(order: Sequence[Value]) -> frozenset[Value]:
    """What is read on one side of one selection alone, of values whose operands come before them."""
    side: dict[Value, tuple[Value, int] | None] = {}
    for value in reversed(order):
        own = side.setdefault(value, None)
        for number, operand in enumerate(operands_of(value)):
            chosen = isinstance(value, Map) and value.primitive == "select" and number > 0
            here = (value, number) if own is None and chosen else own
            side[operand] = here if side.get(operand, here) == here else None
    return frozenset(value for value in order if side[value] is not None)


def read_apart(outputs: Collection[Value], roots: Collection[Value], limit: float) -> set[Value]:
    """Values to store since they are dear to compute anew at each of the places where they are read.

    x[1:] and x[:-1] beside one another read x twice: inlined, n steps of a stencil over a stencil cost
    some 3^n.  What one place costs is shared among those that read it there, so that it counts once.
    """
    order = walk(outputs)
    readers: dict[Value, dict[Access, int]] = {}
    for value in order:
        if not isinstance(value, View | Pad | Pick):
            for source, access, _ in _reads_through(value):
                places = readers.setdefault(source, {})
                places[access] = places.get(access, 0) + 1
    costs: dict[Value, float] = {}
    apart: set[Value] = set()
    for value in order:
        cost = COSTS[value.primitive] if isinstance(value, Map) else 0.0
        if isinstance(value, Map | Pair):
            cost += sum(
                costs[v] / readers[v][access] + guards
                for v, access, guards in _reads_through(value)
            )
        costs[value] = 0.0 if value in roots else min(cost, CAP)
        if isinstance(value, Map) and (len(readers.get(value, ())) - 1) * costs[value] >= limit:
            apart.add(value)
            costs[value] = 0.0
    return apart


def _reads_through(value: Value) -> list[tuple[Value, Access, float]]:
    """What a value that computes reads through what only moves: sources, where, and cost of guards."""
    found: list[tuple[Value, Access, float]] = []
    stack = [(v, identity(len(v.shape)), 0.0) for v in operands_of(value)]
    while stack:
        source, access, guards = stack.pop()
        if isinstance(source, View | Pad | Pick):
            guards += GUARD * isinstance(source, Pad)
            stack.append((source.source, through(source, access), guards))
            if isinstance(source, Pick):
                stack.append((source.index, access, guards))
        else:
            found.append((source, access, guards))
    return found


def _inlined(start: Value, root: Value, roots: Collection[Value]) -> list[Value]:
    """The values that a kernel of ``root`` computes, from ``start`` down to what is stored."""

    def stored(value: Value) -> bool:
        kept = value in roots and value is not root
        return kept or isinstance(value, Input | Call | Reduce | Scan)

    def below(value: Value) -> list[Value]:
        return [o for o in operands_of(value) if not stored(o)]

    return [] if stored(start) else walk([start], below)
