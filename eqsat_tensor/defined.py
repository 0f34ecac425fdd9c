"""`et.define`: an elementwise op of the user's own, for rules to speak of.

    softsign = et.define("softsign", lambda x: x / (1 + et.abs(x)))     # Softsign in rule files

The body is traced once, on numbers; its NumPy meaning, its scalar body, its expansion, its error bound
and its derivative all follow from that trace, and the trace is plain data: rules about the op can be
verified in another process, which knows nothing of the user's module.
"""

from __future__ import annotations

import functools
import inspect
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from eqsat_tensor.codec import plain_graph, rich_graph
from eqsat_tensor.errors import ArgumentError, DtypeError, message
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import FLOAT64, FLOATS, OPS, Expr, OpDef, rewrite, topological
from eqsat_tensor.lang import define as enter
from eqsat_tensor.namespace.operands import broadcast_together, common_dtype, converted, show_all
from eqsat_tensor.ops.captured import input_leaf
from eqsat_tensor.ops.compare import cast_to
from eqsat_tensor.ops.leaf import constant
from eqsat_tensor.ops.movement import broadcast_to
from eqsat_tensor.rules.signature import DTYPE_NAMES, ENGINE_NAMES, VALUES
from eqsat_tensor.rules.vocabulary import SORTS
from eqsat_tensor.scalar import NumpyBuilder
from eqsat_tensor.tensor import Tensor, as_expr, holds_traced, is_operand

MOST = 5  # operands
TAKEN = {*SORTS, *VALUES, *DTYPE_NAMES.values(), *ENGINE_NAMES.values(), "Tensor", "Node"}
SAMPLES = (-2.5, -0.5, 0.25, 0.75, 3.0)  # where a NumPy meaning is compared with the body
CLOSE = 1e-6

_given: dict[str, tuple[Any, Any]] = {}  # by name: the user's own NumPy meaning and derivative


def define(
    name: str,
    body: Callable[..., Any],
    numpy: Callable[..., Any] | None = None,
    vjp: Callable[..., Any] | None = None,
    doc: str = "",
) -> Callable[..., Any]:
    """A new elementwise op of floats, and the function that applies it to arrays and tensors.

    name   lower case with underscores; in rule files it is CamelCase: ``soft_sign`` is ``SoftSign``.
    body   a function of one to five tensors, of elementwise functions of eqsat_tensor and of numbers
           alone; it is traced once, here.
    numpy  the meaning, on arrays of one dtype and shape, for calls outside traced code and for the
           reference evaluator; by default the body in NumPy.
    vjp    ``vjp(ct, out, *operands)`` on tensors: the operands' cotangents (a tuple; None for
           zero); by default the derivative of the body.
    Operands are broadcast and promoted as in NumPy; integers and bools become float64.  To define
    the same op again is to get it again.  Raises ArgumentError for a body or a name that will not do.
    """
    graph, leaves = _traced(name, body)
    definition = json.dumps([name, plain_graph([graph], leaves)], sort_keys=True)
    known = OPS.get(name)
    if known is not None:
        same = known.definition == definition and _alike(_given[name], (numpy, vjp))
        if not same:
            hint = "An op stays as it is as long as the process lives."
            raise ArgumentError(message("define", "a name that no other op has", name, hint))
        return _function(known)
    if re.fullmatch("[a-z][a-z0-9]*(_[a-z0-9]+)*", name) is None or _constructor(name) in TAKEN:
        needs = "a name in lower case with underscores that rule files do not use"
        raise ArgumentError(message("define", needs, repr(name)))
    if numpy is not None:
        _compare(name, numpy, graph, leaves)
    _given[name] = (numpy, vjp)
    return _function(_entered(name, graph, leaves, definition, numpy, vjp, doc))


def define_again(definition: str) -> OpDef:
    """The op of another process, by its definition."""
    name, data = json.loads(definition)
    leaves = _leaves(len(data["leaves"]))
    return _entered(name, rich_graph(data, leaves)[0], leaves, definition, None, None, "")


# -------------------------------------------------------------------------------------- the body
def _leaves(count: int) -> list[Expr]:
    return [input_leaf(f"x{k}", FLOAT64, ()) for k in range(count)]


def _traced(name: str, body: Callable[..., Any]) -> tuple[Expr, list[Expr]]:
    """The body on 0-d float64, in ops that have a scalar body each."""
    count = len(inspect.signature(body).parameters)
    if not 1 <= count <= MOST:
        raise ArgumentError(
            message("define", f"a body of 1 to {MOST} operands", f"{name} of {count}")
        )
    leaves = _leaves(count)
    made = as_expr(body(*(Tensor(leaf) for leaf in leaves)))
    if made.type != leaves[0].type:
        needs = "a body that makes a float of floats, element by element"
        raise ArgumentError(message("define", needs, f"{name}: {made.type}"))

    def expanded(node: Expr, operands: tuple[Expr, ...]) -> Expr:
        new = node if operands == node.arguments else node.rebuilt(operands)
        if new.op.kind is Kind.COMPOSITE and new.op.expand is not None:
            return rewrite([new.op.expand(*operands, **new.named)], expanded)[0]
        return new

    (made,) = rewrite([made], expanded)
    for node in topological([made]):
        plain = node.op.kind is Kind.ELEMENTWISE and not node.op.attributes
        number = node.op.name == "full" and node.dtype == FLOAT64
        if not (node in leaves or plain or number):
            needs = "a body of elementwise functions, floats and its operands"
            raise ArgumentError(message("define", needs, f"{name}: {node.op.name} of {node.type}"))
    return made, leaves


