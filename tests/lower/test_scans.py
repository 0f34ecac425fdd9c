"""Scans in native code: NumPy's bits along any axis, whatever is scanned, and no byte beyond."""

from __future__ import annotations

import numpy as np
import pytest

import eqsat_tensor.ops  # noqa: F401
from eqsat_tensor.extents import symbol
from eqsat_tensor.lang import OPS
from eqsat_tensor.lower.cpu.plans import compile_plan
from eqsat_tensor.ops import movement, select
from eqsat_tensor.ops.captured import input_leaf
from eqsat_tensor.reference import evaluate
from eqsat_tensor.schedule import lower_program, schedule
from eqsat_tensor.schedule.loop_values import Scan
from tests.lower.guarded import guarded

N, M = symbol("n"), symbol("m")
F64 = np.dtype("float64")
X, Y = input_leaf("x", F64, (N, M)), input_leaf("y", F64, (M, N))
SIZES = [(0, 3), (1, 1), (5, 0), (3, 17), (33, 2), (20, 130)]


def joined(x):
    """Something with a border inside: its guards cut the loops."""
    return movement.slice_(select.concatenate(x, x, axis=1), [0, 2], [1, 1], [N, M])


SOURCES = {
    "plain": lambda: X,
    "cheap": lambda: OPS["add"](X, X),
    "dear": lambda: OPS["exp"](X),
    "transposed": lambda: movement.transpose(Y, (1, 0)),
    "turned": lambda: movement.slice_(X, [N - 1, M - 1], [-1, -1], [N, M]),
    "broadcast": lambda: movement.broadcast(OPS["sum"](X, axes=(1,)), (1,), (N, M)),
    "joined": lambda: joined(X),
    "scanned": lambda: OPS["cumsum"](X, axis=0, reverse=1),
}


@pytest.mark.parametrize("name", SOURCES)
def test_whatever_is_scanned_has_the_bits_of_numpy(name):
    source = SOURCES[name]()
    outputs = [
        OPS[op](source, axis=axis, reverse=reverse)
        for op in ("cumsum", "cummax")
        for axis in (0, 1)
        for reverse in (0, 1)
    ]
    outputs.append(OPS["recurrence"](source, X, axis=1, reverse=0))
    outputs.append(OPS["recurrence"](X, source, axis=0, reverse=1))
    program = compile_plan(schedule(lower_program(outputs)), contract=False)
    for n, m in SIZES:
        if name == "joined" and m < 2:
            continue
        random = np.random.default_rng(n)
        arrays = {X: random.normal(size=(n, m)), Y: random.normal(size=(m, n))}
        wanted = evaluate(outputs, arrays, {"n": n, "m": m})
        for threads in (1, 3):
            for at_end in (False, True):
                held = [guarded(arrays[X if k == "x" else Y], at_end) for k, _, _ in program.inputs]
                results = [guarded(np.full(w.shape, 7.0), at_end) for w in wanted]
                bound = program.bind({"n": n, "m": m}, threads)
                bound.run([a.ctypes.data for a, _ in (*held, *results)])
                for (got, _), want, node in zip(results, wanted, outputs, strict=True):
                    if name in ("dear", "broadcast"):
                        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)
                    else:
                        np.testing.assert_array_equal(got, want, err_msg=f"{node} {n} {m}")


def test_what_costs_much_is_computed_by_vectors_before_it_is_scanned():
    exp = OPS["exp"](X)
    row, column = (OPS["cumsum"](exp, axis=axis, reverse=0) for axis in (1, 0))
    assert len(schedule(lower_program([row])).nests) == 2
    (nest,) = schedule(lower_program([column])).nests
    assert nest.kind == "scan"
    assert isinstance(nest.roots[0].value, Scan)
    assert "scan sum[0](exp(x))" in str(schedule(lower_program([column])))


def test_axes_that_are_walked_alike_are_one():
    x = input_leaf("x", F64, (2, N, 3, M, 5))
    (nest,) = schedule(lower_program([OPS["cumsum"](x, axis=2, reverse=0)])).nests
    assert nest.domain == (2 * N, 3, 5 * M)
