"""`subgraph`, `cond`, `wrap`: what users call."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from eqsat_tensor.calls.graphs import canonical, graph_of, traced_body
from eqsat_tensor.calls.ops import (
    Callback,
    all_types,
    call,
    conditional,
    same_checks,
    wrapped,
)
from eqsat_tensor.errors import ArgumentError, DtypeError, ShapeError, message, needs_function
from eqsat_tensor.kinds import Attribute
from eqsat_tensor.lang import (
    BOOL,
)
from eqsat_tensor.ops.compare import cast_to
from eqsat_tensor.tensor import Tensor, as_expr, as_tensor, is_traced
from eqsat_tensor.trees import flatten, unflatten
from eqsat_tensor.types import TensorType, known_dtype

OF_RESULT = {"result": Attribute.INT, "dtype": Attribute.DTYPE, "shape": Attribute.SHAPE}


def subgraph(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """One operation made of others: `function` of tensors, as a node of its own in each use.

    inline=True: each use is replaced by the body (what `function` itself would do); by default it is
    opaque: no rewrite looks into it from outside, and it is compiled once, for all its uses.
    vjp: ``vjp(cotangents, results, operands)``, three lists of tensors (nests flattened), gives a
    list with a cotangent, or None, for each operand; by default the derivative of the body.
    Also a decorator.  On plain arrays `function` itself is called.
    """
    if function is None:
        return functools.partial(subgraph, **options)
    inline, vjp = options.pop("inline", False), options.pop("vjp", None)
    if options:
        raise ArgumentError(message("subgraph", "inline= and vjp=", ", ".join(options)))
    name = getattr(function, "__name__", "subgraph")

    @functools.wraps(function)
    def use(*args: Any, **kwargs: Any) -> Any:
        bound = functools.partial(function, **kwargs)
        values, tree = flatten(args)
        if inline or not any(is_traced(v) for v in values):
            return bound(*args)
        operands = [as_expr(v) for v in values]
        body = traced_body(bound, tree, operands)
        every, outputs, parameters, sizes = canonical([body], operands)
        own = None
        if vjp is not None:
            extra = len(every) - len(operands)

            def own(cts: Any, results: Any, given: Any) -> list[Any]:
                kept = list(given[: len(given) - extra] if extra else given)
                return [*vjp(cts, results, kept), *[None] * extra]

            own = _remembered(use, own, extra)
        graph = graph_of(name, parameters, outputs[0], own)
        made = [Tensor(call(graph, sizes, every, k)) for k in range(graph.values)]
        return unflatten(body.tree, made)

    return use


def _remembered(use: Any, own: Callable[..., Any], extra: int) -> Callable[..., Any]:
    """One function object for each use with as many closed-over operands: so equal graphs are one."""
    known: dict[int, Callable[..., Any]] = use.__dict__.setdefault("_vjps", {})
    return known.setdefault(extra, own)


def cond(
    condition: Any, then: Callable[..., Any], otherwise: Callable[..., Any], *operands: Any
) -> Any:
    """``then(*operands)`` where the 0-d `condition` is true, else ``otherwise(*operands)``.

    Only the branch taken is evaluated, in gradients too.  Both give nests of the same form, dtypes
    and shapes.  What a branch closes over is evaluated before, whichever is taken.
    Raises ShapeError, DtypeError or ArgumentError where the branches or the condition do not fit.
    """
    needs_function("cond", then)
    needs_function("cond", otherwise)
    values, tree = flatten(operands)
    if not is_traced(condition):
        return then(*operands) if condition else otherwise(*operands)
    test = as_expr(condition)
    if test.shape != ():
        hint = "Use where(condition, a, b) for one choice an element."
        raise ShapeError(message("cond", "a 0-d condition", f"condition: {test.type}", hint))
    given = [as_expr(v) for v in values]
    bodies = [traced_body(f, tree, given) for f in (then, otherwise)]
    if bodies[0].tree != bodies[1].tree:
        raise ArgumentError(message("cond", "branches with results of one form", "two forms"))
    for a, b in zip(bodies[0].outputs, bodies[1].outputs, strict=True):
        if a.type != b.type:
            error = DtypeError if a.dtype != b.dtype else ShapeError
            needs = "branches with results of the same dtype and shape"
            raise error(message("cond", needs, f"{a.type} and {b.type}", "Cast or broadcast one."))
    every, outputs, parameters, sizes = canonical(bodies, given)
    graph, other = same_checks(
        graph_of("then", parameters, outputs[0]), graph_of("otherwise", parameters, outputs[1])
    )
    operands_of_all = [cast_to(test, BOOL), *every]
    made = [
        Tensor(conditional(graph, other, sizes, operands_of_all, k)) for k in range(graph.values)
    ]
    return unflatten(bodies[0].tree, made)


def wrap(
    function: Callable[..., Any],
    type: Any,
    vjp: Callable[..., Any] | None = None,
    name: str | None = None,
) -> Callable[..., Any]:
    """A Python function of NumPy arrays as an operation: called back while a program runs.

    type  the results' types: ``(dtype, shape)``, a list of such for several results (a tuple then),
          or a function from the operands (tensors) to either.
    vjp   ``vjp(cotangent, result, *operands)`` on tensors: the operands' cotangents (a tuple; None
          for zero); tuples of cotangents and results where there are several.  Without it the
          derivative is zero: the function counts as constant.
    On plain arrays `function` itself is called.  It gets copies, and must not depend on anything
    else: equal calls may be made once.
    """
    label = name if name is not None else str(getattr(function, "__name__", "wrap"))

    @functools.cache
    def callback(count: int) -> Callback:
        return Callback(function, label, count, vjp)

    @functools.wraps(function)
    def use(*operands: Any) -> Any:
        if not any(is_traced(v) for v in operands):
            return function(*operands)
        tensors = [as_tensor(v) for v in operands]
        declared = type(*tensors) if callable(type) else type
        several = isinstance(declared, list)
        types = tuple(_declared(label, t) for t in (declared if several else [declared]))
        results = all_types(types)
        exprs = [t.expr for t in tensors]
        made = [Tensor(wrapped(callback(len(types)), results, exprs, k)) for k in range(len(types))]
        return tuple(made) if several else made[0]

    return use


def _declared(name: str, declared: Any) -> TensorType:
    from eqsat_tensor.namespace.operands import sizes_of

    if isinstance(declared, Tensor):
        return declared.expr.type
    try:
        dtype, shape = declared
        return TensorType(known_dtype(np.dtype(dtype)), sizes_of(name, shape))
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            message(name, "type=(dtype, shape), or a list of such", f"type={declared!r:.60}")
        ) from error
