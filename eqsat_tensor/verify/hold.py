"""Hold one rewrite, left -> right, against its guarantee at one draw of values.

exact   the same bits for every input; NaN equals NaN, -0.0 does not equal 0.0.
real    err(right) <= C E(left) + K ulp(T) at finite inputs.
stable  real, with a K that lets the argument of an exponential be rounded once; and where E(left) is infinite or large and T is a normal number of the dtype, E(right)
        is finite and right lies within it.
approx  right is measured only: nothing is held but types and NaN.

Values of magnitudes near the ends of the range: to reassociate is to overflow or underflow
elsewhere, so there `right` may also err by its own bound; it is counted as a range loss.
Integers and bools are equal, wrapped or not.  Inputs that are NaN or infinite: where left is a
number or a certain infinity right is the same; where left is NaN so is right, or (no input NaN)
an infinity, unless the ruleset says that it improves there; a NaN where left is none is never right,
but for inputs without elements (a sum of no terms is 0 in one order and 0 * NaN in another).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eqsat_tensor.lang import Expr
from eqsat_tensor.verify.bounds import (
    K_STABLE,
    C,
    K,
    distance,
    integral,
    show,
    suspicious,
    ulp,
)
from eqsat_tensor.verify.draw import is_moderate
from eqsat_tensor.verify.elements import Element, nan, special
from eqsat_tensor.verify.error_rules import Array, spacing, wide
from eqsat_tensor.verify.precise import true_values
from eqsat_tensor.verify.running import evaluate_running
from eqsat_tensor.verify.shrink import elementwise_program

LARGE = 2.0**20  # E(left) beyond this many ulps of T is what stable rules are for
WELL_CONDITIONED = 2.0**6  # up to this many ulps of E(left) the error in ulps is worth a report
MARGIN = 2.0**6  # results this near to the ends of the range are not asked of stable rules
PRECISE = 2.0**-10  # relative error up to which a variable's own value is taken for ordinary
TRUTHS = 8  # elements of a draw for which T is evaluated at most


@dataclass
class Measure:
    """What verification saw of a rule: counts, and the largest error of a right side in ulps."""

    draws: int = 0
    elements: int = 0
    truths: int = 0
    range_losses: int = 0
    rescued: int = (
        0  # elements where E(left) is infinite or large and right is within its own bound
    )
    max_ulp: float = 0.0


@dataclass(frozen=True)
class Finding:
    """Where a guarantee is broken."""

    reason: str
    index: tuple[int, ...]
    left: Any
    right: Any
    truth: str
    allowed: float


def hold(
    left: Expr,
    right: Expr,
    inputs: Mapping[Expr, Array],
    guarantee: str,
    improves: bool,
    measure: Measure,
    variables: Sequence[Expr] = (),
) -> Finding | None:
    """The first element of this draw at which the guarantee is broken, or None.

    ``variables``: what the rule's variables stand for where that is no input; where such a value
    is itself out of range, the draw counts as one at the ends of the range.
    """
    (x, ex), (y, ey) = evaluate_running([left, right], inputs)
    measure.draws += 1
    measure.elements += x.size
    if guarantee == "exact":
        return first(different_bits(x, y), x, y, "other bits")
    if x.dtype.kind != "f":
        certain = np.ones(x.shape, bool) if integral(left) else ex == 0
        return first((x != y) & certain, x, y, "not equal")
    finite = all(np.isfinite(v).all() for v in inputs.values() if v.dtype.kind == "f")
    if not finite:
        if x.size and any(v.size == 0 for v in inputs.values()):
            return None  # a sum of no terms is 0 here and 0 * NaN there: nothing is promised
        no_nan = not any(np.isnan(v).any() for v in inputs.values() if v.dtype.kind == "f")
        return hold_nonfinite(x, ex, y, ey, ulps_allowed(guarantee, x.dtype), improves, no_nan)
    if guarantee == "approx":
        return None
    moderate = all(is_moderate(v).all() for v in inputs.values()) and all(
        is_moderate(v).all() and (e <= PRECISE * np.abs(v)).all()
        for v, e in evaluate_running(variables, inputs)
    )
    return hold_finite(left, inputs, (x, ex, y, ey), guarantee, improves, moderate, measure)


def ulps_allowed(guarantee: str, dtype: np.dtype[Any]) -> float:
    """The K of a guarantee."""
    return K_STABLE[dtype.name] if guarantee == "stable" else K


def different_bits(x: Array, y: Array) -> Array:
    """True where two arrays of one dtype differ in any bit; all NaNs are one."""
    if x.dtype.kind != "f":
        return np.asarray(x != y)
    words = np.dtype(f"i{x.dtype.itemsize}")
    differ = np.ascontiguousarray(x).view(words) != np.ascontiguousarray(y).view(words)
    return np.asarray(differ.reshape(x.shape) & ~(np.isnan(x) & np.isnan(y)))


def first(wrong: Array, x: Array, y: Array, reason: str) -> Finding | None:
    """A finding of the first element marked, or None."""
    places = np.argwhere(wrong)
    if not len(places):
        return None
    index = tuple(int(i) for i in places[0])
    return Finding(reason, index, x[index], y[index], "", 0.0)


def hold_nonfinite(
    x: Array, ex: Array, y: Array, ey: Array, k: float, improves: bool, no_nan: bool
) -> Finding | None:
    """Draws with NaN or infinite inputs: what is not a number stays so, and only that."""
    lost = np.isnan(x) & (np.isfinite(y) if no_nan else ~np.isnan(y))
    if improves:
        lost = np.zeros(x.shape, bool)
    made = ~np.isnan(x) & np.isnan(y) & np.isfinite(ex)
    infinite = np.isinf(x) & (ex == 0) & (x != y)
    bound = C * (ex + np.where(np.isfinite(ey), ey, 0.0)) + k * spacing(x)
    with np.errstate(all="ignore"):
        beyond = ~(np.abs(wide(y) - wide(x)) <= bound)
    apart = np.isfinite(x) & np.isfinite(ex) & beyond
    for wrong, reason in (
        (lost, "a NaN is lost"),
        (made, "a NaN where left is none"),
        (infinite, "an infinity is lost"),
        (apart, "outside the bound beside a non-finite input"),
    ):
        finding = first(wrong, x, y, reason)
        if finding is not None:
            return finding
    return None


def hold_finite(
    left: Expr,
    inputs: Mapping[Expr, Array],
    values: tuple[Array, Array, Array, Array],
    guarantee: str,
    improves: bool,
    moderate: bool,
    measure: Measure,
) -> Finding | None:
    """Draws with finite inputs: the error bound, T being evaluated where it is in question."""
    x, ex, y, ey = values
    asked = suspicious(y, x, ex) & np.isfinite(ex)
    if guarantee == "stable":
        asked |= ~(ex <= LARGE * spacing(x)) | ~np.isfinite(x)
    asked |= ~np.isfinite(x) & (ex == 0) & (np.isnan(x) != np.isnan(y))
    places = np.argwhere(asked)
    if not len(places):
        if measure.truths == 0 and x.size:
            places = np.argwhere(np.isfinite(x) & np.isfinite(ex))[:2]  # measured, not in question
        if not len(places):
            return None
    if len(places) > TRUTHS:
        places = places[np.linspace(0, len(places) - 1, TRUTHS).astype(int)]
    some = elementwise_program([left], inputs, places)
    truths = true_values(*some)[0] if some else true_values([left], inputs)[0]
    for number, place in enumerate(places):
        index = tuple(int(i) for i in place)
        truth = truths[number] if some else truths[index]
        point = (x[index], float(ex[index]), y[index], float(ey[index]))
        if truth is None:
            finding = hold_undefined(index, point, improves)
            if finding is not None:
                return finding
            continue
        measure.truths += 1
        if nan(truth):
            finding = hold_undefined(index, point, improves)
        else:
            finding = hold_element(index, point, truth, guarantee, moderate, measure)
        if finding is not None:
            return finding
    return None


def hold_undefined(
    index: tuple[int, ...], point: tuple[Any, float, Any, float], improves: bool
) -> Finding | None:
    """No real number is here at finite inputs: what left says of that for certain, right does too.

    A ruleset that improves may have an infinity for a NaN, and the reverse; never a number.
    """
    x, ex, y, _ = point
    if ex != 0 or np.isfinite(x):
        return None
    same = np.isnan(x) == np.isnan(y) if not improves else not np.isfinite(y)
    if same:
        return None
    reason = "a NaN is lost" if np.isnan(x) else "an infinity is lost"
    return Finding(reason, index, x, y, "not a number", 0.0)


def hold_element(
    index: tuple[int, ...],
    point: tuple[Any, float, Any, float],
    truth: Element,
    guarantee: str,
    moderate: bool,
    measure: Measure,
) -> Finding | None:
    """One element whose truth is known."""
    x, ex, y, ey = point
    dtype = np.asarray(x).dtype
    unit = ulp(truth, dtype)
    error = distance(y, truth, dtype)
    k = ulps_allowed(guarantee, dtype)
    allowed = C * ex + k * unit
    if np.isnan(y) and np.isfinite(ex):
        error = np.inf
    if error <= allowed and np.isfinite(ex):
        if moderate and 0 < ex <= WELL_CONDITIONED * unit:
            measure.max_ulp = max(measure.max_ulp, error / unit)
        large = ex > LARGE * unit
        if not large or guarantee != "stable":
            return None
    own = C * ey + k * unit
    if np.isfinite(ex) and error > allowed:
        if not moderate and not np.isnan(y) and error <= own:
            measure.range_losses += 1
            return None
        if not moderate and not np.isfinite(ey):
            measure.range_losses += 1
            return None
        return Finding("outside the bound", index, x, y, show(truth), allowed)
    if guarantee != "stable" or not normal(truth, dtype):
        return None
    if np.isfinite(ey) and error <= own:
        measure.rescued += 1
        return None
    if not moderate:
        measure.range_losses += 1
        return None
    reason = "no bound where left has none" if not np.isfinite(ey) else "outside its own bound"
    return Finding(reason, index, x, y, show(truth), own)


def normal(truth: Element, dtype: np.dtype[Any]) -> bool:
    """True where T is 0 or well inside the normal numbers of the dtype."""
    if special(truth):
        return False
    limits = np.finfo(dtype)
    low, high = float(limits.tiny) * MARGIN, float(limits.max) / MARGIN
    return bool(truth == 0 or low <= abs(truth) <= high)
