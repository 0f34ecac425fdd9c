"""One pass over the inner axes of a nest: the vector loops, their tails, and what they carry.

The innermost loop is a main loop of full vectors, several registers to a vector so that latencies
overlap, and a masked loop for what is left.  A heavy body is written once, masked.  A guard on the
inner axis cuts it: the main loop runs where all guards hold, the masked one before and after it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from eqsat_tensor.lower.cpu import hits
from eqsat_tensor.lower.cpu.accumulate import brought_down, identity_of, in_blocks, starts, take_in
from eqsat_tensor.lower.cpu.function import Typed
from eqsat_tensor.lower.cpu.hits import sought_by_bits
from eqsat_tensor.lower.cpu.measures import Measures, Shape
from eqsat_tensor.lower.cpu.pairs import store_pair
from eqsat_tensor.lower.cpu.places import Here
from eqsat_tensor.lower.cpu.streams import first_on_line, flags, streamed
from eqsat_tensor.lower.cpu.vecmath import VectorBuilder
from eqsat_tensor.schedule.accesses import Access, axes_of, through
from eqsat_tensor.schedule.loop_values import Constant, Map, Pair, Reduce, Value, View
from eqsat_tensor.schedule.loops import Root

SUM_BLOCK = 4096  # elements of a row that a float32 accumulator takes in before it starts afresh

Step = Callable[[Here, list[str]], list[str]]


@dataclass(frozen=True)
class Span:
    """The innermost loop of a pass: its axis and ends, and the guards that cut it.

    streamed: what its full vectors may store past the caches.
    """

    axis: int
    low: str
    high: str
    guards: tuple[tuple[str | None, str | None], ...]
    streamed: tuple[Root, ...] = ()


class Passes(Measures):
    """Writes passes."""

    # ----------------------------------------------------------------------------------- one pass
    def pass_over(
        self,
        roots: Sequence[Root],
        axes: range,
        low: str,
        high: str,
        index: list[str],
        phase: int,
        wanted: str | None = None,
    ) -> dict[Value, str]:
        """Loop over ``axes`` (the first from low to high), store and reduce; the reduced values.

        wanted: an i1, whether reductions can find anything; by default as `wanted` says.
        """
        nothing = 0.0 if wanted is None else None  # to be found: a sum's 0.0 is no identity
        wanted = wanted or self.wanted(roots, axes[0], index, phase)
        if wanted is None:
            return self.every_pass(roots, axes, low, high, index, phase)
        builders = [(r.value, self.builder(r.value.dtype, 0)) for r in roots]
        zeros = [
            (builder.type, builder.constant(identity_of(value) if nothing is None else nothing))
            for value, builder in builders
            if isinstance(value, Reduce)
        ]

        def once(_: str, __: list[str]) -> list[str]:
            found = self.every_pass(roots, axes, low, high, index, phase)
            return [found[value] for value, _ in builders]

        count = self.function.emit(f"select i1 {wanted}, i64 1, i64 0")
        texts = self.function.loop("0", count, 1, zeros, once)
        return dict(zip([value for value, _ in builders], texts, strict=True))

    def every_pass(
        self, roots: Sequence[Root], axes: range, low: str, high: str, index: list[str], phase: int
    ) -> dict[Value, str]:
        """`pass_over`, whatever there is to find."""
        shape, values = self.accumulated(roots, axes, low, high, index, phase)
        return self.reduced([r for r in roots if isinstance(r.value, Reduce)], shape, values)

    def accumulated(
        self, roots: Sequence[Root], axes: range, low: str, high: str, index: list[str], phase: int
    ) -> tuple[Shape, list[str]]:
        """As `every_pass`: the accumulators of all streams as they are, one stream after another."""
        last = axes[-1]
        cuts = self.cuts(roots, last)
        shape = self.shape_of(roots, bool(cuts))
        reducing = [r for r in roots if isinstance(r.value, Reduce)]
        carried: list[Typed] = []
        sums: list[VectorBuilder | None] = []  # of each accumulator that is summed up in blocks
        for lanes in shape.streams:
            for root in reducing:
                assert isinstance(root.value, Reduce), root
                first = self.starts(root, lanes)
                carried += first
                builder = self.builder(root.value.dtype, lanes)
                blocked = self.nest.kind == "row" and in_blocks(root.value)
                sums += [builder if blocked else None] * len(first)

        past = () if shape.only_masked else streamed(self, roots, last, shape.lanes)

        def step(here: Here, accumulators: list[str]) -> list[str]:
            return self.body_of(roots, here, accumulators)

        def level(axis: int, low: str, high: str, index: list[str], old: list[Typed]) -> list[str]:
            if axis == last:
                if not any(sums):
                    span = Span(axis, low, high, tuple(cuts), past)
                    return self.innermost(shape, span, index, phase, old, step)

                def block(b: str, values: list[str]) -> list[str]:
                    end = self.clamp("smin", self.function.add(b, str(SUM_BLOCK)), high)
                    fresh = [
                        start if builder else (start[0], value)
                        for start, builder, value in zip(carried, sums, values, strict=True)
                    ]
                    span = Span(axis, b, end, tuple(cuts), past)
                    new = self.innermost(shape, span, index, phase, fresh, step)
                    return [
                        builder.fadd(value, v) if builder else v
                        for builder, value, v in zip(sums, values, new, strict=True)
                    ]

                return self.function.loop(low, high, SUM_BLOCK, old, block)

            def inside(i: str, values: list[str]) -> list[str]:
                typed = [(t, v) for (t, _), v in zip(old, values, strict=True)]
                return level(
                    axis + 1, "0", self.size(self.nest.domain[axis + 1]), [*index, i], typed
                )

            return self.function.loop(low, high, 1, old, inside)

        return shape, level(axes[0], low, high, index, carried)

    def wanted(self, roots: Sequence[Root], first: int, index: list[str], phase: int) -> str | None:
        """Whether the loops over the axes from ``first`` on can find anything but zeros.

        None: they always may.  Sums over where(c, x, 0) with c the same at each of these axes add
        nothing unless c holds.
        """
        here = Here(0, "0", None, index, -1, phase)
        tests = []
        for root in roots:
            condition = condition_of_sum(root, first)
            if condition is None:
                return None
            value, access = condition
            known = self.value(value, access, frozenset(), here)
            tests.append(self.vector(known, value, 0))
        return functools.reduce(lambda a, b: self.function.emit(f"or i1 {a}, {b}"), tests)

    def sought_by_bits(self, root: Root) -> Value | None:
        """As `hits.sought_by_bits`; rows that stand side by side have a lane each."""
        return None if self.side_by_side else sought_by_bits(self.nest, root)

    def starts(self, root: Root, lanes: int) -> list[Typed]:
        """Types and first values of the accumulators of a reduction."""
        assert isinstance(root.value, Reduce), root
        if self.sought_by_bits(root) is not None:
            return [hits.START]
        return starts(root.value, self.builder(root.value.dtype, lanes))

    def reduced(
        self, reducing: Sequence[Root], shape: Shape, values: list[str]
    ) -> dict[Value, str]:
        """Each reduction's value from the accumulators of all streams."""
        parts: dict[Root, list[tuple[int, list[str]]]] = {r: [] for r in reducing}
        at = 0
        for lanes in shape.streams:
            for root in reducing:
                count = len(self.starts(root, lanes))
                parts[root].append((lanes, values[at : at + count]))
                at += count
        found: dict[Value, str] = {}
        for root, streams in parts.items():
            assert isinstance(root.value, Reduce), root
            if self.sought_by_bits(root) is None:
                found[root.value] = brought_down(self, root.value, streams)
            else:  # the first stream goes first
                places = [place for _, (place,) in streams]
                found[root.value] = functools.reduce(lambda a, b: self.clamp("smin", a, b), places)
        return found

    def body_of(self, roots: Sequence[Root], here: Here, accumulators: list[str]) -> list[str]:
        """One step: every root's value, stored or taken in; the new accumulators."""
        new: list[str] = []
        if self.nest.kept:  # a root's row is where others read a kept value: all before any store
            for root in roots:
                for source in root.sources:
                    self.value(source, root.inside, root.guards, here)
        for root in roots:
            if isinstance(root.value, Pair):
                store_pair(self, root, root.guards, here)
                continue
            condition = self.sought_by_bits(root)
            if condition is not None:
                new.append(self.first_hit(root, condition, here, accumulators[len(new)]))
                continue
            value = root.computed
            known = self.value(value, root.access, root.guards, here)
            text = self.vector(known, value, here.lanes)
            if isinstance(root.value, Reduce):
                builder = self.builder(root.value.dtype, here.lanes)
                count = len(starts(root.value, builder))
                old = accumulators[len(new) : len(new) + count]
                new += take_in(root.value, builder, old, text, self.mask(root.guards, here))
            elif root.value in self.buffers:
                self.store(root.value, root.access, text, root.guards, here)
        for value, home in self.nest.kept:
            if self.kept_in.get(value) == here.phase:
                access = self.own[home].access
                known = self.value(value, access, frozenset(), here)
                self.store(home, access, self.vector(known, value, here.lanes), frozenset(), here)
        return new

    def first_hit(self, root: Root, condition: Value, here: Here, old: str) -> str:
        """The first place so far where a condition holds."""
        known = self.value(condition, root.access, root.guards, here)
        text, mask = self.vector(known, condition, here.lanes), self.mask(root.guards, here)
        if mask is not None:
            text = self.function.emit(f"and <{here.lanes} x i1> {text}, {mask}")
        self.declared |= hits.declarations(here.lanes)
        return hits.earlier(self.function, old, text, here.lanes, here.j)

    # ------------------------------------------------------------------------- the innermost loop
    def innermost(
        self,
        shape: Shape,
        span: Span,
        index: list[str],
        phase: int,
        carried: list[Typed],
        step: Step,
    ) -> list[str]:
        """The vector loops; takes and gives the accumulators of all streams."""

        past: Mapping[Value, str] = {}

        def run(lanes: int, masked: bool, low: str, high: str, old: list[Typed]) -> list[str]:
            def body(j: str, values: list[str]) -> list[str]:
                here = Here(lanes, j, None, [*index, j], span.axis, phase)
                here.end, here.streams = (high, {}) if masked else (None, past)
                here.ahead = phase > 0
                return step(here, values)

            return self.function.loop(low, high, lanes, old, body)

        if shape.only_masked:
            return run(shape.lanes, True, span.low, span.high, carried)
        half = len(carried) // 2
        first, middle = self.middle_of(span, shape.lanes, index)
        past = flags(self, span.streamed, span.axis, index, first)
        main = run(shape.lanes, False, first, middle, carried[:half])
        rest = carried[half:]
        if first == span.low:
            if self.nest.kind == "row" and shape.lanes > shape.tail and not span.guards:
                # Rows of some vectors: what is left of full steps is mostly whole vectors still.
                whole = self.function.emit(
                    f"and i64 {self.function.subtract(span.high, middle)}, {-shape.tail}"
                )
                end = self.function.add(middle, whole)
                texts = run(shape.tail, False, middle, end, rest)
                rest = [(kind, text) for (kind, _), text in zip(rest, texts, strict=True)]
                middle = end
            return main + run(shape.tail, True, middle, span.high, rest)

        def segment(s: str, values: list[str]) -> list[str]:
            before = self.function.emit(f"icmp eq i64 {s}, 0")
            low = self.function.emit(f"select i1 {before}, i64 {span.low}, i64 {middle}")
            high = self.function.emit(f"select i1 {before}, i64 {first}, i64 {span.high}")
            typed = [(t, v) for (t, _), v in zip(rest, values, strict=True)]
            return run(shape.tail, True, low, high, typed)

        both = self.function.emit(f"icmp eq i64 {first}, {span.low}")
        start = self.function.emit(f"zext i1 {both} to i64")  # nothing before the main loop
        return main + self.function.loop(start, "2", 1, rest, segment)

    def middle_of(self, span: Span, lanes: int, index: list[str]) -> tuple[str, str]:
        """First and last index of the main loop: where all guards hold, in full steps.

        It begins where what is stored past the caches begins a line.
        """
        f = self.function
        first, last = span.low, span.high
        for low, high in span.guards:
            if low is not None:
                first = self.clamp("smax", first, low)
            if high is not None:
                last = self.clamp("smin", last, high)
        if span.streamed:
            first = first_on_line(self, span.streamed[0], span.axis, index, first)
        if first != span.low:  # a chunk may begin beyond the guards, or end before them
            first = self.clamp("smin", first, span.high)
        count = f.subtract(last, first)
        if span.guards or span.streamed:
            count = self.clamp("smax", count, "0")
        if count.isdigit():
            full = str(int(count) // lanes * lanes)
        else:
            full = f.emit(f"and i64 {count}, {-lanes}")
        return first, f.add(first, full)


def condition_of_sum(root: Root, first: int) -> tuple[Value, Access] | None:
    """The c of a sum over where(c, x, 0) that no axis from ``first`` on changes, and its access."""
    value = root.value
    if not isinstance(value, Reduce) or value.combine != "sum" or root.guards:
        return None
    source, access = value.source, root.inside
    if not isinstance(source, Map) or source.primitive != "select":
        return None
    condition, _, other = source.operands
    if not isinstance(other, Constant) or other.value.value != 0:
        return None
    while isinstance(condition, View):
        access, condition = through(condition, access), condition.source
    access = access if condition.shape else ()
    return None if any(a >= first for a in axes_of(access)) else (condition, access)
