"""Array programs as people write them, with arguments at which digits are at stake.

A program takes the array namespace and arrays; the same text runs on every system.  A draw makes
the arguments of one call: shapes are small, for every element is evaluated in high precision, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

N = 6  # elements of a vector
Random = np.random.Generator
Draw = Callable[[Random], tuple[np.ndarray, ...]]


@dataclass(frozen=True)
class Program:
    """A program and a draw of its arguments, as float64; ``wide``: float32 does not hold them."""

    name: str
    run: Callable[..., Any]
    draw: Draw
    wide: bool = False


PROGRAMS: list[Program] = []


def program(
    name: str, draw: Draw, wide: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def add(run: Callable[..., Any]) -> Callable[..., Any]:
        PROGRAMS.append(Program(name, run, draw, wide))
        return run

    return add


# ------------------------------------------------------------------------------------- arguments
def normal(*shapes: tuple[int, ...], scale: float = 1.0, shift: float = 0.0) -> Draw:
    return lambda r: tuple(shift + scale * r.standard_normal(s) for s in shapes)


def between(low: float, high: float, *shapes: tuple[int, ...]) -> Draw:
    return lambda r: tuple(r.uniform(low, high, s) for s in shapes)


def powers(low: float, high: float, *shapes: tuple[int, ...], signed: bool = False) -> Draw:
    """Magnitudes 10^low to 10^high."""

    def draw(r: Random) -> tuple[np.ndarray, ...]:
        made = [10.0 ** r.uniform(low, high, s) for s in shapes]
        return tuple(m * r.choice([-1.0, 1.0], m.shape) if signed else m for m in made)

    return draw


def shares(r: Random, scale: float = 3.0) -> np.ndarray:
    e = np.exp(scale * r.standard_normal(N))
    return e / e.sum()


V, M = (N,), (4, N)
LARGE = normal(V, scale=60)  # logits that overflow float32
SHIFTED = normal(V, shift=1000.0)


# ------------------------------------------------------------------------- means and variances
@program("variance of shifted data", SHIFTED)
def variance(xp, x):
    return xp.mean(x * x) - xp.mean(x) ** 2


@program("deviation by moments", SHIFTED)
def deviation(xp, x):
    return xp.sqrt(xp.mean(x * x) - xp.mean(x) ** 2)


@program("covariance by moments", normal(V, V, shift=300.0))
def covariance(xp, x, y):
    return xp.mean(x * y) - xp.mean(x) * xp.mean(y)


@program("correlation by moments", normal(V, V, shift=100.0))
def correlation(xp, x, y):
    mx, my = xp.mean(x), xp.mean(y)
    c = xp.mean(x * y) - mx * my
    return c / xp.sqrt((xp.mean(x * x) - mx**2) * (xp.mean(y * y) - my**2))


@program("variances of columns", normal((N, 3), shift=1000.0))
def column_variances(xp, x):
    return xp.mean(x**2, axis=0) - xp.mean(x, axis=0) ** 2


@program("layer norm by moments", normal(M, shift=100.0))
def layer_norm(xp, x):
    m = xp.mean(x, axis=1, keepdims=True)
    v = xp.mean(x * x, axis=1, keepdims=True) - m**2
    return (x - m) / xp.sqrt(v + 1e-5)


@program("standard scores", SHIFTED)
def standard_scores(xp, x):
    m = xp.mean(x)
    return (x - m) / xp.sqrt(xp.mean((x - m) ** 2))


@program("slope of a line by sums", normal(V, V, shift=200.0))
def slope(xp, x, y):
    mx, my = xp.mean(x), xp.mean(y)
    return (xp.mean(x * y) - mx * my) / (xp.mean(x * x) - mx * mx)


@program("root mean square norm", powers(-3, 3, V, signed=True))
def rms_norm(xp, x):
    return x / xp.sqrt(xp.mean(x * x) + 1e-6)


@program("geometric mean", powers(10, 60, V), wide=True)
def geometric_mean(xp, x):
    return xp.exp(xp.log(xp.prod(x)) / N)


# ------------------------------------------------------------------------- softmax and its kin
def softmax_of(xp, x):
    e = xp.exp(x)
    return e / xp.sum(e, axis=-1, keepdims=True)


@program("softmax of large logits", LARGE)
def softmax(xp, x):
    return softmax_of(xp, x)


@program("log of softmax", LARGE)
def log_softmax(xp, x):
    return xp.log(softmax_of(xp, x))


@program("log-sum-exp", LARGE)
def log_sum_exp(xp, x):
    return xp.log(xp.sum(xp.exp(x)))


@program("smooth maximum", normal(V, scale=20))
def smooth_maximum(xp, x):
    return xp.log(xp.mean(xp.exp(4 * x))) / 4


@program(
    "cross entropy from logits", lambda r: (60 * r.standard_normal(N), np.eye(N)[r.integers(N)])
)
def cross_entropy(xp, x, t):
    return -xp.sum(t * xp.log(softmax_of(xp, x)))


@program("entropy of softmax", normal(V, scale=30))
def softmax_entropy(xp, x):
    p = softmax_of(xp, x)
    return -xp.sum(p * xp.log(p))


@program("attention", normal((3, N), (4, N), (4, 2), scale=8))
def attention(xp, q, k, v):
    return softmax_of(xp, q @ k.T / math.sqrt(N)) @ v


@program("softmax of a softmax", LARGE)
def softmax_twice(xp, x):
    return softmax_of(xp, 10 * softmax_of(xp, x))


@program("sums of squared shares", LARGE)
def squared_shares(xp, x):
    return xp.sum(softmax_of(xp, x) ** 2)


# ------------------------------------------------------------------------------------ likelihoods
@program(
    "mixture of Gaussians",
    lambda r: (30 * r.standard_normal((3, 1)), r.standard_normal(N), r.uniform(0.5, 2, N)),
)
def mixture(xp, x, m, s):
    return xp.log(xp.sum(xp.exp(-0.5 * ((x - m) / s) ** 2) / (s * math.sqrt(2 * math.pi)), axis=1))


@program("responsibilities", lambda r: (40 * r.standard_normal((3, 1)), r.standard_normal(N)))
def responsibilities(xp, x, m):
    p = xp.exp(-0.5 * (x - m) ** 2)
    return p / xp.sum(p, axis=1, keepdims=True)


@program(
    "logistic loss",
    lambda r: (30 * r.standard_normal(M), r.standard_normal(N), r.choice([-1.0, 1.0], 4)),
)
def logistic_loss(xp, x, w, y):
    return xp.mean(xp.log(1 + xp.exp(-y * (x @ w))))


@program(
    "gradient of logistic loss",
    lambda r: (30 * r.standard_normal(M), r.standard_normal(N), r.choice([-1.0, 1.0], 4)),
)
def logistic_gradient(xp, x, w, y):
    e = xp.exp(-y * (x @ w))
    return x.T @ (-y * e / (1 + e)) / 4


@program(
    "binary cross entropy", lambda r: (30 * r.standard_normal(N), r.integers(0, 2, N).astype(float))
)
def binary_cross_entropy(xp, x, t):
    p = 1 / (1 + xp.exp(-x))
    return -(t * xp.log(p) + (1 - t) * xp.log(1 - p))


@program("focal loss", normal(V, scale=20))
def focal_loss(xp, x):
    p = 1 / (1 + xp.exp(-x))
    return -((1 - p) ** 2) * xp.log(p)


@program("running log-likelihood", normal(V, scale=60))
def running_likelihood(xp, x):
    return xp.cumsum(-xp.log(1 + xp.exp(-x)))


@program("Student-t", lambda r: (10.0 ** r.uniform(-9, 2, N), 10.0 ** r.uniform(0, 6, N)))
def student_t(xp, x, v):
    return -0.5 * (v + 1) * xp.log(1 + x * x / v)


@program("Cauchy", powers(-9, 9, V))
def cauchy(xp, x):
    return -xp.log(math.pi * (1 + x * x)) + math.log(math.pi)


@program(
    "Poisson deviance",
    lambda r: (lambda m: (m * (1 + 1e-6 * r.standard_normal(N)), m))(r.uniform(1, 50, N)),
)
def poisson_deviance(xp, y, m):
    return 2 * (y * xp.log(y / m) - (y - m))


@program("normal tail", between(0, 9, V))
def normal_tail(xp, x):
    return 1 - 0.5 * (1 + xp.erf(x / math.sqrt(2)))


@program("log of normal tail", between(-9, 0, V))
def log_normal_tail(xp, x):
    return xp.log(0.5 * (1 + xp.erf(x / math.sqrt(2))))


@program("Black-Scholes call, far out", lambda r: (r.uniform(20, 60, N), r.uniform(100, 200, N)))
def black_scholes(xp, s, k):
    d1 = (xp.log(s / k) + 0.5 * 0.04) / 0.2
    d2 = d1 - 0.2
    return 0.5 * s * (1 + xp.erf(d1 / math.sqrt(2))) - 0.5 * k * (1 + xp.erf(d2 / math.sqrt(2)))


@program("log-odds", lambda r: (1 / (1 + np.exp(-20 * r.standard_normal(N))) * (1 - 1e-9),))
def log_odds(xp, p):
    return xp.log(p / (1 - p))


@program("probability by log-odds and back", normal(V, scale=20))
def there_and_back(xp, x):
    p = 1 / (1 + xp.exp(-x))
    return xp.log(p / (1 - p))


# ------------------------------------------------------------------------------------ divergences
@program(
    "Kullback-Leibler", lambda r: (lambda p: (p, p * (1 + 1e-4 * r.standard_normal(N))))(shares(r))
)
def kullback_leibler(xp, p, q):
    return xp.sum(p * xp.log(p / q) - p + q)


@program("Kullback-Leibler from logits", normal(V, V, scale=40))
def kullback_leibler_logits(xp, x, y):
    p, q = softmax_of(xp, x), softmax_of(xp, y)
    return xp.sum(p * xp.log(p / q))


@program(
    "Kullback-Leibler of Gaussians",
    lambda r: (r.standard_normal(N), r.uniform(0.5, 2, N), r.uniform(0.5, 2, N)),
)
def kullback_leibler_gaussians(xp, m, s, t):
    return xp.sum(xp.log(t / s) + (s * s + m * m) / (2 * t * t) - 0.5)


@program("Jensen-Shannon", lambda r: (shares(r), shares(r)))
def jensen_shannon(xp, p, q):
    m = 0.5 * (p + q)
    return 0.5 * xp.sum(p * xp.log(p / m)) + 0.5 * xp.sum(q * xp.log(q / m))


@program("normalised histogram", powers(0, 6, V))
def histogram_entropy(xp, c):
    p = c / xp.sum(c)
    return -xp.sum(p * xp.log(p))


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


# ------------------------------------------------------------------------------ roots and growth
def quadratic(r: Random) -> tuple[np.ndarray, ...]:
    return r.uniform(0.5, 2, N), 10.0 ** r.uniform(0, 9, N), r.uniform(-2, 0, N)


@program("quadratic formula, small root", quadratic)
def small_root(xp, a, b, c):
    return (-b + xp.sqrt(b * b - 4 * a * c)) / (2 * a)


@program("quadratic formula, large root", quadratic)
def large_root(xp, a, b, c):
    return (-b - xp.sqrt(b * b - 4 * a * c)) / (2 * a)


@program("compound interest", powers(-9, -2, V))
def compound_interest(xp, r):
    return xp.exp(360 * xp.log(1 + r)) - 1


@program("growth over periods", normal(V, scale=1e-5))
def growth(xp, r):
    return xp.exp(xp.sum(xp.log(1 + r))) - 1


@program("annuity", powers(-9, -2, V))
def annuity(xp, r):
    return (1 - xp.exp(-30 * xp.log(1 + r))) / r


@program(
    "log returns",
    lambda r: (lambda p: (p, p * (1 + 1e-7 * r.standard_normal(N))))(r.uniform(10, 100, N)),
)
def log_returns(xp, p, q):
    return xp.log(q / p)


@program("charge of a capacitor", powers(-12, 2, V))
def charge(xp, t):
    return 1 - xp.exp(-t)


@program("Planck's law", powers(-9, 3, V))
def planck(xp, x):
    return x**3 / (xp.exp(x) - 1)


@program("entropy of bosons", powers(-6, 9, V))
def boson_entropy(xp, n):
    return (1 + n) * xp.log(1 + n) - n * xp.log(n)


@program("kinetic energy", powers(-9, -0.1, V))
def kinetic_energy(xp, v):
    return 1 / xp.sqrt(1 - v * v) - 1


@program(
    "difference quotient of sin", lambda r: (r.uniform(-3, 3, N), 10.0 ** r.uniform(-12, -1, N))
)
def sine_quotient(xp, x, h):
    return (xp.sin(x + h) - xp.sin(x)) / h


@program("rotation of a small angle", powers(-9, 0, V))
def small_angle(xp, t):
    return (1 - xp.cos(t)) / (t * t)


@program("Rodrigues' second coefficient", powers(-6, 0, V))
def rodrigues(xp, t):
    return (t - xp.sin(t)) / t**3


@program("Langevin's function", powers(-9, 2, V))
def langevin(xp, x):
    return 1 / xp.tanh(x) - 1 / x


@program("inverse hyperbolic sine", powers(-9, 200, V, signed=True), wide=True)
def inverse_sinh(xp, x):
    return xp.log(x + xp.sqrt(x * x + 1))


@program("inverse of softplus", powers(-9, 3, V))
def inverse_softplus(xp, y):
    return xp.log(xp.exp(y) - 1)


@program("gate of a current", powers(-9, 1, V, signed=True))
def gate(xp, v):
    return v / (1 - xp.exp(-v))


@program(
    "difference of sigmoids",
    lambda r: (lambda x: (x, x + 1e-6 * r.standard_normal(N)))(30 * r.standard_normal(N)),
)
def sigmoid_difference(xp, x, y):
    return 1 / (1 + xp.exp(-x)) - 1 / (1 + xp.exp(-y))


@program("hyperbolic tangent by exponentials", normal(V, scale=300))
def tanh_by_exps(xp, x):
    return (xp.exp(x) - xp.exp(-x)) / (xp.exp(x) + xp.exp(-x))
