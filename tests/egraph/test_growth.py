"""Programs on which rules once made more and more of the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor import compile as pipeline
from eqsat_tensor.egraph import large as large_programs
from eqsat_tensor.egraph import saturate as saturation
from eqsat_tensor.egraph.encode import asked_in_part
from eqsat_tensor.egraph.engine import Engine
from eqsat_tensor.egraph.saturate import Limits, _Run, saturate
from eqsat_tensor.extract.cost import CostModel
from eqsat_tensor.lang import BOOL, Expr, topological
from eqsat_tensor.options import Options
from eqsat_tensor.program import make_program
from eqsat_tensor.reference import evaluate
from eqsat_tensor.rewritten import Rewritten
from eqsat_tensor.rules.book import RuleBook
from tests.egraph.programs import HEAD, leaf, op, small_book


def chosen(inputs: list[et.Tensor], outputs: list[et.Tensor]) -> tuple[Rewritten, Sequence[Expr]]:
    """The program, normalized, and what is chosen of it."""
    leaves = [t.expr for t in inputs]
    normal = pipeline.normalized(make_program(leaves, [], [], [t.expr for t in outputs], []))
    result = pipeline.saturated(normal, pipeline.rulebook(Options()))
    assert result.stopped == "saturated"
    return normal, pipeline.cheapest(result, {}, Options())


def cost(roots: Sequence[Expr]) -> float:
    """What a program costs, by the model that it was chosen by."""
    model = CostModel()
    return sum(
        model.price(e.op, e.type, [a.type for a in e.arguments], e.attributes)
        for e in topological(roots)
    )


def stencil(u: et.Tensor, steps: int) -> et.Tensor:
    """Heat on a torus."""
    for _ in range(steps):
        around = et.roll(u, 1, 0) + et.roll(u, -1, 0) + et.roll(u, 1, 1) + et.roll(u, -1, 1)
        u = u + 0.1 * (around - 4 * u)
    return u


def test_steps_of_a_stencil_are_not_computed_again_for_each_slice_of_them() -> None:
    u = et.tensor("u", (8, 8))
    written, found = chosen([u], [stencil(u, 8)])
    assert len(topological(found)) <= len(topological(written.roots))
    given = {written.leaves[0]: np.random.default_rng(0).normal(size=(8, 8))}
    (expected,), (actual,) = evaluate(written.roots, given, {}), evaluate(found, given, {})
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("whole_too", [False, True])
def test_a_slice_goes_inward_where_the_whole_is_not_asked_for(whole_too: bool) -> None:
    x, y = et.tensor("x", (64, 5)), et.tensor("y", (64, 5))
    whole = et.exp(x) + y
    _, found = chosen([x, y], [whole[0], *[whole] * whole_too])
    sums = {e.shape for e in topological(found) if e.op.name == "add"}
    assert sums == ({(64, 5)} if whole_too else {(1, 5)})


def test_what_is_asked_for_in_part() -> None:
    x, y = et.tensor("x", (6,)), et.tensor("y", (6,))
    inner = et.exp(x)
    outer = inner + y
    kept = et.sum(y)
    roots = [(outer[:2] * outer[4:]).expr, kept.expr]
    assert set(asked_in_part(topological(roots), roots)) == {outer.expr, inner.expr, x.expr}
    roots.append(inner.expr)
    assert asked_in_part(topological(roots), roots) == [outer.expr]


SELECTIONS = """
(rewrite (Where c x x) x :ruleset cleanup :name "where-same")
(rewrite (Where c z (Sin x)) (Sin x) :ruleset simplify :name "of-itself")
(rewrite (Where c (Sin x) z) (Sin x) :ruleset simplify :name "of-itself-again")
"""


@pytest.mark.parametrize("name", ["where-of-where-or", "where-of-where-and"])
def test_selections_of_themselves_are_not_joined_with_one_another(name: str) -> None:
    """w = where(c, 0, w), as where w is 0 or NaN, for many c: n of them gave n^2 in each run."""
    text = (files("eqsat_tensor.rules") / "logic.egg").read_text()
    form = next(f"(rewrite {f}" for f in text.split("(rewrite ") if f'"{name}"' in f)
    form = form[: form.index(f'"{name}")') + len(name) + 3]
    head = HEAD.replace(
        "(ruleset cleanup :guarantee exact", "(ruleset cleanup :guarantee exact :shrinks :subsumes"
    )
    head = head.replace("(saturate fold types)", "(saturate (together cleanup fold types))")
    z, w = leaf("z"), op("sin", leaf("x"))
    sides = (z, w) if name.endswith("or") else (w, z)
    roots = [op("where", leaf(f"c{i}", dtype=BOOL), *sides) for i in range(5)]
    result = saturate(roots, small_book(SELECTIONS + form, head), Limits(rows=5000))
    assert result.stopped == "saturated"
    assert result.graph is not None
    assert len(set(result.graph.roots)) == 1


# An empty array that is the pad of a slice of itself: all of these are slices of themselves.
EMPTY = """
(rewrite (Slice start step t (Pad low by u x)) x :when ((= t (type x))) :ruleset cleanup :name "all-alike")
"""


def test_steps_of_slices_that_are_slices_of_themselves_stop_growing() -> None:
    text = files("eqsat_tensor.rules").joinpath("slices.egg").read_text()
    begin = text.index("(rewrite (Slice outer steps t")
    merged = text[begin : text.index(':name "slice-of-slice")', begin)] + ':name "slice-of-slice")'
    head = HEAD.replace(":guarantee exact", ":guarantee exact :shrinks")
    head = head.replace("(saturate fold types)", "(saturate cleanup types)")
    x = leaf(shape=(0,))
    padded = op("pad", x, low=(0,), step=(1,), shape=(0,))
    root = op("slice", padded, start=(0,), step=(3,), shape=(0,))
    inner = op("slice", x, start=(0,), step=(3,), shape=(0,))
    outer = op("pad", inner, low=(0,), step=(1,), shape=(0,))
    again = op("slice", outer, start=(0,), step=(1,), shape=(0,))
    result = saturate([root, again], small_book(EMPTY + merged, head), Limits(rows=5000))
    assert result.stopped == "saturated"
    assert result.graph is not None
    steps = [n.attributes[1][0] for n in result.graph.nodes if n.op == "slice"]
    assert len(steps) < 60
    assert max(map(abs, steps)) <= 1 << 20


# ------------------------------------------------------------------------- large programs
LATE = """
(rewrite (Sin (Cos x)) (Sin x) :ruleset simplify :name "one-more")
(rewrite (Sin (Exp x)) (Tanh x) :ruleset simplify :name "late")
"""
STEPS = 5


def solved_by_its_own_inverse() -> tuple[list[et.Tensor], list[et.Tensor]]:
    """A product with the identity: one of its factors, by which systems once came apart for ever."""
    x = et.tensor("x", (1, 1))
    inverse = et.linalg.inv(et.assume(x, orthogonal=True))
    return [x], [et.sum(inverse), -(inverse.T @ et.ones((1, 1)) @ inverse.T)]


def rows_of_rows_that_are_alike() -> tuple[list[et.Tensor], list[et.Tensor]]:
    """Labels of labels: all rows are one, so that what is read is what it is read of."""
    x, i = et.tensor("x", (2,)), et.tensor("i", (2,), "int64")
    return [x, i], [et.broadcast_to(x, (2, 2))[i]]


@pytest.mark.parametrize("make", [solved_by_its_own_inverse, rows_of_rows_that_are_alike])
def test_what_is_a_part_of_itself_does_not_come_apart_for_ever(make: Any) -> None:
    leaves, outputs = make()
    normal = pipeline.normalized(
        make_program([t.expr for t in leaves], [], [], [t.expr for t in outputs], [])
    )
    found = pipeline.saturated(normal, pipeline.rulebook(Options()))
    assert found.stopped == "saturated"
    assert found.graph is not None
    assert len(found.graph.nodes) < 20_000


def late_book() -> RuleBook:
    """A book of which one rule fires after all rounds of the other."""
    schedule = "(schedule (saturate types facts) " + f"{'simplify types ' * (STEPS + 2)})"
    return small_book(LATE, HEAD[: HEAD.index("(schedule")] + schedule)


@pytest.mark.parametrize("large", [False, True])
def test_in_large_programs_rules_that_do_not_fire_rest_until_the_end(
    large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []
    command = _Run.command

    def spy(run: _Run, engine: Engine, rulesets: tuple[str, ...]) -> object:
        tried.append(rulesets)
        if run.large is not None:
            tries.append(run.large.tries.copy())
        return command(run, engine, rulesets)

    tries: list[Counter[str]] = []
    monkeypatch.setattr(_Run, "command", spy)
    monkeypatch.setattr(saturation, "LOOKED_AT", -1)  # so that "late" is tried from the start
    if large:
        monkeypatch.setattr(large_programs, "LARGE", 0)
    x = op("exp", leaf("x"))
    for _ in range(STEPS):
        x = op("cos", x)
    result = saturate([op("sin", x)], late_book())
    assert result.matches["late"] == 1
    assert tried.count(("simplify",)) >= STEPS
    seen = [t["rules/1"] for t in tries]
    assert max(seen, default=0) == (large_programs.PATIENCE if large else 0)


def test_programs_that_count_as_large_are_right_and_no_dearer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random = np.random.default_rng(5)
    inputs = [et.tensor(f"x{i}", ("n",)) for i in range(4)]
    pool = list(inputs)
    makers = (
        lambda a, b: et.log(1 + et.exp(a)) - b, lambda a, b: a * b, lambda a, b: et.tanh(a) + b,
        lambda a, b: a / (1 + b * b), lambda a, b: 1 / (1 + et.exp(-a)), lambda a, b: a - b,
    )  # fmt: skip
    for _ in range(40):
        a, b = (pool[int(random.integers(max(0, len(pool) - 8), len(pool)))] for _ in range(2))
        pool.append(makers[int(random.integers(len(makers)))](a, b))
    loss = et.sum(pool[-1]) + et.sum(pool[-2])
    outputs = [loss, *et.grad(loss, inputs)]
    normal, usual = chosen(inputs, outputs)
    monkeypatch.setattr(large_programs, "LARGE", 0)
    _, found = chosen(inputs, outputs)
    given = {leaf: random.normal(size=5) for leaf in normal.leaves}
    for x, y in zip(
        evaluate(normal.roots, given, {"n": 5}), evaluate(found, given, {"n": 5}), strict=True
    ):
        np.testing.assert_allclose(y, x, rtol=1e-9, atol=1e-12)
    assert cost(found) <= 1.02 * cost(usual)
    for name in ("softplus", "sigmoid"):
        written = sum(e.op.name == name for e in topological(usual))
        assert sum(e.op.name == name for e in topological(found)) >= written > 0
