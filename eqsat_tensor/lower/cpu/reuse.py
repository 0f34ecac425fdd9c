"""Temporaries that take the memory of one that dies where they are made, element by element."""

from __future__ import annotations

from collections.abc import Iterator

from eqsat_tensor.schedule.loops import (
    Access,
    Constant,
    Gathered,
    Input,
    Map,
    Nest,
    Pad,
    Pick,
    Plan,
    Reduce,
    Root,
    SizeValue,
    Value,
    View,
    linear,
    through,
)


def reused(plan: Plan) -> dict[str, str]:
    """Name of a temporary -> name of the one whose memory it takes.

    Only where a nest by itself stores one value, and reads the dying one nowhere but at the very
    element that it then stores: so no load can come after the store that spoils it.
    """
    alone = {group[0] for group in plan.tiles if len(group) == 1}
    pairs: dict[str, str] = {}
    for i, nest in enumerate(plan.nests):
        if i not in alone or nest.kind != "map" or len(nest.roots) != 1:
            continue
        (root,) = nest.roots
        name = plan.buffers.get(root.value, "")
        if not name.startswith("tmp") or root.guards:
            continue
        places: dict[str, set[bool]] = {}
        for value, access in stored_reads(plan, nest, root):
            same = value.dtype == root.value.dtype and value.type.shape == root.value.shape
            same = same and linear(value, access) == linear(root.value, root.access)
            same = same and not any(isinstance(axis, Gathered) for axis, _, _ in access)
            places.setdefault(plan.buffers[value], set()).add(same)
        for other, fits in places.items():
            if other.startswith("tmp") and fits == {True} and plan.last.get(other) == i:
                pairs[name] = other
                break
    return pairs


def stored_reads(plan: Plan, nest: Nest, root: Root) -> Iterator[tuple[Value, Access]]:
    """What computing a root loads, and where."""
    seen: set[tuple[Value, Access]] = set()
    stack: list[tuple[Value, Access]] = [(root.computed, root.access)]
    while stack:
        key = stack.pop()
        value, access = key
        if key in seen or isinstance(value, Constant | SizeValue):
            continue
        seen.add(key)
        for axis, _, _ in access:
            if isinstance(axis, Gathered):
                stack.append((axis.pick.index, axis.access))
        if isinstance(value, Input | Reduce) or (value in plan.buffers and value is not root.value):
            if value in plan.buffers:
                yield key
        elif isinstance(value, Map):
            stack.extend((o, access if o.shape else ()) for o in value.operands)
        elif isinstance(value, View | Pad | Pick):
            stack.append((value.source, through(value, access)))
            if isinstance(value, Pick):
                stack.append((value.index, access))
