"""The kernels of reads and writes by label and slice touch no memory but the arrays' own."""

import numpy as np
import pytest

from eqsat_tensor.extents import symbol
from eqsat_tensor.lang import OPS, apply
from eqsat_tensor.lower.cpu.plans import compile_plan
from eqsat_tensor.ops.gather import gather, scatter
from eqsat_tensor.ops.leaf import constant
from eqsat_tensor.ops.reduce import sum_over
from eqsat_tensor.ops.update import update_slice
from eqsat_tensor.schedule import lower_program, schedule
from tests.lower.guarded import guarded
from tests.oracle import assert_same

N, M, K = symbol("n"), symbol("m"), symbol("k")


def leaf(name, dtype, *shape):
    return apply(OPS["input"], name=name, key=hash(name), dtype=np.dtype(dtype), shape=shape)


X, I, V, W = leaf("x", "f8", N, M), leaf("i", "i4", K), leaf("v", "f8", K, M), leaf("w", "f8", N)


def chain(x, count):
    for k in range(count):
        row = constant(k + 1, x.dtype, (1, 1))
        x = update_slice(x, row, (k, k), (1, 1))
    return x


PROGRAMS = {
    "gather": lambda: [
        gather(X, I, False),
        gather(W, I, False),
        sum_over(gather(X, I, False), (0,)),
    ],
    "scatter": lambda: [scatter(X, I, V, m, False) for m in ("set", "add", "maximum")],
    "scatter of scatter": lambda: [scatter(scatter(X, I, V, "set", False), I, V, "add", False)],
    "update": lambda: [update_slice(X, W_COLUMN, (0, 0), (1, 1)), chain(X, 20)],
}
W_COLUMN = OPS["broadcast"](W, axes=(1,), shape=(N, 1))


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_kernel_stays_within_its_arrays(name):
    outputs = PROGRAMS[name]()
    plan = schedule(lower_program(outputs))
    program = compile_plan(plan)
    random = np.random.default_rng(0)
    for n, m, k in (
        (1, 1, 1),
        (7, 3, 5),
        (30, 67, 11),
        (25, 130, 0),
        (0, 3, 4),
        (4, 0, 3),
        (21, 64, 2),
    ):
        if name == "update" and (n < 20 or m < 20):
            continue
        arrays = {
            "x": random.random((n, m)), "v": random.random((k, m)), "w": random.random(n),
            "i": random.integers(-n - 2, n + 3, k).astype("i4"),
        }  # fmt: skip
        bound = program.bind({"n": n, "m": m, "k": k})
        results = []
        for at_end in (False, True):
            held = [guarded(arrays[v.name], at_end) for v in plan.inputs]
            held += [guarded(np.zeros(s, d), at_end) for d, s in bound.outputs]
            bound.run([a.ctypes.data for a, _ in held])
            results.append([np.array(a) for a, _ in held[len(plan.inputs) :]])
        if n and m:
            for left, right in zip(*results, strict=True):
                assert_same(left, right)
