"""Rows of the engine -> `Graph`, attributes decoded to the values that `Expr` holds; the alarm for
constants: one class with two constants that differ by more than rounding is a wrong union."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from eqsat_tensor.egraph.encode import Encoder
from eqsat_tensor.egraph.engine import Engine, EngineError, Numbers, Table
from eqsat_tensor.egraph.graph import Graph, Node
from eqsat_tensor.errors import EqsatError
from eqsat_tensor.kinds import Attribute
from eqsat_tensor.lang import OPS, OpDef
from eqsat_tensor.rules.book import Relation
from eqsat_tensor.rules.signature import (
    DTYPE_NAMES,
    ENGINE_NAMES,
    VALUES,
    signature,
    text_of,
)
from eqsat_tensor.types import Literal, TensorType, literal

ULPS = 64  # constants of one class may differ by so many units in the last place
OUTSIDE = {"NegativeZero": -0.0, "NaN": math.nan, "Inf": math.inf, "NegativeInf": -math.inf}


@dataclass(frozen=True)
class Frozen:
    """A graph, and for each class the number of a program node in it (proposals refer to those)."""

    graph: Graph
    handles: Mapping[int, int]


def freeze(
    engine: Engine,
    encoder: Encoder,
    roots: Sequence[int],
    names: Sequence[str],
    fired: Mapping[str, int],
    facts: Mapping[str, Relation],
) -> Frozen:
    """Read the engine's tables.  ``names`` are rules by number, ``fired`` their matches; ``facts``
    the relations to read besides.

    EngineError where two constants of one class contradict each other.
    """
    ops = [op for op in OPS.values() if engine.has(op.name)]
    wanted = [*support_tables(), *(op.constructor for op in ops), *facts]
    tables = engine.tables(dict.fromkeys(wanted))
    reader = _Reader(tables, encoder, ops)
    nodes = with_opposites(reader.nodes())
    count = reader.classes
    by_class: list[list[int]] = [[] for _ in range(count)]
    for i, node in enumerate(nodes):
        by_class[node.eclass].append(i)
    handles: dict[int, int] = {}
    places: dict[int, tuple[str, int]] = {}
    class_of: dict[int, int] = {}
    for arguments, result, _ in tables["Node"].rows:
        class_of[arguments[0]] = reader.classed[result]
    for i, c in sorted(class_of.items()):
        handles.setdefault(c, i)
        if i in encoder.places:
            places.setdefault(c, encoder.places[i])
    rules: dict[int, set[str]] = {}
    for arguments, _, _ in tables["fired"].rows:
        if arguments[0] in reader.classed:
            rules.setdefault(reader.classed[arguments[0]], set()).add(names[arguments[1]])
    _check_constants(nodes, by_class, rules)
    types = _complete(reader.types(), nodes)
    graph = Graph(
        nodes=tuple(nodes),
        types=tuple(types),
        roots=tuple(class_of[r] for r in roots),
        by_class=tuple(map(tuple, by_class)),
        rules={c: frozenset(s) for c, s in rules.items()},
        fired=dict(fired),
        places=places,
        facts={name: reader.facts(relation) for name, relation in facts.items()},
    )
    return Frozen(graph, handles)


def with_opposites(nodes: list[Node]) -> list[Node]:
    """``nodes``, where of a = -b and b = -a each says that the other subsumes it, with neither subsumed.

    -(-x) = x fires on both where both are there when it runs; only the costs tell which is the better.
    """
    subsumed = {
        (n.op, n.operands[0], n.eclass): k
        for k, n in enumerate(nodes)
        if n.subsumed and len(n.operands) == 1
    }
    for (op, operand, eclass), k in subsumed.items():
        if (op, eclass, operand) in subsumed:
            nodes[k] = replace(nodes[k], subsumed=False)
    return nodes


@lru_cache(maxsize=1)
def support_tables() -> tuple[str, ...]:
    """The tables beside those of ops: numbers of nodes, types, values, provenance."""
    values = (ENGINE_NAMES.get(name, name) for name in VALUES)
    return ("Node", "Tensor", *DTYPE_NAMES.values(), *values, "type", "fired")


def type_reader(tables: Mapping[str, Table], encoder: Encoder) -> dict[int, TensorType]:
    """The engine's number of a type -> the type."""
    dtypes = {tables[n].rows[0][1]: d for d, n in DTYPE_NAMES.items() if tables[n].rows}
    return {
        result: TensorType(dtypes[dtype], tuple(map(encoder.size_of, sizes)))
        for (dtype, sizes), result, _ in tables["Tensor"].rows
    }


