"""Cases of values that nearly agree, of inverse functions, and of other bases."""

from __future__ import annotations

from typing import Any

import mpmath as mp
import numpy as np

import eqsat_tensor as et
from tests.rules.cases import case, exact, grad, inf, sigmoid, softmax


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
)  # fmt: skip
SPREADS = (
    case("variance", lambda x: et.mean(x * x) - et.mean(x) ** 2, (FAR, mpvar(*FAR))),
    case("variance-by-rows", lambda x: et.mean(x**2, axis=0) - et.mean(x, axis=0) ** 2,
         (np.array([[1e9, 1.0], [1e9 + 1, 2.0], [1e9 + 3, 4.0]]), [mpvar(*FAR), mpvar(1, 2, 4)])),
    case("covariance", lambda x, y: et.mean(x * y) - et.mean(x) * et.mean(y), (FAR, FAR, mpvar(*FAR))),
    case("entropy", lambda x: -et.sum(softmax(x) * et.log(softmax(x))), ([1000.0, 0.0], 0.0),
         ([1000.0, 1000.0], float(mp.log(2)))),
    case("log-of-cumulative-sum", lambda x: et.log(et.cumsum(et.exp(x))), ([800.0, 800.0], [800.0, 800 + float(mp.log(2))])),
)  # fmt: skip
