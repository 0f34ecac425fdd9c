"""Which nests come out: kinds, boxes, what is stored, what shares a tile; and how fast."""

from __future__ import annotations

import pytest

from eqsat_tensor.schedule import schedule
from eqsat_tensor.schedule.loop_values import Reduce
from eqsat_tensor.schedule.loops import Plan
from tests.counting import calls_of
from tests.lower.loopprograms import PROGRAMS, gemm
from tests.lower.loopvalues import K, M, N, T, array, fn
from tests.lower.randomprograms import random_program


def plan_of(name: str) -> Plan:
    return schedule([t.v for t in PROGRAMS[name]()])


def kinds(plan: Plan) -> list[str]:
    return [nest.kind for nest in plan.nests]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("chain10", ["map"]),
        ("softmax", ["row"]),
        ("layernorm", ["row"]),
        ("logsumexp", ["row", "map"]),
        ("rosenbrock", ["full"]),
        ("wave_energy", ["full", "map"]),
        ("sum_squares", ["full"]),
        ("standardize_columns", ["col", "map", "col", "map", "map"]),
    ],
)
def test_a_program_takes_these_nests(name: str, expected: list[str]) -> None:
    assert kinds(plan_of(name)) == expected


def test_logistic_regression_passes_over_its_matrix_in_one_tile() -> None:
    plan = plan_of("logistic_regression")
    assert kinds(plan)[:3] == ["row", "full", "col"]
    assert plan.tiles[0] == (0, 1, 2)


def test_softmax_keeps_its_exponentials_in_the_row_of_the_result() -> None:
    (nest,) = plan_of("softmax").nests
    assert [r.phase for r in nest.roots] == [0, 1, 2]
    ((kept, home),) = nest.kept
    assert (kept.primitive, home) == ("exp", nest.roots[2].value)


def test_what_is_made_of_a_kept_value_takes_its_place_in_the_row() -> None:
    (nest,) = plan_of("normalised_tanh").nests
    result = nest.roots[-1].value
    assert [(v.primitive, home) for v, home in nest.kept] == [
        ("subtract", result),
        ("tanh", result),
    ]


def test_of_two_values_that_are_read_to_the_end_a_row_keeps_one() -> None:
    (nest,) = plan_of("kept_and_read_to_the_end").nests
    assert [v.primitive for v, _ in nest.kept] == ["exp"]


def test_axes_that_every_access_walks_as_one_are_one_loop() -> None:
    x, y = array("x", N, M, K), array("y", N, M, K)
    (nest,) = schedule([fn("exp", x + y).v]).nests
    assert nest.domain == (N * M * K,)
    row = array("r", K)
    (nest,) = schedule([(x + row.to(N, M, K)).v]).nests
    assert nest.domain == (N * M, K)


def test_axes_of_size_one_are_no_loops() -> None:
    (nest,) = schedule([fn("exp", array("x", 1, N, 1)).v]).nests
    assert nest.domain == (N,)


def test_a_reduction_runs_along_memory() -> None:
    x = array("x", N, M)
    assert kinds(schedule([x.sum(0).v])) == ["col"]
    assert kinds(schedule([x.sum(1).v])) == ["row"]
    assert kinds(schedule([x.mT.sum(0).v])) == ["row"]
    assert kinds(schedule([x.mT.sum(1).v])) == ["col"]


def test_a_dear_value_of_two_nests_is_stored_and_a_cheap_one_is_not() -> None:
    x = array("x", N, M)
    for name, stored in (("exp", 1), ("negative", 0)):
        both = fn(name, x)
        plan = schedule([both.sum(0).v, both.sum(1).v])
        assert sum(both.v is r.value for nest in plan.nests for r in nest.roots) == stored


def test_a_dear_value_of_the_inner_axis_alone_is_computed_once() -> None:
    x, g = array("x", N, M), array("g", M)
    plan = schedule([(x * fn("exp", g).to(N, M)).v])
    assert [nest.domain for nest in plan.nests] == [(M,), (N, M)]


def test_unrelated_outputs_do_not_share_a_loop() -> None:
    plan = schedule([fn("exp", array("x", N)).v, fn("exp", array("y", N)).v])
    assert len(plan.nests) == 2


