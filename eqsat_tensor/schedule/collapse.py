"""Loop axes that every access walks as one become one: fewer, longer loops.

Axes k and k + 1 are one axis where in every stored value that the nest reads or writes a step
along k is as far as a whole walk along k + 1, and nothing else depends on the index of either.
Axis k then vanishes from all accesses: its part of each offset is in that of the longer axis.
"""

from __future__ import annotations

from dataclasses import replace

from eqsat_tensor.extents import Size
from eqsat_tensor.schedule.accesses import Access, Gathered, axes_of, guards_of_pad, linear
from eqsat_tensor.schedule.loop_values import Iota, Pad, Reduce
from eqsat_tensor.schedule.loops import Nest
from eqsat_tensor.schedule.nests import Placement
from eqsat_tensor.schedule.reads import renamed

Strides = dict[int, Size]


def collapsed(placement: Placement, number: int, leading: bool) -> Nest:
    """The finished nest; its leading axis is merged only where ``leading`` allows."""
    nest = placement.nests[number].frozen()
    if nest.kind == "call" or len(nest.domain) < 2:
        return nest
    strides, blocked = _walks(placement, number, nest)
    for axis in reversed(range(0 if leading else 1, len(nest.domain) - 1)):
        if {axis, axis + 1} & blocked or axis + 1 in _borders(nest):
            continue
        size = nest.domain[axis + 1]
        if all(s.get(axis, 0) == s.get(axis + 1, 0) * size for s in strides):
            nest = _merged(nest, axis)
            strides = [_without(s, axis) for s in strides]
            blocked = {a - (a > axis) for a in blocked}
    return nest


def _walks(placement: Placement, number: int, nest: Nest) -> tuple[list[Strides], set[int]]:
    """How each access walks memory, and the axes whose index matters otherwise."""
    strides: list[Strides] = []
    blocked: set[int] = set()
    for root in nest.roots:
        strides.append(linear(root.value, root.result)[1])
        blocked |= {axis for axis, _, _ in root.guards if axis is not None}
        for read in placement.reads[root.value]:
            access = renamed(read.access, root.access)
            labels = [axis for axis, _, _ in access if isinstance(axis, Gathered)]
            blocked |= {a for label in labels for a in axes_of(label.access)}
            if read.leaf:
                if not _row_scalar(placement, read.value, number):
                    strides.append(linear(read.value, access)[1])
            elif isinstance(read.value, Iota):
                blocked |= axes_of(access[read.value.axis : read.value.axis + 1])
            elif isinstance(read.value, Pad):
                guards = guards_of_pad(read.value, access)
                blocked |= {axis for axis, _, _ in guards if axis is not None}
        if isinstance(root.value, Iota):
            blocked |= axes_of(root.access[root.value.axis : root.value.axis + 1])
        elif isinstance(root.value, Pad):
            guards = guards_of_pad(root.value, root.access)
            blocked |= {axis for axis, _, _ in guards if axis is not None}
    return strides, blocked


def _row_scalar(placement: Placement, value: object, number: int) -> bool:
    return isinstance(value, Reduce) and placement.home[value] == number


def _borders(nest: Nest) -> set[int]:
    """Axes that begin a group: those before them are of another kind."""
    return {nest.outer, nest.outer + nest.reduced} if nest.kind in ("row", "col", "scan") else set()


def _without(strides: Strides, axis: int) -> Strides:
    return {a - (a > axis): s for a, s in strides.items() if a != axis}


def _merged(nest: Nest, axis: int) -> Nest:
    size = nest.domain[axis] * nest.domain[axis + 1]
    domain = (*nest.domain[:axis], size, *nest.domain[axis + 2 :])
    outer, reduced = nest.outer, nest.reduced
    if nest.kind == "map" or axis < outer:
        outer -= 1
    elif axis < outer + reduced:
        reduced -= 1
    roots = tuple(replace(r, access=_moved(r.access, axis)) for r in nest.roots)
    moved = tuple(
        replace(
            r,
            guards=frozenset(
                (a - (a > axis) if a is not None else a, lo, hi) for a, lo, hi in r.guards
            ),
        )
        for r in roots
    )
    return replace(nest, domain=domain, outer=max(outer, 0), reduced=reduced, roots=moved)


def _moved(access: Access, axis: int) -> Access:
    return tuple(
        (None, start, 1)
        if a == axis
        else (a - (a > axis) if isinstance(a, int) else a, start, step)
        for a, start, step in access
    )
