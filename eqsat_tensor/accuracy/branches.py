"""Branches: a small decision tree over inputs, their sizes and small subterms, where no candidate is
best everywhere; found on one sample, pruned on another.

All cuts of a key are tried at once: with points in the key's order, running sums of each candidate's
errors give the best candidate on either side of every cut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from eqsat_tensor.accuracy.points import floats, ordinals
from eqsat_tensor.accuracy.terms import Term, number, term

DEPTH = 4
LEAST = 12  # points on either side of a cut
WORTH = 0.02  # bits, of the mean over all points, that a cut must gain
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
    """Errors in bits [candidates, points], each point's weight, and the keys' values."""

    bits: np.ndarray
    weights: np.ndarray
    keys: Mapping[Term, np.ndarray]

    @property
    def weighted(self) -> np.ndarray:
        result: np.ndarray = self.bits * self.weights
        return result


def grow(errors: Errors) -> Tree:
    """The tree for a sample."""
    points = np.arange(errors.bits.shape[1])
    worth = WORTH * float(errors.weights.sum())
    return _grow(errors, errors.weighted, points, DEPTH, worth)[1]


def _grow(
    errors: Errors, weighted: np.ndarray, points: np.ndarray, depth: int, worth: float
) -> tuple[float, Tree]:
    some = weighted[:, points]
    sums = some.sum(axis=1)
    j = int(np.argmin(sums))
    flat = (float(sums[j]), Leaf(j))
    if depth == 0 or len(points) < 2 * LEAST or flat[0] < GOOD * errors.weights[points].sum():
        return flat
    best: tuple[float, Term, float] | None = None
    for key, values in errors.keys.items():
        order = np.argsort(values[points], kind="stable")
        v = values[points][order]
        running = np.cumsum(some[:, order], axis=1)
        both = running.min(axis=0) + (running[:, -1:] - running).min(axis=0)
        possible = v[:-1] < v[1:]
        possible[: LEAST - 1] = False
        possible[len(v) - LEAST :] = False
        if not possible.any():
            continue
        cuts = np.where(possible, both[:-1], np.inf)
        least = float(cuts.min())
        if best is not None and least >= best[0]:
            continue
        # of cuts that are as good, the one between the numbers that are farthest apart
        equal = np.flatnonzero(cuts <= least + 0.25 * worth)
        best = (least, key, simplest(v[equal], v[equal + 1]))
    if best is None or best[0] + worth >= flat[0]:
        return flat
    _, key, threshold = best
    low = errors.keys[key][points] <= threshold
    below = _grow(errors, weighted, points[low], depth - 1, worth)
    above = _grow(errors, weighted, points[~low], depth - 1, worth)
    if below[0] + above[0] + worth < flat[0]:
        return below[0] + above[0], Cut(key, threshold, below[1], above[1])
    return flat


def simplest(low: np.ndarray, high: np.ndarray) -> float:
    """The simplest number t with low[i] <= t < high[i] for some i: 0, or the power of two nearest to a
    middle; the widest gap first."""
    if bool(((low <= 0) & (high > 0)).any()):
        return 0.0
    gaps = ordinals(high).astype(np.float64) - ordinals(low).astype(np.float64)
    for i in np.argsort(-gaps, kind="stable")[:8]:
        m = middle(low[i : i + 1], high[i : i + 1])
        if m and np.isfinite(m):
            p = float(np.sign(m) * 2.0 ** np.round(np.log2(abs(m))))
            if low[i] <= p < high[i]:
                return p
    i = int(np.argmax(gaps))
    return middle(low[i : i + 1], high[i : i + 1])


def middle(low: np.ndarray, high: np.ndarray) -> float:
    """The float half-way, in the order of floats, between two."""
    half = (ordinals(low).astype(object) + ordinals(high).astype(object)) // 2
    return float(floats(half.astype(np.int64), low.dtype)[0])


def prune(tree: Tree, errors: Errors) -> Tree:
    """Without the cuts that do not pay on this sample."""
    points = np.arange(errors.bits.shape[1])
    return _prune(tree, errors, errors.weighted, points, WORTH * float(errors.weights.sum()))[0]


def _prune(
    tree: Tree, errors: Errors, weighted: np.ndarray, points: np.ndarray, worth: float
) -> tuple[Tree, float]:
    if isinstance(tree, Leaf):
        return tree, float(weighted[tree.candidate, points].sum())
    low = errors.keys[tree.key][points] <= tree.threshold
    below, below_sum = _prune(tree.low, errors, weighted, points[low], worth)
    above, above_sum = _prune(tree.high, errors, weighted, points[~low], worth)
    j = min(leaves(below) + leaves(above), key=lambda k: float(weighted[k, points].sum()))
    flat = float(weighted[j, points].sum())
    if flat <= below_sum + above_sum + worth:
        return Leaf(j), flat
    return Cut(tree.key, tree.threshold, below, above), below_sum + above_sum


def leaves(tree: Tree) -> list[int]:
    """The candidates that a tree takes, from low to high."""
    if isinstance(tree, Leaf):
        return [tree.candidate]
    return leaves(tree.low) + leaves(tree.high)


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
