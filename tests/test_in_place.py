"""States that one call reads and updates in every way, against NumPy: what is stored in place is
never read again."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import eqsat_tensor as et


def term(xp: Any, values: list[Any], random: np.random.Generator, depth: int) -> Any:
    """A random matrix made of some of ``values``; the same for tensors and arrays."""
    if not depth:
        return values[random.integers(len(values))]
    kind = random.integers(9)
    a = term(xp, values, random, depth - 1)
    if kind < 3:
        b = term(xp, values, random, depth - 1)
        return [a + b, a * b, (a @ b) / 9][kind]
    return [
        lambda: a.T,
        lambda: a[::-1],
        lambda: 0.5 * a + 1,
        lambda: xp.concatenate([a[1:], a[:1]], axis=0),
        lambda: a / (1 + xp.sum(a * a, axis=1, keepdims=True)),
        lambda: a - xp.sum(a, axis=0) / 7,
    ][kind - 3]()


def terms(xp: Any, values: list[Any], seed: int) -> list[Any]:
    random = np.random.default_rng(seed)
    return [term(xp, values, random, int(random.integers(1, 4))) for _ in range(4)]


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.sampled_from([1, 5, 40]),
    optimize=st.sampled_from(["none", "speed"]),
)
def test_updates_of_three_states_are_numpys(seed: int, size: int, optimize: str) -> None:
    random = np.random.default_rng(seed)
    *values, x = list(random.normal(size=(4, size, size)))
    states = [et.shared(v, f"s{i}") for i, v in enumerate(values)]
    argument = et.tensor("x", (size, size))
    *news, result = terms(et, [*states, argument], seed)
    f = et.function(
        [argument],
        result,
        updates=dict(zip(states, news, strict=True)),
        optimize=optimize,
        on_unused_input="ignore",
    )
    for _ in range(2):
        *values, expected = terms(np, [*values, x], seed)
        np.testing.assert_allclose(f(x), expected, rtol=1e-8, atol=1e-9)
        for state, value in zip(states, values, strict=True):
            np.testing.assert_allclose(state.get_value(), value, rtol=1e-8, atol=1e-9)
