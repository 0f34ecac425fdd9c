"""`Expr` -> `Expr`: reverse-mode derivatives.

    gradient(mean(x * y), [x])   ->   [y / n]

No NaN comes from a branch that was not taken: cotangents carry masks (`eqsat_tensor.autodiff.masks`).  Where
a matrix product mixes elements, rows and columns that no live element needs are set to 0 before it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from eqsat_tensor.autodiff.masks import Cotangent, Mask, Masks
from eqsat_tensor.errors import DtypeError, GradientError, message, placed
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import ANY_ARITY, COMPLEXES, FLOATS, INEXACT, Expr
from eqsat_tensor.ops import cumulative, marker, movement, reduce
from eqsat_tensor.ops.compare import not_equal, where
from eqsat_tensor.ops.leaf import full_like

# ---------------------------------------------------------------------------------- one node back
AS_THEY_STAND = frozenset(
    (
        "transpose", "squeeze", "reshape", "refine", "stretch", "unstretch", "slice", "pad",
        "concatenate", "update_slice", "assume",
    )
)  # fmt: skip
PARTS_OF_COMPLEX = frozenset(("real", "imag", "complex"))
PARTS = list[Cotangent | None]


def elementwise(node: Expr) -> bool:
    """Does element i of the node need element i of its operands alone?"""
    kind = node.op.kind
    alone = kind is Kind.COMPOSITE and not node.op.attributes
    alone = alone or node.op.name in PARTS_OF_COMPLEX
    return kind in (Kind.ELEMENTWISE, Kind.BARRIER) or alone


def _back(node: Expr, ct: Cotangent, masks: Masks) -> PARTS:
    """Cotangents of a node's operands, from its own."""
    if elementwise(node):
        clean = ct.clean and (node.op.linear or node.op.name == "cast")
        return _parts(masks, vjp_of(node, ct.value), ct.mask, clean)
    if "axes" in node.op.attributes and node.op.kind in (Kind.REDUCTION, Kind.COMPOSITE):
        return _back_through_reduction(node, ct, masks)
    value = ct.settled()
    if "reverse" in node.op.attributes:
        return _back_through_scan(node, value, ct.mask, masks)
    if ct.mask is None:
        return _parts(masks, vjp_of(node, value))
    if node.op.kind is Kind.MOVEMENT:
        moved = [
            None if live is None else masks.branch(None, live, True)
            for live in _moved_mask(node, ct.mask.live)
        ]
        return _clean_parts(vjp_of(node, value), moved)
    if node.op.name == "matmul":
        return _back_through_matmul(node, value, ct.mask.live, masks)
    return _parts(masks, vjp_of(node, value))


def _parts(
    masks: Masks, values: Sequence[Expr | None], mask: Mask | None = None, clean: bool = True
) -> PARTS:
    return [None if v is None else masks.part(v, mask, clean) for v in values]


def _clean_parts(values: Sequence[Expr | None], masks: Sequence[Mask | None]) -> PARTS:
    pairs = zip(values, masks, strict=True)
    return [None if v is None else Cotangent(v, mask) for v, mask in pairs]


def vjp_of(node: Expr, ct: Expr, operands: Sequence[Expr] | None = None) -> list[Expr | None]:
    """The cotangents of a node's operands (or of others in their place), from its own."""
    operands = node.arguments if operands is None else operands
    if node.op.vjp is not None:
        return list(node.op.vjp(ct, node, *operands, **node.named))
    if node.op.expand is not None:
        body = node.op.expand(*operands, **node.named)
        return list(pullback([body], [ct], operands))
    raise GradientError(message(node.op.name, "an operation that has a derivative", str(node.type)))


def _back_through_reduction(node: Expr, ct: Cotangent, masks: Masks) -> PARTS:
    axes, x = node["axes"], node.arguments[0]
    same_shape = node.shape == x.shape
    value = ct.settled() if same_shape else ct.value  # softmax and its like mix elements
    mask = None
    if ct.mask is not None:
        live = reduce.any_(ct.mask.live, axes=axes) if same_shape else ct.mask.live
        mask = masks.branch(None, movement.broadcast(live, axes, x.shape), True)
    clean = ct.clean and node.op.linear
    return _parts(masks, vjp_of(node, value), mask, clean)


def _back_through_scan(node: Expr, ct: Expr, mask: Mask | None, masks: Masks) -> PARTS:
    """An element is live where a place that takes it in is."""
    if mask is not None:
        along = {"axis": node["axis"], "reverse": 1 - node["reverse"]}
        mask = masks.branch(None, cumulative.cummax(mask.live, **along), True)
    return _parts(masks, vjp_of(node, ct), mask, False)


def _moved_mask(node: Expr, live: Expr) -> list[Expr | None]:
    """Which elements of a movement's operands are live, given those of its result."""
    if node.op.name in AS_THEY_STAND:
        return vjp_of(node, live)
    if node.op.name == "broadcast":
        return [reduce.any_(live, axes=node["axes"])]
    ones = where(live, full_like(node, 1), full_like(node, 0))
    moved = vjp_of(node, ones)
    return [None if p is None else not_equal(p, full_like(p, 0)) for p in moved]


def _back_through_matmul(node: Expr, ct: Expr, live: Expr, masks: Masks) -> PARTS:
    """Rows of `a` and columns of `b` that no live element needs are set to 0: they may be NaN."""
    rank = len(node.shape)
    operands: list[Expr] = []
    found: list[Mask | None] = []
    for operand, axis, repeated in zip(node.arguments, (rank - 1, rank - 2), (-1, -2), strict=True):
        mask = None
        if live.op.name == "broadcast" and axis in live["axes"]:  # the same for a whole row
            line = movement.slice_(
                live,
                [0] * rank,
                [1] * rank,
                [1 if j == axis else s for j, s in enumerate(live.shape)],
            )
            line = movement.squeeze(line, (axis,))
            spread = movement.broadcast(line, (rank + repeated,), operand.shape)
            mask = masks.branch(None, spread, True)
            operand = mask.select(operand)
        operands.append(operand)
        found.append(mask)
    return _clean_parts(vjp_of(node, ct, operands), found)


