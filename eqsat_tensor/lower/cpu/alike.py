"""Nests that do the same to other buffers and with other constants: known before their text is written.

    out3 = tanh(tmp1 + tmp0 * 4.0)   and   out4 = tanh(tmp2 + tmp0 * 5.0)   have one `form`

A form says all that a kernel's text depends on.  Buffers, and constants that come in the argument
block, are numbers in it, in the order in which they are met; so a kernel that was written for one nest
serves the other, with the words of its argument block renamed (`Words`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import Any

from eqsat_tensor.lower.cpu.evaluate import is_written
from eqsat_tensor.lower.cpu.kernel import SlotKey
from eqsat_tensor.lower.cpu.places import inlined
from eqsat_tensor.schedule.accesses import Gathered
from eqsat_tensor.schedule.loop_values import Constant, Input, Value
from eqsat_tensor.schedule.loops import Nest

OF_SIZES = ("size", "size value")  # words that name no buffer
Form = tuple[Any, ...]
Words = tuple[tuple[str, ...], tuple[Any, ...]]  # names of buffers, constants: by their numbers


def form_of(
    nest: Nest, buffers: Mapping[Value, str], marked: Sequence[Collection[Any]]
) -> tuple[Form, Words] | None:
    """The form of a nest, and what its numbers stand for; None where it has none.

    marked: sets of values, or of names of buffers, that kernels are written by.
    """
    numbers: dict[Value, int] = {}
    names: dict[str, int] = {}
    constants: dict[Any, int] = {}
    own = {root.value for root in nest.roots}

    def part(field: Any) -> Any:
        """A field of a value or a nest, values being numbers."""
        if isinstance(field, Value):
            return "value", numbers[field]
        if isinstance(field, Gathered):
            return "gathered", numbers[field.pick], part(field.access)
        return tuple(map(part, field)) if isinstance(field, tuple) else field

    parts: list[Any] = []
    for value in inlined(nest, buffers):
        stored = buffers.get(value)
        place = None if stored is None else names.setdefault(stored, len(names))
        what: Any
        if isinstance(value, Input):
            named = "" if value.contiguous or value.order else value.name
            what = (value.contiguous, value.order, value.unit, named)
        elif isinstance(value, Constant):
            if is_written(value):
                what = ("written", repr(value.value))
            else:
                what = ("word", constants.setdefault(value.value, len(constants)))
        elif stored is not None and value not in own:
            what = ()  # loaded, whatever it is made of
        else:
            what = tuple(part(getattr(value, name)) for name in _fields(type(value)))  # type: ignore[arg-type]
        kind = type(value).__name__
        marks = tuple([value in some or stored in some for some in marked])
        parts.append((kind, value.type, place, marks, what))
        numbers[value] = len(numbers)
    try:
        roots = [(part(r.value), part(r.access), r.guards, r.phase) for r in nest.roots]
        kept = part(nest.kept)
    except KeyError:
        return None
    box = (nest.kind, nest.domain, nest.outer, nest.reduced)
    return (box, tuple(parts), tuple(roots), kept), (tuple(names), tuple(constants))


def renamed(slots: Sequence[SlotKey], before: Words, after: Words) -> list[SlotKey]:
    """The words of a kernel that was written for ``before``, for a nest of the same form."""
    names = dict(zip(before[0], after[0], strict=True))
    constants = dict(zip(before[1], after[1], strict=True))
    words: list[SlotKey] = []
    for kind, *what in slots:
        given = constants if kind == "constant" else {} if kind in OF_SIZES else names
        words.append((kind, *(given.get(part, part) for part in what)))
    return words


@cache
def _fields(kind: type[Value]) -> tuple[str, ...]:
    """The fields of a value but its type, which every value has."""
    return tuple(f.name for f in fields(kind) if f.name != "type")
