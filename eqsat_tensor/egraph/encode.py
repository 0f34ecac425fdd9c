"""`Expr` -> rows and number tables for the engine (3 us a node).

    %0 = exp(x)   ->   row/small: 1 <exp> <type 0> 0 0 0      node, op, type, attribute, operands
                       (set (number/type 0) (Tensor (F32) (vec-of -1 784)))

Sizes: a number stands for itself, a symbolic size for -1 - its index in the sizes table, which
Python keeps.  So do the input leaves, texts and objects: the engine sees their numbers alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from eqsat_tensor.egraph.schema import SMALL, WIDE, codes, is_small
from eqsat_tensor.extents import Size, lower_bound
from eqsat_tensor.kinds import Attribute, Kind
from eqsat_tensor.lang import OPS, Expr, OpDef, topological
from eqsat_tensor.ops.assume import assume_op, facts_of
from eqsat_tensor.rules.signature import DTYPE_NAMES, ENGINE_NAMES, signature, text_number
from eqsat_tensor.types import Literal, TensorType

MAX_I64 = 2**63 - 1
CAPTURED = "as the array's values are"


@dataclass(frozen=True)
class Assumption:
    """One fact that an `assume` says of program node ``node``; ``place``: the user's ``file:line``, or
    "" where it comes of the values of an array."""

    node: int
    name: str
    bound: float | None
    place: str

    def __str__(self) -> str:
        number = "" if self.bound is None else f" {self.bound:g}"
        return f"{self.name}{number}, " + (f"assumed at {self.place}" if self.place else CAPTURED)


@dataclass
class Encoder:
    """Rows and tables of one program; more rows may be added by `add` (proposals)."""

    sizes: list[Size] = field(default_factory=list)
    objects: list[Any] = field(default_factory=list)
    nodes: int = 0
    ops: set[str] = field(default_factory=set)
    places: dict[int, tuple[str, int]] = field(default_factory=dict)
    assumptions: Collection[Assumption] | None = None  # those to enter; None: all
    assumed: list[Assumption] = field(default_factory=list)
    _size_ids: dict[Size, int] = field(default_factory=dict)
    _object_ids: dict[Any, int] = field(default_factory=dict)
    _types: dict[TensorType, int] = field(default_factory=dict)
    _vectors: dict[tuple[str, tuple[int, ...]], int] = field(default_factory=dict)
    _values: dict[Literal, int] = field(default_factory=dict)
    _small: list[str] = field(default_factory=list)
    _wide: list[str] = field(default_factory=list)
    _equal: list[str] = field(default_factory=list)
    _commands: list[str] = field(default_factory=list)
    _positive: set[int] = field(default_factory=set)
    _codes: dict[str, int] = field(default_factory=codes)

    def program(self, outputs: Sequence[Expr]) -> tuple[int, ...]:
        """Enter a program; the node numbers of its outputs."""
        ids: dict[Expr, int] = {}
        nodes = topological(outputs)
        for expr in nodes:
            operands = [ids[a] for a in expr.arguments]
            if expr.op is assume_op:
                ids[expr] = self.assume(operands[0], expr)
                continue
            ids[expr] = i = self.add(expr.op, expr.attributes, operands, expr.type)
            if expr.place is not None:
                self.places[i] = expr.place
        self._commands += [
            f"(is-asked-in-part (Node {ids[x]}))" for x in asked_in_part(nodes, outputs)
        ]
        return tuple(ids[o] for o in outputs)

    def assume(self, node: int, expr: Expr) -> int:
        """Enter what an `assume` says of its operand, which it is."""
        for name, bound in facts_of(expr):
            assumption = Assumption(node, name, bound, expr["place"])
            if self.assumptions is not None and assumption not in self.assumptions:
                continue
            self.assumed.append(assumption)
            self.ops.add(expr.op.name)
            fact = f"({name} (Node {node}))"
            self._commands.append(fact if bound is None else f"(set {fact} {bound!r})")
        return node

    def add(
        self, op: OpDef, attributes: tuple[Any, ...], operands: Sequence[int], type: TensorType
    ) -> int:
        """Enter one node; its number."""
        t = self._types.get(type)
        if t is None:
            t = self._new_type(type)
        if op.name == "input":
            parameters: list[int] = [self._object(attributes)]
        else:
            parameters = [encode(self, attributes[k]) for k, encode in _attribute_encoders(op.name)]
        i = self.nodes
        self.nodes += 1
        small = is_small_name(op.name)
        slots, places = SMALL if small else WIDE
        self.ops.add(op.name)
        row = [i, self._codes[op.name], t, *parameters]
        row += [0] * (slots - len(parameters))
        row += operands
        row += [0] * (places - len(operands))
        (self._small if small else self._wide).append("\t".join(map(str, row)))
        return i

    def equate(self, left: int, right: int, rule: int) -> None:
        """Say that two nodes are equal, by rule number ``rule``."""
        self._equal.append(f"{left}\t{right}\t{rule}")

    def take(self) -> tuple[list[str], dict[str, str]]:
        """Commands and rows (by table) entered since the last `take`."""
        commands = list(self._commands)
        tables = {
            name: "".join(f"{row}\t\n" for row in rows)
            for name, rows in (
                ("row/small", self._small), ("row/wide", self._wide), ("row/equal", self._equal)
            )
        }  # fmt: skip
        for entered in (self._commands, self._small, self._wide, self._equal):
            entered.clear()
        return commands, tables

    # ------------------------------------------------------------------------ number tables
    def size_id(self, size: Size) -> int:
        """The i64 that stands for a size."""
        if type(size) is int and 0 <= size <= MAX_I64:
            number = size
        else:
            known = self._size_ids.get(size)
            if known is not None:
                return known
            number = self._size_ids[size] = -1 - len(self.sizes)
            self.sizes.append(size)
        if number not in self._positive:
            low = lower_bound(size)
            if low is not None and low >= 1:
                self._positive.add(number)
                self._commands.append(f"(at-least-one {number})")
        return number

    def size_of(self, number: int) -> Size:
        """The size that an i64 stands for."""
        return number if number >= 0 else self.sizes[-1 - number]

    def _new_type(self, type: TensorType) -> int:
        sizes = tuple(map(self.size_id, type.shape))
        number = self._types[type] = len(self._types)
        self._commands.append(
            f"(set (number/type {number}) (Tensor ({DTYPE_NAMES[type.dtype]}) {_vector(sizes)}))"
        )
        return number

    def _object(self, value: Any) -> int:
        number = self._object_ids.setdefault(value, len(self._object_ids))
        if number == len(self.objects):
            self.objects.append(value)
        return number

    def _axes(self, value: tuple[int, ...]) -> int:
        return self._numbered("axes", value)

    def _sizes(self, value: tuple[Size, ...]) -> int:
        return self._numbered("sizes", tuple(map(self.size_id, value)))

    def _numbered(self, table: str, vector: tuple[int, ...]) -> int:
        key = (table, vector)
        number = self._vectors.get(key)
        if number is None:
            number = self._vectors[key] = len(self._vectors)
            self._commands.append(f"(set (number/{table} {number}) {_vector(vector)})")
        return number

    def _literal(self, value: Literal) -> int:
        number = self._values.get(value)
        if number is None:
            number = self._values[value] = len(self._values)
            self._commands.append(f"(set (number/value {number}) {value_text(value)})")
        return number


def asked_in_part(nodes: Sequence[Expr], outputs: Sequence[Expr]) -> list[Expr]:
    """Those of ``nodes``, operands first, of which the outputs need no more than slices: each of their
    uses is a slice, or elementwise in what itself is asked for in part.

    (exp(x) + y)[0]   ->   exp(x) + y, exp(x), and leaves that nothing else uses
    """
    if not any(n.op.name == "slice" for n in nodes):
        return []
    whole = set(outputs)
    for n in reversed(nodes):
        if n.op.name != "slice" and (n in whole or n.op.kind is not Kind.ELEMENTWISE):
            whole.update(n.arguments)
    return [n for n in nodes if n not in whole]


def _vector(items: Iterable[int]) -> str:
    text = " ".join(map(str, items))
    return f"(vec-of {text})" if text else "(vec-empty)"


def value_text(value: Literal) -> str:
    """A literal as a term of sort Value; never -0.0, NaN or an infinity as an f64."""
    number = value.value
    if value.dtype.kind == "b":
        return f"(B {int(number)})"
    if value.dtype.kind in "iu":
        return f"(I {number})" if number <= MAX_I64 else f"(Wide {int(number) - 2**64})"
    if math.isnan(number):
        return f"({ENGINE_NAMES['NaN']})"
    if math.isinf(number):
        return "(Inf)" if number > 0 else "(NegativeInf)"
    if number == 0:
        return "(NegativeZero)" if math.copysign(1, number) < 0 else "(F 0.0)"
    return f"(F {float(np.float64(number))!r})"


@cache
def is_small_name(name: str) -> bool:
    """`is_small` of the op called ``name``."""
    return is_small(OPS[name])


@cache
def _attribute_encoders(name: str) -> tuple[tuple[int, Callable[[Encoder, Any], int]], ...]:
    op = OPS[name]
    encoders: dict[Attribute, Callable[[Encoder, Any], int]] = {
        Attribute.INT: lambda _, value: int(value),
        Attribute.AXES: Encoder._axes,
        Attribute.SIZES: Encoder._sizes,
        Attribute.LITERAL: Encoder._literal,
        Attribute.TEXT: lambda _, value: text_number(value),
        Attribute.OBJECT: Encoder._object,
    }
    order = list(op.attributes)
    return tuple((order.index(n), encoders[op.attributes[n]]) for n in signature(op).attributes)
