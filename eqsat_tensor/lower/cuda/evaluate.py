"""Values at a place in a body: each evaluated once, operands first, by a stack of our own."""

from __future__ import annotations

from functools import partial

import numpy as np

from eqsat_tensor.lower.cuda.words import TYPES, cast_text, literal_text, word_text
from eqsat_tensor.lower.cuda.writer import INDEX, Guards, Here, Writer, gathered
from eqsat_tensor.lower.walk import Key, is_stored, kept_at, labels_at, operands_at, walked
from eqsat_tensor.schedule.accesses import Access, Gathered, Term, guards_of_pad, through
from eqsat_tensor.schedule.loop_values import Constant, Iota, Map, Pad, Pick, SizeValue, Value, View

INT64 = np.dtype(np.int64)
PLAIN = (0, 1, -1, 2, 0.5)  # constants that stand in the text


class Evaluator(Writer):
    """Writes the values that a nest computes."""

    def value(self, value: Value, access: Access, guards: Guards, here: Here) -> str:
        """The text of ``value`` at ``access`` where the guards hold, of anything elsewhere."""
        wanted = value, access, guards
        needs, compute = partial(self.needs, here=here), partial(self.compute, here=here)
        return walked(wanted, here.known, needs, compute)

    # ---------------------------------------------------------------------------------- one value
    def stored(self, value: Value, access: Access, here: Here) -> bool:
        """Is the value loaded here, not computed?"""
        return is_stored(value, access, here.phase, self.own, self.buffers)

    def needs(self, key: Key, here: Here) -> list[Key]:
        """What must be evaluated before."""
        value, access, guards = key
        if isinstance(value, Constant | SizeValue) or value in self.rows:
            return []
        if self.stored(value, access, here) or isinstance(value, Iota):
            return labels_at(access, guards)
        return [] if self.kept_at(value, here) is not None else operands_at(value, access, guards)

    def compute(self, key: Key, here: Here) -> str:
        """The value, all that it needs being evaluated."""
        value, access, guards = key
        if isinstance(value, Constant):
            return self.constant(value)
        if isinstance(value, SizeValue):
            kind = TYPES[value.dtype.name]
            return self.parameter("c", kind, "size value", value.dtype.name, value.size)
        if value in self.rows:
            return self.rows[value]
        if self.stored(value, access, here):
            labels = {k: self.label(a, guards, here) for k, a in gathered(access)}
            return self.load(value, access, guards, here, labels)
        home = self.kept_at(value, here)
        if home is not None:
            return self.kept(value, home, guards, here)
        if isinstance(value, Iota):
            index = self.index(access[value.axis], guards, here)
            return self.let(value, cast_text(f"(eq_i64)({index})", INT64, value.dtype))
        if isinstance(value, Map):
            return self.map(value, access, guards, here)
        if isinstance(value, Pad):
            return self.pad(value, access, guards, here)
        assert isinstance(value, View | Pick), value
        return here.known[value.source, through(value, access), guards]

    def let(self, value: Value, text: str) -> str:
        """A name for a computed value."""
        return self.function.let(TYPES[value.dtype.name], text)

    def kept_at(self, value: Value, here: Here) -> Value | None:
        """The root in whose row an earlier phase kept this value."""
        return kept_at(value, here.phase, self.nest, self.kept_in)

    def kept(self, value: Value, home: Value, guards: Guards, here: Here) -> str:
        """A value that an earlier phase kept in the row of ``home``."""
        return self.load(home, self.own[home].access, guards, here, {})

    def constant(self, value: Constant) -> str:
        number = value.value.value
        plain = value.dtype.kind == "b" or number in PLAIN or number != number
        if plain or (value.dtype.kind in "iu" and abs(number) <= 64):
            return literal_text(number, value.dtype)
        return self.parameter("c", TYPES[value.dtype.name], "constant", value.value)

    # ---------------------------------------------------------------------------------- the forms
    def map(self, value: Map, access: Access, guards: Guards, here: Here) -> str:
        operands = value.operands
        texts = [here.known[o, access if o.shape else (), guards] for o in operands]
        if value.primitive == "cast":
            return self.let(value, cast_text(texts[0], operands[0].dtype, value.dtype))
        return self.let(value, word_text(value.primitive, operands[-1].dtype, texts))

    def pad(self, value: Pad, access: Access, guards: Guards, here: Here) -> str:
        inner = guards | guards_of_pad(value, access)
        known = here.known[value.source, through(value, access), inner]
        test = self.condition(inner, here)
        zero = literal_text(0, value.dtype)
        return known if test is None else self.let(value, f"{test} ? {known} : {zero}")

    def index(self, term: Term, guards: Guards, here: Here) -> str:
        """An index as text."""
        axis, start, step = term
        if axis is None:
            return self.size(start)
        if isinstance(axis, Gathered):
            text = self.label(axis, guards, here)
        else:
            text = here.index[axis]
        return self.total([self.times(text, step), self.size(start)])

    def label(self, axis: Gathered, guards: Guards, here: Here) -> str:
        """A label, wrapped once if negative and kept within its axis."""
        size = self.size(axis.pick.source.shape[axis.pick.axis])
        text = here.known[axis.pick.index, axis.access, guards]
        return self.function.let(INDEX, f"eq_label({text}, {size})")
