"""Random programs over all ops: typed expressions of known sizes, drawn from the root down.

Each op of the registry is drawn with a weight by its kind; its attributes and operand types come
from the same proposers that build instances of rule patterns, so a new op needs nothing here
unless it is of a new form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from eqsat_tensor.errors import EqsatError
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import OPS, Expr, OpDef, apply, topological
from eqsat_tensor.ops.forms import SCIPY
from eqsat_tensor.ops.leaf import constant
from eqsat_tensor.types import TensorType
from eqsat_tensor.verify.build import LABELLED
from eqsat_tensor.verify.conditions import Misfit
from eqsat_tensor.verify.draw import Leaf
from eqsat_tensor.verify.operand_types import propose
from eqsat_tensor.verify.special_errors import NOT_DRAWN
from eqsat_tensor.verify.typed_draw import ANY_DTYPE, ROOT_WEIGHTS, Draw

WEIGHTS = {
    Kind.LEAF: 0.3,
    Kind.ELEMENTWISE: 1.0,
    Kind.REDUCTION: 2.0,
    Kind.CUMULATIVE: 1.0,
    Kind.MOVEMENT: 0.8,
    Kind.SCATTER: 1.0,
    Kind.CONTRACTION: 4.0,
    Kind.COMPOSITE: 1.5,
    Kind.BARRIER: 0.3,
    Kind.LIBRARY: 0.0,  # no error bound is known of what a library makes
}
COMMON = {"add": 5.0, "subtract": 4.0, "multiply": 5.0, "divide": 2.0, "negative": 2.0, "exp": 2.0}
COMMON |= {"broadcast": 4.0, "sum": 3.0, "log": 2.0, "where": 2.0}
COMPLEX = ("real", "imag", "complex", "conjugate")  # never in the e-graph but at its ends
INSIDE = ("shifted_exp",)  # only in expansions
NEVER = (
    frozenset(("input", "size", "refine", "stretch", "unstretch", "assume", *COMPLEX, *INSIDE))
    | NOT_DRAWN
)
SPECIAL = 0.3  # the weight of a function of SciPy's, of which there are many
SHARE = 0.35  # how often an operand is an expression that is there already
TRIES = 60


@dataclass
class RandomProgram:
    """Outputs with the leaves they read."""

    outputs: list[Expr]
    leaves: dict[Expr, Leaf] = field(default_factory=dict)


def random_program(random: np.random.Generator, depth: int, outputs: int = 1) -> RandomProgram:
    """A program of that many outputs, no path longer than ``depth``."""
    draw = Draw(random, {}, {}, ANY_DTYPE)
    pool: dict[TensorType, list[Expr]] = {}
    made = []
    for _ in range(outputs):
        dtype = ANY_DTYPE[int(random.choice(len(ANY_DTYPE), p=ROOT_WEIGHTS))]
        rank = int(random.choice(4, p=(0.15, 0.35, 0.4, 0.1)))
        made.append(grow(draw, TensorType(dtype, draw.shape(rank)), depth, pool))
    used = set(topological(made))
    return RandomProgram(made, {e: leaf for e, leaf in draw.leaves.items() if e in used})


def grow(draw: Draw, wanted: TensorType, depth: int, pool: dict[TensorType, list[Expr]]) -> Expr:
    """An expression of type ``wanted``; some operands are shared through ``pool``."""
    there = pool.setdefault(wanted, [])
    if there and draw.random.random() < SHARE:
        return there[int(draw.random.integers(len(there)))]
    ops = [op for op in OPS.values() if op.name not in NEVER and WEIGHTS[op.kind]]
    weights = np.array([weight(op) for op in ops])
    for _ in range(TRIES if depth > 0 else 0):
        op = ops[int(draw.random.choice(len(ops), p=weights / weights.sum()))]
        try:
            attributes, types = propose(draw, op, wanted, {}, [f"?{i}" for i in range(op.arity)])
        except (Misfit, AssertionError, EqsatError):
            continue
        if not acceptable(op, types):
            continue
        operands = [grow(draw, t, depth - 1, pool) for t in types]
        if op.name in LABELLED:  # labels must lie in the axis
            operands[1] = draw.leaf(types[1])
            labelled = types[0].shape[attributes.get("axis", 0)]
            assert isinstance(labelled, int), labelled
            beyond = not attributes.get("checked", 1)
            draw.leaves[operands[1]] = Leaf(operands[1], labelled, beyond)
        if op.name == "integer_power":  # by whole numbers, none of them negative
            most = constant(7, types[1].dtype, types[1].shape)
            operands[1] = OPS["bitwise_and"](operands[1], most)
        made = apply(op, *operands, **attributes)
        if made.type == wanted:
            there.append(made)
            return made
    made = draw.leaf(wanted)
    there.append(made)
    return made


def weight(op: OpDef) -> float:
    """How often an op is drawn."""
    return COMMON.get(op.name, SPECIAL if op.name in SCIPY else WEIGHTS[op.kind])


def acceptable(op: OpDef, types: Sequence[TensorType]) -> bool:
    """False for what NumPy refuses: integers to negative powers, the greatest of no elements."""
    if op.name == "power" and types[0].dtype.kind != "f":
        return False
    needs_one = op.name in (
        "max",
        "min",
        "argmax",
        "argmin",
        "pick",
        "gather",
        "scatter",
        "softmax",
        "log_softmax",
    )
    return not (needs_one or op.name == "logsumexp") or 0 not in types[0].shape
