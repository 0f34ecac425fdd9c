"""What a CUDA device does in how many nanoseconds, as `calibrate` measures the processor.

Each figure is the median of some rounds of one compiled function, the device waited for after each.
"""

from __future__ import annotations

import datetime
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from eqsat_tensor.jitted import jit
from eqsat_tensor.lower.cuda import device
from eqsat_tensor.machine import CUDA, Profile
from eqsat_tensor.namespace import PUBLIC
from eqsat_tensor.scalar import PRIMITIVES

ROUNDS = 7
ELEMENTS = 1 << 26  # of an array that no cache holds
SIDE = 4096  # of matrices
SMALL = 1 << 10


def measure_device(elements: int = ELEMENTS, side: int = SIDE) -> Profile:
    """The profile of the device in use.  Raises UnsupportedError where there is none."""
    cupy = device.ready()
    wait: Callable[[], None] = cupy.cuda.runtime.deviceSynchronize
    long = cupy.asarray(np.ones(elements))
    labels = cupy.asarray(np.random.default_rng(0).permutation(elements))
    matrix = cupy.asarray(np.ones((side, side)))
    small = cupy.asarray(np.ones(SMALL))

    def nanoseconds(function: Callable[..., Any], *arrays: Any) -> float:
        compiled = jit(function, target="cuda", optimize="none")
        for _ in range(3):
            compiled(*arrays)
        samples = []
        for _ in range(ROUNDS):
            wait()
            start = time.perf_counter_ns()
            compiled(*arrays)
            wait()
            samples.append(float(time.perf_counter_ns() - start))
        return max(1.0, statistics.median(samples))

    call = nanoseconds(lambda x: x + 1, small)
    copy = max(1.0, nanoseconds(lambda x: x + 1, long) - call)
    heavy = nanoseconds(lambda x: PUBLIC["exp"](PUBLIC["sin"](x)), long) - call
    words = sum(PRIMITIVES[w].cost for w in ("exp", "sin"))
    product = max(1.0, nanoseconds(lambda a: a @ a, matrix) - call)
    picked = nanoseconds(lambda x, i: x[i], long, labels) - call
    start = time.perf_counter_ns()
    for _ in range(ROUNDS):
        cupy.asarray(cupy.asnumpy(small))
    wait()
    host = (time.perf_counter_ns() - start) / ROUNDS
    byte = copy / (16.0 * elements)
    return replace(
        CUDA,
        unit=max(0.0, heavy - copy) / (words * elements) or CUDA.unit,
        byte=byte,
        element=byte,
        flop=product / (2.0 * side**3),
        call=call,
        gather=max(0.0, picked - copy) / elements or CUDA.gather,
        host=host,
        bandwidth=((2.0 * 8 * elements, 1 / byte),),
        peak=2.0 * side**3 / product,
        source=f"measured on a CUDA device, {datetime.date.today()}",
    )
