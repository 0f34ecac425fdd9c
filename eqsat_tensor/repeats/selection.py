"""What was chosen of each kind of window -> the whole program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from eqsat_tensor.egraph.decode import decode
from eqsat_tensor.egraph.graph import Choice, Graph
from eqsat_tensor.lang import Expr, topological

if TYPE_CHECKING:
    from eqsat_tensor.repeats import Repeats

Place: TypeAlias = tuple[int, int]  # a kind of window, and a place in windows of that kind


@dataclass(frozen=True)
class Recipe:
    """Some nodes of a window, as what is to be made in turn.

    steps   an expression, and the numbers of the steps that make its operands; instead of these the
            place that it stands for.
    results the numbers of the steps that make those nodes.
    """

    steps: Sequence[tuple[Expr, tuple[int, ...], int | None]]
    results: Sequence[int]

    @classmethod
    def of(cls, exprs: Sequence[Expr], kind: int, repeats: Repeats) -> Recipe:
        """How to make ``exprs``, which are of a window of that kind.

        A constant may have come to be of another window's input: of any value, so of that as written.
        """
        order = topological(exprs)
        number = {expr: k for k, expr in enumerate(order)}
        steps: list[tuple[Expr, tuple[int, ...], int | None]] = []
        for expr in order:
            owner, n = repeats.given.get(expr, (kind, None))
            if owner != kind:
                assert n is not None, expr
                steps.append((repeats.program.nodes[repeats.kinds[owner][0].nodes[n]], (), None))
            else:
                steps.append((expr, tuple([number[a] for a in expr.arguments]), n))
        return cls(steps, [number[expr] for expr in exprs])

    def made(
        self,
        values: Sequence[Expr | None],
        place: tuple[str, int] | None,
        swapped: dict[tuple[object, ...], Expr],
    ) -> list[Expr]:
        """What each step makes where ``values`` stand at the window's places.

        place    of the user, for new nodes.  swapped: sums and the like that were made, by what they are of,
                 so that each is made in one order.
        """
        done: list[Expr] = []
        for expr, operands, given in self.steps:
            if given is not None:
                value = values[given]
                assert value is not None, given
            elif not operands:
                value = expr
            else:
                arguments = tuple([done[k] for k in operands])
                if len(arguments) == 2 and expr.op.commutative:
                    key = (expr.op.name, expr.attributes, frozenset(arguments))
                    value = swapped.get(key)
                    if value is None:
                        value = swapped[key] = expr.on(arguments, place)
                else:
                    value = expr.on(arguments, place)
            done.append(value)
        return done


@dataclass(frozen=True)
class Selection:
    """A choice of the e-graph of `Repeats`.

    graph    with those roots alone that were chosen.
    found    place -> what was chosen there, of inputs that stand for what the window takes from others.
    nodes    of the program, ascending: those that its results need, each by way of what it is made of.
    taken    the places of these.
    """

    repeats: Repeats
    graph: Graph
    choice: Choice
    found: Mapping[Place, Expr]
    nodes: Sequence[int]
    taken: frozenset[Place]

    @classmethod
    def of(
        cls, repeats: Repeats, graph: Graph, places: Sequence[Place], choice: Choice
    ) -> Selection:
        """``choice`` of ``graph``, whose roots are what stands at those places."""
        found = dict(zip(places, decode(graph, choice), strict=True))
        given, owner = repeats.given, repeats.owner
        inputs = {
            place: [
                given[e][1] for e in topological([expr]) if e in given and given[e][0] == place[0]
            ]
            for place, expr in found.items()
        }
        seen = set(repeats.program.roots)
        stack, taken = list(seen), set()
        for i in stack:  # grows while it is walked
            if i in owner:
                kind, which, n = owner[i]
                taken.add((kind, n))
                nodes = repeats.kinds[kind][which].nodes
                more = {nodes[m] for m in inputs.get((kind, n), ())} - seen
                seen |= more
                stack += more
        return cls(repeats, graph, choice, found, sorted(stack), frozenset(taken))

    @property
    def is_complete(self) -> bool:
        """Was all chosen that the program takes?"""
        return self.taken <= self.found.keys()

    def computed(self, classes: Mapping[Place, int]) -> set[Place]:
        """The places of which the e-class is computed on the way to what is taken."""
        nodes, picks = self.graph.nodes, self.choice.picks
        stack = list({classes[place] for place in self.taken})
        seen = set(stack)
        for c in stack:  # grows while it is walked
            more = set(nodes[picks[c]].operands) - seen
            seen |= more
            stack += more
        return {place for place, c in classes.items() if c in seen}

    def restored(self, others: Sequence[Expr] = ()) -> tuple[list[Expr], list[Expr]]:
        """The program's results; and ``others``, of the inputs of windows, as of the first of their kind."""
        repeats = self.repeats
        program, owner, kinds, given = repeats.program, repeats.owner, repeats.kinds, repeats.given
        made: dict[int, Expr] = {}
        wanted: dict[tuple[int, int], list[int]] = {}  # by window, the earlier first
        for i in self.nodes:
            if i in owner:
                kind, which, n = owner[i]
                wanted.setdefault((kind, which), []).append(n)
            else:
                made[i] = program.nodes[i]
        recipes: dict[tuple[int, tuple[int, ...]], Recipe] = {}
        swapped: dict[tuple[object, ...], Expr] = {}
        for (kind, which), places in wanted.items():
            recipe = recipes.get((kind, tuple(places)))
            if recipe is None:
                recipe = Recipe.of([self.found[kind, n] for n in places], kind, repeats)
                recipes[kind, tuple(places)] = recipe
            nodes = kinds[kind][which].nodes
            values = recipe.made(
                [made.get(i) for i in nodes], program.nodes[nodes[places[0]]].place, swapped
            )
            for n, k in zip(places, recipe.results, strict=True):
                made[nodes[n]] = values[k]
        told = []
        for expr in others:
            kind = min([given[e][0] for e in topological([expr]) if e in given], default=0)
            recipe = Recipe.of([expr], kind, repeats)
            nodes = kinds[kind][0].nodes
            stand = [made.get(i, program.nodes[i]) for i in nodes]
            told.append(recipe.made(stand, expr.place, swapped)[-1])
        return [made[i] for i in program.roots], told
