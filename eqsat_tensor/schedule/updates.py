"""Updates of arrays as values: selections, or calls that change memory which nothing else reads.

update_slice(x, part)          ->  select(inside, pad(part), x)
the same in a long chain       ->  Call update, in the memory of the one before
scatter(x, labels, part)       ->  Call scatter
"""

from __future__ import annotations

from collections.abc import Callable

from eqsat_tensor.lang import BOOL, Expr
from eqsat_tensor.schedule.loop_values import Call, Map, Stored, Value
from eqsat_tensor.schedule.movement import padded
from eqsat_tensor.schedule.table import Table

CHAIN = 8  # updates one after another, from which on each is done in place


def _scatter(table: Table, node: Expr, base: Value, index: Value, updates: Value) -> Value:
    operands = (_base_of(table, node, base), table.loaded(index), table.loaded(updates))
    return Call(node.type, "scatter", operands, (("mode", node["mode"]),))


def _update_slice(table: Table, node: Expr, base: Value, part: Value) -> Value:
    """A selection; of a long chain, where each would select from all before it, in place."""
    start, step = node["start"], node["step"]
    if table.chains.length[node] > CHAIN:
        options = (("start", start), ("step", step))
        operands = (_base_of(table, node, base), table.loaded(part))
        return Call(node.type, "update", operands, options) if node.shape else part
    yes = table.full(table.constant(True, BOOL), part.shape)
    flags = node.type.with_dtype(BOOL)
    inside = padded(table, yes, flags.shape, start, step)
    chosen = padded(table, part, node.shape, start, step)
    result = table.map("select", node.type, inside, chosen, base)
    if node not in table.chains.kept:
        return result
    stored = table.make(Stored, node.type, "keep", (result,))
    if isinstance(part, Map):
        _read_there(table, node, stored)
    return stored


def _read_there(table: Table, node: Expr, stored: Value) -> None:
    """Who reads what was written from now on reads it in the stored array."""
    part, terms = node.arguments[1], list(zip(node["start"], node["step"], strict=True))
    table.done[part] = table.view(part.shape, stored, [(j, s, t) for j, (s, t) in enumerate(terms)])
    if part.op.name == "broadcast" and all(part.shape[a] == 1 for a in part["axes"]):
        kept = iter(range(len(part.shape)))
        axes = [None if j in part["axes"] else next(kept) for j in range(len(part.shape))]
        table.done[part.arguments[0]] = table.view(
            part.arguments[0].shape,
            stored,
            [(a, s, t) for a, (s, t) in zip(axes, terms, strict=True)],
        )


def _base_of(table: Table, node: Expr, base: Value) -> Value:
    """Memory to change: that of an operand that nothing else reads, else a copy's."""
    if node.arguments[0] in table.chains.alone and isinstance(base, Call) and base.in_place:
        return base
    return Map(base.type, "keep", (base,))


LOWER: dict[str, Callable[..., Value]] = {"scatter": _scatter, "update_slice": _update_slice}
