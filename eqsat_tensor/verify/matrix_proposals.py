"""How the ops of linear algebra are drawn, and what their operands are read for."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import replace
from typing import Any

from eqsat_tensor.lang import Expr, OpDef, topological
from eqsat_tensor.ops.assume import assume_op
from eqsat_tensor.ops.linalg import LAPACK
from eqsat_tensor.types import TensorType
from eqsat_tensor.verify.draw import Leaf
from eqsat_tensor.verify.matrix_draw import KINDS
from eqsat_tensor.verify.typed_draw import Draw

READ_FOR = {  # op -> the kind of its first operand
    "cholesky": "definite", "eigh": "general", "solve": "general", "inv": "general",
    "solve_triangular": "triangular", "det": "general", "slogdet": "general",
}  # fmt: skip
ONE_TRIANGLE = ("lower-triangular", "upper-triangular", "diagonal")  # facts of what `assume` keeps


def is_square(type: TensorType) -> bool:
    """True for matrices in the last two axes of as many rows as columns."""
    return type.rank >= 2 and type.shape[-1] == type.shape[-2]


def mark_matrices(op: OpDef, operand: Expr, leaves: MutableMapping[Expr, Leaf]) -> None:
    """Note for the leaves below the first operand of ``op`` how their matrices are to be drawn.

    The operand itself is of the op's kind; the square leaves of one that is computed are general.
    """
    while operand.op is assume_op:
        (operand,) = operand.arguments
    for leaf in topological([operand]):
        if leaf in leaves and is_square(leaf.type) and leaf.dtype in LAPACK:
            old = leaves[leaf]
            kind = READ_FOR[op.name] if leaf is operand else "general"
            if any(name in ONE_TRIANGLE for name, _ in old.facts):
                kind = "triangular"
            kind = max(kind, old.matrix, key=lambda k: KINDS.index(k) if k else -1)
            leaves[leaf] = replace(old, matrix=kind)


# ------------------------------------------------------------------------- one proposer an op
def _matrix(d: Draw, op: OpDef, wanted: TensorType, given: Any, operands: Any) -> Any:
    d.need(is_square(wanted) and wanted.dtype in LAPACK)
    return {}, [wanted]


def _solve(d: Draw, op: OpDef, wanted: TensorType, given: Mapping[str, Any], operands: Any) -> Any:
    d.need(wanted.rank >= 2 and wanted.dtype in LAPACK)
    n = wanted.shape[-2]
    attributes = {name: given.get(name, int(d.random.integers(2))) for name in op.attributes}
    return attributes, [wanted.with_shape((*wanted.shape[:-2], n, n)), wanted]


def _value(d: Draw, op: OpDef, wanted: TensorType, given: Mapping[str, Any], operands: Any) -> Any:
    d.need(wanted.dtype in LAPACK)
    known = d.known_type(operands[0])
    n = known.shape[-1] if known and known.rank else d.size()
    attributes = {name: given.get(name, int(d.random.integers(2))) for name in op.attributes}
    return attributes, [wanted.with_shape((*wanted.shape, n, n))]


def _eigh(d: Draw, op: OpDef, wanted: TensorType, given: Mapping[str, Any], operands: Any) -> Any:
    d.need(wanted.rank >= 1 and wanted.dtype in LAPACK)
    result = given.get("result", 0)
    d.need(is_square(wanted) or not result)
    shape = wanted.shape if result else (*wanted.shape, wanted.shape[-1])
    return {"result": result, "shape": wanted.shape}, [wanted.with_shape(shape)]


def _sort(d: Draw, op: OpDef, wanted: TensorType, given: Mapping[str, Any], operands: Any) -> Any:
    d.need(wanted.rank >= 1)
    axis = given.get("axis", int(d.random.integers(wanted.rank)))
    d.need(axis < wanted.rank)
    return {"axis": axis}, [wanted]


PROPOSERS = {
    "cholesky": _matrix,
    "inv": _matrix,
    "solve": _solve,
    "solve_triangular": _solve,
    "det": _value,
    "slogdet": _value,
    "eigh": _eigh,
    "sort": _sort,
}
