"""Joined arrays: a loop for each part of the result, or parts of single elements stored together."""

from __future__ import annotations

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.lower.cpu import bound as bound_module
from eqsat_tensor.lower.cpu.emit import emit
from eqsat_tensor.lower.cpu.plans import compile_plan
from eqsat_tensor.schedule import schedule
from eqsat_tensor.schedule.loop_values import Stored
from tests.lower.boundprograms import check, check_guarded, size_cases, symbols
from tests.lower.loopvalues import BOOL, F32, F64, K, M, N, T, array, fn, size_of


def joined(axis: int, first: T, *others: T) -> T:
    """Arrays one behind the other, as `concatenate` is lowered."""
    for second in others:
        n, m = first.shape[axis], second.shape[axis]
        rest = range(len(first.shape))
        left = first.pad(*((0, m if j == axis else 0) for j in rest))
        right = second.pad(*((n if j == axis else 0, 0) for j in rest))
        first = fn("select", fn("less", left.iota(axis), size_of(n)), left, right)
    return first


def kept(x: T) -> T:
    """In memory, where others read it: it is not stored past the caches."""
    return T(Stored(x.v.type, "keep", (x.v,)))


def read_again() -> list[T]:
    both = kept(joined(0, X, Y) * joined(0, Y, X))  # the cuts in either order
    return [both + both[::-1]]


def stacked(*parts: T) -> T:
    return joined(
        len(parts[0].shape), *(p.to(*p.shape, 1, axes=range(len(p.shape))) for p in parts)
    )


X, Y, Z = array("x", N), array("y", M), array("z", K)
A, B = array("a", N, M), array("b", N, K)
PROGRAMS = {
    "two": lambda: [joined(0, X, Y)],
    "three": lambda: [joined(0, X, Y, Z)],
    "three, the other way": lambda: [joined(0, X, joined(0, Y, Z))],
    "beside one another": lambda: [joined(1, A, B)],
    "below one another": lambda: [joined(0, A, array("c", K, M))],
    "blocks": lambda: [joined(0, joined(1, A, B), joined(1, array("c", K, M), array("d", K, K)))],
    "computed": lambda: [joined(0, X * 2.0, fn("sqrt", Y)) + 1.0],
    "with itself": lambda: [joined(0, X, Y) * joined(0, Y, X)],
    "a shift round the end": lambda: [joined(0, X[3:], X[:3])],
    "backwards": lambda: [joined(0, X, Y)[::-1]],
    "every second": lambda: [joined(0, X, Y)[::2]],
    "a part": lambda: [joined(0, X, Y)[2:]],
    "scaled": lambda: [joined(0, X * 2.0 + 1.0, Y * 0.5 - 3.0)],
    "padded": lambda: [joined(0, X, Y).pad((2, 3)) + 1.0],
    "constants": lambda: [joined(0, X * 0.0 + 1.0, Y)],
    "two outputs": lambda: [joined(0, X, Y), joined(0, X, Y) + 1.0],
    "flags": lambda: [joined(0, array("p", N, dtype=BOOL), array("q", M, dtype=BOOL))],
    "summed": lambda: [joined(0, X, Y).sum()],
    "before a place": lambda: [
        fn("select", fn("less", X.iota(0), size_of(M)), X * 2.0, X),
        Y + 1.0,
    ],
    "many": lambda: [joined(0, *[array(f"x{i}", 5 + i) for i in range(12)])],
    "read again": read_again,
    "pairs": lambda: [stacked(X, array("y", N))],
    "triples": lambda: [stacked(X, array("y", N), array("z", N))],
    "fours": lambda: [stacked(X, array("y", N), X + 1.0, array("z", N))],
    "fives": lambda: [stacked(X, X + 1.0, X + 2.0, X + 3.0, X + 4.0)],
    "pairs of singles": lambda: [stacked(array("x", N, dtype=F32), array("y", N, dtype=F32))],
    "pairs of flags": lambda: [stacked(array("p", N, dtype=BOOL), array("q", N, dtype=BOOL))],
    "pairs in rows": lambda: [stacked(A, A + 1.0)],
    "pairs across": lambda: [stacked(A.mT, array("c", M, N))],
    "repeated": lambda: [X.to(N, 3, axes=[0])],
    "repeated, computed": lambda: [fn("sqrt", A).to(N, M, 2, axes=[0, 1]) + 1.0],
    "repeated across": lambda: [A.mT.to(M, N, 4, axes=[0, 1])],
    "repeated and counted": lambda: [X.to(N, 3, axes=[0]) + X.to(N, 3, axes=[0]).iota(1).cast(F64)],
    "halves of pairs": lambda: [joined(1, array("x", N, 2), array("y", N, 2))],
    "pairs of joined": lambda: [stacked(joined(0, X, Y), joined(0, Y, X))],
}


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("name", PROGRAMS)
def test_it_is_numpys(name: str, large: bool, request: pytest.FixtureRequest) -> None:
    if large:
        request.getfixturevalue("past_the_caches")
    plan = schedule([t.v for t in PROGRAMS[name]()])
    program = compile_plan(plan)
    for sizes in size_cases(symbols(plan)):
        if min(sizes.values(), default=9) < 3 and ("round" in name or "part" in name):
            continue
        check(name, program, plan, sizes)


@pytest.mark.parametrize("name", PROGRAMS)
def test_nothing_outside_the_arrays_is_touched(name: str) -> None:
    plan = schedule([t.v for t in PROGRAMS[name]()])
    program = compile_plan(plan)
    sizes = ((5, 3, 9), (64, 33, 7), (100, 65, 40), (3, 0, 16))
    check_guarded(program, plan, [dict(zip("nmk", s, strict=True)) for s in sizes])


@pytest.mark.parametrize("name", ["three", "blocks", "pairs", "pairs in rows"])
def test_threads_never_change_a_bit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bound_module, "GRAIN", 1.0)
    plan = schedule([t.v for t in PROGRAMS[name]()])
    program = compile_plan(plan)
    sizes = {"n": 203, "m": 150, "k": 77}
    random = np.random.default_rng(1)
    shapes = {"x": (203,), "y": (203 if "pairs" in name else 150,), "z": (77,), "a": (203, 150)}
    shapes |= {"b": (203, 77), "c": (77, 150), "d": (77, 77)}
    given = [random.normal(size=shapes[i.name]) for i in plan.inputs]
    first = program.bind(sizes, 1)(*given)
    for threads in (2, 3):
        again = program.bind(sizes, threads)(*given)
        assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


def test_no_piece_computes_what_another_says() -> None:
    text = emit(schedule([joined(0, X, fn("sqrt", Y)).v]), vector_bytes=64).text
    assert text.count("sqrt.v32f64(<32 x double> %") == 1  # in the main loop of its own piece
    assert "select <32" not in text
    together = emit(schedule([stacked(X, array("y", N)).v]), vector_bytes=64).text
    assert "scatter" not in together
    assert "store <16 x double>" in together


def test_a_piece_that_is_one_walk_through_memory_is_one_loop() -> None:
    x = np.random.default_rng(0).standard_normal((41, 3))
    along_rows, within_rows = (et.jit(lambda x, a=axis: et.roll(x, 5, axis=a)) for axis in (0, 1))
    for n in (1, 4, 5, 6, 41):
        np.testing.assert_array_equal(along_rows(x[:n]), np.roll(x[:n], 5, axis=0))
        np.testing.assert_array_equal(within_rows(x[:n]), np.roll(x[:n], 5, axis=1))
    assert "mul nsw i64 %begin" in along_rows.llvm
    assert "mul nsw i64 %begin" not in within_rows.llvm
