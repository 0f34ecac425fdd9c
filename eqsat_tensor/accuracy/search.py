"""The search on one page: terms of a region -> the terms whose measured error is least.

sample the inputs; series; rounds of (explore the e-graph, measure its classes, offer what the roots
keep); branches.  Everything is bounded by counts and drawn from one seed: the same region, ranges and seed
give the same terms on every machine that computes the same floats.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np

from eqsat_tensor.accuracy.choosing import Choice, Chosen
from eqsat_tensor.accuracy.inputs import Alike, FromRanges, mixed, sample
from eqsat_tensor.accuracy.points import Sample, error_bits
from eqsat_tensor.accuracy.pools import LARGEST, Candidate, Pools, cover
from eqsat_tensor.accuracy.quotients import quotients_in
from eqsat_tensor.accuracy.rows import Draws
from eqsat_tensor.accuracy.series import series_of
from eqsat_tensor.accuracy.terms import Term, Values, inner, leaf, term, to_exprs
from eqsat_tensor.accuracy.truth import Truth
from eqsat_tensor.accuracy.verifying import Verdict, verify
from eqsat_tensor.egraph.explore import Bounds, explore
from eqsat_tensor.lang import Expr
from eqsat_tensor.ops.leaf import input_
from eqsat_tensor.rules.book import RuleBook
from eqsat_tensor.types import TensorType

ENOUGH = 0.3  # bits of mean error at which no further round is tried
POOR = 1.0  # bits by which a choice is worse than what is best at each point, from which on one more is made
REGRET = 1.0  # times that the rest is charged: a point that was right should stay right
WORSE = 1.0  # bits by which a point may be worse than as written without a further charge
MATTERS = 0.25  # bits that a form must gain on values that are there, which are few and guessed at
ALIKE_WORTH = 4.0  # bits that are worth a second choice where inputs nearly agree
RIVAL_WORTH = 0.5  # and that are worth taking the rival instead
FEW = 6  # further candidates there, at most
ROOM = 0.02  # bits of mean error that count as no worse
ARITHMETIC = ("add", "subtract", "multiply", "divide")
KEY_SIZE = 7  # nodes of a subterm by which branches may be told apart
SUM_SIZE = 12  # nodes of a sum whose share in its first operand may tell, as well


@dataclass(frozen=True)
class Effort:
    """How much is tried; all counts.

    inner, inner_plain  points at which classes are measured: of all magnitudes, and ordinary.
    fit, fit_plain      points by which candidates and branches are chosen; as many again judge them.
    alike, inner_alike  of the one and the other, besides, half of them plain: points at which inputs nearly agree.
    check               ordinary points at which a candidate must equal the region as a real function.
    verified, asked     points at which what is chosen is held, and of how many of them the truth is asked
                        (an eighth without python-flint).
    mends               times that it is chosen anew for points at which it loses too much, at most.
    """

    inner: int = 100
    inner_plain: int = 40
    fit: int = 2048
    fit_plain: int = 512
    alike: int = 256
    inner_alike: int = 24
    check: int = 48
    verified: int = 1_000_000
    asked: int = 4096
    mends: int = 16
    rounds: int = 2
    bounds: Bounds = field(default_factory=Bounds)
    terms: int = 20_000
    candidates: int = 20


EFFORT = Effort()
Progress: TypeAlias = Callable[[str], None]


def silent(what: str) -> None:
    """A `Progress` that tells nothing."""


@dataclass(frozen=True)
class Result:
    """What a search found.

    terms   one a root.  before, after  mean error in bits of each root at points not used to find it.
    notes   what a bound cut short.  verdicts  one a root, where a choice was made.
    """

    terms: tuple[Term, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]
    notes: tuple[str, ...] = ()
    verdicts: tuple[Verdict, ...] = ()

    def told(self) -> list[str]:
        """What was found in words, a line a root, and the notes."""
        each = zip(self.before, self.after, self.verdicts, strict=False)
        return [*(told(*one) for one in each), *self.notes]


def told(before: float, after: float, verdict: Verdict) -> str:
    """One root's line."""
    return f"{before:.2f} -> {after:.2f} bits of error on the mean; {verdict}"


def search(
    roots: Sequence[Term],
    dtype: np.dtype,
    draws: Draws,
    rules: RuleBook,
    seed: int = 0,
    effort: Effort = EFFORT,
    progress: Progress = silent,
    rivals: Sequence[Term | None] = (),
) -> Result:
    """The best terms for ``roots`` over inputs of ``dtype``.

    draws  where points come from.  rules  `RuleBook.for_search`.  progress  told what is done.
    rivals  another form of each root, or None: the search begins with these, too.
    """
    work = _Search(tuple(roots), np.dtype(dtype), draws, rules, seed, effort, progress)
    return work.run(rivals)


