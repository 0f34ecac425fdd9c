"""Small e-graphs for the tests of extraction: by hand, at random, and every solution by brute force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

from hypothesis import strategies as st

from eqsat_tensor.egraph.graph import Choice, Graph, Node

Row = tuple[str, tuple[int, ...], bool, int]


def graph_of(rows: Sequence[Row], roots: Sequence[int]) -> Graph:
    """A graph of rows (op, operands, subsumed, e-class)."""
    nodes = tuple(
        Node(op, operands, (), subsumed, eclass) for op, operands, subsumed, eclass in rows
    )
    classes = 1 + max([*roots, *(n.eclass for n in nodes), *(o for n in nodes for o in n.operands)])
    members: list[list[int]] = [[] for _ in range(classes)]
    for number, node in enumerate(nodes):
        members[node.eclass].append(number)
    return Graph(
        nodes=nodes,
        types=(None,) * classes,
        roots=tuple(roots),
        by_class=tuple(map(tuple, members)),
        rules={},
        fired={},
    )


def cost_by_op(costs: Mapping[str, float]):
    """A cost function that looks a node's op up."""
    return lambda node, graph: costs[node.op]


def total(graph: Graph, choice: Choice, cost) -> tuple[int, float]:
    """Subsumed rows and cost of a choice, shared nodes once; asserts that it is one."""
    assert all(graph.nodes[n].eclass == c for c, n in choice.picks.items())
    assert needed_by(graph, choice.picks) == set(choice.picks)
    seen = set(graph.roots)
    stack = list(seen)
    nodes = []
    while stack:
        node = graph.nodes[choice.picks[stack.pop()]]
        nodes.append(node)
        stack.extend(new := set(node.operands) - seen)
        seen |= new
    return sum(n.subsumed for n in nodes), sum(cost(n, graph) for n in nodes)


def every_total(graph: Graph, cost) -> list[tuple[int, float]]:
    """Totals of all acyclic choices, by trying every combination."""
    found = []
    for numbers in product(*([*members] or [-1] for members in graph.by_class)):
        needed = needed_by(graph, numbers)
        if needed is not None:
            found.append(total(graph, Choice({c: numbers[c] for c in needed}), cost))
    return found


def needed_by(graph: Graph, numbers: Sequence[int] | Mapping[int, int]) -> set[int] | None:
    """The e-classes that the roots need, or None where one of them has no finite term.

    numbers  the node of each e-class, -1 for an e-class without any.
    """
    done: set[int] = set()
    path: set[int] = set()
    stack = [(root, False) for root in graph.roots]
    while stack:
        eclass, left = stack.pop()
        if left:
            path.discard(eclass)
            done.add(eclass)
        elif eclass not in done:
            if eclass in path or numbers[eclass] < 0:
                return None
            path.add(eclass)
            stack.append((eclass, True))
            stack.extend((o, False) for o in graph.nodes[numbers[eclass]].operands)
    return done


@st.composite
def graphs(draw: st.DrawFn, classes: int = 6, more: int = 6) -> tuple[Graph, dict[str, float]]:
    """A random graph whose roots have terms, with cycles and subsumed rows, and costs by op.

    Each e-class has one row on lower e-classes, so that terms exist; further rows are anything.
    Costs are eighths, so that sums are exact.
    """
    size = draw(st.integers(1, classes))
    rows: list[Row] = []
    for eclass in range(size):
        operands = st.lists(st.integers(0, eclass - 1), max_size=3) if eclass else st.just([])
        rows.append((f"op{len(rows)}", tuple(draw(operands)), draw(st.booleans()), eclass))
    for _ in range(draw(st.integers(0, more))):
        operands = draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=3))
        eclass = draw(st.integers(0, size - 1))
        rows.append((f"op{len(rows)}", tuple(operands), draw(st.booleans()), eclass))
    roots = draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=3))
    costs = {row[0]: draw(st.integers(0, 80)) / 8 for row in rows}
    return graph_of(rows, roots), costs
