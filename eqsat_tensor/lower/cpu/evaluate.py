"""Values at a place in a loop body: literals, scalars or vectors, each evaluated once a place."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property, partial

import numpy as np

from eqsat_tensor.extents import Size
from eqsat_tensor.lower.cpu.places import MEMORY, Guards, Here, Known, counting
from eqsat_tensor.lower.cpu.sides import Side, Sides, dear_sides
from eqsat_tensor.lower.cpu.writer import Writer
from eqsat_tensor.lower.walk import Key, is_stored, kept_at, labels_at, operands_at, walked
from eqsat_tensor.schedule.accesses import (
    Access,
    Gathered,
    Term,
    guards_of_pad,
    strides_of,
    through,
)
from eqsat_tensor.schedule.loop_values import (
    Constant,
    Iota,
    Map,
    Pad,
    Pick,
    Reduce,
    SizeValue,
    Value,
    View,
)

DEAR = 8.0  # own roots of an earlier phase are read back rather than computed again
BOOL, INT64 = np.dtype(np.bool_), np.dtype(np.int64)
PLAIN = (0, 1, -1, 2, 0.5)  # constants that stand in the text
BRANCHES = 4  # within one another, at most: selections may be nested deeper than Python's calls


def is_written(value: Constant) -> bool:
    """Does a constant stand in the text of a kernel, not in its argument block?"""
    number = value.value.value
    plain = value.dtype.kind == "b" or number in PLAIN or number != number
    return bool(plain or (value.dtype.kind in "iu" and abs(number) <= 64))


def cut_of(value: Value, access: Access) -> tuple[int, Size, bool] | None:
    """Of select(i < size, a, b): the loop axis, its index where i is the size, and is a below it?"""
    if not isinstance(value, Map) or value.primitive != "select":
        return None
    condition = value.operands[0]
    while isinstance(condition, View):
        access, condition = through(condition, access), condition.source
    if not isinstance(condition, Map) or condition.primitive != "less":
        return None
    place, bound = condition.operands
    while isinstance(place, View):
        access, place = through(place, access), place.source
    if not isinstance(place, Iota) or not isinstance(bound, Constant | SizeValue):
        return None
    size = bound.size if isinstance(bound, SizeValue) else int(bound.value.value)
    axis, start, step = access[place.axis]
    if not isinstance(axis, int) or place.dtype.kind != "i" or step not in (1, -1):
        return None
    return (axis, size - start, True) if step == 1 else (axis, start - size + 1, False)


class Evaluator(Writer):
    """Writes the values that a nest computes."""

    def value(self, value: Value, access: Access, guards: Guards, here: Here) -> Known:
        """``value`` at ``access`` where the guards hold, anything elsewhere."""
        wanted = value, access, guards
        needs, compute = partial(self.needs, here=here), partial(self.compute, here=here)
        return walked(wanted, here.known, needs, compute)

    def vector(self, known: Known, value: Value, lanes: int) -> str:
        """The text of an evaluated value in every lane."""
        builder = self.builder(value.dtype, lanes)
        if known.kind == "literal":
            return builder.constant(known.value)
        return known.text if known.kind == "vector" or not lanes else builder.splat(known.text)

    # ---------------------------------------------------------------------------------- one value
    def stored(self, value: Value, access: Access, here: Here) -> bool:
        """Is the value loaded here, not computed?"""
        return is_stored(value, access, here.phase, self.own, self.buffers)

    def needs(self, key: Key, here: Here) -> list[Key]:
        """What must be evaluated before."""
        value, access, guards = key
        if isinstance(value, Constant | SizeValue | Reduce) and not self.stored(
            value, access, here
        ):
            return []
        if self.stored(value, access, here) or isinstance(value, Iota):
            return labels_at(access, guards)
        home = self.scratch_of(value, here)
        if home is not None:
            return []
        chosen = self.chosen(value, access)
        if chosen is not None:
            return [(chosen, access if chosen.shape else (), guards)]
        sides = self.sides_at(value, here)
        if sides:
            assert isinstance(value, Map)
            apart = {side.operand for side in sides}
            wanted = [o for k, o in enumerate(value.operands) if k not in apart]
            wanted += [v for side in sides for v in side.beneath]
            return [(v, access if v.shape else (), guards) for v in wanted]
        return operands_at(value, access, guards)

    @cached_property
    def sides(self) -> Sides:
        """What only one side of a selection needs, where that is dear."""
        kept = {value for value, _ in self.nest.kept}

        def apart(value: Value) -> bool:
            return value in self.own or value in self.buffers or value in kept

        return dear_sides(self.body, apart)

    def sides_at(self, value: Value, here: Here) -> tuple[Side, ...]:
        """The sides of a selection that are done in branches here."""
        if not here.lanes or here.within >= BRANCHES or not isinstance(value, Map):
            return ()
        return self.sides.get(value, ())

    def compute(self, key: Key, here: Here) -> Known:
        """The value, all that it needs being evaluated."""
        value, access, guards = key
        if isinstance(value, Constant):
            return self.constant(value)
        if isinstance(value, SizeValue):
            return Known(
                "scalar", self.scalar_slot(value, "size value", value.dtype.name, value.size)
            )
        if value in self.rows:
            return Known("vector" if self.side_by_side else "scalar", self.rows[value])
        if self.stored(value, access, here):
            return self.load(value, access, guards, here, self.labels(value, access, guards, here))
        home = self.scratch_of(value, here)
        if home is not None:
            return self.load(home, self.own[home].access, guards, here, [])
        if isinstance(value, Iota):
            return self.iota(value, access, guards, here)
        chosen = self.chosen(value, access)
        if chosen is not None:
            return here.known[chosen, access if chosen.shape else (), guards]
        if isinstance(value, Map):
            if self.sides_at(value, here):
                return self.select(value, access, guards, here)
            return self.map(value, access, guards, here)
        if isinstance(value, Pad):
            return self.pad(value, access, guards, here)
        assert isinstance(value, View | Pick), value
        return here.known[value.source, through(value, access), guards]

    def scratch_of(self, value: Value, here: Here) -> Value | None:
        """The root in whose row an earlier phase kept this value."""
        return kept_at(value, here.phase, self.nest, self.kept_in)

    def constant(self, value: Constant) -> Known:
        if is_written(value):
            # -0.0 == 0 but is another constant; its text keeps the sign.
            return Known("literal", "", value.value.value)
        return Known("scalar", self.scalar_slot(value, "constant", value.value))

    def scalar_slot(self, value: Value, *key: object) -> str:
        kind = MEMORY[value.dtype]
        return self.from_memory(self.slot(kind, *key), value, 0)

    def chosen(self, value: Value, access: Access) -> Value | None:
        """The operand that a selection by place takes in the part that is being written, if one."""
        cut = cut_of(value, access) if self.within else None
        if cut is None or not isinstance(value, Map):
            return None
        axis, bound, below = cut
        _, first, second = value.operands
        if self.less(axis, bound):
            return first if below else second
        return (second if below else first) if self.at_least(axis, bound) else None

    # ---------------------------------------------------------------------------------- the forms
    def map(self, value: Map, access: Access, guards: Guards, here: Here) -> Known:
        operands = value.operands
        evaluated = [here.known[o, access if o.shape else (), guards] for o in operands]
        lanes = here.lanes if any(k.kind == "vector" for k in evaluated) else 0
        texts = [self.vector(k, o, lanes) for k, o in zip(evaluated, operands, strict=True)]
        builder = self.builder(operands[-1].dtype, lanes, value not in self.setting.rounded)
        if value.primitive == "cast":
            result = self.builder(value.dtype, lanes).cast(texts[0], builder)
        elif value.primitive == "keep":
            result = self.fence(texts[0], value, lanes)
        elif value.primitive == "select":
            result = builder.select(*texts)
        elif lanes and (value.primitive, value.dtype) in self.called:
            result = builder.call(value.primitive, *texts)
        else:
            result = builder.apply(value.primitive, *texts)
        return Known("vector" if lanes else "scalar", result)

    def select(self, value: Map, access: Access, guards: Guards, here: Here) -> Known:
        """A selection of which a side, or either, is done only where a lane takes it."""
        builder, lanes = self.builder(value.dtype, here.lanes), here.lanes
        known = here.known[value.operands[0], access if value.operands[0].shape else (), guards]
        condition = self.vector(known, value.operands[0], lanes)
        dear = {side.operand for side in self.sides[value]}
        texts = [condition]
        for k, operand in enumerate(value.operands[1:], 1):
            place = access if operand.shape else ()
            if k not in dear:
                texts.append(self.vector(here.known[operand, place, guards], operand, lanes))
                continue
            every = self.builder(BOOL, lanes).constant(True)
            taken = condition if k == 1 else builder.both("xor", condition, every)
            mask = self.mask(guards, here)
            taken = taken if mask is None else builder.both("and", taken, mask)

            def side(operand: Value = operand, place: Access = place) -> str:
                inside = replace(here, known=dict(here.known), within=here.within + 1)
                return self.vector(self.value(operand, place, guards, inside), operand, lanes)

            zero = builder.constant(0)
            texts.append(self.function.when(builder.any_lane(taken), builder.type, zero, side))
        return Known("vector", builder.select(*texts))

    def fence(self, text: str, value: Value, lanes: int) -> str:
        """A float that no operation before is fused with one after."""
        if value.dtype.kind != "f" or value.dtype.itemsize < 4 or not self.setting.contract:
            return text  # a half is rounded, which nothing is fused across
        builder = self.builder(value.dtype, lanes)
        symbol = f"llvm.arithmetic.fence.{builder.suffix}"
        return self.function.emit(self.call(builder.type, symbol, (builder.type, text)))

    def pad(self, value: Pad, access: Access, guards: Guards, here: Here) -> Known:
        inner = guards | guards_of_pad(value, access)
        known = here.known[value.source, through(value, access), inner]
        if all(self.bounds(*guard) == (None, None) for guard in inner):
            return known  # nothing but what is padded is in the part that is being written
        # A scalar depends on the inner axis where a guard of the padding does.
        lanes = here.lanes
        if not any(axis == here.inner for axis, _, _ in inner) and known.kind != "vector":
            lanes = 0
        mask = self.mask(inner, here) if lanes else self.row_mask(inner, here)
        if mask is None:
            return known
        builder, text = self.builder(value.dtype, lanes), self.vector(known, value, lanes)
        if known.kind == "vector":
            # LLVM 22 makes select(m, fma(load masked by m, c, d), 0) of a load that no mask holds.
            text = self.fence(text, value, lanes)
        text = builder.select(mask, text, builder.constant(0))
        return Known("vector" if lanes else "scalar", text)

    def iota(self, value: Iota, access: Access, guards: Guards, here: Here) -> Known:
        text, lanes = self.index(access[value.axis], guards, here)
        target, source = self.builder(value.dtype, lanes), self.builder(INT64, lanes)
        return Known("vector" if lanes else "scalar", target.cast(text, source))

    def index(self, term: Term, guards: Guards, here: Here) -> tuple[str, int]:
        """An index as i64, and the lanes that it has."""
        f = self.function
        axis, start, step = term
        if isinstance(axis, Gathered):
            label = self.label(axis, guards, here)
            lanes = here.lanes if label.kind == "vector" else 0
            builder = self.builder(INT64, lanes)
            scaled = builder.binary("mul", label.text, builder.constant(step))
            first = builder.splat(self.size(start))
            return builder.binary("add", scaled, first), lanes
        if axis is None:
            return self.size(start), 0
        j = here.j if axis == here.inner and here.lanes else here.index[axis]
        first = f.add(f.multiply(j, str(step)), self.size(start))
        if axis != here.inner or not here.lanes:
            return first, 0
        builder = self.builder(INT64, here.lanes)
        walk = counting("i64", here.lanes, step)
        return builder.binary("add", builder.splat(first), walk), here.lanes

    def label(self, axis: Gathered, guards: Guards, here: Here) -> Known:
        """A label, wrapped once if negative and kept within its axis."""
        size = self.size(axis.pick.source.shape[axis.pick.axis])
        known = here.known[axis.pick.index, axis.access, guards]
        lanes = here.lanes if known.kind == "vector" else 0
        builder = self.builder(INT64, lanes)
        text = self.vector(known, axis.pick.index, lanes)
        if axis.pick.index.dtype != INT64:
            text = builder.cast(text, self.builder(axis.pick.index.dtype, lanes))
        zero, length = builder.constant(0), builder.splat(size)
        wrapped = builder.binary("add", text, length)
        text = builder.select(builder.compare("less", text, zero), wrapped, text)
        top = builder.splat(self.function.add(size, "-1"))
        text = builder.intrinsic("smax", builder.intrinsic("smin", text, top), zero)
        return Known("vector" if lanes else "scalar", text)

    def labels(
        self, value: Value, access: Access, guards: Guards, here: Here
    ) -> list[tuple[Size, Known]]:
        """Steps in memory and labels of the indices that are not affine."""
        return [
            (stride * step, self.label(axis, guards, here))
            for (axis, _, step), stride in zip(access, strides_of(value), strict=True)
            if isinstance(axis, Gathered)
        ]