def _run(graph: Expr, leaves: Sequence[Expr], s: Any, operands: Sequence[Any]) -> Any:
    """The body under a builder of scalar code."""
    values = dict(zip(leaves, operands, strict=True))
    for node in topological([graph]):
        if node in values:
            continue
        if node.op.name == "full":
            values[node] = s.constant(node["value"].value, operands[0])
        else:
            values[node] = node.op.body(s, *(values[a] for a in node.arguments))
    return values[graph]


def _entered(
    name: str, graph: Expr, leaves: Sequence[Expr], definition: str,
    numpy: Callable[..., Any] | None, vjp: Callable[..., Any] | None, doc: str,
) -> OpDef:  # fmt: skip
    def scalar(s: Any, *operands: Any) -> Any:
        return _run(graph, leaves, s, operands)

    def meaning(*arrays: Any) -> Any:
        with np.errstate(all="ignore"):
            return np.asarray(scalar(NumpyBuilder(), *arrays))

    def expand(*operands: Expr) -> Expr:
        first = operands[0]
        table = dict(zip(leaves, operands, strict=True))

        def change(node: Expr, arguments: tuple[Expr, ...]) -> Expr:
            if node in table:
                return table[node]
            if node.op.name == "full":
                return constant(node["value"].value, first.dtype, first.shape)
            return node.op(*arguments)

        return rewrite([graph], change)[0]

    return enter(
        name, Kind.ELEMENTWISE, arity=len(leaves), numpy=numpy or meaning, dtypes=FLOATS,
        scalar=scalar, expand=expand, vjp=None if vjp is None else _on_exprs(vjp), ulps=8,
        definition=definition, doc=doc or f"{name}, as the user defined it.",
    )  # fmt: skip


def _on_exprs(vjp: Callable[..., Any]) -> Callable[..., Any]:
    """A derivative on tensors as one on expressions."""

    def call(ct: Expr, out: Expr, *operands: Expr) -> list[Expr | None]:
        given = vjp(*map(Tensor, (ct, out, *operands)))
        parts = given if isinstance(given, tuple | list) else (given,)
        exprs = [None if p is None else as_expr(p) for p in parts]
        return [
            None if e is None else broadcast_to(cast_to(e, x.dtype), x.shape)
            for e, x in zip(exprs, operands, strict=True)
        ]

    return call


def _compare(name: str, numpy: Callable[..., Any], graph: Expr, leaves: Sequence[Expr]) -> None:
    """ArgumentError where the NumPy meaning is not the body's."""
    points = [np.roll(np.array(SAMPLES), k) for k in range(len(leaves))]
    with np.errstate(all="ignore"):
        theirs = np.asarray(numpy(*points))
        ours = np.asarray(_run(graph, leaves, NumpyBuilder(), points))
        same = theirs.shape == ours.shape and theirs.dtype == ours.dtype
        wrong = ~np.isclose(theirs, ours, CLOSE, CLOSE, equal_nan=True) if same else True
    if np.any(wrong):
        where = int(np.argmax(wrong))
        at = ", ".join(repr(float(p[where])) for p in points)
        got = f"{theirs.flat[where]} and {ours.flat[where]} at {at}" if same else "another type"
        raise ArgumentError(
            message("define", "numpy and body to be one function", f"{name}: {got}")
        )


def _alike(known: tuple[Any, Any], given: tuple[Any, Any]) -> bool:
    """Are these functions the same code?"""
    return all(
        a is b or (_code(a) is not None and _code(a) == _code(b))
        for a, b in zip(known, given, strict=True)
    )


def _code(function: Any) -> Any:
    plain = inspect.isfunction(function) and function.__closure__ is None
    return function.__code__ if plain else None


def _constructor(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


# ---------------------------------------------------------------------------- what users call
@functools.cache
def _function(op: OpDef) -> Callable[..., Any]:
    def function(*operands: Any) -> Any:
        if len(operands) != op.arity:
            raise TypeError(f"{op.name}() takes {op.arity} operands, got {len(operands)}")
        if not all(map(is_operand, operands)):
            raise DtypeError(message(op.name, "arrays or numbers", show_all(operands)))
        dtype = common_dtype(op.name, operands)
        if dtype.kind == "c":
            hint = "Take real(z), imag(z) or abs(z) first."
            raise DtypeError(message(op.name, "real operands", show_all(operands), hint))
        dtype = dtype if dtype.kind == "f" else FLOAT64
        if not any(map(holds_traced, operands)):
            arrays = np.broadcast_arrays(*(np.asarray(x, dtype) for x in operands))
            return op.numpy(*arrays)[()]
        exprs = [converted(x, dtype) for x in operands]
        return Tensor(op(*broadcast_together(op.name, operands, exprs)))

    function.__name__ = function.__qualname__ = op.name
    function.__doc__ = op.doc
    return function