class _Reader:
    """Turns the engine's numbers back into types, values and classes."""

    def __init__(self, tables: Mapping[str, Table], encoder: Encoder, ops: Sequence[OpDef]) -> None:
        self.tables = tables
        self.ops = ops
        self.encoder = encoder
        self.classed: dict[int, int] = {}  # the engine's number of a class -> ours
        self.type_of = type_reader(tables, encoder)
        self.value_of: dict[int, bool | int | float] = {}
        for name in VALUES:
            for arguments, result, _ in tables[ENGINE_NAMES.get(name, name)].rows:
                self.value_of[result] = arguments[0] if arguments else OUTSIDE[name]
                if name == "Wide":
                    self.value_of[result] += 2**64

    @property
    def classes(self) -> int:
        return len(self.classed)

    def nodes(self) -> list[Node]:
        """All nodes; classes are numbered in the order in which they appear."""
        nodes: list[Node] = []
        classed = Numbers()
        number = classed.__getitem__
        for op in self.ops:
            rows = self.tables[op.constructor].rows
            if not rows:
                continue
            sorts = signature(op).sorts
            first = len(sorts) - op.arity
            decode = self._decoder(op.name)
            for arguments, result, subsumed in rows:
                operands = tuple(map(number, arguments[first:]))
                eclass = number(result)
                attributes = decode(arguments) if first else ()
                nodes.append(Node(op.name, operands, attributes, subsumed, eclass))
        self.classed = dict(classed)
        return nodes

    def _decoder(self, name: str) -> Callable[[list[Any]], tuple[Any, ...]]:
        op, encoder = OPS[name], self.encoder
        if name == "input":
            return lambda arguments: encoder.objects[arguments[0]]
        sig = signature(op)
        place = {n: k for k, n in enumerate(sig.attributes)}
        type_at = len(sig.attributes)
        readers: list[Callable[[list[Any]], Any]] = []
        for attribute, kind in op.attributes.items():
            k = place.get(attribute, type_at)
            readers.append(self._attribute(kind, k, type_at))
        known: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        first = len(sig.sorts) - op.arity

        def decode(arguments: list[Any]) -> tuple[Any, ...]:
            key = tuple(arguments[:first])
            found = known.get(key)
            if found is None:
                found = known[key] = tuple([read(arguments) for read in readers])
            return found

        return decode

    def _attribute(self, kind: Attribute, k: int, type_at: int) -> Callable[[list[Any]], Any]:
        encoder = self.encoder
        match kind:
            case Attribute.SHAPE:
                return lambda a: self.type_of[a[k]].shape
            case Attribute.DTYPE:
                return lambda a: self.type_of[a[k]].dtype
            case Attribute.LITERAL:
                return lambda a: self._literal(self.value_of[a[k]], self.type_of[a[type_at]])
            case Attribute.SIZES:
                return lambda a: tuple(map(encoder.size_of, a[k]))
            case Attribute.TEXT:
                return lambda a: text_of(a[k])
            case Attribute.OBJECT:
                return lambda a: encoder.objects[a[k]]
            case _:
                return lambda a: a[k]

    def _literal(self, value: bool | int | float, type: TensorType) -> Literal:
        with np.errstate(all="ignore"):
            try:
                return literal(value, type.dtype)
            except (OverflowError, ValueError):
                raise EngineError(f"the constant {value} is no {type.dtype}") from None

    def facts(self, relation: Relation) -> dict[tuple[int, ...], Any]:
        """The rows of a relation that speak of classes which have nodes."""
        found: dict[tuple[int, ...], Any] = {}
        exprs = [sort == "Expr" for sort in relation.sorts]
        for arguments, value, _ in self.tables[relation.name].rows:
            flags = zip(arguments, exprs, strict=False)  # the last of a merged one is the value
            key = tuple(self.classed.get(a, -1) if is_expr else a for a, is_expr in flags)
            if not any(k == -1 for k, is_expr in zip(key, exprs, strict=False) if is_expr):
                found[key] = value if relation.merge else True
        return found

    def types(self) -> list[TensorType | None]:
        """The type of each class, as far as the engine knows it."""
        types: list[TensorType | None] = [None] * self.classes
        for arguments, result, _ in self.tables["type"].rows:
            c = self.classed.get(arguments[0])
            if c is not None:
                types[c] = self.type_of[result]
        return types


def _complete(types: list[TensorType | None], nodes: Sequence[Node]) -> list[TensorType | None]:
    """Types that the engine could not derive, by `infer`."""
    missing = [n for n in nodes if types[n.eclass] is None]
    before = -1
    while missing and len(missing) != before:
        before = len(missing)
        for n in missing:
            known = [t for c in n.operands if (t := types[c]) is not None]
            if types[n.eclass] is None and len(known) == len(n.operands):
                op = OPS[n.op]
                named = dict(zip(op.attributes, n.attributes, strict=True))
                try:
                    types[n.eclass] = op.infer(*known, **named)
                except (AssertionError, EqsatError) as e:
                    raise EngineError(f"a rule made an ill-typed {n.op}: {e}") from None
        missing = [n for n in missing if types[n.eclass] is None]
    return types


def _check_constants(
    nodes: Sequence[Node], by_class: Sequence[Sequence[int]], rules: Mapping[int, set[str]]
) -> None:
    """The alarm: the lowest and the highest constant of a class agree up to rounding."""
    for c, members in enumerate(by_class):
        if len(members) < 2:
            continue
        constants = [nodes[i].attributes for i in members if nodes[i].op == "full"]
        if len(constants) < 2:
            continue
        values = [v.value for a in constants for v in a if isinstance(v, Literal)]
        dtype = next(v.dtype for a in constants for v in a if isinstance(v, Literal))
        numbers = [v for v in values if not (isinstance(v, float) and not math.isfinite(v))]
        if not numbers:
            continue
        low, high = min(numbers), max(numbers)
        gap = high - low if dtype.kind != "b" else int(high) - int(low)
        room = 0.0
        if dtype.kind == "f":
            room = ULPS * float(np.finfo(dtype).eps) * max(abs(low), abs(high))
        if gap > room:
            guilty = ", ".join(sorted(rules.get(c, ()))) or "a rule on a part of it"
            raise EngineError(f"rules made {low!r} and {high!r} equal; they fired: {guilty}")
