"""What was found, held against the truth on many fresh points: a million, where branches are verified.

The search itself can pay for a few thousand points; this is for tests, reports and who wants to be sure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eqsat_tensor.accuracy.points import Draw, error_bits, mixed
from eqsat_tensor.accuracy.terms import Term, Values
from eqsat_tensor.accuracy.truth import Truth

CHUNK = 8192  # points whose true values are held at once


@dataclass(frozen=True)
class Judgement:
    """Errors in bits of a term and of what was found for it, at points where the truth is finite.

    before, after   means; ordinary_before, ordinary_after  at ordinary points, a quarter of all.
    worst           the largest loss at one point.  worse  the share of points that lose more than a bit.
    lost            the share where what was found is not finite, the truth being so.
    """

    points: int
    before: float
    after: float
    ordinary_before: float
    ordinary_after: float
    worst: float
    worse: float
    lost: float


def judge(written: Term, found: Term, draw: Draw, points: int, seed: int = 1) -> Judgement:
    """Hold ``found`` against ``written`` on ``points`` points that ``draw`` draws."""
    random = np.random.default_rng([seed, points])
    befores, afters, plains, lost = [], [], [], 0
    left = points
    while left > 0:
        count = min(left, CHUNK)
        left -= count
        plain = count // 4
        some = mixed(draw, lambda columns: [Truth(columns)(written)], count - plain, plain, random)
        if not len(some):
            break
        values = Values(some.columns)
        got = values(found)
        befores.append(error_bits(values(written), some.truths[0], True))
        afters.append(error_bits(got, some.truths[0], True))
        plains.append(some.ordinary)
        lost += int((~np.isfinite(got)).sum())
    before, after, ordinary = map(np.concatenate, (befores, afters, plains))
    loss = after - before
    return Judgement(
        len(before),
        float(before.mean()),
        float(after.mean()),
        float(before[ordinary].mean()) if ordinary.any() else 0.0,
        float(after[ordinary].mean()) if ordinary.any() else 0.0,
        float(loss.max()),
        float((loss > 1.0).mean()),
        lost / len(before),
    )
