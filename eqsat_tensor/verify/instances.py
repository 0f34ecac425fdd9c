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
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np

from eqsat_tensor.errors import EqsatError
from eqsat_tensor.extents import Size, symbol
from eqsat_tensor.kinds import Attribute, Kind
from eqsat_tensor.lang import (
    BOOL,
    FLOATS,
    INT64,
    INTS,
    OPS,
    Expr,
    OpDef,
    apply,
    rewrite,
    topological,
)
from eqsat_tensor.ops.assume import BOUNDS, MATRIX_FACTS, assume
from eqsat_tensor.rules.signature import signature
from eqsat_tensor.rules.syntax import Text
from eqsat_tensor.types import DTYPES, TensorType, literal
from eqsat_tensor.verify.beside import beside
from eqsat_tensor.verify.conditions import (
    DTYPE_FORMS,
    KIND_FACTS,
    KNOWN_FACTS,
    SYMBOL_SIZE,
    Definitions,
    Misfit,
    Pattern,
    dtypes_in,
    named_dtypes,
    plausible,
    unfolded,
    value_of,
)
from eqsat_tensor.verify.cumulative import draw_attributes
from eqsat_tensor.verify.draw import Leaf
from eqsat_tensor.verify.matrix_proposals import READ_FOR, mark_matrices
from eqsat_tensor.verify.proposals import CARRIERS, FINITE, PROPOSERS

SIZES = (2, 3, 1, 5, 0, 4, 6)
SIZE_WEIGHTS = (0.3, 0.27, 0.15, 0.11, 0.07, 0.06, 0.04)
LIMITS = (-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0)  # bounds that leaves are drawn within
DERIVED = 0.6  # how often facts come from what is written, not from an `assume`
PROPOSALS = 40  # tries an op has to meet operand types that are given already
NUMBER_FORMS = {"NegativeZero": -0.0, "NaN": float("nan"), "Inf": float("inf")} | {
    "NegativeInf": float("-inf")
}
# How often a dtype is drawn for a root.
WEIGHTS = {"float64": 0.36, "float32": 0.24, "float16": 0.06, "bool": 0.05, "int64": 0.1}
WEIGHTS |= {"int32": 0.05, "int16": 0.01, "int8": 0.04}
WEIGHTS |= {"uint64": 0.03, "uint32": 0.01, "uint16": 0.01, "uint8": 0.04}
ANY_DTYPE = DTYPES
ROOT_WEIGHTS = tuple(WEIGHTS[dtype.name] for dtype in ANY_DTYPE)
ALIKE = 0.25  # how often all sizes of a shape are one
NAMED = 0.7  # how often the root has a dtype, or the shape, that the rule's conditions tell of
ANOTHER_TYPE = "needs another type"
OF_SQUARES = frozenset(("square-at", *MATRIX_FACTS))
RANK_WEIGHTS = (0.15, 0.32, 0.34, 0.12, 0.05, 0.02)  # of ranks 0 to 5
LABELLED = ("pick", "gather", "scatter")  # ops whose second operand is labels of the first's axis

_key = itertools.count(1 << 40)


def operators() -> dict[str, OpDef]:
    """The ops by their names in rule files, those of `et.define` too."""
    return _operators(len(OPS))


