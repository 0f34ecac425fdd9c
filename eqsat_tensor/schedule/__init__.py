"""`Expr` -> `Plan`: which loops compute what, in which order, into which buffers.

    plan = schedule(lower_program(outputs))

Sources: the roots-and-nests scheme is our own; fusion without cycles by list order as in
topological bucketing; blocks of the leading axis as in loop tiling across nests.
"""

from __future__ import annotations

from collections.abc import Sequence

from eqsat_tensor.extents import symbols_of
from eqsat_tensor.schedule.collapse import collapsed
from eqsat_tensor.schedule.loop_values import (
    Call,
    Input,
    Map,
    Pad,
    Pick,
    Reduce,
    Scan,
    Value,
    View,
    walk,
)
from eqsat_tensor.schedule.loops import Nest, Plan
from eqsat_tensor.schedule.nests import Placement, is_reshape, placed
from eqsat_tensor.schedule.tiles import product_of, tiles_of
from eqsat_tensor.schedule.values import lower_program

__all__ = ["Plan", "lower_program", "row_sizes", "schedule"]


def row_sizes(outputs: Sequence[Value]) -> frozenset[str]:
    """Names of the sizes that tell how long rows are.

    Those of axes along which values are reduced, where other axes are left; and the last ones of what is
    moved, padded, broadcast, picked or scanned, so that its rows are no one piece of memory.
    """
    names: frozenset[str] = frozenset()
    for value in walk(outputs):
        if isinstance(value, Reduce) and any(size != 1 for size in value.shape):
            names = names.union(*(symbols_of(value.source.shape[axis]) for axis in value.axes))
        elif _has_rows(value):
            names |= symbols_of(value.shape[-1])
    return names


def _has_rows(value: Value) -> bool:
    if isinstance(value, Scan):
        return value.axis < len(value.shape) - 1
    moved = isinstance(value, View | Pad | Pick) and value.source.shape
    return bool(moved) and len(value.shape) > 1


def schedule(outputs: Sequence[Value]) -> Plan:
    """The plan for distinct ``outputs``, none an input: as `lower_program` makes them."""
    assert len(set(outputs)) == len(outputs), outputs
    wanted, moved = _reshaped_outputs(tuple(outputs))
    placement = placed(wanted)
    groups = tiles_of(placement)
    order = [i for group in groups for i in group]
    number = {i: k for k, i in enumerate(order)}
    tiles = tuple(tuple(number[i] for i in group) for group in groups)
    buffers = _buffers(placement, tuple(outputs), moved)
    last: dict[str, int] = {}
    for i in order:
        for root in placement.nests[i].access:
            for read in placement.reads[root]:
                if read.leaf and read.value in buffers:
                    last[buffers[read.value]] = number[i]
    nests: list[Nest] = []
    for group in groups:
        # Beside a product, blocks of a "map" may be of elements, of whole rows each.
        free = any(product_of(placement.nests[m]) for m in group)
        for i in group:
            whole = len(group) == 1 or (free and placement.nests[i].kind == "map")
            nests.append(collapsed(placement, i, whole))
    inputs = tuple(v for v in placement.order if isinstance(v, Input))
    plan = Plan(tuple(outputs), tuple(nests), buffers, tiles, last, inputs)
    plan.check()
    return plan


def _reshaped_outputs(outputs: tuple[Value, ...]) -> tuple[tuple[Value, ...], dict[Value, int]]:
    """Outputs that are another shape of a computed value: that value is computed in their place."""
    wanted: list[Value] = []
    moved: dict[Value, int] = {}
    own = set(outputs)
    for k, output in enumerate(outputs):
        source: Value = output
        if isinstance(source, Map) and source.primitive == "keep":
            source = source.operands[0]
        if not is_reshape(source):
            wanted.append(output)
            continue
        while isinstance(source, Call) and is_reshape(source):
            source = source.operands[0]
        if isinstance(source, Input) or source in own or source in moved:
            wanted.append(output)
            continue
        moved[source] = k
        wanted.append(source)
    return tuple(wanted), moved


def _buffers(
    placement: Placement, outputs: tuple[Value, ...], moved: dict[Value, int]
) -> dict[Value, str]:
    """A name for each stored value; a row scalar that only its own nest reads is not stored."""
    read_elsewhere = {
        read.value
        for root, reads in placement.reads.items()
        for read in reads
        if read.leaf and placement.home.get(read.value) != placement.home[root]
    }
    read_elsewhere |= {v.operands[0] for v in walk(outputs) if isinstance(v, Call)}
    names: dict[Value, str] = {}
    number = {output: k for k, output in enumerate(outputs)}
    changed = {v.operands[0]: v for v in placement.order if isinstance(v, Call) and v.in_place}
    for value in placement.order:
        last = value  # what the memory holds in the end
        while last in changed:
            last = changed[last]
        if last in moved:
            names[value] = f"out{moved[last]}"
        elif last in number:
            names[value] = f"out{number[last]}"
        elif isinstance(value, Call) and value.in_place:
            names[value] = names[value.operands[0]]
        elif isinstance(value, Input):
            names[value] = value.name
        elif is_reshape(value) and isinstance(value, Call):
            names[value] = names[value.operands[0]]
        elif value in placement.home:
            local = (
                isinstance(value, Reduce) and placement.nests[placement.home[value]].kind == "row"
            )
            if value in read_elsewhere or not local:
                names[value] = f"tmp{len(names)}"
    for output, k in number.items():
        names.setdefault(output, f"out{k}")
    return names
