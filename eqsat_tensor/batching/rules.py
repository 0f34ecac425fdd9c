"""How each op takes one more axis in front: `Expr` -> `Expr`.

    batch([sum(x * y)], {x: X}, n)   with X: [n, *x's shape]   ->   sum(X * broadcast(y), axes shifted)

A node that does not depend on what is batched stays as it is.  A rule is called as ``rule(node, operands,
size)`` with operands that all have the axis, and gives the node with the axis.  An op record gives one as
`batch`; `shifted` here serves ops whose `axis` or `axes` count from the front; without `batch` the op's
kind decides, and for what no rule is known there is an UnsupportedError that names the op.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from weakref import WeakKeyDictionary

from eqsat_tensor.errors import UnsupportedError, message
from eqsat_tensor.extents import Size
from eqsat_tensor.kinds import Attribute, Kind
from eqsat_tensor.lang import Expr, apply, topological
from eqsat_tensor.ops import arithmetic, contract, marker, movement
from eqsat_tensor.ops.captured import input_leaf
from eqsat_tensor.types import TensorType

Rule = Callable[[Expr, Sequence[Expr], Size], Expr]


def batch(
    outputs: Sequence[Expr], table: Mapping[Expr, Expr], size: Size
) -> tuple[list[Expr], list[bool]]:
    """The outputs with nodes replaced by ones that have one more axis of ``size`` in front.

    Returns the outputs, and which of them have the axis: those that depend on what was replaced.
    """
    new: dict[Expr, Expr] = dict(table)
    for node in topological(outputs):
        if node not in new and any(a in new for a in node.arguments):
            new[node] = batched(node, new, size)
    return [new.get(o, o) for o in outputs], [o in new for o in outputs]


def batched(node: Expr, new: Mapping[Expr, Expr], size: Size) -> Expr:
    """One node; ``new`` holds those of its operands that have the axis."""
    if node.op.name in ("matmul", "solve", "solve_triangular"):
        flat = _flat_product(node, new, size)
        if flat is not None:
            return flat
    operands = [new[a] if a in new else spread(a, size) for a in node.arguments]
    rule = node.op.batch or RULES.get(node.op.name) or BY_KIND.get(node.op.kind)
    result = None if rule is None else rule(node, operands, size)
    if result is None or result.type != node.type.with_shape((size, *node.shape)):
        needs = "operations that can be batched"
        hint = "Call it outside vmap, on the arrays with their axis."
        raise UnsupportedError(message(f"vmap of {node.op.name}", needs, str(node.type), hint))
    return result


def spread(x: Expr, size: Size) -> Expr:
    """A value that is the same for every element of the batch."""
    return movement.broadcast(x, (0,), (size, *x.shape))


# ---------------------------------------------------------------------------------------- rules
def same(node: Expr, operands: Sequence[Expr], size: Size) -> Expr:
    """For ops without axes: elementwise ones, and those on the last axes."""
    return node.rebuilt(operands)


def shifted(node: Expr, operands: Sequence[Expr], size: Size) -> Expr:
    """For ops whose `axis` and `axes` count from the front, and whose shapes are the result's."""
    attributes = {}
    for name, kind in node.op.attributes.items():
        value = node[name]
        if name in ("axis", "axes"):
            value = tuple(a + 1 for a in value) if isinstance(value, tuple) else value + 1
        elif kind is Attribute.SHAPE:
            value = (size, *value)
        attributes[name] = value
    return apply(node.op, *operands, **attributes)


def _by_axis(node: Expr, operands: Sequence[Expr], size: Size) -> Expr | None:
    """What is known of an op without a rule: with one operand and an axis, that the axis shifts."""
    if node.op.expand is not None and not node.op.attributes:
        return same(node, operands, size)
    if node.op.arity == 1 and ("axes" in node.op.attributes or "axis" in node.op.attributes):
        return shifted(node, operands, size)
    return None


def _broadcast(node: Expr, operands: Sequence[Expr], size: Size) -> Expr:
    return movement.broadcast(operands[0], [a + 1 for a in node["axes"]], (size, *node.shape))


def _squeeze(node: Expr, operands: Sequence[Expr], size: Size) -> Expr:
    return movement.squeeze(operands[0], [a + 1 for a in node["axes"]])


def _transpose(node: Expr, operands: Sequence[Expr], size: Size) -> Expr:
    return movement.transpose(operands[0], (0, *(a + 1 for a in node["axes"])))


def _reshape(node: Expr, operands: Sequence[Expr], size: Size) -> Expr:
    return movement.reshape(operands[0], (size, *node.shape))


def _refine(node: Expr, operands: Sequence[Expr], size: Size) -> Expr:
    return movement.refine(operands[0], (size, *node.shape))


def _slice(node: Expr, operands: Sequence[Expr], size: Size) -> Expr:
    start, step, shape = node.attributes
    return movement.slice_(operands[0], (0, *start), (1, *step), (size, *shape))


def _pad(node: Expr, operands: Sequence[Expr], size: Size) -> Expr:
    low, step, shape = node.attributes
    return movement.pad(operands[0], (0, *low), (1, *step), (size, *shape))


def _gemm(node: Expr, operands: Sequence[Expr], size: Size) -> Expr:
    alpha, a, b, beta, c = operands
    others = range(1, len(c.shape))
    product = arithmetic.multiply(movement.broadcast(alpha, others, c.shape), contract.matmul(a, b))
    return arithmetic.add(
        product, arithmetic.multiply(movement.broadcast(beta, others, c.shape), c)
    )


