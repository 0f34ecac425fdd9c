"""The oracle: is a computed value right for this program at these floats?

T(e) is the true value over the extended reals at the given floats (`precise`), E(e) the first-order
forward error bound of the program as it stands (`running`), err = |computed - T|.  A value is right
where ``err <= C * E + K * ulp(T)``.  Where E is infinite (an intermediate overflowed, or a result
hangs on the sign of rounding noise) the program as it stands promises nothing there: another
value is no fault, and one that is close to T is an improvement, reported as one.

T costs a thousand times what E does, so it is evaluated only where the computed value leaves the
bound around the unrewritten program's own value, or where that value is not finite.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eqsat_tensor.lang import Expr, topological
from eqsat_tensor.verify.draw import is_moderate
from eqsat_tensor.verify.elements import Element, Objects, nan, special
from eqsat_tensor.verify.error_rules import Array, spacing
from eqsat_tensor.verify.precise import true_values
from eqsat_tensor.verify.running import evaluate_running

C = 4.0  # how many times E a rewritten program may err by
K = 8.0  # and how many units in the last place of T besides
# A stable rule may round the argument of an exponential once: half of |x| ulps, |x| < log(max).
K_STABLE = {"float16": K + 12.0, "float32": K + 89.0, "float64": K + 710.0}
LARGE = 2.0**20  # E(left) beyond this many ulps of T is what stable rules are for
MARGIN = 2.0**6  # results this near to the ends of the range are not asked of stable rules
CLOSE = (
    2.0**-10
)  # relative distance to T within which a value that nothing was promised of is better


@dataclass(frozen=True)
class Fault:
    """One element that is wrong: where, what came, what is true, and what was allowed."""

    output: int
    index: tuple[int, ...]
    computed: Any
    reference: Any
    truth: str
    allowed: float
    reason: str

    def __str__(self) -> str:
        truth = f", true {self.truth}, allowed error {self.allowed:.3g}" if self.truth else ""
        return (
            f"output {self.output}{list(self.index)}: {self.reason}: computed {self.computed}, "
            f"unrewritten {self.reference}{truth}"
        )


@dataclass(frozen=True)
class Verdict:
    """What the oracle says of all elements of all outputs.

    ``improved``: elements where the unrewritten program is outside any bound and the computed
    value is close to T.  ``unbounded``: elements that differ where nothing was promised.
    ``precise``: elements that were settled by evaluating T.  ``out_of_range``: elements that
    overflowed where products were taken in another order, at inputs that are far from moderate.
    """

    faults: tuple[Fault, ...]
    elements: int
    improved: int = 0
    unbounded: int = 0
    precise: int = 0
    out_of_range: int = 0

    @property
    def ok(self) -> bool:
        return not self.faults


def agrees(
    computed: Sequence[Any],
    outputs: Sequence[Expr],
    inputs: Mapping[Expr, Any],
    improves_nonfinite: bool = True,
    k: float | Mapping[str, float] = K,
    reorders: bool = False,
) -> Verdict:
    """Hold computed outputs against the program ``outputs`` at ``inputs`` (leaf -> array).

    Sizes are known.  Where an input has no elements and another is not finite only types are
    held.  ``improves_nonfinite``: where an input is NaN or infinite, a number may stand
    where the unrewritten program says NaN (rulesets that declare so were on).  ``k``: ulps of T
    that are allowed besides, for each dtype where they differ (`K_STABLE`).  ``reorders``: products
    may have been taken in another order, which overflows elsewhere (as `range_losses` has it).
    """
    arrays = {leaf: np.asarray(x) for leaf, x in inputs.items()}
    reference = evaluate_running(outputs, arrays)
    empty = any(x.size == 0 for x in arrays.values())
    tame = all(np.isfinite(x).all() for x in arrays.values() if x.dtype.kind == "f")
    truths: list[Objects] | None = None
    faults: list[Fault] = []
    counts = {"improved": 0, "unbounded": 0, "precise": 0, "out_of_range": 0}
    far = reorders and not all(is_moderate(x).all() for x in arrays.values())
    elements = 0
    for number, (value, (expected, bound)) in enumerate(zip(computed, reference, strict=True)):
        array = np.asarray(value)
        elements += expected.size
        if array.shape != expected.shape or array.dtype != expected.dtype:
            got, want = f"{array.dtype}{array.shape}", f"{expected.dtype}{expected.shape}"
            faults.append(Fault(number, (), got, want, want, 0.0, "another type"))
            continue
        if empty and not tame and array.size:
            continue  # a sum of no terms is 0 in one order and 0 * NaN in another
        for where in np.argwhere(suspicious(array, expected, bound)):
            index = tuple(int(i) for i in where)
            if expected.dtype.kind != "f":
                if bound[index] == 0 or integral(outputs[number]):
                    faults.append(
                        Fault(number, index, array[index], expected[index], "", 0.0, "not equal")
                    )
                else:
                    counts["unbounded"] += 1
                continue
            if truths is None and tame:
                truths = true_values(outputs, arrays)
            truth = truths[number][index] if truths is not None else None
            counts["precise"] += truth is not None
            ulps = k if isinstance(k, float) else k[expected.dtype.name]
            kind = judge(
                array[index], expected[index], bound[index], truth, improves_nonfinite, ulps
            )
            if kind in counts:
                counts[kind] += 1
            elif kind and far and np.isfinite(expected[index]) and not np.isfinite(array[index]):
                counts["out_of_range"] += 1
            elif kind:
                allowed = C * float(bound[index]) + ulps * ulp(truth, expected.dtype)
                faults.append(
                    Fault(number, index, array[index], expected[index], show(truth), allowed, kind)
                )
    return Verdict(tuple(faults), elements, **counts)


def suspicious(computed: Array, expected: Array, bound: Array) -> Array:
    """Elements that the bound around the unrewritten program's value does not settle."""
    if expected.dtype.kind != "f":
        return np.asarray(computed != expected)
    with np.errstate(all="ignore"):
        same = (computed == expected) | (np.isnan(computed) & np.isnan(expected))
        distance = np.abs(computed.astype(np.float64) - expected.astype(np.float64))
        inside = distance <= (C - 1) * bound + K / 2 * spacing(expected)
    return np.asarray(
        ~(same | (inside & np.isfinite(bound) & np.isfinite(expected) & np.isfinite(computed)))
    )


