"""Programs with graphs and callbacks come back from disk, with the objects of the new process."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import eqsat_tensor as et

PROGRAM = """
import numpy as np, eqsat_tensor as et
like = lambda x: (x.dtype, x.shape)
twice = et.wrap(lambda a: a * 2, like, name="same")
thrice = et.wrap(lambda a: a * 3, like, name="same")
product = et.subgraph(lambda a, b: et.tanh(a) * b)
custom = et.subgraph(lambda a: a * a, vjp=lambda cts, results, given: [cts[0] * 7.0])
x, y = np.arange(3.0), np.ones(3)
programs = [
    lambda x, y: twice(x) + 10 * thrice(y),
    lambda x, y: thrice(x) + 10 * twice(y),
    lambda x, y: twice(x) + 10 * twice(y),
    lambda x, y: product(x, y) + product(y, x),
    lambda x, y: et.cond(x[0] > 0, lambda a: et.exp(a), lambda a: thrice(a), y),
    lambda x, y: et.grad(lambda z: et.sum(custom(z)))(x),
    lambda x, y: et.print(x, "here") + y,
]
for program in programs:
    f = et.jit(program)
    result = f(x, y)
    print(result.tolist(), f.report().cached)
"""
WANTED = [
    [30.0, 32.0, 34.0],
    [20.0, 23.0, 26.0],
    [20.0, 22.0, 24.0],
    (np.tanh(np.arange(3.0)) + np.tanh(1.0) * np.arange(3.0)).tolist(),
    [3.0, 3.0, 3.0],
    [7.0, 7.0, 7.0],
    [1.0, 2.0, 3.0],
]


def test_a_second_process_compiles_nothing(tmp_path):
    environment = os.environ | {"EQSAT_CACHE_DIR": str(tmp_path)}
    runs = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        lines = [line for line in done.stdout.splitlines() if not line.startswith("here:")]
        assert done.stdout.count("here: float64[3] [0. 1. 2.]") == 1
        runs.append([line.rsplit(" ", 1) for line in lines])
    assert [values for values, _ in runs[0]] == [values for values, _ in runs[1]]
    for (text, _), wanted in zip(runs[1], WANTED, strict=True):
        assert np.allclose(json.loads(text), wanted)
    assert [cached for _, cached in runs[1]] == ["True"] * len(WANTED)


def test_equal_names_do_not_make_graphs_of_other_callbacks_equal():
    def like(x):
        return x.dtype, x.shape

    one = et.wrap(lambda a: a + 1, like, name="same")
    two = et.wrap(lambda a: a + 2, like, name="same")
    first = et.subgraph(lambda a: one(a) * 2)
    second = et.subgraph(lambda a: two(a) * 2)
    f = et.jit(lambda x: (first(x), second(x), first(x)))
    assert [r.tolist() for r in f(np.zeros(1))] == [[2.0], [4.0], [2.0]]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_each_callback_gets_its_own_operand(order):
    def like(x):
        return x.dtype, x.shape

    calls = [et.wrap(lambda a, k=k: a + k, like, name="same") for k in (1.0, 2.0)]
    f = et.jit(lambda x, y: calls[order[0]](x) * 10 + calls[order[1]](y) + calls[order[0]](y))
    a, b = (k + 1.0 for k in order)
    assert f(np.zeros(1), np.full(1, 100.0)).tolist() == [a * 10 + 100 + b + 100 + a]
