"""Typed instances of a pattern: expressions that the pattern matches, with all sizes known.

A pattern is an S-expression (nested tuples).  It is built from the root down: the root's
type is drawn, every op proposes attributes and operand types that give it, and a variable becomes
an input leaf of the type that its place needs.  A variable met again must fit; where it does not,
the draw is given up (`Misfit`) and another seed tried.  Whether the pattern's conditions hold is
left to the engine: it either applies the rule to the instance or it does not.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eqsat_tensor.errors import EqsatError
from eqsat_tensor.kinds import Attribute, Kind
from eqsat_tensor.lang import (
    BOOL,
    FLOATS,
    INT64,
    OPS,
    Expr,
    OpDef,
    apply,
    rewrite,
    topological,
)
from eqsat_tensor.rules.signature import signature
from eqsat_tensor.types import DTYPES, Size, TensorType, literal, symbol
from eqsat_tensor.verify.conditions import (
    DTYPE_FORMS,
    KIND_FACTS,
    KNOWN_FACTS,
    Definitions,
    Misfit,
    Pattern,
    plausible,
    unfolded,
    value_of,
)
from eqsat_tensor.verify.cumulative import draw_attributes
from eqsat_tensor.verify.draw import Leaf
from eqsat_tensor.verify.proposals import CARRIERS, FINITE, PROPOSERS

SIZES = (2, 3, 1, 5, 0)
SIZE_WEIGHTS = (0.34, 0.3, 0.16, 0.12, 0.08)
PROPOSALS = 40  # tries an op has to meet operand types that are given already
OPERATORS = {op.constructor: op for op in OPS.values()}
NUMBER_FORMS = {"NegativeZero": -0.0, "NaN": float("nan"), "Inf": float("inf")} | {
    "NegativeInf": float("-inf")
}
# How often a dtype is drawn for a root.
WEIGHTS = {"float64": 0.36, "float32": 0.24, "float16": 0.06, "bool": 0.05, "int64": 0.1}
WEIGHTS |= {"int32": 0.05, "int16": 0.01, "int8": 0.04}
WEIGHTS |= {"uint64": 0.03, "uint32": 0.01, "uint16": 0.01, "uint8": 0.04}
ANY_DTYPE = DTYPES
ROOT_WEIGHTS = tuple(WEIGHTS[dtype.name] for dtype in ANY_DTYPE)
NAMED = 0.7  # how often the root has a dtype that the rule names, where it names some
RANK_WEIGHTS = (0.15, 0.33, 0.35, 0.13, 0.04)  # of ranks 0 to 4
SYMBOL_SIZE = 5  # sizes that are this become a symbol

_key = itertools.count(1 << 40)


@dataclass
class Instance:
    """One expression that a pattern may match, and its inputs.

    ``sizes``: what each size symbol is when values are drawn.  ``variables``: what the pattern's
    variables stand for where that is no leaf.
    """

    expr: Expr
    leaves: dict[Expr, Leaf] = field(default_factory=dict)
    variables: tuple[Expr, ...] = ()
    sizes: Mapping[str, Size] = field(default_factory=dict)


@dataclass
class Draw:
    """The state of one draw: what each variable stands for."""

    random: np.random.Generator
    equations: Mapping[str, Pattern]  # variable -> pattern that a premise says it is
    facts: Mapping[str, frozenset[str]]  # variable -> facts that premises want of it
    dtypes: Sequence[np.dtype[Any]]  # dtypes for places that leave it open
    kinds: Mapping[str, str] = field(default_factory=dict)  # variable -> kinds of its dtype
    bound: dict[str, Any] = field(default_factory=dict)
    leaves: dict[Expr, Leaf] = field(default_factory=dict)
    carried: list[Expr] = field(default_factory=list)  # values made to have facts

    # ------------------------------------------------------------------------------ drawing
    def size(self) -> int:
        return int(self.random.choice(SIZES, p=SIZE_WEIGHTS))

    def shape(self, rank: int) -> tuple[int, ...]:
        return tuple(self.size() for _ in range(rank))

    def dtype(self, allowed: Sequence[np.dtype[Any]]) -> np.dtype[Any]:
        usable = [d for d in self.dtypes if d in allowed] or list(allowed)
        weights = np.array([WEIGHTS[d.name] for d in usable])
        return usable[int(self.random.choice(len(usable), p=weights / weights.sum()))]

    def subset(self, rank: int) -> tuple[int, ...]:
        if rank == 0:
            raise Misfit("no axis")
        count = int(self.random.integers(1, rank + 1)) if self.random.random() < 0.4 else 1
        return tuple(sorted(int(a) for a in self.random.choice(rank, count, replace=False)))

    # ------------------------------------------------------------------------------- patterns
    def build(self, pattern: Pattern, wanted: TensorType) -> Expr:
        """An expression of type ``wanted`` that ``pattern`` matches."""
        if not isinstance(pattern, tuple):
            return self.atom(pattern, wanted)
        op = OPERATORS.get(pattern[0])
        if op is None:
            raise Misfit(f"{pattern[0]} is no op")
        names, operands = attribute_patterns(op, pattern[1:])
        for _ in range(PROPOSALS):
            given = {name: self.attribute(names[name], op, name) for name in names}
            given = {name: value for name, value in given.items() if value is not None}
            attributes, types = self.propose(op, wanted, given, operands)
            known = [self.known_type(p) for p in operands]
            if all(k is None or k == t for k, t in zip(known, types, strict=True)):
                break
        else:
            raise Misfit(f"{op.name} fits no operand given")
        self.bind_attributes(op, names, attributes, wanted)
        order = sorted(range(len(operands)), key=lambda i: known[i] is None)
        built: dict[int, Expr] = {}
        for i in order:
            built[i] = self.build(operands[i], types[i])
        if op.name in ("pick", "gather"):
            self.label(built[1], int(built[0].shape[attributes.get("axis", 0)]))
        result = apply(op, *(built[i] for i in range(len(operands))), **attributes)
        if result.type != wanted:
            raise Misfit(f"{result.type} is not {wanted}")
        return result

    def atom(self, name: str | int | float, wanted: TensorType) -> Expr:
        if isinstance(name, int | float):
            if isinstance(name, float) != (wanted.dtype.kind == "f"):
                raise Misfit("a number of another kind")
            if name < 0 and wanted.dtype.kind == "u":
                raise Misfit("a number below 0")
            return apply(OPS["full"], value=literal(name, wanted.dtype), shape=wanted.shape)
        if name in self.bound:
            found = self.bound[name]
            if not isinstance(found, Expr) or found.type != wanted:
                raise Misfit(f"{name} has another type")
            return found
        self.need(wanted.dtype.kind in self.kinds.get(name, wanted.dtype.kind))
        if name in self.equations:
            expr = self.build(self.equations[name], wanted)
        else:
            expr = self.with_facts(wanted, self.facts.get(name, frozenset()))
        self.bound[name] = expr
        return expr

    def leaf(self, wanted: TensorType) -> Expr:
        key = next(_key)
        expr = apply(
            OPS["input"], name=f"v{key % 1000}", key=key, dtype=wanted.dtype, shape=wanted.shape
        )
        self.leaves[expr] = Leaf(expr)
        return expr

    def with_facts(self, wanted: TensorType, facts: frozenset[str]) -> Expr:
        """A value of which the engine can derive ``facts`` by the fact rules; a leaf for none."""
        if wanted.dtype.kind != "f":
            self.need(facts <= FINITE)
            return self.leaf(wanted)
        if not facts:
            return self.leaf(wanted)
        makers = [make for provides, make in CARRIERS if facts <= provides]
        self.need(bool(makers))
        made = makers[int(self.random.integers(len(makers)))](self, wanted)
        self.carried.append(made)
        return made

    def label(self, expr: Expr, size: int) -> None:
        if size == 0:
            raise Misfit("an empty axis has no labels")
        for leaf in topological([expr]):
            if leaf in self.leaves:
                self.leaves[leaf] = Leaf(leaf, labels=size)

    def known_type(self, pattern: Pattern) -> TensorType | None:
        """The type of a pattern all of whose variables are bound; None where it is open."""
        found = self.known(pattern)
        return None if found is None else found.type

    def known(self, pattern: Pattern) -> Expr | None:
        if not isinstance(pattern, tuple):
            found = self.bound.get(pattern)
            return found if isinstance(found, Expr) else None
        op = OPERATORS.get(pattern[0])
        if op is None:
            return None
        names, operands = attribute_patterns(op, pattern[1:])
        arguments = [self.known(p) for p in operands]
        attributes: dict[str, Any] = {}
        for name in op.attributes:
            value = self.attribute(names[name], op, name)
            if value is None or op.name == "full":
                return None
            attributes[name] = value
        if any(a is None for a in arguments):
            return None
        try:
            return apply(op, *(a for a in arguments if a is not None), **attributes)
        except (AssertionError, ValueError, TypeError, IndexError) as error:
            raise Misfit(str(error)) from error

    # ------------------------------------------------------------------------------ attributes
    def attribute(self, pattern: Pattern, op: OpDef, name: str) -> Any:
        """The value that an attribute's pattern gives already, or None where it is open."""
        kind = op.attributes[name]
        if isinstance(pattern, int | float):
            return pattern
        if isinstance(pattern, str):
            value = self.bound.get(pattern)
            if isinstance(value, TensorType):
                return {Attribute.SHAPE: value.shape, Attribute.DTYPE: value.dtype}.get(kind)
            return value
        if pattern[0] in ("vec-of", "vec-empty", "vec-range"):
            return value_of(pattern, self.bound)
        if pattern[0] == "Tensor" and kind is Attribute.DTYPE and pattern[1][0] in DTYPE_FORMS:
            return DTYPE_FORMS[pattern[1][0]]
        if pattern[0] in NUMBER_FORMS:
            return NUMBER_FORMS[pattern[0]]
        if pattern[0] in ("F", "I", "B"):
            inner = pattern[1]
            return inner if isinstance(inner, int | float) else self.bound.get(inner)
        return None

    def bind_attributes(
        self, op: OpDef, names: Mapping[str, Pattern], values: Mapping[str, Any], wanted: TensorType
    ) -> None:
        for name, pattern in names.items():
            if isinstance(pattern, tuple) and pattern[0] in ("F", "I", "B"):
                if isinstance(pattern[1], str):
                    self.bound.setdefault(pattern[1], values[name].value)
                continue
            if not isinstance(pattern, str):
                continue
            kind = op.attributes[name]
            value = wanted if kind in (Attribute.SHAPE, Attribute.DTYPE) else values[name]
            if self.bound.setdefault(pattern, value) != value:
                raise Misfit(f"{pattern} is two things")

    # ------------------------------------------------------------------------------- proposals
    def propose(
        self, op: OpDef, wanted: TensorType, given: Mapping[str, Any], operands: Sequence[Pattern]
    ) -> tuple[dict[str, Any], list[TensorType]]:
        """Attributes of ``op`` and operand types that give ``wanted``."""
        special = PROPOSERS.get(op.name)
        if special is not None:
            return special(self, op, wanted, given, operands)
        if op.kind is Kind.ELEMENTWISE or (op.kind is Kind.COMPOSITE and not op.attributes):
            return {}, self.elementwise(op, wanted, operands)
        if op.name in ("softmax", "log_softmax"):
            self.need(wanted.dtype in FLOATS)
            return {"axes": given.get("axes") or self.subset(wanted.rank)}, [wanted]
        if "reverse" in op.attributes:
            self.need(wanted.rank > 0 and wanted.dtype in op.dtypes)
            return draw_attributes(self.random, wanted.rank, given), [wanted] * op.arity
        if "axes" in op.attributes and op.arity == 1:
            return self.reduction(op, wanted, given, operands)
        raise Misfit(f"no way to build {op.name}")

    def need(self, condition: bool) -> None:
        if not condition:
            raise Misfit("needs another type")

    def elementwise(
        self, op: OpDef, wanted: TensorType, operands: Sequence[Pattern]
    ) -> list[TensorType]:
        if op.name == "where":
            return [wanted.with_dtype(BOOL), wanted, wanted]
        probe = TensorType(op.dtypes[-1], ())
        boolean = op.infer(*[probe] * op.arity).dtype != probe.dtype or op.dtypes == (BOOL,)
        if boolean or len(op.dtypes) == 1:
            self.need(op.infer(*[probe] * op.arity).dtype == wanted.dtype)
            known = next((t for t in map(self.known_type, operands) if t is not None), None)
            dtype = known.dtype if known is not None else self.dtype(op.dtypes)
            return [wanted.with_dtype(dtype)] * op.arity
        self.need(wanted.dtype in op.dtypes)
        return [wanted] * op.arity

    def reduction(
        self, op: OpDef, wanted: TensorType, given: Mapping[str, Any], operands: Sequence[Pattern]
    ) -> tuple[dict[str, Any], list[TensorType]]:
        known = self.known_type(operands[0])
        if op.name in ("argmax", "argmin"):
            self.need(wanted.dtype == INT64)
            dtype = known.dtype if known else self.dtype([d for d in op.dtypes if d.kind != "b"])
        else:
            self.need(wanted.dtype in op.dtypes)
            dtype = wanted.dtype
        if known is not None and "axes" not in given:
            found = self.subset(known.rank)
            self.need(tuple(s for a, s in enumerate(known.shape) if a not in found) == wanted.shape)
            return {"axes": found}, [known]
        axes: tuple[int, ...] | None = given.get("axes")
        if axes is None:
            count = 2 if self.random.random() < 0.25 and op.name[:3] != "arg" else 1
            rank = wanted.rank + count
            axes = tuple(sorted(int(a) for a in self.random.choice(rank, count, replace=False)))
        self.need(not axes or max(axes) < wanted.rank + len(axes))
        shape = list(wanted.shape)
        for axis in axes:
            size = self.size()
            shape.insert(axis, size or (0 if op.name in ("sum", "prod", "any", "all") else 3))
        return {"axes": axes}, [TensorType(dtype, tuple(shape))]


