"""The state of a typed draw: what the variables of a pattern stand for, and what is drawn at random.

A draw gives up (`Misfit`) where two things that it has been told do not fit one another.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from eqsat_tensor.kinds import Attribute, Kind
from eqsat_tensor.lang import BOOL, FLOATS, INTS, OPS, Expr, OpDef, apply
from eqsat_tensor.rules.signature import signature
from eqsat_tensor.rules.syntax import Text
from eqsat_tensor.types import DTYPES, TensorType
from eqsat_tensor.verify.conditions import DTYPE_FORMS, Misfit, Pattern, dtypes_in, value_of
from eqsat_tensor.verify.draw import Leaf

SIZES = (2, 3, 1, 5, 0, 4, 6)
SIZE_WEIGHTS = (0.3, 0.27, 0.15, 0.11, 0.07, 0.06, 0.04)
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
ANOTHER_TYPE = "needs another type"  # the reason of a `Misfit`

_key = itertools.count(1 << 40)


def operators() -> dict[str, OpDef]:
    """The ops by their names in rule files, those of `et.define` too."""
    return _operators(len(OPS))


@lru_cache(maxsize=2)
def _operators(count: int) -> dict[str, OpDef]:
    return {op.constructor: op for op in OPS.values()}


@dataclass
class Draw:
    """The state of one draw: what each variable stands for."""

    random: np.random.Generator
    equations: Mapping[str, Pattern]  # variable -> pattern that a premise says it is
    facts: Mapping[str, frozenset[str]]  # variable -> facts that premises want of it
    dtypes: Sequence[np.dtype[Any]]  # dtypes for places that leave it open
    kinds: Mapping[str, str] = field(default_factory=dict)  # variable -> kinds of its dtype
    # variable -> at-least, at-most -> the variable that stands for the number
    bounds: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    named: Mapping[str, np.dtype[Any]] = field(default_factory=dict)  # variable -> its dtype
    bound: dict[str, Any] = field(default_factory=dict)
    leaves: dict[Expr, Leaf] = field(default_factory=dict)
    carried: list[Expr] = field(default_factory=list)  # values made to have facts
    naming: str = ""  # the variable for which leaves are made: they bear its name

    # -------------------------------------------------------------------------- drawn at random
    def size(self) -> int:
        """One size, 0 and 1 among them."""
        return int(self.random.choice(SIZES, p=SIZE_WEIGHTS))

    def shape(self, rank: int) -> tuple[int, ...]:
        """Sizes; now and then all alike, so that one axis may be taken for another."""
        if self.random.random() < ALIKE:
            return (self.size(),) * rank
        return tuple(self.size() for _ in range(rank))

    def dtype(self, allowed: Sequence[np.dtype[Any]]) -> np.dtype[Any]:
        """One of these, of those that this draw has where there are any."""
        usable = [d for d in self.dtypes if d in allowed] or list(allowed)
        weights = np.array([WEIGHTS[d.name] for d in usable])
        return usable[int(self.random.choice(len(usable), p=weights / weights.sum()))]

    def subset(self, rank: int) -> tuple[int, ...]:
        """Some of the axes, ascending: mostly one."""
        if rank == 0:
            raise Misfit("no axis")
        count = int(self.random.integers(1, rank + 1)) if self.random.random() < 0.4 else 1
        return tuple(sorted(int(a) for a in self.random.choice(rank, count, replace=False)))

    def need(self, condition: bool) -> None:
        """Give the draw up unless this holds."""
        if not condition:
            raise Misfit(ANOTHER_TYPE)

    def leaf(self, wanted: TensorType) -> Expr:
        """A new input, named after the variable that it is made for."""
        name = self.naming or "v"
        taken = sum(str(leaf["name"]).rstrip("0123456789") == name for leaf in self.leaves)
        if taken or not self.naming:
            name += str(taken + 1)
        expr = apply(
            OPS["input"], name=name, key=next(_key), dtype=wanted.dtype, shape=wanted.shape
        )
        self.leaves[expr] = Leaf(expr)
        return expr

    # ------------------------------------------------------------------- what patterns give already
    def known_type(self, pattern: Pattern) -> TensorType | None:
        """The type of a pattern all of whose variables are bound; None where it is open."""
        found = self.known(pattern)
        return None if found is None else found.type

    def known(self, pattern: Pattern) -> Expr | None:
        """What a pattern is, all of whose variables are bound; None where it is open."""
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
