"""Products with a derivative: `jvp`, `vjp`, `linearize`, `linear_transpose`, `hvp`.

Of a function of arrays or tensors, or of tensors of a graph with respect to tensors:

    jvp(f, primals, tangents)   (value, tangent)         jvp(outputs, wrt, tangents)     tangents
    vjp(f, *primals)            (value, pullback)        vjp(outputs, wrt, cotangents)   cotangents
    hvp(f, primals, tangents)   Hessian times tangents   hvp(loss, wrt, tangents)        the same
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from eqsat_tensor.autodiff.calls import like, nested, wrt_leaves
from eqsat_tensor.autodiff.forward import pushforward
from eqsat_tensor.autodiff.residuals import linear, on_arrays
from eqsat_tensor.autodiff.reverse import gradient, pullback
from eqsat_tensor.errors import GradientError, message, needs_function
from eqsat_tensor.lang import topological
from eqsat_tensor.tensor import Tensor, as_tensor
from eqsat_tensor.transform import call_compiled, open_arguments, traces
from eqsat_tensor.trees import Tree, flatten


def _is_graph(target: Any) -> bool:
    leaves = flatten(target)[0]
    return bool(leaves) and all(isinstance(leaf, Tensor) for leaf in leaves)


def _sequence(operation: str, what: str, values: Any) -> tuple[Any, ...]:
    if not isinstance(values, tuple | list):
        needs = f"a tuple of {what}, one an argument"
        raise GradientError(message(operation, needs, f"{type(values).__name__}"))
    return tuple(values)


# ---------------------------------------------------------------------------------- forward, reverse
def jvp(target: Any, primals: Any, tangents: Any) -> Any:
    """The value of a function, and its derivative along ``tangents``: (value, derivative).

    primals, tangents: tuples, one entry an argument, nested alike; None is a zero tangent.
    Of a tensor or a nest of tensors: the tangents alone, given those of the tensors ``primals``.
    Of arrays it is compiled once a function, as by `jit`.
    """
    if _is_graph(target):
        roots, tree = flatten(target)
        wrt, nest = wrt_leaves("jvp", primals)
        along = like("jvp", "tangents", tangents, wrt, nest)
        return nested(tree, pushforward([r.expr for r in roots], wrt, along))
    needs_function("jvp", target)
    primals = _sequence("jvp", "primals", primals)
    tangents = _sequence("jvp", "tangents", tangents)
    if not traces(target, primals, tangents):
        return call_compiled("jvp", target, (), lambda p, t: jvp(target, p, t), primals, tangents)
    at = linear("jvp", target, primals, True)
    return at.value(), at.finished(at.results(at.seeds(tangents)))


def vjp(function: Any, *primals: Any) -> Any:
    """The value of a function, and its pullback: (value, pullback).

    ``pullback(cotangents)``, nested as the value, gives a tuple: the cotangents of each argument.  Both
    work on tensors and on arrays; on arrays each is compiled once a function, and what the pullback needs
    of the primal is kept from the first call.
    Of tensors, ``vjp(outputs, wrt, cotangents)``: the cotangents of the tensors ``wrt``.
    """
    if _is_graph(function):
        roots, tree = flatten(function)
        wrt, nest = wrt_leaves("vjp", primals[0])
        outputs = [r.expr for r in roots]
        cts = like("vjp", "cotangents", primals[1], outputs, tree)
        return nested(nest, pullback(outputs, cts, wrt))
    needs_function("vjp", function)
    if not traces(function, primals):
        return on_arrays("vjp", function, primals, False)
    at = linear("vjp", function, primals, False)
    return at.value(), lambda cotangents: at.finished(at.results(at.seeds(cotangents)))


def linearize(function: Callable[..., Any], *primals: Any) -> Any:
    """The value of a function, and its derivative as a function of tangents: (value, pushforward).

    ``pushforward(*tangents)`` takes one tangent an argument.  On arrays each is compiled once a function,
    and what the pushforward needs of the primal is kept from the first call.
    """
    needs_function("linearize", function)
    if not traces(function, primals):
        value, push = on_arrays("linearize", function, primals, True)
        return value, lambda *tangents: push(tangents)
    at = linear("linearize", function, primals, True)
    return at.value(), lambda *tangents: at.finished(at.results(at.seeds(tangents)))


def linear_transpose(function: Callable[..., Any], *primals: Any) -> Callable[..., tuple[Any, ...]]:
    """The transpose of a linear function: cotangents of its value -> a tuple, one an argument.

    primals tell shapes and dtypes; their values are not used.  Raises GradientError where the function
    is not linear in them.
    """
    needs_function("linear_transpose", function)

    def transpose(given: Sequence[Any], cotangents: Any) -> tuple[Any, ...]:
        at = linear("linear_transpose", function, given, False)
        backs = at.results(at.seeds(cotangents))
        if any(leaf in at.opened.leaves for leaf in topological(backs)):
            raise GradientError(message("linear_transpose", "a linear function"))
        result: tuple[Any, ...] = at.finished(backs)
        return result

    def call(cotangents: Any) -> tuple[Any, ...]:
        if traces(function, primals, cotangents):
            return transpose(primals, cotangents)
        result: tuple[Any, ...] = call_compiled(
            "linear_transpose", function, (), transpose, primals, cotangents
        )
        return result

    return call


# ------------------------------------------------------------------------------------ second order
def hvp(target: Any, primals: Any, tangents: Any) -> Any:
    """The Hessian of a scalar function times ``tangents``, without the Hessian: forward over reverse.

    hvp(f, (x, y), (u, v))   a tuple, one entry an argument (tangents as in `jvp`)
    hvp(f, x, v)             of the first argument alone, where it is an array: such an array
    hvp(loss, wrt, v)        of a tensor with respect to tensors, nested as ``wrt``
    """
    if isinstance(target, Tensor):
        wrt, tree = wrt_leaves("hvp", primals)
        along = like("hvp", "tangents", tangents, wrt, tree)
        return nested(tree, pushforward(gradient(target.expr, wrt), wrt, along))
    needs_function("hvp", target)
    single = not isinstance(primals, tuple | list)
    points = (primals,) if single else tuple(primals)
    directions = (tangents,) if single else _sequence("hvp", "tangents", tangents)
    if traces(target, points, directions):
        found = _hvp(target, points, directions)
    else:
        body = functools.partial(_hvp, target)
        found = call_compiled("hvp", target, (), body, points, directions)
    return found[0] if single else found


def _hvp(function: Any, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, ...]:
    opened = open_arguments("hvp", primals, range(len(primals)))
    value = as_tensor(function(*opened.args)).expr
    along = like("hvp", "tangents", tangents, opened.leaves, Tree(tuple, (), opened.trees))
    second = pushforward(gradient(value, opened.leaves), opened.leaves, along)
    return opened.nests([Tensor(e) for e in opened.close(second)])
