"""`assume`: what the user knows of a value, for the rules."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from eqsat_tensor.errors import (
    ArgumentError,
    ContradictionError,
    DtypeError,
    ShapeError,
    message,
    user_place,
)
from eqsat_tensor.extents import same_size
from eqsat_tensor.lang import FLOATS, Expr
from eqsat_tensor.namespace.operands import public
from eqsat_tensor.ops import movement
from eqsat_tensor.ops.assume import BOUNDS, FACTS, MATRIX_FACTS, assume
from eqsat_tensor.tensor import Tensor

KEYWORDS = {name.replace("-", "_"): name for name in (*FACTS, *BOUNDS)}
KEYWORDS["identity"] = KEYWORDS.pop("identity_matrix")
OPPOSITE = (("positive", "nonpositive"), ("negative", "nonnegative"), ("positive", "negative"))


@public()
def assume_(x: Any, /, **facts: Any) -> Any:
    """`x`, of which facts are taken for true: rules may use them, nothing checks them.

    Each element: `positive`, `nonnegative`, `nonzero`, `nonpositive`, `negative`, `at_least=`,
    `at_most=` (numbers), `integer_valued`, `finite`, `not_nan`.  Indices: `unique` (no two of them
    are one place).  Matrices in the last two axes: `symmetric`, `positive_definite`,
    `positive_semidefinite`, `diagonal`, `lower_triangular`, `upper_triangular`, `orthogonal`,
    `permutation`, `identity`.

    It costs nothing, and gradients pass.  The facts are of the value itself, wherever the program uses
    it: say nothing that holds in one branch of a `where` alone.  An element that is NaN is no number,
    and only `finite` and `not_nan` speak of it.  Results are arbitrary where a fact is false.  Raises ContradictionError, here or when the
    program is compiled, for facts that cannot all be true.
    """
    known: dict[str, float | None] = {}
    for keyword, value in facts.items():
        name = KEYWORDS.get(keyword)
        if name is None:
            needs = f"facts among {', '.join(sorted(KEYWORDS))}"
            raise ArgumentError(message("assume", needs, f"{keyword}={value!r}"))
        if name in BOUNDS:
            known[name] = _bound(keyword, value)
        elif not isinstance(value, bool | np.bool_):
            hint = f"{keyword}=True says that x is so."
            raise ArgumentError(message("assume", f"{keyword} True or False", repr(value), hint))
        elif value:
            known[name] = None
    known = {n: b for n, b in known.items() if b is None or math.isfinite(b)}
    _refuse_opposites(known)
    if not isinstance(x, Tensor):
        return x
    return Tensor(_assumed(x.expr, known))


def _bound(keyword: str, value: Any) -> float:
    """A bound as a float that says no more than the number given."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if math.isnan(number) or isinstance(value, Tensor):
        raise ArgumentError(message("assume", f"{keyword} a number", repr(value)))
    wrong_way = number > value if keyword == "at_least" else number < value
    if wrong_way:  # a whole number that no float is
        number = math.nextafter(number, -math.inf if keyword == "at_least" else math.inf)
    return number


def _refuse_opposites(known: dict[str, float | None]) -> None:
    both = [f"{a} and {b}" for a, b in OPPOSITE if a in known and b in known]
    low, high = known.get("at-least"), known.get("at-most")
    if low is not None and high is not None and low > high:
        both.append(f"at_least={low:g} and at_most={high:g}")
    if both:
        raise ContradictionError(
            message("assume", "facts that can all be true of a value", both[0], "Drop one.")
        )


def _assumed(x: Expr, known: dict[str, float | None]) -> Expr:
    """The node; DtypeError and ShapeError where x cannot have the facts."""
    if known and x.dtype.kind in "bc":
        hint = "Assume it of its real and imaginary parts." if x.dtype.kind == "c" else ""
        raise DtypeError(message("assume", "real numbers", f"x: {x.type}", hint))
    matrix = [name for name in known if name in MATRIX_FACTS]
    if matrix and x.dtype not in FLOATS:
        raise DtypeError(message("assume", f"floats to be {matrix[0]}", f"x: {x.type}"))
    if matrix and (len(x.shape) < 2 or same_size(x.shape[-1], x.shape[-2]) is False):
        needs = f"square matrices in the last two axes to be {matrix[0]}"
        raise ShapeError(message("assume", needs, f"x: {x.type}"))
    if matrix:
        x = movement.refine(x, (*x.shape[:-1], x.shape[-2]))
    place = user_place()
    return assume(x, known, "" if place is None else f"{Path(place[0]).name}:{place[1]}")
