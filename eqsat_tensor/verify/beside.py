"""What a rule's conditions ask to be in the program beside its left side.

    (rewrite (Solve a b) ... :when ((symmetric a) (= l (Cholesky a))))     a program that factors `a` too

Such a value goes into the engine with the instance, and is one of its variables: where it is refused
or out of range, so is the program as written, and the draw promises as little.
"""

from __future__ import annotations

from eqsat_tensor.lang import Expr
from eqsat_tensor.verify.matrix_proposals import READ_FOR, mark_matrices
from eqsat_tensor.verify.typed_draw import Draw


def beside(draw: Draw) -> list[Expr]:
    """The values of conditions ``(= v (Op ...))`` that no pattern has built; their variables are bound."""
    made = []
    for name, pattern in draw.equations.items():
        expr = None if name in draw.bound else draw.known(pattern)
        if expr is not None:
            draw.bound[name] = expr
            made.append(expr)
            if expr.op.name in READ_FOR:
                mark_matrices(expr.op, expr.arguments[0], draw.leaves)
    return made
