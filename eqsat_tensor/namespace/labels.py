"""Integer labels on several axes: read by one gather, written by one scatter.

    x[i, :, j]  ->  axes 0 and 2 in front, as one axis; rows i * n2 + j of it; the result's axes in order

Each label is wrapped and checked against its own axis.  A single label that runs along with another
axis, as in ``x[arange(n), y]``, stays one `pick` without a copy: its gradient is the one-hot form that
the rules of cross-entropy know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce as fold

from eqsat_tensor.extents import Size, product
from eqsat_tensor.lang import INT64, OPS, Expr
from eqsat_tensor.namespace.keys import Key, Label
from eqsat_tensor.namespace.operands import common_shape
from eqsat_tensor.ops import arithmetic, movement
from eqsat_tensor.ops.gather import gather, scatter
from eqsat_tensor.ops.leaf import iota, size_value
from eqsat_tensor.tensor import Tensor
from eqsat_tensor.types import Shape


@dataclass(frozen=True)
class Rows:
    """`x` seen as rows along the labelled axes, and which rows are meant.

    order  axes of x: the labelled ones, then the rest.  common: the labels' shape.
    index  of each row, in that shape.  checked: not certain to lie in the axis.
    """

    shape: Shape
    order: tuple[int, ...]
    labelled: int
    common: Shape
    index: Expr
    checked: bool
    front: int

    @property
    def rest(self) -> Shape:
        return tuple(self.shape[j] for j in self.order[self.labelled :])

    @property
    def result(self) -> Shape:
        """The shape of what is read or written."""
        return (*self.rest[: self.front], *self.common, *self.rest[self.front :])

    def of(self, x: Expr) -> Expr:
        """`x` with its labelled axes in front, as one."""
        x = movement.transpose(x, self.order)
        if self.labelled == 1:
            return x
        return movement.reshape(x, (product(x.shape[: self.labelled]), *self.rest))

    def back(self, rows: Expr) -> Expr:
        """The inverse of `of`."""
        shape = [self.shape[j] for j in self.order]
        inverse = [self.order.index(j) for j in range(len(self.order))]
        return movement.transpose(movement.reshape(rows, shape), inverse)

    def read(self, x: Expr) -> Expr:
        """The rows, their axes where NumPy puts them."""
        found = gather(self.of(x), self.index, self.checked)
        rank, tails = len(self.common), range(len(self.common), len(found.shape))
        order = [*tails[: self.front], *range(rank), *tails[self.front :]]
        return movement.transpose(found, order)

    def write(self, x: Expr, value: Expr, mode: str) -> Expr:
        """`x` with a value of the result's shape taken in, one row after another."""
        rank, front = len(self.common), self.front
        order = [*range(front, front + rank), *range(front), *range(front + rank, len(value.shape))]
        updates = movement.transpose(value, order)
        return self.back(scatter(self.of(x), self.index, updates, mode, self.checked))


def rows_of(key: Key) -> Rows:
    """The rows of the basic part that the labels of a key mean."""
    labels, shape = key.labels, key.shape()
    given = [b.index for b in labels]
    common = common_shape("x[i]", [Tensor(i) for i in given], [i.shape for i in given])
    axes = tuple(b.axis for b in labels)
    order = (*axes, *(j for j in range(len(shape)) if j not in axes))
    if len(labels) == 1:
        index, checked = given[0], not labels[0].known
    else:
        index, checked = _linear(shape, labels, common), False
    return Rows(shape, order, len(axes), common, index, checked, key.front)


def _linear(shape: Shape, labels: Sequence[Label], common: Shape) -> Expr:
    """The number of each row, counted through all labelled axes in C order."""
    sizes = [shape[b.axis] for b in labels]
    terms = []
    for k, b in enumerate(labels):
        label = b.index if b.known else counted(b.index, sizes[k])
        wide = movement.broadcast_to(label, common)
        stride = movement.broadcast_to(size_value(product(sizes[k + 1 :]), INT64), common)
        terms.append(wide if k == len(labels) - 1 else arithmetic.multiply(wide, stride))
    return fold(lambda a, b: arithmetic.add(a, b), terms)


def counted(label: Expr, size: Size) -> Expr:
    """Labels counted from the front and checked: those of 0, 1, 2, ... itself."""
    if label.op.name == "iota" and label.shape[label["axis"]] == size:
        return label
    return gather(iota(axis=0, dtype=INT64, shape=(size,)), label)


# ------------------------------------------------------------------------------------ one pick
def picked(x: Expr, key: Key) -> Expr | None:
    """Labels that run along with axes of `x`, all but one of them: views and one pick.

    None where several must be looked up.
    """
    labels, front = key.labels, key.front
    common = common_shape(
        "x[i]", [Tensor(b.index) for b in labels], [b.index.shape for b in labels]
    )
    along: dict[int, int] = {}  # axis of the common shape -> axis of x that runs along with it
    picks: list[Label] = []
    for b in labels:
        lane = _lane(b.index, common, x.shape[b.axis])
        if lane is None or lane in along:
            picks.append(b)
        else:
            along[lane] = b.axis
    rank = len(common)
    if not along or len(picks) > 1 or (not picks and len(along) < rank):
        return None
    used = {*along.values(), *(b.axis for b in picks)}
    rest = [j for j in range(len(x.shape)) if j not in used]
    lanes = [*rest[:front], *(along.get(j) for j in range(rank)), *rest[front:]]
    kept = [a for a in lanes if a is not None]
    if not picks:
        return movement.transpose(x, kept)
    if kept != sorted(kept):
        return None
    return _picked_in_place(x, picks[0], common, lanes, front)


def _picked_in_place(
    x: Expr, label: Label, common: Shape, lanes: list[int | None], front: int
) -> Expr:
    """One pick, where no axis changes its order: ``lanes`` says which axis of `x` each axis of
    the result is, None for those that only the label has.
    """
    axis = label.axis
    place = next((j for j, a in enumerate(lanes) if a is not None and a > axis), len(lanes))
    if None not in lanes:
        place = axis
    wide: list[Size] = [common[j - front] if a is None else x.shape[a] for j, a in enumerate(lanes)]
    new = [j + (j >= place) for j, a in enumerate(lanes) if a is None]
    data = movement.broadcast(x, new, (*wide[:place], x.shape[axis], *wide[place:]))
    rank = len(common)
    others = [*range(front), *range(front + rank, len(lanes))]
    index = movement.broadcast(movement.broadcast_to(label.index, common), others, wide)
    return OPS["pick"](data, index, axis=place)


def _lane(label: Expr, common: Shape, size: Size) -> int | None:
    """The axis of the common shape of which the label is the index, where the axis is as long."""
    offset = len(common) - len(label.shape)
    axes = list(range(len(label.shape)))
    while label.op.name == "broadcast":  # size-1 axes round the index
        new = label["axes"]
        axes = [a for j, a in enumerate(axes) if j not in new]
        label = label.arguments[0]
    if label.op.name != "iota":
        return None
    lane: int = offset + axes[label["axis"]]
    fits = label.shape[label["axis"]] == common[lane] == size
    return lane if fits and product(label.shape) == size else None
