"""Cases of vectors: log-sum-exp and softmax."""

from __future__ import annotations

import mpmath as mp
import numpy as np

import eqsat_tensor as et
from tests.rules.cases import case, softmax


def lse(*xs: float) -> float:
    return float(mp.log(sum(mp.exp(mp.mpf(x)) for x in xs)))


def softmax_at(*xs: float) -> np.ndarray:
    e = [mp.exp(mp.mpf(x)) for x in xs]
    return np.array([float(v / sum(e)) for v in e])


ROW = np.array([-10.0, -10.0, 999.0])
LABEL = np.array([0])
ROWS = np.array([[-10.0, -10.0, 999.0], [0.0, 1.0, -900.0]])
LABELS = np.array([0, 1])
VECTORS = (
    case("T22", lambda x: et.log(et.sum(et.exp(x))), ([-800.0, 800.0], 800.0), ([1000.0, 1001.0], 1001.3132616875182),
         ([-800.0, -805.0], -799.99328465151088), present="logsumexp"),
    case("T22-keepdims", lambda x: et.log(et.sum(et.exp(x), axis=0, keepdims=True)), ([-800.0, 800.0], [800.0])),
    case("T22-mean", lambda x: et.log(et.mean(et.exp(x))), ([-800.0, 800.0], 800 - float(mp.log(2)))),
    case("T25", softmax, ([800.0, 805.0], softmax_at(800, 805)), ([-800.0, -805.0], softmax_at(-800, -805)),
         present="softmax", absent="exp divide"),
    case("T26", lambda x: et.log(softmax(x))[0], (ROW, -1009.0), present="log_softmax"),
    case("T26-index", lambda x: et.log(softmax(x)[0]), (ROW, -1009.0), present="log_softmax"),
    case("T26-slice", lambda x: et.log(softmax(x)[:2]), (ROW, [-1009.0, -1009.0]), present="log_softmax"),
    case("T26-transpose", lambda x: et.log(softmax(x).mT)[0], (ROW[None], [-1009.0]), present="log_softmax"),
    case("T27", lambda x: x - et.log(et.sum(et.exp(x), axis=-1, keepdims=True)),
         ([1000.0, 1001.0], [1000 - lse(1000, 1001), 1001 - lse(1000, 1001)]), present="log_softmax", rtol=1e-12),
    case("T37", lambda x: et.log(et.prod(et.exp(x))), ([400.0] * 5, 2000.0), absent="exp prod"),
)  # fmt: skip