@lru_cache(maxsize=2)
def _operators(count: int) -> dict[str, OpDef]:
    return {op.constructor: op for op in OPS.values()}


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
    bounds: Mapping[str, Mapping[str, str]] = field(
        default_factory=dict
    )  # variable -> at-least -> c
    named: Mapping[str, np.dtype[Any]] = field(default_factory=dict)  # variable -> its dtype
    bound: dict[str, Any] = field(default_factory=dict)
    leaves: dict[Expr, Leaf] = field(default_factory=dict)
    carried: list[Expr] = field(default_factory=list)  # values made to have facts
    naming: str = ""  # the variable for which leaves are made: they bear its name

    # ------------------------------------------------------------------------------ drawing
    def size(self) -> int:
        return int(self.random.choice(SIZES, p=SIZE_WEIGHTS))

    def shape(self, rank: int) -> tuple[int, ...]:
        """Sizes; now and then all alike, so that one axis may be taken for another."""
        if self.random.random() < ALIKE:
            return (self.size(),) * rank
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
        op = operators().get(pattern[0])
        if op is None:
            raise Misfit(f"{pattern[0]} is no op")
        if op.name == "input":
            return self.leaf(wanted)
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
        if op.name in LABELLED:
            size = int(built[0].shape[attributes.get("axis", 0)])
            self.label(built[1], size, bool(attributes.get("checked", 1)))
        if op.name in READ_FOR:
            mark_matrices(op, built[0], self.leaves)
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
        self.need(wanted.dtype == self.named.get(name, wanted.dtype))
        if name in self.equations:
            expr = self.build(self.equations[name], wanted)
        else:
            self.naming = name
            expr = self.with_facts(
                wanted, self.facts.get(name, frozenset()), self.bounds.get(name, {})
            )
            self.naming = ""
        self.bound[name] = expr
        return expr

    def leaf(self, wanted: TensorType) -> Expr:
        name = self.naming or "v"
        taken = sum(str(leaf["name"]).rstrip("0123456789") == name for leaf in self.leaves)
        if taken or not self.naming:
            name += str(taken + 1)
        expr = apply(
            OPS["input"], name=name, key=next(_key), dtype=wanted.dtype, shape=wanted.shape
        )
        self.leaves[expr] = Leaf(expr)
        return expr

    def with_facts(
        self, wanted: TensorType, facts: frozenset[str], bounds: Mapping[str, str]
    ) -> Expr:
        """A value of which the engine knows ``facts``: by the fact rules, or for it is assumed.

        ``bounds``: at-least, at-most -> the variable that is to stand for the number.
        """
        if not facts and not bounds:
            return self.leaf(wanted)
        self.need(wanted.dtype.kind != "b" or facts <= FINITE)
        makers = [make for provides, make in CARRIERS if facts <= provides]
        if wanted.dtype.kind != "f" or bounds:
            makers = []
        if makers and self.random.random() < DERIVED:
            made = makers[int(self.random.integers(len(makers)))](self, wanted)
        elif wanted.dtype.kind != "f" and facts <= FINITE and not bounds:
            return self.leaf(wanted)
        else:
            made = self.assumed(wanted, facts, bounds)
        self.carried.append(made)
        return made

    def assumed(self, wanted: TensorType, facts: frozenset[str], bounds: Mapping[str, str]) -> Expr:
        """A leaf under `assume`, to be drawn with the facts."""
        known: dict[str, float | None] = dict.fromkeys(facts)
        limits = [float(x) for x in self.random.choice(LIMITS, 2, replace=False)]
        limits = sorted(limits) if len(bounds) == 2 else limits
        for (name, variable), limit in zip(sorted(bounds.items()), limits, strict=False):
            self.need(limit > 0 or name == "at-least" or not facts & {"positive", "nonnegative"})
            self.need(limit < 0 or name == "at-most" or not facts & {"negative", "nonpositive"})
            self.need(wanted.dtype.kind == "f" or (limit == int(limit)))
            self.need(wanted.dtype.kind != "u" or limit >= 0)
            known[name] = self.bound.setdefault(variable, limit)
        matrix = facts & set(MATRIX_FACTS)
        self.need(not matrix or (wanted.rank >= 2 and wanted.shape[-1] == wanted.shape[-2]))
        self.need(not matrix or (wanted.dtype.kind == "f" and not bounds and facts == matrix))
        self.need("unique" not in facts or (len(facts - FINITE) == 1 and wanted.dtype.kind in "iu"))
        self.need(not facts & {"negative", "nonpositive"} or wanted.dtype.kind != "u")
        leaf = self.leaf(wanted)
        text = tuple(sorted(known.items()))
        self.leaves[leaf] = Leaf(leaf, facts=text)
        return assume(leaf, known)

    def label(self, expr: Expr, size: int, checked: bool = True) -> None:
        """Say that the leaves below ``expr`` are labels; of two axes those of the shorter one."""
        if size == 0:
            raise Misfit("an empty axis has no labels")
        for leaf in topological([expr]):
            known = self.leaves.get(leaf)
            if known is not None:
                beyond = not checked and (known.labels is None or known.beyond)
                labels = min(size, known.labels or size)
                unique = ("unique", None) in known.facts
                self.need(not unique or elements(leaf) <= labels)
                self.leaves[leaf] = replace(known, labels=labels, beyond=beyond)

    def known_type(self, pattern: Pattern) -> TensorType | None:
        """The type of a pattern all of whose variables are bound; None where it is open."""
        found = self.known(pattern)
        return None if found is None else found.type

    def known(self, pattern: Pattern) -> Expr | None:
        if not isinstance(pattern, tuple):
            found = self.bound.get(pattern)
            return found if isinstance(found, Expr) else None
        op = operators().get(pattern[0])
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
        if isinstance(pattern, Text):
            return str(pattern)
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
            if not isinstance(pattern, str) or isinstance(pattern, Text):
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
            axes = given.get("axes") or self.subset(wanted.rank)
            self.need(max(axes) < wanted.rank)
            return {"axes": axes}, [wanted]
        if "reverse" in op.attributes:
            self.need(wanted.rank > 0 and wanted.dtype in op.dtypes)
            return draw_attributes(self.random, wanted.rank, given), [wanted] * op.arity
        if "axes" in op.attributes and op.arity == 1:
            return self.reduction(op, wanted, given, operands)
        raise Misfit(f"no way to build {op.name}")

    def need(self, condition: bool) -> None:
        if not condition:
            raise Misfit(ANOTHER_TYPE)

    def told_dtype(self, pattern: Pattern) -> np.dtype[Any] | None:
        """A dtype that a pattern, or what conditions say of its variable, asks for."""
        if isinstance(pattern, int | float):
            return self.dtype(FLOATS if isinstance(pattern, float) else INTS)
        if isinstance(pattern, str):
            kinds = self.kinds.get(pattern)
            of_kind = [d for d in DTYPES if kinds and d.kind in kinds]
            return self.named.get(pattern) or (self.dtype(of_kind) if of_kind else None)
        op = operators().get(pattern[0])
        if op is None:
            return None
        data = len(pattern) - op.arity
        if op.name == "cast" or op.kind is Kind.LEAF:
            return next(iter(dtypes_in(pattern[1:data])), None)
        if op.kind is Kind.ELEMENTWISE and op.name != "where":
            result = op.infer(*[TensorType(op.dtypes[-1], ())] * op.arity).dtype
            few = op.dtypes if set(op.dtypes) <= set(FLOATS) else ()
            return BOOL if result == BOOL else self.dtype(few) if few else None
        return self.told_dtype(pattern[data]) if op.kind is Kind.MOVEMENT else None

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
            ordered = sorted(operands, key=lambda p: isinstance(p, int | float))  # numbers fit most
            told = next((d for d in map(self.told_dtype, ordered) if d is not None), None)
            dtype = known.dtype if known is not None else told or self.dtype(op.dtypes)
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
    square: bool = False,
) -> Instance:
    """One instance of a pattern under conditions; `Misfit` where this draw does not come out.

    Conditions that say what a variable is, and facts wanted of it, shape the instance; the rest is
    for the engine to judge.  square: it is often to be of square matrices, as where a condition
    speaks of such.
    """
    square = square or any(isinstance(c, tuple) and c[0] in OF_SQUARES for c in conditions)
    conditions = unfolded(conditions, definitions, random)
    equations: dict[str, Pattern] = {}
    facts: dict[str, set[str]] = {}
    bounds: dict[str, dict[str, str]] = {}
    kinds: dict[str, str] = {}
    for condition in conditions:
        if not isinstance(condition, tuple):
            continue
        if condition[0] == "=" and len(condition) == 3:
            for left, right in (condition[1:], condition[:0:-1]):
                if isinstance(left, str) and isinstance(right, tuple) and right[0] in operators():
                    equations[left] = right
        elif condition[0] in BOUNDS and isinstance(condition[1], str):
            bounds.setdefault(condition[1], {})[condition[0]] = condition[2]
        elif condition[0] in KNOWN_FACTS and isinstance(condition[1], str):
            facts.setdefault(condition[1], set()).add(condition[0])
        elif condition[0] in KIND_FACTS:
            kinds[condition[1]] = KIND_FACTS[condition[0]]
    wanted_facts = {name: frozenset(names) for name, names in facts.items()}
    of_variables = named_dtypes(conditions)
    draw = Draw(random, equations, wanted_facts, ANY_DTYPE, kinds, bounds, of_variables)
    dtype = ANY_DTYPE[int(random.choice(len(ANY_DTYPE), p=ROOT_WEIGHTS))]
    named = dtypes_in((pattern, *conditions))
    if is_condition(pattern):
        dtype = BOOL
    elif named and random.random() < NAMED:
        dtype = named[int(random.integers(len(named)))]
    if "self" in kinds and dtype.kind not in kinds["self"]:
        dtype = draw.dtype([d for d in ANY_DTYPE if d.kind in kinds["self"]])
    rank = int(random.choice(len(RANK_WEIGHTS), p=RANK_WEIGHTS))
    shape = draw.shape(rank)
    if square and random.random() < NAMED:
        shape = (*shape[:-2], *[draw.size()] * 2)
    expr = draw.build(pattern, TensorType(dtype, shape))
    draw.bound["self"] = expr
    draw.carried += beside(draw)
    if not plausible(conditions, draw.bound):
        raise Misfit("a condition does not hold")
    variables = tuple(draw.carried)
    return Instance(expr, draw.leaves, variables)


def is_condition(pattern: Pattern) -> bool:
    """True for a comparison, or another op whose results are truth values whatever it is of."""
    op = operators().get(pattern[0]) if isinstance(pattern, tuple) else None
    if op is None or op.kind is not Kind.ELEMENTWISE or op.attributes or op.name == "where":
        return False
    return op.infer(*[TensorType(op.dtypes[-1], ())] * op.arity).dtype == BOOL != op.dtypes[-1]


def elements(expr: Expr) -> int:
    """How many elements a value of known sizes has."""
    return int(np.prod([s for s in expr.shape if isinstance(s, int)], dtype=int))


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
            leaves[new] = replace(instance.leaves[node], expr=new)
        return new

    leaves: dict[Expr, Leaf] = {}
    try:
        expr, *variables = rewrite([instance.expr, *instance.variables], change)
    except (Misfit, AssertionError, EqsatError):
        return None
    if expr is instance.expr:
        return None
    return Instance(expr, leaves, tuple(variables), {name: SYMBOL_SIZE})