def attribute_patterns(
    op: OpDef, arguments: Sequence[Pattern]
) -> tuple[dict[str, Pattern], Sequence[Pattern]]:
    """A constructor's arguments as attribute name -> pattern, and the operands.

    A shape and a dtype are carried together by one argument, the type.
    """
    sig = signature(op)
    plain = len(sig.attributes)
    names: dict[str, Pattern] = dict(zip(sig.attributes, arguments, strict=False))
    if sig.typed:
        for name, kind in op.attributes.items():
            if kind in (Attribute.SHAPE, Attribute.DTYPE):
                names[name] = arguments[plain]
    operands = arguments[plain + sig.typed :]
    if len(operands) != op.arity:
        raise Misfit(f"{op.name} takes {op.arity} operands")
    return names, operands


# -------------------------------------------------------------------------------------- rules
def draw_instance(
    pattern: Pattern,
    conditions: Sequence[Pattern],
    random: np.random.Generator,
    definitions: Definitions,
) -> Instance:
    """One instance of a pattern under conditions; `Misfit` where this draw does not come out.

    Conditions that say what a variable is, and facts wanted of it, shape the instance; the rest is
    for the engine to judge.
    """
    conditions = unfolded(conditions, definitions, random)
    equations: dict[str, Pattern] = {}
    facts: dict[str, set[str]] = {}
    kinds: dict[str, str] = {}
    for condition in conditions:
        if not isinstance(condition, tuple):
            continue
        if condition[0] == "=" and len(condition) == 3:
            for left, right in (condition[1:], condition[:0:-1]):
                if isinstance(left, str) and isinstance(right, tuple) and right[0] in OPERATORS:
                    equations[left] = right
        elif condition[0] in KNOWN_FACTS and isinstance(condition[1], str):
            facts.setdefault(condition[1], set()).add(condition[0])
        elif condition[0] in KIND_FACTS:
            kinds[condition[1]] = KIND_FACTS[condition[0]]
    wanted_facts = {name: frozenset(names) for name, names in facts.items()}
    draw = Draw(random, equations, wanted_facts, ANY_DTYPE, kinds)
    dtype = ANY_DTYPE[int(random.choice(len(ANY_DTYPE), p=ROOT_WEIGHTS))]
    named = dtypes_in((pattern, *conditions))
    if named and random.random() < NAMED:
        dtype = named[int(random.integers(len(named)))]
    rank = int(random.choice(len(RANK_WEIGHTS), p=RANK_WEIGHTS))
    expr = draw.build(pattern, TensorType(dtype, draw.shape(rank)))
    draw.bound["self"] = expr
    if not plausible(conditions, draw.bound):
        raise Misfit("a condition does not hold")
    variables = tuple(draw.carried)
    return Instance(expr, draw.leaves, variables)


