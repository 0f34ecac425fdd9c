"""Polynomials as arrays of coefficients, the highest power first."""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.errors import ArgumentError, ShapeError, message
from eqsat_tensor.extents import maximum, same_size
from eqsat_tensor.lang import Expr
from eqsat_tensor.namespace.operands import PUBLIC, expr_of, gathered, public, show
from eqsat_tensor.namespace.pieces import at_least
from eqsat_tensor.ops import movement
from eqsat_tensor.sizes import size_or_dim
from eqsat_tensor.tensor import Tensor, as_expr


def vector_of(operation: str, name: str, x: Any, what: str = "numbers") -> Expr:
    """An operand of one axis."""
    expr = expr_of(operation, x)
    if len(expr.shape) != 1:
        raise ShapeError(message(operation, f"{what} along one axis", f"{name}: {show(x)}"))
    return expr


@public(numpy=np.polyval)
def polyval(p: Any, x: Any) -> Any:
    """The polynomial at `x`, by Horner's rule; the number of coefficients is known or pinned."""
    coefficients = vector_of("polyval", "p", p, "coefficients")
    at = Tensor(expr_of("polyval", x))
    result: Any = PUBLIC["zeros_like"](at)
    for i in range(int(size_or_dim(coefficients.shape[0]))):
        result = result * at + Tensor(coefficients)[i]
    return result


def _sum(name: str, op: str, doc: str) -> None:
    def function(a1: Any, a2: Any) -> Any:
        exprs = [at_least(e, 1) for e in gathered(name, (a1, a2))]
        if any(len(e.shape) != 1 for e in exprs):
            got = f"a1: {show(a1)}, a2: {show(a2)}"
            raise ShapeError(message(name, "coefficients along one axis", got))
        total = maximum(exprs[0].shape[0], exprs[1].shape[0])
        wide = [movement.pad(e, (total - e.shape[0],), (1,), (total,)) for e in exprs]
        return PUBLIC[op](*map(Tensor, wide))

    function.__name__, function.__doc__ = name, doc
    public(numpy=getattr(np, name))(function)


_sum("polyadd", "add", "The sum of two polynomials.")
_sum("polysub", "subtract", "The difference of two polynomials.")


def _order(name: str, m: Any) -> int:
    if not isinstance(m, int) or m < 0:
        raise ArgumentError(message(name, "an order that is an int, not negative", f"m={m!r}"))
    return m


@public(numpy=np.polyder)
def polyder(p: Any, m: int = 1) -> Any:
    """The `m`-th derivative."""
    result = Tensor(at_least(expr_of("polyder", p), 1))
    for _ in range(_order("polyder", m)):
        powers = PUBLIC["arange"](result.shape[0] - 1, 0, -1)
        result = result[:-1] * powers
    return result


@public(numpy=np.polyint)
def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    """The `m`-th integral; `k` are the constants of integration, the first one used first."""
    order = _order("polyint", m)
    result = Tensor(at_least(expr_of("polyint", p), 1))
    if order == 0:
        return result
    constants = Tensor(at_least(as_expr(np.zeros(order) if k is None else k), 1))
    if constants.expr.shape[0] == 1:
        constants = PUBLIC["broadcast_to"](constants, (order,))
    if same_size(constants.expr.shape[0], order) is False:
        raise ShapeError(message("polyint", f"1 or {order} constants", f"k: {show(k)}"))
    for i in range(order):
        divided = result / PUBLIC["arange"](result.shape[0], 0, -1)
        result = PUBLIC["concatenate"]((divided, constants[i : i + 1]))
    return result
