"""Hold one rewrite, left -> right, against its guarantee at one draw of values.

exact   the same bits for every input; NaN equals NaN, -0.0 does not equal 0.0.
real    err(right) <= C E(left) + K ulp(T) at finite inputs.
stable  real, with a K that lets the argument of an exponential be rounded once; and where E(left) is infinite or large and T is a normal number of the dtype, E(right)
        is finite and right lies within it.
identity  at general points T(right) is T(left); nothing is held of floats (`identity`).
approx  at moderate values, and where E(left) is at most 2**-10 of T, right is within as much of T;
        how far it is at most is measured.  Nothing is held elsewhere but types and NaN.

Values of magnitudes near the ends of the range: to reassociate is to overflow or underflow
elsewhere, so there `right` may also err by its own bound; it is counted (`range_losses`).  A stable
one is a number wherever left is one and T a normal number, but for inputs near the largest.
Integers and bools are equal, wrapped or not.  Inputs that are NaN or infinite: where left is a
number or a certain infinity right is the same; where left is NaN so is right, or (no input NaN)
an infinity, unless the ruleset says that it improves there; a NaN where left is none is never right,
but for inputs without elements (a sum of no terms is 0 in one order and 0 * NaN in another).
Where LAPACK refuses a matrix the result is NaN everywhere, with no bound: a right side may have a
number there, and may refuse a matrix where left has no bound either, being singular but for rounding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from eqsat_tensor.lang import Expr, topological
from eqsat_tensor.verify.assumptions import assumptions_hold
from eqsat_tensor.verify.at_element import PRECISE, hold_closely, hold_element, hold_undefined
from eqsat_tensor.verify.bounds import K_STABLE, LARGE, C, K, integral, suspicious
from eqsat_tensor.verify.draw import is_moderate
from eqsat_tensor.verify.elements import nan
from eqsat_tensor.verify.error_rules import Array, no_nan, spacing, wide
from eqsat_tensor.verify.findings import Finding, Measure, different_bits, first
from eqsat_tensor.verify.identity import unequal
from eqsat_tensor.verify.matrix_proposals import READ_FOR
from eqsat_tensor.verify.matrix_rules import is_telling
from eqsat_tensor.verify.precise import true_values
from eqsat_tensor.verify.range_losses import multiplies, within_range
from eqsat_tensor.verify.running import evaluate_running, evaluate_values
from eqsat_tensor.verify.shrink import elementwise_program

TRUTHS = 8  # elements of a draw for which T is evaluated at most


def hold(
    left: Expr,
    right: Expr,
    inputs: Mapping[Expr, Array],
    guarantee: str,
    improves: bool,
    measure: Measure,
    variables: Sequence[Expr] = (),
    truths: int = TRUTHS,
) -> Finding | None:
    """The first element of this draw at which the guarantee is broken, or None.

    ``variables``: what the rule's variables stand for where that is no input; where such a value
    is itself out of range, the draw counts as one at the ends of the range; where LAPACK refuses
    one, the program as written raises, and nothing is promised.
    ``truths``: elements for which T is evaluated at most, those most in question among them.
    """
    measure.draws += 1
    if not assumptions_hold([left], inputs):
        return None  # nothing is promised; drawn values keep them, shrunk ones may not
    try:
        if refused(variables, inputs):
            return None
        if guarantee == "identity":
            compared, other = unequal(left, right, inputs, variables, truths)
            measure.elements += compared
            measure.truths += compared
            if other is None:
                return None
            reason, index, x_text, y_text = other
            return Finding(reason, index, x_text, y_text, x_text, 0.0)
        if guarantee == "exact":
            x, y = evaluate_values([left, right], inputs)
            measure.elements += x.size
            return first(different_bits(x, y), x, y, "other bits")
        (x, ex), (y, ey) = evaluate_running([left, right], inputs)
    except IndexError as error:
        [x] = evaluate_values([left], inputs)
        return Finding(f"the right side reads what is not there ({error})", (), x, None, "", 0.0)
    measure.elements += x.size
    if x.dtype.kind != "f":
        certain = np.ones(x.shape, bool) if integral(left) else ex == 0
        return first((x != y) & certain, x, y, "not equal")
    finite = all(np.isfinite(v).all() for v in inputs.values() if v.dtype.kind == "f")
    if not finite:
        if x.size and any(v.size == 0 for v in inputs.values()):
            return None  # a sum of no terms is 0 here and 0 * NaN there: nothing is promised
        no_nan = not any(np.isnan(v).any() for v in inputs.values() if v.dtype.kind == "f")
        if guarantee == "approx":  # what is far off is no fault of an approximation
            return hold_nan(x, ex, y, improves, no_nan)
        return hold_nonfinite(x, ex, y, ey, ulps_allowed(guarantee, right), improves, no_nan)
    moderate = (
        all(is_moderate(v).all() for v in inputs.values())
        and all(
            is_moderate(v).all() and is_precise(v, e)
            for v, e in evaluate_running(variables, inputs)
        )
        and tell_something(left, inputs)
    )
    measure.range_gained += bool((~np.isfinite(x) & np.isfinite(y)).any())
    measure.range_lost += bool((np.isfinite(x) & ~np.isfinite(y)).any())
    values = (x, ex, y, ey)
    kept = ""
    if multiplies(right) and not any(v.op.name == "full" for v in variables):
        kept = "all"
    elif guarantee == "stable" and within_range([left, right], inputs):
        kept = "normal"
    return hold_finite(
        left, right, inputs, values, guarantee, improves, moderate, kept, measure, truths
    )


def refused(values: Sequence[Expr], inputs: Mapping[Expr, Array]) -> bool:
    """True where one of these is what LAPACK refuses to compute."""
    made = [v for v in values if v.op.name in READ_FOR]
    return any(v.size > 0 and np.isnan(v).all() for v, _ in evaluate_running(made, inputs))


def is_precise(value: Array, error: Array) -> bool:
    """True where a value is ordinary: what the error adds is little, or nothing to speak of.

    A 0 that is none, exp(-1000), is not.
    """
    tiny = float(np.finfo(value.dtype).tiny) if value.dtype.kind == "f" else 0.0
    return bool((error <= PRECISE * np.abs(value) + tiny * (value != 0)).all())


def tell_something(left: Expr, inputs: Mapping[Expr, Array]) -> bool:
    """True where no matrix that the left side solves with or factors is nearly singular."""
    nodes = [n for n in topological([left]) if n.op.name in READ_FOR]
    values = evaluate_running([n.arguments[0] for n in nodes], inputs)
    return all(is_telling(n, v) for n, (v, _) in zip(nodes, values, strict=True))


EXPONENTIAL = frozenset((
    "exp", "exp2", "expm1", "sigmoid", "softplus", "power", "sinh", "cosh", "tanh", "erfc", "ndtr", "softmax",
    "logaddexp", "log1mexp", "integer_power",
))  # fmt: skip


def ulps_allowed(guarantee: str, right: Expr) -> float:
    """The K of a guarantee: larger for a stable rule where right computes an exponential's argument."""
    if guarantee != "stable" or not computes_exponent(right):
        return K
    return K_STABLE[right.dtype.name]


