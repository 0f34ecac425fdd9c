"""What schedule hands to lower: loop nests over `loop_values`, read at `accesses`, and the plan that holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from eqsat_tensor.schedule.accesses import Access, Guard
from eqsat_tensor.schedule.loop_values import Input, Pair, Reduce, Scan, Value, formula, operands_of
from eqsat_tensor.types import Shape


@dataclass(frozen=True)
class Root:
    """A value that a nest computes: where in the nest's box its own box lies.

    ``access`` is that of the value itself, or of the source of a `Reduce` or `Scan`; ``guards`` hold where the
    box is smaller than the nest's.  ``phase`` counts the passes over a row.
    """

    value: Value
    access: Access
    guards: frozenset[Guard] = frozenset()
    phase: int = 0

    @property
    def computed(self) -> Value:
        """What each point of the box computes."""
        return self.value.source if isinstance(self.value, Reduce | Scan) else self.value

    @property
    def sources(self) -> tuple[Value, ...]:
        """All that is computed at each point: of a `Scan`, its source and its factor."""
        several = isinstance(self.value, Scan | Pair)
        return operands_of(self.value) if several else (self.computed,)

    @property
    def inside(self) -> Access:
        """The access of the sources."""
        return self.access[:-1] if isinstance(self.value, Pair) else self.access

    @property
    def result(self) -> Access:
        """The access of the value itself; of a `Reduce`, on the axes that are left."""
        if not isinstance(self.value, Reduce):
            return self.access
        axes = self.value.axes
        return tuple(t for j, t in enumerate(self.access) if j not in axes)


@dataclass(frozen=True)
class Nest:
    """One loop nest.

    kind    "map": stores only; "row": axes after ``outer`` are reduced, once an outer index, in
            phases; "full": all reduced; "col": ``outer`` axes, then ``reduced`` ones, then kept
            ones that are vectorised; "scan": ``outer`` axes, the scanned one, then others that
            are vectorised; "call": one opaque call.
    domain  sizes of the loop axes.
    kept    values that a phase stores in the row of a root and later phases read back.
    """

    kind: str
    domain: Shape
    outer: int
    reduced: int
    roots: tuple[Root, ...]
    kept: tuple[tuple[Value, Value], ...] = ()


@dataclass(frozen=True)
class Plan:
    """Nests in order, what is stored where, and which nests take turns on blocks.

    buffers  value -> "out<k>", "tmp<k>" or the name of an input (`Call` reshape shares its source's).
    tiles    groups of nest numbers; within a group of several, nests take turns on blocks of axis 0.
    last     name of a temporary -> the last nest that reads it.
    """

    outputs: tuple[Value, ...]
    nests: tuple[Nest, ...]
    buffers: Mapping[Value, str]
    tiles: tuple[tuple[int, ...], ...]
    last: Mapping[str, int]
    inputs: tuple[Input, ...] = field(default=())

    def check(self) -> None:
        """Assert what lower relies on: every read is of an input, of an earlier nest, or local."""
        assert [i for g in self.tiles for i in g] == list(range(len(self.nests))), self.tiles
        missing = {f"out{k}" for k in range(len(self.outputs))}.difference(self.buffers.values())
        assert not missing, missing
        for nest in self.nests:
            assert nest.outer + nest.reduced <= len(nest.domain), nest
            for root in nest.roots:
                assert nest.kind == "call" or len(root.access) == len(root.computed.shape), root
                assert all(
                    not isinstance(a, int) or a < len(nest.domain) for a, _, _ in root.access
                ), root

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> list[str]:
        lines = []
        group_of = {i: g for g, members in enumerate(self.tiles) for i in members}
        for i, nest in enumerate(self.nests):
            box = ", ".join(map(str, nest.domain))
            lines.append(f"nest {i} {nest.kind} [{box}] tile {group_of[i]}")
            for root in nest.roots:
                name = self.buffers.get(root.value, "row scalar")
                lines.append(f"  phase {root.phase}: {name} = {formula(root.value, self.buffers)}")
            lines.extend(f"  keep {formula(v, self.buffers)}" for v, _ in nest.kept)
        return lines
