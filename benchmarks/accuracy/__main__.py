"""Bits of error of array programs beside NumPy, and JAX and PyTensor where they are installed.

    python benchmarks/accuracy [--calls 24] [--seed 0] [--searched] [--write] [name ...]

Each program runs at drawn arguments in float64 and float32.  The error of an element is log2(1 + floats
between it and the true value at these very arguments), all bits of the dtype for a NaN or an infinity
where the truth is a number; a figure is the mean.  ``--searched`` adds optimize="accuracy", some seconds
a program; ``--write`` makes RESULTS.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from datetime import date
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy import special

import eqsat_tensor as et
from eqsat_tensor.accuracy.points import error_bits
from eqsat_tensor.accuracy.truths import true_arrays

sys.path.insert(0, str(Path(__file__).parent))
from programs import PROGRAMS, Program

DTYPES = ("float64", "float32")
NAMES = (
    "exp",
    "log",
    "sqrt",
    "sin",
    "cos",
    "tanh",
    "arcsin",
    "arccos",
    "sum",
    "mean",
    "prod",
    "cumsum",
)
SEARCHED = "ours, searched"
MARGIN = 0.5  # bits by which a mean may be above another system's
Run = Callable[..., Any]
NOTE = """Ours is `et.jit` without options; widened, with widen=True: float32 computed in
float64.  PyTensor computes some of the programs on float32 in float64, and is measured as rounded.  A
slope is the gradient along the first argument by each system's own differentiation; NumPy has none."""


def names_of(module: Any, erf: Any) -> SimpleNamespace:
    return SimpleNamespace(erf=erf, **{name: getattr(module, name) for name in NAMES})


def numpy_system(program: Program, _: Sequence[np.ndarray]) -> Run | None:
    xp = names_of(np, special.erf)
    return None if program.slope else lambda *arrays: program.run(xp, *arrays)


def traced(program: Program) -> Run:
    xp = names_of(et, et.special.erf)
    return (
        et.grad(lambda *arrays: program.run(xp, *arrays))
        if program.slope
        else lambda *arrays: program.run(xp, *arrays)
    )


def ours(program: Program, _: Sequence[np.ndarray]) -> Run:
    return et.jit(traced(program))


def widened(program: Program, _: Sequence[np.ndarray]) -> Run:
    return et.jit(traced(program), widen=True)


def searched(program: Program, _: Sequence[np.ndarray]) -> Run:
    return et.jit(traced(program), optimize="accuracy")


def jax_system(program: Program, _: Sequence[np.ndarray]) -> Run:
    import jax

    jax.config.update("jax_enable_x64", True)
    xp = names_of(jax.numpy, jax.scipy.special.erf)
    run = lambda *arrays: program.run(xp, *arrays)  # noqa: E731
    return jax.jit(jax.grad(run) if program.slope else run)


def pytensor_system(program: Program, arrays: Sequence[np.ndarray]) -> Run:
    import pytensor
    import pytensor.tensor as pt

    xp = names_of(pt, pt.erf)
    inputs = [pt.tensor(dtype=a.dtype.name, shape=a.shape) for a in arrays]
    result = program.run(xp, *inputs)
    return pytensor.function(inputs, pt.grad(result, inputs[0]) if program.slope else result)


SYSTEMS = {"NumPy": numpy_system, "ours": ours, "ours, widened": widened} | {
    name: system
    for name, module, system in (
        ("JAX", "jax", jax_system),
        ("PyTensor", "pytensor", pytensor_system),
    )
    if find_spec(module)
}


def systems_of(dtype: str) -> list[str]:
    """The columns of a dtype: float64 has none wider."""
    return [name for name in SYSTEMS if dtype == "float32" or name != "ours, widened"]


