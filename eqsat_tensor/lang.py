"""The language inside the compiler: `Expr`, a frozen hash-consed node, and `OpDef`, one record an op.

Equal expressions are one object, so ``is`` and hashing are structural.  What users hold is
`eqsat_tensor.tensor.Tensor`, which has identity and may be rebound; the two never mix.
Axes are non-negative, dtypes and broadcasts explicit: all operands of an elementwise op have
the same shape.  (`eqsat_tensor.tensor` promotes, broadcasts and counts negative axes.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from operator import attrgetter
from typing import Any
from weakref import KeyedRef, WeakValueDictionary

import numpy as np

from eqsat_tensor.errors import DtypeError, message, node_place, successor
from eqsat_tensor.extents import Guard, Size, substitute
from eqsat_tensor.kinds import Attribute, Kind
from eqsat_tensor.postorder import postorder
from eqsat_tensor.scalar import PRIMITIVES
from eqsat_tensor.types import ALL_DTYPES, DTYPES, Literal, TensorType

BOOLS, SIGNED, UNSIGNED, FLOATS = (
    tuple(dtype for dtype in DTYPES if dtype.kind == kind) for kind in "biuf"
)
(BOOL,) = BOOLS
INT8, INT16, INT32, INT64 = SIGNED
UINT8, UINT16, UINT32, UINT64 = UNSIGNED
FLOAT16, FLOAT32, FLOAT64 = FLOATS
INTS = SIGNED + UNSIGNED
NUMBERS = INTS + FLOATS
COMPLEXES = tuple(dtype for dtype in ALL_DTYPES if dtype.kind == "c")
COMPLEX64, COMPLEX128 = COMPLEXES
INEXACT = FLOATS + COMPLEXES
PART = {COMPLEX64: FLOAT32, COMPLEX128: FLOAT64}  # of a complex dtype: that of its parts
ANY_ARITY = -1
OF_ONE_RESULT = ("result", "shape", "dtype")


class Expr:
    """One value of a program: an op applied to operands and static attributes.

    ``arguments`` are expressions; ``attributes`` the values of ``op.attributes`` in its order;
    ``place`` is the user's file and line that made it first, for messages only; ``serial`` grows
    with every node that is made.
    """

    __slots__ = ("__weakref__", "arguments", "attributes", "op", "place", "serial", "type")

    op: OpDef
    arguments: tuple[Expr, ...]
    attributes: tuple[Any, ...]
    type: TensorType
    place: tuple[str, int] | None
    serial: int

    @property
    def shape(self) -> tuple[Size, ...]:
        return self.type.shape

    @property
    def dtype(self) -> np.dtype:
        return self.type.dtype

    @property
    def named(self) -> dict[str, Any]:
        """The attributes by name."""
        return dict(zip(self.op.attributes, self.attributes, strict=True))

    def __getitem__(self, name: str) -> Any:
        """The attribute called ``name``."""
        return self.attributes[list(self.op.attributes).index(name)]

    def rebuilt(self, arguments: Sequence[Expr]) -> Expr:
        """The same op and attributes on other operands."""
        key = (self.op.name, tuple(arguments), self.attributes)
        found = _known(key)
        return _made(self.op, key, self.named) if found is None else found

    def on(self, arguments: tuple[Expr, ...], place: tuple[str, int] | None) -> Expr:
        """The same op and attributes on operands of the same types; ``place``: where a new node stands."""
        key = (self.op.name, arguments, self.attributes)
        found = _known(key)
        if found is not None:
            return found
        node = Expr()
        node.op, node.arguments, node.attributes = self.op, arguments, self.attributes
        node.type, node.place, node.serial = self.type, place, next_serial()
        return _entered(key, node)

    def __repr__(self) -> str:
        return text([self])


Vjp = Callable[..., Sequence[Expr | None]]
Jvp = Callable[..., "Expr | None"]
Batch = Callable[["Expr", Sequence["Expr"], Size], "Expr"]


@dataclass(frozen=True, eq=False)
class OpDef:
    """All that is known of one op; adding an op is adding one of these (`define`).

    name        snake_case; the e-graph's constructor is its CamelCase.
    kind        what rooms may assume (`Kind`).
    arity       number of operands; `ANY_ARITY`: as many as a node has.
    numpy       the meaning: ``numpy(*arrays, **attributes)``, sizes given as ints.
    infer       ``infer(*types, **attributes) -> TensorType``.
    attributes  static parameters in order, and how each is encoded.
    dtypes      dtypes that the first operand may have; complex ones beside: `takes_complex`.
    ufunc       the NumPy ufunc whose promotion the public function follows (elementwise ops).
    scalar      scalar body ``scalar(s, *operands)``; None where the primitive bears the op's name.
    vjp         ``vjp(ct, out, *arguments, **attributes)``: one cotangent (or None: it is zero) an
                operand, all of them expressions.
    refused     operands that have no derivative here: their numbers, and why, for the GradientError.
    jvp         ``jvp(tangents, out, *arguments, **attributes)``: the tangent of the result, from one
                an operand; None is a zero tangent.  Without it forward mode follows from the rest.
    batch       ``batch(node, operands, size)``: the node for operands that all have one more axis, of
                ``size``, in front.  Without it `batching.rules` goes by the kind.
    expand      of a composite: ``expand(*arguments, **attributes) -> Expr`` in simpler ops.
    real        as ``expand``, over the real numbers, where that speaks of floats.
    guards      size conditions that the entry must check, given the node.
    checks      0-d bool expressions that must come out true at run time, each with the text of the
                error (`errors.failed_check`), given the node.
    all_checks  ``all_checks(nodes)``: as `checks`, for all nodes of the op in a program at once.
    commutative, linear   linear: a linear map of its operands together.
    resized     ``resized(*arguments, **attributes)``: makes the node again where sizes were replaced,
                for an op that is another one for some sizes.
    results     of a library op with several results: all of them, a tuple, from what ``numpy``
                takes without the attributes `OF_ONE_RESULT`, which are those of a node's result.
    flops       of a library op that computes: ``flops(*shapes)``, its multiplications and additions, for
                the operands' shapes as numbers.
    ulps        declared maximal error of a correctly lowered op, in units in the last place.
    definition  of an op of `et.define`: all that it is, as text; part of every digest of a program
                that uses it, since another program may give its name to another op.
    """

    name: str
    kind: Kind
    arity: int
    numpy: Callable[..., Any]
    infer: Callable[..., TensorType]
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    dtypes: tuple[np.dtype, ...] = DTYPES
    ufunc: np.ufunc | None = None
    scalar: Callable[..., Any] | None = None
    vjp: Vjp | None = None
    refused: Mapping[int, str] = field(default_factory=dict)
    jvp: Jvp | None = None
    batch: Batch | None = None
    expand: Callable[..., Expr] | None = None
    real: Callable[..., Expr] | None = None
    guards: Callable[[Expr], Sequence[Guard]] | None = None
    checks: Callable[[Expr], Sequence[tuple[Expr, str]]] | None = None
    all_checks: Callable[[Sequence[Expr]], Sequence[tuple[Expr, str]]] | None = None
    commutative: bool = False
    linear: bool = False
    resized: Callable[..., Expr] | None = None
    results: Callable[..., tuple[Any, ...]] | None = None
    flops: Callable[..., float] | None = None
    ulps: float = 0.5
    definition: str = ""
    doc: str = ""

    @cached_property
    def constructor(self) -> str:
        """The op's name in rule files: ``log_softmax`` is ``LogSoftmax``."""
        return "".join(part.capitalize() for part in self.name.split("_"))

    def body(self, s: Any, *operands: Any) -> Any:
        """The scalar body under builder ``s``."""
        if self.scalar is not None:
            return self.scalar(s, *operands)
        return s.apply(self.name, *operands)

    def __call__(self, *arguments: Expr, **attributes: Any) -> Expr:
        return apply(self, *arguments, **attributes)

    def __repr__(self) -> str:
        return f"<op {self.name}>"


