"""What the derivatives of functions and those of graphs share: operands checked, results in nests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any

from eqsat_tensor.errors import GradientError, ShapeError, message
from eqsat_tensor.extents import same_size
from eqsat_tensor.lang import INEXACT, Expr
from eqsat_tensor.ops import movement
from eqsat_tensor.ops.compare import cast_to
from eqsat_tensor.tensor import Tensor, as_tensor
from eqsat_tensor.trees import Tree, flatten, unflatten


def numbers_of(argnums: Any) -> tuple[int, ...]:
    """argnums as a tuple."""
    if isinstance(argnums, int):
        return (argnums,)
    if not isinstance(argnums, Iterable) or not all(isinstance(n, Integral) for n in argnums):
        needs = "argnums= as the number of an argument, or several"
        raise GradientError(message("grad", needs, f"{argnums!r:.60}"))
    return tuple(argnums)


def wrt_leaves(operation: str, wrt: Any) -> tuple[list[Expr], Tree]:
    """The tensors of a graph to differentiate by, and their nest."""
    leaves, tree = flatten(wrt)
    for leaf in leaves:
        if not isinstance(leaf, Tensor):
            needs = "tensors to differentiate by"
            raise GradientError(message(operation, needs, f"{leaf!r:.60}"))
    return [leaf.expr for leaf in leaves], tree


def like(operation: str, what: str, values: Any, targets: Sequence[Expr], tree: Tree) -> list[Expr]:
    """Tangents or cotangents as expressions of their targets' types; None is zeros.

    values: a nest like ``tree``, in which None may stand for a part of it.
    Raises GradientError for another nest, ShapeError for a shape that does not broadcast.
    """
    parts = parts_like(operation, what, values, targets, tree)
    return [movement.zeros_like(t) if p is None else p for p, t in zip(parts, targets, strict=True)]


def parts_like(
    operation: str, what: str, values: Any, targets: Sequence[Expr], tree: Tree
) -> list[Expr | None]:
    """As `like`, but None stays None."""
    found = _matched(operation, what, values, tree)
    pairs = zip(found, targets, strict=True)
    return [None if v is None else _like(operation, what, v, t) for v, t in pairs]


def _matched(operation: str, what: str, values: Any, tree: Tree) -> list[Any]:
    if values is None:
        return [None] * tree.leaves
    if tree.kind == "leaf":
        return [values]
    is_dict = tree.kind is dict
    fits = isinstance(values, dict) if is_dict else isinstance(values, tuple | list)
    if not fits or len(values) != len(tree.children) or (is_dict and set(values) != set(tree.keys)):
        raise GradientError(
            message(operation, f"{what} nested as their targets", f"{values!r:.60}")
        )
    parts = [values[k] for k in tree.keys] if is_dict else values
    pairs = zip(parts, tree.children, strict=True)
    return [leaf for part, child in pairs for leaf in _matched(operation, what, part, child)]


def _like(operation: str, what: str, value: Any, target: Expr) -> Expr:
    expr = as_tensor(value).expr
    fits = len(expr.shape) <= len(target.shape) and all(
        a == 1 or same_size(a, b) is not False
        for a, b in zip(reversed(expr.shape), reversed(target.shape), strict=False)
    )
    if not fits or target.dtype not in INEXACT:
        got = f"{expr.type} for {target.type}"
        raise ShapeError(message(operation, f"{what} of their targets' types", got))
    return movement.broadcast_to(cast_to(expr, target.dtype), target.shape)


def as_tensors(exprs: Sequence[Expr]) -> list[Tensor]:
    """A tensor for each expression."""
    return [Tensor(e) for e in exprs]


def nested(tree: Tree, exprs: Sequence[Expr]) -> Any:
    """Tensors in a nest."""
    return unflatten(tree, as_tensors(exprs))
