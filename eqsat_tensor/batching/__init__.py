"""`vmap`, `vectorize`, `vectorize_graph`: a function of one example -> a function of a batch.

The graph of one example is built once and each of its nodes given one more axis (`batching.rules`): no
loop over the batch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eqsat_tensor.batching.rules import batch, spread
from eqsat_tensor.errors import ArgumentError, ShapeError, message
from eqsat_tensor.extents import Size, same_size
from eqsat_tensor.lang import Expr, replaced
from eqsat_tensor.ops import movement
from eqsat_tensor.ops.captured import input_leaf
from eqsat_tensor.tensor import Tensor, as_expr, as_tensor
from eqsat_tensor.transform import Transformed, tensors_in
from eqsat_tensor.trees import Tree, flatten, unflatten
from eqsat_tensor.types import Shape, broadcast_shapes

Axis = int | None


def vmap(function: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0) -> Any:
    """A function of batches: ``function`` on each element along an axis of the arguments.

    in_axes   the axis of each positional argument that runs over the batch: an int for all, or a tuple with
              an entry an argument: an int, None (the same for the whole batch), or a nest of such for
              an argument that is a nest.  Keyword arguments are batched on axis 0.
    out_axes  where that axis stands in the results, likewise; None for what is the same for all.
    Also of functions that `grad` and their like made, and of itself.  Raises ArgumentError for axes that do
    not fit, ShapeError where batch sizes differ, UnsupportedError for an op that has no rule.
    """

    def traced(*args: Any, **kwargs: Any) -> Any:
        values, tree = flatten((args, kwargs))
        axes = [
            *_axes("in_axes", in_axes, tree.children[0], tuple_of_all=True),
            *([0] * tree.children[1].leaves),
        ]
        tensors = [as_tensor(v) for v in values]
        fronts = [_in_front("vmap", t.expr, a) for t, a in zip(tensors, axes, strict=True)]
        size, fronts = _one_size("vmap", fronts, axes)
        table: dict[Expr, Expr] = {}
        stand_ins = []
        for tensor, front, axis in zip(tensors, fronts, axes, strict=True):
            if axis is None:
                stand_ins.append(tensor)
            else:
                leaf = input_leaf("element", front.dtype, front.shape[1:])
                table[leaf] = front
                stand_ins.append(Tensor(leaf, tensor.weak))
        call, options = unflatten(tree, stand_ins)
        results, nest = tensors_in("vmap", function(*call, **options))
        places = _axes("out_axes", out_axes, nest)
        exprs, have = batch([r.expr for r in results], table, size)
        done = zip(exprs, have, places, strict=True)
        return unflatten(nest, [Tensor(_placed(e, has, p, size)) for e, has, p in done])

    return Transformed("vmap", function, traced)


def _axes(name: str, axes: Any, tree: Tree, tuple_of_all: bool = False) -> list[Axis]:
    """One axis a leaf: an int or None serves for all that is below it."""
    if axes is None or isinstance(axes, int):
        return [axes] * tree.leaves
    is_dict = tree.kind is dict and isinstance(axes, dict)
    fits = is_dict or (tree.kind not in ("leaf", "none", dict) and isinstance(axes, tuple | list))
    if not fits or len(axes) != len(tree.children):
        needs = f"{name} nested as what they are for" + (", an entry an argument" * tuple_of_all)
        raise ArgumentError(message("vmap", needs, f"{name}={axes!r}"))
    parts = [axes[k] for k in tree.keys] if is_dict else axes
    pairs = zip(parts, tree.children, strict=True)
    return [axis for part, child in pairs for axis in _axes(name, part, child)]


def _in_front(operation: str, x: Expr, axis: Axis) -> Expr:
    """The batch axis moved to the front; None: as it is."""
    if axis is None:
        return x
    rank = len(x.shape)
    if not -rank <= axis < rank:
        raise ArgumentError(
            message(operation, "an axis that each argument has", f"{axis}, x: {x.type}")
        )
    axis %= rank
    return movement.transpose(x, (axis, *(j for j in range(rank) if j != axis)))


def _one_size(
    operation: str, fronts: Sequence[Expr], axes: Sequence[Axis]
) -> tuple[Size, list[Expr]]:
    """The size of the batch, and the operands with just that size (asserted by a guard if need be)."""
    sizes = [x.shape[0] for x, axis in zip(fronts, axes, strict=True) if axis is not None]
    if not sizes:
        raise ArgumentError(message(operation, "an argument with an axis", f"in_axes={list(axes)}"))
    size = next((s for s in sizes if isinstance(s, int)), sizes[0])
    if any(same_size(size, s) is False for s in sizes):
        got = ", ".join(map(str, sizes))
        raise ShapeError(message(operation, "batch axes of one size", got))
    return size, [
        x if axis is None else movement.refine(x, (size, *x.shape[1:]))
        for x, axis in zip(fronts, axes, strict=True)
    ]


def _placed(x: Expr, has_axis: bool, place: Axis, size: Size) -> Expr:
    if place is None:
        if has_axis:
            needs = "out_axes that are no None for what depends on the batch"
            raise ArgumentError(message("vmap", needs, str(x.type)))
        return x
    x = x if has_axis else spread(x, size)
    rank = len(x.shape)
    if not -rank <= place < rank:
        raise ArgumentError(message("vmap", f"out_axes from {-rank} to {rank - 1}", f"{place}"))
    order = list(range(1, rank))
    order.insert(place % rank, 0)
    return movement.transpose(x, order)


# ---------------------------------------------------------------------------------- on graphs
def vectorize_graph(outputs: Any, replace: Mapping[Tensor, Any]) -> Any:
    """The same outputs (a tensor or a nest) with tensors replaced by batches of such.

    A new value has the dtype of the old one, and its shape behind batch axes, as many as there are; these
    broadcast together and stand in front of what depends on them.
    """
    roots, tree = tensors_in("vectorize_graph", outputs)
    old = [t.expr for t in replace]
    new = [as_expr(v) for v in replace.values()]
    return unflatten(tree, [Tensor(e) for e in _vectorized([r.expr for r in roots], old, new)])


def _vectorized(roots: list[Expr], old: list[Expr], new: list[Expr]) -> list[Expr]:
    name = "vectorize_graph"
    extra: list[Shape] = []
    for before, after in zip(old, new, strict=True):
        count = len(after.shape) - len(before.shape)
        pairs = zip(before.shape, after.shape[max(count, 0) :], strict=False)
        fits = count >= 0 and all(same_size(a, b) is not False for a, b in pairs)
        if before.dtype != after.dtype or not fits:
            needs = f"batches of {before.type}"
            raise ShapeError(message(name, needs, str(after.type)))
        extra.append(after.shape[:count])
    axes = broadcast_shapes(name, extra)
    wide = [
        movement.broadcast_to(e, (*axes, *before.shape)) if lead
        else movement.refine(e, before.shape)
        for e, before, lead in zip(new, old, extra, strict=True)
    ]  # fmt: skip
    leaves = list(old)
    for size in reversed(axes):
        table = {}
        for number, lead in enumerate(extra):
            if lead:
                leaf = leaves[number]
                leaves[number] = input_leaf("batch", leaf.dtype, (size, *leaf.shape))
                table[leaf] = leaves[number]
        roots = batch(roots, table, size)[0]
    return replaced(roots, dict(zip(leaves, wide, strict=True)))


def vectorize(function: Callable[..., Any], signature: str | None = None) -> Any:
    """A function of arrays with any batch axes, of one on arrays of few axes (as `numpy.vectorize`).

    signature: axes of one example, as in "(n),(n,m)->(m)"; numbers in and out where there is none.
    Batch axes stand in front, broadcast together, and stand in front of the results.
    """
    given = re.sub(r"\s", "", signature or "").partition("->")[0]
    cores = [len([a for a in g.split(",") if a]) for g in re.findall(r"\(([^()]*)\)", given)]

    def traced(*args: Any) -> Any:
        ranks = cores if signature is not None else [0] * len(args)
        if len(ranks) != len(args):
            got = f"{len(args)} arguments, signature {signature!r}"
            raise ArgumentError(message("vectorize", "an argument for each in the signature", got))
        tensors = [as_tensor(a) for a in args]
        leaves = []
        for t, rank in zip(tensors, ranks, strict=True):
            if t.ndim < rank:
                raise ShapeError(message("vectorize", f"at least {rank} axes", str(t.expr.type)))
            leaves.append(input_leaf("element", t.dtype, t.expr.shape[t.ndim - rank :]))
        stand_ins = [Tensor(e, t.weak) for e, t in zip(leaves, tensors, strict=True)]
        results, tree = tensors_in("vectorize", function(*stand_ins))
        found = _vectorized([r.expr for r in results], leaves, [t.expr for t in tensors])
        return unflatten(tree, [Tensor(e) for e in found])

    return Transformed("vectorize", function, traced)
