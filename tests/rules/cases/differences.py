"""Cases of values that nearly agree, of inverse functions, and of other bases."""

from __future__ import annotations

from typing import Any

import mpmath as mp
import numpy as np

import eqsat_tensor as et
from tests.rules.cases import case, exact, grad, inf, mpsigmoid, nan, sigmoid, softmax


def mpvar(*xs: float) -> float:
    m = mp.fsum(map(mp.mpf, xs)) / len(xs)
    return float(mp.fsum((mp.mpf(x) - m) ** 2 for x in xs) / len(xs))


def bce(x: Any, y: Any) -> Any:
    return -(y * et.log(sigmoid(x)) + (1 - y) * et.log(1 - sigmoid(x)))


FAR = (1e9, 1e9 + 1, 1e9 + 3)
DIFFERENCES = (
    case("arcsinh", lambda x: et.log(x + et.sqrt(x * x + 1)), exact(mp.asinh, -1e9), exact(mp.asinh, 1e-12), present="arcsinh"),
    case("arctanh", lambda x: et.log((1 + x) / (1 - x)) / 2, exact(mp.atanh, 1e-18), exact(mp.atanh, 0.5), present="arctanh"),
    case("arccosh", lambda x: et.log(x + et.sqrt(x * x - 1)), exact(mp.acosh, 1e200), exact(mp.acosh, 3.0), present="arccosh"),
    case("hypot", lambda x, y: et.sqrt(x * x + y * y), (3e200, 4e200, 5e200), (inf, 1.0, inf), present="hypot"),
    case("log-of-neighbours", lambda x: et.log(x + 1) - et.log(x), exact(lambda x: mp.log1p(1 / x), 1e18),
         exact(lambda x: mp.log1p(1 / x), 1e-9)),
    case("reciprocals", lambda x: 1 / x - 1 / (x + 1), exact(lambda x: 1 / x / (x + 1), 1e10)),
    case("reciprocals-reversed", lambda x: 1 / (x + 1) - 1 / x, exact(lambda x: -1 / x / (x + 1), 1e10)),
    case("sines", lambda x, y: et.sin(x + y) - et.sin(x), exact(lambda x, y: mp.sin(x + y) - mp.sin(x), 1.0, 1e-17)),
    case("cosines", lambda x, y: et.cos(x + y) - et.cos(x), exact(lambda x, y: mp.cos(x + y) - mp.cos(x), 1.0, 1e-17)),
    case("arctangents", lambda x: et.arctan(x + 1) - et.arctan(x), exact(lambda x: mp.atan(x + 1) - mp.atan(x), 1e10)),
    case("cube-roots", lambda x: et.cbrt(x + 1) - et.cbrt(x), exact(lambda x: mp.cbrt(x + 1) - mp.cbrt(x), 1e18)),
    case("half-angle", lambda x: (1 - et.cos(x)) / et.sin(x), exact(lambda x: mp.tan(x / 2), 1e-9), absent="cos sin"),
    case("sinh", lambda x: (et.exp(x) - et.exp(-x)) / 2, exact(mp.sinh, 1e-9), present="sinh"),
    case("exps-minus-two", lambda x: et.exp(x) - 2 + et.exp(-x), exact(lambda x: 4 * mp.sinh(x / 2) ** 2, 1e-9)),
    case("sigmoids", lambda x, y: sigmoid(x) - sigmoid(y), exact(lambda x, y: mpsigmoid(x) - mpsigmoid(y), 1.0, 1 + 2.0**-40),
         exact(lambda x, y: mpsigmoid(x) - mpsigmoid(y), -700.0, -701.0), (inf, inf, 0.0), (-inf, inf, -1.0)),
    case("cosine", lambda x, y: 1 - et.sum(x * y) / et.sqrt(et.sum(x * x) * et.sum(y * y)),
         ([1.0, 0.0], [1.0, 1e-9], 5e-19), ([3.0, 0.0], [-6.0, 0.0], 2.0), ([3.0, 0.0], [0.0, 2.0], 1.0)),
    case("cosine-by-roots", lambda x, y: 1 - et.sum(x * y) / (et.sqrt(et.sum(x * x)) * et.sqrt(et.sum(y * y))),
         ([1.0, 0.0], [1.0, 1e-9], 5e-19)),
    case("log-of-prod", lambda x: et.log(et.prod(x)), ([1e200, 1e200], exact(lambda x: 2 * mp.log(x), 1e200)[1]),
         ([1e-200, 1e-200], exact(lambda x: 2 * mp.log(x), 1e-200)[1]), ([3.0, 0.0], -inf), ([-1e200, 1e200], nan)),
    case("log-less-constant", lambda x: et.log(0.5 * (1 + x * x)) + 0.6931471805599453,
         exact(lambda x: mp.log1p(x * x) + (mp.mpf(0.6931471805599453) - mp.ln(2)), 1e-6),
         exact(lambda x: mp.log1p(x * x), 3.0), present="log1p", double_only=True),
    case("square-minus-one", lambda x: x * x - 1, exact(lambda x: x * x - 1, 1 + 2.0**-20)),
    case("root-minus-one", lambda x: et.sqrt(1 + x) - 1, exact(lambda x: mp.sqrt(1 + x) - 1, 1e-18), (inf, inf)),
    case("one-minus-root", lambda x: 1 - et.sqrt(1 - x * x), exact(lambda x: 1 - mp.sqrt(1 - x * x), 1e-9)),
    case("quadratic", lambda a, b, c: (-b + et.sqrt(b * b - 4 * a * c)) / (2 * a),
         exact(lambda a, b, c: (-b + mp.sqrt(b * b - 4 * a * c)) / (2 * a), 1.0, 1e9, 1.0),
         exact(lambda a, b, c: (-b + mp.sqrt(b * b - 4 * a * c)) / (2 * a), 1.0, -3.0, 1.0)),
    case("quadratic-minus", lambda a, b, c: (-b - et.sqrt(b * b - 4 * a * c)) / (2 * a),
         exact(lambda a, b, c: (-b - mp.sqrt(b * b - 4 * a * c)) / (2 * a), 1.0, -1e9, 1.0)),
    case("tanh-slope", lambda x: 1 - et.tanh(x) ** 2, exact(lambda x: 1 / mp.cosh(x) ** 2, 30.0)),
    case("log-expm1", lambda x: et.log(et.exp(x) - 1), (1000.0, 1000.0), exact(lambda x: mp.log(mp.expm1(x)), 1e-9)),
    case("log2-one-plus", lambda x: et.log2(1 + x), exact(lambda x: mp.log1p(x) / mp.log(2), 1e-20), present="log1p"),
    case("log10-one-plus", lambda x: et.log10(1 + x), exact(lambda x: mp.log1p(x) / mp.log(10), 1e-20), present="log1p"),
    case("log2-of-exp2s", lambda x, y: et.log2(et.exp2(x) + et.exp2(y)), (2000.0, 2000.0, 2001.0)),
    case("negative-arctanh", lambda x: et.log((1 - x) / (1 + x)), exact(lambda x: -2 * mp.atanh(x), 1e-18)),
    case("exp-over-expm1", lambda x: et.exp(x) / (et.exp(x) - 1), (1000.0, 1.0),
         exact(lambda x: mp.exp(x) / mp.expm1(x), 1e-9), exact(lambda x: mp.exp(x) / mp.expm1(x), -3.0)),
    case("versine-by-square", lambda x: (1 - et.cos(x)) / (x * x), (1e-200, 0.5), exact(lambda x: (1 - mp.cos(x)) / x**2, 0.7)),
    case("share-of-two-exps", lambda x, y: et.exp(x) / (et.exp(x) + et.exp(y)), (1000.0, 1000.0, 0.5), (-1000.0, -1000.0, 0.5)),
    case("logaddexp-gradient", grad(lambda x, y: et.log(et.exp(x) + et.exp(y))), (1000.0, 1000.0, 0.5), (-1000.0, -1000.0, 0.5)),
    case("cross-entropy-of-two", bce, (800.0, 0.0, 800.0), (-800.0, 1.0, 800.0), (800.0, 1.0, 0.0)),
    case("cross-entropy-of-two-gradient", grad(bce), (800.0, 0.0, 1.0), (-800.0, 1.0, -1.0), (800.0, 1.0, 0.0)),
    case("quadratic-far", lambda a, b, c: (-b + et.sqrt(b * b - 4 * a * c)) / (2 * a),
         exact(lambda a, b, c: -2 * c / (b + mp.sqrt(b * b - 4 * a * c)), 1.0, 1e200, 1.0),
         exact(lambda a, b, c: (-b + mp.sqrt(b * b - 4 * a * c)) / (2 * a), -1.0, -1e200, 1.0), double_only=True),
    case("quadratic-of-positive", lambda b, d: b - et.sqrt(b * b - d), exact(lambda b, d: b - mp.sqrt(b * b - d), 1e9, 1.0),
         (3.0, 9.0, 3.0), (1 + 2.0**-30, (1 + 2.0**-30) ** 2, 1 + 2.0**-30)),
    case("hypot-minus-one", lambda x: et.sqrt(x * x + 1) - 1, exact(lambda x: x * x / (mp.sqrt(x * x + 1) + 1), 1e-9),
         (inf, inf), (-1e200, 1e200), double_only=True),
    case("sigmoid-minus-half", lambda x: 1 / (1 + et.exp(-x)) - 0.5, exact(lambda x: mp.tanh(x / 2) / 2, 1e-9)),
    case("relativistic", lambda v: 1 / et.sqrt(1 - v * v) - 1, exact(lambda v: 1 / mp.sqrt(1 - v * v) - 1, 1e-9),
         exact(lambda v: 1 / mp.sqrt(1 - v * v) - 1, 0.9)),
    case("far-tail", lambda x: 1 - 0.5 * (1 + et.special.erf(x)), exact(lambda x: mp.erfc(x) / 2, 8.0), double_only=True),
    case("second-difference", lambda x: 1 / (x + 1) - 2 / x + 1 / (x - 1), exact(lambda x: 2 / (x * (x * x - 1)), 1e8),
         exact(lambda x: 2 / (x * (x * x - 1)), 3.0)),
)  # fmt: skip
STEPS = (
    case("sine-step", lambda x, y: et.sin(x + y) - et.sin(x), exact(lambda x, y: mp.sin(x + y) - mp.sin(x), 1e20, 3.0),
         exact(lambda x, y: mp.sin(x + y) - mp.sin(x), 1.0, 1e-17), double_only=True),
    case("tangent-step", lambda x, y: et.tan(x + y) - et.tan(x), exact(lambda x, y: mp.tan(x + y) - mp.tan(x), 1.0, 1e-17),
         exact(lambda x, y: mp.tan(x + y) - mp.tan(x), 1.5, 1e9), double_only=True),
    case("power-step", lambda x, p: (x + 1) ** p - x**p, exact(lambda x, p: (x + 1) ** p - x**p, 1e15, 0.25),
         exact(lambda x, p: (x + 1) ** p - x**p, 1e-200, 1e-9), (0.0, 0.5, 1.0), double_only=True),
    case("reciprocal-root-step", lambda x: 1 / et.sqrt(x) - 1 / et.sqrt(x + 1),
         exact(lambda x: 1 / mp.sqrt(x) - 1 / mp.sqrt(x + 1), 1e12)),
    case("x-log-x-step", lambda x: (x + 1) * et.log(x + 1) - x * et.log(x) - 1,
         exact(lambda x: (x + 1) * mp.log(x + 1) - x * mp.log(x) - 1, 1e15), double_only=True),
)  # fmt: skip
SERIES = (
    case("sine-deficit", lambda x: x - et.sin(x), exact(lambda x: x - mp.sin(x), 1e-9), exact(lambda x: x - mp.sin(x), 0.99),
         exact(lambda x: x - mp.sin(x), 1.01)),
    case("sinc-minus-one", lambda x: et.sin(x) / x - 1, exact(lambda x: mp.sin(x) / x - 1, 1e-9)),
    case("involute", lambda x: et.tan(x) - x, exact(lambda x: mp.tan(x) - x, 1e-9), exact(lambda x: mp.tan(x) - x, 0.5)),
    case("log1p-deficit", lambda x: x - et.log(1 + x), exact(lambda x: x - mp.log1p(x), 1e-9),
         exact(lambda x: x - mp.log1p(x), -0.2), exact(lambda x: x - mp.log1p(x), 5.0)),
    case("deviance", lambda y, m: y * et.log(y / m) - (y - m), exact(lambda y, m: y * mp.log(y / m) - y + m, 1.0, 1 + 2.0**-20),
         exact(lambda y, m: y * mp.log(y / m) - y + m, 3.0, 700.0)),
    case("langevin", lambda x: 1 / et.tanh(x) - 1 / x, exact(lambda x: 1 / mp.tanh(x) - 1 / x, 1e-9),
         exact(lambda x: 1 / mp.tanh(x) - 1 / x, 3.0)),
)  # fmt: skip
SPREADS = (
    case("squared-distance", lambda x, y: et.sum(x * x) + et.sum(y * y) - 2 * et.sum(x * y), ([1e5, 1.0], [1e5 + 1, 1.0], 1.0)),
    case("weighted-log-sum", lambda x, w: et.log(et.sum(et.exp(x) / w)),
         ([1000.0, 1000.0], [2.0, 2.0], 1000.0), ([0.0, -2000.0], [1.0, 4.0], 0.0)),
    case("divergence-of-logits", lambda x, y: et.sum(softmax(x) * et.log(softmax(x) / softmax(y))),
         ([-2000.0, 0.0], [-3000.0, 0.0], 0.0), ([0.0, -2000.0], [-2000.0, 0.0], 2000.0)),
    case("variance", lambda x: et.mean(x * x) - et.mean(x) ** 2, (FAR, mpvar(*FAR))),
    case("variance-by-rows", lambda x: et.mean(x**2, axis=0) - et.mean(x, axis=0) ** 2,
         (np.array([[1e9, 1.0], [1e9 + 1, 2.0], [1e9 + 3, 4.0]]), [mpvar(*FAR), mpvar(1, 2, 4)])),
    case("covariance", lambda x, y: et.mean(x * y) - et.mean(x) * et.mean(y), (FAR, FAR, mpvar(*FAR))),
    case("entropy", lambda x: -et.sum(softmax(x) * et.log(softmax(x))), ([1000.0, 0.0], 0.0),
         ([1000.0, 1000.0], float(mp.log(2)))),
    case("log-of-cumulative-sum", lambda x: et.log(et.cumsum(et.exp(x))), ([800.0, 800.0], [800.0, 800 + float(mp.log(2))])),
)  # fmt: skip
