"""What may be stored over something that dies where it is made, element by element.

Temporaries take the memory of others (`reused`); outputs may take that of an input (`overwritten`),
which is used where a state is updated.
"""

from __future__ import annotations

from collections.abc import Iterator

from eqsat_tensor.schedule.loops import (
    Access,
    Call,
    Constant,
    Gathered,
    Host,
    Input,
    Map,
    Nest,
    Pad,
    Pair,
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
        for other, fits in _places(plan, nest, root).items():
            if other.startswith("tmp") and fits == {True} and plan.last.get(other) == i:
                pairs[name] = other
                break
    return pairs


def overwritten(plan: Plan) -> tuple[tuple[int, str], ...]:
    """Pairs (number of an output, name of an input): the output may be stored over the input.

    So where the input's last reader is the nest by itself that stores the output, and reads it
    nowhere but at the element that it then stores; a product may add to its own memory.
    """
    number = {f"out{k}": k for k in range(len(plan.outputs))}
    pairs: list[tuple[int, str]] = []
    for group in plan.tiles:
        nest = plan.nests[group[0]]
        if len(group) > 1 or nest.kind not in ("map", "call"):
            continue
        for root in nest.roots:
            if isinstance(root.value, Call) and root.value.in_place:
                continue  # the memory was written before: it counts where that was
            output = number.get(plan.buffers.get(root.value, ""))
            if output is None or root.guards:
                continue
            for target in plan.inputs:
                same_type = target.type == root.value.type and target.contiguous
                late = plan.last.get(target.name, -1) > group[0]
                if same_type and not late and _only_there(plan, nest, root, target):
                    pairs.append((output, target.name))
    return tuple(pairs)


def _only_there(plan: Plan, nest: Nest, root: Root, target: Input) -> bool:
    """Does the nest read ``target``, if at all, for ``root`` alone and at the element stored?"""
    if isinstance(root.value, Host):
        return False
    if isinstance(root.value, Call):
        # of a product only c, and that as it lies: a and b are read again and again
        first, last = root.value.operands[:4], root.value.operands[4:]
        return target not in map(_memory, first) and (
            target in last or target not in map(_memory, last)
        )
    for other in nest.roots:
        fits = _places(plan, nest, other).get(target.name)
        if fits is not None and (other is not root or fits != {True}):
            return False
    return True


def _memory(value: Value) -> Value:
    """The value whose memory is read where ``value``, an operand of a call, is read."""
    while isinstance(value, View | Pad) or (
        isinstance(value, Call) and value.function == "reshape"
    ):
        value = value.operands[0] if isinstance(value, Call) else value.source
    return value


def _places(plan: Plan, nest: Nest, root: Root) -> dict[str, set[bool]]:
    """For each stored value that a root reads: is it read at the very element that is stored?"""
    places: dict[str, set[bool]] = {}
    for value, access in stored_reads(plan, nest, root):
        same = value.dtype == root.value.dtype and value.type.shape == root.value.shape
        same = same and _at_the_element(value, access, root)
        same = same and not any(isinstance(axis, Gathered) for axis, _, _ in access)
        places.setdefault(plan.buffers[value], set()).add(same)
    return places


def _at_the_element(value: Value, access: Access, root: Root) -> bool:
    """Is it read where the root is stored?  Of a `Pair` both places are stored at once."""
    offset, steps = linear(value, access)
    first, stored = linear(root.value, root.access)
    places = (first, first + 1) if isinstance(root.value, Pair) else (first,)
    return offset in places and steps == stored


def stored_reads(plan: Plan, nest: Nest, root: Root) -> Iterator[tuple[Value, Access]]:
    """What computing a root loads, and where."""
    seen: set[tuple[Value, Access]] = set()
    stack: list[tuple[Value, Access]] = [(v, root.inside) for v in root.sources]
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
