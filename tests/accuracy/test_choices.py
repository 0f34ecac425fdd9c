"""The choice between forms: what points that join it count, and what it falls back to."""

from __future__ import annotations

import numpy as np

from eqsat_tensor.accuracy import branches
from eqsat_tensor.accuracy.arenas import Arena
from eqsat_tensor.accuracy.branches import Cut, Leaf
from eqsat_tensor.accuracy.choosing import Choice
from eqsat_tensor.accuracy.edges import beside, ends
from eqsat_tensor.accuracy.inputs import EVERYWHERE, FromRanges, mixed
from eqsat_tensor.accuracy.points import Sample
from eqsat_tensor.accuracy.search import silent
from eqsat_tensor.accuracy.terms import Term, Values, leaf, number, term
from eqsat_tensor.accuracy.truth import Truth

X, Y, ONE = leaf(0), leaf(1), number(1)
F64 = np.dtype("float64")
POSITIVE = FromRanges([(0.0, float("inf"))], F64)
WRITTEN = term("subtract", term("sqrt", term("add", X, ONE)), term("sqrt", X))
BETTER = term("divide", ONE, term("add", term("sqrt", term("add", X, ONE)), term("sqrt", X)))
NOISE = term("multiply", term("cbrt", WRITTEN), term("square", term("cbrt", WRITTEN)))


def choice(terms: list[Term], seed: int = 0, counts: int = 300) -> Choice:
    random = np.random.default_rng(seed)

    def truths(columns):
        return [Truth(columns)(WRITTEN)]

    fit, fresh = (mixed(POSITIVE, truths, counts, counts // 4, random) for _ in range(2))
    return Choice(terms, [X, term("absolute", X)], fit, fresh, POSITIVE, random)


def test_a_point_that_is_learnt_of_is_lost_as_it_was_measured() -> None:
    it = choice([BETTER, WRITTEN])
    place = np.array([5])
    it.fresh.lost[0, place] = (
        True  # the level is found by chance: measured again, it may be another
    )
    before = len(it.fit.sample)
    it.learn(it.fresh, place)
    assert it.fit.lost[0, before]
    assert not it.fit.counted[before]
    assert len(it.fit.sample) > before + 1  # points like it, too
    assert it.fit.weight[before:].max() == 0


def test_a_lost_point_costs_the_program_only_its_neighbourhood() -> None:
    it = choice([BETTER, WRITTEN])
    place = int(np.argmin(np.abs(np.log(it.fresh.sample.columns[0] / 3))))
    it.fresh.lost[0, place] = True
    tree = it.tree()
    assert set(branches.leaves(tree)) == {0, 1}
    assert it.mean(tree) < 2 < it.mean(Leaf(1))


def test_errors_count_by_their_weight_and_losses_always() -> None:
    x = np.array([1.0, 2.0, 4.0])
    sample = Sample((x,), (Truth([x])(WRITTEN),), np.zeros(3, bool))
    arena = Arena([BETTER, WRITTEN], [X], sample, np.random.default_rng(0))
    arena.join(sample, weight=0.5)
    arena.join(sample, np.array([[True, True, True], [False, False, False]]))
    errors = arena.errors(1.0, np.zeros(2, bool))
    assert errors.weights.tolist() == [1.0] * 3 + [0.5] * 3 + [0.0] * 3
    assert errors.lost is not None
    assert errors.lost[0].tolist() == [False] * 6 + [True] * 3
    assert arena.counted.sum() == 3


def test_a_key_that_is_no_number_goes_where_a_comparison_sends_it() -> None:
    x = np.array([0.0, 1.0])
    key = term("divide", X, X)
    sample = Sample((x,), (x,), np.zeros(2, bool))
    arena = Arena([X], [key], sample, np.random.default_rng(0))
    cut = Cut(key, 5.0, Leaf(0), Leaf(1))
    condition = Values([x])(branches.conditions(cut)[0])
    assert (arena.keys[key] <= cut.threshold).tolist() == condition.tolist() == [False, True]


def test_a_leaf_that_loses_is_mended_and_the_others_stay() -> None:
    v = np.linspace(-1, 1, 401)
    bits = np.array([np.where(v > 0, 20.0, 0.0), np.where(v > 0, 0.0, 20.0), np.full(401, 21.0)])
    lost = np.zeros((3, 401), bool)
    lost[1] = (v > 0.4) & (v < 0.6)
    errors = branches.Errors(bits, np.ones(401), {X: v}, lost)
    tree = branches.repaired(Cut(X, 0.0, Leaf(0), Leaf(1)), errors)
    assert isinstance(tree, Cut)
    assert (tree.threshold, tree.low) == (0.0, Leaf(0))
    taken = branches.along(tree, branches.Errors(np.arange(3)[:, None] + 0 * lost, v, {X: v}))
    assert not lost[taken, np.arange(401)].any()
    assert (taken[(v > 0.7) | ((v > 0) & (v < 0.3))] == 1).all()


def test_what_is_fallen_back_to_is_the_best_form_that_loses_nowhere() -> None:
    it = choice([NOISE, BETTER, WRITTEN])
    it.fit.lost[:] = it.fresh.lost[:] = False
    it.fit.lost[0, 3] = True
    tree, verdict = it.last_resort(4000, 64)
    assert tree == Leaf(1)
    assert not len(verdict.failed)
    it.fresh.lost[1, 7] = True
    assert it.last_resort(4000, 64)[0] == Leaf(2)


def test_the_choice_is_the_better_form() -> None:
    for seed in range(3):
        found = choice([BETTER, WRITTEN], seed).verified(20_000, 256, 8, silent)
        assert found.after < 1 < 8 < found.before


def test_ends_of_ranges_are_drawn() -> None:
    random = np.random.default_rng(0)
    draw = FromRanges([EVERYWHERE, (1.0, 3.0)], F64)
    x, y = ends(draw, 4000, random)
    assert ((y >= 1) & (y <= 3)).all()
    assert (np.abs(x) > 1e307).mean() > 0.1
    assert (np.abs(x) < 1e-306).mean() > 0.05
    assert (np.abs(x) == 0).mean() < 0.1
    assert np.isfinite(x).all()


def test_points_beside_a_threshold_lie_on_both_sides_near_and_far() -> None:
    condition = term("less_equal", X, number(2))
    found = np.concatenate(
        [c[0] for c in beside(condition, POSITIVE, 200, np.random.default_rng(0))]
    )
    away = np.abs(np.log2(found / 2))
    assert 0.3 < (found <= 2).mean() < 0.7
    assert (away < 0.1).any()
    assert (away > 10).any()


def test_a_stretch_in_the_middle_is_found_where_neither_end_pays_alone() -> None:
    v = np.linspace(-1, 1, 401)
    middle = np.abs(v) < 0.3
    bits = np.array([np.full(401, 1.0), np.where(middle, 0.0, 60.0)])
    errors = branches.Errors(bits, np.ones(401), {X: v})
    tree = branches.grow(errors)
    assert branches.leaves(tree) == [0, 1, 0]
    assert branches.along(tree, errors).sum() == 401 - middle.sum()
