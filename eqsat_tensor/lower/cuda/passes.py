"""One pass over the inner axes of a nest by many threads: who computes what, and what is carried.

Elements are taken in groups of neighbours along the innermost axis, as many as a load of 16 bytes
holds; threads take groups in turn.  All passes of a kernel share this out alike, so a thread finds
again what it stored itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from eqsat_tensor.lower.cuda.evaluate import Evaluator
from eqsat_tensor.lower.cuda.reductions import (
    REPEATABLE,
    combine_of,
    combined,
    ctype,
    functor,
    identity,
)
from eqsat_tensor.lower.cuda.writer import INDEX, Guards, Here, Lanes
from eqsat_tensor.scalar import PRIMITIVES
from eqsat_tensor.schedule.accesses import Access, linear, through
from eqsat_tensor.schedule.loop_values import (
    Input,
    Map,
    Pad,
    Pair,
    Pick,
    Reduce,
    Value,
    View,
    operands_of,
)
from eqsat_tensor.schedule.loops import Nest, Root

HEAVY = 120.0  # cost of a body from which a thread computes one element at a time
COSTS = {name: primitive.cost for name, primitive in PRIMITIVES.items()} | {"keep": 0.0}


class Passes(Evaluator):
    """Writes passes."""

    launch_bounds = ""  # of a kernel's registers, as CUDA has it

    def __init__(self, nest: Nest, buffers: Mapping[Value, str]) -> None:
        super().__init__(nest, buffers)
        loops = nest.kind != "call" and nest.domain
        self.row_depth = 0  # the block of what is done once a row
        self.turn = ""
        self.held: dict[tuple[Value, Access, Guards], str] = {}  # in registers, of the row
        self.kept_names: dict[Value, str] = {}
        self.width = width_of(nest, buffers) if loops else 1

    # -------------------------------------------------------------------------------- the groups
    def per_line(self, axes: range) -> str:
        """Groups along the innermost of the axes."""
        size = self.nest.domain[axes[-1]]
        if self.width == 1:
            return self.size(size)
        if isinstance(size, int):
            return str(-(-size // self.width))
        return f"({self.size(size)} + {self.width - 1}) / {self.width}"

    def groups(self, axes: range) -> str:
        """Groups in the box of the axes."""
        f = self.function
        line = f.let(INDEX, self.per_line(axes))
        sizes = [self.size(self.nest.domain[a]) for a in axes[:-1]]
        return f.let(INDEX, " * ".join([*sizes, line])) if sizes else line

    def sweep(
        self,
        outer: Sequence[str],
        axes: range,
        turn: tuple[str, str, str],
        phase: int,
        body: Callable[[Here], None],
    ) -> None:
        """``body`` at each element of the axes; a thread takes groups from, below, in steps of."""
        f, domain, width = self.function, self.nest.domain, self.width
        start, end, step = turn
        line = f.let(INDEX, self.per_line(axes)) if len(axes) > 1 else ""
        with self.taking_turns(start, end, step) as group:
            last, rest = group, []
            if len(axes) > 1:
                last = f.let(INDEX, f"{group} % {line}")
                first = f.let(INDEX, f"{group} / {line}")
                rest = self.decomposed(first, [domain[a] for a in axes[:-1]])
            if width == 1:
                body(Here([*outer, *rest, last], phase))
                return
            base = f.let(INDEX, f"{last} * {width}")
            size = self.size(domain[axes[-1]])
            count = f.let("int", f"(int)eq_least({width}, {size} - {base})")
            lane = f.fresh("v")
            with f.block(f"EQ_UNROLL for (int {lane} = 0; {lane} < {width}; ++{lane})"):
                index = f.let(INDEX, f"{base} + ({lane} < {count} ? {lane} : {count} - 1)")
                lanes = Lanes(width, axes[-1], f.depth - 1, base, count, lane)
                body(Here([*outer, *rest, index], phase, lanes))
            for statement in self.after:
                f.line(statement)
            self.after.clear()

    @contextmanager
    def taking_turns(self, start: str, end: str, step: str) -> Iterator[str]:
        """A loop of a thread over its groups."""
        group = self.function.fresh("g")
        head = f"for ({INDEX} {group} = {start}; {group} < {end}; {group} += {step})"
        with self.function.block(head):
            yield group

    # ------------------------------------------------------------------------------------ bodies
    def declare(self, reductions: Sequence[Reduce]) -> dict[Value, str]:
        """An accumulator for each reduction."""
        f = self.function
        names: dict[Value, str] = {}
        for value in reductions:
            names[value] = f.fresh("s")
            f.line(f"{ctype(value)} {names[value]} = {identity(value)};")
        return names

    def body_of(
        self, roots: Sequence[Root], here: Here, accumulators: Mapping[Value, str], live: str = ""
    ) -> None:
        """Every root's value at one place, stored or taken in."""
        # a root's row may be where others read a kept value: all before any store
        texts = {
            root.value: [self.value(v, root.inside, root.guards, here) for v in root.sources]
            for root in roots
        }
        kept = [
            (value, home, self.value(value, self.own[home].access, frozenset(), here))
            for value, home in self.nest.kept
            if self.kept_in.get(value) == here.phase
        ]
        for root in roots:
            text = texts[root.value]
            if isinstance(root.value, Reduce):
                self.take_in(root, accumulators[root.value], text[0], here)
            elif root.value in self.buffers:
                self.store_root(root, text, root.guards, here, live)
        for value, home, text_kept in kept:
            self.keep(value, home, text_kept, here, live)

    def keep(self, value: Value, home: Value, text: str, here: Here, live: str) -> None:
        """Keep a value in the row of ``home`` for later phases."""
        self.store(home, self.own[home].access, text, frozenset(), here, live)

    def take_in(self, root: Root, accumulator: str, text: str, here: Here) -> None:
        """One more element into an accumulator, where it counts."""
        value = root.value
        assert isinstance(value, Reduce), value
        test = self.condition(root.guards, here)
        tests = [test] if test else []
        if here.lanes is not None and combine_of(value) not in REPEATABLE:
            tests.append(f"{here.lanes.lane} < {here.lanes.count}")
        if tests:
            text = self.let(value, f"{' && '.join(tests)} ? {text} : {identity(value)}")
        self.function.line(f"{accumulator} = {combined(value, accumulator, text)};")

    def store_root(
        self, root: Root, texts: Sequence[str], guards: Guards, here: Here, live: str = ""
    ) -> None:
        """Store a root; of a `Pair` both parts, next to one another."""
        if not isinstance(root.value, Pair):
            self.store(root.value, root.result, texts[0], guards, here, live)
            return
        for number, text in enumerate(texts):
            access = (*root.access[:-1], (None, number, 1))
            self.store(root.value, access, text, guards, here, live)

    def teams(self, found: Mapping[Value, str]) -> dict[Value, str]:
        """The accumulators of a team of threads as one value each, the same in all of them."""
        f = self.function
        done: dict[Value, str] = {}
        for value, name in found.items():
            assert isinstance(value, Reduce), value
            shared = self.shared(ctype(value), 32)
            done[value] = f.let(ctype(value), f"eq_team({functor(value)}, {name}, {shared})")
        return done

    def shared(self, kind: str, places: int) -> str:
        """Memory that the threads of a block share, for values of a type."""
        f, key = self.function, f"shared {kind} {places}"
        name = f.recall(key, 0)
        if name is None:
            name = f.fresh("m")
            f.line(f"__shared__ {kind} {name}[{places}];", 0)
            f.remember(key, name, 0)
        return name


