"""Roots into nests: each goes, in topological order, into the first nest that it fits.

Roots are outputs, reductions, operands and results of calls, and what is too dear to compute
twice; all else is computed where it is read.  A root fits a nest that is not before any nest it
depends on, iterates the same box, and whose results it needs only at the same place.  The order
of the list is the whole proof that no cycle arises.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from eqsat_tensor.schedule.accesses import Access, Guard, axes_of
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
    Scan,
    Stored,
    Value,
    operands_of,
    walk,
)
from eqsat_tensor.schedule.loops import Nest, Root
from eqsat_tensor.schedule.reads import Read, costs_of, cuts, read_apart, reads_of, renamed
from eqsat_tensor.schedule.spaces import Space, larger, near, space_of
from eqsat_tensor.types import Shape

DEAR = 8.0  # cost from which a value is stored rather than computed twice
HOIST = 4.0  # the same, for a value that every outer iteration would compute again
APART = 32.0  # the same, for a value that one nest would compute at several places
ROOTS = 9  # roots of one nest: bounds the size of a kernel
KERNEL = 400.0  # cost of one kernel's body, about: beyond it values are stored
LARGE = 1000  # values of a program that is placed anew only so often,
TURNS = 4  # then all that is dear is stored at once
WINDOW = 24  # nests looked back on for one that fits


@dataclass
class Draft:
    """A nest under construction."""

    kind: str
    domain: Shape
    outer: int
    reduced: int
    access: dict[Value, Access] = field(default_factory=dict)
    phase: dict[Value, int] = field(default_factory=dict)
    leaves: set[Value] = field(default_factory=set)
    kept: list[tuple[Value, Value]] = field(default_factory=list)
    spans: dict[Value, tuple[int, int]] = field(default_factory=dict)  # of what is kept: phases
    cost: float = 0.0

    def result(self, root: Value) -> Access:
        """The access of a root's value on the axes that are left of its box."""
        access = self.access[root]
        if not isinstance(root, Reduce):
            return access
        return tuple(t for j, t in enumerate(access) if j not in root.axes)

    def frozen(self) -> Nest:
        roots = tuple(
            Root(v, access, self._guards(v, access), self.phase[v])
            for v, access in self.access.items()
        )
        return Nest(self.kind, self.domain, self.outer, self.reduced, roots, tuple(self.kept))

    def _guards(self, root: Value, access: Access) -> frozenset[Guard]:
        shape = (root.source if isinstance(root, Reduce) else root).shape
        return frozenset(
            (axis, 0, size)
            for (axis, _, _), size in zip(access, shape, strict=False)
            if isinstance(axis, int) and size != self.domain[axis]
        )


