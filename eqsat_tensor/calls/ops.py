"""The ops: a call of a graph, one of two graphs, a call back into Python."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eqsat_tensor.calls.graphs import SubGraph, graph_of
from eqsat_tensor.errors import ArgumentError
from eqsat_tensor.extents import Guard, Size, substitute
from eqsat_tensor.kinds import Attribute, Kind
from eqsat_tensor.lang import (
    ANY_ARITY,
    BOOL,
    INEXACT,
    Expr,
    define,
    replaced,
    substitute_sizes,
)
from eqsat_tensor.ops.compare import where
from eqsat_tensor.ops.leaf import constant
from eqsat_tensor.ops.movement import broadcast
from eqsat_tensor.tensor import Tensor, as_expr
from eqsat_tensor.types import TensorType

OF_RESULT = {"result": Attribute.INT, "dtype": Attribute.DTYPE, "shape": Attribute.SHAPE}


def _result_type(*_: TensorType, dtype: np.dtype, shape: Any, **__: Any) -> TensorType:
    return TensorType(dtype, tuple(shape))


def _inside(graph: SubGraph, size: Size, sizes: Sequence[Size]) -> Size:
    return substitute(size, {f"s{k}": s for k, s in enumerate(sizes)})


def _guards(graph: SubGraph, sizes: Sequence[Size]) -> list[Guard]:
    found = []
    for guard in graph.guards:
        left, right = (_inside(graph, s, sizes) for s in (guard.left, guard.right))
        if not (isinstance(left, int) and isinstance(right, int) and guard.holds({})):
            found.append(replace(guard, left=left, right=right))
    return found


def call(graph: SubGraph, sizes: Sequence[Size], operands: Sequence[Expr], result: int) -> Expr:
    """One result of a graph on operands, ``sizes`` being its symbols."""
    output = graph.outputs[result]
    shape = tuple(_inside(graph, s, sizes) for s in output.shape)
    return call_op(
        *operands, graph=graph, sizes=tuple(sizes), result=result, dtype=output.dtype, shape=shape
    )


def inlined(node: Expr) -> Expr | None:
    """What a `call` or a `cond` is in ordinary ops, both branches evaluated; None for a `wrap`."""
    if node.op is wrap_op:
        return None
    bodies = []
    operands = node.arguments if node.op is call_op else node.arguments[1:]
    sizes = {f"s{k}": s for k, s in enumerate(node["sizes"])}
    for graph in [node["graph"]] if node.op is call_op else [node["graph"], node["other"]]:
        body, *leaves = substitute_sizes([graph.outputs[node["result"]], *graph.parameters], sizes)
        bodies += replaced([body], dict(zip(leaves, operands, strict=True)))
    if node.op is call_op:
        return bodies[0]
    condition = broadcast(node.arguments[0], range(len(node.shape)), node.shape)
    return where(condition, *bodies)


def _call_vjp(
    ct: Expr, out: Expr, *operands: Expr, graph: SubGraph, sizes: Any, result: int, **_: Any
) -> list[Expr | None]:
    floats = [i for i, p in enumerate(graph.parameters) if p.dtype in INEXACT]
    found: list[Expr | None] = [None] * len(operands)
    if graph.vjp is not None:
        results = [call(graph, sizes, operands, k) for k in range(graph.values)]
        zeros = [constant(0, r.dtype, r.shape) for r in results]
        cts = [ct if k == result else z for k, z in enumerate(zeros)]
        given = graph.vjp(*(list(map(Tensor, part)) for part in (cts, results, operands)))
        return [None if g is None else as_expr(g) for g in given]
    back = graph.pullback(result)
    for k, i in enumerate(floats):
        found[i] = call(back, sizes, (*operands, ct), k)
    return found


def _batched(name: str) -> Callable[..., Expr]:
    """The batching rule of that name in `batched_calls`, which builds on this module."""

    def rule(node: Expr, operands: Sequence[Expr], size: Size) -> Expr:
        from eqsat_tensor import batched_calls

        found: Expr = getattr(batched_calls, name)(node, operands, size)
        return found

    return rule


call_op = define(
    "call", Kind.LIBRARY, arity=ANY_ARITY, infer=_result_type,
    attributes={"graph": Attribute.OBJECT, "sizes": Attribute.SIZES, **OF_RESULT},
    numpy=lambda *x, graph, sizes, result, dtype, shape: graph.run(x, sizes)[result],
    results=lambda *x, graph, sizes: graph.run(x, sizes),
    guards=lambda node: _guards(node["graph"], node["sizes"]),
    checks=lambda node: [
        (call(node["graph"], node["sizes"], node.arguments, node["graph"].values + k), text)
        for k, text in enumerate(node["graph"].texts)
        if node["result"] < node["graph"].values
    ],
    vjp=_call_vjp, batch=_batched("call"), ulps=0.0,
    doc="A result of a graph on its operands; compiled once however often it is used.",
)  # fmt: skip


def conditional(
    graph: SubGraph, other: SubGraph, sizes: Sequence[Size], operands: Sequence[Expr], result: int
) -> Expr:
    """One result of a graph where the first operand is true, else of the other."""
    output = graph.outputs[result]
    shape = tuple(_inside(graph, s, sizes) for s in output.shape)
    return cond_op(
        *operands, graph=graph, other=other, sizes=tuple(sizes), result=result, dtype=output.dtype,
        shape=shape,
    )  # fmt: skip


def _run_cond(
    *operands: Any, graph: SubGraph, other: SubGraph, sizes: Sequence[int]
) -> tuple[Any, ...]:
    return (graph if operands[0] else other).run(operands[1:], sizes)


def _cond_vjp(
    ct: Expr, out: Expr, *operands: Expr, graph: SubGraph, other: SubGraph, sizes: Any,
    result: int, **_: Any,
) -> list[Expr | None]:  # fmt: skip
    condition, *rest = operands
    backs = same_checks(graph.pullback(result), other.pullback(result))
    found: list[Expr | None] = [None] * len(operands)
    floats = [i for i, p in enumerate(graph.parameters) if p.dtype in INEXACT]
    for k, i in enumerate(floats):
        found[i + 1] = conditional(*backs, sizes, (condition, *rest, ct), k)
    return found


def same_checks(graph: SubGraph, other: SubGraph) -> tuple[SubGraph, SubGraph]:
    """Two graphs of the same results with the checks of both: those of the other hold at once."""
    if not graph.texts and not other.texts:
        return graph, other
    true = constant(True, BOOL)
    made = []
    for one, first in ((graph, True), (other, False)):
        own = list(zip(one.outputs[one.values :], one.texts, strict=True))
        foreign = [(true, t) for t in (other if first else graph).texts]
        checks = own + foreign if first else foreign + own
        outputs = one.outputs[: one.values]
        made.append(graph_of(one.name, one.parameters, outputs, one.vjp, checks))
    return made[0], made[1]


cond_op = define(
    "cond", Kind.LIBRARY, arity=ANY_ARITY, infer=_result_type,
    attributes={
        "graph": Attribute.OBJECT, "other": Attribute.OBJECT, "sizes": Attribute.SIZES, **OF_RESULT
    },
    numpy=lambda *x, result, dtype, shape, **named: _run_cond(*x, **named)[result],
    results=_run_cond,
    guards=lambda node: [*_guards(node["graph"], node["sizes"]), *_guards(node["other"], node["sizes"])],
    checks=lambda node: [
        (conditional(node["graph"], node["other"], node["sizes"], node.arguments, node["graph"].values + k), text)
        for k, text in enumerate(node["graph"].texts)
        if node["result"] < node["graph"].values
    ],
    vjp=_cond_vjp, batch=_batched("cond"), ulps=0.0,
    doc="A result of one graph where the first operand is true, else of the other, which is not evaluated.",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Callback:
    """A Python function of arrays, with what is known of it."""

    function: Callable[..., Any]
    name: str
    count: int  # of results
    vjp: Callable[..., Sequence[Any]] | None

    def __repr__(self) -> str:
        return f"<{self.name}>"  # the same in every process: digests number callbacks

    def run(self, arrays: Sequence[Any], types: Sequence[TensorType] = ()) -> tuple[Any, ...]:
        """The results of copies of the arrays: the function may keep or change what it gets."""
        made = self.function(*(np.array(a) for a in arrays))
        results = made if isinstance(made, tuple | list) else (made,)
        if len(results) != self.count:
            raise ArgumentError(
                f"{self.name}: needs {self.count} results, as its type says; got {len(results)}."
            )
        return tuple(results)


def _wrap_vjp(
    ct: Expr, out: Expr, *operands: Expr, callback: Callback, result: int, results: Any, **_: Any
) -> list[Expr | None]:
    if callback.vjp is None:
        return [None] * len(operands)
    outs = [wrapped(callback, results, operands, k) for k in range(callback.count)]
    cts = [ct if k == result else constant(0, o.dtype, o.shape) for k, o in enumerate(outs)]
    single = callback.count == 1
    given = callback.vjp(
        Tensor(cts[0]) if single else tuple(map(Tensor, cts)),
        Tensor(outs[0]) if single else tuple(map(Tensor, outs)),
        *map(Tensor, operands),
    )
    parts = given if isinstance(given, tuple | list) else (given,)
    return [None if g is None else as_expr(g) for g in parts]


@dataclass(frozen=True)
class ResultTypes:
    """The types of all results of a callback."""

    types: tuple[TensorType, ...]


@functools.lru_cache(maxsize=4096)
def all_types(types: tuple[TensorType, ...]) -> ResultTypes:
    """The record of these types, the same for equal ones: an attribute, compared by identity."""
    return ResultTypes(types)


def wrapped(
    callback: Callback, results: ResultTypes, operands: Sequence[Expr], result: int
) -> Expr:
    """One result of a callback on operands."""
    type = results.types[result]
    return wrap_op(
        *operands, callback=callback, results=results, result=result, dtype=type.dtype,
        shape=type.shape,
    )  # fmt: skip


def _checked(callback: Callback, arrays: Sequence[Any], results: ResultTypes) -> tuple[Any, ...]:
    made = callback.run(arrays)
    for k, (value, type) in enumerate(zip(made, results.types, strict=True)):
        array = np.asarray(value)
        fixed = [isinstance(s, int) for s in type.shape]
        wrong = array.dtype != type.dtype or array.ndim != type.rank
        wrong = wrong or any(
            f and s != n for f, s, n in zip(fixed, type.shape, array.shape, strict=True)
        )
        if wrong:
            got = f"{array.dtype}[{', '.join(map(str, array.shape))}]"
            raise ArgumentError(
                f"{callback.name}: needs a result of {type}; got result {k} of {got}."
            )
    return made


wrap_op = define(
    "wrap", Kind.LIBRARY, arity=ANY_ARITY, infer=_result_type,
    attributes={"callback": Attribute.OBJECT, "results": Attribute.OBJECT, **OF_RESULT},
    numpy=lambda *x, callback, results, result, dtype, shape: _checked(callback, x, results)[result],
    results=lambda *x, callback, results: _checked(callback, x, results),
    vjp=_wrap_vjp, batch=_batched("wrap"), ulps=0.0,
    doc="A result of a Python function of arrays, called while the program runs.",
)  # fmt: skip
