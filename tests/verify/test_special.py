"""What the oracle says of the special functions: mpmath's values, SciPy within its declared ulps."""

from __future__ import annotations

import numpy as np
import pytest

from eqsat_tensor.lang import OPS
from eqsat_tensor.ops.forms import SCIPY
from eqsat_tensor.scalar import PRIMITIVES
from eqsat_tensor.verify.programs import NEVER
from eqsat_tensor.verify.running import ELEMENTWISE
from eqsat_tensor.verify.special import FORMULAS
from eqsat_tensor.verify.special_errors import NOT_DRAWN, PROMISES, RULES
from eqsat_tensor.verify.truth import Truth
from tests.strategies import DOMAINS

WORDS = [name for name, word in PRIMITIVES.items() if word.external]
COUNT = 6


def test_every_word_is_drawn_with_a_promise_or_said_not_to_be() -> None:
    assert set(WORDS) == set(PROMISES) | NOT_DRAWN
    assert not set(PROMISES) & NOT_DRAWN
    assert NOT_DRAWN <= NEVER
    assert set(WORDS) == set(RULES)
    assert set(RULES) <= set(ELEMENTWISE)
    assert {name for name in WORDS if not name.endswith("inv")} <= set(FORMULAS)


@pytest.mark.parametrize("name", sorted(FORMULAS))
def test_scipy_is_within_the_declared_ulps(name: str) -> None:
    """On ordinary values, and about zeros within some units of 1."""
    truth, op = Truth(120), OPS[name]
    random = np.random.default_rng(sum(map(ord, name)))
    low, high = DOMAINS.get(name, (-2.0, 2.0))
    for _ in range(COUNT):
        operands = [np.float64(random.uniform(low, high)) for _ in range(op.arity)]
        if name in ("gammainc", "gammaincc", "betainc", "betaincc"):
            operands = [abs(x) + 0.1 if k < op.arity - 1 else x for k, x in enumerate(operands)]
        exact = truth.table[name](*map(truth.number, operands))
        assert exact is not None, operands
        got = PRIMITIVES[name].numpy(*operands)
        unit = float(np.spacing(abs(float(exact))))
        allowed = op.ulps * unit + 8 * float(np.finfo(np.float64).eps)
        assert abs(float(exact - float(got))) <= allowed, (operands, got, exact)


@pytest.mark.parametrize("name", sorted(PROMISES))
def test_promises_hold_at_their_ends(name: str) -> None:
    """The error bound at hard arguments inside the promised intervals."""
    truth, op = Truth(200), SCIPY[name]
    ((low, high),) = PROMISES[name][0]
    near = [low, low / 2, -1e-9, 1e-300, 1e-9, 0.5, 1.4616, 3.0, 30.0, high / 2, high]
    x = np.array([v for v in near if low <= v <= high and abs(v) <= 1e4 and np.isfinite(v)])
    value = PRIMITIVES[name].numpy(x)
    bound = ELEMENTWISE[name](x, np.zeros(x.shape)) + 2 * op.ulps * np.spacing(np.abs(value))
    for k, operand in enumerate(x):
        exact = truth.table[name](truth.number(operand))
        if exact is not None and np.isfinite(value[k]):
            assert abs(float(exact - float(value[k]))) <= bound[k], (operand, value[k], exact)


def test_infinities_and_poles() -> None:
    truth = Truth(200)
    number = truth.number
    assert truth.table["gamma"](number(np.inf)) == truth.infinity
    assert truth.table["erfcx"](number(np.inf)) == 0
    assert truth.table["gamma"](number(-1.0)) is None
    assert truth.table["gamma"](number(1e300)) is None
    assert truth.table["gammaincinv"](number(1.0), number(0.5)) is None
    assert np.isnan(float(truth.table["digamma"](number(np.nan))))
