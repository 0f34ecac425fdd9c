"""What a large program holds again and again is given to the e-graph once.

Of windows that are alike (`windows`) one is rewritten, and what became of it takes the place of each.
Whatever is equal in a window is equal wherever it stands, since its inputs may be anything.  What is
lost are rewrites that look further than a window does.

    h1 = f(h0, w0); h2 = f(h1, w1); ...   ->   f(given0, given1), once
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from eqsat_tensor.egraph.graph import Choice, Graph, Node
from eqsat_tensor.lang import OPS, Expr, apply
from eqsat_tensor.ops.assume import assume_op
from eqsat_tensor.repeats.selection import Place, Selection
from eqsat_tensor.repeats.windows import Numbered, Window, looks

WORTH = 0.3  # of a program's nodes: with more than these to be rewritten, it is left whole
ROUNDS = 4  # of choosing, at most
FIRST_KEY = -(1 << 42)  # of the inputs that stand for what a window takes from others, downwards


@dataclass(frozen=True)
class Repeats:
    """A program without what comes again.

    roots    what the e-graph is given: all that is computed in the first window of each kind, at `places`.
    asked    the places of what other windows or the program may ask for; offered: of what a window shows
             and others compute.
    kinds    the windows, by kind.
    owner    node -> kind, which window, place: of the window in whose stretch it is.
    given    the inputs that stand for what a window takes from others, and what they stand for.
    """

    roots: tuple[Expr, ...]
    places: tuple[Place, ...]
    asked: tuple[Place, ...]
    offered: Mapping[Place, Expr]
    program: Numbered
    kinds: Sequence[Sequence[Window]]
    owner: Mapping[int, tuple[int, int, int]]
    given: Mapping[Expr, Place]

    def selected(self, graph: Graph, choose: Callable[[Graph], Choice]) -> Selection:
        """The best program; ``graph``: the e-graph of `roots`.

        First each window is chosen for itself; then each may take what others turn out to compute.
        """
        classes = dict(zip(self.places, graph.roots, strict=True))
        kinds: dict[int, set[int]] = {}
        for (kind, _), c in classes.items():
            kinds.setdefault(c, set()).add(kind)
        own = [p for p in self.offered if len(kinds[classes[p]]) == 1]  # others hold constants
        owners = {place: self._owners(place) for place in own}
        best = self._select(graph, classes, self.asked, (), choose)
        taken = best.taken
        computed = {p for place in best.computed(classes) for p in owners.get(place, (place,))}
        for _ in range(1, ROUNDS):
            free = {place: by for place, by in owners.items() if by <= computed}
            wanted = taken.union(*free.values())
            selection = self._select(graph, classes, sorted(wanted), free, choose)
            if selection.is_complete:
                best = selection
            if selection.taken == wanted:
                break
            taken, computed = selection.taken, set(selection.taken)
        return best

    def _owners(self, place: Place) -> frozenset[Place]:
        """Where that is computed which stands at a place of the windows of a kind."""
        kind, n = place
        owners = (self.owner[window.nodes[n]] for window in self.kinds[kind])
        return frozenset((kind, m) for kind, _, m in owners)

    def _select(
        self,
        graph: Graph,
        classes: Mapping[Place, int],
        wanted: Collection[Place],
        free: Collection[Place],
        choose: Callable[[Graph], Choice],
    ) -> Selection:
        """What ``choose`` chooses of the places that are wanted, where ``free`` ones are inputs, too."""
        nodes, by_class = list(graph.nodes), list(graph.by_class)
        for place in free:
            c = classes[place]
            by_class[c] = (*by_class[c], len(nodes))
            nodes.append(Node("input", (), self.offered[place].attributes, False, c))
        limited = replace(
            graph,
            nodes=tuple(nodes),
            by_class=tuple(by_class),
            roots=tuple(classes[place] for place in wanted),
        )
        return Selection.of(self, limited, tuple(wanted), choose(limited))


def without_repeats(roots: Sequence[Expr], nodes: Sequence[Expr]) -> Repeats | None:
    """The program without what comes again; None where there is little of that, or facts are
    assumed, which hold of one place alone.

    nodes: of the program, operands first.
    """
    if any(n.op is assume_op for n in nodes):
        return None
    look = looks(nodes)
    if len(set(look.values())) > WORTH * len(nodes):  # windows show at least one of each
        return None
    program = Numbered(roots, nodes, look)
    kinds: dict[tuple[int, ...], list[Window]] = {}
    owner: dict[int, tuple[int, int, int]] = {}
    numbers: dict[tuple[int, ...], int] = {}
    for window in program.windows():
        kind = numbers.setdefault(window.form, len(numbers))
        alike = kinds.setdefault(window.form, [])
        for n in window.stretch:
            owner[window.nodes[n]] = kind, len(alike), n
        alike.append(window)
    if sum(len(alike[0].nodes) for alike in kinds.values()) > WORTH * len(nodes):
        return None
    return _repeats(program, tuple(kinds.values()), owner)


def _repeats(
    program: Numbered,
    kinds: Sequence[Sequence[Window]],
    owner: Mapping[int, tuple[int, int, int]],
) -> Repeats:
    """The first window of each kind as expressions of its own."""
    used = set(program.roots)
    for alike in kinds:
        inputs = alike[0].inputs
        for window in alike:
            used.update([window.nodes[n] for n in inputs])
    asked = sorted({(owner[i][0], owner[i][2]) for i in used if i in owner})
    given: dict[Expr, Place] = {}

    def stand_in(place: Place, node: Expr) -> Expr:
        """An input of its own for what stands at a place."""
        number = len(given)
        leaf = apply(
            OPS["input"],
            name=f"given{number}",
            key=FIRST_KEY - number,
            dtype=node.dtype,
            shape=node.shape,
        )
        given[leaf] = place
        return leaf

    made: dict[Place, Expr] = {}
    offered: dict[Place, Expr] = {}
    places: list[Place] = []
    for kind, alike in enumerate(kinds):
        window = alike[0]
        own = frozenset(window.stretch)
        for n, (i, operands) in enumerate(zip(window.nodes, window.below, strict=True)):
            node = program.nodes[i]
            if operands is None:
                made[kind, n] = stand_in((kind, n), node)
            elif not operands:
                made[kind, n] = node
            else:
                places.append((kind, n))
                made[kind, n] = node.on(tuple([made[kind, m] for m in operands]), node.place)
                if n not in own:
                    offered[kind, n] = stand_in((kind, n), node)
    roots = tuple(made[place] for place in places)
    return Repeats(roots, tuple(places), tuple(asked), offered, program, kinds, owner, given)
