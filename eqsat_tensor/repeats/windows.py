"""A program -> windows on it, so that parts which are alike come to lie in windows which are alike.

    h1 = f(h0, w0); h2 = f(h1, w1); ... h99 = f(h98, w98)   ->   33 windows, each on three layers

A window is a stretch of the program's nodes, in an order of operands first, and what lies below
these, to some depth; what lies deeper is an input, of which nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import Expr, topological

LOOKS = 2  # levels of operands by which a node is told from others
GRAM = 8  # nodes by which a stretch is found again
LEAST_MATCH = 24  # nodes that must come again in the same order for a cut
LENGTH = 8  # nodes of a stretch at least: one period, or some
LONGEST = 96  # nodes of a period that is not cut again; a longer one is cut into halves of this
DEPTH = 4  # levels below a stretch that a window shows
DEEPEST = (
    8  # levels where it goes on through what is used once, so that its inputs are worth computing
)
PRODUCTS = 2  # levels below which a window does not look into products, reductions and calls
LOOKED_INTO = frozenset((Kind.ELEMENTWISE, Kind.MOVEMENT, Kind.COMPOSITE))


@dataclass(frozen=True)
class Window:
    """A stretch of a program with what lies below it.

    form    all that is to be known of it but which nodes it is on: windows that are alike have the same.
    nodes   of the program, constants first, then operands before what is of them.
    below   for each its operands, by their places among ``nodes``; None for an input.
    stretch the places of the nodes of the stretch.
    """

    form: tuple[int, ...]
    nodes: Sequence[int]
    below: Sequence[tuple[int, ...] | None]
    stretch: Sequence[int]

    @property
    def inputs(self) -> list[int]:
        """The places of what is taken as given."""
        return [n for n, operands in enumerate(self.below) if operands is None]


class Numbered:
    """A program as numbers, operands first, in an order that is the same for parts that look alike.

    nodes   the expressions; below: for each its operands, those of commutative ops in such an order.
    """

    def __init__(
        self, roots: Sequence[Expr], order: Sequence[Expr], look: Mapping[Expr, int]
    ) -> None:
        """``order``: the nodes of a program, operands first; ``look``: `looks` of these."""
        height: dict[Expr, int] = {}
        for n in order:
            height[n] = 1 + max([height[a] for a in n.arguments]) if n.arguments else 0
        below: dict[Expr, tuple[Expr, ...]] = {}

        def deepest_first(node: Expr) -> tuple[Expr, ...]:
            operands = node.arguments
            if len(operands) == 2:
                a, b = operands
                if node.op.commutative and look[a] > look[b]:
                    operands = (b, a)
                below[node] = operands
                if height[operands[0]] < height[operands[1]]:
                    return operands[::-1]
            return operands

        self.nodes = topological(roots, deepest_first)
        number = {node: i for i, node in enumerate(self.nodes)}
        self.below = [tuple([number[a] for a in below.get(n, n.arguments)]) for n in self.nodes]
        self.roots = tuple(number[root] for root in roots)
        self._head = heads(self.nodes)
        self._is_given = [n.op.name == "input" for n in self.nodes]
        self._is_open = [n.op.kind in LOOKED_INTO for n in self.nodes]
        types: dict[object, int] = {}
        self._type = [-1 - types.setdefault(n.type, len(types)) for n in self.nodes]
        self._uses = [0] * len(self.nodes)
        for operands in self.below:
            for a in operands:
                self._uses[a] += 1
        for root in self.roots:
            self._uses[root] += 2
        self._computed = [i for i, operands in enumerate(self.below) if operands]
        self._look = [look[self.nodes[i]] for i in self._computed]

    def windows(self) -> Iterator[Window]:
        """Windows whose stretches hold, one after the other, all nodes that have operands."""
        return (self.window(self._computed[a:b]) for a, b in pairwise(borders(self._look)))

    def window(self, stretch: Sequence[int]) -> Window:
        """The window on a stretch."""
        below, head, type_of, is_given = self.below, self._head, self._type, self._is_given
        shown = self._shown(stretch)
        computed = sorted(shown)
        leaves = dict.fromkeys([a for i in computed for a in below[i] if a not in shown])
        constants = [i for i in leaves if not is_given[i] and not below[i]]
        constants.sort(key=head.__getitem__)
        for i in constants:  # they are always seen
            del leaves[i]
        order = [*constants, *leaves, *computed]
        place = dict(zip(order, range(len(order)), strict=True))
        form = [head[i] for i in constants]
        form += [type_of[i] for i in leaves]
        operands: list[tuple[int, ...] | None] = [()] * len(constants)
        operands += [None] * len(leaves)
        for i in computed:
            places = tuple([place[a] for a in below[i]])
            form.append(head[i])
            form += places
            operands.append(places)
        own = [place[i] for i in stretch]
        return Window((*form, *own), order, operands, own)

    def _shown(self, stretch: Sequence[int]) -> set[int]:
        """The nodes of a stretch, and those below it that a window shows.

        Far below, a product is shown without what it is of, but for how that is moved: what products
        are of is computed in any case.
        """
        below, is_open, uses = self.below, self._is_open, self._uses
        shown = set(stretch)
        todo: Sequence[int] = stretch
        ends: list[int] = []  # products far below, and what lies deepest
        for depth in range(1, DEEPEST + 1):
            found = []
            for i in todo:
                if depth <= PRODUCTS or is_open[i]:
                    for a in below[i]:
                        if a not in shown and below[a] and (depth <= DEPTH or uses[a] == 1):
                            shown.add(a)
                            found.append(a)
                else:
                    ends.append(i)
            todo = found
        for i in todo:
            if is_open[i]:
                products = [a for a in below[i] if a not in shown and below[a] and not is_open[a]]
                shown.update(products)
                ends += products
            else:
                ends.append(i)
        for i in ends:  # grows while it is walked
            for a in below[i]:
                if a not in shown and self.nodes[a].op.kind is Kind.MOVEMENT:
                    shown.add(a)
                    ends.append(a)
        return shown


def heads(nodes: Sequence[Expr]) -> list[int]:
    """A number for each node, the same where op, attributes and type are; inputs differ by type alone."""
    known: dict[object, int] = {}
    found = []
    for n in nodes:
        key: object = n.type if n.op.name == "input" else (n.op.name, n.attributes, n.type)
        found.append(known.setdefault(key, len(known)))
    return found


def looks(nodes: Sequence[Expr]) -> dict[Expr, int]:
    """For each node, operands first, a number that is the same for nodes which look alike down to
    `LOOKS` levels of operands."""
    number = {n: i for i, n in enumerate(nodes)}
    below = [[number[a] for a in n.arguments] for n in nodes]
    swaps = [n.op.commutative for n in nodes]
    look = head = heads(nodes)
    known: dict[tuple[int, ...], int] = {}
    for _ in range(LOOKS):
        new = []
        for h, operands, swap in zip(head, below, swaps, strict=True):
            around = [look[o] for o in operands]
            if swap:
                around.sort()
            new.append(known.setdefault((h, *around), len(known)))
        look = new
    return dict(zip(nodes, look, strict=True))


def borders(look: Sequence[int]) -> list[int]:
    """Where to cut a sequence so that what comes again is cut alike; its ends included.

    a b c b c b c b c d   ->   before each b but one; of a sequence in which nothing comes again the ends
    """
    last: dict[tuple[int, ...], int] = {}
    end, i = len(look), 0
    cuts = {0, end}
    while i + GRAM <= end:
        gram = tuple(look[i : i + GRAM])
        j = last.get(gram)
        last[gram] = i
        stop = i
        if j is not None:
            while stop < end and look[stop] == look[stop - i + j]:
                stop += 1
        if j is None or stop - i < LEAST_MATCH:
            i += 1
            continue
        period = i - j
        step = period * -(-LENGTH // period)
        if stop - j < 2 * step:
            step = period
        if cuts.isdisjoint(range(j, i)):
            cuts.update(range(j, min(stop, j + step), LONGEST // 2 if period > LONGEST else step))
        for b in range(j + step, stop + 1):
            if b - step in cuts:
                cuts.add(b)
        i = stop
    return sorted(cuts)