class Placement:
    """All roots in nests, for one choice of the values that are stored besides the must."""

    def __init__(self, outputs: Iterable[Value], extra: set[Value]) -> None:
        self.outputs = tuple(outputs)
        self.order = walk(sorted(self.outputs, key=_is_quiet))  # callbacks first: who prints sees
        self.roots = must_be_stored(self.outputs, self.order) | extra
        self.costs = costs_of(self.outputs, self.roots)
        self.nests: list[Draft] = []
        self.home: dict[Value, int] = {}
        self.reads: dict[Value, list[Read]] = {}
        self._within: dict[Value, list[Read]] = {}  # of values that are no roots
        for value in self.order:
            if is_reshape(value):
                source = operands_of(value)[0]
                if source in self.home:
                    self.home[value] = self.home[source]
            elif value in self.roots:
                self.place(value)

    def within(self, value: Value) -> list[Read]:
        """`reads_of` for these roots, worked out once."""
        found = self._within.get(value)
        if found is None:
            found = self._within[value] = reads_of(value, self.roots)
        return found

    def place(self, root: Value) -> None:
        reads = self.reads[root] = reads_of(root, self.roots)
        leaves = [r for r in reads if r.leaf]
        space = space_of(root, reads)
        first = max((self.home[r.value] for r in leaves if r.value in self.home), default=0)
        if isinstance(root, Host):
            for i, draft in enumerate(self.nests):
                if draft.kind == "call" and root.same_call(next(iter(draft.access))):
                    self.add(i, root, space, leaves)
                    return
        for i in range(max(first, len(self.nests) - WINDOW), len(self.nests)):
            if self.join(i, root, space, leaves):
                return
        draft = Draft(space.kind, space.domain, space.outer, space.reduced)
        self.nests.append(draft)
        self.add(len(self.nests) - 1, root, space, leaves)

    def add(self, i: int, root: Value, space: Space, leaves: list[Read]) -> None:
        draft = self.nests[i]
        self.home[root] = i
        draft.access[root] = space.access
        draft.cost += self.costs[root.source if isinstance(root, Reduce | Scan) else root]
        draft.leaves |= {r.value for r in leaves}
        inside = [r.value for r in leaves if self.home.get(r.value) == i]
        draft.phase[root] = max((draft.phase[v] + isinstance(v, Reduce) for v in inside), default=0)

    def join(self, i: int, root: Value, space: Space, leaves: list[Read]) -> bool:
        draft = self.nests[i]
        if {"call", "scan"} & {draft.kind, space.kind} or len(draft.access) >= ROOTS:
            return False
        inside = [r for r in leaves if self.home.get(r.value) == i]
        if not inside and not any(r.value in draft.leaves for r in leaves):
            return False  # unrelated: nothing gained, and streams of memory compete
        if any(not self.local(draft, r, space) for r in inside):
            return False
        cost = self.costs[root.source if isinstance(root, Reduce) else root]
        if draft.cost + cost > KERNEL:
            return False
        kind = joined(draft, space, bool(inside), self.costs[root] < DEAR)
        if kind is None:
            return False
        if draft.kind == "map" and kind != "map":
            draft.outer, draft.reduced = space.outer, space.reduced
        draft.kind = kind
        if len(space.domain) == len(draft.domain):
            draft.domain = tuple(map(larger, space.domain, draft.domain))
        self.add(i, root, space, leaves)
        return True

    @staticmethod
    def local(draft: Draft, read: Read, space: Space) -> bool:
        """Is a result of this nest read at the place of the loops where it is made?"""
        if read.value not in draft.access:
            return False  # another shape of a result: any element of it
        if isinstance(read.value, Reduce) and draft.kind != "row":
            return False
        return renamed(read.access, space.access) == draft.result(read.value)


def is_reshape(value: Value) -> bool:
    """A value that is the memory of its operand."""
    return isinstance(value, Call) and value.function == "reshape"


def _is_quiet(value: Value) -> bool:
    """Does nobody outside notice when the value is computed?"""
    return not (isinstance(value, Host) and value.op == "wrap")


def must_be_stored(outputs: tuple[Value, ...], order: list[Value]) -> set[Value]:
    """Outputs, reductions, scans, calls and their operands, padded sources of a pick."""
    roots = {v for v in order if isinstance(v, Reduce | Scan | Pair)} | set(outputs)
    for value in order:
        if isinstance(value, Call):
            roots |= {value, *value.operands}
        elif isinstance(value, Stored):
            roots.add(value)
    seen: set[Value] = set()
    stack = [v.source for v in order if isinstance(v, Pick)]
    while stack:
        value = stack.pop()
        if value not in seen and value not in roots:
            seen.add(value)
            if isinstance(value, Pad):
                roots.add(value)  # its guard would depend on labels
            else:
                stack.extend(operands_of(value))
    return {v for v in roots if not isinstance(v, Input | Constant)}


def joined(draft: Draft, space: Space, local: bool, cheap: bool) -> str | None:
    """The kind that a nest becomes with a root of ``space`` in it; None where it may not join."""
    kinds = {draft.kind, space.kind}
    if space.kind == "map" and draft.kind == "row" and space.domain == draft.domain[: draft.outer]:
        # An epilogue on row scalars.  A dear one gets a nest along the rows, in the same tile.
        return "row" if local and cheap else None
    if kinds <= {"map", "full"}:
        if space.domain != draft.domain and not near(space.domain, draft.domain):
            return None
        return "full" if "full" in kinds else "map"
    if space.domain != draft.domain:
        return None
    if "map" in kinds:
        return space.kind if draft.kind == "map" else draft.kind
    same = (space.kind, space.outer, space.reduced) == (draft.kind, draft.outer, draft.reduced)
    return draft.kind if same else None


