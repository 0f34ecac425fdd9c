"""No form loses more than a bit: what a loss is, how a million points are held, and what is chosen."""

from __future__ import annotations

import numpy as np
import pytest

from eqsat_tensor.accuracy.edges import changes, thresholds, zeros
from eqsat_tensor.accuracy.inputs import EVERYWHERE, FromRanges, FromRows
from eqsat_tensor.accuracy.losses import ALLOWED, levels
from eqsat_tensor.accuracy.points import error_bits, ordinals
from eqsat_tensor.accuracy.rows import Draws
from eqsat_tensor.accuracy.search import EFFORT, Effort, search
from eqsat_tensor.accuracy.terms import Term, Values, leaf, number, term
from eqsat_tensor.accuracy.truth import Truth
from eqsat_tensor.accuracy.unsteady import Moved
from eqsat_tensor.accuracy.verifying import verify
from eqsat_tensor.rules import load_rulebook

X, ONE = leaf(0), number(1)
F64 = np.dtype("float64")
ANY = FromRanges([EVERYWHERE], F64)
POSITIVE = FromRanges([(0.0, float("inf"))], F64)


def minus(a: Term, b: Term) -> Term:
    return term("subtract", a, b)


def plus(a: Term, b: Term) -> Term:
    return term("add", a, b)


