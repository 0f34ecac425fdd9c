"""What a call costs beside the work, and a compile: in one process, taking turns, medians.

    python benchmarks/overhead.py             # calls of small arrays, microseconds
    python benchmarks/overhead.py --compile   # programs of about 50 nodes in a running process, milliseconds

Beside the calls stand ``np.add`` of the same arrays and ``np.empty(10)``, which every call pays for its
result.  Compiles are timed by the CPU time of the thread too: what they take on a quiet machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
import timeit
from collections.abc import Callable
from typing import Any

import numpy as np

ROUNDS, CALLS = 400, 300  # so short that most are not interrupted


def calls() -> None:
    """A line a form of call."""
    import eqsat_tensor as et

    rng = np.random.default_rng(0)
    a, b, c, d, e = (rng.random(10) for _ in range(5))
    axpy = et.jit(lambda *args: args[0] * args[1] + args[2])
    five = et.jit(lambda a, b, c, d, e, s, t: a * s + b * t + c - d * e)
    nest = et.jit(lambda p: p["a"] * p["b"] + p["c"] - p["d"])
    step = et.jit(lambda p, rate: {name: rate * x for name, x in p.items()})
    names = et.jit(lambda x, y: x - y)
    pair = et.jit(lambda p: p[0] - p[1]["b"])
    p, t, s = {"a": a, "b": b, "c": c, "d": d}, (a, {"b": b}), np.float64(0.5)
    three = (a, b, c)
    forms: dict[str, Callable[[], Any]] = {
        "np.empty(10)": lambda: np.empty(10),
        "np.add(a, b)": lambda: np.add(a, b),
        "a * x + y, f(*args)": lambda: axpy(*three),
        "five arrays, two floats": lambda: five(a, b, c, d, e, 0.1, 0.2),
        "two arrays, one by name": lambda: names(a, y=b),
        "an array, a NumPy scalar": lambda: names(a, s),
        "(a, {b: b})": lambda: pair(t),
        "a dict of four arrays": lambda: nest(p),
        "dict to dict of four": lambda: step(p, 0.1),
    }
    for form in forms.values():
        form()
    timers = {name: timeit.Timer(form) for name, form in forms.items()}
    empty = timeit.Timer(lambda: None)
    taken: dict[str, list[float]] = {name: [] for name in forms}
    for _ in range(ROUNDS):
        around = empty.timeit(CALLS)
        for name, timer in timers.items():
            taken[name].append((timer.timeit(CALLS) - around) / CALLS * 1e6)
    print("| call | microseconds | of np.empty |\n|---|---|---|")
    for name, every in taken.items():
        pairs = zip(every, taken["np.empty(10)"], strict=True)
        ratio = statistics.median(x / y for x, y in pairs)
        print(f"| {name} | {statistics.median(every):.3f} | {ratio:.2f} |")


def elementwise(shift: float) -> Callable[[Any, Any], Any]:
    """Ten times tanh(x y + c) - y / (1 + x x), and a sum: 70 nodes."""
    import eqsat_tensor as et

    def program(x: Any, y: Any) -> Any:
        for i in range(10):
            x = et.tanh(x * y + (i + shift)) - y / (1.0 + x * x)
        return et.sum(x)

    return program


def layers(shift: float) -> Callable[[Any, Any, Any], Any]:
    """Four dense layers, each normalised: 56 nodes."""
    import eqsat_tensor as et

    def program(x: Any, w: Any, b: Any) -> Any:
        for i in range(4):
            h = et.tanh(x @ w + b * (1.0 + i + shift))
            d = h - et.sum(h, axis=1, keepdims=True) / 32.0
            x = x + d / et.sqrt(et.sum(d * d, axis=1, keepdims=True) / 32.0 + 1e-5) * 0.5
        return et.sum(x * x)

    return program


def compiles() -> None:
    """First calls: the first of its kind in the process, others of its kind, and from the disk."""
    import eqsat_tensor as et

    rng = np.random.default_rng(0)
    vectors = (rng.random(1000), rng.random(1000))
    matrices = (rng.random((16, 32)), rng.random((32, 32)), rng.random(32))
    et.jit(lambda x: et.exp(x) + 1)(vectors[0])
    print("| program | first of its kind | others, cold | warm |\n|---|---|---|---|")
    for name, make, arrays in (
        ("elementwise, 70 nodes", elementwise, vectors),
        ("layers, 56 nodes", layers, matrices),
    ):
        shifts = [k + 0.25 for k in range(6)]
        first, *cold = [first_call(make(shift), arrays) for shift in shifts]
        warm = [first_call(make(shift), arrays) for shift in shifts]
        cells = [f"{median(every)}" for every in ([first], cold, warm)]
        print(f"| {name} | {' | '.join(cells)} |")


def first_call(program: Callable[..., Any], arrays: tuple[np.ndarray, ...]) -> tuple[float, float]:
    """Milliseconds until the first result: by the clock, and of this thread."""
    import eqsat_tensor as et

    start, cpu = time.perf_counter(), time.thread_time()
    et.jit(program)(*arrays)
    return (time.perf_counter() - start) * 1e3, (time.thread_time() - cpu) * 1e3


def median(every: list[tuple[float, float]]) -> str:
    """Both medians as text."""
    wall, cpu = (statistics.median(column) for column in zip(*every, strict=True))
    return f"{wall:.0f} ({cpu:.0f} of the CPU)"


def main() -> None:
    """What the options ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--compile", action="store_true")
    if parser.parse_args().compile:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["EQSAT_CACHE_DIR"] = folder
            compiles()
    else:
        calls()


if __name__ == "__main__":
    main()
