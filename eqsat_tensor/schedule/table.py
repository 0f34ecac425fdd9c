"""The table of one program: makes its loop values, equal ones once, and knows what nodes became.

A map of views that only move is a view of the map: it is computed once, below them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eqsat_tensor.extents import Size
from eqsat_tensor.lang import INT64, Expr
from eqsat_tensor.schedule.accesses import through
from eqsat_tensor.schedule.chains import Chains
from eqsat_tensor.schedule.loop_values import Call, Constant, Input, Map, SizeValue, Value, View
from eqsat_tensor.types import Shape, TensorType, literal


class Table:
    """The table of one program: equal values are one object.

    done: what nodes have become.  chains: how its updates follow one another.
    """

    def __init__(self, chains: Chains) -> None:
        self.chains = chains
        self.known: dict[tuple[Any, ...], Value] = {}
        self.done: dict[Expr, Value] = {}

    def make(self, kind: type[Value], type: TensorType, *fields: Any) -> Value:
        """The value of this kind with these fields, the same object whenever it is asked for."""
        key = (kind, type, *fields)
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = kind(type, *fields)
        return found

    def constant(self, value: object, dtype: np.dtype) -> Value:
        """A number, of rank 0."""
        return self.make(Constant, TensorType(dtype, ()), literal(value, dtype))

    def size_of(self, size: Size) -> Value:
        """A size as an int64 of rank 0."""
        if isinstance(size, int):
            return self.constant(size, np.dtype(INT64))
        return self.make(SizeValue, TensorType(INT64, ()), size)

    def full(self, value: Value, shape: Shape) -> Value:
        """A 0-d value in every element of a shape; a value of that shape stays as it is."""
        if value.shape == shape or not isinstance(value, Constant | SizeValue):
            return value
        return self.make(View, value.type.with_shape(shape), value, ())

    def map(self, primitive: str, type: TensorType, *operands: Value) -> Value:
        """A primitive on every element, of type ``type``; constants stand bare among the operands."""
        bare = tuple(
            o.source if isinstance(o, View) and isinstance(o.source, Constant | SizeValue) else o
            for o in operands
        )
        views = [o for o in bare if not isinstance(o, Constant | SizeValue)]
        first = views[0] if views else None
        if isinstance(first, View) and _moves_only(first):
            inner, axes = first.source.shape, first.axes
            if all(
                isinstance(v, View) and (v.axes, v.source.shape) == (axes, inner) for v in views
            ):
                # The same broadcast or transpose of all operands: computed before it, once.
                below = tuple(o.source if isinstance(o, View) else o for o in bare)
                return self.view(
                    type.shape, self.map(primitive, type.with_shape(inner), *below), axes
                )
        return self.make(Map, type, primitive, bare)

    def cast(self, value: Value, dtype: np.dtype) -> Value:
        """A value in a dtype; itself where it has that."""
        if value.dtype == dtype:
            return value
        return self.map("cast", value.type.with_dtype(dtype), value)

    def view(
        self, shape: Shape, source: Value, axes: Sequence[tuple[int | None, Size, int]]
    ) -> Value:
        """A view; of a view, of what that is a view of; the source itself where nothing changes.

        axes: of each axis of the source (axis of the view or None, start, step).
        """
        if isinstance(source, View):
            composed = through(source, tuple(axes))
            axes = [(a, s, t) for a, s, t in composed if a is None or isinstance(a, int)]
            source = source.source
        if shape == source.shape and tuple(axes) == same(shape):
            return source
        return self.make(View, source.type.with_shape(shape), source, tuple(axes))

    # -------------------------------------------------------------------------- operands of calls
    def stored(self, value: Value) -> Value:
        """The operand of a call: what is not contiguous in memory is copied."""
        if (
            isinstance(value, View)
            and not isinstance(value.source, Constant | SizeValue)
            and _moves_only(value)
        ):
            axes = [axis for axis, _, _ in value.axes if axis is not None]
            outer = [j for j, size in enumerate(value.shape) if size != 1]
            if axes == sorted(axes) and set(outer) <= set(axes):  # only axes of size 1 come and go
                return self.make(Call, value.type, "reshape", (self.stored(value.source),))
        if isinstance(value, Input) and not value.contiguous:
            return self.map("keep", value.type, value)
        return value

    def loaded(self, value: Value) -> Value:
        """The operand of a call, in memory also where it is a constant."""
        if isinstance(value, Constant | SizeValue):
            return self.map("keep", value.type, value)
        return self.stored(value)


def _moves_only(view: View) -> bool:
    """A broadcast, transpose or squeeze: every element of the source is read."""
    return all(
        start == 0 and step == 1 and size == (1 if axis is None else view.shape[axis])
        for (axis, start, step), size in zip(view.axes, view.source.shape, strict=True)
    ) and len({axis for axis, _, _ in view.axes if axis is not None}) == sum(
        axis is not None for axis, _, _ in view.axes
    )


def same(shape: Shape) -> tuple[tuple[int, Size, int], ...]:
    """The axes of a view that changes nothing."""
    return tuple((j, 0, 1) for j in range(len(shape)))
