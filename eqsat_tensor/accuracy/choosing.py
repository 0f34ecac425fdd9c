"""The choice of one root: the tree of candidates of least error that loses nowhere too much.

candidates -> tree, grown on one sample and pruned on another, its thresholds among further points -> a million
points -> points at which it loses more than it may join both samples, and leaves that lose are mended, or the
tree is grown anew.  The program as written is always a candidate, and loses nowhere.  Where points do not mend a
choice, the candidates at fault are left out; in the end the best form that loses nowhere by itself is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from eqsat_tensor.accuracy import branches
from eqsat_tensor.accuracy.arenas import Arena
from eqsat_tensor.accuracy.branches import Leaf, Tree
from eqsat_tensor.accuracy.edges import beside, ends, zeros
from eqsat_tensor.accuracy.inputs import Draw, FromRanges
from eqsat_tensor.accuracy.losses import ALLOWED
from eqsat_tensor.accuracy.points import Sample
from eqsat_tensor.accuracy.terms import Term
from eqsat_tensor.accuracy.truth import Truth
from eqsat_tensor.accuracy.verifying import Verdict, verify

ORDINARY_WEIGHTS = (1.0, 4.0, 16.0)  # of ordinary points, heavier while these come out worse
ROOM = 0.02  # bits of mean error at ordinary points that count as no worse
STAGES = ((8, 2), (1, 1))  # shares of the points, and of those asked, by which it is held in turn
AGAIN = 0  # the stage that it begins with when it is made anew
GROWN = 4  # times that a tree is grown anew for the points at which it loses on the fresh sample
# points from which zeros of the root are looked for, twice, by how many inputs there are
ZEROS = (1024, 1024, 256)
NEAR_AIM = 0.06  # bits by which a mended tree may be worse than the first before another is grown
LEAVES = 16  # of a tree that is mended leaf by leaf, at most
ENDS = 384  # points at the ends of ranges
REFINED = 2  # times that a tree is grown anew with points beside its thresholds
BESIDE = 64  # points from which those are looked for, twice a threshold
ALIKE_WEIGHT = 0.5  # what errors count at points at which inputs nearly agree
BESIDE_WEIGHT = 0.5  # and at points beside thresholds
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
        alike: Sequence[Sample] = (),
    ) -> None:
        self.terms, self.draw, self.random = list(terms), draw, random
        self.given = keys, fit, fresh, alike
        self.fit = Arena(self.terms, keys, fit, random)
        self.fresh = Arena(self.terms, keys, fresh, random)
        self.barred = np.zeros(len(self.terms), bool)
        self.aim = np.inf  # how bad the first tree was, before points joined at which it loses
        for arena, points in zip((self.fit, self.fresh), alike, strict=False):
            arena.join(points, None, ALIKE_WEIGHT, ALLOWED)
        if draw.independent:
            root = self.terms[-1]
            count = ZEROS[min(len(fit.columns), len(ZEROS)) - 1]
            for columns in zeros(root, draw, count, random):
                self.joined(self.real(columns)[0])

    def loses_nowhere(self, term: Term) -> bool:
        """Does a candidate lose at no point of the samples too much?"""
        number = self.terms.index(term)
        return not (self.fit.lost[number].any() or self.fresh.lost[number].any())

    def beside(self, term: Term) -> Choice:
        """The same choice, a candidate taking the place of the program as written."""
        keys, fit, fresh, alike = self.given
        terms = [*(t for t in self.terms if t is not term), term]
        return Choice(terms, keys, fit, fresh, self.draw, self.random, alike)

    @property
    def before(self) -> float:
        """The mean error of the program as written."""
        return self.mean(Leaf(self.written))

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
        tree = self.refined()
        stage = mend = 0
        while True:
            share, part = STAGES[stage]
            verdict = self.held(tree, points // share, asked // part)
            if not len(verdict.failed):
                stage += 1
                if stage == len(STAGES):
                    break
                continue
            if mend == mends:
                tree, verdict = self.last_resort(points, asked)
                break
            lost = f"{len(verdict.failed)} of {verdict.asked} points asked"
            progress(f"{lost} lose up to {verdict.worst:.1f} bits: chosen anew")
            self.join(tree, verdict, min(WIDEST, max(0, mend - NARROW)))
            mend += 1
            if mend > mends - LAST:
                self.bar(tree, verdict)
            tree = self.mended(tree)
            stage = min(stage, AGAIN)
        notes = []
        if isinstance(tree, Leaf) and tree.candidate == self.written and self.barred.any():
            notes.append("no form was found that loses nowhere more than a bit")
        before, after = self.mean(Leaf(self.written)), self.mean(tree)
        return Chosen(branches.tree_term(tree, self.terms), before, after, verdict, tuple(notes))

    def last_resort(self, points: int, asked: int) -> tuple[Tree, Verdict]:
        """The form that is best by itself of those that lose nowhere too much; the program as written, if none."""
        errors = self.fresh.bits[:, self.fresh.counted].mean(axis=1)
        for j in np.argsort(errors, kind="stable"):
            lost = self.fit.lost[j].any() or self.fresh.lost[j].any()
            if not lost and errors[j] < errors[self.written]:
                verdict = self.held(Leaf(int(j)), points, asked)
                if not len(verdict.failed):
                    return Leaf(int(j)), verdict
        return Leaf(self.written), self.held(Leaf(self.written), points, asked)

    def refined(self) -> Tree:
        """The tree, its thresholds found among points on both sides of them."""
        tree = self.tree()
        for _ in range(REFINED if self.draw.independent else 0):
            conditions = dict.fromkeys(branches.conditions(tree))
            if not conditions:
                break
            for condition in conditions:
                for columns in beside(condition, self.draw, BESIDE, self.random):
                    points, _ = self.real(columns)
                    self.joined(points, None, BESIDE_WEIGHT, ALLOWED)
            tree = self.tree()
        self.aim = self.badness(tree)
        if isinstance(self.draw, FromRanges):
            self.joined(self.real(ends(self.draw, ENDS, self.random))[0], allowed=ALLOWED)
            tree = self.mended(tree)
        return tree

    def mended(self, tree: Tree) -> Tree:
        """A tree without what loses too much at the points that joined: this one mended leaf by leaf, or one that
        is grown anew where that is better."""
        for _ in range(GROWN):
            tree = branches.repaired(tree, self.fit.errors(1.0, self.barred))
            _, places = self.lost(tree, self.fresh)
            if not len(places):
                break
            self.learn(self.fresh, places)
        lost = [len(self.lost(tree, arena)[1]) for arena in (self.fit, self.fresh)]
        if any(lost) or len(branches.leaves(tree)) > LEAVES or not self.no_worse(tree):
            return self.tree()
        if self.badness(tree) <= self.aim + NEAR_AIM:
            return tree
        return min(tree, self.tree(), key=self.badness)

    def badness(self, tree: Tree) -> float:
        """The mean error over all points and that over ordinary ones, and what branches must be worth."""
        error = self.along(tree, self.fresh)
        counted = self.fresh.counted
        plain = counted & self.fresh.sample.ordinary
        ordinary = float(error[plain].mean()) if plain.any() else 0.0
        return float(error[counted].mean()) + ordinary + branches.WORTH * len(branches.leaves(tree))

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

        Points at which one loses too much, and points like them, join the first sample; where that is of no
        use the candidates at fault are left out.
        """
        barred = self.barred.copy()
        for step in range(len(self.terms) + GROWN):
            tree = self._tree(barred)
            lost = [self.lost(tree, arena) for arena in (self.fit, self.fresh)]
            if not any(len(places) for _, places in lost):
                return tree
            for arena, (at, places) in zip((self.fit, self.fresh), lost, strict=True):
                if step >= GROWN or not (self.draw.independent or arena is self.fresh):
                    barred[at[places]] = True
                elif len(places):
                    self.learn(arena, places)
        return Leaf(self.written)

    def learn(self, arena: Arena, places: np.ndarray) -> None:
        """Some points of a sample at which too much is lost join the first, as they were measured, and points
        like them both."""
        places = self.random.permutation(places)[:JOINING]
        points = arena.sample.of(places)
        if arena is self.fresh:
            self.fit.join(points, arena.lost[:, places])
        if self.draw.independent:
            self.joined(self.like_them(points)[0], allowed=ALLOWED)

    def lost(self, tree: Tree, arena: Arena) -> tuple[np.ndarray, np.ndarray]:
        """The candidate that a tree takes at each point, and the points at which it loses too much."""
        numbers = np.arange(len(self.terms))[:, None] + 0 * arena.lost
        at = branches.along(tree, branches.Errors(numbers, arena.counted, arena.keys))
        return at, np.flatnonzero(arena.lost[at, np.arange(len(at))])

    def _tree(self, barred: np.ndarray) -> Tree:
        for weight in ORDINARY_WEIGHTS:
            fit = self.fit.errors(weight, barred)
            fresh = self.fresh.errors(weight, barred)
            tree = branches.prune(branches.grow(fit), fresh, fit)
            if self.no_worse(tree):
                return tree
        return Leaf(self.written)

    def no_worse(self, tree: Tree) -> bool:
        """Is the mean no worse than as written, over all points and over the ordinary ones?"""
        counted = self.fresh.counted
        plain = self.fresh.sample.ordinary & counted
        base, after = self.fresh.bits[self.written], self.along(tree, self.fresh)
        ordinary = not plain.any() or after[plain].mean() <= base[plain].mean() + ROOM
        return bool(ordinary and after[counted].mean() <= base[counted].mean())

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
            near, of = self.like_them(points, wide)
            self.joined(near, forced[:, of])

    def like_them(self, points: Sample, wide: int = 0) -> tuple[Sample, np.ndarray]:
        """Points like each of some, where the root has a value, and the number of the one that each is like."""
        near, places = self.real([self.like(c, wide) for c in points.columns])
        return near, places // LIKE

    def real(self, columns: Sequence[np.ndarray]) -> tuple[Sample, np.ndarray]:
        """Points of those given, which are in range and have a true value, and their places."""
        truth = Truth(columns)(self.terms[-1])
        good = np.isfinite(truth)
        if isinstance(self.draw, FromRanges):
            for c, (low, high) in zip(columns, self.draw.ranges, strict=True):
                good &= (c >= low) & (c <= high)
        places = np.flatnonzero(good)
        every = Sample(tuple(columns), (truth,), np.zeros(len(truth), bool))
        return every.of(places), places

    def like(self, column: np.ndarray, wide: int) -> np.ndarray:
        """Numbers like each of some."""
        x = np.repeat(column, LIKE)
        near = np.exp2(self.random.uniform(-NEAREST, -1, len(x)))
        with np.errstate(over="ignore"):
            factor = 1 + near * self.random.choice([-1, 1], len(x))
            factor *= np.exp2(self.random.uniform(-wide, wide, len(x)))
            moved = (x * factor).astype(x.dtype)
        return np.where(np.isfinite(moved), moved, x)

    def joined(
        self,
        sample: Sample,
        forced: np.ndarray | None = None,
        weight: float = 0.0,
        allowed: float = 0.0,
    ) -> None:
        """Points join both samples; see `Arena.join`."""
        self.fit.join(sample, forced, weight, allowed)
        self.fresh.join(sample, forced, weight, allowed)

    def bar(self, tree: Tree, verdict: Verdict) -> None:
        """Leave out the candidates that a tree takes where too much is lost."""
        points = verdict.asked_points.of(verdict.failed)
        at, _ = self.lost(tree, Arena(self.terms, list(self.fit.keys), points, self.random))
        self.barred[at] = True
        self.barred[self.written] = False
