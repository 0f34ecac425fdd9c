"""(`Graph`, `Choice`) -> `Expr`s: the chosen program, with the original leaves and places."""

from __future__ import annotations

from eqsat_tensor.egraph.graph import Choice, Graph
from eqsat_tensor.errors import placed, user_place
from eqsat_tensor.lang import OPS, Expr, apply, next_serial


def decode(graph: Graph, choice: Choice) -> list[Expr]:
    """The expressions of the graph's roots under ``choice``, in order."""
    made = decode_classes(graph, choice)
    return [made[c] for c in graph.roots]


def decode_classes(graph: Graph, choice: Choice) -> dict[int, Expr]:
    """The expression of each e-class that the roots need under ``choice``, operands before users.

    Nodes that live already are those objects themselves; a new node takes the place of a node of
    the program in its class, or of a user's.  The choice must be acyclic and cover what the roots need.
    """
    here, newest = user_place(), next_serial()
    made: dict[int, Expr] = {}
    open_classes: set[int] = set()
    stack = list(reversed(graph.roots))
    with placed(here):
        while stack:
            c = stack[-1]
            if c in made:
                stack.pop()
                continue
            node = graph.nodes[choice.picks[c]]
            waiting = [d for d in node.operands if d not in made]
            if waiting:
                assert c not in open_classes, f"a cyclic choice at e-class {c}"
                open_classes.add(c)
                stack.extend(reversed(waiting))
                continue
            op = OPS[node.op]
            named = dict(zip(op.attributes, node.attributes, strict=True))
            made[c] = apply(op, *(made[d] for d in node.operands), **named)
            stack.pop()
    places = dict(graph.places)
    for c, expr in reversed(made.items()):
        place = places.get(c, here)
        if expr.serial > newest:
            expr.place = place
        if place is not None:
            for d in graph.nodes[choice.picks[c]].operands:
                places.setdefault(d, place)
    return made
