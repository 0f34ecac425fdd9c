"""Programs of geometry: distances, norms, triangles, angles."""

from __future__ import annotations

import numpy as np
from drawn import N, V, near, powers, program


# -------------------------------------------------------------------------- distances and norms
@program("norm of large and small", powers(-200, 200, (3, N), signed=True), wide=True)
def norm(xp, x):
    return xp.sqrt(xp.sum(x * x, axis=1))


@program("norm in single precision", powers(-30, 30, (3, N), signed=True))
def single_norm(xp, x):
    return xp.sqrt(xp.sum(x * x, axis=1))


@program("unit vector", powers(100, 200, V, signed=True), wide=True)
def unit_vector(xp, x):
    return x / xp.sqrt(xp.sum(x * x))


@program(
    "cosine distance",
    lambda r: (lambda x: (x, x + 1e-3 * r.standard_normal(N)))(r.standard_normal(N)),
)
def cosine_distance(xp, x, y):
    return 1 - xp.sum(x * y) / xp.sqrt(xp.sum(x * x) * xp.sum(y * y))


@program(
    "distance by products",
    lambda r: (lambda x: (x, x + 1e-2 * r.standard_normal(N)))(r.standard_normal(N)),
)
def distance_by_products(xp, x, y):
    return xp.sum(x * x) + xp.sum(y * y) - 2 * xp.sum(x * y)


@program("geodesic distance", lambda r: (lambda a, b: (a, b, a + 1e-4 * r.standard_normal(N), b + 1e-4 * r.standard_normal(N)))(
    r.uniform(-1.5, 1.5, N), r.uniform(-3, 3, N)))  # fmt: skip
def geodesic(xp, a, b, c, d):
    h = 1 - xp.cos(c - a) + xp.cos(a) * xp.cos(c) * (1 - xp.cos(d - b))
    return 2 * xp.arcsin(xp.sqrt(0.5 * h))


@program("complex modulus", powers(-180, 180, V, V, signed=True), wide=True)
def modulus(xp, x, y):
    return xp.sqrt(x * x + y * y)


@program("pseudo-Huber loss", powers(-12, 12, V))
def pseudo_huber(xp, x):
    return xp.sum(xp.sqrt(1 + x * x) - 1)


# ------------------------------------------------------------------------------- triangles and angles
def vectors(r):
    x = r.standard_normal(N)
    return x, x + 1e-4 * r.standard_normal(N)


def thin(r):
    a, b, t = r.uniform(1, 2, N), r.uniform(1, 2, N), 10.0 ** r.uniform(-3, 0, N)
    return a, b, np.sqrt((a - b) ** 2 + 4 * a * b * np.sin(t / 2) ** 2) * (1 + 1e-6)


def places(r):
    a, b = r.uniform(-1.4, 1.4, N), r.uniform(-3, 3, N)
    return a, b, a + 1e-4 * r.standard_normal(N), b + 1e-4 * r.standard_normal(N)


@program("angle between vectors", vectors)
def angle(xp, x, y):
    return xp.arccos(xp.sum(x * y) / (xp.sqrt(xp.sum(x * x)) * xp.sqrt(xp.sum(y * y))))


@program(
    "slope of the angle between vectors", lambda r: tuple(r.standard_normal((2, N))), slope=True
)
def angle_slope(xp, x, y):
    return xp.arccos(xp.sum(x * y) / (xp.sqrt(xp.sum(x * x)) * xp.sqrt(xp.sum(y * y))))


@program("Heron's area", thin)
def heron(xp, a, b, c):
    s = (a + b + c) / 2
    return xp.sqrt(s * (s - a) * (s - b) * (s - c))


@program("law of cosines", lambda r: (*near(1, 9, 1e-4)(r), 10.0 ** r.uniform(-4, 0, N)))
def law_of_cosines(xp, a, b, t):
    return xp.sqrt(a * a + b * b - 2 * a * b * xp.cos(t))


@program("great circle by cosines", places)
def great_circle(xp, a, b, c, d):
    return xp.arccos(xp.sin(a) * xp.sin(c) + xp.cos(a) * xp.cos(c) * xp.cos(d - b))


@program("tangent of the half angle", powers(-9, 2, V, V))
def half_angle(xp, x, y):
    return (xp.sqrt(x * x + y * y) - x) / y


@program("real part of a reciprocal", powers(-180, 180, V, V), wide=True)
def reciprocal(xp, x, y):
    return x / (x * x + y * y)
