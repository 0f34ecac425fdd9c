"""What must hold for a program to run: conditions on sizes, and checks of values; and where its nodes stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from eqsat_tensor.errors import told
from eqsat_tensor.extents import Guard, symbols_of
from eqsat_tensor.kinds import Attribute
from eqsat_tensor.lang import ANY_ARITY, Expr, OpDef, topological

EQUATING = frozenset(("refine", "stretch", "unstretch"))  # a guard says that sizes are equal
SPREADING = frozenset(("broadcast", "cast"))  # what operations do to their operands first


def symbols_in(node: Expr) -> set[str]:
    """Names of the sizes that a node speaks of."""
    found = {n for s in node.shape for n in symbols_of(s)}
    for kind, value in zip(node.op.attributes.values(), node.attributes, strict=True):
        if kind in (Attribute.SHAPE, Attribute.SIZES):
            found |= {n for s in value for n in symbols_of(s)}
    return found


def guards_of(outputs: Iterable[Expr]) -> list[Guard]:
    """The size conditions of a program, each once, in order of use; each with what it is about."""
    order = topological(outputs)
    found: dict[Guard, Expr] = {}
    for node in order:
        if node.op.guards is not None:
            for guard in node.op.guards(node):
                found.setdefault(guard, node)
    users: dict[Expr, Expr] = {}
    if found:
        for node in order:
            for a in node.arguments:
                users.setdefault(a, node)
    return [_about(guard, node, users) for guard, node in found.items()]


def _about(guard: Guard, node: Expr, users: Mapping[Expr, Expr]) -> Guard:
    """The guard, with operands and place of the op that needs it, named where the text does not."""
    if guard.place:
        return guard
    text = guard.text
    if node.op.name in EQUATING:
        while node in users and (node.op.name in EQUATING or node.op.name in SPREADING):
            node = users[node]
        text = f"{node.op.name}: {text}" if node.op.name not in EQUATING else text
    return replace(guard, text=text, got=operand_types(node), place=shown_place(node))


def operand_types(node: Expr) -> str:
    """The types of a node's operands, as they were before an operation took sizes for equal."""
    operands = list(node.arguments)
    for i, a in enumerate(operands):
        while a.op.name in EQUATING or a.op.name in SPREADING:
            a = a.arguments[0]
        operands[i] = a
    return ", ".join(str(a.type) for a in operands)


def shown_place(node: Expr) -> str:
    """``file:line`` of the user's code that a node comes from."""
    return "" if node.place is None else f"{Path(node.place[0]).name}:{node.place[1]}"


def checks_of(outputs: Iterable[Expr]) -> list[tuple[Expr, str]]:
    """What a program must check of its values, each once: a 0-d bool expression and a text."""
    found: dict[Expr, str] = {}
    together: dict[OpDef, list[Expr]] = {}
    for node in topological(outputs):
        if node.op.checks is not None:
            for check, failure in node.op.checks(node):
                if check not in found:
                    own = node.op.arity != ANY_ARITY  # a graph's checks are located in the graph
                    about = (operand_types(node), shown_place(node)) if own else ("", "")
                    found[check] = told(failure, *about)
        if node.op.all_checks is not None:
            together.setdefault(node.op, []).append(node)
    for op, nodes in together.items():
        assert op.all_checks is not None
        found.update(op.all_checks(nodes))
    return list(found.items())