OPS: dict[str, OpDef] = {}
# How ops act on complex operands, by name: from their parts to the result's (`complexes` fills it).
COMPLEX_RULES: dict[str, Callable[..., Any]] = {}
_TABLE: WeakValueDictionary[tuple[Any, ...], Expr] = WeakValueDictionary()
next_serial = count().__next__


def _known(key: tuple[Any, ...]) -> Expr | None:
    """The node that lives under a key: as ``_TABLE.get``, which raises and catches where there is none."""
    reference = _TABLE.data.get(key)  # type: ignore[attr-defined]
    return None if reference is None else reference()


def _entered(key: tuple[Any, ...], node: Expr) -> Expr:
    """The node that lives under a key from now on: as ``_TABLE.setdefault``, which raises and catches, too."""
    reference = KeyedRef(node, _TABLE._remove, key)  # type: ignore[attr-defined]
    kept = _TABLE.data.setdefault(key, reference)  # type: ignore[attr-defined]
    if kept is not reference:  # of another thread; or of a node that is just going
        found: Expr | None = kept()
        if found is not None:
            return found
        _TABLE.data[key] = reference  # type: ignore[attr-defined]
    return node


def define(name: str, kind: Kind, **fields: Any) -> OpDef:
    """Make an op and enter it in `OPS`.  Fields as in `OpDef`; elementwise ops infer by themselves."""
    assert name not in OPS, name
    if kind is Kind.ELEMENTWISE:
        if "scalar" not in fields:
            assert name in PRIMITIVES, name
        result = fields.pop("result", "same")
        fields.setdefault("infer", _elementwise_type(name, fields.get("dtypes", DTYPES), result))
    fields.setdefault("real", fields.get("expand"))
    OPS[name] = OpDef(name=name, kind=kind, **fields)
    return OPS[name]


