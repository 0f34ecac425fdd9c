"""Time programs on a CUDA device beside CuPy, JAX and torch.compile, in one run.

    python benchmarks/cuda/run.py [--bytes 1e9] [--write] [--programs FILE.py] [name ...]

The same text runs on every system, on arrays of about ``--bytes`` in all.  Systems take turns; figures
are medians over rounds, in microseconds a call, the device waited for after each round.  "of copy" is
what a program must read and write, over the time, over the bandwidth of a copy measured in the same
run.  ``--write`` adds the dated table to RESULTS.md.  FILE.py may give programs of one's own: a list
``ALL`` of records with ``name``, ``fn(xp, *arrays)``, ``make(generator)`` and ``diff``.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import math
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import eqsat_tensor as et
from eqsat_tensor.errors import UnsupportedError
from eqsat_tensor.lower.cuda import device

ROUNDS, SECONDS = 9, 0.05
RESULTS = Path(__file__).parent / "RESULTS.md"
SYSTEMS = ("CuPy", "JAX", "torch", "ours")


@dataclass(frozen=True)
class Program:
    """``fn(xp, *arrays)``; ``make(generator, scale)`` gives the arrays, scale times a small case's."""

    name: str
    fn: Callable[..., Any]
    make: Callable[[np.random.Generator, float], Sequence[np.ndarray]]
    diff: tuple[int, ...] = ()


def normal(*shape: int, dtype: str = "float32") -> Callable[..., np.ndarray]:
    """An array whose first axis grows with the scale."""

    def make(random: np.random.Generator, scale: float) -> np.ndarray:
        rows = max(1, int(shape[0] * scale))
        return random.standard_normal((rows, *shape[1:])).astype(dtype)

    return make


def square(*shape: int, dtype: str = "float32") -> Callable[..., np.ndarray]:
    """An array of which all axes grow, so that its size grows with the scale."""

    def make(random: np.random.Generator, scale: float) -> np.ndarray:
        by = scale ** (1 / len(shape))
        return random.standard_normal([max(1, int(n * by)) for n in shape]).astype(dtype)

    return make


def side(length: int) -> Callable[..., np.ndarray]:
    """A vector as long as a side of `square`."""

    def make(random: np.random.Generator, scale: float) -> np.ndarray:
        return random.standard_normal(max(1, int(length * scale**0.5))).astype("float32")

    return make


def fixed(*shape: int) -> Callable[..., np.ndarray]:
    """An array that stays as small as it is."""
    return lambda random, scale: random.standard_normal(shape).astype("float32")


def program(name: str, *makers: Callable[..., np.ndarray], diff: tuple[int, ...] = ()) -> Any:
    def add(fn: Callable[..., Any]) -> Callable[..., Any]:
        PROGRAMS.append(Program(name, fn, lambda r, s: [m(r, s) for m in makers], diff))
        return fn

    return add


PROGRAMS: list[Program] = []
MILLION = 1_000_000


@program("copy and add", normal(MILLION), normal(MILLION))
def _(xp: Any, x: Any, y: Any) -> Any:
    return x + y


@program("polynomial, float64", normal(MILLION, dtype="float64"))
def _(xp: Any, x: Any) -> Any:
    return ((0.5 * x + 1.0) * x - 2.0) * x + 3.0


@program("softplus", normal(MILLION))
def _(xp: Any, x: Any) -> Any:
    return xp.log(1.0 + xp.exp(x))


@program("sum of squares", normal(MILLION))
def _(xp: Any, x: Any) -> Any:
    return xp.sum(x * x)


@program("softmax of rows", normal(1000, 1000))
def _(xp: Any, x: Any) -> Any:
    e = xp.exp(x)
    return e / xp.sum(e, 1)[:, None]


@program("standardised rows", normal(1000, 1000))
def _(xp: Any, x: Any) -> Any:
    centred = x - xp.mean(x, 1)[:, None]
    return centred / xp.sqrt(xp.mean(centred * centred, 1)[:, None] + 1e-5)


@program("standardised columns", normal(10_000, 100))
def _(xp: Any, x: Any) -> Any:
    centred = x - xp.mean(x, 0)
    return centred / xp.sqrt(xp.mean(centred * centred, 0))


