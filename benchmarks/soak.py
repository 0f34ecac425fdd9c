"""Many threads call many functions on changing sizes for a long time: nothing wrong, nothing lost.

    python benchmarks/soak.py --seconds 3600

Before it begins, each result is held against NumPy, and its bits against those of another process
that made the same calls in another order.  Then every thread makes every call once, and calls
functions at random until time is up; every result must have these bits, and memory that is resident
must not grow by more than 1 % from the second third of the time to the last.  Exit status 1 where
anything is wrong.  Linux only, for /proc.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import eqsat_tensor as et

THREADS = 8
SIZES = 80  # of each function: more than a function keeps bound
GROWTH = 0.01
ENOUGH = 10  # faults after which it ends
SAMPLE = 0.05  # seconds between two looks at memory


def softmax(x):
    e = et.exp(x - et.max(x, axis=1, keepdims=True))
    return e / et.sum(e, axis=1, keepdims=True)


def loss(w, x, y):
    return et.mean(et.log(1 + et.exp(-y * (x @ w))))


def series(x):
    for k in range(1, 6):
        x = x - et.sin(x) / k
    return x


def branch(x):
    return et.cond(et.sum(x) > 0, lambda a: et.sqrt(et.abs(a)), lambda a: -a, x)


def wrapped(x):
    return et.wrap(lambda a: np.sort(a), lambda a: (a.dtype, a.shape))(x * 2) + 1


def into(x):
    y = et.zeros(x.shape)
    y[::2] = x[::2]
    return et.cumsum(y)


@dataclass
class Subject:
    """A function, what NumPy says, and how its arguments are made for a size."""

    function: Callable[..., Any]
    numpy: Callable[..., Any]
    arguments: Callable[[np.random.Generator, int], Sequence[Any]]
    largest: int
    options: dict[str, Any] = field(default_factory=dict)


def vectors(count: int, dtype: str = "float64") -> Callable[[np.random.Generator, int], Any]:
    return lambda g, n: [g.standard_normal(n).astype(dtype) for _ in range(count)]


def matrix(g: np.random.Generator, n: int) -> list[np.ndarray]:
    return [g.standard_normal((n, n // 2 + 1))]


def square(g: np.random.Generator, n: int) -> list[np.ndarray]:
    a = g.standard_normal((n, n))
    return [a @ a.T + n * np.eye(n)]


def labels(g: np.random.Generator, n: int) -> list[np.ndarray]:
    return [g.standard_normal(n), g.integers(0, n, 2 * n)]


def learning(g: np.random.Generator, n: int) -> list[np.ndarray]:
    return [g.standard_normal(5), g.standard_normal((n, 5)), np.sign(g.standard_normal(n))]


def reference(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same text, by the evaluator in NumPy."""
    return et.jit(function, mode="reference")


def subject(
    function: Callable[..., Any],
    arguments: Callable[..., Any],
    largest: int = 3000,
    numpy: Callable[..., Any] | None = None,
    **options: Any,
) -> Subject:
    return Subject(et.jit(function, **options), numpy or reference(function), arguments, largest)


def subjects() -> list[Subject]:
    return [
        subject(lambda x, y: 2.5 * x + y, vectors(2)),
        subject(lambda x: et.log(1 + et.exp(x)), vectors(1, "float32")),
        subject(lambda x, y: (et.sum(x * y), et.max(x), et.mean(y)), vectors(2), 200_000),
        subject(lambda x: (x - et.mean(x)) / et.std(x), vectors(1)),
        subject(series, vectors(1), math="strict"),
        subject(softmax, matrix, 120),
        subject(lambda x: x @ x.T, matrix, 120),
        subject(lambda x: et.trace(x @ x.T) + et.sum(x @ x.T), matrix, 120),
        subject(lambda x: et.exp(-et.sum((x[:, None] - x[None]) ** 2, -1)), matrix, 60),
        subject(et.value_and_grad(loss), learning, 2000),
        subject(lambda a: et.linalg.cholesky(a), square, 60),
        subject(lambda a: et.linalg.slogdet(a)[1], square, 60),
        subject(lambda x, i: et.sum(x[i] * 2), labels),
        subject(into, vectors(1)),
        subject(branch, vectors(1)),
        subject(wrapped, vectors(1)),
        subject(lambda x: et.sort(et.round(x * 8) / 8), vectors(1)),
        subject(lambda x, y: et.abs(x + 1j * y) ** 2, vectors(2)),
        subject(lambda x: et.sum(et.floor(x * 100).astype("int64") % 7), vectors(1)),
        subject(lambda x: et.where(x > 0, et.sqrt(x), et.tanh(x)), vectors(1), optimize="none"),
    ]  # fmt: skip


