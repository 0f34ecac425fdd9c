"""Random in-place programs: traced, they leave in every array and alias what NumPy leaves there."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eqsat_tensor as et
from tests.indexing.programs import Program
from tests.oracle import assert_same


def held(program: Program, **options) -> None:
    """The program as text, run by NumPy and traced, on the same arrays."""
    function = program.function()
    copies = {k: v.copy() for k, v in program.given.items()}
    with np.errstate(all="ignore"):
        want = function(np, *(v.copy() for v in program.given.values()))
    got = et.jit(lambda a, b, i: function(et, a, b, i), **options)(*program.given.values())
    for name, left, right in zip(program.values, got, want, strict=True):
        assert_same(left, right, label=f"{name} of\n{program.text}")
    for k, v in copies.items():  # the caller's arrays stay as they were
        assert np.array_equal(program.given[k], v)


@settings(max_examples=150)
@given(st.integers(0, 2**32 - 1), st.integers(1, 8))
def test_random_programs_leave_what_numpy_leaves(seed, statements):
    held(Program(np.random.default_rng(seed), statements), mode="reference")


@pytest.mark.parametrize("seed", range(12))
def test_compiled_they_do_so_too(seed):
    held(Program(np.random.default_rng(seed), 6), math="strict")


def test_numpys_own_functions_do_the_same():
    for seed in range(40):
        program = Program(np.random.default_rng(seed), 5)
        function = program.function()
        want = function(np, *(v.copy() for v in program.given.values()))
        got = et.jit(lambda a, b, i, f=function: f(np, a, b, i), mode="reference")(
            *program.given.values()
        )
        for name, left, right in zip(program.values, got, want, strict=True):
            assert_same(left, right, label=f"{name} of\n{program.text}")
