"""A network and an order of its pairs -> a term: matrix products between views.

a[i, k], b[k, j, l], of which [i, j, l] is left   ->   reshape(a @ reshape(b))
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from typing import TypeAlias

from eqsat_tensor.extents import Size, product
from eqsat_tensor.rules.propose import Operand, Term
from eqsat_tensor.rules.propose.networks import Factor, Network
from eqsat_tensor.types import Shape, TensorType


@dataclass(frozen=True)
class Pair:
    """What two trees make: a matrix product, or the sum of the elementwise product."""

    left: Tree
    right: Tree
    is_matrix_product: bool


Tree: TypeAlias = "int | Pair"  # an int: the number of a factor


def term_of(network: Network, type: TensorType, tree: Tree) -> Operand:
    """The network, whose type is ``type``, multiplied in the order of a tree."""
    builder = _Builder(network)
    result = [label for axis in network.result for label in axis]
    made = builder.build(tree, frozenset(result), tuple(result))
    return builder.whole(made, result, type)


@dataclass(frozen=True)
class _Made:
    """A term, and the label of each of its axes."""

    term: Operand
    labels: tuple[int, ...]


class _Builder:
    def __init__(self, network: Network) -> None:
        self.network = network
        self.sizes = network.sizes

    def shape(self, labels: Iterable[int]) -> Shape:
        return tuple(self.sizes[label] for label in labels)

    def labels(self, tree: Tree) -> Set[int]:
        """All labels of the factors of a tree."""
        if isinstance(tree, Pair):
            return self.labels(tree.left) | self.labels(tree.right)
        return {label for axis in self.network.factors[tree].axes for label in axis}

    def build(self, tree: Tree, kept: Set[int], order: tuple[int, ...] | None = None) -> _Made:
        """What a tree makes, summed over labels that are not kept; in order where that is free."""
        if isinstance(tree, int):
            return self.summed(self.factor(self.network.factors[tree]), kept)
        left = self.build(tree.left, kept | self.labels(tree.right))
        right = self.build(tree.right, kept | self.labels(tree.left))
        if order is not None and not {*left.labels, *right.labels}.issuperset(order):
            order = None  # an axis that no factor has comes at the end
        if tree.is_matrix_product:
            return self.matrix_product(left, right, kept, order)
        return self.elements_product(left, right, kept, order)

    # ------------------------------------------------------------------------------- one factor
    def factor(self, factor: Factor) -> _Made:
        """The factor with one axis for each of its labels, each label once."""
        term: Operand = factor.eclass
        labels = [label for axis in factor.axes for label in axis]
        gone = tuple(at for at, axis in enumerate(factor.axes) if not axis)
        if any(len(axis) > 1 for axis in factor.axes):
            term = Term("reshape", (term,), (self.shape(labels),))
        elif gone:
            term = Term("squeeze", (term,), (gone,))
        made = _Made(term, tuple(labels))
        while (
            twice := next((c for c in made.labels if made.labels.count(c) > 1), None)
        ) is not None:
            made = self.diagonal(made, twice)
        return made

    def diagonal(self, x: _Made, label: int) -> _Made:
        """Two axes of one label as one, which comes last."""
        first = x.labels.index(label)
        second = x.labels.index(label, first + 1)
        others = [at for at in range(len(x.labels)) if at not in (first, second)]
        turned = transposed(x.term, [*others, first, second])
        return _Made(Term("diagonal", (turned,)), (*(x.labels[at] for at in others), label))

    def summed(self, x: _Made, kept: Set[int]) -> _Made:
        """The sum over labels that are not kept."""
        axes = tuple(at for at, label in enumerate(x.labels) if label not in kept)
        if not axes:
            return x
        return _Made(Term("sum", (x.term,), (axes,)), tuple(c for c in x.labels if c in kept))

    # ------------------------------------------------------------------------------ two factors
    def elements_product(
        self, left: _Made, right: _Made, kept: Set[int], order: tuple[int, ...] | None
    ) -> _Made:
        """Elements multiplied, then summed over labels that are not kept."""
        every = list(dict.fromkeys((*left.labels, *right.labels)))
        labels = tuple(order or (c for c in every if c in kept))
        every = [*labels, *(c for c in every if c not in kept)]
        made = Term("multiply", (self.spread(left, every), self.spread(right, every)))
        return self.summed(_Made(made, tuple(every)), kept)

    def spread(self, x: _Made, labels: Sequence[int]) -> Operand:
        """The term with all of these labels in this order, repeated along those it lacks."""
        term = transposed(x.term, [x.labels.index(c) for c in labels if c in x.labels])
        new = tuple(at for at, c in enumerate(labels) if c not in x.labels)
        return Term("broadcast", (term,), (new, self.shape(labels))) if new else term

    def matrix_product(
        self, left: _Made, right: _Made, kept: Set[int], order: tuple[int, ...] | None
    ) -> _Made:
        """A product of matrices, a batch of them where both factors have a label that is kept."""
        shared = [c for c in left.labels if c in right.labels]
        summed = [c for c in shared if c not in kept]
        batch = [c for c in shared if c in kept]
        rows = [c for c in left.labels if c not in shared]
        columns = [c for c in right.labels if c not in shared]
        if order is not None:
            if rows and columns and order.index(columns[0]) < order.index(rows[0]):
                left, right, rows, columns = right, left, columns, rows
            batch, rows, columns = (sorted(g, key=order.index) for g in (batch, rows, columns))
        made = Term(
            "matmul",
            (
                self.matrices(left, batch, rows, summed),
                self.matrices(right, batch, summed, columns),
            ),
        )
        labels = (*batch, *rows, *columns)
        if len(rows) > 1 or len(columns) > 1:
            return _Made(Term("reshape", (made,), (self.shape(labels),)), labels)
        gone = tuple(len(batch) + at for at, group in enumerate((rows, columns)) if not group)
        return _Made(Term("squeeze", (made,), (gone,)) if gone else made, labels)

    def matrices(
        self, x: _Made, batch: Sequence[int], rows: Sequence[int], columns: Sequence[int]
    ) -> Operand:
        """The term as matrices, behind axes of a batch; a group of labels may be none or several."""
        order = [x.labels.index(c) for c in (*batch, *rows, *columns)]
        term = transposed(x.term, order)
        lead = self.shape(batch)
        shape: tuple[Size, ...] = (*lead, *(product(self.shape(g)) for g in (rows, columns)))
        if len(rows) > 1 or len(columns) > 1:
            return Term("reshape", (term,), (shape,))
        new = tuple(len(lead) + at for at, group in enumerate((rows, columns)) if not group)
        return Term("broadcast", (term,), (new, shape)) if new else term

    # -------------------------------------------------------------------------------- the whole
    def whole(self, x: _Made, labels: Sequence[int], type: TensorType) -> Operand:
        """The term with the axes of the network's result."""
        term = self.spread(x, labels)
        if self.shape(labels) == type.shape:
            return term
        if any(len(axis) > 1 for axis in self.network.result):
            return Term("reshape", (term,), (type.shape,))
        new = tuple(at for at, axis in enumerate(self.network.result) if not axis)
        return Term("broadcast", (term,), (new, type.shape))


def transposed(x: Operand, order: Sequence[int]) -> Operand:
    """The axes in an order, where that is another than theirs."""
    return x if list(order) == sorted(order) else Term("transpose", (x,), (tuple(order),))
