"""The kind of program that peers show in their own documentation, on whatever peers are installed.

    python benchmarks/examples.py [--rounds 5] [--largest 7] [--write] [name ...]

Elementwise formulas as numexpr's and Theano's users write them, from 10 to 10^7 elements; loops of
array code as Numba's; losses, activations, per-example gradients and a network's training step as
JAX's and Theano's (784-500-10, batch 60).  All in our own words, each as a user would write it, and
none of them was looked at when the compiler was made.

The same function runs everywhere: NumPy's names are taken from its first argument.  Systems take
turns; a figure is the median of the rounds, in microseconds a call, results made anew by each call;
before, each result is held against NumPy.  The last columns are the best other system over ours, and
how much of the machine's best our kernels reach (`f.profile()`: the least time for so much arithmetic
and so many bytes, over the fastest call's).  A dash: that system is not installed, or does not take
the program as it stands.  ``--write`` makes docs/measured.md and its pictures of what was printed.
"""

from __future__ import annotations

import argparse
import inspect
import os
import platform
import re
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from charts import bars, curves

import eqsat_tensor as et

SECONDS = 0.02  # of a round, at least one call
PROFILED = 20  # calls of which the fastest tells our share of the roofline
RANDOM = np.random.default_rng(0)
HEAD = """# Measured: what others show, side by side

Made by `python benchmarks/examples.py --write`, which tells what is compared and how.

![nanoseconds an element](measured-formulas.svg)

![ratios](measured-programs.svg)
"""
PACKAGES = {
    "NumPy": "numpy",
    "numexpr": "numexpr",
    "Numba": "numba",
    "JAX": "jax",
    "eqsat": "eqsat_tensor",
}


@dataclass(frozen=True)
class Example:
    """A program, its arrays, and the arguments by which it is differentiated, if it is."""

    function: Callable[..., Any]
    arrays: Sequence[np.ndarray]
    gradients: tuple[int, ...] = ()
    text: str = ""  # as numexpr takes it, over a, b, c
    close: float = 1e-6


def plus_one(xp: Any, a: Any) -> Any:
    return a + 1


def weighted(xp: Any, a: Any, b: Any) -> Any:
    return 2 * a + 3 * b


def powers(xp: Any, a: Any, b: Any) -> Any:
    return 2 * a + b**10


def cubic(xp: Any, a: Any) -> Any:
    return 0.25 * a**3 + 0.75 * a**2 - 1.5 * a - 2


def circle(xp: Any, a: Any, b: Any) -> Any:
    return xp.sin(a) ** 2 + xp.cos(b) ** 2


def damped(xp: Any, a: Any, b: Any) -> Any:
    return xp.exp(-a * a) * xp.cos(3 * b) + xp.sqrt(xp.abs(a))


def compared(xp: Any, a: Any, b: Any) -> Any:
    return a * b - 4.1 * a > 2.5 * b


FORMULAS: dict[str, tuple[Callable[..., Any], int, str]] = {
    "a + 1": (plus_one, 1, "a + 1"),
    "2 a + 3 b": (weighted, 2, "2 * a + 3 * b"),
    "2 a + b^10": (powers, 2, "2 * a + b ** 10"),
    "cubic": (cubic, 1, "0.25 * a ** 3 + 0.75 * a ** 2 - 1.5 * a - 2"),
    "sin(a)^2 + cos(b)^2": (circle, 2, "sin(a) ** 2 + cos(b) ** 2"),
    "exp(-a a) cos(3 b) + sqrt|a|": (damped, 2, "exp(-a * a) * cos(3 * b) + sqrt(abs(a))"),
    "a b - 4.1 a > 2.5 b": (compared, 2, "a * b - 4.1 * a > 2.5 * b"),
}


def distances(xp: Any, x: Any) -> Any:
    """All distances between points."""
    return xp.sqrt(xp.sum((x[:, None, :] - x[None, :, :]) ** 2, axis=2))


def smoothed(xp: Any, x: Any) -> Any:
    """A three-point stencil."""
    return 0.25 * x[:-2] + 0.5 * x[1:-1] + 0.25 * x[2:]


def trace_of_tanh(xp: Any, x: Any) -> Any:
    """A matrix plus the trace of its tanh."""
    return x + xp.sum(xp.tanh(xp.diagonal(x)))


def normalised(xp: Any, x: Any) -> Any:
    return (x - xp.mean(x)) / xp.std(x)


def selu(xp: Any, x: Any) -> Any:
    return 1.05 * xp.where(x > 0, x, 1.67 * xp.exp(x) - 1.67)


def logistic_loss(xp: Any, w: Any, x: Any, y: Any) -> Any:
    p = 1 / (1 + xp.exp(-(x @ w)))
    return -xp.sum(xp.log(p * y + (1 - p) * (1 - y)))


def least_squares(xp: Any, w: Any, b: Any, x: Any, y: Any) -> Any:
    return xp.mean((x @ w + b - y) ** 2)


