"""Programs that show the rules of ``logic.egg`` at work."""

from __future__ import annotations

from typing import Any

import eqsat_tensor as et
from tests.rules.cases import case
from tests.rules.shown.arrays import MASK, X, Y

# fails without the file
NEEDS: Any = case(
    "negated", lambda x: et.where(et.logical_not(x < 1.0), x, 2.0), (0.0, 2.0), absent="logical_not"
)


def constants_in(f: Any) -> Any:
    return lambda c: f(et.where(c, -0.25, 0.75))


def constants_with(f: Any) -> Any:
    return lambda c: f(et.where(c, 0.25, 0.75), 3.0)


# rule -> a program that comes out otherwise without it, and its arguments
PROGRAMS: dict[str, Any] = {
    "greater-as-less": (lambda x, y: (x > y) & (y < x), (X, Y)),
    "greater-equal-as-less-equal": (lambda x, y: (x >= y) & (y <= x), (X, Y)),
    "add-of-wheres": (lambda c, x, y: et.where(c, x, 0.0) + et.where(c, 0.0, y), (MASK, X, Y)),
    "multiply-of-wheres": (
        lambda c, x, y: et.where(c, x, 1.0) * et.where(c, 1.0, y), (MASK, X, Y)),
    "subtract-of-wheres": (
        lambda c, x, y: et.where(c, x, 0.0) - et.where(c, 0.0, y), (MASK, X, Y)),
    "divide-of-wheres": (
        lambda c, x, y: et.where(c, x, 1.0) / et.where(c, 1.0, y), (MASK, X, Y)),
    "maximum-of-wheres": (
        lambda c, x, y: et.maximum(et.where(c, x, y), et.where(c, x, 0.5)), (MASK, X, Y)),
    "minimum-of-wheres": (
        lambda c, x, y: et.minimum(et.where(c, x, y), et.where(c, x, 0.5)), (MASK, X, Y)),
    "equal-false": (lambda a, b: (a == (b & False)) & (b == (a & False)), (MASK, MASK[::-1])),
    "xor-of-not": (lambda a, b: (~a) ^ (~b), (MASK, MASK[::-1])),
    "maximum-of-bools": (lambda a, b: et.maximum(a, b) | a, (MASK, MASK[::-1])),
    "minimum-of-bools": (lambda a, b: et.minimum(a, b) & a, (MASK, MASK[::-1])),
    "where-false-and": (lambda a, b: ~et.where(a, False, ~b), (MASK, MASK[::-1])),
    "where-or-true": (lambda a, b: ~et.where(a, ~b, True), (MASK, MASK[::-1])),
}  # fmt: skip
for _name in ("negative", "absolute", "sqrt", "exp", "log", "log1p", "tanh", "sigmoid"):
    PROGRAMS[f"{_name}-of-where-constants"] = (constants_in(getattr(et, _name)), (MASK,))
for _name in ("add", "subtract", "multiply", "divide"):
    PROGRAMS[f"{_name}-of-where-constants-and-constant"] = (
        constants_with(getattr(et, _name)),
        (MASK,),
    )
