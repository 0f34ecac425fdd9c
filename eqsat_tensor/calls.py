"""Operations made of others: `subgraph`, `cond`, and `wrap` for what cannot be traced.

    call(x, y; graph)          a graph on its own parameters, compiled once however often it is used
    cond(p, x, y; graph, other)   one of two graphs, the other is not evaluated
    wrap(x, y; callback)       a Python function of arrays

They have as many operands as they need, so rewriting does not look into them: the e-graph gets their
results as inputs and their operands as outputs (`eqsat_tensor.opaque`).  Graphs are canonical: what a
function closes over is an operand more, size symbols are s0, s1, ... and the attribute ``sizes`` says
what these are for a node.  So two uses of a function on arrays that differ in sizes are one graph.
"""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from eqsat_tensor.errors import ArgumentError, DtypeError, ShapeError, message
from eqsat_tensor.kinds import Attribute, Kind
from eqsat_tensor.lang import (
    ANY_ARITY,
    BOOL,
    INEXACT,
    Expr,
    apply,
    checks_of,
    define,
    guards_of,
    next_serial,
    replaced,
    substitute_sizes,
    topological,
)
from eqsat_tensor.normalize import program_digest
from eqsat_tensor.ops.captured import input_leaf
from eqsat_tensor.ops.compare import cast_to, where
from eqsat_tensor.ops.leaf import constant, input_
from eqsat_tensor.ops.movement import broadcast
from eqsat_tensor.reference import evaluate
from eqsat_tensor.tensor import Tensor, as_expr, as_tensor, is_traced
from eqsat_tensor.transform import closed_over
from eqsat_tensor.trees import Tree, flatten, unflatten
from eqsat_tensor.types import Guard, Size, TensorType, known_dtype, substitute, symbol, symbols_of

OF_RESULT = {"result": Attribute.INT, "dtype": Attribute.DTYPE, "shape": Attribute.SHAPE}


# ---------------------------------------------------------------------------------------- graphs
@dataclass(frozen=True, eq=False)
class SubGraph:
    """A canonical graph: leaves, results, then 0-d bools that must come out true, with their texts.

    vjp: instead of the derivative of the graph, ``vjp(cotangents, results, *operands)``, all flat.
    """

    name: str
    parameters: tuple[Expr, ...]
    outputs: tuple[Expr, ...]
    texts: tuple[str, ...]
    vjp: Callable[..., Sequence[Any]] | None = None
    digest: str = ""
    variants: dict[Any, Any] = field(default_factory=dict)  # compiled forms, by options

    def __repr__(self) -> str:
        return f"<{self.name} {self.digest}>"  # all that a program's digest sees of it

    @property
    def values(self) -> int:
        """How many results there are, the checks not counted."""
        return len(self.outputs) - len(self.texts)

    @functools.cached_property
    def guards(self) -> tuple[Guard, ...]:
        """Conditions on the sizes."""
        return tuple(guards_of(self.outputs))

    def run(self, arrays: Sequence[Any], sizes: Sequence[int]) -> tuple[Any, ...]:
        """The results of arrays, by the reference evaluator."""
        named = {f"s{k}": n for k, n in enumerate(sizes)}
        return tuple(evaluate(self.outputs, dict(zip(self.parameters, arrays, strict=True)), named))

    def pullback(self, result: int) -> SubGraph:
        """From the operands and a cotangent of one result: a cotangent of each operand of floats."""
        key = ("pullback", result)
        if key not in self.variants:
            output = self.outputs[result]
            ct = _parameter(len(self.parameters), output.type)
            wrt = [p for p in self.parameters if p.dtype in INEXACT]
            from eqsat_tensor.autodiff import pullback  # with a derivative, not with every import

            backs = pullback([output], [ct], wrt)
            self.variants[key] = _graph(f"{self.name}_back", (*self.parameters, ct), backs)
        made: SubGraph = self.variants[key]
        return made


_graphs: WeakValueDictionary[str, SubGraph] = WeakValueDictionary()


def _parameter(number: int, type: TensorType) -> Expr:
    return apply(
        input_, name=f"p{number}", key=-(1 << 40) - number, dtype=type.dtype, shape=type.shape
    )


def _graph(
    name: str,
    parameters: Sequence[Expr],
    outputs: Sequence[Expr],
    vjp: Callable[..., Sequence[Any]] | None = None,
    checks: Sequence[tuple[Expr, str]] | None = None,
) -> SubGraph:
    """The graph of canonical parameters and outputs; equal graphs are one."""
    found = checks_of(outputs) if checks is None else checks
    every = (*outputs, *(e for e, _ in found))
    texts = tuple(t for _, t in found)
    digest = program_digest(every, parameters) + (f" {id(vjp)}" if vjp else "")
    key = f"{name} {digest} {texts}"
    known = _graphs.get(key)
    if known is None:
        known = _graphs[key] = SubGraph(name, tuple(parameters), every, texts, vjp, digest)
    return known