def network_loss(xp: Any, w1: Any, b1: Any, w2: Any, b2: Any, x: Any, y: Any) -> Any:
    """Cross-entropy of a layer of tanh and one of softmax; y holds a one in each row."""
    z = xp.tanh(x @ w1 + b1) @ w2 + b2
    return -xp.mean(xp.sum(y * (z - xp.log(xp.sum(xp.exp(z), axis=1, keepdims=True))), axis=1))


def double(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape)


def single(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape).astype("float32")


def one_hot(rows: int, columns: int) -> np.ndarray:
    return np.eye(columns, dtype="float32")[RANDOM.integers(0, columns, rows)]


def examples(largest: int) -> dict[str, Example]:
    """All of them, formulas up to 10^largest elements."""
    found = {}
    for name, (function, count, text) in FORMULAS.items():
        for power in range(1, largest + 1):
            arrays = [double(10**power) for _ in range(count)]
            found[f"{name}, 1e{power}"] = Example(function, arrays, text=text)
    network = [
        single(784, 500) / 28, single(500), single(500, 10) / 22, single(10), single(60, 784), one_hot(60, 10),
    ]  # fmt: skip
    labels = (double(1000) > 0).astype("float64")
    return found | {
        "distances, 1000 x 3": Example(distances, [double(1000, 3)]),
        "stencil, 1e6": Example(smoothed, [double(1_000_000)]),
        "trace of tanh, 1000 x 1000": Example(trace_of_tanh, [double(1000, 1000)]),
        "normalised, 1e6": Example(normalised, [double(1_000_000)]),
        "selu, float32, 1e6": Example(selu, [single(1_000_000)], close=1e-4),
        "logistic loss, gradient, 1000 x 50": Example(
            logistic_loss, [double(50) / 10, double(1000, 50), labels], (0,)
        ),
        "least squares, gradients, 1000 x 50": Example(
            least_squares, [double(50), double(), double(1000, 50), double(1000)], (0, 1)
        ),
        "network 784-500-10, batch 60": Example(network_loss, network, close=1e-3),
        "network, value and gradients": Example(network_loss, network, (0, 1, 2, 3), close=1e-3),
    }


# ---------------------------------------------------------------------------------------- systems
Call = Callable[[], Any]


def of_numpy(example: Example) -> Call | None:
    return None if example.gradients else lambda: example.function(np, *example.arrays)


def of_numexpr(example: Example) -> Call | None:
    if not example.text:
        return None
    import numexpr

    named = dict(zip("abc", example.arrays, strict=False))
    return lambda: numexpr.evaluate(example.text, named)


def of_numba(example: Example) -> Call | None:
    if example.gradients:
        return None
    import numba

    # Numba takes no module for an argument: the same text, with its names from NumPy.
    source = re.sub(r"\(xp: Any(, )?", "(", inspect.getsource(example.function), count=1)
    names = {"xp": np, "Any": Any}
    exec(source, names)
    compiled = numba.njit(names[example.function.__name__])
    return lambda: compiled(*example.arrays)


def of_jax(example: Example) -> Call | None:
    import jax

    jax.config.update("jax_enable_x64", True)
    function = jax.jit(_derived(example, jax.numpy, jax.value_and_grad))
    placed = [jax.device_put(a) for a in example.arrays]
    return lambda: jax.block_until_ready(function(*placed))


def of_eqsat(example: Example) -> Call | None:
    function = et.jit(_derived(example, et, et.value_and_grad))
    return lambda: function(*example.arrays)


def _derived(example: Example, xp: Any, value_and_grad: Callable[..., Any]) -> Callable[..., Any]:
    def function(*arrays: Any) -> Any:
        return example.function(xp, *arrays)

    if not example.gradients:
        return function
    made: Callable[..., Any] = value_and_grad(function, argnums=example.gradients)
    return made


SYSTEMS: dict[str, Callable[[Example], Call | None]] = {
    "NumPy": of_numpy,
    "numexpr": of_numexpr,
    "Numba": of_numba,
    "JAX": of_jax,
    "eqsat": of_eqsat,
}


def flat(result: Any) -> list[np.ndarray]:
    """All arrays of a result."""
    if isinstance(result, tuple | list):
        return [part for each in result for part in flat(each)]
    return [np.asarray(result)]


def truth(example: Example) -> list[np.ndarray]:
    """What NumPy says: of gradients by our evaluator, operation by operation."""
    if not example.gradients:
        return flat(example.function(np, *example.arrays))
    reference = et.jit(_derived(example, et, et.value_and_grad), mode="reference")
    return flat(reference(*example.arrays))


def ready(example: Example, installed: Sequence[str]) -> dict[str, Call]:
    """Calls of all systems that take the program, warm, their results held against NumPy's."""
    wanted = truth(example)
    found: dict[str, Call] = {}
    for system in installed:
        try:
            call = SYSTEMS[system](example)
            made = None if call is None else flat(call())
        except Exception as error:  # a peer refuses in its own way
            if system == "eqsat":
                raise
            print(f"{system}: {type(error).__name__}", file=sys.stderr)
            continue
        if call is None or made is None:
            continue
        for got, right in zip(made, wanted, strict=True):
            np.testing.assert_allclose(
                got, right, rtol=example.close, atol=example.close, err_msg=system
            )
        found[system] = call
    return found


