"""Programs before and after optimisation, for the tests of movements, labels and casts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from eqsat_tensor.lang import topological
from eqsat_tensor.ops.assume import assume
from eqsat_tensor.reference import evaluate
from eqsat_tensor.tensor import Tensor, as_expr
from tests.rules.programs import Made, optimise

M = np.arange(12.0).reshape(3, 4) / 8
V = np.array([0.5, -2.0, 3.0, 0.25, -1.0])
WIDE, TALL = np.ones((40, 60)) / 8, np.ones((60, 50)) / 4
CUBE = np.arange(60.0).reshape(3, 4, 5) / 16
LABELS, REPEATED = np.array([2, 0]), np.array([0, 1, 0])


def unique(i: Any) -> Tensor:
    """The labels, of which no two are said to be equal."""
    return Tensor(assume(as_expr(i), {"unique": None}))


def same(program: Callable[..., Any], *arrays: Any, lower: int | None = None) -> Made:
    """The optimised program, whose value is that of the one written."""
    made = optimise(program, arrays, lower=lower)
    inputs = dict(zip(made.leaves, map(np.asarray, arrays), strict=True))
    if lower is None:
        with np.errstate(all="ignore"):
            written = evaluate(list(made.written), inputs)[0]
        np.testing.assert_allclose(made.value(*arrays), written, rtol=1e-12, atol=1e-12)
    return made


def counts(made: Made) -> Counter[str]:
    """How often each op but inputs and constants is in the optimised program."""
    return Counter(op for op in made.ops() if op not in ("input", "full", "iota", "assume"))


def shapes(made: Made, op: str) -> list[tuple[Any, ...]]:
    """Shapes of what the nodes of an op read."""
    return [n.arguments[0].shape for n in topological(made.extracted) if n.op.name == op]