def _elementwise_type(
    name: str, dtypes: tuple[np.dtype, ...], result: str
) -> Callable[..., TensorType]:
    def infer(*types: TensorType) -> TensorType:
        first = types[0]
        for t in types:
            assert t is first or t == first, (name, types)
        assert first.dtype in dtypes or first.dtype in COMPLEXES, (name, types)
        return first.with_dtype(BOOL) if result == "bool" else first

    return infer


def takes_complex(op: OpDef) -> bool:
    """May operands be complex?  By a rule, or because the op acts on both parts alike."""
    alike = op.linear or op.kind in (Kind.MOVEMENT, Kind.BARRIER) or op.arity == ANY_ARITY
    return alike or op.name in COMPLEX_RULES


def part_dtype(dtype: np.dtype) -> np.dtype:
    """The dtype of the parts of a complex one; any other as it is."""
    return PART.get(dtype, dtype)


def _refuse_complex(op: OpDef, types: Sequence[TensorType]) -> None:
    if not takes_complex(op):
        got = ", ".join(map(str, types))
        hint = "Take real(z), imag(z) or abs(z) first."
        raise DtypeError(message(op.name, "real operands", got, hint))


def apply(op: OpDef, *arguments: Expr, **attributes: Any) -> Expr:
    """The node of ``op`` on ``arguments``; an equal node that lives already is returned itself."""
    values = tuple([attributes[name] for name in op.attributes]) if attributes else ()
    assert len(values) == len(attributes) == len(op.attributes), (op, attributes)
    key = (op.name, arguments, values)
    found = _known(key)
    return _made(op, key, attributes) if found is None else found


def _made(op: OpDef, key: tuple[Any, ...], attributes: Mapping[str, Any]) -> Expr:
    """A new node, which will be known by its key: name of the op, operands, values of the attributes."""
    _, arguments, values = key
    assert len(arguments) == op.arity or op.arity == ANY_ARITY, (op, arguments)
    types = [a.type for a in arguments]
    for t in types:
        if t.dtype.kind == "c":
            _refuse_complex(op, types)
            break
    node = Expr()
    node.op, node.arguments, node.attributes = op, arguments, values
    node.type = op.infer(*types, **attributes)
    node.place, node.serial = node_place(), next_serial()
    return _entered(key, node)


