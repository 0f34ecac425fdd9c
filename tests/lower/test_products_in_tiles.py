"""Products that take turns with what reads them, and products in the memory of an output."""

from __future__ import annotations

import numpy as np
import pytest

from eqsat_tensor.lower.cpu import bound as bound_module
from eqsat_tensor.lower.cpu import driver, products
from eqsat_tensor.lower.cpu.plans import compile_plan
from eqsat_tensor.lower.cpu.reuse import overwritten, settled
from eqsat_tensor.schedule import schedule
from eqsat_tensor.schedule.loops import Plan
from tests.lower.boundprograms import check
from tests.lower.loopprograms import gemm
from tests.lower.loopvalues import K, M, N, T, array, fn


def dense() -> list[T]:
    """Two layers: a map beside its product, as one axis; a sum over rows beside the other."""
    x, w, v = array("x", N, M), array("y", M, K), array("z", K, K)
    h = fn("tanh", gemm(x, w) + array("bias", K).to(N, K, axes=[1]))
    return [gemm(h, v).sum(1), fn("maximum", gemm(x, w) * 0.5, 0.0)]


def kernel_squares() -> list[T]:
    """What the reader needs beside the product is made first."""
    x, y = array("x", N, M), array("y", K, M)
    rows, columns = (x * x).sum(1).to(N, K, axes=[0]), (y * y).sum(1).to(N, K, axes=[1])
    return [fn("exp", rows - 2.0 * gemm(x, y, flags=(False, True)) + columns)]


PROGRAMS = {"dense": dense, "kernel": kernel_squares}


def planned(name: str) -> Plan:
    return schedule([t.v for t in PROGRAMS[name]()])


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 16 rows at most, for whatever product."""
    monkeypatch.setattr(products, "BLOCK_ROWS", (8, 16))
    monkeypatch.setattr(products, "BLOCK_ELEMENTS", 300)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 100, 1000])
def test_blocks_of_rows_give_what_the_whole_gives(name: str, n: int) -> None:
    plan = planned(name)
    program = compile_plan(plan)
    for k in (1, 3, 20, 33, 70):
        check(name, program, plan, {"n": n, "m": 7, "k": k})


@pytest.mark.parametrize(("name", "shared"), [("dense", 3), ("kernel", 1)])
def test_a_product_takes_turns_with_its_readers_where_blocks_fit(name: str, shared: int) -> None:
    plan = planned(name)
    groups = [g for g in plan.tiles if plan.nests[g[0]].kind == "call" and len(g) > 1]
    assert len(groups) == shared
    program = compile_plan(plan)

    def taking_turns(n: int, m: int, k: int) -> int:
        steps = program.bind({"n": n, "m": m, "k": k}).steps
        return int((steps[:, 0] == driver.group_address()).sum())

    least = taking_turns(50, 7, 33)  # too small: sums of rows may take turns all the same
    assert taking_turns(100_000, 7, 33) == least + shared
    over_k = name == "dense"  # one of its products
    assert taking_turns(100_000, 1000, 33) == least + over_k  # long sums: nothing to gain
    assert taking_turns(1000, 7, 1000) == least  # few rows would fit


@pytest.mark.usefixtures("small_blocks")
def test_blocks_give_the_same_bits_on_any_number_of_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bound_module, "GRAIN", 1.0)
    program = compile_plan(planned("kernel"))
    rng = np.random.default_rng(0)
    given = rng.normal(size=(1003, 7)), rng.normal(size=(33, 7))
    sizes = {"n": 1003, "m": 7, "k": 33}
    alone = program.bind(sizes, 1)(*given)[0].tobytes()
    for _ in range(10):
        assert program.bind(sizes, 2)(*given)[0].tobytes() == alone


def test_a_product_lies_in_the_memory_of_what_is_made_of_it() -> None:
    plan = planned("kernel")
    assert sorted(settled(plan).buffers.values()).count("out0") == 2
    sizes = {"n": 300, "m": 7, "k": 200}
    assert compile_plan(plan).bind(sizes).temporaries < 300 * 200 * 8


def test_a_product_stays_apart_from_an_argument_that_is_overwritten() -> None:
    w, x, y = array("w", N, N), array("x", N, M), array("y", M, N)
    step = schedule([(w - 0.1 * gemm(x, y)).v])
    assert settled(step) == step
    assert overwritten(settled(step)) == ((0, "w"),)
    twice = schedule([fn("exp", gemm(w, w) + gemm(x, y)).v])  # w is read while the result is made
    assert overwritten(settled(twice)) == ()
    assert sorted(settled(twice).buffers.values()).count("out0") == 2  # one of the two products
    product = gemm(x, y)
    both = schedule([fn("exp", product).v, product.sum(0).v])  # read for another result too
    assert settled(both) == both


def test_a_product_of_another_shape_lies_in_the_memory_of_what_is_made_of_it() -> None:
    x, y, z = array("x", 2, 5), array("y", 5, 3), array("z", 6)
    plan = schedule([(gemm(x, y).reshape(6) / z).v])
    assert not any(name.startswith("tmp") for name in settled(plan).buffers.values())
    check("reshaped", compile_plan(plan), plan, {})
