"""Branches: a small decision tree over inputs, their sizes and small subterms, where no candidate is
best everywhere; found on one sample, pruned on another.

All cuts of a key are tried at once: with points in the key's order, running sums of each candidate's
errors give the best candidate on either side of every cut.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from eqsat_tensor.accuracy.points import floats, ordinals
from eqsat_tensor.accuracy.terms import Term, number, term

DEPTH = 4
DEEPER = 4  # further cuts, that keep forms from where they lose too much
LEAST = 12  # points on either side of a cut
FEWEST = 8  # of a cut that does so
LOST = 1e6  # bits that a point counts at which a candidate loses too much
PRICE, JOINED_PRICE = 64.0, 2.0  # the same in upper cuts; of a point that joined the sample later
WORTH = 0.02  # bits, of the mean over all points, that a cut must gain
# shares of what a cut must gain, in which cuts are as good: where errors decide, and where losses do
EQUAL, LOOSE = 0.05, 0.25
GOOD = 0.05  # bits below which a leaf is not cut


@dataclass(frozen=True)
class Leaf:
    """Take candidate number ``candidate``."""

    candidate: int


@dataclass(frozen=True)
class Cut:
    """Go ``low`` where the key is at most ``threshold``, else (a NaN, too) ``high``."""

    key: Term
    threshold: float
    low: Tree
    high: Tree


Tree: TypeAlias = Leaf | Cut


@dataclass(frozen=True, eq=False)
class Errors:
    """Errors in bits [candidates, points], each point's weight, and the keys' values.

    lost  where a candidate loses more than it may; nowhere if None.
    """

    bits: np.ndarray
    weights: np.ndarray
    keys: Mapping[Term, np.ndarray]
    lost: np.ndarray | None = None


def grow(errors: Errors) -> Tree:
    """The tree for a sample.

    Its upper cuts look at errors, and count a point at which too much is lost for some bits; below them,
    cuts keep candidates from such points at any price.
    """
    points = np.arange(errors.bits.shape[1])
    return _Growing(errors).grown(points, DEPTH)[1]


def repaired(tree: Tree, errors: Errors) -> Tree:
    """The tree with leaves that lose too much somewhere grown anew, by the points that come to them."""
    return _Growing(errors).repaired(tree, np.arange(errors.bits.shape[1]))


class _Growing:
    def __init__(self, errors: Errors) -> None:
        self.errors = errors
        weighted = self.weighted = errors.bits * errors.weights
        lost = np.zeros(weighted.shape, bool) if errors.lost is None else errors.lost
        self.soft = weighted + np.where(errors.weights > 0, PRICE, JOINED_PRICE) * lost
        self.hard = weighted + LOST * lost
        self.worth = WORTH * float(errors.weights.sum())
        self.orders = {k: np.argsort(v, kind="stable") for k, v in errors.keys.items()}
        self.inside = np.zeros(len(errors.weights), bool)

    def grown(self, points: np.ndarray, depth: int) -> tuple[float, Tree]:
        """The error of the best tree for some points, and the tree."""
        sums = self.hard[:, points].sum(axis=1)
        j = int(np.argmin(sums))
        flat = (float(sums[j]), Leaf(j))
        free = int(np.argmin(self.weighted[:, points].sum(axis=1)))
        loses = bool(self.hard[free, points].sum() >= LOST)
        least = FEWEST if loses else LEAST
        if len(points) < 2 * least or depth <= (-DEEPER if loses else 0):
            return flat
        if flat[0] < GOOD * self.errors.weights[points].sum():
            return flat
        some, equal = (self.soft, EQUAL) if depth > 0 else (self.hard, LOOSE)
        cut = self.cut(points, some, least, equal * self.worth)
        if cut is None:
            return self.grown(points, 0) if loses and depth > 0 else flat
        key, threshold = cut
        low = self.errors.keys[key][points] <= threshold
        below, above = (self.grown(points[side], depth - 1) for side in (low, ~low))
        if below[0] + above[0] + self.worth < flat[0]:
            return below[0] + above[0], Cut(key, threshold, below[1], above[1])
        return flat

    def repaired(self, tree: Tree, points: np.ndarray) -> Tree:
        """See `repaired`."""
        if isinstance(tree, Cut):
            low = self.errors.keys[tree.key][points] <= tree.threshold
            below, above = (
                self.repaired(tree.low, points[low]),
                self.repaired(tree.high, points[~low]),
            )
            return replace(tree, low=below, high=above)
        loses = bool((self.hard[tree.candidate, points] >= LOST).any())
        return self.grown(points, 0)[1] if loses else tree

    def cut(
        self, points: np.ndarray, weighted: np.ndarray, least: int, near: float
    ) -> tuple[Term, float] | None:
        """The cut that gains most, or ``near``ly so, with ``least`` points on either side; None where none pays."""
        total = weighted[:, points].sum(axis=1)
        useful = weighted[self.useful(weighted[:, points])]
        best: tuple[float, Term, float] | None = None
        self.inside[:] = False
        self.inside[points] = True
        for key, values in self.errors.keys.items():
            order = self.orders[key]
            order = order[self.inside[order]]
            v = values[order]
            running = np.cumsum(useful[:, order], axis=1)
            both = running.min(axis=0) + (running[:, -1:] - running).min(axis=0)
            possible = v[:-1] < v[1:]
            possible[: least - 1] = False
            possible[len(v) - least :] = False
            if not possible.any():
                continue
            cuts = np.where(possible, both[:-1], np.inf)
            lowest = float(cuts.min())
            if best is not None and lowest >= best[0]:
                continue
            # of cuts that are as good, the one between the numbers that are farthest apart
            equal = np.flatnonzero(cuts <= lowest + near)
            best = (lowest, key, simplest(v[equal], v[equal + 1]))
        if best is None or best[0] + self.worth >= float(total.min()):
            return self.window(points, weighted, least)
        return best[1], best[2]

    def window(
        self, points: np.ndarray, weighted: np.ndarray, least: int
    ) -> tuple[Term, float] | None:
        """One end of the stretch of a key in which another candidate gains most on what is best elsewhere.

        Neither end pays alone where the other candidate is bad on both sides of it.
        """
        everywhere = int(np.argmin(weighted[:, points].sum(axis=1)))
        best: tuple[float, Term, float] | None = None
        for key, values in self.errors.keys.items():
            order = self.orders[key]
            order = order[self.inside[order]]
            v = values[order]
            ends = np.r_[True, v[:-1] < v[1:], True]
            sums = np.cumsum(weighted[everywhere, order] - weighted[:, order], axis=1)
            sums = np.concatenate([np.zeros((len(sums), 1)), sums], axis=1)
            gains = sums - np.minimum.accumulate(np.where(ends, sums, np.inf), axis=1)
            gains[:, ~ends] = 0.0
            j, last = np.unravel_index(int(np.argmax(gains)), gains.shape)
            gain = float(gains[j, last])
            if gain <= 2 * self.worth or (best is not None and gain <= best[0]):
                continue
            first = int(np.argmin(np.where(ends, sums[j], np.inf)[: last + 1]))
            at = first if first >= least else int(last)
            if least <= at <= len(v) - least:
                best = gain, key, simplest(v[at - 1 : at], v[at : at + 1])
        return None if best is None else best[1:]

    def useful(self, weighted: np.ndarray) -> np.ndarray:
        """The candidates that are, at some point, better than the best of all by themselves."""
        best = weighted[int(np.argmin(weighted.sum(axis=1)))]
        gains = np.maximum(best - weighted, 0.0).sum(axis=1)
        keep = gains > self.worth
        keep[int(np.argmin(weighted.sum(axis=1)))] = True
        found: np.ndarray = np.flatnonzero(keep)
        return found


def simplest(low: np.ndarray, high: np.ndarray) -> float:
    """The simplest number t with low[i] <= t < high[i] for some i: 0, or the power of two nearest to a
    middle; the widest gap first."""
    if bool(((low <= 0) & (high > 0)).any()):
        return 0.0
    gaps = ordinals(high).astype(np.float64) - ordinals(low).astype(np.float64)
    for i in np.argsort(-gaps, kind="stable")[:8]:
        m = middle(low[i : i + 1], high[i : i + 1])
        if m and np.isfinite(m):
            exponent = min(round(math.log2(abs(m))), np.finfo(low.dtype).maxexp - 1)
            p = math.copysign(math.ldexp(1.0, exponent), m)
            if low[i] <= p < high[i]:
                return p
    i = int(np.argmax(gaps))
    return middle(low[i : i + 1], high[i : i + 1])


def middle(low: np.ndarray, high: np.ndarray) -> float:
    """The float half-way, in the order of floats, between two."""
    half = (ordinals(low).astype(object) + ordinals(high).astype(object)) // 2
    return float(floats(half.astype(np.int64), low.dtype)[0])


def prune(tree: Tree, errors: Errors, grown: Errors | None = None) -> Tree:
    """Without the cuts that do not pay on this sample.

    What keeps a candidate from losing too much stays, on the sample that the tree has ``grown`` on, too.
    """
    samples = [errors] if grown is None else [errors, grown]
    work = _Pruning(samples, WORTH * float(errors.weights.sum()))
    return work.pruned(tree, [np.arange(e.bits.shape[1]) for e in samples])[0]


class _Pruning:
    def __init__(self, samples: Sequence[Errors], worth: float) -> None:
        self.samples, self.worth = samples, worth
        self.weighted = samples[0].bits * samples[0].weights
        self.lost = [np.zeros(e.bits.shape, bool) if e.lost is None else e.lost for e in samples]

    def pruned(self, tree: Tree, points: Sequence[np.ndarray]) -> tuple[Tree, float, int]:
        """The tree of less cuts, its error, and the points at which it loses too much."""
        if isinstance(tree, Leaf):
            return tree, *self.sums(tree.candidate, points)
        low = [
            e.keys[tree.key][p] <= tree.threshold for e, p in zip(self.samples, points, strict=True)
        ]
        sides = [[p[side] for p, side in zip(points, low, strict=True)],
                 [p[~side] for p, side in zip(points, low, strict=True)]]  # fmt: skip
        (below, below_sum, below_lost), (above, above_sum, above_lost) = (
            self.pruned(child, side)
            for child, side in zip((tree.low, tree.high), sides, strict=True)
        )
        both, lost = below_sum + above_sum, below_lost + above_lost
        flat = [(*self.sums(j, points), j) for j in dict.fromkeys(leaves(below) + leaves(above))]
        best = min((one for one in flat if one[1] <= lost), default=None)
        if best is not None and best[0] <= both + self.worth:
            return Leaf(best[2]), best[0], best[1]
        return Cut(tree.key, tree.threshold, below, above), both, lost

    def sums(self, j: int, points: Sequence[np.ndarray]) -> tuple[float, int]:
        lost = sum(int(e[j, p].sum()) for e, p in zip(self.lost, points, strict=True))
        return float(self.weighted[j, points[0]].sum()), lost


def leaves(tree: Tree) -> list[int]:
    """The candidates that a tree takes, from low to high."""
    if isinstance(tree, Leaf):
        return [tree.candidate]
    return leaves(tree.low) + leaves(tree.high)


def conditions(tree: Tree) -> list[Term]:
    """What a tree asks: its keys against their thresholds."""
    if isinstance(tree, Leaf):
        return []
    condition = term("less_equal", tree.key, number(tree.threshold))
    return [condition, *conditions(tree.low), *conditions(tree.high)]


def along(tree: Tree, errors: Errors) -> np.ndarray:
    """The error at each point of the candidate that the tree takes there."""
    if isinstance(tree, Leaf):
        chosen: np.ndarray = errors.bits[tree.candidate]
        return chosen
    low = errors.keys[tree.key] <= tree.threshold
    return np.where(low, along(tree.low, errors), along(tree.high, errors))


def tree_term(tree: Tree, candidates: Sequence[Term]) -> Term:
    """The tree as `where`s: both sides are computed, one is taken."""
    if isinstance(tree, Leaf):
        return candidates[tree.candidate]
    condition = term("less_equal", tree.key, number(tree.threshold))
    return term(
        "where", condition, tree_term(tree.low, candidates), tree_term(tree.high, candidates)
    )
