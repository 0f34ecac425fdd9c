"""Every op, all its uses in one program, lowered without a rewrite: the values are NumPy's."""

import numpy as np
import pytest

import eqsat_tensor.ops  # noqa: F401  (fills the registry)
from eqsat_tensor.complexes import split
from eqsat_tensor.kinds import Kind
from eqsat_tensor.lang import OPS
from eqsat_tensor.lower.cpu.plans import compile_plan
from eqsat_tensor.options import Options
from eqsat_tensor.reference import evaluate
from eqsat_tensor.schedule import lower_program, schedule
from eqsat_tensor.variant import Around, Counters
from tests.oracle import assert_same
from tests.strategies import instances, leaves, values

AT_ONCE = 24  # uses of one program
OPERATIONS = [op for op in OPS.values() if op.arity]
# What comes out element by element, or is one of the elements: hard values have one right answer.
MOVES = ("max", "min", "any", "all", "argmax", "argmin", "sort", "argsort", "cummax", "cummin")
PLAIN = [
    op
    for op in OPERATIONS
    if (op.kind in (Kind.ELEMENTWISE, Kind.MOVEMENT, Kind.BARRIER) or op.name in MOVES)
    and op.name != "cast"  # what a NaN or an infinity is as an integer C leaves open
]
# Of 0.0 and -0.0 NumPy's loops give either.
EITHER_ZERO = ("max", "min", "maximum", "minimum", "fmax", "fmin", "cummax", "cummin")
NUMPYS = 4.0  # units in the last place that NumPy's and SciPy's own values may be off


@pytest.mark.parametrize("op", OPERATIONS, ids=lambda op: op.name)
def test_an_op_is_lowered_as_it_is_meant(op):
    for node, got, want in computed(op, hard=False):
        assert_same(got, want, "real", label=str(node))


@pytest.mark.parametrize("op", PLAIN, ids=lambda op: op.name)
def test_hard_values_come_out_as_numpys_within_the_declared_ulps(op):
    for node, got, want in computed(op, hard=True):
        label = f"{node} {node.arguments[0].type}"
        if got.dtype.kind != "f":
            assert_same(got, want, label=label)
            continue
        finite = np.isfinite(want)
        np.testing.assert_array_equal(np.isnan(got), np.isnan(want), label)
        np.testing.assert_array_equal(got[~finite], want[~finite], label)
        zero = finite & (want == 0) & (got == 0) & (op.name not in EITHER_ZERO)
        np.testing.assert_array_equal(np.signbit(got[zero]), np.signbit(want[zero]), label)
        wide = want[finite].astype(np.float64)
        limits = np.finfo(want.dtype)
        unit = np.spacing(np.clip(np.abs(want[finite]), limits.tiny, limits.max / 2))
        off = np.abs(got[finite].astype(np.float64) - wide) / unit.astype(np.float64)
        assert off.max(initial=0.0) <= op.ulps + (NUMPYS if op.ulps else 0), (label, off.max())


def computed(op, hard):
    """Every use of an op, compiled: the node, what came out, and NumPy's meaning."""
    uses = list(instances(op))
    random = np.random.default_rng(7)
    for start in range(0, len(uses), AT_ONCE):
        inputs, outputs = {}, []
        for number, use in enumerate(uses[start : start + AT_ONCE]):
            operands = leaves(use, f"u{number}_")
            inputs.update(zip(operands, values(op, use, random, hard), strict=True))
            outputs.append(op(*operands, **use.attributes))
        program = compile_plan(schedule(lower_program(split(outputs))))
        arrays = {leaf["name"]: np.ascontiguousarray(x) for leaf, x in inputs.items()}
        given = [
            arrays[name].reshape(-1).view(dtype).reshape(shape)
            for name, dtype, shape in program.inputs
        ]
        results = program.bind({}, around=Around(Options(), Counters()))(*given)
        wanted = evaluate(outputs, inputs)
        for node, got, want in zip(outputs, results, wanted, strict=True):
            got = got.reshape(-1).view(node.dtype).reshape(want.shape)  # parts as complex numbers
            yield node, got, want