def microseconds(call: Call) -> float:
    """A call's time, over as many calls as fill `SECONDS`."""
    count, took = 1, 0.0
    while True:
        begin = time.perf_counter()
        for _ in range(count):
            call()
        took = time.perf_counter() - begin
        if took >= SECONDS:
            return 1e6 * took / count
        count = max(count + 1, int(1.2 * count * SECONDS / max(took, 1e-7)))


def share_of_roofline(example: Example) -> float:
    """How much of the machine's best our kernels reach, of 1, each weighted by its time."""
    function = et.jit(_derived(example, et, et.value_and_grad), mode="profile")
    for _ in range(PROFILED):
        function(*example.arrays)
    (part,) = function.profile().parts
    spent = [took.fewest for took in part.took]
    weighed = sum(s * t for s, t in zip(part.shares, spent, strict=True))
    return weighed / sum(spent) if sum(spent) else 0.0


@dataclass(frozen=True)
class Line:
    """What was measured of one example: microseconds by system, and our share of the roofline."""

    name: str
    times: dict[str, float]
    share: float

    @property
    def ratio(self) -> float | None:
        """The best other system's time over ours."""
        others = [t for system, t in self.times.items() if system != "eqsat"]
        return min(others) / self.times["eqsat"] if others else None


@dataclass
class Table:
    """The lines of a run, as Markdown; printed as they come."""

    systems: Sequence[str]
    lines: list[Line] = field(default_factory=list)

    def head(self) -> str:
        """Date, machine, versions, and the names of the columns."""
        versions = ", ".join(
            f"{s} {et.__version__ if s == 'eqsat' else version(PACKAGES[s])}" for s in self.systems
        )
        columns = ("program", *self.systems, "best other / eqsat", "of the roofline")
        return (
            f"{time.strftime('%Y-%m-%d')}, {platform.machine()}, {os.cpu_count()} processors, Python"
            f" {platform.python_version()}, {versions}. Microseconds a call.\n\n"
            f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|"
        )

    def row(self, line: Line) -> str:
        """One line of the table."""
        cells = [f"{line.times[s]:,.1f}" if s in line.times else "-" for s in self.systems]
        ratio = "-" if line.ratio is None else f"{line.ratio:.2f}"
        name = line.name.replace("|", "\\|")  # a column ends at each other one
        return f"| {name} | {' | '.join(cells)} | {ratio} | {line.share:.0%} |"

    def write(self, folder: Path) -> None:
        """measured.md with the table, and its pictures: formulas by size, ratios of the others."""
        by_size: dict[str, dict[str, list[tuple[float, float]]]] = {}
        others: dict[str, float] = {}
        for line in self.lines:
            formula, _, power = line.name.rpartition(", 1e")
            if formula in FORMULAS:
                for system, took in line.times.items():
                    points = by_size.setdefault(formula, {}).setdefault(system, [])
                    points.append((10.0 ** int(power), 1e3 * took / 10.0 ** int(power)))
            elif line.ratio is not None:
                others[line.name] = line.ratio
        (folder / "measured-formulas.svg").write_text(
            curves("nanoseconds an element, by number of elements", by_size), encoding="utf-8"
        )
        (folder / "measured-programs.svg").write_text(
            bars("the best other system's time over ours", others), encoding="utf-8"
        )
        rows = "\n".join(map(self.row, self.lines))
        (folder / "measured.md").write_text(f"{HEAD}\n{self.head()}\n{rows}\n", encoding="utf-8")


def measured(name: str, example: Example, systems: Sequence[str], rounds: int) -> Line:
    """Time one example on every system, in turns."""
    calls = ready(example, systems)
    times: dict[str, list[float]] = {system: [] for system in calls}
    for _ in range(rounds):
        for system, call in calls.items():
            times[system].append(microseconds(call))
    medians = {system: statistics.median(t) for system, t in times.items()}
    return Line(name, medians, share_of_roofline(example))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="examples whose names begin so; all by default")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--largest", type=int, default=7, help="power of ten of the longest formula"
    )
    parser.add_argument("--write", action="store_true", help="write docs/measured.md")
    options = parser.parse_args()
    table = Table([s for s in SYSTEMS if find_spec(PACKAGES[s]) is not None])
    print(table.head(), flush=True)
    for name, example in examples(options.largest).items():
        if not options.names or name.startswith(tuple(options.names)):
            table.lines.append(measured(name, example, table.systems, options.rounds))
            print(table.row(table.lines[-1]), flush=True)
    if options.write:
        table.write(Path(__file__).parent.parent / "docs")


if __name__ == "__main__":
    main()