@program("product with an epilogue", square(1000, 1000), square(1000, 1000), square(1000, 1000))
def _(xp: Any, a: Any, b: Any, c: Any) -> Any:
    return xp.tanh(0.5 * (a @ b) + c)


@program("products that associate", square(1000, 1000), square(1000, 1000), side(1000))
def _(xp: Any, a: Any, b: Any, v: Any) -> Any:
    return a @ b @ v


@program("logistic loss and its gradient", fixed(100), normal(10_000, 100), diff=(0,))
def _(xp: Any, w: Any, x: Any) -> Any:
    return xp.mean(xp.log(1.0 + xp.exp(-(x @ w))))


@program("tiny", fixed(10))
def _(xp: Any, x: Any) -> Any:
    return x * 2.0 + 1.0


# ---------------------------------------------------------------------------------------- systems
Call = Callable[[], Any]


def ours(p: Program, arrays: Sequence[np.ndarray]) -> Call:
    cupy = device.ready()

    def fn(*a: Any) -> Any:
        return p.fn(et, *a)

    f = et.jit(et.value_and_grad(fn, argnums=p.diff) if p.diff else fn, target="cuda")
    placed = [cupy.asarray(a) for a in arrays]
    return lambda: f(*placed)


def plain_cupy(p: Program, arrays: Sequence[np.ndarray]) -> Call | None:
    if p.diff:
        return None
    cupy = device.ready()
    placed = [cupy.asarray(a) for a in arrays]
    return lambda: p.fn(cupy, *placed)


def jax_jit(p: Program, arrays: Sequence[np.ndarray]) -> Call | None:
    if importlib.util.find_spec("jax") is None:
        return None
    import jax

    jax.config.update("jax_enable_x64", True)
    if jax.default_backend() != "gpu":
        return None

    def fn(*a: Any) -> Any:
        return p.fn(jax.numpy, *a)

    f = jax.jit(jax.value_and_grad(fn, argnums=p.diff) if p.diff else fn)
    placed = [jax.device_put(a) for a in arrays]
    return lambda: jax.block_until_ready(f(*placed))


def torch_compile(p: Program, arrays: Sequence[np.ndarray]) -> Call | None:
    if importlib.util.find_spec("torch") is None:
        return None
    import torch

    if not torch.cuda.is_available():
        return None
    placed = [torch.as_tensor(a, device="cuda") for a in arrays]

    def fn(*a: Any) -> Any:
        return p.fn(torch, *a)

    if not p.diff:
        compiled = torch.compile(fn)
        return lambda: compiled(*placed)
    compiled = torch.compile(torch.func.grad_and_value(fn, argnums=p.diff))
    return lambda: compiled(*placed)


MAKERS: dict[str, Callable[[Program, Sequence[np.ndarray]], Call | None]] = {
    "CuPy": plain_cupy, "JAX": jax_jit, "torch": torch_compile, "ours": ours,
}  # fmt: skip


# ----------------------------------------------------------------------------------------- timing
def synchronize() -> None:
    device.ready().cuda.runtime.deviceSynchronize()


def timed(calls: dict[str, Call]) -> dict[str, float]:
    """Medians over rounds in which all take turns, microseconds a call."""
    counts = {}
    for name, call in calls.items():
        for _ in range(4):  # compiled, captured, warm
            call()
        synchronize()
        start = time.perf_counter()
        call()
        synchronize()
        counts[name] = max(1, int(SECONDS / max(time.perf_counter() - start, 1e-7)))
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            synchronize()
            start = time.perf_counter()
            for _ in range(counts[name]):
                call()
            synchronize()
            samples[name].append((time.perf_counter() - start) / counts[name] * 1e6)
    return {name: statistics.median(s) for name, s in samples.items()}


