"""One element of a draw whose true value T is known: what each guarantee asks of the right side there."""

from __future__ import annotations

from typing import Any

import numpy as np

from eqsat_tensor.verify.bounds import LARGE, MARGIN, C, K, distance, show, ulp
from eqsat_tensor.verify.elements import Element, special
from eqsat_tensor.verify.findings import Finding, Measure

WELL_CONDITIONED = 2.0**6  # up to this many ulps of E(left) the error in ulps is worth a report
PRECISE = 2.0**-10  # relative error up to which a variable's own value is taken for ordinary


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


def hold_closely(
    index: tuple[int, ...], point: tuple[Any, float, Any, float], truth: Element, measure: Measure
) -> Finding | None:
    """One element at moderate values under an approximate rule: right has the leading digits."""
    x, ex, y, _ = point
    dtype = np.asarray(x).dtype
    if special(truth) or not ex <= PRECISE * abs(float(truth)):
        return None
    unit = ulp(truth, dtype)
    error = float("inf") if np.isnan(y) else distance(y, truth, dtype)
    allowed = PRECISE * abs(float(truth)) + K * unit
    measure.max_ulp = max(measure.max_ulp, error / unit)
    if error <= allowed:
        return None
    return Finding("not close", index, x, y, show(truth), allowed)


def hold_element(
    index: tuple[int, ...],
    point: tuple[Any, float, Any, float],
    truth: Element,
    guarantee: str,
    k: float,
    moderate: bool,
    kept: str,
    measure: Measure,
) -> Finding | None:
    """One element whose truth is known.  ``kept``: where left is a number, right is one, too: for
    "all" truths, for "normal" ones or for none ("")."""
    x, ex, y, ey = point
    dtype = np.asarray(x).dtype
    unit = ulp(truth, dtype)
    error = distance(y, truth, dtype)
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
    holds = kept == "all" or (kept == "normal" and normal(truth, dtype))
    overflows = holds and np.isfinite(x) and not np.isfinite(y)
    if np.isfinite(ex) and error > allowed:
        own_bound = not np.isfinite(ey) or (not np.isnan(y) and error <= own)
        at_an_end = not moderate or not normal(truth, dtype)
        if at_an_end and own_bound and not overflows:
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