def truth_of(program: Program, calls: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """The true results of all calls, as float64."""
    tensors = [et.tensor(f"x{k}", a.shape, a.dtype) for k, a in enumerate(calls[0])]
    root = traced(program)(*tensors).expr
    leaves = [t.expr for t in tensors]
    return true_arrays([root], [dict(zip(leaves, c, strict=True)) for c in calls])[root]


def measured(program: Program, dtype: str, calls: int, seed: int) -> dict[str, tuple[float, float]]:
    """System -> mean bits of error, and the share of results that are no numbers but should be."""
    if program.wide and dtype != "float64":
        return {}
    random = np.random.default_rng(seed)
    with np.errstate(all="ignore"):
        drawn = [[np.asarray(a, dtype) for a in program.draw(random)] for _ in range(calls)]
        truth = truth_of(program, drawn).astype(dtype)
    told = np.isfinite(truth)
    made = {}
    for name in systems_of(dtype):
        system = SYSTEMS[name]
        with np.errstate(all="ignore"):
            run = system(program, drawn[0])
            if run is None:
                continue
            got = np.stack([np.asarray(run(*arrays)) for arrays in drawn])
            if name == "PyTensor":  # which computes some of float32 in float64
                got = got.astype(truth.dtype)
        assert got.dtype == truth.dtype, (program.name, name, got.dtype)
        if told.any():
            lost = ~np.isfinite(got[told])
            made[name] = (float(error_bits(got[told], truth[told]).mean()), float(lost.mean()))
    return made


def table(rows: dict[str, dict[str, dict[str, tuple[float, float]]]]) -> str:
    """Markdown: a row a program; of each dtype the systems' bits, and shares that are no numbers."""
    heads = [f"{name}, {dtype[5:]}" for dtype in DTYPES for name in systems_of(dtype)]
    lines = [f"| program | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for program, by_dtype in rows.items():
        cells = []
        for dtype in DTYPES:
            for name in systems_of(dtype):
                bits, lost = by_dtype[dtype].get(name, (0.0, 0.0))
                note = f" ({100 * lost:.0f} % nan/inf)" if lost else ""
                cells.append(f"{bits:.2f}{note}" if name in by_dtype[dtype] else "")
        lines.append(f"| {program} | {' | '.join(cells)} |")
    means = [mean_of(rows, dtype, name) for dtype in DTYPES for name in systems_of(dtype)]
    return "\n".join([*lines, f"| **mean** | {' | '.join(f'{m:.2f}' for m in means)} |"])


def mean_of(rows: Any, dtype: str, name: str) -> float:
    return float(np.mean([r[dtype][name][0] for r in rows.values() if name in r[dtype]]))


def faults(rows: Any) -> list[str]:
    """Where ours is worse than another system, or no number where the truth is one."""
    found = []
    for program, by_dtype in rows.items():
        for dtype, systems in by_dtype.items():
            if not systems:
                continue
            bits, lost = systems["ours"]
            if lost:
                found.append(f"{program}, {dtype}: {100 * lost:.0f} % of results are no numbers")
            others = [name for name in systems if not name.startswith("ours")]
            best = min(others, key=lambda n: systems[n][0], default="ours")  # slopes have no NumPy
            if bits > systems[best][0] + MARGIN:
                told = f"{program}, {dtype}: {bits:.2f} bits, {best} {systems[best][0]:.2f}"
                wide = systems.get("ours, widened")
                found.append(told + (f", ours, widened {wide[0]:.2f}" if wide else ""))
            after = systems.get(SEARCHED, systems["ours"])[0]
            if after > bits + MARGIN:
                found.append(
                    f"{program}, {dtype}: {after:.2f} bits searched, {bits:.2f} by default"
                )
    return found


def versions() -> str:
    named = {"NumPy": "numpy", "JAX": "jax", "PyTensor": "pytensor"}
    return ", ".join(f"{n} {version(named[n])}" for n in SYSTEMS if n in named)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="programs whose name holds one of these")
    parser.add_argument("--calls", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--searched", action="store_true", help="optimize='accuracy', too")
    parser.add_argument("--write", action="store_true", help="write RESULTS.md beside this file")
    options = parser.parse_args()
    if options.searched:
        SYSTEMS[SEARCHED] = searched
    rows = {}
    start = time.perf_counter()
    for program in PROGRAMS:
        if options.names and not any(n in program.name for n in options.names):
            continue
        rows[program.name] = {d: measured(program, d, options.calls, options.seed) for d in DTYPES}
        figures = "  ".join(
            f"{d[5:]} "
            + " ".join(f"{n} {bits:5.2f}" for n, (bits, _) in rows[program.name][d].items())
            for d in DTYPES
        )
        print(f"{program.name:36} {figures}", flush=True)
    text = table(rows)
    found = faults(rows)
    print(f"\n{len(rows)} programs in {time.perf_counter() - start:.0f} s")
    for dtype in DTYPES:
        print(dtype, ", ".join(f"{n} {mean_of(rows, dtype, n):.2f}" for n in systems_of(dtype)))
    print("\n".join(found))
    if options.write:
        head = (
            f"{__doc__.split(chr(10) * 2)[0]}\n\n{date.today()}; {options.calls} calls a program, "
            f"seed {options.seed}; {platform.machine()}, {os.cpu_count()} cores; {versions()}.\n{NOTE}"
        )
        body = "\n".join(f"* {f}" for f in found) or "* nowhere"
        text = f"# Accuracy\n\n{head}\n\n{text}\n\nWorse than another system, or no number where the truth is one:\n\n{body}\n"
        (Path(__file__).parent / "RESULTS.md").write_text(text)


if __name__ == "__main__":
    main()