def graph_again(
    name: str,
    types: Sequence[TensorType],
    build: Callable[[Sequence[Expr]], Sequence[Expr]],
    texts: Sequence[str],
) -> SubGraph:
    """A graph that was saved: ``build(parameters)`` gives its results and then its checks."""
    parameters = [_parameter(i, type) for i, type in enumerate(types)]
    every = build(parameters)
    values = len(every) - len(texts)
    checks = list(zip(every[values:], texts, strict=True))
    return _graph(name, parameters, every[:values], None, checks)


@dataclass(frozen=True)
class _Body:
    """A traced function: fresh leaves of the operands given, what it closes over, its results."""

    leaves: tuple[Expr, ...]
    closed: tuple[Expr, ...]
    outputs: tuple[Expr, ...]
    tree: Tree


def _traced(function: Callable[..., Any], tree: Tree, operands: Sequence[Expr]) -> _Body:
    start = next_serial()
    leaves = tuple(input_leaf(f"operand{i}", e.dtype, e.shape) for i, e in enumerate(operands))
    result = function(*unflatten(tree, [Tensor(leaf) for leaf in leaves]))
    values, out_tree = flatten(result)
    outputs = tuple(as_expr(v) for v in values)
    return _Body(leaves, tuple(closed_over(outputs, leaves, start)), outputs, out_tree)


def _canonical(
    bodies: Sequence[_Body], operands: Sequence[Expr]
) -> tuple[list[Expr], list[list[Expr]], list[Expr], tuple[Size, ...]]:
    """All operands, each body's outputs on canonical parameters, these, and the sizes s0, s1, ..."""
    closed = list(dict.fromkeys(e for body in bodies for e in body.closed))
    every = [*operands, *closed]
    names = list(
        dict.fromkeys(
            name
            for body in bodies
            for node in topological([*body.leaves, *body.closed, *body.outputs])
            for size in _sizes_in(node)
            for name in sorted(symbols_of(size))
        )
    )
    lowers = _lower_bounds(every)
    renamed: dict[str, Size] = {n: symbol(f"s{k}", lowers.get(n, 0)) for k, n in enumerate(names)}
    outputs = []
    parameters: list[Expr] = []
    for body in bodies:
        leaves = [*body.leaves, *closed]
        stand_ins = [input_leaf("stand_in", e.dtype, e.shape) for e in leaves]
        opened = replaced(body.outputs, dict(zip(leaves, stand_ins, strict=True)))
        both = substitute_sizes([*opened, *stand_ins], renamed)
        news = both[len(opened) :]
        parameters = [_parameter(i, leaf.type) for i, leaf in enumerate(news)]
        outputs.append(replaced(both[: len(opened)], dict(zip(news, parameters, strict=True))))
    return every, outputs, parameters, tuple(symbol(n, lowers.get(n, 0)) for n in names)


def _sizes_in(node: Expr) -> list[Size]:
    found = list(node.shape)
    for kind, value in zip(node.op.attributes.values(), node.attributes, strict=True):
        if kind in (Attribute.SHAPE, Attribute.SIZES):
            found += value
    return found


def _lower_bounds(operands: Sequence[Expr]) -> dict[str, int]:
    """What is known of each symbol from below."""
    lowers: dict[str, int] = {}
    for node in topological(operands):
        for size in node.shape:
            if not isinstance(size, int):
                for monomial, _ in size.terms:
                    for atom in monomial:
                        if hasattr(atom, "lower"):
                            lowers[atom.name] = max(atom.lower, lowers.get(atom.name, 0))
    return lowers


# ------------------------------------------------------------------------------------------- ops
def _result_type(*_: TensorType, dtype: np.dtype, shape: Any, **__: Any) -> TensorType:
    return TensorType(dtype, tuple(shape))


def _inside(graph: SubGraph, size: Size, sizes: Sequence[Size]) -> Size:
    return substitute(size, {f"s{k}": s for k, s in enumerate(sizes)})


def _guards(graph: SubGraph, sizes: Sequence[Size]) -> list[Guard]:
    found = []
    for guard in graph.guards:
        left, right = (_inside(graph, s, sizes) for s in (guard.left, guard.right))
        if not (isinstance(left, int) and isinstance(right, int) and guard.holds({})):
            found.append(Guard(guard.relation, left, right, guard.text))
    return found


