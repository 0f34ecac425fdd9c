"""optimize="accuracy" through `et.jit`: digits, gradients, arrays, branches, the cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.accuracy import regions
from eqsat_tensor.accuracy.points import error_bits
from eqsat_tensor.accuracy.regions import improve, regions_of
from eqsat_tensor.accuracy.terms import show
from eqsat_tensor.errors import ArgumentError
from eqsat_tensor.lang import Expr, topological
from eqsat_tensor.ops.captured import input_leaf
from eqsat_tensor.tensor import Tensor

WIDE = (0.0, float("inf"))
PROGRAMS: dict[str, tuple[Callable[..., Any], Callable[..., Any], Any, Any]] = {
    "difference of roots": (
        lambda x: et.sqrt(x + 1) - et.sqrt(x),
        lambda x: mpmath.sqrt(x + 1) - mpmath.sqrt(x),
        [1e-300, 0.3, 1e5, 1e15, 1e300],
        WIDE,
    ),
    "versine": (
        lambda x: (1 - et.cos(x)) / (x * x),
        lambda x: (1 - mpmath.cos(x)) / (x * x),
        [1e-200, 1e-9, -0.4, 3.0, 1e10],
        None,
    ),
}


def bits(got: Any, exact: Callable[..., Any], x: np.ndarray) -> np.ndarray:
    with mpmath.workprec(3000):
        want = np.array([float(exact(mpmath.mpf(float(v)))) for v in x]).astype(x.dtype)
    return error_bits(np.asarray(got), want, strict=True)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_digits_that_cancel_come_out_right(name: str, dtype: str) -> None:
    program, exact, points, range_ = PROGRAMS[name]
    x = np.array(points)
    x = x[np.abs(x) < 1e30].astype(dtype) if dtype == "float32" else x.astype(dtype)
    x = x[np.abs(x) > np.finfo(dtype).tiny * 1e8]
    f = et.jit(program, optimize="accuracy", ranges=(range_,))
    assert bits(f(x), exact, x).max() <= 3


def test_primal_and_gradient_are_both_right() -> None:
    f = et.jit(
        et.value_and_grad(lambda x: et.sqrt(x + 1) - et.sqrt(x)),
        optimize="accuracy",
        ranges=(WIDE,),
    )
    for x in (1e-3, 1e6, 1e14):
        value, slope = f(x)
        with mpmath.workprec(500):
            a, b = mpmath.sqrt(mpmath.mpf(x) + 1), mpmath.sqrt(mpmath.mpf(x))
            wanted, steep = float(a - b), float((1 / a - 1 / b) / 2)
        assert abs(value / wanted - 1) < 1e-15
        assert abs(slope / steep - 1) < 2e-15


def test_regions_of_array_programs_are_improved() -> None:
    def program(x: Any) -> Any:
        y = x - et.mean(x, axis=0)
        return et.sum(et.sqrt(y * y + 1) - 1, axis=0)

    x = np.array([[1e-9, 3.0], [3e-9, 3.0 + 2e-9], [5e-9, 3.0 + 7e-9]])
    got = et.jit(program, optimize="accuracy")(x)
    with mpmath.workprec(300):
        exact = [[mpmath.mpf(float(v)) for v in column] for column in x.T]
        means = [mpmath.fsum(c) / 3 for c in exact]
        want = [
            float(mpmath.fsum([mpmath.sqrt((v - m) ** 2 + 1) - 1 for v in c]))
            for c, m in zip(exact, means, strict=True)
        ]
    np.testing.assert_allclose(got, want, rtol=1e-6)  # what x - mean(x) leaves of the second column
    assert (np.asarray(et.jit(program, optimize="none")(x)) == 0).all()


def test_what_a_search_finds_is_kept_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def program(x: Any) -> Any:
        return et.log(x + 1) - et.log(x)

    first = et.jit(program, optimize="accuracy", ranges=(WIDE,))
    x = np.array([2.0, 1e12])
    before = first(x)

    def fail(*_: Any, **__: Any) -> Any:
        raise AssertionError("searched again")

    monkeypatch.setattr(regions, "improve", fail)
    again = et.jit(program, optimize="accuracy", ranges=(WIDE,))
    assert (again(x) == before).all()
    other = et.jit(program, optimize="accuracy", ranges=((1.0, 2.0),))
    with pytest.raises(AssertionError, match="searched again"):
        other(x)


def test_equal_seeds_give_equal_programs() -> None:
    book = pytest.importorskip("eqsat_tensor.rules").load_rulebook().for_search()
    x = input_leaf("x", np.dtype("float64"), ())
    root = (1 / (Tensor(x) + 1) - 1 / Tensor(x)).expr
    effort = regions.Effort(fit=256, fit_plain=64, inner=40, inner_plain=20, rounds=1)
    first = improve([root], [x], (None,), book, 5, effort)
    again = improve([root], [x], (None,), book, 5, effort)
    assert repr(first.roots) == repr(again.roots)
    ((_, result),) = first.found
    assert result.after[0] < result.before[0]


def test_what_was_measured_unfused_is_not_fused() -> None:
    def program(x: Any, y: Any) -> Any:
        return x * x - y * y

    x = np.random.default_rng(0).normal(size=50)
    searched = et.jit(program, optimize="accuracy")
    assert (searched(x, x) == 0).all()  # x x - y y with one rounding less is not 0


def test_the_default_program_is_a_candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    offered: list[Any] = []
    real = regions.search

    def search(*args: Any) -> Any:
        offered.extend(args[-1])
        return real(*args)

    monkeypatch.setattr(regions, "search", search)
    et.jit(lambda x: et.log(et.exp(x) + 1), optimize="accuracy", ranges=((-1.0, 1.5),))(1.0)
    assert [show(t) for t in offered] == ["softplus(x0)"]


def test_ranges_are_checked() -> None:
    with pytest.raises(ArgumentError, match="one for each argument"):
        et.jit(lambda x: x + 1, optimize="accuracy", ranges=(None, None))(1.0)
    with pytest.raises(ArgumentError, match="low <= high"):
        et.jit(lambda x: x, optimize="accuracy", ranges=((3, 1),))
    with pytest.raises(ArgumentError, match="no pair"):
        et.jit(lambda x: x, optimize="accuracy", ranges=(3,))


def test_a_program_is_cut_at_reductions_and_a_region_never_reads_what_it_feeds() -> None:
    x = input_leaf("x", np.dtype("float64"), (5,))
    a = et.exp(Tensor(x)) - 1
    root = (et.sqrt((a - et.sum(a)) ** 2 + 1) - 1).expr
    found = regions_of([root])
    assert len(found) == 2
    for region in found:
        for read in region.inputs:
            below = set(topological([read]))
            assert not below & set(region.roots) or read not in region.roots

    def inside(e: Expr) -> bool:
        return any(e in r.roots for r in found)

    assert inside(root)


def test_an_assumed_range_is_the_range() -> None:
    def program(x: Any) -> Any:
        y = et.assume(x, at_least=0.0)
        return et.sqrt(y + 1) - et.sqrt(y)

    assert abs(et.jit(program, optimize="accuracy")(1e15) / (0.5 / np.sqrt(1e15)) - 1) < 1e-14


def test_explain_and_accuracy_speak_of_a_searched_program() -> None:
    f = et.jit(
        lambda x: et.mean(et.sqrt(x + 3) - et.sqrt(x)), optimize="accuracy", ranges=((1e3, 1e9),)
    )
    f(np.ones(3))
    story = f.explain()
    assert "least measured error" in str(story)
    assert {"difference-of-roots"} <= set(story.rules)  # what the search began with
    assert f.accuracy(points=16).before == f.accuracy(points=16, ranges=((1e3, 1e9),)).before > 10
    assert f.accuracy(points=16, ranges=((1e-3, 1),)).before < 1


# ------------------------------------------------------------------- gradients, samples, progress
GRADIENTS: dict[
    str, tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any], Any, Any]
] = {
    "logistic loss": (
        lambda x: et.log(1 + et.exp(x)),
        lambda x: mpmath.log1p(mpmath.exp(x)),
        lambda x: 1 / (1 + mpmath.exp(-x)),
        [-700.0, -3.0, 1e-9, 2.0, 750.0],
        (-740.0, 1e6),
    ),
    "versine over square": (
        lambda x: (1 - et.cos(x)) / (x * x),
        lambda x: (1 - mpmath.cos(x)) / x**2,
        lambda x: (x * mpmath.sin(x) - 2 * (1 - mpmath.cos(x))) / x**3,
        [1e-6, 2e-3, -0.4, 1.5],
        (-2.0, 2.0),
    ),
    "difference of logarithms": (
        lambda x: et.log(x + 1) - et.log(x),
        lambda x: mpmath.log1p(1 / x),
        lambda x: -1 / (x * (x + 1)),
        [1e-3, 5.0, 1e9, 1e18],
        (1e-6, 1e20),
    ),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_are_those_of_the_analytic_derivative(name: str) -> None:
    program, primal, slope, points, range_ = GRADIENTS[name]
    f = et.jit(et.value_and_grad(program), optimize="accuracy", ranges=(range_,))
    naive = et.jit(et.value_and_grad(program), optimize="none")
    worst = 0.0
    for x in map(np.array, points):
        value, gradient = f(x)
        assert bits(np.array([value]), primal, np.array([x])) <= 3
        assert bits(np.array([gradient]), slope, np.array([x])) <= 6
        worst = max(worst, *bits(np.array(naive(x)[1:]), slope, np.array([x])))
    assert worst > 20


def test_a_sample_of_the_users_is_where_errors_are_measured() -> None:
    def program(x: Any) -> Any:
        return et.sqrt(x + 1) - et.sqrt(x)

    rows = np.geomspace(1e6, 1e12, 400)
    f = et.jit(program, optimize="accuracy", sample=(rows,))
    assert bits(f(rows), lambda x: mpmath.sqrt(x + 1) - mpmath.sqrt(x), rows).max() <= 2
    again = et.jit(program, optimize="accuracy", sample=[(rows[:200],), (rows[200:],)])
    np.testing.assert_array_equal(again(rows), f(rows))


def test_a_sample_reaches_the_regions_inside_a_program() -> None:
    def program(x: Any) -> Any:
        y = x - et.sum(x)
        return et.sum(et.sqrt(y * y + 1) - 1)

    x = 1e-5 * np.arange(1.0, 6.0)
    f = et.jit(program, optimize="accuracy", sample=[(x * k,) for k in range(1, 40)])
    y = x - x.sum()
    np.testing.assert_allclose(f(x), (y * y / (np.sqrt(y * y + 1) + 1)).sum(), rtol=1e-13)
    assert any("held at" in note for note in f.explain().notes)


def test_samples_are_checked() -> None:
    x = np.ones(3)
    with pytest.raises(ArgumentError, match="as a tuple"):
        et.jit(lambda x: x, optimize="accuracy", sample=x)
    with pytest.raises(ArgumentError, match="alone"):
        et.jit(lambda x: x, sample=(x,))
    with pytest.raises(ArgumentError, match="real numbers"):
        et.jit(lambda x: x, optimize="accuracy", sample=(x.astype(complex),))
    with pytest.raises(ArgumentError, match="one for each argument"):
        et.jit(lambda x: et.exp(x) - 1, optimize="accuracy", sample=(x, x))(x)
    twice = et.jit(lambda a: et.sum(et.exp(a - et.sum(a)) - 1), optimize="accuracy",
                   sample=(np.ones((2, 2)),))  # fmt: skip
    with pytest.raises(ArgumentError, match="arrays of"):
        twice(x)


def test_a_search_tells_what_it_does_where_asked(capsys: pytest.CaptureFixture[str]) -> None:
    def program(x: Any) -> Any:
        return et.exp(x) - et.cos(x)

    options = {"optimize": "accuracy", "ranges": ((-1.0, 1.0),)}
    told = et.jit(program, verbose=True, **options)
    y = told(0.25)
    lines = capsys.readouterr().err.splitlines()
    assert any(line.startswith("accuracy: region 1 of 1") for line in lines)
    assert any("round 1" in line for line in lines)
    assert any("loses at most" in line for line in lines)
    assert et.jit(program, **options)(0.25) == y
    assert not capsys.readouterr().err
    assert any("held at" in note for note in told.explain().notes)
