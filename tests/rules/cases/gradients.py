"""Cases of gradients taken of naive spellings."""

from __future__ import annotations

import mpmath as mp
import numpy as np

import eqsat_tensor as et
from tests.rules.cases import case, exact, grad, inf, mpsigmoid, sigmoid, softmax
from tests.rules.cases.vectors import softmax_at

Y = np.array([1.0, -1.0, 1.0])
GRADIENTS = (
    case("T24", grad(lambda x: 3 * et.log(et.sum(et.exp(x)))), ([1000.0, 1001.0], 3 * softmax_at(1000, 1001)),
         ([-800.0, -805.0], 3 * softmax_at(-800, -805)), present="softmax", absent="exp"),
    case("T24-mean", grad(lambda x: et.log(et.mean(et.exp(x)))), ([1000.0, 1001.0], softmax_at(1000, 1001)),
         present="softmax"),
    case("T42", grad(lambda x: et.mean(et.log(1 - et.sigmoid(x)))), ([50.0, 1000.0], [-0.5, -0.5])),
    case("T42-spelled", grad(lambda x: et.mean(et.log(1 - sigmoid(x)))), ([50.0, 1000.0], [-0.5, -0.5])),
    case("T45-log1mexp", grad(lambda x: et.log(1 - et.exp(x))), (-1e-18, -1e18)),
    case("softplus", grad(lambda x: et.sum(et.log(1 + et.exp(x)))), ([1000.0, -1000.0], [1.0, 0.0]), absent="divide"),
    case("logistic", grad(lambda z, y: et.mean(et.log(1 + et.exp(-y * z)))),
         ([1000.0, 1000.0, -1000.0], Y, [0.0, 1 / 3, -1 / 3])),
    case("log-sigmoid", grad(lambda x: et.sum(et.log(sigmoid(x)))), ([-1000.0, 40.0], [1.0, float(mpsigmoid(mp.mpf(-40)))])),
    case("tanh", grad(lambda x: (et.exp(x) - et.exp(-x)) / (et.exp(x) + et.exp(-x))), (1000.0, 0.0), (-1000.0, 0.0),
         exact(lambda x: 1 / mp.cosh(x) ** 2, 0.5), rtol=1e-11),
    case("log-cosh", grad(lambda x: et.log((et.exp(x) + et.exp(-x)) / 2)), (1000.0, 1.0), (-1000.0, -1.0),
         exact(mp.tanh, 1e-6), rtol=1e-11),
    case("softmax", grad(lambda x, w: et.sum(softmax(x) * w)),
         ([800.0, 805.0], [1.0, 0.0], softmax_at(800, 805)[0] * softmax_at(800, 805)[1] * np.array([1.0, -1.0])),
         rtol=1e-12),
    case("T41", grad(lambda x: et.where(x < 7, x, et.sqrt(x - 7))), (5.0, 1.0), (-inf, 1.0)),
    case("T41-nested", grad(lambda x: et.where(x < 7, et.where(x < 0, x, et.sqrt(x)), et.sqrt(x - 7))), (-inf, 1.0),
         (-5.0, 1.0), (4.0, 0.25), (11.0, 0.25)),
)  # fmt: skip