def _call(graph: SubGraph, sizes: Sequence[Size], operands: Sequence[Expr], result: int) -> Expr:
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
        results = [_call(graph, sizes, operands, k) for k in range(graph.values)]
        zeros = [constant(0, r.dtype, r.shape) for r in results]
        cts = [ct if k == result else z for k, z in enumerate(zeros)]
        given = graph.vjp(*(list(map(Tensor, part)) for part in (cts, results, operands)))
        return [None if g is None else as_expr(g) for g in given]
    back = graph.pullback(result)
    for k, i in enumerate(floats):
        found[i] = _call(back, sizes, (*operands, ct), k)
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
        (_call(node["graph"], node["sizes"], node.arguments, node["graph"].values + k), text)
        for k, text in enumerate(node["graph"].texts)
        if node["result"] < node["graph"].values
    ],
    vjp=_call_vjp, batch=_batched("call"), ulps=0.0,
    doc="A result of a graph on its operands; compiled once however often it is used.",
)  # fmt: skip


def _cond(
    graph: SubGraph, other: SubGraph, sizes: Sequence[Size], operands: Sequence[Expr], result: int
) -> Expr:
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
    backs = _same_checks(graph.pullback(result), other.pullback(result))
    found: list[Expr | None] = [None] * len(operands)
    floats = [i for i, p in enumerate(graph.parameters) if p.dtype in INEXACT]
    for k, i in enumerate(floats):
        found[i + 1] = _cond(*backs, sizes, (condition, *rest, ct), k)
    return found


def _same_checks(graph: SubGraph, other: SubGraph) -> tuple[SubGraph, SubGraph]:
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
        made.append(_graph(one.name, one.parameters, outputs, one.vjp, checks))
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
        (_cond(node["graph"], node["other"], node["sizes"], node.arguments, node["graph"].values + k), text)
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
    token: str = field(default_factory=lambda: secrets.token_hex(8))

    def __repr__(self) -> str:
        return f"<{self.name} {self.token}>"  # never the same in another process

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
    outs = [_wrap(callback, results, operands, k) for k in range(callback.count)]
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
class _Types:
    """The types of all results of a callback."""

    types: tuple[TensorType, ...]


def _wrap(callback: Callback, results: _Types, operands: Sequence[Expr], result: int) -> Expr:
    type = results.types[result]
    return wrap_op(
        *operands, callback=callback, results=results, result=result, dtype=type.dtype,
        shape=type.shape,
    )  # fmt: skip


def _checked(callback: Callback, arrays: Sequence[Any], results: _Types) -> tuple[Any, ...]:
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


# ---------------------------------------------------------------------------------------- public
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
        body = _traced(bound, tree, operands)
        every, outputs, parameters, sizes = _canonical([body], operands)
        own = None
        if vjp is not None:
            extra = len(every) - len(operands)

            def own(cts: Any, results: Any, given: Any) -> list[Any]:
                kept = list(given[: len(given) - extra] if extra else given)
                return [*vjp(cts, results, kept), *[None] * extra]

            own = _remembered(use, own, extra)
        graph = _graph(name, parameters, outputs[0], own)
        made = [Tensor(_call(graph, sizes, every, k)) for k in range(graph.values)]
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
    values, tree = flatten(operands)
    if not is_traced(condition):
        return then(*operands) if condition else otherwise(*operands)
    test = as_expr(condition)
    if test.shape != ():
        hint = "Use where(condition, a, b) for one choice an element."
        raise ShapeError(message("cond", "a 0-d condition", f"condition: {test.type}", hint))
    given = [as_expr(v) for v in values]
    bodies = [_traced(f, tree, given) for f in (then, otherwise)]
    if bodies[0].tree != bodies[1].tree:
        raise ArgumentError(message("cond", "branches with results of one form", "two forms"))
    for a, b in zip(bodies[0].outputs, bodies[1].outputs, strict=True):
        if a.type != b.type:
            error = DtypeError if a.dtype != b.dtype else ShapeError
            needs = "branches with results of the same dtype and shape"
            raise error(message("cond", needs, f"{a.type} and {b.type}", "Cast or broadcast one."))
    every, outputs, parameters, sizes = _canonical(bodies, given)
    graph, other = _same_checks(
        _graph("then", parameters, outputs[0]), _graph("otherwise", parameters, outputs[1])
    )
    operands_of_all = [cast_to(test, BOOL), *every]
    made = [Tensor(_cond(graph, other, sizes, operands_of_all, k)) for k in range(graph.values)]
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
        results = _all_types(types)
        exprs = [t.expr for t in tensors]
        made = [Tensor(_wrap(callback(len(types)), results, exprs, k)) for k in range(len(types))]
        return tuple(made) if several else made[0]

    return use


@functools.lru_cache(maxsize=4096)
def _all_types(types: tuple[TensorType, ...]) -> _Types:
    return _Types(types)


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
