"""What the body of a pass is like: its cost, the lanes of a step, the guards that cut its innermost loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from eqsat_tensor.extents import evaluate, symbols_of
from eqsat_tensor.lower.cpu.dear import DEAR_FUNCTIONS, is_deep, often
from eqsat_tensor.lower.cpu.evaluate import Evaluator
from eqsat_tensor.lower.cpu.kernel import Setting
from eqsat_tensor.lower.cpu.places import Guards
from eqsat_tensor.lower.cpu.registers import REGISTER
from eqsat_tensor.scalar import PRIMITIVES
from eqsat_tensor.schedule.accesses import Access, guards_of_pad, through
from eqsat_tensor.schedule.loop_values import (
    Input,
    Map,
    Pad,
    Pick,
    Reduce,
    Value,
    View,
    operands_of,
)
from eqsat_tensor.schedule.loops import Nest, Root

HEAVY = 60.0  # cost from which one masked body serves for all: a third less code, about as fast
LIGHT = 60.0  # cost up to which a step takes four vectors
FEW = 15  # what a size that is said to be small is at most
COSTS = {name: primitive.cost for name, primitive in PRIMITIVES.items()} | {"keep": 0.0}


@dataclass(frozen=True)
class Shape:
    """How the innermost loop of a pass is written: lanes of a full step, masked body only?"""

    lanes: int
    tail: int
    only_masked: bool

    @property
    def streams(self) -> tuple[int, ...]:
        """Lanes of each loop that carries accumulators."""
        return (self.lanes,) if self.only_masked else (self.lanes, self.tail)


class Measures(Evaluator):
    """Measures bodies.

    one_walk: rows that lie one after another are being walked as one.
    """

    one_walk = False

    def __init__(self, nest: Nest, setting: Setting) -> None:
        super().__init__(nest, setting)
        if self.seldom:
            usual = [v for v in self.body if v not in self.seldom and isinstance(v, Map | Input)]
            widest = max((v.dtype.itemsize for v in usual), default=4)
            self.lanes = setting.vector_bytes // max(widest, 4)
        if setting.terse:
            self.called = often(self.body, once=True)
        elif is_deep(*self.weigh(nest.roots)):
            self.called = often(self.body)
        self.called = frozenset(self.called) | {
            (v.primitive, v.dtype)
            for v in self.seldom
            if isinstance(v, Map) and v.primitive in DEAR_FUNCTIONS
        }

    @cached_property
    def seldom(self) -> frozenset[Value]:
        """What one side of a selection needs that is of a wider type than the selection: see `tails`."""
        return frozenset(
            value
            for select, sides in self.sides.items()
            for side in sides
            for value in side.inside
            if any(v.dtype.itemsize > select.dtype.itemsize for v in side.inside)
        )

    def weigh(self, roots: Sequence[Root]) -> tuple[float, float]:
        """Cost of a body, and of the longest chain in it."""
        depth: dict[Value, float] = {}
        total = 0.0
        for root in roots:
            stack: list[tuple[Value, bool]] = [(v, False) for v in root.sources]
            while stack:
                value, done = stack.pop()
                if value in depth:
                    continue
                leaf = isinstance(value, Input | Reduce) or (
                    value in self.buffers and value not in self.own
                )
                if leaf or value in self.seldom:
                    depth[value] = 0.0
                elif not done:
                    stack.append((value, True))
                    stack.extend((o, False) for o in operands_of(value))
                else:
                    cost = COSTS[value.primitive] if isinstance(value, Map) else 0.5
                    total += cost
                    depth[value] = cost + max((depth[o] for o in operands_of(value)), default=0.0)
        return total, max((depth[v] for r in roots for v in r.sources), default=0.0)

    def shape_of(self, roots: Sequence[Root], cut: bool) -> Shape:
        """Lanes of a step by the shape of the body: long chains want many, wide ones few.

        Terse code is one loop of single vectors, masked: a quarter of what LLVM has to do.
        """
        cost, chain = self.weigh(roots)
        few = self.few_elements()
        if few:
            return Shape(few, few, True)
        if self.setting.terse:
            return Shape(self.lanes, self.lanes, not cut)
        vectors = 4 if cost <= LIGHT or is_deep(cost, chain) else 2
        return Shape(vectors * self.lanes, self.lanes, cost > HEAVY and not cut)

    def few_elements(self) -> int:
        """Lanes of the short vectors that do a row of a "map" or "scan" of few elements; 0: rows are longer.

        One masked loop, where the machine masks accesses to memory by lane: long vectors mostly
        straddle two lines.  30,000 rows of 3 float64, us: shifted 270 -> 70, picked 190 -> 78, times a
        column 129 -> 43.
        """
        size, small = self.nest.domain[-1], self.setting.small
        names = symbols_of(size)
        if (
            self.one_walk
            or self.nest.kind not in ("map", "scan")
            or len(self.nest.domain) < 2
            or not names <= small
        ):
            return 0
        if self.setting.vector_bytes != REGISTER:
            return 0
        most = evaluate(size, dict.fromkeys(names, FEW))
        return 4 if most <= 2 * (FEW + 1) else 0

    def cuts(self, roots: Sequence[Root], axis: int) -> list[tuple[str | None, str | None]]:
        """The guards on an axis that values of these roots meet, as bounds."""
        found: dict[tuple[str | None, str | None], None] = {}
        seen: set[tuple[Value, Access]] = set()
        stack: list[tuple[Value, Access]] = []

        def note(guards: Guards) -> None:
            for a, low, high in sorted(guards, key=str):
                bounds = self.bounds(a, low, high)
                if a == axis and bounds != (None, None):
                    found[bounds] = None

        for root in roots:
            note(root.guards)
            stack.extend((v, root.inside) for v in root.sources)
        while stack:
            key = stack.pop()
            if key in seen:
                continue
            seen.add(key)
            value, access = key
            if isinstance(value, Input) or (value in self.buffers and value not in self.own):
                continue
            if isinstance(value, Map):
                chosen = self.chosen(value, access)
                operands = value.operands if chosen is None else (chosen,)
                stack.extend((o, access if o.shape else ()) for o in operands)
            elif isinstance(value, View | Pick):
                stack.append((value.source, through(value, access)))
                if isinstance(value, Pick):
                    stack.append((value.index, access))
            elif isinstance(value, Pad):
                note(guards_of_pad(value, access))
                stack.append((value.source, through(value, access)))
        return list(found)