_arguments_of: Callable[[Expr], tuple[Expr, ...]] = attrgetter("arguments")


def topological(
    outputs: Iterable[Expr], below: Callable[[Expr], tuple[Expr, ...]] = _arguments_of
) -> list[Expr]:
    """Every node that the outputs need, operands before users, each once; any depth.

    below: what a node needs, if not its arguments.
    """
    return postorder(outputs, below)


def rewrite(
    outputs: Sequence[Expr], change: Callable[[Expr, tuple[Expr, ...]], Expr]
) -> list[Expr]:
    """Rebuild bottom-up: ``change(node, new arguments)`` gives each node's successor.

    What it makes stands in the node's own place.
    """
    new: dict[Expr, Expr] = {}
    outer = successor.place
    try:
        for node in topological(outputs):
            successor.place = outer or node.place
            new[node] = change(node, tuple([new[a] for a in node.arguments]))
    finally:
        successor.place = outer
    return [new[o] for o in outputs]


def replaced(outputs: Sequence[Expr], table: Mapping[Expr, Expr]) -> list[Expr]:
    """The same expressions with some nodes replaced."""

    def change(node: Expr, operands: tuple[Expr, ...]) -> Expr:
        if node in table:
            return table[node]
        return node if operands == node.arguments else node.rebuilt(operands)

    return rewrite(outputs, change)


def substitute_sizes(outputs: Sequence[Expr], values: Mapping[str, Size]) -> list[Expr]:
    """The same program with size symbols replaced by name."""
    known: dict[tuple[Size, ...], tuple[Size, ...]] = {}  # most nodes share their shapes

    def replaced(kind: Attribute, value: Any) -> Any:
        if kind not in (Attribute.SHAPE, Attribute.SIZES):
            return value
        if value not in known:
            known[value] = tuple([substitute(size, values) for size in value])
        return known[value]

    def change(node: Expr, arguments: tuple[Expr, ...]) -> Expr:
        again = node.op.resized
        if not node.attributes and not again:
            return node if arguments == node.arguments else node.rebuilt(arguments)
        attributes = {
            name: replaced(kind, value)
            for (name, kind), value in zip(node.op.attributes.items(), node.attributes, strict=True)
        }
        return (
            again(*arguments, **attributes) if again else apply(node.op, *arguments, **attributes)
        )

    return rewrite(outputs, change)


def text(outputs: Sequence[Expr]) -> str:
    """The program as one assignment a line, ``%2 = add(%0, %1) : f32[n]``; leaves stand in place."""
    names = line_names(outputs)

    def shown(node: Expr) -> str:
        return names.get(node) or leaf_text(node)

    lines = []
    for node, name in names.items():
        arguments = [shown(a) for a in node.arguments]
        arguments += [f"{k}={_show(v)}" for k, v in node.named.items()]
        lines.append(f"{name} = {node.op.name}({', '.join(arguments)}) : {node.type}")
    lines.append("return " + ", ".join(map(shown, outputs)))
    return "\n".join(lines)


def line_names(outputs: Sequence[Expr]) -> dict[Expr, str]:
    """What each node but the leaves is called in `text`: ``%0``, ``%1``, ..."""
    nodes = [n for n in topological(outputs) if n.arguments]
    return {node: f"%{i}" for i, node in enumerate(nodes)}


def leaf_text(node: Expr) -> str:
    """What a leaf is in `text`."""
    if node.op.name in ("iota", "size"):
        return f"{node.op.name}({_show(node.attributes[0])})"
    return _show(node.attributes[0])


def _show(value: Any) -> str:
    if isinstance(value, tuple):
        return "(" + ", ".join(map(str, value)) + ")"
    if isinstance(value, Literal | np.dtype):
        return str(value)
    return str(value)