class _Root:
    """One root: its candidates, measured at the points of the fit."""

    def __init__(self, number: int, written: Term, search: _Search) -> None:
        self.number, self.written, self.search = number, written, search
        self.pool: dict[Term, Candidate] = {}
        self.rival: Term | None = None
        self.series: set[Term] = set()
        self.base = error_bits(search.values(written), search.fit.truths[number], True)
        self.offer([written], exact=True)

    def offer(self, terms: Sequence[Term], exact: bool) -> None:
        """Measure terms; those that are said to be ``exact`` must equal the root as real functions."""
        for t in terms:
            if t in self.pool or (exact and t is not self.written and not self.is_right(t)):
                continue
            errors = error_bits(self.search.values(t), self.search.fit.truths[self.number], True)
            self.pool[t] = Candidate(t, charged(errors, self.base))
            if not exact:
                self.series.add(t)

    def is_right(self, t: Term) -> bool:
        """Is ``t`` the root as a real function, as far as ordinary points tell?

        Floats of all magnitudes cannot tell: there one term dominates, and a wrong one hides.
        It may be undefined at some.
        """
        truths = self.search.check.truths[self.number]
        if not len(truths):
            return True
        got = self.search.check_truth(t)
        missing = np.isnan(got)
        return bool((missing | (error_bits(got, truths) < 2)).all() and not missing.all())

    @property
    def best(self) -> float:
        """The least mean error of one candidate."""
        return min(float(c.errors.mean()) for c in self.pool.values())

    @property
    def floor(self) -> float:
        """The mean error of the candidate that is best at each point."""
        return float(np.min([c.errors for c in self.pool.values()], axis=0).mean())

    def seeds(self) -> list[Term]:
        """Candidates to start the next round from."""
        exact = [c for c in self.pool.values() if c.term not in self.series]
        return [c.term for c in cover(exact, 3)]


