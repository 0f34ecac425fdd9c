"""Every op on the emulated device, lowered without a rewrite: the values are NumPy's."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import pytest

import eqsat_tensor.ops  # noqa: F401  (fills the registry)
from eqsat_tensor import compile as pipeline
from eqsat_tensor.complexes import split
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import OPS, Expr
from eqsat_tensor.lower.cuda.outside import host_meaning, on_host
from eqsat_tensor.lower.cuda.program import Program, compile_plan
from eqsat_tensor.reference import evaluate
from eqsat_tensor.scalar import PRIMITIVES
from eqsat_tensor.schedule import lower_program, schedule
from tests.lower.cuda.emulator import built, needs_compiler
from tests.ops.test_every_op_compiled import EITHER_ZERO, NUMPYS, PLAIN
from tests.oracle import assert_same
from tests.strategies import instances, leaves, values

ALL = os.environ.get("EQSAT_TEST_CUDA") == "all"
GROUPS = 16  # compiled together
FEW = ((), (0,), (7,))  # shapes of elementwise ops, unless all are wanted
OPERATIONS = [op for op in OPS.values() if op.arity]


def uses(op) -> Iterator:
    """Uses of an op; of those that treat all shapes alike, a few."""
    for use in instances(op):
        some = op.kind is not Kind.ELEMENTWISE or op.name == "cast" or use.types[0].shape in FEW
        if ALL or some:
            yield use


def program_of(outputs: list[Expr]) -> Program:
    return compile_plan(schedule(on_host(lower_program(split(outputs)))))


def meaning(name):
    return host_meaning(name) or pipeline.meaning(name)


@needs_compiler
@pytest.mark.parametrize("part", range(GROUPS))
def test_ops_are_lowered_as_they_are_meant(part):
    ops = OPERATIONS[part::GROUPS]
    nodes = {}
    for op in ops:
        for number, use in enumerate(uses(op)):
            operands = leaves(use)
            nodes[f"{op.name} {number}"] = (op, use, op(*operands, **use.attributes), operands)
    devices = built(
        {key: program_of([node]) for key, (_, _, node, _) in nodes.items()}, (), meaning
    )
    random = np.random.default_rng(7)
    for key, (op, use, node, operands) in nodes.items():
        for hard in (False, True) if op in PLAIN and not words_of_scipy(op) else (False,):
            inputs = dict(zip(operands, values(op, use, random, hard), strict=True))
            arrays = {leaf["name"]: np.ascontiguousarray(x) for leaf, x in inputs.items()}
            given = [
                arrays[name].reshape(-1).view(dtype).reshape(shape)
                for name, dtype, shape in devices[key].program.inputs
            ]
            (got,) = devices[key]({}, given)
            (want,) = evaluate([node], inputs)
            got = got.reshape(-1).view(node.dtype).reshape(want.shape)  # parts as complex numbers
            label = f"{node} {use}"
            if not hard:
                assert_same(got, want, "real", label=label)
            else:
                assert_hard(op, got, want, label)


def words_of_scipy(op) -> bool:
    """SciPy's functions and CUDA's agree where they are ordinary; at 1e300 both are rough."""
    return op.name in PRIMITIVES and bool(PRIMITIVES[op.name].external)


def assert_hard(op, got, want, label):
    if got.dtype.kind != "f":
        assert_same(got, want, label=label)
        return
    finite = np.isfinite(want)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want), label)
    np.testing.assert_array_equal(got[~finite], want[~finite], label)
    zero = finite & (want == 0) & (got == 0) & (op.name not in EITHER_ZERO)
    np.testing.assert_array_equal(np.signbit(got[zero]), np.signbit(want[zero]), label)
    limits = np.finfo(want.dtype)
    unit = np.spacing(np.clip(np.abs(want[finite]), limits.tiny, limits.max / 2))
    off = np.abs(got[finite].astype(float) - want[finite].astype(float)) / unit.astype(float)
    assert off.max(initial=0.0) <= op.ulps + (NUMPYS if op.ulps else 0), (label, off.max())


def test_what_is_computed_on_the_host_is_known():
    """The ops that have neither a kernel nor a function of CuPy's: a new one is to be looked at."""
    outside = set()
    for op in OPERATIONS:
        use = next((u for u in instances(op) if u.types), None)
        if use is not None:
            outside |= set(program_of([op(*leaves(use), **use.attributes)]).outside)
    words = {w for w, p in PRIMITIVES.items() if p.external}
    library = {op.name for op in OPS.values() if op.kind is Kind.LIBRARY}
    assert outside <= words | library
    assert {"gammaln", "gamma", "j0", "j1", "y0", "y1"} & outside == set()
