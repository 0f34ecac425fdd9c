"""Tiles: nests that take turns on one block of the leading axis.

What one nest leaves in the cache the next finds there, and one parallel region serves all.  The
nests of a group share that axis and read each other's results only at the same place of it; a
folded result ("full", "col") needs every block, so its readers come in a later group.

A matrix product is cut by its rows, with what reads them.  Whether that pays depends on sizes: lower
may run the members of such a group one after another as well.
"""

from __future__ import annotations

from eqsat_tensor.extents import Size
from eqsat_tensor.extents import product as size_of
from eqsat_tensor.schedule.accesses import identity
from eqsat_tensor.schedule.loop_values import Call, Reduce, Value
from eqsat_tensor.schedule.nests import Draft, Placement, is_reshape
from eqsat_tensor.schedule.reads import Read, renamed

WINDOW = 8  # groups looked back on
SMALL = 1 << 16  # elements of a product that stay in the cache anyway


def leading(draft: Draft) -> Size | None:
    """The size of the axis that blocks are cut from; None where a nest cannot be cut so."""
    product = product_of(draft)
    if product is not None:
        return None if _whole(product) else product.shape[0]
    if draft.kind == "call" or not draft.domain or draft.domain[0] == 1:
        return None
    if (draft.kind == "col" and draft.outer) or (draft.kind == "scan" and not draft.outer):
        return None
    return draft.domain[0]


def product_of(draft: Draft) -> Call | None:
    """The matrix product that a nest is, if it is one."""
    value = next(iter(draft.access))
    return value if isinstance(value, Call) and value.function == "gemm" else None


def _whole(product: Call) -> bool:
    """Is a product better not cut: a batch, a few rows, surely small, a square?"""
    elements = size_of(product.shape)
    small = isinstance(elements, int) and elements < SMALL
    a, b, *_ = product.operands
    return len(product.shape) != 2 or product.shape[0] == 1 or small or a is b


def tiles_of(placement: Placement) -> list[list[int]]:
    """Groups of nest numbers, in an order in which every group reads earlier ones only."""
    groups: list[list[int]] = []
    leaves: list[set[Value]] = []  # what each group reads that its nests do not make
    group_of: dict[int, int] = {}
    for i in _products_late(placement):
        draft = placement.nests[i]
        others = _read_by(placement, i)
        first = max((group_of[h] for h, _, _ in others), default=0)
        for g in range(max(first, len(groups) - WINDOW), len(groups)):
            inside = [(read, root) for h, read, root in others if group_of[h] == g]
            if _fits(placement, draft, groups[g][0], inside, leaves[g]):
                groups[g].append(i)
                leaves[g] |= draft.leaves
                group_of[i] = g
                break
        else:
            group_of[i] = len(groups)
            groups.append([i])
            leaves.append(set(draft.leaves))
    return groups


def _read_by(placement: Placement, i: int) -> list[tuple[int, Read, Value]]:
    """What a nest reads of other nests: the maker, the read, and the root that reads."""
    return [
        (placement.home[read.value], read, root)
        for root in placement.nests[i].access
        for read in placement.reads[root]
        if read.leaf and placement.home.get(read.value, i) != i
    ]


def _products_late(placement: Placement) -> list[int]:
    """The nests in order, but products just before their first reader: so that what else that one
    reads is there, and both may take turns."""
    order: list[int] = []
    products = {i for i, draft in enumerate(placement.nests) if product_of(draft) is not None}
    others = [i for i in range(len(placement.nests)) if i not in products]
    stack = [*sorted(products, reverse=True), *reversed(others)]
    done: set[int] = set()
    while stack:
        i = stack[-1]
        reads = {h for h, _, _ in _read_by(placement, i)}
        needed = {h for h in reads if h in products and h not in done}
        if i in done or not needed:
            stack.pop()
            if i not in done:
                done.add(i)
                order.append(i)
        else:
            stack.extend(sorted(needed, reverse=True))
    return order


def _fits(
    placement: Placement,
    draft: Draft,
    first: int,
    inside: list[tuple[Read, Value]],
    leaves: set[Value],
) -> bool:
    """May a nest take turns with a group?

    first: of its nests, which all have one leading axis.  inside: what the nest reads of them.
    leaves: what they read.
    """
    nests = placement.nests
    size = None if product_of(draft) else leading(draft)
    if size is None or leading(nests[first]) != size:
        return False
    if not inside and (product_of(nests[first]) is not None or draft.leaves.isdisjoint(leaves)):
        return False
    homes = placement.home
    return all(_same_block(nests[homes[read.value]], read, draft, root) for read, root in inside)


def _same_block(maker: Draft, read: Read, reader: Draft, root: Value) -> bool:
    if is_reshape(read.value) or (isinstance(read.value, Reduce) and maker.kind != "row"):
        return False
    made = identity(2) if product_of(maker) else maker.result(read.value)
    place = [k for k, (axis, _, _) in enumerate(made) if axis == 0]
    access = renamed(read.access, reader.access[root])
    return len(place) == 1 and access[place[0]] == (0, 0, 1)
