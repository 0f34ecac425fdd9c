"""Kernels compiled by NVRTC, as they are for a device: they compile, and no register is spilled.

Every op and 100 random programs for three architectures with ``make test-cuda``; else each op in
some dtypes and some programs for one of them.
"""

from __future__ import annotations

import os
from functools import cache

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.errors import UnsupportedError
from eqsat_tensor.lower.cuda import nvrtc
from eqsat_tensor.lower.cuda.emit import HEADER
from eqsat_tensor.lower.cuda.program import compile_plan
from eqsat_tensor.schedule import schedule
from tests.lower.cuda.emulator import kernels_of
from tests.lower.cuda.test_every_op import OPERATIONS, program_of
from tests.lower.loopprograms import PROGRAMS
from tests.lower.randomprograms import random_program
from tests.strategies import instances, leaves

ALL = os.environ.get("EQSAT_TEST_CUDA") == "all"
ARCHITECTURES = ("sm_80", "sm_90", "sm_100")
DTYPES = [
    "float64",
    "float32",
    "float16",
    "int64",
    "int32",
    "int8",
    "uint64",
    "uint32",
    "uint8",
    "bool",
]
SOME = ("float64", "float32", "float16", "int32", "bool")
SEEDS = range(100 if ALL else 24)


def there() -> bool:
    try:
        nvrtc.loaded()
    except UnsupportedError:
        return False
    return True


pytestmark = pytest.mark.skipif(not there(), reason="needs NVRTC (nvidia-cuda-nvrtc)")


def architectures(number: int) -> tuple[str, ...]:
    return ARCHITECTURES if ALL else ARCHITECTURES[number % 3 :][:1]


@cache
def kernels_of_ops(dtype: str) -> str:
    """A kernel of each op that takes a dtype, each under a name of its own."""
    found: dict[str, str] = {}
    for op in OPERATIONS:
        fits = [u for u in instances(op) if u.types and u.types[0].dtype == np.dtype(dtype)]
        fits = [u for u in fits if all(0 not in t.shape for t in u.types)]
        if fits:
            use = fits[len(fits) // 2]
            add(found, program_of([op(*leaves(use), **use.attributes)]).text)
    return "\n".join([HEADER, *found.values()])


def add(found: dict[str, str], text: str) -> None:
    for kernel in kernels_of(text):
        body = kernel.whole.replace(f" {kernel.name}(", " kernel(", 1)
        if body not in found:
            found[body] = body.replace(" kernel(", f" kernel{len(found)}(", 1)


def assert_fine(text: str, architecture: str) -> None:
    found = nvrtc.usage(text, architecture)
    assert len(found) == len(kernels_of(text))
    assert not [u for u in found if u.spilled], architecture


@pytest.mark.parametrize("dtype", DTYPES if ALL else SOME)
def test_the_kernels_of_every_op_compile_without_spills(dtype):
    for architecture in architectures(DTYPES.index(dtype)):
        assert_fine(kernels_of_ops(dtype), architecture)


@pytest.mark.parametrize("part", range(3))
def test_random_programs_compile_without_spills(part):
    found: dict[str, str] = {}
    for seed in SEEDS[part::3]:
        add(found, compile_plan(schedule([t.v for t in random_program(seed)])).text)
    for architecture in architectures(part):
        assert_fine("\n".join([HEADER, *found.values()]), architecture)


def test_programs_compile_without_spills():
    found: dict[str, str] = {}
    for name in (
        PROGRAMS if ALL else ("black_scholes", "logistic_regression", "layernorm", "transposed")
    ):
        plan = schedule([t.v for t in PROGRAMS[name]()])
        add(found, compile_plan(plan).text)
        add(found, compile_plan(plan, {"n": 4, "m": 1 << 16, "k": 1 << 16}).text)
    for architecture in architectures(1):
        assert_fine("\n".join([HEADER, *found.values()]), architecture)


@pytest.mark.parametrize("dtype", ["int32", "uint32", "int64", "uint64", "float32", "float64"])
def test_atomics_compile_for_every_dtype_that_has_them(dtype):
    b, p = et.tensor("b", ("n", 3), dtype), et.tensor("p", ("m", 3), dtype)
    index = et.tensor("i", ("m",), "int64")
    place = b.at[index]
    updated = [place.add(p), *([] if dtype[0] == "f" else [place.max(p), place.min(p)])]
    text = et.function([b, index, p], updated, target="cuda", deterministic=False).cuda
    assert text.count("eq_atomic_") == len(updated)
    for architecture in ARCHITECTURES:
        assert_fine(text, architecture)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int8", "uint64"])
def test_convolutions_compile_for_every_dtype(dtype):
    a, v = et.tensor("a", ("n",), dtype), et.tensor("v", ("m",), dtype)
    text = et.function([a, v], np.convolve(a, v), target="cuda").cuda
    for architecture in ARCHITECTURES:
        assert_fine(text, architecture)


def test_a_text_that_does_not_compile_is_an_error_with_the_log():
    with pytest.raises(nvrtc.CompileError, match=r"(?s)sm_90.*undefined"):
        nvrtc.compile_text(HEADER + "__global__ void k() { nothing(); }", "sm_90")


def test_a_cubin_is_an_elf_file():
    text = compile_plan(schedule([t.v for t in PROGRAMS["chain10"]()])).text
    cubin, _ = nvrtc.compile_text(text, "sm_90")
    assert cubin[:4] == b"\x7fELF"
