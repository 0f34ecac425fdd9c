"""On a CUDA device: every op, programs, random programs; equal to NumPy's, and equal bit by bit again.

pytest -m gpu tests/lower/cuda
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.device import Around, compiled
from eqsat_tensor.fuzz.programs import draw_case, held
from eqsat_tensor.lower.cuda import device
from eqsat_tensor.lower.cuda.execute import Executable, load
from eqsat_tensor.lower.cuda.program import compile_plan
from eqsat_tensor.reference import evaluate
from tests.lower.cuda.test_every_op import (
    OPERATIONS,
    PLAIN,
    assert_hard,
    program_of,
    words_of_scipy,
)
from tests.lower.cuda.test_programs import NAMES, cases, check, plan_of
from tests.oracle import assert_same
from tests.strategies import instances, leaves, values

pytestmark = pytest.mark.gpu


class OnGpu:
    """A program on the device, called as the emulated one is."""

    def __init__(self, program):
        self.program = program
        cubin = compiled(program.text, device.architecture())
        self.module = load(cubin, f"test-{abs(hash(program.text)):x}")

    def __call__(self, sizes, arrays):
        cupy = device.ready()
        around = Around(et.function([], et.zeros(1), target="cuda").variant)
        executable = Executable(self.program, sizes, self.module, around)
        given = [cupy.asarray(a) for a in arrays]
        results = [[r.get() for r in executable(given)] for _ in range(3)]
        for again in results[1:]:
            assert [r.tobytes() for r in again] == [r.tobytes() for r in results[0]]
        return results[0]


@pytest.mark.parametrize("op", OPERATIONS, ids=lambda op: op.name)
def test_an_op_is_what_it_means(op):
    random = np.random.default_rng(7)
    for use in instances(op):
        operands = leaves(use)
        node = op(*operands, **use.attributes)
        program = OnGpu(program_of([node]))
        for hard in (False, True) if op in PLAIN and not words_of_scipy(op) else (False,):
            inputs = dict(zip(operands, values(op, use, random, hard), strict=True))
            arrays = {leaf["name"]: np.ascontiguousarray(x) for leaf, x in inputs.items()}
            given = [
                arrays[name].reshape(-1).view(dtype).reshape(shape)
                for name, dtype, shape in program.program.inputs
            ]
            (got,) = program({}, given)
            (want,) = evaluate([node], inputs)
            got = got.reshape(-1).view(node.dtype).reshape(want.shape)
            if hard:
                assert_hard(op, got, want, f"{node} {use}")
            else:
                assert_same(got, want, "real", label=f"{node} {use}")


@pytest.mark.parametrize("name", [n for n in NAMES if all(v.contiguous for v in plan_of(n).inputs)])
def test_every_size_gives_what_numpy_gives(name):
    for hints in ({}, {"n": 4, "m": 1 << 16, "k": 1 << 16}):
        program = OnGpu(compile_plan(plan_of(name), hints))
        for sizes in cases(name):
            check(name, program, sizes)


@pytest.mark.parametrize("seed", range(200))
def test_random_programs_are_right(seed):
    case = draw_case(seed, 1 + seed % 4)
    if case.refused():
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        function = case.compiled(target="cuda")
        arrays = [case.inputs[leaf] for leaf in case.program.leaves]
        for _ in range(3):  # launched, captured, replayed
            results = [r.get() for r in function(*arrays)]
    verdict = held(results, case.program.outputs, case.inputs, function)
    assert verdict.ok, case.report("\n".join(map(str, verdict.faults[:3])))


SAMPLE = """
import numpy as np, eqsat_tensor as et
x = np.random.default_rng(0).standard_normal((130, 257)).astype("float32")
f = et.jit(lambda x: (et.softmax(x, axis=1), x.sum(0), et.cumsum(x, 1), (x * x).sum()), target="cuda")
for _ in range(3):
    [r.get() for r in f(x)]
"""


@pytest.mark.parametrize("tool", ["memcheck", "racecheck", "synccheck", "initcheck"])
def test_compute_sanitizer_finds_nothing(tool):
    found = shutil.which("compute-sanitizer")
    if found is None:
        pytest.skip("needs compute-sanitizer")
    command = [found, "--tool", tool, "--error-exitcode", "9", sys.executable, "-c", SAMPLE]
    root = Path(__file__).parents[3]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
