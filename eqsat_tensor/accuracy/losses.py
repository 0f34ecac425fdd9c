"""What a form loses to the program as written, point by point: the constraint of the search.

A result u floats away from the rounded truth has an error of log2(1 + u) bits.  A loss is the error of the
form less the *level* of the program as written at the point, which is the largest of

  * its error there;
  * one bit, an error of one float: which of the two floats around the truth a result is, is chance;
  * its errors at floats around: that a program with an error of 100 floats hits the right one at this
    point tells nothing of it.

No form is accepted that loses more than one bit at any point of the sample.  So where the program as written
is right, or a float off, a form may be three floats off (log2(4/2) = 1) and never four.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eqsat_tensor.accuracy.points import apart_bits, error_bits, floats, ordinals
from eqsat_tensor.accuracy.terms import Term, Values
from eqsat_tensor.accuracy.truth import Truth
from eqsat_tensor.accuracy.unsteady import Moved

FAITHFUL = 1.0  # bits: one float off
ALLOWED = 1.0  # bits that a form may lose
AROUND = 8  # points around that are asked, at most
TOGETHER = 2  # of them, before it is seen whether more are needed
NEAR = 16  # floats that these are away, at most, in each input
UNSURE = 2.0  # bits by which roundings may move the program as written further than is estimated


def levels(
    written: Term,
    columns: Sequence[np.ndarray],
    truth: np.ndarray,
    bits: np.ndarray,
    random: np.random.Generator,
) -> np.ndarray:
    """The level of ``written`` at each point, found out as far as forms with errors ``bits`` need it.

    bits  [forms, points].  Points around are asked only where a form loses too much, and not so much that
    roundings cannot have to do with it; and of them no more than it takes that no form loses anything.
    """
    here = Values(columns)(written)
    level: np.ndarray = np.maximum(error_bits(here, truth, True), FAITHFUL)
    losing = bits > level + ALLOWED
    some = np.flatnonzero(losing.any(axis=0))
    if not len(some):
        return level
    near = [c[some] for c in columns]
    moved = np.max([apart_bits(Moved(near, random)(written), here[some]) for _ in range(2)], axis=0)
    chance = losing[:, some] & (bits[:, some] <= moved + ALLOWED + UNSURE)
    places = some[chance.any(axis=0)]
    for _ in range(AROUND // TOGETHER):
        if not len(places):
            break
        level[places] = np.maximum(level[places], around(written, columns, places, random))
        places = places[(bits[:, places] > level[places]).any(axis=0)]
    return level


def around(
    written: Term, columns: Sequence[np.ndarray], places: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """The largest error of ``written`` at `TOGETHER` points of floats around each of some points."""
    shifted = []
    for c in columns:
        steps = random.integers(-NEAR, NEAR + 1, (TOGETHER, len(places)))
        with np.errstate(invalid="ignore"):
            moved = floats(ordinals(c[places]) + steps, c.dtype)
        shifted.append(np.where(np.isfinite(moved), moved, c[places]).ravel())
    truth = Truth(shifted)(written)
    errors = error_bits(Values(shifted)(written), truth, True)
    found: np.ndarray = errors.reshape(TOGETHER, len(places)).max(axis=0)
    return found
