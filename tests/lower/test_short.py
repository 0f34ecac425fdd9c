"""Rows of a few elements stand side by side in a vector: where, and that they come out right."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor import compile as pipeline
from eqsat_tensor.lower.cpu import pool, short
from eqsat_tensor.lower.cpu.bind import Program
from eqsat_tensor.lower.cpu.emit import emit
from eqsat_tensor.lower.cpu.plans import compile_plan
from eqsat_tensor.schedule import row_sizes
from tests.lower.boundprograms import check, check_guarded, planned, size_cases, symbols
from tests.lower.loopprograms import PROGRAMS

random = np.random.default_rng(0)
BROUGHT_DOWN = ("llvm.vector.reduce", "%abreast")  # rows one by one, or together: not short ones


@cache
def of_small_sizes(name: str) -> Program:
    """A program compiled as for sizes that are all few."""
    plan = planned(name)
    return compile_plan(plan, small=frozenset(symbols(plan)))


def brought_down(text: str) -> bool:
    return any(word in text for word in BROUGHT_DOWN)


def rows_of(name: str) -> list[str]:
    return [nest.kind for nest in planned(name).nests if nest.kind == "row"]


def has_maps(name: str) -> bool:
    return any(n.kind in ("map", "scan") and len(n.domain) > 1 for n in planned(name).nests)


WITH_ROWS = [name for name in PROGRAMS if rows_of(name)]
SHORT = [name for name in PROGRAMS if rows_of(name) or has_maps(name)]


@pytest.mark.parametrize("name", SHORT)
def test_code_for_few_elements_is_right_for_any_number_of_them(name: str) -> None:
    plan = planned(name)
    for sizes in size_cases(symbols(plan)):
        check(name, of_small_sizes(name), plan, sizes)


@pytest.mark.parametrize("name", [n for n in SHORT if all(v.contiguous for v in planned(n).inputs)])
def test_nothing_outside_the_arrays_is_touched(name: str) -> None:
    plan = planned(name)
    check_guarded(of_small_sizes(name), plan, size_cases(symbols(plan))[::4])


def test_short_rows_are_not_brought_down_and_long_ones_are() -> None:
    seen = 0
    for name in WITH_ROWS:
        plan = planned(name)
        if not {nest.kind for nest in plan.nests} <= {"row", "map", "col"}:
            continue
        small = row_sizes(plan.outputs)
        if all(len(n.domain) == n.outer + 1 for n in plan.nests if n.kind == "row") and small:
            seen += 1
            assert brought_down(emit(plan).text), name
            assert not brought_down(emit(plan, small=small).text), name
    assert seen > 5


def test_what_few_is_belongs_to_the_buckets() -> None:
    assert short.FEW == pipeline.BUCKET - 1
    assert pipeline.bucket(short.FEW) < pipeline.BUCKET <= pipeline.bucket(short.FEW + 1)


def test_code_is_shared_unless_a_reduced_size_becomes_few() -> None:
    f = et.jit(lambda x: et.sum(x * x, axis=1))
    for shape in ((50, 40), (3, 40), (50, 200)):
        f(np.ones(shape))
    assert f.report().compiles == 1
    assert brought_down(f.llvm)
    f(np.ones((50, 3)))
    assert f.report().compiles == 2
    assert not brought_down(f.llvm)
    f(np.ones((3, 5)))
    assert f.report().compiles == 2


def softmax(x):
    e = et.exp(x - et.max(x, axis=-1, keepdims=True))
    return e / et.sum(e, axis=-1, keepdims=True)


REDUCTIONS = {
    "sum": (lambda x: et.sum(x, axis=-1), lambda x: x.sum(-1)),
    "prod": (lambda x: et.prod(x / 4, axis=-1), lambda x: (x / 4).prod(-1)),
    "max": (lambda x: et.max(x, axis=-1), lambda x: x.max(-1)),
    "min": (lambda x: et.min(x, axis=-1), lambda x: x.min(-1)),
    "any": (lambda x: et.any(x > 1, axis=-1), lambda x: (x > 1).any(-1)),
    "all": (lambda x: et.all(x > 0, axis=-1), lambda x: (x > 0).all(-1)),
    "argmax": (lambda x: et.argmax(x, axis=-1), lambda x: x.argmax(-1)),
    "var": (lambda x: et.var(x, axis=-1), lambda x: x.var(-1)),
}


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "uint8", "complex128"])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_of_short_rows(name: str, dtype: str) -> None:
    ours, numpys = ours_of, numpys_of = REDUCTIONS[name]
    if dtype == "complex128" and name != "sum":
        ours, numpys = (lambda x: ours_of(x.real)), (lambda x: numpys_of(x.real))
    f = et.jit(ours)
    for shape in ((1, 1), (7, 2), (100, 3), (5, 13, 5), (2, 3, 9, 15), (0, 3), (33, 16), (40, 17)):
        x = (random.normal(size=shape) * 3 + 2).astype(dtype)
        wide = np.concatenate([x, x], axis=-1)[..., ::2]  # steps of two elements
        for value in (x, np.asfortranarray(x), wide):
            want = numpys(value)
            got = f(value)
            assert got.dtype == want.dtype, shape
            close = {"float32": 1e-5, "float16": 2e-2}.get(dtype, 1e-12)
            np.testing.assert_allclose(got, want, rtol=close, atol=close, err_msg=str(shape))


def test_no_elements_and_odd_values() -> None:
    total, most = et.jit(lambda x: et.sum(x, axis=1)), et.jit(lambda x: et.max(x, axis=1))
    none = total(np.ones((5, 0)))
    assert (none == 0).all()
    assert not np.signbit(none).any()
    assert np.signbit(total(np.full((20, 3), -0.0))).all()
    x = random.normal(size=(50, 3))
    x[7, 1], x[9, 0], x[11, 2] = np.nan, np.inf, -np.inf
    assert most(x).tobytes() == x.max(axis=1).tobytes()
    assert np.array_equal(total(x), x.sum(axis=1), equal_nan=True)


def test_phases_keep_what_they_need_in_their_lane() -> None:
    f = et.jit(softmax)
    for shape in ((1000, 2), (77, 3), (5, 9, 10), (64, 15), (64, 16)):
        x = random.normal(size=shape) * 10
        e = np.exp(x - x.max(-1, keepdims=True))
        np.testing.assert_allclose(f(x), e / e.sum(-1, keepdims=True), rtol=1e-14)


def test_distances_of_points_and_their_gradient() -> None:
    def energy(x):
        d = et.sum((x[:, None, :] - x[None, :, :]) ** 2, axis=2)
        return et.sum(et.exp(-d))

    for k in (1, 2, 3):
        x = random.normal(size=(41, k))
        gap = x[:, None] - x[None]
        weight = np.exp(-(gap**2).sum(2))
        value, gradient = et.value_and_grad(energy)(x)
        np.testing.assert_allclose(value, weight.sum(), rtol=1e-13)
        np.testing.assert_allclose(
            gradient, (-4 * weight[..., None] * gap).sum(1), rtol=1e-11, atol=1e-13
        )


def test_the_same_bits_on_one_thread_and_on_two() -> None:
    x = random.normal(size=(40_000, 3))
    f = et.jit(lambda x: (et.sum(et.exp(x), axis=1), softmax(x)))
    before = pool.pool().threads
    found = []
    for count in (1, 2):
        et.set_threads(count)
        try:
            found.append([r.tobytes() for r in f(x)])
        finally:
            et.set_threads(before)
    assert found[0] == found[1]