class _Search:
    def __init__(
        self,
        written: tuple[Term, ...],
        dtype: np.dtype,
        draws: Draws,
        rules: RuleBook,
        seed: int,
        effort: Effort,
        progress: Progress,
    ) -> None:
        self.written, self.dtype, self.rules = written, dtype, rules
        self.effort, self.judge, self.progress = effort, draws.judge, progress
        self.notes = list[str]()
        self.more_keys = False  # see `keys`
        random = self.random = np.random.default_rng(seed)
        e = effort
        self.inner = mixed(draws.fit, self.truths, e.inner, e.inner_plain, random)
        self.fit = mixed(draws.fit, self.truths, e.fit, e.fit_plain, random)
        self.fresh = mixed(draws.judge, self.truths, e.fit, e.fit_plain, random)
        self.near = list[Sample]()
        if isinstance(draws.fit, FromRanges) and len(draws.fit.ranges) > 1:
            alike = Alike(draws.fit)
            halves = [n // 2 for n in (e.inner_alike, e.alike, e.alike)]
            near, *self.near = [mixed(alike, self.truths, n, n, random) for n in halves]
            self.near_values, self.near_truth = Values(near.columns), Truth(near.columns)
        self.check = sample(draws.check, self.truths, e.check, True, random)
        self.inputs = len(self.fit.columns)
        self.values = Values(self.fit.columns)
        self.check_truth = Truth(self.check.columns)
        self.inner_values = Values(self.inner.columns)
        self.inner_truth = Truth(self.inner.columns)

    def truths(self, columns: Sequence[np.ndarray]) -> list[np.ndarray]:
        truth = Truth(columns)
        return [truth(t) for t in self.written]

    def run(self, rivals: Sequence[Term | None]) -> Result:
        nothing = (0.0,) * len(self.written)
        if len(self.fit) < 64 or len(self.inner) < 16 or len(self.fresh) < 64:
            self.notes.append("too few points at which the region has a finite value")
            return Result(self.written, nothing, nothing, tuple(self.notes))
        roots = [_Root(i, t, self) for i, t in enumerate(self.written)]
        for root, rival in zip(roots, rivals, strict=False):
            if rival is not None:
                root.offer([rival], exact=True)
                root.rival = rival if rival in root.pool else None
        for root in roots:
            root.offer(series_of(root.written, self.inputs, self.dtype), exact=False)
        number = 0
        while number < self.effort.rounds:
            best = [root.best for root in roots]
            self.progress(f"round {number + 1}: {', '.join(f'{b:.2f}' for b in best)} bits so far")
            if all(b < ENOUGH for b in best):
                break
            self.round(roots)
            number += 1
        if number == self.effort.rounds and any(root.floor > ENOUGH for root in roots):
            self.progress("nothing that was found is good everywhere: one more round")
            self.round(roots)
        self.better_series(roots)
        chosen = [self.chosen(root) for root in roots]
        if any(self.is_poor(c, root) for c, root in zip(chosen, roots, strict=True)):
            self.progress("what is best may not be taken everywhere: one more round")
            self.round(roots)
            self.more_keys = True
            again = [self.chosen(root, last=True) for root in roots]
            chosen = [min(pair, key=lambda c: c.after) for pair in zip(chosen, again, strict=True)]
        self.notes += [note for c in chosen for note in c.notes]
        return Result(
            tuple(c.term for c in chosen),
            tuple(c.before for c in chosen),
            tuple(c.after for c in chosen),
            tuple(dict.fromkeys(self.notes)),
            tuple(c.verdict for c in chosen),
        )

    def is_poor(self, found: Chosen, root: _Root) -> bool:
        """Is a choice so far from what is best at each point that one more round is made for it?"""
        return self.judge.independent and found.after >= root.floor + POOR

    def round(self, roots: Sequence[_Root]) -> None:
        """Explore from the best so far, and offer what the roots' classes keep."""
        seeds = [(root.written, t) for root in roots for t in root.seeds()]
        starts = [*self.written, *(t for _, t in seeds)]
        equal = [pair for pair in (*seeds, *quotients_in(starts)) if pair[0] is not pair[1]]
        pools = self.pools(list(self.written), equal, self.effort.bounds, self.effort.terms)
        if pools is not None:
            for root, kept in zip(roots, pools.roots, strict=True):
                root.offer([c.term for c in kept], exact=True)

    def pools(
        self,
        roots: Sequence[Term],
        equal: Sequence[tuple[Term, Term]],
        bounds: Bounds,
        most: int,
        near: bool = False,
    ) -> Pools | None:
        """What the classes of the roots' forms keep; ``near``: by points at which inputs nearly agree."""
        flat = [*roots, *(t for pair in equal for t in pair)]
        made = to_exprs(flat, self.leaves(), TensorType(self.dtype, ()))
        pairs = list(zip(made[len(roots) :: 2], made[len(roots) + 1 :: 2], strict=True))
        graph = explore(made[: len(roots)], pairs, self.rules, bounds)
        if graph is None:
            self.notes.append("the engine failed")
            return None
        if len(graph.nodes) >= bounds.nodes:
            self.notes.append(f"no further forms were looked for after {len(graph.nodes)} nodes")
        values = self.near_values if near else self.inner_values
        truth = self.near_truth if near else self.inner_truth
        pools = Pools(graph, values, truth, most=most)
        if pools.cut:
            self.notes.append(f"not all of the forms were measured, but {most}")
        return pools

    def leaves(self) -> list[Expr]:
        return [input_(name="x", key=i, dtype=self.dtype, shape=()) for i in range(self.inputs)]

    def better_series(self, roots: Sequence[_Root]) -> None:
        """Coefficients that are terms deserve the same care, each against its own truth."""
        if self.inputs == 1:
            return
        for root in roots:
            for c in cover(list(root.pool.values()), 8):
                if c.term not in root.series or c.errors.mean() > 60 or c.term.size >= 40:
                    continue
                equal = [p for p in quotients_in([c.term]) if p[0] is not p[1]]
                pools = self.pools([c.term], equal, Bounds(1200, 4), self.effort.terms // 4)
                if pools is not None:
                    root.offer([k.term for k in pools.roots[0]], exact=False)

    # ------------------------------------------------------------------------- the choice
    def chosen(self, root: _Root, last: bool = False) -> Chosen:
        """The root's term, with branches where they pay.  ``last``: no further choice will be made."""
        kept = cover(list(root.pool.values()), self.effort.candidates, full=True)
        always = [t for t in (root.rival, root.written) if t is not None]
        terms = [*(c.term for c in kept if c.term not in always), *dict.fromkeys(always)]
        found = self.choice(root, terms)
        if not last and self.is_poor(found, root):
            return found
        if self.near and self.error(root, found.term, self.near[0]) > ALIKE_WORTH:
            found = self.better_alike(root, terms, found)
        if self.near and root.rival is not None:
            found = self.rival_alike(root, root.rival, found)
        self.progress(told(found.before, found.after, found.verdict))
        return found

    def choice(self, root: _Root, terms: Sequence[Term]) -> Chosen:
        """The term, or the branches between terms, that one sample chooses and the other holds."""
        fit, fresh, *alike = (
            Sample(s.columns, (s.truths[root.number],), s.ordinary)
            for s in (self.fit, self.fresh, *self.near)
        )
        keys = self.keys(root.written, self.more_keys)
        choice = Choice(terms, keys, fit, fresh, self.judge, self.random, alike)
        e = self.effort
        rival = root.rival if self.judge.independent else None
        if rival is not None and choice.loses_nowhere(rival):
            placed = self.in_place(root, choice, rival)
            if placed is not None:
                return placed
        found = choice.verified(e.verified, self.asked, e.mends, self.progress)
        if not self.judge.independent and found.before - found.after < MATTERS:
            return choice.as_written()
        return found

    def in_place(self, root: _Root, choice: Choice, rival: Term) -> Chosen | None:
        """The choice beside the rival, which loses nowhere, instead of the program as written; None if it loses
        too much beside that."""
        e = self.effort
        found = choice.beside(rival).verified(e.verified, self.asked, e.mends, self.progress)
        verdict = verify(root.written, found.term, self.judge, e.verified, self.asked, self.random)
        if len(verdict.failed):
            return None
        return replace(found, before=choice.before, verdict=verdict)

    @property
    def asked(self) -> int:
        """Of how many points the truth is asked where a choice is held."""
        return self.effort.asked // self.check_truth.numbers.dear

    def better_alike(self, root: _Root, terms: Sequence[Term], found: Chosen) -> Chosen:
        """A choice that is better where inputs nearly agree, and elsewhere no worse; ``found`` if there is none."""
        equal = [p for p in quotients_in([root.written]) if p[0] is not p[1]]
        effort = self.effort
        pools = self.pools([root.written], equal, effort.bounds, effort.terms, near=True)
        kept = [] if pools is None else [k.term for k in pools.roots[0]]
        some = sorted(filter(root.is_right, kept), key=lambda t: self.error(root, t, self.near[0]))
        every = [*[t for t in some if t not in terms][:FEW], *terms]
        least = min(self.error(root, t, self.near[0]) for t in every)
        if least > self.error(root, found.term, self.near[0]) - ALIKE_WORTH:
            return found
        other = self.choice(root, every)
        now, then = (self.error(root, c.term, self.near[1]) for c in (found, other))
        good = other.after <= found.after + ROOM and then < now - ALIKE_WORTH
        return other if good else found

    def rival_alike(self, root: _Root, rival: Term, found: Chosen) -> Chosen:
        """The rival by itself where it is better for inputs that nearly agree, which no
        branch tells, and about as good elsewhere."""
        for near in self.near:
            if self.error(root, rival, near) > self.error(root, found.term, near) - RIVAL_WORTH:
                return found
        alone = self.choice(root, [rival, root.written])
        return alone if alone.after <= found.after + MATTERS else found

    def error(self, root: _Root, t: Term, sample: Sample) -> float:
        """The mean error of a term at a sample's points."""
        errors = error_bits(Values(sample.columns)(t), sample.truths[root.number], True)
        return float(errors.mean()) if len(errors) else 0.0

    def keys(self, written: Term, more: bool) -> list[Term]:
        """What branches are told apart by: inputs and small subterms as written, and their sizes.

        ``more``: how far sums cancel and what functions are of, too, for a choice that is poor without.
        """
        found: dict[Term, None] = {}
        for i in range(self.inputs):
            found |= {leaf(i): None, term("absolute", leaf(i)): None}
        for t in inner([written]):
            if t.op in ARITHMETIC and t.size <= KEY_SIZE:
                found |= {t: None, term("absolute", t): None}
            if (
                more
                and t.op in ("add", "subtract")
                and t.size <= SUM_SIZE
                and t.arguments[0].arguments
            ):
                found |= {term("absolute", term("divide", t, t.arguments[0])): None}
            if more and t.op not in ARITHMETIC and t.size <= LARGEST:
                found |= {a: None for a in t.arguments if a.arguments}
        return list(found)


def charged(errors: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Errors, and again what they exceed those as written by, but for a bit."""
    result: np.ndarray = errors + REGRET * np.maximum(errors - base - WORSE, 0.0)
    return result
