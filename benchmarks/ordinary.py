"""What stability costs where nothing is unstable: ordinary formulas, compiled by default and as written.

    python benchmarks/ordinary.py [--dtype float64|float32] [name ...]

Arguments are from 1/2 to 2, arrays of 1e5 elements (rows of 100 or of 1000), results in arrays that are there, one thread.  As written: the same compiler without a rule of algebra, so with the same kernels, fused in the
same way.  The two take turns; a figure is the least time of a call over many turns, by the clock of the thread.
Beside the times stand bits of error of both, at some of the arguments.  Where the spelling loses more than
half a bit that the default form keeps, marked *, it is not stable there: such are not counted at the end.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

os.environ.setdefault("EQSAT_THREADS", "1")  # read when the package is imported

import numpy as np

import eqsat_tensor as et

SIZE, TURNS, SECONDS = 100_000, 40, 0.004
FEW, HALF_A_BIT, ALLOWED = 200, 0.5, 1.05
AS_WRITTEN = tuple(
    f"-{ruleset}"
    for ruleset in (
        "cleanup", "fold", "exact", "simplify", "factor", "cancel", "stable", "last", "linear", "chain", "special",
    )
)  # fmt: skip

Formula = Callable[..., Any]
FORMULAS: dict[str, tuple[Formula, tuple[tuple[int, ...], ...]]] = {}
VECTOR, ROWS, LONG_ROWS = (SIZE,), (SIZE // 100, 100), (SIZE // 1000, 1000)


def formula(name: str, *shapes: tuple[int, ...]) -> Callable[[Formula], Formula]:
    """Enter a formula of arrays of these shapes."""

    def enter(function: Formula) -> Formula:
        FORMULAS[name] = function, shapes
        return function

    return enter


def of_elements(name: str, function: Formula, count: int = 1) -> None:
    """Enter a formula of so many vectors."""
    FORMULAS[name] = function, (VECTOR,) * count


# ------------------------------------------------------------------------------- activations
of_elements("softplus", lambda x: et.log(1 + et.exp(x)))
of_elements("sigmoid", lambda x: 1 / (1 + et.exp(-x)))
of_elements("tanh", lambda x: (et.exp(x) - et.exp(-x)) / (et.exp(x) + et.exp(-x)))
of_elements("GELU", lambda x: 0.5 * x * (1 + et.erf(x / math.sqrt(2))))
of_elements("SiLU", lambda x: x / (1 + et.exp(-x)))
of_elements("mish", lambda x: x * et.tanh(et.log(1 + et.exp(x))))
of_elements("ELU", lambda x: et.where(x > 1, x, et.exp(x) - 1))
# ------------------------------------------------------------------------ losses, divergences
of_elements("logistic loss", lambda x, y: et.log(1 + et.exp(-y * x)), 2)
of_elements("cross entropy of logits", lambda x, y: -(y * et.log(1 / (1 + et.exp(-x)))), 2)
of_elements("log cosh", lambda x, y: et.log(et.cosh(x - y)), 2)
of_elements("Kullback-Leibler", lambda p, q: p * et.log(p / q), 2)
of_elements("Itakura-Saito", lambda x, y: x / y - et.log(x / y) - 1, 2)
of_elements("Poisson deviance", lambda y, m: y * et.log(y / m) - (y - m), 2)
of_elements("pseudo-Huber", lambda x: et.sqrt(1 + x * x) - 1)
of_elements("entropy", lambda p: -(p * et.log(p)))
# ------------------------------------------------------------------------- differences, roots
of_elements("log(1 + x)", lambda x: et.log(1 + x))
of_elements("exp(x) - 1", lambda x: et.exp(x) - 1)
of_elements("1/x - 1/y", lambda x, y: 1 / x - 1 / y, 2)
of_elements("log of a quotient", lambda x, y: et.log(x / y), 2)
of_elements("log x - log y", lambda x, y: et.log(x) - et.log(y), 2)
of_elements("sqrt(x + 1) - sqrt(x)", lambda x: et.sqrt(x + 1) - et.sqrt(x))
of_elements("x^2 - y^2", lambda x, y: x * x - y * y, 2)
of_elements("1 - cos x", lambda x: 1 - et.cos(x))
of_elements("sin x / x", lambda x: et.sin(x) / x)
of_elements("log of a sum of two", lambda x, y: et.log(et.exp(x) + et.exp(y)), 2)
of_elements("larger root", lambda a, b: (b + et.sqrt(b * b + 4 * a)) / (2 * a), 2)
of_elements("smaller root", lambda a, b: (-b + et.sqrt(b * b + 4 * a)) / (2 * a), 2)
# ------------------------------------------------------------------- distances and densities
of_elements("distance", lambda x, y: et.sqrt(x * x + y * y), 2)
of_elements("squared distance", lambda x, y: (x - y) ** 2, 2)
of_elements("normal density", lambda x: et.exp(-0.5 * x * x) / math.sqrt(2 * math.pi))
of_elements(
    "log-normal density", lambda x: et.exp(-(et.log(x) ** 2) / 2) / (x * math.sqrt(2 * math.pi))
)
of_elements("Cauchy density", lambda x: 1 / (math.pi * (1 + x * x)))
of_elements("log of logistic density", lambda x: -x - 2 * et.log(1 + et.exp(-x)))
of_elements("normal tail", lambda x: 0.5 * et.erfc(x / math.sqrt(2)))
of_elements("normal distribution", lambda x: 0.5 * (1 + et.erf(x / math.sqrt(2))))
# --------------------------------------------------------------------------- finance, physics
of_elements("compound interest", lambda r, t: (1 + r) ** t - 1, 2)
of_elements("annuity", lambda r: (1 - et.exp(-3 * et.log(1 + r))) / r)
of_elements("Planck", lambda x: x**3 / (et.exp(x) - 1))
of_elements("Lorentz", lambda x: 1 / et.sqrt(1 - (x / 4) ** 2) - 1)


@formula("Black and Scholes", VECTOR, VECTOR)
def call_price(s: Any, k: Any) -> Any:
    d = (et.log(s / k) + 0.12) / 0.3
    n = [0.5 * et.erfc(-z / math.sqrt(2)) for z in (d, d - 0.3)]
    return s * n[0] - k * math.exp(-0.05) * n[1]


# ------------------------------------------------------------------------ rows and reductions
for _name, _shape in (("rows of 100", ROWS), ("rows of 1000", LONG_ROWS)):

    @formula(f"softmax, {_name}", _shape)
    def softmax(x: Any) -> Any:
        e = et.exp(x)
        return e / et.sum(e, axis=1, keepdims=True)

    @formula(f"log-sum-exp, {_name}", _shape)
    def log_sum_exp(x: Any) -> Any:
        return et.log(et.sum(et.exp(x), axis=1))

    @formula(f"standard scores, {_name}", _shape)
    def standard_scores(x: Any) -> Any:
        mean = et.mean(x, axis=1, keepdims=True)
        return (x - mean) / et.sqrt(et.mean(x * x, axis=1, keepdims=True) - mean * mean)


@formula("variance", VECTOR)
def variance(x: Any) -> Any:
    return et.mean(x * x) - et.mean(x) ** 2


@formula("Euclidean norm", VECTOR)
def norm(x: Any) -> Any:
    return et.sqrt(et.sum(x * x))


@formula("mean logistic loss", VECTOR, VECTOR)
def mean_loss(x: Any, y: Any) -> Any:
    return et.mean(et.log(1 + et.exp(-x * y)))


# ------------------------------------------------------------------------------------- timing
def microseconds(calls: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """The least time of each, taking turns."""
    counts, times = {}, dict.fromkeys(calls, math.inf)
    for name, call in calls.items():
        start = time.thread_time()
        for _ in range(3):
            call()
        counts[name] = max(1, round(SECONDS * 3 / max(time.thread_time() - start, 1e-6)))
    for _ in range(TURNS):
        for name, call in calls.items():
            start = time.thread_time()
            for _ in range(counts[name]):
                call()
            times[name] = min(times[name], (time.thread_time() - start) / counts[name])
    return {name: 1e6 * took for name, took in times.items()}


def bits(program: Any, shapes: tuple[tuple[int, ...], ...], dtype: str) -> tuple[float, float]:
    """Mean bits of error as written and as compiled, on fewer rows or elements."""
    rng = np.random.default_rng(1)
    fewer = [(FEW,) if len(s) == 1 else (max(2, FEW // s[1]), s[1]) for s in shapes]
    report = program.accuracy(sample=tuple(rng.uniform(0.5, 2, s).astype(dtype) for s in fewer))
    return float(np.mean(report.before)), float(np.mean(report.after))


def table(names: Iterable[str], dtype: str) -> None:
    """Print the ratios for a dtype, and what they come to."""
    rng = np.random.default_rng(0)
    write = sys.stdout.write
    write(f"{dtype:32}{'default':>9}{'written':>9} us{'ratio':>7}{'bits of error':>17}\n")
    ratios, stable = {}, []
    for name in names:
        function, shapes = FORMULAS[name]
        arrays = [rng.uniform(0.5, 2, shape).astype(dtype) for shape in shapes]
        program = et.jit(function)
        written = et.jit(function, rules=AS_WRITTEN)
        took = microseconds({"default": program.bind(*arrays), "written": written.bind(*arrays)})
        before, after = bits(program, shapes, dtype)
        ratios[name] = took["default"] / took["written"]
        if before - after <= HALF_A_BIT:
            stable.append(name)
        mark = " " if name in stable else "*"
        write(f"{name:32}{took['default']:9.1f}{took['written']:9.1f}   {ratios[name]:7.2f}{mark}")
        write(f"{after:7.2f} for {before:.2f}\n")
        sys.stdout.flush()
    for text, chosen in (("all", list(ratios)), ("stable as written", stable)):
        if not chosen:
            continue
        mean = math.exp(statistics.fmean(math.log(ratios[name]) for name in chosen))
        worst = max(chosen, key=lambda name: ratios[name])
        slower = sum(ratios[name] > ALLOWED for name in chosen)
        write(f"{text}: geometric mean {mean:.2f}, worst {ratios[worst]:.2f} ({worst}), ")
        write(f"above {ALLOWED}: {slower} of {len(chosen)}\n")
    write("\n")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dtype", choices=("float64", "float32"), action="append")
    parser.add_argument("names", nargs="*", help="formulas; all by default")
    given = parser.parse_args()
    for dtype in given.dtype or ("float64", "float32"):
        table(given.names or FORMULAS, dtype)


if __name__ == "__main__":
    main()
