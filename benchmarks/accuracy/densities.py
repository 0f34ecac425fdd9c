"""More programs of statistics: weights, odds, deviances, counts, gradients."""

from __future__ import annotations

import math

import numpy as np
from drawn import N, V, between, near, normal, powers, program, shares, softmax_of


# ------------------------------------------------------------------------------ weights and counts
@program("weighted variance", lambda r: (r.uniform(0.1, 5, N), 500 + r.standard_normal(N)))
def weighted_variance(xp, w, x):
    m = xp.sum(w * x) / xp.sum(w)
    return xp.sum(w * x * x) / xp.sum(w) - m * m


@program("sample variance by sums", normal(V, shift=1000.0))
def sample_variance(xp, x):
    n = x.shape[0]
    return (xp.sum(x * x) - xp.sum(x) ** 2 / n) / (n - 1)


@program("harmonic mean", powers(-3, 3, V))
def harmonic_mean(xp, x):
    return N / xp.sum(1 / x)


@program("Matthews correlation", powers(2, 5, V, V, V, V))
def matthews(xp, tp, tn, fp, fn):
    return (tp * tn - fp * fn) / xp.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))


@program("perplexity", normal(V, scale=100))
def perplexity(xp, x):
    p = softmax_of(xp, x)
    return xp.exp(-xp.sum(p * xp.log(p)))


@program("Hellinger distance", lambda r: (shares(r), shares(r)))
def hellinger(xp, p, q):
    return xp.sqrt(xp.sum((xp.sqrt(p) - xp.sqrt(q)) ** 2) / 2)


# ------------------------------------------------------------------------------- odds and deviances
@program(
    "entropy of a coin", lambda r: (1 / (1 + np.exp(-15 * r.standard_normal(N))) * (1 - 1e-9),)
)
def coin_entropy(xp, p):
    return -p * xp.log(p) - (1 - p) * xp.log(1 - p)


@program("difference of log-odds", near(0.01, 0.9, 1e-5))
def log_odds_ratio(xp, p, q):
    return xp.log(p / (1 - p)) - xp.log(q / (1 - q))


@program("Itakura-Saito", near(0.5, 2, 1e-6))
def itakura_saito(xp, p, q):
    return xp.sum(p / q - xp.log(p / q) - 1)


@program("gamma deviance", near(0.5, 2, 1e-6))
def gamma_deviance(xp, y, m):
    return 2 * (-xp.log(y / m) + (y - m) / m)


@program("binomial deviance", near(0.1, 0.9, 1e-6))
def binomial_deviance(xp, y, m):
    return 2 * (y * xp.log(y / m) + (1 - y) * xp.log((1 - y) / (1 - m)))


# --------------------------------------------------------------------------- densities and their tails
@program("log of log-normal density", powers(-20, 20, V))
def log_normal_density(xp, x):
    return xp.log(xp.exp(-0.5 * (xp.log(x) / 0.5) ** 2) / (x * 0.5 * math.sqrt(2 * math.pi)))


@program(
    "log of binomial probability",
    lambda r: (r.integers(1, 200, N) * 1.0, r.uniform(0.001, 0.999, N)),
)
def log_binomial(xp, k, p):
    return xp.log(p**k * (1 - p) ** (200 - k))


@program(
    "log of Poisson probability", lambda r: (r.integers(0, 400, N) * 1.0, r.uniform(1, 900, N))
)
def log_poisson(xp, k, m):
    return xp.log(m**k * xp.exp(-m))


@program(
    "probability of an interval",
    lambda r: (lambda a: (a, a + r.uniform(0.1, 1, N)))(6 * r.standard_normal(N)),
)
def interval(xp, a, b):
    return 0.5 * (xp.erf(b / math.sqrt(2)) - xp.erf(a / math.sqrt(2)))


@program("ratio of normal tails", between(0, 8, V))
def mills_ratio(xp, x):
    return (1 - 0.5 * (1 + xp.erf(x / math.sqrt(2)))) / (
        xp.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    )


@program("softplus of softplus", normal(V, scale=200))
def softplus_twice(xp, x):
    return xp.log(1 + xp.exp(-xp.log(1 + xp.exp(x))))


@program("mish", normal(V, scale=300))
def mish(xp, x):
    return x * xp.tanh(xp.log(1 + xp.exp(x)))


# -------------------------------------------------------------------------------------- gradients
@program("slope of log of a product", powers(20, 80, V), wide=True, slope=True)
def log_of_product(xp, x):
    return xp.log(xp.prod(x))


@program(
    "slope of cross entropy",
    lambda r: (60 * r.standard_normal(N), np.eye(N)[r.integers(N)]),
    slope=True,
)
def cross_entropy_of(xp, x, t):
    return -xp.sum(t * xp.log(softmax_of(xp, x)))


@program("slope of log cosh", normal(V, scale=300), slope=True)
def log_cosh(xp, x):
    return xp.sum(xp.log((xp.exp(x) + xp.exp(-x)) / 2))


@program("slope of the log of a normal tail", between(-9, 0, V), slope=True)
def log_tail(xp, x):
    return xp.sum(xp.log(0.5 * (1 + xp.erf(x / math.sqrt(2)))))


@program("slope of entropy of a coin", normal(V, scale=15), slope=True)
def entropy_of_logit(xp, x):
    p = 1 / (1 + xp.exp(-x))
    return -xp.sum(p * xp.log(p) + (1 - p) * xp.log(1 - p))