def test_a_reshape_moves_nothing() -> None:
    x = array("x", N, M)
    plan = schedule([fn("keep", fn("exp", x).reshape(M * N)).v])
    assert kinds(plan) == ["map"]


def test_every_read_is_of_something_earlier_or_local() -> None:
    for seed in range(40):
        plan = schedule([t.v for t in random_program(seed)])
        made = {r.value: i for i, nest in enumerate(plan.nests) for r in nest.roots}
        for i, nest in enumerate(plan.nests):
            for root in nest.roots:
                for value in reads(plan, root.value):
                    assert made.get(value, -1) <= i, (seed, i)
                    if made.get(value) == i and isinstance(value, Reduce):
                        assert nest.kind == "row", (seed, i)


def reads(plan: Plan, root: object) -> set[object]:
    from eqsat_tensor.schedule.loop_values import operands_of

    found: set[object] = set()
    seen: set[object] = set()
    stack = list(operands_of(root))  # type: ignore[arg-type]
    while stack:
        value = stack.pop()
        if value in seen:
            continue
        seen.add(value)
        if value in plan.buffers or isinstance(value, Reduce):
            found.add(value)
        else:
            stack.extend(operands_of(value))
    return found


def tower(layers: int) -> T:
    x, w, b, shape = array("x", 16, 32), array("w", 32, 32), array("b", 32), (16, 32)
    for i in range(layers):
        h = fn("tanh", gemm(x, w) + (b * (1.0 + i)).to(*shape))
        d = h - (h.sum(1) / 32.0).to(*shape, axes=[0])
        scale = fn("sqrt", (d * d).sum(1) / 32.0 + 1e-5)
        x = x + d / scale.to(*shape, axes=[0]) * 0.5
    return (x * x).sum()


def test_four_times_the_layers_are_four_times_the_work() -> None:
    small, large = tower(16).v, tower(64).v
    assert calls_of(lambda: schedule([large])) < 5 * calls_of(lambda: schedule([small]))


def test_a_chain_of_a_thousand_operations_is_cut_into_kernels() -> None:
    x = y = array("x", N)
    for i in range(1000):
        y = fn("add" if i % 2 else "multiply", y, x)
    plan = schedule([y.v])
    assert 3 <= len(plan.nests) <= 8


def test_what_one_side_of_a_selection_needs_is_not_stored() -> None:
    """Stored it would be computed for all elements; a long chain on it is cut all the same."""

    def side(length: int) -> T:
        x = y = array("x", N)
        for _ in range(length):
            y = fn("erfc", y * x)
        return fn("select", fn("less", x, x * 2.0), y, x)

    assert len(schedule([side(12).v]).nests) == 1
    assert len(schedule([side(100).v]).nests) > 3


def stencils(steps: int) -> T:
    """Each step reads what is before and behind each place of the step before."""
    x = array("x", N)
    for _ in range(steps):
        x = fn("sqrt", x[2:] + x[:-2]) + x[1:-1]
    return x


def test_steps_of_a_stencil_are_stored_where_each_is_read_at_several_places() -> None:
    assert kinds(schedule([stencils(2).v])) == ["map"]  # cheap enough to be computed three times
    few, many = (schedule([stencils(steps).v]) for steps in (16, 64))
    assert 3.5 * len(few.nests) < len(many.nests) < 4.5 * len(few.nests)
    work = [calls_of(lambda steps=steps: schedule([stencils(steps).v])) for steps in (16, 64)]
    assert work[1] < 6 * work[0]


def test_what_is_read_often_at_one_place_is_not_stored() -> None:
    x = array("x", N)
    for _ in range(12):  # as a tree, 3^12 products
        x = x * x + x
    assert kinds(schedule([(x * x - x).v])) == ["map"]


def test_a_diamond_of_fifty_steps_is_one_kernel() -> None:
    y = array("x", N)
    for _ in range(50):
        y = 3.7 * y * (1.0 - y)
    assert kinds(schedule([y.v])) == ["map"]


def test_a_plan_can_be_read() -> None:
    assert str(plan_of("sum_squares")).splitlines()[:2] == [
        "nest 0 full [n] tile 0",
        "  phase 0: out0 = sum[0](multiply(x, x))",
    ]
