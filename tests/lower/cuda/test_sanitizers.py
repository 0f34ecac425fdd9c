"""Kernels under g++'s sanitizers: nothing outside the arrays, no undefined behaviour, no race.

A process of its own loads the sanitizer first and launches the kernels; threads of a block are
threads of the system there, so that a missing barrier is a race.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from eqsat_tensor.lower.cuda import bind as bind_module
from eqsat_tensor.lower.cuda.bind import Run, bind
from eqsat_tensor.lower.cuda.emit import INCLUDE
from eqsat_tensor.lower.cuda.program import compile_plan
from eqsat_tensor.schedule import schedule
from tests.lower.boundprograms import arguments, labels_fit, symbols
from tests.lower.cuda.emulator import SHIM, Library, kernels_of, needs_compiler
from tests.lower.loopprograms import PROGRAMS as EVERY

pytestmark = needs_compiler
ALL = os.environ.get("EQSAT_TEST_CUDA") == "all"
FLAGS = {
    "address": ("-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"),
    "thread": ("-fsanitize=thread",),
}
LIBRARY = {"address": "libasan.so", "thread": "libtsan.so"}
PROGRAMS = {
    "address": "padded integers_and_bools sum_squares softmax picked_rows transposed transposed_3d",
    "thread": "softmax sum_squares standardize_columns transposed",
}
MORE = {
    "address": " chain10 mixed_dtypes strided_views concatenated jacobi rosenbrock float32_sums"
    " bool_reductions four_axes logistic_regression",
    "thread": " logsumexp float32_sums row_scalars_reused layernorm two_row_sums_of_one_exp",
}
SIZES = ((1, 1, 1), (7, 5, 3), (3, 130, 2), (0, 4, 1))


def sanitized(sanitizer, names, folder, shim=SHIM):
    """The programs at a few sizes, by blocks of few threads, under a sanitizer."""
    path = preloaded(sanitizer)
    plans = {n: schedule([t.v for t in EVERY[n]()]) for n in names}
    programs = [(plan, compile_plan(plan)) for plan in plans.values()]
    if "softmax" in plans:  # few long rows
        long = compile_plan(plans["softmax"], {"n": 4, "m": 1 << 16})
        programs.append((plans["softmax"], long))
    flags = ("-O0", "-DSHIM_THREADS", *FLAGS[sanitizer])
    library = Library([p.text for _, p in programs], flags, shim)
    runs = [run_of(library, *program, numbers) for program in programs for numbers in SIZES]
    plan = folder / "plan"
    plan.write_bytes(pickle.dumps((str(library.path), runs)))
    environment = os.environ | {
        "LD_PRELOAD": path,
        "ASAN_OPTIONS": "detect_leaks=0",
        "TSAN_OPTIONS": "exitcode=66",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONMALLOC": "malloc",
    }
    command = [sys.executable, str(Path(__file__).parent / "sanitized.py"), str(plan)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def preloaded(sanitizer):
    """The sanitizer's library, which a process must load before all others."""
    command = ["g++", f"-print-file-name={LIBRARY[sanitizer]}"]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    if not Path(found).is_absolute():
        pytest.skip(f"needs {LIBRARY[sanitizer]} of g++")
    return found


def run_of(library, plan, program, numbers):
    """Buffers by name, and launches, of one program at given sizes."""
    sizes = dict(zip(("n", "m", "k"), numbers, strict=True))
    sizes = {s: sizes[s] for s in symbols(plan)}
    arrays = arguments(plan, sizes, False)
    labels_fit(plan, arrays, sizes)
    bound = bind(program, sizes)
    kernels = {k.name: k for k in kernels_of(program.text)}
    buffers = {name: size for name, (size, _, _) in bound.spans.items()}
    buffers |= {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    buffers |= {p.buffer: np.zeros(p.shape, p.dtype) for p in bound.outputs}
    assert all(isinstance(action, Run) for action in bound.actions)
    launches = [
        (library.name_of(kernels[a.kernel]), (*a.grid, *a.block), a.arguments)
        for a in bound.actions
    ]
    return buffers, launches


@pytest.fixture
def _small_blocks(monkeypatch):
    monkeypatch.setattr(bind_module, "THREADS", 64)
    monkeypatch.setattr(bind_module, "GROUPS", 1)


@pytest.mark.usefixtures("_small_blocks")
@pytest.mark.parametrize("sanitizer", FLAGS)
def test_kernels_are_clean(sanitizer, tmp_path):
    names = PROGRAMS[sanitizer] + (MORE[sanitizer] if ALL else "")
    done = sanitized(sanitizer, names.split(), tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout == "clean\n"


PLANTED = {
    "thread": ("  __syncthreads();\n  x = shared[0];", "  x = shared[0];", "data race"),
    "address": ("from[k < count ? k : count - 1]", "from[k]", "heap-buffer-overflow"),
}


@pytest.mark.usefixtures("_small_blocks")
@pytest.mark.parametrize("sanitizer", PLANTED)
def test_a_planted_error_is_found(sanitizer, tmp_path):
    old, new, told = PLANTED[sanitizer]
    words = (INCLUDE / "eqsat_words.h").read_text()
    assert words.count(old) == 1
    (tmp_path / "eqsat_words.h").write_text(words.replace(old, new))
    (tmp_path / "eqsat_cuda.h").write_text((SHIM / "eqsat_cuda.h").read_text())
    done = sanitized(sanitizer, ["sum_squares"], tmp_path, tmp_path)
    assert done.returncode != 0
    assert told in done.stderr, done.stderr[-3000:]
