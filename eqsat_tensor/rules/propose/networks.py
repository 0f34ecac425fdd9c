"""Sums of products of tensors as networks: factors, and for each axis the labels that it runs over.

    sum(broadcast(a, (2,)) * broadcast(b, (0,)), (1,))   ->   a[i, k], b[k, j]; of them [i, j] is left

Products, sums, matrix products, transposes, broadcasts, squeezes, diagonals and reshapes are looked
through.  An axis that a reshape made runs over several labels, one of size 1 over none.

An elementwise product of two full tensors, as backpropagation makes them layer by layer, is looked
into only where two of its axes are summed at once: else both must be there before anything is summed,
and to bracket either of them anew is another network's concern.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from typing import TypeAlias

from eqsat_tensor.extents import Size, product
from eqsat_tensor.lang import FLOAT32, FLOAT64
from eqsat_tensor.rules.propose import GraphLike, NodeLike, classes

Axis: TypeAlias = tuple[int, ...]  # labels, slowest first
Axes: TypeAlias = tuple[Axis, ...]

OPENED = (
    "sum", "multiply", "matmul", "broadcast", "squeeze", "transpose", "reshape", "diagonal",
)  # fmt: skip
ORDER = {op: number for number, op in enumerate(OPENED)}
MOST = 12  # factors; what would make more of them stays closed


@dataclass(frozen=True)
class Factor:
    """An e-class, and what each of its axes runs over."""

    eclass: int
    axes: Axes


@dataclass(frozen=True)
class Network:
    """The sum of the product of ``factors`` over all labels that ``result`` lacks.

    opened  the operations that were looked through.
    """

    factors: tuple[Factor, ...]
    result: Axes
    sizes: dict[int, Size]
    opened: tuple[NodeLike, ...]


class _Reader:
    """Reads one e-class; labels are split where a reshape says so, and resolved at the end.

    open: e-classes that can be opened.
    """

    def __init__(self, graph: GraphLike, open: Set[int]) -> None:
        self.graph = graph
        self.open = open
        self.sizes: dict[int, Size] = {}
        self.parts: dict[int, Axis] = {}  # a label that was split -> its parts
        self.fresh = itertools.count()
        self.factors: list[Factor] = []
        self.opened: list[NodeLike] = []

    def axis(self, size: Size) -> Axis:
        """An axis of a new label."""
        if size == 1:
            return ()
        label = next(self.fresh)
        self.sizes[label] = size
        return (label,)

    def resolved(self, axis: Axis) -> Axis:
        """The axis in labels that were not split."""
        if not any(label in self.parts for label in axis):
            return axis
        return self.resolved(tuple(p for c in axis for p in self.parts.get(c, (c,))))

    def read(self, eclass: int, axes: Axes) -> None:
        """Open e-classes while there is room, those with fewer operations above them first."""
        waiting: deque[tuple[int, Axes, bool, tuple[int, ...]]] = deque()
        waiting.append((eclass, axes, False, ()))
        while waiting:
            at, these, is_summed, above = waiting.popleft()
            room = len(self.factors) + len(waiting) + 2 <= MOST
            found = None
            if room and at in self.open and at not in above:
                found = self.operands(at, these, is_summed)
            if found is None:
                self.factors.append(Factor(at, these))
                continue
            node, operands = found
            self.opened.append(node)
            if node.op in ("sum", "matmul"):
                is_summed = node.op == "sum" and len(node.attributes[0]) > 1
            within = (*above, at)
            for operand, a in zip(node.operands, operands, strict=True):
                waiting.append((operand, a, is_summed, within))

    def operands(
        self, eclass: int, axes: Axes, is_summed: bool
    ) -> tuple[NodeLike, list[Axes]] | None:
        """The first form of an e-class that can be opened, and the axes of its operands.

        is_summed: two axes or more are summed at once of what it is multiplied with.
        """
        for node in openable(self.graph, eclass):
            if node.op == "multiply" and not is_summed and not self.repeats(node):
                continue
            found = self.inside(node, [self.resolved(axis) for axis in axes])
            if found is not None:
                return node, found
        return None

    def repeats(self, node: NodeLike) -> bool:
        """True where an operand is repeated along an axis."""
        repeated = self.graph.by_op.get("broadcast", ())
        return any(operand in repeated for operand in node.operands)

    def inside(self, node: NodeLike, axes: list[Axis]) -> list[Axes] | None:
        """The axes of a node's operands; None where that cannot be said."""
        types = [self.graph.types[operand] for operand in node.operands]
        shapes = [() if type is None else type.shape for type in types]
        match node.op:
            case "multiply":
                return None if node.operands[0] == node.operands[1] else [tuple(axes)] * 2
            case "sum":
                left = iter(axes)
                summed = node.attributes[0]
                return [
                    tuple(
                        self.axis(size) if at in summed else next(left)
                        for at, size in enumerate(shapes[0])
                    )
                ]
            case "matmul":
                *batch, rows, columns = axes
                inner = self.axis(shapes[0][-1])
                return [(*batch, rows, inner), (*batch, inner, columns)]
            case "broadcast":
                return [tuple(a for at, a in enumerate(axes) if at not in node.attributes[0])]
            case "squeeze":
                left, gone = iter(axes), node.attributes[0]
                return [tuple(() if at in gone else next(left) for at in range(len(shapes[0])))]
            case "transpose":
                order = node.attributes[0]
                return [tuple(axes[order.index(at)] for at in range(len(axes)))]
            case "diagonal":
                return [(*axes, axes[-1])] if shapes[0][-1] == shapes[0][-2] else None
        found = self.divided([label for axis in axes for label in axis], shapes[0])
        return None if found is None else [found]

    def divided(self, labels: list[int], shape: Sequence[Size]) -> Axes | None:
        """Labels in a row for axes of these sizes, some split in two; None where sizes do not fit."""
        found: list[Axis] = []
        left = list(reversed(labels))
        split: dict[int, Axis] = {}
        sizes: dict[int, Size] = {}
        for size in shape:
            axis: list[int] = []
            while size != 1:
                if not left:
                    return None
                label = left.pop()
                mine = sizes.get(label) or self.sizes[label]
                if (rest := quotient(size, mine)) is not None:
                    size = rest
                elif (rest := quotient(mine, size)) is not None:
                    parts = (next(self.fresh), next(self.fresh))
                    sizes |= zip(parts, (size, rest), strict=True)
                    split[label] = parts
                    left.append(parts[1])
                    label, size = parts[0], 1
                else:
                    return None
                axis.append(label)
            found.append(tuple(axis))
        if left:
            return None
        self.parts |= split
        self.sizes |= sizes
        return tuple(found)


