"""Every op, all its uses in one program, lowered without a rewrite: the values are NumPy's."""

import numpy as np
import pytest

import eqsat_tensor.ops  # noqa: F401  (fills the registry)
from eqsat_tensor.complexes import split
from eqsat_tensor.lang import OPS
from eqsat_tensor.lower.cpu.bind import compile_plan
from eqsat_tensor.options import Options
from eqsat_tensor.reference import evaluate
from eqsat_tensor.schedule import lower_program, schedule
from eqsat_tensor.variant import Around, Counters
from tests.oracle import assert_same
from tests.strategies import instances, leaves, values

AT_ONCE = 24  # uses of one program
OPERATIONS = [op for op in OPS.values() if op.arity]


@pytest.mark.parametrize("op", OPERATIONS, ids=lambda op: op.name)
def test_an_op_is_lowered_as_it_is_meant(op):
    uses = list(instances(op))
    random = np.random.default_rng(7)
    for start in range(0, len(uses), AT_ONCE):
        inputs, outputs = {}, []
        for number, use in enumerate(uses[start : start + AT_ONCE]):
            operands = leaves(use, f"u{number}_")
            inputs.update(zip(operands, values(op, use, random), strict=True))
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
            assert_same(got, want, "real", label=str(node))
