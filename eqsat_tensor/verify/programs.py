"""Random programs over all ops: typed expressions of known sizes, drawn from the root down.

Each op of the registry is drawn with a weight by its kind; its attributes and operand types come
from the same proposers that build instances of rule patterns, so a new op needs nothing here
unless it is of a new form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from eqsat_tensor.errors import EqsatError
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import OPS, Expr, OpDef, apply, rewrite, topological
from eqsat_tensor.ops.forms import SCIPY
from eqsat_tensor.ops.leaf import constant
from eqsat_tensor.types import TensorType
from eqsat_tensor.verify.build import LABELLED
from eqsat_tensor.verify.conditions import Misfit
from eqsat_tensor.verify.draw import Leaf
from eqsat_tensor.verify.matrix_proposals import READ_FOR, mark_matrices
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
    Kind.LIBRARY: 0.0,  # but for those below: of others no operands can be drawn
}
COMMON = {"add": 5.0, "subtract": 4.0, "multiply": 5.0, "divide": 2.0, "negative": 2.0, "exp": 2.0}
COMMON |= {"broadcast": 4.0, "sum": 3.0, "log": 2.0, "where": 2.0}
SORTS = ("sort", "argsort", "ordered_by", "searchsorted", "lookup", "label_sum")
COMMON |= dict.fromkeys((*READ_FOR, *SORTS), 0.7)
COMPLEX = ("real", "imag", "complex", "conjugate")  # never in the e-graph but at its ends
INSIDE = ("shifted_exp",)  # only in expansions
NEVER = (
    frozenset(("input", "size", "refine", "stretch", "unstretch", "assume", *COMPLEX, *INSIDE))
    | NOT_DRAWN
)
SPECIAL = 0.3  # the weight of a function of SciPy's, of which there are many
SHARE = 0.35  # how often an operand is an expression that is there already
# of roots: narrow and unsigned integers more often than where a rule is held, which tries one of each
ROOTS = np.sqrt(ROOT_WEIGHTS) / np.sqrt(ROOT_WEIGHTS).sum()
TRIES = 60
PARTS = 0.4  # how often a leaf of a rule's instance is an expression instead


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
        dtype = ANY_DTYPE[int(random.choice(len(ANY_DTYPE), p=ROOTS))]
        rank = int(random.choice(4, p=(0.15, 0.35, 0.4, 0.1)))
        made.append(grow(draw, TensorType(dtype, draw.shape(rank)), depth, pool))
    return RandomProgram(made, used_leaves(made, draw.leaves))


def program_around(
    random: np.random.Generator, inner: Sequence[Expr], leaves: Mapping[Expr, Leaf], depth: int
) -> RandomProgram:
    """A program of the type of ``inner[0]`` that has these expressions, and plain leaves of theirs, at
    hand for its operands; where it does not use the first, that is an output besides."""
    draw = Draw(random, {}, {}, ANY_DTYPE, leaves=dict(leaves))
    pool: dict[TensorType, list[Expr]] = {}
    for expr in (*inner, *(e for e, leaf in leaves.items() if leaf == Leaf(e))):
        pool.setdefault(expr.type, []).append(expr)
    root = grow(draw, inner[0].type, depth, pool, share=0.0)
    made = [root] if inner[0] in topological([root]) else [inner[0], root]
    return RandomProgram(made, used_leaves(made, draw.leaves))


def used_leaves(outputs: Sequence[Expr], leaves: Mapping[Expr, Leaf]) -> dict[Expr, Leaf]:
    """Those of the leaves that the outputs read."""
    used = set(topological(outputs))
    return {e: leaf for e, leaf in leaves.items() if e in used}


def with_parts(
    random: np.random.Generator, exprs: Sequence[Expr], leaves: Mapping[Expr, Leaf], depth: int
) -> tuple[list[Expr], dict[Expr, Leaf]]:
    """The expressions with random ones for some of their plain leaves."""
    draw = Draw(random, {}, {}, ANY_DTYPE, leaves=dict(leaves))
    parts: dict[Expr, Expr] = {}
    for leaf, said in leaves.items():
        if said == Leaf(leaf) and random.random() < PARTS:
            parts[leaf] = grow(draw, leaf.type, depth, {}, share=0.0)

    def change(node: Expr, operands: tuple[Expr, ...]) -> Expr:
        return parts[node] if node in parts else node.rebuilt(operands)

    made = rewrite(exprs, change)
    return made, used_leaves(made, draw.leaves)


def grow(
    draw: Draw,
    wanted: TensorType,
    depth: int,
    pool: dict[TensorType, list[Expr]],
    share: float = SHARE,
) -> Expr:
    """An expression of type ``wanted``; some operands are shared through ``pool``.

    share: how often that is one of the pool.
    """
    there = pool.setdefault(wanted, [])
    if there and draw.random.random() < share:
        return there[int(draw.random.integers(len(there)))]
    ops = [op for op in OPS.values() if op.name not in NEVER and weight(op)]
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
        if op.name == "lookup":
            table = types[0].shape[-1]
            assert isinstance(table, int), table
            operands[1] = draw.leaf(types[1])
            draw.leaves[operands[1]] = Leaf(operands[1], table, beyond=True)
        if op.name == "label_sum":
            labels = wanted.shape[-1]
            assert isinstance(labels, int), labels
            operands[1] = draw.leaf(types[1])
            draw.leaves[operands[1]] = Leaf(operands[1], labels, beyond=True)
        if op.name == "searchsorted":  # rows are in order
            operands[0] = OPS["sort"](operands[0], axis=types[0].rank - 1)
        if op.name in READ_FOR:
            mark_matrices(op, operands[0], draw.leaves)
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