def placed(outputs: tuple[Value, ...]) -> Placement:
    """Place, promote what is dear and computed twice, place again, until nothing is left."""
    roots = must_be_stored(outputs, walk(outputs))
    extra = read_apart(outputs, roots, APART)
    extra |= cuts(outputs, roots | extra, KERNEL)
    turns = TURNS if len(walk(outputs)) > LARGE else None
    placement = Placement(outputs, extra)
    while dear := promoted(placement, every=turns == 0):
        turns = turns - 1 if turns else turns
        extra |= dear
        placement = Placement(outputs, extra)
    keep_rows(placement)
    return placement


Uses = dict[Value, dict[int, set[tuple[int, Access]]]]


def uses_of(placement: Placement) -> Uses:
    """Where each inlined `Map` is computed: nest -> {(phase, access)}."""
    uses: Uses = {}
    for root, reads in placement.reads.items():
        i = placement.home[root]
        draft = placement.nests[i]
        for read in reads:
            if isinstance(read.value, Map) and not read.leaf:
                at = (draft.phase[root], renamed(read.access, draft.access[root]))
                uses.setdefault(read.value, {}).setdefault(i, set()).add(at)
    return uses


def promoted(placement: Placement, every: bool = False) -> set[Value]:
    """Dear values of two nests, and those that a nest would compute again and again.

    every: also those within others of them, which storing these may make needless.
    """
    costs = placement.costs
    dear: list[Value] = []
    for value, where in uses_of(placement).items():
        cost = costs[value]
        if (len(where) > 1 and cost >= DEAR) or (
            cost >= HOIST
            and any(
                repeated(placement, i, value, access)
                for i, uses in where.items()
                for _, access in uses
            )
        ):
            dear.append(value)
    dear += [v for v in element_by_element(placement) if costs[v] >= DEAR]
    covered: set[Value] = set()
    chosen: set[Value] = set()
    for value in sorted(dear, key=lambda v: -costs[v]):  # the outermost of each expression
        if every or value not in covered:
            chosen.add(value)
            covered |= {r.value for r in placement.within(value)}
    return chosen


def element_by_element(placement: Placement) -> list[Value]:
    """What scans along the innermost axis read: there no vectors compute it."""
    scans = [v for v in placement.home if isinstance(v, Scan)]
    return [
        read.value
        for scan in scans
        if all(size == 1 for size in scan.shape[scan.axis + 1 :])
        for read in placement.reads[scan]
        if isinstance(read.value, Map) and not read.leaf
    ]


def repeated(placement: Placement, i: int, value: Value, access: Access) -> bool:
    """Read along some axes of the nest but not all, and not made of its own reductions."""
    draft = placement.nests[i]
    if draft.kind == "call" or not 0 < len(axes_of(access)) < len(draft.domain):
        return False
    reads = placement.within(value)
    return not any(isinstance(r.value, Reduce) and placement.home[r.value] == i for r in reads)


def keep_rows(placement: Placement) -> None:
    """Dear values of two phases of a row nest stay in the row of a root that is written last; there
    may be several in turn: where one is read for the last time, what is made of it takes its place."""
    costs = placement.costs
    for value, where in sorted(uses_of(placement).items(), key=lambda kv: -costs[kv[0]]):
        for i, uses in where.items():
            draft = placement.nests[i]
            accesses = {a for _, a in uses}
            if len({p for p, _ in uses}) < 2 or len(accesses) > 1 or costs[value] < DEAR:
                continue
            phases = phases_of(placement, draft, value)
            if len(phases) < 2:
                continue
            (access,) = accesses
            first, last = min(phases), max(phases)
            for root in draft.access:
                others = [draft.spans[v] for v, home in draft.kept if home is root]
                if (
                    not isinstance(root, Reduce)
                    and root.type == value.type
                    and draft.phase[root] >= last
                    and access == draft.access[root]
                    and len(axes_of(access)) == len(draft.domain)
                    and all(end <= first or last <= start for start, end in others)
                ):
                    draft.kept.append((value, root))
                    draft.spans[value] = first, last
                    break


def phases_of(placement: Placement, draft: Draft, value: Value) -> set[int]:
    """The phases of a nest that need a value otherwise than in what an earlier phase has kept."""
    found = set()
    for root, phase in draft.phase.items():
        there = {v for v, (first, _) in draft.spans.items() if first < phase}

        def below(v: Value, root: Value = root, there: Collection[Value] = there) -> list[Value]:
            return [
                o
                for o in operands_of(v)
                if o not in there and (o is root or o not in placement.roots)
            ]

        if value in walk([root], below):
            found.add(phase)
    return found
