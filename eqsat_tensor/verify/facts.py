"""What each fact claims, as a check of values.

Facts of reals (signs, bounds, integer-valued, unique, increasing, those of matrices) speak of T at
finite inputs; an element whose T is no number claims nothing.  Of whole numbers, which wrap, they
speak of the number computed.  Facts of floats (finite, not-nan) speak of the computed bits at all inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from eqsat_tensor.lang import Expr
from eqsat_tensor.ops.assume import BOUNDS
from eqsat_tensor.verify.assumptions import assumptions_hold
from eqsat_tensor.verify.elements import Element, Objects, nan, special
from eqsat_tensor.verify.error_rules import Array
from eqsat_tensor.verify.matrix_facts import OF_MATRICES, matrix_fact_holds
from eqsat_tensor.verify.precise import NEGLIGIBLE, is_exact, top, true_values
from eqsat_tensor.verify.running import evaluate_running
from eqsat_tensor.verify.shrink import elementwise_program


def at_least(x: Element, bound: Element = 0) -> bool:
    """x >= bound; what is under it by next to nothing is what rounding leaves where T cancels."""
    if x >= bound or isinstance(x, int) or special(x):
        return bool(x >= bound)
    return top(bound - x) < NEGLIGIBLE


OF_ELEMENTS: dict[str, Callable[[Element], bool]] = {
    "positive": lambda x: bool(x > 0),
    "nonnegative": at_least,
    "nonzero": lambda x: bool(x != 0),
    "nonpositive": lambda x: at_least(-x),
    "negative": lambda x: bool(x < 0),
    "integer-valued": lambda x: isinstance(x, int) or special(x) or x == int(x),
}
OF_FLOATS: dict[str, Callable[[Array], Array]] = {
    "finite": np.isfinite,
    "not-nan": lambda x: ~np.isnan(x),
}
# (lowest, highest, bound) -> is the fact certain of a number between the two?
MARGINS: dict[str, Callable[[Array, Array, Any], Array]] = {
    "positive": lambda low, high, _: low > 0,
    "nonnegative": lambda low, high, _: low >= 0,
    "nonzero": lambda low, high, _: (low > 0) | (high < 0),
    "nonpositive": lambda low, high, _: high <= 0,
    "negative": lambda low, high, _: high < 0,
    "at-least": lambda low, high, bound: low >= bound,
    "at-most": lambda low, high, bound: high <= bound,
}
SAFETY = 4.0  # error bounds are of first order: this much of them is kept off
TRUTHS = 8  # elements of a draw for which T is evaluated, where elements can be taken apart
UNIQUE = "unique"  # of indices: no two elements name one place, whatever the length of the axis
OF_PAIRS = {"increasing": 1, "decreasing": -1}
VERIFIED = frozenset((*OF_ELEMENTS, *OF_FLOATS, *OF_MATRICES, UNIQUE, *BOUNDS, *OF_PAIRS))


@dataclass(frozen=True)
class Claim:
    """A fact of an expression: its name, and the bound or the other expression that it names."""

    name: str
    expr: Expr
    other: Any = None


def fact_holds(claim: Claim, inputs: Mapping[Expr, Array]) -> tuple[int, ...] | None:
    """None where the fact holds of every element; the place of one where it does not."""
    name, expr = claim.name, claim.expr
    if not assumptions_hold([expr], inputs):
        return None
    if name in OF_FLOATS:
        [(value, _)] = evaluate_running([expr], inputs)
        wrong = np.argwhere(~OF_FLOATS[name](value))
        return tuple(int(i) for i in wrong[0]) if len(wrong) else None
    if not all(np.isfinite(x).all() for x in inputs.values() if x.dtype.kind == "f"):
        return None
    if name in OF_PAIRS:
        return out_of_order(claim, inputs)
    if name in OF_MATRICES:
        return matrix_fact_holds(name, meant(expr, inputs))
    if name == UNIQUE:
        return duplicate(meant(expr, inputs))
    places = doubtful(claim, inputs) if expr.dtype.kind == "f" else None
    if places is not None and not len(places):
        return None
    part = None if places is None else elementwise_program([expr], inputs, places)
    if places is not None and part is not None:  # T of a few elements
        [small], values = part
        found = first_wrong(claim, meant(small, values))
        return None if found is None else tuple(int(i) for i in places[found[0]])
    return first_wrong(claim, meant(expr, inputs))


def doubtful(claim: Claim, inputs: Mapping[Expr, Array]) -> Array | None:
    """Places, `TRUTHS` at most, where the computed value and its error leave open whether the fact
    holds, those first where it seems not to; None where all elements are to be looked at.
    """
    margins = MARGINS.get(claim.name)
    if margins is None:
        return None
    [(value, error)] = evaluate_running([claim.expr], inputs)
    with np.errstate(all="ignore"):
        wide, room = value.astype(np.float64), SAFETY * np.asarray(error, np.float64)
        open_places = np.argwhere(~margins(wide - room, wide + room, claim.other))
        seems_wrong = np.argwhere(~margins(wide + room, wide - room, claim.other))
    order = {tuple(p): None for p in (*seems_wrong, *open_places)}
    rows = list(order)[:TRUTHS]
    return np.array(rows, int).reshape(len(rows), value.ndim)


def first_wrong(claim: Claim, truth: Objects) -> tuple[int, ...] | None:
    """The place of the first element of which the fact is false."""
    name = claim.name
    holds = OF_ELEMENTS.get(name) or within(name, claim.other)
    for index in np.ndindex(truth.shape):
        element: Element = truth[index]
        if element is None or nan(element):
            continue
        if not holds(element):
            return index
    return None


def meant(expr: Expr, inputs: Mapping[Expr, Array]) -> Objects:
    """T of an expression; of whole numbers what is computed."""
    if expr.dtype.kind == "f":
        return true_values([expr], inputs)[0]
    [(value, _)] = evaluate_running([expr], inputs)
    return np.asarray(value.astype(object))


def within(name: str, bound: float) -> Callable[[Element], bool]:
    """The check of a bound."""
    if name == "at-least":
        return lambda x: at_least(x, bound)
    return lambda x: at_least(-x, -bound)


def duplicate(truth: Objects) -> tuple[int, ...] | None:
    """The place of an index that may name the place of an earlier one; None where all differ.

    Indices below 0 count from the end, so that -1 and 2 are one place of an axis of 3.
    """
    seen: list[Element] = []
    for index in np.ndindex(truth.shape):
        element: Element = truth[index]
        if element is None or nan(element):
            continue
        if any(element == other or (element < 0) != (other < 0) for other in seen):
            return index
        seen.append(element)
    return None


def out_of_order(claim: Claim, inputs: Mapping[Expr, Array]) -> tuple[int, ...] | None:
    """The place of an element that does not stand to another as what it is a function of does.

    Where T is rounded, different values may come out equal.
    """
    direction = OF_PAIRS[claim.name]
    y, x = (meant(e, inputs) for e in (claim.expr, claim.other))
    rounded = not is_exact(claim.expr)
    flat: list[tuple[Element, Element, tuple[int, ...]]] = [
        (x[i], y[i], i)
        for i in np.ndindex(x.shape)
        if x[i] is not None and not nan(x[i])
    ]  # fmt: skip
    flat = [(a, b, i) for a, b, i in flat if b is not None]
    for a, fa, place in flat:
        for b, fb, _ in flat:
            if not a < b:
                continue
            ordered = fa < fb if direction > 0 else fa > fb
            if not ordered and not (rounded and fa == fb):
                return place
    return None
