"""How each op is drawn: attributes and operand types that give a type that is wanted.

One function an op whose form is its own; elementwise ops and reductions need none.  A proposal that
cannot be is given up with `Misfit`.  Besides, values of which the engine can derive facts.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from eqsat_tensor import ops as _ops  # noqa: F401  (fills the registry)
from eqsat_tensor.extents import Size
from eqsat_tensor.lang import BOOL, FLOAT16, INT64, INTS, OPS, Expr, OpDef, apply
from eqsat_tensor.ops.gather import MODES
from eqsat_tensor.types import DTYPES, Literal, TensorType, literal
from eqsat_tensor.verify import matrix_proposals
from eqsat_tensor.verify.conditions import Pattern
from eqsat_tensor.verify.typed_draw import Draw

CONSTANTS = (0.0, 1.0, -1.0, 2.0, 0.5, -3.0, 1.5, 7.0, 0.1)
WHOLE = 0.4  # how often a slice takes all of an axis
WHOLE_CONSTANTS = (0, 1, 2, 3, 5, -1, 7)


# ---------------------------------------------------------------------- values that have facts
def _constant(d: Draw, wanted: TensorType, *values: float) -> Expr:
    value = values[int(d.random.integers(len(values)))]
    return apply(OPS["full"], value=literal(value, wanted.dtype), shape=wanted.shape)


def _at_least(d: Draw, wanted: TensorType) -> Expr:
    """|v|, but no less than the smallest normal number: any positive value, without an error."""
    smallest = _constant(d, wanted, float(np.finfo(wanted.dtype).tiny))
    return OPS["maximum"](OPS["absolute"](d.leaf(wanted)), smallest)


def _whole(d: Draw, wanted: TensorType) -> Expr:
    choices = (BOOL,) if wanted.dtype == FLOAT16 else (BOOL, INT64)  # large ones overflow a half
    source = d.leaf(wanted.with_dtype(choices[int(d.random.integers(len(choices)))]))
    return apply(OPS["cast"], source, dtype=wanted.dtype)


_POSITIVE = frozenset(("positive", "nonnegative", "nonzero"))
FINITE = frozenset(("finite", "not-nan"))
CARRIERS: tuple[tuple[frozenset[str], Callable[[Draw, TensorType], Expr]], ...] = (
    (_POSITIVE, _at_least),
    (_POSITIVE, lambda d, t: OPS["exp"](d.leaf(t))),
    (_POSITIVE | FINITE, lambda d, t: OPS["sigmoid"](_whole(d, t))),
    (_POSITIVE | FINITE, lambda d, t: _constant(d, t, 2.0, 0.1, 3.0)),
    (frozenset(("nonnegative",)), lambda d, t: OPS["absolute"](d.leaf(t))),
    (frozenset(("nonnegative",)), lambda d, t: OPS["square"](d.leaf(t))),
    (frozenset(("nonzero",)), lambda d, t: OPS["negative"](_at_least(d, t))),
    (frozenset(("nonzero",)), lambda d, t: OPS["negative"](OPS["exp"](d.leaf(t)))),
    (FINITE | {"nonzero"}, lambda d, t: _constant(d, t, -2.0, 0.1, 3.0)),
    (FINITE, lambda d, t: OPS["tanh"](_whole(d, t))),
    (FINITE | {"integer-valued"}, _whole),
    (frozenset(("integer-valued",)), lambda d, t: OPS["floor"](d.leaf(t))),
)


# ------------------------------------------------------------------------- one proposer an op
Proposal: TypeAlias = tuple[dict[str, Any], list[TensorType]]
Proposer: TypeAlias = Callable[
    [Draw, OpDef, TensorType, Mapping[str, Any], Sequence[Pattern]], Proposal
]


def _full(d: Draw, op: OpDef, wanted: TensorType, given: Mapping[str, Any], _: Any) -> Proposal:
    value = given.get("value")
    if value is None:
        choices = CONSTANTS if wanted.dtype.kind == "f" else WHOLE_CONSTANTS
        value = choices[int(d.random.integers(len(choices)))]
        d.need(value >= 0 or wanted.dtype.kind != "u")
    if isinstance(value, Literal):
        d.need(value.dtype == wanted.dtype)
        return {"value": value, "shape": wanted.shape}, []
    if isinstance(value, str):  # true and false are words in patterns
        d.need(value in ("true", "false") and wanted.dtype == BOOL)
        value = value == "true"
    d.need(isinstance(value, float) == (wanted.dtype.kind == "f"))
    d.need(value >= 0 or wanted.dtype.kind != "u")
    return {"value": literal(value, wanted.dtype), "shape": wanted.shape}, []


def _iota(d: Draw, op: OpDef, wanted: TensorType, given: Mapping[str, Any], _: Any) -> Proposal:
    d.need(wanted.rank > 0 and wanted.dtype.kind != "b")
    axis = given.get("axis", int(d.random.integers(wanted.rank)))
    return {"axis": axis, "dtype": wanted.dtype, "shape": wanted.shape}, []


def _size(d: Draw, op: OpDef, wanted: TensorType, given: Any, operands: Any) -> Proposal:
    d.need(wanted.rank == 0 and wanted.dtype.kind != "b")
    return {"size": given.get("size", (d.size(),)), "dtype": wanted.dtype}, []


def _cast(d: Draw, op: OpDef, wanted: TensorType, given: Any, operands: Any) -> Proposal:
    d.need(given.get("dtype", wanted.dtype) == wanted.dtype)
    known = d.known_type(operands[0])
    dtype = known.dtype if known else d.told_dtype(operands[0]) or d.dtype(DTYPES)
    return {"dtype": wanted.dtype}, [wanted.with_dtype(dtype)]


def _matmul(d: Draw, op: OpDef, wanted: TensorType, given: Any, operands: Any) -> Proposal:
    d.need(wanted.rank >= 2 and wanted.dtype.kind != "b")
    left, right = d.known_type(operands[0]), d.known_type(operands[1])
    k: Any = left.shape[-1] if left and left.rank else None
    if k is None:
        k = right.shape[-2] if right and right.rank > 1 else d.size()
    *batch, m, n = wanted.shape
    return {}, [wanted.with_shape((*batch, m, k)), wanted.with_shape((*batch, k, n))]


def _gemm(d: Draw, op: OpDef, wanted: TensorType, given: Any, operands: Any) -> Proposal:
    _, (a, b) = _matmul(d, op, wanted, given, operands[1:3])
    scalar = wanted.with_shape(())
    return {}, [scalar, a, b, scalar, wanted]


def _broadcast(d: Draw, op: OpDef, wanted: TensorType, given: Any, operands: Any) -> Proposal:
    axes = given.get("axes")
    known = d.known_type(operands[0])
    if axes is None and known is not None:
        count = wanted.rank - known.rank
        d.need(count > 0)
        choices = [
            c
            for c in itertools.combinations(range(wanted.rank), count)
            if tuple(s for a, s in enumerate(wanted.shape) if a not in c) == known.shape
        ]
        d.need(bool(choices))
        axes = choices[int(d.random.integers(len(choices)))]
    if axes is None:
        axes = tuple(range(wanted.rank)) if d.random.random() < 0.3 else d.subset(wanted.rank)
    d.need(bool(axes) and max(axes) < wanted.rank)
    rest = tuple(s for a, s in enumerate(wanted.shape) if a not in axes)
    return {"axes": axes, "shape": wanted.shape}, [wanted.with_shape(rest)]


def _squeeze(d: Draw, op: OpDef, wanted: TensorType, given: Any, operands: Any) -> Proposal:
    axes = given.get("axes")
    if axes is None:
        axes = (int(d.random.integers(wanted.rank + 1)),)
    d.need(max(axes) < wanted.rank + len(axes))
    shape = list(wanted.shape)
    for axis in axes:
        shape.insert(axis, 1)
    return {"axes": axes}, [wanted.with_shape(shape)]


def _transpose(d: Draw, op: OpDef, wanted: TensorType, given: Any, operands: Any) -> Proposal:
    axes = given.get("axes")
    if axes is None:
        axes = tuple(int(a) for a in d.random.permutation(wanted.rank))
    d.need(len(axes) == wanted.rank)
    shape: list[Size] = [0] * wanted.rank
    for place, axis in enumerate(axes):
        shape[axis] = wanted.shape[place]
    return {"axes": axes}, [wanted.with_shape(shape)]


def _reshape(d: Draw, op: OpDef, wanted: TensorType, given: Any, operands: Any) -> Proposal:
    sizes = [int(s) for s in wanted.shape if isinstance(s, int)]
    kind = d.random.random()
    ones = [axis for axis, size in enumerate(sizes) if size == 1]
    if kind < 0.2 and len(sizes) == 2:  # as a product of matrices over pairs of axes comes
        shape = [part for size in sizes for part in _two_factors(d, size)]
    elif ones and kind < 0.4:
        gone = ones[int(d.random.integers(len(ones)))]
        shape = [size for axis, size in enumerate(sizes) if axis != gone]
    elif kind < 0.3:
        shape = [int(np.prod(sizes, dtype=int))]
    elif kind < 0.6:
        shape = list(sizes)
        shape.insert(int(d.random.integers(len(sizes) + 1)), 1)
    elif kind < 0.8 and len(sizes) > 1:
        at = int(d.random.integers(len(sizes) - 1))
        shape = [*sizes[:at], sizes[at] * sizes[at + 1], *sizes[at + 2 :]]
    else:
        shape = sizes[::-1]
    return {"shape": wanted.shape}, [wanted.with_shape(shape)]


def _two_factors(d: Draw, size: int) -> tuple[int, int]:
    choices = [i for i in range(1, size + 1) if size % i == 0] or [1]
    first = choices[int(d.random.integers(len(choices)))]
    return first, size // first


def _slice(d: Draw, op: OpDef, wanted: TensorType, given: Any, operands: Any) -> Proposal:
    known = d.known_type(operands[0])
    steps, starts, shape = [], [], []
    for axis, size in enumerate(wanted.shape):
        assert isinstance(size, int)
        step = given["step"][axis] if len(given.get("step", ())) == wanted.rank else (
            int(d.random.choice((1, 1, 1, 2, -1, -2)))
        )  # fmt: skip
        span = (max(size, 1) - 1) * abs(step) + (1 if size else 0)
        start = given["start"][axis] if len(given.get("start", ())) == wanted.rank else None
        whole = start is None and step == 1 and d.random.random() < WHOLE
        if whole:
            start = 0
        if start is None:
            start = int(d.random.integers(0, 5)) + (span - 1 if step < 0 and size else 0)
        last = start + (max(size, 1) - 1) * step
        d.need(last >= 0 and start >= 0)
        steps.append(step)
        starts.append(start)
        more = 0 if whole else int(d.random.integers(0, 2))
        shape.append(max(start, last) + (1 if size else 0) + more)
    if known is not None and known.rank == wanted.rank:
        shape = [int(s) for s in known.shape if isinstance(s, int)]
        counts = [int(n) for n in wanted.shape if isinstance(n, int)]
        ends = zip(starts, steps, counts, shape, strict=True)
        d.need(all(n == 0 or max(a, a + (n - 1) * s) < there for a, s, n, there in ends))
    return (
        {"start": tuple(starts), "step": tuple(steps), "shape": wanted.shape},
        [wanted.with_shape(shape)],
    )


def _pad(d: Draw, op: OpDef, wanted: TensorType, given: Any, operands: Any) -> Proposal:
    low, step, shape = [], [], []
    for axis, size in enumerate(wanted.shape):
        assert isinstance(size, int)
        stride = given["step"][axis] if len(given.get("step", ())) == wanted.rank else (
            int(d.random.choice((1, 1, 1, 2, 3)))
        )  # fmt: skip
        begin = given["low"][axis] if len(given.get("low", ())) == wanted.rank else (
            int(d.random.integers(0, min(size, 2) + 1))
        )  # fmt: skip
        d.need(0 <= begin <= size and stride > 0)
        most = 0 if begin >= size else (size - 1 - begin) // stride + 1
        shape.append(int(d.random.integers(0, most + 1)) if d.random.random() < 0.5 else most)
        low.append(begin)
        step.append(stride)
    attributes = {"low": tuple(low), "step": tuple(step), "shape": wanted.shape}
    return {name: attributes[name] for name in op.attributes}, [wanted.with_shape(shape)]


def _concatenate(d: Draw, op: OpDef, wanted: TensorType, given: Any, operands: Any) -> Proposal:
    d.need(wanted.rank > 0)
    axis = given.get("axis", int(d.random.integers(wanted.rank)))
    d.need(axis < wanted.rank)
    left, right = d.known_type(operands[0]), d.known_type(operands[1])
    size = int(wanted.shape[axis])
    first = int(d.random.integers(0, size + 1))
    if left is not None and left.rank == wanted.rank:
        first = int(left.shape[axis])
    elif right is not None and right.rank == wanted.rank:
        first = size - int(right.shape[axis])
    d.need(0 <= first <= size)
    types = []
    for part in (first, size - first):
        shape = list(wanted.shape)
        shape[axis] = part
        types.append(wanted.with_shape(shape))
    return {"axis": axis}, types


def _diagonal(d: Draw, op: OpDef, wanted: TensorType, given: Any, operands: Any) -> Proposal:
    d.need(wanted.rank > 0)
    known = d.known_type(operands[0])
    if known is not None:
        return {}, [known]
    *lead, size = wanted.shape
    longer = [
        size,
        size,
        size + int(d.random.integers(0, 3)),
    ]  # a diagonal need not fill its matrix
    return {}, [wanted.with_shape((*lead, longer[int(d.random.integers(3))], size))]


def _pick(d: Draw, op: OpDef, wanted: TensorType, given: Any, operands: Any) -> Proposal:
    axis = given.get("axis", int(d.random.integers(wanted.rank + 1)))
    d.need(axis <= wanted.rank)
    shape = list(wanted.shape)
    shape.insert(axis, d.size() or 3)
    return {"axis": axis}, [wanted.with_shape(shape), wanted.with_dtype(INT64)]


def _gather(d: Draw, op: OpDef, wanted: TensorType, given: Any, operands: Any) -> Proposal:
    lead = int(d.random.integers(wanted.rank + 1))
    rows, index = d.known_type(operands[0]), d.known_type(operands[1])
    if index is not None:
        lead = index.rank
    elif rows is not None:
        lead = wanted.rank - rows.rank + 1
    d.need(0 <= lead <= wanted.rank)
    index = wanted.with_dtype(INT64).with_shape(wanted.shape[:lead])
    if rows is None:
        rows = wanted.with_shape((d.size() or 3, *wanted.shape[lead:]))
    checked = given.get("checked", int(d.random.random() < 0.7))
    return {"checked": checked, "shape": wanted.shape}, [rows, index]


def _sorted(d: Draw, op: OpDef, wanted: TensorType, given: Any, operands: Any) -> Proposal:
    """What is sorted, and what is ordered by it; indices are of anything."""
    d.need(wanted.rank > 0)
    axis = given.get("axis", int(d.random.integers(wanted.rank)))
    d.need(axis < wanted.rank)
    known = d.known_type(operands[-1])
    keys = wanted.with_dtype(known.dtype if known else d.dtype(DTYPES))
    if op.arity == 2:
        return {"axis": axis}, [wanted, keys]
    places = op.name in ("argsort", "argpartition")
    d.need(not places or wanted.dtype == INT64)
    return {"axis": axis}, [keys if places else wanted]


def _searchsorted(
    d: Draw, op: OpDef, wanted: TensorType, given: Mapping[str, Any], operands: Any
) -> Proposal:
    """Rows, and places in them of values of their dtype."""
    d.need(wanted.rank > 0 and wanted.dtype == INT64)
    values = wanted.with_dtype(d.dtype(DTYPES))
    rows = values.with_shape((*values.shape[:-1], d.size()))
    return {"right": given.get("right", int(d.random.integers(2)))}, [rows, values]


def _lookup(d: Draw, op: OpDef, wanted: TensorType, given: Any, operands: Any) -> Proposal:
    d.need(wanted.rank > 0)
    table = wanted.with_shape((*wanted.shape[:-1], d.size()))
    return {"shape": wanted.shape}, [table, wanted.with_dtype(d.dtype(INTS))]


def _label_sum(d: Draw, op: OpDef, wanted: TensorType, given: Any, operands: Any) -> Proposal:
    d.need(wanted.rank > 0 and wanted.dtype in op.dtypes)
    parts = wanted.with_shape((*wanted.shape[:-1], d.size()))
    attributes = {"strict": given.get("strict", 0), "shape": wanted.shape}
    return attributes, [parts, parts.with_dtype(d.dtype(INTS))]


def _convolution(d: Draw, op: OpDef, wanted: TensorType, given: Any, operands: Any) -> Proposal:
    d.need(wanted.rank > 0 and wanted.dtype in op.dtypes)
    rows = [wanted.with_shape((*wanted.shape[:-1], d.size())) for _ in range(2)]
    start = given.get("start", (int(d.random.integers(-2, 5)),))
    return {"start": start, "shape": wanted.shape}, rows


def _parted(d: Draw, op: OpDef, wanted: TensorType, given: Any, operands: Any) -> Proposal:
    attributes, types = _sorted(d, op, wanted, given, operands)
    return attributes | {"kth": given.get("kth", (int(d.random.integers(3)),))}, types


def _scatter(
    d: Draw, op: OpDef, wanted: TensorType, given: Mapping[str, Any], operands: Any
) -> Proposal:
    """Rows at labels of a few shapes; a known operand says what the others are."""
    d.need(wanted.rank > 0)
    index, updates = d.known_type(operands[1]), d.known_type(operands[2])
    if index is None:
        lead: tuple[Size, ...] = d.shape(int(d.random.choice(3, p=(0.2, 0.65, 0.15))))
        if updates is not None:
            d.need(updates.rank >= wanted.rank - 1)
            lead = tuple(updates.shape[: updates.rank - wanted.rank + 1])
        index = TensorType(INT64, lead)
    modes = [m for m in MODES if m in ("set", "add") or wanted.dtype.kind != "b"]
    attributes = {
        "mode": given.get("mode", modes[int(d.random.integers(len(modes)))]),
        "checked": given.get("checked", int(d.random.integers(2))),
        "shape": wanted.shape,
    }
    rows = wanted.with_shape((*index.shape, *wanted.shape[1:]))
    return attributes, [wanted, index, rows]


def _update_slice(
    d: Draw, op: OpDef, wanted: TensorType, given: Mapping[str, Any], operands: Any
) -> Proposal:
    part, steps, starts = [], [], []
    begin, stride = given.get("start", ()), given.get("step", ())
    known = d.known_type(operands[1])
    for axis, size in enumerate(wanted.shape):
        assert isinstance(size, int)
        first = int(begin[axis]) if len(begin) == wanted.rank else None
        room = size - (first or 0)
        d.need(room >= 0)
        length = int(d.random.integers(0, room + 1))
        size_known = known.shape[axis] if known is not None and known.rank == wanted.rank else None
        if isinstance(size_known, int):
            length = size_known
        longest = (room - 1) // (length - 1) if length > 1 else 1
        d.need(longest >= 1)
        step = int(d.random.integers(1, longest + 1))
        if len(stride) == wanted.rank:
            step = stride[axis]
            d.need(step >= 1)
            most = (room - 1) // step + 1 if room else 0
            length = length if length <= most else most
        span = (length - 1) * step + 1 if length else 0
        d.need(span <= room)
        part.append(length)
        steps.append(step)
        starts.append(int(d.random.integers(0, size - span + 1)) if first is None else first)
    attributes = {"start": tuple(starts), "step": tuple(steps), "shape": wanted.shape}
    return attributes, [wanted, wanted.with_shape(part)]


def _same(d: Draw, op: OpDef, wanted: TensorType, given: Any, operands: Any) -> Proposal:
    return ({"shape": wanted.shape} if "shape" in op.attributes else {}), [wanted]


PROPOSERS: dict[str, Proposer] = {
    "full": _full,
    "iota": _iota,
    "size": _size,
    "cast": _cast,
    "matmul": _matmul,
    "gemm": _gemm,
    "broadcast": _broadcast,
    "squeeze": _squeeze,
    "transpose": _transpose,
    "reshape": _reshape,
    "slice": _slice,
    "pad": _pad,
    "concatenate": _concatenate,
    "diagonal": _diagonal,
    "pick": _pick,
    "gather": _gather,
    "scatter": _scatter,
    "update_slice": _update_slice,
    "sort": _sorted,
    "argsort": _sorted,
    "ordered_by": _sorted,
    "partition": _parted,
    "argpartition": _parted,
    "searchsorted": _searchsorted,
    "lookup": _lookup,
    "label_sum": _label_sum,
    "convolution": _convolution,
    "refine": _same,
    "stretch": _same,
    "unstretch": _same,
    "keep": _same,
    **matrix_proposals.PROPOSERS,
}