def width_of(nest: Nest, buffers: Mapping[Value, str]) -> int:
    """How many neighbours a thread computes: as many as 16 bytes hold of the widest type.

    One, where nothing lies next to one another along the innermost axis, where that is short, or
    where there is much to compute.
    """
    axis = len(nest.domain) - 1
    cost, widest, neighbours = 0.0, 1, False
    seen: set[tuple[Value, Access]] = set()
    stack: list[tuple[Value, Access]] = []
    for root in nest.roots:
        if isinstance(root.value, Reduce):
            widest = max(widest, root.value.dtype.itemsize)
        elif root.value in buffers:
            widest = max(widest, root.value.dtype.itemsize)
            neighbours |= linear(root.value, root.access)[1].get(axis) == 1
        stack += [(v, root.inside) for v in root.sources]
    own = {r.value for r in nest.roots}
    while stack:
        value, access = stack.pop()
        if (value, access) in seen:
            continue
        seen.add((value, access))
        if isinstance(value, Input) or (value in buffers and value not in own):
            widest = max(widest, value.dtype.itemsize)
            neighbours |= linear(value, access)[1].get(axis) == 1
        elif isinstance(value, Map):
            cost += COSTS[value.primitive]
            widest = max(widest, value.dtype.itemsize)
            stack += [(o, access if o.shape else ()) for o in value.operands]
        elif isinstance(value, View | Pad | Pick):
            stack.append((value.source, through(value, access)))
            if isinstance(value, Pick):
                stack.append((value.index, access))
        elif isinstance(value, Pair):
            stack += [(v, access[:-1]) for v in operands_of(value)]
    size = nest.domain[axis]
    width = 16 // max(widest, 2)
    short = isinstance(size, int) and size < 2 * width
    return 1 if not neighbours or short or cost > HEAVY else width