def chance(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


# ------------------------------------------------------------------------------------ losses
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_cancels_is_unsteady_and_what_is_exact_is_not(dtype: str) -> None:
    absorbed = np.array([1e-20, 3e-9], dtype)
    t = minus(plus(ONE, X), ONE)
    assert (Moved([absorbed], chance())(t) != Values([absorbed])(t)).all()
    whole = np.array([1.0, 5.0, 1024.0], dtype)
    for exact in (minus(plus(ONE, X), X), term("multiply", X, X), term("log", ONE)):
        assert (Moved([whole], chance())(exact) == Values([whole])(exact)).all()


def loss_at(written: Term, x: np.ndarray, results: np.ndarray) -> np.ndarray:
    truth = Truth([x])(written)
    bits = error_bits(results, truth, True)
    return bits - levels(written, [x], truth, bits[None], chance())


def test_three_floats_beside_a_right_program_are_a_bit_and_four_are_more() -> None:
    x = np.array([0.3, 7.0])
    written = term("sqrt", X)
    right = Truth([x])(written)
    moved = [right + k * np.spacing(right) for k in (1, 3, 4)]
    one, three, four = (loss_at(written, x, m) for m in moved)
    assert (one <= 0).all()
    assert (three == ALLOWED).all()
    assert (four > ALLOWED).all()


def test_a_lucky_hit_is_not_the_level_of_a_program() -> None:
    x = np.geomspace(1e3, 1e6, 400)
    written = minus(term("sqrt", plus(X, ONE)), term("sqrt", X))  # thousands of floats off
    truth = Truth([x])(written)
    here = error_bits(Values([x])(written), truth)
    lucky = np.flatnonzero(here < 4)
    some = x[lucky] if len(lucky) else x[[int(np.argmin(here))]]
    want = Truth([some])(written)
    assert (loss_at(written, some, want + 40 * np.spacing(want)) <= ALLOWED).all()
    steady = term("log1p", X)
    want = Truth([some])(steady)
    assert (loss_at(steady, some, want + 40 * np.spacing(want)) > ALLOWED).all()


# ------------------------------------------------------------------------------ a million points
def test_verification_finds_where_a_form_loses() -> None:
    written = term("log1p", X)
    worse = term("log", plus(X, ONE))
    seen = verify(written, worse, POSITIVE, 20_000, 512, chance())
    assert seen.points >= 20_000
    assert len(seen.failed)
    assert seen.worst > 40
    assert (seen.asked_points.columns[0][seen.failed] < 1e3).all()


def test_a_form_that_only_gains_passes_and_so_does_the_program_itself() -> None:
    written = minus(term("exp", X), ONE)
    gains = verify(written, term("expm1", X), ANY, 50_000, 512, chance())
    assert gains.suspicious > 1000
    assert gains.asked == 512
    assert not len(gains.failed)
    same = verify(written, written, ANY, 5_000, 512, chance())
    assert (same.suspicious, same.worst) == (0, 0.0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_fault_a_few_floats_wide_beside_a_threshold_is_found(dtype: str) -> None:
    draw = FromRanges([EVERYWHERE], np.dtype(dtype))
    edge = 0.3125
    beyond = float(np.nextafter(np.nextafter(np.array(edge, dtype), 1), 1))

    def up_to(limit: float, a: Term, b: Term) -> Term:
        return term("where", term("less_equal", X, number(limit)), a, b)

    right = term("arctan", X)
    found = up_to(edge, right, up_to(beyond, term("sin", X), right))
    assert len(verify(right, found, draw, 4096, 512, chance()).failed)


def test_changes_lie_between_neighbouring_floats() -> None:
    y = leaf(1)
    draw = FromRanges([EVERYWHERE, EVERYWHERE], F64)
    condition = term("less_equal", term("multiply", X, y), number(2))
    sides = []
    for columns, moving in changes(condition, draw, 64, chance()):
        sides.append((Values(columns)(condition), ordinals(columns[moving])))
    (low, a), (high, b), *_ = sides
    assert len(low) > 4
    assert (low != high).all()
    assert (np.abs(a - b) == 1).all()
    where = term("where", condition, X, y)
    assert sum(len(c[0]) for c in thresholds(where, draw, chance())) > 1000
    near = [Values(c)(minus(X, y)) for c in zeros(minus(X, y), draw, 64, chance())]
    assert sum(map(len, near)) > 32


def test_rows_are_verified_once_each() -> None:
    rows = np.linspace(1e-9, 2e-9, 300)
    draw = FromRows([rows], [rows])
    seen = verify(term("log1p", X), X, draw, 10**6, 512, chance())
    assert seen.points == 300


# ------------------------------------------------------------------------------------ choices
QUICK = Effort(
    inner=60, inner_plain=20, fit=768, fit_plain=256, rounds=1, verified=120_000, asked=1024
)
PROGRAMS = {
    "log(x + 1) - log x": (minus(term("log", plus(X, ONE)), term("log", X)), POSITIVE),
    "1/(x + 1) - 1/x": (minus(term("divide", ONE, plus(X, ONE)), term("divide", ONE, X)), ANY),
    "exp x/(exp x - 1)": (
        term("divide", term("exp", X), minus(term("exp", X), ONE)), ANY),
}  # fmt: skip


def test_what_is_chosen_is_held_at_a_million_points() -> None:
    assert EFFORT.verified >= 1_000_000


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_is_chosen_loses_nowhere_more_than_a_bit(name: str) -> None:
    written, draw = PROGRAMS[name]
    book = load_rulebook().for_search()
    result = search([written], F64, Draws(draw, draw, draw), book, 3, QUICK)
    assert result.after[0] < 1 < result.before[0]
    (verdict,) = result.verdicts
    assert not len(verdict.failed)
    assert verdict.worst <= ALLOWED
    assert verdict.points >= QUICK.verified
    random = chance(17)
    x = np.concatenate([*draw(1500, False, random), *draw(500, True, random)])
    x = np.concatenate([x, np.abs(x[:200]) * 1e-3 * np.finfo(F64).tiny, [5e-324, 1e-309, 1e308]])
    truth = Truth([x])(written)
    bits = error_bits(Values([x])(result.terms[0]), truth, True)
    loss = bits - levels(written, [x], truth, bits[None], random)
    assert loss[np.isfinite(truth)].max() <= ALLOWED
    assert f"loses at most {verdict.worst:.2f} bits" in result.told()[0]
