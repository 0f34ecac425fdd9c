"""What may be stored over something that dies where it is made, element by element.

Temporaries take the memory of others (`reused`); outputs may take that of an input (`overwritten`),
which is used where a state is updated.  A product that is read by what makes an output, and by
nothing else, is put into that output's memory (`settled`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from eqsat_tensor.schedule.accesses import Access, Gathered, linear, through
from eqsat_tensor.schedule.loop_values import (
    Call,
    Constant,
    Host,
    Input,
    Map,
    Pad,
    Pair,
    Pick,
    Reduce,
    SizeValue,
    Value,
    View,
)
from eqsat_tensor.schedule.loops import Nest, Plan, Root
from eqsat_tensor.types import TensorType

PAIRS = 1 << 14  # of outputs and inputs, up to which an output may be stored over any input


def settled(plan: Plan) -> Plan:
    """The plan with products in the memory of the outputs that are made of them.

    Only where one nest reads the product, stores that output alone, and reads the product nowhere but
    at the element that it then stores.  Not where it also reads an argument that it may be stored
    over: the product would come before the last read.
    """
    buffers, last = dict(plan.buffers), dict(plan.last)
    holds = Counter(buffers.values())
    readers: dict[str, set[int]] = {}
    for i, nest in enumerate(plan.nests):
        for name in _names_read(plan, nest):
            readers.setdefault(name, set()).add(i)
    for nest in plan.nests:
        value = nest.roots[0].value
        name = plan.buffers.get(value, "")
        if not _is_product(value) or not name.startswith("tmp") or len(readers[name]) != 1:
            continue
        (i,) = readers[name]
        roots = plan.nests[i].roots
        output = plan.buffers.get(roots[0].value, "")
        if plan.nests[i].kind != "map" or len(roots) != 1 or not output.startswith("out"):
            continue
        if roots[0].guards or holds[output] != 1:
            continue
        reads = stored_reads(plan, plan.nests[i], roots[0])
        kinds = {v.type for v, _ in reads if isinstance(v, Input)}
        if _places(plan, plan.nests[i], roots[0]).get(name) == {True} and value.type not in kinds:
            same = [v for v, held in buffers.items() if held == name]  # of another shape, too
            buffers.update(dict.fromkeys(same, output))
            holds[output] += 1
            last[output] = i
            del last[name]
    return replace(plan, buffers=buffers, last=last)


def _is_product(value: Value) -> bool:
    return isinstance(value, Call) and value.function == "gemm"


def _names_read(plan: Plan, nest: Nest) -> set[str]:
    """The names of what a nest reads."""
    found: set[str] = set()
    for root in nest.roots:
        if isinstance(root.value, Call):
            found |= {plan.buffers.get(_memory(v), "") for v in root.value.operands}
        else:
            found |= {plan.buffers[v] for v, _ in stored_reads(plan, nest, root)}
    return found


def reused(plan: Plan) -> dict[str, str]:
    """Name of a temporary -> name of the one whose memory it takes.

    Only where a nest by itself, or beside a product, stores one value, and reads the dying one nowhere
    but at the very element that it then stores: so no load can come after the store that spoils it.
    """
    fit = {
        i
        for group in plan.tiles
        if len(group) == 1 or any(_is_product(plan.nests[m].roots[0].value) for m in group)
        for i in group
    }
    pairs: dict[str, str] = {}
    for i, nest in enumerate(plan.nests):
        if i not in fit or nest.kind != "map" or len(nest.roots) != 1:
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
    some = len(plan.outputs) * len(plan.inputs) > PAIRS  # only what the nest reads itself
    alike: dict[TensorType, list[Input]] = {}
    for target in plan.inputs:
        if target.contiguous:
            alike.setdefault(target.type, []).append(target)
    fitting: dict[int, set[str]] = {}  # of every nest that writes the output
    for group in plan.tiles:
        for i in group:
            nest = plan.nests[i]
            written = [
                (root, output)
                for root in nest.roots
                if (output := number.get(plan.buffers.get(root.value, ""))) is not None
                # in place: the memory was written before, and it counts where that was
                and not (isinstance(root.value, Call) and root.value.in_place)
            ]
            if not written:
                continue
            read = _names_read(plan, nest)
            beside = {n for m in group if m != i for n in _names_read(plan, plan.nests[m])}
            for root, output in written:
                fits: set[str] = set()
                if nest.kind in ("map", "call") and not root.guards:
                    fits = {
                        t.name
                        for t in alike.get(root.value.type, ())
                        if (t.name in read or not some)
                        and plan.last.get(t.name, -1) <= i
                        and t.name not in beside
                    }
                    there = _only_there(plan, nest, root, fits & read)
                    fits = there if isinstance(root.value, Host) else fits - read | there
                fitting[output] = fitting.get(output, fits) & fits
    order = {t.name: k for k, t in enumerate(plan.inputs)}
    return tuple(
        (output, name)
        for output, names in fitting.items()
        for name in sorted(names, key=order.__getitem__)
    )


def _only_there(plan: Plan, nest: Nest, root: Root, names: set[str]) -> set[str]:
    """Those of the inputs that a nest reads which it reads for ``root`` alone, at the element stored."""
    if isinstance(root.value, Host):
        return set()
    if isinstance(root.value, Call):
        # of a product only c, and that as it lies: a and b are read again and again
        first, last = root.value.operands[:4], root.value.operands[4:]
        spoilt = {*map(_memory, first), *(_memory(v) for v in last if v is not _memory(v))}
        return names - {plan.buffers.get(v, "") for v in spoilt}
    found = set(names)
    for other in nest.roots:
        for name, fits in _places(plan, nest, other).items():
            if other is not root or fits != {True}:
                found.discard(name)
    return found


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