def _flat_product(node: Expr, new: Mapping[Expr, Expr], size: Size) -> Expr | None:
    """A batch against one matrix as one product of matrices; None where it is not such.

    [n, m, k] @ [k, p]    as   [n * m, k] @ [k, p]
    [m, k] @ [n, k, 1]    as   ([n, k] @ [k, m]) with an axis at the end
    """
    a, b = node.arguments
    if len(node.shape) != 2:
        return None
    if node.op.name != "matmul":
        return _flat_solution(node, new, size)
    if a in new and b not in new:
        rows, inner = a.shape
        if rows == 1:
            return movement.expand_dims(contract.matmul(movement.squeeze(new[a], (1,)), b), (1,))
        product = contract.matmul(movement.reshape(new[a], (size * rows, inner)), b)
        return movement.reshape(product, (size, rows, b.shape[1]))
    if b in new and a not in new and b.shape[1] == 1:
        product = contract.matmul(movement.squeeze(new[b], (2,)), movement.swap_last(a))
        return movement.expand_dims(product, (2,))
    return None


def _flat_solution(node: Expr, new: Mapping[Expr, Expr], size: Size) -> Expr | None:
    """Right sides of one matrix side by side: [n, n], [b, n, k] as [n, n], [n, b * k]."""
    a, b = node.arguments
    if a in new:
        return None
    n, k = b.shape
    wide = movement.reshape(movement.transpose(new[b], (1, 0, 2)), (n, size * k))
    found = node.rebuilt((a, wide))
    return movement.transpose(movement.reshape(found, (n, size, k)), (1, 0, 2))


def _custom(node: Expr, operands: Sequence[Expr], size: Size) -> Expr:
    rule: marker.Rule = node["rule"]
    attributes = {**node.named, "rule": rule if rule.elementwise else _batched_rule(rule)}
    return apply(node.op, *operands, **attributes)


_rules: WeakKeyDictionary[marker.Rule, marker.Rule] = WeakKeyDictionary()


def _batched_rule(rule: marker.Rule) -> marker.Rule:
    """The rule for batches: the same one for all outputs of one marked part."""
    if rule not in _rules:
        _rules[rule] = marker.Rule(
            rule.name,
            partial(_pull_batched, rule),
            None if rule.push is None else partial(_push_batched, rule),
            partial(_types_batched, rule),
        )
    return _rules[rule]


def _element(x: Expr) -> Expr:
    return input_leaf("element", x.dtype, x.shape[1:])


def _together(parts: Sequence[Expr | None], table: Mapping[Expr, Expr]) -> list[Expr | None]:
    """Parts of one element -> of the batch."""
    size = next(iter(table.values())).shape[0]
    exprs, have = batch([p for p in parts if p is not None], table, size)
    wide = iter(e if has else spread(e, size) for e, has in zip(exprs, have, strict=True))
    return [None if p is None else next(wide) for p in parts]


def _pull_batched(
    rule: marker.Rule, operands: Sequence[Expr], cts: Mapping[int, Expr]
) -> marker.Parts:
    leaves = [_element(x) for x in operands]
    seeds = {number: _element(ct) for number, ct in cts.items()}
    table = dict(zip([*leaves, *seeds.values()], [*operands, *cts.values()], strict=True))
    return _together(rule.pull(leaves, seeds), table)


def _push_batched(
    rule: marker.Rule, operands: Sequence[Expr], tangents: marker.Parts
) -> marker.Parts:
    assert rule.push is not None
    leaves = [_element(x) for x in operands]
    seeds = [None if t is None else _element(t) for t in tangents]
    pairs = [*zip(leaves, operands, strict=True), *zip(seeds, tangents, strict=True)]
    table = {leaf: x for leaf, x in pairs if leaf is not None and x is not None}
    return _together(rule.push(leaves, seeds), table)


def _types_batched(rule: marker.Rule, operands: Sequence[Expr]) -> list[TensorType]:
    assert rule.output_types is not None, rule
    types = rule.output_types([_element(x) for x in operands])
    return [t.with_shape((operands[0].shape[0], *t.shape)) for t in types]


RULES: dict[str, Rule] = {
    "broadcast": _broadcast,
    "squeeze": _squeeze,
    "transpose": _transpose,
    "reshape": _reshape,
    "refine": _refine,
    "stretch": _refine,
    "unstretch": _refine,
    "slice": _slice,
    "pad": _pad,
    "concatenate": shifted,
    "diagonal": same,
    "pick": shifted,
    "matmul": same,
    "gemm": _gemm,
    "cholesky": same,
    "inv": same,
    "det": same,
    "slogdet": same,
    "eigh": shifted,
    "svd": shifted,
    "svdvals": shifted,
    "qr": shifted,
    "pinv": shifted,
    "lstsq": shifted,
    "solve": same,
    "solve_triangular": same,
    "recurrence": shifted,
    "precise_dot": shifted,
    "ordered_by": shifted,
    "searchsorted": same,
    "lookup": shifted,
    "label_sum": shifted,
    "convolution": shifted,
    "rfft": shifted,
    "irfft": shifted,
    "unique": shifted,
    "attach": same,
    "custom": _custom,
}
BY_KIND: dict[Kind, Callable[[Expr, Sequence[Expr], Size], Expr | None]] = {
    **dict.fromkeys(Kind, _by_axis),
    Kind.ELEMENTWISE: same,
    Kind.BARRIER: same,
    Kind.REDUCTION: shifted,
    Kind.CUMULATIVE: shifted,
}
