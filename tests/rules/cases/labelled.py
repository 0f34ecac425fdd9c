"""Cases with labels: cross-entropy and its gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np

import eqsat_tensor as et
from tests.rules.cases import case, grad, softmax
from tests.rules.cases.vectors import LABEL, LABELS, ROW, ROWS, softmax_at


def nll(x: Any, y: Any) -> Any:
    return -et.mean(et.log(pick(softmax(x), y)))


def pick(x: Any, y: Any) -> Any:
    return x[et.arange(x.shape[0]), y]


def nll_along_axis(x: Any, y: Any) -> Any:
    return -et.mean(et.log(et.take_along_axis(softmax(x), y[:, None], axis=1)))


XENT: dict[str, Callable[..., Any]] = {
    "spelled": nll,
    "log-then-pick": lambda x, y: -et.mean(pick(et.log(softmax(x)), y)),
    "softmax": lambda x, y: -et.mean(et.log(pick(et.softmax(x, axis=-1), y))),
    "log-softmax": lambda x, y: -et.mean(pick(et.log(et.softmax(x, axis=-1)), y)),
    "logsumexp": lambda x, y: et.mean(et.log(et.sum(et.exp(x), axis=-1)) - pick(x, y)),
}
HOT = np.array([[1.0, 0.0, 0.0]])
NLL = (1009.0 + float(mp.log1p(mp.exp(-1)))) / 2
SLOPE = (np.stack([softmax_at(*row) for row in ROWS]) - np.eye(3)[LABELS]) / 2
LABELLED = (
    *(case(f"T28-{n}", f, (ROWS, LABELS, NLL)) for n, f in XENT.items()),
    *(case(f"T45-{n}", grad(f), (ROWS, LABELS, SLOPE), absent="log") for n, f in XENT.items()),
    case("T28-take-along-axis", nll_along_axis, (ROW[None], LABEL, 1009.0)),
    case("one-hot", lambda x, t: -et.sum(t * et.log(softmax(x))), (ROW[None], HOT, 1009.0)),
    case("one-hot-gradient", grad(lambda x, t: -et.sum(t * et.log(softmax(x)))),
         (ROW[None], HOT, [[-1.0, 0.0, 1.0]]), absent="log"),
)  # fmt: skip
