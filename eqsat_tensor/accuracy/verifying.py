"""What was found, held against the program as written at a million points.

The truth of a million points would take minutes.  Most need none: where the form and the program as
written are at most two floats apart, the form loses at most a bit, whatever the truth is; where the
program as written is no finite number, nothing can be lost.  What is left is suspicious as far as the two
are apart, less how far roundings move the program as written (`unsteady`).  Of suspicious points a bounded number
is held against the truth: in each cell of the inputs, and of the branch taken, the most suspicious first.

The million are of all magnitudes, a quarter ordinary, and besides those there are some thousands at
thresholds of the form and at zeros (`edges`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eqsat_tensor.accuracy.edges import COMPARISONS, COUNT, ends, thresholds, zeros
from eqsat_tensor.accuracy.inputs import Draw, FromRanges
from eqsat_tensor.accuracy.losses import ALLOWED, FAITHFUL, levels
from eqsat_tensor.accuracy.points import Sample, apart_bits, error_bits
from eqsat_tensor.accuracy.terms import Term, Values, inner
from eqsat_tensor.accuracy.truth import Truth
from eqsat_tensor.accuracy.unsteady import Moved

CHUNK = 1 << 16  # points that are computed at once
KEPT = 1 << 13  # suspicious points of a chunk that are kept
CLOSE = 1.6  # bits: two floats apart, log2(3), and no more
DOUBT = 2.0  # bits by which roundings may move the program as written less than is estimated
CELLS = (32, 32, 16, 8, 6, 4)  # of each input, by how many inputs there are
EDGE = 8192  # points at the ends of ranges, and from which zeros are looked for, twice
SMALL = 16  # share of all points, which these are at most


@dataclass(frozen=True, eq=False)
class Verdict:
    """What verification saw.

    points  compared.  suspicious  of them.  asked  those of the suspicious that were held against the truth.
    worst   the largest loss in bits at these, 0 where nothing is lost.
    asked_points, losses  the points that were asked and what is lost there.
    """

    points: int
    suspicious: int
    asked: int
    worst: float
    asked_points: Sample
    losses: np.ndarray

    def __str__(self) -> str:
        asked = f"{self.asked} of {self.suspicious} suspicious ones"
        held = f"held at {self.points} points, {asked} against the truth"
        return f"{held}; loses at most {self.worst:.2f} bits"

    @property
    def failed(self) -> np.ndarray:
        """The places of points at which too much is lost."""
        return np.flatnonzero(self.losses > ALLOWED)


def verify(
    written: Term,
    found: Term,
    draw: Draw,
    points: int,
    asked: int,
    random: np.random.Generator,
) -> Verdict:
    """Hold ``found`` against ``written`` at ``points`` points, the truth being asked at ``asked`` of them."""
    suspects = _Suspects(written, found, random)
    for columns, ordinary in draw.many(points, CHUNK, random):
        suspects.look(columns, np.full(len(columns[0]), ordinary))
    if draw.independent:
        few = min(EDGE, points // SMALL)
        edges = list(thresholds(found, draw, random, min(COUNT, few)))
        edges += zeros(written, draw, few, random)
        if isinstance(draw, FromRanges):
            edges.append(ends(draw, few, random))
        for columns in edges:
            suspects.look(columns, np.zeros(len(columns[0]), bool))
    chosen = suspects.chosen(asked)
    truth = Truth(chosen.columns)(written)
    sample = Sample(chosen.columns, (truth,), chosen.ordinary)
    sample = sample.of(np.flatnonzero(np.isfinite(truth)))
    losses = np.zeros(len(sample))
    if len(sample):
        bits = error_bits(Values(sample.columns)(found), sample.truths[0], True)
        losses = bits - levels(written, sample.columns, sample.truths[0], bits[None], random)
    worst = float(losses.max(initial=0.0))
    return Verdict(suspects.seen, suspects.count, len(chosen), worst, sample, losses)


class _Suspects:
    """Points at which a form may lose, and how suspicious each is in bits."""

    def __init__(self, written: Term, found: Term, random: np.random.Generator) -> None:
        self.written, self.found, self.random = written, found, random
        self.conditions = [t for t in inner([found]) if t.op in COMPARISONS]
        self.seen = self.count = self.inputs = 0
        self.dtype = np.dtype(np.float64)
        self.parts: list[tuple[Sample, np.ndarray, np.ndarray]] = []

    def look(self, columns: Sequence[np.ndarray], ordinary: np.ndarray) -> None:
        """Keep what is suspicious of these points."""
        values = Values(columns)
        self.inputs, self.dtype = len(columns), values.dtype
        was, now = values(self.written), values(self.found)
        self.seen += len(was)
        some = np.flatnonzero(np.isfinite(was) & (apart_bits(now, was) > CLOSE))
        if not len(some):
            return
        few = [c[some] for c in columns]
        apart = apart_bits(now[some], was[some])
        moved = apart_bits(Moved(few, self.random)(self.written), was[some])
        doubt = apart - np.maximum(moved, FAITHFUL)
        left = np.flatnonzero(doubt > -DOUBT)
        self.count += len(left)
        taken = np.zeros(len(left), np.int64)
        for t in self.conditions:
            taken = 2 * taken % (1 << 40) + values(t)[some[left]]
        kept = most(doubt[left])
        sample = Sample(tuple(c[left[kept]] for c in few), (), ordinary[some[left[kept]]])
        self.parts.append((sample, doubt[left[kept]], taken[kept]))

    def chosen(self, count: int) -> Sample:
        """The points to ask the truth of: from each cell in turn the most suspicious that is left."""
        if not self.parts:
            return Sample((np.zeros(0, self.dtype),) * self.inputs, (), np.zeros(0, bool))
        samples, doubts, branches = zip(*self.parts, strict=True)
        every = Sample(
            tuple(np.concatenate(c) for c in zip(*[s.columns for s in samples], strict=True)),
            (),
            np.concatenate([s.ordinary for s in samples]),
        )
        doubt, cell = np.concatenate(doubts), np.concatenate(branches)
        if len(doubt) <= count:
            return every
        cells = CELLS[min(len(every.columns), len(CELLS)) - 1]
        for c in every.columns:
            rank = np.empty(len(c), np.int64)
            rank[np.argsort(c, kind="stable")] = np.arange(len(c))
            cell = (cell * cells + rank * cells // len(c)) % (1 << 50)
        order = np.lexsort((-doubt, cell))
        cell = cell[order]
        starts = np.flatnonzero(np.r_[True, cell[1:] != cell[:-1]])
        turn = np.arange(len(cell)) - np.repeat(starts, np.diff(np.r_[starts, len(cell)]))
        first = order[np.lexsort((-doubt[order], turn))[:count]]
        return every.of(np.sort(first))


def most(doubt: np.ndarray) -> np.ndarray:
    """The places of the most suspicious points of a chunk, and of some others."""
    if len(doubt) <= KEPT:
        return np.arange(len(doubt))
    worst = np.argpartition(-doubt, KEPT // 2)[: KEPT // 2]
    others = np.linspace(0, len(doubt) - 1, KEPT // 2).astype(np.int64)
    return np.union1d(worst, others)
