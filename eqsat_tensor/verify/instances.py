"""Typed instances of a pattern under conditions: expressions that the pattern matches.

Whether the conditions hold is left to the engine: it either applies the rule to the instance or it
does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from eqsat_tensor.extents import Size
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import BOOL, Expr
from eqsat_tensor.ops.assume import BOUNDS, MATRIX_FACTS
from eqsat_tensor.types import TensorType
from eqsat_tensor.verify.beside import beside
from eqsat_tensor.verify.build import build
from eqsat_tensor.verify.conditions import (
    KIND_FACTS,
    KNOWN_FACTS,
    Definitions,
    Misfit,
    Pattern,
    dtypes_in,
    named_dtypes,
    plausible,
    unfolded,
)
from eqsat_tensor.verify.draw import Leaf
from eqsat_tensor.verify.typed_draw import ANY_DTYPE, ROOT_WEIGHTS, Draw, operators

NAMED = 0.7  # how often the root has a dtype, or the shape, that the rule's conditions tell of
OF_SQUARES = frozenset(("square-at", *MATRIX_FACTS))
RANK_WEIGHTS = (0.15, 0.32, 0.34, 0.12, 0.05, 0.02)  # of ranks 0 to 5


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
    expr = build(draw, pattern, TensorType(dtype, shape))
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
