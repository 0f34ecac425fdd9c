"""Time small programs beside NumPy, and JAX where it is installed, in one run.

    python benchmarks/programs.py [name ...]

The same text runs on every system.  Systems take turns; figures are medians over rounds, in
microseconds a call; the last column is the best other system's time over ours.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

import eqsat_tensor as et

ROUNDS, SECONDS = 7, 0.03
Random = np.random.default_rng(0)


def single(*shape: int) -> np.ndarray:
    return Random.normal(size=shape).astype("float32")


def double(*shape: int) -> np.ndarray:
    return Random.normal(size=shape)


def softmax(xp: Any, x: Any) -> Any:
    e = xp.exp(x)
    return e / xp.sum(e, axis=1, keepdims=True)


def normal_density(xp: Any, x: Any) -> Any:
    return xp.exp(-0.5 * ((x - 0.25) / 2.0) ** 2) / 5.0


def ridge_loss(xp: Any, w: Any, x: Any, y: Any) -> Any:
    return xp.mean((x @ w - y) ** 2) + 0.1 * xp.sum(w * w)


PROGRAMS: dict[str, tuple[Callable[..., Any], tuple[np.ndarray, ...]]] = {
    "tiny": (lambda xp, a, x, y: a * x + y, (double(10), double(10), double(10))),
    "polynomial": (lambda xp, x: ((0.5 * x + 1.0) * x - 2.0) * x + 3.0, (double(1_000_000),)),
    "density": (normal_density, (double(1_000_000),)),
    "softplus": (lambda xp, x: xp.log(1.0 + xp.exp(x)), (single(1_000_000),)),
    "softmax": (softmax, (single(1000, 2000),)),
    "variance": (lambda xp, x: xp.mean((x - xp.mean(x)) ** 2), (double(1_000_000),)),
    "chain": (lambda xp, a, b, v: a @ b @ v, (double(700, 700), double(700, 700), double(700))),
    "scaled": (lambda xp, a, b, c: 2.0 * (a @ b) - 0.5 * c, (single(400, 400),) * 3),
    "ridge": (ridge_loss, (double(50), double(20_000, 50), double(20_000))),
}


def systems(
    program: Callable[..., Any], arrays: tuple[np.ndarray, ...]
) -> dict[str, Callable[[], Any]]:
    """What there is to time, ready and warm."""
    compiled = et.jit(lambda *a: program(et, *a))
    found: dict[str, Callable[[], Any]] = {
        "NumPy": lambda: program(np, *arrays),
        "eqsat": lambda: compiled(*arrays),
    }
    if find_spec("jax") is not None:
        import jax

        jax.config.update("jax_enable_x64", True)
        jitted = jax.jit(lambda *a: program(jax.numpy, *a))
        placed = [jax.device_put(a) for a in arrays]
        found["JAX"] = lambda: jitted(*placed).block_until_ready()
    for call in found.values():
        call()
    np.testing.assert_allclose(found["eqsat"](), found["NumPy"](), rtol=1e-3, atol=1e-4)
    return found


def microseconds(call: Callable[[], Any]) -> float:
    """A call's time, over as many calls as fill `SECONDS`."""
    count, took = 1, 0.0
    while took < SECONDS:
        begin = time.perf_counter()
        for _ in range(count):
            call()
        took = time.perf_counter() - begin
        count, done = count * 2, count
    return 1e6 * took / done


def main() -> None:
    for name, (program, arrays) in PROGRAMS.items():
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        calls = systems(program, arrays)
        times: dict[str, list[float]] = {system: [] for system in calls}
        for _ in range(ROUNDS):
            for system, call in calls.items():
                times[system].append(microseconds(call))
        medians = {system: statistics.median(t) for system, t in times.items()}
        best = min(v for system, v in medians.items() if system != "eqsat")
        cells = "".join(f"{system:>7} {v:10,.1f}" for system, v in medians.items())
        print(f"{name:12}{cells}   {best / medians['eqsat']:6.2f}")


if __name__ == "__main__":
    main()