def quotient(whole: Size, part: Size) -> Size | None:
    """``whole // part`` where that is exact, whatever symbols stand for; None otherwise."""
    if whole == part:
        return 1
    if part in (0, 1) or whole in (0, 1):
        return whole if part == 1 else None
    found = whole // part
    return found if found * part == whole else None


def openable(graph: GraphLike, eclass: int) -> list[NodeLike]:
    """The nodes of an e-class that a network can look through, what multiplies and sums first."""
    nodes = graph.nodes
    found = [nodes[n] for n in graph.by_class[eclass] if nodes[n].op in ORDER]
    if len(found) > 1:
        found.sort(key=lambda node: (node.subsumed, ORDER[node.op]))
    return found


def networks(graph: GraphLike) -> Iterator[tuple[int, Network]]:
    """E-classes that sum products, each that is no part of a larger network; but not those all of
    whose factors are matrices in a row: association and `chains` bracket them."""
    above: dict[int, list[int]] = {}
    outer: set[int] = set()
    for node in graph.nodes:
        if node.op in ORDER:
            for operand in node.operands:
                above.setdefault(operand, []).append(node.eclass)
        else:
            outer.update(node.operands)
    reached = classes(graph, "sum", "matmul")
    known = set(reached)
    scaled = graph.by_op.get("multiply", {})
    for eclass in reached:  # grows while it is walked
        new = [c for c in above.get(eclass, ()) if c not in known and c not in scaled]
        known.update(new)
        reached += new
    open = set(classes(graph, *OPENED))
    outermost = {c for c in known if c not in above or c in outer}
    done: set[int] = set()
    inside: set[int] = set()
    # the outermost, what they do not look into, and what is outermost nowhere, in a circle of views
    for group in (sorted(outermost), sorted(known)):
        for eclass in group:  # grows while it is walked
            if eclass in done or (eclass in inside and eclass not in outermost):
                continue
            done.add(eclass)
            reader = _Reader(graph, open)
            found = _read(reader, eclass)
            inside.update(node.eclass for node in reader.opened)
            group += [f.eclass for f in reader.factors if f.eclass in known]
            if found is not None:
                yield eclass, found


def _read(reader: _Reader, eclass: int) -> Network | None:
    """What an e-class sums and multiplies; None also where a label is summed that no factor has."""
    graph = reader.graph
    type = graph.types[eclass]
    if type is None or type.dtype not in (FLOAT32, FLOAT64):
        return None
    whole = tuple(reader.axis(size) for size in type.shape)
    reader.read(eclass, whole)
    if len(reader.factors) < 2 or all(_is_matrices(graph, n) for n in reader.opened):
        return None
    result = tuple(map(reader.resolved, whole))
    factors = []
    here = {label for axis in result for label in axis}
    for factor in reader.factors:
        axes, found = tuple(map(reader.resolved, factor.axes)), graph.types[factor.eclass]
        sizes = tuple(product(reader.sizes[c] for c in axis) for axis in axes)
        if found is None or found.shape != sizes or 0 in sizes:
            return None
        factors.append(Factor(factor.eclass, axes))
        here |= {label for axis in axes for label in axis}
    lengths = {c: size for c, size in reader.sizes.items() if c not in reader.parts}
    if lengths.keys() - here:
        return None
    return Network(tuple(factors), result, lengths, tuple(reader.opened))


def _is_matrices(graph: GraphLike, node: NodeLike) -> bool:
    """True for a product and a transpose of matrices."""
    type = graph.types[node.eclass]
    return node.op in ("matmul", "transpose") and type is not None and type.rank == 2
