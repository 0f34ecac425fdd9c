"""Convolutions: their true value, what the errors of their operands become, and one element's terms.

out[k] = sum over j of a[start + k - j] v[j]   of those j for which there is such an element of a
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eqsat_tensor.lang import OPS
from eqsat_tensor.verify.elements import Objects
from eqsat_tensor.verify.error_rules import UNIT, Array, no_nan, wide

if TYPE_CHECKING:
    from eqsat_tensor.verify.truth import Truth


def terms_of(n: int, m: int, start: int, length: int) -> tuple[Array, Array]:
    """Which elements of a and of v meet in each of ``length`` results, [length, m]; -1: none do."""
    places = np.arange(length)[:, None] + start - np.arange(m)
    there = (places >= 0) & (places < n)
    return np.where(there, places, -1), np.where(there, np.arange(m), -1)


def true_convolution(
    truth: Truth, a: Objects, v: Objects, start: tuple[int], shape: tuple[int, ...]
) -> Objects:
    """Each result, its terms added in order; None where one of them is not settled."""
    result = np.empty(shape, object)
    left, right = terms_of(a.shape[-1], v.shape[-1], start[0], shape[-1])
    for index in np.ndindex(shape):
        *row, k = index
        met = [
            (a[(*row, i)], v[(*row, j)]) for i, j in zip(left[k], right[k], strict=True) if i >= 0
        ]
        total = truth.zero
        for x, y in met:
            if x is None or y is None or total is None:
                total = None
                break
            total = truth.add(total, truth.multiply(x, y))
        result[index] = total
    return result


def convolved_error(
    a: Array, ea: Array, v: Array, ev: Array, start: tuple[int], shape: tuple[int, ...]
) -> Array:
    """As of a matrix product, by the terms that meet."""

    def met(x: Array, y: Array) -> Array:
        return np.asarray(OPS["convolution"].numpy(wide(x), wide(y), start=start, shape=shape))

    size_a, size_v = np.abs(wide(a)), np.abs(wide(v))
    if a.dtype.kind != "f":
        return no_nan(met(ea, np.ones_like(size_v)) + met(np.ones_like(size_a), ev))
    count = min(a.shape[-1], v.shape[-1])
    product = met(size_a, size_v)
    own = count * (UNIT[a.dtype.name] * product + float(np.finfo(a.dtype).smallest_subnormal))
    overflow = np.where(product > float(np.finfo(a.dtype).max), np.inf, 0.0)
    return no_nan(own + overflow + met(size_a, ev) + met(ea, size_v) + met(ea, ev))