# -------------------------------------------------------------------------------------- pullback
def pullback(
    outputs: Sequence[Expr],
    cotangents: Sequence[Expr],
    wrt: Sequence[Expr],
    constant: Collection[Expr] = (),
) -> list[Expr]:
    """The cotangents of ``wrt``, given those of ``outputs``: time linear in the graph, any depth.

    outputs, wrt: floats or complex numbers; a cotangent has its output's type.  What no output depends on gets zeros.
    constant: expressions through which no derivative passes.
    """
    found = delivered(outputs, cotangents, wrt, constant)
    return [movement.zeros_like(w) if ct is None else ct for w, ct in zip(wrt, found, strict=True)]


def delivered(
    outputs: Sequence[Expr],
    cotangents: Sequence[Expr],
    wrt: Sequence[Expr],
    constant: Collection[Expr] = (),
) -> list[Expr | None]:
    """As `pullback`, but None for what no output depends on by a differentiable path."""
    order = marker.derivative_order(outputs)
    calls: dict[tuple[Any, ...], list[Expr]] = {}  # the outputs of each marked part
    active = set(wrt)
    for node in order:
        if node.op is marker.custom:
            calls.setdefault(marker.call_of(node), []).append(node)
        if node.dtype in INEXACT and any(a in active for a in marker.sources(node)):
            active.add(node)
        if node in constant:
            active.discard(node)
    masks = Masks()
    held: dict[Expr, list[Cotangent]] = {}

    def deliver(node: Expr, ct: Cotangent) -> None:
        held.setdefault(node, []).append(ct)

    for output, ct in zip(outputs, cotangents, strict=True):
        assert output.type == ct.type, (output, ct)
        if output in active:
            deliver(output, masks.part(ct, None, True))
    for node in reversed(order):
        if not any(a in active for a in marker.sources(node)) or node in constant:
            continue
        if node.op is marker.custom:
            group = calls[marker.call_of(node)]
            if node is not group[0] or not any(n in held for n in group):
                continue  # a part is differentiated once all its outputs have their cotangents
            arguments: Sequence[Expr] = marker.operands_of(node)
            refuse_captured(node, active)
            totals = {n["output"]: masks.total(held[n]) for n in group if n in held}
            parts = _back_by_rule(node["rule"], arguments, totals, masks)
        elif node in held:
            arguments = node.arguments
            refuse_unknown(node, active)
            with placed(None if node.op.arity == ANY_ARITY else node.place):  # rules of users' own
                parts = _back(node, masks.total(held[node]), masks)
        else:
            continue
        for argument, part in zip(arguments, parts, strict=True):
            if part is not None and argument in active:
                deliver(argument, part)
    return [masks.total(held[w]).settled() if w in held else None for w in wrt]


def refuse_unknown(node: Expr, active: Collection[Expr]) -> None:
    """GradientError where an operand is differentiated by that has no derivative here."""
    for number, reason in node.op.refused.items():
        if node.arguments[number] in active:
            needs = f"operand {number} not to be differentiated by"
            raise GradientError(message(node.op.name, needs, str(node.type), reason))


def refuse_captured(node: Expr, active: Collection[Expr]) -> None:
    """GradientError where a marked part depends on an active value that is no operand of it."""
    beside = marker.attached(node)[node["operands"] :]
    if any(a in active for a in beside):
        needs = "every value that derivatives go through among its arguments"
        hint = "Pass what the function closes over as an argument."
        raise GradientError(message(node["rule"].name, needs, "", hint))


def _back_by_rule(
    rule: marker.Rule, operands: Sequence[Expr], totals: Mapping[int, Cotangent], masks: Masks
) -> PARTS:
    if rule.elementwise:
        (ct,) = totals.values()
        return _parts(masks, rule.pull(operands, {0: ct.value}), ct.mask, False)
    values = rule.pull(operands, {number: ct.settled() for number, ct in totals.items()})
    return _parts(masks, values)


def gradient(output: Expr, wrt: Sequence[Expr], constant: Collection[Expr] = ()) -> list[Expr]:
    """The derivatives of a 0-d float with respect to each of ``wrt``, of their types.

    By z = x + iy it is d/dx - i d/dy.  Raises GradientError where the output is no 0-d float,
    DtypeError where one of ``wrt`` is neither float nor complex.
    """
    check_output("grad", output)
    check_inputs("grad", wrt)
    return pullback([output], [full_like(output, 1)], wrt, constant)


def check_inputs(operation: str, wrt: Sequence[Expr]) -> None:
    """DtypeError for what is neither float nor complex."""
    for w in wrt:
        if w.dtype not in INEXACT:
            hint = "Cast to a float dtype first."
            raise DtypeError(
                message(operation, "float arguments, or complex ones", str(w.type), hint)
            )


def check_output(operation: str, output: Expr) -> None:
    """GradientError for what is no 0-d float."""
    if output.shape != () or output.dtype not in FLOATS:
        hint = "Reduce it, for example by sum or mean." if output.shape else "Cast it to a float."
        if output.dtype in COMPLEXES:
            hint = "Differentiate real(...) or imag(...) of it."
        raise GradientError(message(operation, "a 0-d float", str(output.type), hint))
