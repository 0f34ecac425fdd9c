"""What an op's operands may be, given its result: by the op's own proposer, or as its kind has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import BOOL, INT64, OpDef
from eqsat_tensor.types import TensorType
from eqsat_tensor.verify.conditions import Misfit, Pattern
from eqsat_tensor.verify.cumulative import draw_attributes
from eqsat_tensor.verify.proposals import PROPOSERS, Proposal
from eqsat_tensor.verify.typed_draw import Draw


def propose(
    draw: Draw, op: OpDef, wanted: TensorType, given: Mapping[str, Any], operands: Sequence[Pattern]
) -> Proposal:
    """Attributes of ``op`` and operand types that give ``wanted``."""
    special = PROPOSERS.get(op.name)
    if special is not None:
        return special(draw, op, wanted, given, operands)
    if op.kind is Kind.ELEMENTWISE or (op.kind is Kind.COMPOSITE and not op.attributes):
        return {}, _elementwise(draw, op, wanted, operands)
    if op.name in ("softmax", "log_softmax", "prod_of_others"):
        draw.need(wanted.dtype in op.dtypes)
        axes = given.get("axes") or draw.subset(wanted.rank)
        draw.need(max(axes) < wanted.rank)
        return {"axes": axes}, [wanted]
    if "reverse" in op.attributes:
        draw.need(wanted.rank > 0 and wanted.dtype in op.dtypes)
        return draw_attributes(draw.random, wanted.rank, given), [wanted] * op.arity
    if "axes" in op.attributes and op.arity == 1:
        return _reduction(draw, op, wanted, given, operands)
    raise Misfit(f"no way to build {op.name}")


def _elementwise(
    draw: Draw, op: OpDef, wanted: TensorType, operands: Sequence[Pattern]
) -> list[TensorType]:
    if op.name == "where":
        return [wanted.with_dtype(BOOL), wanted, wanted]
    probe = TensorType(op.dtypes[-1], ())
    boolean = op.infer(*[probe] * op.arity).dtype != probe.dtype or op.dtypes == (BOOL,)
    if boolean or len(op.dtypes) == 1:
        draw.need(op.infer(*[probe] * op.arity).dtype == wanted.dtype)
        known = next((t for t in map(draw.known_type, operands) if t is not None), None)
        ordered = sorted(operands, key=lambda p: isinstance(p, int | float))  # numbers fit most
        told = next((d for d in map(draw.told_dtype, ordered) if d is not None), None)
        dtype = known.dtype if known is not None else told or draw.dtype(op.dtypes)
        return [wanted.with_dtype(dtype)] * op.arity
    draw.need(wanted.dtype in op.dtypes)
    return [wanted] * op.arity


def _reduction(
    draw: Draw, op: OpDef, wanted: TensorType, given: Mapping[str, Any], operands: Sequence[Pattern]
) -> Proposal:
    known = draw.known_type(operands[0])
    if op.name in ("argmax", "argmin"):
        draw.need(wanted.dtype == INT64)
        dtype = known.dtype if known else draw.dtype([d for d in op.dtypes if d.kind != "b"])
    else:
        draw.need(wanted.dtype in op.dtypes)
        dtype = wanted.dtype
    if known is not None and "axes" not in given:
        found = draw.subset(known.rank)
        draw.need(tuple(s for a, s in enumerate(known.shape) if a not in found) == wanted.shape)
        return {"axes": found}, [known]
    axes: tuple[int, ...] | None = given.get("axes")
    if axes is None:
        count = 2 if draw.random.random() < 0.25 and op.name[:3] != "arg" else 1
        rank = wanted.rank + count
        axes = tuple(sorted(int(a) for a in draw.random.choice(rank, count, replace=False)))
    draw.need(not axes or max(axes) < wanted.rank + len(axes))
    shape = list(wanted.shape)
    for axis in axes:
        size = draw.size()
        shape.insert(axis, size or (0 if op.name in ("sum", "prod", "any", "all") else 3))
    return {"axes": axes}, [TensorType(dtype, tuple(shape))]
