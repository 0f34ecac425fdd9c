"""Instances of which the engine knows some sizes only at run time."""

from __future__ import annotations

from dataclasses import replace

from eqsat_tensor.errors import EqsatError
from eqsat_tensor.extents import Size, symbol
from eqsat_tensor.kinds import Attribute
from eqsat_tensor.lang import Expr, apply, rewrite
from eqsat_tensor.verify.conditions import SYMBOL_SIZE, Misfit
from eqsat_tensor.verify.draw import Leaf
from eqsat_tensor.verify.instances import Instance


def symbolic(instance: Instance) -> Instance | None:
    """The instance with a size symbol for one of its sizes; None where that does not come out.

    The engine sees the symbol, so that rules are tried as they are for sizes known at run time.
    """
    name = "n"
    size = symbol(name, 1)

    def changed(value: Size) -> Size:
        return size if value == SYMBOL_SIZE else value

    def change(node: Expr, operands: tuple[Expr, ...]) -> Expr:
        attributes = node.named
        for attribute, kind in node.op.attributes.items():
            if kind is Attribute.SHAPE:
                attributes[attribute] = tuple(map(changed, attributes[attribute]))
        new = apply(node.op, *operands, **attributes)
        if new.shape != tuple(map(changed, node.shape)):
            raise Misfit("a size of another origin")
        if node in instance.leaves:
            leaves[new] = replace(instance.leaves[node], expr=new)
        return new

    leaves: dict[Expr, Leaf] = {}
    try:
        expr, *variables = rewrite([instance.expr, *instance.variables], change)
    except (Misfit, AssertionError, EqsatError):
        return None
    if expr is instance.expr:
        return None
    return Instance(expr, leaves, tuple(variables), {name: SYMBOL_SIZE})
