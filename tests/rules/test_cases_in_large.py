"""The same cases, many of them in one program of thousands of nodes, where rules rest and steps are few."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

import eqsat_tensor as et
from eqsat_tensor.compile import cheapest, normalized, rulebook, saturated
from eqsat_tensor.egraph.large import LARGE
from eqsat_tensor.lang import Expr, topological
from eqsat_tensor.options import Options
from eqsat_tensor.program import make_program
from eqsat_tensor.reference import evaluate
from eqsat_tensor.tensor import as_expr
from tests.rules.cases import Case
from tests.rules.programs import leaves_like
from tests.rules.test_cases import STABLE

NODES = 5000
PROGRAMS = 4  # among which the cases are dealt out


def filling(steps: int) -> tuple[list[et.Tensor], et.Tensor]:
    """Elementwise terms of one another, each of which is needed."""
    random = np.random.default_rng(0)
    inputs = [et.tensor(f"filling{i}", (3,)) for i in range(8)]
    pool = list(inputs)
    makers = (
        lambda a, b: et.tanh(a) - b, lambda a, b: a * b, lambda a, b: a / (1 + b * b),
        lambda a, b: et.sin(a) + b, lambda a, b: et.exp(-a * a) * b, lambda a, b: et.maximum(a, b),
    )  # fmt: skip
    for _ in range(steps):
        a, b = (pool[int(random.integers(max(0, len(pool) - 40), len(pool)))] for _ in range(2))
        pool.append(makers[int(random.integers(len(makers)))](a, b))
    return inputs, sum(pool[-40:], start=et.zeros((3,)))


@cache
def in_one_program(part: int) -> tuple[dict[str, tuple[list[Expr], Expr]], int]:
    """For each case of a part its inputs and what was chosen for it; how many nodes the program had."""
    given, outputs = filling(3 * NODES // 5)
    leaves, roots, places = [t.expr for t in given], [outputs.expr], []
    cases = STABLE[part::PROGRAMS]
    for it in cases:
        tensors = leaves_like(it.points[0][0])
        result = it.program(*tensors)
        own = [as_expr(t) for t in tensors]
        places.append((len(leaves), len(leaves) + len(own), len(roots)))
        leaves += own
        roots.append(as_expr(result[0] if isinstance(result, tuple) else result))
    normal = normalized(make_program(leaves, [], [], roots, []))
    result = saturated(normal, rulebook(Options()))
    assert result.stopped == "saturated"
    chosen = cheapest(result, {}, Options())
    return {
        it.name: (list(normal.leaves[first:end]), chosen[root])
        for it, (first, end, root) in zip(cases, places, strict=True)
    }, len(topological(normal.roots))


@pytest.mark.parametrize("part", range(PROGRAMS))
def test_it_is_large(part: int) -> None:
    assert in_one_program(part)[1] > max(NODES, LARGE)


@pytest.mark.parametrize("it", STABLE, ids=str)
def test_the_value_is_right_in_a_large_program(it: Case) -> None:
    leaves, root = in_one_program(STABLE.index(it) % PROGRAMS)[0][it.name]
    for arguments, value in it.points:
        inputs = dict(zip(leaves, map(np.asarray, arguments), strict=True))
        with np.errstate(all="ignore"):
            got: Any = evaluate([root], inputs)[0]
        top = float(np.max(np.abs(value), initial=0.0)) if np.ndim(value) == 2 else 0.0
        text = f"{it.name} at {arguments}:\n{root}"
        np.testing.assert_allclose(
            got, value, rtol=it.rtol, atol=it.rtol * top + 1e-300, err_msg=text
        )
