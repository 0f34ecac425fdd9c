"""The choice of one root: the tree of candidates of least error that loses nowhere too much.

candidates -> tree, grown on one sample and pruned on another -> a million points -> points at which it loses
more than it may join both samples, and the tree is chosen anew.  The program as written is always a
candidate, and loses nowhere.  Where points do not mend a choice, the candidates at fault are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from eqsat_tensor.accuracy import branches
from eqsat_tensor.accuracy.arenas import Arena
from eqsat_tensor.accuracy.branches import Leaf, Tree
from eqsat_tensor.accuracy.edges import zeros
from eqsat_tensor.accuracy.inputs import Draw
from eqsat_tensor.accuracy.points import Sample
from eqsat_tensor.accuracy.terms import Term
from eqsat_tensor.accuracy.truth import Truth
from eqsat_tensor.accuracy.verifying import Verdict, verify

ORDINARY_WEIGHTS = (1.0, 4.0, 16.0)  # of ordinary points, heavier while these come out worse
ROOM = 0.02  # bits of mean error at ordinary points that count as no worse
FIRST, AGAIN = 8, 4  # shares of the points, and of those asked half, that a choice is held at first
GROWN = 4  # times that a tree is grown anew for the points at which it loses on the fresh sample
# points from which zeros of the root are looked for, twice, by how many inputs there are
ZEROS = (1024, 1024, 256)
JOINING = 48  # points at which too much is lost that join the samples in one go
LIKE = 8  # points like each of them that join, too
NEAREST = 20  # these are a factor of 1 + 2**-20 to 3/2 away
NARROW = 7  # times that points join before those like them are sought farther and farther away
WIDEST = 3  # powers of two that these are away, at most
LAST = 3  # times at the end that candidates at fault are left out, too


@dataclass(frozen=True)
class Chosen:
    """A root's term; its error before and after at points not used to find it; what verification saw."""

    term: Term
    before: float
    after: float
    verdict: Verdict
    notes: tuple[str, ...] = ()


