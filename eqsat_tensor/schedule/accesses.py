"""Accesses: at which index of a value a loop nest reads it.

One term an axis of the value, an affine function of at most one loop axis.  So chains of slices, transposes and
broadcasts compose to one access.  A *guard* is an interval of a loop axis outside which a value is not there.
"""

from __future__ import annotations

from dataclasses import dataclass

from eqsat_tensor.extents import Size, product, symbol
from eqsat_tensor.schedule.loop_values import Input, Pad, Pick, Value, View


@dataclass(frozen=True)
class Gathered:
    """An index that is not affine: the label that ``pick`` reads at ``access``."""

    pick: Pick
    access: Access


Axis = int | Gathered | None
Term = tuple[Axis, Size, int]  # index = start + step * (loop index of the axis; 0 for None)
Access = tuple[Term, ...]
Guard = tuple[int | None, Size, Size]  # loop axis (None: index 0), from, below


def identity(rank: int) -> Access:
    """Loop axis j reads axis j."""
    return tuple((j, 0, 1) for j in range(rank))


def through(value: View | Pad | Pick, access: Access) -> Access:
    """The access of the source, given that of ``value``."""
    if isinstance(value, Pad):
        return tuple(
            (a, start - low, s) for (a, start, s), low in zip(access, value.low, strict=True)
        )
    if isinstance(value, Pick):
        rest = iter(access)
        label: Term = (Gathered(value, access), 0, 1)
        return tuple(
            label if k == value.axis else next(rest) for k in range(len(value.source.shape))
        )
    terms: list[Term] = []
    for axis, start, step in value.axes:
        if axis is None:
            terms.append((None, start, 1))
        else:
            a, begin, stride = access[axis]
            terms.append((a, start + begin * step, stride * step))
    return tuple(terms)


def guards_of_pad(pad: Pad, access: Access) -> frozenset[Guard]:
    """Where along the loop axes the source of a padded value is."""
    found: set[Guard] = set()
    for (axis, start, step), low, inner, outer in zip(
        access, pad.low, pad.source.shape, pad.shape, strict=True
    ):
        if low == 0 and inner == outer:
            continue
        assert not isinstance(axis, Gathered), "a padded source of pick is stored"
        begin = low - start
        if axis is None:
            found.add((None, begin, begin + inner))
        elif step > 0:
            found.add((axis, -((-begin) // step), -((-begin - inner) // step)))
        else:  # begin <= step * i < begin + inner
            found.add((axis, -((begin + inner - 1) // -step), (-begin) // -step + 1))
    return frozenset(found)


def strides_of(value: Value) -> tuple[Size, ...]:
    """Elements between neighbours along each axis of a stored value."""
    if isinstance(value, Input) and value.order:
        place = {axis: k for k, axis in enumerate(value.order)}
        inner = [[a for a in value.order if place[a] > place[j]] for j in range(len(value.shape))]
        return tuple(product([value.shape[a] for a in axes]) for axes in inner)
    if isinstance(value, Input) and not value.contiguous:
        steps = [stride_symbol(value.name, j) for j in range(len(value.shape))]
        return (*steps[:-1], 1) if value.unit else tuple(steps)
    return tuple(product(value.shape[j + 1 :]) for j in range(len(value.shape)))


def stride_symbol(name: str, axis: int) -> Size:
    """The symbol that stands for a stride, in elements, of an input that is not contiguous."""
    return symbol(f"{name}:{axis}")


def axes_of(access: Access) -> set[int]:
    """The loop axes that an access depends on."""
    found: set[int] = set()
    for axis, _, _ in access:
        if isinstance(axis, int):
            found.add(axis)
        elif isinstance(axis, Gathered):
            found |= axes_of(axis.access)
    return found


def linear(value: Value, access: Access) -> tuple[Size, dict[int, Size]]:
    """Offset and coefficients of the loop axes, in elements of a stored value (labels left out)."""
    offset: Size = 0
    coefficients: dict[int, Size] = {}
    for (axis, start, step), stride in zip(access, strides_of(value), strict=True):
        offset = offset + start * stride
        if isinstance(axis, int):
            coefficients[axis] = coefficients.get(axis, 0) + step * stride
    return offset, coefficients
