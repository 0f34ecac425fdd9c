"""A program computed in float64 throughout, for inputs and results in float32 or float16.

    f32: log(divide(s, k))   ->   f32(log(divide(f64(s), f64(k))))

What the user rounds himself, by astype from float64, stays rounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from eqsat_tensor.errors import UnsupportedError, message
from eqsat_tensor.kinds import Attribute, Kind
from eqsat_tensor.lang import COMPLEXES, FLOAT16, FLOAT32, FLOAT64, Expr, apply, rewrite
from eqsat_tensor.ops.compare import cast_to
from eqsat_tensor.program import Program
from eqsat_tensor.types import Literal, literal

NARROW = (FLOAT16, FLOAT32)


def widened(program: Program) -> Program:
    """The program with its float32 and float16 values in float64; results have the dtypes they had.

    Raises UnsupportedError for complex numbers, and where a loop or a callback computes in float32.
    """
    roots = widened_roots(program.roots)
    n, u = len(program.outputs), len(program.updates)
    updates = zip(program.updates, roots[n : n + u], strict=True)
    checks = zip(program.checks, roots[n + u :], strict=True)
    return replace(
        program,
        outputs=tuple(roots[:n]),
        updates=tuple((i, e) for (i, _), e in updates),
        checks=tuple((e, text) for (_, text), e in checks),
    )


def widened_roots(roots: Sequence[Expr]) -> list[Expr]:
    """As `widened`, of expressions."""
    made = rewrite(roots, _wide)
    return [_narrowed(new, old) for new, old in zip(made, roots, strict=True)]


def _narrowed(new: Expr, old: Expr) -> Expr:
    if new.op.name == "cast" and new.arguments[0].type == old.type:
        return new.arguments[0]
    return cast_to(new, old.dtype) if old.dtype in NARROW else new


def _wide(node: Expr, operands: tuple[Expr, ...]) -> Expr:
    if node.dtype in COMPLEXES:
        raise _refused("complex numbers")
    if node.op.name == "input":
        return cast_to(node, FLOAT64) if node.dtype in NARROW else node
    if node.op.name == "cast" and node.dtype in NARROW:
        if node.arguments[0].dtype == FLOAT64:
            return cast_to(cast_to(operands[0], node.dtype), FLOAT64)
        return cast_to(operands[0], FLOAT64)
    narrow = [x for x in (node, *node.arguments) if x.dtype in NARROW]
    if not narrow:
        return node if operands == node.arguments else node.rebuilt(operands)
    if Attribute.OBJECT in node.op.attributes.values() or node.op.kind is Kind.BARRIER:
        raise _refused(node.op.name)
    named = {name: _attribute(value) for name, value in node.named.items()}
    if node.op.name == "cast":
        return cast_to(operands[0], node.dtype)
    return apply(node.op, *operands, **named)


def _attribute(value: Any) -> Any:
    """A dtype or a constant in float64."""
    if isinstance(value, Literal) and value.dtype in NARROW:
        return literal(value.value, FLOAT64)
    return FLOAT64 if isinstance(value, np.dtype) and value in NARROW else value


def _refused(what: str) -> UnsupportedError:
    hint = "Compile it without widen=True, or give float64."
    return UnsupportedError(message("widen", "real arrays and ops of the language", what, hint))