def dtypes_in(term: Pattern) -> list[np.dtype[Any]]:
    """The dtypes that a pattern names, such as ``(F32)``."""
    found: dict[np.dtype[Any], None] = {}
    stack = [term]
    while stack:
        t = stack.pop()
        if isinstance(t, tuple):
            if len(t) == 1 and t[0] in DTYPE_FORMS:
                found[DTYPE_FORMS[t[0]]] = None
            stack.extend(reversed(t))
    return list(found)


def symbolic(instance: Instance) -> Instance | None:
    """The instance with a size symbol for one of its sizes; None where that does not come out.

    The engine sees the symbol, so that rules are tried as they are for sizes known at run time.
    """
    name = "n"
    size = symbol(name, 1)

    def changed(value: Size) -> Size:
        return size if value == SYMBOL_SIZE else value

    def change(node: Expr, operands: tuple[Expr, ...]) -> Expr:
        attributes = node.named
        for attribute, kind in node.op.attributes.items():
            if kind is Attribute.SHAPE:
                attributes[attribute] = tuple(map(changed, attributes[attribute]))
        new = apply(node.op, *operands, **attributes)
        if new.shape != tuple(map(changed, node.shape)):
            raise Misfit("a size of another origin")
        if node in instance.leaves:
            leaves[new] = Leaf(new, instance.leaves[node].labels)
        return new

    leaves: dict[Expr, Leaf] = {}
    try:
        expr, *variables = rewrite([instance.expr, *instance.variables], change)
    except (Misfit, AssertionError, EqsatError):
        return None
    if expr is instance.expr:
        return None
    return Instance(expr, leaves, tuple(variables), {name: SYMBOL_SIZE})