class Choice:
    """Candidates for one root, the program as written the last of them."""

    def __init__(
        self,
        terms: Sequence[Term],
        keys: Sequence[Term],
        fit: Sample,
        fresh: Sample,
        draw: Draw,
        random: np.random.Generator,
    ) -> None:
        self.terms, self.draw, self.random = list(terms), draw, random
        self.fit = Arena(self.terms, keys, fit, random)
        self.fresh = Arena(self.terms, keys, fresh, random)
        self.barred = np.zeros(len(self.terms), bool)
        if draw.independent:
            count = ZEROS[min(len(fit.columns), len(ZEROS)) - 1]
            for columns in zeros(self.terms[-1], draw, count, random):
                truth = Truth(columns)(self.terms[-1])
                near = Sample(tuple(columns), (truth,), np.zeros(len(truth), bool))
                self.joined(near.of(np.flatnonzero(np.isfinite(truth))))

    @property
    def written(self) -> int:
        """The number of the program as written."""
        return len(self.terms) - 1

    def verified(
        self,
        points: int,
        asked: int,
        mends: int,
        progress: Callable[[str], None],
    ) -> Chosen:
        """The choice that holds at ``points`` points.

        asked  points of which the truth is asked, of those that are suspicious.  mends  times that
        the choice is made anew, at most.
        """
        share = FIRST
        tree = self.tree()
        verdict = self.held(tree, points // share, asked // 2)
        for mend in range(mends):
            if not len(verdict.failed):
                verdict = self.held(tree, points, asked)
                share = AGAIN
            if not len(verdict.failed):
                break
            lost = f"{len(verdict.failed)} of {verdict.asked} points asked"
            progress(f"{lost} lose up to {verdict.worst:.1f} bits: chosen anew")
            self.join(tree, verdict, min(WIDEST, max(0, mend - NARROW)))
            if mend >= mends - LAST:
                self.bar(tree, verdict)
            tree = self.tree()
            verdict = self.held(tree, points // share, asked // 2)
        else:
            tree = Leaf(self.written)
            verdict = self.held(tree, points, asked)
        notes = []
        if isinstance(tree, Leaf) and tree.candidate == self.written and self.barred.any():
            notes.append("no form was found that loses nowhere more than a bit")
        before, after = self.mean(Leaf(self.written)), self.mean(tree)
        return Chosen(branches.tree_term(tree, self.terms), before, after, verdict, tuple(notes))

    def as_written(self) -> Chosen:
        """The program as written."""
        tree = Leaf(self.written)
        before = self.mean(tree)
        return Chosen(self.terms[self.written], before, before, self.held(tree, 0, 0))

    def mean(self, tree: Tree) -> float:
        """The mean error of a tree at points not used to find it."""
        return float(self.along(tree, self.fresh)[self.fresh.counted].mean())

    def held(self, tree: Tree, points: int, asked: int) -> Verdict:
        """`verify` of what a tree takes."""
        found = branches.tree_term(tree, self.terms)
        return verify(self.terms[-1], found, self.draw, points, asked, self.random)

    def tree(self) -> Tree:
        """The tree of least error that loses nowhere too much and is no worse than as written.

        Points of the fresh sample at which one loses too much join the first; where that is of no use
        the candidates at fault are left out.
        """
        barred = self.barred.copy()
        for step in range(len(self.terms) + GROWN):
            tree = self._tree(barred)
            lost = [self.lost(tree, arena) for arena in (self.fit, self.fresh)]
            if not any(len(places) for _, places in lost):
                return tree
            if step < GROWN and not len(lost[0][1]):
                self.fit.join(self.fresh.sample.of(lost[1][1]))
            else:
                for at, places in lost:
                    barred[at[places]] = True
        return Leaf(self.written)

    def lost(self, tree: Tree, arena: Arena) -> tuple[np.ndarray, np.ndarray]:
        """The candidate that a tree takes at each point, and the points at which it loses too much."""
        numbers = np.arange(len(self.terms))[:, None] + 0 * arena.lost
        at = branches.along(tree, branches.Errors(numbers, arena.counted, arena.keys))
        return at, np.flatnonzero(arena.lost[at, np.arange(len(at))])

    def _tree(self, barred: np.ndarray) -> Tree:
        plain = self.fresh.sample.ordinary & self.fresh.counted
        base = self.fresh.bits[self.written]
        counted = self.fresh.counted
        for weight in ORDINARY_WEIGHTS:
            fit = self.fit.errors(weight, barred)
            fresh = self.fresh.errors(weight, barred)
            tree = branches.prune(branches.grow(fit), fresh, fit)
            after = self.along(tree, self.fresh)
            no_worse = not plain.any() or after[plain].mean() <= base[plain].mean() + ROOM
            if no_worse and after[counted].mean() <= base[counted].mean():
                return tree
        return Leaf(self.written)

    def along(self, tree: Tree, arena: Arena) -> np.ndarray:
        """The error in bits at each point."""
        return branches.along(tree, branches.Errors(arena.bits, arena.counted, arena.keys))

    def join(self, tree: Tree, verdict: Verdict, wide: int) -> None:
        """Some of the points at which too much is lost, and points like them, join both samples.

        At all of them the candidate that lost is not to be taken: what is wrong at a point is not used near
        it.  wide  powers of two that near points may be away, besides; if any, it is the program as written
        that is to be taken there, since one form after another has failed.
        """
        failed = self.random.permutation(verdict.failed)[:JOINING]
        points = verdict.asked_points.of(failed)
        at, _ = self.lost(tree, Arena(self.terms, list(self.fit.keys), points, self.random))
        numbers = np.arange(len(self.terms))[:, None]
        forced = (numbers != self.written) if wide else (numbers == at)
        forced = np.broadcast_to(forced, (len(self.terms), len(at)))
        self.joined(points, forced)
        if self.draw.independent:
            columns = [self.like(c, wide) for c in points.columns]
            truth = Truth(columns)(self.terms[-1])
            every = Sample(tuple(columns), (truth,), np.zeros(len(truth), bool))
            real = np.flatnonzero(np.isfinite(truth))
            self.joined(every.of(real), np.repeat(forced, LIKE, axis=1)[:, real])

    def like(self, column: np.ndarray, wide: int) -> np.ndarray:
        """Numbers like each of some."""
        x = np.repeat(column, LIKE)
        near = np.exp2(self.random.uniform(-NEAREST, -1, len(x)))
        with np.errstate(over="ignore"):
            factor = 1 + near * self.random.choice([-1, 1], len(x))
            factor *= np.exp2(self.random.uniform(-wide, wide, len(x)))
            moved = (x * factor).astype(x.dtype)
        return np.where(np.isfinite(moved), moved, x)

    def joined(self, sample: Sample, forced: np.ndarray | None = None) -> None:
        """Points join both samples."""
        self.fit.join(sample, forced)
        self.fresh.join(sample, forced)

    def bar(self, tree: Tree, verdict: Verdict) -> None:
        """Leave out the candidates that a tree takes where too much is lost."""
        points = verdict.asked_points.of(verdict.failed)
        at, _ = self.lost(tree, Arena(self.terms, list(self.fit.keys), points, self.random))
        self.barred[at] = True
        self.barred[self.written] = False
