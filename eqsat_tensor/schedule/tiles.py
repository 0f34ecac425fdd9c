"""Tiles: nests that take turns on one block of the leading axis.

What one nest leaves in the cache the next finds there, and one parallel region serves all.  The
nests of a group share that axis and read each other's results only at the same place of it; a
folded result ("full", "col") needs every block, so its readers come in a later group.
"""

from __future__ import annotations

from eqsat_tensor.schedule.loops import Reduce, Value
from eqsat_tensor.schedule.nests import Draft, Placement, is_reshape
from eqsat_tensor.schedule.reads import Read, renamed
from eqsat_tensor.types import Size

WINDOW = 8  # groups looked back on


def leading(draft: Draft) -> Size | None:
    """The size of the axis that blocks are cut from; None where a nest cannot be cut so."""
    if draft.kind == "call" or not draft.domain or draft.domain[0] == 1:
        return None
    if (draft.kind == "col" and draft.outer) or (draft.kind == "scan" and not draft.outer):
        return None
    return draft.domain[0]


def tiles_of(placement: Placement) -> list[list[int]]:
    """Groups of nest numbers, in an order in which every group reads earlier ones only."""
    groups: list[list[int]] = []
    group_of: dict[int, int] = {}
    for i, draft in enumerate(placement.nests):
        others = [
            (placement.home[read.value], read, root)
            for root in draft.access
            for read in placement.reads[root]
            if read.leaf and placement.home.get(read.value, i) != i
        ]
        first = max((group_of[h] for h, _, _ in others), default=0)
        for g in range(max(first, len(groups) - WINDOW), len(groups)):
            if _fits(placement, draft, groups[g], others):
                groups[g].append(i)
                group_of[i] = g
                break
        else:
            group_of[i] = len(groups)
            groups.append([i])
    return groups


def _fits(
    placement: Placement, draft: Draft, members: list[int], others: list[tuple[int, Read, Value]]
) -> bool:
    nests = placement.nests
    size = leading(draft)
    if size is None or any(leading(nests[m]) != size for m in members):
        return False
    inside = [(h, read, root) for h, read, root in others if h in members]
    if not inside and not any(draft.leaves & nests[m].leaves for m in members):
        return False
    return all(_same_block(nests[h], read, draft, root) for h, read, root in inside)


def _same_block(maker: Draft, read: Read, reader: Draft, root: Value) -> bool:
    if is_reshape(read.value) or (isinstance(read.value, Reduce) and maker.kind != "row"):
        return False
    made = maker.result(read.value)
    access = renamed(read.access, reader.access[root])
    place = [k for k, (axis, _, _) in enumerate(made) if axis == 0]
    return len(place) == 1 and access[place[0]] == (0, 0, 1)
