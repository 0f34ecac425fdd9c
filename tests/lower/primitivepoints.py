"""Arguments of primitives: special values, integers of every size, floats of many distributions."""

from typing import Any

import numpy as np

from eqsat_tensor.lower.cpu.vecmath import TRIG_LIMIT
from tests.lower.primitiveloops import Array


def special(dtype: str) -> Array:
    """Zeros, ones, halves, limits, subnormals, infinities, NaN."""
    f = np.finfo(dtype)
    small = [0, 0.1, 0.5, 1, 1.5, 2, 2.5, 3, 5, 20, 100, 1e10, 1e30]
    small = [v for v in small if v < float(f.max)]
    edges = [f.smallest_subnormal, f.smallest_subnormal * 3, f.tiny / 2, f.tiny, f.eps, f.max]
    a = np.array([*small, *edges, np.inf], dtype)
    near = np.concatenate([np.nextafter(a[:10], a[0]), np.nextafter(a[:10], a[-1])])
    return np.concatenate([a, -a, near, -near, np.array([np.nan], dtype)]).astype(dtype)


def pairs(dtype: str) -> tuple[Array, Array]:
    """All pairs of special values."""
    x, y = np.meshgrid(special(dtype), special(dtype))
    return x.ravel().copy(), y.ravel().copy()


def integers(dtype: str) -> tuple[Array, Array]:
    """Pairs of integers: limits, small ones, random ones of every size."""
    rng = np.random.default_rng(7)
    info = np.iinfo(dtype)
    small = [v for v in (-7, -3, -2, -1, 0, 1, 2, 3, 7) if v >= info.min]
    edges = np.array([info.min, info.min + 1, *small, info.max - 1, info.max], dtype)
    x, y = (v.ravel() for v in np.meshgrid(edges, edges))
    wide = rng.integers(info.min, info.max, (2, 2000), dtype=info.dtype, endpoint=True)
    shift = rng.integers(0, info.bits - 1, (2, 2000)).astype(dtype)
    wide >>= shift
    return np.concatenate([x, wide[0]]).astype(dtype), np.concatenate([y, wide[1]]).astype(dtype)


def every_half() -> Array:
    """All values of float16."""
    return np.arange(2**16, dtype=np.uint16).view(np.float16)


def around_halves(dtype: str) -> Array:
    """Halves, what lies half-way between neighbours, and the neighbours of all these in `dtype`."""
    halves = np.sort(every_half()[::7].astype(dtype))
    halves = halves[np.isfinite(halves)]
    middle = (halves + np.nextafter(halves.astype(np.float16), np.float16(np.inf))) / 2
    exact = np.concatenate([halves, middle.astype(dtype)])
    far = np.array(np.inf, dtype)
    return np.concatenate([exact, np.nextafter(exact, far), np.nextafter(exact, -far)])


def log_uniform(rng: Any, low: float, high: float, count: int) -> Array:
    """Magnitudes spread evenly over the exponents, of both signs."""
    return np.exp2(rng.uniform(np.log2(low), np.log2(high), count)) * rng.choice([-1, 1], count)


def points(name: str, dtype: str, count: int) -> tuple[Array, ...]:
    """Arguments of `name` of several distributions, without NaN and infinities."""
    rng = np.random.default_rng(sum(map(ord, name)))
    f = np.finfo(dtype)
    part = count // 8
    if name == "power":
        top = 200 if dtype == "float64" else 25
        x = np.concatenate(
            [
                np.abs(rng.normal(size=2 * part)),
                10 ** rng.uniform(-top, top, 2 * part),
                1 + rng.normal(size=2 * part) * 1e-4,
                np.exp2(rng.uniform(np.log2(f.smallest_subnormal), np.log2(f.tiny), part)),
                rng.uniform(0.5, 20, part),
            ]
        )
        y = np.concatenate(
            [
                rng.normal(size=2 * part) * 5,
                rng.uniform(-1.5, 1.5, 2 * part),
                rng.normal(size=2 * part) * (1e5 if dtype == "float64" else 1e3),
                rng.uniform(-1, 1, part),
                rng.integers(-30, 30, part),
            ]
        )
        return x.astype(dtype), y.astype(dtype)
    if name in ("hypot", "arctan2"):
        edge = float(f.max) / 2
        x = [rng.normal(size=3 * part), log_uniform(rng, float(f.tiny), edge, 4 * part)]
        y = np.concatenate([rng.normal(size=3 * part), log_uniform(rng, 1e-3, 1e3, 4 * part)])
        with np.errstate(over="ignore"):
            y[3 * part :] *= x[1]  # of like magnitude
            p, q = np.concatenate(x).astype(dtype), y.astype(dtype)
        both = np.isfinite(p) & np.isfinite(q)
        return p[both], q[both]
    if name == "shifted_exp":
        edge, reach = (2048, 720) if dtype == "float64" else (240, 90)
        y = np.concatenate([rng.uniform(-edge, edge, 4 * part), rng.normal(size=4 * part) * 30])
        x = y + np.concatenate([rng.uniform(-reach, reach, 4 * part), rng.normal(size=4 * part)])
        return x.astype(dtype), y.astype(dtype)
    if name == "divide":
        return rng.normal(size=count).astype(dtype), rng.normal(size=count).astype(dtype)
    edge = 720.0 if dtype == "float64" else 90.0
    low_edge = 750.0 if dtype == "float64" else 105.0
    parts = [
        rng.normal(size=part),
        rng.normal(size=part) * 5,
        rng.uniform(-edge, edge, part),
        rng.uniform(-low_edge, -edge, part // 2),
        1 + rng.normal(size=part // 2) * 0.02,
        log_uniform(rng, float(f.tiny), 1, part),
        log_uniform(rng, 1, float(f.max), part),
        log_uniform(rng, float(f.smallest_subnormal), float(f.tiny), part // 2),
        rng.uniform(-30, 30, part),
        rng.uniform(-1.5, 1.5, part),
        np.arange(-200, 201) * (np.pi / 4) if name in ("sin", "cos", "tan") else [],
        rng.uniform(-TRIG_LIMIT, TRIG_LIMIT, part) if name in ("sin", "cos", "tan") else [],
        np.log(rng.uniform(0.45, 0.55, part)) if name == "log1mexp" else [],
        [TRIG_LIMIT, np.nextafter(np.float32(TRIG_LIMIT), np.float32(np.inf))],
    ]
    x = np.concatenate(parts).astype(dtype)
    x = x[np.isfinite(x)]
    if name in ("log", "log2", "log10"):
        return (np.abs(x[x != 0]),)
    if name in ("arcsin", "arccos", "arctanh"):
        near_one = 1 - log_uniform(rng, float(f.eps), 1, part).astype(dtype)
        x = np.concatenate([x, near_one, -near_one])
        return (x[np.abs(x) < 1],)
    if name == "arccosh":
        near_one = 1 + np.abs(log_uniform(rng, float(f.eps), 1, part)).astype(dtype)
        return (np.concatenate([np.abs(x[np.abs(x) >= 1]), near_one]),)
    if name == "log1p":
        return (np.concatenate([x[x > -1], -rng.uniform(0, 1, part).astype(dtype)]),)
    if name == "log1mexp":
        return (-np.abs(x[x != 0]),)
    return (x,)
