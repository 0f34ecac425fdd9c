"""One call of a compiled program, held against the program as it was written.

The program as written is evaluated by NumPy, with its error bound; where the two part beyond it, some
elements are evaluated in high precision (`cone`, `precise`): the side that is outside its bound is
guilty.  As `bounds.agrees`, but for arrays of any size: what is not settled is counted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from eqsat_tensor.extents import evaluate as size_number
from eqsat_tensor.lang import Expr, topological
from eqsat_tensor.verify.bounds import C, Fault, K, integral, judge, show, suspicious, ulp
from eqsat_tensor.verify.cone import LARGEST, cone
from eqsat_tensor.verify.elements import Element
from eqsat_tensor.verify.error_rules import Array, spacing
from eqsat_tensor.verify.precise import true_values
from eqsat_tensor.verify.running import evaluate_running

PLACES = 64  # elements of an output that are evaluated in high precision, at most
ALONE = 8  # of them, those looked at one by one beside values that are not finite


@dataclass
class Comparison:
    """What came of a call.  Counts are elements.

    wrong      outside the bound: faults has some of them.
    improved   right, where the program as written is outside any bound: better has some of them.
    unheld     apart where the program as written promises nothing: behind library calls, where an
               intermediate overflowed, on the sign of rounding noise.
    unsettled  apart, in question, and not evaluated in high precision: too many, or too large.
    """

    elements: int = 0
    wrong: int = 0
    improved: int = 0
    unheld: int = 0
    unsettled: int = 0
    precise: int = 0
    faults: list[Fault] = field(default_factory=list)
    better: list[Fault] = field(default_factory=list)


def compare(
    computed: Sequence[Array],
    outputs: Sequence[Expr],
    inputs: Mapping[Expr, Array],
    improves_nonfinite: bool,
    places: int = PLACES,
) -> Comparison:
    """Hold computed outputs against ``outputs``, of known sizes, at ``inputs`` (leaf -> array)."""
    result = Comparison()
    reference = evaluate_running(outputs, inputs)
    empty = any(x.size == 0 for x in inputs.values()) and not finite(inputs)
    for number, (array, (expected, bound)) in enumerate(zip(computed, reference, strict=True)):
        result.elements += expected.size
        if array.shape != expected.shape or array.dtype != expected.dtype:
            got, want = f"{array.dtype}{array.shape}", f"{expected.dtype}{expected.shape}"
            result.wrong += 1
            result.faults.append(Fault(number, (), got, want, want, 0.0, "another type"))
        elif not (empty and array.size):  # a sum of no terms is 0 in one order, 0 * NaN in another
            _Output(number, outputs[number], inputs, array, expected, bound).hold(
                result, improves_nonfinite, places
            )
    return result


def finite(values: Mapping[Expr, Array]) -> bool:
    """Are all floats numbers?"""
    return all(np.isfinite(x).all() for x in values.values() if x.dtype.kind == "f")


@dataclass
class _Output:
    number: int
    expr: Expr
    inputs: Mapping[Expr, Array]
    computed: Array
    expected: Array
    bound: Array

    def hold(self, result: Comparison, improves: bool, most: int) -> None:
        apart = np.argwhere(suspicious(self.computed, self.expected, self.bound))
        if not len(apart):
            return
        if self.expected.dtype.kind != "f":
            certain = np.array([integral(self.expr) or self.bound[tuple(p)] == 0 for p in apart])
            result.unheld += int((~certain).sum())
            self.wrong(result, apart[certain], "not equal")
            return
        sure = np.atleast_1d(self.sure()[tuple(apart.T)])
        apart = np.concatenate([apart[sure], apart[~sure]])
        chosen = np.unique(np.linspace(0, len(apart) - 1, min(most, len(apart))).astype(int))
        if sure.any():
            chosen[0] = 0
        rest = np.setdiff1d(np.arange(len(apart)), chosen)
        surely = int(sure.sum())
        result.wrong += int((rest < surely).sum())
        result.unsettled += int((rest >= surely).sum())
        truths = true_elements(self.expr, self.inputs, apart[chosen])
        for n, truth in zip(chosen, truths, strict=True):
            self.element(result, tuple(int(i) for i in apart[n]), truth, n < surely, improves)

    def sure(self) -> Array:
        """Elements that are outside the bound wherever the truth is: it is within E of expected."""
        with np.errstate(all="ignore"):
            distance = np.abs(self.computed.astype(np.float64) - self.expected.astype(np.float64))
            far = ~(distance <= (C + 1) * self.bound + 2 * K * spacing(self.expected))
        return np.asarray(far & np.isfinite(self.bound) & np.isfinite(self.expected))

    def element(
        self, result: Comparison, index: tuple[int, ...], truth: Element, sure: bool, improves: bool
    ) -> None:
        computed, expected, bound = self.computed[index], self.expected[index], self.bound[index]
        result.precise += truth is not None
        promised = np.isfinite(bound) and np.isfinite(expected)
        if truth is None and promised and not sure:
            result.unsettled += 1
            return
        kind = judge(computed, expected, float(bound), truth, improves)
        if kind == "unbounded":
            result.unheld += 1
        elif kind:
            allowed = C * float(bound) + K * ulp(truth, expected.dtype)
            shown = Fault(self.number, index, computed, expected, show(truth), allowed, kind)
            improved = kind == "improved"
            result.improved += improved
            result.wrong += not improved
            (result.better if improved else result.faults).append(shown)

    def wrong(self, result: Comparison, places: Array, reason: str) -> None:
        result.wrong += len(places)
        for place in places[:1]:
            index = tuple(int(i) for i in place)
            values = self.computed[index], self.expected[index]
            result.faults.append(Fault(self.number, index, *values, "", 0.0, reason))


def true_elements(output: Expr, inputs: Mapping[Expr, Array], places: Array) -> Sequence[Element]:
    """T of an output at places (rows of indices); None where it is not settled."""
    small = cone(output, inputs, places)
    if small is None:
        size = sum(map(elements, topological([output])))
        if size > LARGEST or not finite(inputs):
            return [None] * len(places)
        truth = true_values([output], inputs)[0]
        return [truth[tuple(p)] for p in places]
    expr, values = small
    if finite(values):
        return list(true_values([expr], values)[0])
    if len(places) == 1:
        return [None]
    alone = [
        true_elements(output, inputs, places[n : n + 1])[0] for n in range(min(ALONE, len(places)))
    ]
    return [*alone, *[None] * (len(places) - len(alone))]


def elements(node: Expr) -> int:
    """How many elements a node of known sizes has."""
    return math.prod(size_number(s, {}) for s in node.shape)
