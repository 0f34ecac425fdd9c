"""Hold one rewrite as an identity of real functions: T(right) = T(left) at general points.

Nothing is said of the floats that either side computes.  A general point has inputs of ordinary
size, 2^-8 to 2^8, that are no whole numbers and no two of which have one magnitude: so single points,
where a quotient of zeros or a pole may be on one side alone, are not met.  There both sides have a value, the
same one, or neither has: an identity that is defined on more would, with one that is defined on
less, make different functions equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from eqsat_tensor.lang import Expr
from eqsat_tensor.verify.bounds import show
from eqsat_tensor.verify.elements import Element, nan, special
from eqsat_tensor.verify.error_rules import Array, wide
from eqsat_tensor.verify.precise import true_values
from eqsat_tensor.verify.running import evaluate_values
from eqsat_tensor.verify.shrink import elementwise_program

ORDINARY = (2.0**-8, 2.0**8)
CLOSE = {
    2: 2.0**-4,
    4: 2.0**-20,
    8: 2.0**-20,
}  # by bytes: what a constant rounded to the dtype moves


def unequal(
    left: Expr,
    right: Expr,
    inputs: Mapping[Expr, Array],
    variables: Sequence[Expr],
    most: int,
) -> tuple[int, tuple[str, tuple[int, ...], str, str] | None]:
    """How many elements were compared, and the first that differs: why, where, T of either side.

    variables  what the rule's variables stand for where that is no input.
    """
    values = [*inputs.values(), *evaluate_values(variables, inputs)]
    shape = tuple(int(s) for s in left.shape if isinstance(s, int))
    places = np.argwhere(_general(values, shape))[:most]
    if not len(places):
        return 0, None
    some = elementwise_program([left, right], inputs, places)
    xs, ys = true_values(*some) if some else true_values([left, right], inputs)
    compared = 0
    for number, place in enumerate(places):
        index = tuple(int(i) for i in place)
        x, y = (xs[number], ys[number]) if some else (xs[index], ys[index])
        if x is None or y is None:
            continue
        compared += 1
        if not _close(x, y, CLOSE[left.dtype.itemsize] if left.dtype.kind == "f" else 0.0):
            return compared, ("another real number", index, show(x), show(y))
    return compared, None


def _general(values: Sequence[Array], shape: tuple[int, ...]) -> Array:
    """Where the point that the values make is a general one."""
    floats = [v for v in values if v.dtype.kind == "f"]
    good = np.ones(shape, bool)
    for v in floats:
        with np.errstate(all="ignore"):
            size = np.abs(v)
            one = (size >= ORDINARY[0]) & (size <= ORDINARY[1]) & (v != np.rint(v))
        good &= one if one.shape == shape else bool(one.all())
    for i, v in enumerate(floats):
        for u in floats[:i]:
            apart = np.abs(wide(u)) != np.abs(wide(v)) if u.shape == v.shape else np.True_
            good &= apart if apart.shape == shape else bool(apart.all())
    return good


def _close(x: Element, y: Element, room: float) -> bool:
    if isinstance(x, int) or isinstance(y, int):
        return bool(x == y)
    if special(x) or special(y):
        return (nan(x) and nan(y)) or bool(x == y)
    return bool(abs(x - y) <= room * max(abs(x), abs(y)))
