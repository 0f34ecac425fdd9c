"""Programs of statistics: moments, softmax, likelihoods, divergences."""

from __future__ import annotations

import math

import numpy as np
from drawn import (
    LARGE,
    SHIFTED,
    M,
    N,
    V,
    between,
    normal,
    powers,
    program,
    shares,
    softmax_of,
)


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