def computes_exponent(right: Expr) -> bool:
    """True where the argument of an exponential is computed."""
    return any(
        node.op.name == "softmax"  # which subtracts the greatest itself
        or (node.op.name in EXPONENTIAL and any(a.arguments for a in node.arguments))
        for node in topological([right])
    )


def hold_nan(x: Array, ex: Array, y: Array, improves: bool, no_nan: bool) -> Finding | None:
    """Draws with NaN or infinite inputs: no NaN is lost, and none is made."""
    lost = np.isnan(x) & (np.isfinite(y) if no_nan else ~np.isnan(y))
    if improves:
        lost = np.zeros(x.shape, bool)
    made = ~np.isnan(x) & np.isnan(y) & np.isfinite(ex)
    return first(lost, x, y, "a NaN is lost") or first(made, x, y, "a NaN where left is none")


def hold_nonfinite(
    x: Array, ex: Array, y: Array, ey: Array, k: float, improves: bool, no_nan: bool
) -> Finding | None:
    """Draws with NaN or infinite inputs: what is not a number stays so, and only that."""
    infinite = np.isinf(x) & (ex == 0) & (x != y)
    bound = C * (ex + np.where(np.isfinite(ey), ey, 0.0)) + k * spacing(x)
    with np.errstate(all="ignore"):
        beyond = ~(np.abs(wide(y) - wide(x)) <= bound)
    apart = np.isfinite(x) & np.isfinite(ex) & beyond
    return (
        hold_nan(x, ex, y, improves, no_nan)
        or first(infinite, x, y, "an infinity is lost")
        or first(apart, x, y, "outside the bound beside a non-finite input")
    )