def digest(result: Any) -> str:
    """The bits of a result, dtypes and shapes of all its parts."""
    parts = result if isinstance(result, tuple) else (result,)
    made = hashlib.blake2b(digest_size=16)
    for part in parts:
        if isinstance(part, tuple):
            made.update(digest(part).encode())
            continue
        array = np.asarray(part)
        made.update(f"{array.dtype} {array.shape} ".encode() + array.tobytes())
    return made.hexdigest()


def flat(result: Any) -> list[Any]:
    return [p for r in result for p in flat(r)] if isinstance(result, tuple) else [result]


@dataclass
class Case:
    """One call: which function, on what, and the bits that must come."""

    number: int
    size: int
    function: Callable[..., Any]
    arguments: Sequence[Any]
    wanted: str = ""


def cases(of: Sequence[Subject]) -> list[Case]:
    """The same cases in every process."""
    made = []
    for number, each in enumerate(of):
        draw = random.Random(number)
        sizes = {1, 2, 3, each.largest} | {draw.randint(1, each.largest) for _ in range(SIZES)}
        for size in sorted(sizes):
            generator = np.random.default_rng([number, size])
            made.append(Case(number, size, each.function, each.arguments(generator, size)))
    return made


def told(seed: int) -> dict[str, str]:
    """The bits of every case, called in an order of this seed."""
    every = cases(subjects())
    random.Random(seed).shuffle(every)
    return {f"{c.number} {c.size}": digest(c.function(*c.arguments)) for c in every}


def held_against_numpy(of: Sequence[Subject], every: Sequence[Case]) -> list[str]:
    """What is not what NumPy says, to the digits that a rewritten program may differ in."""
    wrong = []
    for case in every:
        made = flat(case.function(*case.arguments))
        true = flat(of[case.number].numpy(*case.arguments))
        for got, right in zip(made, true, strict=True):
            close = 2e-5 if np.asarray(right).dtype in ("float32", "complex64") else 1e-9
            if not np.allclose(got, right, rtol=close, atol=close, equal_nan=True):
                wrong.append(f"function {case.number} of size {case.size}: not what NumPy says")
    return wrong


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def soak(every: Sequence[Case], seconds: float) -> tuple[list[str], int, list[tuple[float, int]]]:
    """Call for a while on all threads: what was wrong, how many calls, memory over time."""
    wrong: list[str] = []
    calls = [0] * THREADS
    all_warm = threading.Barrier(THREADS + 1)

    def one(number: int, case: Case) -> None:
        try:
            found = digest(case.function(*case.arguments))
        except Exception as error:
            wrong.append(f"function {case.number} of size {case.size}: {error!r}")
            return
        calls[number] += 1
        if found != case.wanted:
            wrong.append(f"function {case.number} of size {case.size}: other bits")

    def work(number: int) -> None:
        draw = random.Random(number)
        for case in draw.sample(every, len(every)):
            one(number, case)
        all_warm.wait()
        end = time.monotonic() + seconds
        while time.monotonic() < end and len(wrong) < ENOUGH:
            one(number, every[draw.randrange(len(every))])

    threads = [threading.Thread(target=work, args=(k,)) for k in range(THREADS)]
    for thread in threads:
        thread.start()
    all_warm.wait()
    begin, seen = time.monotonic(), []
    while any(thread.is_alive() for thread in threads):
        time.sleep(SAMPLE)
        seen.append((time.monotonic() - begin, resident()))
    return wrong, sum(calls), seen


def growth(seen: Sequence[tuple[float, int]], seconds: float) -> float:
    """How much memory grew from the second third of the time to the last."""
    parts = [[size for at, size in seen if k <= 3 * at / seconds < k + 1] for k in (1, 2)]
    if not all(parts):
        return 0.0  # it ended early, for its faults
    before, after = (statistics.median(part) for part in parts)
    return after / before - 1


def main() -> int:
    """Exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--told", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.told is not None:
        print(json.dumps(told(options.told)))
        return 0
    of = subjects()
    every = cases(of)
    other = subprocess.run(
        [sys.executable, __file__, "--told", "1"], capture_output=True, text=True, check=True
    )
    wanted = json.loads(other.stdout.splitlines()[-1])
    wrong = held_against_numpy(of, every)
    for case in every:
        case.wanted = wanted[f"{case.number} {case.size}"]
    found, calls, seen = soak(every, options.seconds)
    wrong += found
    grown = growth(seen, options.seconds)
    print(f"{calls} calls of {len(of)} functions at {len(every)} sizes on {THREADS} threads")
    print(f"memory {seen[-1][1] / 2**20:.1f} MB, grown by {100 * grown:.2f} %")
    print(*wrong, sep="\n", end="\n" if wrong else "")
    return int(bool(wrong) or grown > GROWTH)


if __name__ == "__main__":
    sys.exit(main())