def judge(
    computed: Any,
    expected: Any,
    bound: float,
    truth: Element,
    improves_nonfinite: bool,
    k: float = K,
) -> str:
    """ "" (right), "improved", "unbounded", or the reason why the element is wrong."""
    dtype = np.asarray(expected).dtype
    if np.isnan(expected) and not np.isnan(computed):
        if truth is not None and not nan(truth):
            return "improved" if close(computed, truth, dtype) else "unbounded"
        certain = bound == 0 and not improves_nonfinite
        return "a NaN was lost" if certain else "unbounded"
    if not np.isfinite(bound):
        if truth is not None and not nan(truth) and close(computed, truth, dtype):
            return "" if close(expected, truth, dtype) else "improved"
        return "unbounded"
    if np.isnan(computed):
        return "" if truth is not None and nan(truth) else "NaN where a number is promised"
    if truth is None or nan(truth):
        if not np.isfinite(expected):
            return "" if expected == computed else "another infinity"
        return "outside the bound"
    if distance(computed, truth, dtype) <= C * bound + k * ulp(truth, dtype):
        return ""
    return "outside the bound"


def close(computed: Any, truth: Element, dtype: np.dtype[Any]) -> bool:
    """True where the computed value shares the leading digits of the truth."""
    error = distance(computed, truth, dtype)
    size = abs(float(truth)) if not special(truth) else 0.0
    return error <= CLOSE * size + K * ulp(truth, dtype)


def distance(computed: Any, truth: Element, dtype: np.dtype[Any]) -> float:
    """|computed - T|; 0 where both round to the same infinity or are both NaN."""
    value = float(computed)
    if np.isnan(value) or nan(truth):
        return 0.0 if np.isnan(value) and nan(truth) else float("inf")
    if np.isinf(value) or special(truth):
        if value == rounded(truth, dtype):
            return 0.0
        # one ulp beyond the largest number stands for infinity when the other side is finite
        limit = float(np.finfo(dtype).max)
        clipped = float(np.clip(value, -limit, limit))
        other = float(np.clip(float(rounded(truth, dtype)), -limit, limit))
        return abs(clipped - other) + float(np.finfo(dtype).eps) * limit
    return abs(float(truth - value))


def rounded(truth: Element, dtype: np.dtype[Any]) -> Any:
    """T rounded to the dtype; what is too large is an infinity."""
    with np.errstate(all="ignore"):
        return dtype.type(float(truth))


def ulp(truth: Element, dtype: np.dtype[Any]) -> float:
    """One unit in the last place of T; that of the largest number for all that is larger."""
    if truth is None or nan(truth) or dtype.kind != "f":
        return 0.0
    below = np.nextafter(np.finfo(dtype).max, dtype.type(0))
    return float(np.spacing(np.minimum(np.abs(rounded(truth, dtype)), below)))


def integral(output: Expr) -> bool:
    """True where no float is below: the result is the same bits whatever the rewriting."""
    return all(node.dtype.kind != "f" for node in topological([output]))


def show(truth: Element) -> str:
    """T to 20 digits."""
    if truth is None:
        return "not settled"
    return str(truth) if isinstance(truth, int) else truth.context.nstr(truth, 20)
