"""Whole derivatives: `jacobian`, `jacfwd`, `jacrev`, `hessian`; unit vectors go through at once, as a batch.

Of a function of arrays (``argnums`` as in `grad`), or of a tensor with respect to tensors.  The derivative
of a value of shape s by an argument of shape t has the shape s + t.  Where the value is a nest, so is the
result, each leaf of which is nested as the arguments are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eqsat_tensor.autodiff.calls import numbers_of, wrt_leaves
from eqsat_tensor.autodiff.forward import pushforward
from eqsat_tensor.autodiff.reverse import check_inputs, check_output, gradient, pullback
from eqsat_tensor.batching.rules import batch, spread
from eqsat_tensor.errors import DtypeError, GradientError, message
from eqsat_tensor.extents import lower_bound, product
from eqsat_tensor.lang import FLOATS, INT64, Expr
from eqsat_tensor.ops import compare, movement
from eqsat_tensor.ops.captured import input_leaf
from eqsat_tensor.ops.leaf import full_like, iota
from eqsat_tensor.tensor import Tensor, as_tensor
from eqsat_tensor.transform import Transformed, open_arguments, tensors_in
from eqsat_tensor.trees import flatten, unflatten

MODES = ("auto", "forward", "reverse")


# ---------------------------------------------------------------------------------- expressions
def jacobians(outputs: Sequence[Expr], wrt: Sequence[Expr], mode: str = "auto") -> list[list[Expr]]:
    """The derivative of each output by each of ``wrt``, of the output's shape + the other's.

    mode: "reverse" computes row by row, "forward" column by column; "auto" takes the shorter side.
    """
    check_inputs("jacobian", wrt)
    for w in wrt:
        if w.dtype not in FLOATS:
            hint = "Take derivatives by real parts: jacobian of lambda x, y: f(x + 1j * y)."
            raise DtypeError(message("jacobian", "float arguments", str(w.type), hint))
    for o in outputs:
        if o.dtype not in FLOATS:
            raise DtypeError(message("jacobian", "float results", str(o.type)))
    if mode not in MODES:
        raise GradientError(message("jacobian", f"mode one of {', '.join(MODES)}", repr(mode)))
    if mode == "forward" or (mode == "auto" and _is_tall(outputs, wrt)):
        columns = [_columns(outputs, w) for w in wrt]
        return [list(row) for row in zip(*columns, strict=True)] if wrt else [[] for _ in outputs]
    return [_rows(o, wrt) for o in outputs]


def _is_tall(outputs: Sequence[Expr], wrt: Sequence[Expr]) -> bool:
    """Are there more results than arguments, as far as is known?"""
    if all(w.shape == () for w in wrt) and len(wrt) == 1:
        return any(o.shape != () for o in outputs)
    rows = sum((product(o.shape) for o in outputs), start=0)
    columns = sum((product(w.shape) for w in wrt), start=0)
    low = lower_bound(rows - columns)
    return low is not None and low > 0


def _units(like: Expr) -> Expr:
    """The unit vectors in the space of ``like``: [n, *its shape]."""
    n = product(like.shape)
    on = compare.equal(*(iota(axis=a, dtype=INT64, shape=(n, n)) for a in (0, 1)))
    return movement.reshape(compare.cast_to(on, like.dtype), (n, *like.shape))


def _rows(output: Expr, wrt: Sequence[Expr]) -> list[Expr]:
    if output.shape == ():
        return pullback([output], [full_like(output, 1)], wrt)
    seed = input_leaf("row", output.dtype, output.shape)
    backs = pullback([output], [seed], wrt)
    units = _units(output)
    found = zip(*batch(backs, {seed: units}, units.shape[0]), wrt, strict=True)
    return [
        movement.reshape(e if has else spread(e, units.shape[0]), (*output.shape, *w.shape))
        for e, has, w in found
    ]


def _columns(outputs: Sequence[Expr], w: Expr) -> list[Expr]:
    if w.shape == ():
        return pushforward(outputs, [w], [full_like(w, 1)])
    seed = input_leaf("column", w.dtype, w.shape)
    slopes = pushforward(outputs, [w], [seed])
    units = _units(w)
    found = zip(*batch(slopes, {seed: units}, units.shape[0]), outputs, strict=True)
    columns = [(e if has else spread(e, units.shape[0]), o) for e, has, o in found]
    return [
        movement.reshape(movement.transpose(e, (*range(1, len(e.shape)), 0)), (*o.shape, *w.shape))
        for e, o in columns
    ]


def hessians(value: Expr, wrt: Sequence[Expr]) -> list[list[Expr]]:
    """The second derivatives of a 0-d float by each pair of ``wrt``: forward over reverse."""
    check_output("hessian", value)
    return jacobians(gradient(value, wrt), wrt, "forward")


def _differentiable(operation: str, target: Any) -> None:
    """GradientError for what is no function and holds no tensor."""
    if not any(isinstance(leaf, Tensor) for leaf in flatten(target)[0]):
        raise GradientError(message(operation, "a tensor or a function", f"{target!r:.60}"))


# ---------------------------------------------------------------------------------------- public
def jacobian(
    target: Any, wrt: Any = 0, /, argnums: int | Sequence[int] | None = None, *, mode: str = "auto"
) -> Any:
    """The Jacobian: of a tensor with respect to tensors, or of a function.

    jacobian(y, x), jacobian(y, [x, w])     tensors in, tensors out (a list for a list)
    jacobian(f, argnums=0)                  a function of the same arguments
    mode: "reverse" or "forward"; "auto" goes forward where there are more results than arguments, as
    far as sizes are known.  Raises DtypeError for what is no float.
    """
    if not callable(target):
        _differentiable("jacobian", target)
        roots, nest = tensors_in("jacobian", target)
        found, tree = wrt_leaves("jacobian", wrt)
        rows = jacobians([r.expr for r in roots], found, mode)
        return unflatten(nest, [unflatten(tree, [Tensor(e) for e in row]) for row in rows])
    numbers = wrt if argnums is None else argnums

    def traced(*args: Any, **kwargs: Any) -> Any:
        opened = open_arguments("jacobian", args, numbers_of(numbers))
        results, nest = tensors_in("jacobian", target(*opened.args, **kwargs))
        found = []
        for row in jacobians([r.expr for r in results], opened.leaves, mode):
            parts = opened.nests([Tensor(e) for e in opened.close(row)])
            found.append(parts[0] if isinstance(numbers, int) else parts)
        return unflatten(nest, found)

    return Transformed("jacobian", target, traced)


def jacfwd(target: Any, wrt: Any = 0, /, argnums: int | Sequence[int] | None = None) -> Any:
    """`jacobian` in forward mode, column by column: for more results than arguments."""
    return jacobian(target, wrt, argnums, mode="forward")


def jacrev(target: Any, wrt: Any = 0, /, argnums: int | Sequence[int] | None = None) -> Any:
    """`jacobian` in reverse mode, row by row: for more arguments than results."""
    return jacobian(target, wrt, argnums, mode="reverse")


def hessian(target: Any, wrt: Any = 0, /, argnums: int | Sequence[int] | None = None) -> Any:
    """The second derivatives of a 0-d float: of a tensor, or of a function.

    hessian(loss, x)             a tensor of x's shape twice; for a nest, a nest of nests
    hessian(f, argnums=0)        a function of the same arguments; for a tuple, a tuple of tuples
    """
    if not callable(target):
        _differentiable("hessian", target)
        found, tree = wrt_leaves("hessian", wrt)
        rows = hessians(as_tensor(target).expr, found)
        return unflatten(tree, [unflatten(tree, [Tensor(e) for e in row]) for row in rows])
    numbers = wrt if argnums is None else argnums

    def traced(*args: Any, **kwargs: Any) -> Any:
        opened = open_arguments("hessian", args, numbers_of(numbers))
        value = as_tensor(target(*opened.args, **kwargs)).expr
        rows = []
        for row in hessians(value, opened.leaves):
            parts = opened.nests([Tensor(e) for e in opened.close(row)])
            rows.append(parts[0] if isinstance(numbers, int) else parts)
        nests = opened.nests(rows)
        return nests[0] if isinstance(numbers, int) else nests

    return Transformed("hessian", target, traced)