def hold_finite(
    left: Expr,
    right: Expr,
    inputs: Mapping[Expr, Array],
    values: tuple[Array, Array, Array, Array],
    guarantee: str,
    improves: bool,
    moderate: bool,
    kept: str,
    measure: Measure,
    most: int = TRUTHS,
) -> Finding | None:
    """Draws with finite inputs: the error bound, T being evaluated where it is in question."""
    x, ex, y, ey = values
    asked = suspicious(y, x, ex) & np.isfinite(ex)
    if guarantee == "approx" and not moderate:
        return None
    if guarantee == "stable":
        asked |= ~(ex <= LARGE * spacing(x)) | ~np.isfinite(x)
    asked |= ~np.isfinite(x) & (ex == 0) & (np.isnan(x) != np.isnan(y))
    places = np.argwhere(asked)
    if not len(places):
        if measure.truths == 0 and x.size:
            places = np.argwhere(np.isfinite(x) & np.isfinite(ex))[:2]  # measured, not in question
        if not len(places):
            return None
    if len(places) > most:
        places = places[
            chosen(doubts(values, ulps_allowed(guarantee, right))[tuple(places.T)], most)
        ]
    some = elementwise_program([left], inputs, places)
    truths = true_values(*some)[0] if some else true_values([left], inputs)[0]
    for number, place in enumerate(places):
        index = tuple(int(i) for i in place)
        truth = truths[number] if some else truths[index]
        point = (x[index], float(ex[index]), y[index], float(ey[index]))
        if truth is None:
            finding = hold_undefined(index, point, improves)
            if finding is not None and guarantee != "approx":
                return finding
            continue
        measure.truths += 1
        if guarantee == "approx":
            finding = hold_closely(index, point, truth, measure)
        elif nan(truth):
            finding = hold_undefined(index, point, improves)
        else:
            k = ulps_allowed(guarantee, right)
            finding = hold_element(index, point, truth, guarantee, k, moderate, kept, measure)
        if finding is not None:
            return finding
    return None


def doubts(values: tuple[Array, Array, Array, Array], k: float) -> Array:
    """How far right is from left, in bounds of K ``k``: where it is far, T decides."""
    x, ex, y, _ = values
    with np.errstate(all="ignore"):
        allowed = np.asarray(C * ex + k * spacing(x))
        return no_nan(np.abs(wide(y) - wide(x)) / allowed)


def chosen(doubt: Array, most: int) -> Array:
    """Numbers of some elements, in order: half of them the most doubtful, the others spread evenly."""
    worst = np.argsort(-doubt, kind="stable")[: most // 2]
    others = np.setdiff1d(np.arange(len(doubt)), worst)
    spread = others[np.linspace(0, len(others) - 1, most - len(worst)).astype(int)]
    return np.sort(np.concatenate([worst, spread]))
