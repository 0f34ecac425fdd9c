"""This machine's figures, measured with the code that they are to price: some ten seconds.

Each figure is the fastest of several rounds, since what disturbs a measurement only adds to it.
Ties between programs of equal cost (`node`, `view`) are no matter of the machine: they stay.
"""

from __future__ import annotations

import datetime
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import eqsat_tensor as et
from eqsat_tensor.jitted import jit
from eqsat_tensor.lower.cpu import jit as machine_code
from eqsat_tensor.lower.cpu import pool
from eqsat_tensor.machine import DEFAULT, Curve, Profile

ROUND = 2e-3  # seconds of one round at least
ROUNDS = 7
TANH = 24  # units of `scalar.PRIMITIVES`
LARGE_ARRAY = 1 << 23  # elements beyond all caches
SIZES = tuple(1 << k for k in (14, 16, 18, 20, 22, 24, 26, 28))  # bytes of a working set
ORDERS = (4, 8, 16, 32, 64, 128, 256, 512, 1024)  # of square matrices
LARGE = 2.0 * 64**3  # flops of a product from which its figure is well above the noise
BUSY = 1.3  # times slower, arithmetic at the end than at the start, or the other way round
LEAST = 1e-4  # of a figure that comes out as nothing beside the noise


def measure(told: Callable[[str], None] = lambda what: None) -> Profile:
    """The figures of this machine; ``told`` hears what is measured next.

    Uses one thread for what the model prices for one, and all of this process's for the rest.
    Warns where the machine was busy: then the figures are worth little.
    """
    threads = pool.pool().threads
    try:
        pool.set_threads(1)
        told("arithmetic")
        unit, element = _arithmetic()
        told("calls")
        call, host, factor = _calls()
        told("memory")
        byte, gather = _memory()
    finally:
        pool.set_threads(threads)
    told("levels of memory")
    bandwidth = _bandwidth()
    told("matrix products")
    products = _products()
    later, _ = _arithmetic()
    if not 1 / BUSY < unit / later < BUSY:
        warnings.warn(
            f"calibrate: needs a quiet machine; got {unit:.3g} ns for the same arithmetic as {later:.3g} ns. "
            "Calibrate again when nothing else runs.",
            RuntimeWarning,
            stacklevel=2,
        )
    date = datetime.datetime.now(datetime.UTC).date()
    return Profile(
        unit=unit,
        element=element,
        node=DEFAULT.node,
        view=DEFAULT.view,
        flop=dict(products)[2.0 * 512**3],
        byte=byte,
        call=call,
        gather=gather,
        host=host,
        factor=factor,
        products=products,
        bandwidth=bandwidth,
        peak=1 / min(figure for at, figure in products if at >= LARGE),
        source=f"measured on {machine_code.host().cpu}, {threads} threads, {date.isoformat()}",
    )


def _bound(function: Callable[..., Any], *arrays: Any) -> Any:
    """A call that only runs: checked, allocated and bound before."""
    return jit(function, optimize="none").bind(*arrays)


def fastest(call: Callable[[], Any]) -> float:
    """Nanoseconds of a call, the fastest round's mean."""
    number, took = 1, 0.0
    while took < ROUND:
        start = time.perf_counter()
        for _ in range(number):
            call()
        took = time.perf_counter() - start
        if took < ROUND:
            number = max(number + 1, int(number * 1.2 * ROUND / max(took, ROUND / 50)))
    best = took
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(number):
            call()
        best = min(best, time.perf_counter() - start)
    return best / number * 1e9


def _arithmetic() -> tuple[float, float]:
    """`unit` and `element`, from one and from three tanh of what stays in the nearest cache."""
    x = np.linspace(-1, 1, 2048)
    empty = fastest(_bound(et.tanh, x[:1]))
    one = (fastest(_bound(et.tanh, x)) - empty) / x.size
    three = (fastest(_bound(lambda v: et.tanh(et.tanh(et.tanh(v))), x)) - empty) / x.size
    unit = max(LEAST, (three - one) / (2 * TANH))
    return unit, max(LEAST, one - TANH * unit)


def _calls() -> tuple[float, float, float]:
    """`call`, `host` and `factor`: what one more small product costs, and what a factorisation."""
    a = np.eye(2)
    one = fastest(_bound(lambda x: x @ x, a))
    three = fastest(_bound(lambda x: ((x @ x) @ x) @ x, a))
    host = fastest(_bound(et.linalg.cholesky, a))
    order = 300
    big = fastest(_bound(et.linalg.cholesky, np.eye(order) * 2.0))
    return max(1.0, (three - one) / 2), host, max(LEAST, (big - host) / (order**3 / 3))


def _memory() -> tuple[float, float]:
    """`byte` and `gather`, of arrays beyond the caches and of random places."""
    x = np.ones(LARGE_ARRAY)
    byte = fastest(_bound(lambda v: v * 2.0, x)) / (2 * x.nbytes)
    places = np.random.default_rng(0).permutation(1 << 17)
    gather = fastest(_bound(lambda v, i: v[i], np.ones(places.size), places)) / places.size
    return byte, gather


def _bandwidth() -> Curve:
    """Bytes a nanosecond of ``x * 2``, by bytes of both arrays; no larger set is the faster one."""
    empty = fastest(_bound(lambda v: v * 2.0, np.ones(1)))
    found = []
    for size in SIZES:
        x = np.ones(size // 16)
        took = fastest(_bound(lambda v: v * 2.0, x)) - empty
        found.append(size / max(took, 1.0))
    best = [max(found[k:]) for k in range(len(found))]
    return tuple((float(size), figure) for size, figure in zip(SIZES, best, strict=True))


def _products() -> Curve:
    """Nanoseconds a flop of square float64 products, by flops, without what a call costs.

    No small product does more in a nanosecond than the best of the larger ones: that were noise.
    """
    generator = np.random.default_rng(0)
    empty = fastest(_bound(lambda x: x @ x, np.ones((1, 1))))
    curve = []
    for order in ORDERS:
        a = generator.standard_normal((order, order))
        took = fastest(_bound(lambda x, y: x @ y, a, a + 1.0)) - empty
        curve.append((2.0 * order**3, max(LEAST, took / (2.0 * order**3))))
    large = min(figure for at, figure in curve if at >= LARGE)
    return tuple((at, max(figure, large) if at < LARGE else figure) for at, figure in curve)
