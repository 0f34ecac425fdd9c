"""Sides of selections that are dear: done where some lane takes them, passed over elsewhere.

Of ``select(near, series, plain)`` a loop that has no branch does both at every element.  Most calls
need one: f(a) - f(b) by a - b where a and b nearly agree, a product in logarithms where it leaves the
range.  What only one side of a selection uses is written under a branch on whether any lane of the
vector takes that side, if it costs more than the branch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from eqsat_tensor.scalar import PRIMITIVES
from eqsat_tensor.schedule.loop_values import Iota, Map, Stored, Value, View, operands_of

# What a side costs at least, in additions of a vector: a branch costs one or two.  A quotient or a root is dear:
# of 1e5 elements of which no vector takes it the branch saves a third, and costs 4 % where some take it.
DEAR = 4.0


@dataclass(frozen=True)
class Side:
    """One side of a selection: its operand, what it alone needs, and what others need, or is stored, beneath that."""

    operand: int
    inside: frozenset[Value]
    beneath: tuple[Value, ...]


Sides = Mapping[Map, tuple[Side, ...]]


def by_place(value: Value) -> bool:
    """Is this a selection by the place of an element, of which one side may be known?"""
    if not isinstance(value, Map) or value.primitive != "select":
        return False
    condition = value.operands[0]
    while isinstance(condition, View):
        condition = condition.source
    less = isinstance(condition, Map) and condition.primitive == "less"
    return less and isinstance(operands_of(condition)[0], View | Iota)


def dear_sides(body: Sequence[Value], apart: Callable[[Value], bool]) -> Sides:
    """The dear sides of each selection in a body that has some.

    body: what a nest computes or loads, operands first.  apart: whether a value is loaded or stored,
    so that it stays outside of branches.
    """
    selections = [v for v in body if isinstance(v, Map) and v.primitive == "select"]
    if not selections:
        return {}
    users: dict[Value, list[Value]] = defaultdict(list)
    for value in body:
        for operand in operands_of(value):
            users[operand].append(value)

    def alone(value: Value) -> bool:
        plain = isinstance(value, Map) and not isinstance(value, Stored)
        return plain and bool(value.shape) and not apart(value) and not by_place(value)

    place = {value: i for i, value in enumerate(body)}
    found: dict[Map, tuple[Side, ...]] = {}
    for select in selections:
        if by_place(select):
            continue
        sides = [_side(select, k, users, place, alone) for k in (1, 2)]
        dear = tuple(side for side in sides if side is not None)
        if dear:
            found[select] = dear
    return found


def _side(
    select: Map,
    number: int,
    users: Mapping[Value, Sequence[Value]],
    place: Mapping[Value, int],
    alone: Callable[[Value], bool],
) -> Side | None:
    """What this side alone uses, if it is dear."""
    top = select.operands[number]
    if sum(o is top for o in select.operands) > 1 or not alone(top) or top not in place:
        return None
    inside: set[Value] = set()
    beneath: dict[Value, None] = {}
    # users before operands: when a value's turn comes all of its users that may be inside are
    seen, waiting, cost = {top}, [(-place[top], top)], 0.0
    while waiting:
        _, value = heappop(waiting)
        within = all(u in inside or (value is top and u is select) for u in users[value])
        if not within or not alone(value):
            beneath[value] = None
            continue
        assert isinstance(value, Map)
        inside.add(value)
        cost += PRIMITIVES[value.primitive].cost if value.primitive in PRIMITIVES else 0.0
        for operand in value.operands:
            if operand not in seen:
                seen.add(operand)
                heappush(waiting, (-place[operand], operand))
    return Side(number, frozenset(inside), tuple(beneath)) if cost >= DEAR else None
