"""Cases of moments, divergences, likelihoods, triangles and angles, and of what they are made of."""

from __future__ import annotations

from typing import Any

import mpmath as mp

import eqsat_tensor as et
from tests.rules.cases import case, exact, grad, inf, nan


def mpvariance(xs: Any, ws: Any) -> Any:
    mean = mp.fsum(mp.mpf(w) * x for w, x in zip(ws, xs, strict=True)) / mp.fsum(ws)
    return mp.fsum(w * (x - mean) ** 2 for w, x in zip(ws, xs, strict=True)) / mp.fsum(ws)


def heron(a: Any, b: Any, c: Any) -> Any:
    s = (a + b + c) / 2
    return s * (s - a) * (s - b) * (s - c)


def hav(a: Any, b: Any, d: Any) -> Any:
    return 2 * mp.asin(
        mp.sqrt(mp.sin((a - b) / 2) ** 2 + mp.cos(a) * mp.cos(b) * mp.sin(d / 2) ** 2)
    )


def odds(p: Any) -> Any:
    return p / (1 - p)


FAR, WEIGHTS = [1e8, 1e8 + 1, 1e8 + 5], [1.0, 2.0, 3.0]
NEAR = 0.3 + 2.0**-30
STEP = mp.mpf(2) ** -30
FAMILIES = (
    case("weighted-variance", lambda w, x: et.sum(w * x * x) / et.sum(w) - (et.sum(w * x) / et.sum(w)) ** 2,
         (WEIGHTS, FAR, float(mpvariance(FAR, WEIGHTS))), double_only=True),
    case("variance-by-sums", lambda x: et.sum(x * x) - et.sum(x) ** 2 / x.shape[0], (FAR, float(3 * mpvariance(FAR, [1, 1, 1]))), double_only=True),
    case("scaled-variance-by-sums", lambda x: x.shape[0] * et.sum(x * x) - et.sum(x) ** 2, (FAR, float(9 * mpvariance(FAR, [1, 1, 1]))), double_only=True),
    case("variance-by-count", lambda x: et.sum(x * x) - x.shape[0] * et.mean(x) ** 2, (FAR, float(3 * mpvariance(FAR, [1, 1, 1]))), double_only=True),
    case("itakura-saito", lambda x, y: x / y - et.log(x / y) - 1, exact(lambda x, y: x / y - mp.log(x / y) - 1, NEAR, 0.3),
         exact(lambda x, y: x / y - mp.log(x / y) - 1, 3.0, 0.5)),
    case("gamma-deviance", lambda y, m: (y - m) / m - et.log(y / m), exact(lambda y, m: (y - m) / m - mp.log(y / m), NEAR, 0.3),
         exact(lambda y, m: (y - m) / m - mp.log(y / m), 3.0, 0.5)),
    case("binomial-deviance", lambda y, m: y * et.log(y / m) + (1 - y) * et.log((1 - y) / (1 - m)),
         exact(lambda y, m: y * mp.log(y / m) + (1 - y) * mp.log((1 - y) / (1 - m)), NEAR, 0.3),
         exact(lambda y, m: y * mp.log(y / m) + (1 - y) * mp.log((1 - y) / (1 - m)), 0.9, 0.2)),
    case("log-odds", lambda p, q: et.log(p / (1 - p)) - et.log(q / (1 - q)), exact(lambda p, q: mp.log(odds(p) / odds(q)), NEAR, 0.3),
         exact(lambda p, q: mp.log(odds(p) / odds(q)), 0.9, 0.2), (1.25, 1.25, nan)),
    case("log-of-quotient", lambda x, y: et.log(x / y), exact(lambda x, y: mp.log(x / y), NEAR, 0.3), exact(lambda x, y: mp.log(x / y), 1e-9, 7.0),
         (0.0, 2.0, -inf), (2.0, 0.0, inf), (-2.0, 2.0, nan), present="log_quotient"),
    case("log-of-exp-product", lambda z, c: et.log(et.exp(z) * c), (-2000.0, 1.0, -2000.0), exact(lambda z, c: z + mp.log(c), 3.0, 0.7),
         (3.0, -1.0, nan), (3.0, 0.0, -inf)),
    case("log-of-powers", lambda x, a, y, b: et.log(x**a * y**b), exact(lambda x, a, y, b: a * mp.log(x) + b * mp.log(y), 1e-3, 400.0, 2.0, 1e4),
         exact(lambda x, a, y, b: a * mp.log(x) + b * mp.log(y), 2.0, 3.0, 3.0, 0.5), double_only=True),
    case("poisson", lambda m, k: et.log(m**k * et.exp(-m)), exact(lambda m, k: k * mp.log(m) - m, 900.0, 400.0)),
    case("law-of-cosines", lambda a, b, t: a * a + b * b - 2 * a * b * et.cos(t),
         exact(lambda a, b, t: (a - b) ** 2 + 4 * a * b * mp.sin(t / 2) ** 2, 1.0, 1.0, 1e-9)),
    case("heron", lambda a, b, c: heron(a, b, c), exact(lambda a, b, c: heron(a, b, c), 1.0, 1.0 + 2.0**-30, 2.0**-29), double_only=True),
    case("hypot-minus-leg", lambda x, y: et.sqrt(x * x + y * y) - y, exact(lambda x, y: mp.sqrt(x * x + y * y) - y, 1e-9, 1.0),
         exact(lambda x, y: mp.sqrt(x * x + y * y) - y, 1e-9, -1.0)),
    case("leg-minus-hypot", lambda x, y: y - et.sqrt(x * x + y * y), exact(lambda x, y: y - mp.sqrt(x * x + y * y), 1e-9, 1.0)),
    case("reciprocal-part", lambda x, y: x / (x * x + y * y), (1e-200, 1e-200, 5e199), (2.0, 1.0, 0.4), (1.0, 2.0, 0.2), double_only=True),
    case("angle", lambda x, y: et.arccos(et.sum(x * y) / et.sqrt(et.sum(x * x) * et.sum(y * y))), ([1.0, 0.0], [1.0, 1e-9], 1e-9),
         ([3.0, 0.0], [-6.0, 0.0], float(mp.pi)), ([3.0, 0.0], [0.0, 2.0], float(mp.pi / 2))),
    case("sphere", lambda a, c, d: et.arccos(et.sin(a) * et.sin(c) + et.cos(a) * et.cos(c) * et.cos(d)), exact(hav, 1.0, 1.0, 1e-9),
         exact(hav, 0.5, -0.75, 2.0)),
    case("difference-of-norms", lambda x: et.sqrt(et.sum(x * x)) - et.sqrt(et.sum((x + 2.0**-30) ** 2)),
         ([1.0, 2.0], float(mp.sqrt(5) - mp.sqrt((1 + STEP) ** 2 + (2 + STEP) ** 2))), double_only=True),
    case("logistic-growth", lambda p, x: p * et.exp(x) / (1 + p * (et.exp(x) - 1)), (0.5, 1000.0, 1.0),
         exact(lambda p, x: p * mp.exp(x) / (1 + p * mp.expm1(x)), 0.25, -3.0)),
    case("box-cox", lambda x, n: (x**n - 1) / n, exact(lambda x, n: mp.expm1(n * mp.log(x)) / n, 2.0, 1e-12),
         exact(lambda x, n: (x**n - 1) / n, 2.0, 5.0)),
    case("exp-less-two-terms", lambda x: et.exp(x) - 1 - x, exact(lambda x: mp.expm1(x) - x, 1e-6), exact(lambda x: mp.expm1(x) - x, -3.0)),
    case("one-less-argument-by-sinh", lambda x: 1 - x / et.sinh(x), exact(lambda x: 1 - x / mp.sinh(x), 1e-6), exact(lambda x: 1 - x / mp.sinh(x), 3.0)),
    case("coth", lambda x: (et.exp(x) + et.exp(-x)) / (et.exp(x) - et.exp(-x)), (1000.0, 1.0), exact(mp.coth, 1e-9)),
    case("erf-step", lambda x, y: et.special.erf(x) - et.special.erf(y), exact(lambda x, y: mp.erf(x) - mp.erf(y), 6.0, 5.5),
         exact(lambda x, y: mp.erf(x) - mp.erf(y), -6.0, -5.5), exact(lambda x, y: mp.erf(x) - mp.erf(y), 0.25, -2.0)),
    case("log-prod-gradient", grad(lambda x: et.log(et.prod(x))), ([1e200, 1e200], [1e-200, 1e-200]), ([-2.0, -4.0], [-0.5, -0.25])),
    case("softmax-top", lambda x: et.log(et.exp(x) / et.sum(et.exp(x))), ([60.0, 0.0], [float(-mp.log1p(mp.exp(-60))), float(-60 - mp.log1p(mp.exp(-60)))]),
         ([5.0, 5.0], [float(-mp.log(2))] * 2)),
)  # fmt: skip
