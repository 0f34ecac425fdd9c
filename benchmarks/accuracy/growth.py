"""Programs of growth, finance and physics: roots, small steps, interest, energies."""

from __future__ import annotations

import numpy as np
from drawn import N, Random, V, normal, powers, program


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


# ---------------------------------------------------------------------------------------- physics
@program(
    "Kepler's equation", lambda r: (10.0 ** r.uniform(-6, 0, N), 1 - 10.0 ** r.uniform(-6, -1, N))
)
def kepler(xp, anomaly, eccentricity):
    return anomaly - eccentricity * xp.sin(anomaly)


@program("relativistic kinetic energy", powers(-6, 3, V, V))
def relativistic_energy(xp, p, m):
    return xp.sqrt(p * p + m * m) - m


@program("rapidity", lambda r: (1 - 10.0 ** r.uniform(-6, -0.1, N),))
def rapidity(xp, v):
    return 0.5 * xp.log((1 + v) / (1 - v))


@program("Debye's integrand", powers(-8, 2.5, V))
def debye(xp, x):
    return x**4 * xp.exp(x) / (xp.exp(x) - 1) ** 2


@program("Fermi function", normal(V, scale=300))
def fermi(xp, x):
    return 1 / (xp.exp(x) + 1)


@program("entropy of fermions", normal(V, scale=15))
def fermion_entropy(xp, x):
    f = 1 / (xp.exp(x) + 1)
    return -(f * xp.log(f) + (1 - f) * xp.log(1 - f))


@program("heat of an oscillator", powers(-8, 3, V))
def oscillator(xp, x):
    return x / (xp.exp(x) - 1)


@program("Sellmeier's index", lambda r: (r.uniform(0.4, 2, N),))
def sellmeier(xp, w):
    s = w * w
    return xp.sqrt(1 + 1.04 * s / (s - 0.006) + 0.23 * s / (s - 0.02) + 1.01 * s / (s - 103.6))


@program("sag of a chain", powers(-8, 2.5, V))
def sag(xp, x):
    return 1 - 2 * x / (xp.exp(x) - xp.exp(-x))


@program("Brillouin's function", powers(-6, 2, V))
def brillouin(xp, x):
    return (xp.exp(x) + xp.exp(-x)) / (xp.exp(x) - xp.exp(-x)) - 1 / x


@program("exponential integrator", powers(-6, 2, V))
def second_phi(xp, x):
    return (xp.exp(x) - 1 - x) / (x * x)


# -------------------------------------------------------------------------------- growth and finance
@program(
    "logistic growth",
    lambda r: (r.uniform(0, 9, N), 10.0 ** r.uniform(-9, -1, N), r.uniform(0.1, 99, N)),
)
def logistic_growth(xp, t, p, rate):
    return p * xp.exp(rate * t) / (1 + p * (xp.exp(rate * t) - 1))


@program("present value", lambda r: (10.0 ** r.uniform(-9, -1, N), r.uniform(1, 400, N)))
def present_value(xp, r, n):
    return (1 - (1 + r) ** (-n)) / r


@program("payment of a mortgage", lambda r: (10.0 ** r.uniform(-9, -1, N), r.uniform(1, 400, N)))
def mortgage(xp, r, n):
    return r * (1 + r) ** n / ((1 + r) ** n - 1)


@program("effective rate", lambda r: (10.0 ** r.uniform(-9, -1, N), r.uniform(1, 400, N)))
def effective_rate(xp, r, n):
    return (1 + r / n) ** n - 1


@program("Box and Cox", lambda r: (10.0 ** r.uniform(-3, 3, N), 10.0 ** r.uniform(-9, 0, N)))
def box_cox(xp, x, k):
    return (x**k - 1) / k


@program("variance of a log-normal", powers(-8, 0.5, V))
def log_normal_variance(xp, s):
    return (xp.exp(s * s) - 1) * xp.exp(s * s)


@program("slope of a growth rate", normal(V, scale=1e-4), slope=True)
def growth_rate(xp, r):
    return xp.exp(xp.sum(xp.log(1 + r))) - 1


@program("slope of a distance", lambda r: tuple(1e-3 * r.standard_normal((2, N))), slope=True)
def distance(xp, x, y):
    return xp.sqrt(xp.sum((x - y) ** 2))