def copy_bandwidth(size: int) -> float:
    """Bytes a nanosecond that a copy reads and writes."""
    cupy = device.ready()
    source = cupy.zeros(size // 4, "float32")
    target = cupy.empty_like(source)
    micros = timed({"copy": lambda: cupy.copyto(target, source)})["copy"]
    return 2 * source.nbytes / micros / 1e3


def result_bytes(value: Any) -> int:
    if isinstance(value, tuple | list):
        return sum(map(result_bytes, value))
    return int(value.nbytes)


def same(left: Any, right: Any) -> bool:
    """Are two results equal to about half of the digits?  Nests are compared part by part."""
    if isinstance(left, tuple | list):
        return all(same(a, b) for a, b in zip(left, right, strict=True))
    a, b = (np.asarray(x.get() if hasattr(x, "get") else x) for x in (left, right))
    return np.allclose(a, b, 1e-3, 1e-3 * max(1.0, float(np.abs(b).max(initial=0.0))))


def measure(p: Program, size: float, bandwidth: float) -> tuple[str, float]:
    """One row of the table, and the best peer's time over ours (0: there is none)."""
    random = np.random.default_rng(0)
    base = sum(a.nbytes for a in p.make(random, 1.0))
    scale = 1.0 if p.name == "tiny" else max(1.0, size / base)
    arrays = p.make(np.random.default_rng(0), scale)
    made = {name: MAKERS[name](p, arrays) for name in SYSTEMS}
    calls = {name: call for name, call in made.items() if call is not None}
    results = {name: call() for name, call in calls.items()}
    if "CuPy" in results and not same(results["ours"], results["CuPy"]):
        raise AssertionError(f"{p.name}: ours is not what CuPy gives")
    micros = timed(calls)
    moved = sum(a.nbytes for a in arrays) + result_bytes(results["ours"])
    share = moved / (micros["ours"] * 1e3) / bandwidth
    peers = [t for name, t in micros.items() if name != "ours"]
    ratio = min(peers) / micros["ours"] if peers else 0.0
    figures = " | ".join(f"{micros[n]:,.1f}" if n in micros else "" for n in SYSTEMS)
    best = f"{ratio:.2f}" if peers else ""
    return f"| {p.name} | {figures} | {best} | {share:.2f} |", ratio


def table(chosen: Sequence[Program], size: float) -> str:
    """The dated table, written as it comes."""
    cupy = device.ready()
    name = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
    bandwidth = copy_bandwidth(int(size))
    packages = ("cupy-cuda13x", "cupy-cuda12x", "jax", "torch")
    there = [f"{n} {version(n)}" for n in packages if _has(n)]
    lines = [
        f"## {datetime.date.today()}, {name}",
        "",
        f"{', '.join(there)}; arrays of {size:.1e} bytes; a copy moves {bandwidth:,.0f} GB/s.",
        "Microseconds a call.",
        "",
        f"| program | {' | '.join(SYSTEMS)} | best peer / ours | of copy |",
        f"|{'---|' * (len(SYSTEMS) + 3)}",
    ]
    print("\n".join(lines))
    ratios: list[float] = []
    for p in chosen:
        row, ratio = measure(p, size, bandwidth)
        print(row, flush=True)
        lines.append(row)
        ratios += [ratio] if ratio else []
    if ratios:
        mean = math.exp(statistics.fmean(map(math.log, ratios)))
        lines += ["", f"Geometric mean of best peer / ours: {mean:.2f}."]
        print(lines[-1])
    return "\n".join(lines) + "\n"


def _has(package: str) -> bool:
    try:
        version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def programs_of(file: str | None) -> list[Program]:
    """The programs of this file, or of another, which are of the size that they are."""
    if file is None:
        return PROGRAMS
    spec = importlib.util.spec_from_file_location("workloads", file)
    assert spec is not None, file
    assert spec.loader is not None, file
    module = importlib.util.module_from_spec(spec)
    sys.modules["workloads"] = module
    spec.loader.exec_module(module)
    return [Program(w.name, w.fn, lambda r, _, w=w: w.make(r), tuple(w.diff)) for w in module.ALL]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--bytes", type=float, default=1e9, dest="size")
    parser.add_argument("--programs")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    try:
        device.ready()
    except UnsupportedError as error:
        sys.exit(f"{error}\nNo table without a device.")
    every = programs_of(given.programs)
    text = table([p for p in every if not given.names or p.name in given.names], given.size)
    if given.write:
        old = RESULTS.read_text() if RESULTS.exists() else "# Measured on CUDA devices\n"
        head, _, rest = old.partition("\n")
        RESULTS.write_text(f"{head}\n\n{text}\n{rest.lstrip()}")


if __name__ == "__main__":
    main()
